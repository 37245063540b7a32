//! Destinations that refuse, stall, vanish, or are not what they say: a fault for a while, then none.
//!
//! Everything sent must arrive in the end, once, and the other destination must not notice.

use std::thread;
use std::time::{Duration, Instant};

use testkit::fault::Fault;
use testkit::proxy::Mode;

use crate::load::Load;
use crate::rig::{Finding, Outage, PAYLOAD, RATE, Rig, SINKS, Shape, Sink, outage, watched};
use crate::{Case, Settings};

/// A connection that ends may swallow an answer: four senders, one payload each, at both ends of the fault.
const CUT: u64 = 8 * PAYLOAD;

/// How a destination misbehaves.
#[derive(Clone)]
enum Way {
    Answers(Fault),
    Connection(Mode),
}

/// One kind of fault: its name, whether it is in the short run, and how many duplicates a fault may cost.
struct Kind {
    name: &'static str,
    short: [bool; 2],
    way: Way,
    duplicates: u64,
}

fn kinds() -> Vec<Kind> {
    let kind = |name, short, way, duplicates| Kind { name, short, way, duplicates };
    let answers = |fault| Way::Answers(fault);
    vec![
        kind("answers 503", [true, false], answers(Fault::Status(503)), 0),
        kind("answers 429 with Retry-After", [false, true], answers(Fault::RetryAfter(429, 1)), 0),
        kind("answers 413 to what is large", [true, false], answers(Fault::TooLarge(4_000)), 0),
        kind("answers 403", [false, false], answers(Fault::Status(403)), 0),
        kind("takes connections and hangs", [true, false], Way::Connection(Mode::HalfOpen), CUT),
        kind("swallows requests", [false, true], Way::Connection(Mode::BlackHole), CUT),
        kind("takes no connections", [false, false], Way::Connection(Mode::Deaf), CUT),
        kind("resets connections", [true, true], Way::Connection(Mode::Reset), CUT),
        kind("breaks requests in the middle", [false, false], Way::Connection(Mode::Cut(3_000)), CUT),
        kind("is far away", [false, false], Way::Connection(Mode::Latency(Duration::from_millis(300))), 0),
    ]
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in kinds() {
        for (place, sink) in SINKS.into_iter().enumerate() {
            let name = format!("{sink:?} {}", kind.name);
            let (way, duplicates) = (kind.way.clone(), kind.duplicates);
            cases.push(Case::new(&name, kind.short[place], move |settings| {
                let rig = Rig::new(&Shape::default());
                let (mut finding, _, said) = spoil(&rig, settings, sink, &way);
                finding.must_be_whole(duplicates);
                finding.must_hold_memory(settings);
                let id = if sink == Sink::Datadog { "datadog.0" } else { "cloudwatch_logs.0" };
                if way != Way::Connection(Mode::Latency(Duration::from_millis(300))) {
                    finding.must_say(&said, id);
                }
                finding
            }));
        }
    }
    cases.push(Case::new("CloudWatch rejects ten events of each request", true, rejects_some));
    cases.push(Case::new("CloudWatch rejects half of each request", true, rejects_half));
    cases.push(Case::new("Datadog answers 400, then replay", true, refuses_for_ever));
    cases.push(Case::new("both destinations answer 503", true, both_down));
    cases.push(Case::new("healthy", true, |settings| {
        let rig = Rig::new(&Shape::default());
        let times = Outage { fault: settings.fault.min(Duration::from_secs(60)), ..settings.times() };
        let (mut finding, _, _) = outage(&rig, rig.command().start(), times, None, || {}, || {});
        finding.must_be_whole(0);
        finding
    }));
    cases
}

impl PartialEq for Way {
    fn eq(&self, other: &Way) -> bool {
        match (self, other) {
            (Way::Answers(a), Way::Answers(b)) => a == b,
            (Way::Connection(a), Way::Connection(b)) => a == b,
            _ => false,
        }
    }
}

fn spoil(rig: &Rig, settings: &Settings, sink: Sink, way: &Way) -> (Finding, serde_json::Value, String) {
    let running = rig.command().start();
    let set = || match way {
        Way::Answers(fault) => rig.faults(sink).set(fault.clone()),
        Way::Connection(mode) => rig.proxy(sink).set(*mode),
    };
    let mend = || {
        rig.faults(sink).lift();
        rig.proxy(sink).set(Mode::Pass);
    };
    outage(rig, running, settings.times(), Some(sink), set, mend)
}

/// CloudWatch tells of events it threw away: they are counted, and the others are not sent again.
fn rejects_some(settings: &Settings) -> Finding {
    let rig = Rig::new(&Shape::default());
    let answer = r#"{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":10}}"#;
    let way = Way::Answers(Fault::Instead(200, answer));
    let (mut finding, ledger, said) = spoil(&rig, settings, Sink::CloudWatch, &way);
    // The stand-in notes what it says it threw away, so all of them are there.
    finding.must_be_whole(0);
    let view = crate::support::destination(&ledger, "cloudwatch_logs.0");
    let rejected = view["dropped"]["rejected"].as_u64().unwrap_or(0);
    finding.must(rejected > 0 && rejected.is_multiple_of(10), format!("rejected is {rejected}"));
    finding.must_say(&said, "CloudWatch Logs threw events away");
    finding
}

fn rejects_half(settings: &Settings) -> Finding {
    let rig = Rig::new(&Shape::default());
    let running = rig.command().start();
    let (set, mend) = (|| rig.logs.reject_half(true), || rig.logs.reject_half(false));
    let (mut finding, ledger, said) =
        outage(&rig, running, settings.times(), Some(Sink::CloudWatch), set, mend);
    finding.must_be_whole(0);
    finding.must_hold_memory(settings);
    let counted = crate::support::destination(&ledger, "cloudwatch_logs.0")["dropped"]["rejected"].clone();
    let rejected = rig.logs.rejected();
    finding.must(rejected > 0 && counted == rejected, format!("{counted} counted of {rejected} rejected"));
    finding.must_say(&said, "CloudWatch Logs threw events away");
    finding
}

/// Datadog takes a request whole or refuses it whole: what it refuses for ever is kept until it is replayed.
fn refuses_for_ever(settings: &Settings) -> Finding {
    let (rig, started) = (Rig::new(&Shape::default()), Instant::now());
    let running = rig.command().start();
    let load = Load::plain(rig.socket(), Some(RATE));
    rig.faults(Sink::Datadog).set(Fault::Status(400));
    let (_, peak, delays) = watched(&rig, running.id(), &load, || thread::sleep(settings.fault));
    rig.faults(Sink::Datadog).lift();
    thread::sleep(settings.times().before);
    let sent = load.finish();
    let exit = running.stop();
    let delay = Some(delays[1]);
    let mut finding = Finding { peak, delay, took: started.elapsed(), ..Finding::default() };
    let ledger = finding.must_end(&exit, 0);
    let refused = &crate::support::destination(&ledger, "datadog.0")["dead_lettered"];
    finding.must(refused.as_u64() > Some(0), format!("{refused} dead letters"));
    let replayed = rig.command().arg("replay").arg(rig.data.join("dead")).output();
    finding.must(replayed.code() == Some(0), format!("replay: {}", replayed.stderr));
    rig.count(&mut finding, sent);
    finding.must_be_whole(0);
    finding.must_hold_memory(settings);
    finding
}

fn both_down(settings: &Settings) -> Finding {
    let rig = Rig::new(&Shape::default());
    let running = rig.command().start();
    let set = || SINKS.iter().for_each(|sink| rig.faults(*sink).set(Fault::Status(503)));
    let mend = || SINKS.iter().for_each(|sink| rig.faults(*sink).lift());
    let (mut finding, _, _) = outage(&rig, running, settings.times(), None, set, mend);
    finding.must_be_whole(0);
    finding.must_hold_memory(settings);
    finding
}

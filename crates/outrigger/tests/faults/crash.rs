//! kill -9 at random moments: what was acknowledged is never lost.

use std::thread;
use std::time::{Duration, Instant};

use testkit::corpus::Dice;

use crate::load::Load;
use crate::rig::{Finding, PAYLOAD, Rig, Shape, watched};
use crate::{Case, Settings};

const CONNECTIONS: usize = 8;
const CHUNK: u64 = 100;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("kill -9 with durable acknowledgement", true, |settings| killed(settings, None)),
        Case::new("kill -9 while Datadog hangs", false, |settings| killed(settings, Some(()))),
    ]
}

/// Each chunk is resent until it is answered, so in the end all were acknowledged and all must have arrived.
///
/// Doubles: at each kill a destination may see again the payloads whose delivery was not noted yet (one a sender),
/// and the chunks on their way, which the client sends again.
fn killed(settings: &Settings, hang: Option<()>) -> Finding {
    let rig = Rig::new(&Shape { ack: Some("durable"), ..Shape::default() });
    let (started, mut dice, mut finding) =
        (Instant::now(), Dice(u64::from(std::process::id())), Finding::default());
    finding.notes.push(format!("seed {}", dice.0));
    let load = Load::acknowledged(&rig.socket(), CONNECTIONS, CHUNK);
    for round in 0..settings.kills {
        let running = rig.command().start();
        if hang.is_some() && round % 2 == 0 {
            rig.to_intake.set(testkit::proxy::Mode::HalfOpen);
        }
        let wait = Duration::from_millis(50 + dice.below(2_000));
        let (_, peak, _) = watched(&rig, running.id(), &load, || thread::sleep(wait));
        finding.peak = finding.peak.max(peak);
        running.signal("KILL");
        running.wait();
        rig.to_intake.set(testkit::proxy::Mode::Pass);
    }
    let last = rig.command().start();
    thread::sleep(Duration::from_secs(1));
    let acknowledged = load.finish();
    rig.wait_for(acknowledged);
    let exit = last.stop();
    finding.must_end(&exit, 0);
    finding.took = started.elapsed();
    rig.count(&mut finding, acknowledged);
    finding.must(acknowledged > 0, "nothing was acknowledged");
    let resent = CONNECTIONS as u64 * CHUNK;
    finding.must_be_whole(u64::from(settings.kills) * (PAYLOAD + resent));
    finding
}

//! What has to be valid for a destination to be reached: its name, its certificate, our credentials.

use std::fs;
use std::io::Write;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use testkit::aws::signature::ACCESS_KEY;
use testkit::certificate::Certificate;
use testkit::intake::{self, Datadog};
use testkit::process::Outrigger;

use crate::load::Load;
use crate::rig::{Finding, PAYLOAD, RATE, Rig, Shape, Sink, outage, watched};
use crate::{Case, Settings};

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("Datadog's certificate expires and is renewed", true, certificate),
        Case::new("Datadog's name does not resolve, then does", true, name),
        Case::new("AWS credentials expire and are renewed", true, credentials),
    ]
}

fn certificate(settings: &Settings) -> Finding {
    let (good, expired) = (Certificate::new(), Certificate::expired());
    // Both are trusted, so that only time can be wrong.
    let both = fs::read(&expired.ca_file)
        .and_then(|pem| fs::OpenOptions::new().append(true).open(&good.ca_file)?.write_all(&pem));
    both.expect("a scratch file can be extended");
    let rig = Rig::new(&Shape { certificate: Some(&good), ..Shape::default() });
    let old = Datadog::with(intake::Options { certificate: Some(&expired), ..Default::default() });
    let spoil = || rig.to_intake.turn_to(([127, 0, 0, 1], old.port()).into());
    let mend = || rig.to_intake.turn_to(([127, 0, 0, 1], rig.intake.port()).into());
    let running = rig.command().start();
    let (mut finding, _, said) = outage(&rig, running, settings.times(), Some(Sink::Datadog), spoil, mend);
    // Turning resets connections.
    finding.must_be_whole(8 * PAYLOAD);
    finding.must_hold_memory(settings);
    finding.must_say(&said, "expired");
    finding
}

/// The program sees a hosts file of its own, in which the name appears later.
fn name(settings: &Settings) -> Finding {
    let allowed = Command::new("unshare").args(["-m", "true"]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        return Finding::skip("a hosts file of its own needs the right to mount");
    }
    const NAME: &str = "intake.faults.test";
    let rig = Rig::new(&Shape { host: Some(NAME), ..Shape::default() });
    let hosts = rig.folder.write("hosts", "127.0.0.1 localhost\n");
    let command = Outrigger::new("unshare")
        .args(["-m", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$1\""])
        .arg(&hosts)
        .arg(env!("CARGO_BIN_EXE_outrigger"));
    let started = Instant::now();
    let running = rig.dress(command).start();
    let load = Load::plain(rig.socket(), Some(RATE));
    let (_, peak, delays) = watched(&rig, running.id(), &load, || thread::sleep(settings.fault));
    // In place: the file that was mounted has to change.
    fs::write(&hosts, format!("127.0.0.1 localhost\n127.0.0.1 {NAME}\n"))
        .expect("a scratch file can be written");
    thread::sleep(Duration::from_secs(1));
    let sent = load.finish();
    rig.wait_for(sent);
    let exit = running.stop();
    let mut finding = Finding { peak, delay: Some(delays[1]), took: started.elapsed(), ..Finding::default() };
    rig.count(&mut finding, sent);
    finding.must_end(&exit, 0);
    finding.must_be_whole(0);
    finding.must_hold_memory(settings);
    finding.must_say(&exit.stderr, NAME);
    finding
}

fn credentials(settings: &Settings) -> Finding {
    let rig = Rig::new(&Shape::default());
    rig.metadata.give(ACCESS_KEY, &in_seconds(3));
    let running = rig.command().start();
    let spoil = || rig.metadata.give("AKIDEXPIRED", "2020-01-01T00:00:00Z");
    let mend = || rig.metadata.give(ACCESS_KEY, "2099-01-01T00:00:00Z");
    let mut times = settings.times();
    // The keys that were given live this long, whatever the endpoint says.
    times.fault += Duration::from_secs(3);
    let (mut finding, _, said) = outage(&rig, running, times, Some(Sink::CloudWatch), spoil, mend);
    finding.must_be_whole(0);
    finding.must_hold_memory(settings);
    finding.must_say(&said, "credentials");
    finding
}

fn in_seconds(seconds: u64) -> String {
    let output = Command::new("date").args(["-u", "-d", &format!("+{seconds} seconds"), "+%FT%TZ"]).output();
    String::from_utf8_lossy(&output.expect("date runs").stdout).trim().to_owned()
}

//! One request's story in a real browser over the demo: with the mouse alone, with the keyboard alone; and whether
//! everybody can use every screen.
#![allow(clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

#[path = "support/lake.rs"]
mod lake;
mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lake::WithLake;
use testkit::process::{Running, wait_until};
use testkit::{need, tools};

const PROGRAM: &str = env!("CARGO_BIN_EXE_outrigger");
/// Once there is something of everything, so long for a little more of it.
const MORE_OF_IT: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_mins(2);

/// The demo's processes, ended with the test.
struct Shop(Child);

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

#[test]
fn a_request_is_followed_through_the_screens() {
    let ui = need!(pages());
    need!(tools::debian("chromium", "chromium"));
    let mut lake = WithLake::start();
    let running = &mut lake.running;
    if running.get("/").text().contains("make console") {
        eprintln!("skipped: the program was built without its pages; `make console` first");
        return;
    }
    let shop = Command::new(PROGRAM)
        .args(["demo", "--rate", "20", "--forward", &lake.forward.to_string()])
        .args(["--otlp", &format!("http://{}", lake.otlp)])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let shop = Shop(shop.expect("the demo starts"));
    let errors = |running: &mut Running| {
        let answer = running.get("/api/logs?q=severity:ERROR%20exists:trace_id&limit=50").text();
        answer.matches("\"trace_id\"").count()
    };
    assert!(wait_until(PATIENCE, || errors(running) > 20), "{}", running.stderr());
    for (path, sign) in
        [("/api/metrics", "\"histogram\""), ("/api/metrics", "cpu"), ("/api/tasks", "\"task\"")]
    {
        let there = |running: &mut Running| running.get(path).text().contains(sign);
        assert!(
            wait_until(PATIENCE, || there(running)),
            "{path} has no {sign}: {}",
            running.get(path).text()
        );
    }
    std::thread::sleep(MORE_OF_IT);
    let console = format!("http://{}/", lake.console);
    for script in ["story-mouse.mjs", "story-keyboard.mjs", "axe.mjs"] {
        let told = Command::new("node")
            .arg(Path::new("e2e").join(script))
            .current_dir(&ui)
            .env("CONSOLE_URL", &console)
            .output()
            .expect("node runs");
        let text =
            format!("{}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
        eprint!("{text}");
        assert!(told.status.success(), "{script}: {text}");
    }
    drop(shop);
    assert_eq!(lake.running.stop().code(), Some(0));
}

/// The folder of the console's sources, with what its scripts need.
fn pages() -> Result<PathBuf, tools::Missing> {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui");
    tools::npm_ci(&ui)?;
    Ok(ui)
}

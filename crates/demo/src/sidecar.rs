//! Outrigger itself beside the containers of a task, as a sidecar is: it asks the task's metadata endpoint what the
//! containers use. This process only looks after it.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::watch;

use crate::report::Report;
use crate::{DemoError, Part, until};

/// What the sidecar runs with.
pub const SIDECAR: &str = "\
receivers:
  awsecscontainermetrics: {collection_interval: 5s}
exporters:
  otlp_http: {endpoint: \"${env:OUTRIGGER_DEMO_OTLP}\"}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    metrics: {receivers: [awsecscontainermetrics], exporters: [otlp_http]}
";

pub async fn run(part: &Part, stop: watch::Receiver<bool>) -> Result<(), DemoError> {
    let mut child = Command::new(&part.program)
        .args(["run", "--config", &format!("yaml:{SIDECAR}")])
        .env("ECS_CONTAINER_METADATA_URI_V4", part.metadata.as_deref().unwrap_or_default())
        .env("OUTRIGGER_DEMO_OTLP", &part.otlp)
        .env("OUTRIGGER_LISTEN", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| DemoError::Start { what: "the sidecar".into(), source })?;
    until::ready("");
    let id = child.id();
    let stderr = child.stderr.take();
    // What it says is its own affair, but for its last words.
    let watching = async {
        let mut last = String::new();
        if let Some(stderr) = stderr {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                last = line;
            }
        }
        let _ = child.wait().await;
        last
    };
    tokio::select! {
        last = watching => {
            until::write(&Report { gone: Some(format!("the sidecar has ended: {last}")), ..Report::default() });
            // The report says it once; what follows is silence until the parent is done.
            until::told(stop.clone()).await;
        }
        () = until::reporting(|| usage(id)) => {}
        () = until::told(stop.clone()) => {}
    }
    // Dropping kills it; what it gathered in its last seconds is not missed.
    Ok(())
}

/// What the process really uses, where the system tells.
fn usage(id: Option<u32>) -> Report {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", id.unwrap_or_default()));
    let stat = read("stat").unwrap_or_default();
    let fields: Vec<u64> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split(' ')
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    // Hundredths of seconds, in user and kernel mode.
    let ticks = fields.get(12).copied().unwrap_or(0) + fields.get(13).copied().unwrap_or(0);
    let statm = read("statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(5 << 10);
    Report { cpu_nanos: ticks * 10_000_000, memory: pages << 12, ..Report::default() }
}

//! A process of the shop as its parent sees it. It has a process group of its own, which ends with this value, so
//! that what the process itself has started ends, too.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::report::{Ready, Report};
use crate::{DemoError, Part, Role};

const START_TIMEOUT: Duration = Duration::from_secs(15);

/// For requests in progress and the last telemetry.
const END_TIMEOUT: Duration = Duration::from_secs(6);

pub struct Process {
    child: Child,
    group: Option<Pid>,
    pub address: String,
}

impl Process {
    /// Starts it and waits until it listens. Each report is handed on; the last one says when it is gone.
    pub async fn start(
        program: &Path,
        role: Role,
        part: &Part,
        on_report: impl Fn(Report) + Send + 'static,
    ) -> Result<Process, DemoError> {
        let text = serde_json::to_string(part).map_err(DemoError::Part)?;
        let mut child = Command::new(program)
            .args(["demo", "--role", &role.to_string(), "--part", &text])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| DemoError::Start { what: format!("{role} of the shop"), source })?;
        let group = child.id().and_then(|id| Pid::from_raw(id as i32));
        let stdout = child.stdout.take();
        let mut process = Process { child, group, address: String::new() };
        let mut lines = BufReader::new(stdout.ok_or(DemoError::Bug("a pipe was asked for"))?).lines();
        let ready = timeout(START_TIMEOUT, lines.next_line()).await.ok().and_then(|line| line.ok().flatten());
        let ready: Option<Ready> = ready.and_then(|line| serde_json::from_str(&line).ok());
        let not_ready = || DemoError::NotReady { what: format!("{role} of the shop") };
        process.address = ready.ok_or_else(not_ready)?.address;
        tokio::spawn(read(lines, on_report));
        Ok(process)
    }

    /// Asks it to end.
    pub fn release(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits for its end, not for ever.
    pub async fn end(mut self) {
        self.release();
        let _ = timeout(END_TIMEOUT, self.child.wait()).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(group) = self.group.take() {
            // Mostly there is nobody left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn read(mut lines: Lines<BufReader<ChildStdout>>, on_report: impl Fn(Report)) {
    while let Ok(Some(line)) = lines.next_line().await {
        if let Ok(report) = serde_json::from_str(&line) {
            on_report(report);
        }
    }
    on_report(Report { gone: Some("it has ended".into()), ..Report::default() });
}

//! A process' ties to its parent: it lives until its standard input ends, and reports on its standard output.

use std::io::{Read, Write};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::interval;

use crate::report::{Ready, Report};

/// True once the parent has closed its end, or is gone.
pub fn input_ends() -> watch::Receiver<bool> {
    let (ended, input) = watch::channel(false);
    // A thread of its own: a read in the runtime's pool would keep the runtime from ending.
    std::thread::spawn(move || {
        let mut nothing = [0; 64];
        while matches!(std::io::stdin().lock().read(&mut nothing), Ok(1..)) {}
        ended.send_replace(true);
    });
    input
}

pub async fn told(mut stop: watch::Receiver<bool>) {
    // An error says that nobody can tell any more.
    let _ = stop.wait_for(|stop| *stop).await;
}

pub fn ready(address: &str) {
    write(&Ready { address: address.into() });
}

/// Writes a report a second; ends when nobody reads them.
pub async fn reporting(mut report: impl FnMut() -> Report) {
    let mut ticks = interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        if !write(&report()) {
            return;
        }
    }
}

pub fn write(line: &impl Serialize) -> bool {
    let Ok(mut text) = serde_json::to_vec(line) else { return false };
    text.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&text).and_then(|()| out.flush()).is_ok()
}

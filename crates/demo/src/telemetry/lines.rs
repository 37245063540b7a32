//! Sends log lines as they arrive behind FireLens: Forward's message mode with the fields of Docker's driver and ECS.

use std::sync::Arc;
use std::time::Duration;

use engine::clock::now_nanos;
use net::{Dialer, Duplex};
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use wire::msgpack::write;

use super::Shared;

/// Between two tries to reach the receiver.
const PAUSE: Duration = Duration::from_secs(1);

const TIMEOUT: Duration = Duration::from_secs(5);

/// One line as a message of its own, as Docker's driver sends it: `[tag, time, record, options]`.
pub fn message(tag: &str, source: &str, line: &str, fields: &[(&'static str, String)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len() + 512);
    write::array(4, &mut out);
    write::str(tag.as_bytes(), &mut out);
    let now = now_nanos();
    let (seconds, nanos) = (now / 1_000_000_000, now % 1_000_000_000);
    write::fixext8(0, (seconds << 32 | nanos).to_be_bytes(), &mut out);
    write::map(2 + fields.len(), &mut out);
    for (key, value) in [("log", line), ("source", source)]
        .into_iter()
        .chain(fields.iter().map(|(key, value)| (*key, &**value)))
    {
        write::str(key.as_bytes(), &mut out);
        write::str(value.as_bytes(), &mut out);
    }
    write::map(0, &mut out);
    out
}

/// Runs until told to stop; then sends what is left, once.
pub async fn send(
    to: String,
    mut lines: mpsc::Receiver<Vec<u8>>,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let Some(dialer) = dialer(&to) else {
        return shared.health.forward.set(Some(format!("{to} is no address; write HOST:PORT")));
    };
    let mut connection = None;
    let mut pending = Vec::new();
    loop {
        let over = match pending.is_empty() {
            true => tokio::select! {
                line = lines.recv() => { pending.extend(line); false }
                _ = stop.wait_for(|stop| *stop) => true,
            },
            false => *stop.borrow(),
        };
        // What has gathered goes in one write.
        for _ in 0..256 {
            let Ok(line) = lines.try_recv() else { break };
            pending.push(line);
        }
        let sent = write_all(&dialer, &mut connection, &pending.concat()).await;
        match &sent {
            Ok(()) => pending.clear(),
            Err(_) => connection = None,
        }
        let failed = sent.is_err();
        shared.health.forward.set(sent.err());
        if over && (failed || lines.is_empty()) {
            return;
        }
        if failed {
            tokio::select! {
                () = sleep(PAUSE) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }
}

fn dialer(to: &str) -> Option<Dialer> {
    if let Some(path) = to.strip_prefix("unix:") {
        return Some(Dialer::unix(path.strip_prefix("//").unwrap_or(path)));
    }
    let (host, port) = to.rsplit_once(':')?;
    Some(Dialer::tcp(host.trim_start_matches('[').trim_end_matches(']'), port.parse().ok()?))
}

async fn write_all(
    dialer: &Dialer,
    connection: &mut Option<Box<dyn Duplex>>,
    bytes: &[u8],
) -> Result<(), String> {
    if bytes.is_empty() {
        return Ok(());
    }
    let open = match connection.as_mut() {
        Some(open) => open,
        None => connection.insert(dialer.dial().await.map_err(|error| error.to_string())?),
    };
    let written = async {
        open.write_all(bytes).await?;
        open.flush().await
    };
    match timeout(TIMEOUT, written).await {
        Ok(written) => written.map_err(|error| error.to_string()),
        Err(_) => Err(format!("it takes nothing within {TIMEOUT:?}")),
    }
}

//! A thread that sees whether the runtime still runs.
//!
//! A component that blocks its thread may stop more than itself: with one thread everything, and with several the
//! timers, should that thread have been the one that waits for them. A task from outside wakes another thread, which
//! then waits for them; where there is none, at least somebody says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tracing::{error, info, warn};

const EVERY: Duration = Duration::from_secs(2);
/// A runtime that ran nothing for so long is reported.
const STILL_AFTER: Duration = Duration::from_secs(10);

/// Ends its thread when it is dropped.
pub struct Watchdog {
    _until: mpsc::Sender<()>,
}

impl Watchdog {
    pub fn start(runtime: Handle) -> Watchdog {
        let (until, ended) = mpsc::channel();
        let watch = move || watch(&runtime, &ended, EVERY, STILL_AFTER);
        if let Err(error) = thread::Builder::new().name("watchdog".into()).spawn(watch) {
            warn!(%error, "no watchdog");
        }
        Watchdog { _until: until }
    }
}

fn watch(runtime: &Handle, ended: &mpsc::Receiver<()>, every: Duration, still_after: Duration) {
    let answered = Arc::new(AtomicU64::new(0));
    let (mut asked, mut since, mut reported) = (0, Instant::now(), false);
    while ended.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
        if answered.load(Ordering::Relaxed) == asked {
            if reported {
                info!(seconds = since.elapsed().as_secs(), "the runtime runs again");
            }
            (asked, since, reported) = (asked + 1, Instant::now(), false);
        } else if since.elapsed() > still_after && !reported {
            reported = true;
            error!(seconds = since.elapsed().as_secs(), "bug: something blocks the runtime; nothing is sent");
        }
        let answered = answered.clone();
        // Asked each time, as each wakes another thread.
        runtime.spawn(async move { answered.store(asked, Ordering::Relaxed) });
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;
    use tokio::time::sleep;

    use super::*;

    /// Whoever blocks his thread in every way there is must not stop the timers of others.
    #[test]
    fn timers_go_on_while_a_thread_is_blocked() {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (ended, until) = mpsc::channel();
        let handle = runtime.handle().clone();
        let watching = thread::spawn(move || {
            watch(&handle, &until, Duration::from_millis(10), Duration::from_secs(60));
        });
        let (release, blocked) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        runtime.spawn(async move {
            sleep(Duration::from_millis(50)).await;
            let _ = blocked.recv();
        });
        runtime.spawn(async move {
            sleep(Duration::from_millis(200)).await;
            let _ = tell.send(());
        });
        assert_eq!(told.recv_timeout(Duration::from_secs(60)), Ok(()));
        drop((release, ended));
        watching.join().unwrap();
    }
}

//! Accepts connections for a receiver, one task each, and ends them in order.
//!
//! Applications still write their last lines while the task stops. So when the process drains, sockets stay
//! open and new connections are taken, until all senders are gone or nobody has sent for a while.

use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::Stop;
use net::{Listener, PeerName, Stream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout};

/// Connections at once; more wait in the kernel's backlog.
const MAX_CONNECTIONS: usize = 4096;

/// How long it is quiet before a draining receiver returns: with senders connected, and with none.
const QUIET_CONNECTED: Duration = Duration::from_secs(5);
const QUIET_ALONE: Duration = Duration::from_millis(250);

/// Between looks at whether it is quiet.
const LOOK: Duration = Duration::from_millis(50);

/// How long connections may take to end once they are told to.
const END: Duration = Duration::from_millis(400);

/// Whether anything comes in. Shared by the connections of one receiver.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// Milliseconds since the first look at the clock.
    last: AtomicU64,
    /// Connections that have read something and not yet handed it on.
    busy: AtomicUsize,
}

/// While it lives, its connection counts as busy.
pub(crate) struct Busy<'a>(&'a Traffic);

/// The same for work that outlives the reading.
pub(crate) struct Occupied(Arc<Traffic>);

impl Traffic {
    pub(crate) fn occupied(self: &Arc<Self>) -> Occupied {
        self.busy.fetch_add(1, Ordering::AcqRel);
        Occupied(self.clone())
    }

    pub(crate) fn busy(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy(self)
    }

    fn touch(&self) {
        self.last.store(elapsed(), Ordering::Release);
    }

    fn is_quiet(&self, wanted: Duration) -> bool {
        let quiet = elapsed().saturating_sub(self.last.load(Ordering::Acquire));
        self.busy.load(Ordering::Acquire) == 0 && u128::from(quiet) >= wanted.as_millis()
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.touch();
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        drop(Busy(&self.0));
    }
}

fn elapsed() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_millis() as u64
}

/// Word to a connection that it should take what is there, and end.
#[derive(Clone)]
pub(crate) struct Ending(watch::Receiver<bool>);

impl Ending {
    pub(crate) async fn comes(&mut self) {
        // A sender that is gone means the same.
        let _ = self.0.wait_for(|ending| *ending).await;
    }
}

/// Resolves when a receiver whose connections somebody else keeps has to return.
pub(crate) async fn until_quiet(mut stop: Stop, traffic: &Traffic) {
    stop.draining().await;
    traffic.touch();
    let quiet = async {
        while !traffic.is_quiet(QUIET_ALONE) {
            sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = quiet => {}
        () = stop.closing() => {}
    }
}

/// Runs `handle` for each connection until the receiver has to return.
pub(crate) async fn serve<F>(
    mut listener: Listener,
    mut stop: Stop,
    traffic: Arc<Traffic>,
    mut handle: impl FnMut(Stream, PeerName, Ending) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let (end, ending) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let mut closing = stop.clone();
    let mut look = interval(LOOK);
    let mut draining = false;
    loop {
        tokio::select! {
            (stream, peer) = listener.accept(), if tasks.len() < MAX_CONNECTIONS => {
                traffic.touch();
                tasks.spawn(handle(stream, peer, Ending(ending.clone())));
            }
            Some(done) = tasks.join_next(), if !tasks.is_empty() => {
                if let Err(error) = done {
                    tracing::error!(%error, "bug: a connection's task failed");
                }
            }
            () = stop.draining(), if !draining => {
                draining = true;
                traffic.touch();
            }
            () = closing.closing() => break,
            _ = look.tick(), if draining => {
                let wanted = if tasks.is_empty() { QUIET_ALONE } else { QUIET_CONNECTED };
                if traffic.is_quiet(wanted) {
                    break;
                }
            }
        }
    }
    drop(listener);
    end.send_replace(true);
    let _ = timeout(END, async { while tasks.join_next().await.is_some() {} }).await;
}

/// Whether a body could not be read because it is longer than allowed.
pub(crate) fn is_too_long(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

//! What becomes of a record an operator fails on, and how often a person is told.

use std::time::Duration;

use config::topology::ComponentId;
use serde::Deserialize;
use tokio::time::Instant;
use tracing::warn;

/// Between two log lines of one operator.
const QUIET: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnError {
    /// The record goes on as it is.
    #[default]
    Send,
    Drop,
    SendQuiet,
    DropQuiet,
}

impl OnError {
    pub fn drops(self) -> bool {
        matches!(self, OnError::Drop | OnError::DropQuiet)
    }

    fn is_quiet(self) -> bool {
        matches!(self, OnError::SendQuiet | OnError::DropQuiet)
    }
}

/// Counts the failures of one operator and says so now and then.
pub(super) struct Failures {
    component: ComponentId,
    said: Option<Instant>,
    unsaid: u64,
}

impl Failures {
    pub fn new(component: ComponentId) -> Failures {
        Failures { component, said: None, unsaid: 0 }
    }

    pub fn note(&mut self, operator: &str, on_error: OnError, why: &str) {
        if on_error.is_quiet() {
            return;
        }
        self.unsaid += 1;
        if self.said.is_none_or(|said| said.elapsed() >= QUIET) {
            let dropped = on_error.drops();
            warn!(component = %self.component, operator, failures = self.unsaid, dropped, why, "an operator failed");
            self.said = Some(Instant::now());
            self.unsaid = 0;
        }
    }
}

//! Our own log lines: calm on a terminal, one structured line each otherwise.
//!
//! Spans are accepted and ignored; what a line needs is in its own fields. Lines go to standard error in
//! one write each, so that a log driver never sees half of one.

mod filter;
mod limiter;
mod line;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

pub use filter::{Filter, FilterError};
pub use line::LogFormat;

use limiter::{Limiter, Verdict};
use line::Line;

#[derive(Debug, Clone)]
pub struct LogSettings {
    pub format: LogFormat,
    pub filter: Filter,
}

impl LogSettings {
    /// `OUTRIGGER_LOG`, `RUST_LOG`, then Fluent Bit's `FLB_LOG_LEVEL` choose the level; a terminal on
    /// standard error chooses the human form, in colour unless `NO_COLOR` is set.
    pub fn from_environment(get: &dyn Fn(&str) -> Option<String>) -> LogSettings {
        let set = |name: &str| get(name).filter(|value| !value.is_empty());
        let text = ["OUTRIGGER_LOG", "RUST_LOG", "FLB_LOG_LEVEL"].into_iter().find_map(set);
        let filter = text.and_then(|text| text.parse().ok()).unwrap_or_default();
        let format = match io::stderr().is_terminal() {
            true => LogFormat::Human { color: set("NO_COLOR").is_none() },
            false => LogFormat::Logfmt,
        };
        LogSettings { format, filter }
    }
}

/// Starts logging for the process. A second call has no effect.
pub fn init(settings: LogSettings) {
    let log = Arc::new(Log::new(settings, Box::new(io::stderr())));
    let log = PROCESS.get_or_init(|| log).clone();
    let _ = tracing::subscriber::set_global_default(log);
}

/// Changes what is logged from now on, as when the configuration names a level.
pub fn set_filter(filter: Filter) {
    if let Some(log) = PROCESS.get() {
        *log.filter.write().unwrap_or_else(PoisonError::into_inner) = filter;
        tracing::callsite::rebuild_interest_cache();
    }
}

/// Says how many lines were kept back so far. Call it now and then, and before the process ends.
pub fn flush() {
    if let Some(log) = PROCESS.get() {
        log.report(true);
    }
}

static PROCESS: OnceLock<Arc<Log>> = OnceLock::new();

struct Log {
    format: LogFormat,
    filter: RwLock<Filter>,
    limiter: Mutex<Limiter>,
    sink: Mutex<Box<dyn Write + Send>>,
    spans: AtomicU64,
}

impl Log {
    fn new(settings: LogSettings, sink: Box<dyn Write + Send>) -> Log {
        Log {
            format: settings.format,
            filter: RwLock::new(settings.filter),
            limiter: Mutex::default(),
            sink: Mutex::new(sink),
            spans: AtomicU64::new(1),
        }
    }

    /// Writes what the limiter kept back, where a period has ended or everywhere.
    fn report(&self, all: bool) {
        let kept = lock(&self.limiter).ended(Instant::now(), all);
        for kept in kept {
            let mut line = Line::new(kept.level, kept.target, format!("and {} more like it", kept.count));
            line.field("like", &kept.message);
            if let Some(component) = &kept.component {
                line.field("component", component);
            }
            self.write(&line);
        }
    }

    fn write(&self, line: &Line) {
        let text = line.render(self.format, jiff::Timestamp::now());
        // Nobody is left to tell when standard error is closed.
        let _ = lock(&self.sink).write_all(text.as_bytes());
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .allows(metadata.target(), *metadata.level())
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(self.filter.read().unwrap_or_else(PoisonError::into_inner).most_verbose())
    }

    fn event(&self, event: &Event<'_>) {
        let line = Line::from_event(event);
        // Whoever asks for debug wants all of it.
        if *event.metadata().level() <= Level::INFO {
            let verdict = lock(&self.limiter).see(event.metadata(), &line, Instant::now());
            self.report(false);
            if verdict == Verdict::Keep {
                return;
            }
        }
        self.write(&line);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed).max(1))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("format", &self.format).finish_non_exhaustive()
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

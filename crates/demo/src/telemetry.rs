//! What one process of the shop tells about itself: spans, metrics, log lines, and what it uses.

mod lines;
mod meter;
mod numbers;
mod otlp;
mod span;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::clock::now_nanos;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub use meter::Meter;
pub use numbers::Numbers;
pub use span::{Context, Exception, Kind, Span, Tracer};

use crate::Part;
use crate::report::Report;

/// Spans and lines that wait while nobody takes them.
const MAX_WAITING: usize = 4096;

/// How long the last of them may take at the end.
const FLUSH: Duration = Duration::from_secs(4);

/// Whether a destination takes what it is sent: the trouble with it, if any.
#[derive(Debug, Default)]
pub struct Trouble(Mutex<Option<String>>);

impl Trouble {
    fn set(&self, trouble: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug, Default)]
pub struct Health {
    otlp: Trouble,
    forward: Trouble,
}

/// What the senders need of the process.
pub struct Shared {
    pub resource: Vec<(&'static str, Value)>,
    pub version: String,
    pub health: Health,
    pub numbers: Numbers,
    pub meter: Meter,
}

pub struct Telemetry {
    pub tracer: Tracer,
    shared: Arc<Shared>,
    lines: mpsc::Sender<Vec<u8>>,
    service: String,
    tag: String,
    fields: Vec<(&'static str, String)>,
    stop: watch::Sender<bool>,
    senders: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

impl Telemetry {
    /// Of the service in a container. Its senders run until [`Telemetry::finish`].
    pub fn start(part: &Part, service: &str, base_memory: u64) -> Telemetry {
        let shared = Arc::new(Shared {
            resource: part.task.resource(service, &part.container),
            version: part.task.version.clone(),
            health: Health::default(),
            numbers: Numbers::new(),
            meter: Meter::new(base_memory),
        });
        let (stop, stopped) = watch::channel(false);
        let (lines, to_send) = mpsc::channel(MAX_WAITING);
        let (spans, to_export) = mpsc::channel(MAX_WAITING);
        let senders = vec![
            tokio::spawn(lines::send(part.forward.clone(), to_send, shared.clone(), stopped.clone())),
            tokio::spawn(otlp::export(part.otlp.clone(), to_export, shared.clone(), stopped)),
        ];
        Telemetry {
            // Ids of two runs differ, whatever the seed.
            tracer: Tracer::new(spans, part.seed ^ now_nanos()),
            shared,
            lines,
            service: service.to_owned(),
            tag: part.task.tag(&part.container),
            fields: part.task.firelens(&part.container),
            stop,
            senders: Mutex::new(senders),
        }
    }

    pub fn meter(&self) -> &Meter {
        &self.shared.meter
    }

    pub fn numbers(&self) -> &Numbers {
        &self.shared.numbers
    }

    /// A line of the application in JSON, on its standard output.
    pub fn log(&self, level: Level, component: &str, message: &str, of: Option<Context>, fields: Value) {
        let mut line = Map::new();
        let now = Timestamp::from_nanosecond(i128::from(now_nanos())).unwrap_or_default();
        line.insert("time".into(), json!(now.to_string()));
        line.insert("level".into(), json!(level.word()));
        line.insert("message".into(), json!(message));
        line.insert("service".into(), json!(self.service));
        line.insert("component".into(), json!(component));
        if let Some(context) = of {
            line.insert("trace_id".into(), json!(context.trace_id()));
            line.insert("span_id".into(), json!(context.span_id()));
        }
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        let source = if level == Level::Error { "stderr" } else { "stdout" };
        self.line(source, &Value::Object(line).to_string());
    }

    /// A line as it was written.
    pub fn line(&self, source: &str, line: &str) {
        // Full only when nobody takes lines; then the newest are lost.
        let _ = self.lines.try_send(lines::message(&self.tag, source, line, &self.fields));
    }

    pub fn report(&self) -> Report {
        let (cpu_nanos, received, sent, requests) = self.shared.meter.counters();
        Report {
            cpu_nanos,
            received,
            sent,
            requests,
            memory: self.shared.meter.memory(),
            otlp: self.shared.health.otlp.get(),
            forward: self.shared.health.forward.get(),
            gone: None,
        }
    }

    /// Sends what is left.
    pub async fn finish(&self) {
        self.stop.send_replace(true);
        let senders = std::mem::take(&mut *self.senders.lock().unwrap_or_else(PoisonError::into_inner));
        let all = async {
            for sender in senders {
                let _ = sender.await;
            }
        };
        let _ = timeout(FLUSH, all).await;
    }
}

//! The component lists, with types erased: what the binary hands to the engine.

use std::future::Future;
use std::pin::Pin;

use config::{Diagnostics, Setting};
use model::{Batch, Signal};
#[cfg(feature = "schema")]
use schemars::{Schema, schema_for};
use tokio::time::Instant;

use crate::component::{BuildContext, Encoder, Exporter, Fault, Instances, Processor, Receiver};
use crate::outlet::{Outlet, Stop};
use crate::payload::{Outcome, Payload};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// All components this program knows.
#[derive(Clone, Copy)]
pub struct Catalog {
    pub receivers: &'static [ReceiverEntry],
    pub processors: &'static [ProcessorEntry],
    pub exporters: &'static [ExporterEntry],
}

impl Catalog {
    pub fn receiver(&self, name: &str) -> Option<&'static ReceiverEntry> {
        self.receivers.iter().find(|entry| entry.name == name)
    }

    pub fn processor(&self, name: &str) -> Option<&'static ProcessorEntry> {
        self.processors.iter().find(|entry| entry.name == name)
    }

    pub fn exporter(&self, name: &str) -> Option<&'static ExporterEntry> {
        self.exporters.iter().find(|entry| entry.name == name)
    }
}

type Build<T> = fn(&Setting, &mut BuildContext<'_>) -> Option<T>;

pub struct ReceiverEntry {
    pub name: &'static str,
    /// Of its settings.
    #[cfg(feature = "schema")]
    pub schema: fn() -> Schema,
    pub(crate) build: Build<Box<dyn AnyReceiver>>,
}

pub struct ProcessorEntry {
    pub name: &'static str,
    /// Of its settings.
    #[cfg(feature = "schema")]
    pub schema: fn() -> Schema,
    pub(crate) instances: Instances,
    pub(crate) build: Build<Box<dyn AnyProcessor>>,
}

pub struct ExporterEntry {
    pub name: &'static str,
    /// Of its settings.
    #[cfg(feature = "schema")]
    pub schema: fn() -> Schema,
    pub(crate) build: Build<Box<dyn AnyExporter>>,
}

pub const fn receiver<R: Receiver>() -> ReceiverEntry {
    ReceiverEntry {
        name: R::NAME,
        #[cfg(feature = "schema")]
        schema: || schema_for!(R::Config),
        build: |settings, cx| {
            let built = R::build(decode(settings, cx)?, cx).ok()?;
            Some(Box::new(built))
        },
    }
}

pub const fn processor<P: Processor>() -> ProcessorEntry {
    ProcessorEntry {
        name: P::NAME,
        #[cfg(feature = "schema")]
        schema: || schema_for!(P::Config),
        instances: P::INSTANCES,
        build: |settings, cx| {
            let built = P::build(decode(settings, cx)?, cx).ok()?;
            Some(Box::new(built))
        },
    }
}

pub const fn exporter<E: Exporter>() -> ExporterEntry {
    ExporterEntry {
        name: E::NAME,
        #[cfg(feature = "schema")]
        schema: || schema_for!(E::Config),
        build: |settings, cx| {
            let built = E::build(decode(settings, cx)?, cx).ok()?;
            Some(Box::new(built))
        },
    }
}

fn decode<T: serde::de::DeserializeOwned>(settings: &Setting, cx: &mut BuildContext<'_>) -> Option<T> {
    let mut found = Diagnostics::new();
    let decoded = config::decode(settings, &format!("`{}`", cx.id), &mut found);
    let refused = found.has_errors();
    cx.report.extend(found);
    decoded.filter(|_| !refused)
}

pub(crate) trait AnyReceiver: Send {
    fn run(self: Box<Self>, out: Outlet, stop: Stop) -> BoxFuture<'static, Result<(), Fault>>;
}

impl<R: Receiver> AnyReceiver for R {
    fn run(self: Box<Self>, out: Outlet, stop: Stop) -> BoxFuture<'static, Result<(), Fault>> {
        Box::pin(Receiver::run(*self, out, stop))
    }
}

pub(crate) trait AnyProcessor: Send {
    fn process(&mut self, batch: Batch, out: &mut Vec<Batch>);
    fn held(&self) -> u64;
    fn tick(&mut self, now: Instant, out: &mut Vec<Batch>);
    fn finish(&mut self, out: &mut Vec<Batch>);
}

impl<P: Processor> AnyProcessor for P {
    fn process(&mut self, batch: Batch, out: &mut Vec<Batch>) {
        Processor::process(self, batch, out);
    }

    fn held(&self) -> u64 {
        Processor::held(self)
    }

    fn tick(&mut self, now: Instant, out: &mut Vec<Batch>) {
        Processor::tick(self, now, out);
    }

    fn finish(&mut self, out: &mut Vec<Batch>) {
        Processor::finish(self, out);
    }
}

pub(crate) trait AnyExporter: Send + Sync {
    fn encoder(&self) -> Box<dyn Encoder>;
    fn takes(&self, signal: Signal) -> bool;
    fn takes_unread(&self) -> bool;
    fn send<'a>(&'a self, payload: &'a Payload) -> BoxFuture<'a, Outcome>;
    fn split(&self, payload: &Payload) -> Option<(Payload, Payload)>;
    fn show(&self, payload: &Payload) -> String;
}

impl<E: Exporter> AnyExporter for E {
    fn encoder(&self) -> Box<dyn Encoder> {
        Box::new(Exporter::encoder(self))
    }

    fn takes(&self, signal: Signal) -> bool {
        E::SIGNALS.contains(&signal)
    }

    fn takes_unread(&self) -> bool {
        E::TAKES_UNREAD
    }

    fn send<'a>(&'a self, payload: &'a Payload) -> BoxFuture<'a, Outcome> {
        Box::pin(Exporter::send(self, payload))
    }

    fn split(&self, payload: &Payload) -> Option<(Payload, Payload)> {
        Exporter::split(self, payload)
    }

    fn show(&self, payload: &Payload) -> String {
        Exporter::show(self, payload)
    }
}

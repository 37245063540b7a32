//! From topology to built components: everything is checked and made, nothing is opened.

use std::sync::Arc;

use config::topology::{Component, ComponentId, Delivery, Route, Topology};
use config::{Diagnostic, Diagnostics, Origin, Setting, closest};
use model::Signal;
use tokio::sync::Notify;

use crate::catalog::{AnyExporter, AnyProcessor, AnyReceiver, Catalog, ReceiverEntry};
use crate::component::{BuildContext, Instances, Surroundings};
use crate::destination::Destination;
use crate::ledger::Ledger;
use crate::pipeline::{self, Pipeline};
use crate::queue::Queue;
use crate::slots::Slots;

/// A topology whose components are built, ready to run.
pub struct Plan {
    pub(crate) receivers: Vec<PlannedReceiver>,
    pub(crate) exporters: Vec<PlannedExporter>,
    pub(crate) pipelines: Vec<PlannedPipeline>,
    pub(crate) surroundings: Surroundings,
}

pub(crate) struct PlannedReceiver {
    pub id: ComponentId,
    pub entry: &'static ReceiverEntry,
    pub settings: Setting,
    pub built: Box<dyn AnyReceiver>,
    /// Indices into the plan's pipelines.
    pub feeds: Vec<usize>,
}

pub(crate) struct PlannedExporter {
    pub id: ComponentId,
    pub kind: &'static str,
    pub built: Arc<dyn AnyExporter>,
    pub delivery: Delivery,
}

pub(crate) struct PlannedPipeline {
    pub signal: Option<Signal>,
    pub steps: Vec<pipeline::Step>,
    pub routes: Vec<Route>,
}

/// Builds every component of the topology. All faults are reported; with an error there is no plan.
pub fn plan(
    topology: &Topology,
    catalog: &Catalog,
    surroundings: &Surroundings,
    report: &mut Diagnostics,
) -> Option<Plan> {
    let mut planner = Planner { topology, catalog, surroundings, report };
    let before = planner.report.iter().filter(|d| d.severity == config::Severity::Error).count();
    let exporters = planner.exporters();
    let receivers = planner.receivers();
    let pipelines = planner.pipelines();
    planner.check_unused();
    let after = report.iter().filter(|d| d.severity == config::Severity::Error).count();
    (after == before).then(|| Plan { receivers, exporters, pipelines, surroundings: surroundings.clone() })
}

struct Planner<'a> {
    topology: &'a Topology,
    catalog: &'a Catalog,
    surroundings: &'a Surroundings,
    report: &'a mut Diagnostics,
}

impl Planner<'_> {
    fn build<T>(
        &mut self,
        component: &Component,
        build: fn(&Setting, &mut BuildContext<'_>) -> Option<T>,
    ) -> Option<T> {
        let mut cx = BuildContext {
            id: &component.id,
            surroundings: self.surroundings,
            settings: &component.settings,
            report: self.report,
        };
        build(&component.settings, &mut cx)
    }

    fn exporters(&mut self) -> Vec<PlannedExporter> {
        let mut planned = Vec::new();
        for exporter in &self.topology.exporters {
            let component = &exporter.component;
            let Some(entry) = self.catalog.exporter(&component.kind) else {
                self.unknown("exporter", component, self.catalog.exporters.iter().map(|e| e.name));
                continue;
            };
            if let Some(built) = self.build(component, entry.build) {
                let delivery = exporter.delivery.clone();
                let (id, kind) = (component.id.clone(), entry.name);
                planned.push(PlannedExporter { id, kind, built: built.into(), delivery });
            }
        }
        planned
    }

    fn receivers(&mut self) -> Vec<PlannedReceiver> {
        let mut planned = Vec::new();
        for component in &self.topology.receivers {
            let Some(entry) = self.catalog.receiver(&component.kind) else {
                self.unknown("receiver", component, self.catalog.receivers.iter().map(|e| e.name));
                continue;
            };
            let feeds = (0..self.topology.pipelines.len())
                .filter(|place| self.topology.pipelines[*place].receivers.contains(&component.id))
                .collect();
            if let Some(built) = self.build(component, entry.build) {
                let (id, settings) = (component.id.clone(), component.settings.clone());
                planned.push(PlannedReceiver { id, entry, settings, built, feeds });
            }
        }
        planned
    }

    fn pipelines(&mut self) -> Vec<PlannedPipeline> {
        let mut planned = Vec::new();
        for pipeline in &self.topology.pipelines {
            let mut steps = Vec::new();
            for step in &pipeline.steps {
                let found = self.topology.processors.iter().find(|p| p.id == step.processor);
                let Some(component) = found else {
                    self.undefined(&pipeline.name, "walks through processor", &step.processor);
                    continue;
                };
                if let Some(instances) = self.processor(component) {
                    steps.push(pipeline::Step::new(component.id.clone(), step.matching.clone(), instances));
                }
            }
            for route in &pipeline.routes {
                if !self.topology.exporters.iter().any(|e| e.component.id == route.exporter) {
                    self.undefined(&pipeline.name, "sends to exporter", &route.exporter);
                }
            }
            for receiver in &pipeline.receivers {
                if !self.topology.receivers.iter().any(|r| r.id == *receiver) {
                    self.undefined(&pipeline.name, "takes from receiver", receiver);
                }
            }
            let routes = pipeline.routes.clone();
            planned.push(PlannedPipeline { signal: pipeline.signal, steps, routes });
        }
        planned
    }

    fn processor(&mut self, component: &Component) -> Option<Slots<Box<dyn AnyProcessor>>> {
        let Some(entry) = self.catalog.processor(&component.kind) else {
            self.unknown("processor", component, self.catalog.processors.iter().map(|e| e.name));
            return None;
        };
        let count = match entry.instances {
            Instances::One => 1,
            Instances::PerWorker => self.surroundings.workers.max(1),
        };
        let mut instances = vec![self.build(component, entry.build)?];
        // The others say the same about their settings: once is enough.
        let mut said = Diagnostics::new();
        std::mem::swap(self.report, &mut said);
        instances.extend((1..count).filter_map(|_| self.build(component, entry.build)));
        std::mem::swap(self.report, &mut said);
        Some(Slots::new(instances))
    }

    fn unknown(
        &mut self,
        what: &str,
        component: &Component,
        known: impl Iterator<Item = &'static str> + Clone,
    ) {
        let help = match closest(&component.kind, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", known.collect::<Vec<_>>().join(", ")),
        };
        let message = format!("there is no {what} `{}`", component.kind);
        self.report.push(Diagnostic::error(message).at(component.origin).help(help));
    }

    fn undefined(&mut self, pipeline: &str, relation: &str, id: &ComponentId) {
        let message = format!("pipeline `{pipeline}` {relation} `{id}`, which is not defined");
        self.report
            .push(Diagnostic::error(message).at(None::<Origin>).help("define it, or correct the name"));
    }

    fn check_unused(&mut self) {
        for receiver in &self.topology.receivers {
            if !self.topology.pipelines.iter().any(|p| p.receivers.contains(&receiver.id)) {
                let message = format!("receiver `{}` feeds no pipeline", receiver.id);
                let help = "name it in a pipeline, or remove it";
                self.report.push(Diagnostic::warning(message).at(receiver.origin).help(help));
            }
        }
    }
}

impl Plan {
    /// Opens the ways of the plan: destinations with their queues, pipelines that lead to them. A destination
    /// that was there before, under the same name and kind, hands over its queue.
    pub(crate) fn connect(
        &mut self,
        ledger: &Arc<Ledger>,
        before: &[Arc<Destination>],
        room: &Arc<Notify>,
    ) -> (Vec<Arc<Destination>>, Vec<Arc<Pipeline>>) {
        let share = self.surroundings.memory_budget / self.exporters.len().max(1) as u64;
        let destinations: Vec<_> = std::mem::take(&mut self.exporters)
            .into_iter()
            .map(|planned| {
                let account = ledger.destination(&planned.id);
                let inherited = before.iter().find_map(|old| old.queue_for(&planned));
                let capacity = planned.delivery.queue_bytes.unwrap_or(share);
                let queue = inherited.clone().unwrap_or_else(|| Arc::new(Queue::new(capacity, room.clone())));
                let destination = Destination::new(planned, queue, account, self.surroundings.workers);
                if inherited.is_none() {
                    destination.attach_disk();
                }
                Arc::new(destination)
            })
            .collect();
        let pipelines = std::mem::take(&mut self.pipelines)
            .into_iter()
            .map(|planned| {
                let routes = planned.routes.into_iter().filter_map(|route| {
                    let destination = destinations.iter().find(|d| *d.id() == route.exporter)?.clone();
                    Some(pipeline::Route { matching: route.matching, destination })
                });
                let routes = routes.collect();
                let (ledger, room) = (ledger.clone(), room.clone());
                Arc::new(Pipeline::new(planned.signal, planned.steps, routes, ledger, room))
            })
            .collect();
        (destinations, pipelines)
    }
}

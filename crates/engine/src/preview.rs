//! What a record would become at each destination, without sending it: for `outrigger explain`.

use std::sync::Arc;

use config::topology::ComponentId;
use model::{Batch, Reason};

use crate::graph::Plan;
use crate::ledger::Ledger;
use crate::payload::Sealed;
use crate::pipeline::Pipeline;

/// One destination's request for the sample.
#[derive(Debug)]
pub struct Preview {
    pub exporter: ComponentId,
    /// The requests as a person reads them; empty when the sample does not reach this destination.
    pub requests: Vec<String>,
    /// Records the encoder refused, with the reason.
    pub refused: Vec<(&'static str, u64)>,
}

impl Plan {
    /// Walks the sample through the steps of every pipeline and encodes it for each destination it reaches.
    pub fn preview(self, sample: &Batch) -> Vec<Preview> {
        let ledger = Arc::new(Ledger::default());
        let mut previews: Vec<_> = self
            .exporters
            .iter()
            .map(|planned| Preview {
                exporter: planned.id.clone(),
                requests: Vec::new(),
                refused: Vec::new(),
            })
            .collect();
        for planned in self.pipelines {
            let pipeline =
                Pipeline::new(planned.signal, planned.steps, Vec::new(), ledger.clone(), Arc::default());
            let mut batches = pipeline.walk(0, sample.clone());
            batches.extend(pipeline.held_batches());
            for route in &planned.routes {
                let Some(place) = previews.iter().position(|p| p.exporter == route.exporter) else {
                    continue;
                };
                let exporter = &self.exporters[place].built;
                let (mut encoder, mut sealed) = (exporter.encoder(), Sealed::default());
                for batch in batches.iter().filter(|batch| route.matching.matches(&batch.tag)) {
                    match exporter.takes(batch.signal()) {
                        true => encoder.encode(batch, &mut sealed),
                        false => sealed.discard(Reason::Unmatched, batch.len() as u64),
                    }
                }
                encoder.seal(&mut sealed);
                let preview = &mut previews[place];
                preview.requests.extend(sealed.payloads.iter().map(|payload| exporter.show(payload)));
                preview.refused.extend(sealed.discarded.iter().map(|(reason, n)| (reason.as_str(), *n)));
            }
        }
        previews
    }
}

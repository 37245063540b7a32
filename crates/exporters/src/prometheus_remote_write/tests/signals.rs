//! The engine's rule for exporters of one signal: they get that, read, and nothing else.

use std::time::Duration;

use config::topology::{Component, Delivery, Exporter, Pipeline, Route, TagMatch, Topology};
use config::{Diagnostics, Setting};
use engine::{Catalog, Fault, Ledger, Outlet, Receiver, Running, Stop, Surroundings};

use super::*;
use crate::trial::setting;

const TRACES: &[u8] = include_bytes!("../../../../../fixtures/otlp/python-traces.body");

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoConfig {}

/// Sends metrics and spans as an OTLP receiver does: unread where nobody reads them.
struct Sender;

impl Receiver for Sender {
    const NAME: &'static str = "sender";
    type Config = NoConfig;

    fn build(_: NoConfig, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(Sender)
    }

    async fn run(self, out: Outlet, mut stop: Stop) -> Result<(), Fault> {
        assert!(out.reads(Signal::Metrics) && !out.reads(Signal::Traces));
        let spans = otlp::count(Signal::Traces, TRACES).unwrap();
        let unread = Batch::unread("t".into(), Signal::Traces, TRACES.to_vec(), spans);
        for batch in [read(), unread] {
            let _ = out.send(batch, 1).await;
        }
        stop.draining().await;
        Ok(())
    }
}

const CATALOG: Catalog = Catalog {
    receivers: &[engine::receiver::<Sender>()],
    processors: &[],
    exporters: &[engine::exporter::<PrometheusRemoteWrite>()],
};

fn topology(url: &str) -> Topology {
    let component = |id: &str, kind: &str, settings| Component {
        id: id.into(),
        kind: kind.into(),
        settings,
        origin: None,
    };
    let mut topology = Topology::default();
    topology.receivers.push(component("in", "sender", Setting::map()));
    let exporter = component("out", "prometheus_remote_write", setting(&of(url)));
    topology.exporters.push(Exporter { component: exporter, delivery: Delivery::default() });
    let routes = vec![Route { exporter: "out".into(), matching: TagMatch::all() }];
    let name = "main".into();
    topology.pipelines.push(Pipeline { name, receivers: vec!["in".into()], routes, ..Pipeline::default() });
    topology
}

fn plan(url: &str) -> engine::Plan {
    let mut report = Diagnostics::new();
    let plan = engine::plan(&topology(url), &CATALOG, &Surroundings::for_tests(), &mut report);
    plan.unwrap_or_else(|| panic!("{}", report.render(false)))
}

#[test]
fn a_sample_of_another_signal_is_told_as_refused() {
    let sample = engine::testing::batch("t", &[r#"{"log":"line"}"#]);
    let previews = plan("http://127.0.0.1:1").preview(&sample);
    assert_eq!((previews[0].requests.len(), &previews[0].refused[..]), (0, &[("unmatched", 1)][..]));
    let exporter = exporter(&of("http://127.0.0.1:1"));
    assert_eq!(discarded(&encode(&exporter, &[sample]), Reason::Unmatched), 1);
    let previews = plan("http://127.0.0.1:1").preview(&read());
    assert!(previews[0].requests[0].contains("content-encoding: snappy"));
}

#[tokio::test]
async fn an_exporter_of_metrics_gets_metrics_and_nothing_else() {
    let (server, asked) = sink(204);
    let ledger = Arc::new(Ledger::default());
    let running = Running::start(plan(&server.url()), ledger.clone());
    let (points, spans) = (read().len() as u64, otlp::count(Signal::Traces, TRACES).unwrap());
    let arrived =
        || ledger.snapshot().destination("out").is_some_and(|out| out.counts.accepted == points + spans);
    while !arrived() {
        tokio::task::yield_now().await;
    }
    let summary = running.shutdown(Duration::from_secs(5)).await;
    let counts = &summary.ledger.destination("out").unwrap().counts;
    assert_eq!((counts.delivered, counts.dropped.get(Reason::Unmatched.as_str())), (points, Some(&spans)));
    assert!(summary.ledger.balances());
    assert_eq!(asked.lock().unwrap().len(), 1);
}

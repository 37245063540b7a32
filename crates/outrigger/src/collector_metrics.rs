//! Our counts under the Collector's names, so that its dashboards keep working.
//!
//! Each exporter of a Collector configuration serves one signal; its id ends in `:signal` where several share a name.
//! What is refused before it can be read has no signal yet and counts as log records. The size of a queue is in bytes
//! here, as is its capacity.
//! Source: the Collector's internal telemetry at level `normal`, as of v0.156.

use engine::ledger::{DestinationView, Snapshot};
use model::Signal;
use telemetry::{Exposition, Usage};

const SIGNALS: [(Signal, &str, &str); 3] = [
    (Signal::Traces, "spans", "traces"),
    (Signal::Metrics, "metric_points", "metrics"),
    (Signal::Logs, "log_records", "logs"),
];

/// The page. `uptime` is in seconds.
pub fn page(snapshot: &Snapshot, uptime: f64) -> String {
    let mut page = Exposition::new();
    receivers(&mut page, snapshot);
    processors(&mut page, snapshot);
    exporters(&mut page, snapshot);
    queues(&mut page, snapshot);
    process(&mut page, uptime);
    page.finish()
}

fn receivers(page: &mut Exposition, snapshot: &Snapshot) {
    for (signal, items, _) in SIGNALS {
        let name = format!("otelcol_receiver_accepted_{items}");
        let mut accepted = page.foreign_counter(&name, "Items pushed into the pipeline.");
        for (id, counts) in snapshot.receivers.iter().filter(|(_, counts)| counts.by_signal.of(signal) > 0) {
            accepted.count(&[("receiver", id)], counts.by_signal.of(signal));
        }
    }
    let mut refused =
        page.foreign_counter("otelcol_receiver_refused_log_records", "Items that were refused.");
    for (id, counts) in &snapshot.receivers {
        refused.count(&[("receiver", id)], counts.refused.values().sum());
    }
}

fn processors(page: &mut Exposition, snapshot: &Snapshot) {
    let mut incoming =
        page.foreign_counter("otelcol_processor_incoming_items", "Items passed to the processor.");
    for (id, counts) in &snapshot.processors {
        incoming.count(&[("processor", id)], counts.records_in);
    }
    let mut outgoing =
        page.foreign_counter("otelcol_processor_outgoing_items", "Items emitted from the processor.");
    for (id, counts) in &snapshot.processors {
        outgoing.count(&[("processor", id)], counts.records_out);
    }
}

/// A destination that has seen items, the name it has in the configuration, and its only signal.
fn of_signal(snapshot: &Snapshot, signal: Signal) -> impl Iterator<Item = (&DestinationView, &str)> {
    let views = snapshot.destinations.iter().filter(move |view| view.counts.by_signal.of(signal) > 0);
    views.map(|view| (view, view.id.split(':').next().unwrap_or(&view.id)))
}

fn exporters(page: &mut Exposition, snapshot: &Snapshot) {
    for (signal, items, _) in SIGNALS {
        let name = format!("otelcol_exporter_sent_{items}");
        let mut sent = page.foreign_counter(&name, "Items sent to the destination.");
        for (view, exporter) in of_signal(snapshot, signal) {
            sent.count(&[("exporter", exporter)], view.counts.delivered);
        }
        let name = format!("otelcol_exporter_enqueue_failed_{items}");
        let mut overflowed = page.foreign_counter(&name, "Items for which the queue had no room.");
        for (view, exporter) in of_signal(snapshot, signal) {
            overflowed.count(&[("exporter", exporter)], overflow(view));
        }
        let name = format!("otelcol_exporter_send_failed_{items}");
        let mut failed = page.foreign_counter(&name, "Items that could not be sent, after all tries.");
        for (view, exporter) in of_signal(snapshot, signal) {
            failed.count(&[("exporter", exporter)], view.counts.lost() - overflow(view));
        }
    }
}

fn overflow(view: &DestinationView) -> u64 {
    view.counts.dropped.get("overflow").copied().unwrap_or(0)
}

fn queues(page: &mut Exposition, snapshot: &Snapshot) {
    type Value = fn(&DestinationView) -> u64;
    let families: [(&str, &str, Value); 2] = [
        ("otelcol_exporter_queue_size", "Bytes waiting in memory and on disk.", |view| {
            view.queue_bytes + view.disk_bytes
        }),
        ("otelcol_exporter_queue_capacity", "Bytes that may wait in memory and on disk.", |view| {
            view.queue_capacity + view.disk_quota
        }),
    ];
    for (name, help, value) in families {
        let mut family = page.gauge(name, help);
        for (signal, _, data_type) in SIGNALS {
            for (view, exporter) in of_signal(snapshot, signal) {
                family.count(&[("data_type", data_type), ("exporter", exporter)], value(view));
            }
        }
    }
}

fn process(page: &mut Exposition, uptime: f64) {
    let usage = Usage::read();
    page.foreign_counter("otelcol_process_uptime", "Uptime of the process, in seconds.").value(&[], uptime);
    if let Some(seconds) = usage.cpu_seconds {
        let help = "Total CPU user and system time in seconds.";
        page.foreign_counter("otelcol_process_cpu_seconds", help).value(&[], seconds);
    }
    if let Some(bytes) = usage.resident_bytes {
        page.gauge("otelcol_process_memory_rss", "Total physical memory (resident set size).")
            .count(&[], bytes);
    }
}

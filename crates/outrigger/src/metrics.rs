//! The `/metrics` page, from one snapshot of the ledger.

use engine::ledger::Snapshot;
use telemetry::{Exposition, Usage};

pub fn page(snapshot: &Snapshot) -> String {
    let mut page = Exposition::new();
    build_info(&mut page);
    receivers(&mut page, snapshot);
    processors(&mut page, snapshot);
    destinations(&mut page, snapshot);
    Usage::read().write(&mut page);
    page.finish()
}

fn build_info(page: &mut Exposition) {
    let labels = [("version", env!("CARGO_PKG_VERSION")), ("commit", env!("OUTRIGGER_COMMIT"))];
    page.gauge("outrigger_build_info", "Version and commit of this program.").count(&labels, 1);
}

fn receivers(page: &mut Exposition, snapshot: &Snapshot) {
    let mut records = page.counter("outrigger_receiver_records_total", "Records received.");
    for (id, counts) in &snapshot.receivers {
        records.count(&[("component", id)], counts.records);
    }
    let mut bytes = page.counter("outrigger_receiver_bytes_total", "Bytes received.");
    for (id, counts) in &snapshot.receivers {
        bytes.count(&[("component", id)], counts.bytes);
    }
    let mut refused = page.counter("outrigger_receiver_refused_total", "Records that could not be decoded.");
    for (id, counts) in &snapshot.receivers {
        for (reason, records) in &counts.refused {
            refused.count(&[("component", id), ("reason", reason)], *records);
        }
    }
}

fn processors(page: &mut Exposition, snapshot: &Snapshot) {
    let mut dropped = page.counter("outrigger_processor_dropped_total", "Records removed, by reason.");
    for (id, counts) in &snapshot.processors {
        for (reason, records) in &counts.dropped {
            dropped.count(&[("component", id), ("reason", reason)], *records);
        }
    }
    let mut held = page.gauge("outrigger_processor_held_records", "Records kept back for later ones.");
    for (id, counts) in &snapshot.processors {
        held.count(&[("component", id)], counts.held);
    }
    let intake = &snapshot.intake;
    let mut dropped =
        page.counter("outrigger_intake_dropped_total", "Records that reached no destination, by reason.");
    for (reason, records) in &intake.dropped {
        dropped.count(&[("reason", reason)], *records);
    }
    page.gauge("outrigger_intake_in_hand_records", "Records on their way through the pipelines.")
        .count(&[], intake.in_hand);
}

fn destinations(page: &mut Exposition, snapshot: &Snapshot) {
    type Count = fn(&engine::ledger::DestinationView) -> u64;
    let counters: [(&str, &str, Count); 10] = [
        ("outrigger_destination_accepted_records_total", "Records handed to the destination.", |d| {
            d.counts.accepted
        }),
        ("outrigger_destination_delivered_records_total", "Records it took.", |d| d.counts.delivered),
        ("outrigger_destination_delivered_payloads_total", "Requests it took.", |d| d.counts.payloads),
        ("outrigger_destination_delivered_bytes_total", "Bytes it took, before compression.", |d| {
            d.counts.delivered_bytes
        }),
        ("outrigger_destination_sent_bytes_total", "Bytes it took, as sent.", |d| d.counts.sent_bytes),
        ("outrigger_destination_retries_total", "Tries that were followed by another.", |d| d.counts.retries),
        ("outrigger_destination_errors_total", "Tries that failed.", |d| d.counts.errors),
        ("outrigger_destination_given_up_payloads_total", "Requests given up.", |d| d.counts.retries_failed),
        (
            "outrigger_destination_dead_lettered_records_total",
            "Records lost but kept as dead letters.",
            |d| d.counts.dead_lettered,
        ),
        ("outrigger_destination_saved_records_total", "Records in the lifeboat.", |d| d.counts.saved),
    ];
    for (name, help, count) in counters {
        let mut family = page.counter(name, help);
        for view in &snapshot.destinations {
            family.count(&[("component", &view.id)], count(view));
        }
    }
    let mut dropped = page.counter("outrigger_destination_dropped_records_total", "Records lost, by reason.");
    for view in &snapshot.destinations {
        for (reason, records) in &view.counts.dropped {
            dropped.count(&[("component", &view.id), ("reason", reason)], *records);
        }
    }
    let gauges: [(&str, &str, Count); 3] = [
        ("outrigger_destination_waiting_records", "Records not yet settled.", |d| d.counts.waiting()),
        ("outrigger_destination_queue_bytes", "Bytes waiting in memory.", |d| d.queue_bytes),
        ("outrigger_destination_queue_capacity_bytes", "Bytes that may wait in memory.", |d| {
            d.queue_capacity
        }),
    ];
    for (name, help, count) in gauges {
        let mut family = page.gauge(name, help);
        for view in &snapshot.destinations {
            family.count(&[("component", &view.id)], count(view));
        }
    }
    let name = "outrigger_destination_oldest_unsent_seconds";
    let mut oldest = page.gauge(name, "Age of the oldest record not yet settled; 0 when none waits.");
    for view in &snapshot.destinations {
        oldest.value(&[("component", &view.id)], view.oldest_unsent_seconds.unwrap_or(0.0));
    }
}

//! What a person sees while it runs: a calm line for each destination on a terminal, one structured line a
//! minute in a container, and the ledger at the end.

use std::collections::HashMap;
use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;
use std::time::Duration;

use engine::ledger::{DestinationView, Snapshot};
use engine::{Ledger, Summary};
use serde_json::json;
use tokio::time::{Instant, interval};
use tracing::info;

const ON_TERMINAL: Duration = Duration::from_secs(1);
const IN_CONTAINER: Duration = Duration::from_secs(60);

/// Reports until it is dropped.
pub async fn report(ledger: Arc<Ledger>) {
    if stderr().is_terminal() { redraw(ledger).await } else { log_each_minute(ledger).await }
}

/// Redraws one line a destination in place.
async fn redraw(ledger: Arc<Ledger>) {
    let mut ticks = interval(ON_TERMINAL);
    let mut rates = Rates::default();
    let mut drawn = 0;
    loop {
        ticks.tick().await;
        telemetry::log::flush();
        let snapshot = ledger.snapshot();
        let mut text = String::new();
        if drawn > 0 {
            text.push_str(&format!("\x1b[{drawn}A"));
        }
        for view in &snapshot.destinations {
            text.push_str(&format!("\x1b[2K{}\n", line(view, rates.of(view))));
        }
        drawn = snapshot.destinations.len();
        rates.mark();
        // A terminal that is gone takes nothing; there is nobody to tell.
        let _ = stderr().write_all(text.as_bytes());
    }
}

async fn log_each_minute(ledger: Arc<Ledger>) {
    let mut ticks = interval(IN_CONTAINER);
    ticks.tick().await;
    let mut rates = Rates::default();
    loop {
        ticks.tick().await;
        telemetry::log::flush();
        for view in &ledger.snapshot().destinations {
            info!(
                component = %view.id,
                records_per_second = rates.of(view).round() as u64,
                delivered = view.counts.delivered,
                waiting = view.counts.waiting(),
                dropped = view.counts.lost(),
                oldest_unsent_seconds = view.oldest_unsent_seconds.unwrap_or(0.0).round() as u64,
                "destination status"
            );
        }
        rates.mark();
    }
}

fn line(view: &DestinationView, rate: f64) -> String {
    let counts = &view.counts;
    let oldest = match view.oldest_unsent_seconds {
        Some(age) if age >= 1.0 => format!("   oldest unsent {age:.0} s"),
        _ => String::new(),
    };
    let error = match &view.last_error {
        Some(error) => format!("   {}", error.chars().take(80).collect::<String>()),
        None => String::new(),
    };
    format!(
        "{:<20} {:>8.0} records/s   {:>10} delivered   {:>8} waiting   {:>6} dropped{oldest}{error}",
        view.id,
        rate,
        counts.delivered,
        counts.waiting(),
        counts.lost(),
    )
}

/// Records a second between two looks.
struct Rates {
    before: HashMap<String, u64>,
    now: HashMap<String, u64>,
    since: Instant,
}

impl Default for Rates {
    fn default() -> Self {
        Rates { before: HashMap::new(), now: HashMap::new(), since: Instant::now() }
    }
}

impl Rates {
    fn of(&mut self, view: &DestinationView) -> f64 {
        self.now.insert(view.id.clone(), view.counts.delivered);
        let before = self.before.get(&view.id).copied().unwrap_or(0);
        view.counts.delivered.saturating_sub(before) as f64 / self.since.elapsed().as_secs_f64().max(0.001)
    }

    fn mark(&mut self) {
        self.before = std::mem::take(&mut self.now);
        self.since = Instant::now();
    }
}

/// The last words: on a terminal for a person, else one JSON line that a script can compare.
pub fn last_words(summary: &Summary) {
    telemetry::log::flush();
    let text =
        if stderr().is_terminal() { for_people(summary) } else { format!("{}\n", for_scripts(summary)) };
    let _ = stderr().write_all(text.as_bytes());
}

fn for_people(summary: &Summary) -> String {
    let snapshot = &summary.ledger;
    let mut text = format!("\nreceived {} records\n", snapshot.intake.received);
    for (reason, records) in &snapshot.intake.dropped {
        text.push_str(&format!("  {records} {reason}\n"));
    }
    for view in &snapshot.destinations {
        text.push_str(&format!(
            "{}: {} of {} delivered",
            view.id, view.counts.delivered, view.counts.accepted
        ));
        if view.counts.saved > 0 {
            text.push_str(&format!(", {} in the lifeboat", view.counts.saved));
        }
        for (reason, records) in &view.counts.dropped {
            text.push_str(&format!(", {records} {reason}"));
        }
        text.push('\n');
    }
    text
}

fn for_scripts(summary: &Summary) -> serde_json::Value {
    let snapshot: &Snapshot = &summary.ledger;
    json!({
        "message": "final ledger",
        "took_seconds": summary.took.as_secs_f64(),
        "lost": summary.lost,
        "on_disk": summary.on_disk,
        "saved": summary.saved,
        "balances": snapshot.balances(),
        "intake": snapshot.intake,
        "receivers": snapshot.receivers,
        "processors": snapshot.processors,
        "destinations": snapshot.destinations,
    })
}

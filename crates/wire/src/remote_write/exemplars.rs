//! Exemplars: single measurements that lead to a trace.

use model::Arena;
use model::metric::{Exemplar as Row, ExemplarValue};

use super::labels::{Labels, Taken, sorted};

/// Characters that the labels of an exemplar may have in all, after OpenMetrics.
const MAX_CHARACTERS: usize = 128;

pub(super) struct Exemplar {
    pub labels: Labels,
    pub value: f64,
    /// Nanoseconds since the epoch.
    pub time: u64,
}

/// Exemplars in the order of their time.
pub(super) fn of_point(arena: &Arena, rows: &[Row]) -> Vec<Exemplar> {
    let mut exemplars: Vec<Exemplar> = rows.iter().filter_map(|row| of_row(arena, row)).collect();
    exemplars.sort_by_key(|exemplar| exemplar.time);
    exemplars
}

fn of_row(arena: &Arena, row: &Row) -> Option<Exemplar> {
    let value = match row.value {
        ExemplarValue::None => return None,
        ExemplarValue::Int(int) => int as f64,
        ExemplarValue::Double(double) => double,
    };
    let mut ids = Labels::default();
    put_id(&mut ids, "trace_id", &row.trace_id);
    put_id(&mut ids, "span_id", &row.span_id);
    let mut labels = Labels::default();
    labels.put_attributes(arena, &sorted(arena, &[row.attributes]), "");
    for (name, value) in ids.iter() {
        labels.put(name, value, Taken::Replace);
    }
    // The trace is what an exemplar is for, so the rest goes first.
    let characters = |labels: &Labels| -> usize {
        labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum()
    };
    let labels = if characters(&labels) > MAX_CHARACTERS { ids } else { labels };
    Some(Exemplar { labels, value, time: row.time })
}

fn put_id(labels: &mut Labels, name: &str, id: &[u8]) {
    if id.iter().any(|byte| *byte != 0) {
        let text: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        labels.put(name, &text, Taken::Replace);
    }
}

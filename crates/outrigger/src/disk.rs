//! Where the queues of this process wait on disk, and how much room they may take.

use std::path::PathBuf;

use config::topology::{DeadLetters, DiskQueue, Topology};
use net::Environment;

/// Where data goes when nothing says otherwise.
const DEFAULT_FOLDER: &str = "outrigger-data";
/// Most bytes of one destination's queue, unless the user wrote a number.
const MOST_BYTES: u64 = 4 << 30;
/// Part of the free room that all queues together may take: the disk is the application's, too.
const SHARE: f64 = 0.4;
/// Below this there is no disk queue.
const LEAST_BYTES: u64 = 16 << 20;

/// Most bytes of one destination's dead letters, and most of its share of the room.
const DEAD_BYTES: u64 = 256 << 20;

/// Gives each destination a folder below `OUTRIGGER_DATA`, the configuration's `storage.path`, or the default.
/// Nothing is made until something has to be written.
pub fn assign(topology: &mut Topology, environment: &Environment) {
    if environment.get("OUTRIGGER_DISK").is_some_and(|word| word.eq_ignore_ascii_case("off")) {
        return;
    }
    let base = match (environment.get("OUTRIGGER_DATA"), &topology.service.storage) {
        (Some(folder), _) => PathBuf::from(folder),
        (None, Some(folder)) => folder.clone(),
        (None, None) => PathBuf::from(DEFAULT_FOLDER),
    };
    let free = telemetry::disk::free_bytes(&base).unwrap_or(0);
    let share = (free as f64 * SHARE) as u64 / topology.exporters.len().max(1) as u64;
    let sync = topology.service.disk_sync;
    for exporter in &mut topology.exporters {
        let quota_bytes = exporter.delivery.disk_quota_bytes.unwrap_or(share.min(MOST_BYTES));
        if quota_bytes >= LEAST_BYTES || exporter.delivery.disk_quota_bytes.is_some() {
            let folder = base.join("queues").join(folder_name(&exporter.component.id));
            exporter.delivery.disk = Some(DiskQueue { folder, quota_bytes, sync });
            let folder = base.join("dead").join(folder_name(&exporter.component.id));
            let quota_bytes = DEAD_BYTES.min(quota_bytes);
            exporter.delivery.dead = Some(DeadLetters { folder, quota_bytes });
        }
    }
}

/// A folder of its own for each name, whatever characters the name holds.
pub fn folder_name(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    id.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_folders() {
        assert_eq!(folder_name("datadog.0"), "datadog.0");
        assert_eq!(folder_name("otlp/../x y"), "otlp_.._x_y");
    }
}

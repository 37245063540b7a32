//! The exporter `file`: what its keys become. Ours of that name writes plain text; this one is `otlp_file`.

use std::time::Duration;

use config::{Delivery, Setting};
use serde::Deserialize;

use super::draft::Draft;
use super::exporters::Exporter;
use super::values::GoDuration;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FileConfig {
    path: Option<String>,
    rotation: Option<Rotation>,
    format: Option<String>,
    append: bool,
    compression: Option<String>,
    flush_interval: Option<GoDuration>,
    create_directory: bool,
    directory_permissions: Option<String>,
    group_by: GroupBy,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rotation {
    max_megabytes: Option<u64>,
    max_days: Option<u64>,
    max_backups: Option<u64>,
    localtime: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code)] // Its keys are checked alone.
struct GroupBy {
    enabled: bool,
    resource_attribute: Option<String>,
    max_open_files: Option<u64>,
}

pub(super) fn lower(mut draft: Draft<'_>) -> Option<Exporter> {
    let mut config = draft.group::<FileConfig>();
    refuse(&config, &mut draft);
    let path = config.path.take().unwrap_or_default();
    if path.is_empty() {
        draft.error("path must be non-empty", "write `path: /var/log/telemetry.jsonl`");
    }
    let mut settings = Setting::map().with("path", path);
    if config.append {
        settings.set("append", true);
    }
    if config.create_directory {
        settings.set("create_directory", true);
    }
    if let Some(rotation) = config.rotation.take() {
        settings.set("rotation", rotation.lower(&mut draft));
    }
    // One line after the other, so that they stand in the order they were written.
    let mut delivery = Delivery { concurrency: 1, ..Delivery::default() };
    match config.flush_interval {
        Some(GoDuration(Duration::ZERO)) => {
            draft.error("flush_interval must be larger than zero", "the default is 1s");
        }
        Some(interval) => delivery.flush = interval.0,
        None => {}
    }
    Some(Exporter { kind: "otlp_file", settings: draft.finish(settings)?, delivery, last: Vec::new() })
}

/// What the Collector's writes and ours does not.
fn refuse(config: &FileConfig, draft: &mut Draft<'_>) {
    match config.format.as_deref() {
        None | Some("json") => {}
        Some("proto") => draft.error("format `proto` is not written here", "use json"),
        Some(_) => draft.error("format type is not supported", "use json"),
    }
    match config.compression.as_deref() {
        None | Some("" | "none") => {}
        Some("zstd") => draft.error(
            "compression `zstd` is not written here: its files are no longer lines",
            "leave it out, and compress files once `rotation` has put them aside",
        ),
        Some(_) => draft.error("compression is not supported", "leave it out"),
    }
    if config.append && config.rotation.is_some() {
        let help = "remove `append`: with `rotation` files are always appended to";
        draft.error("append and rotation enabled at the same time is not supported", help);
    }
    if config.group_by.enabled {
        draft.error("`group_by`: there is one file", "define an exporter for each, behind a `filter`");
    }
    if draft.take("encoding").is_some() {
        draft.error("`encoding`: there are no encoding extensions", "remove it; lines are OTLP in JSON");
    }
    if config.directory_permissions.is_some() {
        draft.note("`directory_permissions`: folders are made with what the process's umask leaves");
    }
    if draft.take("compression_params").is_some() {
        draft.note("`compression_params`: nothing is compressed");
    }
}

impl Rotation {
    fn lower(self, draft: &mut Draft<'_>) -> Setting {
        if self.localtime {
            draft.note("`localtime`: files put aside bear the time in UTC");
        }
        let mut rotation = Setting::map();
        for (name, number) in [
            ("max_megabytes", self.max_megabytes.filter(|most| *most > 0)),
            ("max_days", self.max_days),
            ("max_backups", self.max_backups),
        ] {
            if let Some(number) = number {
                rotation.set(name, number);
            }
        }
        rotation
    }
}

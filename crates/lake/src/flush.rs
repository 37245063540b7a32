//! From memory to segments: what a log file held becomes one file a table.

use std::path::{Path, PathBuf};
use std::{fs, io};

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};

use crate::memtable::Memtable;
use crate::segment::{SegmentWriter, Unnamed, Written};
use crate::{LakeError, Settings, Step, Table};

/// Rows that are sorted and written at once.
const PART: usize = 16 << 10;

/// Where a flush puts the rows of a log file.
fn path(folder: &Path, table: Table, number: u64) -> PathBuf {
    folder.join(table.name()).join("new").join(format!("{number:016}.parquet"))
}

/// Writes the rows of every table; the catalog learns of the files afterwards.
pub(crate) fn write(memtable: &Memtable, settings: &Settings) -> Result<Vec<Written>, LakeError> {
    let mut unnamed: Vec<Unnamed> = Vec::new();
    let tables: Vec<_> = memtable.tables().collect();
    for (n, (table, batches)) in tables.iter().enumerate() {
        let rows = concat_batches(&table.kept(), *batches)?;
        let order = order(*table, &rows)?;
        let path = path(&settings.folder, *table, memtable.number);
        let mut writer = SegmentWriter::create(*table, 0, path)?;
        // In parts: a sorted copy of all would be as large as the memtable once more.
        for start in (0..order.len()).step_by(PART) {
            let part = order.slice(start, PART.min(order.len() - start));
            writer.write(&take_record_batch(&rows, &part)?)?;
        }
        unnamed.push(writer.finish()?);
        if n == tables.len() / 2 {
            settings.reached(Step::SegmentsHalfWritten);
        }
    }
    let written = unnamed.into_iter().map(Unnamed::name).collect();
    settings.reached(Step::SegmentsRenamed);
    written
}

/// The places of all rows in the table's order; rows that are equal in it keep theirs.
fn order(table: Table, rows: &RecordBatch) -> Result<UInt32Array, LakeError> {
    let columns = table.order().iter().chain(&[crate::table::SEQ]).filter_map(|name| {
        let values = rows.column_by_name(name)?.clone();
        Some(SortColumn { values, options: None })
    });
    Ok(lexsort_to_indices(&columns.collect::<Vec<_>>(), None)?)
}

/// Removes files under the tables' folders that the catalog does not know: a process ended before it told it.
/// Only names that this program gives are touched.
pub(crate) fn sweep(folder: &Path, known: &dyn Fn(&Path) -> bool) {
    for table in Table::ALL {
        for path in files(&folder.join(table.name())).unwrap_or_default() {
            let extension = path.extension().and_then(|extension| extension.to_str());
            let left = extension == Some("unnamed") || (extension == Some("parquet") && !known(&path));
            if left && named_by_us(&path) {
                tracing::info!(file = %path.display(), "removed: its rows are elsewhere");
                let _ = fs::remove_file(&path);
            } else if !known(&path) {
                tracing::warn!(file = %path.display(), "not a file of this lake; skipped");
            }
        }
    }
}

/// `0000000000000007.parquet`, or `0000000000000007-1.parquet` after a compaction.
fn named_by_us(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let (number, part) = stem.split_once('-').unwrap_or((stem, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    number.len() == 16 && digits(number) && digits(part)
}

/// Whether a table has files that only the catalog can tell the use of.
pub(crate) fn any_left(folder: &Path) -> bool {
    let ours = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "parquet") && named_by_us(path)
    };
    Table::ALL.iter().any(|table| files(&folder.join(table.name())).unwrap_or_default().iter().any(ours))
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        // A link may lead out of the lake.
        match entry.file_type()?.is_dir() {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}

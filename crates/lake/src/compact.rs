//! Joining small segments: sorted runs are merged into one file an hour.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::row::{OwnedRow, RowConverter, SortField};
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use crate::segment::{SegmentWriter, Unnamed, Written};
use crate::table::SEQ;
use crate::{LakeError, Segment, Settings, Table};

/// Segments of one level that are worth joining.
const ENOUGH: usize = 8;
/// The largest file that is joined with others, in bytes.
const LARGE: u64 = 128 << 20;
/// Rows read and written at once, of each part.
const ROWS: usize = 8192;

/// Segments that become one.
pub(crate) struct Job {
    pub parts: Vec<Arc<Segment>>,
    table: Table,
    level: u32,
}

/// The oldest segments of one table and level, where there are enough.
pub(crate) fn choose(segments: &[Arc<Segment>]) -> Option<Job> {
    for table in Table::ALL {
        for level in 0..2 {
            let fits = |segment: &&Arc<Segment>| {
                segment.table == table && segment.level == level && segment.bytes < LARGE
            };
            let mut parts: Vec<_> = segments.iter().filter(fits).cloned().collect();
            if parts.len() >= ENOUGH {
                parts.sort_by_key(|segment| segment.id);
                parts.truncate(ENOUGH);
                return Some(Job { parts, table, level: level + 1 });
            }
        }
    }
    None
}

pub(crate) fn write(job: &Job, settings: &Settings) -> Result<Vec<Written>, LakeError> {
    let path = path(job, settings);
    let mut writer = SegmentWriter::create(job.table, job.level, path)?;
    let mut merge = Merge::open(job)?;
    while let Some(rows) = merge.next()? {
        writer.write(&rows)?;
    }
    Ok(vec![writer.finish().and_then(Unnamed::name)?])
}

/// Hive's layout, by the first row, so that other engines can skip days.
fn path(job: &Job, settings: &Settings) -> PathBuf {
    let first = job.parts.iter().map(|segment| segment.min_time).min().unwrap_or_default();
    let time = jiff::Timestamp::from_microsecond(first).unwrap_or_default();
    let at = jiff::tz::TimeZone::UTC.to_datetime(time);
    let id = job.parts.first().map_or(0, |segment| segment.id);
    settings
        .folder
        .join(job.table.name())
        .join(format!("day={:04}-{:02}-{:02}", at.year(), at.month(), at.day()))
        .join(format!("hour={:02}", at.hour()))
        .join(format!("{id:016}-{}.parquet", job.level))
}

/// One part being read, a batch at a time.
struct Run {
    reader: ParquetRecordBatchReader,
    rows: RecordBatch,
    keys: Vec<OwnedRow>,
    at: usize,
}

struct Merge {
    table: Table,
    converter: RowConverter,
    runs: Vec<Run>,
    heap: BinaryHeap<Reverse<(OwnedRow, usize)>>,
}

impl Merge {
    fn open(job: &Job) -> Result<Merge, LakeError> {
        let schema = job.table.kept();
        let fields = keys(job.table).filter_map(|name| {
            let field = schema.field_with_name(name).ok()?;
            Some(SortField::new(field.data_type().clone()))
        });
        let converter = RowConverter::new(fields.collect())?;
        let mut merge = Merge { table: job.table, converter, runs: Vec::new(), heap: BinaryHeap::new() };
        for segment in &job.parts {
            let reader = open(segment)?;
            let rows = RecordBatch::new_empty(schema.clone());
            merge.runs.push(Run { reader, rows, keys: Vec::new(), at: 0 });
            let n = merge.runs.len() - 1;
            if merge.load(n)? {
                merge.offer(n);
            }
        }
        Ok(merge)
    }

    /// Reads the next batch of a run; whether there was one.
    fn load(&mut self, n: usize) -> Result<bool, LakeError> {
        let run = &mut self.runs[n];
        let Some(rows) = run.reader.next() else { return Ok(false) };
        run.rows = rows?;
        let columns: Vec<_> =
            keys(self.table).filter_map(|name| run.rows.column_by_name(name).cloned()).collect();
        run.keys = self.converter.convert_columns(&columns)?.iter().map(|row| row.owned()).collect();
        run.at = 0;
        Ok(true)
    }

    fn offer(&mut self, n: usize) {
        let run = &self.runs[n];
        self.heap.push(Reverse((run.keys[run.at].clone(), n)));
    }

    /// Up to [`ROWS`] rows in order. Ends early where a run's batch ends, since its rows must be there to be taken.
    fn next(&mut self) -> Result<Option<RecordBatch>, LakeError> {
        let mut taken: Vec<(usize, usize)> = Vec::with_capacity(ROWS);
        let mut ended = None;
        while taken.len() < ROWS
            && let Some(Reverse((_, n))) = self.heap.pop()
        {
            let run = &mut self.runs[n];
            taken.push((n, run.at));
            run.at += 1;
            if run.at == run.rows.num_rows() {
                ended = Some(n);
                break;
            }
            self.offer(n);
        }
        if taken.is_empty() {
            return Ok(None);
        }
        let batches: Vec<_> = self.runs.iter().map(|run| &run.rows).collect();
        let rows = interleave_record_batch(&batches, &taken)?;
        if let Some(n) = ended
            && self.load(n)?
        {
            self.offer(n);
        }
        Ok(Some(rows))
    }
}

fn keys(table: Table) -> impl Iterator<Item = &'static str> {
    table.order().iter().copied().chain([SEQ])
}

fn open(segment: &Segment) -> Result<ParquetRecordBatchReader, LakeError> {
    let file = File::open(&segment.path).map_err(LakeError::file("cannot read", &segment.path))?;
    let options = ArrowReaderOptions::new().with_schema(segment.table.kept());
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)?;
    Ok(builder.with_batch_size(ROWS).build()?)
}

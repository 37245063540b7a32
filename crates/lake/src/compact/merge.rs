//! Sorted runs as one: rows of several segments in their table's order, a batch at a time.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::compute::interleave_record_batch;
use arrow::row::{RowConverter, Rows, SortField};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use super::{Failed, ROWS};
use crate::table::SEQ;
use crate::{LakeError, Segment, Table};

/// One part being read: a batch, and the keys of its rows.
struct Run {
    part: usize,
    reader: ParquetRecordBatchReader,
    rows: RecordBatch,
    keys: Rows,
    at: usize,
}

pub(super) struct Merge {
    table: Table,
    converter: RowConverter,
    /// Those that have rows left.
    runs: Vec<Run>,
}

impl Merge {
    pub fn open(table: Table, parts: &[Arc<Segment>]) -> Result<Merge, Failed> {
        let schema = table.kept();
        let fields = keys(table).filter_map(|name| {
            let field = schema.field_with_name(name).ok()?;
            Some(SortField::new(field.data_type().clone()))
        });
        let converter = RowConverter::new(fields.collect()).map_err(LakeError::from)?;
        let mut merge = Merge { table, converter, runs: Vec::new() };
        for (part, segment) in parts.iter().enumerate() {
            let failed = |error| Failed { part: Some(part), error };
            let reader = open(segment).map_err(failed)?;
            let (rows, keys) = (RecordBatch::new_empty(schema.clone()), merge.converter.empty_rows(0, 0));
            merge.runs.push(Run { part, reader, rows, keys, at: 0 });
            merge.load(merge.runs.len() - 1)?;
        }
        Ok(merge)
    }

    /// Reads the next batch of a run. One that has none left is gone afterwards.
    fn load(&mut self, n: usize) -> Result<(), Failed> {
        let run = &mut self.runs[n];
        let part = run.part;
        let Some(read) = run.reader.next() else {
            self.runs.swap_remove(n);
            return Ok(());
        };
        let read = read.map_err(LakeError::from).and_then(|rows| as_kept(self.table, &rows));
        run.rows = read.map_err(|error| Failed { part: Some(part), error })?;
        let columns: Vec<_> =
            keys(self.table).filter_map(|name| run.rows.column_by_name(name).cloned()).collect();
        run.keys = self.converter.convert_columns(&columns).map_err(LakeError::from)?;
        run.at = 0;
        Ok(())
    }

    /// Up to [`ROWS`] rows in order. Ends early where a run's batch ends, since its rows must be there to be taken.
    pub fn next(&mut self) -> Result<Option<RecordBatch>, Failed> {
        let mut taken: Vec<(usize, usize)> = Vec::with_capacity(ROWS);
        let mut ended = None;
        while taken.len() < ROWS
            && ended.is_none()
            && let Some((first, until)) = self.ahead()
        {
            // As long as this run is ahead of the others, its rows follow each other.
            let end = until.min(self.runs[first].at + ROWS - taken.len());
            let run = &mut self.runs[first];
            taken.extend((run.at..end).map(|row| (first, row)));
            run.at = end;
            ended = (end == run.rows.num_rows()).then_some(first);
        }
        let Some((first, start)) = taken.first().copied() else { return Ok(None) };
        let rows = match taken.iter().all(|(run, _)| *run == first) {
            true => self.runs[first].rows.slice(start, taken.len()),
            false => {
                let batches: Vec<_> = self.runs.iter().map(|run| &run.rows).collect();
                interleave_record_batch(&batches, &taken).map_err(LakeError::from)?
            }
        };
        if let Some(n) = ended {
            self.load(n)?;
        }
        Ok(Some(rows))
    }

    /// The run with the least row, and up to where its rows stand before those of all others.
    fn ahead(&self) -> Option<(usize, usize)> {
        let key = |n: usize| self.runs[n].keys.row(self.runs[n].at);
        let first = (0..self.runs.len()).min_by_key(|n| key(*n))?;
        let second = (0..self.runs.len()).filter(|n| *n != first).min_by_key(|n| key(*n));
        let run = &self.runs[first];
        let Some(second) = second.map(key) else { return Some((first, run.rows.num_rows())) };
        let mut until = run.at + 1;
        while until < run.rows.num_rows() && run.keys.row(until) <= second {
            until += 1;
        }
        Some((first, until))
    }
}

fn keys(table: Table) -> impl Iterator<Item = &'static str> {
    table.order().iter().copied().chain([SEQ])
}

/// A file of an earlier version may lack columns.
fn open(segment: &Segment) -> Result<ParquetRecordBatchReader, LakeError> {
    let file = File::open(&segment.path).map_err(LakeError::file("cannot read", &segment.path))?;
    let there = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    let kept = segment.table.kept();
    let columns: Vec<usize> = (0..kept.fields().len())
        .filter(|n| there.schema().column_with_name(kept.field(*n).name()).is_some())
        .collect();
    let options = ArrowReaderOptions::new().with_schema(Arc::new(kept.project(&columns)?));
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)?;
    Ok(builder.with_batch_size(ROWS).build()?)
}

fn as_kept(table: Table, rows: &RecordBatch) -> Result<RecordBatch, LakeError> {
    let kept = table.kept();
    let column = |field: &Arc<arrow::datatypes::Field>| match rows.column_by_name(field.name()) {
        Some(column) => column.clone(),
        None => new_null_array(field.data_type(), rows.num_rows()),
    };
    Ok(RecordBatch::try_new(kept.clone(), kept.fields().iter().map(column).collect())?)
}

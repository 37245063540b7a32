//! Rows that are in the log and in no segment yet, queryable as they came.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::{concat_batches, max, min};
use std::sync::Arc;

use crate::{LakeError, Table};

/// Batches smaller than this are joined with their neighbour, so that many small arrivals stay few batches.
const SMALL: usize = 4096;

/// The rows of one log file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memtable {
    /// Of the log file.
    pub number: u64,
    tables: HashMap<Table, Vec<RecordBatch>>,
    pub rows: usize,
    pub bytes: usize,
    /// The latest row's; the next gets one more.
    next: u32,
}

impl Memtable {
    pub fn new(number: u64) -> Memtable {
        Memtable { number, ..Memtable::default() }
    }

    /// Adds rows and gives them their numbers: the log file's above, their place in it below. Reading the file again
    /// gives the same.
    pub fn push(&mut self, table: Table, rows: RecordBatch) -> Result<RecordBatch, LakeError> {
        let rows = self.numbered(table, rows)?;
        self.rows += rows.num_rows();
        self.bytes += bytes(&rows);
        let batches = self.tables.entry(table).or_default();
        batches.push(rows.clone());
        while let [.., before, last] = batches.as_slice()
            && last.num_rows() >= before.num_rows() / 2
            && before.num_rows() + last.num_rows() <= SMALL
        {
            let joined = concat_batches(&table.kept(), [before, last])?;
            batches.truncate(batches.len() - 2);
            batches.push(joined);
        }
        Ok(rows)
    }

    fn numbered(&mut self, table: Table, rows: RecordBatch) -> Result<RecordBatch, LakeError> {
        let first = (self.number << 32 | u64::from(self.next)) as i64;
        self.next += rows.num_rows() as u32;
        let numbers: Int64Array = (first..first + rows.num_rows() as i64).collect();
        let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
        columns.push(Arc::new(numbers));
        Ok(RecordBatch::try_new(table.kept(), columns)?)
    }

    pub fn batches(&self, table: Table) -> &[RecordBatch] {
        self.tables.get(&table).map_or(&[], Vec::as_slice)
    }

    /// Tables that have rows, in the order of [`Table::ALL`].
    pub fn tables(&self) -> impl Iterator<Item = (Table, &[RecordBatch])> {
        Table::ALL.into_iter().map(|table| (table, self.batches(table))).filter(|(_, rows)| !rows.is_empty())
    }
}

/// Bytes that the rows themselves take. The buffers of rows that came in one payload are parts of one allocation, which
/// `get_array_memory_size` counts for each of them.
pub(crate) fn bytes(rows: &RecordBatch) -> usize {
    rows.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or_default()).sum()
}

/// Least and most of the column `time`, in microseconds since the epoch.
pub(crate) fn time_bounds(rows: &RecordBatch) -> Option<(i64, i64)> {
    let times = rows.column_by_name("time")?.as_any().downcast_ref::<TimestampMicrosecondArray>()?;
    Some((min(times)?, max(times)?))
}

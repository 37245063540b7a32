//! Joining small segments: sorted runs are merged into files of an hour each.
//!
//! | level | holds | joined when |
//! |---|---|---|
//! | 0 | what was in memory together, any times | there are [`ENOUGH`] |
//! | 1 and above | rows of one hour | there are [`ENOUGH`] in the hour, or it is over and there are several |
//!
//! Where hours are published, what was flushed is joined also when there is less, once it has rows of an hour that is
//! over. What is claimed for publishing is left alone.
//!
//! So the files of an hour that is over become one, and rows that come late go to their own hour.
//!
//! Memory: of each part one batch of [`ROWS`] rows is decoded, beside the open page of each column; of each file that
//! is written one row group is encoded. Tables in order of time have one such file open at a time, and one for the
//! rest; others as many as there are hours, [`HOURS`] at most.

mod merge;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::TimestampMicrosecondType;

use crate::publish::is_over;
use crate::remote::partition;
use crate::segment::{SegmentWriter, Unnamed, Written};
use crate::{LakeError, Segment, Settings, Table};
use merge::Merge;

/// Segments of one level that are worth joining.
const ENOUGH: usize = 8;
/// Most segments that are joined at once.
const MOST: usize = 16;
/// The largest file that is joined with others, in bytes.
const LARGE: u64 = 128 << 20;
/// Most bytes that are joined at once. Several parts always fit.
const MOST_BYTES: u64 = 4 * LARGE;
/// Rows read and written at once, of each part.
const ROWS: usize = 8192;
/// Hours that one job makes files for. Rows of others wait together for the next.
const HOURS: usize = 24;

/// In microseconds.
const HOUR: i64 = 3_600_000_000;
/// An hour's files are joined this long after its end, in microseconds: by then most of it has come.
const SETTLED: i64 = 600_000_000;

/// Segments that are joined.
pub(crate) struct Job {
    pub parts: Vec<Arc<Segment>>,
    table: Table,
    /// Of the files that it makes.
    level: u32,
}

/// Why a job failed, and which part cannot be read, if that is why.
pub(crate) struct Failed {
    pub part: Option<usize>,
    pub error: LakeError,
}

impl From<LakeError> for Failed {
    fn from(error: LakeError) -> Failed {
        Failed { part: None, error }
    }
}

/// What is worth joining at a moment.
#[derive(Clone, Copy)]
pub(crate) struct When {
    /// Hours that ended before this are over. In microseconds since the epoch.
    pub over: i64,
    /// Hours that are over are about to be published: what was flushed does not wait for company.
    pub publishing: bool,
}

impl When {
    pub fn usual(now: i64) -> When {
        When { over: now - SETTLED, publishing: false }
    }
}

/// The next job, where there is one.
pub(crate) fn choose(segments: &[Arc<Segment>], when: When) -> Option<Job> {
    Table::ALL.into_iter().find_map(|table| {
        let ours = |segment: &&Arc<Segment>| segment.table == table && segment.is_ours_to_join();
        let ours: Vec<_> = segments.iter().filter(ours).cloned().collect();
        let small: Vec<_> = ours.iter().filter(|segment| segment.bytes < LARGE).cloned().collect();
        let flushed = small.iter().filter(|segment| segment.level == 0).cloned().collect();
        enough(table, flushed).or_else(|| due(table, &ours, when)).or_else(|| {
            let mut hours: BTreeMap<i64, Vec<Arc<Segment>>> = BTreeMap::new();
            for segment in small.into_iter().filter(|segment| segment.level > 0) {
                hours.entry(segment.min_time.div_euclid(HOUR)).or_default().push(segment);
            }
            hours.into_iter().find_map(|(hour, of_hour)| {
                let over = is_over(hour, when.over);
                if over && worth_it(&of_hour) { job(table, of_hour) } else { enough(table, of_hour) }
            })
        })
    })
}

/// What was flushed with rows of an hour that is about to be published.
fn due(table: Table, segments: &[Arc<Segment>], when: When) -> Option<Job> {
    let due =
        |segment: &&Arc<Segment>| segment.level == 0 && is_over(segment.min_time.div_euclid(HOUR), when.over);
    let due: Vec<_> = segments.iter().filter(due).cloned().collect();
    if when.publishing && !due.is_empty() { job(table, due) } else { None }
}

/// The oldest of the lowest level that has enough.
fn enough(table: Table, segments: Vec<Arc<Segment>>) -> Option<Job> {
    let mut levels: BTreeMap<u32, Vec<Arc<Segment>>> = BTreeMap::new();
    for segment in segments {
        levels.entry(segment.level).or_default().push(segment);
    }
    levels.into_values().find(|level| level.len() >= ENOUGH).and_then(|level| job(table, level))
}

/// A few late rows are no reason to write a whole hour again.
fn worth_it(segments: &[Arc<Segment>]) -> bool {
    let bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
    let largest = segments.iter().map(|segment| segment.bytes).max().unwrap_or(0);
    segments.len() >= 2 && largest <= 2 * (bytes - largest)
}

fn job(table: Table, mut parts: Vec<Arc<Segment>>) -> Option<Job> {
    parts.sort_by_key(|segment| segment.id);
    let mut bytes = 0;
    let fits = parts.iter().take(MOST).take_while(|segment| {
        bytes += segment.bytes;
        bytes <= MOST_BYTES
    });
    // A single one may be cut by hours, however large.
    let fits = fits.count().max(1);
    parts.truncate(fits);
    let level = parts.iter().map(|segment| segment.level).max()? + 1;
    Some(Job { parts, table, level })
}

/// Writes the files that stand for the parts. Each part is read once. Fails soon after `closing` is set.
pub(crate) fn write(job: &Job, settings: &Settings, closing: &AtomicBool) -> Result<Vec<Written>, Failed> {
    let mut files = Files::new(job, settings);
    let mut merge = Merge::open(job.table, &job.parts)?;
    while let Some(rows) = merge.next()? {
        files.write(&rows)?;
        if closing.load(Ordering::Relaxed) {
            return Err(LakeError::Closed.into());
        }
    }
    Ok(files.finish()?)
}

/// The files of a job, by hour.
struct Files<'a> {
    job: &'a Job,
    settings: &'a Settings,
    /// By hours since the epoch; `None` for the rest.
    open: BTreeMap<Option<i64>, SegmentWriter>,
    whole: Vec<Unnamed>,
    hours: usize,
    /// The hour that most parts end in, which is never among the rest, whatever strange times come with it.
    usual: i64,
}

impl<'a> Files<'a> {
    fn new(job: &'a Job, settings: &'a Settings) -> Files<'a> {
        let mut ends: Vec<i64> = job.parts.iter().map(|part| part.max_time.div_euclid(HOUR)).collect();
        ends.sort_unstable();
        let usual = ends[ends.len() / 2];
        Files { job, settings, open: BTreeMap::new(), whole: Vec::new(), hours: 0, usual }
    }

    fn write(&mut self, rows: &RecordBatch) -> Result<(), LakeError> {
        let Some(times) = rows.column_by_name("time") else { return Ok(()) };
        let hours: Vec<i64> = times
            .as_primitive::<TimestampMicrosecondType>()
            .values()
            .iter()
            .map(|time| time.div_euclid(HOUR))
            .collect();
        let mut start = 0;
        // Neighbours are mostly of one hour.
        if hours.iter().all(|hour| *hour == hours[0]) || self.job.table.order() == ["time"] {
            for same in hours.chunk_by(|one, other| one == other) {
                self.file(same[0])?.write(&rows.slice(start, same.len()))?;
                start += same.len();
            }
        } else {
            let mut places: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
            hours.iter().zip(0..).for_each(|(hour, row)| places.entry(*hour).or_default().push(row));
            for (hour, places) in places {
                self.file(hour)?.write(&take_record_batch(rows, &UInt32Array::from(places))?)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, hour: i64) -> Result<&mut SegmentWriter, LakeError> {
        let known = self.open.contains_key(&Some(hour));
        let own = known || self.hours < HOURS || (self.usual - 1..=self.usual).contains(&hour);
        let key = own.then_some(hour);
        if !self.open.contains_key(&key) {
            if self.job.table.order() == ["time"] && own {
                self.close_before(hour)?;
            }
            self.hours += usize::from(own);
            let level = if own { self.job.level } else { self.job.level - 1 };
            let writer = SegmentWriter::create(self.job.table, level, self.path(key, level))?;
            self.open.insert(key, writer);
        }
        self.open.get_mut(&key).ok_or(LakeError::Closed)
    }

    /// Rows come in order of time: none of an earlier hour comes any more.
    fn close_before(&mut self, hour: i64) -> Result<(), LakeError> {
        let past: Vec<_> =
            self.open.keys().copied().filter(|key| key.is_some_and(|key| key < hour)).collect();
        for key in past {
            if let Some(writer) = self.open.remove(&key) {
                self.whole.push(writer.finish()?);
            }
        }
        Ok(())
    }

    /// Hive's layout, so that other engines can skip days.
    fn path(&self, hour: Option<i64>, level: u32) -> PathBuf {
        let table = self.settings.folder.join(self.job.table.name());
        let id = self.job.parts.first().map_or(0, |segment| segment.id);
        let folder = match hour {
            Some(hour) => {
                let [day, hour] = partition(hour);
                table.join(day).join(hour)
            }
            None => table.join("rest"),
        };
        folder.join(format!("{id:016}-{level}.parquet"))
    }

    fn finish(mut self) -> Result<Vec<Written>, LakeError> {
        for writer in self.open.into_values() {
            self.whole.push(writer.finish()?);
        }
        self.whole.into_iter().map(Unnamed::name).collect()
    }
}

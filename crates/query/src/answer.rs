//! What comes back: batches as they are found, then what it cost and what is missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::{CrossJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::DataFrame;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::skipped::Skipped;
use crate::{Limits, QueryError};

/// Batches that wait for a slow reader before the query waits.
const WAITING: usize = 4;

/// A stream of batches. Dropping it ends the query.
pub struct Answer {
    pub schema: SchemaRef,
    pub(crate) batches: mpsc::Receiver<Item>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) end: Option<End>,
}

pub(crate) enum Item {
    Rows(RecordBatch),
    Failed(QueryError),
    End(End),
}

/// How a query ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct End {
    pub rows: u64,
    pub scanned_rows: u64,
    pub scanned_bytes: u64,
    pub seconds: f64,
    /// Why the answer is not whole; `None` when it is.
    pub partial: Option<String>,
}

/// How far a query is; readable while it runs.
#[derive(Debug, Default)]
pub struct Progress {
    scanned_rows: AtomicU64,
    scanned_bytes: AtomicU64,
}

impl Progress {
    pub fn scanned_rows(&self) -> u64 {
        self.scanned_rows.load(Ordering::Relaxed)
    }

    pub fn scanned_bytes(&self) -> u64 {
        self.scanned_bytes.load(Ordering::Relaxed)
    }
}

impl Progress {
    pub(crate) fn now(&self) -> (u64, u64) {
        (self.scanned_rows(), self.scanned_bytes())
    }

    /// What was read before a plan, and by it.
    pub(crate) fn set(&self, before: (u64, u64), (rows, bytes): (u64, u64)) {
        self.scanned_rows.store(before.0 + rows, Ordering::Relaxed);
        self.scanned_bytes.store(before.1 + bytes, Ordering::Relaxed);
    }
}

impl Answer {
    /// The next rows; `None` at the end, which [`Answer::end`] then tells of.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, QueryError>> {
        match self.batches.recv().await? {
            Item::Rows(rows) => Some(Ok(rows)),
            Item::Failed(error) => Some(Err(error)),
            Item::End(end) => {
                self.end = Some(end);
                None
            }
        }
    }

    /// Known once [`Answer::next`] gave `None`.
    pub fn end(&self) -> End {
        self.end.clone().unwrap_or_default()
    }

    pub fn progress(&self) -> Arc<Progress> {
        self.progress.clone()
    }

    /// All rows at once, for answers that are known to be small.
    pub async fn collect(mut self) -> Result<(Vec<RecordBatch>, End), QueryError> {
        let mut batches = Vec::new();
        while let Some(rows) = self.next().await {
            batches.push(rows?);
        }
        Ok((batches, self.end()))
    }
}

/// Where a running query puts its rows, and which of its limits are left.
pub(crate) struct Sink {
    out: mpsc::Sender<Item>,
    progress: Arc<Progress>,
    limits: Limits,
    started: Instant,
    rows: u64,
    /// Of plans that have ended.
    read_before: (u64, u64),
    partial: Option<String>,
}

/// Why a query ends before its plan does.
pub(crate) enum Stop {
    /// A limit is reached, or nobody reads any more.
    Enough,
    Failed(QueryError),
}

impl From<DataFusionError> for Stop {
    fn from(error: DataFusionError) -> Stop {
        Stop::Failed(QueryError::failed(&error))
    }
}

pub(crate) fn channel(schema: SchemaRef, limits: Limits) -> (Sink, Answer) {
    let (out, batches) = mpsc::channel(WAITING);
    let progress = Arc::new(Progress::default());
    let answer = Answer { schema, batches, progress: progress.clone(), end: None };
    let sink =
        Sink { out, progress, limits, started: Instant::now(), rows: 0, read_before: (0, 0), partial: None };
    (sink, answer)
}

impl Sink {
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Runs a plan to its end or a limit's.
    pub async fn run(&mut self, frame: DataFrame) -> Result<(), Stop> {
        let context = Arc::new(frame.task_ctx());
        let plan = pausing(frame.create_physical_plan().await?)?;
        if let Some(why) = context.session_config().get_extension::<Skipped>().and_then(|all| all.told()) {
            self.partial = Some(why);
        }
        let mut stream = execute_stream(plan.clone(), context)?;
        let deadline = self.started + self.limits.wall;
        loop {
            // Asked here, as rows that are always ready leave the timer no turn.
            if Instant::now() >= deadline {
                return Err(self.cut(format!("stopped after {} s", self.limits.wall.as_secs())));
            }
            let next = tokio::select! {
                next = timeout_at(deadline, stream.next()) => next,
                () = self.out.closed() => return Err(Stop::Enough),
            };
            self.read(&plan);
            match next {
                Err(_) => continue,
                Ok(None) => break,
                Ok(Some(rows)) => self.put(rows?).await?,
            }
            if self.progress.scanned_bytes() > self.limits.scanned_bytes {
                let mib = self.limits.scanned_bytes >> 20;
                return Err(self.cut(format!("stopped after {mib} MiB were read")));
            }
        }
        self.read_before = self.progress.now();
        Ok(())
    }

    pub async fn put(&mut self, rows: RecordBatch) -> Result<(), Stop> {
        let left = (self.limits.rows - self.rows) as usize;
        let more = rows.num_rows() > left;
        let rows = if more { rows.slice(0, left) } else { rows };
        self.rows += rows.num_rows() as u64;
        if rows.num_rows() > 0 && self.out.send(Item::Rows(rows)).await.is_err() {
            return Err(Stop::Enough);
        }
        match more {
            true => Err(self.cut(format!("only the first {} rows are shown", self.limits.rows))),
            false => Ok(()),
        }
    }

    fn cut(&mut self, why: String) -> Stop {
        self.partial = Some(why);
        Stop::Enough
    }

    pub async fn finish(self, how: Result<(), Stop>) {
        if let Err(Stop::Failed(error)) = how {
            let _ = self.out.send(Item::Failed(error)).await;
        }
        let end = End {
            rows: self.rows,
            scanned_rows: self.progress.scanned_rows(),
            scanned_bytes: self.progress.scanned_bytes(),
            seconds: self.started.elapsed().as_secs_f64(),
            partial: self.partial,
        };
        let _ = self.out.send(Item::End(end)).await;
    }

    fn read(&self, plan: &Arc<dyn ExecutionPlan>) {
        self.progress.set(self.read_before, scanned(plan));
    }
}

/// Joins that compare every row with every row work for long on what they have read, and a task is only ended where it
/// waits: they are made to, now and then.
fn pausing(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    let plan = plan.transform_up(|node| {
        let works_on = node.is::<NestedLoopJoinExec>() || node.is::<CrossJoinExec>();
        Ok(match works_on {
            true => Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>),
            false => Transformed::no(node),
        })
    })?;
    Ok(plan.data)
}

/// What the plan's leaves have read so far: rows and bytes. Rows in memory count from the start, and not as bytes.
pub(crate) fn scanned(plan: &Arc<dyn ExecutionPlan>) -> (u64, u64) {
    if let Some(rows) = in_memory(plan) {
        return (rows, 0);
    }
    if plan.children().is_empty() {
        let Some(metrics) = plan.metrics() else { return (0, 0) };
        let value = |name: &str| metrics.sum_by_name(name).map_or(0, |value| value.as_usize() as u64);
        // Rows that a filter rejects while a file is read were read all the same.
        let rows = metrics.output_rows().unwrap_or_default() as u64 + value("pushdown_rows_pruned");
        return (rows, value("bytes_scanned"));
    }
    let children = plan.children().into_iter().map(scanned);
    children.fold((0, 0), |(rows, bytes), (r, b)| (rows + r, bytes + b))
}

/// The rows of a leaf that reads memory, which keeps no count of what it gave.
fn in_memory(plan: &Arc<dyn ExecutionPlan>) -> Option<u64> {
    let source = plan.downcast_ref::<DataSourceExec>()?.data_source();
    let partitions = source.downcast_ref::<MemorySourceConfig>()?.partitions();
    Some(partitions.iter().flatten().map(|rows| rows.num_rows() as u64).sum())
}

impl Default for Limits {
    fn default() -> Self {
        Limits { wall: Duration::from_secs(60), rows: 10_000, scanned_bytes: 50 << 30, memory: 256 << 20 }
    }
}

//! Runs Logs Insights queries: conditions that are safe go to the plan, rows to the program, a run a partition.

mod conditions;
mod rows;

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::functions::string::expr_fn::starts_with;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::{
    ExecutionPlan, SendableRecordBatchStream, execute_stream, execute_stream_partitioned,
};
use datafusion::prelude::{DataFrame, col, lit};
use futures_util::StreamExt;
use insights::{Program, Run, Table as Found, Window};
use lake::Table;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::answer::{End, Progress, scanned};
use crate::groups::{in_groups, log_group};
use crate::logs::newest_first;
use crate::search::{Search, lower};
use crate::{Engine, Limits, QueryError, Range};

use rows::Columns;

/// What a query found, and what it cost.
pub struct InsightsAnswer {
    pub table: Found,
    pub end: End,
}

/// Which log records a query is about.
#[derive(Debug, Clone)]
pub struct LogsAsked {
    /// Of these groups, or of all where none is named.
    pub groups: Vec<String>,
    pub search: Search,
}

impl Default for LogsAsked {
    fn default() -> Self {
        LogsAsked { groups: Vec::new(), search: Search::All }
    }
}

/// A query that runs. Dropping it ends it.
pub struct InsightsQuery {
    pub progress: Arc<Progress>,
    /// Threads of the query end when it is gone.
    _wanted: watch::Sender<()>,
    done: tokio::sync::oneshot::Receiver<Result<InsightsAnswer, QueryError>>,
    abort: tokio::task::AbortHandle,
}

impl From<insights::Error> for QueryError {
    fn from(error: insights::Error) -> QueryError {
        QueryError {
            expected: error.expected,
            ..QueryError::refused(error.message).at(error.start, error.end)
        }
    }
}

impl Drop for InsightsQuery {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

impl InsightsQuery {
    pub async fn finish(mut self) -> Result<InsightsAnswer, QueryError> {
        (&mut self.done).await.unwrap_or_else(|_| Err(QueryError::refused("the query was ended")))
    }
}

impl Engine {
    /// Begins a query over log records.
    pub fn insights(
        &self,
        text: &str,
        range: Range,
        of: &LogsAsked,
        limits: Limits,
    ) -> Result<InsightsQuery, QueryError> {
        let program = Arc::new(insights::compile(text)?);
        let progress = Arc::new(Progress::default());
        let (wanted, still_wanted) = watch::channel(());
        let asked = Asked {
            frame: self.frame(Table::Logs)?,
            source: source(&program, &of.groups),
            matching: lower(&of.search, Table::Logs)?,
            limits,
            progress: progress.clone(),
            started: Instant::now(),
            bytes: self.lake().size(Table::Logs),
            wanted: still_wanted,
            program,
        };
        let (tell, done) = tokio::sync::oneshot::channel();
        let running = self.threads().spawn(async move {
            let _ = tell.send(asked.run(range).await);
        });
        Ok(InsightsQuery { progress, _wanted: wanted, done, abort: running.abort_handle() })
    }
}

/// Which groups `SOURCE` and the API name.
fn source(program: &Program, groups: &[String]) -> Option<Expr> {
    let mut named = groups.to_vec();
    let mut any = Vec::new();
    if let Some(source) = program.sources() {
        named.extend(source.groups.iter().cloned());
        let begins = |prefix: &String| starts_with(log_group(), lit(prefix.as_str()));
        any.extend(source.prefixes.iter().map(begins));
    }
    if !named.is_empty() {
        any.push(in_groups(&named));
    }
    any.into_iter().reduce(Expr::or)
}

struct Asked {
    program: Arc<Program>,
    frame: DataFrame,
    source: Option<Expr>,
    matching: Expr,
    limits: Limits,
    progress: Arc<Progress>,
    started: Instant,
    bytes: lake::TableSize,
    wanted: watch::Receiver<()>,
}

/// Why rows end before they are all read.
type Partial = Option<String>;

impl Asked {
    async fn run(self, range: Range) -> Result<InsightsAnswer, QueryError> {
        let window = Window {
            from_ms: range.from.div_euclid(1000),
            to_ms: range.to.div_euclid(1000),
            now_ms: range.to.div_euclid(1000),
        };
        let failed = |error: DataFusionError| QueryError::failed(&error);
        let (mut run, mut partial) = match self.program.newest_first_enough() {
            true => self.newest_first(window, range).await.map_err(failed)?,
            false => self.all(window, range, false).await.map_err(failed)?,
        };
        if let Some(before) = self.program.reference_window(window) {
            let range = Range::millis(before.from_ms, before.to_ms);
            let (reference, cut) = self.all(window, range, true).await.map_err(failed)?;
            run.merge(reference);
            partial = partial.or(cut);
        }
        let table = run.finish();
        let end = End {
            rows: table.rows.len() as u64,
            scanned_rows: self.progress.scanned_rows(),
            scanned_bytes: self.progress.scanned_bytes(),
            seconds: self.started.elapsed().as_secs_f64(),
            partial: table.partial.clone().or(partial),
        };
        Ok(InsightsAnswer { table, end })
    }

    /// Slices of time from the newest back, until the program has enough.
    async fn newest_first(
        &self,
        window: Window,
        range: Range,
    ) -> Result<(Run<'_>, Partial), DataFusionError> {
        let mut run = self.program.run(window);
        let ends = self.bytes.to.unwrap_or(range.to).min(range.to);
        let starts = self.bytes.from.unwrap_or(range.from).max(range.from);
        if starts > ends {
            return Ok((run, None));
        }
        for slice in (Range { from: starts, to: ends }).slices() {
            let frame = self.rows(slice)?.sort(newest_first())?;
            let context = Arc::new(frame.task_ctx());
            let plan = frame.create_physical_plan().await?;
            let before = self.progress.now();
            let mut stream = execute_stream(plan.clone(), context)?;
            let columns = Columns::new(self.program.needs());
            loop {
                let rows = match self.next(&mut stream).await {
                    Next::Rows(rows) => rows?,
                    Next::Cut(why) => return Ok((run, Some(why))),
                    Next::End => break,
                };
                columns.each(&rows, |row| run.push(row));
                self.progress.set(before, scanned(&plan));
                if run.enough() {
                    return Ok((run, None));
                }
            }
        }
        Ok((run, None))
    }

    /// Every row in whatever order, on all threads.
    async fn all(
        &self,
        window: Window,
        range: Range,
        reference: bool,
    ) -> Result<(Run<'_>, Partial), DataFusionError> {
        let frame = self.rows(range)?;
        let context = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await?;
        let streams = execute_stream_partitioned(plan.clone(), context)?;
        let before = self.progress.now();
        let read = Read { asked: self, plan: plan.clone(), before, window, reference };
        let handle = Handle::current();
        // Rows are taken where they are made; the threads end before this function does.
        let runs = tokio::task::block_in_place(|| {
            std::thread::scope(|scope| {
                let threads: Vec<_> = streams
                    .into_iter()
                    .map(|stream| {
                        let (handle, read) = (handle.clone(), &read);
                        scope.spawn(move || handle.block_on(read.partition(stream)))
                    })
                    .collect();
                threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
            })
        });
        let (mut all, mut partial) = (self.program.run(window), None);
        for run in runs {
            let stopped = || DataFusionError::Execution("a thread of the query ended early".into());
            let (run, cut) = run.map_err(|_| stopped())??;
            all.merge(run);
            partial = partial.or(cut);
        }
        Ok((all, partial))
    }

    /// Rows that may matter, in the columns that the program reads.
    fn rows(&self, range: Range) -> Result<DataFrame, DataFusionError> {
        let mut condition = range.condition().and(self.matching.clone());
        if let Some(source) = &self.source {
            condition = condition.and(source.clone());
        }
        for early in self.program.conditions() {
            if let Some(early) = conditions::lower(early) {
                condition = condition.and(early);
            }
        }
        let columns = Columns::names(self.program.needs()).into_iter().map(col).collect::<Vec<_>>();
        self.frame.clone().filter(condition)?.select(columns)
    }

    /// The next rows, unless a limit is reached or nobody waits for them any more.
    async fn next(&self, stream: &mut SendableRecordBatchStream) -> Next {
        if self.progress.scanned_bytes() > self.limits.scanned_bytes {
            return Next::Cut(format!("stopped after {} MiB were read", self.limits.scanned_bytes >> 20));
        }
        let deadline = self.started + self.limits.wall;
        let over = || Next::Cut(format!("stopped after {} s", self.limits.wall.as_secs()));
        // A timer that was just made is not ready at once, though its time be over.
        if Instant::now() >= deadline {
            return over();
        }
        let mut wanted = self.wanted.clone();
        let next = tokio::select! {
            biased;
            _ = wanted.changed() => return Next::Cut("the query was ended".into()),
            () = sleep_until(deadline) => return over(),
            next = stream.next() => next,
        };
        next.map_or(Next::End, Next::Rows)
    }
}

enum Next {
    Rows(Result<RecordBatch, DataFusionError>),
    Cut(String),
    End,
}

/// What the threads of one plan share.
struct Read<'a> {
    asked: &'a Asked,
    plan: Arc<dyn ExecutionPlan>,
    before: (u64, u64),
    window: Window,
    reference: bool,
}

impl<'a> Read<'a> {
    async fn partition(
        &self,
        mut stream: SendableRecordBatchStream,
    ) -> Result<(Run<'a>, Partial), DataFusionError> {
        let mut run = self.asked.program.run(self.window);
        let columns = Columns::new(self.asked.program.needs());
        loop {
            let rows = match self.asked.next(&mut stream).await {
                Next::Rows(rows) => rows?,
                Next::Cut(why) => return Ok((run, Some(why))),
                Next::End => return Ok((run, None)),
            };
            columns.each(&rows, |row| match self.reference {
                true => run.push_reference(row),
                false => run.push(row),
            });
            self.asked.progress.set(self.before, scanned(&self.plan));
        }
    }
}

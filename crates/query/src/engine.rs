//! One lake that can be asked, with threads of its own so that questions never hold up what comes in.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::MemoryCatalogProviderList;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lake::{Lake, Table};
use tokio::runtime::{Builder, Runtime};

use crate::answer::{self, Sink, Stop};
use crate::skipped::Skipped;
use crate::tables::LakeTable;
use crate::{Answer, QueryError, Range, functions};

/// What one question may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub wall: Duration,
    /// Rows given back.
    pub rows: u64,
    pub scanned_bytes: u64,
    /// Of all questions together, in bytes.
    pub memory: usize,
}

pub struct Engine {
    lake: Arc<Lake>,
    /// What every session begins with, without catalogs.
    state: SessionState,
    config: SessionConfig,
    limits: Limits,
    /// `None` only while it is dropped.
    threads: Option<Runtime>,
}

/// Parquet footers that are kept, in bytes.
const FOOTERS: usize = 32 << 20;

impl Engine {
    pub fn new(lake: Arc<Lake>, limits: Limits) -> Result<Engine, QueryError> {
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory)))
            .with_metadata_cache_limit(FOOTERS)
            .build_arc()
            .map_err(|error| QueryError::failed(&error))?;
        if let Some(remote) = lake.remote() {
            let origin =
                ObjectStoreUrl::parse(remote.origin()).map_err(|error| QueryError::failed(&error))?;
            environment.register_object_store(origin.as_ref(), remote.store().clone());
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads =
            Builder::new_multi_thread().worker_threads(cores).thread_name("query").enable_all().build();
        let threads =
            threads.map_err(|error| QueryError::refused(format!("no threads for queries: {error}")))?;
        let config = config(cores);
        let state = state(environment, config.clone()).map_err(|error| QueryError::failed(&error))?;
        Ok(Engine { lake, state, config, limits, threads: Some(threads) })
    }

    pub fn lake(&self) -> &Arc<Lake> {
        &self.lake
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn threads(&self) -> &Runtime {
        self.threads.as_ref().expect("bug: an engine was asked while it was dropped")
    }

    /// A session without tables, which keeps in mind what it could not read.
    fn empty(&self) -> SessionContext {
        let state = SessionStateBuilder::new_from_existing(self.state.clone())
            .with_config(self.config.clone().with_extension(Arc::<Skipped>::default()))
            .with_catalog_list(Arc::new(MemoryCatalogProviderList::new()));
        SessionContext::new_with_state(state.build())
    }

    /// A session over the tables as they are now; with a range, over their rows in it.
    pub(crate) fn session(&self, range: Option<Range>) -> Result<SessionContext, QueryError> {
        let session = self.empty();
        for table in Table::ALL {
            let provider = Arc::new(LakeTable::new(self.lake.snapshot(table)));
            let registered = match range {
                None => session.register_table(table.name(), provider),
                Some(range) => session
                    .read_table(provider)
                    .and_then(|frame| frame.filter(range.condition()))
                    .and_then(|frame| session.register_table(table.name(), frame.into_view())),
            };
            registered.map_err(|error| QueryError::failed(&error))?;
        }
        Ok(session)
    }

    /// One table as it is now.
    pub(crate) fn frame(&self, table: Table) -> Result<DataFrame, QueryError> {
        let session = self.empty();
        let provider = Arc::new(LakeTable::new(self.lake.snapshot(table)));
        session.read_table(provider).map_err(|error| QueryError::failed(&error))
    }

    /// One question in SQL, which only reads.
    pub async fn sql(&self, text: &str, range: Option<Range>, limits: Limits) -> Result<Answer, QueryError> {
        let session = self.session(range)?;
        let reading =
            SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        let frame = session.sql_with_options(text, reading).await;
        let frame = frame.map_err(|error| QueryError::of_text(&error, text))?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        Ok(self.answer(schema, limits, |sink| Box::pin(sink.run(frame))))
    }

    /// A plan without a limit on its rows.
    pub(crate) fn whole(&self, frame: DataFrame) -> Answer {
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let limits = Limits { rows: u64::MAX, ..self.limits };
        self.answer(schema, limits, |sink| Box::pin(sink.run(frame)))
    }

    /// All rows of a small plan.
    pub(crate) async fn rows(&self, frame: DataFrame) -> Result<Vec<RecordBatch>, QueryError> {
        Ok(self.whole(frame).collect().await?.0)
    }

    /// Runs a script on the threads for queries.
    pub(crate) fn answer<S>(&self, schema: SchemaRef, limits: Limits, script: S) -> Answer
    where
        S: for<'a> FnOnce(&'a mut Sink) -> BoxFuture<'a, Result<(), Stop>> + Send + 'static,
    {
        let (mut sink, answer) = answer::channel(schema, limits);
        self.threads().spawn(async move {
            // Without an end, an answer that broke off would look whole.
            let how = AssertUnwindSafe(script(&mut sink)).catch_unwind().await;
            let broken = |_| Err(Stop::Failed(QueryError::broken()));
            sink.finish(how.unwrap_or_else(broken)).await;
        });
        answer
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

/// All of SQL's functions, and ours. No formats of files: there is nothing to write, and what is read is the lake.
fn state(environment: Arc<RuntimeEnv>, config: SessionConfig) -> datafusion::error::Result<SessionState> {
    let table_functions = SessionStateDefaults::default_table_functions().into_iter();
    let mut state = SessionStateBuilder::new()
        .with_config(config.with_create_default_catalog_and_schema(false))
        .with_runtime_env(environment)
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .with_scalar_functions(SessionStateDefaults::default_scalar_functions())
        .with_aggregate_functions(SessionStateDefaults::default_aggregate_functions())
        .with_window_functions(SessionStateDefaults::default_window_functions())
        .with_table_functions(
            table_functions.map(|function| (function.name().to_owned(), function)).collect(),
        )
        .build();
    functions::register(&mut state)?;
    Ok(state)
}

fn config(cores: usize) -> SessionConfig {
    let mut config = SessionConfig::new().with_target_partitions(cores).with_information_schema(true);
    let options = config.options_mut();
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    options.sql_parser.collect_spans = true;
    config
}

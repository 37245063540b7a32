//! The lake's tables for DataFusion: rows in memory beside segments, here or in an object store, and what need not be
//! read.

mod bounds;
mod objects;
mod wanted;

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{CachedParquetFileReaderFactory, ParquetAccessPlan};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::object_store::path::Path;
use datafusion::parquet::arrow::arrow_reader::RowSelection;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use lake::{LakeError, Place, Segment, Snapshot, TokenIndex, Wanted};

/// A table as it was when it was asked for.
pub(crate) struct LakeTable {
    snapshot: Snapshot,
    schema: SchemaRef,
}

impl fmt::Debug for LakeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LakeTable({})", self.snapshot.table.name())
    }
}

impl LakeTable {
    pub fn new(snapshot: Snapshot) -> LakeTable {
        LakeTable { schema: snapshot.table.read(), snapshot }
    }

    /// Rows in memory, in the columns that queries see.
    fn memory(&self, projection: Option<&Vec<usize>>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if self.snapshot.memory.is_empty() {
            return Ok(None);
        }
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let columns = projection.unwrap_or(&all);
        let schema = Arc::new(self.schema.project(columns)?);
        let read = |rows: &RecordBatch| {
            let arrays = columns
                .iter()
                .zip(schema.fields())
                .map(|(at, field)| cast(rows.column(*at), field.data_type()));
            let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
            RecordBatch::try_new_with_options(schema.clone(), arrays.collect::<Result<_, _>>()?, &options)
        };
        let batches: Vec<RecordBatch> = self.snapshot.memory.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Some(MemorySourceConfig::try_new_exec(&[batches], schema, None)?))
    }

    /// Segments that may hold rows the filters keep: one scan for those with files, one for those in the object store.
    async fn segments(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Vec<Arc<dyn ExecutionPlan>>> {
        let (from, to) = bounds::of_time(filters);
        let wanted = wanted::of_columns(filters, self.snapshot.table.indexed());
        let (mut local, mut remote) = (Vec::new(), Vec::new());
        for segment in &self.snapshot.segments {
            if segment.max_time < from || segment.min_time > to {
                continue;
            }
            match segment.place() {
                Place::File(path) => {
                    let path = Path::from_absolute_path(path);
                    let path = path.map_err(|error| DataFusionError::External(Box::new(error)))?;
                    let access = access(segment, &wanted);
                    local.extend(access.map(|access| (segment.clone(), path, access)));
                }
                Place::Object(object) => remote.push((segment.clone(), object.clone())),
            }
        }
        let mut scans = Vec::new();
        if !local.is_empty() {
            scans.push(self.files(state, ObjectStoreUrl::local_filesystem(), local, projection, limit)?);
        }
        if let Some(store) = &self.snapshot.remote {
            let readable = objects::readable(state, store, remote, &wanted).await;
            if !readable.is_empty() {
                let url = ObjectStoreUrl::parse(store.origin())?;
                scans.push(self.files(state, url, readable, projection, limit)?);
            }
        }
        Ok(scans)
    }

    /// A scan of files of one store.
    fn files(
        &self,
        state: &dyn Session,
        url: ObjectStoreUrl,
        mut segments: Vec<(Arc<Segment>, Path, Access)>,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // The newest first: who asks for the latest rows need not open the others.
        segments.sort_by_key(|(segment, ..)| std::cmp::Reverse(segment.max_time));
        let groups = state.config().target_partitions().min(segments.len()).max(1);
        let mut files = vec![Vec::new(); groups];
        for (n, (segment, path, access)) in segments.into_iter().enumerate() {
            files[n % groups].push(self.file(segment, path, access));
        }
        let store = state.runtime_env().object_store(&url)?;
        let footers = state.runtime_env().cache_manager.get_file_metadata_cache();
        let options = state.default_table_options().parquet;
        let source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(CachedParquetFileReaderFactory::new(store, footers)));
        let scan = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(files.into_iter().map(FileGroup::new).collect())
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }

    fn file(&self, segment: Arc<Segment>, path: Path, access: Access) -> PartitionedFile {
        let file = PartitionedFile::new_from_meta(objects::meta(&segment, path));
        let statistics = Arc::new(self.statistics(&segment));
        // Held by the plan, the segment keeps its file from being removed.
        let file = file.with_extension(segment).with_statistics(statistics);
        match access {
            Access::All => file,
            Access::Some(plan) => file.with_extension(plan),
        }
    }

    fn statistics(&self, segment: &Segment) -> Statistics {
        let mut statistics = Statistics::new_unknown(&self.schema);
        if segment.is_listed() {
            return statistics;
        }
        statistics.num_rows = Precision::Exact(segment.rows as usize);
        if let Ok(time) = self.schema.index_of("time") {
            let exactly = |micros| {
                Precision::Exact(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())))
            };
            statistics.column_statistics[time] = ColumnStatistics {
                min_value: exactly(segment.min_time),
                max_value: exactly(segment.max_time),
                null_count: Precision::Exact(0),
                ..ColumnStatistics::new_unknown()
            };
        }
        statistics
    }
}

/// What of a file is to be read.
enum Access {
    All,
    Some(ParquetAccessPlan),
}

impl Access {
    /// Leaves out pages whose words say no; `None` where all do.
    fn by(index: &TokenIndex, wanted: &Wanted) -> Result<Option<Access>, LakeError> {
        let found = index.rows(wanted)?;
        if found.is_empty() {
            return Ok(None);
        }
        let mut plan = ParquetAccessPlan::new_none(index.row_groups());
        for (group, ranges) in found {
            let end = index.group_rows(group);
            plan.scan(group);
            plan.scan_selection(group, RowSelection::from_consecutive_ranges(ranges.into_iter(), end));
        }
        Ok(Some(Access::Some(plan)))
    }
}

/// What of a segment's file is to be read, if anything.
fn access(segment: &Segment, wanted: &Wanted) -> Option<Access> {
    if *wanted == Wanted::Any {
        return Some(Access::All);
    }
    let access = segment.tokens().and_then(|index| match index {
        Some(index) => Access::by(&index, wanted),
        None => Ok(Some(Access::All)),
    });
    access.unwrap_or_else(|error| {
        tracing::warn!(file = %segment.path.display(), %error, "its words cannot be read; all of it is");
        Some(Access::All)
    })
}

/// Rows as memory holds them, in the columns that queries see.
pub(crate) fn as_read(rows: &RecordBatch, table: lake::Table) -> Result<RecordBatch> {
    let schema = table.read();
    let columns = rows.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type()));
    Ok(RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, _>>()?)?)
}

#[async_trait::async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let limit = limit.filter(|_| filters.is_empty());
        let mut parts: Vec<_> = self.memory(projection)?.into_iter().collect();
        parts.extend(self.segments(state, projection, filters, limit).await?);
        match parts.len() {
            0 => {
                let schema = match projection {
                    Some(columns) => Arc::new(self.schema.project(columns)?),
                    None => self.schema.clone(),
                };
                Ok(Arc::new(EmptyExec::new(schema)))
            }
            1 => Ok(parts.remove(0)),
            _ => UnionExec::try_new(parts),
        }
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // Segments are left out by them; what remains is filtered by the plan.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}

//! Where telemetry came from: tasks and hosts, and the names of attributes.

use std::collections::BTreeSet;

use arrow::array::{AsArray, RecordBatch};
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::functions_nested::expr_fn::map_keys;
use datafusion::prelude::{DataFrame, col};
use lake::Table;

use crate::{Engine, QueryError, Range};

/// Rows whose attributes' names are looked at: enough to know what a service says.
const SAMPLE: usize = 20_000;

fn failed(error: datafusion::error::DataFusionError) -> QueryError {
    QueryError::failed(&error)
}

impl Engine {
    /// Containers and tasks that logs, spans or metrics came from: columns `cluster, ecs_service, service,
    /// task_family, task_revision, task, launch_type, container, container_id, from, to`.
    pub async fn places(&self, range: Range) -> Result<Vec<RecordBatch>, QueryError> {
        const KEYS: [&str; 9] = [
            "cluster",
            "ecs_service",
            "service",
            "task_family",
            "task_revision",
            "task",
            "launch_type",
            "container",
            "container_id",
        ];
        let of = |table: Table| -> Result<DataFrame, QueryError> {
            let columns = KEYS.iter().map(|name| col(*name)).chain([col("time")]).collect::<Vec<_>>();
            self.frame(table)?
                .filter(range.condition().and(col("task").is_not_null()))
                .and_then(|frame| frame.select(columns))
                .map_err(failed)
        };
        let all = of(Table::Series)?
            .union(of(Table::Logs)?)
            .and_then(|frame| {
                frame.union(
                    of(Table::Traces)
                        .map_err(|error| datafusion::error::DataFusionError::External(error.into()))?,
                )
            })
            .and_then(|frame| {
                let keys = KEYS.iter().map(|name| col(*name)).collect();
                frame.aggregate(keys, vec![min(col("time")).alias("from"), max(col("time")).alias("to")])
            })
            .map_err(failed)?;
        self.rows(all).await
    }

    /// Machines that told of themselves, without tasks: column `host`.
    pub async fn hosts(&self, range: Range) -> Result<Vec<RecordBatch>, QueryError> {
        let condition = range.condition().and(col("host").is_not_null()).and(col("task").is_null());
        let frame = self
            .frame(Table::Series)?
            .filter(condition)
            .and_then(|frame| frame.select(vec![col("host")])?.distinct())
            .and_then(|frame| frame.sort(vec![col("host").sort(true, false)]))
            .map_err(failed)?;
        self.rows(frame).await
    }

    /// Names of attributes that rows of the table have, from a sample.
    pub async fn attribute_keys(&self, table: Table) -> Result<BTreeSet<String>, QueryError> {
        let column = if table.read().field_with_name("attributes").is_ok() { "attributes" } else { "labels" };
        if table.read().field_with_name(column).is_err() {
            return Ok(BTreeSet::new());
        }
        let frame = self
            .frame(table)?
            .limit(0, Some(SAMPLE))
            .and_then(|frame| frame.select(vec![map_keys(col(column)).alias("keys")]))
            .map_err(failed)?;
        let mut keys = BTreeSet::new();
        for rows in self.rows(frame).await? {
            let lists = rows.column(0).as_list::<i32>();
            let names = arrow::compute::cast(lists.values(), &arrow::datatypes::DataType::Utf8View);
            let names = names.map_err(|error| QueryError::refused(error.to_string()))?;
            keys.extend(names.as_string_view().iter().flatten().map(str::to_owned));
        }
        Ok(keys)
    }
}

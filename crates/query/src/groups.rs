//! Log groups and streams, as CloudWatch calls them: names that rows of `logs` have, made of what the rows say.
//!
//! A row is of the group that its resource names or that its cluster and service make (the column `log_group`), else of
//! one named as its service. Its stream is what it says itself, else its container and task, else its host.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use datafusion::functions::core::expr_fn::{coalesce, nullif};
use datafusion::functions::string::expr_fn::concat;
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::{Expr, cast, in_list, when};
use datafusion::prelude::{DataFrame, col, lit};
use lake::{SEQ, Table};
use serde_json::{Map, Value};

use crate::{Engine, QueryError, json};

/// The group of rows that name neither a group nor a service, as OpenTelemetry's conventions call such a service.
pub(crate) const NO_SERVICE: &str = "unknown_service";

/// The stream of rows that tell nothing about where they come from.
pub(crate) const NO_STREAM: &str = "default";

/// What a container writes to; no name of a stream.
pub(crate) const STANDARD: [&str; 2] = ["stdout", "stderr"];

/// A group or a stream, and the times of its records in milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    pub first: i64,
    pub last: i64,
    /// When the last one was taken in.
    pub last_ingested: i64,
}

pub(crate) fn log_group() -> Expr {
    cast(coalesce(vec![col("log_group"), col("service"), lit(NO_SERVICE)]), DataType::Utf8View)
}

pub(crate) fn log_stream() -> Expr {
    let [stdout, stderr] = STANDARD;
    let own = nullif(nullif(col("stream"), lit(stdout)), lit(stderr));
    let both = col("container").is_not_null().and(col("task").is_not_null());
    let mut container = when(both, concat(vec![col("container"), lit("/"), col("task")]));
    let container = container.otherwise(col("container")).unwrap_or_else(|_| col("container"));
    let any = vec![own, cast(container, DataType::Utf8View), col("stream"), col("host"), lit(NO_STREAM)];
    cast(coalesce(any), DataType::Utf8View)
}

/// The condition that a row is of one of these groups, over columns that pages have bounds of.
pub(crate) fn in_groups(names: &[String]) -> Expr {
    let listed =
        |column: &str| in_list(col(column), names.iter().map(|name| lit(name.as_str())).collect(), false);
    let by_service = match names.iter().any(|name| name == NO_SERVICE) {
        true => listed("service").or(col("service").is_null()),
        false => listed("service"),
    };
    listed("log_group").or(col("log_group").is_null().and(by_service))
}

impl Engine {
    /// All log groups, by name.
    pub async fn log_groups(&self) -> Result<Vec<Named>, QueryError> {
        self.named(self.frame(Table::Logs)?, log_group()).await
    }

    /// The streams of a group, by name.
    pub async fn log_streams(&self, group: &str) -> Result<Vec<Named>, QueryError> {
        let of_group = self.frame(Table::Logs)?.filter(in_groups(&[group.to_owned()]));
        self.named(of_group.map_err(|error| QueryError::failed(&error))?, log_stream()).await
    }

    /// Whether any row is of this group.
    pub async fn has_log_group(&self, name: &str) -> Result<bool, QueryError> {
        let frame = self
            .frame(Table::Logs)?
            .filter(in_groups(&[name.to_owned()]))
            .and_then(|frame| frame.select(vec![col(SEQ)])?.limit(0, Some(1)))
            .map_err(|error| QueryError::failed(&error))?;
        Ok(self.rows(frame).await?.iter().any(|rows| rows.num_rows() > 0))
    }

    /// Every column of the row with this number that holds something, and its group and stream.
    pub async fn log_record(&self, seq: i64) -> Result<Option<Map<String, Value>>, QueryError> {
        let frame = self
            .frame(Table::Logs)?
            .filter(col(SEQ).eq(lit(seq)))
            .and_then(|frame| frame.limit(0, Some(1)))
            .and_then(|frame| frame.with_column("@log", log_group()))
            .and_then(|frame| frame.with_column("@logStream", log_stream()))
            .map_err(|error| QueryError::failed(&error))?;
        Ok(self.rows(frame).await?.iter().flat_map(json::objects).next())
    }

    async fn named(&self, frame: DataFrame, name: Expr) -> Result<Vec<Named>, QueryError> {
        let times = vec![
            min(col("time")).alias("first"),
            max(col("time")).alias("last"),
            max(col("observed_time")).alias("ingested"),
        ];
        let frame = frame
            .aggregate(vec![name.alias("name")], times)
            .and_then(|frame| frame.sort(vec![col("name").sort(true, false)]))
            .map_err(|error| QueryError::failed(&error))?;
        let (rows, end) = self.whole(frame).collect().await?;
        match end.partial {
            None => Ok(rows.iter().flat_map(read).collect()),
            Some(why) => Err(QueryError { refused: false, ..QueryError::refused(why) }),
        }
    }
}

fn read(rows: &RecordBatch) -> Vec<Named> {
    let names = rows.column(0).as_string_view();
    let times = [1, 2, 3].map(|at| rows.column(at).as_primitive::<TimestampMicrosecondType>());
    let millis = |column: usize, row: usize| {
        times[column].is_valid(row).then(|| times[column].value(row).div_euclid(1000))
    };
    let named = |row: usize| {
        let last = millis(1, row).unwrap_or_default();
        Named {
            name: names.value(row).to_owned(),
            first: millis(0, row).unwrap_or_default(),
            last,
            last_ingested: millis(2, row).unwrap_or(last),
        }
    };
    (0..rows.num_rows()).map(named).collect()
}

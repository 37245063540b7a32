//! Questions about logs: the latest that match, how many when, which values, what stands around one.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::functions::datetime::expr_fn::date_bin;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, SortExpr, cast};
use datafusion::prelude::{DataFrame, col, lit};
use lake::{SEQ, Table};

use crate::answer::{Sink, Stop};
use crate::range::moment;
use crate::search::{Search, lower};
use crate::{Answer, Engine, Limits, QueryError, Range};

/// Log records that match, newest first.
#[derive(Debug, Clone)]
pub struct LogSearch {
    pub search: Search,
    pub range: Range,
    pub limit: usize,
    /// Only rows that come after this one in the answer's order: its time and `seq`.
    pub before: Option<(i64, i64)>,
}

/// A row, and whose neighbours are asked for.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// In microseconds since the epoch.
    pub time: i64,
    pub seq: i64,
    pub service: Option<String>,
    pub task: Option<String>,
    pub container: Option<String>,
    /// Rows on each side.
    pub rows: usize,
}

/// Neighbours lie within this, in microseconds.
const NEAR: i64 = 30_000_000;
/// Values that a facet shows.
const VALUES: usize = 20;

pub(crate) fn newest_first() -> Vec<SortExpr> {
    vec![col("time").sort(false, false), col("time_ns").sort(false, false), col(SEQ).sort(false, false)]
}

fn oldest_first() -> Vec<SortExpr> {
    vec![col("time").sort(true, false), col("time_ns").sort(true, false), col(SEQ).sort(true, false)]
}

impl Engine {
    /// Streams matching rows newest first, a slice of time after the other, so that the first come at once.
    pub fn logs(&self, asked: &LogSearch) -> Result<Answer, QueryError> {
        let mut matching = lower(&asked.search, Table::Logs)?;
        if let Some((time, seq)) = asked.before {
            let same = col("time").eq(moment(time)).and(col(SEQ).lt(lit(seq)));
            matching = matching.and(col("time").lt(moment(time)).or(same));
        }
        let frame = self.frame(Table::Logs)?;
        let range = self.with_rows(asked.range, asked.before);
        let limit = asked.limit as u64;
        let limits = Limits { rows: limit, ..self.limits() };
        Ok(self.answer(Table::Logs.read(), limits, move |sink| {
            Box::pin(newest_slices(sink, frame, range, matching, limit))
        }))
    }

    /// The part of the range in which there is anything to find.
    fn with_rows(&self, range: Range, before: Option<(i64, i64)>) -> Option<Range> {
        let size = self.lake().size(Table::Logs);
        let to = before.map_or(range.to, |(time, _)| range.to.min(time)).min(size.to?);
        let from = range.from.max(size.from?);
        (from <= to).then_some(Range { from, to })
    }

    /// When the row with this number happened.
    pub async fn time_of(&self, seq: i64) -> Result<Option<i64>, QueryError> {
        let frame = self
            .frame(Table::Logs)?
            .filter(col(SEQ).eq(lit(seq)))
            .and_then(|frame| frame.select(vec![col("time")])?.limit(0, Some(1)))
            .map_err(|error| QueryError::failed(&error))?;
        let rows = self.rows(frame).await?;
        let times = rows.first().map(|rows| rows.column(0).as_primitive::<TimestampMicrosecondType>());
        Ok(times.filter(|times| !times.is_empty()).map(|times| times.value(0)))
    }

    /// Counts by severity and bucket: columns `bucket`, `severity`, `count`.
    pub async fn histogram(
        &self,
        search: &Search,
        range: Range,
        step_micros: i64,
    ) -> Result<Vec<RecordBatch>, QueryError> {
        let step = datafusion::common::ScalarValue::new_interval_mdn(0, 0, step_micros.max(1) * 1000);
        let bucket = date_bin(lit(step), col("time"), moment(range.from));
        let bucket =
            cast(bucket, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))).alias("bucket");
        let frame = self
            .matching(search, range)?
            .aggregate(vec![bucket, col("severity")], vec![count(lit(1)).alias("count")]);
        self.rows(frame.map_err(|error| QueryError::failed(&error))?).await
    }

    /// The most frequent values of a field: columns `value`, `count`.
    pub async fn facet(
        &self,
        search: &Search,
        range: Range,
        field: &str,
    ) -> Result<Vec<RecordBatch>, QueryError> {
        let value: Expr = crate::search::named(field, Table::Logs);
        let value = cast(value, DataType::Utf8View).alias("value");
        let plan = || -> datafusion::error::Result<DataFrame> {
            self.matching(search, range)
                .map_err(|error| datafusion::error::DataFusionError::External(Box::new(error)))?
                .aggregate(vec![value], vec![count(lit(1)).alias("count")])?
                .filter(col("value").is_not_null())?
                .sort(vec![col("count").sort(false, false), col("value").sort(true, false)])?
                .limit(0, Some(VALUES))
        };
        self.rows(plan().map_err(|error| QueryError::failed(&error))?).await
    }

    /// What stands before and after a row, oldest first.
    pub async fn around(&self, around: &Around) -> Result<Vec<RecordBatch>, QueryError> {
        let range = Range { from: around.time - NEAR, to: around.time + NEAR };
        let mut near = range.condition();
        // The narrowest that is known: a task's container, a task, a service.
        let of = [("task", &around.task), ("container", &around.container), ("service", &around.service)];
        for (column, value) in of {
            if let Some(value) = value {
                near = near.and(col(column).eq(lit(value.as_str())));
            }
        }
        let at = || moment(around.time);
        let same = |order: Expr| col("time").eq(at()).and(order);
        let earlier = col("time").lt(at()).or(same(col(SEQ).lt_eq(lit(around.seq))));
        let later = col("time").gt(at()).or(same(col(SEQ).gt(lit(around.seq))));
        let plan = |side: Expr, order: Vec<SortExpr>, rows: usize| {
            self.frame(Table::Logs)?
                .filter(near.clone().and(side))
                .and_then(|frame| frame.sort(order)?.limit(0, Some(rows)))
                .and_then(|frame| frame.sort(oldest_first()))
                .map_err(|error| QueryError::failed(&error))
        };
        let mut rows = self.rows(plan(earlier, newest_first(), around.rows + 1)?).await?;
        rows.extend(self.rows(plan(later, oldest_first(), around.rows)?).await?);
        Ok(rows)
    }

    fn matching(&self, search: &Search, range: Range) -> Result<DataFrame, QueryError> {
        let condition = range.condition().and(lower(search, Table::Logs)?);
        self.frame(Table::Logs)?.filter(condition).map_err(|error| QueryError::failed(&error))
    }
}

async fn newest_slices(
    sink: &mut Sink,
    frame: DataFrame,
    range: Option<Range>,
    matching: Expr,
    limit: u64,
) -> Result<(), Stop> {
    for slice in range.into_iter().flat_map(Range::slices) {
        let left = (limit - sink.rows()) as usize;
        if left == 0 {
            break;
        }
        sink.run(newest(frame.clone(), slice, &matching, left)?).await?;
    }
    Ok(())
}

fn newest(frame: DataFrame, range: Range, matching: &Expr, rows: usize) -> Result<DataFrame, Stop> {
    let condition = range.condition().and(matching.clone());
    Ok(frame.filter(condition)?.sort(newest_first())?.limit(0, Some(rows))?)
}

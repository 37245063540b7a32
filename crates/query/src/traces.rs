//! Questions about traces: which there are, what one holds, which logs belong to it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::functions_aggregate::expr_fn::{max, min, sum};
use datafusion::functions_aggregate::string_agg::string_agg_udaf;
use datafusion::logical_expr::in_subquery;
use datafusion::prelude::{DataFrame, col, lit};
use lake::{SEQ, Table};

use crate::range::moment;
use crate::search::{Search, lower};
use crate::{Answer, Engine, Limits, QueryError, Range};

/// Spans of one trace that are shown.
const SPANS: usize = 20_000;
/// Log records of one trace that are shown.
const LOGS: usize = 1_000;

fn failed(error: datafusion::error::DataFusionError) -> QueryError {
    QueryError::failed(&error)
}

impl Engine {
    /// Traces in which a span matches, newest first: `trace_id, start, end, root_service, root_name, span_count,
    /// error_count, services, http_status, duration_ns`.
    pub fn traces(&self, search: &Search, range: Range, rows: usize) -> Result<Answer, QueryError> {
        let frame = self.trace_list(search, range, rows)?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let limits = Limits { rows: rows as u64, ..self.limits() };
        Ok(self.answer(schema, limits, |sink| Box::pin(sink.run(frame))))
    }

    fn trace_list(&self, search: &Search, range: Range, rows: usize) -> Result<DataFrame, QueryError> {
        let mut traces = self.frame(Table::Traces)?.filter(range.condition()).map_err(failed)?;
        if *search != Search::All {
            let spans = self.frame(Table::Spans)?;
            let matching = lower(search, Table::Spans)?.and(range.condition());
            let ids = spans
                .filter(matching)
                .and_then(|frame| frame.select(vec![col("trace_id")]))
                .map_err(failed)?;
            let plan = ids.into_unoptimized_plan();
            traces = traces.filter(in_subquery(col("trace_id"), Arc::new(plan))).map_err(failed)?;
        }
        let services = string_agg_udaf().call(vec![col("services"), lit(",")]);
        let summed = vec![
            min(col("time")).alias("start"),
            max(col("end_time")).alias("end"),
            max(col("root_service")).alias("root_service"),
            max(col("root_name")).alias("root_name"),
            sum(col("span_count")).alias("span_count"),
            sum(col("error_count")).alias("error_count"),
            services.alias("services"),
            max(col("http_status")).alias("http_status"),
        ];
        traces
            .aggregate(vec![col("trace_id")], summed)
            .and_then(|frame| frame.sort(vec![col("start").sort(false, false)])?.limit(0, Some(rows)))
            .map_err(failed)
    }

    /// The spans of a trace, oldest first.
    pub async fn trace(&self, id: &str) -> Result<Vec<RecordBatch>, QueryError> {
        self.of_trace(Table::Spans, id, None, SPANS).await
    }

    /// The log records of a trace, or of one of its spans, oldest first.
    pub async fn trace_logs(&self, id: &str, span: Option<&str>) -> Result<Vec<RecordBatch>, QueryError> {
        self.of_trace(Table::Logs, id, span, LOGS).await
    }

    async fn of_trace(
        &self,
        table: Table,
        id: &str,
        span: Option<&str>,
        rows: usize,
    ) -> Result<Vec<RecordBatch>, QueryError> {
        let mut condition = col("trace_id").eq(lit(id));
        if let Some(span) = span {
            condition = condition.and(col("span_id").eq(lit(span)));
        }
        if let Some(range) = self.when(id).await? {
            condition = condition.and(range.condition());
        }
        let frame = self
            .frame(table)?
            .filter(condition)
            .and_then(|frame| {
                frame
                    .sort(vec![col("time").sort(true, false), col(SEQ).sort(true, false)])?
                    .limit(0, Some(rows))
            })
            .map_err(failed)?;
        self.rows(frame).await
    }

    /// When a trace happened, with room for clocks that differ; the small table knows.
    async fn when(&self, id: &str) -> Result<Option<Range>, QueryError> {
        const ROOM: i64 = 60_000_000;
        let times = self
            .frame(Table::Traces)?
            .filter(col("trace_id").eq(lit(id)))
            .and_then(|frame| frame.aggregate(vec![], vec![min(col("time")), max(col("end_time"))]))
            .map_err(failed)?;
        let rows = self.rows(times).await?;
        let moment = |at: usize| {
            let column = rows.first()?.column(at);
            use arrow::array::{Array, AsArray};
            let times = column.as_primitive_opt::<arrow::datatypes::TimestampMicrosecondType>()?;
            (!times.is_empty() && times.is_valid(0)).then(|| times.value(0))
        };
        Ok(moment(0).zip(moment(1)).map(|(from, to)| Range { from: from - ROOM, to: to + ROOM }))
    }

    /// Metrics with their kind, unit and number of series: columns `metric, unit, kind, series`.
    pub async fn metrics(&self, range: Range) -> Result<Vec<RecordBatch>, QueryError> {
        use datafusion::functions_aggregate::expr_fn::count_distinct;
        let seen = col("last_seen").gt_eq(moment(range.from)).and(col("time").lt_eq(moment(range.to)));
        let frame = self
            .frame(Table::Series)?
            .filter(seen)
            .and_then(|frame| {
                frame.aggregate(
                    vec![col("metric"), col("kind")],
                    vec![max(col("unit")).alias("unit"), count_distinct(col("series_id")).alias("series")],
                )
            })
            .and_then(|frame| frame.sort(vec![col("metric").sort(true, false)]))
            .map_err(failed)?;
        self.rows(frame).await
    }
}

//! Time series with their samples, as PromQL and the screens of tasks want them.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, TimestampMicrosecondType};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::last_value;
use datafusion::logical_expr::{Expr, in_list};
use datafusion::prelude::{col, lit};
use lake::{SEQ, Table};

use crate::range::moment;
use crate::{Engine, QueryError, Range};

/// One series and its samples in a range, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub metric: String,
    pub kind: String,
    /// Each sample tells what was added since the one before; else what there is in all.
    pub delta: bool,
    /// Of its points and of what it was measured on, sorted by name.
    pub labels: Vec<(String, String)>,
    /// Milliseconds since the epoch, and the value.
    pub samples: Vec<(i64, f64)>,
}

/// Columns of the resource that are labels, where they say something.
const LABELS: [&str; 9] =
    ["cluster", "ecs_service", "task_family", "task", "container", "host", "env", "version", "region"];

fn failed(error: DataFusionError) -> QueryError {
    QueryError::failed(&error)
}

impl Engine {
    /// Series that fulfil a condition over the table `series`, without samples, by id.
    pub(crate) async fn series(
        &self,
        condition: Expr,
        range: Range,
    ) -> Result<HashMap<String, Series>, QueryError> {
        // Rows of one series say the same, but for when it was seen.
        let columns =
            ["metric", "kind", "temporality", "service", "labels", "resource"].into_iter().chain(LABELS);
        let newest = || vec![col(SEQ).sort(true, false)];
        let values = columns.map(|name| last_value(col(name), newest()).alias(name)).collect();
        let frame = self
            .frame(Table::Series)?
            .filter(seen(range).and(condition))
            .and_then(|frame| frame.aggregate(vec![col("series_id")], values))
            .map_err(failed)?;
        let mut series = HashMap::new();
        for rows in self.rows(frame).await? {
            read_series(&rows, &mut series);
        }
        Ok(series)
    }

    /// Adds the samples of these series.
    pub(crate) async fn samples(
        &self,
        mut series: HashMap<String, Series>,
        range: Range,
    ) -> Result<Vec<Series>, QueryError> {
        if series.is_empty() {
            return Ok(Vec::new());
        }
        let mut metrics: Vec<&str> = series.values().map(|series| series.metric.as_str()).collect();
        metrics.sort_unstable();
        metrics.dedup();
        let metric = in_list(col("metric"), metrics.into_iter().map(lit).collect(), false);
        let ids = in_list(col("series_id"), series.keys().map(|id| lit(id.as_str())).collect(), false);
        let frame = self
            .frame(Table::Points)?
            .filter(range.condition().and(metric).and(ids))
            .and_then(|frame| frame.select(["series_id", "time", "value", "flags"].map(col).to_vec()))
            .map_err(failed)?;
        for rows in self.rows(frame).await? {
            read_samples(&rows, &mut series);
        }
        let mut series: Vec<Series> =
            series.into_values().filter(|series| !series.samples.is_empty()).collect();
        for one in &mut series {
            one.samples.sort_by_key(|(time, _)| *time);
            one.samples.dedup_by_key(|(time, _)| *time);
            if one.delta && one.kind == "counter" {
                one.sum_up();
            }
        }
        series.sort_by(|a, b| (&a.metric, &a.labels).cmp(&(&b.metric, &b.labels)));
        Ok(series)
    }
}

/// Series that had a sample in the range, as far as their rows tell.
pub(crate) fn seen(range: Range) -> Expr {
    col("last_seen").gt_eq(moment(range.from)).and(col("time").lt_eq(moment(range.to)))
}

/// A point without a value says that its series ended (OpenTelemetry's flag); Prometheus has a marker for that.
pub(crate) fn stale(value: f64, ended: bool) -> f64 {
    if ended { promql::STALE } else { value }
}

impl Series {
    /// PromQL's counters tell what there is in all.
    fn sum_up(&mut self) {
        let mut sum = 0.0;
        for (_, value) in self.samples.iter_mut().filter(|(_, value)| value.is_finite()) {
            sum += *value;
            *value = sum;
        }
    }
}

fn read_samples(rows: &RecordBatch, series: &mut HashMap<String, Series>) {
    let ids = rows.column(0).as_string_view();
    let times = rows.column(1).as_primitive::<TimestampMicrosecondType>();
    let values = rows.column(2).as_primitive::<Float64Type>();
    let flags = rows.column(3).as_primitive::<Int32Type>();
    for row in 0..rows.num_rows() {
        if let Some(series) = series.get_mut(ids.value(row)) {
            let ended = flags.is_valid(row) && flags.value(row) & 1 == 1;
            let value = stale(values.value(row), ended);
            series.samples.push((times.value(row).div_euclid(1000), value));
        }
    }
}

fn read_series(rows: &RecordBatch, series: &mut HashMap<String, Series>) {
    for (row, id) in rows.column(0).as_string_view().iter().enumerate() {
        let text = |name: &str| {
            let column = rows.column_by_name(name)?.as_string_view();
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        let (Some(id), Some(metric)) = (id, text("metric")) else { continue };
        let mut labels = pairs(rows, "labels", row);
        let resource = pairs(rows, "resource", row);
        let of_resource =
            |name: &str| resource.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value
                && !labels.iter().any(|(known, _)| known == name)
            {
                labels.push((name.to_owned(), value));
            }
        };
        // As Prometheus makes them of OTLP: the service, with its namespace, and its instance.
        let job = match (of_resource("service.namespace"), text("service")) {
            (Some(namespace), Some(service)) => Some(format!("{namespace}/{service}")),
            (_, service) => service,
        };
        add("job", job);
        add("instance", of_resource("service.instance.id"));
        LABELS.iter().for_each(|name| add(name, text(name)));
        labels.sort();
        let delta = text("temporality").as_deref() == Some("delta");
        let kind = text("kind").unwrap_or_default();
        let one = Series { metric, kind, delta, labels, samples: Vec::new() };
        series.insert(id.to_owned(), one);
    }
}

fn pairs(rows: &RecordBatch, name: &str, row: usize) -> Vec<(String, String)> {
    let Some(column) = rows.column_by_name(name) else { return Vec::new() };
    let maps = column.as_map();
    if maps.is_null(row) {
        return Vec::new();
    }
    let entries = maps.value(row);
    let (keys, values) = (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
    (0..entries.len()).map(|at| (keys.value(at).to_owned(), values.value(at).to_owned())).collect()
}

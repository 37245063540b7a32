//! Histograms with listed bounds as the series that PromQL knows: `_bucket` by `le`, `_count` and `_sum`.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use datafusion::logical_expr::in_list;
use datafusion::prelude::{col, lit};
use lake::Table;

use super::prometheus_name;
use crate::series::{Series, stale};
use crate::{Engine, QueryError, Range};

/// One of the series that a histogram is.
pub(super) struct Part {
    pub name: String,
    pub labels: Vec<(String, String)>,
    pub le: Option<String>,
    pub samples: Vec<(i64, f64)>,
}

/// The samples of one histogram, by part: `_bucket` and its bound.
type Parts = BTreeMap<(&'static str, Option<String>), Vec<(i64, f64)>>;

impl Engine {
    pub(super) async fn histogram_series(
        &self,
        series: HashMap<String, Series>,
        range: Range,
    ) -> Result<Vec<Part>, QueryError> {
        if series.is_empty() {
            return Ok(Vec::new());
        }
        let ids = in_list(col("series_id"), series.keys().map(|id| lit(id.as_str())).collect(), false);
        let columns = ["series_id", "time", "count", "sum", "buckets", "bounds", "flags"].map(col).to_vec();
        let frame = self
            .frame(Table::Histograms)?
            .filter(range.condition().and(ids).and(col("bounds").is_not_null()))
            .and_then(|frame| frame.select(columns))
            .map_err(|error| QueryError::failed(&error))?;
        let mut parts: HashMap<String, Parts> = HashMap::new();
        for rows in self.rows(frame).await? {
            read(&rows, &mut parts);
        }
        let mut all = Vec::new();
        for (id, parts) in parts {
            let Some(series) = series.get(&id) else { continue };
            let name = prometheus_name(&series.metric);
            all.extend(parts.into_iter().map(|((part, le), samples)| Part {
                name: format!("{name}{part}"),
                labels: series.labels.clone(),
                le,
                samples,
            }));
        }
        Ok(all)
    }
}

fn read(rows: &RecordBatch, parts: &mut HashMap<String, Parts>) {
    let ids = rows.column(0).as_string_view();
    let times = rows.column(1).as_primitive::<TimestampMicrosecondType>();
    let (counts, sums) =
        (rows.column(2).as_primitive::<Float64Type>(), rows.column(3).as_primitive::<Float64Type>());
    let (buckets, bounds) = (rows.column(4).as_list::<i32>(), rows.column(5).as_list::<i32>());
    let flags = rows.column(6).as_primitive::<Int32Type>();
    for row in 0..rows.num_rows() {
        let time = times.value(row).div_euclid(1000);
        let parts = parts.entry(ids.value(row).to_owned()).or_default();
        let ended = flags.is_valid(row) && flags.value(row) & 1 == 1;
        let mut put = |part, le: Option<String>, value: f64| {
            parts.entry((part, le)).or_default().push((time, stale(value, ended)));
        };
        put("_count", None, counts.value(row));
        if sums.is_valid(row) {
            put("_sum", None, sums.value(row));
        }
        let (buckets, bounds) = (buckets.value(row), bounds.value(row));
        let (buckets, bounds) = (buckets.as_primitive::<Int64Type>(), bounds.as_primitive::<Float64Type>());
        let mut below = 0;
        for (count, bound) in buckets.values().iter().zip(bounds.values()) {
            below += count;
            put("_bucket", Some(bound.to_string()), below as f64);
        }
        put("_bucket", Some("+Inf".into()), counts.value(row));
    }
}

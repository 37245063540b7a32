//! PromQL's source of series: the tables `series`, `points` and `histograms`.

mod histograms;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use datafusion::functions_aggregate::expr_fn::max;
use datafusion::logical_expr::in_list;
use datafusion::prelude::{col, lit};
use lake::Table;
use promql::{Labels, METRIC_NAME, Matcher, Samples, Source, SourceError};

use crate::series::Series;
use crate::{Engine, QueryError, Range};

/// Parts of a histogram that PromQL knows as series of their own.
const PARTS: [&str; 3] = ["_bucket", "_count", "_sum"];

/// A name as PromQL writes it: what is no letter, digit or colon is `_`.
pub fn prometheus_name(name: &str) -> String {
    let mut out: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == ':' { c } else { '_' }).collect();
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}

impl From<QueryError> for SourceError {
    fn from(error: QueryError) -> SourceError {
        SourceError::Failed(Box::new(error))
    }
}

impl Source for Engine {
    async fn select(
        &self,
        matchers: &[Matcher],
        from: i64,
        to: i64,
    ) -> Result<Vec<promql::Series>, SourceError> {
        let range = Range::millis(from, to);
        let series = self.matching_series(matchers, range).await?;
        let (histograms, plain): (HashMap<_, _>, HashMap<_, _>) =
            series.into_iter().partition(|(_, series)| series.kind.ends_with("histogram"));
        let mut found = Found::default();
        for series in self.samples(plain, range).await? {
            let name = named(&series);
            found.add(&name, &series.labels, None, series.samples);
        }
        for part in self.histogram_series(histograms, range).await? {
            found.add(&part.name, &part.labels, part.le.as_deref(), part.samples);
        }
        Ok(found.all(matchers))
    }
}

/// The quantiles, sum and count of a summary are series of one metric in the store.
fn named(series: &Series) -> String {
    let name = prometheus_name(&series.metric);
    match series.labels.iter().find(|(label, _)| label == "__part__") {
        Some((_, part)) => format!("{name}_{part}"),
        None => name,
    }
}

/// Series by their labels: one that was interrupted, as by a new release of its service, goes on.
#[derive(Default)]
struct Found(BTreeMap<Labels, Vec<(i64, f64)>>);

impl Found {
    fn add(&mut self, name: &str, labels: &[(String, String)], le: Option<&str>, samples: Vec<(i64, f64)>) {
        let own = labels.iter().filter(|(label, _)| label != "__part__");
        let own = own.map(|(label, value)| (prometheus_name(label), value.clone()));
        let le = le.map(|bound| ("le".to_owned(), bound.to_owned()));
        let all = own.chain([(METRIC_NAME.to_owned(), name.to_owned())]).chain(le);
        self.0.entry(all.collect()).or_default().extend(samples);
    }

    fn all(self, matchers: &[Matcher]) -> Vec<promql::Series> {
        let fits =
            |labels: &Labels| matchers.iter().all(|matcher| matcher.is_match(labels.get(&matcher.name)));
        let fitting = self.0.into_iter().filter(|(labels, _)| fits(labels));
        fitting
            .map(|(labels, mut samples)| {
                samples.sort_by_key(|(time, _)| *time);
                samples.dedup_by_key(|(time, _)| *time);
                promql::Series { labels, samples: samples.into_iter().collect::<Samples>() }
            })
            .collect()
    }
}

impl Engine {
    /// Series that matchers may fit; the rest is decided by their labels.
    async fn matching_series(
        &self,
        matchers: &[Matcher],
        range: Range,
    ) -> Result<HashMap<String, Series>, QueryError> {
        let names = self.metric_names(range).await?;
        let by_name: Vec<&Matcher> =
            matchers.iter().filter(|matcher| &*matcher.name == METRIC_NAME).collect();
        let fits = |name: &str| {
            let name = prometheus_name(name);
            let parts = PARTS.iter().map(|part| format!("{name}{part}"));
            [name.clone()]
                .into_iter()
                .chain(parts)
                .any(|name| by_name.iter().all(|matcher| matcher.is_match(&name)))
        };
        let metrics: Vec<_> = names.iter().filter(|name| fits(name)).map(|name| lit(name.as_str())).collect();
        if metrics.is_empty() {
            return Ok(HashMap::new());
        }
        let mut series = self.series(in_list(col("metric"), metrics, false), range).await?;
        // `le` and the name are given later.
        let early = |matcher: &&Matcher| !matches!(&*matcher.name, METRIC_NAME | "le");
        let early: Vec<&Matcher> = matchers.iter().filter(early).collect();
        series.retain(|_, series| {
            let label = |name: &str| {
                let found = series.labels.iter().find(|(label, _)| prometheus_name(label) == name);
                found.map_or("", |(_, value)| value.as_str())
            };
            early.iter().all(|matcher| matcher.is_match(label(&matcher.name)))
        });
        Ok(series)
    }

    /// Metrics as they were sent, seen in the range.
    async fn metric_names(&self, range: Range) -> Result<Vec<String>, QueryError> {
        use arrow::array::AsArray;
        let seen = crate::series::seen(range);
        let frame = self
            .frame(Table::Series)?
            .filter(seen)
            .and_then(|frame| frame.aggregate(vec![col("metric")], vec![max(col("time"))]))
            .map_err(|error| QueryError::failed(&error))?;
        let rows = self.rows(frame).await?;
        Ok(rows
            .iter()
            .flat_map(|rows| rows.column(0).as_string_view().iter().flatten())
            .map(str::to_owned)
            .collect())
    }

    /// Labels of series that fit any of the selectors; of all where there is none.
    pub async fn label_sets(
        &self,
        selectors: &[Vec<Matcher>],
        range: Range,
    ) -> Result<Vec<Labels>, QueryError> {
        let all = [Vec::new()];
        let selectors = if selectors.is_empty() { &all[..] } else { selectors };
        let mut sets = std::collections::BTreeSet::new();
        for matchers in selectors {
            let mut found = Found::default();
            for series in self.matching_series(matchers, range).await?.into_values() {
                let name = named(&series);
                if !series.kind.ends_with("histogram") {
                    found.add(&name, &series.labels, None, Vec::new());
                    continue;
                }
                for part in PARTS {
                    found.add(&format!("{name}{part}"), &series.labels, None, Vec::new());
                }
            }
            sets.extend(found.all(matchers).into_iter().map(|series| series.labels));
        }
        Ok(sets.into_iter().collect())
    }

    /// How PromQL is evaluated here.
    pub fn promql_options(&self) -> promql::Options {
        // Sixteen bytes a sample, out of what queries may hold.
        let max_samples = self.limits().memory / 16;
        let deadline = std::time::Instant::now() + self.limits().wall.min(Duration::from_secs(120));
        promql::Options { max_samples, deadline: Some(deadline), ..promql::Options::default() }
    }

    /// Evaluates on the threads for queries.
    pub async fn promql(
        self: &std::sync::Arc<Self>,
        asked: PromqlQuery,
    ) -> Result<promql::Answer, promql::Error> {
        let engine = self.clone();
        let options = self.promql_options();
        let task = self.threads().spawn(async move {
            match asked {
                PromqlQuery::Instant { text, at } => promql::instant(&text, &*engine, at, &options).await,
                PromqlQuery::Range { text, start, end, step } => {
                    promql::range(&text, &*engine, start, end, step, &options).await
                }
            }
        });
        task.await.unwrap_or(Err(promql::Error::Canceled))
    }
}

/// A question in PromQL; times in milliseconds since the epoch.
#[derive(Debug, Clone)]
pub enum PromqlQuery {
    Instant { text: String, at: i64 },
    Range { text: String, start: i64, end: i64, step: i64 },
}

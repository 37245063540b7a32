//! What a task or a machine used: processor, memory and network over time, whichever receiver told of it.

use datafusion::logical_expr::in_list;
use datafusion::prelude::{col, lit};
use std::collections::BTreeMap;

use crate::{Engine, QueryError, Range, Series};

/// Of whom usage is asked.
#[derive(Debug, Clone)]
pub enum Of {
    Task { task: String, container: Option<String> },
    Host(String),
}

/// CPU units that a task may use; 1,024 are one vCPU.
const RESERVED: &str = "ecs.task.cpu.reserved";

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// `cpu`, `memory`, `network_in` or `network_out`.
    pub what: &'static str,
    /// `None`: of all together.
    pub container: Option<String>,
    /// `ratio` (1 is all that may be used), `bytes` or `bytes/s`.
    pub unit: &'static str,
    /// Milliseconds since the epoch, and the value.
    pub points: Vec<(i64, f64)>,
}

/// Gauges that the ECS receiver makes of each container and of the task: what they are, their unit, and the factor
/// that makes them it.
const GAUGES: [(&str, &str, &str, f64); 8] = [
    ("container.cpu.usage.vcpu", "cpu", "ratio", 1.0),
    ("ecs.task.cpu.usage.vcpu", "cpu", "ratio", 1.0),
    ("container.memory.utilized", "memory", "bytes", 1048576.0),
    ("ecs.task.memory.utilized", "memory", "bytes", 1048576.0),
    ("container.network.rate.rx", "network_in", "bytes/s", 1.0),
    ("ecs.task.network.rate.rx", "network_in", "bytes/s", 1.0),
    ("container.network.rate.tx", "network_out", "bytes/s", 1.0),
    ("ecs.task.network.rate.tx", "network_out", "bytes/s", 1.0),
];

impl Engine {
    pub async fn usage(&self, of: &Of, range: Range) -> Result<Vec<Usage>, QueryError> {
        match of {
            Of::Task { task, container } => self.of_task(task, container.as_deref(), range).await,
            Of::Host(host) => self.of_host(host, range).await,
        }
    }

    async fn found(
        &self,
        column: &str,
        name: &str,
        metrics: &[&str],
        range: Range,
    ) -> Result<Vec<Series>, QueryError> {
        let metrics = in_list(col("metric"), metrics.iter().map(|name| lit(*name)).collect(), false);
        let series = self.series(col(column).eq(lit(name)).and(metrics), range).await?;
        self.samples(series, range).await
    }

    async fn of_task(
        &self,
        task: &str,
        container: Option<&str>,
        range: Range,
    ) -> Result<Vec<Usage>, QueryError> {
        let names: Vec<&str> = GAUGES.iter().map(|(name, ..)| *name).chain([RESERVED]).collect();
        let found = self.found("task", task, &names, range).await?;
        let reserved = found.iter().find(|series| series.metric == RESERVED);
        let units = reserved.and_then(|series| series.samples.last()).map_or(1024.0, |(_, units)| *units);
        let mut usage = Vec::new();
        for series in found {
            let Some((_, what, unit, factor)) = GAUGES.iter().find(|(name, ..)| *name == series.metric)
            else {
                continue;
            };
            let of = series.label("container").map(str::to_owned);
            if container.is_some() && of.as_deref() != container {
                continue;
            }
            let factor = if *what == "cpu" { 1024.0 / units.max(1.0) } else { *factor };
            let points = series.samples.iter().map(|(time, value)| (*time, value * factor)).collect();
            usage.push(Usage { what, container: of, unit, points });
        }
        Ok(usage)
    }

    async fn of_host(&self, host: &str, range: Range) -> Result<Vec<Usage>, QueryError> {
        let names = ["system.cpu.time", "system.memory.usage", "system.network.io"];
        let series = self.found("host", host, &names, range).await?;
        let (mut busy, mut all) = (Curve::default(), Curve::default());
        let (mut memory, mut coming, mut going) = (Curve::default(), Curve::default(), Curve::default());
        for series in &series {
            match (series.metric.as_str(), series.label("state"), series.label("direction")) {
                ("system.cpu.time", state, _) => {
                    all.add_rate(series);
                    if state != Some("idle") {
                        busy.add_rate(series);
                    }
                }
                ("system.memory.usage", Some("used"), _) => memory.add(series),
                ("system.network.io", _, Some("receive")) => coming.add_rate(series),
                ("system.network.io", _, Some("transmit")) => going.add_rate(series),
                _ => {}
            }
        }
        let share = busy.0.iter().filter_map(|(time, busy)| {
            let all = all.0.get(time).filter(|all| **all > 0.0)?;
            Some((*time, busy / all))
        });
        let curve = |what, unit, points| Usage { what, container: None, unit, points };
        let mut usage = vec![
            curve("cpu", "ratio", share.collect()),
            curve("memory", "bytes", memory.points()),
            curve("network_in", "bytes/s", coming.points()),
            curve("network_out", "bytes/s", going.points()),
        ];
        usage.retain(|usage| !usage.points.is_empty());
        Ok(usage)
    }
}

/// Values of several series, summed at each time.
#[derive(Default)]
struct Curve(BTreeMap<i64, f64>);

impl Curve {
    fn add(&mut self, series: &Series) {
        for (time, value) in &series.samples {
            *self.0.entry(*time).or_default() += value;
        }
    }

    /// What a counter grew by, a second; a counter that began anew tells nothing at that moment.
    fn add_rate(&mut self, series: &Series) {
        for pair in series.samples.windows(2) {
            let [(before, from), (time, to)] = pair else { continue };
            let seconds = (time - before) as f64 / 1000.0;
            if to >= from && seconds > 0.0 {
                *self.0.entry(*time).or_default() += (to - from) / seconds;
            }
        }
    }

    fn points(self) -> Vec<(i64, f64)> {
        self.0.into_iter().collect()
    }
}

impl Series {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

//! Samples as metrics systems see them: the same ones at every call, with all that makes queries differ.
//!
//! Counters that start anew, gaps, series that appear and vanish, NaN and the infinities, classic histograms, labels
//! that change, samples that lie exactly on the bounds of ranges. Stale markers are added for those who can carry
//! them, which text formats cannot.

use std::fmt::Write;

/// When the samples begin, in milliseconds: 2024-01-15 10:00:00 UTC.
pub const START: i64 = 1_705_312_800_000;
/// How long they go on.
pub const LENGTH: i64 = 2 * 3600 * 1000;

#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Sorted, the name among them.
    pub labels: Vec<(String, String)>,
    /// Milliseconds since the epoch, ascending.
    pub samples: Vec<(i64, f64)>,
}

/// Every series, about seventy.
pub fn all() -> Vec<Series> {
    let mut made = Maker { random: 0x9e37_79b9_7f4a_7c15, series: Vec::new() };
    made.requests();
    made.gauges();
    made.histograms();
    made.targets();
    made.edges();
    made.series
}

/// OpenMetrics text, which `promtool tsdb create-blocks-from openmetrics` takes.
pub fn openmetrics(series: &[Series]) -> String {
    let mut text = String::new();
    for series in series {
        let mut head = String::new();
        for (name, value) in series.labels.iter().filter(|(name, _)| name != "__name__") {
            let comma = if head.is_empty() { "" } else { "," };
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(head, "{comma}{name}=\"{value}\"");
        }
        let name = series.labels.iter().find(|(name, _)| name == "__name__").map_or("", |(_, name)| name);
        for (time, value) in &series.samples {
            let value = if value.is_infinite() {
                if *value > 0.0 { "+Inf".into() } else { "-Inf".into() }
            } else {
                format!("{value:?}")
            };
            let _ = writeln!(text, "{name}{{{head}}} {value} {}.{:03}", time / 1000, time % 1000);
        }
    }
    text + "# EOF\n"
}

/// The value that ends a series, a NaN of its own.
pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// The same series with stale markers: where a series pauses or ends, and in place of a few samples.
pub fn with_stale_markers(mut series: Vec<Series>) -> Vec<Series> {
    for (n, series) in series.iter_mut().enumerate() {
        let mut marked: Vec<(i64, f64)> = Vec::with_capacity(series.samples.len() + 8);
        for (i, (time, value)) in series.samples.iter().enumerate() {
            let pause = marked.last().filter(|(last, _)| (2 * MINUTE..7 * MINUTE).contains(&(time - last)));
            if let Some((last, _)) = pause.copied() {
                marked.push((last + 15 * SECOND, STALE));
            }
            marked.push((*time, if (i + 7 * n) % 61 == 60 { STALE } else { *value }));
        }
        if let Some((last, _)) = marked.last().copied() {
            marked.push((last + 15 * SECOND, STALE));
        }
        series.samples = marked;
    }
    series
}

/// A remote write request of version 1, not yet compressed.
pub fn remote_write(series: &[Series]) -> Vec<u8> {
    let mut request = Vec::new();
    for series in series {
        let mut message = Vec::new();
        for (name, value) in &series.labels {
            let mut label = Vec::new();
            field(&mut label, 1, name.as_bytes());
            field(&mut label, 2, value.as_bytes());
            field(&mut message, 1, &label);
        }
        for (time, value) in &series.samples {
            let mut sample = vec![1 << 3 | 1];
            sample.extend_from_slice(&value.to_le_bytes());
            sample.push(2 << 3);
            varint(&mut sample, *time as u64);
            field(&mut message, 2, &sample);
        }
        field(&mut request, 1, &message);
    }
    request
}

/// Bytes with their length, as protobuf has them.
fn field(into: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    into.push(number << 3 | 2);
    varint(into, bytes.len() as u64);
    into.extend_from_slice(bytes);
}

fn varint(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

struct Maker {
    random: u64,
    series: Vec<Series>,
}

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;

impl Maker {
    /// From 0 up to but not 1.
    fn chance(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }

    fn add(&mut self, labels: &[(&str, &str)], samples: Vec<(i64, f64)>) {
        let mut labels: Vec<_> =
            labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        labels.sort();
        self.series.push(Series { labels, samples });
    }

    /// Times as a scraper would have them, a few milliseconds off.
    fn scrapes(&mut self, from: i64, to: i64, every: i64) -> Vec<i64> {
        let offset = (self.chance() * every as f64) as i64;
        let mut times = Vec::new();
        let mut time = START + from + offset;
        while time < START + to {
            times.push(time + (self.chance() * 9.0) as i64);
            time += every;
        }
        times
    }

    /// A counter that grows by up to `by`, and starts anew now and then.
    fn counter(&mut self, times: &[i64], by: f64, resets: f64) -> Vec<(i64, f64)> {
        let mut value = (self.chance() * by * 20.0).floor();
        let mut samples = Vec::with_capacity(times.len());
        for time in times {
            value += (self.chance() * by).floor();
            if self.chance() < resets {
                value = (self.chance() * by).floor();
            }
            samples.push((*time, value));
        }
        samples
    }

    fn requests(&mut self) {
        for job in ["api", "web"] {
            for instance in ["a:9090", "b:9090"] {
                for path in ["/", "/cart"] {
                    for status in ["200", "500"] {
                        let is = |j: &str, i: &str, s: &str| job == j && instance == i && status == s;
                        let from = if is("api", "b:9090", "500") { 40 * MINUTE } else { 0 };
                        let to = if is("web", "a:9090", "500") { 70 * MINUTE } else { LENGTH };
                        let mut times = self.scrapes(from, to, 15 * SECOND);
                        if is("web", "b:9090", "200") {
                            times.retain(|time| !(50 * MINUTE..62 * MINUTE).contains(&(time - START)));
                        }
                        let by = if status == "200" { 60.0 } else { 3.0 };
                        let samples = self.counter(&times, by, 0.012);
                        let labels = [
                            ("__name__", "http_requests_total"),
                            ("job", job),
                            ("instance", instance),
                            ("path", path),
                            ("status", status),
                        ];
                        self.add(&labels, samples);
                    }
                }
            }
        }
    }

    fn gauges(&mut self) {
        for (job, instance) in [("api", "a:9090"), ("api", "b:9090"), ("web", "a:9090"), ("web", "b:9090")] {
            let mut value = 1e9 + self.chance() * 1e9;
            let times = self.scrapes(0, LENGTH, 30 * SECOND);
            let samples = times.into_iter().map(|time| {
                value += (self.chance() - 0.5) * 1e8;
                (time, value.round())
            });
            let samples = samples.collect();
            self.add(&[("__name__", "memory_bytes"), ("job", job), ("instance", instance)], samples);
        }
        for (room, base) in [("attic", -4.0), ("cellar", 11.5), ("kitchen", 21.0)] {
            let times = self.scrapes(0, LENGTH, 60 * SECOND);
            let samples = times.into_iter().enumerate().map(|(i, time)| {
                let value = match (room, i % 17) {
                    ("attic", 5) => f64::NAN,
                    ("attic", 11) if i > 60 => f64::INFINITY,
                    ("attic", 14) if i > 80 => f64::NEG_INFINITY,
                    _ => base + (self.chance() - 0.5) * 6.0,
                };
                (time, value)
            });
            let samples = samples.collect();
            self.add(&[("__name__", "temperature_celsius"), ("room", room)], samples);
        }
        // Few values, many times each.
        for queue in ["mail", "print", "scan", "sync", "void"] {
            let times = self.scrapes(0, LENGTH, 60 * SECOND);
            let samples = times.into_iter().map(|time| (time, (self.chance() * 4.0).floor())).collect();
            self.add(&[("__name__", "queue_length"), ("queue", queue)], samples);
        }
    }

    fn histograms(&mut self) {
        for job in ["api", "web"] {
            let times = self.scrapes(0, LENGTH, 15 * SECOND);
            let bounds = ["0.1", "0.5", "1", "2.5", "+Inf"];
            let mut counts = [0.0; 5];
            let mut sum = 0.0;
            let mut columns: Vec<Vec<(i64, f64)>> = vec![Vec::new(); 6];
            for time in times {
                for _ in 0..(self.chance() * 12.0) as usize {
                    let seconds = self.chance().powi(2) * 3.0;
                    sum += seconds;
                    let limits = [0.1, 0.5, 1.0, 2.5, f64::INFINITY];
                    counts
                        .iter_mut()
                        .zip(limits)
                        .filter(|(_, limit)| seconds <= *limit)
                        .for_each(|(n, _)| *n += 1.0);
                }
                if self.chance() < 0.006 {
                    (counts, sum) = ([0.0; 5], 0.0);
                }
                columns.iter_mut().zip(counts).for_each(|(column, count)| column.push((time, count)));
                columns[5].push((time, sum));
            }
            let count = columns[4].clone();
            for (column, le) in columns.iter().zip(bounds) {
                let labels = [("__name__", "latency_seconds_bucket"), ("job", job), ("le", le)];
                self.add(&labels, column.clone());
            }
            self.add(&[("__name__", "latency_seconds_count"), ("job", job)], count);
            self.add(&[("__name__", "latency_seconds_sum"), ("job", job)], columns[5].clone());
        }
    }

    /// What other metrics are joined with.
    fn targets(&mut self) {
        for (job, instance) in [("api", "a:9090"), ("api", "b:9090"), ("web", "a:9090"), ("web", "b:9090")] {
            let times = self.scrapes(0, LENGTH, 30 * SECOND);
            let samples =
                times.iter().map(|time| (*time, if self.chance() < 0.1 { 0.0 } else { 1.0 })).collect();
            self.add(&[("__name__", "up"), ("job", job), ("instance", instance)], samples);
            // A new version halfway, with five minutes in which both are there.
            let half = LENGTH / 2;
            for (version, from, to) in [("1.0", 0, half), ("1.1", half + MINUTE, LENGTH)] {
                let times = self.scrapes(from, to, 30 * SECOND);
                let labels =
                    [("__name__", "build_info"), ("job", job), ("instance", instance), ("version", version)];
                self.add(&labels, times.into_iter().map(|time| (time, 1.0)).collect());
            }
        }
        for (job, limit) in [("api", 2.5e9), ("web", 1.2e9), ("batch", 1e9)] {
            let times = self.scrapes(0, LENGTH, 60 * SECOND);
            let labels = [("__name__", "memory_limit_bytes"), ("job", job), ("team", "shop")];
            self.add(&labels, times.into_iter().map(|time| (time, limit)).collect());
        }
    }

    fn edges(&mut self) {
        let every = |step: i64| (0..LENGTH / step).map(move |i| START + i * step);
        // Exactly on whole minutes, so that bounds of ranges meet samples.
        let samples = every(MINUTE).enumerate().map(|(i, time)| (time, (i * i) as f64)).collect();
        self.add(&[("__name__", "on_the_minute"), ("kind", "square")], samples);
        let samples = every(MINUTE).map(|time| (time, 42.0)).collect();
        self.add(&[("__name__", "on_the_minute"), ("kind", "flat")], samples);
        // Farther apart than samples live.
        let samples = every(7 * MINUTE).enumerate().map(|(i, time)| (time, i as f64)).collect();
        self.add(&[("__name__", "rare"), ("job", "api")], samples);
        // Times as values, some long ago and some far ahead.
        for (event, base) in [("boot", 1_705_000_000.0), ("moon", -14_182_980.0), ("leap", 4_107_542_399.0)] {
            let samples =
                every(MINUTE).enumerate().map(|(i, time)| (time, base + i as f64 * 86_399.5)).collect();
            self.add(&[("__name__", "event_time_seconds"), ("event", event)], samples);
        }
        // Values that rounding makes hard.
        let samples = every(30 * SECOND).enumerate().map(|(i, time)| {
            let value = [1e16, 1.0, -1e16, 0.1, 3.5e-9][i % 5];
            (time, value)
        });
        let samples = samples.collect();
        self.add(&[("__name__", "hard"), ("kind", "cancels")], samples);
        let samples = every(MINUTE).enumerate().map(|(i, time)| (time, i as f64 / 300.0 - 0.9)).collect();
        self.add(&[("__name__", "unit_interval")], samples);
        let labels =
            [("__name__", "odd"), ("path", "/a b/{c}"), ("quote", "say \"hi\" \\ bye"), ("word", "grün")];
        self.add(&labels, every(MINUTE).map(|time| (time, 7.0)).collect());
    }
}

//! Log lines as a shop's services write them, the same for the same seed: for tests and figures, here and elsewhere.

mod bucket;

use model::{Arena, Batch, List, LogRecord, Resource, Scope, Severity, Span, Value, json};

use crate::segment::PAGE;
use crate::tokens::TokenWriter;

pub use bucket::Bucket;

const SERVICES: [&str; 12] = [
    "gateway", "catalog", "cart", "checkout", "payments", "shipping", "search", "users", "stock", "mail",
    "reviews", "web",
];
const VERBS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];
const NOUNS: [&str; 10] = [
    "orders", "baskets", "products", "users", "payments", "parcels", "reviews", "prices", "sessions", "stock",
];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15",
    "okhttp/5.1.0",
    "curl/8.14.1",
];
const DAY: u64 = 86_400_000_000_000;
/// Lines come up to this late, in nanoseconds.
const DISORDER: u64 = 5_000_000_000;

/// Writes the lines of a day, request by request.
pub struct Shop {
    state: u64,
    line: u64,
    lines: u64,
    /// Nanoseconds since the epoch.
    start: u64,
}

impl Shop {
    /// So many lines over the 24 hours from `start`, in nanoseconds since the epoch.
    pub fn new(seed: u64, lines: u64, start: u64) -> Shop {
        Shop { state: seed, line: 0, lines, start }
    }

    /// SplitMix64.
    fn random(&mut self, below: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    /// The next lines, all of one task of one service; none after the day's last.
    pub fn batch(&mut self, lines: u64) -> Option<Batch> {
        let lines = lines.min(self.lines - self.line);
        if lines == 0 {
            return None;
        }
        let mut batch = Batch::new("shop".into(), Vec::new());
        let service = SERVICES[self.random(12) as usize];
        let task = self.random(4);
        let attributes = resource(&mut batch.arena, service, task);
        batch.resources.push(Resource { attributes, ..Resource::default() });
        let name = batch.arena.store(b"shop.http");
        batch.scopes.push(Scope { name, ..Scope::default() });
        for _ in 0..lines {
            let record = self.record(&mut batch.arena, service);
            batch.logs.push(record);
            self.line += 1;
        }
        Some(batch)
    }

    fn record(&mut self, arena: &mut Arena, service: &str) -> LogRecord {
        let due = self.start + (u128::from(self.line) * u128::from(DAY) / u128::from(self.lines)) as u64;
        let time = due - self.random(DISORDER);
        let failed = self.random(100) == 0;
        let route = self.random(40) as usize;
        let (verb, noun) = (VERBS[route % 4], NOUNS[route / 4]);
        let (id, millis) = (self.random(5_000_000), self.random(900) + 1);
        let status = if failed { 500 } else { [200, 200, 201, 304][self.random(4) as usize] };
        let user = self.random(200_000);
        let message = match self.random(6) {
            _ if failed => {
                format!("failed to reserve {noun} {id}: connection reset by peer after {millis} ms")
            }
            0 => format!(
                "10.{}.{}.{} - - \"{verb} /api/v1/{noun}/{id} HTTP/1.1\" {status} {} \"-\" \"{}\" 0.{millis:03}",
                self.random(4),
                self.random(250),
                self.random(250),
                self.random(90_000),
                AGENTS[self.random(4) as usize]
            ),
            1 => format!("handled {verb} /api/v1/{noun}/{id} for user {user} in {millis} ms"),
            2 => format!("cache miss key={noun}:{id} shard={} ttl=300", self.random(16)),
            3 => format!("published event {noun}.changed partition={} offset={}", self.random(24), self.line),
            4 if self.random(50_000) == 0 => {
                format!("leader election lost, rejoining quorum with epoch {id}")
            }
            4 => format!("query on {noun} returned {} rows in {millis} ms", self.random(300)),
            _ => format!("{service} accepted {noun} {id} of user {user}"),
        };
        let body = Value::Str(arena.store(message.as_bytes()));
        let mut record = LogRecord::new(time, body);
        record.observed = time + self.random(DISORDER / 5);
        record.severity = Severity(if failed { 17 } else { [9, 9, 9, 5][self.random(4) as usize] });
        record.severity_text = arena.store(if failed { b"ERROR" } else { b"INFO" });
        let trace = u128::from(self.random(u64::MAX)) << 64 | u128::from(self.random(u64::MAX));
        record.trace_id = trace.to_be_bytes();
        record.span_id = self.random(u64::MAX).to_be_bytes();
        record.flags = 1;
        let text = |list: &mut List, arena: &mut Arena, key: &str, value: &str| {
            let value = Value::Str(arena.store(value.as_bytes()));
            put(arena, list, key, value);
        };
        let list = &mut record.attributes;
        text(list, arena, "http.request.method", verb);
        text(list, arena, "http.route", &format!("/api/v1/{noun}/{{id}}"));
        put(arena, list, "http.response.status_code", Value::Int(status));
        put(arena, list, "duration_ms", Value::Double(millis as f64 + 0.25));
        text(list, arena, "user.id", &format!("u{user}"));
        text(list, arena, "thread", &format!("worker-{}", self.random(16)));
        if self.random(2) == 0 {
            put(arena, list, "retries", Value::Int(self.random(3) as i64));
        }
        if failed {
            text(list, arena, "exception.type", "java.net.SocketException");
        }
        record
    }
}

fn put(arena: &mut Arena, list: &mut List, key: &str, value: Value) {
    let key = arena.store(key.as_bytes());
    arena.push(list, key, value);
}

fn resource(arena: &mut Arena, service: &str, task: u64) -> List {
    let mut list = List::EMPTY;
    let task = format!("arn:aws:ecs:eu-west-1:123456789012:task/shop/{task:032x}");
    for (key, value) in [
        ("service.name", service),
        ("service.version", "2.7.1"),
        ("deployment.environment.name", "prod"),
        ("aws.ecs.cluster.arn", "arn:aws:ecs:eu-west-1:123456789012:cluster/shop"),
        ("aws.ecs.task.arn", &task),
        ("aws.ecs.task.family", service),
        ("aws.ecs.task.revision", "17"),
        ("aws.ecs.launchtype", "fargate"),
        ("container.name", "app"),
        ("cloud.region", "eu-west-1"),
        ("cloud.availability_zone", "eu-west-1b"),
        ("telemetry.sdk.language", "java"),
    ] {
        let value = Value::Str(arena.store(value.as_bytes()));
        put(arena, &mut list, key, value);
    }
    list
}

/// Bytes that the lines take as JSON, one object each, their resource with each.
pub fn json_bytes(batch: &Batch) -> usize {
    let mut out = Vec::new();
    let mut bytes = 0;
    for record in &batch.logs {
        let text = |span: Span| String::from_utf8_lossy(batch.arena.bytes(span)).into_owned();
        out.clear();
        for value in [record.body, Value::Map(record.attributes), Value::Map(batch.resources[0].attributes)] {
            json::write_value(&batch.arena, value, &mut out);
        }
        let rest = format!(
            r#"{{"time":"{}","observed_time":"{}","severity":"{}","trace_id":"{:032x}","span_id":"{:016x}","body":,"attributes":,"resource":}}"#,
            record.time,
            record.observed,
            text(record.severity_text),
            u128::from_be_bytes(record.trace_id),
            u64::from_be_bytes(record.span_id),
        );
        bytes += out.len() + rest.len() + 1;
    }
    bytes
}

/// Bytes of the token index of these messages, for a figure of what it costs.
pub fn token_bytes(messages: &arrow::array::StringArray) -> usize {
    let mut writer = TokenWriter::default();
    for start in (0..arrow::array::Array::len(messages)).step_by(PAGE) {
        writer.push(&[&messages.slice(start, PAGE.min(arrow::array::Array::len(messages) - start))]);
    }
    writer.finish(0).0.len()
}

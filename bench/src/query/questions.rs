//! The questions, in the words of each engine.

use serde_json::{Value, json};

pub struct Question {
    pub name: &'static str,
    /// CPU-seconds that it may cost over 20 million rows.
    pub limit: f64,
    /// How often the better peer's cost it may cost.
    pub times: f64,
    ours: &'static str,
    /// Empty: as ours.
    duckdb: &'static str,
    chdb: &'static str,
}

/// Counting by dictionary codes is what DuckDB is best at; there it may be four times.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "count by service and 5 minutes",
        limit: 1.0,
        times: 4.0,
        ours: "SELECT service, date_bin(INTERVAL '5 minutes', time) AS at, count(*) FROM logs GROUP BY 1, 2",
        duckdb: "SELECT service, time_bucket(INTERVAL '5 minutes', time) AS at, count(*) FROM logs GROUP BY 1, 2",
        chdb: "SELECT service, toStartOfInterval(time, INTERVAL 5 MINUTE) AS at, count(*) FROM logs GROUP BY 1, 2",
    },
    Question {
        name: "substring, common, count by service",
        limit: 3.5,
        times: 2.0,
        ours: "SELECT service, count(*) FROM logs WHERE message LIKE '%reset by peer%' GROUP BY 1",
        duckdb: "",
        chdb: "",
    },
    Question {
        name: "substring, rare, latest 100",
        limit: 3.0,
        times: 2.0,
        ours: "SELECT time, service, message FROM logs WHERE message LIKE '%joining quorum%' ORDER BY time DESC LIMIT 100",
        duckdb: "",
        chdb: "",
    },
    Question {
        name: "the same by its words",
        limit: 0.2,
        times: 2.0,
        ours: "SELECT time, service, message FROM logs WHERE has_token(message, 'rejoining quorum') ORDER BY time DESC LIMIT 100",
        duckdb: "SELECT time, service, message FROM logs WHERE message LIKE '%rejoining quorum%' ORDER BY time DESC LIMIT 100",
        chdb: "SELECT time, service, message FROM logs WHERE message LIKE '%rejoining quorum%' ORDER BY time DESC LIMIT 100",
    },
    Question {
        name: "one trace, whole day",
        limit: 0.10,
        times: 2.0,
        ours: "SELECT time, service, message FROM logs WHERE trace_id = '{trace}' ORDER BY time",
        duckdb: "",
        chdb: "",
    },
    Question {
        name: "top 10 of a promoted attribute",
        limit: 0.6,
        times: 4.0,
        ours: "SELECT attributes['http.route'] AS route, count(*) AS n FROM logs GROUP BY 1 ORDER BY n DESC LIMIT 10",
        duckdb: "SELECT http_route, count(*) AS n FROM logs GROUP BY 1 ORDER BY n DESC LIMIT 10",
        chdb: "SELECT http_route, count(*) AS n FROM logs GROUP BY 1 ORDER BY n DESC LIMIT 10",
    },
    Question {
        name: "top 10 of a map attribute",
        limit: 8.0,
        times: 2.0,
        ours: "SELECT attributes['thread'] AS thread, count(*) AS n FROM logs GROUP BY 1 ORDER BY n DESC LIMIT 10",
        duckdb: "",
        chdb: "",
    },
    Question {
        name: "p95 by service",
        limit: 1.0,
        times: 2.0,
        ours: "SELECT service, approx_percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) FROM logs GROUP BY 1",
        duckdb: "SELECT service, approx_quantile(duration_ms, 0.95) FROM logs GROUP BY 1",
        chdb: "SELECT service, quantileTDigest(0.95)(duration_ms) FROM logs GROUP BY 1",
    },
    Question {
        name: "errors of a service, an hour, latest 100",
        limit: 0.06,
        times: 2.0,
        ours: "SELECT time, service, message FROM logs WHERE severity = 'ERROR' AND service = 'checkout' AND time >= TIMESTAMP '2023-11-15 09:00:00' AND time < TIMESTAMP '2023-11-15 10:00:00' ORDER BY time DESC LIMIT 100",
        duckdb: "",
        chdb: "SELECT time, service, message FROM logs WHERE severity = 'ERROR' AND service = 'checkout' AND time >= toDateTime64('2023-11-15 09:00:00', 6, 'UTC') AND time < toDateTime64('2023-11-15 10:00:00', 6, 'UTC') ORDER BY time DESC LIMIT 100",
    },
    Question {
        name: "latest 100 of everything",
        limit: 0.05,
        times: 2.0,
        ours: "SELECT time, service, message FROM logs ORDER BY time DESC LIMIT 100",
        duckdb: "",
        chdb: "",
    },
];

impl Question {
    pub fn ours(&self, trace: &str) -> String {
        self.ours.replace("{trace}", trace)
    }

    pub fn for_peers(&self, trace: &str) -> Value {
        let words = |of: &str| if of.is_empty() { self.ours(trace) } else { of.to_owned() };
        json!({"name": self.name, "duckdb": words(self.duckdb), "chdb": words(self.chdb)})
    }
}

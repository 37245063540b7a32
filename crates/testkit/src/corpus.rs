//! A seeded stream of log lines as a task's containers write them, in the form Docker's driver sends.
//!
//! Each record has a number and bears it once, as `req-0000000123`, in whatever form its line has. That is
//! how a sink at the far end proves that every record came exactly once.

use std::time::{Duration, SystemTime};

/// Where Docker's driver cuts a line.
const DRIVER_CUT: usize = 16 * 1024;

pub const TAG: &str = "web-firelens-0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const CONTAINER_ID: &str = "5f0c1b9ad2e34c8e9a76b5d4c3f2e1a05f0c1b9ad2e34c8e9a76b5d4c3f2e1a0";
const CONTAINER_NAME: &str = "/ecs-shop-web-7-web-c4f5e6d7a8b9c0d1e201";

/// What the lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// JSON lines of about 525 bytes with trace ids and a nested object.
    Json,
    /// Mostly those; also plain text, stack traces, other scripts, and long lines the driver cuts.
    Everything,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Json,
    Plain,
    Unicode,
    Stack,
    /// Longer than the driver's buffer.
    Long,
}

#[derive(Debug, Clone)]
pub struct Corpus {
    seed: u64,
    mix: Mix,
    start: Duration,
    tag: String,
}

/// One line as the application wrote it.
#[derive(Debug, Clone)]
pub struct Line {
    pub kind: Kind,
    pub text: String,
    /// `dd.trace_id`, where the line has one.
    pub trace_id: Option<String>,
}

impl Corpus {
    /// Records start twenty minutes ago and are a millisecond apart: inside CloudWatch's limits for a million.
    pub fn new(mix: Mix) -> Corpus {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let start = Duration::from_secs(now.as_secs() - 1_200);
        Corpus { seed: 7, mix, start, tag: TAG.to_owned() }
    }

    pub fn tag(mut self, tag: &str) -> Corpus {
        tag.clone_into(&mut self.tag);
        self
    }

    /// A fixed clock, for what is compared from run to run.
    pub fn starting_at(mut self, start: Duration) -> Corpus {
        self.start = start;
        self
    }

    pub fn line(&self, number: u64) -> Line {
        let mut dice = Dice(self.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let kind = match (self.mix, dice.below(1_000)) {
            (Mix::Json, _) | (_, 0..800) => Kind::Json,
            (_, 800..900) => Kind::Plain,
            (_, 900..950) => Kind::Unicode,
            (_, 950..998) => Kind::Stack,
            _ => Kind::Long,
        };
        let mark = format!("req-{number:010}");
        let mut trace_id = None;
        let text = match kind {
            Kind::Json => json_line(&mark, &mut dice, "order accepted", &mut trace_id),
            Kind::Plain => format!(
                "2026-06-16 10:11:12,{:03} INFO [http-nio-8080-exec-{}] shop.Checkout - order {} accepted ({mark})",
                dice.below(1000),
                dice.below(16),
                dice.below(100_000)
            ),
            Kind::Unicode => {
                json_line(&mark, &mut dice, "Grüße aus 東京 \\u00e9 😀 \\\"quoted\\\"", &mut trace_id)
            }
            Kind::Stack => format!(
                "java.lang.IllegalStateException: {mark} not paid\r\n\tat shop.Checkout.pay(Checkout.java:{})\u{1b}[0m",
                dice.below(400)
            ),
            Kind::Long => {
                let filler = "0123456789abcdef".repeat(1_200 + dice.below(2_400) as usize);
                json_line(&mark, &mut dice, &filler, &mut trace_id)
            }
        };
        Line { kind, text, trace_id }
    }

    pub fn time(&self, number: u64) -> Duration {
        self.start + Duration::from_millis(number)
    }

    /// Appends the record as the driver sends it: one Message, or several for a line it cuts. Returns how many.
    pub fn write(&self, number: u64, out: &mut Vec<u8>) -> u64 {
        let line = self.line(number);
        let text = line.text.as_bytes();
        if text.len() <= DRIVER_CUT {
            self.message(number, text, None, out);
            return 1;
        }
        let pieces = text.chunks(DRIVER_CUT).count();
        for (place, piece) in text.chunks(DRIVER_CUT).enumerate() {
            self.message(number, piece, Some((place + 1, place + 1 == pieces)), out);
        }
        pieces as u64
    }

    fn message(&self, number: u64, log: &[u8], partial: Option<(usize, bool)>, out: &mut Vec<u8>) {
        let time = self.time(number);
        out.push(0x94);
        put_str(self.tag.as_bytes(), out);
        out.extend_from_slice(&[0xd7, 0x00]);
        out.extend_from_slice(&(time.as_secs() as u32).to_be_bytes());
        out.extend_from_slice(&time.subsec_nanos().to_be_bytes());
        out.push(if partial.is_some() { 0x88 } else { 0x84 });
        // A Go map comes in any order.
        let mut order = [0, 1, 2, 3];
        order.rotate_left((number % 4) as usize);
        for key in order {
            let (name, value): (&str, &[u8]) = match key {
                0 => ("container_id", CONTAINER_ID.as_bytes()),
                1 => ("container_name", CONTAINER_NAME.as_bytes()),
                2 => ("source", if number.is_multiple_of(16) { b"stderr" } else { b"stdout" }),
                _ => ("log", log),
            };
            put_str(name.as_bytes(), out);
            put_str(value, out);
        }
        if let Some((ordinal, last)) = partial {
            let id = format!("{number:064x}");
            let fields = [
                ("partial_message", "true"),
                ("partial_id", &id),
                ("partial_ordinal", &ordinal.to_string()),
                ("partial_last", if last { "true" } else { "false" }),
            ];
            for (name, value) in fields {
                put_str(name.as_bytes(), out);
                put_str(value.as_bytes(), out);
            }
        }
        out.push(0x80);
    }
}

fn json_line(mark: &str, dice: &mut Dice, message: &str, trace_id: &mut Option<String>) -> String {
    let trace = format!("{:016x}{:016x}", dice.roll(), dice.roll());
    let line = format!(
        concat!(
            r#"{{"timestamp":"2026-06-16T10:11:{:02}.{:03}Z","level":"INFO","logger":"shop.checkout.Orders","#,
            r#""message":"{}","request_id":"{}","dd.trace_id":"{}","dd.span_id":"{}","dd.service":"shop-web","#,
            r#""dd.env":"production","dd.version":"1.4.2","http":{{"method":"POST","url":"/api/v1/orders/{}/items","#,
            r#""status_code":201,"duration_ms":{}.{:02},"client_ip":"10.40.{}.{}","#,
            r#""user_agent":"Mozilla/5.0 (X11; Linux x86_64)"}},"items":{},"total":{}.5,"thread":"exec-{}","ok":true}}"#
        ),
        dice.below(60),
        dice.below(1000),
        message,
        mark,
        trace,
        dice.roll(),
        dice.below(100_000),
        dice.below(500),
        dice.below(100),
        dice.below(256),
        dice.below(256),
        dice.below(20),
        dice.below(1000),
        dice.below(16),
    );
    *trace_id = Some(trace);
    line
}

/// A msgpack str of any length; the bytes need not be UTF-8, as the driver's are not always.
pub fn put_str(text: &[u8], out: &mut Vec<u8>) {
    match text.len() {
        n @ 0..32 => out.push(0xa0 | n as u8),
        n @ 32..256 => out.extend_from_slice(&[0xd9, n as u8]),
        n @ 256..65_536 => {
            out.push(0xda);
            out.extend_from_slice(&(n as u16).to_be_bytes());
        }
        n => {
            out.push(0xdb);
            out.extend_from_slice(&(n as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(text);
}

/// Splitmix64: the same numbers everywhere, for ever.
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distinct::numbers;

    #[test]
    fn every_record_bears_its_number_once() {
        let corpus = Corpus::new(Mix::Everything);
        let mut kinds = std::collections::HashMap::new();
        for number in 0..2_000 {
            let line = corpus.line(number);
            assert_eq!(numbers(line.text.as_bytes()).collect::<Vec<_>>(), [number]);
            if matches!(line.kind, Kind::Json | Kind::Unicode | Kind::Long) {
                serde_json::from_str::<serde_json::Value>(&line.text).unwrap();
            }
            *kinds.entry(format!("{:?}", line.kind)).or_insert(0) += 1;
        }
        assert_eq!(kinds.len(), 5, "{kinds:?}");
    }

    #[test]
    fn is_the_size_of_what_the_figures_were_taken_with() {
        let corpus = Corpus::new(Mix::Json);
        let mut wire = Vec::new();
        (0..1_000).for_each(|number| _ = corpus.write(number, &mut wire));
        let line = (0..1_000).map(|number| corpus.line(number).text.len()).sum::<usize>() / 1_000;
        assert!((500..550).contains(&line), "{line}");
        assert!((660..740).contains(&(wire.len() / 1_000)), "{}", wire.len() / 1_000);
    }
}

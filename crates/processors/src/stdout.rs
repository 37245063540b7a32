//! Prints every record and passes it on, for looking at what a pipeline does.
//!
//! ```yaml
//! stdout: {}
//! ```
//!
//! One line a record in Fluent Bit's form: `[0] TAG: [[SECONDS.NANOSECONDS, {}], {"key"=>"value"}]`. Text is
//! printed as it is, line feeds included; bytes that are not UTF-8 become `\xNN`.

use std::io::Write;

use engine::{BuildContext, ConfigError, Processor};
use model::{Arena, Batch, List, LogRecord, Span, Value};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema, Default)]
pub struct Config {}

pub struct Stdout {
    writer: Box<dyn Write + Send>,
    text: Vec<u8>,
}

impl Processor for Stdout {
    const NAME: &'static str = "stdout";
    type Config = Config;

    fn build(_: Config, _: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        Ok(Stdout { writer: Box::new(std::io::stdout()), text: Vec::new() })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        self.text.clear();
        for place in 0..batch.logs.len() {
            let record = batch.logs[place];
            print(&mut self.text, place, &batch.tag, &mut batch.arena, &record);
        }
        // One write, so that lines of two workers do not mix. Nobody to tell when there is no output.
        let _ = self.writer.write_all(&self.text).and_then(|()| self.writer.flush());
        out.push(batch);
    }
}

fn print(out: &mut Vec<u8>, place: usize, tag: &str, arena: &mut Arena, record: &LogRecord) {
    let (seconds, nanos) = (record.time / 1_000_000_000, record.time % 1_000_000_000);
    put(out, format_args!("[{place}] {tag}: [[{seconds}.{nanos:09}, {{}}], "));
    print_value(out, arena, record.body);
    out.extend_from_slice(b"]\n");
}

fn print_value(out: &mut Vec<u8>, arena: &mut Arena, value: Value) {
    match arena.expand(value) {
        Value::Null => out.extend_from_slice(b"nil"),
        Value::Bool(flag) => put(out, format_args!("{flag}")),
        Value::Int(int) => put(out, format_args!("{int}")),
        Value::Uint(uint) => put(out, format_args!("{uint}")),
        Value::Double(double) => put(out, format_args!("{double:.6}")),
        Value::Str(span) => print_text(out, arena.bytes(span), |_| false),
        Value::Bytes(span) => print_text(out, arena.bytes(span), |byte| byte.is_ascii_control()),
        Value::Map(list) => print_list(out, arena, list, true),
        Value::Array(list) => print_list(out, arena, list, false),
        // `expand` leaves no raw JSON but a number no type can hold.
        Value::Json(span) => out.extend_from_slice(arena.bytes(span)),
    }
}

fn print_list(out: &mut Vec<u8>, arena: &mut Arena, list: List, is_map: bool) {
    let entries: Vec<(Span, Value)> = arena.iter(list).map(|(_, node)| (node.key, node.value)).collect();
    out.push(if is_map { b'{' } else { b'[' });
    for (place, (key, value)) in entries.into_iter().enumerate() {
        if place > 0 {
            out.extend_from_slice(b", ");
        }
        if is_map {
            print_text(out, arena.bytes(key), |_| false);
            out.extend_from_slice(b"=>");
        }
        print_value(out, arena, value);
    }
    out.push(if is_map { b'}' } else { b']' });
}

fn print_text(out: &mut Vec<u8>, text: &[u8], hide: impl Fn(u8) -> bool) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for &byte in chunk.valid().as_bytes() {
            match hide(byte) {
                true => put(out, format_args!("\\x{byte:02x}")),
                false => out.push(byte),
            }
        }
        for byte in chunk.invalid() {
            put(out, format_args!("\\x{byte:02x}"));
        }
    }
    out.push(b'"');
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use engine::testing::{batch, process};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn records_are_printed_and_passed() {
        let paper = Paper::default();
        let mut stdout = Stdout { writer: Box::new(paper.clone()), text: Vec::new() };
        let mut batch = batch(
            "web.1",
            &[
                r#"{"s":"q\"uo","nl":"a\nb","u":"café","i":-5,"f":1.5,"w":2.0,"t":true,"n":null,"m":{"a":[1,"x",{}]}}"#,
            ],
        );
        batch.logs[0].time = 1_718_000_000_000_000_005;
        let (text, key) = (batch.arena.store(b"bin\0\xff"), batch.arena.store(b"b"));
        let mut list = batch.logs[0].fields().unwrap();
        batch.arena.push(&mut list, key, Value::Bytes(text));
        batch.logs[0].body = Value::Map(list);
        let (out, _) = process(&mut stdout, batch);
        assert_eq!(out[0].len(), 1);
        assert_eq!(
            String::from_utf8_lossy(&paper.0.lock().unwrap()),
            "[0] web.1: [[1718000000.000000005, {}], {\"s\"=>\"q\"uo\", \"nl\"=>\"a\nb\", \"u\"=>\"café\", \
             \"i\"=>-5, \"f\"=>1.500000, \"w\"=>2.000000, \"t\"=>true, \"n\"=>nil, \
             \"m\"=>{\"a\"=>[1, \"x\", {}]}, \"b\"=>\"bin\\x00\\xff\"}]\n"
        );
    }
}

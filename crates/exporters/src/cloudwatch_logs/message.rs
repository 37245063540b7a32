//! A record as the message of an event.

use model::{Arena, LogRecord, NodeId, Value, json};

use super::CloudWatchLogsConfig;
use super::sorted;
use crate::fields::{cut_text, escape_unicode, write_members};

/// The service takes 1 MiB, of which it counts 26 bytes for itself.
pub const MAX_MESSAGE_BYTES: usize = (1 << 20) - 26;

/// How messages are made.
pub struct Shape {
    log_key: Option<String>,
    sorted_keys: bool,
    trim: bool,
    suffix: String,
    pub escape_unicode: bool,
}

impl Shape {
    pub fn new(config: &CloudWatchLogsConfig) -> Shape {
        Shape {
            log_key: config.log_key.clone(),
            sorted_keys: config.sorted_keys,
            trim: config.trim,
            suffix: config.truncation_suffix.clone().unwrap_or_else(|| "[Truncated...]".into()),
            escape_unicode: config.escape_unicode,
        }
    }

    /// Writes the message; `live` is room for its fields. Empty when there is nothing to send. True when it
    /// was too long and had to be cut.
    pub fn write(
        &self,
        arena: &Arena,
        record: &LogRecord,
        live: &mut Vec<NodeId>,
        out: &mut Vec<u8>,
    ) -> bool {
        out.clear();
        let value = self.log_key.as_ref().and_then(|key| arena.member(record.body, key.as_bytes()));
        match value {
            Some(value) => self.write_alone(arena, value, out),
            None => self.write_whole(arena, record.body, live, out),
        }
        if self.trim {
            trim(out);
        }
        let too_long = out.len() > MAX_MESSAGE_BYTES;
        if too_long {
            let room = MAX_MESSAGE_BYTES.saturating_sub(self.suffix.len());
            out.truncate(cut_text(out, room).len());
            out.extend_from_slice(self.suffix.as_bytes());
        }
        too_long
    }

    /// Text as it is, anything else as JSON.
    fn write_alone(&self, arena: &Arena, value: Value, out: &mut Vec<u8>) {
        match arena.text(value) {
            Some(text) => match std::str::from_utf8(&text) {
                Ok(text) => out.extend_from_slice(text.as_bytes()),
                Err(_) => out.extend_from_slice(String::from_utf8_lossy(&text).as_bytes()),
            },
            None if self.sorted_keys => sorted::write_value(arena, value, out),
            None => json::write_value(arena, value, out),
        }
    }

    fn write_whole(&self, arena: &Arena, body: Value, live: &mut Vec<NodeId>, out: &mut Vec<u8>) {
        match body {
            Value::Map(list) if list.is_empty() => {}
            Value::Map(_) if self.sorted_keys => sorted::write_value(arena, body, out),
            Value::Map(list) => {
                arena.live_fields(list, live);
                out.push(b'{');
                write_members(arena, live, out);
                out.push(b'}');
            }
            Value::Null => {}
            _ => self.write_alone(arena, body, out),
        }
        if self.escape_unicode && matches!(body, Value::Map(_)) {
            escape_unicode(out, 0);
        }
    }
}

fn trim(out: &mut Vec<u8>) {
    let text = out.trim_ascii();
    let (start, len) = (text.as_ptr().addr() - out.as_ptr().addr(), text.len());
    out.truncate(start + len);
    out.drain(..start);
}

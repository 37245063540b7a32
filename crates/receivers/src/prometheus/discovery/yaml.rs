//! Lists of target groups in YAML, as `ecs_observer` and people write them. Every scalar is text.

use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value};

/// Groups, targets and labels lie no deeper.
const MAX_DEPTH: usize = 8;

/// The first document.
pub fn read(text: &str) -> Result<Value, String> {
    let (mut open, mut root): (Vec<Open>, _) = (Vec::new(), Value::Array(Vec::new()));
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        let done = match event {
            Event::DocumentEnd => break,
            Event::Alias(_) => return Err("aliases are not read here".into()),
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() >= MAX_DEPTH => {
                return Err(format!("it is nested more than {MAX_DEPTH} deep"));
            }
            Event::SequenceStart(..) => {
                open.push(Open::new(Value::Array(Vec::new())));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::new(Value::Object(Map::new())));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(closed) => closed.value,
                None => continue,
            },
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.take(done)?,
            None => root = done,
        }
    }
    Ok(root)
}

struct Open {
    value: Value,
    /// The key whose value comes next, in a map.
    key: Option<String>,
}

impl Open {
    fn new(value: Value) -> Open {
        Open { value, key: None }
    }

    fn take(&mut self, value: Value) -> Result<(), String> {
        match (&mut self.value, self.key.take(), value) {
            (Value::Array(items), _, value) => items.push(value),
            (Value::Object(entries), Some(key), value) => _ = entries.insert(key, value),
            (_, None, Value::String(key)) => self.key = Some(key),
            (_, None, _) => return Err("a key is no text".into()),
            (_, Some(_), _) => {}
        }
        Ok(())
    }
}

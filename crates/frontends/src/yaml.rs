//! YAML as settings that know their line and column. Scalars stay text, as what they mean is up to the language
//! that is written in YAML, or become what the YAML core schema says.

use std::collections::HashMap;

use config::{Diagnostic, FileId, Key, Node, Origin, Setting};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

/// Aliases may repeat a subtree; more values than this is an attack or an accident.
const MAX_VALUES: usize = 100_000;
const MAX_DEPTH: usize = 100;

/// Reads the first document. An empty one is `Null`.
pub fn parse(text: &str, file: FileId) -> Result<Setting, Diagnostic> {
    read(text, file, false)
}

/// As [`parse`], with numbers and booleans where they are written plainly. A number that another way of writing
/// would change, such as `0123` or `1.10`, stays text.
pub fn parse_typed(text: &str, file: FileId) -> Result<Setting, Diagnostic> {
    read(text, file, true)
}

fn read(text: &str, file: FileId, typed: bool) -> Result<Setting, Diagnostic> {
    let mut builder =
        Builder { file, typed, open: Vec::new(), anchors: HashMap::new(), root: None, values: 0 };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|fault| {
            Diagnostic::error("this is not valid YAML")
                .at(place(file, fault.marker()))
                .because(fault.info().to_owned())
        })?;
        if matches!(event, Event::DocumentEnd) {
            break;
        }
        builder.take(event, place(file, &span.start))?;
    }
    Ok(builder.root.unwrap_or_default())
}

fn place(file: FileId, marker: &Marker) -> Origin {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    file.at(number(marker.line()).max(1), number(marker.col()).saturating_add(1))
}

struct Open {
    setting: Setting,
    anchor: usize,
    /// The key whose value comes next, in a map.
    key: Option<Key>,
}

impl Open {
    fn wants_key(&self) -> bool {
        matches!(self.setting.node, Node::Map(_)) && self.key.is_none()
    }
}

struct Builder {
    file: FileId,
    typed: bool,
    open: Vec<Open>,
    anchors: HashMap<usize, Setting>,
    root: Option<Setting>,
    values: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, origin: Origin) -> Result<(), Diagnostic> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                // There is a component `null`, so as a key the word is a word.
                let is_key = self.open.last().is_some_and(Open::wants_key) && &*text == "null";
                let null = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null") && !is_key;
                let is_key = self.open.last().is_some_and(Open::wants_key);
                let node = match style {
                    _ if null => Node::Null,
                    ScalarStyle::Plain if self.typed && !is_key => plain(text.into_owned()),
                    _ => Node::Str(text.into_owned()),
                };
                self.finish(Setting::from(node).at(origin), anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(Node::List(Vec::new()), anchor, origin),
            Event::MappingStart(anchor, _) => self.begin(Node::Map(Vec::new()), anchor, origin),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.finish(open.setting, open.anchor),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let setting = self.anchors.get(&anchor).cloned().unwrap_or_default();
                self.values += count(&setting);
                self.finish(setting.at(origin), 0)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, node: Node, anchor: usize, origin: Origin) -> Result<(), Diagnostic> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Diagnostic::error("this YAML is nested too deeply").at(origin));
        }
        self.open.push(Open { setting: Setting::from(node).at(origin), anchor, key: None });
        Ok(())
    }

    fn finish(&mut self, setting: Setting, anchor: usize) -> Result<(), Diagnostic> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Diagnostic::error("this YAML has too many values").at(setting.origin));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, setting.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root.get_or_insert(setting);
            return Ok(());
        };
        match (&mut parent.setting.node, parent.key.take()) {
            (Node::List(items), _) => items.push(setting),
            (Node::Map(entries), Some(key)) => {
                if entries.iter().any(|(known, _)| known.name == key.name) {
                    let message = format!("the key `{}` stands twice in this map", key.name);
                    return Err(Diagnostic::error(message).at(key.origin));
                }
                entries.push((key, setting));
            }
            (_, None) => {
                let origin = setting.origin.unwrap_or(self.file.at(1, 1));
                let Node::Str(name) = setting.node else {
                    return Err(Diagnostic::error("a key must be text").at(origin));
                };
                parent.key = Some(Key { name, origin: Some(origin) });
            }
            (_, Some(_)) => unreachable!("bug: only lists and maps are open"),
        }
        Ok(())
    }
}

fn plain(text: String) -> Node {
    match text.as_str() {
        "true" => return Node::Bool(true),
        "false" => return Node::Bool(false),
        _ => {}
    }
    if let Ok(int) = text.parse::<i64>()
        && int.to_string() == text
    {
        return Node::Int(int);
    }
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() && float.to_string() == text => Node::Float(float),
        _ => Node::Str(text),
    }
}

fn count(setting: &Setting) -> usize {
    match &setting.node {
        Node::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Node::Map(entries) => 1 + entries.iter().map(|(_, value)| count(value)).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Setting, Diagnostic> {
        super::parse(text, FileId::named("a.yaml"))
    }

    #[test]
    fn values_know_their_place() {
        let setting = read("service:\n  flush: 1\n  list: [a, 'b c']\nnothing:\n").expect("parses");
        assert_eq!(format!("{setting:?}"), r#"{service: {flush: "1", list: ["a", "b c"]}, nothing: null}"#);
        let service = setting.get("service").expect("there");
        assert_eq!(
            service.get("flush").and_then(|s| s.origin).map(|o| o.to_string()),
            Some("a.yaml:2:10".into())
        );
        assert_eq!(service.entries()[1].0.origin.map(|o| o.to_string()), Some("a.yaml:3:3".into()));
    }

    #[test]
    fn aliases_repeat_and_bombs_do_not_explode() {
        let setting = read("a: &x {k: v}\nb: *x\n").expect("parses");
        assert_eq!(format!("{setting:?}"), r#"{a: {k: "v"}, b: {k: "v"}}"#);
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for i in 1..9 {
            let alias = format!("*a{}", i - 1);
            bomb.push_str(&format!("a{i}: &a{i} [{}]\n", [alias.as_str(); 10].join(",")));
        }
        assert!(read(&bomb).unwrap_err().message.contains("too many"));
        assert!(read(&"[".repeat(500)).is_err());
    }

    #[test]
    fn faults_say_where() {
        let fault = read("a: 1\nb: [1\nc: 2\n").unwrap_err();
        assert_eq!(fault.origin.map(|origin| origin.line > 1), Some(true));
        assert!(read("a: 1\na: 2\n").unwrap_err().message.contains("twice"));
    }
}

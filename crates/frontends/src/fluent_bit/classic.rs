//! Lines of a classic `.conf` file, with positions: the part of the dialect that needs no other file.
//!
//! A superset of what Fluent Bit accepts: any indentation, tabs as separators, blank lines of any width. There
//! are no comments behind a value.

use config::{Diagnostic, Diagnostics, FileId, Origin};

use super::document::Kind;

#[derive(Debug, PartialEq)]
pub(super) enum Line {
    Section {
        name: String,
        origin: Origin,
    },
    /// `[name]` inside a section: the start of a group of properties.
    Group {
        name: String,
        origin: Origin,
    },
    Property {
        key: String,
        origin: Origin,
        value: String,
        value_origin: Origin,
    },
    Include {
        pattern: String,
        origin: Origin,
    },
    Set {
        name: String,
        value: String,
        origin: Origin,
    },
}

pub(super) fn lines(text: &str, file: FileId, diagnostics: &mut Diagnostics) -> Vec<Line> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Vec::new();
    for (number, raw) in (1..).zip(text.split('\n')) {
        let content = raw.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let indent = raw.chars().take_while(|c| c.is_whitespace()).count();
        let reader = Reader { file, number, indent, content };
        match reader.read() {
            Ok(line) => lines.push(line),
            Err(fault) => diagnostics.push(fault),
        }
    }
    lines
}

struct Reader<'a> {
    file: FileId,
    number: u32,
    indent: usize,
    content: &'a str,
}

impl Reader<'_> {
    fn read(&self) -> Result<Line, Diagnostic> {
        match self.content.as_bytes() {
            [b'[', ..] => self.header(),
            [b'@', ..] => self.command(),
            _ => self.property(),
        }
    }

    /// The place of a byte of the content.
    fn at(&self, byte: usize) -> Origin {
        let column = self.indent + self.content[..byte].chars().count() + 1;
        self.file.at(self.number, u32::try_from(column).unwrap_or(u32::MAX))
    }

    fn header(&self) -> Result<Line, Diagnostic> {
        let Some(end) = self.content.find(']') else {
            return Err(Diagnostic::error(format!("`{}` has no closing `]`", short(self.content)))
                .at(self.at(0))
                .help("write a section as `[INPUT]`, alone on its line"));
        };
        let name = self.content[1..end].trim().to_owned();
        let origin = self.at(0);
        if self.indent > 0 && matches!(Kind::named(&name), Kind::Other | Kind::Processor) {
            return Ok(Line::Group { name, origin });
        }
        Ok(Line::Section { name, origin })
    }

    fn command(&self) -> Result<Line, Diagnostic> {
        let (word, rest) = self.content.split_once(char::is_whitespace).unwrap_or((self.content, ""));
        let (rest, origin) = (rest.trim_end(), self.at(0));
        match word.to_ascii_lowercase().as_str() {
            "@include" if !rest.is_empty() => Ok(Line::Include { pattern: rest.trim().to_owned(), origin }),
            "@set" => match rest.split_once('=') {
                Some((name, value)) if !name.trim().is_empty() => {
                    Ok(Line::Set { name: name.trim().to_owned(), value: value.to_owned(), origin })
                }
                _ => Err(Diagnostic::warning("`@SET` needs a name and a value")
                    .at(origin)
                    .help("write `@SET NAME=value`")),
            },
            "@include" => Err(Diagnostic::error("`@INCLUDE` names no file").at(origin)),
            _ => Err(Diagnostic::warning(format!("`{}` is not a command", short(word)))
                .at(origin)
                .help("there are `@INCLUDE PATH` and `@SET NAME=value`")),
        }
    }

    fn property(&self) -> Result<Line, Diagnostic> {
        let end = self.content.find(char::is_whitespace).unwrap_or(self.content.len());
        let (key, rest) = self.content.split_at(end);
        let value = rest.trim_start();
        if value.is_empty() {
            return Err(Diagnostic::error(format!("`{}` has no value", short(key)))
                .at(self.at(0))
                .help("write `Key value` on one line, or remove the key"));
        }
        let value_at = self.content.len() - value.len();
        Ok(Line::Property {
            key: key.to_ascii_lowercase(),
            origin: self.at(0),
            value: value.to_owned(),
            value_origin: self.at(value_at),
        })
    }
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let mut diagnostics = Diagnostics::new();
        let lines = lines(text, FileId::named("f"), &mut diagnostics);
        let mut actual: Vec<String> = lines
            .iter()
            .map(|line| match line {
                Line::Section { name, origin } => format!("{origin} [{name}]"),
                Line::Group { name, origin } => format!("{origin} group {name}"),
                Line::Property { key, origin, value, value_origin } => {
                    format!("{origin} {key} = {value_origin} {value}")
                }
                Line::Include { pattern, origin } => format!("{origin} include {pattern}"),
                Line::Set { name, value, origin } => format!("{origin} set {name} {value}"),
            })
            .collect();
        actual.extend(diagnostics.iter().map(|d| format!("{} ! {}", d.origin.expect("placed"), d.message)));
        assert_eq!(actual, expected, "{text:?}");
    }

    #[test]
    fn lexing() {
        check("[INPUT]\n    Name forward\n", &["f:1:1 [INPUT]", "f:2:5 name = f:2:10 forward"]);
        check("[INPUT] # c\r\n\tName\tforward\r\n", &["f:1:1 [INPUT]", "f:2:2 name = f:2:7 forward"]);
        check("# a\n  # b\n\n   \n[a]", &["f:5:1 [a]"]);
        check("[OUTPUT]\n  Match * # all", &["f:1:1 [OUTPUT]", "f:2:3 match = f:2:9 * # all"]);
        check(
            "[FILTER]\n  Name   grep\n     Regex  log  a b ",
            &["f:1:1 [FILTER]", "f:2:3 name = f:2:10 grep", "f:3:6 regex = f:3:13 log  a b"],
        );
        check("\u{feff}[INPUT]\n  Größe ä x", &["f:1:1 [INPUT]", "f:2:3 größe = f:2:9 ä x"]);
        check("  [INPUT]\n  Name x", &["f:1:3 [INPUT]", "f:2:3 name = f:2:8 x"]);
        check("[INPUT]\n  [condition]\n", &["f:1:1 [INPUT]", "f:2:3 group condition"]);
        check("@include a/*.conf\n@SET A=b=c\n", &["f:1:1 include a/*.conf", "f:2:1 set A b=c"]);
    }

    #[test]
    fn faults() {
        check("[INPUT\n", &["f:1:1 ! `[INPUT` has no closing `]`"]);
        check("[A]\n  key\n  k v", &["f:1:1 [A]", "f:3:3 k = f:3:5 v", "f:2:3 ! `key` has no value"]);
        check(
            "@INCLUDE\n@SET x\n@FOO y",
            &[
                "f:1:1 ! `@INCLUDE` names no file",
                "f:2:1 ! `@SET` needs a name and a value",
                "f:3:1 ! `@FOO` is not a command",
            ],
        );
    }
}

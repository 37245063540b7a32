//! Which group and stream a record goes to.

use std::sync::Arc;

use engine::{BuildContext, ConfigError};
use model::{Batch, LogRecord, Template, TemplateScope};

use super::CloudWatchLogsConfig;

/// Longest name of a group or stream, in characters.
const MAX_NAME: usize = 512;

/// Between group and stream in a route. In neither, once they are tidied.
const BETWEEN: char = '\n';

/// The names a record may get, the preferred first: one is taken when the record has all it asks for.
pub struct Names {
    group: Vec<Name>,
    stream: Vec<Name>,
}

struct Name {
    template: Template,
    /// Followed by the tag.
    is_prefix: bool,
}

impl Names {
    pub fn new(config: &CloudWatchLogsConfig, cx: &mut BuildContext<'_>) -> Result<Names, ConfigError> {
        if config.log_group.is_empty() {
            return Err(cx.refuse("log_group", "no log group", "set `log_group`"));
        }
        if config.log_stream.is_none() && config.stream_prefix.is_none() {
            let help = "set `log_stream`, or `stream_prefix` for a stream with the tag in its name";
            return Err(cx.refuse("log_stream", "no log stream", help));
        }
        let mut read = |key: &str, text: Option<&str>, is_prefix| -> Result<Option<Name>, ConfigError> {
            let Some(text) = text else { return Ok(None) };
            let template = Template::parse(text).map_err(|error| {
                cx.refuse(key, format!("`{text}`: {error}"), "a field is named as in `$service` or `$a['b']`")
            })?;
            Ok(Some(Name { template, is_prefix }))
        };
        let group = [
            read("log_group", Some(&config.log_group), false),
            read("log_group_default", config.log_group_default.as_deref(), false),
        ];
        let stream = [
            read("log_stream", config.log_stream.as_deref(), false),
            read("log_stream_default", config.log_stream_default.as_deref(), false),
            read("stream_prefix", config.stream_prefix.as_deref(), true),
        ];
        let all = |names: Vec<Result<Option<Name>, ConfigError>>| {
            Ok(names.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        };
        Ok(Names { group: all(group.into())?, stream: all(stream.into())? })
    }

    /// Records of one tag may have different names.
    pub fn depend_on_record(&self) -> bool {
        self.group.iter().chain(&self.stream).any(|name| name.template.depends_on_record())
    }

    /// Writes group and stream as the templates have them, not yet tidied.
    pub fn render(&self, batch: &Batch, record: &LogRecord, out: &mut Vec<u8>) {
        out.clear();
        let scope = TemplateScope { arena: &batch.arena, body: record.body, tag: &batch.tag, captures: &[] };
        first_complete(&self.group, &scope, out);
        out.push(BETWEEN as u8);
        first_complete(&self.stream, &scope, out);
    }
}

fn first_complete(names: &[Name], scope: &TemplateScope<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    for name in names {
        out.truncate(start);
        let complete = name.template.render(scope, out);
        if name.is_prefix {
            out.extend_from_slice(scope.tag.as_bytes());
        }
        if complete {
            return;
        }
    }
}

/// Group and stream of a route.
pub fn parts(route: &str) -> (&str, &str) {
    route.split_once(BETWEEN).unwrap_or((route, ""))
}

/// A route whose names the service takes, and whether they had to be changed for that.
pub fn tidy(rendered: &[u8]) -> (Arc<str>, bool) {
    let text = String::from_utf8_lossy(rendered);
    let (group, stream) = parts(&text);
    let in_group = |c: char| c.is_ascii_alphanumeric() || "_/.#-".contains(c);
    let in_stream = |c: char| !matches!(c, ':' | '*') && !c.is_control();
    let route = format!("{}{BETWEEN}{}", tidy_name(group, in_group), tidy_name(stream, in_stream));
    let changed = route != text;
    (route.into(), changed)
}

fn tidy_name(name: &str, takes: impl Fn(char) -> bool) -> String {
    if name.is_empty() {
        return "default".into();
    }
    name.chars().take(MAX_NAME).map(|c| if takes(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_fit() {
        for (rendered, expected, changed) in [
            ("/ecs/shop\necs/web-1", "/ecs/shop\necs/web-1", false),
            ("a b:c\nx:y*z w", "a_b_c\nx_y_z w", true),
            ("\n", "default\ndefault", true),
            ("é\né", "_\né", true),
            ("g\na\nb", "g\na_b", true),
        ] {
            let (route, was_changed) = tidy(rendered.as_bytes());
            assert_eq!((&*route, was_changed), (expected, changed), "{rendered}");
        }
        let (long, _) = tidy(format!("g\n{}", "s".repeat(600)).as_bytes());
        assert_eq!(parts(&long).1.len(), MAX_NAME);
    }
}

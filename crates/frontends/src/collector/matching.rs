//! What `include` and `exclude` of older configurations choose, as conditions of OTTL.
//!
//! Every group of a block must fit (names, resource, attributes…). Within a group of names one must, within a group
//! of attributes all must. Source: the Collector's filter and attributes processors.

use std::fmt::Write;

use config::{Node, Setting, decode};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::draft::Draft;

/// How values are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MatchType {
    #[default]
    Strict,
    Regexp,
    /// Refused where it is used: a language of its own, which OTTL replaced.
    Expr,
}

/// A key that must be there, with a value if one is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attribute {
    key: String,
    #[serde(default)]
    value: Option<Literal>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Literal {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Library {
    name: String,
    version: Option<String>,
}

/// The least severity, as its number or its name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeverityNumber {
    min: Literal,
    #[serde(default)]
    match_undefined: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Metrics {
    match_type: MatchType,
    regexp: Option<IgnoredAny>,
    metric_names: Vec<String>,
    resource_attributes: Vec<Attribute>,
    expressions: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Logs {
    match_type: MatchType,
    regexp: Option<IgnoredAny>,
    resource_attributes: Vec<Attribute>,
    record_attributes: Vec<Attribute>,
    severity_texts: Vec<String>,
    severity_number: Option<SeverityNumber>,
    bodies: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Spans {
    match_type: MatchType,
    regexp: Option<IgnoredAny>,
    services: Vec<String>,
    span_names: Vec<String>,
    span_kinds: Vec<String>,
    attributes: Vec<Attribute>,
    resources: Vec<Attribute>,
    libraries: Vec<Library>,
}

/// A block of `attributes`, which is for rows of any kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Any {
    match_type: MatchType,
    regexp: Option<IgnoredAny>,
    services: Vec<String>,
    resources: Vec<Attribute>,
    libraries: Vec<Library>,
    attributes: Vec<Attribute>,
    log_bodies: Vec<String>,
    log_severity_texts: Vec<String>,
    log_severity_number: Option<SeverityNumber>,
    span_names: Vec<String>,
    span_kinds: Vec<String>,
    metric_names: Vec<String>,
}

/// What a condition is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    Log,
    Span,
    DataPoint,
}

/// What is wrong, and what to do about it.
pub(super) type Fault = (String, &'static str);

impl Any {
    pub fn condition(&self, rows: Rows) -> Result<String, Fault> {
        let how = checked(self.match_type)?;
        let of_logs = [
            one_of("log.body", &self.log_bodies, how),
            one_of("log.severity_text", &self.log_severity_texts, how),
            self.log_severity_number.as_ref().map(at_least).transpose()?,
        ];
        let of_spans = [one_of("span.name", &self.span_names, how), kinds(&self.span_kinds)?];
        let of_points = [one_of("metric.name", &self.metric_names, how)];
        let (attributes, own, others) = match rows {
            Rows::Log => ("log.attributes", &of_logs[..], [&of_spans[..], &of_points[..]]),
            Rows::Span => ("span.attributes", &of_spans[..], [&of_logs[..], &of_points[..]]),
            Rows::DataPoint => ("datapoint.attributes", &of_points[..], [&of_logs[..], &of_spans[..]]),
        };
        // What is asked of another kind of row does not fit this one.
        if others.into_iter().flatten().any(Option::is_some) {
            return Ok("false".into());
        }
        let common = [
            one_of("resource.attributes[\"service.name\"]", &self.services, how),
            each("resource.attributes", &self.resources, how),
            libraries(&self.libraries, how),
            each(attributes, &self.attributes, how),
        ];
        Ok(all(common.into_iter().chain(own.iter().cloned())))
    }
}

impl Metrics {
    pub fn condition(&self) -> Result<String, Fault> {
        if self.match_type == MatchType::Expr || !self.expressions.is_empty() {
            return Err(("`match_type: expr` is not read".into(), "write the condition in OTTL"));
        }
        let how = self.match_type;
        Ok(all([
            one_of("metric.name", &self.metric_names, how),
            each("resource.attributes", &self.resource_attributes, how),
        ]))
    }
}

impl Logs {
    pub fn condition(&self) -> Result<String, Fault> {
        let how = checked(self.match_type)?;
        Ok(all([
            each("resource.attributes", &self.resource_attributes, how),
            each("log.attributes", &self.record_attributes, how),
            one_of("log.severity_text", &self.severity_texts, how),
            self.severity_number.as_ref().map(at_least).transpose()?,
            one_of("log.body", &self.bodies, how),
        ]))
    }
}

impl Spans {
    pub fn condition(&self) -> Result<String, Fault> {
        let how = checked(self.match_type)?;
        Ok(all([
            one_of("resource.attributes[\"service.name\"]", &self.services, how),
            one_of("span.name", &self.span_names, how),
            kinds(&self.span_kinds)?,
            each("span.attributes", &self.attributes, how),
            each("resource.attributes", &self.resources, how),
            libraries(&self.libraries, how),
        ]))
    }
}

/// The blocks `include` and `exclude` of a map, which are taken out of it; true with what fits the first.
pub(super) fn blocks<T: DeserializeOwned>(draft: &mut Draft<'_>, within: &mut Setting) -> Vec<(bool, T)> {
    let mut blocks = Vec::new();
    for (name, stays) in [("include", true), ("exclude", false)] {
        let Some(block) = within.remove(name).filter(|block| block.node != Node::Null) else { continue };
        let label = format!("{}: `{name}`", draft.label);
        match decode::<T>(&block, &label, &mut draft.cx.diagnostics) {
            Some(read) => blocks.push((stays, read)),
            None => draft.failed(),
        }
    }
    blocks
}

/// The conditions that leave out what blocks do not choose.
pub(super) fn dropped<T>(
    draft: &mut Draft<'_>,
    blocks: &[(bool, T)],
    condition: impl Fn(&T) -> Result<String, Fault>,
) -> Vec<String> {
    let mut conditions = Vec::new();
    for (stays, block) in blocks {
        match condition(block) {
            Ok(condition) if *stays => conditions.push(format!("not ({condition})")),
            Ok(condition) => conditions.push(condition),
            Err((message, help)) => draft.error(message, help),
        }
    }
    conditions
}

fn checked(how: MatchType) -> Result<MatchType, Fault> {
    match how {
        MatchType::Expr => Err(("`match_type` is strict or regexp".into(), "write the condition in OTTL")),
        how => Ok(how),
    }
}

fn all(groups: impl IntoIterator<Item = Option<String>>) -> String {
    let groups: Vec<String> = groups.into_iter().flatten().collect();
    if groups.is_empty() { "true".into() } else { groups.join(" and ") }
}

/// `path` has one of these values; nothing is asked when none are given.
fn one_of(path: &str, values: &[String], how: MatchType) -> Option<String> {
    let each: Vec<String> = values.iter().map(|value| fits(path, &quoted(value), how)).collect();
    (!each.is_empty()).then(|| format!("({})", each.join(" or ")))
}

fn each(map: &str, attributes: &[Attribute], how: MatchType) -> Option<String> {
    let each: Vec<String> = attributes
        .iter()
        .map(|attribute| {
            let path = format!("{map}[{}]", quoted(&attribute.key));
            match &attribute.value {
                None => format!("{path} != nil"),
                Some(Literal::Text(text)) => fits(&path, &quoted(text), how),
                Some(Literal::Bool(value)) => format!("{path} == {value}"),
                Some(Literal::Int(value)) => format!("{path} == {value}"),
                Some(Literal::Double(value)) => format!("{path} == {value:?}"),
            }
        })
        .collect();
    (!each.is_empty()).then(|| format!("({})", each.join(" and ")))
}

/// Kinds are told by name in either way of matching.
fn kinds(names: &[String]) -> Result<Option<String>, Fault> {
    let mut each = Vec::new();
    for name in names {
        let kind = name.to_ascii_uppercase();
        let kind = kind.trim_start_matches("SPAN_KIND_");
        if !["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"].contains(&kind) {
            return Err((format!("there is no span kind `{name}`"), "write SPAN_KIND_SERVER or the like"));
        }
        each.push(format!("span.kind == SPAN_KIND_{kind}"));
    }
    Ok((!each.is_empty()).then(|| format!("({})", each.join(" or "))))
}

fn libraries(libraries: &[Library], how: MatchType) -> Option<String> {
    let each: Vec<String> = libraries
        .iter()
        .map(|library| {
            let name = fits("scope.name", &quoted(&library.name), how);
            match &library.version {
                Some(version) => format!("({name} and {})", fits("scope.version", &quoted(version), how)),
                None => name,
            }
        })
        .collect();
    (!each.is_empty()).then(|| format!("({})", each.join(" or ")))
}

fn fits(path: &str, quoted: &str, how: MatchType) -> String {
    match how {
        MatchType::Regexp => format!("({path} != nil and IsMatch({path}, {quoted}))"),
        _ => format!("{path} == {quoted}"),
    }
}

fn at_least(severity: &SeverityNumber) -> Result<String, Fault> {
    let least = match &severity.min {
        Literal::Int(number) => number.to_string(),
        Literal::Text(name) => {
            let name = name.to_ascii_uppercase();
            let known = name.trim_end_matches(['2', '3', '4']);
            if !["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"].contains(&known) {
                return Err((
                    format!("there is no severity `{name}`"),
                    "write INFO, WARN, ERROR2 or 1 to 24",
                ));
            }
            format!("SEVERITY_NUMBER_{name}")
        }
        _ => return Err(("`min` is no severity".into(), "write INFO, WARN, ERROR2 or 1 to 24")),
    };
    let mut condition = format!("log.severity_number >= {least}");
    if severity.match_undefined {
        condition.push_str(" or log.severity_number == 0");
    }
    Ok(format!("({condition})"))
}

/// As OTTL writes text.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c => {
                let _ = out.write_char(c);
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: DeserializeOwned>(json: serde_json::Value) -> T {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn blocks_become_conditions() {
        use serde_json::json;
        let metrics = json!({"match_type": "strict", "metric_names": ["a", "b\"c"]});
        assert_eq!(
            read::<Metrics>(metrics).condition().unwrap(),
            r#"(metric.name == "a" or metric.name == "b\"c")"#
        );
        let logs = json!({"match_type": "regexp", "bodies": ["^GET \\d"], "severity_number": {"min": "warn", "match_undefined": true}});
        assert_eq!(
            read::<Logs>(logs).condition().unwrap(),
            r#"(log.severity_number >= SEVERITY_NUMBER_WARN or log.severity_number == 0) and ((log.body != nil and IsMatch(log.body, "^GET \\d")))"#
        );
        let spans = json!({"match_type": "strict", "services": ["shop"], "span_kinds": ["server"],
            "attributes": [{"key": "a"}, {"key": "n", "value": 3}, {"key": "t", "value": true}],
            "libraries": [{"name": "x", "version": "1"}]});
        assert_eq!(
            read::<Spans>(spans).condition().unwrap(),
            r#"(resource.attributes["service.name"] == "shop") and (span.kind == SPAN_KIND_SERVER) and (span.attributes["a"] != nil and span.attributes["n"] == 3 and span.attributes["t"] == true) and ((scope.name == "x" and scope.version == "1"))"#
        );
        assert_eq!(read::<Metrics>(json!({})).condition().unwrap(), "true");
        let any = json!({"match_type": "strict", "services": ["shop"], "attributes": [{"key": "a", "value": "b"}],
            "span_names": ["x"]});
        let of = |rows| read::<Any>(any.clone()).condition(rows).unwrap();
        assert_eq!(of(Rows::Log), "false");
        assert_eq!(
            of(Rows::Span),
            r#"(resource.attributes["service.name"] == "shop") and (span.attributes["a"] == "b") and (span.name == "x")"#
        );
        assert!(read::<Metrics>(json!({"match_type": "expr", "expressions": ["true"]})).condition().is_err());
        assert!(read::<Logs>(json!({"severity_number": {"min": "loud"}})).condition().is_err());
    }
}

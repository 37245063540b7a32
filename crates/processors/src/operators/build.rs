//! Operators as they are written become steps: the list of kinds, the keys they share, and who follows whom.

use config::{Node, Setting, closest, fields_of};
use engine::{BuildContext, ConfigError};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::container::Container;
use super::expression::Expression;
use super::failures::{Failures, OnError};
use super::recombine::Recombine;
use super::route::{Filter, Router};
use super::severity::SeverityParser;
use super::time::TimeParser;
use super::trace::TraceParser;
use super::{Operator, Step, change, parse};

/// What is wrong with an operator, and what helps.
pub(super) type Refusal = (String, &'static str);

type Made = Result<Box<dyn Operator>, ConfigError>;

/// A kind of operator: its type, and what reads it.
type Kind = (&'static str, fn(Draft<'_, '_>) -> Made);

const KINDS: &[Kind] = &[
    ("add", |draft| draft.finish(change::Add::new)),
    ("container", |draft| draft.finish(Container::new)),
    ("copy", |draft| draft.finish(|config| Ok(change::Copy(config)))),
    ("csv_parser", |draft| draft.parser(parse::Csv::new)),
    ("filter", |draft| draft.finish(Filter::new)),
    ("flatten", |draft| draft.finish(change::Flatten::new)),
    ("json_parser", |draft| draft.parser(parse::Json::new)),
    ("key_value_parser", |draft| draft.parser(parse::KeyValue::new)),
    ("move", |draft| draft.finish(|config| Ok(change::Move(config)))),
    ("noop", |draft| draft.finish(|_: change::Nothing| Ok(change::Noop))),
    ("recombine", |draft| draft.finish(Recombine::new)),
    ("regex_parser", |draft| draft.parser(parse::Regex::new)),
    ("remove", |draft| draft.finish(|config| Ok(change::Remove(config)))),
    ("retain", |draft| draft.finish(|config| Ok(change::Retain(config)))),
    ("router", |draft| draft.finish(Router::new)),
    ("severity_parser", |draft| draft.finish(SeverityParser::new)),
    ("time_parser", |draft| draft.finish(TimeParser::new)),
    ("trace_parser", |draft| draft.finish(|config| Ok(TraceParser::new(config)))),
];

/// What every operator may have.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Common {
    r#type: Option<String>,
    id: Option<String>,
    output: Option<Output>,
    on_error: OnError,
    r#if: Option<Expression>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Output {
    One(String),
    Several(Vec<String>),
}

/// One operator while it is read.
pub(super) struct Draft<'d, 'c> {
    setting: Setting,
    label: String,
    cx: &'d mut BuildContext<'c>,
}

impl Draft<'_, '_> {
    /// Reads the keys that are fields of `T`, and only those.
    fn take<T: DeserializeOwned>(&mut self) -> Result<T, ConfigError> {
        let mut part = Setting::map().at(self.setting.origin);
        if let Node::Map(entries) = &mut self.setting.node {
            let known = fields_of::<T>();
            let taken: Vec<_> =
                entries.extract_if(.., |(key, _)| known.contains(&key.name.as_str())).collect();
            part.entries_mut().extend(taken);
        }
        self.cx.read(&part, &self.label)
    }

    /// Reads what is left, and makes an operator of it.
    fn finish<C: DeserializeOwned, O: Operator + 'static>(
        self,
        make: impl FnOnce(C) -> Result<O, Refusal>,
    ) -> Made {
        let config = self.cx.read(&self.setting, &self.label)?;
        self.made(make(config)).map(|operator| Box::new(operator) as Box<dyn Operator>)
    }

    /// As `finish`, for one that turns text into fields.
    fn parser<C: DeserializeOwned, R: parse::Read + 'static>(
        mut self,
        make: impl FnOnce(C) -> Result<R, Refusal>,
    ) -> Made {
        let around = self.take();
        let config = self.cx.read(&self.setting, &self.label);
        let (around, config) = (around?, config?);
        let parser = make(config).and_then(|reader| parse::Parser::new(around, Box::new(reader)));
        self.made(parser).map(|operator| Box::new(operator) as Box<dyn Operator>)
    }

    fn made<T>(self, made: Result<T, Refusal>) -> Result<T, ConfigError> {
        made.map_err(|(why, help)| self.cx.refuse_part(&self.setting, format!("{}: {why}", self.label), help))
    }
}

/// What is known of an operator beside itself.
struct Placed {
    id: String,
    output: Option<String>,
    origin: Setting,
}

/// Reads all operators; each fault is reported where it is written.
pub(super) fn steps(cx: &mut BuildContext<'_>) -> Result<Vec<Step>, ConfigError> {
    let written = cx.written();
    let items = written.get("operators").map(Setting::items).unwrap_or_default();
    let (mut steps, mut placed) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
    let mut refused = None;
    for (place, item) in items.iter().enumerate() {
        match step(cx, item, place, &placed) {
            Ok((step, place)) => {
                steps.push(step);
                placed.push(place);
            }
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        None => link(cx, &mut steps, &placed).map(|()| steps),
        Some(error) => Err(error),
    }
}

fn step(
    cx: &mut BuildContext<'_>,
    item: &Setting,
    place: usize,
    placed: &[Placed],
) -> Result<(Step, Placed), ConfigError> {
    let kind = item.get("type").and_then(Setting::as_str).unwrap_or_default().to_owned();
    let label = match item.get("id").and_then(Setting::as_str) {
        Some(id) => format!("operator `{id}`"),
        None => format!("operator {} `{kind}`", place + 1),
    };
    let Some((_, make)) = KINDS.iter().find(|(name, _)| *name == kind) else {
        return Err(unknown(cx, item, place, &kind));
    };
    let mut draft = Draft { setting: item.clone(), label: label.clone(), cx };
    let common = draft.take::<Common>();
    let operator = make(draft);
    let (common, operator) = (common?, operator?);
    let id = common.id.unwrap_or_else(|| free_id(&kind, placed));
    if placed.iter().any(|other| other.id == id) {
        return Err(cx.refuse_part(item, format!("{label}: the id is taken"), "give each its own `id`"));
    }
    let output = match common.output {
        None => None,
        Some(Output::One(output)) => Some(output),
        Some(Output::Several(mut outputs)) if outputs.len() == 1 => outputs.pop(),
        Some(Output::Several(_)) => {
            let why = format!("{label}: `output` names several operators");
            return Err(cx.refuse_part(item, why, "a record goes one way here; name one"));
        }
    };
    let failures = Failures::new(cx.id.clone());
    let step = Step {
        id: id.clone(),
        condition: common.r#if,
        on_error: common.on_error,
        failures,
        next: place + 1,
        operator,
    };
    Ok((step, Placed { id, output, origin: item.clone() }))
}

fn unknown(cx: &mut BuildContext<'_>, item: &Setting, place: usize, kind: &str) -> ConfigError {
    let at = item.get("type").unwrap_or(item);
    if kind.is_empty() {
        return cx.refuse_part(item, format!("operator {} has no `type`", place + 1), "name its type");
    }
    let names = || KINDS.iter().map(|(name, _)| *name);
    let help = match closest(kind, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
    };
    cx.refuse_part(at, format!("the operator `{kind}` is not part of this program"), help)
}

/// The type, with a number behind it where it is taken.
fn free_id(kind: &str, placed: &[Placed]) -> String {
    let numbered = (1..).map(|number| format!("{kind}{number}"));
    let mut ids = std::iter::once(kind.to_owned()).chain(numbered);
    ids.find(|id| placed.iter().all(|other| other.id != *id)).unwrap_or_default()
}

/// Puts places where operators name others. Only those further down may be named, so that every record arrives.
fn link(cx: &mut BuildContext<'_>, steps: &mut [Step], placed: &[Placed]) -> Result<(), ConfigError> {
    let find = |from: usize, id: &str| -> Result<usize, Refusal> {
        match placed.iter().position(|other| other.id == id) {
            Some(place) if place > from => Ok(place),
            Some(_) => Err((format!("`{id}` stands before it"), "outputs lead to operators further down")),
            None => Err((format!("there is no operator `{id}`"), "name one by its `id`, or by its type")),
        }
    };
    let mut refused = Ok(());
    for (place, step) in steps.iter_mut().enumerate() {
        let mut faults = Vec::new();
        let output = placed[place].output.as_deref().map(|output| (output, &mut step.next));
        for (id, target) in output.into_iter().chain(step.operator.targets()) {
            match find(place, id) {
                Ok(found) => *target = found,
                Err(fault) => faults.push(fault),
            }
        }
        for (why, help) in faults {
            let why = format!("operator `{}`: {why}", step.id);
            refused = Err(cx.refuse_part(&placed[place].origin, why, help));
        }
    }
    refused
}

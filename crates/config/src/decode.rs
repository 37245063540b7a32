//! Reads a component's `Config` from its settings and reports every fault at once, where it was written.
//!
//! Serde stops at the first fault, so the same settings are read again with that value left out, until
//! nothing new is found. A required field that is missing, or was left out, is filled by a stand-in so that
//! the fields after it are checked too; whatever was read that way is thrown away.

mod fault;
mod fields;
mod stand_in;
mod value;

use std::cell::RefCell;
use std::collections::HashSet;

use serde::de::DeserializeOwned;

use crate::{Diagnostic, Diagnostics, Node, Origin, Setting, closest};
pub use fields::fields_of;

use fault::{Fault, Problem};
use value::Value;

/// A way down the tree: indices of map entries and list items, or a field that is not there.
pub(crate) type Path = Vec<Part>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Child(usize),
    Missing(&'static str),
}

/// What earlier runs found, and what this one finds on its way.
#[derive(Default)]
pub(crate) struct Run {
    skipped: HashSet<Path>,
    stand_ins: HashSet<Path>,
    unknown: RefCell<Vec<(Path, &'static [&'static str])>>,
}

/// More faults than this in one component are not worth another look.
const MAX_RUNS: usize = 200;

/// Reads `T`. `context` names the component in messages, such as ``exporter `http.0` ``. Answers `None`
/// exactly when an error was added to `diagnostics`.
pub fn decode<T: DeserializeOwned>(
    setting: &Setting,
    context: &str,
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    let mut run = Run::default();
    let report = Report { root: setting, context };
    let before = diagnostics.len();
    for _ in 0..MAX_RUNS {
        let outcome = T::deserialize(Value::root(&run, setting));
        for (path, known) in run.unknown.take() {
            if run.skipped.insert(path.clone()) {
                diagnostics.push(report.unknown(&path, known));
            }
        }
        match outcome {
            Ok(value) if diagnostics.len() == before => return Some(value),
            Ok(_) => return None,
            Err(fault) => {
                if !take_note(fault, &mut run, &report, diagnostics) {
                    break;
                }
            }
        }
    }
    None
}

/// Reports a fault and arranges that the next run gets past it; false when there is no way past.
fn take_note(fault: Fault, run: &mut Run, report: &Report<'_>, diagnostics: &mut Diagnostics) -> bool {
    let path = fault.path.unwrap_or_default();
    if let Problem::Missing(name) = fault.problem {
        let left_out = report.child_named(&path, name).is_some_and(|child| run.skipped.contains(&child));
        if !left_out {
            diagnostics.push(report.missing(&path, name));
        }
        let field = [path.as_slice(), &[Part::Missing(name)]].concat();
        return run.stand_ins.insert(field);
    }
    // A stand-in that does not fit says nothing about what the user wrote.
    if path.iter().any(|part| matches!(part, Part::Missing(_))) {
        return false;
    }
    if let Problem::Unknown(name, known) = fault.problem {
        let Some(child) = report.child_named(&path, &name) else { return false };
        diagnostics.push(report.unknown(&child, known));
        return run.skipped.insert(child);
    }
    diagnostics.push(report.wrong(&path, fault.problem));
    !path.is_empty() && run.skipped.insert(path)
}

/// Turns paths into words and places.
struct Report<'a> {
    root: &'a Setting,
    context: &'a str,
}

impl Report<'_> {
    fn unknown(&self, path: &Path, known: &[&str]) -> Diagnostic {
        let (place, origin, _) = self.look_up(path);
        let name = place.rsplit('.').next().unwrap_or_default().to_owned();
        let diagnostic = Diagnostic::error(format!("{} has no setting `{place}`", self.context)).at(origin);
        match closest(&name, known.iter().copied()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => diagnostic.help("it takes no settings here"),
            None => diagnostic.help(format!("it takes {}", quoted(known))),
        }
    }

    fn missing(&self, path: &Path, name: &str) -> Diagnostic {
        let (place, nearest, setting) = self.look_up(path);
        let full = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        let origin = setting.origin.or(nearest);
        Diagnostic::error(format!("{} needs `{full}`, which is not set", self.context)).at(origin)
    }

    fn wrong(&self, path: &Path, problem: Problem) -> Diagnostic {
        let (place, nearest, setting) = self.look_up(path);
        let origin = setting.origin.or(nearest);
        let subject = match place.is_empty() {
            true => self.context.to_owned(),
            false => format!("`{place}` of {}", self.context),
        };
        let found = setting.describe();
        match problem {
            Problem::Expected(wanted) => {
                Diagnostic::error(format!("{subject} must be {wanted}, not {found}")).at(origin)
            }
            Problem::Variant(known) => {
                let wanted = quoted(known);
                let diagnostic =
                    Diagnostic::error(format!("{subject} must be one of {wanted}, not {found}")).at(origin);
                match setting.as_str().and_then(|text| closest(text, known.iter().copied())) {
                    Some(near) if !setting.hidden => diagnostic.help(format!("did you mean `{near}`?")),
                    _ => diagnostic,
                }
            }
            Problem::Other(_) if setting.hidden => {
                Diagnostic::error(format!("{subject} does not fit; its value is not shown")).at(origin)
            }
            Problem::Other(text) => Diagnostic::error(format!("{subject}: {text}")).at(origin),
            Problem::Missing(_) | Problem::Unknown(..) => {
                unreachable!("bug: these are reported by functions of their own")
            }
        }
    }

    /// The dotted name of a path, the nearest known place on the way to it, and the setting there.
    fn look_up(&self, path: &Path) -> (String, Option<Origin>, &Setting) {
        let (mut place, mut origin, mut setting) = (String::new(), self.root.origin, self.root);
        for part in path {
            match (part, &setting.node) {
                (Part::Child(index), Node::Map(entries)) if *index < entries.len() => {
                    let (key, value) = &entries[*index];
                    if !place.is_empty() {
                        place.push('.');
                    }
                    place.push_str(&key.name);
                    origin = key.origin.or(value.origin).or(origin);
                    setting = value;
                }
                (Part::Child(index), Node::List(items)) if *index < items.len() => {
                    place.push_str(&format!("[{index}]"));
                    setting = &items[*index];
                    origin = setting.origin.or(origin);
                }
                _ => break,
            }
        }
        (place, origin, setting)
    }

    fn child_named(&self, path: &Path, name: &str) -> Option<Path> {
        let index = self.look_up(path).2.entries().iter().position(|(key, _)| key.name == name)?;
        Some([path.as_slice(), &[Part::Child(index)]].concat())
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;

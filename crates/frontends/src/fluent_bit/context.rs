//! What every section is lowered with: variables, named parsers, service settings, and the topology so far.

use std::collections::{HashMap, HashSet};

use config::{Diagnostic, Diagnostics, Pipeline, Setting, TagMatch, Topology};

use super::Environment;
use super::document::Property;
use super::draft::Value;
use super::expand::{self, Expanded};
use super::service::ServiceSettings;

pub(super) struct Context<'c> {
    pub environment: Environment<'c>,
    /// `@SET` and `env`; they come before the environment.
    pub variables: HashMap<String, String>,
    pub diagnostics: Diagnostics,
    pub parsers: HashMap<String, Setting>,
    pub multiline_parsers: HashMap<String, Setting>,
    pub service: ServiceSettings,
    pub topology: Topology,
    pub pipeline: Pipeline,
    /// What inputs have done to their own records: steps before any filter.
    pub input_steps: Vec<InputStep>,
    counters: HashMap<(&'static str, String), usize>,
    ids: HashSet<(&'static str, String)>,
    /// Variables that were reported as not set.
    reported: HashSet<String>,
}

/// A step that an input asks for by its own properties.
pub(super) struct InputStep {
    pub id: String,
    pub kind: &'static str,
    pub settings: Setting,
    pub matching: TagMatch,
}

impl<'c> Context<'c> {
    pub fn new(
        environment: Environment<'c>,
        variables: Vec<(String, String)>,
        diagnostics: Diagnostics,
    ) -> Self {
        Context {
            environment,
            variables: variables.into_iter().collect(),
            diagnostics,
            parsers: HashMap::new(),
            multiline_parsers: HashMap::new(),
            service: ServiceSettings::default(),
            topology: Topology::default(),
            pipeline: Pipeline { name: "fluent_bit".into(), ..Pipeline::default() },
            input_steps: Vec::new(),
            counters: HashMap::new(),
            ids: HashSet::new(),
            reported: HashSet::new(),
        }
    }

    pub fn variable(&self, name: &str) -> Option<String> {
        let set = self.variables.get(name).cloned();
        set.or_else(|| (self.environment)(name)).filter(|value| !value.is_empty())
    }

    pub fn expand(&self, raw: &str) -> Expanded {
        expand::expand(raw, |name| self.variable(name))
    }

    /// The value of a property; `None` when nothing is left of it, which is as if it were not given.
    pub fn value(&self, property: &Property) -> Option<Value> {
        let expanded = self.expand(&property.raw);
        if expanded.text.is_empty() {
            return None;
        }
        Some(Value {
            text: expanded.text,
            shown: property.raw.clone(),
            origin: property.value_origin,
            hidden: expanded.secret,
        })
    }

    /// As [`Context::value`], and says which variables are not set, once for each.
    pub fn checked_value(&mut self, property: &Property) -> Option<Value> {
        for name in self.expand(&property.raw).missing {
            if self.reported.insert(name.clone()) {
                let message = format!("the variable `{name}` is used but not set");
                let help = format!("set it, or give a default as `${{{name}:-value}}`");
                self.diagnostics.push(Diagnostic::warning(message).at(property.value_origin).help(help));
            }
        }
        self.value(property)
    }

    /// The name of an instance: its alias, else the plugin and a number counted for each plugin.
    pub fn instance(&mut self, role: &'static str, plugin: &str, alias: Option<Value>) -> String {
        let number = self.counters.entry((role, plugin.to_owned())).or_default();
        let counted = format!("{plugin}.{number}");
        *number += 1;
        let id = alias.as_ref().map_or(counted.clone(), |alias| alias.text.clone());
        if self.ids.insert((role, id.clone())) {
            return id;
        }
        if let Some(alias) = alias {
            let message =
                format!("the alias `{}` is taken by another {role}; this one is `{counted}`", alias.text);
            self.diagnostics
                .push(Diagnostic::warning(message).at(alias.origin).help("give each its own alias"));
        }
        self.ids.insert((role, counted.clone()));
        counted
    }
}

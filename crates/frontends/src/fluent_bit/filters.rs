//! `[FILTER]` sections, each lowered to a processor and a step, in file order.

mod aws;
mod ecs;
mod grep;
mod modify;
mod multiline;
mod nest;
mod parser;
mod record_modifier;
mod rewrite_tag;
mod stdout;
mod throttle;
mod type_converter;

use config::{Component, ComponentId, Diagnostic, Setting, Step, TagMatch};

use super::context::Context;
use super::document::Section;
use super::draft::Draft;
use super::table::Plugin;
use super::{common, plugin};

pub(super) const PLUGINS: &[&Plugin] = &[
    &parser::PLUGIN,
    &record_modifier::PLUGIN,
    &modify::PLUGIN,
    &grep::PLUGIN,
    &nest::PLUGIN,
    &rewrite_tag::PLUGIN,
    &multiline::PLUGIN,
    &throttle::PLUGIN,
    &ecs::PLUGIN,
    &aws::PLUGIN,
    &stdout::PLUGIN,
    &type_converter::PLUGIN,
];

pub(super) const KNOWN: &[&str] = &[
    "alter_size",
    "checklist",
    "content_modifier",
    "expect",
    "geoip2",
    "kubernetes",
    "log_to_metrics",
    "lookup",
    "lua",
    "nightfall",
    "sysinfo",
    "tensorflow",
    "throttle_size",
    "wasm",
    "labels",
    "metrics_selector",
    "opentelemetry_envelope",
    "sampling",
    "sql",
    "tda",
];

pub(super) fn lower(cx: &mut Context<'_>, section: &Section) {
    let Some((found, id)) = plugin::find(cx, section, "filter", PLUGINS, KNOWN) else { return };
    let label = format!("filter `{id}`");
    let matching = match common::matching(cx, section, &label) {
        Some(matching) => matching,
        None if section.last("match_regex").is_some() => return,
        None => {
            let message = format!("{label} has no `Match`, so it sees no record");
            let diagnostic = Diagnostic::warning(message).at(section.origin);
            cx.diagnostics.push(diagnostic.help("add `Match *` to let it see everything"));
            return;
        }
    };
    add(cx, section, found, id, label, matching);
}

/// A log processor of an input or output, which sees the tags its owner has.
pub(super) fn lower_processor(cx: &mut Context<'_>, section: &Section, matching: TagMatch) {
    let Some((found, id)) = plugin::find(cx, section, "filter", PLUGINS, KNOWN) else { return };
    let label = format!("processor `{id}`");
    add(cx, section, found, id, label, matching);
}

fn add(
    cx: &mut Context<'_>,
    section: &Section,
    found: &'static Plugin,
    id: String,
    label: String,
    matching: TagMatch,
) {
    let mut draft = Draft::new(cx, section, id, label);
    draft.apply(&[found.fields, common::ANY_PLUGIN, common::MATCHING]);
    (found.finish)(&mut draft);
    if draft.usable {
        let (id, settings) = (draft.id, draft.settings);
        cx.warn_of_lost_keys(found.kind, &id, &settings, &matching);
        cx.add_step(&id, found.kind, settings, matching);
    }
}

impl Context<'_> {
    pub(super) fn add_step(&mut self, id: &str, kind: &str, settings: Setting, matching: TagMatch) {
        let id: ComponentId = id.into();
        let origin = settings.origin;
        self.topology.processors.push(Component { id: id.clone(), kind: kind.into(), settings, origin });
        self.pipeline.steps.push(Step { processor: id, matching });
    }

    /// A parser filter without `Reserve_Data` leaves nothing of the record but what it parsed.
    fn warn_of_lost_keys(&mut self, kind: &str, id: &str, settings: &Setting, matching: &TagMatch) {
        let keeps = settings.get("reserve_data").is_some_and(|value| value.node == config::Node::Bool(true));
        if kind != "parser" || keeps {
            return;
        }
        let adds_ecs = |step: &&Step| {
            let component = self.topology.processors.iter().find(|component| component.id == step.processor);
            component.is_some_and(|component| {
                &*component.kind == "record_modifier" && adds_ecs_keys(&component.settings)
            })
        };
        let lost = self
            .pipeline
            .steps
            .iter()
            .filter(adds_ecs)
            .any(|step| common::may_overlap(&step.matching, matching));
        if lost {
            let message = format!(
                "filter `{id}` keeps only what it parses: `ecs_cluster`, `ecs_task_arn`, `container_id` and all other keys are lost"
            );
            let diagnostic = Diagnostic::warning(message).at(settings.origin);
            self.diagnostics.push(diagnostic.help("add `Reserve_Data True`"));
        }
    }
}

fn adds_ecs_keys(settings: &Setting) -> bool {
    let records = settings.get("records").map(Setting::items).unwrap_or_default();
    records.iter().any(|record| {
        record
            .get("key")
            .and_then(Setting::as_str)
            .is_some_and(|key| key.starts_with("ecs_") || key.starts_with("ec2_"))
    })
}

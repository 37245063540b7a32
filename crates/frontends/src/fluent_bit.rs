//! Fluent Bit's configuration, classic and YAML, lowered into the topology.
//!
//! The dialect is an input format only: a superset of what Fluent Bit reads, compiled to settings that keep
//! file, line and column. What a plugin's properties become is a table in `inputs/`, `filters/` and
//! `outputs/`; what components expect is `CANONICAL.md` beside this file.
//!
//! One key is ours: `Join_Partials Off` in `[SERVICE]` switches off that lines cut by the log driver at
//! 16 KiB are joined before the first filter. Fluent Bit ignores the key.

mod classic;
mod common;
mod compat;
mod context;
mod document;
mod draft;
mod expand;
mod filters;
mod glob;
mod inputs;
mod load;
mod multiline_parsers;
mod outputs;
mod parsers;
mod plugin;
mod service;
mod shipped;
mod table;
mod values;
mod yaml_dialect;

use config::{Diagnostic, Diagnostics, Setting, Severity, TagMatch, Topology};

use crate::{Files, Source};
use context::Context;
use document::{Document, Kind, Section};
use load::Loader;

pub use shipped::WithShipped;

/// Looks up a variable of the process's environment, `HOSTNAME` included.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Reads the sources in order, each section by its own kind, and lowers them into one pipeline.
///
/// Whatever could be lowered is in the topology, whatever could not is in the diagnostics; with an error among
/// them the caller decides whether the rest is good enough.
pub fn lower(sources: &[Source], files: &dyn Files, environment: Environment<'_>) -> (Topology, Diagnostics) {
    lower_with(sources, files, environment, Options::default())
}

/// What to say beside what is needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Name with a warning, where it is written, what Fluent Bit would refuse and this program takes: its
    /// message begins with "Fluent Bit refuses". The topology is the same.
    pub compat: bool,
}

/// As [`lower`], with options.
pub fn lower_with(
    sources: &[Source],
    files: &dyn Files,
    environment: Environment<'_>,
    options: Options,
) -> (Topology, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let mut loader = Loader::new(files, &mut diagnostics);
    loader.compat = options.compat;
    for source in sources {
        loader.source(source);
        // Only the first is what Fluent Bit gets with `-c`.
        loader.in_main = false;
    }
    let main_files = std::mem::take(&mut loader.main_files);
    let mut document = std::mem::take(&mut loader.document);
    let mut cx = Context::new(environment, document.variables.clone(), Diagnostics::new());
    let asked = service::parser_files(&cx, &document.sections);
    let asked: Vec<_> = asked.into_iter().map(|(path, property)| (path, property.clone())).collect();
    loader.gravity = Severity::Warning;
    for (path, property) in asked {
        loader.include(&path, property.origin.file, property.value_origin);
    }
    append(&mut document, std::mem::take(&mut loader.document));
    cx.variables = document.variables.iter().cloned().collect();
    cx.diagnostics = diagnostics;
    if options.compat {
        compat::check(&mut cx, &document, &main_files);
    }
    lower_document(&mut cx, &document);
    cx.topology.pipelines.push(cx.pipeline);
    (cx.topology, cx.diagnostics)
}

/// A parser file adds parsers; anything else in it is routed by its kind as well.
fn append(document: &mut Document, parsers: Document) {
    document.sections.extend(parsers.sections);
    document.variables.extend(parsers.variables);
}

fn lower_document(cx: &mut Context<'_>, document: &Document) {
    service::apply(cx, document);
    // Stock parsers first, so that one's own of the same name replaces them wherever it stands.
    let stock = |section: &&Section| shipped::is_stock(section.origin.file.name());
    let of = |kind: Kind| document.sections.iter().filter(move |section| section.kind == kind);
    of(Kind::Parser).filter(stock).for_each(|section| parsers::define(cx, section));
    of(Kind::Parser).filter(|section| !stock(section)).for_each(|section| parsers::define(cx, section));
    of(Kind::MultilineParser).for_each(|section| multiline_parsers::define(cx, section));
    of(Kind::Input).for_each(|section| inputs::lower(cx, section));
    join_partials(cx);
    for step in std::mem::take(&mut cx.input_steps) {
        cx.add_step(&step.id, step.kind, step.settings, step.matching);
    }
    of(Kind::Input).for_each(|section| input_processors(cx, document, section));
    of(Kind::Filter).for_each(|section| filters::lower(cx, section));
    of(Kind::Output).for_each(|section| outputs::lower(cx, document, section));
    document.sections.iter().for_each(|section| warn_of_unused(cx, section));
    if of(Kind::Input).next().is_none() {
        let diagnostic = Diagnostic::warning("there is no [INPUT] section, so nothing ever comes in");
        cx.diagnostics.push(diagnostic.help("add `[INPUT]` with `Name forward`"));
    }
    if of(Kind::Output).next().is_none() {
        let diagnostic = Diagnostic::warning("there is no [OUTPUT] section, so what comes in goes nowhere");
        cx.diagnostics.push(diagnostic.help("add `[OUTPUT]` with `Name` and `Match *`"));
    }
}

/// Pieces are joined before anything looks inside them, since a cut may fall in the middle of a character.
fn join_partials(cx: &mut Context<'_>) {
    let forward = cx.topology.receivers.iter().any(|receiver| &*receiver.kind == "fluent_forward");
    if forward && !cx.service.keep_partials {
        cx.add_step("join_partials", "join_partials", Setting::map(), TagMatch::all());
    }
}

/// Processors of an input run before the filters, on that input's tags.
fn input_processors(cx: &mut Context<'_>, document: &Document, section: &Section) {
    let alone = document.sections.iter().filter(|other| other.kind == Kind::Input).count() == 1;
    let tag = section.last("tag").and_then(|property| cx.value(property)).map(|value| value.text);
    for processor in &section.processors {
        let matching = match &tag {
            _ if alone => common::everything(),
            Some(tag) => common::tagged(tag),
            None => {
                let message = "a processor of an input that sets no `tag` is left out";
                let help = "give the input a `tag` of its own, or write the processor as a filter";
                cx.diagnostics.push(Diagnostic::error(message).at(processor.origin).help(help));
                continue;
            }
        };
        filters::lower_processor(cx, processor, matching);
    }
}

fn warn_of_unused(cx: &mut Context<'_>, section: &Section) {
    let (message, help) = match section.kind {
        Kind::Custom | Kind::StreamTask | Kind::Plugins | Kind::Upstream | Kind::Processor => {
            (format!("[{}] sections are not supported; this one is ignored", section.title), String::new())
        }
        Kind::Other => {
            let known = ["SERVICE", "INPUT", "FILTER", "OUTPUT", "PARSER", "MULTILINE_PARSER"];
            let help = match config::closest(&section.title, known) {
                Some(near) => format!("did you mean `[{near}]`?"),
                None => format!("sections are {}", known.join(", ")),
            };
            (format!("there is no section [{}]; it is ignored", section.title), help)
        }
        _ => return,
    };
    let diagnostic = Diagnostic::warning(message).at(section.origin);
    cx.diagnostics.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
}

//! A query as written to a program: order of commands, names, output columns.

mod expressions;
mod groups;
mod hints;

pub use expressions::regex;

use std::collections::HashSet;

use crate::check::expressions::Lower;
use crate::error::{Fault, Span};
use crate::expr::Expr;
use crate::glob::Glob;
use crate::path::{Needs, Path};
use crate::program::{Options, Program, Shift};
use crate::scope::Scope;
use crate::step::{Key, Output, RowStep, Step};
use crate::syntax::{Clause, Command, Form, Item, Node, Query, canonical};

/// Rows of an answer when the query does not say.
pub const DEFAULT_LIMIT: usize = 10_000;

const MAX_STATS: usize = 2;

pub fn check(text: &str, query: Query, options: Options) -> Result<Program, Fault> {
    let n_stats =
        query.clauses.iter().filter(|clause| matches!(clause.command, Command::Stats { .. })).count();
    let mut checker = Checker {
        text,
        options,
        n_stats,
        stats_seen: 0,
        needs: Needs::default(),
        scope: Scope::default(),
        steps: Vec::new(),
        columns: Columns::default(),
        rounded: HashSet::new(),
        sorted: false,
        deduped: false,
        aggregated: false,
        patterned: false,
        shift: None,
        limit: None,
        captures: Vec::new(),
    };
    let idle = idle_sorts(&query.clauses);
    for (clause, idle) in query.clauses.into_iter().zip(idle) {
        checker.clause(clause, idle)?;
    }
    let mut program = checker.finish();
    program.source = query.source;
    Ok(program)
}

/// Which commands sort rows only for `stats` to group them, so that their order is lost anyway.
fn idle_sorts(clauses: &[Clause]) -> Vec<bool> {
    let mut ordered = true;
    let mut idle: Vec<bool> = Vec::with_capacity(clauses.len());
    for clause in clauses.iter().rev() {
        idle.push(!ordered && matches!(clause.command, Command::Sort(_)));
        match clause.command {
            Command::Stats { .. } => ordered = false,
            Command::Limit(_) | Command::Tail(_) | Command::Totals(_) => ordered = true,
            _ => {}
        }
    }
    idle.reverse();
    idle
}

/// The columns to be shown.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    /// `display` has the last word.
    displayed: bool,
    /// Made by `stats` or `pattern`, until `fields` selects.
    implied: bool,
}

impl Columns {
    fn add(&mut self, name: String) {
        if self.displayed {
            return;
        }
        if std::mem::take(&mut self.implied) {
            self.names.clear();
        }
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }
}

struct Checker<'t> {
    text: &'t str,
    options: Options,
    n_stats: usize,
    stats_seen: usize,
    needs: Needs,
    scope: Scope,
    steps: Vec<Step>,
    /// Chosen by `fields` and `display`; empty means the default.
    columns: Columns,
    /// Columns made by aggregates.
    rounded: HashSet<String>,
    sorted: bool,
    deduped: bool,
    aggregated: bool,
    patterned: bool,
    shift: Option<Shift>,
    limit: Option<usize>,
    captures: Vec<(usize, Path)>,
}

impl Checker<'_> {
    fn clause(&mut self, clause: Clause, idle: bool) -> Result<(), Fault> {
        let span = clause.span;
        if self.deduped && !matches!(clause.command, Command::Limit(_)) {
            return Err(Fault::new(span, "only `limit` may follow `dedup`").expected(["limit"]));
        }
        match clause.command {
            Command::Fields(items) => self.fields(items)?,
            Command::Display(items) => {
                self.columns = Columns::default();
                self.fields(items)?;
                self.columns.displayed = true;
            }
            Command::Filter(node) => {
                let expr = self.lower(&node)?;
                self.row(RowStep::Filter(expr));
            }
            Command::Stats { items, by } => self.stats(items, by, span)?,
            Command::Sort(keys) => self.sort(keys, span, idle)?,
            Command::Limit(count) => {
                self.before_stats(span)?;
                self.keep();
                self.limit = Some(count);
                self.steps.push(Step::Limit(count));
            }
            Command::Tail(count) => {
                self.before_stats(span)?;
                self.keep();
                self.limit = Some(count);
                self.steps.push(Step::Tail(count));
            }
            Command::ParseGlob { source, glob, names } => {
                let source = self.source(source)?;
                let slots = names.iter().map(|name| self.scope.bind(name)).collect();
                self.row(RowStep::Glob { source, glob: Glob::new(&glob), slots });
            }
            Command::ParseRegex { source, text, span } => self.parse_regex(source, &text, span)?,
            Command::Dedup(nodes) => {
                let keys = nodes.iter().map(|node| self.lower(node)).collect::<Result<_, _>>()?;
                self.keep();
                self.deduped = true;
                self.steps.push(Step::Dedup(keys));
            }
            Command::Pattern(node) => self.pattern(&node, span)?,
            Command::Diff(word) => self.diff(word.as_deref(), span)?,
            Command::Unnest(node, name) => {
                let expr = self.lower(&node)?;
                let slot = self.scope.bind(&name);
                self.widen();
                self.row(RowStep::Unnest(expr, slot));
            }
            Command::Unmask(nodes) => {
                for node in &nodes {
                    self.lower(node)?;
                }
            }
            Command::Totals(totals) => self.totals(totals)?,
        }
        Ok(())
    }

    fn row(&mut self, step: RowStep) {
        self.steps.push(Step::Row(step));
    }

    /// From here on rows are kept, so what later commands read must be carried along.
    fn keep(&mut self) {
        self.scope.kept = true;
    }

    /// Rows may become more than a limit before allowed.
    fn widen(&mut self) {
        self.limit = self.limit.map(|limit| limit.max(DEFAULT_LIMIT));
    }

    fn lower(&mut self, node: &Node) -> Result<Expr, Fault> {
        let (needs, scope) = (&mut self.needs, &mut self.scope);
        Lower { text: self.text, options: self.options, needs, scope, stats: None }.expr(node)
    }

    fn source(&mut self, source: Option<Node>) -> Result<Expr, Fault> {
        match source {
            Some(node) => self.lower(&node),
            None => Ok(self.scope.resolve("@message", &mut self.needs)),
        }
    }

    fn name_of(&self, item: &Item) -> String {
        item.alias.clone().unwrap_or_else(|| name_of(self.text, &item.node))
    }

    fn fields(&mut self, items: Vec<Item>) -> Result<(), Fault> {
        for item in items {
            let name = self.name_of(&item);
            let plain = item.alias.is_none() && matches!(item.node.kind, Form::Field(_));
            if !plain {
                let expr = self.lower(&item.node)?;
                let slot = self.scope.bind(&name);
                self.row(RowStep::Let(slot, expr));
            }
            self.columns.add(name);
        }
        Ok(())
    }

    /// Before the last of two `stats`, nothing may sort or cut.
    fn before_stats(&self, span: Span) -> Result<(), Fault> {
        if self.n_stats >= MAX_STATS && self.stats_seen < MAX_STATS {
            return Err(Fault::new(span, "`sort` and `limit` may only follow the second `stats`"));
        }
        Ok(())
    }

    fn sort(&mut self, keys: Vec<(Node, bool)>, span: Span, idle: bool) -> Result<(), Fault> {
        self.before_stats(span)?;
        let idle = idle || self.is_newest_first(&keys);
        let lowered = keys
            .iter()
            .map(|(node, descending)| Ok(Key { expr: self.lower(node)?, descending: *descending }));
        let keys = lowered.collect::<Result<_, Fault>>()?;
        self.sorted = true;
        if !idle {
            self.keep();
            self.steps.push(Step::Sort(keys));
        }
        Ok(())
    }

    /// Whether events are in this order anyway.
    fn is_newest_first(&self, keys: &[(Node, bool)]) -> bool {
        let [(node, true)] = keys else { return false };
        let is_time = matches!(&node.kind, Form::Field(name) if name == "@timestamp");
        is_time && !self.scope.kept && self.scope.names("@timestamp").is_none()
    }

    fn parse_regex(&mut self, source: Option<Node>, text: &str, span: Span) -> Result<(), Fault> {
        let source = self.source(source)?;
        let regex = regex(text, span)?;
        let info = regex.group_info().clone();
        let pattern = regex_automata::PatternID::ZERO;
        let named = info.pattern_names(pattern).enumerate().filter_map(|(group, name)| Some((group, name?)));
        let slots: Vec<_> = named.map(|(group, name)| (group, self.scope.bind(name))).collect();
        if slots.is_empty() {
            return Err(Fault::new(span, "only named groups make fields: `(?<name>...)`"));
        }
        self.row(RowStep::Groups { source, regex, slots });
        Ok(())
    }

    /// The columns as they stand.
    fn shown(&self) -> Vec<String> {
        if self.columns.names.is_empty() {
            DEFAULT.map(str::to_owned).to_vec()
        } else {
            self.columns.names.clone()
        }
    }

    /// The variable that holds a name's value in kept rows.
    fn variable(&mut self, name: &str) -> usize {
        match self.scope.resolve(name, &mut self.needs) {
            Expr::Variable(slot) => slot,
            expr => {
                let slot = self.scope.slot();
                self.row(RowStep::Let(slot, expr));
                slot
            }
        }
    }

    fn finish(mut self) -> Program {
        let conditions = hints::conditions(&self.steps);
        self.keep();
        let mut names = self.shown();
        if !self.aggregated && !names.iter().any(|name| name == "@ptr") {
            names.push("@ptr".to_owned());
        }
        let mut outputs = Vec::new();
        for name in names {
            let slot = self.variable(&name);
            let rounded = self.rounded.contains(&name);
            outputs.push(Output { name, slot, rounded });
        }
        let first = self.steps.iter().position(|step| !matches!(step, Step::Row(_)));
        let enough = match first.map(|first| &self.steps[first..]) {
            None | Some([Step::Limit(_), ..] | [Step::Dedup(_), Step::Limit(_), ..]) => true,
            Some(_) => false,
        };
        let grouped =
            first.is_some_and(|first| matches!(self.steps[first], Step::Stats(_) | Step::Pattern(_)));
        let time = (!grouped).then(|| self.needs.path("@timestamp"));
        if !self.scope.closed {
            self.captures = std::mem::take(&mut self.scope.captures);
        }
        Program {
            source: None,
            captures: self.captures,
            needs: self.needs,
            conditions,
            first: first.unwrap_or(self.steps.len()),
            steps: self.steps,
            outputs,
            time,
            limit: self.limit.unwrap_or(DEFAULT_LIMIT),
            newest_first_enough: enough,
            is_aggregated: self.aggregated,
            shift: self.shift,
        }
    }
}

/// What is shown when the query does not say.
const DEFAULT: [&str; 2] = ["@timestamp", "@message"];

/// A field's name; the text of anything else.
fn name_of(text: &str, node: &Node) -> String {
    match &node.kind {
        Form::Field(name) => name.clone(),
        _ => canonical(&text[node.span.start..node.span.end]),
    }
}

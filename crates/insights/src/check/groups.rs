//! The commands that make new columns of many rows: `stats`, `pattern`, `diff`, `addtotals`.

use std::collections::HashSet;

use super::{Checker, Columns, DEFAULT, MAX_STATS, name_of};
use crate::aggregate::Stats;
use crate::check::expressions::Lower;
use crate::error::{Fault, Span};
use crate::expr::Expr;
use crate::program::Shift;
use crate::scope::Scope;
use crate::step::{PatternStep, RowStep, Step, Totals};
use crate::syntax::{self, Item, Node};

const PATTERN: [&str; 4] = ["@pattern", "@ratio", "@sampleCount", "@severityLabel"];
const DIFF: [&str; 5] =
    ["@pattern", "@sampleCount", "@differenceCount", "@differenceDescription", "@severityLabel"];

impl Checker<'_> {
    pub(super) fn stats(&mut self, items: Vec<Item>, by: Vec<Item>, span: Span) -> Result<(), Fault> {
        self.stats_seen += 1;
        if self.stats_seen > MAX_STATS {
            return Err(Fault::new(span, format!("a query has at most {MAX_STATS} `stats`")));
        }
        let mut inner = Scope::columns();
        let (mut keys, mut lets, mut aggregates) = (Vec::new(), Vec::new(), Vec::new());
        self.columns = Columns::default();
        self.rounded.clear();
        for item in &by {
            keys.push(self.lower(&item.node)?);
            let name = self.name_of(item);
            let slot = inner.bind(&name);
            inner.alias(&name_of(self.text, &item.node), slot);
            self.columns.add(name);
        }
        for item in &items {
            let name = self.name_of(item);
            let stats = Some((&mut self.scope, &mut aggregates));
            let mut lower = Lower {
                text: self.text,
                options: self.options,
                needs: &mut self.needs,
                scope: &mut inner,
                stats,
            };
            let expr = lower.expr(&item.node)?;
            match expr {
                Expr::Variable(slot) => inner.alias(&name, slot),
                expr => lets.push((inner.bind(&name), expr)),
            }
            inner.alias(&name_of(self.text, &item.node), inner.names(&name).unwrap_or(0));
            self.rounded.insert(name.clone());
            self.columns.add(name);
        }
        self.steps.push(Step::Stats(Stats { keys, aggregates }));
        for (slot, expr) in lets {
            self.row(RowStep::Let(slot, expr));
        }
        self.enter(inner);
        self.columns.implied = true;
        Ok(())
    }

    /// From here on only columns exist.
    pub(super) fn enter(&mut self, columns: Scope) {
        let left = std::mem::replace(&mut self.scope, columns);
        if !left.closed {
            self.captures = left.captures;
        }
        self.aggregated = true;
    }

    pub(super) fn pattern(&mut self, node: &Node, span: Span) -> Result<(), Fault> {
        if self.sorted || self.stats_seen > 0 {
            return Err(Fault::new(span, "`pattern` may not follow `sort` or `stats`"));
        }
        if self.patterned {
            return Err(Fault::new(span, "a query has one `pattern` at most"));
        }
        let expr = self.lower(node)?;
        self.put_pattern(expr, false);
        Ok(())
    }

    pub(super) fn put_pattern(&mut self, expr: Expr, diff: bool) {
        self.steps.push(Step::Pattern(PatternStep { expr, diff }));
        self.patterned = true;
        self.pattern_columns(diff);
    }

    pub(super) fn pattern_columns(&mut self, diff: bool) {
        self.enter(Scope::columns());
        self.columns = Columns::default();
        self.rounded = HashSet::from(["@ratio".to_owned()]);
        for name in if diff { &DIFF[..] } else { &PATTERN[..] } {
            self.scope.bind(name);
            self.columns.add((*name).to_owned());
        }
        self.columns.implied = true;
    }

    pub(super) fn diff(&mut self, word: Option<&str>, span: Span) -> Result<(), Fault> {
        if self.shift.is_some() {
            return Err(Fault::new(span, "a query has one `diff` at most"));
        }
        self.shift = Some(match word {
            Some("previousday") => Shift::Days(1),
            Some("previousweek") => Shift::Days(7),
            Some("previousmonth") => Shift::Month,
            _ => Shift::Length,
        });
        if let Some(Step::Pattern(pattern)) = self.steps.last_mut() {
            pattern.diff = true;
            self.pattern_columns(true);
        } else if self.aggregated || self.scope.kept {
            return Err(Fault::new(span, "`diff` follows `pattern`, or commands that only filter and parse"));
        } else {
            let message = self.scope.resolve("@message", &mut self.needs);
            self.put_pattern(message, true);
        }
        let kept = |step: &Step| !matches!(step, Step::Row(_) | Step::Pattern(_));
        if self.steps.iter().any(kept) {
            return Err(Fault::new(span, "`diff` compares all events; nothing may sort or cut them before"));
        }
        Ok(())
    }

    pub(super) fn totals(&mut self, totals: syntax::Totals) -> Result<(), Fault> {
        self.keep();
        let named: Vec<String> = totals.fields.iter().map(|node| name_of(self.text, node)).collect();
        let names = if named.is_empty() { self.shown() } else { named };
        let mut slots = Vec::new();
        for name in names.iter().filter(|name| *name != "@ptr") {
            slots.push(self.variable(name));
        }
        let row = totals.row.then(|| self.scope.bind(&totals.name));
        if row.is_some() {
            let mut shown = std::mem::take(&mut self.columns);
            if shown.names.is_empty() {
                shown.names = DEFAULT.map(str::to_owned).to_vec();
            }
            shown.names.retain(|name| *name != totals.name);
            shown.names.push(totals.name.clone());
            self.columns = shown;
            self.rounded.insert(totals.name);
        }
        if totals.column {
            self.widen();
        }
        self.steps.push(Step::Totals(Totals { row, column: totals.column, slots }));
        Ok(())
    }
}

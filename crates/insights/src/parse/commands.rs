//! The commands, each as its grammar says.

use super::Parser;
use crate::error::{Fault, Span};
use crate::lex::Kind;
use crate::nearest::nearest;
use crate::syntax::{Clause, Command, Item, Node, Query, Totals};
use crate::value::Value;

/// Most rows that a query may ask for.
const MAX_LIMIT: i64 = 100_000;

const COMMANDS: [&str; 16] = [
    "fields",
    "display",
    "filter",
    "filterIndex",
    "stats",
    "sort",
    "limit",
    "head",
    "tail",
    "parse",
    "dedup",
    "pattern",
    "diff",
    "unnest",
    "unmask",
    "addtotals",
];

const NOT_YET: [&str; 3] = ["join", "lookup", "anomaly"];

impl<'t> Parser<'t> {
    pub(super) fn query(&mut self) -> Result<Query, Fault> {
        self.take("|")?;
        let source = if self.at_word("source") { Some(self.source()?) } else { None };
        let mut clauses = Vec::new();
        if source.is_some() {
            if matches!(self.next.kind, Kind::End) {
                return Ok(Query { source, clauses });
            }
            self.expect("|")?;
        }
        loop {
            clauses.push(self.clause()?);
            if matches!(self.next.kind, Kind::End) {
                return Ok(Query { source, clauses });
            }
            if !self.take("|")? {
                return Err(self.unexpected(["|"]));
            }
        }
    }

    fn clause(&mut self) -> Result<Clause, Fault> {
        let span = self.next.span;
        let Kind::Word(word) = &self.next.kind else { return Err(self.unexpected(COMMANDS)) };
        let word = word.to_ascii_lowercase();
        if NOT_YET.contains(&word.as_str()) {
            return Err(Fault::new(span, format!("`{word}` is not supported yet")));
        }
        if !COMMANDS.iter().any(|command| command.eq_ignore_ascii_case(&word)) {
            return Err(self.unknown(&word, span));
        }
        self.advance()?;
        let command = self.command(&word)?;
        Ok(Clause { span, command })
    }

    fn unknown(&self, word: &str, span: Span) -> Fault {
        let fault = Fault::new(span, format!("unknown command `{}`", &self.text[span.start..span.end]));
        match nearest(word, COMMANDS) {
            Some(command) => fault.expected([command]),
            None => fault.expected(COMMANDS),
        }
    }

    fn command(&mut self, word: &str) -> Result<Command, Fault> {
        Ok(match word {
            "fields" => Command::Fields(self.items()?),
            "display" => Command::Display(self.items()?),
            "filter" => Command::Filter(self.expression()?),
            "filterindex" => Command::Filter(self.filter_index()?),
            "stats" => self.stats()?,
            "sort" => self.sort()?,
            "limit" | "head" => Command::Limit(self.count()?),
            "tail" => Command::Tail(self.count()?),
            "parse" => self.parse()?,
            "dedup" => Command::Dedup(self.expressions()?),
            "pattern" => Command::Pattern(self.expression()?),
            "diff" => self.diff()?,
            "unnest" => self.unnest()?,
            "unmask" => {
                self.expect("(")?;
                Command::Unmask(self.list(")")?)
            }
            _ => self.totals()?,
        })
    }

    fn items(&mut self) -> Result<Vec<Item>, Fault> {
        let mut items = vec![self.item()?];
        while self.take(",")? {
            items.push(self.item()?);
        }
        Ok(items)
    }

    fn item(&mut self) -> Result<Item, Fault> {
        let node = self.expression()?;
        let alias = if self.take_word("as")? { Some(self.name()?) } else { None };
        Ok(Item { node, alias })
    }

    fn expressions(&mut self) -> Result<Vec<Node>, Fault> {
        let mut list = vec![self.expression()?];
        while self.take(",")? {
            list.push(self.expression()?);
        }
        Ok(list)
    }

    /// A new name.
    fn name(&mut self) -> Result<String, Fault> {
        let name = match &self.next.kind {
            Kind::Word(word) => word.to_string(),
            Kind::Field(name) => name.clone(),
            _ => return Err(self.unexpected(["a name"])),
        };
        self.advance()?;
        Ok(name)
    }

    /// One comparison of a field with `=` or `in`.
    fn filter_index(&mut self) -> Result<Node, Fault> {
        use crate::condition::Comparison;
        use crate::syntax::Form;
        let node = self.expression()?;
        let fits = match &node.kind {
            Form::Compare(Comparison::Equal, field, _) => matches!(field.kind, Form::Field(_)),
            Form::In { value, negated: false, .. } => matches!(value.kind, Form::Field(_)),
            _ => false,
        };
        if fits {
            return Ok(node);
        }
        Err(Fault::new(node.span, "`filterIndex` takes one field with `=` or `in`").expected(["=", "in"]))
    }

    fn stats(&mut self) -> Result<Command, Fault> {
        let items = self.items()?;
        let by = if self.take_word("by")? { self.items()? } else { Vec::new() };
        Ok(Command::Stats { items, by })
    }

    fn sort(&mut self) -> Result<Command, Fault> {
        self.take_word("by")?;
        let mut keys = Vec::new();
        loop {
            let node = self.expression()?;
            let descending = self.take_word("desc")?;
            if !descending {
                self.take_word("asc")?;
            }
            keys.push((node, descending));
            if !self.take(",")? {
                return Ok(Command::Sort(keys));
            }
        }
    }

    fn count(&mut self) -> Result<usize, Fault> {
        let start = self.next.span;
        self.take("-")?;
        let token = self.advance()?;
        let span = start.to(token.span);
        match token.kind {
            Kind::Number(Value::Int(count @ 1..=MAX_LIMIT)) if start == span => Ok(count as usize),
            _ => Err(Fault::new(span, format!("a limit is a number from 1 to {MAX_LIMIT}"))),
        }
    }

    fn parse(&mut self) -> Result<Command, Fault> {
        let source = match &self.next.kind {
            Kind::Text(_) | Kind::Sign("/") => None,
            _ => {
                self.slash = true;
                let source = self.expression()?;
                self.slash = false;
                Some(source)
            }
        };
        if self.at("/") {
            let node = self.regex()?;
            let crate::syntax::Form::Regex(text) = node.kind else { return Err(self.unexpected(["/"])) };
            return Ok(Command::ParseRegex { source, text, span: node.span });
        }
        let Kind::Text(glob) = &self.next.kind else {
            return Err(self.unexpected(["a string", "/regular expression/"]));
        };
        let glob = glob.clone();
        self.advance()?;
        let span = self.last;
        if !self.take_word("as")? {
            return Err(self.unexpected(["as"]));
        }
        let mut names = vec![self.name()?];
        while self.take(",")? {
            names.push(self.name()?);
        }
        let stars = glob.matches('*').count();
        if stars != names.len() {
            let message = format!("{stars} wildcards need as many names, not {}", names.len());
            return Err(Fault::new(span.to(self.last), message));
        }
        Ok(Command::ParseGlob { source, glob, names })
    }

    fn diff(&mut self) -> Result<Command, Fault> {
        const SHIFTS: [&str; 3] = ["previousDay", "previousWeek", "previousMonth"];
        let Kind::Word(word) = &self.next.kind else { return Ok(Command::Diff(None)) };
        let word = word.to_ascii_lowercase();
        if !SHIFTS.iter().any(|shift| shift.eq_ignore_ascii_case(&word)) {
            return Err(self.unexpected(SHIFTS));
        }
        self.advance()?;
        Ok(Command::Diff(Some(word)))
    }

    fn unnest(&mut self) -> Result<Command, Fault> {
        let node = self.expression()?;
        if !self.take_word("into")? {
            return Err(self.unexpected(["into"]));
        }
        Ok(Command::Unnest(node, self.name()?))
    }

    fn totals(&mut self) -> Result<Command, Fault> {
        let mut totals = Totals { name: "Total".into(), row: true, column: false, fields: Vec::new() };
        while let Some(option) = self.option() {
            self.advance()?;
            self.advance()?;
            match option.as_str() {
                "fieldname" => totals.name = self.name_or_text()?,
                "row" => totals.row = self.flag()?,
                _ => totals.column = self.flag()?,
            }
        }
        if !self.at("|") && !matches!(self.next.kind, Kind::End) {
            totals.fields = self.expressions()?;
        }
        Ok(Command::Totals(totals))
    }

    /// The option that comes next: its name and `=`.
    fn option(&self) -> Option<String> {
        let Kind::Word(word) = &self.next.kind else { return None };
        let word = word.to_ascii_lowercase();
        let following = crate::lex::token(self.text, self.next.span.end).ok()?;
        let known = ["fieldname", "row", "col"].contains(&word.as_str());
        (known && following.kind == Kind::Sign("=")).then_some(word)
    }

    fn name_or_text(&mut self) -> Result<String, Fault> {
        if let Kind::Text(text) = &self.next.kind {
            let text = text.clone();
            self.advance()?;
            return Ok(text);
        }
        self.name()
    }

    fn flag(&mut self) -> Result<bool, Fault> {
        if self.take_word("true")? {
            return Ok(true);
        }
        if self.take_word("false")? { Ok(false) } else { Err(self.unexpected(["true", "false"])) }
    }
}

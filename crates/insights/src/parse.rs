//! Tokens to expressions. Commands are in `parse/commands.rs`.

mod commands;
mod source;

use crate::condition::Comparison;
use crate::error::{Fault, Span};
use crate::lex::{self, Kind, Token};
use crate::syntax::{Form, Math, Node, Query};
use crate::value::Value;

/// Longest query, in characters.
const MAX_CHARACTERS: usize = 10_000;

/// Deepest nesting, and the longest chain of one arithmetic operator.
const MAX_DEPTH: u16 = 100;

/// Regular expressions of one query, each of which takes memory of its own.
const MAX_REGEXES: usize = 64;

/// Names that mean something inside an expression; a field of that name needs backticks.
const RESERVED: [&str; 8] = ["and", "or", "not", "in", "like", "as", "by", "into"];

/// The whole query.
pub fn query(text: &str) -> Result<Query, Fault> {
    if let Some((start, _)) = text.char_indices().nth(MAX_CHARACTERS) {
        let message = format!("a query has at most {MAX_CHARACTERS} characters");
        return Err(Fault::new(Span { start, end: text.len() }, message));
    }
    let mut parser = Parser {
        text,
        last: Span { start: 0, end: 0 },
        next: lex::token(text, 0)?,
        depth: 0,
        n_regexes: 0,
        slash: false,
    };
    parser.query()
}

struct Parser<'t> {
    text: &'t str,
    /// What was taken last.
    last: Span,
    next: Token<'t>,
    depth: u16,
    n_regexes: usize,
    /// A slash opens an expression here, rather than divides.
    slash: bool,
}

impl<'t> Parser<'t> {
    fn advance(&mut self) -> Result<Token<'t>, Fault> {
        let following = lex::token(self.text, self.next.span.end)?;
        let taken = std::mem::replace(&mut self.next, following);
        self.last = taken.span;
        Ok(taken)
    }

    fn at(&self, sign: &str) -> bool {
        matches!(self.next.kind, Kind::Sign(next) if next == sign)
    }

    fn at_word(&self, word: &str) -> bool {
        matches!(&self.next.kind, Kind::Word(next) if next.eq_ignore_ascii_case(word))
    }

    fn take(&mut self, sign: &str) -> Result<bool, Fault> {
        if !self.at(sign) {
            return Ok(false);
        }
        self.advance().map(|_| true)
    }

    fn take_word(&mut self, word: &str) -> Result<bool, Fault> {
        if !self.at_word(word) {
            return Ok(false);
        }
        self.advance().map(|_| true)
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Fault> {
        if self.take(sign)? { Ok(()) } else { Err(self.unexpected([sign])) }
    }

    /// What stands here cannot.
    fn unexpected<S: Into<String>>(&self, expected: impl IntoIterator<Item = S>) -> Fault {
        let span = self.next.span;
        let message = match &self.next.kind {
            Kind::End => "the query ends too early".to_owned(),
            _ => format!("unexpected `{}`", &self.text[span.start..span.end]),
        };
        Fault::new(span, message).expected(expected)
    }

    fn node(&self, kind: Form, span: Span, depth: u16) -> Result<Node, Fault> {
        if depth > MAX_DEPTH {
            return Err(too_deep(span));
        }
        Ok(Node { kind, span, depth: depth + 1 })
    }

    fn expression(&mut self) -> Result<Node, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(self.next.span));
        }
        let node = self.any();
        self.depth -= 1;
        node
    }

    fn any(&mut self) -> Result<Node, Fault> {
        self.chain("or", Form::Or, Parser::all)
    }

    fn all(&mut self) -> Result<Node, Fault> {
        self.chain("and", Form::And, Parser::negation)
    }

    /// However long, a chain is one level.
    fn chain(
        &mut self,
        word: &str,
        form: impl Fn(Vec<Node>) -> Form,
        part: impl Fn(&mut Self) -> Result<Node, Fault>,
    ) -> Result<Node, Fault> {
        let first = part(self)?;
        if !self.at_word(word) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take_word(word)? {
            parts.push(part(self)?);
        }
        let depth = parts.iter().map(|part| part.depth).max().unwrap_or(0);
        let span = parts[0].span.to(self.last);
        self.node(form(parts), span, depth)
    }

    fn negation(&mut self) -> Result<Node, Fault> {
        let start = self.next.span;
        if !self.take_word("not")? {
            return self.comparison();
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(start));
        }
        let inner = self.negation()?;
        self.depth -= 1;
        let depth = inner.depth;
        self.node(Form::Not(Box::new(inner)), start.to(self.last), depth)
    }

    fn comparison(&mut self) -> Result<Node, Fault> {
        let left = self.sum()?;
        if let Kind::Sign(sign) = self.next.kind {
            if sign == "=~" {
                self.advance()?;
                let pattern = self.regex()?;
                return self.like(left, pattern, false);
            }
            if let Some(comparison) = comparison(sign) {
                self.advance()?;
                let right = self.sum()?;
                let (span, depth) = (left.span.to(right.span), left.depth.max(right.depth));
                return self.node(Form::Compare(comparison, Box::new(left), Box::new(right)), span, depth);
            }
            return Ok(left);
        }
        let negated = self.take_word("not")?;
        if self.take_word("like")? {
            let pattern = match &self.next.kind {
                Kind::Text(_) => self.primary()?,
                Kind::Sign("/") => self.regex()?,
                _ => return Err(self.unexpected(["a string", "/regular expression/"])),
            };
            return self.like(left, pattern, negated);
        }
        if self.take_word("in")? {
            return self.in_list(left, negated);
        }
        if negated { Err(self.unexpected(["like", "in"])) } else { Ok(left) }
    }

    fn like(&self, value: Node, pattern: Node, negated: bool) -> Result<Node, Fault> {
        let (span, depth) = (value.span.to(pattern.span), value.depth);
        self.node(Form::Like { value: Box::new(value), pattern: Box::new(pattern), negated }, span, depth)
    }

    fn in_list(&mut self, value: Node, negated: bool) -> Result<Node, Fault> {
        if self.at("(") {
            return Err(Fault::new(self.next.span, "subqueries are not supported yet").expected(["["]));
        }
        self.expect("[")?;
        let list = self.list("]")?;
        let depth = list.iter().map(|item| item.depth).max().unwrap_or(0).max(value.depth);
        let span = value.span.to(self.last);
        self.node(Form::In { value: Box::new(value), list, negated }, span, depth)
    }

    /// Expressions between commas up to `close`, which is taken.
    fn list(&mut self, close: &'static str) -> Result<Vec<Node>, Fault> {
        let slash = std::mem::replace(&mut self.slash, false);
        let mut list = Vec::new();
        if !self.at(close) {
            list.push(self.argument()?);
            while self.take(",")? {
                list.push(self.argument()?);
            }
        }
        if !self.at(close) {
            return Err(self.unexpected([",", close]));
        }
        self.slash = slash;
        self.advance()?;
        Ok(list)
    }

    /// A regular expression may stand alone as an argument.
    fn argument(&mut self) -> Result<Node, Fault> {
        if self.at("/") { self.regex() } else { self.expression() }
    }

    fn sum(&mut self) -> Result<Node, Fault> {
        self.math(&[("+", Math::Add), ("-", Math::Subtract)], Parser::product)
    }

    fn product(&mut self) -> Result<Node, Fault> {
        let signs = [("*", Math::Multiply), ("%", Math::Modulo), ("/", Math::Divide)];
        let signs = if self.slash { &signs[..2] } else { &signs[..] };
        self.math(signs, Parser::power)
    }

    fn math(
        &mut self,
        signs: &[(&str, Math)],
        part: impl Fn(&mut Self) -> Result<Node, Fault>,
    ) -> Result<Node, Fault> {
        let mut left = part(self)?;
        while let Some((_, math)) = signs.iter().find(|(sign, _)| self.at(sign)) {
            self.advance()?;
            let right = part(self)?;
            let (span, depth) = (left.span.to(right.span), left.depth.max(right.depth));
            left = self.node(Form::Math(*math, Box::new(left), Box::new(right)), span, depth)?;
        }
        Ok(left)
    }

    fn power(&mut self) -> Result<Node, Fault> {
        let base = self.unary()?;
        if !self.take("^")? {
            return Ok(base);
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(base.span));
        }
        let exponent = self.power()?;
        self.depth -= 1;
        let (span, depth) = (base.span.to(exponent.span), base.depth.max(exponent.depth));
        self.node(Form::Math(Math::Power, Box::new(base), Box::new(exponent)), span, depth)
    }

    fn unary(&mut self) -> Result<Node, Fault> {
        let start = self.next.span;
        if !self.take("-")? {
            return self.primary();
        }
        let inner = self.primary()?;
        let span = start.to(inner.span);
        let kind = match inner.kind {
            Form::Literal(Value::Int(int)) => Form::Literal(Value::Int(-int)),
            Form::Literal(Value::Float(float)) => Form::Literal(Value::Float(-float)),
            _ => {
                let depth = inner.depth;
                return self.node(Form::Negate(Box::new(inner)), span, depth);
            }
        };
        self.node(kind, span, 0)
    }

    fn primary(&mut self) -> Result<Node, Fault> {
        let span = self.next.span;
        let kind = match &self.next.kind {
            Kind::Number(value) => Form::Literal(value.clone()),
            Kind::Text(text) => Form::Literal(Value::text(text.clone())),
            Kind::Measure(text) => Form::Measure((*text).to_owned()),
            Kind::Field(name) => Form::Field(name.clone()),
            Kind::Word(word) if RESERVED.iter().any(|name| word.eq_ignore_ascii_case(name)) => {
                return Err(self.unexpected(["an expression"]));
            }
            Kind::Word(_) => return self.word(),
            Kind::Sign("(") => return self.group(),
            Kind::Sign("/") => {
                let message =
                    "a regular expression may only follow `like`, `=~` and `parse`, or be an argument";
                return Err(Fault::new(span, message));
            }
            Kind::Sign(_) | Kind::End => return Err(self.unexpected(["an expression"])),
        };
        self.advance()?;
        self.node(kind, span, 0)
    }

    fn group(&mut self) -> Result<Node, Fault> {
        let start = self.advance()?.span;
        let slash = std::mem::replace(&mut self.slash, false);
        let mut inner = self.expression()?;
        if !self.at(")") {
            return Err(self.unexpected([")"]));
        }
        self.slash = slash;
        self.advance()?;
        inner.span = start.to(self.last);
        Ok(inner)
    }

    /// A function, `true` or `false`, or a field.
    fn word(&mut self) -> Result<Node, Fault> {
        let token = self.advance()?;
        let Kind::Word(word) = token.kind else { return Err(self.unexpected(["a name"])) };
        if self.at("(") {
            return self.call(&word, token.span);
        }
        let kind = if word.eq_ignore_ascii_case("true") {
            Form::Literal(Value::Bool(true))
        } else if word.eq_ignore_ascii_case("false") {
            Form::Literal(Value::Bool(false))
        } else {
            Form::Field(word.into_owned())
        };
        self.node(kind, token.span, 0)
    }

    fn call(&mut self, name: &str, start: Span) -> Result<Node, Fault> {
        self.advance()?;
        let star = self.take("*")?;
        let mut args = if star {
            self.expect(")")?;
            Vec::new()
        } else {
            self.list(")")?
        };
        if name.eq_ignore_ascii_case("regexReplace")
            && let Some(Node { kind: kind @ Form::Literal(Value::Text(_)), span, .. }) = args.get_mut(1)
        {
            self.count_regex(*span)?;
            if let Form::Literal(Value::Text(text)) = kind {
                *kind = Form::Regex(text.to_string());
            }
        }
        let depth = args.iter().map(|argument| argument.depth).max().unwrap_or(0);
        self.node(Form::Call { name: name.to_owned(), args, star }, start.to(self.last), depth)
    }

    fn count_regex(&mut self, span: Span) -> Result<(), Fault> {
        self.n_regexes += 1;
        if self.n_regexes <= MAX_REGEXES {
            return Ok(());
        }
        Err(Fault::new(span, format!("a query has at most {MAX_REGEXES} regular expressions")))
    }

    /// The expression whose opening slash comes next.
    fn regex(&mut self) -> Result<Node, Fault> {
        if !self.at("/") {
            return Err(self.unexpected(["/regular expression/"]));
        }
        let (text, span) = lex::regex(self.text, self.next.span.start)?;
        self.count_regex(span)?;
        self.next = lex::token(self.text, span.end)?;
        self.last = span;
        self.node(Form::Regex(text), span, 0)
    }
}

fn too_deep(span: Span) -> Fault {
    Fault::new(span, format!("expressions nest at most {MAX_DEPTH} deep"))
}

fn comparison(sign: &str) -> Option<Comparison> {
    Some(match sign {
        "=" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

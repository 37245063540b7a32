//! From text to terms. Places are counted in characters.

use crate::QueryError;

/// What is looked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Search {
    /// Everything.
    All,
    /// Anywhere in the message.
    Text(String),
    /// In the message, as a word of its own; with `*` for any text, anywhere.
    Word(String),
    Field(Term),
    Exists(String),
    And(Vec<Search>),
    Or(Vec<Search>),
    Not(Box<Search>),
}

/// A field, what it is compared with, and where that stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    pub field: String,
    pub value: Value,
    pub place: (usize, usize),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Is(String),
    /// With `*` for any text.
    Like(String),
    Greater(String),
    GreaterOrEqual(String),
    Less(String),
    LessOrEqual(String),
    /// Both included.
    Between(String, String),
}

/// Deeper parentheses are refused.
const MAX_DEPTH: usize = 64;

pub fn parse(text: &str) -> Result<Search, QueryError> {
    let mut parser = Parser { text: text.chars().collect(), at: 0, depth: 0 };
    let search = parser.any()?;
    match parser.peek() {
        None => Ok(search),
        Some(_) => Err(parser.expected("`)` closes nothing", parser.at, 1, &["a term", "`OR`", "the end"])),
    }
}

struct Parser {
    text: Vec<char>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn expected(&self, message: &str, at: usize, length: usize, expected: &[&str]) -> QueryError {
        let end = (at + length).min(self.text.len()).max(at);
        QueryError::refused(message).at(at.min(self.text.len()), end).expecting(expected)
    }

    /// The next character behind blanks.
    fn peek(&mut self) -> Option<char> {
        while self.text.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// Takes a word that stands alone.
    fn keyword(&mut self, word: &str) -> bool {
        self.peek();
        let end = self.at + word.len();
        let there = self.text.get(self.at..end).is_some_and(|found| found.iter().copied().eq(word.chars()));
        let alone = self.text.get(end).is_none_or(|c| c.is_whitespace() || "()".contains(*c));
        if there && alone {
            self.at = end;
        }
        there && alone
    }

    fn any(&mut self) -> Result<Search, QueryError> {
        let mut branches = vec![self.all()?];
        while self.keyword("OR") {
            branches.push(self.all()?);
        }
        Ok(if branches.len() == 1 { branches.remove(0) } else { Search::Or(branches) })
    }

    fn all(&mut self) -> Result<Search, QueryError> {
        let mut terms = Vec::new();
        loop {
            let start = self.at;
            match self.peek() {
                None | Some(')') => break,
                Some(_) if self.keyword("OR") => {
                    self.at = start;
                    break;
                }
                Some(_) if self.keyword("AND") => {
                    if terms.is_empty() || matches!(self.peek(), None | Some(')')) {
                        let what = ["a term on both sides of `AND`"];
                        return Err(self.expected("`AND` needs two terms", start, 4, &what));
                    }
                }
                Some(_) => terms.push(self.term()?),
            }
        }
        Ok(match terms.len() {
            0 => Search::All,
            1 => terms.remove(0),
            _ => Search::And(terms),
        })
    }

    fn term(&mut self) -> Result<Search, QueryError> {
        if self.keyword("NOT") {
            return self.negated();
        }
        match self.peek() {
            Some('-') if self.text.get(self.at + 1).is_some_and(|c| !c.is_whitespace()) => {
                self.at += 1;
                self.negated()
            }
            Some('(') => self.group(),
            Some('"') => Ok(Search::Text(self.quoted()?)),
            _ => self.word_or_field(),
        }
    }

    fn negated(&mut self) -> Result<Search, QueryError> {
        match self.peek() {
            None | Some(')') => Err(self.expected("nothing to exclude", self.at, 0, &["a term"])),
            Some(_) => self.deeper(Parser::term).map(|search| Search::Not(Box::new(search))),
        }
    }

    fn group(&mut self) -> Result<Search, QueryError> {
        let open = self.at;
        self.at += 1;
        let search = self.deeper(Parser::any)?;
        match self.peek() {
            Some(')') => {
                self.at += 1;
                Ok(search)
            }
            _ => Err(self.expected("this parenthesis is never closed", open, 1, &["`)`"])),
        }
    }

    fn deeper(
        &mut self,
        parse: impl FnOnce(&mut Parser) -> Result<Search, QueryError>,
    ) -> Result<Search, QueryError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.expected("nested too deeply", self.at, 1, &["at most 64 levels"]));
        }
        let search = parse(self);
        self.depth -= 1;
        search
    }

    fn quoted(&mut self) -> Result<String, QueryError> {
        let open = self.at;
        self.at += 1;
        let mut out = String::new();
        while let Some(c) = self.text.get(self.at).copied() {
            self.at += 1;
            match c {
                '"' => return Ok(out),
                '\\' if matches!(self.text.get(self.at), Some('"' | '\\')) => {
                    out.push(self.text[self.at]);
                    self.at += 1;
                }
                c => out.push(c),
            }
        }
        Err(self.expected("this quotation mark is never closed", open, 1, &["`\"`"]))
    }

    fn word_or_field(&mut self) -> Result<Search, QueryError> {
        let start = self.at;
        let name = self.bare(|c| c == ':');
        if self.text.get(self.at) != Some(&':') {
            return Ok(Search::Word(name));
        }
        if name.is_empty() {
            return Err(self.expected("a value without a field", start, 1, &["the name of a field"]));
        }
        self.at += 1;
        let value_at = self.at;
        let value = self.value()?;
        let place = (value_at, self.at);
        match (name.as_str(), value) {
            ("exists", Value::Is(field)) => Ok(Search::Exists(field)),
            (_, value) => Ok(Search::Field(Term { field: name, value, place })),
        }
    }

    /// Characters up to a blank, a parenthesis, or one that `ends`.
    fn bare(&mut self, ends: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while let Some(c) = self.text.get(self.at)
            && !c.is_whitespace()
            && !matches!(c, '(' | ')' | '"')
            && !ends(*c)
        {
            self.at += 1;
        }
        self.text[start..self.at].iter().collect()
    }

    fn value(&mut self) -> Result<Value, QueryError> {
        let two: String = self.text.iter().skip(self.at).take(2).collect();
        let (length, make): (usize, fn(String) -> Value) = match two.as_str() {
            ">=" => (2, Value::GreaterOrEqual),
            "<=" => (2, Value::LessOrEqual),
            two if two.starts_with('>') => (1, Value::Greater),
            two if two.starts_with('<') => (1, Value::Less),
            two if two.starts_with('[') => return self.between(),
            two if two.starts_with('"') => return self.quoted().map(Value::Is),
            _ => {
                let value = self.operand()?;
                return Ok(if value.contains('*') { Value::Like(value) } else { Value::Is(value) });
            }
        };
        self.at += length;
        self.operand().map(make)
    }

    fn operand(&mut self) -> Result<String, QueryError> {
        let value = self.bare(|_| false);
        match value.is_empty() {
            true => Err(self.expected("a field without a value", self.at, 1, &["a value", "`\"`", "`[`"])),
            false => Ok(value),
        }
    }

    fn between(&mut self) -> Result<Value, QueryError> {
        let open = self.at;
        self.at += 1;
        self.peek();
        let from = self.bare(|c| c == ']');
        let to_follows = self.keyword("TO");
        self.peek();
        let to = self.bare(|c| c == ']');
        if !to_follows || from.is_empty() || to.is_empty() || self.peek() != Some(']') {
            return Err(self.expected("not a range", open, self.at - open, &["`[1 TO 9]`"]));
        }
        self.at += 1;
        Ok(Value::Between(from, to))
    }
}

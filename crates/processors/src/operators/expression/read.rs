//! Reads the text of an expression, by descent.

use super::super::field::Field;
use super::{Comparison, Node};

/// Parentheses and `not` in each other.
const MAX_DEPTH: usize = 50;

pub(super) fn parse(text: &str) -> Result<Node, String> {
    let mut reader = Reader { text, rest: text.trim_start(), depth: 0 };
    let node = reader.or()?;
    if reader.rest.is_empty() { Ok(node) } else { Err(reader.fault("is not understood")) }
}

struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn fault(&self, why: &str) -> String {
        match self.rest {
            "" => format!("`{}` ends too early", self.text),
            rest => {
                format!("`{}`: `{rest}` {why}; the simple forms of expressions are known here", self.text)
            }
        }
    }

    /// Takes a sign, such as `==`.
    fn sign(&mut self, sign: &str) -> bool {
        let after = self.rest.strip_prefix(sign);
        self.rest = after.unwrap_or(self.rest).trim_start();
        after.is_some()
    }

    /// Takes a whole word.
    fn word(&mut self, word: &str) -> bool {
        let after = self
            .rest
            .strip_prefix(word)
            .filter(|after| !after.starts_with(|next: char| next.is_alphanumeric() || next == '_'));
        self.rest = after.unwrap_or(self.rest).trim_start();
        after.is_some()
    }

    fn or(&mut self) -> Result<Node, String> {
        let mut node = self.and()?;
        while self.sign("||") || self.word("or") {
            node = Node::Or(Box::new(node), Box::new(self.and()?));
        }
        Ok(node)
    }

    fn and(&mut self) -> Result<Node, String> {
        let mut node = self.not()?;
        while self.sign("&&") || self.word("and") {
            node = Node::And(Box::new(node), Box::new(self.not()?));
        }
        Ok(node)
    }

    fn not(&mut self) -> Result<Node, String> {
        let is_not = self.word("not") || (!self.rest.starts_with("!=") && self.sign("!"));
        if !is_not {
            return self.comparison();
        }
        self.deeper()?;
        let node = Node::Not(Box::new(self.not()?));
        self.depth -= 1;
        Ok(node)
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(self.fault("is too deep")) } else { Ok(()) }
    }

    fn comparison(&mut self) -> Result<Node, String> {
        let one = self.sum()?;
        let negated = self.word("not");
        let node = match self.relation()? {
            Relation::None if negated => return Err(self.fault("is not understood behind `not`")),
            Relation::None => return Ok(one),
            Relation::Matches => {
                let before = self.rest;
                let Node::Text(pattern) = self.primary()? else {
                    self.rest = before;
                    return Err(self.fault("must be the text of an expression"));
                };
                let regex = ottl::regex(&pattern)
                    .map_err(|why| format!("`{pattern}` is no regular expression: {why}"))?;
                Node::Matches(Box::new(one), regex)
            }
            Relation::In => Node::In(Box::new(one), self.list()?),
            Relation::Is { how, swapped, inverted } => {
                let other = self.sum()?;
                let (one, other) = if swapped { (other, one) } else { (one, other) };
                let node = Node::Compare(how, Box::new(one), Box::new(other));
                if inverted { Node::Not(Box::new(node)) } else { node }
            }
        };
        Ok(if negated { Node::Not(Box::new(node)) } else { node })
    }

    fn relation(&mut self) -> Result<Relation, String> {
        use Comparison::{Contains, EndsWith, Equal, Less, LessOrEqual, StartsWith};
        for (sign, how, swapped, inverted) in [
            ("==", Equal, false, false),
            ("!=", Equal, false, true),
            ("<=", LessOrEqual, false, false),
            (">=", LessOrEqual, true, false),
            ("<", Less, false, false),
            (">", Less, true, false),
        ] {
            if self.sign(sign) {
                return Ok(Relation::Is { how, swapped, inverted });
            }
        }
        for (word, how) in [("contains", Contains), ("startsWith", StartsWith), ("endsWith", EndsWith)] {
            if self.word(word) {
                return Ok(Relation::Is { how, swapped: false, inverted: false });
            }
        }
        Ok(if self.word("matches") {
            Relation::Matches
        } else if self.word("in") {
            Relation::In
        } else {
            Relation::None
        })
    }

    fn list(&mut self) -> Result<Vec<Node>, String> {
        if !self.sign("[") {
            return Err(self.fault("must be a list such as `[\"a\", \"b\"]`"));
        }
        let mut items = Vec::new();
        while !self.sign("]") {
            items.push(self.sum()?);
            if !self.sign(",") && !self.rest.starts_with(']') {
                return Err(self.fault("is not understood in a list"));
            }
        }
        Ok(items)
    }

    fn sum(&mut self) -> Result<Node, String> {
        let mut node = self.primary()?;
        while self.sign("+") {
            node = Node::Add(Box::new(node), Box::new(self.primary()?));
        }
        Ok(node)
    }

    fn primary(&mut self) -> Result<Node, String> {
        if self.sign("(") {
            self.deeper()?;
            let node = self.or()?;
            self.depth -= 1;
            return if self.sign(")") { Ok(node) } else { Err(self.fault("stands where `)` should")) };
        }
        for (word, node) in [("true", Node::Bool(true)), ("false", Node::Bool(false)), ("nil", Node::Nil)] {
            if self.word(word) {
                return Ok(node);
            }
        }
        match self.rest.chars().next() {
            Some(quote @ ('"' | '\'' | '`')) => self.text(quote),
            Some('0'..='9' | '-') => self.number(),
            Some(letter) if letter.is_alphabetic() => {
                let read = Field::parse_start(self.rest);
                let (field, rest) = read.map_err(|_| self.fault("is not known"))?;
                self.rest = rest.trim_start();
                if self.rest.starts_with(['[', '(', '.']) {
                    return Err(self.fault("is not understood"));
                }
                Ok(Node::Field(field))
            }
            _ => Err(self.fault("is not understood")),
        }
    }

    fn number(&mut self) -> Result<Node, String> {
        let end = self.rest[1..].find(|c: char| !c.is_ascii_digit() && c != '.').map(|end| end + 1);
        let (digits, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let node = match (digits.parse(), digits.parse()) {
            (Ok(int), _) => Node::Int(int),
            (_, Ok(float)) => Node::Float(float),
            _ => return Err(self.fault("is no number")),
        };
        self.rest = rest.trim_start();
        Ok(node)
    }

    fn text(&mut self, quote: char) -> Result<Node, String> {
        let mut text = String::new();
        let mut letters = self.rest[1..].char_indices();
        while let Some((place, letter)) = letters.next() {
            if letter == quote {
                self.rest = self.rest[1 + place + 1..].trim_start();
                return Ok(Node::Text(text));
            }
            if letter != '\\' || quote == '`' {
                text.push(letter);
                continue;
            }
            text.push(match letters.next().map(|(_, letter)| letter) {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(mark @ ('\\' | '"' | '\'')) => mark,
                Some(other) => {
                    return Err(format!(
                        "`{}`: there is no `\\{other}` in text; write `\\\\{other}`",
                        self.text
                    ));
                }
                None => break,
            });
        }
        Err(format!("`{}`: the text is not closed with {quote}", self.text))
    }
}

enum Relation {
    None,
    Matches,
    In,
    Is { how: Comparison, swapped: bool, inverted: bool },
}

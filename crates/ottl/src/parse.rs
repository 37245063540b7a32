//! Tokens to syntax, by recursive descent, one function a rule of the grammar.

use crate::fault::Fault;
use crate::lex::{self, Kind, Token};
use crate::syntax::{Argument, Bool, Call, Node, NodeKind, Operator, Segment};

/// Deepest nesting accepted, so that hostile text cannot exhaust the stack.
const MAX_DEPTH: u32 = 160;

/// An editor and the condition behind its `where`.
pub fn statement(text: &str) -> Result<(Call, Option<Bool>), Fault> {
    let mut parser = Parser::new(text)?;
    let editor = parser.editor()?;
    let mut condition = None;
    if parser.word("where") {
        condition = Some(parser.boolean()?);
    }
    parser.end()?;
    Ok((editor, condition))
}

pub fn condition(text: &str) -> Result<Bool, Fault> {
    let mut parser = Parser::new(text)?;
    let condition = parser.boolean()?;
    parser.end()?;
    Ok(condition)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    place: usize,
    depth: u32,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, Fault> {
        Ok(Parser { text, tokens: lex::tokens(text)?, place: 0, depth: 0 })
    }

    fn peek(&self) -> &Kind {
        &self.tokens[self.place].kind
    }

    fn ahead(&self, by: usize) -> &Kind {
        &self.tokens[(self.place + by).min(self.tokens.len() - 1)].kind
    }

    fn at(&self) -> usize {
        self.tokens[self.place].at
    }

    fn advance(&mut self) {
        self.place = (self.place + 1).min(self.tokens.len() - 1);
    }

    fn sign(&mut self, sign: char) -> bool {
        let found = *self.peek() == Kind::Sign(sign);
        if found {
            self.advance();
        }
        found
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Kind::Name(name) if name == word);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, sign: char) -> Result<(), Fault> {
        if self.sign(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn end(&self) -> Result<(), Fault> {
        if *self.peek() == Kind::End { Ok(()) } else { Err(self.unexpected("the end")) }
    }

    fn unexpected(&self, expected: &str) -> Fault {
        let token = &self.tokens[self.place];
        let found = match token.kind {
            Kind::End => "end of text".to_owned(),
            _ => format!("token `{}`", &self.text[token.at..token.end]),
        };
        if token.kind == Kind::Arrow {
            return Fault::new(token.at, "lambdas (`=>`) are not supported");
        }
        Fault::new(token.at, format!("invalid syntax: unexpected {found} (expected {expected})"))
    }

    fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth == MAX_DEPTH {
            return Err(Fault::new(self.at(), format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    fn editor(&mut self) -> Result<Call, Fault> {
        let at = self.at();
        let Kind::Name(name) = self.peek().clone() else { return Err(self.unexpected("an editor")) };
        if name.starts_with(|letter: char| letter.is_ascii_uppercase()) {
            let message = format!("editor names must start with a lowercase letter but got '{name}'");
            return Err(Fault::new(at, message));
        }
        self.advance();
        let arguments = self.arguments()?;
        if *self.peek() == Kind::Sign('[') {
            return Err(Fault::new(self.at(), "only paths and converters may be indexed, not editors"));
        }
        Ok(Call { at, name, arguments, keys: Vec::new() })
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, Fault> {
        self.expect('(')?;
        let mut arguments = Vec::new();
        if self.sign(')') {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.nested(Self::argument)?);
            if self.sign(')') {
                return Ok(arguments);
            }
            if !self.sign(',') {
                return Err(self.unexpected("`,` or `)`"));
            }
        }
    }

    fn argument(&mut self) -> Result<Argument, Fault> {
        let mut name = None;
        if let (Kind::Name(word), Kind::Sign('=')) = (self.peek(), self.ahead(1)) {
            name = Some((self.at(), word.clone()));
            self.advance();
            self.advance();
        }
        let at = self.at();
        if let (Kind::Name(word), Kind::Sign(',' | ')')) = (self.peek(), self.ahead(1))
            && word.starts_with(|letter: char| letter.is_ascii_uppercase())
        {
            let kind = NodeKind::Function(word.clone());
            self.advance();
            return Ok(Argument { name, value: Node { at, kind } });
        }
        Ok(Argument { name, value: self.value()? })
    }

    fn boolean(&mut self) -> Result<Bool, Fault> {
        let mut terms = vec![self.nested(Self::conjunction)?];
        while self.word("or") {
            terms.push(self.nested(Self::conjunction)?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Bool::Or(terms) })
    }

    fn conjunction(&mut self) -> Result<Bool, Fault> {
        let mut terms = vec![self.negatable()?];
        while self.word("and") {
            terms.push(self.negatable()?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Bool::And(terms) })
    }

    fn negatable(&mut self) -> Result<Bool, Fault> {
        if self.word("not") { Ok(Bool::Not(Box::new(self.test()?))) } else { self.test() }
    }

    fn test(&mut self) -> Result<Bool, Fault> {
        let start = self.place;
        if *self.peek() != Kind::Sign('(') {
            return self.comparison();
        }
        // `(` opens a sum as well as a condition; only what follows tells which. Neither is tried twice.
        let sum = self.comparison();
        if sum.as_ref().is_ok_and(|test| matches!(test, Bool::Compare(..))) {
            return sum;
        }
        let reached = self.place;
        self.place = start + 1;
        let condition = self.nested(Self::boolean).and_then(|condition| {
            self.expect(')')?;
            Ok(condition)
        });
        match (condition, sum) {
            (Err(_), Err(fault)) if reached > self.place => Err(fault),
            (condition, _) => condition,
        }
    }

    fn comparison(&mut self) -> Result<Bool, Fault> {
        let left = self.value()?;
        if let Kind::Compare(operator) = *self.peek() {
            self.advance();
            return Ok(Bool::Compare(operator, left, self.value()?));
        }
        match left.kind {
            NodeKind::Bool(value) => Ok(Bool::Literal(value)),
            NodeKind::Call(call) => Ok(Bool::Call(call)),
            _ => Err(self.unexpected("a comparison such as `==`")),
        }
    }

    fn value(&mut self) -> Result<Node, Fault> {
        self.nested(|parser| {
            let mut left = parser.product()?;
            loop {
                let at = parser.at();
                let operator = match parser.peek() {
                    Kind::Sign('+') => Operator::Add,
                    Kind::Sign('-') => Operator::Subtract,
                    _ => return Ok(left),
                };
                parser.advance();
                let right = parser.product()?;
                left = Node { at, kind: NodeKind::Math(operator, Box::new(left), Box::new(right)) };
                parser.shallow(&left)?;
            }
        })
    }

    fn product(&mut self) -> Result<Node, Fault> {
        let mut left = self.signed()?;
        loop {
            let at = self.at();
            let operator = match self.peek() {
                Kind::Sign('*') => Operator::Multiply,
                Kind::Sign('/') => Operator::Divide,
                _ => return Ok(left),
            };
            self.advance();
            let right = self.signed()?;
            left = Node { at, kind: NodeKind::Math(operator, Box::new(left), Box::new(right)) };
            self.shallow(&left)?;
        }
    }

    /// A long sum nests to the left as deep as it is long; running it recurses as deep.
    fn shallow(&self, sum: &Node) -> Result<(), Fault> {
        let (mut node, mut depth) = (sum, 0);
        while let NodeKind::Math(_, left, _) = &node.kind {
            (node, depth) = (left, depth + 1);
        }
        if depth > 4 * MAX_DEPTH {
            return Err(Fault::new(sum.at, "this sum has too many parts"));
        }
        Ok(())
    }

    fn signed(&mut self) -> Result<Node, Fault> {
        let at = self.at();
        if self.sign('+') {
            return self.primary();
        }
        if !self.sign('-') {
            return self.primary();
        }
        if *self.peek() == Kind::Int(1 << 63) {
            self.advance();
            return Ok(Node { at, kind: NodeKind::Int(i64::MIN) });
        }
        let inner = self.primary()?;
        let kind = match inner.kind {
            NodeKind::Int(int) => NodeKind::Int(-int),
            NodeKind::Float(float) => NodeKind::Float(-float),
            _ => NodeKind::Negative(Box::new(inner)),
        };
        Ok(Node { at, kind })
    }

    fn primary(&mut self) -> Result<Node, Fault> {
        let at = self.at();
        let kind = match self.peek().clone() {
            Kind::Bytes(bytes) => NodeKind::Bytes(bytes),
            Kind::Float(float) => NodeKind::Float(float),
            Kind::Int(int) => match i64::try_from(int) {
                Ok(int) => NodeKind::Int(int),
                Err(_) => return Err(Fault::new(at, format!("`{int}` does not fit into 64 bits"))),
            },
            Kind::Text(text) => NodeKind::Text(text),
            Kind::Name(name) => return self.named(at, &name),
            Kind::Sign('(') => {
                self.advance();
                let inner = self.nested(Self::value)?;
                self.expect(')')?;
                return Ok(inner);
            }
            Kind::Sign('[') => {
                self.advance();
                let items = self.list(']', Self::value)?;
                return Ok(Node { at, kind: NodeKind::List(items) });
            }
            Kind::Sign('{') => {
                self.advance();
                let entries = self.list('}', Self::entry)?;
                return Ok(Node { at, kind: NodeKind::Map(entries) });
            }
            _ => return Err(self.unexpected("a value")),
        };
        self.advance();
        Ok(Node { at, kind })
    }

    fn list<T>(
        &mut self,
        close: char,
        item: impl Fn(&mut Self) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut items = Vec::new();
        if self.sign(close) {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.sign(close) {
                return Ok(items);
            }
            if !self.sign(',') {
                return Err(self.unexpected(&format!("`,` or `{close}`")));
            }
        }
    }

    fn entry(&mut self) -> Result<(String, Node), Fault> {
        let Kind::Text(key) = self.peek().clone() else {
            return Err(self.unexpected("a key in double quotes"));
        };
        self.advance();
        self.expect(':')?;
        Ok((key, self.value()?))
    }

    fn named(&mut self, at: usize, name: &str) -> Result<Node, Fault> {
        let kind = match name {
            "nil" => NodeKind::Nil,
            "true" => NodeKind::Bool(true),
            "false" => NodeKind::Bool(false),
            "not" | "and" | "or" | "_" => return Err(self.unexpected("a value")),
            _ if name.starts_with(|letter: char| letter.is_ascii_uppercase()) => return self.upper(at, name),
            _ if *self.ahead(1) == Kind::Sign('(') => {
                let message = format!("converter names must start with an uppercase letter but got '{name}'");
                return Err(Fault::new(at, message));
            }
            _ => NodeKind::Path(self.path()?),
        };
        if !matches!(kind, NodeKind::Path(_)) {
            self.advance();
        }
        Ok(Node { at, kind })
    }

    fn upper(&mut self, at: usize, name: &str) -> Result<Node, Fault> {
        self.advance();
        if *self.peek() == Kind::Sign('(') {
            let arguments = self.arguments()?;
            let keys = self.keys()?;
            let call = Call { at, name: name.to_owned(), arguments, keys };
            return Ok(Node { at, kind: NodeKind::Call(call) });
        }
        if name.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(self.unexpected(&format!("`(` behind the converter `{name}`")));
        }
        Ok(Node { at, kind: NodeKind::Enum(name.to_owned()) })
    }

    fn path(&mut self) -> Result<Vec<Segment>, Fault> {
        let mut segments = Vec::new();
        loop {
            let at = self.at();
            let Kind::Name(name) = self.peek().clone() else { return Err(self.unexpected("a field's name")) };
            if name.bytes().any(|byte| byte.is_ascii_uppercase()) || name.starts_with('_') {
                return Err(Fault::new(at, format!("invalid syntax: `{name}` is no field's name")).help(
                    "names of fields are lower case; put attribute keys into brackets: `attributes[\"Key\"]`",
                ));
            }
            if matches!(name.as_str(), "and" | "or" | "not" | "nil" | "true" | "false") {
                return Err(self.unexpected("a field's name"));
            }
            self.advance();
            segments.push(Segment { at, name, keys: self.keys()? });
            if !self.sign('.') {
                return Ok(segments);
            }
        }
    }

    fn keys(&mut self) -> Result<Vec<Node>, Fault> {
        let mut keys = Vec::new();
        while self.sign('[') {
            keys.push(self.value()?);
            self.expect(']')?;
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_accepts_what_it_lists() {
        for text in [
            r#"set(attributes["a"], "b")"#,
            r#"set(attributes["a"]["b"][0], -1) where a.b == 1 and not (c == nil or true)"#,
            r#"replace_all_patterns(attributes, "value", "a", "b", SHA256, "%s")"#,
            r#"flatten(body, depth=2, resolveConflicts=true)"#,
            r#"set(x, {"a": [1, 2.5, nil], "b": {}})"#,
            r#"set(x, ParseJSON(body)["a"]["b"])"#,
            r#"set(x, (a + 1) * -b / 2 - Int("3"))"#,
            r#"set(x, 1) where (a + 1) > 2"#,
            r#"set(x, 1) where ((IsMatch(a, "b")) and (a == 1))"#,
            r#"set(x, 1) where (true)"#,
            r#"set(x, 1) where true == attributes["x"]"#,
            r#"convert_sum_to_gauge()"#,
            r#"set(order, android)"#,
        ] {
            statement(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        }
    }

    #[test]
    fn what_is_wrong_is_said_where_it_stands() {
        for (text, at, message) in [
            ("Set(a, 1)", 0, "editor names must start with a lowercase letter but got 'Set'"),
            (
                r#"set(a, concat("a"))"#,
                7,
                "converter names must start with an uppercase letter but got 'concat'",
            ),
            ("set(a, 1", 8, "invalid syntax: unexpected end of text (expected `,` or `)`)"),
            ("set(a, 1) x", 10, "invalid syntax: unexpected token `x` (expected the end)"),
            (
                "set(a, 1) where a",
                17,
                "invalid syntax: unexpected end of text (expected a comparison such as `==`)",
            ),
            ("set(a, 1) where a == 1 == 2", 23, "invalid syntax: unexpected token `==` (expected the end)"),
            ("set(a, 1)[0]", 9, "only paths and converters may be indexed, not editors"),
            ("set(a, (x) => x)", 11, "lambdas (`=>`) are not supported"),
            ("set(a, 9223372036854775808)", 7, "`9223372036854775808` does not fit into 64 bits"),
            ("set(aB, 1)", 4, "invalid syntax: `aB` is no field's name"),
            ("", 0, "invalid syntax: unexpected end of text (expected an editor)"),
        ] {
            let fault = statement(text).err().unwrap_or_else(|| panic!("{text} was accepted"));
            assert_eq!((fault.at, fault.message.as_str()), (at, message), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        for open in ["(", "[", "not (", "{\"a\":", "A(", "a["] {
            condition(&open.repeat(10_000)).unwrap_err();
        }
        condition(&format!("1{} == 2", " + 1".repeat(10_000))).unwrap_err();
        condition(&format!("{}1 == 1{}", "(".repeat(30), ")".repeat(30))).unwrap();
    }
}

//! What the grammar yields: names still unresolved, every node knowing where it stands in the text.

use crate::lex::Compare;

#[derive(Debug)]
pub struct Node {
    pub at: usize,
    pub kind: NodeKind,
}

#[derive(Debug)]
pub enum NodeKind {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Enum(String),
    /// A function's name where an argument is expected; only arguments of that kind take it.
    Function(String),
    Path(Vec<Segment>),
    Call(Call),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
    Math(Operator, Box<Node>, Box<Node>),
    Negative(Box<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Debug)]
pub struct Segment {
    pub at: usize,
    pub name: String,
    pub keys: Vec<Node>,
}

#[derive(Debug)]
pub struct Call {
    pub at: usize,
    pub name: String,
    pub arguments: Vec<Argument>,
    pub keys: Vec<Node>,
}

#[derive(Debug)]
pub struct Argument {
    pub name: Option<(usize, String)>,
    pub value: Node,
}

#[derive(Debug)]
pub enum Bool {
    Literal(bool),
    Not(Box<Bool>),
    And(Vec<Bool>),
    Or(Vec<Bool>),
    Compare(Compare, Node, Node),
    Call(Call),
}

impl Node {
    /// Calls `each` for every path, call and enum in it, in the order they are written.
    pub fn visit<'a>(&'a self, each: &mut dyn FnMut(&'a Node)) {
        each(self);
        match &self.kind {
            NodeKind::Path(segments) => {
                segments.iter().flat_map(|segment| &segment.keys).for_each(|key| key.visit(each))
            }
            NodeKind::Call(call) => call.visit(each),
            NodeKind::List(items) => items.iter().for_each(|item| item.visit(each)),
            NodeKind::Map(entries) => entries.iter().for_each(|(_, value)| value.visit(each)),
            NodeKind::Math(_, left, right) => {
                left.visit(each);
                right.visit(each);
            }
            NodeKind::Negative(inner) => inner.visit(each),
            _ => {}
        }
    }
}

impl Call {
    pub fn visit<'a>(&'a self, each: &mut dyn FnMut(&'a Node)) {
        self.arguments.iter().for_each(|argument| argument.value.visit(each));
        self.keys.iter().for_each(|key| key.visit(each));
    }
}

impl Bool {
    /// As [`Node::visit`]; `call` gets the conditions that are calls themselves.
    pub fn visit<'a>(&'a self, each: &mut dyn FnMut(&'a Node), call: &mut dyn FnMut(&'a Call)) {
        match self {
            Bool::Literal(_) => {}
            Bool::Not(inner) => inner.visit(each, call),
            Bool::And(terms) | Bool::Or(terms) => terms.iter().for_each(|term| term.visit(each, call)),
            Bool::Compare(_, left, right) => {
                left.visit(each);
                right.visit(each);
            }
            Bool::Call(converter) => {
                call(converter);
                converter.visit(each);
            }
        }
    }
}

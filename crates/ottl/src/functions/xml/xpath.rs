//! The part of XPath 1.0 that statements use: steps to children and descendants, attributes, texts, and conditions.
//!
//! A path is `/a/b`, `//a`, `/a//@id`, `/a/*`, `//a/text()`, `//comment()`. A condition behind a step is a place
//! (`[2]`), a path that has to lead somewhere (`[@id]`, `[./name/@type]`), or one with the text it has to lead to
//! (`[name='x']`, `[@id!='x']`). Functions, axes, unions and arithmetic are refused.

use super::tree::{DOCUMENT, Kind, Tree};

type Result<T> = std::result::Result<T, String>;

#[derive(Debug, PartialEq)]
pub struct Path(Vec<Step>);

#[derive(Debug, PartialEq)]
struct Step {
    /// Two slashes came before it.
    anywhere: bool,
    test: Test,
    conditions: Vec<Condition>,
}

#[derive(Debug, PartialEq)]
enum Test {
    Here,
    Element(Option<String>),
    Attribute(Option<String>),
    Text,
    Comment,
}

#[derive(Debug, PartialEq)]
enum Condition {
    Place(usize),
    Leads(Path),
    /// Whether it has to be this text, or another one.
    Is(Path, bool, String),
}

/// A node, or one of its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub node: usize,
    pub attribute: Option<usize>,
}

/// Conditions within conditions.
const MAX_NESTING: usize = 4;

impl Path {
    pub fn parse(text: &str) -> Result<Path> {
        let mut reader = Reader { text, at: 0 };
        let path = reader.path(0)?;
        if reader.at < text.len() { Err(reader.refuse()) } else { Ok(path) }
    }

    /// What it leads to, in the order of the text.
    pub fn select(&self, tree: &Tree) -> Vec<Place> {
        self.from(tree, Place { node: DOCUMENT, attribute: None })
    }

    fn from(&self, tree: &Tree, start: Place) -> Vec<Place> {
        let mut places = vec![start];
        for step in &self.0 {
            let mut next = Vec::new();
            for place in places {
                if place.attribute.is_some() {
                    if step.test == Test::Here {
                        next.push(place);
                    }
                } else if step.anywhere {
                    for node in tree.within(place.node) {
                        step.of(tree, node, &mut next);
                    }
                } else {
                    step.of(tree, place.node, &mut next);
                }
            }
            next.sort_unstable();
            next.dedup();
            places = next;
        }
        places
    }
}

impl Step {
    fn of(&self, tree: &Tree, node: usize, out: &mut Vec<Place>) {
        let mut found: Vec<Place> = match &self.test {
            Test::Here => vec![Place { node, attribute: None }],
            Test::Attribute(wanted) => {
                let Kind::Element { attributes, .. } = &tree.nodes[node].kind else { return };
                let fits = |name: &String| wanted.as_ref().is_none_or(|wanted| wanted == name);
                let places = attributes.iter().enumerate().filter(|(_, (name, _))| fits(name));
                places.map(|(i, _)| Place { node, attribute: Some(i) }).collect()
            }
            test => {
                let children = tree.nodes[node].children.iter().copied();
                let fits = children.filter(|child| match (&tree.nodes[*child].kind, test) {
                    (Kind::Element { name, .. }, Test::Element(wanted)) => {
                        wanted.as_ref().is_none_or(|wanted| wanted == name)
                    }
                    (Kind::Text { .. }, Test::Text) | (Kind::Comment(_), Test::Comment) => true,
                    _ => false,
                });
                fits.map(|node| Place { node, attribute: None }).collect()
            }
        };
        for condition in &self.conditions {
            let mut place = 0;
            found.retain(|found| {
                place += 1;
                condition.holds(tree, *found, place)
            });
        }
        out.append(&mut found);
    }
}

impl Condition {
    fn holds(&self, tree: &Tree, found: Place, place: usize) -> bool {
        match self {
            Condition::Place(wanted) => place == *wanted,
            Condition::Leads(path) => !path.from(tree, found).is_empty(),
            Condition::Is(path, same, text) => {
                path.from(tree, found).into_iter().any(|found| (value(tree, found) == *text) == *same)
            }
        }
    }
}

/// The text of an element and all in it, or of an attribute.
pub fn value(tree: &Tree, place: Place) -> String {
    match (&tree.nodes[place.node].kind, place.attribute) {
        (Kind::Element { attributes, .. }, Some(i)) => {
            attributes.get(i).map(|(_, value)| value.clone()).unwrap_or_default()
        }
        _ => tree.text(place.node),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn take(&mut self, mark: &str) -> bool {
        let there = self.rest().starts_with(mark);
        if there {
            self.at += mark.len();
        }
        there
    }

    fn refuse(&self) -> String {
        let (text, rest) = (self.text, self.rest());
        let place = if rest.is_empty() { "at its end".to_owned() } else { format!("at `{rest}`") };
        format!(
            "the XPath `{text}` is not understood {place}; steps are `/name`, `//name`, `*`, `@name`, `text()` and \
             `comment()`, with conditions such as `[2]`, `[@name]` and `[name='text']`"
        )
    }

    fn spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn path(&mut self, nesting: usize) -> Result<Path> {
        let mut steps = Vec::new();
        // Within a condition a path starts at the node, and a slash would mean the document.
        let rooted = nesting == 0 && self.rest().starts_with('/');
        if nesting == 0 && self.rest() == "/" {
            self.at += 1;
            return Ok(Path(steps));
        }
        let mut first = !rooted;
        loop {
            let anywhere = if first {
                false
            } else if self.take("//") {
                true
            } else if self.take("/") {
                false
            } else {
                return Ok(Path(steps));
            };
            first = false;
            steps.push(self.step(anywhere, nesting)?);
        }
    }

    fn step(&mut self, anywhere: bool, nesting: usize) -> Result<Step> {
        let test = if self.take("@*") {
            Test::Attribute(None)
        } else if self.take("@") {
            Test::Attribute(Some(self.name()?))
        } else if self.take("text()") {
            Test::Text
        } else if self.take("comment()") {
            Test::Comment
        } else if self.take("*") {
            Test::Element(None)
        } else if self.rest().starts_with('.') && !self.rest().starts_with("..") {
            self.at += 1;
            Test::Here
        } else {
            Test::Element(Some(self.name()?))
        };
        let mut conditions = Vec::new();
        while self.take("[") {
            if nesting == MAX_NESTING {
                return Err(self.refuse());
            }
            self.spaces();
            conditions.push(self.condition(nesting + 1)?);
            self.spaces();
            if !self.take("]") {
                return Err(self.refuse());
            }
        }
        Ok(Step { anywhere, test, conditions })
    }

    fn name(&mut self) -> Result<String> {
        let fits = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':');
        let rest = self.rest();
        let end = rest.find(|letter| !fits(letter)).unwrap_or(rest.len());
        let name = &rest[..end];
        let starts = name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
        if !starts || name.contains("::") || rest[end..].starts_with('(') {
            return Err(self.refuse());
        }
        self.at += end;
        Ok(name.to_owned())
    }

    fn condition(&mut self, nesting: usize) -> Result<Condition> {
        let rest = self.rest();
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        if digits > 0 {
            let place = rest[..digits].parse().map_err(|_| self.refuse())?;
            self.at += digits;
            return Ok(Condition::Place(place));
        }
        let path = self.path(nesting)?;
        self.spaces();
        let same = self.take("=");
        if !same && !self.take("!=") {
            return Ok(Condition::Leads(path));
        }
        self.spaces();
        let quote = if self.take("'") {
            '\''
        } else if self.take("\"") {
            '"'
        } else {
            return Err(self.refuse());
        };
        let Some((text, _)) = self.rest().split_once(quote) else { return Err(self.refuse()) };
        self.at += text.len() + 1;
        Ok(Condition::Is(path, same, text.to_owned()))
    }
}

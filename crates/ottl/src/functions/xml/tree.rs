//! A document that can be changed and written again: fragments of several elements too, comments kept.
//!
//! Nodes lie in one list, in the order of the text; 0 is the document itself. A node that was taken out stays in the
//! list, but no node has it as a child any more.

use std::rc::Rc;

use super::{MAX_DEPTH, after, opening, unescaped};

type Result<T> = std::result::Result<T, String>;

pub const DOCUMENT: usize = 0;

#[derive(Debug)]
pub struct Node {
    pub kind: Kind,
    pub parent: usize,
    pub children: Vec<usize>,
}

#[derive(Debug)]
pub enum Kind {
    Document,
    Element {
        name: String,
        attributes: Vec<(String, String)>,
    },
    Text {
        text: String,
        /// It was written as a CDATA section, and is so again.
        cdata: bool,
    },
    /// With its marks.
    Comment(String),
    /// A declaration, or a part that was inserted: written as it is.
    Verbatim(Rc<str>),
}

#[derive(Debug)]
pub struct Tree {
    pub nodes: Vec<Node>,
}

impl Tree {
    pub fn read(text: &str) -> Result<Tree> {
        let document = Node { kind: Kind::Document, parent: DOCUMENT, children: Vec::new() };
        let mut tree = Tree { nodes: vec![document] };
        let (mut rest, mut open) = (text, vec![DOCUMENT]);
        while !rest.is_empty() {
            let (before, tag) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
            let within = *open.last().unwrap_or(&DOCUMENT);
            if !before.is_empty() {
                tree.add(within, Kind::Text { text: unescaped(before)?, cdata: false });
            }
            if tag.is_empty() {
                break;
            }
            rest = if let Some(inside) = tag.strip_prefix("<!--") {
                let behind = after(inside, "-->")?.1;
                tree.add(within, Kind::Comment(tag[..tag.len() - behind.len()].to_owned()));
                behind
            } else if let Some(inside) = tag.strip_prefix("<![CDATA[") {
                let (data, behind) = after(inside, "]]>")?;
                tree.add(within, Kind::Text { text: data.to_owned(), cdata: true });
                behind
            } else if tag.starts_with("<?") || tag.starts_with("<!") {
                let behind = after(tag, if tag.starts_with("<?") { "?>" } else { ">" })?.1;
                tree.add(within, Kind::Verbatim(tag[..tag.len() - behind.len()].into()));
                behind
            } else if let Some(inside) = tag.strip_prefix("</") {
                let (name, behind) = after(inside, ">")?;
                tree.close(within, name.trim_end())?;
                open.pop();
                behind
            } else {
                if open.len() > MAX_DEPTH {
                    return Err(format!("nested deeper than {MAX_DEPTH} levels"));
                }
                let (element, empty, behind) = opening(&tag[1..])?;
                let node =
                    tree.add(within, Kind::Element { name: element.name, attributes: element.attributes });
                if !empty {
                    open.push(node);
                }
                behind
            };
        }
        match open.last().map(|node| &tree.nodes[*node].kind) {
            Some(Kind::Element { name, .. }) => Err(format!("element <{name}> is not closed")),
            _ => Ok(tree),
        }
    }

    fn close(&self, node: usize, by: &str) -> Result<()> {
        match &self.nodes[node].kind {
            Kind::Element { name, .. } if name == by => Ok(()),
            Kind::Element { name, .. } => Err(format!("element <{name}> closed by </{by}>")),
            _ => Err(format!("`</{by}>` closes nothing")),
        }
    }

    pub fn add(&mut self, parent: usize, kind: Kind) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Node { kind, parent, children: Vec::new() });
        self.nodes[parent].children.push(node);
        node
    }

    /// The node and all below it, in the order of the text.
    pub fn within(&self, node: usize) -> Vec<usize> {
        let (mut found, mut open) = (Vec::new(), vec![node]);
        while let Some(node) = open.pop() {
            found.push(node);
            open.extend(self.nodes[node].children.iter().rev());
        }
        found
    }

    /// The text in and below a node.
    pub fn text(&self, node: usize) -> String {
        let mut out = String::new();
        for node in self.within(node) {
            if let Kind::Text { text, .. } = &self.nodes[node].kind {
                out.push_str(text);
            }
        }
        out
    }

    pub fn write(&self, node: usize, out: &mut String) {
        let Node { kind, children, .. } = &self.nodes[node];
        match kind {
            Kind::Document => {}
            Kind::Element { name, attributes } => {
                out.push('<');
                out.push_str(name);
                for (name, value) in attributes {
                    out.push(' ');
                    out.push_str(name);
                    out.push_str("=\"");
                    escape(value, out);
                    out.push('"');
                }
                out.push('>');
            }
            Kind::Text { text, cdata: true } => {
                out.push_str("<![CDATA[");
                out.push_str(text);
                out.push_str("]]>");
            }
            Kind::Text { text, cdata: false } => escape(text, out),
            Kind::Comment(text) => out.push_str(text),
            Kind::Verbatim(text) => out.push_str(text),
        }
        for child in children {
            self.write(*child, out);
        }
        if let Kind::Element { name, .. } = kind {
            out.push_str("</");
            out.push_str(name);
            out.push('>');
        }
    }
}

pub fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
}

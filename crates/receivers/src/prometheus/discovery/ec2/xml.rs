//! An answer of EC2 as a tree: elements with text, no attributes, no namespaces.

/// Answers are about ten deep.
const MAX_DEPTH: usize = 64;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of a child, empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.as_str())
    }

    /// What a child lists.
    pub fn items(&self, name: &str) -> impl Iterator<Item = &Element> {
        let children = self.child(name).into_iter().flat_map(|list| &list.children);
        children.filter(|child| child.name == "item")
    }
}

/// The outermost element.
pub fn read(body: &[u8]) -> Result<Element, String> {
    let mut rest = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8")?;
    let mut open = vec![Element::default()];
    while let Some(start) = rest.find('<') {
        let (text, tag) = (&rest[..start], &rest[start + 1..]);
        let end = tag.find('>').ok_or("a tag does not end")?;
        rest = &tag[end + 1..];
        let tag = &tag[..end];
        if let Some(last) = open.last_mut() {
            last.text.push_str(&unescaped(text.trim()));
        }
        match tag.strip_prefix('/') {
            Some(name) => close(&mut open, Some(name.trim()))?,
            None if tag.starts_with(['?', '!']) => {}
            None if open.len() > MAX_DEPTH => return Err("the answer is nested too deep".into()),
            None => {
                let name = tag.trim_end_matches('/').split_ascii_whitespace().next().unwrap_or_default();
                open.push(Element { name: name.to_owned(), ..Element::default() });
                if tag.ends_with('/') {
                    close(&mut open, None)?;
                }
            }
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(mut root), true) => root.children.pop().ok_or_else(|| "the answer is no XML".into()),
        _ => Err("the answer is cut off".into()),
    }
}

fn close(open: &mut Vec<Element>, name: Option<&str>) -> Result<(), String> {
    let element = open.pop().unwrap_or_default();
    match open.last_mut() {
        Some(parent) if name.is_none_or(|name| name == element.name) => parent.children.push(element),
        _ => return Err("an element ends that did not begin".into()),
    }
    Ok(())
}

/// The five entities that every XML knows. EC2 writes other characters as they are.
fn unescaped(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    plain.replace("&#39;", "'").replace("&apos;", "'").replace("&amp;", "&")
}

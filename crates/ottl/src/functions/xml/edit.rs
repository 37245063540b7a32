//! Converters that pick from a document or yield a changed one.
//!
//! What they write has elements without content as `<a></a>`, and the characters `&<>"` of texts as entities.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{DOCUMENT, Kind, Tree, escape};
use super::xpath::{Path, Place, value};
use crate::fault::RunError;
use crate::function::{Arg, Args};
use crate::target::Target;
use crate::value::Val;

type Result<T = Val> = std::result::Result<T, RunError>;

/// Largest document that inserting may make, for a part can be inserted in many places.
const MAX_INSERTED: usize = 16 << 20;

/// The path that is written out can be followed.
pub fn known_path(args: &[Arg]) -> std::result::Result<(), String> {
    match args.get(1) {
        Some(Arg::Text(path)) => Path::parse(path).map(drop),
        _ => Ok(()),
    }
}

/// As [`known_path`], and an element can have the name that is given.
pub fn known_path_and_name(args: &[Arg]) -> std::result::Result<(), String> {
    if let Some(Arg::Text(name)) = args.get(2)
        && super::opening(&format!("{name}>")).is_err()
    {
        return Err(format!("an element cannot be called {name:?}"));
    }
    known_path(args)
}

fn document(args: &Args<'_>, place: usize, t: &mut Target<'_>) -> Result<Tree> {
    let text = args.string(place, t)?;
    Tree::read(&t.text(text)).map_err(|fault| RunError(format!("could not parse XML: {fault}")))
}

fn selected(args: &Args<'_>, tree: &Tree) -> Result<Vec<Place>> {
    let path = Path::parse(args.literal(1).unwrap_or("/")).map_err(RunError)?;
    Ok(path.select(tree))
}

fn written(tree: &Tree, t: &mut Target<'_>) -> Result {
    let mut out = String::new();
    tree.write(DOCUMENT, &mut out);
    t.string(out)
}

pub fn get(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let tree = document(args, 0, t)?;
    let mut out = String::new();
    for place in selected(args, &tree)? {
        match place.attribute {
            Some(_) => escape(&value(&tree, place), &mut out),
            None => tree.write(place.node, &mut out),
        }
        if out.len() > MAX_INSERTED {
            return Err(RunError::new("the XPath selects too much text"));
        }
    }
    t.string(out)
}

pub fn remove(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let mut tree = document(args, 0, t)?;
    // Backwards, so that the places of the attributes before stay what they are.
    for place in selected(args, &tree)?.into_iter().rev() {
        let parent = tree.nodes[place.node].parent;
        match (&mut tree.nodes[place.node].kind, place.attribute) {
            (Kind::Document, _) => tree.nodes[DOCUMENT].children.clear(),
            (Kind::Element { attributes, .. }, Some(i)) => drop(attributes.remove(i)),
            _ => tree.nodes[parent].children.retain(|child| *child != place.node),
        }
    }
    written(&tree, t)
}

pub fn insert(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let mut tree = document(args, 0, t)?;
    let part = document(args, 2, t)?;
    let mut text = String::new();
    part.write(DOCUMENT, &mut text);
    let places = selected(args, &tree)?;
    if places.len().saturating_mul(text.len()) > MAX_INSERTED {
        return Err(RunError::new("the XPath selects too many places for what is to be inserted"));
    }
    let text: std::rc::Rc<str> = text.into();
    for place in places {
        let holds = matches!(tree.nodes[place.node].kind, Kind::Document | Kind::Element { .. });
        if place.attribute.is_some() || !holds {
            return Err(RunError::new("the XPath selects what is no element, and cannot be inserted into"));
        }
        tree.add(place.node, Kind::Verbatim(text.clone()));
    }
    written(&tree, t)
}

/// Attributes become elements behind the content of theirs. Namespaces stay where they are declared.
pub fn attributes_to_elements(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let mut tree = document(args, 0, t)?;
    // An attribute that is selected is taken alone; of anything else, all in it are.
    let mut chosen: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for place in selected(args, &tree)? {
        let Some(attribute) = place.attribute else {
            for node in tree.within(place.node) {
                if let Kind::Element { attributes, .. } = &tree.nodes[node].kind {
                    chosen.entry(node).or_default().extend(0..attributes.len());
                }
            }
            continue;
        };
        chosen.entry(place.node).or_default().insert(attribute);
    }
    for (node, places) in chosen {
        let Kind::Element { attributes, .. } = &mut tree.nodes[node].kind else { continue };
        let all = std::mem::take(attributes).into_iter().enumerate();
        let (moved, kept): (Vec<_>, Vec<_>) =
            all.partition(|(place, (name, _))| places.contains(place) && !is_namespace(name));
        attributes.extend(kept.into_iter().map(|(_, attribute)| attribute));
        for (_, (name, text)) in moved {
            let element = tree.add(node, Kind::Element { name, attributes: Vec::new() });
            if !text.is_empty() {
                tree.add(element, Kind::Text { text, cdata: false });
            }
        }
    }
    written(&tree, t)
}

fn is_namespace(name: &str) -> bool {
    name == "xmlns" || name.starts_with("xmlns:")
}

/// Texts beside elements or other texts are put into elements of their own.
pub fn text_to_elements(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let mut tree = document(args, 0, t)?;
    let name = args.literal(2).unwrap_or("value");
    for place in selected(args, &tree)?.into_iter().filter(|place| place.attribute.is_none()) {
        for node in tree.within(place.node) {
            let is_text = |node: &usize| match &tree.nodes[*node].kind {
                Kind::Text { text, .. } => !text.trim().is_empty(),
                _ => false,
            };
            let children = &tree.nodes[node].children;
            let texts: Vec<usize> = children.iter().copied().filter(is_text).collect();
            let elements = children
                .iter()
                .filter(|child| matches!(tree.nodes[**child].kind, Kind::Element { .. }))
                .count();
            if texts.len() + elements <= 1 {
                continue;
            }
            for text in texts {
                let element = Kind::Element { name: name.to_owned(), attributes: Vec::new() };
                let content = std::mem::replace(&mut tree.nodes[text].kind, element);
                tree.add(text, content);
            }
        }
    }
    written(&tree, t)
}

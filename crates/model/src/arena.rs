//! One batch's memory: the received bytes, a scratch buffer, and a flat vector of nodes.
//!
//! A map or array is a chain of nodes; a node holds its key and value as slices of the two buffers.
//! Reading walks siblings; deleting, setting and merging relink. A value may stay [`Value::Json`], a slice of
//! valid JSON, until something looks inside, so that an encoder can splice the original bytes.

use std::borrow::Cow;

use crate::{json, pool};

/// A slice of the arena's bytes. Its highest offset bit says whether it lies in scratch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    offset: u32,
    len: u32,
}

const IN_SCRATCH: u32 = 1 << 31;

impl Span {
    pub const EMPTY: Span = Span { offset: 0, len: 0 };

    /// The slice `start..end` of the received bytes.
    pub fn input(start: usize, end: usize) -> Span {
        debug_assert!(start <= end && end < IN_SCRATCH as usize);
        Span { offset: start as u32, len: (end - start) as u32 }
    }

    /// The part `start..end` of this slice.
    pub fn part(self, start: usize, end: usize) -> Span {
        debug_assert!(start <= end && end <= self.len as usize);
        Span { offset: self.offset + start as u32, len: (end - start) as u32 }
    }

    pub fn len(self) -> usize {
        self.len as usize
    }

    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// Index of a node in its arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeId(u32);

const NIL: u32 = u32::MAX;

/// A chain of nodes: the entries of a map, or the items of an array (whose keys are empty).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List {
    first: u32,
    last: u32,
}

impl List {
    pub const EMPTY: List = List { first: NIL, last: NIL };

    pub fn is_empty(self) -> bool {
        self.first == NIL
    }
}

impl Default for List {
    fn default() -> Self {
        List::EMPTY
    }
}

/// A value, 16 bytes, valid only with the arena it came from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    /// Only for numbers above `i64::MAX`.
    Uint(u64),
    Double(f64),
    /// Text as it was received: usually UTF-8, but a log line may hold any bytes.
    Str(Span),
    Bytes(Span),
    /// One valid JSON value in valid UTF-8, without white space around it.
    Json(Span),
    Map(List),
    Array(List),
}

/// An entry of a map or an item of an array.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    pub key: Span,
    pub value: Value,
    next: u32,
}

/// The bytes and nodes of one batch. See the module text.
#[derive(Debug, Clone, Default)]
pub struct Arena {
    input: Vec<u8>,
    scratch: Vec<u8>,
    nodes: Vec<Node>,
}

impl Arena {
    /// An arena over received bytes.
    pub fn new(input: Vec<u8>) -> Self {
        assert!(
            input.len() < IN_SCRATCH as usize,
            "bug: {} bytes for one batch, expected below 2 GiB",
            input.len()
        );
        Arena { input, scratch: pool::buffer(), nodes: pool::nodes() }
    }

    pub(crate) fn into_parts(self) -> (Vec<u8>, Vec<u8>, Vec<Node>) {
        (self.input, self.scratch, self.nodes)
    }

    pub fn input(&self) -> &[u8] {
        &self.input
    }

    /// Bytes held, for memory accounting.
    pub fn byte_size(&self) -> usize {
        self.input.len() + self.scratch.len() + self.nodes.len() * size_of::<Node>()
    }

    #[inline]
    pub fn bytes(&self, span: Span) -> &[u8] {
        let start = (span.offset & !IN_SCRATCH) as usize;
        let buffer = if span.offset & IN_SCRATCH == 0 { &self.input } else { &self.scratch };
        &buffer[start..start + span.len as usize]
    }

    /// Copies bytes into scratch.
    pub fn store(&mut self, bytes: &[u8]) -> Span {
        self.store_with(|scratch, _| scratch.extend_from_slice(bytes))
    }

    /// Lets `write` append to scratch, with the received bytes at hand, and returns what it appended.
    pub fn store_with(&mut self, write: impl FnOnce(&mut Vec<u8>, &[u8])) -> Span {
        let start = self.scratch.len();
        write(&mut self.scratch, &self.input);
        let end = self.scratch.len();
        assert!(end < IN_SCRATCH as usize, "bug: {end} scratch bytes for one batch, expected below 2 GiB");
        Span { offset: start as u32 | IN_SCRATCH, len: (end - start) as u32 }
    }

    /// Like [`Arena::store_with`], for text made from another slice of this arena.
    pub fn derive(&mut self, from: Span, write: impl FnOnce(&[u8], &mut Vec<u8>)) -> Span {
        if from.offset & IN_SCRATCH == 0 {
            let start = from.offset as usize;
            return self.store_with(|scratch, input| write(&input[start..start + from.len()], scratch));
        }
        let source = self.bytes(from).to_vec();
        self.store_with(|scratch, _| write(&source, scratch))
    }

    #[inline]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    pub fn key(&self, id: NodeId) -> &[u8] {
        self.bytes(self.node(id).key)
    }

    pub fn set_value(&mut self, id: NodeId, value: Value) {
        self.nodes[id.0 as usize].value = value;
    }

    pub fn set_key(&mut self, id: NodeId, key: Span) {
        self.nodes[id.0 as usize].key = key;
    }

    /// Marks a point to [`Arena::rewind`] to: a decoder that runs out of bytes undoes its half record.
    pub fn mark(&self) -> (usize, usize) {
        (self.nodes.len(), self.scratch.len())
    }

    /// Forgets the nodes and scratch made since the mark. Nothing kept may point to them.
    pub fn rewind(&mut self, mark: (usize, usize)) {
        self.nodes.truncate(mark.0);
        self.scratch.truncate(mark.1);
    }

    /// Appends an entry at the end of the list.
    #[inline]
    pub fn push(&mut self, list: &mut List, key: Span, value: Value) -> NodeId {
        let id = self.nodes.len() as u32;
        self.nodes.push(Node { key, value, next: NIL });
        self.link_last(list, id);
        NodeId(id)
    }

    #[inline]
    fn link_last(&mut self, list: &mut List, id: u32) {
        match list.last {
            NIL => list.first = id,
            last => self.nodes[last as usize].next = id,
        }
        list.last = id;
    }

    /// Puts an entry directly behind `after`.
    pub fn insert_after(&mut self, list: &mut List, after: NodeId, key: Span, value: Value) -> NodeId {
        let id = self.nodes.len() as u32;
        let next = self.nodes[after.0 as usize].next;
        self.nodes.push(Node { key, value, next });
        self.nodes[after.0 as usize].next = id;
        if list.last == after.0 {
            list.last = id;
        }
        NodeId(id)
    }

    /// Puts an entry first.
    pub fn push_first(&mut self, list: &mut List, key: Span, value: Value) -> NodeId {
        let id = self.nodes.len() as u32;
        self.nodes.push(Node { key, value, next: list.first });
        list.first = id;
        if list.last == NIL {
            list.last = id;
        }
        NodeId(id)
    }

    /// Links all of `tail` behind `list`. `tail` must not be used as a list of its own afterwards.
    pub fn append(&mut self, list: &mut List, tail: List) {
        if tail.is_empty() {
            return;
        }
        match list.last {
            NIL => *list = tail,
            last => {
                self.nodes[last as usize].next = tail.first;
                list.last = tail.last;
            }
        }
    }

    /// Unlinks the entries for which `keep` is false. Returns how many went.
    pub fn retain(&mut self, list: &mut List, mut keep: impl FnMut(&Arena, NodeId) -> bool) -> usize {
        let (mut kept, mut id, mut removed) = (List::EMPTY, list.first, 0);
        while id != NIL {
            let next = self.nodes[id as usize].next;
            if keep(self, NodeId(id)) {
                self.link_last(&mut kept, id);
            } else {
                removed += 1;
            }
            id = next;
        }
        if kept.last != NIL {
            self.nodes[kept.last as usize].next = NIL;
        }
        *list = kept;
        removed
    }

    /// Splits the list: entries for which `pick` is true go to the returned list, in order.
    pub fn extract(&mut self, list: &mut List, mut pick: impl FnMut(&Arena, NodeId) -> bool) -> List {
        let (mut kept, mut picked, mut id) = (List::EMPTY, List::EMPTY, list.first);
        while id != NIL {
            let next = self.nodes[id as usize].next;
            let target = if pick(self, NodeId(id)) { &mut picked } else { &mut kept };
            self.link_last(target, id);
            id = next;
        }
        for end in [kept.last, picked.last] {
            if end != NIL {
                self.nodes[end as usize].next = NIL;
            }
        }
        *list = kept;
        picked
    }

    /// The first entry. With [`Arena::after`] it walks a list that changes meanwhile.
    pub fn first(&self, list: List) -> Option<NodeId> {
        (list.first != NIL).then_some(NodeId(list.first))
    }

    /// The entry behind this one.
    pub fn after(&self, id: NodeId) -> Option<NodeId> {
        let next = self.node(id).next;
        (next != NIL).then_some(NodeId(next))
    }

    /// The entries in order, duplicates included.
    pub fn iter(&self, list: List) -> Nodes<'_> {
        Nodes { arena: self, next: list.first }
    }

    /// The entry with this key. The last one where a key repeats, as JSON consumers read it.
    pub fn find(&self, list: List, key: &[u8]) -> Option<NodeId> {
        self.iter(list).filter(|(_, node)| self.bytes(node.key) == key).last().map(|(id, _)| id)
    }

    pub fn get(&self, list: List, key: &[u8]) -> Option<Value> {
        self.find(list, key).map(|id| self.node(id).value)
    }

    /// Sets a key: replaces its value in place, or appends it.
    pub fn set(&mut self, list: &mut List, key: &[u8], value: Value) -> NodeId {
        if let Some(id) = self.find(*list, key) {
            self.set_value(id, value);
            return id;
        }
        let key = self.store(key);
        self.push(list, key, value)
    }

    /// Unlinks every entry with this key. Returns how many went.
    pub fn remove(&mut self, list: &mut List, key: &[u8]) -> usize {
        self.retain(list, |arena, id| arena.key(id) != key)
    }

    /// The entries that JSON consumers see: of repeated keys only the last. Clears and fills `live`.
    pub fn live_fields(&self, list: List, live: &mut Vec<NodeId>) {
        live.clear();
        live.extend(self.iter(list).map(|(id, _)| id));
        // One bit per key signature: without a collision, which is the rule, no two keys are compared.
        let mut seen = [0u64; SIGNATURES / 64];
        let mut shadowed = false;
        for (place, id) in live.iter().enumerate() {
            let key = self.key(*id);
            let signature = signature(key);
            let (word, bit) = (signature / 64, 1 << (signature % 64));
            shadowed |=
                seen[word] & bit != 0 && live[..place].iter().any(|earlier| self.key(*earlier) == key);
            seen[word] |= bit;
        }
        if shadowed {
            let mut place = 0;
            while place < live.len() {
                let key = self.key(live[place]);
                if live[place + 1..].iter().any(|later| self.key(*later) == key) {
                    live.remove(place);
                } else {
                    place += 1;
                }
            }
        }
    }

    /// The text of a string-like value; `None` for numbers, maps and the rest.
    pub fn text(&self, value: Value) -> Option<Cow<'_, [u8]>> {
        match value {
            Value::Str(span) | Value::Bytes(span) => Some(Cow::Borrowed(self.bytes(span))),
            Value::Json(span) => json::string_text(self.bytes(span)),
            _ => None,
        }
    }

    /// The member of a map, looking into raw JSON without expanding it.
    pub fn member(&self, value: Value, key: &[u8]) -> Option<Value> {
        match value {
            Value::Map(list) => self.get(list, key),
            Value::Json(span) => {
                let mut found = None;
                let text = self.bytes(span);
                json::members(text, |member| {
                    let name = &text[member.key.clone()];
                    if name == key || (member.escaped && *json::unescaped(name) == *key) {
                        found = Some(span.part(member.value.start, member.value.end));
                    }
                })
                .ok()?;
                found.map(Value::Json)
            }
            _ => None,
        }
    }

    /// The item of an array, looking into raw JSON without expanding it.
    pub fn item(&self, value: Value, index: usize) -> Option<Value> {
        match value {
            Value::Array(list) => self.iter(list).nth(index).map(|(_, node)| node.value),
            Value::Json(span) => {
                let (mut found, mut at) = (None, 0);
                json::items(self.bytes(span), |item| {
                    if at == index {
                        found = Some(span.part(item.start, item.end));
                    }
                    at += 1;
                })
                .ok()?;
                found.map(Value::Json)
            }
            _ => None,
        }
    }

    /// Reads a slice that holds one JSON object and links its members; their values stay raw.
    ///
    /// The text may have white space around it. Fails with the offset of the first wrong byte; text that
    /// is not UTF-8 is repaired first, each bad sequence becoming U+FFFD.
    pub fn parse_object(&mut self, span: Span) -> Result<List, usize> {
        let span = self.repaired(span);
        let Arena { input, scratch, nodes } = self;
        let start = (span.offset & !IN_SCRATCH) as usize;
        let buffer: &[u8] = if span.offset & IN_SCRATCH == 0 { input } else { scratch };
        let text = &buffer[start..start + span.len()];
        let (mut list, first_new) = (List::EMPTY, nodes.len());
        let mut any_escaped = false;
        let done = json::members(text, |member| {
            any_escaped |= member.escaped;
            let id = nodes.len() as u32;
            nodes.push(Node {
                key: span.part(member.key.start, member.key.end),
                value: Value::Json(span.part(member.value.start, member.value.end)),
                next: NIL,
            });
            match list.last {
                NIL => list.first = id,
                last => nodes[last as usize].next = id,
            }
            list.last = id;
        });
        if let Err(offset) = done {
            self.nodes.truncate(first_new);
            return Err(offset);
        }
        if any_escaped {
            self.unescape_keys(list);
        }
        Ok(list)
    }

    fn unescape_keys(&mut self, list: List) {
        let mut id = list.first;
        while id != NIL {
            let node = self.nodes[id as usize];
            if self.bytes(node.key).contains(&b'\\') {
                let key = self.derive(node.key, json::unescape);
                self.nodes[id as usize].key = key;
            }
            id = node.next;
        }
    }

    /// The slice itself when it is UTF-8, else a repaired copy in scratch.
    pub fn repaired(&mut self, span: Span) -> Span {
        if simdutf8::basic::from_utf8(self.bytes(span)).is_ok() {
            return span;
        }
        self.derive(span, |raw, out| out.extend_from_slice(String::from_utf8_lossy(raw).as_bytes()))
    }

    /// Turns raw JSON into nodes one level deep, so that it can be changed; other values stay.
    pub fn expand(&mut self, value: Value) -> Value {
        let Value::Json(span) = value else { return value };
        match self.bytes(span).first() {
            Some(b'{') => Value::Map(self.parse_object(span).unwrap_or_default()),
            Some(b'[') => {
                let mut places = Vec::new();
                // The invariant of `Value::Json` is that the text is valid.
                let _ = json::items(self.bytes(span), |item| places.push(item));
                let mut list = List::EMPTY;
                for item in places {
                    self.push(&mut list, Span::EMPTY, Value::Json(span.part(item.start, item.end)));
                }
                Value::Array(list)
            }
            Some(b'"') => {
                let inner = span.part(1, span.len() - 1);
                if self.bytes(inner).contains(&b'\\') {
                    Value::Str(self.derive(inner, json::unescape))
                } else {
                    Value::Str(inner)
                }
            }
            _ => json::scalar(self.bytes(span)).unwrap_or(value),
        }
    }

    /// Copies a value of another arena into this one.
    pub fn import(&mut self, from: &Arena, value: Value) -> Value {
        match value {
            Value::Str(span) => Value::Str(self.store(from.bytes(span))),
            Value::Bytes(span) => Value::Bytes(self.store(from.bytes(span))),
            Value::Json(span) => Value::Json(self.store(from.bytes(span))),
            Value::Map(list) => Value::Map(self.import_list(from, list)),
            Value::Array(list) => Value::Array(self.import_list(from, list)),
            scalar => scalar,
        }
    }

    fn import_list(&mut self, from: &Arena, list: List) -> List {
        let mut copy = List::EMPTY;
        for (_, node) in from.iter(list) {
            let key = self.store(from.bytes(node.key));
            let value = self.import(from, node.value);
            self.push(&mut copy, key, value);
        }
        copy
    }
}

/// Twenty keys all differ in it five times of six; among 64 they hardly ever would.
const SIGNATURES: usize = 1024;

#[inline]
fn signature(key: &[u8]) -> usize {
    let word = |bytes: &[u8]| match bytes.first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    let (first, last) = (word(key), word(&key[key.len().saturating_sub(8)..]));
    let mixed = (first ^ last.rotate_left(29) ^ key.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 54) as usize
}

/// Iterator over a chain.
pub struct Nodes<'a> {
    arena: &'a Arena,
    next: u32,
}

impl<'a> Iterator for Nodes<'a> {
    type Item = (NodeId, &'a Node);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next == NIL {
            return None;
        }
        let id = NodeId(self.next);
        let node = self.arena.node(id);
        self.next = node.next;
        Some((id, node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(arena: &mut Arena, keys: &[&str]) -> List {
        let mut list = List::EMPTY;
        for (i, key) in keys.iter().enumerate() {
            let key = arena.store(key.as_bytes());
            arena.push(&mut list, key, Value::Int(i as i64));
        }
        list
    }

    fn keys(arena: &Arena, list: List) -> String {
        let keys: Vec<_> =
            arena.iter(list).map(|(_, n)| String::from_utf8_lossy(arena.bytes(n.key))).collect();
        keys.join(" ")
    }

    #[test]
    fn relinking_keeps_the_order() {
        let mut arena = Arena::default();
        let mut list = map(&mut arena, &["a", "b", "c", "d"]);
        assert_eq!(arena.remove(&mut list, b"d"), 1);
        let tail = map(&mut arena, &["x", "y"]);
        arena.append(&mut list, tail);
        let b = arena.find(list, b"b").unwrap();
        let key = arena.store(b"after_b");
        arena.insert_after(&mut list, b, key, Value::Null);
        let key = arena.store(b"first");
        arena.push_first(&mut list, key, Value::Null);
        assert_eq!(keys(&arena, list), "first a b after_b c x y");
        let picked = arena.extract(&mut list, |arena, id| matches!(arena.key(id), b"a" | b"y"));
        assert_eq!(keys(&arena, list), "first b after_b c x");
        assert_eq!(keys(&arena, picked), "a y");
        arena.set(&mut list, b"c", Value::Bool(true));
        assert_eq!(arena.get(list, b"c"), Some(Value::Bool(true)));
        assert_eq!(arena.retain(&mut list, |_, _| false), 5);
        assert!(list.is_empty());
    }

    #[test]
    fn the_last_of_repeated_keys_lives() {
        let mut arena = Arena::default();
        let list = map(&mut arena, &["a", "b", "a", "c", "b", "a"]);
        let mut live = Vec::new();
        arena.live_fields(list, &mut live);
        let names: Vec<_> =
            live.iter().map(|id| String::from_utf8_lossy(arena.key(*id)).into_owned()).collect();
        assert_eq!(names, ["c", "b", "a"]);
        assert_eq!(arena.get(list, b"a"), Some(Value::Int(5)));
    }

    #[test]
    fn an_object_is_read_one_level_deep() {
        let mut arena = Arena::new(br#"{"a":1,"b\n":{"c":[1,2,"x"]},"d":"t\u0041"}"#.to_vec());
        let all = Span::input(0, arena.input().len());
        let list = arena.parse_object(all).unwrap();
        assert_eq!(keys(&arena, list), "a b\n d");
        let body = Value::Map(list);
        let b = arena.member(body, b"b\n").unwrap();
        let c = arena.member(b, b"c").unwrap();
        let x = arena.item(c, 2).unwrap();
        assert_eq!(arena.text(x).unwrap().as_ref(), b"x");
        let d = arena.member(body, b"d").unwrap();
        assert_eq!(arena.text(d).unwrap().as_ref(), b"tA");
        assert_eq!(arena.expand(arena.member(body, b"a").unwrap()), Value::Int(1));
        let Value::Map(inner) = arena.expand(b) else { panic!("not a map") };
        assert_eq!(keys(&arena, inner), "c");
    }

    #[test]
    fn text_that_is_not_utf8_is_repaired() {
        let mut arena = Arena::new(b"{\"a\":\"x\xffy\"}".to_vec());
        let list = arena.parse_object(Span::input(0, arena.input().len())).unwrap();
        let a = arena.get(list, b"a").unwrap();
        assert_eq!(arena.text(a).unwrap().as_ref(), "x\u{fffd}y".as_bytes());
    }

    #[test]
    fn a_broken_object_leaves_no_nodes() {
        let mut arena = Arena::new(br#"{"a":1,"b":}"#.to_vec());
        assert_eq!(arena.parse_object(Span::input(0, 12)), Err(11));
        assert_eq!(arena.mark(), (0, 0));
    }

    #[test]
    fn import_copies_deeply() {
        let mut from = Arena::new(br#"{"a":{"b":"c"}}"#.to_vec());
        let list = from.parse_object(Span::input(0, from.input().len())).unwrap();
        let mut to = Arena::default();
        let copy = to.import(&from, Value::Map(list));
        drop(from);
        let b = to.member(to.member(copy, b"a").unwrap(), b"b").unwrap();
        assert_eq!(to.text(b).unwrap().as_ref(), b"c");
    }
}

//! Groups messages by their shape, for `pattern` and `diff`: a tree of fixed depth, as Drain builds.

use std::collections::HashMap;

use crate::mask::{self, Mask, Token};
use crate::program::Limits;

/// Children of a node of the tree; further words share one.
const MAX_CHILDREN: usize = 100;

/// Messages shorter than this many tokens join a cluster more easily.
const SHORT: usize = 5;

/// Clusters of one leaf that a message is compared with, so that one leaf cannot make a row slow.
const MAX_CANDIDATES: usize = 100;

/// Share of clusters that make room when there are too many.
const EVICTED: usize = 10;

#[derive(Debug)]
struct Slot {
    /// White space stood before it.
    gap: bool,
    /// The word; `None` once messages differ here.
    word: Option<Box<str>>,
    /// How often each mask was seen.
    masks: [u32; Mask::COUNT],
}

#[derive(Debug)]
struct Cluster<T> {
    slots: Vec<Slot>,
    tally: T,
    used: u64,
}

/// What is counted of the messages that have one shape.
pub trait Tally: Default {
    fn merge(&mut self, other: Self);
}

/// What the language counts: messages, and those of the window that `diff` compares with.
#[derive(Debug, Default, Clone, Copy)]
pub struct Samples {
    pub now: u64,
    pub before: u64,
}

impl Samples {
    pub fn one(reference: bool) -> Samples {
        if reference { Samples { now: 0, before: 1 } } else { Samples { now: 1, before: 0 } }
    }
}

impl Tally for Samples {
    fn merge(&mut self, other: Samples) {
        self.now += other.now;
        self.before += other.before;
    }
}

/// What became of a cluster.
pub struct Pattern<T> {
    /// With `<Type-N>` for what varies.
    pub text: String,
    pub tally: T,
}

type Node = HashMap<Box<str>, HashMap<Box<str>, Vec<usize>>>;

/// Messages by their shape.
#[derive(Debug, Default)]
pub struct Clusters<T> {
    tree: HashMap<usize, Node>,
    clusters: Vec<Cluster<T>>,
    clock: u64,
    bytes: usize,
    /// Why rare shapes are missing, where they are.
    pub partial: Option<String>,
}

impl<T: Tally> Clusters<T> {
    /// Adds a message, and what is to be counted of it.
    pub fn add(&mut self, text: &str, tally: T, limits: &Limits) {
        let tokens = mask::tokens(text);
        self.put(tokens.iter().map(Slot::of).collect(), tally, limits);
    }

    fn put(&mut self, slots: Vec<Slot>, tally: T, limits: &Limits) {
        self.clock += 1;
        let place = match self.find(&slots) {
            Some(place) => {
                self.clusters[place].join(&slots);
                place
            }
            None => self.create(slots, limits),
        };
        let cluster = &mut self.clusters[place];
        cluster.tally.merge(tally);
        cluster.used = self.clock;
    }

    fn find(&self, slots: &[Slot]) -> Option<usize> {
        let (first, second) = leaf(slots);
        let seconds = child(self.tree.get(&slots.len())?, first)?;
        let candidates = child(seconds, second)?;
        let needed = if slots.len() < SHORT { 0.4 } else { 0.5 };
        let near = candidates
            .iter()
            .rev()
            .take(MAX_CANDIDATES)
            .map(|place| (self.clusters[*place].likeness(slots), *place));
        let best = near.fold(None, |best: Option<(f64, usize)>, next| match best {
            Some(best) if best.0 >= next.0 => Some(best),
            _ => Some(next),
        });
        best.filter(|(likeness, _)| *likeness >= needed).map(|(_, place)| place)
    }

    fn create(&mut self, slots: Vec<Slot>, limits: &Limits) -> usize {
        let size =
            slots.iter().map(|slot| size_of::<Slot>() + slot.word.as_ref().map_or(0, |word| word.len()));
        self.bytes += size.sum::<usize>();
        if self.clusters.len() >= limits.patterns || self.bytes >= limits.bytes {
            self.partial =
                Some(format!("more than {} patterns; rare ones were dropped", self.clusters.len()));
            self.evict();
        }
        self.clusters.push(Cluster { slots, tally: T::default(), used: 0 });
        self.hang(self.clusters.len() - 1);
        self.clusters.len() - 1
    }

    /// Puts a cluster into the tree.
    fn hang(&mut self, place: usize) {
        let slots = &self.clusters[place].slots;
        let (first, second) = leaf(slots);
        let firsts = self.tree.entry(slots.len()).or_default();
        let seconds = firsts.entry(branch(firsts, first)).or_default();
        seconds.entry(branch(seconds, second)).or_default().push(place);
    }

    /// Drops those not seen for longest.
    fn evict(&mut self) {
        let mut ages: Vec<u64> = self.clusters.iter().map(|cluster| cluster.used).collect();
        ages.sort_unstable();
        let oldest = ages.get(ages.len() / EVICTED).copied().unwrap_or(0);
        self.clusters.retain(|cluster| cluster.used > oldest);
        self.tree.clear();
        let sizes = self.clusters.iter().flat_map(|cluster| &cluster.slots);
        self.bytes =
            sizes.map(|slot| size_of::<Slot>() + slot.word.as_ref().map_or(0, |word| word.len())).sum();
        (0..self.clusters.len()).for_each(|place| self.hang(place));
    }

    pub fn merge(&mut self, other: Clusters<T>, limits: &Limits) {
        self.partial = self.partial.take().or(other.partial);
        for cluster in other.clusters {
            self.put(cluster.slots, cluster.tally, limits);
        }
    }

    /// In the order they were first seen. Clusters that came to read alike are one.
    pub fn finish(self) -> Vec<Pattern<T>> {
        let mut patterns: Vec<Pattern<T>> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        for cluster in self.clusters {
            let text = cluster.text();
            let place = *known.entry(text.clone()).or_insert(patterns.len());
            if place == patterns.len() {
                patterns.push(Pattern { text, tally: T::default() });
            }
            patterns[place].tally.merge(cluster.tally);
        }
        patterns
    }
}

/// The first two words, which name a leaf of the tree.
fn leaf(slots: &[Slot]) -> (&str, &str) {
    let mut words = slots.iter().filter_map(|slot| slot.word.as_deref());
    (words.next().unwrap_or(""), words.next().unwrap_or(""))
}

/// The name a child is reached by, once all names are taken.
const SHARED: &str = "\0";

fn child<'n, T>(node: &'n HashMap<Box<str>, T>, word: &str) -> Option<&'n T> {
    node.get(word).or_else(|| if node.len() >= MAX_CHILDREN { node.get(SHARED) } else { None })
}

fn branch<T>(node: &HashMap<Box<str>, T>, word: &str) -> Box<str> {
    let full = node.len() + 1 >= MAX_CHILDREN && !node.contains_key(word);
    if full { SHARED.into() } else { word.into() }
}

impl Slot {
    fn of(token: &Token<'_>) -> Slot {
        let mut masks = [0; Mask::COUNT];
        if let Some(mask) = token.mask {
            masks[mask as usize] = 1;
        }
        let word = if token.mask.is_none() { Some(token.text.into()) } else { None };
        Slot { gap: token.gap, word, masks }
    }

    /// The mask seen most.
    fn mask(&self) -> Option<Mask> {
        let most = self.masks.iter().max().copied().filter(|most| *most > 0)?;
        Mask::ALL.into_iter().find(|mask| self.masks[*mask as usize] == most)
    }
}

impl<T> Cluster<T> {
    /// The share of tokens that are the same.
    fn likeness(&self, slots: &[Slot]) -> f64 {
        let same = |(own, other): (&Slot, &Slot)| match (&own.word, &other.word) {
            (Some(own), Some(other)) => own == other,
            (None, None) => own.mask() == other.mask(),
            _ => false,
        };
        let n_same = self.slots.iter().zip(slots).filter(|pair| same(*pair)).count();
        n_same as f64 / slots.len().max(1) as f64
    }

    fn join(&mut self, slots: &[Slot]) {
        for (own, other) in self.slots.iter_mut().zip(slots) {
            if own.word != other.word {
                own.word = None;
            }
            own.masks.iter_mut().zip(other.masks).for_each(|(own, other)| *own = own.saturating_add(other));
        }
    }

    /// `<Type-N>` for what varies, N counting those from 1.
    fn text(&self) -> String {
        let (mut out, mut n_masks) = (String::new(), 0);
        for slot in &self.slots {
            if slot.gap && !out.is_empty() {
                out.push(' ');
            }
            match &slot.word {
                Some(word) => out.push_str(word),
                None => {
                    n_masks += 1;
                    let name = slot.mask().unwrap_or(Mask::Token).name();
                    out.push_str(&format!("<{name}-{n_masks}>"));
                }
            }
        }
        out
    }
}

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
struct Cluster {
    slots: Vec<Slot>,
    samples: u64,
    reference: u64,
    used: u64,
}

/// What became of a cluster.
pub struct Pattern {
    pub text: String,
    pub samples: u64,
    pub reference: u64,
}

type Node = HashMap<Box<str>, HashMap<Box<str>, Vec<usize>>>;

#[derive(Debug, Default)]
pub struct Clusters {
    tree: HashMap<usize, Node>,
    clusters: Vec<Cluster>,
    clock: u64,
    bytes: usize,
    pub partial: Option<String>,
}

impl Clusters {
    pub fn add(&mut self, text: &str, reference: bool, limits: &Limits) {
        let tokens = mask::tokens(text);
        let counts = if reference { (0, 1) } else { (1, 0) };
        self.put(tokens.iter().map(Slot::of).collect(), counts, limits);
    }

    fn put(&mut self, slots: Vec<Slot>, (samples, reference): (u64, u64), limits: &Limits) {
        self.clock += 1;
        let place = match self.find(&slots) {
            Some(place) => {
                self.clusters[place].join(&slots);
                place
            }
            None => self.create(slots, limits),
        };
        let cluster = &mut self.clusters[place];
        cluster.samples += samples;
        cluster.reference += reference;
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
        self.clusters.push(Cluster { slots, samples: 0, reference: 0, used: 0 });
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

    pub fn merge(&mut self, other: Clusters, limits: &Limits) {
        self.partial = self.partial.take().or(other.partial);
        for cluster in other.clusters {
            self.put(cluster.slots, (cluster.samples, cluster.reference), limits);
        }
    }

    /// In the order they were first seen. Clusters that came to read alike are one.
    pub fn finish(self) -> Vec<Pattern> {
        let mut patterns: Vec<Pattern> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        for cluster in self.clusters {
            let text = cluster.text();
            let place = *known.entry(text.clone()).or_insert(patterns.len());
            if place == patterns.len() {
                patterns.push(Pattern { text, samples: 0, reference: 0 });
            }
            patterns[place].samples += cluster.samples;
            patterns[place].reference += cluster.reference;
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

impl Cluster {
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

//! Rows that are kept: the first of an order, within a budget.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::order;
use crate::program::Limits;
use crate::value::Value;

#[derive(Debug)]
pub struct Kept {
    pub time: i64,
    /// What `sort` or `dedup` looks at.
    pub keys: Vec<Value<'static>>,
    pub row: Vec<Value<'static>>,
}

/// By what the first rows are told.
#[derive(Debug)]
pub enum Order {
    /// Newest first, as they come.
    Newest,
    /// By their keys, each with whether it is descending.
    Keys(Vec<bool>),
    /// Newest first, one for each tuple of keys. Rows that lack a key are all different.
    Distinct,
}

#[derive(Debug)]
pub struct Top {
    order: Order,
    most: usize,
    rows: Vec<Kept>,
    /// Where the row of a distinct key is.
    seen: HashMap<Box<[u8]>, usize>,
    key: Vec<u8>,
    /// The time of the oldest row, while none was dropped that is newer.
    oldest: i64,
    /// The first rows up to the most are in their order, and stay so until the next cut.
    is_sorted: bool,
    bytes: usize,
    pub partial: Option<String>,
}

const ROW_BYTES: usize = 64;

impl Top {
    pub fn new(order: Order, most: usize) -> Top {
        Top {
            order,
            most,
            rows: Vec::new(),
            seen: HashMap::new(),
            key: Vec::new(),
            oldest: i64::MAX,
            is_sorted: false,
            bytes: 0,
            partial: None,
        }
    }

    /// Whether a row of these keys comes behind all that are kept. Asked before the row itself is made.
    pub fn is_behind(&self, keys: &[Value<'_>], time: i64) -> bool {
        let (Order::Keys(descending), Some(last)) = (&self.order, self.rows.get(self.most.wrapping_sub(1)))
        else {
            return false;
        };
        let pairs = last.keys.iter().zip(keys).zip(descending);
        let order = pairs.map(|((last, key), descending)| order::compare(last, key, *descending));
        let order = order.fold(Ordering::Equal, Ordering::then).then(time.cmp(&last.time));
        self.is_sorted && order != Ordering::Greater
    }

    /// Whether there is no use in rows as old as this.
    pub fn refuses(&self, time: i64) -> bool {
        !matches!(self.order, Order::Keys(_)) && self.full() && time <= self.oldest
    }

    pub fn full(&self) -> bool {
        self.rows.len() >= self.most
    }

    pub fn add(&mut self, kept: Kept, limits: &Limits) {
        if matches!(self.order, Order::Distinct) && !self.is_new(&kept) {
            return;
        }
        let weight = kept.weight();
        if self.bytes + weight > limits.bytes {
            self.cut();
        }
        if self.bytes + weight > limits.bytes {
            self.partial =
                Some(format!("rows take more than {} bytes; {} are kept", limits.bytes, self.rows.len()));
            return;
        }
        self.bytes += weight;
        self.oldest = self.oldest.min(kept.time);
        if let Order::Distinct = self.order
            && has_every_key(&kept)
        {
            self.seen.insert(self.key.as_slice().into(), self.rows.len());
        }
        self.rows.push(kept);
        if self.rows.len() >= self.most.saturating_mul(2) {
            self.cut();
        }
    }

    /// Whether no row of the same keys is kept; a newer one takes the other's place.
    fn is_new(&mut self, kept: &Kept) -> bool {
        if !has_every_key(kept) {
            return true;
        }
        self.key.clear();
        kept.keys.iter().for_each(|key| key.write_key(&mut self.key));
        let Some(place) = self.seen.get(self.key.as_slice()) else { return true };
        if let Some(known) = self.rows.get_mut(*place)
            && known.time < kept.time
        {
            *known = Kept { time: kept.time, keys: kept.keys.clone(), row: kept.row.clone() };
        }
        false
    }

    /// Sorts, and drops what is beyond the most.
    fn cut(&mut self) {
        match &self.order {
            Order::Keys(descending) => self.rows.sort_by(|a, b| by_keys(a, b, descending)),
            _ => self.rows.sort_by_key(|kept| std::cmp::Reverse(kept.time)),
        }
        self.rows.truncate(self.most);
        self.is_sorted = self.full();
        self.bytes = self.rows.iter().map(Kept::weight).sum();
        self.oldest = self.rows.last().map_or(i64::MAX, |kept| kept.time);
        if let Order::Distinct = self.order {
            self.seen.clear();
            for (place, kept) in self.rows.iter().enumerate().filter(|(_, kept)| has_every_key(kept)) {
                self.key.clear();
                kept.keys.iter().for_each(|key| key.write_key(&mut self.key));
                self.seen.insert(self.key.as_slice().into(), place);
            }
        }
    }

    pub fn merge(&mut self, other: Top, limits: &Limits) {
        self.partial = self.partial.take().or(other.partial);
        other.rows.into_iter().for_each(|kept| self.add(kept, limits));
    }

    pub fn finish(mut self) -> Vec<Vec<Value<'static>>> {
        self.cut();
        self.rows.into_iter().map(|kept| kept.row).collect()
    }
}

impl Kept {
    fn weight(&self) -> usize {
        let values = self.keys.iter().chain(&self.row);
        ROW_BYTES + values.map(|value| size_of::<Value<'_>>() + value.weight()).sum::<usize>()
    }
}

pub fn has_every_key(kept: &Kept) -> bool {
    !kept.keys.iter().any(|key| key.is_null() || key.is_nested())
}

/// Rows alike stay as events do: newest first.
fn by_keys(a: &Kept, b: &Kept, descending: &[bool]) -> Ordering {
    let pairs = a.keys.iter().zip(&b.keys).zip(descending);
    let order = pairs.map(|((a, b), descending)| order::compare(a, b, *descending));
    order.fold(Ordering::Equal, Ordering::then).then(b.time.cmp(&a.time))
}

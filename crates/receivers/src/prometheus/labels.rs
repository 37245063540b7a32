//! The labels of a target or of a sample: sorted by name, each name once, none without a value.

use std::borrow::Cow;

/// Holds what is not a label, as far as users are concerned, but says what a sample is called.
pub const NAME: &str = "__name__";

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Labels<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Labels<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// The value, empty where there is no such label.
    pub fn get(&self, name: &str) -> &str {
        self.place(name).map_or("", |place| &self.0[place].1)
    }

    /// Sets a label. An empty value is the same as none.
    pub fn set(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        let (name, value) = (name.into(), value.into());
        match self.place(&name) {
            Ok(place) if value.is_empty() => _ = self.0.remove(place),
            Ok(place) => self.0[place].1 = value,
            Err(_) if value.is_empty() => {}
            Err(place) => self.0.insert(place, (name, value)),
        }
    }

    pub fn set_if_absent(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        let name = name.into();
        if self.get(&name).is_empty() {
            self.set(name, value);
        }
    }

    /// Sets a label to a value that is not empty, and returns the one it had.
    pub fn replace(&mut self, name: &'a str, value: &'a str) -> Option<Cow<'a, str>> {
        match self.place(name) {
            Ok(place) => Some(std::mem::replace(&mut self.0[place].1, value.into())),
            Err(place) => {
                self.0.insert(place, (name.into(), value.into()));
                None
            }
        }
    }

    /// Takes over what was read. False when a name repeats.
    pub fn fill(&mut self, labels: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> bool {
        self.0.clear();
        self.0.extend(labels);
        self.0.sort_by(|a, b| a.0.cmp(&b.0));
        let unique = self.0.windows(2).all(|pair| pair[0].0 != pair[1].0);
        self.0.retain(|(_, value)| !value.is_empty());
        unique
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|(name, _)| keep(name));
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Labels<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let mut labels = Labels::default();
        pairs.into_iter().for_each(|(name, value)| labels.set(name, value));
        labels
    }
}

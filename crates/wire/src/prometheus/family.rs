//! Families: what a page says of its metrics, and which of them a sample belongs to.

use std::collections::HashMap;

use super::{Entry, Kind};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Family {
    pub name: String,
    pub kind: Kind,
    pub help: String,
    /// As OpenMetrics writes it, such as `seconds`.
    pub unit: String,
}

/// Which part of a family's point a sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The value itself; of a summary, the value of one quantile.
    Value,
    Bucket,
    Sum,
    Count,
    /// When it began to count, in seconds since the epoch.
    Created,
}

/// The families of one page so far.
#[derive(Debug, Default)]
pub struct Families {
    list: Vec<Family>,
    places: HashMap<String, usize>,
}

impl Families {
    pub fn clear(&mut self) {
        self.list.clear();
        self.places.clear();
    }

    /// Notes what a line says of a family. The last word on a matter counts.
    pub fn note(&mut self, entry: Entry<'_>) {
        match entry {
            Entry::Type { family, kind } => self.named(&family).kind = kind,
            Entry::Help { family, text } => self.named(&family).help = text.into_owned(),
            Entry::Unit { family, unit } => self.named(&family).unit = unit.to_owned(),
            Entry::Sample => {}
        }
    }

    fn named(&mut self, name: &str) -> &mut Family {
        let place = match self.places.get(name) {
            Some(place) => *place,
            None => {
                self.places.insert(name.to_owned(), self.list.len());
                self.list.push(Family { name: name.to_owned(), ..Family::default() });
                self.list.len() - 1
            }
        };
        &mut self.list[place]
    }

    /// The family of exactly this name, as a native histogram has it.
    pub fn called(&self, name: &str) -> Option<&Family> {
        self.places.get(name).map(|place| &self.list[*place])
    }

    /// The family of a sample, and what the sample is of it. `None` when nothing was said of it: then it is an
    /// unknown value of its own name.
    pub fn of(&self, sample: &str) -> Option<(&Family, Part)> {
        let found = |name: &str| self.places.get(name).map(|place| &self.list[*place]);
        if let Some(family) = found(sample)
            && !matches!(family.kind, Kind::Histogram | Kind::GaugeHistogram)
        {
            return Some((family, Part::Value));
        }
        let (name, suffix) = sample.rsplit_once('_')?;
        let family = found(name)?;
        part(family.kind, suffix).map(|part| (family, part))
    }
}

/// What a suffix makes of a sample, for kinds that have suffixes.
pub(crate) fn part(kind: Kind, suffix: &str) -> Option<Part> {
    match (kind, suffix) {
        (Kind::Counter, "total") | (Kind::Info, "info") => Some(Part::Value),
        (Kind::Histogram | Kind::GaugeHistogram, "bucket") => Some(Part::Bucket),
        (Kind::Histogram | Kind::Summary, "sum") | (Kind::GaugeHistogram, "gsum") => Some(Part::Sum),
        (Kind::Histogram | Kind::Summary, "count") | (Kind::GaugeHistogram, "gcount") => Some(Part::Count),
        (Kind::Counter | Kind::Histogram | Kind::Summary, "created") => Some(Part::Created),
        _ => None,
    }
}

/// OpenMetrics' units and UCUM's for them.
const UNITS: [(&str, &str); 27] = [
    ("days", "d"),
    ("hours", "h"),
    ("minutes", "min"),
    ("seconds", "s"),
    ("milliseconds", "ms"),
    ("microseconds", "us"),
    ("nanoseconds", "ns"),
    ("bits", "bit"),
    ("bytes", "By"),
    ("kibibytes", "KiBy"),
    ("mebibytes", "MiBy"),
    ("gibibytes", "GiBy"),
    ("tebibytes", "TiBy"),
    ("kilobytes", "kBy"),
    ("megabytes", "MBy"),
    ("gigabytes", "GBy"),
    ("terabytes", "TBy"),
    ("meters", "m"),
    ("volts", "V"),
    ("amperes", "A"),
    ("joules", "J"),
    ("watts", "W"),
    ("grams", "g"),
    ("celsius", "Cel"),
    ("hertz", "Hz"),
    ("ratio", "1"),
    ("percent", "%"),
];

/// The unit in UCUM's spelling; one that is not known stays as it is. `bytes_per_second` is `By/s`.
pub fn ucum(unit: &str) -> String {
    let one = |unit: &str| {
        let known = UNITS.iter().find(|(word, _)| *word == unit || word.strip_suffix('s') == Some(unit));
        known.map_or(unit, |(_, ucum)| ucum).to_owned()
    };
    match unit.split_once("_per_") {
        Some((of, per)) => format!("{}/{}", one(of), one(per)),
        None => one(unit),
    }
}

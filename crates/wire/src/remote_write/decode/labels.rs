//! The labels of one series or exemplar, as slices of the request.

use model::{Arena, Span};

use super::Version;
use crate::protobuf::{Damaged, Field};

const OUT_OF_TABLE: &str = "a label that the table of texts does not hold";

#[derive(Debug, Default)]
pub(super) struct Labels {
    pub job: Span,
    pub instance: Span,
    /// All others, and before they are settled really all.
    pub rest: Vec<(Span, Span)>,
    /// A name whose value is still to come.
    half: Option<Span>,
    fault: Option<&'static str>,
}

impl Labels {
    pub fn clear(&mut self) {
        self.rest.clear();
        (self.job, self.instance, self.half, self.fault) = Default::default();
    }

    /// Takes in a field of labels: one label in version 1.0, places of texts in 2.0.
    pub fn read(
        &mut self,
        version: Version,
        input: &[u8],
        field: Field,
        symbols: &[Span],
    ) -> Result<(), Damaged> {
        match version {
            Version::One => self.read_pair(input, field),
            Version::Two => field.each_varint(input, |place| {
                let text = usize::try_from(place).ok().and_then(|place| symbols.get(place));
                match text {
                    Some(text) => self.read_text(*text),
                    None => self.fault = Some(OUT_OF_TABLE),
                }
            }),
        }
    }

    fn read_pair(&mut self, input: &[u8], field: Field) -> Result<(), Damaged> {
        let (mut name, mut value, mut message) = (Span::EMPTY, Span::EMPTY, field.message()?);
        while let Some(field) = message.next(input)? {
            match field.number {
                1 => name = text(input, field)?,
                2 => value = text(input, field)?,
                _ => {}
            }
        }
        self.rest.push((name, value));
        Ok(())
    }

    fn read_text(&mut self, text: Span) {
        match self.half.take() {
            Some(name) => self.rest.push((name, text)),
            None => self.half = Some(text),
        }
    }

    /// Checks the labels and takes out what is not an attribute. Returns the metric's name.
    ///
    /// They should come sorted, but nothing here depends on it. One without a value is as good as none.
    pub fn settle(&mut self, arena: &Arena) -> Result<Span, &'static str> {
        self.check(arena)?;
        let mut metric = Span::EMPTY;
        let (job, instance) = (&mut self.job, &mut self.instance);
        self.rest.retain(|(name, value)| {
            match arena.bytes(*name) {
                b"__name__" => metric = *value,
                b"job" => *job = *value,
                b"instance" => *instance = *value,
                _ => return !value.is_empty(),
            }
            false
        });
        if metric.is_empty() { Err("a series without a name") } else { Ok(metric) }
    }

    /// Whether each name is there once, and has a value.
    pub fn check(&mut self, arena: &Arena) -> Result<(), &'static str> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if self.half.is_some() {
            return Err("a label's name without its value");
        }
        let sorted =
            |labels: &[(Span, Span)]| labels.is_sorted_by(|a, b| arena.bytes(a.0) < arena.bytes(b.0));
        if !sorted(&self.rest) {
            self.rest.sort_by(|a, b| arena.bytes(a.0).cmp(arena.bytes(b.0)));
            if !sorted(&self.rest) {
                return Err("a label that is there twice");
            }
        }
        match self.rest.first() {
            Some((name, _)) if name.is_empty() => Err("a label without a name"),
            _ => Ok(()),
        }
    }
}

/// Where valid UTF-8 lies.
pub(super) fn text(input: &[u8], field: Field) -> Result<Span, Damaged> {
    field.text(input).map(|range| Span::input(range.start, range.end))
}

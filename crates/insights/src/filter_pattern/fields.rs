//! Conditions on the fields of a line, which blanks part: `[ip, user, ..., status = 4* || status = 500, bytes > 1000]`.

use super::condition::Condition;
use super::cursor::Cursor;
use super::operand::Comparison;
use crate::error::{Fault, Span};
use crate::number;

/// Names and values without quotation marks end before these.
const NAME_ENDS: &str = ",]()=!<>&|\"%";
const VALUE_ENDS: &str = ",]()&|\"";

#[derive(Debug)]
pub struct Fields {
    /// Without the ellipsis.
    fields: Vec<Field>,
    /// How many stand before the ellipsis, where there is one.
    before: Option<usize>,
}

#[derive(Debug)]
struct Field {
    name: Box<str>,
    condition: Option<Condition<One>>,
}

#[derive(Debug)]
struct One {
    name: Box<str>,
    span: Span,
    /// Which field it is about; known once all are read.
    field: usize,
    comparison: Comparison,
}

impl Fields {
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Fields, Fault> {
        cursor.needs("[")?;
        let (mut fields, mut before) = (Vec::new(), None);
        loop {
            cursor.skip_blanks();
            let start = cursor.at();
            if !cursor.takes("...") && !cursor.takes("…") {
                fields.push(Field::parse(cursor)?);
            } else if before.replace(fields.len()).is_some() {
                return Err(Fault::new(cursor.since(start), "a pattern has at most one ellipsis"));
            }
            if !cursor.takes(",") {
                break;
            }
        }
        if !cursor.takes("]") {
            let message = "the pattern goes on with `,` or ends with `]`";
            return Err(Fault::new(cursor.here(), message).expected([",", "]"]));
        }
        resolve(&mut fields)?;
        Ok(Fields { fields, before })
    }

    pub fn matches(&self, message: &str) -> bool {
        let Some(values) = self.values(message) else { return false };
        let holds = |one: &One| {
            let value = values[one.field];
            one.comparison.holds(value, number::parse(value))
        };
        self.fields
            .iter()
            .all(|field| field.condition.as_ref().is_none_or(|condition| condition.holds(&holds)))
    }

    /// What each field holds; nothing where the line has fewer.
    fn values<'m>(&self, message: &'m str) -> Option<Vec<&'m str>> {
        let n_fields = self.fields.len();
        let mut words = Words { text: message, at: 0 };
        let Some(before) = self.before else {
            let mut values = Vec::with_capacity(n_fields);
            for _ in 1..n_fields {
                values.push(words.next()?);
            }
            // The last field takes all that is left.
            let start = words.at;
            let last = words.next()?;
            let rest = message[start..].trim();
            values.push(if words.next().is_none() { last } else { rest });
            return Some(values);
        };
        let mut values: Vec<&str> = words.collect();
        let gap = values.len().checked_sub(n_fields)?;
        values.drain(before..before + gap);
        Some(values)
    }
}

impl Field {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Field, Fault> {
        let start = cursor.at();
        let name = name(cursor);
        cursor.skip_blanks();
        if matches!(cursor.peek(), Some(',' | ']')) {
            return Ok(Field { name: name.into(), condition: None });
        }
        cursor.back(start);
        let mut condition = Condition::parse(cursor, &mut One::parse)?;
        let mut name = None;
        condition.each(&mut |one| {
            name.get_or_insert_with(|| one.name.clone());
            Ok(())
        })?;
        Ok(Field { name: name.unwrap_or_default(), condition: Some(condition) })
    }
}

impl One {
    fn parse(cursor: &mut Cursor<'_>) -> Result<One, Fault> {
        cursor.skip_blanks();
        let start = cursor.at();
        let name = name(cursor);
        let span = cursor.since(start);
        if name.is_empty() {
            return Err(Fault::new(cursor.here(), "the name of a field is missing here"));
        }
        let comparison = Comparison::parse(cursor, VALUE_ENDS)?;
        Ok(One { name: name.into(), span, field: 0, comparison })
    }
}

fn name<'t>(cursor: &mut Cursor<'t>) -> &'t str {
    cursor.run(|letter| !letter.is_whitespace() && !NAME_ENDS.contains(letter))
}

/// Finds the field that each condition names: the one it stands in, or another of the pattern.
fn resolve(fields: &mut [Field]) -> Result<(), Fault> {
    let names: Vec<Box<str>> = fields.iter().map(|field| field.name.clone()).collect();
    for (place, field) in fields.iter_mut().enumerate() {
        let Some(condition) = &mut field.condition else { continue };
        condition.each(&mut |one| {
            let own = (names[place] == one.name).then_some(place);
            let found = own.or_else(|| names.iter().position(|name| *name == one.name));
            one.field = found
                .ok_or_else(|| Fault::new(one.span, format!("the pattern has no field `{}`", one.name)))?;
            Ok(())
        })?;
    }
    Ok(())
}

/// The fields of a line: words, and what stands between brackets or quotation marks.
struct Words<'m> {
    text: &'m str,
    at: usize,
}

impl<'m> Iterator for Words<'m> {
    type Item = &'m str;

    fn next(&mut self) -> Option<&'m str> {
        let rest = self.text[self.at..].trim_start();
        let start = self.text.len() - rest.len();
        let close = match rest.chars().next()? {
            '[' => Some(']'),
            '"' => Some('"'),
            _ => None,
        };
        if let Some(length) = close.and_then(|close| rest[1..].find(close)) {
            self.at = start + length + 2;
            return Some(&rest[1..=length]);
        }
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        self.at = start + length;
        Some(&rest[..length])
    }
}

//! The tests of `modify`, compiled.

use config::Pattern;
use model::{Arena, List, Path, Value};

use super::{ConditionConfig, Test};
use crate::fields;

/// A condition and whether it holds when its test fails.
pub struct Condition {
    subject: Subject,
    negated: bool,
}

enum Subject {
    Key(Path),
    AnyKey(Pattern),
    Value(Path, Text),
    AllValues(Pattern, Pattern),
}

enum Text {
    Equals(Box<[u8]>),
    Matches(Pattern),
}

impl Text {
    fn fits(&self, text: &[u8]) -> bool {
        match self {
            Text::Equals(expected) => **expected == *text,
            Text::Matches(pattern) => pattern.is_match(text),
        }
    }
}

impl Condition {
    pub fn new(config: &ConditionConfig) -> Result<Condition, String> {
        let path = || fields::path(&config.key);
        let value = || config.value.as_deref().ok_or_else(|| "the test needs a `value`".to_owned());
        let equals = || value().map(|text| Text::Equals(text.as_bytes().into()));
        let matches = || value().and_then(pattern);
        let (subject, negated) = match config.test {
            Test::KeyExists => (Subject::Key(path()?), false),
            Test::KeyDoesNotExist => (Subject::Key(path()?), true),
            Test::AKeyMatches => (Subject::AnyKey(pattern(&config.key)?), false),
            Test::NoKeyMatches => (Subject::AnyKey(pattern(&config.key)?), true),
            Test::KeyValueEquals => (Subject::Value(path()?, equals()?), false),
            Test::KeyValueDoesNotEqual => (Subject::Value(path()?, equals()?), true),
            Test::KeyValueMatches => (Subject::Value(path()?, Text::Matches(matches()?)), false),
            Test::KeyValueDoesNotMatch => (Subject::Value(path()?, Text::Matches(matches()?)), true),
            Test::MatchingKeysHaveMatchingValues => {
                (Subject::AllValues(pattern(&config.key)?, matches()?), false)
            }
            Test::MatchingKeysDoNotHaveMatchingValues => {
                (Subject::AllValues(pattern(&config.key)?, matches()?), true)
            }
        };
        Ok(Condition { subject, negated })
    }

    pub fn holds(&self, arena: &Arena, list: List) -> bool {
        let found = match &self.subject {
            Subject::Key(path) => path.find(arena, Value::Map(list)).is_some(),
            Subject::AnyKey(pattern) => {
                arena.iter(list).any(|(_, node)| pattern.is_match(arena.bytes(node.key)))
            }
            Subject::Value(path, text) => match path.find(arena, Value::Map(list)) {
                Some(value) => arena.text(value).is_some_and(|found| text.fits(&found)),
                // A field that is not there satisfies neither the test nor its opposite.
                None => return false,
            },
            Subject::AllValues(keys, values) => arena.iter(list).all(|(_, node)| {
                !keys.is_match(arena.bytes(node.key))
                    || arena.text(node.value).is_some_and(|text| values.is_match(&text))
            }),
        };
        found != self.negated
    }
}

pub(super) fn pattern(text: &str) -> Result<Pattern, String> {
    Pattern::new(text).map_err(|error| error.to_string())
}

//! Names batches: the tag as sent, replaced or prefixed, made once for all records that share it.

use model::Tag;

use super::Settings;

/// Tags remembered for one connection. A connection of Docker's driver has one.
const REMEMBERED: usize = 16;

#[derive(Debug)]
pub(super) struct Tags {
    fixed: Option<Tag>,
    prefix: String,
    /// As sent and as named.
    known: Vec<(Box<[u8]>, Tag)>,
}

impl Tags {
    pub(super) fn new(settings: &Settings) -> Tags {
        Tags {
            fixed: settings.tag.as_deref().map(Tag::from),
            prefix: settings.tag_prefix.clone(),
            known: Vec::new(),
        }
    }

    pub(super) fn name(&mut self, sent: &[u8]) -> Tag {
        if let Some(fixed) = &self.fixed {
            return fixed.clone();
        }
        if let Some((_, tag)) = self.known.iter().find(|(known, _)| **known == *sent) {
            return tag.clone();
        }
        let tag = Tag::from(format!("{}{}", self.prefix, String::from_utf8_lossy(sent)));
        if self.known.len() == REMEMBERED {
            self.known.remove(0);
        }
        self.known.push((sent.into(), tag.clone()));
        tag
    }
}

//! Which fields of a record mean something to Datadog, and the parts of an entry that never change.

use model::json;

use super::DatadogLogsConfig;
use super::ecs_tags::EcsField;
use crate::fields::write_key;

/// What a field of a record is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Plain,
    /// Named `message` already.
    Message,
    /// Becomes `message`.
    Renamed,
    /// One that the configuration also sets, and the record wins.
    Own(Head),
    /// One that the configuration also sets, and the configuration wins.
    Tags,
    Ecs(EcsField),
}

/// What the configuration puts before a record's own fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    Date,
    Tag,
    Source,
    Service,
    Hostname,
}

pub struct Layout {
    names: Vec<(Vec<u8>, Role)>,
    /// One bit for each length of a name, so that most fields are known as plain without a comparison.
    lengths: u64,
    /// `"timestamp":`, or nothing.
    pub date: Vec<u8>,
    /// `"tag":`, or nothing.
    pub tag: Vec<u8>,
    /// `"ddsource":"nodejs"` and its kin, in the order they are written.
    pub fixed: Vec<(Head, Vec<u8>)>,
    /// All of `fixed`, each behind a comma.
    pub all_fixed: Vec<u8>,
    /// The configured tags, escaped.
    pub tags: Vec<u8>,
    pub escape_unicode: bool,
}

impl Layout {
    pub fn new(config: &DatadogLogsConfig) -> Layout {
        let mut names: Vec<(Vec<u8>, Role)> = Vec::new();
        let mut add = |name: &str, role| names.push((name.as_bytes().to_vec(), role));
        let mut fixed = Vec::new();
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        for (head, key, value) in [
            (Head::Source, "ddsource", text(&config.source)),
            (Head::Service, "service", text(&config.service)),
            (Head::Hostname, "hostname", text(&config.hostname)),
        ] {
            let Some(value) = value else { continue };
            add(key, Role::Own(head));
            fixed.push((head, member(key, &value)));
        }
        if config.message_key != "message" {
            add(&config.message_key, Role::Renamed);
        }
        add("message", Role::Message);
        if !config.date_key.is_empty() {
            add(&config.date_key, Role::Own(Head::Date));
        }
        if let Some(key) = text(&config.tag_key) {
            add(&key, Role::Own(Head::Tag));
        }
        add("ddtags", Role::Tags);
        if config.ecs_tags {
            EcsField::ALL.iter().for_each(|field| add(field.key(), Role::Ecs(*field)));
        }
        let lengths = names.iter().fold(0, |lengths, (name, _)| lengths | length_bit(name));
        let all_fixed = fixed.iter().flat_map(|(_, member)| [b",", member.as_slice()].concat()).collect();
        let mut tags = Vec::new();
        model::text::escape(text(&config.tags).unwrap_or_default().as_bytes(), &mut tags);
        Layout {
            names,
            lengths,
            date: key(Some(&config.date_key)),
            tag: key(config.tag_key.as_deref()),
            fixed,
            all_fixed,
            tags,
            escape_unicode: config.escape_unicode,
        }
    }

    #[inline]
    pub fn role(&self, key: &[u8]) -> Role {
        if self.lengths & length_bit(key) == 0 {
            return Role::Plain;
        }
        self.names.iter().find(|(name, _)| name == key).map_or(Role::Plain, |(_, role)| *role)
    }
}

#[inline]
fn length_bit(name: &[u8]) -> u64 {
    1 << (name.len() & 63)
}

fn key(name: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        write_key(name.as_bytes(), &mut out);
    }
    out
}

fn member(name: &str, value: &str) -> Vec<u8> {
    let mut out = key(Some(name));
    json::write_string(value.as_bytes(), &mut out);
    out
}

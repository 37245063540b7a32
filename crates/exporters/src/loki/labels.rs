//! Which attributes of a record become labels, and what else the record says of how it wants to be sent.

use std::borrow::Cow;

use model::{Arena, Batch, List, LogRecord, Severity, Value, json};

use super::{Format, Settings};

/// Attributes that say how a record is sent. None of them is part of it.
const ATTRIBUTE_LABELS: &[u8] = b"loki.attribute.labels";
const RESOURCE_LABELS: &[u8] = b"loki.resource.labels";
const FORMAT: &[u8] = b"loki.format";
const TENANT: &[u8] = b"loki.tenant";

/// Loki's limits on the labels of a stream.
const MAX_LABELS: usize = 15;
const MAX_NAME: usize = 1024;
const MAX_VALUE: usize = 2048;

/// What a record says of itself.
pub struct Chosen<'a> {
    /// `{name="value", …}`, in the order of names.
    pub labels: String,
    pub tenant: Option<String>,
    pub format: Format,
    /// Attributes of the record, and of its resource, that are labels now.
    pub of_record: Vec<Cow<'a, [u8]>>,
    pub of_resource: Vec<Cow<'a, [u8]>>,
}

/// The attributes of the resource that a record belongs to.
pub fn resource_of(batch: &Batch, record: &LogRecord) -> List {
    let scope = batch.scopes.get(record.scope as usize);
    let resource = batch.resources.get(scope.map_or(0, |scope| scope.resource as usize));
    resource.map_or(List::EMPTY, |resource| resource.attributes)
}

pub fn is_hint(key: &[u8]) -> bool {
    [ATTRIBUTE_LABELS, RESOURCE_LABELS, FORMAT, TENANT].contains(&key)
}

pub fn choose<'a>(batch: &'a Batch, record: &LogRecord, settings: &'a Settings) -> Chosen<'a> {
    let (arena, own, resource) = (&batch.arena, record.attributes, resource_of(batch, record));
    let both = [own, resource];
    let mut labels = Labels::default();
    for label in &settings.labels {
        labels.set(label.name.clone(), label.value.as_bytes());
    }
    if settings.defaults.exporter {
        labels.set("exporter".into(), b"OTLP");
    }
    if settings.defaults.job
        && let Some(name) = text_at(arena, resource, b"service.name")
    {
        let job = match text_at(arena, resource, b"service.namespace") {
            Some(namespace) => [&*namespace, b"/", &*name].concat(),
            None => name.into_owned(),
        };
        labels.set("job".into(), &job);
    }
    if settings.defaults.instance
        && let Some(id) = text_at(arena, resource, b"service.instance.id")
    {
        labels.set("instance".into(), &id);
    }
    if settings.defaults.level {
        let said = text_at(arena, own, b"level").map(Cow::into_owned);
        labels.set("level".into(), &said.unwrap_or_else(|| level(record.severity).into_bytes()));
    }
    let of_record =
        labels.take(arena, own, hinted(arena, both, ATTRIBUTE_LABELS).chain(of(&settings.attribute_labels)));
    let of_resource = labels.take(
        arena,
        resource,
        hinted(arena, both, RESOURCE_LABELS).chain(of(&settings.resource_labels)),
    );
    let said = |key: &[u8]| both.into_iter().find_map(|list| text_at(arena, list, key));
    let tenant = said(TENANT).and_then(|name| said(&name));
    let format = match said(FORMAT).as_deref() {
        Some(b"json") => Format::Json,
        Some(b"logfmt") => Format::Logfmt,
        Some(b"raw") => Format::Raw,
        _ => settings.format,
    };
    let tenant = tenant.map(|tenant| String::from_utf8_lossy(&tenant).into_owned());
    Chosen { labels: labels.finish(), tenant, format, of_record, of_resource }
}

fn of(names: &[String]) -> impl Iterator<Item = Cow<'_, [u8]>> {
    names.iter().map(|name| Cow::Borrowed(name.as_bytes()))
}

/// Names that a hint lists, with commas between them or as an array.
fn hinted<'a>(arena: &'a Arena, lists: [List; 2], hint: &[u8]) -> impl Iterator<Item = Cow<'a, [u8]>> {
    let mut names: Vec<Cow<'a, [u8]>> = Vec::new();
    for value in lists.into_iter().filter_map(|list| arena.get(list, hint)) {
        match value {
            Value::Array(items) => {
                names.extend(arena.iter(items).filter_map(|(_, item)| arena.text(item.value)))
            }
            _ => {
                let text = arena.text(value).unwrap_or_default().into_owned();
                let parts = text.split(|byte| *byte == b',').map(|part| part.trim_ascii().to_vec());
                names.extend(parts.filter(|part| !part.is_empty()).map(Cow::Owned));
            }
        }
    }
    names.into_iter()
}

/// An attribute as text; `None` where it is not there, or empty: an empty label is none.
fn text_at<'a>(arena: &'a Arena, list: List, key: &[u8]) -> Option<Cow<'a, [u8]>> {
    let value = arena.get(list, key).filter(|value| *value != Value::Null)?;
    let text = arena.text(value).unwrap_or_else(|| {
        let mut text = Vec::new();
        json::write_value(arena, value, &mut text);
        Cow::Owned(text)
    });
    Some(text).filter(|text| !text.is_empty())
}

/// `INFO`, `INFO2` and so on; nothing where the severity is not known.
fn level(severity: Severity) -> String {
    const NAMES: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    let Some(place) = usize::from(severity.0).checked_sub(1) else { return String::new() };
    let Some(name) = NAMES.get(place / 4) else { return String::new() };
    match place % 4 {
        0 => (*name).to_owned(),
        more => format!("{name}{}", more + 1),
    }
}

#[derive(Default)]
struct Labels(Vec<(String, String)>);

impl Labels {
    /// Makes labels of the attributes that are there; returns which.
    fn take<'a>(
        &mut self,
        arena: &Arena,
        list: List,
        names: impl Iterator<Item = Cow<'a, [u8]>>,
    ) -> Vec<Cow<'a, [u8]>> {
        let mut taken = Vec::new();
        for name in names {
            if let Some(value) = text_at(arena, list, &name)
                && self.set(label_name(&name), &value)
            {
                taken.push(name);
            }
        }
        taken
    }

    /// A later one of the same name wins. False where there is no room.
    fn set(&mut self, name: String, value: &[u8]) -> bool {
        if value.is_empty() {
            return false;
        }
        let mut value = String::from_utf8_lossy(value).into_owned();
        value.truncate(value.floor_char_boundary(MAX_VALUE));
        let has_room = self.0.len() < MAX_LABELS;
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some(label) => label.1 = value,
            None if has_room => self.0.push((name, value)),
            None => return false,
        }
        true
    }

    fn finish(mut self) -> String {
        if self.0.is_empty() {
            // Loki takes no stream without a label; this is the one it would make up itself.
            self.0.push(("service_name".into(), "unknown_service".into()));
        }
        self.0.sort_unstable();
        let mut text = String::from("{");
        for (place, (name, value)) in self.0.iter().enumerate() {
            if place > 0 {
                text.push_str(", ");
            }
            text.push_str(name);
            text.push_str("=\"");
            for c in value.chars() {
                match c {
                    '"' => text.push_str("\\\""),
                    '\\' => text.push_str("\\\\"),
                    '\n' => text.push_str("\\n"),
                    c => text.push(c),
                }
            }
            text.push('"');
        }
        text.push('}');
        text
    }
}

/// What a name may not hold becomes `_`; a digit is not first.
fn label_name(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    if name.first().is_some_and(u8::is_ascii_digit) {
        out.push_str("key_");
    }
    for c in String::from_utf8_lossy(name).chars() {
        out.push(if c.is_ascii_alphanumeric() { c } else { '_' });
    }
    out.truncate(MAX_NAME);
    out
}

pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

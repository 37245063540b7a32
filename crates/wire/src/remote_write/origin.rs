//! What all series of a resource and scope share: `job`, `instance`, the scope's labels, and those of the settings.

use model::{Arena, Batch, List, Value};

use super::Settings;
use super::labels::{Labels, Taken, sorted, write_text};

/// The attributes that `job` and `instance` are made of.
pub(super) const IDENTITY: [&[u8]; 3] = [b"service.name", b"service.namespace", b"service.instance.id"];

#[derive(Debug, Default)]
pub(super) struct Origin<'a> {
    /// Of the resource, where its attributes are labels.
    attributes: Vec<(&'a [u8], Value)>,
    job: String,
    instance: String,
    scope: Vec<(&'static str, String)>,
    scope_attributes: Vec<(&'a [u8], Value)>,
}

impl<'a> Origin<'a> {
    pub fn of_scope(batch: &'a Batch, scope: u32, settings: &Settings) -> Origin<'a> {
        let Some(scope) = batch.scopes.get(scope as usize) else { return Origin::default() };
        let mut origin = Origin::of_resource(batch, scope.resource, settings);
        if settings.scope_labels {
            let text = |span| String::from_utf8_lossy(batch.arena.bytes(span)).into_owned();
            origin.scope = vec![
                ("otel_scope_name", text(scope.name)),
                ("otel_scope_version", text(scope.version)),
                ("otel_scope_schema_url", text(scope.schema_url)),
            ];
            origin.scope_attributes = sorted(&batch.arena, &[scope.attributes]);
        }
        origin
    }

    pub fn of_resource(batch: &'a Batch, resource: u32, settings: &Settings) -> Origin<'a> {
        let Some(resource) = batch.resources.get(resource as usize) else { return Origin::default() };
        let (arena, list) = (&batch.arena, resource.attributes);
        let [name, namespace, instance] = IDENTITY.map(|key| text_of(arena, list, key));
        let job = match namespace.is_empty() {
            false if !name.is_empty() => format!("{namespace}/{name}"),
            _ => name,
        };
        let mut attributes = Vec::new();
        if settings.resource_labels {
            attributes = sorted(arena, &[list]);
            attributes.retain(|(key, _)| !settings.exclude_service || !IDENTITY.contains(key));
        }
        Origin { attributes, job, instance, ..Origin::default() }
    }

    /// Whether anything tells this resource from others.
    pub fn is_identified(&self) -> bool {
        !self.job.is_empty() || !self.instance.is_empty()
    }

    /// The labels of a point, all but its name.
    pub fn label(&self, arena: &Arena, point: List, settings: &Settings, labels: &mut Labels) {
        labels.clear();
        let mut attributes = sorted(arena, &[point]);
        if !self.attributes.is_empty() {
            attributes.retain(|(key, _)| !self.attributes.iter().any(|(own, _)| own == key));
            attributes.extend_from_slice(&self.attributes);
            attributes.sort_by_key(|(key, _)| *key);
        }
        labels.put_attributes(arena, &attributes, "");
        self.sign(arena, settings, labels);
    }

    /// Adds what comes from here and not from the point.
    pub fn sign(&self, arena: &Arena, settings: &Settings, labels: &mut Labels) {
        labels.put_attributes(arena, &self.scope_attributes, "otel_scope_");
        for (name, value) in &self.scope {
            labels.put(name, value, Taken::Replace);
        }
        labels.put("job", &self.job, Taken::Replace);
        labels.put("instance", &self.instance, Taken::Replace);
        for (name, value) in &settings.external_labels {
            labels.put(name, value, Taken::Keep);
        }
    }
}

fn text_of(arena: &Arena, list: List, key: &[u8]) -> String {
    let mut text = String::new();
    if let Some(value) = arena.get(list, key) {
        write_text(arena, value, &mut text);
    }
    text
}

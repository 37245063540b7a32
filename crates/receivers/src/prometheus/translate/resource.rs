//! Resources and scopes: a resource for each job and instance, in it a scope for each the page names.

use std::collections::HashMap;

use model::{Arena, Batch, List, Resource, Scope, Span, Value};

use super::SEPARATOR;
use crate::prometheus::labels::{Labels, NAME};

/// Of samples that name no scope.
const SCOPE: &str = "outrigger/prometheus";

/// Labels that name the library which counted; they are no attributes.
const OTEL_SCOPE: &[u8] = b"otel_scope_";

/// Those of one batch.
pub struct Scopes {
    scheme: String,
    resources: HashMap<Vec<u8>, u32>,
    /// By resource and scope labels.
    scopes: HashMap<(u32, Vec<u8>), u32>,
    /// Labels of `target_info`, by resource.
    infos: Vec<(Vec<u8>, List)>,
    /// Each attribute's name and latest value: most points share them with the point before.
    stored: HashMap<Vec<u8>, (Span, Span)>,
}

impl Scopes {
    pub fn new(scheme: &str) -> Scopes {
        let (resources, scopes, stored) = (HashMap::new(), HashMap::new(), HashMap::new());
        Scopes { scheme: scheme.to_owned(), resources, scopes, infos: Vec::new(), stored }
    }

    /// Where a series stands: its scope, made when it is not there yet, and its attributes.
    pub fn locate(&mut self, batch: &mut Batch, key: &[u8]) -> (u32, List) {
        let mut parts = key.split(|byte| *byte == SEPARATOR);
        let mut next = || parts.next().unwrap_or_default();
        let (job, instance, _name) = (next(), next(), next());
        let (mut attributes, mut scope) = (List::EMPTY, Vec::new());
        loop {
            let (name, value) = (next(), next());
            if name.is_empty() {
                break;
            }
            if name.starts_with(OTEL_SCOPE) {
                scope.extend_from_slice(name);
                scope.push(SEPARATOR);
                scope.extend_from_slice(value);
                scope.push(SEPARATOR);
                continue;
            }
            self.attribute(&mut batch.arena, &mut attributes, name, value);
        }
        let resource = self.resource(batch, job, instance);
        (self.scope(batch, resource, scope), attributes)
    }

    fn attribute(&mut self, arena: &mut Arena, list: &mut List, name: &[u8], value: &[u8]) {
        let (name, value) = match self.stored.get_mut(name) {
            Some((name, latest)) => {
                if arena.bytes(*latest) != value {
                    *latest = arena.store(value);
                }
                (*name, *latest)
            }
            None => {
                let spans = (arena.store(name), arena.store(value));
                self.stored.insert(name.to_vec(), spans);
                spans
            }
        };
        arena.push(list, name, Value::Str(value));
    }

    fn resource(&mut self, batch: &mut Batch, job: &[u8], instance: &[u8]) -> u32 {
        let identity = [job, instance].join(&SEPARATOR);
        if let Some(resource) = self.resources.get(&identity) {
            return *resource;
        }
        let mut attributes = List::EMPTY;
        let (host, port) = host_and_port(std::str::from_utf8(instance).unwrap_or_default());
        for (key, value) in [
            ("service.name", job),
            ("service.instance.id", instance),
            ("server.address", if is_of_this_machine(host) { b"" } else { host.as_bytes() }),
            ("server.port", port.as_bytes()),
            ("url.scheme", self.scheme.as_bytes()),
        ] {
            push(&mut batch.arena, &mut attributes, key.as_bytes(), value);
        }
        batch.resources.push(Resource { attributes, ..Resource::default() });
        let resource = batch.resources.len() as u32 - 1;
        self.resources.insert(identity, resource);
        resource
    }

    fn scope(&mut self, batch: &mut Batch, resource: u32, labels: Vec<u8>) -> u32 {
        if let Some(scope) = self.scopes.get(&(resource, labels.clone())) {
            return *scope;
        }
        let mut scope = Scope { resource, ..Scope::default() };
        let mut parts = labels.split(|byte| *byte == SEPARATOR);
        while let (Some(label), Some(value)) = (parts.next(), parts.next()) {
            match &label[OTEL_SCOPE.len()..] {
                b"name" => scope.name = batch.arena.store(value),
                b"version" => scope.version = batch.arena.store(value),
                b"schema_url" => scope.schema_url = batch.arena.store(value),
                name => push(&mut batch.arena, &mut scope.attributes, name, value),
            }
        }
        if labels.is_empty() {
            scope.name = batch.arena.store(SCOPE.as_bytes());
            scope.version = batch.arena.store(env!("CARGO_PKG_VERSION").as_bytes());
        }
        batch.scopes.push(scope);
        let place = batch.scopes.len() as u32 - 1;
        self.scopes.insert((resource, labels), place);
        place
    }

    /// What the target says of itself belongs to its resource.
    pub fn target_info(&mut self, arena: &mut Arena, labels: &Labels<'_>) {
        let mut attributes = List::EMPTY;
        for (name, value) in labels.iter().filter(|(name, _)| !["job", "instance", NAME].contains(name)) {
            push(arena, &mut attributes, name.as_bytes(), value.as_bytes());
        }
        let identity = [labels.get("job"), labels.get("instance")].map(str::as_bytes).join(&SEPARATOR);
        self.infos.push((identity, attributes));
    }

    /// Gives the resources what their targets said.
    pub fn finish(&mut self, batch: &mut Batch) {
        for (identity, attributes) in self.infos.drain(..) {
            let resource = self.resources.get(&identity).map(|place| *place as usize);
            if let Some(resource) = resource.and_then(|place| batch.resources.get_mut(place)) {
                batch.arena.append(&mut resource.attributes, attributes);
            }
        }
    }
}

/// Adds an attribute, unless it is empty.
fn push(arena: &mut Arena, list: &mut List, key: &[u8], value: &[u8]) {
    if !value.is_empty() {
        let (key, value) = (arena.store(key), arena.store(value));
        arena.push(list, key, Value::Str(value));
    }
}

/// Of `host:port` or `[host]:port`; anything else is a host.
fn host_and_port(instance: &str) -> (&str, &str) {
    match instance.rsplit_once(':') {
        Some((host, port)) if host.starts_with('[') && host.ends_with(']') => {
            (&host[1..host.len() - 1], port)
        }
        Some((host, port)) if !host.contains(':') => (host, port),
        _ => (instance, ""),
    }
}

/// A name or address that means another machine on every machine.
fn is_of_this_machine(host: &str) -> bool {
    let address: Result<std::net::IpAddr, _> = host.parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

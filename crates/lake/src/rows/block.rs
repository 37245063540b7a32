//! The first columns of each table: when, and of what.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int16Builder, Int32Builder};
use model::{Arena, Batch};

use super::columns::{Label, TextMap, Times};
use super::value;

/// What a row's resource and scope say, read once for all their rows.
#[derive(Default)]
pub(super) struct Origin {
    pub service: Option<String>,
    env: Option<String>,
    version: Option<String>,
    pub cluster: Option<String>,
    ecs_service: Option<String>,
    task_family: Option<String>,
    task_revision: Option<i32>,
    task: Option<String>,
    pub container: Option<String>,
    container_id: Option<String>,
    launch_type: Option<String>,
    account: Option<String>,
    region: Option<String>,
    az: Option<String>,
    host: Option<String>,
    /// `env` has its value from the name that is stable.
    env_is_stable: bool,
    pub stream: Option<String>,
    pub log_group: Option<String>,
    /// Attributes that no column holds, and the letters of their kinds.
    rest: Vec<(String, String, u8)>,
    types: Option<String>,
    pub scope: Option<String>,
}

/// The last part of an ARN or path.
fn last_part(text: &str) -> String {
    text.rsplit('/').next().unwrap_or(text).to_owned()
}

impl Origin {
    /// The origins of a batch, by scope. Rows whose protocol knows no scopes point to the first.
    pub fn all(batch: &Batch) -> Vec<Origin> {
        let mut origins: Vec<Origin> = batch
            .scopes
            .iter()
            .map(|scope| {
                let mut origin = Origin::default();
                if let Some(resource) = batch.resources.get(scope.resource as usize) {
                    origin.read(&batch.arena, resource.attributes);
                }
                let text = |span| value::lossy(batch.arena.bytes(span)).into_owned();
                origin.scope = Some(text(scope.name));
                if !scope.version.is_empty() {
                    origin.rest.push(("otel.scope.version".into(), text(scope.version), b's'));
                }
                for (_, node) in batch.arena.iter(scope.attributes) {
                    let key = format!("otel.scope.{}", text(node.key));
                    let (text, letter) = value::text(&batch.arena, node.value);
                    origin.rest.push((key, text.into_owned(), letter));
                }
                origin.close();
                origin
            })
            .collect();
        if origins.is_empty() {
            let mut origin = Origin::default();
            if let Some(resource) = batch.resources.first() {
                origin.read(&batch.arena, resource.attributes);
            }
            origin.close();
            origins.push(origin);
        }
        origins
    }

    fn read(&mut self, arena: &Arena, attributes: model::List) {
        for (_, node) in arena.iter(attributes) {
            let key = arena.bytes(node.key);
            let (text, letter) = value::text(arena, node.value);
            if !self.take(key, &text, letter) {
                self.keep(&value::lossy(key), &text, letter);
            }
        }
        // A column may also be filled from elsewhere. What said the same itself stays in the map, which tells the two
        // apart.
        if self.service.is_none() {
            self.service.clone_from(&self.container);
        } else if let Some(service) = self.service.clone()
            && self.service == self.container
            && self.said("service.name").is_none()
        {
            self.keep("service.name", &service, b's');
        }
        if let Some(env) = self.env.clone()
            && self.env_is_stable
            && self.said("deployment.environment") == Some(env.as_str())
            && self.said("deployment.environment.name").is_none()
        {
            self.keep("deployment.environment.name", &env, b's');
        }
        if self.log_group.is_none()
            && let (Some(cluster), Some(service)) = (&self.cluster, &self.service)
        {
            self.log_group = Some(format!("/{cluster}/{service}"));
        }
    }

    fn keep(&mut self, key: &str, text: &str, letter: u8) {
        self.rest.push((key.to_owned(), text.to_owned(), letter));
    }

    /// What the map says.
    fn said(&self, key: &str) -> Option<&str> {
        self.rest.iter().find(|(said, ..)| said == key).map(|(_, text, _)| text.as_str())
    }

    fn close(&mut self) {
        let letters = self.rest.iter().map(|(.., letter)| *letter as char);
        self.types = letters.clone().any(|letter| letter != 's').then(|| letters.collect());
    }

    /// Whether a column holds all that the attribute says: its value, and that it was text.
    fn take(&mut self, key: &[u8], text: &str, letter: u8) -> bool {
        let exact = match key {
            b"service.name" => &mut self.service,
            b"deployment.environment.name" => &mut self.env,
            b"service.version" => &mut self.version,
            b"aws.ecs.service.name" => &mut self.ecs_service,
            b"aws.ecs.task.family" => &mut self.task_family,
            b"container.name" => &mut self.container,
            b"container.id" => &mut self.container_id,
            b"aws.ecs.launchtype" => &mut self.launch_type,
            b"cloud.account.id" => &mut self.account,
            b"cloud.region" => &mut self.region,
            b"cloud.availability_zone" => &mut self.az,
            b"host.name" => &mut self.host,
            b"aws.ecs.task.revision" => {
                let first = self.task_revision.is_none();
                self.task_revision = self.task_revision.or(text.parse().ok());
                let whole = self.task_revision.is_some_and(|revision| revision.to_string() == text);
                return first && whole && letter == b's';
            }
            _ => {
                self.derive(key, text);
                return false;
            }
        };
        // The name before the conventions were stable may have come first.
        let stable = key == b"deployment.environment.name" && !self.env_is_stable;
        if text.is_empty() || (exact.is_some() && !stable) {
            return false;
        }
        *exact = Some(text.to_owned());
        self.env_is_stable |= stable;
        letter == b's'
    }

    /// Columns that say less than the attribute, which is kept as well.
    fn derive(&mut self, key: &[u8], text: &str) {
        match key {
            b"aws.ecs.cluster.arn" => self.cluster = Some(last_part(text)),
            b"aws.ecs.task.arn" => self.task = Some(last_part(text)),
            // Names that the ECS receivers of the Collector and of this program use.
            b"aws.ecs.cluster.name" if self.cluster.is_none() => self.cluster = Some(text.to_owned()),
            b"aws.ecs.task.id" if self.task.is_none() => self.task = Some(text.to_owned()),
            b"deployment.environment" if self.env.is_none() => self.env = Some(text.to_owned()),
            b"aws.ecs.container.name" | b"ecs.container-name" if self.container.is_none() => {
                self.container = Some(text.to_owned());
            }
            b"aws.log.group.names" => {
                let first = text.trim_matches(['[', ']']).split(',').next().unwrap_or_default();
                self.log_group = Some(first.trim_matches('"').to_owned());
            }
            b"log.iostream" => self.stream = Some(text.to_owned()),
            _ => {}
        }
    }
}

/// What a record says of its container itself, in place of its resource.
#[derive(Default, Clone, Copy)]
pub(super) struct Container<'a> {
    pub name: Option<&'a str>,
    pub id: Option<&'a str>,
}

#[derive(Default)]
pub(super) struct Block {
    time: Times,
    time_ns: Int16Builder,
    service: Label,
    env: Label,
    version: Label,
    cluster: Label,
    ecs_service: Label,
    task_family: Label,
    task_revision: Int32Builder,
    task: Label,
    container: Label,
    container_id: Label,
    launch_type: Label,
    account: Label,
    region: Label,
    az: Label,
    host: Label,
    resource: TextMap,
    resource_types: Label,
}

impl Block {
    /// Nanoseconds since the epoch.
    pub fn push(&mut self, time: u64, origin: &Origin, container: Container<'_>) {
        let remainder = self.time.push(time);
        self.time_ns.append_value(remainder);
        let name = container.name.or(origin.container.as_deref());
        self.service.push(origin.service.as_deref().or(name));
        self.env.push(origin.env.as_deref());
        self.version.push(origin.version.as_deref());
        self.cluster.push(origin.cluster.as_deref());
        self.ecs_service.push(origin.ecs_service.as_deref());
        self.task_family.push(origin.task_family.as_deref());
        self.task_revision.append_option(origin.task_revision);
        self.task.push(origin.task.as_deref());
        self.container.push(name);
        self.container_id.push(container.id.or(origin.container_id.as_deref()));
        self.launch_type.push(origin.launch_type.as_deref());
        self.account.push(origin.account.as_deref());
        self.region.push(origin.region.as_deref());
        self.az.push(origin.az.as_deref());
        self.host.push(origin.host.as_deref());
        for (key, value, _) in &origin.rest {
            self.resource.entry(key, value);
        }
        // Where the record names another container, the resource's own would be lost.
        let mut any = !origin.rest.is_empty();
        let overruled = [
            ("container.name", container.name, &origin.container),
            ("container.id", container.id, &origin.container_id),
        ];
        for (key, named, own) in overruled {
            if let (Some(_), Some(own), None) = (named, own, origin.said(key)) {
                self.resource.entry(key, own);
                any = true;
            }
        }
        // And the column `service` would be taken for the name of the record's container.
        if let (Some(name), Some(own)) = (container.name, &origin.service)
            && name == own
            && origin.service != origin.container
            && origin.said("service.name").is_none()
        {
            self.resource.entry("service.name", own);
            any = true;
        }
        self.resource.end(any);
        self.resource_types.push(origin.types.as_deref());
    }

    pub fn finish(&mut self) -> Vec<ArrayRef> {
        vec![
            self.time.finish(),
            Arc::new(self.time_ns.finish()),
            self.service.finish(),
            self.env.finish(),
            self.version.finish(),
            self.cluster.finish(),
            self.ecs_service.finish(),
            self.task_family.finish(),
            Arc::new(self.task_revision.finish()),
            self.task.finish(),
            self.container.finish(),
            self.container_id.finish(),
            self.launch_type.finish(),
            self.account.finish(),
            self.region.finish(),
            self.az.finish(),
            self.host.finish(),
            self.resource.finish(),
            self.resource_types.finish(),
        ]
    }
}

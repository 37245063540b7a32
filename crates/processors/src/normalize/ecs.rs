//! What FireLens and Docker's log driver add to a line, under the names of the semantic conventions.
//!
//! All records of a task share its resource; what differs from it stays with the record. A container is the
//! record's: several of them may share one connection.

use model::{Arena, LogRecord, NodeId, Resource, Span, Value};

use super::text::{set, span};

/// Renames the fields; `resource` is the record's.
pub fn rename(arena: &mut Arena, record: &mut LogRecord, resource: Option<&mut Resource>) {
    if !arena.iter(record.attributes).any(|(_, node)| is_known(arena.bytes(node.key))) {
        return;
    }
    let mut nothing = Resource::default();
    let mut place = Place { arena, record, resource: resource.unwrap_or(&mut nothing) };
    place.task();
    place.container();
}

fn is_known(key: &[u8]) -> bool {
    matches!(
        key,
        b"ecs_task_arn"
            | b"ecs_cluster"
            | b"ecs_task_definition"
            | b"ec2_instance_id"
            | b"container_id"
            | b"container_name"
            | b"source"
    )
}

struct Place<'a> {
    arena: &'a mut Arena,
    record: &'a mut LogRecord,
    resource: &'a mut Resource,
}

impl Place<'_> {
    fn task(&mut self) {
        if let Some(arn) = self.take("ecs_task_arn", |text| text.starts_with(b"arn:")) {
            let id = self.behind_last(arn, b'/');
            self.put("aws.ecs.task.arn", arn);
            self.put("aws.ecs.task.id", id);
            self.cluster(arn);
        }
        if let Some(definition) = self.take("ecs_task_definition", |text| text.contains(&b':')) {
            let revision = self.behind_last(definition, b':');
            let family = definition.part(0, definition.len() - revision.len() - 1);
            let family = self.behind_last(family, b'/');
            self.put("aws.ecs.task.family", family);
            self.put("aws.ecs.task.revision", revision);
        }
        if let Some(instance) = self.take("ec2_instance_id", |text| !text.is_empty()) {
            self.put("host.id", instance);
        }
    }

    /// FireLens tells a cluster's name; its ARN begins as the task's does.
    fn cluster(&mut self, task: Span) {
        let Some(cluster) = self.take("ecs_cluster", |text| !text.is_empty()) else { return };
        let known = self.arena.get(self.resource.attributes, b"aws.ecs.cluster.arn");
        let known = known.and_then(|known| span(self.arena, known)).map(|known| self.arena.bytes(known));
        let front = known.and_then(|known| known.strip_suffix(self.arena.bytes(cluster)));
        if front.is_some_and(|front| front.ends_with(b":cluster/")) {
            return;
        }
        let arn = self.arena.bytes(task);
        let start = arn.windows(6).position(|window| window == b":task/");
        let arn = match start.filter(|_| !self.arena.bytes(cluster).starts_with(b"arn:")) {
            Some(start) => {
                let mut whole = arn[..start].to_vec();
                whole.extend_from_slice(b":cluster/");
                whole.extend_from_slice(self.arena.bytes(cluster));
                self.arena.store(&whole)
            }
            None => cluster,
        };
        self.put("aws.ecs.cluster.arn", arn);
    }

    fn container(&mut self) {
        if let Some(name) = self.take("container_name", |_| true) {
            // Docker writes its names with a slash in front.
            let slash = usize::from(self.arena.bytes(name).first() == Some(&b'/'));
            self.attribute("container.name", name.part(slash, name.len()));
        }
        if let Some(id) = self.take("container_id", |_| true) {
            self.attribute("container.id", id);
        }
        if let Some(stream) = self.take("source", |text| matches!(text, b"stdout" | b"stderr")) {
            self.attribute("log.iostream", stream);
        }
    }

    /// The text of a field that fits, which is no attribute any more.
    fn take(&mut self, key: &str, fits: impl Fn(&[u8]) -> bool) -> Option<Span> {
        let id: NodeId = self.arena.find(self.record.attributes, key.as_bytes())?;
        let text =
            span(self.arena, self.arena.node(id).value).filter(|span| fits(self.arena.bytes(*span)))?;
        self.arena.remove(&mut self.record.attributes, key.as_bytes());
        Some(text)
    }

    /// Onto the resource, unless that is another's.
    fn put(&mut self, key: &str, text: Span) {
        match self.arena.get(self.resource.attributes, key.as_bytes()) {
            None => set(self.arena, &mut self.resource.attributes, key, Value::Str(text)),
            Some(known) => {
                let same = self.arena.text(known).as_deref() == Some(self.arena.bytes(text));
                if !same {
                    self.attribute(key, text);
                }
            }
        }
    }

    fn attribute(&mut self, key: &str, text: Span) {
        set(self.arena, &mut self.record.attributes, key, Value::Str(text));
    }

    fn behind_last(&self, text: Span, mark: u8) -> Span {
        let at = self.arena.bytes(text).iter().rposition(|byte| *byte == mark);
        text.part(at.map_or(0, |at| at + 1), text.len())
    }
}

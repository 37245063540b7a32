//! One record on its way through the operators.

use model::{Batch, List, LogRecord, Resource, Scope, Value};

use super::field::Root;
use crate::fields::duplicate;

pub(super) struct Entry {
    pub record: LogRecord,
    /// Attributes of a resource of its own, once an operator has touched it.
    pub resource: Option<List>,
}

impl Entry {
    pub fn new(record: LogRecord) -> Entry {
        Entry { record, resource: None }
    }

    /// The one record of a batch that an operator held.
    pub fn of(own: &mut Batch) -> Option<Entry> {
        let record = own.logs.pop()?;
        let resource = own.resources.first().map(|resource| resource.attributes);
        own.resources.clear();
        Some(Entry { record, resource })
    }

    /// Likewise, with its bytes in another batch.
    pub fn imported(batch: &mut Batch, mut own: Batch) -> Option<Entry> {
        let Entry { record, resource } = Entry::of(&mut own)?;
        batch.import(&own, &record);
        let record = batch.logs.pop()?;
        let resource = resource.map(|list| match batch.arena.import(&own.arena, Value::Map(list)) {
            Value::Map(list) => list,
            _ => List::EMPTY,
        });
        Some(Entry { record, resource })
    }

    /// A copy in a batch of its own.
    pub fn export(&self, batch: &Batch) -> Batch {
        let mut own = Batch::new(batch.tag.clone(), Vec::new());
        own.import(batch, &self.record);
        if self.resource.is_some() || !batch.resources.is_empty() {
            let attributes = match own.arena.import(&batch.arena, self.root(batch, Root::Resource)) {
                Value::Map(list) => list,
                _ => List::EMPTY,
            };
            own.resources.push(Resource { attributes, ..Resource::default() });
        }
        own
    }

    pub fn root(&self, batch: &Batch, root: Root) -> Value {
        match root {
            Root::Body => self.record.body,
            Root::Attributes => Value::Map(self.record.attributes),
            Root::Resource => Value::Map(self.resource.unwrap_or_else(|| {
                let scope = batch.scopes.get(self.record.scope as usize);
                let resource = batch.resources.get(scope.map_or(0, |scope| scope.resource) as usize);
                resource.map_or(List::EMPTY, |resource| resource.attributes)
            })),
        }
    }

    /// As `root`, to be changed. A resource is shared until then.
    pub fn root_to_change(&mut self, batch: &mut Batch, root: Root) -> Value {
        let value = self.root(batch, root);
        if root == Root::Resource && self.resource.is_none() {
            return duplicate(&mut batch.arena, value);
        }
        value
    }

    pub fn set_root(&mut self, root: Root, value: Value) {
        let list = if let Value::Map(list) = value { list } else { List::EMPTY };
        match root {
            Root::Body => self.record.body = value,
            Root::Attributes => self.record.attributes = list,
            Root::Resource => self.resource = Some(list),
        }
    }
}

/// Puts records back into their batch. Those whose resources say the same share one.
pub(super) fn put_back(batch: &mut Batch, entries: Vec<Entry>) {
    if entries.iter().any(|entry| entry.resource.is_some()) && entries.iter().any(|e| e.resource.is_none()) {
        batch.need_resource();
    }
    let mut known: Vec<(u32, Vec<u8>, u32)> = Vec::new();
    batch.logs.reserve(entries.len());
    for Entry { mut record, resource } in entries {
        if let Some(attributes) = resource {
            let mut text = Vec::new();
            model::json::write_map(&batch.arena, attributes, &mut text);
            let same = known.iter().find(|(scope, known, _)| *scope == record.scope && *known == text);
            record.scope = match same {
                Some((.., scope)) => *scope,
                None => {
                    let former = record.scope;
                    let scope = add_scope(batch, former, attributes);
                    known.push((former, text, scope));
                    scope
                }
            };
        }
        batch.logs.push(record);
    }
}

fn add_scope(batch: &mut Batch, former: u32, attributes: List) -> u32 {
    let former = batch.scopes.get(former as usize).copied().unwrap_or_default();
    batch.resources.push(Resource { attributes, ..Resource::default() });
    batch.scopes.push(Scope { resource: batch.resources.len() as u32 - 1, ..former });
    batch.scopes.len() as u32 - 1
}

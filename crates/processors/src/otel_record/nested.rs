//! Each part under a name of its own, what is empty left out.

use model::{Arena, List, LogRecord, Resource, Scope, Value};

use super::Fields;

pub(super) fn fields(arena: &mut Arena, record: &LogRecord, scope: &Scope, resource: &Resource) -> List {
    let mut fields = Fields { arena, list: List::EMPTY };
    if record.body != Value::Null {
        fields.add("body", record.body);
    }
    fields.add_number("severity_number", u32::from(record.severity.0));
    fields.add_span("severity_text", record.severity_text);
    fields.add_number("dropped_attributes_count", record.dropped_attributes);
    fields.add_number("flags", record.flags);
    fields.add_id("trace_id", &record.trace_id);
    fields.add_id("span_id", &record.span_id);
    fields.add_map("attributes", record.attributes);
    let mut of_scope = Fields { arena: &mut *fields.arena, list: List::EMPTY };
    of_scope.add_span("name", scope.name);
    of_scope.add_span("version", scope.version);
    of_scope.add_map("attributes", scope.attributes);
    let of_scope = of_scope.list;
    fields.add_map("scope", of_scope);
    fields.add_map("resource", resource.attributes);
    fields.list
}

//! What a field is for, by its name. Case makes no difference: each library has its own habit.

/// What a field may tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Severity,
    /// A severity in Datadog's logs, anything else elsewhere: asked last.
    Status,
    /// An id alone, or a header with both ids.
    Trace,
    Span,
    /// Decimal or hexadecimal.
    DatadogTrace,
    DatadogSpan,
    Flags,
    Time,
    /// Objects whose members tell: `trace: {id}`, `span: {id}`, `dd: {trace_id, span_id}`.
    TraceObject,
    SpanObject,
    DatadogObject,
}

/// The longest name that is known.
const LONGEST: usize = 15;

pub fn of(name: &[u8]) -> Option<Role> {
    let mut lower = [0; LONGEST];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    Some(match &*lower {
        b"level" | b"severity" | b"lvl" | b"loglevel" | b"log_level" | b"log.level" | b"levelname"
        | b"severity_text" | b"severitytext" | b"@l" => Role::Severity,
        b"status" => Role::Status,
        b"trace_id" | b"traceid" | b"trace.id" | b"trace-id" | b"oteltraceid" | b"@tr" | b"traceparent"
        | b"xray_trace_id" | b"xraytraceid" | b"x-amzn-trace-id" => Role::Trace,
        b"span_id" | b"spanid" | b"span.id" | b"span-id" | b"otelspanid" | b"@sp" => Role::Span,
        b"dd.trace_id" => Role::DatadogTrace,
        b"dd.span_id" => Role::DatadogSpan,
        b"trace_flags" | b"traceflags" => Role::Flags,
        b"time" | b"timestamp" | b"@timestamp" | b"ts" | b"@t" => Role::Time,
        b"trace" => Role::TraceObject,
        b"span" => Role::SpanObject,
        b"dd" => Role::DatadogObject,
        _ => return None,
    })
}

impl Role {
    /// What a member of the object with this role tells.
    pub fn member(self, name: &[u8]) -> Option<Role> {
        match (self, name) {
            (Role::TraceObject, b"id") => Some(Role::Trace),
            (Role::SpanObject, b"id") => Some(Role::Span),
            (Role::DatadogObject, b"trace_id") => Some(Role::DatadogTrace),
            (Role::DatadogObject, b"span_id") => Some(Role::DatadogSpan),
            _ => None,
        }
    }

    pub fn is_object(self) -> bool {
        matches!(self, Role::TraceObject | Role::SpanObject | Role::DatadogObject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case() {
        for (name, role) in [
            ("level", Some(Role::Severity)),
            ("LEVEL", Some(Role::Severity)),
            ("traceId", Some(Role::Trace)),
            ("otelTraceID", Some(Role::Trace)),
            ("X-Amzn-Trace-Id", Some(Role::Trace)),
            ("@timestamp", Some(Role::Time)),
            ("", None),
            ("levels", None),
            ("a name longer than any that is known", None),
        ] {
            assert_eq!(of(name.as_bytes()), role, "{name}");
        }
    }
}

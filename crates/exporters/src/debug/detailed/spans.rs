//! A span with its events and links.

use std::io::Write;

use model::trace::{SpanEvent, SpanLink};
use model::{Arena, List, TraceSpan};

use super::{Hex, Text, Time, write_attributes, write_list};

const KINDS: [&str; 6] = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
const CODES: [&str; 3] = ["Unset", "Ok", "Error"];

pub fn write(arena: &Arena, span: &TraceSpan, out: &mut Vec<u8>) {
    let status = span.status.unwrap_or_default();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(out, "    {name:<15}: {value}");
    };
    line("Trace ID", &Hex(&span.trace_id));
    line("Parent ID", &Hex(&span.parent_span_id));
    line("ID", &Hex(&span.span_id));
    line("Name", &Text(arena, span.name));
    line("Kind", KINDS.get(usize::from(span.kind)).unwrap_or(&""));
    if !span.trace_state.is_empty() {
        line("TraceState", &Text(arena, span.trace_state));
    }
    line("Start time", &Time(span.start));
    line("End time", &Time(span.end));
    line("Status code", CODES.get(usize::from(status.code)).unwrap_or(&""));
    line("Status message", &Text(arena, status.message));
    for (name, dropped) in [
        ("DroppedAttributesCount", span.dropped_attributes),
        ("DroppedEventsCount", span.dropped_events),
        ("DroppedLinksCount", span.dropped_links),
    ] {
        if dropped > 0 {
            line(name, &dropped);
        }
    }
    write_attributes(arena, "Attributes:", span.attributes, out);
    write_events(arena, &span.events, out);
    write_links(arena, &span.links, out);
}

fn write_events(arena: &Arena, events: &[SpanEvent], out: &mut Vec<u8>) {
    if !events.is_empty() {
        out.extend_from_slice(b"Events:\n");
    }
    for (place, event) in events.iter().enumerate() {
        let _ = writeln!(out, "SpanEvent #{place}");
        let _ = writeln!(out, "     -> Name: {}", Text(arena, event.name));
        let _ = writeln!(out, "     -> Timestamp: {}", Time(event.time));
        write_rest(arena, event.dropped_attributes, event.attributes, out);
    }
}

fn write_links(arena: &Arena, links: &[SpanLink], out: &mut Vec<u8>) {
    if !links.is_empty() {
        out.extend_from_slice(b"Links:\n");
    }
    for (place, link) in links.iter().enumerate() {
        let _ = writeln!(out, "SpanLink #{place}");
        let _ = writeln!(out, "     -> Trace ID: {}", Hex(&link.trace_id));
        let _ = writeln!(out, "     -> ID: {}", Hex(&link.span_id));
        let _ = writeln!(out, "     -> TraceState: {}", Text(arena, link.trace_state));
        write_rest(arena, link.dropped_attributes, link.attributes, out);
    }
}

fn write_rest(arena: &Arena, dropped: u32, attributes: List, out: &mut Vec<u8>) {
    let _ = writeln!(out, "     -> DroppedAttributesCount: {dropped}");
    if !attributes.is_empty() {
        out.extend_from_slice(b"     -> Attributes::\n");
        write_list(arena, "          ", attributes, out);
    }
}

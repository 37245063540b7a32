//! Access logs of nginx and Apache, in the common and the combined form, with or without a virtual host in front and
//! more fields behind.
//!
//! The body stays the whole line. Sources: Apache's mod_log_config, nginx's ngx_http_log_module; semantic conventions
//! for HTTP, URL, client and user agent.

use std::ops::Range;

use model::{Arena, List, LogRecord, Severity, Span, Value};

use super::text::{digits, set};
use super::{Config, time};

/// Where the parts of a line stand.
#[derive(Debug, Default, PartialEq, Eq)]
struct Line {
    host: Range<usize>,
    user: Range<usize>,
    time: Range<usize>,
    request: Range<usize>,
    status: Range<usize>,
    size: Range<usize>,
    referrer: Range<usize>,
    agent: Range<usize>,
}

/// Methods that attributes name; any other is `_OTHER`.
const METHODS: [&[u8]; 10] =
    [b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH", b"CONNECT", b"TRACE", b"QUERY"];

/// True when the line was one.
pub fn read(arena: &mut Arena, record: &mut LogRecord, line: Span, config: Config) -> bool {
    let bytes = arena.bytes(line);
    let Some(read) = parse(bytes) else { return false };
    let Some(status) = digits::<i64>(&bytes[read.status.clone()]) else { return false };
    let size = digits::<i64>(&bytes[read.size.clone()]);
    if record.time == 0 {
        record.time = time::of_access_log(&bytes[read.time.clone()]).unwrap_or(0);
    }
    if config.severity && record.severity.0 == 0 {
        record.severity = Severity(if status < 500 { 9 } else { 17 });
    }
    let mut out = Attributes { arena, line, list: record.attributes };
    out.text("client.address", &read.host);
    out.text("user.name", &read.user);
    out.request(&read.request);
    set(out.arena, &mut out.list, "http.response.status_code", Value::Int(status));
    if let Some(size) = size {
        set(out.arena, &mut out.list, "http.response.body.size", Value::Int(size));
    }
    out.texts("http.request.header.referer", &read.referrer);
    out.text("user_agent.original", &read.agent);
    record.attributes = out.list;
    true
}

fn parse(line: &[u8]) -> Option<Line> {
    let mut at = 0;
    let mut first = word(line, &mut at)?;
    let mut ident = word(line, &mut at)?;
    let mut user = word(line, &mut at)?;
    if line.get(at) != Some(&b'[') {
        // Apache's `vhost_combined` has `host:port` in front.
        (first, ident, user) = (ident, user, word(line, &mut at)?);
    }
    let time = enclosed(line, &mut at, b'[', b']')?;
    let request = enclosed(line, &mut at, b'"', b'"')?;
    let status = word(line, &mut at).filter(|status| status.len() == 3)?;
    let size = word(line, &mut at)?;
    let whole = !ident.is_empty() && (size.len() == 1 || line[size.clone()].iter().all(u8::is_ascii_digit));
    let referrer = enclosed(line, &mut at, b'"', b'"').unwrap_or_default();
    let agent = enclosed(line, &mut at, b'"', b'"').unwrap_or_default();
    whole.then_some(Line { host: first, user, time, request, status, size, referrer, agent })
}

/// Up to the next space, which is passed over.
fn word(line: &[u8], at: &mut usize) -> Option<Range<usize>> {
    let start = *at;
    let length = line.get(start..)?.iter().position(|byte| *byte == b' ').unwrap_or(line.len() - start);
    // The longest are names of hosts and users; a line of prose is given up soon.
    if length == 0 || length > 255 {
        return None;
    }
    *at = (start + length + 1).min(line.len());
    Some(start..start + length)
}

/// What stands between two marks; a backslash hides a mark. A space behind it is passed over.
fn enclosed(line: &[u8], at: &mut usize, open: u8, close: u8) -> Option<Range<usize>> {
    let start = *at + 1;
    let mut end = start;
    if line.get(*at) != Some(&open) {
        return None;
    }
    loop {
        match line.get(end)? {
            b'\\' => end += 2,
            byte if *byte == close => break,
            _ => end += 1,
        }
    }
    *at = (end + 2).min(line.len());
    Some(start..end)
}

struct Attributes<'a> {
    arena: &'a mut Arena,
    line: Span,
    list: List,
}

impl Attributes<'_> {
    fn bytes(&self, range: &Range<usize>) -> &[u8] {
        &self.arena.bytes(self.line)[range.clone()]
    }

    /// Left out where the server had nothing to write.
    fn text(&mut self, key: &str, range: &Range<usize>) {
        if !matches!(self.bytes(range), b"-" | b"") {
            let value = Value::Str(self.line.part(range.start, range.end));
            set(self.arena, &mut self.list, key, value);
        }
    }

    /// As headers are: a list of texts.
    fn texts(&mut self, key: &str, range: &Range<usize>) {
        if !matches!(self.bytes(range), b"-" | b"") {
            let mut items = List::EMPTY;
            let value = Value::Str(self.line.part(range.start, range.end));
            self.arena.push(&mut items, Span::EMPTY, value);
            set(self.arena, &mut self.list, key, Value::Array(items));
        }
    }

    /// `GET /path?query HTTP/1.1`; what clients send that speak no HTTP is left in the body.
    fn request(&mut self, range: &Range<usize>) {
        let request = self.bytes(range);
        let spaces = |byte: &u8| *byte == b' ';
        let (Some(first), Some(last)) = (request.iter().position(spaces), request.iter().rposition(spaces))
        else {
            return;
        };
        let Some(version) = request[last + 1..].strip_prefix(b"HTTP/") else { return };
        let version = range.end - version.len()..range.end;
        let known = METHODS.contains(&&request[..first]);
        if first >= last {
            return;
        }
        let target = range.start + first + 1..range.start + last;
        self.method(&(range.start..range.start + first), known);
        self.target(&target);
        self.version(version);
    }

    fn method(&mut self, method: &Range<usize>, known: bool) {
        if known {
            return self.text("http.request.method", method);
        }
        let other = self.arena.store(b"_OTHER");
        set(self.arena, &mut self.list, "http.request.method", Value::Str(other));
        self.text("http.request.method_original", method);
    }

    fn target(&mut self, target: &Range<usize>) {
        let bytes = self.bytes(target);
        if !bytes.starts_with(b"/") {
            // A proxy's whole address, or `*`.
            return self.text("url.original", target);
        }
        let question = bytes.iter().position(|byte| *byte == b'?');
        let path = question.map_or(target.end, |at| target.start + at);
        self.text("url.path", &(target.start..path));
        if question.is_some() {
            self.text("url.query", &(path + 1..target.end));
        }
    }

    /// `2.0` and `3.0` are written `2` and `3`.
    fn version(&mut self, version: Range<usize>) {
        let short = matches!(self.bytes(&version), b"2.0" | b"3.0");
        let end = if short { version.start + 1 } else { version.end };
        self.text("network.protocol.version", &(version.start..end));
    }
}

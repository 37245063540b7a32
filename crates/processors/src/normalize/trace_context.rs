//! Trace and span ids in the forms they are logged in.
//!
//! Sources: W3C Trace Context (`traceparent`); AWS X-Ray's trace ids and its tracing header; B3's 64-bit ids;
//! Datadog's `dd.trace_id` and `dd.span_id`, decimal or hexadecimal.

use super::text::digits;

pub type TraceId = [u8; 16];
pub type SpanId = [u8; 8];

/// What one field tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    pub trace: TraceId,
    pub span: Option<SpanId>,
    pub flags: Option<u8>,
}

/// A trace id, or a header that holds one.
pub fn context(text: &[u8]) -> Option<Context> {
    let trace = match text.len() {
        32 => hex(text),
        35 => xray(text),
        16 => hex(text).map(widened),
        _ => return traceparent(text).or_else(|| xray_header(text)),
    };
    Some(Context { trace: trace?, span: None, flags: None })
}

pub fn span(text: &[u8]) -> Option<SpanId> {
    hex(text)
}

/// 32 digits are hexadecimal; others without a letter are a decimal number.
pub fn datadog_trace(text: &[u8]) -> Option<TraceId> {
    if text.len() != 32
        && let Some(number) = digits::<u128>(text)
    {
        return Some(number.to_be_bytes()).filter(|id| *id != [0; 16]);
    }
    if text.len() == 16 { hex(text).map(widened) } else { hex(text) }
}

pub fn datadog_span(text: &[u8]) -> Option<SpanId> {
    match digits::<u64>(text) {
        Some(number) => Some(number.to_be_bytes()).filter(|id| *id != [0; 8]),
        None => hex(text),
    }
}

/// Two hexadecimal digits, or a number of one.
pub fn flags(text: &[u8]) -> Option<u8> {
    match text {
        [one] => nibble(*one),
        _ => bytes::<1>(text).map(|[flags]| flags),
    }
}

pub fn widened(half: SpanId) -> TraceId {
    let mut trace = [0; 16];
    trace[8..].copy_from_slice(&half);
    trace
}

/// `00-<trace>-<parent>-<flags>`; versions to come may have more behind it.
fn traceparent(text: &[u8]) -> Option<Context> {
    let parts = (text.get(..2)?, text.get(3..35)?, text.get(36..52)?, text.get(53..55)?);
    let dashes = [2, 35, 52].iter().all(|place| text[*place] == b'-');
    let [version] = bytes::<1>(parts.0)?;
    let whole = text.len() == 55 || (version != 0 && text[55] == b'-');
    if !dashes || !whole || version == 0xff {
        return None;
    }
    Some(Context { trace: hex(parts.1)?, span: Some(hex(parts.2)?), flags: flags(parts.3) })
}

/// `1-<8 digits>-<24 digits>`.
fn xray(text: &[u8]) -> Option<TraceId> {
    let (time, rest) = text.strip_prefix(b"1-")?.split_at_checked(8)?;
    let rest = rest.strip_prefix(b"-").filter(|rest| rest.len() == 24)?;
    let mut digits = [0; 32];
    digits[..8].copy_from_slice(time);
    digits[8..].copy_from_slice(rest);
    hex(&digits)
}

/// `Root=1-…-…;Parent=…;Sampled=1`, its parts in any order.
fn xray_header(text: &[u8]) -> Option<Context> {
    let (mut trace, mut parent, mut flags) = (None, None, None);
    for part in text.split(|byte| *byte == b';') {
        match part.trim_ascii().split_at_checked(5) {
            Some((b"Root=", root)) => trace = xray(root),
            Some((b"Paren", rest)) => parent = rest.strip_prefix(b"t=").and_then(span),
            Some((b"Sampl", b"ed=1")) => flags = Some(1),
            _ => {}
        }
    }
    Some(Context { trace: trace?, span: parent, flags })
}

/// Digits for `N` bytes that are not all zero.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    bytes(text).filter(|id| *id != [0; N])
}

fn bytes<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(out)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let Context { trace, span, flags } = context(text.as_bytes())?;
        let span = span.map(|span| hex(&span)).unwrap_or_default();
        Some(format!("{} {span} {}", hex(&trace), flags.map_or(String::new(), |flags| flags.to_string())))
    }

    #[test]
    fn ids_are_read_in_all_their_forms() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (text, expected) in [
            (trace, Some(format!("{trace}  "))),
            ("4BF92F3577B34DA6A3CE929D0E0E4736", Some(format!("{trace}  "))),
            ("a3ce929d0e0e4736", Some("0000000000000000a3ce929d0e0e4736  ".into())),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                Some(format!("{trace} 00f067aa0ba902b7 1")),
            ),
            ("1-5759e988-bd862e3fe1be46a994272793", Some("5759e988bd862e3fe1be46a994272793  ".into())),
            (
                "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
                Some("5759e988bd862e3fe1be46a994272793 53995c3f42cd8ad8 1".into()),
            ),
            (
                "Self=1-67891234-12456789abcdef012345678;Root=1-5759e988-bd862e3fe1be46a994272793",
                Some("5759e988bd862e3fe1be46a994272793  ".into()),
            ),
            ("00000000000000000000000000000000", None),
            ("1-00000000-000000000000000000000000", None),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", None),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
            ("4bf92f3577b34da6a3ce929d0e0e473g", None),
            ("1-5759e988_bd862e3fe1be46a994272793", None),
            ("", None),
            ("Root=", None),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn ids_of_datadog_are_decimal_or_hexadecimal() {
        let low = |number: u64| Some(widened(number.to_be_bytes()));
        assert_eq!(datadog_trace(b"8429174620127485123"), low(8_429_174_620_127_485_123));
        assert_eq!(datadog_trace(b"a3ce929d0e0e4736"), low(0xa3ce_929d_0e0e_4736));
        assert_eq!(datadog_trace(b"66372a5c000000001234567812345678").map(|id| id[0]), Some(0x66));
        assert_eq!(datadog_trace(b"0"), None);
        assert_eq!(datadog_span(b"1234"), Some(1234u64.to_be_bytes()));
        assert_eq!(datadog_span(b"00f067aa0ba902b7").map(|id| id[1]), Some(0xf0));
        assert_eq!(datadog_span(b"no"), None);
    }
}

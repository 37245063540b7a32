//! Cuts JSON arrays and objects into the exact bytes of their members, and compares documents.

use serde_json::Value;

/// The bytes of each element of a JSON array, white space around them removed. `None` if it is no array.
///
/// Does not check what an element holds, so it also works on what some programs send as JSON.
pub fn elements(text: &[u8]) -> Option<Vec<&[u8]>> {
    let text = text.trim_ascii();
    let inner = text.strip_prefix(b"[")?.strip_suffix(b"]")?;
    Some(split(inner))
}

fn split(inner: &[u8]) -> Vec<&[u8]> {
    let (mut out, mut depth, mut start, mut at) = (Vec::new(), 0usize, 0, 0);
    while at < inner.len() {
        match inner[at] {
            b'"' => at = end_of_string(inner, at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                out.push(inner[start..at].trim_ascii());
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    let last = inner[start.min(inner.len())..].trim_ascii();
    if !last.is_empty() || !out.is_empty() {
        out.push(last);
    }
    out
}

/// Where the closing quote of the string that opens at `at` stands.
fn end_of_string(text: &[u8], at: usize) -> usize {
    let mut i = at + 1;
    while i < text.len() && text[i] != b'"' {
        i += if text[i] == b'\\' { 2 } else { 1 };
    }
    i
}

/// A document as text whose members are sorted: equal for equal documents whatever order they came in.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| name.as_str());
            let members: Vec<_> = members
                .iter()
                .map(|(name, v)| format!("{}:{}", Value::from(name.as_str()), canonical(v)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(n), ..) => n.to_string(),
            (_, Some(n), _) => n.to_string(),
            // 12.0 and 12 are the same number to every consumer.
            (.., Some(n)) if n.fract() == 0.0 && n.abs() < 1e15 => (n as i64).to_string(),
            // Programs print the last digits of a double differently.
            (.., Some(n)) => format!("{n:.14e}"),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_elements_as_they_are() {
        let cut = elements(br#" [ {"a":"],\""} , [1,2],3 ] "#).unwrap();
        assert_eq!(cut, [&br#"{"a":"],\""}"#[..], b"[1,2]", b"3"]);
        assert_eq!(elements(b"[]").unwrap().len(), 0);
        assert!(elements(b"{}").is_none());
    }

    #[test]
    fn order_does_not_matter_to_equality() {
        let a: Value = serde_json::from_str(r#"{"b":1.0,"a":[{"y":2,"x":null}]}"#).unwrap();
        let b: Value = serde_json::from_str(r#"{"a":[{"x":null,"y":2}],"b":1}"#).unwrap();
        assert_eq!(canonical(&a), canonical(&b));
    }
}

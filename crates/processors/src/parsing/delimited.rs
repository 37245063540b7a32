//! The formats of keys and values in one line: LTSV and logfmt.
//!
//! Both find ranges in the text and copy nothing.

use std::ops::Range;

/// A key, and what stands behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    pub key: Range<usize>,
    pub value: Range<usize>,
    pub form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Plain,
    /// In quotes with a backslash in it.
    Escaped,
    /// Nothing: `k=`, or just `k`.
    Absent,
}

/// Reads `label:value` pairs between tabs, up to the first thing that is none. `None` when there is no pair.
pub fn ltsv(text: &[u8]) -> Option<Vec<Pair>> {
    let (mut pairs, mut at) = (Vec::new(), 0);
    loop {
        let label = at..run(text, at, |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if label.is_empty() || text.get(label.end) != Some(&b':') {
            break;
        }
        let value = label.end + 1..run(text, label.end + 1, |byte| !b"\t\r\n\0".contains(&byte));
        at = value.end + 1;
        pairs.push(Pair { key: label, value, form: Form::Plain });
        if at > text.len() {
            break;
        }
    }
    (!pairs.is_empty()).then_some(pairs)
}

/// Reads `key=value`, `key="value"` and bare keys. `None` when there is no key, or a bare one where
/// `bare_keys` forbids it.
pub fn logfmt(text: &[u8], bare_keys: bool) -> Option<Vec<Pair>> {
    let word = |byte: u8| byte > b' ' && byte != b'=' && byte != b'"';
    let (mut pairs, mut at) = (Vec::new(), 0);
    loop {
        let start = run(text, at, |byte| !word(byte));
        let key = start..run(text, start, word);
        if key.is_empty() {
            break;
        }
        at = key.end;
        let (mut value, mut form) = (at..at, Form::Absent);
        if text.get(at) != Some(&b'=') {
            if !bare_keys {
                return None;
            }
        } else if text.get(at + 1) == Some(&b'"') {
            (value, form) = quoted(text, at + 2);
            at = (value.end + 1).min(text.len());
        } else {
            value = at + 1..run(text, at + 1, word);
            form = if value.is_empty() { Form::Absent } else { Form::Plain };
            at = value.end;
        }
        pairs.push(Pair { key, value, form });
    }
    (!pairs.is_empty()).then_some(pairs)
}

/// From behind the opening quote to the closing one, or to the end of the text.
fn quoted(text: &[u8], start: usize) -> (Range<usize>, Form) {
    let (mut at, mut form) = (start, Form::Plain);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => break,
            b'\\' => {
                form = Form::Escaped;
                at += 2;
            }
            _ => at += 1,
        }
    }
    (start..at.min(text.len()), form)
}

/// Where the run of bytes that fit ends.
fn run(text: &[u8], from: usize, fits: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.iter().position(|byte| !fits(*byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str, pairs: Option<Vec<Pair>>) -> String {
        let Some(pairs) = pairs else { return "none".into() };
        let show = |pair: &Pair| match pair.form {
            Form::Absent => text[pair.key.clone()].to_owned(),
            form => format!(
                "{}:{}{}",
                &text[pair.key.clone()],
                &text[pair.value.clone()],
                match form {
                    Form::Escaped => "!",
                    _ => "",
                }
            ),
        };
        pairs.iter().map(show).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn ltsv_pairs() {
        for (text, expected) in [
            ("host:192.0.2.7\tstatus:200\turl:http://x/y?z", "host:192.0.2.7|status:200|url:http://x/y?z"),
            ("a:\tb:1", "a:|b:1"),
            ("a:1\t\tb:2", "a:1"),
            ("a:1\t", "a:1"),
            ("a:1\tno label", "a:1"),
            ("nolabel", "none"),
            ("GET /x: y", "none"),
            ("", "none"),
            (":x", "none"),
        ] {
            assert_eq!(show(text, ltsv(text.as_bytes())), expected, "{text:?}");
        }
    }

    #[test]
    fn logfmt_pairs() {
        for (text, expected, strict) in [
            (r#"a=1 b="x y" flag"#, "a:1|b:x y|flag", "none"),
            (r#"m="say \"hi\"" t=1.5ms"#, r#"m:say \"hi\"!|t:1.5ms"#, r#"m:say \"hi\"!|t:1.5ms"#),
            (r#"k="" e= x=1"#, "k:|e|x:1", "k:|e|x:1"),
            ("a==1 =x \"q\"", "a|1|x|q", "none"),
            (r#"a="unterminated"#, "a:unterminated", "a:unterminated"),
            (r#"a="x\"#, r#"a:x\!"#, r#"a:x\!"#),
            ("café=é", "café:é", "café:é"),
            ("a=", "a", "a"),
            ("", "none", "none"),
            ("   ", "none", "none"),
        ] {
            assert_eq!(show(text, logfmt(text.as_bytes(), true)), expected, "{text:?}");
            assert_eq!(show(text, logfmt(text.as_bytes(), false)), strict, "{text:?} without bare keys");
        }
    }
}

//! Regular expressions and globs. RE2's syntax is rewritten to our engine's where the two differ.
//!
//! Both run in linear time and know no look-around. In RE2 `\d`, `\w`, `\s` and `\b` mean ASCII.

use std::sync::{Arc, Mutex, PoisonError};

use regex_automata::meta;
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;

use crate::eval::Expr;
use crate::fault::RunError;
use crate::target::Target;
use crate::value::Val;

pub type Regex = Arc<meta::Regex>;

/// Memory a single expression may take when compiled.
const MAX_EXPRESSION_BYTES: usize = 4 << 20;

#[derive(Debug)]
pub enum Pattern {
    Fixed(Regex),
    /// Made while running. The last one is kept with its text.
    Computed {
        expression: Expr,
        glob: bool,
        last: Mutex<Option<(Vec<u8>, Regex)>>,
    },
}

impl Pattern {
    pub fn computed(expression: Expr, glob: bool) -> Pattern {
        Pattern::Computed { expression, glob, last: Mutex::new(None) }
    }

    pub fn regex(&self, t: &mut Target<'_>) -> Result<Regex, RunError> {
        let (expression, glob, last) = match self {
            Pattern::Fixed(regex) => return Ok(regex.clone()),
            Pattern::Computed { expression, glob, last } => (expression, *glob, last),
        };
        let Val::Str(span) = expression.eval(t)? else {
            return Err(RunError::new("a pattern must be a string"));
        };
        let text = t.bytes(span);
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, regex)) = &*last
            && known == text
        {
            return Ok(regex.clone());
        }
        let text = String::from_utf8_lossy(text).into_owned();
        let compiled = if glob { self::glob(&text) } else { regex(&text) };
        let compiled = compiled.map_err(|fault| RunError(format!("the pattern is invalid: {fault}")))?;
        *last = Some((text.into_bytes(), compiled.clone()));
        Ok(compiled)
    }
}

/// Compiles an expression in RE2's syntax.
pub fn regex(text: &str) -> Result<Regex, String> {
    build(&rewritten(text))
}

fn build(text: &str) -> Result<Regex, String> {
    let settings = meta::Config::new().utf8_empty(true).nfa_size_limit(Some(MAX_EXPRESSION_BYTES));
    let built =
        meta::Builder::new().configure(settings).syntax(syntax::Config::new().nest_limit(250)).build(text);
    built.map(Arc::new).map_err(|error| match error.syntax_error() {
        Some(fault) => fault.to_string().lines().last().unwrap_or_default().replace("error: ", ""),
        None => error.to_string(),
    })
}

/// Compiles a glob: `*` any text, `?` one character, `[a-z]`, `[!a]`, `{one,two}`, `\` before what is meant as it is.
pub fn glob(text: &str) -> Result<Regex, String> {
    let (mut out, mut depth) = (String::from("(?s)^(?:"), 0);
    let mut rest = text.chars().peekable();
    let literal = |out: &mut String, letter: char| {
        if !letter.is_alphanumeric() && letter.is_ascii() && !letter.is_ascii_whitespace() && letter != '_' {
            out.push('\\');
        }
        out.push(letter);
    };
    while let Some(letter) = rest.next() {
        match letter {
            '*' => {
                while rest.next_if_eq(&'*').is_some() {}
                out.push_str(".*");
            }
            '?' => out.push('.'),
            '\\' => literal(&mut out, rest.next().ok_or("a backslash at the end")?),
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            ',' if depth > 0 => out.push('|'),
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            '[' => {
                out.push('[');
                if rest.next_if_eq(&'!').is_some() {
                    out.push('^');
                }
                loop {
                    match rest.next().ok_or("`[` without `]`")? {
                        ']' => break,
                        '-' => out.push('-'),
                        '\\' => literal(&mut out, rest.next().ok_or("a backslash at the end")?),
                        other => literal(&mut out, other),
                    }
                }
                out.push(']');
            }
            '<' | '>' => out.push(letter),
            other => literal(&mut out, other),
        }
    }
    if depth > 0 {
        return Err("`{` without `}`".to_owned());
    }
    out.push_str(")$");
    // `$` without `m` stands at the very end only.
    build(&out)
}

/// RE2's syntax as our engine reads it.
fn rewritten(text: &str) -> String {
    let (mut out, mut at, mut in_class) = (String::with_capacity(text.len() + 16), 0, false);
    let bytes = text.as_bytes();
    while let Some(letter) = text[at..].chars().next() {
        let mut used = letter.len_utf8();
        match letter {
            '\\' => {
                let escaped = text[at + 1..].chars().next();
                used += escaped.map_or(0, char::len_utf8);
                match escaped {
                    Some('Q') if !in_class => {
                        let quoted = &text[at + 2..];
                        let len = quoted.find("\\E").unwrap_or(quoted.len());
                        quoted[..len].chars().for_each(|letter| quote(&mut out, letter));
                        used = 2 + len + if len < quoted.len() { 2 } else { 0 };
                    }
                    Some(other) => escape(&mut out, other, in_class),
                    None => out.push('\\'),
                }
            }
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                if bytes.get(at + used) == Some(&b'^') {
                    out.push('^');
                    used += 1;
                }
                // Directly behind the bracket `]` is a letter of the class.
                if bytes.get(at + used) == Some(&b']') {
                    out.push_str("\\]");
                    used += 1;
                }
            }
            '[' if bytes.get(at + 1) == Some(&b':') && text[at..].contains(":]") => {
                let len = text[at..].find(":]").unwrap_or_default() + 2;
                out.push_str(&text[at..at + len]);
                used = len;
            }
            '[' | '&' | '~' if in_class => {
                out.push('\\');
                out.push(letter);
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '{' if !in_class && !is_repetition(&bytes[at..]) => out.push_str("\\{"),
            other => out.push(other),
        }
        at += used;
    }
    out
}

fn quote(out: &mut String, letter: char) {
    if letter.is_ascii_punctuation() && !matches!(letter, '<' | '>' | '_') {
        out.push('\\');
    }
    out.push(letter);
}

fn escape(out: &mut String, letter: char, in_class: bool) {
    let ascii = match (letter, in_class) {
        ('d', true) => "0-9",
        ('w', true) => "0-9A-Za-z_",
        ('s', true) => r"\t\n\f\r ",
        ('d', false) => "[0-9]",
        ('w', false) => "[0-9A-Za-z_]",
        ('s', false) => r"[\t\n\f\r ]",
        ('D', false) => "[^0-9]",
        ('W', false) => "[^0-9A-Za-z_]",
        ('S', false) => r"[^\t\n\f\r ]",
        ('D', true) => "[^0-9]",
        ('W', true) => "[^0-9A-Za-z_]",
        ('S', true) => r"[^\t\n\f\r ]",
        ('b', false) => r"(?-u:\b)",
        ('B', false) => r"(?-u:\B)",
        ('<' | '>' | '_', _) => return out.push(letter),
        _ => {
            out.push('\\');
            return out.push(letter);
        }
    };
    out.push_str(ascii);
}

/// `{2}`, `{2,}` or `{2,3}`; any other brace means itself.
fn is_repetition(text: &[u8]) -> bool {
    let Some(end) = text.iter().position(|byte| *byte == b'}') else { return false };
    let inner = &text[1..end];
    let mut parts = inner.splitn(2, |byte| *byte == b',');
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let first = parts.next().unwrap_or_default();
    !first.is_empty() && digits(first) && parts.next().is_none_or(digits)
}

/// Appends a replacement for one match, `$1`, `$name` and `${name}` standing for its groups and `$$` for `$`.
pub fn expand(template: &[u8], regex: &meta::Regex, captures: &Captures, text: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < template.len() {
        if template[at] != b'$' {
            out.push(template[at]);
            at += 1;
            continue;
        }
        let rest = &template[at + 1..];
        if rest.first() == Some(&b'$') {
            out.push(b'$');
            at += 2;
            continue;
        }
        let Some((name, used)) = reference(rest) else {
            out.push(b'$');
            at += 1;
            continue;
        };
        at += 1 + used;
        let name = String::from_utf8_lossy(name);
        let group = match name.parse::<usize>() {
            Ok(number) => Some(number),
            Err(_) => regex.group_info().to_index(regex_automata::PatternID::ZERO, &name),
        };
        if let Some(span) = group.and_then(|group| captures.get_group(group)) {
            out.extend_from_slice(&text[span.range()]);
        }
    }
}

/// The name behind a `$`, and its length with braces.
fn reference(text: &[u8]) -> Option<(&[u8], usize)> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if text.first() == Some(&b'{') {
        let end = text.iter().position(|byte| *byte == b'}')?;
        let name = &text[1..end];
        return (!name.is_empty() && name.iter().all(is_name)).then_some((name, end + 1));
    }
    let len = text.iter().take_while(|byte| is_name(byte)).count();
    (len > 0).then_some((&text[..len], len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_re2_says() {
        for (pattern, text, matches) in [
            (r"^\d+$", "12", true),
            (r"^\d+$", "١٢", false),
            (r"^[\w.]+$", "a_1.b", true),
            (r"a{", "a{", true),
            (r"a{2}", "aa", true),
            (r"a{,2}", "a{,2}", true),
            (r"\Qa.b\E+", "a.bb", true),
            (r"\Qa.b\E", "axb", false),
            (r"[[a]", "[", true),
            (r"[]a]", "]", true),
            (r"[a&&b]", "&", true),
            (r"[[:alpha:]]", "x", true),
            (r"\<b\>", "<b>", true),
            (r"\bfoo\b", "a foo b", true),
            (r"(?i)HELLO", "hello", true),
            (r"(?P<x>a)", "a", true),
            (r"é.", "éü", true),
        ] {
            let regex = regex(pattern).unwrap_or_else(|fault| panic!("{pattern}: {fault}"));
            assert_eq!(regex.is_match(text), matches, "{pattern} on {text}");
        }
        for broken in ["(", "a(?=b)", "[a", "*", r"\1", "(?P<a"] {
            regex(broken).unwrap_err();
        }
    }

    #[test]
    fn globs_match_whole_texts() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("/user/*/list/*", "/user/1/list/a/b", true),
            ("/user/?", "/user/12", false),
            ("a.c", "abc", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("{foo,b*}z", "barz", true),
            ("{foo,bar}", "foo,bar", false),
            (r"a\*", "a*", true),
            ("a<b>_c", "a<b>_c", true),
        ] {
            let glob = glob(pattern).unwrap_or_else(|fault| panic!("{pattern}: {fault}"));
            assert_eq!(glob.is_match(text), matches, "{pattern} on {text}");
        }
        for broken in ["[a", "{a", "\\"] {
            glob(broken).unwrap_err();
        }
    }
}

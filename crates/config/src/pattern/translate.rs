//! Rewrites a Ruby expression where the Rust engine reads the same characters differently.
//!
//! Ruby: `m` lets the dot match line feeds, `^` and `$` are always about lines, `\d \w \s` are ASCII, an
//! escaped letter without a meaning is that letter.

/// A pattern for the engine and the flags that stood after its closing slash.
pub(super) struct Translated {
    pub pattern: String,
    pub ignore_case: bool,
    pub dot_all: bool,
    pub extended: bool,
}

pub(super) fn from_ruby(source: &str) -> Translated {
    let (body, flags) = undelimit(source);
    let mut writer = Writer { out: String::with_capacity(body.len() + 16), depth: 0 };
    writer.rewrite(body);
    Translated {
        pattern: writer.out,
        ignore_case: flags.contains('i'),
        dot_all: flags.contains('m'),
        extended: flags.contains('x'),
    }
}

/// `/body/imx` into body and flags; anything else is all body.
fn undelimit(source: &str) -> (&str, &str) {
    let cut = source.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    match cut {
        Some((body, flags)) if flags.chars().all(|c| "imxo".contains(c)) => (body, flags),
        _ => (source, ""),
    }
}

struct Writer {
    out: String,
    /// How many character classes are open.
    depth: usize,
}

impl Writer {
    fn rewrite(&mut self, body: &str) {
        let mut rest = body;
        while let Some(c) = rest.chars().next() {
            let after = &rest[c.len_utf8()..];
            rest = match c {
                '\\' => self.escape(after),
                '[' => self.open_class(after),
                ']' if self.depth > 0 => {
                    self.depth -= 1;
                    self.out.push(']');
                    after
                }
                '(' if self.depth == 0 && after.starts_with('?') => self.group(&after[1..]),
                '~' if self.depth > 0 => {
                    self.out.push_str(r"\~");
                    after
                }
                '-' if self.depth > 0 && after.starts_with('-') => {
                    self.out.push_str(r"\-");
                    after
                }
                other => {
                    self.out.push(other);
                    after
                }
            };
        }
    }

    /// After a `[`: a POSIX class, or a class whose first `]` may be literal.
    fn open_class<'a>(&mut self, after: &'a str) -> &'a str {
        if self.depth > 0
            && let Some(end) = after.starts_with(':').then(|| after.find(":]")).flatten()
        {
            self.out.push('[');
            self.out.push_str(&after[..end + 2]);
            return &after[end + 2..];
        }
        self.depth += 1;
        self.out.push('[');
        let mut rest = after;
        if let Some(inner) = rest.strip_prefix('^') {
            self.out.push('^');
            rest = inner;
        }
        if let Some(inner) = rest.strip_prefix(']') {
            self.out.push_str(r"\]");
            rest = inner;
        }
        rest
    }

    fn escape<'a>(&mut self, after: &'a str) -> &'a str {
        let Some(c) = after.chars().next() else {
            self.out.push_str(r"\\");
            return after;
        };
        let set = match c.to_ascii_lowercase() {
            'd' => Some("0-9"),
            'w' => Some("0-9A-Za-z_"),
            's' => Some(r" \t\n\x0b\f\r"),
            'h' => Some("0-9A-Fa-f"),
            _ => None,
        };
        match (set, c) {
            (Some(set), _) => match (c.is_ascii_uppercase(), self.depth > 0) {
                (true, _) => self.out.push_str(&format!("[^{set}]")),
                (false, true) => self.out.push_str(set),
                (false, false) => self.out.push_str(&format!("[{set}]")),
            },
            (None, 'b') if self.depth > 0 => self.out.push_str(r"\x08"),
            (None, '<' | '>' | '/' | '"' | '\'' | '_' | ' ') if self.depth == 0 && c != ' ' => {
                self.out.push(c)
            }
            (None, '<' | '>' | '_') => self.out.push(c),
            // Letters without a meaning stand for themselves; the rest reads alike in both.
            (
                None,
                'i' | 'j' | 'l' | 'm' | 'o' | 'q' | 'y' | 'E' | 'F' | 'I' | 'J' | 'L' | 'M' | 'Q' | 'T' | 'U'
                | 'V' | 'Y',
            ) => self.out.push(c),
            (None, other) => {
                self.out.push('\\');
                self.out.push(other);
            }
        }
        &after[c.len_utf8()..]
    }

    /// After a `(?`: flags change their letters, quoted names their quotes.
    fn group<'a>(&mut self, after: &'a str) -> &'a str {
        self.out.push_str("(?");
        if let Some((name, rest)) = after.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) {
            self.out.push_str(&format!("<{name}>"));
            return rest;
        }
        let end = after.find(|c: char| !"imxdau-".contains(c)).unwrap_or(after.len());
        if end == 0 || !after[end..].starts_with([':', ')']) {
            return after;
        }
        let flags: String = after[..end]
            .chars()
            .filter(|c| !"dau".contains(*c))
            .map(|c| if c == 'm' { 's' } else { c })
            .collect();
        let flags = flags.trim_end_matches('-');
        // An empty flag group that closes at once would be refused.
        if flags.is_empty() && after[end..].starts_with(')') {
            self.out.push(':');
        }
        self.out.push_str(flags);
        &after[end..]
    }
}

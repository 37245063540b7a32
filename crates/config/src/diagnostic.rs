//! What is wrong or worth knowing about a configuration: what, where it was written, how to mend it.
//!
//! Everything that checks settings adds to one [`Diagnostics`], so a user sees all faults at once.

use std::fmt::Write;

use crate::Origin;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration is refused, or a part of it left out.
    Error,
    /// It works, though perhaps not as its author thinks.
    Warning,
    /// Worth knowing; nothing to do.
    Note,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Severity::Error => "\x1b[1;31m",
            Severity::Warning => "\x1b[1;33m",
            Severity::Note => "\x1b[1;36m",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub message: String,
    pub origin: Option<Origin>,
    pub because: Option<String>,
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Diagnostic { severity, message: message.into(), origin: None, because: None, help: None }
    }

    pub fn error(message: impl Into<String>) -> Self {
        Diagnostic::new(Severity::Error, message)
    }

    pub fn warning(message: impl Into<String>) -> Self {
        Diagnostic::new(Severity::Warning, message)
    }

    pub fn note(message: impl Into<String>) -> Self {
        Diagnostic::new(Severity::Note, message)
    }

    pub fn at(mut self, origin: impl Into<Option<Origin>>) -> Self {
        self.origin = origin.into();
        self
    }

    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.because = Some(cause.into());
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The form for a terminal, several lines, ending in a line feed.
    pub fn render(&self, colour: bool) -> String {
        let (open, bold, close) =
            if colour { (self.severity.colour(), "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
        let mut text = format!("{open}{}{close}{bold}: {}{close}\n", self.severity.word(), self.message);
        let parts = [
            ("  --> ", self.origin.map(|origin| origin.to_string())),
            ("   because: ", self.because.clone()),
            ("   help: ", self.help.clone()),
        ];
        for (label, part) in parts {
            if let Some(part) = part {
                let _ = writeln!(text, "{label}{part}");
            }
        }
        text
    }
}

#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
}

impl Diagnostics {
    pub fn new() -> Self {
        Diagnostics::default()
    }

    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    pub fn extend(&mut self, others: Diagnostics) {
        self.found.extend(others.found);
    }

    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Error)
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub fn len(&self) -> usize {
        self.found.len()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.found.iter()
    }

    /// Everything in the terminal's form, a blank line between two.
    pub fn render(&self, colour: bool) -> String {
        self.found.iter().map(|d| d.render(colour)).collect::<Vec<_>>().join("\n")
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.found.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_carries_every_part() {
        let diagnostic = Diagnostic::error("may not create group `/ecs/shop`")
            .at(Origin::file("/etc/c.yaml", 31, 18))
            .because("AccessDenied")
            .help("allow `logs:CreateLogGroup`");
        assert_eq!(
            diagnostic.render(false),
            "error: may not create group `/ecs/shop`\n  --> /etc/c.yaml:31:18\n   because: AccessDenied\n   help: allow `logs:CreateLogGroup`\n"
        );
        assert!(diagnostic.render(true).starts_with("\x1b[1;31merror\x1b[0m"));
    }
}

//! Reads the files of a configuration, follows includes, and gathers sections from both dialects.

use std::collections::HashSet;

use config::{Diagnostic, Diagnostics, FileId, Origin, Severity};

use super::classic::{self, Line};
use super::compat::layout;
use super::document::{Document, Kind, Property, Section};
use super::{glob, yaml_dialect};
use crate::{Files, Source};

/// Fluent Bit's own limit; a larger set is a loop or an accident.
const MAX_FILES: usize = 1000;

pub(super) struct Loader<'a> {
    pub files: &'a dyn Files,
    pub diagnostics: &'a mut Diagnostics,
    pub document: Document,
    /// How grave a missing file is: Fluent Bit goes on without a `Parsers_File`.
    pub gravity: Severity,
    /// Name what Fluent Bit would refuse of the files' layout.
    pub compat: bool,
    /// Whether the file being read, or the one that includes it, is the main one; and those that were.
    pub in_main: bool,
    pub main_files: Vec<FileId>,
    /// The folder of the first file, which relative includes start from.
    base: Option<String>,
    seen: HashSet<String>,
}

impl<'a> Loader<'a> {
    pub fn new(files: &'a dyn Files, diagnostics: &'a mut Diagnostics) -> Self {
        Loader {
            files,
            diagnostics,
            document: Document::default(),
            gravity: Severity::Error,
            compat: false,
            in_main: true,
            main_files: Vec::new(),
            base: None,
            seen: HashSet::new(),
        }
    }

    pub fn source(&mut self, source: &Source) {
        match source {
            Source::Path(path) => self.path(path, Origin::flag(path)),
            Source::Bytes { name, bytes } => {
                if self.seen.insert(name.clone()) {
                    self.text(name, bytes);
                } else {
                    self.read_twice(name, None);
                }
            }
        }
    }

    /// Reads a file named by `asked`, unless it was read before.
    fn path(&mut self, path: &str, asked: Origin) {
        let path = normal(path);
        if self.seen.len() >= MAX_FILES {
            let message = format!("more than {MAX_FILES} files; `{path}` and what it includes is left out");
            return self.diagnostics.push(Diagnostic::error(message).at(asked));
        }
        if !self.seen.insert(path.clone()) {
            return self.read_twice(&path, Some(asked));
        }
        match self.files.read(&path) {
            Ok(bytes) => self.text(&path, &bytes),
            Err(cause) => {
                let message = format!("the file `{path}` cannot be read");
                self.diagnostics
                    .push(Diagnostic::new(self.gravity, message).at(asked).because(cause.to_string()));
            }
        }
    }

    fn read_twice(&mut self, path: &str, asked: Option<Origin>) {
        let message = format!("`{path}` is included a second time and skipped");
        let help = "Fluent Bit refuses to start on this; remove one of the two";
        self.diagnostics
            .push(Diagnostic::warning(message).at(asked.or(Some(Origin::whole(path)))).help(help));
    }

    fn text(&mut self, name: &str, bytes: &[u8]) {
        self.base.get_or_insert_with(|| folder(name).to_owned());
        let file = FileId::named(name);
        if self.in_main {
            self.main_files.push(file);
        }
        let text = String::from_utf8_lossy(bytes);
        if matches!(text, std::borrow::Cow::Owned(_)) {
            let message = "this file is not UTF-8; what could not be read was replaced";
            self.diagnostics.push(Diagnostic::warning(message).at(Origin::whole(name)));
        }
        if let Some(caveat) = super::shipped::caveat(&text) {
            let message = format!("`{name}` does only a part of what it does in the image it comes from");
            self.diagnostics.push(Diagnostic::warning(message).at(Origin::whole(name)).because(caveat));
        }
        let before = self.document.sections.len();
        if name.ends_with(".yaml") || name.ends_with(".yml") {
            yaml_dialect::read(self, &text, file);
        } else {
            if self.compat {
                layout::check(&text, file, self.diagnostics);
            }
            self.classic(&text, file);
        }
        self.warn_of_mixed_kinds(file, before);
    }

    fn classic(&mut self, text: &str, file: FileId) {
        let lines = classic::lines(text, file, self.diagnostics);
        // Properties before the first header have no section; one message is enough.
        let mut open: Option<usize> = None;
        let mut group = false;
        let mut homeless = false;
        for line in lines {
            match line {
                Line::Section { name, origin } => {
                    (open, group) = (Some(self.document.sections.len()), false);
                    self.document.sections.push(Section::new(&name, origin));
                }
                Line::Group { name, origin } => {
                    group = true;
                    if let Some(section) = open {
                        self.document.sections[section].unsupported.push((name, origin));
                    }
                }
                Line::Property { key, origin, value, value_origin } => match open {
                    Some(_) if group => {}
                    Some(section) => {
                        let property = Property { key, origin, raw: value, value_origin };
                        self.document.sections[section].properties.push(property);
                    }
                    None if homeless => {}
                    None => {
                        homeless = true;
                        let fault = Diagnostic::error(format!("`{key}` stands before any section"))
                            .at(origin)
                            .help("put it below a header such as `[SERVICE]`");
                        self.diagnostics.push(fault);
                    }
                },
                Line::Include { pattern, origin } => {
                    open = None;
                    self.include(&pattern, file, origin);
                }
                Line::Set { name, value, .. } => self.document.variables.push((name, value)),
            }
        }
    }

    /// Follows an include: from the main file's folder, else from the including file's own.
    pub fn include(&mut self, pattern: &str, from: FileId, origin: Origin) {
        let base = self.base.clone().unwrap_or_default();
        let candidates = [join(&base, pattern), join(folder(from.name()), pattern)];
        if glob::is_pattern(pattern) {
            let found =
                candidates.iter().map(|c| glob::expand(c, self.files)).find(|found| !found.is_empty());
            match found {
                Some(paths) => paths.iter().for_each(|path| self.path(path, origin)),
                None => {
                    let message = format!("no file fits `{pattern}`");
                    self.diagnostics.push(Diagnostic::new(self.gravity, message).at(origin));
                }
            }
            return;
        }
        let readable = |path: &&String| self.seen.contains(&normal(path)) || self.files.read(path).is_ok();
        let path = candidates.iter().find(readable).unwrap_or(&candidates[0]).clone();
        self.path(&path, origin);
    }

    /// The image this program replaces reads only the parsers of a file that has some.
    fn warn_of_mixed_kinds(&mut self, file: FileId, before: usize) {
        let own: Vec<&Section> =
            self.document.sections[before..].iter().filter(|s| s.origin.file == file).collect();
        let yaml = file.name().ends_with(".yaml") || file.name().ends_with(".yml");
        let other = own.iter().find(|s| !s.kind.is_parser() && s.kind != Kind::Other);
        if let (true, Some(other), false) = (own.iter().any(|s| s.kind.is_parser()), other, yaml) {
            let message =
                format!("this file defines parsers and has other sections too, such as [{}]", other.title);
            let help = "all are used here; the aws-for-fluent-bit init image uses only the parsers, so keep those in a file of their own while you run both";
            self.diagnostics.push(Diagnostic::warning(message).at(other.origin).help(help));
        }
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| if folder.is_empty() { "/" } else { folder })
}

fn join(folder: &str, path: &str) -> String {
    if folder.is_empty() || path.starts_with('/') {
        return path.to_owned();
    }
    format!("{}/{path}", folder.trim_end_matches('/'))
}

/// Without `.` and `..` where the text alone can tell, so that one file has one name.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, "" | "..")) => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    match parts.as_slice() {
        [""] => "/".to_owned(),
        _ => parts.join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(normal("/a/./b/../c//d"), "/a/c/d");
        assert_eq!(normal("../x"), "../x");
        assert_eq!(normal("/"), "/");
        assert_eq!((folder("/a/b.conf"), folder("/b.conf"), folder("b.conf")), ("/a", "/", ""));
        assert_eq!(
            (join("/a", "b"), join("/", "b"), join("/a", "/b")),
            ("/a/b".into(), "/b".into(), "/b".into())
        );
    }
}

//! Where something was written: a place in a file, or a source without lines such as a variable.
//!
//! Names of sources are interned for the life of the process, so that an origin is three small numbers and
//! prints itself. A file read again on every reload is held once.

use std::collections::HashSet;
use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

static NAMES: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);

/// A source of settings, known by its name: a path, or text such as `variable DD_API_KEY`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(&'static str);

impl FileId {
    pub fn named(name: &str) -> Self {
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(name) {
            return FileId(known);
        }
        let kept: &'static str = Box::leak(name.into());
        names.insert(kept);
        FileId(kept)
    }

    pub fn name(self) -> &'static str {
        self.0
    }

    pub fn at(self, line: u32, column: u32) -> Origin {
        Origin { file: self, line, column }
    }
}

impl fmt::Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Line and column count from 1; line 0 means the whole source.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    pub file: FileId,
    pub line: u32,
    pub column: u32,
}

impl Origin {
    pub fn file(path: &str, line: u32, column: u32) -> Self {
        FileId::named(path).at(line, column)
    }

    pub fn variable(name: &str) -> Self {
        FileId::named(&format!("variable {name}")).at(0, 0)
    }

    pub fn flag(name: &str) -> Self {
        FileId::named(&format!("command line {name}")).at(0, 0)
    }

    /// A source as a whole, such as a file that could not be read.
    pub fn whole(path: &str) -> Self {
        FileId::named(path).at(0, 0)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => f.write_str(self.file.0),
            (line, 0) => write!(f, "{}:{line}", self.file.0),
            (line, column) => write!(f, "{}:{line}:{column}", self.file.0),
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_prints_the_way_editors_jump_to_it() {
        assert_eq!(Origin::file("/etc/a.conf", 3, 7).to_string(), "/etc/a.conf:3:7");
        assert_eq!(Origin::variable("DD_API_KEY").to_string(), "variable DD_API_KEY");
        assert_eq!(Origin::flag("--config").to_string(), "command line --config");
        assert_eq!(FileId::named("x"), FileId::named(&String::from("x")));
    }
}

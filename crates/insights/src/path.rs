//! The name of a field, resolved when the query is compiled.

/// A field that a program reads from its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    name: Box<str>,
    index: usize,
}

impl Path {
    pub(crate) fn new(name: &str, index: usize) -> Path {
        Path { name: name.into(), index }
    }

    /// The whole name, its pieces joined by `.`: `@timestamp`, `status`, `request.headers.0`.
    ///
    /// A member of a JSON object whose key holds a dot and a member of an inner object read alike.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its place in [`Needs::paths`](crate::Needs::paths), so that a row can find its column by number.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Whether no message can hold it: `@timestamp`, `@logStream`. `@@name` is a member `@name` of the message.
    pub fn is_generated(&self) -> bool {
        self.name.starts_with('@') && !self.name.starts_with("@@")
    }
}

/// What a program reads.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    pub(crate) paths: Vec<Path>,
}

impl Needs {
    /// Every field that the program asks a row for, each once; [`Path::index`] is the place here.
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// Whether `@message` is needed whole: shown or searched itself, or because a field may be found inside it.
    ///
    /// A store that holds every field of [`Needs::paths`] but `@message` in columns of its own may ignore this.
    pub fn message(&self) -> bool {
        self.discovers() || self.paths.iter().any(|path| path.name() == "@message")
    }

    /// Whether some field may have to be found inside the message's JSON.
    pub fn discovers(&self) -> bool {
        self.paths.iter().any(|path| !path.is_generated())
    }

    pub(crate) fn path(&mut self, name: &str) -> Path {
        if let Some(known) = self.paths.iter().find(|path| path.name() == name) {
            return known.clone();
        }
        let path = Path::new(name, self.paths.len());
        self.paths.push(path.clone());
        path
    }
}

//! What a configuration is read from.

/// A part of the configuration; parts are read in order.
#[derive(Debug, Clone)]
pub enum Source {
    /// Read through [`crate::Files`], or another source that the language knows, such as `env:NAME`.
    Path(String),
    /// At hand already, such as a download; its name ends in `.yaml` for that dialect.
    Bytes { name: String, bytes: Vec<u8> },
}

impl Source {
    pub fn path(path: impl Into<String>) -> Self {
        Source::Path(path.into())
    }

    pub fn bytes(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Source::Bytes { name: name.into(), bytes: bytes.into() }
    }

    /// As messages name it.
    pub fn name(&self) -> &str {
        match self {
            Source::Path(path) => path,
            Source::Bytes { name, .. } => name,
        }
    }
}

//! Sections and properties, the form both dialects are read into.

use config::Origin;

/// What a section configures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Service,
    Input,
    Filter,
    Output,
    Parser,
    MultilineParser,
    Custom,
    Processor,
    StreamTask,
    Plugins,
    Upstream,
    Other,
}

impl Kind {
    /// Names compare without case; the plural is accepted.
    pub fn named(name: &str) -> Kind {
        match name.trim().to_ascii_lowercase().as_str() {
            "service" => Kind::Service,
            "input" | "inputs" => Kind::Input,
            "filter" | "filters" => Kind::Filter,
            "output" | "outputs" => Kind::Output,
            "parser" | "parsers" => Kind::Parser,
            "multiline_parser" | "multiline_parsers" => Kind::MultilineParser,
            "custom" | "customs" => Kind::Custom,
            "processor" => Kind::Processor,
            "stream_task" => Kind::StreamTask,
            "plugins" => Kind::Plugins,
            "upstream" | "node" => Kind::Upstream,
            _ => Kind::Other,
        }
    }

    pub fn is_parser(self) -> bool {
        matches!(self, Kind::Parser | Kind::MultilineParser)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Section {
    pub kind: Kind,
    /// As written, for messages.
    pub title: String,
    pub origin: Origin,
    pub properties: Vec<Property>,
    /// Processors of a plugin, in order; only log processors get here.
    pub processors: Vec<Section>,
    /// Parts of a section that the topology has no room for, such as `condition`.
    pub unsupported: Vec<(String, Origin)>,
}

impl Section {
    pub fn new(title: &str, origin: Origin) -> Self {
        Section {
            kind: Kind::named(title),
            title: title.to_owned(),
            origin,
            properties: Vec::new(),
            processors: Vec::new(),
            unsupported: Vec::new(),
        }
    }

    /// The last property of a name: where one is given twice, the later one counts.
    pub fn last(&self, key: &str) -> Option<&Property> {
        self.properties.iter().rev().find(|property| property.key == key)
    }

    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Property> {
        self.properties.iter().filter(move |property| property.key == key)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Property {
    /// In lower case.
    pub key: String,
    pub origin: Origin,
    /// As written, variables and all.
    pub raw: String,
    pub value_origin: Origin,
}

/// Everything the files said, includes spliced in.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub sections: Vec<Section>,
    /// `@SET` and `env`, later ones win.
    pub variables: Vec<(String, String)>,
}

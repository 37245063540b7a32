//! Names a span after OpenTelemetry's semantic conventions, so that names stay few.
//!
//! What a span is of depends on its kind: a server's may be of HTTP, RPC or messaging, a client's of a database
//! too, a producer's and a consumer's of messaging only. The first whose mark it carries names it; a span of none keeps
//! its name. Older names of attributes count where the newer one is missing.

use model::Value;

use crate::fault::RunError;
use crate::function::{Arg, Args};
use crate::target::Target;
use crate::value::{Val, copy};

/// Versions of the conventions that name spans alike.
const MINOR_VERSIONS: std::ops::RangeInclusive<u32> = 37..=43;

/// The version is one of those, and the attribute has a name.
pub fn known_version(args: &[Arg]) -> Result<(), String> {
    if let Some(Arg::Text(version)) = args.first() {
        let numbers: Option<Vec<u32>> =
            version.trim_start_matches('v').split('.').map(|number| number.parse().ok()).collect();
        match numbers.as_deref() {
            Some([1, minor, ..]) if MINOR_VERSIONS.contains(minor) => {}
            _ => {
                return Err(format!(
                    "unsupported semconv version {version:?}: must be between 1.{}.0 and 1.{}.0",
                    MINOR_VERSIONS.start(),
                    MINOR_VERSIONS.end()
                ));
            }
        }
    }
    match args.get(1) {
        Some(Arg::Text(name)) if name.is_empty() => Err("the attribute's name cannot be empty".to_owned()),
        _ => Ok(()),
    }
}

pub fn set_semconv_span_name(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let Some(span) = t.span() else { return Ok(Val::Nil) };
    let (kind, old, attributes) = (span.kind, span.name, span.attributes);
    let name = Attributes { list: attributes, t }.name(kind);
    let Some(name) = name.filter(|name| name.as_bytes() != t.bytes(old)) else { return Ok(Val::Nil) };
    let name = t.keep(name.as_bytes())?;
    if let Some(attribute) = args.literal(1) {
        let mut attributes = attributes;
        let value = copy(t.arena, Value::Str(old));
        t.arena.set(&mut attributes, attribute.as_bytes(), value);
        if let Some(span) = t.span() {
            span.attributes = attributes;
        }
    }
    if let Some(span) = t.span() {
        span.name = name;
    }
    Ok(Val::Nil)
}

const SERVER: u8 = 2;
const CLIENT: u8 = 3;
const PRODUCER: u8 = 4;
const CONSUMER: u8 = 5;

struct Attributes<'a, 't> {
    list: model::List,
    t: &'a Target<'t>,
}

impl Attributes<'_, '_> {
    fn name(&self, kind: u8) -> Option<String> {
        match kind {
            SERVER => self.http("http.route").or_else(|| self.rpc()).or_else(|| self.messaging()),
            CLIENT => self
                .http("url.template")
                .or_else(|| self.rpc())
                .or_else(|| self.database())
                .or_else(|| self.messaging()),
            PRODUCER | CONSUMER => self.messaging(),
            _ => None,
        }
    }

    /// The first of these that is there, as text.
    fn any(&self, names: &[&str]) -> Option<String> {
        let value = names.iter().find_map(|name| self.t.arena.get(self.list, name.as_bytes()))?;
        let text = match (value, self.t.arena.text(value)) {
            (_, Some(text)) => String::from_utf8_lossy(&text).into_owned(),
            (Value::Int(number), None) => number.to_string(),
            // A number that nobody has opened yet.
            (Value::Json(raw), None) => self.t.text(raw).into_owned(),
            _ => return None,
        };
        Some(text).filter(|text| !text.is_empty())
    }

    fn is(&self, name: &str) -> bool {
        match self.t.arena.get(self.list, name.as_bytes()) {
            Some(Value::Json(raw)) => self.t.bytes(raw) == b"true",
            value => value == Some(Value::Bool(true)),
        }
    }

    fn http(&self, target: &str) -> Option<String> {
        let method = self.any(&["http.request.method", "http.method"])?;
        joined(Some(method), " ", self.any(&[target]))
    }

    fn rpc(&self) -> Option<String> {
        let system = self.any(&["rpc.system.name", "rpc.system"])?;
        let method = self.any(&["rpc.method", "rpc.grpc.method"]);
        let service = self.any(&["rpc.service", "rpc.grpc.service"]);
        let method = method.or(service.as_ref().map(|_| "*".to_owned()));
        joined(service, "/", method).or(Some(system))
    }

    fn database(&self) -> Option<String> {
        let system = self.any(&["db.system.name", "db.system"])?;
        if let Some(summary) = self.any(&["db.query.summary"]) {
            return Some(summary);
        }
        let namespace = self.any(&["db.namespace", "db.name"]);
        let target = joined(namespace, ".", self.any(&["db.collection.name", "db.stored_procedure.name"]));
        let target = target.or_else(|| self.server());
        joined(self.any(&["db.operation.name", "db.operation"]), " ", target).or(Some(system))
    }

    fn messaging(&self) -> Option<String> {
        let system = self.any(&["messaging.system"])?;
        let destination = if self.is("messaging.destination.temporary") {
            Some("(temporary)".to_owned())
        } else if self.is("messaging.destination.anonymous") {
            Some("(anonymous)".to_owned())
        } else {
            let names =
                ["messaging.destination.template", "messaging.destination.name", "messaging.destination"];
            self.any(&names).or_else(|| self.server())
        };
        let operation = self.any(&["messaging.operation.name", "messaging.operation"]);
        joined(operation, " ", destination).or(Some(system))
    }

    fn server(&self) -> Option<String> {
        let address = self.any(&["server.address"])?;
        joined(Some(address), ":", self.any(&["server.port"]))
    }
}

/// Both with something between, or the one that is there.
fn joined(one: Option<String>, between: &str, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(format!("{one}{between}{other}")),
        (one, other) => one.or(other),
    }
}

//! Where to listen, as a user writes it: `0.0.0.0:24224`, `:4317`, `unix:/var/run/fluent.sock`.
//!
//! Names are not looked up: an empty root file system has no `/etc/hosts`, so `localhost` is the loopback
//! address by definition here.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Tcp(SocketAddr),
    Unix {
        path: PathBuf,
        /// Permission bits of the socket file; `None` leaves what the umask gives.
        mode: Option<u32>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error(
        "`{0}` is no address to listen on; write `HOST:PORT` as in `0.0.0.0:24224`, or `unix:/path/to.sock`"
    )]
    Malformed(String),
    #[error("`{host}` in `{text}` is a name; listen on an IP address such as `127.0.0.1` or `0.0.0.0`")]
    Name { host: String, text: String },
    #[error("`{text}` asks for socket mode `{mode}`; write octal digits such as `0666`")]
    Mode { mode: String, text: String },
}

impl Endpoint {
    pub fn unix(path: impl Into<PathBuf>) -> Endpoint {
        Endpoint::Unix { path: path.into(), mode: None }
    }

    pub fn port(&self) -> Option<u16> {
        match self {
            Endpoint::Tcp(address) => Some(address.port()),
            Endpoint::Unix { .. } => None,
        }
    }

    /// Whether both name the same socket, whatever mode its file is to have.
    pub fn same_socket(&self, other: &Endpoint) -> bool {
        match (self, other) {
            (Endpoint::Tcp(a), Endpoint::Tcp(b)) => a == b,
            (Endpoint::Unix { path: a, .. }, Endpoint::Unix { path: b, .. }) => a == b,
            _ => false,
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Endpoint, EndpointError> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("unix:") {
            return unix(rest.strip_prefix("//").unwrap_or(rest), text);
        }
        if text.starts_with('/') {
            return unix(text, text);
        }
        tcp(text.strip_prefix("tcp://").unwrap_or(text))
    }
}

fn unix(rest: &str, text: &str) -> Result<Endpoint, EndpointError> {
    let (path, mode) = match rest.split_once("?mode=") {
        Some((path, mode)) => (path, Some(mode)),
        None => (rest, None),
    };
    if path.is_empty() {
        return Err(EndpointError::Malformed(text.into()));
    }
    let mode = match mode {
        Some(digits) => Some(
            u32::from_str_radix(digits, 8)
                .ok()
                .filter(|mode| *mode <= 0o777)
                .ok_or_else(|| EndpointError::Mode { mode: digits.into(), text: text.into() })?,
        ),
        None => None,
    };
    Ok(Endpoint::Unix { path: path.into(), mode })
}

fn tcp(text: &str) -> Result<Endpoint, EndpointError> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Endpoint::Tcp(address));
    }
    let malformed = || EndpointError::Malformed(text.into());
    let (host, port) = text.rsplit_once(':').ok_or_else(malformed)?;
    let port: u16 = port.parse().map_err(|_| malformed())?;
    let ip = match host {
        // Go's convention, which Collector users write: an empty host is every interface.
        "" | "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ if host.contains([':', '/', ' ', '[']) => return Err(malformed()),
        _ => return Err(EndpointError::Name { host: host.into(), text: text.into() }),
    };
    Ok(Endpoint::Tcp(SocketAddr::new(ip, port)))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp(address) => address.fmt(f),
            Endpoint::Unix { path, mode: None } => write!(f, "unix:{}", path.display()),
            Endpoint::Unix { path, mode: Some(mode) } => write!(f, "unix:{}?mode={mode:04o}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Endpoint, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl JsonSchema for Endpoint {
    fn schema_name() -> Cow<'static, str> {
        "Endpoint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "`HOST:PORT`, `:PORT` for every interface, or `unix:/path/to.sock`",
            "examples": ["0.0.0.0:24224", "unix:/var/run/fluent.sock?mode=0666"]
        })
    }
}

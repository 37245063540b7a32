//! Finds the configuration, reads it whatever its language, and says what it found.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use config::topology::Topology;
use config::{Diagnostic, Diagnostics, Severity};
use engine::Surroundings;
use frontends::fluent_bit::{self, WithShipped};
use frontends::{Disk, Source, collector};
use http::Request;
use net::http::{Client, ClientSettings};
use net::{Environment, Prebound};
use serde_json::{Value, json};

use crate::cli::{ConfigOptions, FluentBitOptions};
use crate::disk;
use crate::firelens::{self, Fetched};
use crate::machine::Machine;

/// What runs when nothing says what should.
#[cfg(feature = "full")]
const EMBEDDED_DEFAULT: &str = include_str!("default.yaml");
#[cfg(feature = "full")]
const DEFAULT_SAID: &str = "Forward on port 24224, OTLP on 4317 and 4318, and this machine, into the lake";

/// The lean build has nowhere to keep it.
#[cfg(not(feature = "full"))]
const EMBEDDED_DEFAULT: &str = "\
[INPUT]
    Name   forward
    Listen ${OUTRIGGER_DEFAULT_ADDRESS}
    Port   24224
[OUTPUT]
    Name   stdout
    Format json_lines
    Match  *
";
#[cfg(not(feature = "full"))]
const DEFAULT_SAID: &str = "Forward on port 24224, shown on standard output";

/// Variables that hold a whole Collector configuration, as the AWS build of the Collector reads one.
const CONTENT: &[&str] = &["AOT_CONFIG_CONTENT"];
/// Longest wait for a configuration on the web.
const FETCH_WITHIN: Duration = Duration::from_secs(30);

/// A configuration and everything needed to build it.
pub struct Resolved {
    pub topology: Topology,
    pub diagnostics: Diagnostics,
    pub surroundings: Surroundings,
    /// What was found, in one line.
    pub found: String,
    /// What to look at to learn that it changed.
    pub watched: Vec<Watched>,
    /// What can run should this be refused.
    pub fallback: Option<Box<Resolved>>,
}

/// A source of configuration and how it looked when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    File { path: String, modified: Option<SystemTime> },
    Object { bucket: String, key: String, etag: Option<String> },
}

/// Configuration that came as flags, in the classic dialect.
pub type Extra = Source;

/// Reads the named configuration, or what the environment says, or the embedded default.
pub async fn resolve(
    options: &ConfigOptions,
    extra: &[Extra],
    environment: &Environment,
    sockets: Prebound,
) -> Resolved {
    if !options.config.is_empty() || !extra.is_empty() {
        return named(options, extra, environment, sockets).await;
    }
    if let Some(variable) =
        CONTENT.iter().find(|name| environment.get(name).is_some_and(|text| !text.is_empty()))
    {
        let options = ConfigOptions { config: vec![format!("env:{variable}")], ..options.clone() };
        return named(&options, extra, environment, sockets).await;
    }
    if firelens::applies(environment) {
        return detected(environment, sockets).await;
    }
    let address = if firelens::in_container(environment) { "0.0.0.0" } else { "127.0.0.1" };
    let environment = environment.with("OUTRIGGER_DEFAULT_ADDRESS", address);
    let source = Source::Bytes { name: "(embedded default)".into(), bytes: EMBEDDED_DEFAULT.into() };
    let found = format!("no configuration, on {address}: {DEFAULT_SAID}");
    lower(Read { sources: vec![source], found, ..Read::default() }, environment, sockets)
}

async fn named(
    options: &ConfigOptions,
    extra: &[Extra],
    environment: &Environment,
    sockets: Prebound,
) -> Resolved {
    let uris = &options.config;
    let Fetched { environment, task, diagnostics: mut found_wrong } =
        firelens::surroundings(environment).await;
    let (mut sources, mut watched) = (Vec::new(), Vec::new());
    for uri in uris {
        match firelens::s3_uri(uri) {
            Some((bucket, key)) => match firelens::fetch(&bucket, &key, &environment).await {
                Ok((bytes, etag)) => {
                    sources.push(Source::Bytes { name: uri.clone(), bytes });
                    watched.push(Watched::Object { bucket, key, etag });
                }
                Err(diagnostic) => found_wrong.push(diagnostic),
            },
            None if is_web(uri) => match download(uri, &environment).await {
                Ok(bytes) => sources.push(Source::Bytes { name: uri.clone(), bytes }),
                Err(diagnostic) => found_wrong.push(diagnostic),
            },
            None => {
                watched.push(Watched::file(uri.strip_prefix("file:").unwrap_or(uri)));
                sources.push(Source::Path(uri.clone()));
            }
        }
    }
    sources.extend(extra.iter().cloned());
    sources.extend(options.set.iter().map(|set| Source::Path(inline(set))));
    let found =
        format!("configuration {}", if uris.is_empty() { "from flags".into() } else { uris.join(", ") });
    let options = collector::Options { skip_unsupported: options.skip_unsupported };
    lower(Read { sources, watched, task, diagnostics: found_wrong, found, options }, environment, sockets)
}

fn is_web(uri: &str) -> bool {
    uri.starts_with("http://") || uri.starts_with("https://")
}

async fn download(uri: &str, environment: &Environment) -> Result<Vec<u8>, Diagnostic> {
    let refused =
        |why: String| Diagnostic::error(format!("the configuration `{uri}` cannot be fetched")).because(why);
    let client = Client::new(ClientSettings::new(environment)).map_err(|error| refused(error.to_string()))?;
    let request = Request::get(uri).body(Bytes::new()).map_err(|error| refused(error.to_string()))?;
    let response = client.send(request, FETCH_WITHIN).await.map_err(|error| refused(error.to_string()))?;
    match response.status.as_u16() {
        200 => Ok(response.body.to_vec()),
        status => Err(refused(format!("status {status}: {}", response.excerpt()))),
    }
}

/// `a.b=c` as inline YAML, read after all files.
fn inline(set: &str) -> String {
    let (key, value) = set.split_once('=').unwrap_or((set, ""));
    format!("yaml:{}: {value}", key.replace('.', "::"))
}

/// FireLens: the generated file, then what the init variables name, in natural order.
async fn detected(environment: &Environment, sockets: Prebound) -> Resolved {
    let Fetched { environment, task, diagnostics } = firelens::surroundings(environment).await;
    let base = firelens::generated_source(&environment);
    let mut watched: Vec<_> = base
        .iter()
        .filter_map(|source| match source {
            Source::Path(path) => Some(Watched::file(path)),
            Source::Bytes { .. } => None,
        })
        .collect();
    let fallback_sources: Vec<Source> = base.iter().cloned().collect();
    let included = firelens::included(&environment).await;
    let mut found_wrong = diagnostics;
    found_wrong.extend(included.diagnostics);
    watched.extend(included.watched);
    let mut sources = fallback_sources.clone();
    sources.extend(included.sources);
    let found = format!("FireLens: {}", names(&sources));
    let read =
        Read { sources, watched, task: task.clone(), diagnostics: found_wrong, found, ..Read::default() };
    let mut resolved = lower(read, environment.clone(), sockets.clone());
    if !fallback_sources.is_empty() {
        let found = format!("FireLens, generated configuration alone: {}", names(&fallback_sources));
        let watched = resolved.watched.clone();
        let read = Read { sources: fallback_sources, watched, task, found, ..Read::default() };
        let base = lower(read, environment, sockets);
        resolved.fallback = Some(Box::new(base));
    }
    resolved
}

fn names(sources: &[Source]) -> String {
    let names = sources.iter().map(|source| match source {
        Source::Path(path) => path.as_str(),
        Source::Bytes { name, .. } => name.as_str(),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// What is to be lowered, and what is known about it.
#[derive(Default)]
struct Read {
    sources: Vec<Source>,
    watched: Vec<Watched>,
    task: Option<Arc<net::ecs::Task>>,
    diagnostics: Diagnostics,
    found: String,
    options: collector::Options,
}

fn lower(read: Read, environment: Environment, sockets: Prebound) -> Resolved {
    let Read { sources, watched, task, mut diagnostics, found, options } = read;
    let variables = |name: &str| match environment.get(name) {
        Some(value) => Some(value.to_owned()),
        None if name == "HOSTNAME" => host_name(),
        None => None,
    };
    let (mut topology, said) = match collector::speaks(&sources, &Disk, &variables) {
        true => collector::lower(&sources, &Disk, &variables, options),
        false => fluent_bit::lower(&sources, &WithShipped(Disk), &variables),
    };
    diagnostics.extend(said);
    disk::assign(&mut topology, &environment);
    let machine = Machine::read();
    let surroundings = Surroundings {
        environment,
        sockets,
        task,
        workers: machine.workers,
        memory_budget: machine.queue_bytes,
    };
    Resolved { topology, diagnostics, surroundings, found, watched, fallback: None }
}

/// Fluent Bit answers `${HOSTNAME}` itself where the environment does not.
pub fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned())
}

impl Watched {
    pub fn file(path: &str) -> Watched {
        Watched::File { path: path.into(), modified: modified(path) }
    }
}

fn modified(path: &str) -> Option<SystemTime> {
    std::fs::metadata(Path::new(path)).and_then(|metadata| metadata.modified()).ok()
}

/// Resolves when one of the sources no longer looks as it did.
pub async fn changed(watched: &[Watched], every: Duration, environment: &Environment) {
    loop {
        tokio::time::sleep(every).await;
        for source in watched {
            let same = match source {
                Watched::File { path, modified: before } => modified(path) == *before,
                // A look that fails says nothing about the object.
                Watched::Object { bucket, key, etag } => {
                    firelens::etag(bucket, key, environment).await.is_none_or(|now| now == *etag)
                }
            };
            if !same {
                return;
            }
        }
    }
}

/// Diagnostics as log lines where nobody sits at a terminal: one event each.
pub fn log(diagnostics: &Diagnostics, on_terminal: impl FnOnce(&Diagnostics)) {
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        return on_terminal(diagnostics);
    }
    for diagnostic in diagnostics.iter() {
        let at = diagnostic.origin.map(tracing::field::display);
        let (message, because) = (&diagnostic.message, diagnostic.because.as_deref());
        let help = diagnostic.help.as_deref();
        match diagnostic.severity {
            Severity::Error => tracing::error!(at, because, help, "{message}"),
            Severity::Warning => tracing::warn!(at, because, help, "{message}"),
            Severity::Note => tracing::info!(at, because, help, "{message}"),
        }
    }
}

pub fn diagnostic_json(diagnostic: &Diagnostic) -> Value {
    json!({
        "severity": diagnostic.severity.word(),
        "message": diagnostic.message,
        "origin": diagnostic.origin.map(|origin| origin.to_string()),
        "because": diagnostic.because,
        "help": diagnostic.help,
    })
}

/// Fluent Bit's flags as the classic text they stand for.
pub fn from_flags(options: &FluentBitOptions) -> Vec<Extra> {
    let mut text = String::from("[SERVICE]\n    Log_Level ${FLB_LOG_LEVEL:-info}\n");
    if let Some(flush) = &options.flush {
        text.push_str(&format!("    Flush {flush}\n"));
    }
    if options.http {
        text.push_str("    HTTP_Server On\n");
    }
    if let Some(port) = options.port {
        text.push_str(&format!("    HTTP_Port {port}\n"));
    }
    let mut extra: Vec<Extra> = options.parser.iter().map(|path| Source::Path(path.clone())).collect();
    let service_said = options.flush.is_some() || options.http || options.port.is_some();
    let sections = sections();
    if service_said || !sections.is_empty() {
        text.push_str(&sections);
        extra.push(Source::Bytes { name: "(command line)".into(), bytes: text.into_bytes() });
    }
    extra
}

/// `-i`, `-F` and `-o` begin a section; `-p`, `-m` and `-t` belong to the one before. Read from the arguments
/// themselves, as their order matters.
fn sections() -> String {
    let mut text = String::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let (flag, attached) = match flag.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag.to_owned(), Some(value.to_owned())),
            _ => (flag, None),
        };
        let line: fn(String) -> String = match flag.as_str() {
            "-i" | "--input" => |value| format!("[INPUT]\n    Name {value}\n"),
            "-F" | "--filter" => |value| format!("[FILTER]\n    Name {value}\n"),
            "-o" | "--output" => |value| format!("[OUTPUT]\n    Name {value}\n"),
            "-m" | "--match" => |value| format!("    Match {value}\n"),
            "-t" | "--tag" => |value| format!("    Tag {value}\n"),
            "-p" | "--prop" => |value| format!("    {}\n", value.replacen('=', " ", 1)),
            _ => continue,
        };
        if let Some(value) = attached.or_else(|| arguments.next()) {
            text.push_str(&line(value));
        }
    }
    text
}

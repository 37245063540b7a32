//! Extensions: what each one becomes for the components that name it, or for the process.

use base64::prelude::{BASE64_STANDARD, Engine};
use config::{Node, Setting};
use serde::Deserialize;

use super::draft::Draft;
use super::table::{ALL, Absent, Entry};

/// What an extension is to those who name it.
#[derive(Debug, Clone)]
pub(super) enum Extension {
    /// Headers to send with each request.
    Headers(Vec<Setting>),
    /// Senders that a receiver lets in: `users` or `users_file`.
    Users(Setting),
    /// Requests are signed: `region`, `service` and `role_arn`.
    Sigv4(Setting),
    /// A folder that queues may use.
    Storage(String),
    /// Answers health checks at this address and path.
    HealthCheck { listen: String, path: String },
    /// Nothing to anybody.
    Nothing,
}

type Lower = fn(Draft<'_>) -> Option<Extension>;

pub(super) static EXTENSIONS: &[Entry<Lower>] = &[
    Entry { name: "health_check", older: &[], signals: ALL, lower: health_check },
    Entry { name: "file_storage", older: &[], signals: ALL, lower: file_storage },
    Entry { name: "basicauth", older: &["basic_auth"], signals: ALL, lower: basic_auth },
    Entry { name: "bearertokenauth", older: &["bearer_token_auth"], signals: ALL, lower: bearer_token },
    Entry { name: "sigv4auth", older: &["sigv4_auth"], signals: ALL, lower: sigv4 },
    Entry { name: "headers_setter", older: &[], signals: ALL, lower: headers_setter },
    Entry { name: "pprof", older: &[], signals: ALL, lower: not_needed },
    Entry { name: "zpages", older: &[], signals: ALL, lower: not_needed },
    Entry { name: "memory_ballast", older: &[], signals: ALL, lower: not_needed },
];

pub(super) const ABSENT: &[Absent] = &[
    ("asapclient", ""),
    ("awsproxy", ""),
    ("awslogs_encoding", ""),
    ("db_storage", "use `file_storage`"),
    ("ecs_observer", ""),
    ("ecs_task_observer", ""),
    ("docker_observer", ""),
    ("host_observer", ""),
    ("k8s_observer", ""),
    ("http_forwarder", ""),
    ("jaegerremotesampling", ""),
    ("oauth2client", ""),
    ("oidc", ""),
    ("opamp", ""),
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HealthCheckConfig {
    endpoint: Option<String>,
    path: Option<String>,
}

fn health_check(mut draft: Draft<'_>) -> Option<Extension> {
    let config = draft.group::<HealthCheckConfig>();
    draft.take("tls");
    draft.take("response_body");
    draft.take("check_collector_pipeline");
    draft.finish(Setting::map())?;
    let listen = config.endpoint.unwrap_or_else(|| "localhost:13133".into());
    Some(Extension::HealthCheck {
        listen: super::http::listen(&listen),
        path: config.path.unwrap_or_else(|| "/".into()),
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FileStorageConfig {
    directory: Option<String>,
}

fn file_storage(mut draft: Draft<'_>) -> Option<Extension> {
    let directory = draft.group::<FileStorageConfig>().directory;
    for name in [
        "timeout",
        "compaction",
        "fsync",
        "create_directory",
        "directory_permissions",
        "recreate",
        "max_size",
    ] {
        draft.take(name);
    }
    draft.finish(Setting::map())?;
    Some(Extension::Storage(directory.unwrap_or_else(|| "/var/lib/otelcol/file_storage".into())))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BasicAuthConfig {
    client_auth: Option<ClientAuth>,
    htpasswd: Option<Htpasswd>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Htpasswd {
    file: Option<String>,
    inline: Option<config::Secret>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClientAuth {
    username: String,
    password: config::Secret,
}

fn basic_auth(mut draft: Draft<'_>) -> Option<Extension> {
    let config = draft.group::<BasicAuthConfig>();
    if config.client_auth.is_none() && config.htpasswd.is_none() {
        draft.error("no credential source provided", "write `client_auth: {username: …, password: …}`");
    }
    draft.finish(Setting::map())?;
    if let Some(htpasswd) = config.htpasswd {
        let mut users = Setting::map();
        if let Some(lines) = htpasswd.inline {
            users.set("users", Setting::from(lines.reveal()).hide());
        }
        if let Some(file) = htpasswd.file {
            users.set("users_file", file);
        }
        return Some(Extension::Users(users));
    }
    let client = config.client_auth?;
    let plain = format!("{}:{}", client.username, client.password.reveal());
    let value = format!("Basic {}", BASE64_STANDARD.encode(plain));
    Some(Extension::Headers(vec![header("Authorization", value)]))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BearerConfig {
    header: Option<String>,
    scheme: Option<String>,
    token: config::Secret,
    filename: Option<String>,
}

fn bearer_token(mut draft: Draft<'_>) -> Option<Extension> {
    let config = draft.group::<BearerConfig>();
    if config.filename.is_some() {
        draft.error("`filename`: a token is not read again from a file yet", "write `token: ${file:/path}`");
    } else if config.token.is_empty() {
        draft.error("no bearer token provided", "write `token: ${env:TOKEN}`");
    }
    draft.finish(Setting::map())?;
    let scheme = config.scheme.unwrap_or_else(|| "Bearer".into());
    let value = format!("{scheme} {}", config.token.reveal()).trim().to_owned();
    Some(Extension::Headers(vec![header(config.header.as_deref().unwrap_or("Authorization"), value)]))
}

fn header(name: &str, value: String) -> Setting {
    Setting::map().with("name", name).with("value", Setting::from(value).hide())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sigv4Config {
    region: Option<String>,
    service: Option<String>,
    assume_role: Option<AssumeRole>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AssumeRole {
    arn: Option<String>,
    session_name: Option<String>,
    sts_region: Option<String>,
}

fn sigv4(mut draft: Draft<'_>) -> Option<Extension> {
    let config = draft.group::<Sigv4Config>();
    draft.finish(Setting::map())?;
    let role = config.assume_role.unwrap_or_default();
    let _ = (role.session_name, role.sts_region);
    let mut aws = Setting::map();
    for (name, value) in [("region", config.region), ("service", config.service), ("role_arn", role.arn)] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            aws.set(name, value);
        }
    }
    Some(Extension::Sigv4(aws))
}

fn headers_setter(mut draft: Draft<'_>) -> Option<Extension> {
    let written = draft.take("headers").unwrap_or_default();
    let mut headers = Vec::new();
    for mut item in written.items().iter().cloned() {
        let (key, value) = (item.remove("key"), item.remove("value"));
        match (key, value) {
            (Some(key), Some(value)) => {
                headers.push(Setting::map().with("name", key).with("value", value.hide()));
            }
            _ => draft.error("only headers with a `value` of their own can be set", "remove `from_context`"),
        }
    }
    if !matches!(written.node, Node::List(_)) {
        draft.error("`headers` is missing", "write a list of `key` and `value`");
    }
    draft.take("additional_auth");
    draft.finish(Setting::map())?;
    Some(Extension::Headers(headers))
}

/// Its keys are for a process of another kind.
fn not_needed(mut draft: Draft<'_>) -> Option<Extension> {
    draft.note("nothing of it is needed here: left out");
    Some(Extension::Nothing)
}

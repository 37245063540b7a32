//! Extensions: what each one becomes for the components that name it, or for the process.

use base64::prelude::{BASE64_STANDARD, Engine};
use config::{Node, Setting};
use serde::Deserialize;

use super::draft::Draft;
use super::table::{ALL, Absent, Entry};
use super::tls::ClientTls;
use super::values::{GoDuration, Words};

/// What an extension is to those who name it.
#[derive(Debug, Clone)]
pub(super) enum Extension {
    /// Headers to send with each request.
    Headers(Vec<Setting>),
    /// Senders that a receiver lets in: `users` or `users_file`.
    Users(Setting),
    /// A header whose value changes: `auth` of our exporters.
    Auth(Setting),
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
    Entry { name: "oauth2client", older: &["oauth2_client"], signals: ALL, lower: oauth2_client },
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
    if draft.take("tokens").is_some() {
        draft.error("`tokens`: only one token is known here", "write the one `token`");
    } else if config.token.is_empty() && config.filename.is_none() {
        draft.error("no bearer token provided", "write `token: ${env:TOKEN}`, or `filename`");
    }
    draft.finish(Setting::map())?;
    let scheme = config.scheme.unwrap_or_else(|| "Bearer".into());
    let name = config.header.unwrap_or_else(|| "Authorization".into());
    if let Some(path) = config.filename {
        let file = Setting::map().with("path", path).with("header", name).with("scheme", scheme);
        return Some(Extension::Auth(Setting::map().with("token_file", file)));
    }
    let value = format!("{scheme} {}", config.token.reveal()).trim().to_owned();
    Some(Extension::Headers(vec![header(&name, value)]))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Oauth2Config {
    client_id: Option<String>,
    client_id_file: Option<String>,
    client_secret: config::Secret,
    client_secret_file: Option<String>,
    token_url: Option<String>,
    scopes: Words,
    timeout: Option<GoDuration>,
    expiry_buffer: Option<GoDuration>,
    tls: Option<ClientTls>,
}

fn oauth2_client(mut draft: Draft<'_>) -> Option<Extension> {
    let config = draft.group::<Oauth2Config>();
    let mut oauth2 = Setting::map();
    let is_set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    for (name, is_there) in [
        ("ClientID", is_set(&config.client_id) || is_set(&config.client_id_file)),
        ("ClientSecret", !config.client_secret.is_empty() || is_set(&config.client_secret_file)),
        ("TokenURL", is_set(&config.token_url)),
    ] {
        if !is_there {
            let help = "write `client_id`, `client_secret` and `token_url`";
            draft.error(format!("no {name} provided in the OAuth Client Credentials configuration"), help);
        }
    }
    for (name, text) in [
        ("client_id", config.client_id),
        ("client_id_file", config.client_id_file),
        ("client_secret_file", config.client_secret_file),
        ("token_url", config.token_url),
    ] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            oauth2.set(name, text);
        }
    }
    if !config.client_secret.is_empty() {
        oauth2.set("client_secret", Setting::from(config.client_secret.reveal()).hide());
    }
    if !config.scopes.0.is_empty() {
        oauth2.set("scopes", Setting::list(config.scopes.0));
    }
    for (name, time) in [("timeout", config.timeout), ("expiry_buffer", config.expiry_buffer)] {
        // No time at all is no limit upstream.
        if let Some(GoDuration(time)) = time.filter(|time| name != "timeout" || !time.0.is_zero()) {
            oauth2.set(name, format!("{}ms", time.as_millis()));
        }
    }
    if let Some(parameters) = draft.take("endpoint_params") {
        let parameters: Vec<Setting> = parameters
            .entries()
            .iter()
            .flat_map(|(key, value)| {
                let values =
                    if value.items().is_empty() { std::slice::from_ref(value) } else { value.items() };
                values.iter().map(|value| header(&key.name, value.as_str().unwrap_or_default().to_owned()))
            })
            .collect();
        oauth2.set("endpoint_params", Setting::list(parameters));
    }
    if let Some(tls) = config.tls {
        oauth2.set("tls", tls.lower(&mut draft));
    }
    let auth = Setting::map().with("oauth2", oauth2).at(draft.declared.origin);
    draft.finish(Setting::map())?;
    Some(Extension::Auth(auth))
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

//! `confighttp` and `configgrpc`: what clients and servers share.

use std::collections::BTreeMap;

use config::{Node, Secret, Setting};
use serde::Deserialize;

use super::draft::Draft;
use super::extensions::Extension;
use super::tls::{ClientTls, ServerTls};
use super::values::{GoDuration, Words};

/// Where a client goes and how.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code)] // Keys that change nothing here are still keys.
pub(super) struct ClientConfig {
    pub endpoint: Option<String>,
    pub tls: Option<ClientTls>,
    pub compression: Option<String>,
    compression_params: Option<CompressionParams>,
    auth: Option<Auth>,
    proxy_url: Option<String>,
    // Of HTTP.
    read_buffer_size: Option<u64>,
    write_buffer_size: Option<u64>,
    max_idle_conns: Option<u64>,
    max_idle_conns_per_host: Option<u64>,
    max_conns_per_host: Option<u64>,
    idle_conn_timeout: Option<GoDuration>,
    disable_keep_alives: Option<bool>,
    http2_read_idle_timeout: Option<GoDuration>,
    http2_ping_timeout: Option<GoDuration>,
    force_attempt_http2: Option<bool>,
    // Of gRPC.
    keepalive: Option<Keepalive>,
    wait_for_ready: Option<bool>,
    balancer_name: Option<String>,
    authority: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CompressionParams {
    #[allow(dead_code)]
    level: Option<i32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code)]
pub(super) struct Keepalive {
    time: Option<GoDuration>,
    timeout: Option<GoDuration>,
    permit_without_stream: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Auth {
    authenticator: Option<String>,
}

impl ClientConfig {
    /// `compression`, `headers`, `proxy`, `tls` and `aws_auth` of our HTTP exporters. The endpoint is the caller's.
    pub fn lower(self, draft: &mut Draft<'_>) -> Setting {
        let mut settings = Setting::map();
        let mut headers = headers(draft);
        if let Some(id) = self.auth.and_then(|auth| auth.authenticator) {
            authenticate(draft, &id, &mut settings, &mut headers);
        }
        if !headers.is_empty() {
            settings.set("headers", Setting::list(headers));
        }
        if let Some(proxy) = self.proxy_url {
            settings.set("proxy", proxy);
        }
        if let Some(compression) = self.compression {
            match compression.as_str() {
                "gzip" | "zstd" | "none" => settings.set("compression", compression),
                "" => settings.set("compression", "none"),
                other => draft
                    .error(format!("compression `{other}` is not written here"), "use gzip, zstd or none"),
            }
        }
        if self.disable_keep_alives == Some(true) {
            draft.note("`disable_keep_alives`: connections are kept");
        }
        if let Some(tls) = self.tls {
            settings.set("tls", tls.lower(draft));
        }
        settings
    }
}

/// A map of names and values, or a list of both.
fn headers(draft: &mut Draft<'_>) -> Vec<Setting> {
    let header =
        |name: Setting, value: Setting| Setting::map().with("name", name).with("value", value.hide());
    let Some(written) = draft.take("headers") else { return Vec::new() };
    match written.node {
        Node::Null => Vec::new(),
        Node::Map(entries) => entries
            .into_iter()
            .map(|(key, value)| header(Setting::from(key.name).at(key.origin), value).at(key.origin))
            .collect(),
        Node::List(items) => items
            .into_iter()
            .filter_map(|mut item| Some(header(item.remove("name")?, item.remove("value")?).at(item.origin)))
            .collect(),
        _ => {
            draft.error("`headers` must be a map of names and values", "write `headers: {name: value}`");
            Vec::new()
        }
    }
}

fn authenticate(draft: &mut Draft<'_>, id: &str, settings: &mut Setting, headers: &mut Vec<Setting>) {
    let known =
        draft.cx.extensions.iter().find(|(known, _)| known.text == id).map(|(_, found)| found.clone());
    match known {
        Some(Extension::Headers(own)) => headers.extend(own),
        Some(Extension::Auth(auth)) => settings.set("auth", auth),
        Some(Extension::Sigv4(aws)) => settings.set("aws_auth", aws),
        Some(_) => {
            draft.error(format!("extension `{id}` does not authenticate clients"), "name one that does")
        }
        None => not_configured(draft, id),
    }
}

/// The extension that tells which senders are let in.
fn senders(draft: &mut Draft<'_>, id: &str) -> Option<Setting> {
    let known =
        draft.cx.extensions.iter().find(|(known, _)| known.text == id).map(|(_, found)| found.clone());
    match known {
        Some(Extension::Users(users)) => Some(users),
        Some(Extension::Headers(mut headers)) if headers.len() == 1 => {
            let mut header = headers.pop()?;
            let (name, value) = (header.remove("name")?, header.remove("value")?);
            Some(Setting::map().with("header", name).with("values", Setting::list([value])))
        }
        Some(_) => {
            let help = "name a `basicauth` with `htpasswd`, or a `bearertokenauth`";
            draft.error(format!("extension `{id}` does not authenticate senders"), help);
            None
        }
        None => {
            not_configured(draft, id);
            None
        }
    }
}

fn not_configured(draft: &mut Draft<'_>, id: &str) {
    draft.error(
        format!("auth: references extension \"{id}\" which is not configured"),
        "define it below `extensions` and name it in `service.extensions`",
    );
}

/// Where a server listens and what it takes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code)]
pub(super) struct ServerConfig {
    pub endpoint: Option<String>,
    transport: Option<String>,
    tls: Option<ServerTls>,
    cors: Option<Cors>,
    auth: Option<Auth>,
    include_metadata: bool,
    // Of HTTP.
    max_request_body_size: Option<u64>,
    response_headers: BTreeMap<String, Secret>,
    compression_algorithms: Option<Words>,
    read_timeout: Option<GoDuration>,
    read_header_timeout: Option<GoDuration>,
    write_timeout: Option<GoDuration>,
    idle_timeout: Option<GoDuration>,
    keep_alives_enabled: Option<bool>,
    traces_url_path: Option<String>,
    metrics_url_path: Option<String>,
    logs_url_path: Option<String>,
    // Of gRPC.
    max_recv_msg_size_mib: Option<u64>,
    max_concurrent_streams: Option<u32>,
    read_buffer_size: Option<u64>,
    write_buffer_size: Option<u64>,
    keepalive: Option<ServerKeepalive>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code)]
struct ServerKeepalive {
    server_parameters: Option<ServerParameters>,
    enforcement_policy: Option<EnforcementPolicy>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code)]
struct ServerParameters {
    max_connection_idle: Option<GoDuration>,
    max_connection_age: Option<GoDuration>,
    max_connection_age_grace: Option<GoDuration>,
    time: Option<GoDuration>,
    timeout: Option<GoDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code)]
struct EnforcementPolicy {
    min_time: Option<GoDuration>,
    permit_without_stream: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cors {
    allowed_origins: Vec<String>,
    allowed_headers: Vec<String>,
    #[allow(dead_code)]
    exposed_headers: Vec<String>,
    max_age: Option<u64>,
}

impl ServerConfig {
    /// Settings of our receivers over HTTP and gRPC: `listen`, `max_request_body_bytes`, `tls`, `auth`, `cors` and the paths.
    pub fn lower(self, usual: &str, draft: &mut Draft<'_>) -> Setting {
        let mut settings = Setting::map();
        let mut endpoint = self.endpoint.unwrap_or_else(|| usual.to_owned());
        match self.transport.as_deref() {
            None | Some("tcp" | "tcp4" | "tcp6") => {}
            Some("unix") => endpoint = format!("unix://{endpoint}"),
            Some(other) => draft.error(format!("no transport `{other}`"), "use tcp or unix"),
        }
        settings.set("listen", listen(&endpoint));
        let bytes = self.max_recv_msg_size_mib.map(|mib| mib << 20).or(self.max_request_body_size);
        if let Some(bytes) = bytes.filter(|bytes| *bytes > 0) {
            settings.set("max_request_body_bytes", bytes);
        }
        if let Some(id) = self.auth.and_then(|auth| auth.authenticator)
            && let Some(auth) = senders(draft, &id)
        {
            settings.set("auth", auth);
        }
        if let Some(tls) = self.tls {
            settings.set("tls", tls.lower(draft));
        }
        if let Some(cors) = self.cors.filter(|cors| !cors.allowed_origins.is_empty()) {
            settings.set("cors", cors.lower());
        }
        for (name, path) in [
            ("traces_path", self.traces_url_path),
            ("metrics_path", self.metrics_url_path),
            ("logs_path", self.logs_url_path),
        ] {
            if let Some(path) = path {
                settings.set(name, if path.starts_with('/') { path } else { format!("/{path}") });
            }
        }
        settings
    }
}

impl Cors {
    fn lower(self) -> Setting {
        let mut cors = Setting::map().with("allowed_origins", Setting::list(self.allowed_origins));
        cors.set("allowed_headers", Setting::list(self.allowed_headers));
        if let Some(seconds) = self.max_age {
            cors.set("max_age", format!("{seconds}s"));
        }
        cors
    }
}

/// `:4317` means every address, as in Go.
pub(super) fn listen(endpoint: &str) -> String {
    match endpoint.strip_prefix(':') {
        Some(port) => format!("0.0.0.0:{port}"),
        None => endpoint.replacen("localhost:", "127.0.0.1:", 1),
    }
}

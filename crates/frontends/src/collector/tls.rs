//! `configtls`: certificates and versions, for clients and servers.

use config::Setting;
use serde::Deserialize;

use super::draft::Draft;
use super::values::{GoDuration, Words};

/// `tls` of something that connects.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ClientTls {
    pub insecure: bool,
    insecure_skip_verify: bool,
    server_name_override: Option<String>,
    ca_file: Option<String>,
    ca_pem: Option<String>,
    cert_file: Option<String>,
    cert_pem: Option<String>,
    key_file: Option<String>,
    key_pem: Option<String>,
    include_system_ca_certs_pool: bool,
    min_version: Option<String>,
    max_version: Option<String>,
    cipher_suites: Words,
    include_insecure_cipher_suites: bool,
    curve_preferences: Words,
    reload_interval: Option<GoDuration>,
}

impl ClientTls {
    /// As `net::tls::TlsClientConfig` reads it.
    pub fn lower(self, draft: &mut Draft<'_>) -> Setting {
        let pem = self.ca_pem.is_some() || self.cert_pem.is_some() || self.key_pem.is_some();
        refuse_rest(draft, pem, &self.cipher_suites, self.include_insecure_cipher_suites);
        watched(draft, self.reload_interval, &self.curve_preferences);
        let mut tls = Setting::map();
        for (name, value) in [
            ("ca_file", self.ca_file),
            ("certificate_file", self.cert_file),
            ("key_file", self.key_file),
            ("server_name", self.server_name_override),
            ("min_version", self.min_version.filter(|version| !version.is_empty())),
            ("max_version", self.max_version.filter(|version| !version.is_empty())),
        ] {
            if let Some(value) = value {
                tls.set(name, value);
            }
        }
        if self.include_system_ca_certs_pool {
            tls.set("include_system_ca", true);
        }
        if self.insecure_skip_verify {
            tls.set("verify", false);
        }
        tls
    }
}

/// `tls` of something that listens.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ServerTls {
    ca_file: Option<String>,
    ca_pem: Option<String>,
    cert_file: Option<String>,
    cert_pem: Option<String>,
    key_file: Option<String>,
    key_pem: Option<String>,
    include_system_ca_certs_pool: bool,
    min_version: Option<String>,
    max_version: Option<String>,
    cipher_suites: Words,
    include_insecure_cipher_suites: bool,
    curve_preferences: Words,
    reload_interval: Option<GoDuration>,
    client_ca_file: Option<String>,
    client_ca_file_reload: bool,
}

impl ServerTls {
    /// As `net::tls::TlsServerConfig` reads it.
    pub fn lower(self, draft: &mut Draft<'_>) -> Setting {
        let pem = self.ca_pem.is_some() || self.cert_pem.is_some() || self.key_pem.is_some();
        refuse_rest(draft, pem, &self.cipher_suites, self.include_insecure_cipher_suites);
        watched(draft, self.reload_interval, &self.curve_preferences);
        if self.ca_file.is_some() || self.include_system_ca_certs_pool || self.max_version.is_some() {
            draft.note(
                "`ca_file`, `include_system_ca_certs_pool` and `max_version` say nothing to a server here",
            );
        }
        if self.client_ca_file_reload {
            draft.note("`client_ca_file_reload`: the file is always read again when it changes");
        }
        let mut tls = Setting::map();
        for (name, value) in [
            ("certificate_file", self.cert_file),
            ("key_file", self.key_file),
            ("client_ca_file", self.client_ca_file),
            ("min_version", self.min_version.filter(|version| !version.is_empty())),
        ] {
            if let Some(value) = value {
                tls.set(name, value);
            }
        }
        tls
    }
}

fn refuse_rest(draft: &mut Draft<'_>, pem: bool, suites: &Words, weak_suites: bool) {
    if pem {
        draft.error(
            "tls: certificates in the configuration itself are not taken",
            "write them to files and name those",
        );
    }
    if !suites.0.is_empty() || weak_suites {
        draft.error("tls: cipher suites cannot be chosen", "remove the key; weak ones are never used");
    }
}

fn watched(draft: &mut Draft<'_>, reload: Option<GoDuration>, curves: &Words) {
    if reload.is_some_and(|interval| !interval.0.is_zero()) {
        draft.note("tls: `reload_interval` is not needed: files are read again when they change");
    }
    if !curves.0.is_empty() {
        draft.note("tls: `curve_preferences` has no effect; the order is the library's");
    }
}

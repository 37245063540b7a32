//! Host, port and TLS made into one address, with what people get wrong about the three.

use config::Setting;

use crate::fluent_bit::draft::{Draft, Value};

/// What a plugin assumes where the user says nothing.
pub(super) struct Defaults {
    pub host: &'static str,
    pub port: u16,
    pub tls_port: u16,
}

/// The parts as the user wrote them.
struct Written {
    host: String,
    scheme: Option<bool>,
    port: Option<u16>,
    path: String,
}

/// The URL of an HTTP destination, without a path of its own; `https` when TLS is on or must be.
pub(super) fn url(draft: &mut Draft<'_, '_>, defaults: &Defaults) -> String {
    let written = read(draft, defaults);
    let tls = decide_tls(draft, &written);
    let (scheme, usual) = if tls { ("https", 443) } else { ("http", 80) };
    let port = written.port.unwrap_or(if tls { defaults.tls_port } else { defaults.port });
    let bracketed = host_and_port(&written.host, port);
    let authority = match port == usual {
        true => bracketed.rsplit_once(':').map_or(bracketed.as_str(), |(host, _)| host).to_owned(),
        false => bracketed,
    };
    if !tls {
        draft.settings.remove("tls");
    }
    format!("{scheme}://{authority}")
}

/// `host:port`, for a destination that is not HTTP.
pub(super) fn address(draft: &mut Draft<'_, '_>, defaults: &Defaults) -> String {
    let written = read(draft, defaults);
    host_and_port(&written.host, written.port.unwrap_or(defaults.port))
}

pub(in crate::fluent_bit) fn host_and_port(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Sets `endpoint` with the place of `Host`, or of the section.
pub(super) fn set(draft: &mut Draft<'_, '_>, endpoint: String) {
    let origin = draft.value("host").map_or(draft.section.origin, |value| value.origin);
    draft.set("endpoint", Setting::from(endpoint).at(origin));
}

pub(super) fn is_datadog(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    ["datadoghq.com", "datadoghq.eu", "ddog-gov.com"]
        .iter()
        .any(|site| host == *site || host.ends_with(&format!(".{site}")))
}

fn read(draft: &mut Draft<'_, '_>, defaults: &Defaults) -> Written {
    let value = draft.value("host");
    let mut written = split(value.as_ref().map_or(defaults.host, |value| value.text.trim()));
    if let (Some(value), true) = (&value, written.scheme.is_some() || !written.path.is_empty()) {
        let message = format!("the `Host` of {} is more than a host name", draft.label);
        draft.warn(message, value.origin, &format!("write `Host {}`", written.host));
    }
    if let Some(value) = draft.value("port") {
        match value.text.parse::<u16>() {
            Ok(port) if port > 0 => written.port = Some(port),
            _ => draft.wrong("port", &value, "a port number"),
        }
    }
    written
}

fn split(text: &str) -> Written {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.eq_ignore_ascii_case("https")), rest),
        None => (None, text),
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (host, port) = match authority.rsplit_once(':') {
        // Not the inside of an IPv6 address.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()),
        _ => (authority, None),
    };
    Written { host: host.to_owned(), scheme, port, path: path.trim_end_matches('/').to_owned() }
}

fn decide_tls(draft: &mut Draft<'_, '_>, written: &Written) -> bool {
    let value = draft.value("tls");
    let asked = draft.flag("tls").or(written.scheme);
    let datadog = is_datadog(&written.host);
    match (asked, &value) {
        (Some(true), _) => true,
        (Some(false), Some(value)) if datadog => {
            let message = format!(
                "TLS is off for {}, and Datadog's intake refuses plain HTTP; it is used anyway",
                draft.label
            );
            draft.warn(message, value.origin, "write `tls on`");
            true
        }
        (Some(false), Some(value)) if written.port == Some(443) => {
            let message = format!("{} talks plain HTTP to port 443, where TLS is expected", draft.label);
            draft.warn(message, value.origin, "write `tls on`");
            false
        }
        (None, _) if !datadog && written.port == Some(443) => {
            let origin = draft.value("port").map_or(draft.section.origin, |value| value.origin);
            let message = format!("{} sends to port 443 without `tls on`; TLS is used", draft.label);
            draft.warn(message, origin, "write `tls on`; Fluent Bit would send plain HTTP there");
            true
        }
        (None, _) => datadog,
        (Some(false), _) => false,
    }
}

/// A custom AWS endpoint as a URL; Fluent Bit takes a host name.
pub(super) fn aws_endpoint(value: &Value) -> Setting {
    let text = value.text.trim_end_matches('/');
    let url = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    value.setting(url)
}

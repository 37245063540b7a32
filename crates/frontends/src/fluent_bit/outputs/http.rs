//! `http` becomes `http`.

use config::{Diagnostic, Setting};

use super::endpoint::{self, Defaults};
use crate::fluent_bit::common;
use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, own, warn};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["http"], kind: "http", fields: FIELDS, finish };

pub(super) const DATE_FORMATS: &[(&str, &str)] = &[
    ("double", "double"),
    ("epoch", "epoch"),
    ("epoch_ms", "epoch_ms"),
    ("epoch_millis", "epoch_ms"),
    ("epoch_milliseconds", "epoch_ms"),
    ("iso8601", "iso8601"),
    ("java_sql_timestamp", "java_sql_timestamp"),
];

const FIELDS: &[Field] = &[
    own("uri"),
    field("http_method", "method", To::Text),
    field(
        "format",
        "format",
        To::Word(&[
            ("json", "json"),
            ("json_lines", "json_lines"),
            ("json_stream", "json_stream"),
            ("msgpack", "msgpack"),
            ("gelf", "gelf"),
        ]),
    ),
    own("json_date_key"),
    field("json_date_format", "date_format", To::Word(DATE_FORMATS)),
    field("header", "headers", To::Pairs("name", "value")),
    field("header_tag", "tag_header", To::Text),
    field("http_user", "username", To::Text),
    field("http_passwd", "password", To::Secret),
    field("compress", "compression", To::Word(&[("none", "none"), ("gzip", "gzip"), ("zstd", "zstd")])),
    field("body_key", "body_key", To::Text),
    field("headers_key", "headers_key", To::Text),
    field("allow_duplicated_headers", "duplicate_headers", To::Bool),
    own("aws_auth"),
    own("aws_service"),
    own("aws_region"),
    field("aws_role_arn", "role_arn", To::Text),
    field("aws_sts_endpoint", "sts_endpoint", To::Text),
    field("aws_external_id", "external_id", To::Text),
    field("aws_profile", "profile", To::Text),
    field("proxy", "proxy", To::Text),
    field("log_response_payload", "log_response", To::Bool),
    own("http.response_timeout"),
    field("gelf_timestamp_key", "gelf.timestamp_key", To::Text),
    field("gelf_host_key", "gelf.host_key", To::Text),
    field("gelf_short_message_key", "gelf.short_message_key", To::Text),
    field("gelf_full_message_key", "gelf.full_message_key", To::Text),
    field("gelf_level_key", "gelf.level_key", To::Text),
    warn("oauth2.enable", "requests are sent without a token"),
    warn("oauth2.token_url", "requests are sent without a token"),
    warn("oauth2.client_id", "requests are sent without a token"),
    warn("oauth2.client_secret", "requests are sent without a token"),
];

fn finish(draft: &mut Draft<'_, '_>) {
    let base = endpoint::url(draft, &Defaults { host: "127.0.0.1", port: 80, tls_port: 443 });
    let uri = draft.text("uri").unwrap_or_else(|| "/".to_owned());
    let slash = if uri.starts_with('/') { "" } else { "/" };
    endpoint::set(draft, format!("{base}{slash}{uri}"));
    date_key(draft);
    sigv4(draft);
    common::time_limit(draft, "http.response_timeout");
    let plain =
        draft.settings.get("endpoint").and_then(Setting::as_str).is_some_and(|url| url.starts_with("http:"));
    if let (true, Some(value)) = (plain, draft.value("http_passwd")) {
        let message = format!("{} sends its password without TLS", draft.label);
        draft.push(Diagnostic::warning(message).at(value.origin).help("add `tls on`"));
    }
    // The region of a signature belongs to the signature.
    draft.settings.remove("region");
    draft.settings.remove("user_agent");
}

/// `json_date_key false` leaves the time out.
pub(super) fn date_key(draft: &mut Draft<'_, '_>) {
    if let Some(value) = draft.value("json_date_key") {
        let none = value.text.eq_ignore_ascii_case("false");
        draft.set("date_key", value.setting(if none { "" } else { value.text.as_str() }));
    }
}

fn sigv4(draft: &mut Draft<'_, '_>) {
    if draft.flag("aws_auth") != Some(true) {
        return;
    }
    let region = draft.value("aws_region").or_else(|| draft.value("region"));
    let region = match region {
        Some(value) => value.text_setting(),
        None => match draft.cx.variable("AWS_REGION") {
            Some(region) => Setting::from(region),
            None => return draft.refuse_without(&["aws_region"], "add `aws_region ${AWS_REGION}`"),
        },
    };
    let Some(service) = draft.require("aws_service", "say which service the signature is for, such as `es`")
    else {
        return;
    };
    draft.set("sigv4.service", service.text_setting());
    draft.set("sigv4.region", region);
}

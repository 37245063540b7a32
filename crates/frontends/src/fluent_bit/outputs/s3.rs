//! `s3` becomes `s3`.

use std::time::Duration;

use config::Setting;

use super::endpoint;
use crate::fluent_bit::draft::Draft;
use crate::fluent_bit::table::{Field, Plugin, To, field, own, silent};
use crate::fluent_bit::values;

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["s3"], kind: "s3", fields: FIELDS, finish };

/// How long a file grows when `upload_timeout` says nothing.
const FILE_AGE: Duration = Duration::from_secs(600);

/// A whole file is one request, larger than those the default time limit is made for.
const REQUEST_TIME: Duration = Duration::from_secs(60);

const FIELDS: &[Field] = &[
    field("bucket", "bucket", To::Text),
    own("endpoint"),
    own("sts_endpoint"),
    field("s3_key_format", "key", To::Text),
    field("s3_key_format_tag_delimiters", "tag_delimiters", To::Text),
    field("static_file_path", "static_key", To::Bool),
    field("total_file_size", "max_file_bytes", To::Size),
    field("upload_chunk_size", "part_bytes", To::Size),
    field("upload_timeout", "max_file_age", To::Time),
    field("use_put_object", "single_put", To::Bool),
    own("format"),
    own("json_date_key"),
    field("json_date_format", "date_format", To::Word(super::http::DATE_FORMATS)),
    field("log_key", "log_key", To::Text),
    field("compression", "compression", To::Word(&[("none", "none"), ("gzip", "gzip"), ("zstd", "zstd")])),
    field("content_type", "content_type", To::Text),
    field("canned_acl", "acl", To::Text),
    field("storage_class", "storage_class", To::Text),
    field("send_content_md5", "send_md5", To::Bool),
    field("store_dir", "staging_dir", To::Text),
    field("store_dir_limit_size", "staging_max_bytes", To::Size),
    field("preserve_data_ordering", "preserve_order", To::Bool),
    silent("retry_exhausted_action", "what cannot be delivered is counted and named in the log"),
    silent("auto_retry_requests", "a request that fails at once is tried again at once"),
    silent("upload_part_freshness_threshold", "a file is finished by its age"),
    silent("blob_database_file", "records are logs, not blobs"),
];

fn finish(draft: &mut Draft<'_, '_>) {
    draft.require("bucket", "add `bucket NAME`");
    if !draft.has("region") {
        let region = draft.cx.variable("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned());
        draft.set("region", Setting::from(region).at(draft.section.origin));
    }
    for key in ["endpoint", "sts_endpoint"] {
        if let Some(value) = draft.value(key) {
            draft.set(key, endpoint::aws_endpoint(&value));
        }
    }
    if let Some(value) = draft.value("format") {
        match value.text.to_ascii_lowercase().as_str() {
            word @ ("json_lines" | "json") => draft.set("format", value.setting(word)),
            _ => draft.wrong("format", &value, "`json_lines` or `json`"),
        }
    }
    super::http::date_key(draft);
    // A payload is a file: it grows until its age or its size ends it, whatever the service's `Flush`.
    let age = draft.text("upload_timeout").and_then(|text| values::time(&text));
    draft.delivery.flush = age.filter(|age| !age.is_zero()).unwrap_or(FILE_AGE);
    if !draft.has("net.io_timeout") {
        draft.delivery.timeout = REQUEST_TIME;
    }
}

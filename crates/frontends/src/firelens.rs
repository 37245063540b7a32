//! What the init process of the aws-for-fluent-bit image decides, as far as it needs no network: which
//! variables name files and in which order, what an S3 ARN means, which variables the task's metadata gives.

use std::fmt;
use std::str::FromStr;

use config::{Diagnostic, Diagnostics, Origin};
use serde_json::Value;

/// The file ECS writes into the router.
pub const GENERATED_FILE: &str = "/fluent-bit/etc/fluent-bit.conf";
/// Where the agent puts an S3 file named by `config-file-value` (EC2 only).
pub const EXTERNAL_FILE: &str = "/fluent-bit/etc/external.conf";

/// A file that an `aws_fluent_bit_init_*` variable names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitFile {
    pub variable: String,
    pub location: Location,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    S3(S3Object),
    Path(String),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::S3(object) => object.fmt(f),
            Location::Path(path) => f.write_str(path),
        }
    }
}

/// An object in S3. Prints as `s3://bucket/key`, which keeps objects of one base name apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Object {
    pub partition: String,
    pub bucket: String,
    pub key: String,
}

impl fmt::Display for S3Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnS3Object;

impl fmt::Display for NotAnS3Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected `arn:aws:s3:::BUCKET/KEY`")
    }
}

impl std::error::Error for NotAnS3Object {}

impl FromStr for S3Object {
    type Err = NotAnS3Object;

    /// Reads `arn:PARTITION:s3:::BUCKET/KEY`, any partition, and `s3://BUCKET/KEY`.
    fn from_str(text: &str) -> Result<Self, NotAnS3Object> {
        let text = text.trim();
        let (partition, path) = match text.strip_prefix("s3://") {
            Some(path) => ("aws", path),
            None => {
                let mut parts = text.splitn(6, ':');
                let (head, partition, service) = (parts.next(), parts.next(), parts.next());
                let (Some("arn"), Some(partition), Some("s3")) = (head, partition, service) else {
                    return Err(NotAnS3Object);
                };
                (partition, parts.nth(2).ok_or(NotAnS3Object)?)
            }
        };
        let (bucket, key) = path.split_once('/').ok_or(NotAnS3Object)?;
        if bucket.is_empty() || key.is_empty() || partition.is_empty() {
            return Err(NotAnS3Object);
        }
        Ok(S3Object { partition: partition.into(), bucket: bucket.into(), key: key.into() })
    }
}

/// The files the init variables name, in the order people expect: by the number at the end of the name, then by
/// name, S3 objects and paths in one sequence. (The image itself takes them in no order at all.)
pub fn init_files<K: AsRef<str>, V: AsRef<str>>(
    environment: impl IntoIterator<Item = (K, V)>,
    diagnostics: &mut Diagnostics,
) -> Vec<InitFile> {
    let mut found: Vec<(Rank, InitFile)> = Vec::new();
    for (name, value) in environment {
        let (name, value) = (name.as_ref(), value.as_ref().trim());
        let Some((kind, suffix)) = recognise(name) else { continue };
        if value.is_empty() {
            let message = format!("the variable `{name}` names no file");
            diagnostics.push(Diagnostic::warning(message).at(Origin::variable(name)));
            continue;
        }
        let location = match (kind, value.parse()) {
            (Kind::Path, _) => Location::Path(value.to_owned()),
            (Kind::S3, Ok(object)) => Location::S3(object),
            (Kind::S3, Err(NotAnS3Object)) => {
                let message = format!("`{value}` is not the ARN of an S3 object");
                let fault = Diagnostic::error(message).at(Origin::variable(name));
                diagnostics.push(fault.help("write `arn:aws:s3:::BUCKET/KEY`"));
                continue;
            }
        };
        found.push((rank(name, suffix), InitFile { variable: name.to_owned(), location }));
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found.into_iter().map(|(_, file)| file).collect()
}

enum Kind {
    S3,
    Path,
}

/// The image searches for these texts anywhere in a name; what follows them is the suffix.
fn recognise(name: &str) -> Option<(Kind, &str)> {
    let after = &name[name.find("aws_fluent_bit_init_")? + "aws_fluent_bit_init_".len()..];
    let suffix = |word: &str| after.strip_prefix(word);
    if let Some(suffix) = suffix("s3").or_else(|| suffix("S3")) {
        return Some((Kind::S3, suffix));
    }
    suffix("file").or_else(|| suffix("File")).map(|suffix| (Kind::Path, suffix))
}

/// No suffix first, then numbers by value, then words; equal ones by name.
type Rank = (u8, u64, String);

fn rank(name: &str, suffix: &str) -> Rank {
    let digits = suffix.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    match (suffix.is_empty(), digits[..end].parse()) {
        (true, _) => (0, 0, name.to_owned()),
        (false, Ok(number)) => (1, number, name.to_owned()),
        (false, Err(_)) => (2, 0, name.to_owned()),
    }
}

/// What the image would do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Passed with `-R`: it contains `[PARSER]` or `[MULTILINE_PARSER]` somewhere, even in a comment.
    Parsers,
    /// Included into the main file.
    Main,
}

pub fn classify(content: &[u8]) -> Class {
    let contains = |needle: &[u8]| content.windows(needle.len()).any(|window| window == needle);
    if contains(b"[PARSER]") || contains(b"[MULTILINE_PARSER]") { Class::Parsers } else { Class::Main }
}

/// The line people search their logs for to see which files were loaded.
pub fn command_line(files: &[(String, Class)]) -> String {
    let mut line = String::from("[FluentBit Init Process] Command: exec /fluent-bit/bin/fluent-bit -c ");
    line.push_str("/init/fluent-bit-init.conf");
    for (name, class) in files {
        line.push_str(if *class == Class::Parsers { " -R " } else { " @INCLUDE " });
        line.push_str(name);
    }
    line
}

/// Variables that the task's metadata gives the configuration. One the user set wins; a note says when it
/// differs, because the image would have replaced it.
pub fn exported_variables(
    metadata: Option<&str>,
    environment: &dyn Fn(&str) -> Option<String>,
    diagnostics: &mut Diagnostics,
) -> Vec<(String, String)> {
    let mut variables = vec![("FLB_AWS_USER_AGENT".to_owned(), "ecs-init".to_owned())];
    if let Some(text) = metadata {
        match serde_json::from_str::<Value>(text) {
            Ok(document) => variables.extend(from_metadata(&document)),
            Err(cause) => {
                let fault = Diagnostic::warning(
                    "the task metadata is not JSON, so variables such as `ECS_CLUSTER` are not set",
                );
                diagnostics.push(
                    fault.at(Origin::variable("ECS_CONTAINER_METADATA_URI_V4")).because(cause.to_string()),
                );
            }
        }
    }
    variables.retain(|(name, value)| match environment(name).filter(|own| !own.is_empty()) {
        None => true,
        Some(own) => {
            if own != *value {
                let message =
                    format!("`{name}` is `{own}` as you set it, where the task metadata says `{value}`");
                diagnostics.push(Diagnostic::note(message).at(Origin::variable(name)));
            }
            false
        }
    });
    variables
}

fn from_metadata(document: &Value) -> Vec<(String, String)> {
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
    let last = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    let arn = text("TaskARN");
    let (family, revision) = (text("Family"), text("Revision"));
    let definition =
        if family.is_empty() || revision.is_empty() { String::new() } else { format!("{family}:{revision}") };
    [
        ("AWS_REGION", arn.split(':').nth(3).unwrap_or_default().to_owned()),
        ("AWS_AVAILABILITY_ZONE", text("AvailabilityZone").to_owned()),
        ("ECS_CLUSTER", last(text("Cluster"))),
        ("ECS_TASK_ARN", arn.to_owned()),
        ("ECS_TASK_ID", last(arn)),
        ("ECS_FAMILY", family.to_owned()),
        ("ECS_LAUNCH_TYPE", text("LaunchType").to_owned()),
        ("ECS_REVISION", revision.to_owned()),
        ("ECS_TASK_DEFINITION", definition),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

#[cfg(test)]
mod tests;

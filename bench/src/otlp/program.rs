//! The programs under test: how each is told to do a case's work.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use model::Signal;
use testkit::process::Folder;

use super::{Case, Work};

const RENAME: &str = r#"          - set(log.attributes["renamed.N"], log.attributes["a.N"])
          - delete_key(log.attributes, "a.N")
"#;

const NORMALISE: &str = r#"          - merge_maps(log.cache, ParseJSON(log.body), "upsert")
          - set(log.severity_text, log.cache["level"])
          - set(log.severity_number, SEVERITY_NUMBER_INFO) where log.severity_text == "info"
          - set(log.trace_id.string, log.cache["trace_id"])
          - set(log.body, log.cache["message"])
"#;

#[derive(Clone, Copy)]
enum Kind {
    /// Outrigger and the Collector read the same file.
    Collector,
    FluentBit,
    Rotel,
}

pub struct Program {
    pub name: &'static str,
    path: PathBuf,
    kind: Kind,
}

impl Program {
    pub fn outrigger(path: PathBuf) -> Program {
        Program { name: "outrigger", path, kind: Kind::Collector }
    }

    /// Those the environment names.
    pub fn peers() -> Vec<Program> {
        let kinds = [
            ("OTELCOL", "collector", Kind::Collector),
            ("ROTEL", "rotel", Kind::Rotel),
            ("FLUENT_BIT", "fluent bit", Kind::FluentBit),
        ];
        let named = kinds.into_iter().filter_map(|(variable, name, kind)| {
            std::env::var_os(variable).map(|path| Program { name, path: path.into(), kind })
        });
        named.collect()
    }

    /// The command that serves a case; `None` where the program cannot do such work.
    pub fn command(&self, case: &Case, folder: &Folder, port: u16, sink: u16) -> Option<Command> {
        let mut command = match case.cores {
            Some(cores) => {
                let mut command = Command::new("taskset");
                command.args(["-c", cores]).arg(&self.path);
                command
            }
            None => Command::new(&self.path),
        };
        match self.kind {
            Kind::Collector => {
                let file = folder.write("otel.yaml", collector(case, port, sink));
                command.arg(format!("--config={}", file.display()));
            }
            Kind::FluentBit => {
                let file = folder.write("fluent-bit.yaml", fluent_bit(case, port, sink)?);
                command.arg("-c").arg(file);
            }
            Kind::Rotel => {
                command.args(rotel(case, port, sink)?);
            }
        }
        command.env("OUTRIGGER_DATA", folder.join("data")).env("OUTRIGGER_LISTEN", "off");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Some(command)
    }
}

fn signal(case: &Case) -> &'static str {
    match case.signal {
        Signal::Logs => "logs",
        Signal::Traces => "traces",
        Signal::Metrics => "metrics",
    }
}

fn collector(case: &Case, port: u16, sink: u16) -> String {
    let statements: String = match case.work {
        Work::Nothing => String::new(),
        Work::Renames(count) => (0..count).map(|n| RENAME.replace('N', &n.to_string())).collect(),
        Work::Json => NORMALISE.to_owned(),
    };
    let (processors, named) = match statements.is_empty() {
        true => (String::new(), ""),
        false => (
            format!(
                "processors:\n  transform:\n    error_mode: ignore\n    log_statements:\n      - context: log\n        statements:\n{statements}"
            ),
            "processors: [transform], ",
        ),
    };
    let (signal, compression) = (signal(case), case.compression);
    format!(
        "receivers:
  otlp:
    protocols:
      http: {{endpoint: 127.0.0.1:{port}}}
{processors}exporters:
  otlphttp: {{endpoint: 'http://127.0.0.1:{sink}', compression: {compression}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    {signal}: {{receivers: [otlp], {named}exporters: [otlphttp]}}
"
    )
}

fn fluent_bit(case: &Case, port: u16, sink: u16) -> Option<String> {
    let renames: String = match case.work {
        Work::Nothing => String::new(),
        Work::Renames(count) => (0..count)
            .map(|n| {
                format!(
                    "          - {{name: content_modifier, context: otel_log_attributes, action: rename, key: a.{n}, value: renamed.{n}}}\n"
                )
            })
            .collect(),
        Work::Json => return None,
    };
    let processors = match renames.is_empty() {
        true => String::new(),
        false => format!("      processors:\n        logs:\n{renames}"),
    };
    let compress = match case.compression {
        "none" => String::new(),
        name => format!("      compress: {name}\n"),
    };
    Some(format!(
        "service: {{flush: 1, log_level: error}}
pipeline:
  inputs:
    - name: opentelemetry
      listen: 127.0.0.1
      port: {port}
{processors}  outputs:
    - name: opentelemetry
      match: '*'
      host: 127.0.0.1
      port: {sink}
      logs_uri: /v1/logs
      traces_uri: /v1/traces
{compress}"
    ))
}

fn rotel(case: &Case, port: u16, sink: u16) -> Option<Vec<String>> {
    if !matches!(case.work, Work::Nothing) || case.compression == "zstd" {
        return None;
    }
    let words = format!(
        "start --otlp-http-endpoint 127.0.0.1:{port} --otlp-grpc-endpoint 127.0.0.1:0 --exporter otlp \
         --otlp-exporter-protocol http --otlp-exporter-endpoint http://127.0.0.1:{sink} \
         --otlp-exporter-compression {}",
        case.compression
    );
    Some(words.split_whitespace().map(str::to_owned).collect())
}

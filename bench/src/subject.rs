//! The programs under test: how each is told to do the same work.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use testkit::forward::Address;
use testkit::process::Folder;
use testkit::tools::free_port;

use crate::sinks::Sinks;

pub struct Subject {
    pub name: String,
    program: PathBuf,
    kind: Kind,
}

enum Kind {
    Outrigger { compression: &'static str },
    FluentBit,
    Vector,
}

impl Subject {
    pub fn outrigger(name: &str, program: &Path, compression: &'static str) -> Subject {
        Subject { name: name.into(), program: program.into(), kind: Kind::Outrigger { compression } }
    }

    pub fn fluent_bit(program: &Path) -> Subject {
        Subject { name: "fluent bit, gzip".into(), program: program.into(), kind: Kind::FluentBit }
    }

    pub fn vector(program: &Path) -> Subject {
        Subject { name: "vector, gzip".into(), program: program.into(), kind: Kind::Vector }
    }

    /// The command, and where it takes records.
    pub fn command(&self, folder: &Folder, sinks: &Sinks, cores: Option<&str>) -> (Command, Address) {
        let (arguments, listens) = self.configure(folder, sinks);
        let mut command = match cores {
            Some(cores) => {
                let mut command = Command::new("taskset");
                command.args(["-c", cores]).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "example-secret");
        command.env("AWS_REGION", "eu-west-1").env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("OUTRIGGER_LISTEN", "127.0.0.1:0").env("HOME", folder.path());
        command.env("OUTRIGGER_DATA", folder.join("waiting"));
        if let Some(file) = &sinks.ca_file {
            command.env("SSL_CERT_FILE", file);
        }
        let log = std::fs::File::create(folder.join("log")).expect("the scratch folder takes files");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        (command, listens)
    }

    fn configure(&self, folder: &Folder, sinks: &Sinks) -> (Vec<String>, Address) {
        let socket = folder.join("fluent.sock");
        let path = |path: PathBuf| path.display().to_string();
        let scheme = if sinks.ca_file.is_some() { "https" } else { "http" };
        match &self.kind {
            Kind::Outrigger { compression } => {
                let endpoint = format!("endpoint {scheme}://127.0.0.1:{}", sinks.logs);
                folder.write("parsers.conf", PARSERS);
                let text = classic(&path(socket.clone()), sinks.datadog, compression, &endpoint);
                let config = folder.write("fluent-bit.conf", text);
                (vec!["fluent-bit".into(), "-c".into(), path(config)], Address::Unix(socket))
            }
            Kind::FluentBit => {
                let endpoint = match scheme {
                    "https" => format!("endpoint 127.0.0.1\n    port {}\n    tls.verify off", sinks.logs),
                    _ => format!("endpoint http://127.0.0.1\n    port {}", sinks.logs),
                };
                folder.write("parsers.conf", PARSERS);
                let text = classic(&path(socket.clone()), sinks.datadog, "gzip", &endpoint);
                let config = folder.write("fluent-bit.conf", text);
                (vec!["-c".into(), path(config)], Address::Unix(socket))
            }
            Kind::Vector => {
                let port = free_port();
                let text = vector(&path(folder.join("data")), port, sinks.datadog, sinks.logs, scheme);
                std::fs::create_dir_all(folder.join("data")).expect("the scratch folder takes folders");
                let config = folder.write("vector.yaml", text);
                let listens = Address::Tcp(([127, 0, 0, 1], port).into());
                (vec!["--quiet".into(), "--config".into(), path(config)], listens)
            }
        }
    }
}

const PARSERS: &str = "[PARSER]\n    Name json\n    Format json\n";

/// The guide's task as Fluent Bit's own language has it.
fn classic(socket: &str, datadog: u16, compression: &str, endpoint: &str) -> String {
    format!(
        "[SERVICE]
    Flush 1
    Grace 30
    Log_Level warn
    Parsers_File parsers.conf

[INPUT]
    Name forward
    unix_path {socket}

[FILTER]
    Name record_modifier
    Match *
    Record ecs_cluster shop
    Record ecs_task_arn arn:aws:ecs:eu-west-1:111122223333:task/shop/0f1e2d3c4b5a69788796a5b4c3d2e1f0
    Record ecs_task_definition shop-web:7

[FILTER]
    Name parser
    Match *
    Key_Name log
    Parser json
    Reserve_Data True

[OUTPUT]
    Name datadog
    Match web-firelens*
    Host 127.0.0.1
    Port {datadog}
    TLS off
    apikey 0000example0000
    compress {compression}
    dd_service my-service
    dd_source python
    dd_tags env:production

[OUTPUT]
    Name cloudwatch_logs
    Match *
    region eu-west-1
    log_group_name /ecs/my-service
    log_stream_prefix ecs/
    auto_create_group true
    {endpoint}
"
    )
}

fn vector(data: &str, port: u16, datadog: u16, logs: u16, scheme: &str) -> String {
    format!(
        "data_dir: {data}
sources:
  forward: {{type: fluent, address: \"127.0.0.1:{port}\"}}
transforms:
  promote:
    type: remap
    inputs: [forward]
    source: |
      .ecs_cluster = \"shop\"
      .ecs_task_arn = \"arn:aws:ecs:eu-west-1:111122223333:task/shop/0f1e2d3c4b5a69788796a5b4c3d2e1f0\"
      .ecs_task_definition = \"shop-web:7\"
      parsed, err = parse_json(.log)
      if err == null && is_object(parsed) {{ del(.log); . = merge!(parsed, .) }}
sinks:
  datadog:
    type: datadog_logs
    inputs: [promote]
    endpoint: \"http://127.0.0.1:{datadog}\"
    default_api_key: 0000example0000
    compression: gzip
    batch: {{timeout_secs: 1}}
    healthcheck: {{enabled: false}}
  cloudwatch:
    type: aws_cloudwatch_logs
    inputs: [promote]
    region: eu-west-1
    endpoint: \"{scheme}://127.0.0.1:{logs}\"
    group_name: /ecs/my-service
    stream_name: \"ecs/{{{{ tag }}}}\"
    encoding: {{codec: json}}
    batch: {{timeout_secs: 1}}
    tls: {{verify_certificate: false, verify_hostname: false}}
    healthcheck: {{enabled: false}}
"
    )
}

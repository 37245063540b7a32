//! The command line: commands, flags, and the other names this program answers to.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// Version and build facts, for `--version` and the start line.
pub const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("OUTRIGGER_COMMIT"),
    ", ",
    env!("OUTRIGGER_TARGET"),
    ", ",
    env!("OUTRIGGER_PROFILE"),
    ")"
);

#[derive(Parser)]
#[command(name = "outrigger", version = VERSION, about = "Sees everything an Amazon ECS task does.", long_about = None)]
#[command(after_help = "Example: outrigger run --config /fluent-bit/etc/fluent-bit.conf")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run pipelines; without --config: what the environment says, else the embedded default
    #[command(after_help = "Example: outrigger run --config fluent-bit.conf --shutdown-timeout 25s")]
    Run(RunOptions),
    /// Check a configuration: parse, resolve, build; report every fault at its file and line
    #[command(after_help = "Example: outrigger validate --config fluent-bit.conf")]
    Validate(ConfigOptions),
    /// Print who feeds whom, and what a sample record becomes at each destination
    #[command(
        after_help = "Example: echo '{\"log\":\"hi\"}' | outrigger explain --config fluent-bit.conf --sample -"
    )]
    Explain(ExplainOptions),
    /// Deliver what a lifeboat, dead letters or a queue folder hold, and remove what was delivered
    #[command(after_help = "Example: outrigger replay s3://my-bucket/lifeboat --config fluent-bit.conf")]
    Replay(ReplayOptions),
    /// Ask a running instance, or the lake that a stopped one left, in Logs Insights, SQL or PromQL
    #[command(
        after_help = "Example: outrigger query 'filter severity = \"ERROR\" | stats count(*) by service' --from 1h"
    )]
    Query(QueryOptions),
    /// Start a small shop that sends logs, traces and metrics of real requests to a running instance
    #[command(after_help = "Example: outrigger & outrigger demo --rate 20")]
    Demo(DemoOptions),
    /// Exit 0 if the local instance is healthy; for an ECS healthCheck, without shell or curl
    #[command(after_help = "Example: outrigger health --mode delivering --max-age 60s")]
    Health(HealthOptions),
    /// List every receiver, processor and exporter with its options
    #[command(after_help = "Example: outrigger components --json")]
    Components(ComponentsOptions),
    /// Take the flags of the replaced program; also when the binary is called `fluent-bit`
    #[command(
        after_help = "Example: outrigger fluent-bit -c /fluent-bit/etc/fluent-bit.conf -R parsers.conf"
    )]
    #[command(disable_help_flag = false, disable_version_flag = true)]
    FluentBit(FluentBitOptions),
}

impl Default for Command {
    fn default() -> Self {
        Command::Run(RunOptions::default())
    }
}

#[derive(Args, Default, Clone)]
pub struct ConfigOptions {
    /// Configuration file, s3://bucket/key, https://…, env:NAME or yaml:TEXT; may be repeated
    #[arg(short, long, value_name = "URI")]
    pub config: Vec<String>,
    /// Set one key of a Collector configuration, such as exporters.debug.verbosity=detailed; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Leave out what a Collector configuration names and this program has not, instead of refusing it
    #[arg(long, env = "OUTRIGGER_SKIP_UNSUPPORTED")]
    pub skip_unsupported: bool,
    /// Taken and without effect: there are no feature gates
    #[arg(long, value_name = "LIST", hide = true)]
    pub feature_gates: Vec<String>,
    /// Print diagnostics as JSON, one a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Default, Clone)]
pub struct RunOptions {
    #[command(flatten)]
    pub sources: ConfigOptions,
    /// Longest drain after SIGTERM; the default fits ECS's stop timeout of 30 s
    #[arg(long, value_name = "TIME", value_parser = duration, env = "OUTRIGGER_SHUTDOWN_TIMEOUT")]
    pub shutdown_timeout: Option<Duration>,
    /// Where what no destination took by the end goes: s3://bucket/prefix
    #[arg(long, value_name = "URI", env = "OUTRIGGER_LIFEBOAT")]
    pub lifeboat: Option<String>,
    /// Deliver what lies in this lifeboat, too: s3://bucket/prefix
    #[arg(long, value_name = "URI", env = "OUTRIGGER_LIFEBOAT_SOURCE")]
    pub lifeboat_source: Option<String>,
    /// Look for a changed configuration this often and take it without a restart; SIGHUP asks at once
    #[arg(long, value_name = "TIME", value_parser = duration, env = "OUTRIGGER_RELOAD")]
    pub reload: Option<Duration>,
    /// Refuse to run with any fault, instead of running with what is right
    #[arg(long, env = "OUTRIGGER_STRICT")]
    pub strict: bool,
    /// off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
}

#[derive(Args, Clone)]
pub struct ExplainOptions {
    #[command(flatten)]
    pub sources: ConfigOptions,
    /// A record as JSON, one a line, from a file or - for standard input
    #[arg(long, value_name = "FILE")]
    pub sample: Option<PathBuf>,
    /// The tag of the sample
    #[arg(long, default_value = "app-firelens-0123456789abcdef0123456789abcdef")]
    pub tag: String,
}

#[derive(Args, Clone)]
pub struct ReplayOptions {
    /// s3://bucket/prefix, a folder of dead letters or of a queue, or the data folder with all of them
    #[arg(value_name = "SOURCE")]
    pub source: String,
    #[command(flatten)]
    pub sources: ConfigOptions,
    /// Deliver to this destination, of the same kind, instead of the one of the same name
    #[arg(long, value_name = "ID")]
    pub to: Option<String>,
    /// How long an object in S3 stays claimed by a replay that does not answer any more (10m); the same for all
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub claim: Option<Duration>,
}

#[derive(Args, Clone)]
pub struct QueryOptions {
    /// The question
    #[arg(value_name = "QUERY")]
    pub query: String,
    /// http://host:7070 of an instance, a lake's folder, or s3://bucket/prefix; unnamed: the local instance, else its folder
    #[arg(long, value_name = "URI")]
    pub lake: Option<String>,
    /// Address of an S3 that is not AWS's; unnamed: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, else AWS
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Region of the bucket; unnamed: AWS_REGION
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    #[arg(long, short, value_enum, default_value = "insights")]
    pub language: Language,
    /// How long ago, or when: 2h, 2026-05-01T12:00:00Z; unnamed: from the first record
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Most rows
    #[arg(long, value_name = "ROWS")]
    pub limit: Option<u64>,
    /// Unnamed: a table on a terminal, else JSON
    #[arg(long, short, value_enum)]
    pub output: Option<Output>,
}

#[derive(Args, Clone)]
pub struct DemoOptions {
    /// Where log lines go, in Fluentd's forward protocol; also unix:/path
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:24224")]
    pub forward: String,
    /// Where spans and metrics go, over OTLP/HTTP
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4318")]
    pub otlp: String,
    /// Requests a second
    #[arg(long, value_name = "NUMBER", default_value_t = 8.0)]
    pub rate: f64,
    /// Without nginx, also where it is installed
    #[arg(long)]
    pub no_nginx: bool,
    /// End by itself after this long
    #[arg(long, value_name = "SECONDS")]
    pub seconds: Option<u64>,
    /// Of a process that the shop starts
    #[arg(long, hide = true)]
    pub role: Option<String>,
    #[arg(long, hide = true)]
    pub part: Option<String>,
}

/// What a question is written in.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Insights,
    Sql,
    Promql,
}

/// How an answer is printed.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Table,
    /// One object a line
    Json,
    Csv,
}

#[derive(Args, Clone)]
pub struct HealthOptions {
    /// alive: it answers; ingesting: no receiver has failed and waits to be started again; delivering: no
    /// destination's oldest unsent record is older than --max-age
    #[arg(long, default_value = "alive", value_parser = ["alive", "ingesting", "delivering"])]
    pub mode: String,
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub max_age: Duration,
}

#[derive(Args, Clone)]
pub struct ComponentsOptions {
    /// With the JSON schema of each component's settings
    #[arg(long)]
    pub json: bool,
}

/// Fluent Bit's flags. Those that do not apply are taken and explained.
#[derive(Args, Clone)]
pub struct FluentBitOptions {
    /// Configuration file
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<String>,
    /// Parsers file; may be repeated
    #[arg(short = 'R', long, value_name = "FILE")]
    pub parser: Vec<String>,
    /// External plugin: the three of AWS are built in, others are refused
    #[arg(short = 'e', long, value_name = "FILE")]
    pub plugin: Vec<String>,
    /// Seconds between flushes
    #[arg(short = 'f', long, value_name = "SECONDS")]
    pub flush: Option<String>,
    /// Input plugin, for a pipeline written as flags
    #[arg(short, long, value_name = "INPUT")]
    pub input: Vec<String>,
    /// Filter plugin
    #[arg(short = 'F', long, value_name = "FILTER")]
    pub filter: Vec<String>,
    /// Output plugin
    #[arg(short, long, value_name = "OUTPUT")]
    pub output: Vec<String>,
    /// Match rule of the output before it
    #[arg(short = 'm', long = "match", value_name = "PATTERN")]
    pub matching: Vec<String>,
    /// Property of the plugin before it
    #[arg(short = 'p', long, value_name = "K=V")]
    pub prop: Vec<String>,
    /// Tag of the input before it
    #[arg(short = 't', long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Log file
    #[arg(short = 'l', long, value_name = "FILE")]
    pub log_file: Option<String>,
    /// Serve the monitoring API
    #[arg(short = 'H', long)]
    pub http: bool,
    /// Port of the monitoring API
    #[arg(short = 'P', long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Check the configuration and exit
    #[arg(short = 'D', long)]
    pub dry_run: bool,
    /// Enable reloading by SIGHUP
    #[arg(short = 'Y', long)]
    pub enable_hot_reload: bool,
    /// More log lines; twice for still more
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// No log lines
    #[arg(short, long)]
    pub quiet: bool,
    /// Print the version
    #[arg(short = 'V', long)]
    pub version: bool,
}

/// The process's arguments, with the command put in where the binary is called by the name of what it replaces.
pub fn arguments() -> Vec<OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let called = arguments.first().map(PathBuf::from);
    if called.as_deref().and_then(|path| path.file_name()).is_some_and(|name| name == "fluent-bit") {
        arguments.insert(1, "fluent-bit".into());
    } else if arguments.get(1).and_then(|first| first.to_str()).is_some_and(is_collectors) {
        arguments.insert(1, "run".into());
    }
    arguments
}

/// Whether a first argument is one that the Collector takes without a command before it.
fn is_collectors(first: &str) -> bool {
    ["--config", "--set", "--feature-gates"]
        .iter()
        .any(|flag| first.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')))
}

fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<config::Interval>().map(|interval| interval.0).map_err(|error| error.to_string())
}

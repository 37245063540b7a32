//! Everything that sends records out.
//!
//! One file an exporter; a stranger adds one by writing it and putting it on the list below.

mod auth;
pub mod cloudwatch_logs;
mod compress;
pub mod datadog_logs;
mod dated;
mod debug;
mod fields;
mod file;
mod forward;
#[cfg(test)]
mod golden;
mod http;
mod http_destination;
mod inspect;
#[cfg(feature = "lake")]
pub mod lake;
mod login;
mod loki;
mod null;
mod otlp;
mod otlp_file;
mod otlp_grpc;
mod otlp_http;
mod prometheus_remote_write;
mod random;
mod s3;
mod sender;
mod stdout;
mod transport;
#[cfg(test)]
mod trial;

/// All exporters.
pub const EXPORTERS: &[engine::ExporterEntry] = &[
    engine::exporter::<cloudwatch_logs::CloudWatchLogs>(),
    engine::exporter::<datadog_logs::DatadogLogs>(),
    engine::exporter::<debug::Debug>(),
    engine::exporter::<file::FileExporter>(),
    engine::exporter::<forward::Forward>(),
    engine::exporter::<http::Http>(),
    #[cfg(feature = "lake")]
    engine::exporter::<lake::LakeExporter>(),
    engine::exporter::<loki::Loki>(),
    engine::exporter::<null::Null>(),
    engine::exporter::<otlp_file::OtlpFile>(),
    engine::exporter::<otlp_grpc::OtlpGrpc>(),
    engine::exporter::<otlp_http::OtlpHttp>(),
    engine::exporter::<prometheus_remote_write::PrometheusRemoteWrite>(),
    engine::exporter::<s3::S3>(),
    engine::exporter::<stdout::Stdout>(),
];

//! Everything that brings records in.
//!
//! [`RECEIVERS`] is the list. To add one, write its file and put it there.

mod auth;
mod awsecscontainermetrics;
mod connections;
mod dummy;
mod fluent_forward;
mod host_metrics;
mod http;
mod nginx;
mod otlp;
mod prometheus;
mod prometheus_remote_write;
mod reading;
mod scraping;
mod tail;
mod tcp;

use engine::{ReceiverEntry, receiver};

pub const RECEIVERS: &[ReceiverEntry] = &[
    receiver::<awsecscontainermetrics::EcsContainerMetrics>(),
    receiver::<dummy::Dummy>(),
    receiver::<fluent_forward::FluentForward>(),
    receiver::<host_metrics::HostMetrics>(),
    receiver::<http::Http>(),
    receiver::<nginx::Nginx>(),
    receiver::<otlp::Otlp>(),
    receiver::<prometheus::Prometheus>(),
    receiver::<prometheus_remote_write::PrometheusRemoteWrite>(),
    receiver::<tail::Tail>(),
    receiver::<tcp::Tcp>(),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_every_setting_is_described() {
        assert!(RECEIVERS.is_sorted_by_key(|entry| entry.name));
        for entry in RECEIVERS {
            let schema = serde_json::to_value((entry.schema)()).unwrap();
            assert_eq!(schema["additionalProperties"], false, "{} takes unknown keys", entry.name);
            for (name, setting) in schema["properties"].as_object().unwrap() {
                let described = setting["description"].as_str().is_some_and(|text| !text.is_empty());
                assert!(described, "`{name}` of {} has no description", entry.name);
            }
        }
    }
}

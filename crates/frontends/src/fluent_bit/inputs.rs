//! `[INPUT]` sections, each lowered to a receiver.

mod dummy;
mod forward;
mod http;
mod tail;
mod tcp;

use config::{Component, ComponentId, Setting};

use super::context::Context;
use super::document::Section;
use super::draft::Draft;
use super::outputs::host_and_port;
use super::table::Plugin;
use super::{common, plugin};

pub(super) const PLUGINS: &[&Plugin] =
    &[&forward::PLUGIN, &tcp::PLUGIN, &tail::PLUGIN, &dummy::PLUGIN, &http::PLUGIN];

/// What Fluent Bit has and this program does not.
pub(super) const KNOWN: &[&str] = &[
    "blob",
    "calyptia_fleet",
    "collectd",
    "cpu",
    "disk",
    "docker",
    "docker_events",
    "ebpf",
    "elasticsearch",
    "emitter",
    "event_test",
    "event_type",
    "exec",
    "exec_wasi",
    "fluentbit_metrics",
    "fluentbit_logs",
    "gpu_metrics",
    "head",
    "health",
    "kafka",
    "kmsg",
    "kubernetes_events",
    "lib",
    "mem",
    "mqtt",
    "netif",
    "nginx_metrics",
    "node_exporter_metrics",
    "opentelemetry",
    "podman_metrics",
    "proc",
    "process_exporter_metrics",
    "prometheus_remote_write",
    "prometheus_scrape",
    "prometheus_textfile",
    "random",
    "serial",
    "splunk",
    "statsd",
    "stdin",
    "storage_backlog",
    "stream_processor",
    "syslog",
    "systemd",
    "thermal",
    "udp",
    "unix_socket",
    "windows_exporter_metrics",
    "winevtlog",
    "winlog",
    "winstat",
];

pub(super) fn lower(cx: &mut Context<'_>, section: &Section) {
    let Some((found, id)) = plugin::find(cx, section, "input", PLUGINS, KNOWN) else { return };
    let label = format!("input `{id}`");
    let mut draft = Draft::new(cx, section, id, label);
    // A plugin's own rows come first: they may say more about a common property.
    draft.apply(&[found.fields, common::ANY_PLUGIN, common::INPUT, common::INPUT_TLS]);
    common::input_storage(&mut draft);
    common::input_tls(&mut draft);
    (found.finish)(&mut draft);
    if !draft.usable || listens_twice(&mut draft) {
        return;
    }
    let id: ComponentId = draft.id.as_str().into();
    let component = Component {
        id: id.clone(),
        kind: found.kind.into(),
        settings: draft.settings,
        origin: Some(section.origin),
    };
    cx.topology.receivers.push(component);
    cx.pipeline.receivers.push(id);
}

/// A second listener on one address would only fail to start.
fn listens_twice(draft: &mut Draft<'_, '_>) -> bool {
    let twin = ["unix_path", "listen"].into_iter().find_map(|key| {
        let address = &draft.settings.get(key)?.node;
        let of = |other: &&Component| other.settings.get(key).is_some_and(|setting| setting.node == *address);
        draft.cx.topology.receivers.iter().find(of).map(|other| (other.id.clone(), other.origin))
    });
    let Some((id, origin)) = twin else { return false };
    let place = origin.map(|origin| format!(" ({origin})")).unwrap_or_default();
    let message = format!("{} listens where `{id}`{place} listens already; it is left out", draft.label);
    draft.warn(message, draft.section.origin, "remove one of the two");
    true
}

/// `listen` and `port` as one address.
fn listen(draft: &mut Draft<'_, '_>, default_host: &str, default_port: u16) {
    let host = draft.text("listen").or_else(|| draft.text("host")).unwrap_or_else(|| default_host.to_owned());
    let port = match draft.value("port") {
        None => default_port,
        Some(value) => match value.text.parse() {
            Ok(port) => port,
            Err(_) => {
                draft.wrong("port", &value, "a port number");
                default_port
            }
        },
    };
    let origin = draft.value("port").or_else(|| draft.value("listen")).map(|value| value.origin);
    draft.set("listen", Setting::from(host_and_port(&host, port)).at(origin));
}

/// The tag an input without one gives: its own name.
fn default_tag(draft: &mut Draft<'_, '_>) {
    let tag = match draft.value("tag") {
        Some(value) => value.text_setting(),
        None => Setting::from(draft.id.as_str()),
    };
    draft.set("tag", tag);
}

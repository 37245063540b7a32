//! The metrics and their resources.

use model::Value;

use super::document::{Container, Task};
use super::usage::{Number, Of, Usage, is_network, nanoseconds};
use crate::scraping::{Metrics, Shape};

const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.40.0";
const SCOPE: &str = "outrigger/awsecscontainermetrics";

const DURATION: Shape = Shape::gauge("duration", "How long the container ran.", "Seconds");

#[rustfmt::skip]
const SHAPES: &[(Of, Shape)] = &[
    (Of::MemoryUsage, Shape::gauge("memory.usage", "Memory in use, page cache included.", "Bytes")),
    (Of::MemoryUsageMax, Shape::gauge("memory.usage.max", "Most memory that was ever in use.", "Bytes")),
    (Of::MemoryLimit, Shape::gauge("memory.usage.limit", "Most memory that may be in use.", "Bytes")),
    (Of::MemoryUtilized, Shape::gauge("memory.utilized", "Memory in use, page cache left out.", "Megabytes")),
    (Of::MemoryReserved, Shape::gauge("memory.reserved", "Memory of the task definition.", "Megabytes")),
    (Of::CpuTotal, Shape::level("cpu.usage.total", "CPU time used.", "Nanoseconds")),
    (Of::CpuKernel, Shape::level("cpu.usage.kernelmode", "CPU time used in the kernel.", "Nanoseconds")),
    (Of::CpuUser, Shape::level("cpu.usage.usermode", "CPU time used outside the kernel.", "Nanoseconds")),
    (Of::CpuSystem, Shape::level("cpu.usage.system", "CPU time the machine has given to everyone.", "Nanoseconds")),
    (Of::CpuVcpu, Shape::gauge("cpu.usage.vcpu", "Cores in use.", "vCPU")),
    (Of::CpuCores, Shape::gauge("cpu.cores", "Cores there are.", "Count")),
    (Of::CpuOnline, Shape::gauge("cpu.onlines", "Cores that are online.", "Count")),
    (Of::CpuReserved, Shape::gauge("cpu.reserved", "CPU units of the task definition.", "None")),
    (Of::CpuUtilized, Shape::gauge("cpu.utilized", "CPU in use against what is reserved.", "None")),
    (Of::RxRate, Shape::gauge("network.rate.rx", "Bytes received in a second.", "Bytes/Second")),
    (Of::TxRate, Shape::gauge("network.rate.tx", "Bytes sent in a second.", "Bytes/Second")),
    (Of::RxBytes, Shape::level("network.io.usage.rx_bytes", "Bytes received.", "Bytes")),
    (Of::RxPackets, Shape::level("network.io.usage.rx_packets", "Packets received.", "Count")),
    (Of::RxErrors, Shape::level("network.io.usage.rx_errors", "Packets received damaged.", "Count")),
    (Of::RxDropped, Shape::level("network.io.usage.rx_dropped", "Packets dropped on receipt.", "Count")),
    (Of::TxBytes, Shape::level("network.io.usage.tx_bytes", "Bytes sent.", "Bytes")),
    (Of::TxPackets, Shape::level("network.io.usage.tx_packets", "Packets sent.", "Count")),
    (Of::TxErrors, Shape::level("network.io.usage.tx_errors", "Packets that could not be sent.", "Count")),
    (Of::TxDropped, Shape::level("network.io.usage.tx_dropped", "Packets dropped before sending.", "Count")),
    (Of::StorageRead, Shape::level("storage.read_bytes", "Bytes read from storage.", "Bytes")),
    (Of::StorageWrite, Shape::level("storage.write_bytes", "Bytes written to storage.", "Bytes")),
    (Of::EphemeralUtilized, Shape::gauge("ephemeral_storage.utilized", "Ephemeral storage in use.", "Megabytes")),
    (Of::EphemeralReserved, Shape::gauge("ephemeral_storage.reserved", "Ephemeral storage there is.", "Megabytes")),
];

pub fn container(task: &Task, container: &Container, usage: &Usage, metrics: &mut Metrics) {
    if !container.is_workload() {
        return;
    }
    container_resource(task, container, metrics);
    let started = container.started_at.as_deref().and_then(nanoseconds);
    metrics.start = started.and_then(|at| u64::try_from(at).ok()).unwrap_or(0);
    let shared = container.is_awsvpc();
    write(usage, |of| !(shared && is_network(of)), metrics);
}

pub fn task(task: &Task, usage: &Usage, metrics: &mut Metrics) {
    metrics.resource(SCHEMA_URL, SCOPE);
    task_attributes(task, metrics);
    metrics.prefix = "ecs.task.";
    metrics.start = 0;
    write(usage, |_| true, metrics);
}

/// Of a container that has ended only how long it ran.
pub fn finished(task: &Task, container: &Container, metrics: &mut Metrics) {
    let time = |text: &Option<String>| nanoseconds(text.as_deref()?);
    let (Some(started), Some(finished)) = (time(&container.started_at), time(&container.finished_at)) else {
        return;
    };
    if container.is_workload() {
        container_resource(task, container, metrics);
        metrics.double(&DURATION, (finished - started).max(0) as f64 / 1e9);
    }
}

fn write(usage: &Usage, wanted: impl Fn(Of) -> bool, metrics: &mut Metrics) {
    for (of, shape) in SHAPES.iter().filter(|(of, _)| wanted(*of)) {
        match usage.get(*of) {
            Some(Number::Int(value)) => metrics.int(shape, value),
            Some(Number::Double(value)) => metrics.double(shape, value),
            None => {}
        }
    }
}

fn container_resource(task: &Task, container: &Container, metrics: &mut Metrics) {
    metrics.resource(SCHEMA_URL, SCOPE);
    metrics.prefix = "container.";
    let (image, tag) = image_parts(container.image.as_deref().unwrap_or_default());
    let text = |text: &'_ Option<String>| text.clone().unwrap_or_default();
    for (key, value) in [
        ("container.name", text(&container.name)),
        ("container.id", text(&container.docker_id)),
        ("aws.ecs.docker.name", text(&container.docker_name)),
        ("container.image.name", image.to_owned()),
        ("aws.ecs.container.image.id", text(&container.image_id)),
        ("container.image.tag", tag.to_owned()),
        ("aws.ecs.container.created_at", text(&container.created_at)),
        ("aws.ecs.container.started_at", text(&container.started_at)),
        ("aws.ecs.container.finished_at", text(&container.finished_at)),
        // Spelt like this wherever it is read.
        ("aws.ecs.container.know_status", text(&container.known_status)),
    ] {
        metrics.attribute(key, &value);
    }
    if let Some(code) = container.exit_code {
        metrics.attribute_value("aws.ecs.container.exit_code", Value::Int(code));
    }
    task_attributes(task, metrics);
}

fn task_attributes(task: &Task, metrics: &mut Metrics) {
    let text = |text: &'_ Option<String>| text.clone().unwrap_or_default();
    let last = |text: &Option<String>| {
        text.as_deref().and_then(|text| text.rsplit('/').next()).unwrap_or_default().to_owned()
    };
    for (key, value) in [
        ("aws.ecs.cluster.name", last(&task.cluster)),
        ("aws.ecs.task.arn", text(&task.task_arn)),
        ("aws.ecs.task.id", last(&task.task_arn)),
        ("aws.ecs.task.family", text(&task.family)),
        ("aws.ecs.task.version", text(&task.revision)),
        ("aws.ecs.task.revision", text(&task.revision)),
        ("aws.ecs.service.name", task.service().to_owned()),
        ("cloud.availability_zone", text(&task.availability_zone)),
        ("aws.ecs.task.pull_started_at", text(&task.pull_started_at)),
        ("aws.ecs.task.pull_stopped_at", text(&task.pull_stopped_at)),
        ("aws.ecs.task.known_status", text(&task.known_status)),
        ("aws.ecs.task.launch_type", text(&task.launch_type)),
        ("aws.ecs.launchtype", text(&task.launch_type).to_ascii_lowercase()),
        ("cloud.region", task.arn_part(3).to_owned()),
        ("cloud.account.id", task.arn_part(4).to_owned()),
    ] {
        metrics.attribute(key, &value);
    }
}

/// Name and tag. A name alone means `latest`, as the runtime reads it; one with a digest has no tag.
fn image_parts(image: &str) -> (&str, &str) {
    let (image, digest) = image.split_once('@').unwrap_or((image, ""));
    let last_segment = image.rfind('/').map_or(0, |slash| slash + 1);
    match image[last_segment..].find(':') {
        Some(colon) => (&image[..last_segment + colon], &image[last_segment + colon + 1..]),
        None if digest.is_empty() && !image.is_empty() => (image, "latest"),
        None => (image, ""),
    }
}

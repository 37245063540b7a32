//! The task metadata endpoint, version 4, of each task: what ECS serves at 169.254.170.2, here on the loopback
//! interface, with numbers from the reports of the task's processes.
//!
//! In the network mode `awsvpc` every container shows the task's interface, so all tell the same counters.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use engine::clock::now_nanos;
use http::{HeaderValue, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::identity::{ACCOUNT, CLUSTER, FAMILY, REGION, Task};
use crate::report::Report;

/// Of the whole task, in vCPU and MiB.
const TASK_LIMITS: (f64, u64) = (1.0, 2048);

/// Processors of the machine underneath.
const CORES: u64 = 2;

#[derive(Debug, Default)]
pub struct Metadata {
    /// By task id.
    tasks: Mutex<BTreeMap<String, Known>>,
}

#[derive(Debug)]
struct Known {
    task: Task,
    started: u64,
    containers: Vec<(&'static str, Readings)>,
}

/// The last two reports of a container, each with its time.
#[derive(Debug, Default)]
struct Readings {
    now: Option<(u64, Report)>,
    before: Option<(u64, Report)>,
}

impl Metadata {
    pub fn add(&self, task: &Task, containers: &[&'static str]) {
        let containers = containers.iter().map(|name| (*name, Readings::default())).collect();
        let known = Known { task: task.clone(), started: now_nanos(), containers };
        self.tasks().insert(task.id.clone(), known);
    }

    pub fn remove(&self, task: &Task) {
        self.tasks().remove(&task.id);
    }

    pub fn report(&self, task: &str, container: &str, report: &Report) {
        let mut tasks = self.tasks();
        let containers = tasks.get_mut(task).map(|known| &mut known.containers);
        let readings = containers.and_then(|all| all.iter_mut().find(|(name, _)| *name == container));
        if let Some((_, readings)) = readings {
            readings.before = readings.now.take();
            readings.now = Some((now_nanos(), report.clone()));
        }
    }

    pub fn router(self: Arc<Metadata>) -> Router {
        Router::new().fallback(serve).with_state(self)
    }

    /// What a path answers; a container's id begins with its task's.
    pub fn answer(&self, path: &str) -> Option<Value> {
        let path = path.strip_prefix("/v4/")?;
        let (id, page) = path.split_once('/').unwrap_or((path, ""));
        let tasks = self.tasks();
        let known = tasks.get(id.split('-').next()?)?;
        let place = known.containers.iter().position(|(name, _)| known.task.container_id(name) == id)?;
        Some(match page {
            "" => known.container(place),
            "task" | "taskWithTags" => known.document(),
            "stats" => known.stats(place),
            "task/stats" => {
                let all = (0..known.containers.len()).map(|place| {
                    let id = known.task.container_id(known.containers[place].0);
                    (id, known.stats(place))
                });
                Value::Object(all.collect())
            }
            _ => return None,
        })
    }

    fn tasks(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(State(metadata): State<Arc<Metadata>>, uri: Uri) -> Response {
    let answer = metadata.answer(uri.path());
    let status = if answer.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    // Its errors are JSON strings.
    let body = answer.unwrap_or_else(|| json!("V4 metadata handler: unable to find what this path names"));
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

/// Processor units and MiB.
fn limits(container: &str) -> (u64, u64) {
    match container {
        "api" => (512, 768),
        "front" | "worker" => (192, 512),
        _ => (64, 128),
    }
}

fn time(nanos: u64) -> String {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or_default().to_string()
}

impl Known {
    fn document(&self) -> Value {
        let task = &self.task;
        let containers: Vec<_> = (0..self.containers.len()).map(|place| self.container(place)).collect();
        let (cpu, memory) = TASK_LIMITS;
        json!({
            "Cluster": task.cluster_arn(), "TaskARN": task.arn(), "Family": FAMILY,
            "Revision": task.revision.to_string(), "ServiceName": "shop",
            "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING", "Limits": {"CPU": cpu, "Memory": memory},
            "PullStartedAt": time(self.started), "PullStoppedAt": time(self.started + 2_400_000_000),
            "AvailabilityZone": task.zone, "LaunchType": "FARGATE", "Containers": containers,
            "ClockDrift": {"ClockErrorBound": 0.41, "ReferenceTimestamp": time(now_nanos()),
                           "ClockSynchronizationStatus": "SYNCHRONIZED"},
            "EphemeralStorageMetrics": {"Utilized": 261, "Reserved": 20496},
            "FaultInjectionEnabled": false
        })
    }

    fn container(&self, place: usize) -> Value {
        let (task, name) = (&self.task, self.containers[place].0);
        let (cpu, memory) = limits(name);
        let id = task.container_id(name);
        let tag = match name {
            "nginx" => "1.26",
            "log_router" => env!("CARGO_PKG_VERSION"),
            _ => &task.version,
        };
        let driver = if name == "log_router" { "awslogs" } else { "awsfirelens" };
        let (serial, host) = (place + 1, task.address.replace('.', "-"));
        json!({
            "DockerId": id, "Name": name, "DockerName": name,
            "Image": format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop-{name}:{tag}"),
            "ImageID": format!("sha256:{serial:064x}"),
            "Labels": {
                "com.amazonaws.ecs.cluster": task.cluster_arn(), "com.amazonaws.ecs.container-name": name,
                "com.amazonaws.ecs.task-arn": task.arn(),
                "com.amazonaws.ecs.task-definition-family": FAMILY,
                "com.amazonaws.ecs.task-definition-version": task.revision.to_string()
            },
            "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING",
            "Limits": {"CPU": cpu, "Memory": memory},
            "CreatedAt": time(self.started), "StartedAt": time(self.started), "Type": "NORMAL",
            "LogDriver": driver,
            "ContainerARN": format!("arn:aws:ecs:{REGION}:{ACCOUNT}:container/{CLUSTER}/{}/{serial}", task.id),
            "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": [task.address], "AttachmentIndex": 0,
                          "PrivateDNSName": format!("ip-{host}.{REGION}.compute.internal")}]
        })
    }

    /// `null` before the first report, as right after a start.
    fn stats(&self, place: usize) -> Value {
        let (name, readings) = &self.containers[place];
        let Some((at, report)) = &readings.now else { return Value::Null };
        let (before, earlier) = match &readings.before {
            Some((at, report)) => (time(*at), self.cpu(report, *at)),
            None => ("0001-01-01T00:00:00Z".to_owned(), json!({"cpu_usage": {"total_usage": 0}})),
        };
        let file = 11 << 20;
        json!({
            "name": name, "id": self.task.container_id(name), "read": time(*at), "preread": before,
            "num_procs": 0, "pids_stats": {"current": 7},
            "cpu_stats": self.cpu(report, *at), "precpu_stats": earlier,
            "memory_stats": {
                "usage": report.memory + file, "limit": 9_223_372_036_854_771_712u64,
                "stats": {"anon": report.memory, "file": file, "inactive_file": file}
            },
            "blkio_stats": {"io_service_bytes_recursive": [
                {"major": 259, "minor": 0, "op": "read", "value": 6_311_936},
                {"major": 259, "minor": 0, "op": "write", "value": report.requests * 512}
            ]},
            "networks": {"eth1": self.interface()},
            "network_rate_stats": self.rates()
        })
    }

    fn cpu(&self, report: &Report, at: u64) -> Value {
        let kernel = report.cpu_nanos / 6;
        json!({
            "cpu_usage": {"total_usage": report.cpu_nanos, "usage_in_kernelmode": kernel,
                          "usage_in_usermode": report.cpu_nanos - kernel},
            "system_cpu_usage": at.saturating_sub(self.started) * CORES + 3_600_000_000_000,
            "online_cpus": CORES,
            "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0}
        })
    }

    /// Bytes received and sent by all containers, and when the last of them was asked.
    fn traffic(&self, of: impl Fn(&Readings) -> Option<&(u64, Report)>) -> (u64, u64, u64) {
        let readings = self.containers.iter().filter_map(|(_, readings)| of(readings));
        readings.fold((0, 0, 0), |(at, received, sent), (when, report)| {
            (at.max(*when), received + report.received, sent + report.sent)
        })
    }

    fn interface(&self) -> Value {
        let (_, received, sent) = self.traffic(|readings| readings.now.as_ref());
        json!({
            "rx_bytes": received, "rx_packets": received / 640, "rx_errors": 0, "rx_dropped": 0,
            "tx_bytes": sent, "tx_packets": sent / 580, "tx_errors": 0, "tx_dropped": 0
        })
    }

    fn rates(&self) -> Value {
        let (now, received, sent) = self.traffic(|readings| readings.now.as_ref());
        let (before, received_before, sent_before) = self.traffic(|readings| readings.before.as_ref());
        let seconds = now.saturating_sub(before) as f64 / 1e9;
        if before == 0 || seconds <= 0.0 {
            return Value::Null;
        }
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        json!({"rx_bytes_per_sec": rate(received, received_before), "tx_bytes_per_sec": rate(sent, sent_before)})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    #[test]
    fn the_documents_have_the_fields_that_ecs_writes() {
        let (metadata, task) = (Metadata::default(), Task::new(0, 1, &mut Dice::new(1)));
        metadata.add(&task, &["api", "log_router"]);
        let id = task.container_id("api");
        assert_eq!(metadata.answer(&format!("/v4/{id}/stats")), Some(Value::Null));
        let mut report =
            Report { cpu_nanos: 1_000_000_000, memory: 64 << 20, received: 10, ..Report::default() };
        metadata.report(&task.id, "api", &report);
        report.cpu_nanos += 400_000_000;
        metadata.report(&task.id, "api", &report);
        let document = metadata.answer(&format!("/v4/{id}/task")).unwrap();
        assert_eq!(document["TaskARN"], task.arn());
        assert_eq!(document["Limits"]["CPU"], 1.0);
        assert_eq!(document["Containers"][0], metadata.answer(&format!("/v4/{id}")).unwrap());
        assert_eq!(document["Containers"][0]["DockerId"], id);
        assert_eq!(document["Containers"][0]["Type"], "NORMAL");
        assert_eq!(document["Containers"][0]["Networks"][0]["NetworkMode"], "awsvpc");
        let stats = metadata.answer(&format!("/v4/{id}/task/stats")).unwrap();
        assert_eq!(stats[&id]["cpu_stats"]["cpu_usage"]["total_usage"], 1_400_000_000);
        assert_eq!(stats[&id]["precpu_stats"]["cpu_usage"]["total_usage"], 1_000_000_000);
        assert_eq!(stats[&id]["networks"]["eth1"]["rx_bytes"], 10);
        assert_eq!(stats[task.container_id("log_router")], Value::Null);
        assert!(stats[&id]["read"].as_str().unwrap() >= stats[&id]["preread"].as_str().unwrap());
        assert_eq!(metadata.answer("/v4/other/task"), None);
    }
}

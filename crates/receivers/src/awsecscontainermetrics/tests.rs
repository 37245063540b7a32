//! Documents of a task metadata endpoint become metrics of task and containers, and its errors are outlived.

use engine::outlet::Phase;
use engine::testing::{Catch, stop};
use serde_json::{Value, json};
use testkit::ecs::{TASK_ARN, TASK_ID};
use testkit::http::{Response, Server};

use super::*;
use crate::scraping::shown;

fn stats_cgroup_v2() -> Value {
    json!({
        "read": "2026-10-03T08:20:31.0Z", "preread": "2026-10-03T08:20:30.0Z",
        "cpu_stats": {
            "cpu_usage": {"total_usage": 3_500_000_000u64, "usage_in_kernelmode": 500_000_000,
                          "usage_in_usermode": 3_000_000_000u64},
            "system_cpu_usage": 8_553_600_000_000u64, "online_cpus": 2
        },
        "precpu_stats": {"cpu_usage": {"total_usage": 3_250_000_000u64}},
        "memory_stats": {"usage": 30 << 20, "limit": 9223372036854771712u64,
                         "stats": {"anon": 10 << 20, "file": 20 << 20, "inactive_file": 6 << 20}},
        "blkio_stats": {"io_service_bytes_recursive": [
            {"major": 259, "minor": 0, "op": "read", "value": 4096},
            {"major": 259, "minor": 1, "op": "read", "value": 4096},
            {"major": 259, "minor": 0, "op": "write", "value": 512}]},
        "networks": {"eth1": {"rx_bytes": 1000, "rx_packets": 10, "rx_errors": 0, "rx_dropped": 1,
                              "tx_bytes": 2000, "tx_packets": 20, "tx_errors": 2, "tx_dropped": 0}},
        "network_rate_stats": {"rx_bytes_per_sec": 1.5, "tx_bytes_per_sec": 2.5}
    })
}

fn converted(task: &Value, stats: &Value, earlier: &mut Earlier) -> Batch {
    let task = parse(task.to_string().as_bytes()).unwrap();
    let stats = parse(stats.to_string().as_bytes()).unwrap();
    convert(&task, &stats, earlier, Metrics::new("t".into(), 5))
}

fn attributes(batch: &Batch, resource: usize) -> Value {
    let mut text = Vec::new();
    let list = model::Value::Map(batch.resources[resource].attributes);
    model::json::write_value(&batch.arena, list, &mut text);
    serde_json::from_slice(&text).unwrap()
}

/// The lines that begin with a prefix, without it.
fn of<'a>(lines: &'a [String], prefix: &str) -> Vec<&'a str> {
    lines.iter().filter_map(|line| line.strip_prefix(prefix)).collect()
}

#[test]
fn a_fargate_task_with_cgroup_v2() {
    let mut task = testkit::ecs::task();
    task["EphemeralStorageMetrics"] = json!({"Utilized": 243, "Reserved": 20496});
    let (first, second) = (format!("{TASK_ID}-1"), format!("{TASK_ID}-2"));
    let stats = json!({ first: stats_cgroup_v2(), second: stats_cgroup_v2() });
    let batch = converted(&task, &stats, &mut Earlier::new());
    assert_eq!(batch.resources.len(), 3);
    let lines = shown(&batch);
    let container = of(&lines, "container.");
    let one = [
        "memory.usage{} 31457280 Bytes gauge",
        "memory.usage.limit{} 536870912 Bytes gauge",
        "memory.utilized{} 24 Megabytes gauge",
        "memory.reserved{} 512 Megabytes gauge",
        "cpu.usage.total{} 3500000000 Nanoseconds sum",
        "cpu.usage.kernelmode{} 500000000 Nanoseconds sum",
        "cpu.usage.usermode{} 3000000000 Nanoseconds sum",
        "cpu.usage.system{} 8553600000000 Nanoseconds sum",
        "cpu.usage.vcpu{} 0.25 vCPU gauge",
        "cpu.cores{} 2 Count gauge",
        "cpu.onlines{} 2 Count gauge",
        "cpu.reserved{} 256.0 None gauge",
        "cpu.utilized{} 0.09765625 None gauge",
        "storage.read_bytes{} 8192 Bytes sum",
        "storage.write_bytes{} 512 Bytes sum",
    ];
    assert_eq!(container, [one, one].concat());
    let task = of(&lines, "ecs.task.");
    for expected in [
        "memory.utilized{} 48 Megabytes gauge",
        "memory.reserved{} 1024 Megabytes gauge",
        "cpu.usage.vcpu{} 0.5 vCPU gauge",
        "cpu.reserved{} 512.0 None gauge",
        "cpu.utilized{} 512.0 None gauge",
        // Both containers show the interface of the task.
        "network.io.usage.rx_bytes{} 1000 Bytes sum",
        "network.io.usage.tx_errors{} 2 Count sum",
        "network.rate.rx{} 1.5 Bytes/Second gauge",
        "ephemeral_storage.utilized{} 243 Megabytes gauge",
        "ephemeral_storage.reserved{} 20496 Megabytes gauge",
    ] {
        assert!(task.contains(&expected), "{expected} is not among {task:#?}");
    }
}

#[test]
fn resources_name_task_and_container() {
    let mut task = testkit::ecs::task();
    task["Containers"][1]["StartedAt"] = json!("2026-10-03T08:11:10.1Z");
    let second = format!("{TASK_ID}-2");
    let batch = converted(&task, &json!({ second.as_str(): stats_cgroup_v2() }), &mut Earlier::new());
    let expected_task = json!({
        "aws.ecs.cluster.name": "shop", "aws.ecs.task.arn": TASK_ARN, "aws.ecs.task.id": TASK_ID,
        "aws.ecs.task.family": "shop-web", "aws.ecs.task.version": "7", "aws.ecs.task.revision": "7",
        "aws.ecs.service.name": "shop-web", "cloud.availability_zone": "eu-west-1b",
        "aws.ecs.task.known_status": "RUNNING", "aws.ecs.task.launch_type": "FARGATE",
        "aws.ecs.launchtype": "fargate", "cloud.region": "eu-west-1", "cloud.account.id": "111122223333"
    });
    assert_eq!(attributes(&batch, 1), expected_task);
    let container = attributes(&batch, 0);
    assert_eq!(container["container.name"], "web");
    assert_eq!(container["container.id"], second.as_str());
    assert_eq!(container["container.image.name"], "111122223333.dkr.ecr.eu-west-1.amazonaws.com/web");
    assert_eq!(container["container.image.tag"], "1");
    assert_eq!(container["aws.ecs.container.know_status"], "RUNNING");
    assert_eq!(container["aws.ecs.task.family"], "shop-web");
    // 2026-10-03T08:11:10.1Z
    let total = batch.metrics.iter().find(|m| batch.arena.bytes(m.name) == b"container.cpu.usage.total");
    assert_eq!(total.unwrap().points[0].start, 1_791_015_070_100_000_000);
}

#[test]
fn accounts_of_every_partition_are_read() {
    for partition in ["aws", "aws-cn", "aws-us-gov"] {
        let task =
            json!({"TaskARN": format!("arn:{partition}:ecs:cn-north-1:210987654321:task/harbour/0f9a")});
        let batch = converted(&task, &json!({}), &mut Earlier::new());
        assert_eq!(attributes(&batch, 0)["cloud.account.id"], "210987654321", "{partition}");
    }
}

#[test]
fn what_docker_says_under_cgroup_v1_is_read() {
    let capture = include_str!("../../../../fixtures/docker/docker-stats.json");
    let stats: Value = serde_json::from_str(capture).unwrap();
    let task = json!({"Containers": [{"DockerId": "af82", "Name": "st"}]});
    let batch = converted(&task, &json!({ "af82": stats }), &mut Earlier::new());
    let lines = shown(&batch);
    let expected = [
        "memory.usage{} 774144 Bytes gauge",
        "memory.usage.max{} 4083712 Bytes gauge",
        "memory.usage.limit{} 67108864 Bytes gauge",
        "memory.utilized{} 0 Megabytes gauge",
        "cpu.usage.total{} 19302890 Nanoseconds sum",
        "cpu.usage.kernelmode{} 0 Nanoseconds sum",
        "cpu.usage.usermode{} 10000000 Nanoseconds sum",
        "cpu.usage.system{} 8553600000000 Nanoseconds sum",
        "cpu.cores{} 2 Count gauge",
        "cpu.onlines{} 2 Count gauge",
        "storage.read_bytes{} 0 Bytes sum",
        "storage.write_bytes{} 0 Bytes sum",
    ];
    assert_eq!(of(&lines, "container."), expected);
}

#[test]
fn cores_in_use_come_from_our_own_reading_before() {
    let task = json!({"Containers": [{"DockerId": "a", "Name": "web"}]});
    let reading = |read: &str, total: u64| json!({ "a": {"read": read, "cpu_stats": {"cpu_usage": {"total_usage": total}}} });
    let mut earlier = Earlier::new();
    let first = converted(&task, &reading("2026-10-03T08:20:30Z", 1_000_000_000), &mut earlier);
    assert!(!shown(&first).iter().any(|line| line.contains("vcpu")));
    let second = converted(&task, &reading("2026-10-03T08:20:50Z", 11_000_000_000), &mut earlier);
    assert!(shown(&second).contains(&"container.cpu.usage.vcpu{} 0.5 vCPU gauge".to_owned()));
    // A restart begins at 0 again.
    let third = converted(&task, &reading("2026-10-03T08:21:10Z", 5), &mut earlier);
    assert!(!shown(&third).iter().any(|line| line.contains("vcpu")));
}

#[test]
fn what_is_missing_stays_missing() {
    let task = json!({"TaskARN": TASK_ARN, "Limits": null, "Containers": [
        {"DockerId": "a", "Name": "starting"}, {"DockerId": "b", "Name": "empty"}, {"Name": "no id"},
        {"DockerId": "c", "Name": "gone", "StartedAt": "2026-10-03T08:11:10.5Z", "FinishedAt": "2026-10-03T08:12:10Z", "ExitCode": 137},
        {"DockerId": "d", "Name": "~internal~ecs~pause", "Type": "CNI_PAUSE"}]});
    let stats = json!({"a": null, "b": {}, "d": {"memory_stats": {"usage": 1}, "cpu_stats": {}}});
    let batch = converted(&task, &stats, &mut Earlier::new());
    let expected = [
        "container.duration{} 59.5 Seconds gauge",
        "ecs.task.memory.usage{} 1 Bytes gauge",
        "ecs.task.memory.utilized{} 0 Megabytes gauge",
    ];
    assert_eq!(shown(&batch), expected);
    assert_eq!(attributes(&batch, 0)["aws.ecs.container.exit_code"], 137);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_endpoint_are_outlived() {
    let answers = std::sync::atomic::AtomicU32::new(0);
    let server = Server::start(move |request| {
        let body = match request.path.as_str() {
            "/v4/0f1e/task" => testkit::ecs::task().to_string(),
            _ => json!({ format!("{TASK_ID}-1"): stats_cgroup_v2() }).to_string(),
        };
        match answers.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Response::new(500, "\"not yet\""),
            1 => Response::new(200, "null,"),
            _ => Response::new(200, body),
        }
    });
    let environment = Environment::from([(VARIABLE, format!("{}/v4/0f1e/", server.url()).as_str())]);
    let receiver = EcsContainerMetrics { interval: Duration::from_millis(10), environment };
    let (catch, (phase, stop)) = (Catch::default(), stop());
    let running = tokio::spawn(receiver.run(catch.outlet(), stop));
    let batches = catch.records(30).await;
    assert!(shown(&batches[0]).contains(&"ecs.task.cpu.usage.vcpu{} 0.25 vCPU gauge".to_owned()));
    phase.send_replace(Phase::Draining);
    running.await.unwrap().unwrap();
}

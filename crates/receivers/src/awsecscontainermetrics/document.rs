//! What the endpoint says, as far as it is used. Everything may be absent, or null right after a start.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Task {
    pub cluster: Option<String>,
    #[serde(rename = "TaskARN")]
    pub task_arn: Option<String>,
    pub family: Option<String>,
    pub revision: Option<String>,
    pub service_name: Option<String>,
    pub group: Option<String>,
    pub known_status: Option<String>,
    /// CPU in vCPU, memory in MiB.
    pub limits: Option<Limits>,
    pub pull_started_at: Option<String>,
    pub pull_stopped_at: Option<String>,
    pub availability_zone: Option<String>,
    pub launch_type: Option<String>,
    pub containers: Option<Vec<Container>>,
    /// MiB.
    pub ephemeral_storage_metrics: Option<EphemeralStorage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Container {
    pub docker_id: Option<String>,
    pub docker_name: Option<String>,
    pub name: Option<String>,
    pub image: Option<String>,
    #[serde(rename = "ImageID")]
    pub image_id: Option<String>,
    pub known_status: Option<String>,
    pub exit_code: Option<i64>,
    /// CPU in units of 1/1024 vCPU, memory in MiB.
    pub limits: Option<Limits>,
    pub created_at: Option<String>,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
    pub r#type: Option<String>,
    pub networks: Option<Vec<Network>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Limits {
    #[serde(rename = "CPU")]
    pub cpu: Option<f64>,
    #[serde(rename = "Memory")]
    pub memory: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EphemeralStorage {
    pub utilized: Option<u64>,
    pub reserved: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Network {
    pub network_mode: Option<String>,
}

/// By container id.
pub type AllStats = HashMap<String, Option<Stats>>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Stats {
    pub read: Option<String>,
    pub preread: Option<String>,
    pub cpu_stats: Option<Cpu>,
    pub precpu_stats: Option<Cpu>,
    pub memory_stats: Option<Memory>,
    pub blkio_stats: Option<BlockIo>,
    pub networks: Option<BTreeMap<String, Option<Interface>>>,
    pub network_rate_stats: Option<Rates>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cpu {
    pub cpu_usage: Option<CpuUsage>,
    pub system_cpu_usage: Option<u64>,
    pub online_cpus: Option<u64>,
}

/// Nanoseconds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CpuUsage {
    pub total_usage: Option<u64>,
    pub usage_in_kernelmode: Option<u64>,
    pub usage_in_usermode: Option<u64>,
    pub percpu_usage: Option<Vec<u64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Memory {
    pub usage: Option<u64>,
    pub max_usage: Option<u64>,
    pub limit: Option<u64>,
    pub stats: Option<MemoryDetail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MemoryDetail {
    /// Only under cgroup v1.
    pub cache: Option<u64>,
    pub inactive_file: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BlockIo {
    pub io_service_bytes_recursive: Option<Vec<BlockOperation>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BlockOperation {
    /// `Read` under cgroup v1, `read` under v2.
    pub op: String,
    pub value: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Interface {
    pub rx_bytes: u64,
    pub rx_packets: u64,
    pub rx_errors: u64,
    pub rx_dropped: u64,
    pub tx_bytes: u64,
    pub tx_packets: u64,
    pub tx_errors: u64,
    pub tx_dropped: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rates {
    pub rx_bytes_per_sec: Option<f64>,
    pub tx_bytes_per_sec: Option<f64>,
}

impl Container {
    /// Runs the workload, and is none of the agent's own helpers.
    pub fn is_workload(&self) -> bool {
        let kind = self.r#type.as_deref().unwrap_or("NORMAL");
        kind == "NORMAL" && !self.name.as_deref().unwrap_or_default().starts_with("~internal~")
    }

    pub fn is_awsvpc(&self) -> bool {
        let mut networks = self.networks.iter().flatten();
        networks.any(|network| network.network_mode.as_deref() == Some("awsvpc"))
    }
}

impl Task {
    /// A part of the ARN, whatever its partition.
    pub fn arn_part(&self, index: usize) -> &str {
        let arn = self.task_arn.as_deref().unwrap_or_default();
        if arn.starts_with("arn:") { arn.split(':').nth(index).unwrap_or_default() } else { "" }
    }

    pub fn service(&self) -> &str {
        let group = || self.group.as_deref()?.strip_prefix("service:");
        self.service_name.as_deref().or_else(group).unwrap_or_default()
    }
}

//! From the numbers of the documents to those of the metrics.

use std::collections::{BTreeMap, HashMap};

use super::document::{AllStats, BlockIo, Container, Interface, Memory, Stats, Task};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    MemoryUsage,
    MemoryUsageMax,
    MemoryLimit,
    MemoryUtilized,
    MemoryReserved,
    CpuTotal,
    CpuKernel,
    CpuUser,
    CpuSystem,
    CpuCores,
    CpuOnline,
    CpuUtilized,
    CpuReserved,
    CpuVcpu,
    RxRate,
    TxRate,
    RxBytes,
    RxPackets,
    RxErrors,
    RxDropped,
    TxBytes,
    TxPackets,
    TxErrors,
    TxDropped,
    StorageRead,
    StorageWrite,
    EphemeralUtilized,
    EphemeralReserved,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    Int(u64),
    Double(f64),
}

/// What is not known has no entry.
#[derive(Debug, Default)]
pub struct Usage(BTreeMap<Of, Number>);

/// Each container's reading of the scrape before: time and total CPU, in nanoseconds.
pub type Earlier = HashMap<String, (i128, u64)>;

impl Usage {
    pub fn get(&self, of: Of) -> Option<Number> {
        self.0.get(&of).copied()
    }

    fn set(&mut self, of: Of, number: Option<Number>) {
        if let Some(number) = number {
            self.0.insert(of, number);
        }
    }

    fn int(&mut self, of: Of, value: Option<u64>) {
        self.set(of, value.map(Number::Int));
    }

    fn double(&mut self, of: Of, value: Option<f64>) {
        self.set(of, value.filter(|value| value.is_finite()).map(Number::Double));
    }

    fn as_double(&self, of: Of) -> Option<f64> {
        self.get(of).map(|number| match number {
            Number::Int(value) => value as f64,
            Number::Double(value) => value,
        })
    }

    fn add(&mut self, of: Of, number: Number) {
        let sum = match (self.get(of), number) {
            (None, number) => number,
            (Some(Number::Int(a)), Number::Int(b)) => Number::Int(a.saturating_add(b)),
            (Some(_), Number::Double(b)) => Number::Double(self.as_double(of).unwrap_or(0.0) + b),
            (Some(Number::Double(a)), Number::Int(b)) => Number::Double(a + b as f64),
        };
        self.0.insert(of, sum);
    }
}

/// The running containers that have numbers. Forgets the earlier readings of the others.
pub fn of_containers<'a>(
    task: &'a Task,
    stats: &AllStats,
    earlier: &mut Earlier,
) -> Vec<(&'a Container, Usage)> {
    let mut readings = Earlier::new();
    let mut used = Vec::new();
    for container in task.containers.iter().flatten().filter(|container| container.finished_at.is_none()) {
        let Some(id) = &container.docker_id else { continue };
        let Some(stats) = stats.get(id).and_then(Option::as_ref) else { continue };
        if stats.cpu_stats.is_none() && stats.memory_stats.is_none() {
            continue;
        }
        let before = earlier.get(id).copied();
        readings.extend(reading(stats).map(|reading| (id.clone(), reading)));
        used.push((container, of_container(task, container, stats, before)));
    }
    *earlier = readings;
    used
}

/// Sums over the containers, but for what they share.
pub fn of_task(task: &Task, used: &[(&Container, Usage)]) -> Usage {
    let mut sum = Usage::default();
    let shared = shared_network(used);
    for (container, usage) in used {
        for (of, number) in &usage.0 {
            if !is_network(*of) || !container.is_awsvpc() {
                sum.add(*of, *number);
            }
        }
    }
    for (of, number) in shared.iter().flat_map(|usage| &usage.0).filter(|(of, _)| is_network(**of)) {
        sum.add(*of, *number);
    }
    // A container's share of its reservation says nothing of the task's.
    sum.double(Of::CpuUtilized, sum.as_double(Of::CpuVcpu).map(|vcpu| vcpu * 1024.0));
    if let Some(limits) = &task.limits {
        sum.double(Of::CpuReserved, limits.cpu.map(|vcpu| vcpu * 1024.0));
        sum.int(Of::MemoryReserved, limits.memory);
    }
    let storage = task.ephemeral_storage_metrics.as_ref();
    sum.int(Of::EphemeralUtilized, storage.and_then(|storage| storage.utilized));
    sum.int(Of::EphemeralReserved, storage.and_then(|storage| storage.reserved));
    sum
}

/// Of the containers that all show the task's one interface, the one that looked last.
fn shared_network<'a>(used: &'a [(&Container, Usage)]) -> Option<&'a Usage> {
    let shared = used.iter().filter(|(container, _)| container.is_awsvpc()).map(|(_, usage)| usage);
    let traffic = |usage: &&Usage| {
        let bytes = [Of::RxBytes, Of::TxBytes].map(|of| usage.as_double(of));
        bytes.iter().flatten().sum::<f64>() as u64
    };
    shared.max_by_key(traffic)
}

pub fn is_network(of: Of) -> bool {
    (Of::RxRate..=Of::TxDropped).contains(&of)
}

fn of_container(task: &Task, container: &Container, stats: &Stats, before: Option<(i128, u64)>) -> Usage {
    let mut usage = Usage::default();
    let limits = container.limits.as_ref();
    let memory_limit = limits.and_then(|limits| limits.memory).filter(|mib| *mib > 0);
    usage.int(Of::MemoryReserved, memory_limit);
    usage.double(Of::CpuReserved, limits.and_then(|limits| limits.cpu));
    if let Some(memory) = &stats.memory_stats {
        let task_limit = task.limits.as_ref().and_then(|limits| limits.memory);
        set_memory(&mut usage, memory, memory_limit.or(task_limit));
    }
    set_cpu(&mut usage, stats, before);
    if let Some(networks) = &stats.networks {
        set_network(&mut usage, networks.values().flatten());
    }
    if let Some(rates) = &stats.network_rate_stats {
        usage.double(Of::RxRate, rates.rx_bytes_per_sec);
        usage.double(Of::TxRate, rates.tx_bytes_per_sec);
    }
    if let Some(block_io) = &stats.blkio_stats {
        usage.int(Of::StorageRead, total(block_io, "read"));
        usage.int(Of::StorageWrite, total(block_io, "write"));
    }
    usage
}

/// What the kernel says where there is no limit: `i64::MAX` in whole pages. Larger pages make it smaller.
const UNLIMITED: u64 = i64::MAX as u64 - (1 << 20);

fn set_memory(usage: &mut Usage, memory: &Memory, limit_mib: Option<u64>) {
    usage.int(Of::MemoryUsage, memory.usage);
    usage.int(Of::MemoryUsageMax, memory.max_usage);
    let limit = memory.limit.filter(|limit| *limit < UNLIMITED);
    usage.int(Of::MemoryLimit, limit.or(limit_mib.map(|mib| mib << 20)));
    let detail = memory.stats.as_ref();
    let cache = detail.and_then(|detail| detail.cache.or(detail.inactive_file)).unwrap_or(0);
    usage.int(Of::MemoryUtilized, memory.usage.map(|used| used.saturating_sub(cache) >> 20));
}

fn set_cpu(usage: &mut Usage, stats: &Stats, before: Option<(i128, u64)>) {
    let Some(cpu) = &stats.cpu_stats else { return };
    usage.int(Of::CpuSystem, cpu.system_cpu_usage);
    usage.int(Of::CpuOnline, cpu.online_cpus);
    let used = cpu.cpu_usage.as_ref();
    let listed = used.and_then(|used| used.percpu_usage.as_ref()).map(|each| each.len() as u64);
    usage.int(Of::CpuCores, listed.filter(|cores| *cores > 0).or(cpu.online_cpus));
    usage.int(Of::CpuTotal, used.and_then(|used| used.total_usage));
    usage.int(Of::CpuKernel, used.and_then(|used| used.usage_in_kernelmode));
    usage.int(Of::CpuUser, used.and_then(|used| used.usage_in_usermode));
    let now = reading(stats);
    let vcpu = since(before, now).or_else(|| since(reading_before(stats), now));
    usage.double(Of::CpuVcpu, vcpu);
    let reserved = usage.as_double(Of::CpuReserved).filter(|shares| *shares > 0.0).unwrap_or(1.0);
    usage.double(Of::CpuUtilized, vcpu.map(|vcpu| vcpu * 100.0 / reserved));
}

fn reading(stats: &Stats) -> Option<(i128, u64)> {
    let total = stats.cpu_stats.as_ref()?.cpu_usage.as_ref()?.total_usage?;
    Some((nanoseconds(stats.read.as_deref()?)?, total))
}

/// The runtime's own reading before this one; it says the year 1 when there was none.
fn reading_before(stats: &Stats) -> Option<(i128, u64)> {
    let total = stats.precpu_stats.as_ref()?.cpu_usage.as_ref()?.total_usage?;
    Some((nanoseconds(stats.preread.as_deref()?).filter(|at| *at > 0)?, total))
}

/// Cores in use between two readings.
fn since(before: Option<(i128, u64)>, now: Option<(i128, u64)>) -> Option<f64> {
    let ((before, used_before), (now, used)) = (before?, now?);
    (now > before && used >= used_before).then(|| (used - used_before) as f64 / (now - before) as f64)
}

pub fn nanoseconds(time: &str) -> Option<i128> {
    time.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_nanosecond)
}

fn set_network<'a>(usage: &mut Usage, interfaces: impl Iterator<Item = &'a Interface>) {
    for interface in interfaces {
        for (of, count) in [
            (Of::RxBytes, interface.rx_bytes),
            (Of::RxPackets, interface.rx_packets),
            (Of::RxErrors, interface.rx_errors),
            (Of::RxDropped, interface.rx_dropped),
            (Of::TxBytes, interface.tx_bytes),
            (Of::TxPackets, interface.tx_packets),
            (Of::TxErrors, interface.tx_errors),
            (Of::TxDropped, interface.tx_dropped),
        ] {
            usage.add(of, Number::Int(count));
        }
    }
}

/// Over all devices. A list that is empty says that there was no traffic, one that is absent says nothing.
fn total(block_io: &BlockIo, operation: &str) -> Option<u64> {
    let operations = block_io.io_service_bytes_recursive.as_ref()?;
    let these = operations.iter().filter(|each| each.op.eq_ignore_ascii_case(operation));
    Some(these.fold(0, |sum: u64, each| sum.saturating_add(each.value)))
}

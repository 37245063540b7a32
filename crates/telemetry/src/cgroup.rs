//! How much memory and CPU this container may use, from cgroup version 1 or 2.
//!
//! A limit may stand on any group between ours and the root, and the smallest one counts: ECS puts the
//! task's limit on the parent of the container's group.

use std::path::{Path, PathBuf};

const ROOT: &str = "/sys/fs/cgroup";

/// Version 1 writes the largest multiple of the page size for "no limit"; nothing real is half as large.
const UNLIMITED_BYTES: u64 = 1 << 62;

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// `None` when the machine's memory is the only limit.
    pub memory_bytes: Option<u64>,
    /// Whole and parts of CPUs, such as 0.25; `None` when there is no quota.
    pub cpus: Option<f64>,
}

impl Limits {
    /// The limits of this process.
    pub fn read() -> Limits {
        let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Limits::read_from(Path::new(ROOT), &groups)
    }

    /// The limits below another root, with the content of `/proc/self/cgroup`.
    pub fn read_from(root: &Path, groups: &str) -> Limits {
        let memory = |base: &Path, path: &str, file: &str| {
            smallest(base, path, |group| parse_memory(&read(&group.join(file))?))
        };
        let v2 = |path: &str| Limits {
            memory_bytes: memory(root, path, "memory.max"),
            cpus: smallest(root, path, |group| parse_cpu_max(&read(&group.join("cpu.max"))?)),
        };
        match path_of(groups, "memory") {
            Some(path) => {
                let cpu_base = ["cpu,cpuacct", "cpu"].map(|name| root.join(name));
                let cpu_base = cpu_base.into_iter().find(|base| base.exists()).unwrap_or_else(|| root.into());
                Limits {
                    memory_bytes: memory(&root.join("memory"), path, "memory.limit_in_bytes"),
                    cpus: smallest(&cpu_base, path_of(groups, "cpu").unwrap_or(path), |group| {
                        parse_cpu_quota(
                            &read(&group.join("cpu.cfs_quota_us"))?,
                            &read(&group.join("cpu.cfs_period_us"))?,
                        )
                    }),
                }
            }
            None => v2(path_of(groups, "").unwrap_or("/")),
        }
    }
}

/// Bytes of `memory.max` or `memory.limit_in_bytes`; `None` for no limit.
pub fn parse_memory(text: &str) -> Option<u64> {
    let bytes: u64 = text.trim().parse().ok()?;
    (bytes < UNLIMITED_BYTES).then_some(bytes)
}

/// CPUs of `cpu.max`, which reads `25000 100000` or `max 100000`.
pub fn parse_cpu_max(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    parse_cpu_quota(quota, period)
}

/// CPUs of a quota and its period in microseconds; a quota of -1 or `max` is none.
pub fn parse_cpu_quota(quota: &str, period: &str) -> Option<f64> {
    let quota: u64 = quota.trim().parse().ok()?;
    let period: u64 = period.trim().parse().ok()?;
    (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
}

/// The path of our group for a controller; version 2 has one line, without controllers.
fn path_of<'a>(groups: &'a str, controller: &str) -> Option<&'a str> {
    groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        controllers.split(',').any(|name| name == controller).then_some(path)
    })
}

/// The smallest value from our group up to the root. In a container the path may be the host's, which
/// does not exist here; then the root is our own group.
fn smallest<T: PartialOrd>(base: &Path, path: &str, value: impl Fn(&Path) -> Option<T>) -> Option<T> {
    let inside = path.trim_start_matches('/');
    let mut group: PathBuf = base.join(inside);
    let mut least: Option<T> = None;
    loop {
        if let Some(found) = value(&group)
            && least.as_ref().is_none_or(|least| found < *least)
        {
            least = Some(found);
        }
        if group == base || !group.pop() || !group.starts_with(base) {
            return least;
        }
    }
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(files: &[(&str, &str)], groups: &str) -> Limits {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Limits::read_from(root.path(), groups)
    }

    #[test]
    fn reads_each_layout() {
        let none = Limits::default();
        let of = |memory_bytes, cpus| Limits { memory_bytes, cpus };
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, Limits);
        let cases: &[Case<'_>] = &[
            ("nothing mounted", &[], "0::/\n", none),
            (
                "v2, own namespace",
                &[("memory.max", "268435456\n"), ("cpu.max", "25000 100000\n")],
                "0::/\n",
                of(Some(268_435_456), Some(0.25)),
            ),
            ("v2, unlimited", &[("memory.max", "max\n"), ("cpu.max", "max 100000\n")], "0::/\n", none),
            (
                "v2, limit on the parent",
                &[
                    ("ecs/memory.max", "1000"),
                    ("ecs/task/memory.max", "max"),
                    ("ecs/task/cpu.max", "50000 100000"),
                ],
                "0::/ecs/task\n",
                of(Some(1000), Some(0.5)),
            ),
            (
                "v2, the host's path is not here",
                &[("memory.max", "4096")],
                "0::/ecs/task/container\n",
                of(Some(4096), None),
            ),
            (
                "v1",
                &[
                    ("memory/ecs/memory.limit_in_bytes", "536870912"),
                    ("memory/memory.limit_in_bytes", "9223372036854771712"),
                    ("cpu,cpuacct/ecs/cpu.cfs_quota_us", "-1"),
                    ("cpu,cpuacct/cpu.cfs_quota_us", "200000"),
                    ("cpu,cpuacct/cpu.cfs_period_us", "100000"),
                ],
                "11:memory:/ecs\n4:cpu,cpuacct:/ecs\n1:name=systemd:/ecs\n",
                of(Some(536_870_912), Some(2.0)),
            ),
        ];
        for (name, files, groups, expected) in cases {
            assert_eq!(limits(files, groups), *expected, "{name}");
        }
    }
}

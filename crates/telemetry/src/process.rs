//! What this process uses: memory, CPU time, open files.

use crate::Exposition;

/// The kernel reports CPU time to programs in hundredths of a second, whatever its own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// `None` for what the kernel does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    pub resident_bytes: Option<u64>,
    pub cpu_seconds: Option<f64>,
    pub open_files: Option<u64>,
}

impl Usage {
    pub fn read() -> Usage {
        let file = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).ok();
        Usage {
            // Not `statm`: it counts pages, whose size differs between kernels on arm64.
            resident_bytes: file("status").as_deref().and_then(parse_resident),
            cpu_seconds: file("stat").as_deref().and_then(parse_cpu),
            // The listing itself has one open.
            open_files: std::fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as u64 - 1),
        }
    }

    /// Adds the figures under the names every Prometheus client uses.
    pub fn write(&self, metrics: &mut Exposition) {
        if let Some(bytes) = self.resident_bytes {
            metrics.gauge("process_resident_memory_bytes", "Resident memory size.").count(&[], bytes);
        }
        if let Some(seconds) = self.cpu_seconds {
            metrics
                .counter("process_cpu_seconds_total", "User and system CPU time spent.")
                .value(&[], seconds);
        }
        if let Some(files) = self.open_files {
            metrics.gauge("process_open_fds", "Open file descriptors.").count(&[], files);
        }
    }
}

/// `VmRSS` of `/proc/self/status`, in bytes.
pub fn parse_resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// User and system time of `/proc/self/stat`, in seconds.
pub fn parse_cpu(stat: &str) -> Option<f64> {
    // The program's name is in brackets and may hold spaces and brackets itself.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        assert_eq!(parse_resident("Name:\tx\nVmRSS:\t    5120 kB\nThreads:\t1\n"), Some(5 << 20));
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 900 0 0 0 150 25 0 0 20 0 1 0 100 0 0";
        assert_eq!(parse_cpu(stat), Some(1.75));
        assert_eq!((parse_resident(""), parse_cpu("")), (None, None));
    }

    #[test]
    fn reads_this_process() {
        let usage = Usage::read();
        assert!(usage.resident_bytes.is_some_and(|bytes| bytes > 1 << 16));
        assert!(usage.cpu_seconds.is_some() && usage.open_files.is_some_and(|files| files >= 3));
    }
}

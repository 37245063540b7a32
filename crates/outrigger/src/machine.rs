//! What the machine allows: workers after the CPU limit, queue memory after the memory limit.

use telemetry::Limits;

/// Queue memory where nothing limits the process.
const UNLIMITED_BUDGET_BYTES: u64 = 64 << 20;
/// Part of the memory limit that queues may hold; the rest is for open payloads, connections and the program.
const QUEUE_SHARE: f64 = 0.4;
/// Below this a queue could not hold one payload for each destination.
const LEAST_BUDGET_BYTES: u64 = 8 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Worker threads: one on a quarter vCPU.
    pub workers: usize,
    pub queue_bytes: u64,
}

impl Machine {
    pub fn read() -> Machine {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Machine::under(Limits::read(), cores)
    }

    fn under(limits: Limits, cores: usize) -> Machine {
        let allowed = limits.cpus.map_or(cores, |cpus| cpus.ceil() as usize);
        let queue_bytes = match limits.memory_bytes {
            Some(memory) => {
                ((memory as f64 * QUEUE_SHARE) as u64).clamp(LEAST_BUDGET_BYTES, UNLIMITED_BUDGET_BYTES * 4)
            }
            None => UNLIMITED_BUDGET_BYTES,
        };
        Machine { workers: allowed.clamp(1, cores.max(1)), queue_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_shape_the_machine() {
        let mib = 1 << 20;
        for (memory_bytes, cpus, expected) in [
            (None, None, (4, 64 * mib)),
            (Some(256 * mib), Some(0.25), (1, 107_374_182)),
            (Some(16 * mib), Some(1.5), (2, 8 * mib)),
            (Some(64 << 30), Some(64.0), (4, 256 * mib)),
        ] {
            let machine = Machine::under(Limits { memory_bytes, cpus }, 4);
            assert_eq!((machine.workers, machine.queue_bytes), expected);
        }
    }
}

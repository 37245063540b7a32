//! CPU time and memory of a process, from `/proc`.

use std::fs;
use std::time::Duration;

/// Linux counts CPU time in hundredths of a second wherever user space can see it.
const TICK: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    pub user: Duration,
    pub system: Duration,
    /// Resident now, and at most so far; zero once the process has ended.
    pub resident: u64,
    pub peak: u64,
    pub threads: u64,
}

impl Usage {
    pub fn cpu(&self) -> Duration {
        self.user + self.system
    }
}

/// Also answers for a process that has ended and was not waited for, but for its memory.
pub fn usage(id: u32) -> Option<Usage> {
    let fields = stat(id)?;
    let number = |place: usize| fields.get(place).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let kibibytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some(Usage {
        user: TICK * number(11) as u32,
        system: TICK * number(12) as u32,
        resident: kibibytes("VmRSS:").unwrap_or(0) << 10,
        peak: kibibytes("VmHWM:").unwrap_or(0) << 10,
        threads: number(17),
    })
}

/// True for a process that has ended, waited for or not.
pub(super) fn is_over(id: u32) -> bool {
    stat(id).is_none_or(|fields| fields.first().is_some_and(|state| state == "Z" || state == "X"))
}

/// The fields after the name, which may itself hold spaces and brackets.
fn stat(id: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn sees_itself() {
        let usage = super::usage(std::process::id()).unwrap();
        assert!(usage.resident > 0 && usage.peak >= usage.resident && usage.threads > 0);
    }
}

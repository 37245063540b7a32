//! Which names and retention values CloudWatch Logs takes.

/// Days a log group may keep its events.
const RETENTION: [u64; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

pub fn group(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_/.#-".contains(c);
    let fine = (1..=512).contains(&name.len()) && name.chars().all(fits);
    if fine { Ok(()) } else { Err(format!("{name:?} is not a log group name")) }
}

pub fn stream(name: &str) -> Result<(), String> {
    let fine = (1..=512).contains(&name.chars().count()) && !name.contains([':', '*']);
    if fine { Ok(()) } else { Err(format!("{name:?} is not a log stream name")) }
}

pub fn retention(days: u64) -> Result<(), String> {
    if RETENTION.contains(&days) { Ok(()) } else { Err(format!("{days} is not a retention in days")) }
}

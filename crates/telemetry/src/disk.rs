//! Free room on the disk a folder lies on.

use std::path::Path;

/// Bytes that this process may still write there. Asks the nearest folder that exists; `None` when the system
/// does not tell.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let absolute = std::path::absolute(folder).ok()?;
    let existing = absolute.ancestors().find(|ancestor| ancestor.exists())?;
    let room = rustix::fs::statvfs(existing).ok()?;
    room.f_bavail.checked_mul(room.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_to_be_made_lies_on_its_parents_disk() {
        let folder = std::env::temp_dir();
        assert!(free_bytes(&folder.join("not/there/yet")).is_some_and(|bytes| bytes > 0));
    }
}

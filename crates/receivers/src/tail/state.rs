//! Where reading stopped, kept across restarts as a small JSON file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::source::Identity;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) files: Vec<Place>,
}

/// Everything before `offset` of this file was taken in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) offset: u64,
}

impl State {
    pub(super) fn load(path: &Path) -> io::Result<State> {
        match fs::read(path) {
            Ok(text) => Ok(serde_json::from_slice(&text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(State::default()),
            Err(error) => Err(error),
        }
    }

    /// Replaces the file as a whole: a crash leaves the old one or the new one.
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = path.with_extension("new");
        fs::write(&new, serde_json::to_vec_pretty(self)?)?;
        fs::rename(&new, path)
    }

    /// The offset of a file, known by its inode and its name or device: a container that starts anew may see
    /// its volume under another device number.
    pub(super) fn offset_of(&self, path: &Path, identity: Identity) -> Option<u64> {
        let same = |place: &&Place| {
            place.inode == identity.inode && (place.path == path || place.device == identity.device)
        };
        self.files.iter().find(same).map(|place| place.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("not/there/yet/state.json");
        assert_eq!(State::load(&file).unwrap(), State::default());
        let place = Place { path: "/var/log/a.log".into(), device: 1, inode: 2, offset: 3 };
        let state = State { files: vec![place] };
        state.save(&file).unwrap();
        assert_eq!(State::load(&file).unwrap(), state);
        let identity = |device, inode| Identity { device, inode };
        assert_eq!(state.offset_of(Path::new("/var/log/a.log"), identity(9, 2)), Some(3));
        assert_eq!(state.offset_of(Path::new("/var/log/a.log.1"), identity(1, 2)), Some(3));
        assert_eq!(state.offset_of(Path::new("/var/log/a.log"), identity(1, 7)), None);
        fs::write(&file, "{broken").unwrap();
        assert!(State::load(&file).is_err());
    }
}

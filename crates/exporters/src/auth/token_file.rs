//! A token in a file that somebody else renews.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::warn;

/// How long what was read is taken to be what the file holds.
const FRESH: Duration = Duration::from_secs(1);

/// Larger files hold no token.
const MAX_BYTES: u64 = 64 << 10;

pub struct TokenFile {
    path: PathBuf,
    known: Mutex<Option<Known>>,
}

struct Known {
    token: String,
    read: Instant,
}

impl TokenFile {
    pub fn new(path: PathBuf) -> TokenFile {
        TokenFile { path, known: Mutex::new(None) }
    }

    /// The token, or what is wrong with the file. While a file cannot be read, its last token stands in.
    pub async fn token(&self) -> Result<String, String> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.read.elapsed() < FRESH) {
            return Ok(known.token.clone());
        }
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || first_line(&path)).await;
        let read = read.unwrap_or_else(|error| Err(error.to_string()));
        match (read, known.as_mut()) {
            (Ok(token), _) => {
                *known = Some(Known { token: token.clone(), read: Instant::now() });
                Ok(token)
            }
            (Err(error), Some(known)) => {
                warn!(path = %self.path.display(), error, "token cannot be read again; the last one is used");
                known.read = Instant::now();
                Ok(known.token.clone())
            }
            (Err(error), None) => Err(format!("no token in `{}`: {error}", self.path.display())),
        }
    }

    /// The next request reads the file again.
    pub async fn forget(&self) {
        *self.known.lock().await = None;
    }
}

fn first_line(path: &std::path::Path) -> Result<String, String> {
    let about = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if about.len() > MAX_BYTES {
        return Err(format!("it is larger than {MAX_BYTES} bytes"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.map(str::to_owned).ok_or_else(|| "it is empty".into())
}

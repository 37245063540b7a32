//! Binds a socket with blocking calls, so the binary can listen before there is a runtime.
//!
//! A task whose application starts first loses its first lines if nobody listens yet; every millisecond
//! before `listen(2)` counts, so nothing here waits.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use super::Endpoint;

/// Connections the kernel holds until we accept. Every container of a task may connect at once while
/// we are still reading the configuration; the kernel cuts this to `net.core.somaxconn`.
const BACKLOG: i32 = 1024;

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error(
        "cannot listen on {endpoint}: the address is in use; stop the other process, or choose another port"
    )]
    InUse { endpoint: Endpoint },
    #[error("cannot listen on {endpoint}: permission denied; {help}")]
    Denied { endpoint: Endpoint, help: &'static str },
    #[error(
        "cannot listen on {endpoint}: the file exists and is no socket; remove it or choose another path"
    )]
    NotASocket { endpoint: Endpoint },
    #[error("cannot listen on {endpoint}: its folder does not exist; create it or mount a volume there")]
    NoFolder { endpoint: Endpoint },
    #[error("cannot listen on {endpoint}: {source}")]
    Other { endpoint: Endpoint, source: io::Error },
}

/// A bound, listening, non-blocking socket. Its file, if it has one, goes when it is dropped.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) socket: Socket,
    /// As asked for, with the port the kernel chose when port 0 was asked for.
    pub(super) endpoint: Endpoint,
    pub(super) file: Option<SocketFile>,
}

/// Removed at drop, unless another process has put its own socket there since.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Bound {
    pub(super) fn new(endpoint: &Endpoint) -> Result<Bound, BindError> {
        let bound = match endpoint {
            Endpoint::Tcp(_) => bind_tcp(endpoint),
            Endpoint::Unix { path, mode } => {
                remove_stale(path, endpoint)?;
                bind_unix(path, *mode, endpoint)
            }
        };
        bound.map_err(|error| explain(endpoint, error))
    }

    /// Applies the mode a receiver asks for to a socket that was bound before its settings were known.
    pub(super) fn set_mode(&self, mode: Option<u32>) -> io::Result<()> {
        match (&self.file, mode) {
            (Some(file), Some(mode)) => fs::set_permissions(&file.path, fs::Permissions::from_mode(mode)),
            _ => Ok(()),
        }
    }
}

fn bind_tcp(endpoint: &Endpoint) -> io::Result<Bound> {
    let Endpoint::Tcp(address) = endpoint else { unreachable!("bug: bind_tcp is called for tcp endpoints") };
    let socket = Socket::new(Domain::for_address(*address), Type::STREAM, None)?;
    // Without it a restart within the TIME_WAIT minute cannot bind.
    socket.set_reuse_address(true)?;
    socket.bind(&(*address).into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let bound = socket.local_addr()?.as_socket().unwrap_or(*address);
    Ok(Bound { socket, endpoint: Endpoint::Tcp(bound), file: None })
}

fn bind_unix(path: &Path, mode: Option<u32>, endpoint: &Endpoint) -> io::Result<Bound> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let metadata = fs::symlink_metadata(path)?;
    let file = SocketFile { path: path.into(), identity: (metadata.dev(), metadata.ino()) };
    if let Some(mode) = mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(Bound { socket, endpoint: endpoint.clone(), file: Some(file) })
}

/// A killed process leaves its socket file behind and nobody can bind over it. One that still answers
/// belongs to somebody: taking it would split the records of a task between two routers.
fn remove_stale(path: &Path, endpoint: &Endpoint) -> Result<(), BindError> {
    match fs::symlink_metadata(path) {
        Err(_) => return Ok(()),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(BindError::NotASocket { endpoint: endpoint.clone() });
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(BindError::InUse { endpoint: endpoint.clone() }),
        Err(_) => fs::remove_file(path).map_err(|error| explain(endpoint, error)),
    }
}

fn explain(endpoint: &Endpoint, source: io::Error) -> BindError {
    let endpoint = endpoint.clone();
    match (source.kind(), &endpoint) {
        (io::ErrorKind::AddrInUse, _) => BindError::InUse { endpoint },
        (io::ErrorKind::PermissionDenied, Endpoint::Tcp(_)) => {
            BindError::Denied { endpoint, help: "ports below 1024 need root or CAP_NET_BIND_SERVICE" }
        }
        (io::ErrorKind::PermissionDenied, Endpoint::Unix { .. }) => {
            BindError::Denied { endpoint, help: "let this user write to the folder" }
        }
        (io::ErrorKind::NotFound, Endpoint::Unix { .. }) => BindError::NoFolder { endpoint },
        _ => BindError::Other { endpoint, source },
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|m| (m.dev(), m.ino()) == self.identity);
        if ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

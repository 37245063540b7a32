//! Reads certificates and keys from PEM files, with errors for the usual mix-ups.

use std::path::Path;

use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsConfigError;

/// A certificate bundle is some hundred KiB; anything larger is not one, and is not read into memory.
const MAX_PEM_BYTES: u64 = 4 << 20;

pub(super) fn certificates(
    path: &Path,
    what: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let content = |problem: String| TlsConfigError::Content { what, path: path.into(), problem };
    let text = read(path, what)?;
    let found = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| content(format!("is not valid PEM: {error}")))?;
    if found.is_empty() {
        return Err(content("holds no certificate; expected `-----BEGIN CERTIFICATE-----`".into()));
    }
    Ok(found)
}

/// Those of every file in a folder. What holds none is passed over: such folders hold hashes and notes, too.
pub(super) fn certificates_of_folder(
    folder: &Path,
    what: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let unreadable = |source| TlsConfigError::Read { what, path: folder.into(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.sort();
    Ok(paths.iter().filter_map(|path| certificates(path, what).ok()).flatten().collect())
}

pub(super) fn private_key(path: &Path, what: &'static str) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
    let content =
        |problem: &str| TlsConfigError::Content { what, path: path.into(), problem: problem.into() };
    let text = read(path, what)?;
    // The second is how OpenSSL wrote keys before it knew PKCS #8.
    if contains(&text, b"ENCRYPTED PRIVATE KEY") || contains(&text, b"Proc-Type: 4,ENCRYPTED") {
        let file = path.display();
        return Err(content(&format!(
            "is protected by a password, which is not supported; write it in the clear, readable by this process alone, with `openssl pkey -in {file} -out {file}.clear`"
        )));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => content("holds no private key; expected `-----BEGIN PRIVATE KEY-----`"),
        _ => content("is not valid PEM"),
    })
}

fn read(path: &Path, what: &'static str) -> Result<Vec<u8>, TlsConfigError> {
    let unreadable = |source| TlsConfigError::Read { what, path: path.into(), source };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_PEM_BYTES {
        let problem = format!("has {size} bytes; a PEM file is smaller");
        return Err(TlsConfigError::Content { what, path: path.into(), problem });
    }
    std::fs::read(path).map_err(unreadable)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

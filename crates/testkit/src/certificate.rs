//! A certificate for `127.0.0.1`, made anew for each test.

use std::path::PathBuf;
use std::sync::Arc;

use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;

/// The server's side, and the file a client must trust.
pub struct Certificate {
    pub server: Arc<rustls::ServerConfig>,
    pub ca_file: PathBuf,
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    _folder: TempDir,
}

impl Certificate {
    pub fn new() -> Certificate {
        Certificate::until(4096)
    }

    /// One whose time is over.
    pub fn expired() -> Certificate {
        Certificate::until(2020)
    }

    fn until(year: i32) -> Certificate {
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let mut parameters = rcgen::CertificateParams::new(names).expect("the names are plain");
        parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
        let signing_key = rcgen::KeyPair::generate().expect("a key can be made");
        let cert = parameters.self_signed(&signing_key).expect("a certificate can be made");
        let signed = rcgen::CertifiedKey { cert, signing_key };
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (ca_file, key_file) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        std::fs::write(&ca_file, signed.cert.pem()).expect("the scratch folder takes files");
        std::fs::write(&key_file, signed.signing_key.serialize_pem())
            .expect("the scratch folder takes files");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows the default versions")
            .with_no_client_auth()
            .with_single_cert(vec![signed.cert.der().clone()], key)
            .expect("the key fits its certificate");
        let cert_file = ca_file.clone();
        Certificate { server: Arc::new(server), ca_file, cert_file, key_file, _folder: folder }
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Certificate::new()
    }
}

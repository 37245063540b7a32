//! TLS of our own listeners.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::HTTP2;
use super::reload::Reloaded;
use super::{TlsConfigError, TlsVersion, pem, provider, versions};

/// TLS for those who connect to us.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsServerConfig {
    /// PEM file with the certificate and its chain. Read again when it changes.
    #[serde(alias = "cert_file")]
    pub certificate_file: PathBuf,
    /// PEM file with the key of `certificate_file`, without a password.
    pub key_file: PathBuf,
    /// PEM file of the authorities whose clients may connect; without it clients need no certificate.
    #[serde(default)]
    pub client_ca_file: Option<PathBuf>,
    /// Oldest protocol version to accept.
    #[serde(default)]
    pub min_version: TlsVersion,
}

/// Ready for use. Cheap to clone.
#[derive(Clone)]
pub struct ServerTls(Arc<Reloaded<Arc<ServerConfig>>>);

impl ServerTls {
    pub fn new(config: &TlsServerConfig) -> Result<ServerTls, TlsConfigError> {
        ServerTls::offering(config, &[])
    }

    /// For a listener that serves HTTP/2.
    pub fn for_http2(config: &TlsServerConfig) -> Result<ServerTls, TlsConfigError> {
        ServerTls::offering(config, &[HTTP2])
    }

    /// Offers these protocols to clients that ask (RFC 7301); none means any.
    fn offering(
        config: &TlsServerConfig,
        protocols: &'static [&'static [u8]],
    ) -> Result<ServerTls, TlsConfigError> {
        let mut files = vec![config.certificate_file.clone(), config.key_file.clone()];
        files.extend(config.client_ca_file.clone());
        let config = config.clone();
        Ok(ServerTls(Arc::new(Reloaded::new(files, move || build(&config, protocols))?)))
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(Arc::clone(&*self.0.get())).accept(stream).await
    }
}

fn build(config: &TlsServerConfig, protocols: &[&[u8]]) -> Result<Arc<ServerConfig>, TlsConfigError> {
    let fault = |error: String| TlsConfigError::Settings(format!("TLS cannot be set up: {error}"));
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&versions(config.min_version, None)?)
        .map_err(|error| fault(error.to_string()))?;
    let builder = match &config.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(pem::certificates(path, "`client_ca_file`")?);
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
                .build()
                .map_err(|error| fault(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = pem::certificates(&config.certificate_file, "certificate")?;
    let key = pem::private_key(&config.key_file, "key")?;
    let mut server = builder.with_single_cert(chain, key).map_err(|error| TlsConfigError::Content {
        what: "key",
        path: config.key_file.clone(),
        problem: format!("cannot be used with `{}`: {error}", config.certificate_file.display()),
    })?;
    server.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(server))
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls")
    }
}

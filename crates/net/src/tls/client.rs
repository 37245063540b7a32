//! TLS towards destinations: whom to trust, and who we are if asked.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::HTTP2;
use super::reload::Reloaded;
use super::{KeyPassword, TlsConfigError, TlsVersion, pem, provider, versions};
use crate::Environment;

/// TLS towards a destination.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsClientConfig {
    /// PEM file of the authorities to trust instead of the built-in ones.
    pub ca_file: Option<PathBuf>,
    /// Folder of such files; what holds no certificate is passed over. It may stand beside `ca_file`.
    pub ca_path: Option<PathBuf>,
    /// Trust the built-in authorities as well as those in `ca_file` and `ca_path`.
    pub include_system_ca: bool,
    /// PEM file with our certificate and its chain, for servers that ask for one.
    #[serde(alias = "cert_file")]
    pub certificate_file: Option<PathBuf>,
    /// PEM file with the key of `certificate_file`, without a password.
    pub key_file: Option<PathBuf>,
    /// Has no effect: a key that is protected is refused, with a word on how to write it in the clear.
    #[serde(skip_serializing)]
    pub key_password: Option<KeyPassword>,
    /// Name to ask for and to check the certificate against, when it is not the host of the endpoint.
    #[serde(alias = "server_name_override")]
    pub server_name: Option<String>,
    /// Check the server's certificate. Without it anyone on the way can read and change what is sent.
    pub verify: bool,
    /// Check that the certificate is for the host we asked for.
    pub verify_hostname: bool,
    /// Oldest protocol version to accept.
    pub min_version: TlsVersion,
    /// Newest protocol version to accept.
    pub max_version: Option<TlsVersion>,
}

impl Default for TlsClientConfig {
    fn default() -> Self {
        TlsClientConfig {
            ca_file: None,
            ca_path: None,
            include_system_ca: false,
            certificate_file: None,
            key_file: None,
            key_password: None,
            server_name: None,
            verify: true,
            verify_hostname: true,
            min_version: TlsVersion::default(),
            max_version: None,
        }
    }
}

/// Ready for use. Cheap to clone; certificates are looked at again when a connection is made.
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<Reloaded<Arc<ClientConfig>>>,
    server_name: Option<ServerName<'static>>,
}

impl ClientTls {
    /// `SSL_CERT_FILE` in the environment adds to the built-in authorities.
    pub fn new(config: &TlsClientConfig, environment: &Environment) -> Result<ClientTls, TlsConfigError> {
        ClientTls::speaking(config, environment, false)
    }

    /// For a client that speaks HTTP/2.
    pub fn for_http2(
        config: &TlsClientConfig,
        environment: &Environment,
    ) -> Result<ClientTls, TlsConfigError> {
        ClientTls::speaking(config, environment, true)
    }

    fn speaking(
        config: &TlsClientConfig,
        environment: &Environment,
        http2: bool,
    ) -> Result<ClientTls, TlsConfigError> {
        let server_name =
            match &config.server_name {
                Some(name) => Some(ServerName::try_from(name.clone()).map_err(|_| {
                    TlsConfigError::Settings(format!("`server_name: {name}` is no host name"))
                })?),
                None => None,
            };
        if config.certificate_file.is_some() != config.key_file.is_some() {
            let text = "a client certificate needs both `certificate_file` and `key_file`";
            return Err(TlsConfigError::Settings(text.into()));
        }
        let extra = environment.get("SSL_CERT_FILE").map(PathBuf::from);
        let files = [&config.ca_file, &config.ca_path, &config.certificate_file, &config.key_file, &extra];
        let files = files.into_iter().flatten().cloned().collect();
        let config = config.clone();
        let config = Reloaded::new(files, move || build(&config, extra.as_ref(), http2))?;
        Ok(ClientTls { config: Arc::new(config), server_name })
    }

    /// Handshake on an open connection. `host` is checked against the certificate unless overridden.
    pub(crate) async fn connect<S>(&self, host: &str, stream: S) -> std::io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
                .map_err(|_| std::io::Error::other(Error::General("the host is no valid name".into())))?,
        };
        let config = Arc::clone(&*self.config.get());
        TlsConnector::from(config).connect(name, stream).await
    }
}

fn build(
    config: &TlsClientConfig,
    extra: Option<&PathBuf>,
    http2: bool,
) -> Result<Arc<ClientConfig>, TlsConfigError> {
    let roots = roots(config, extra)?;
    let fault = |error: Error| TlsConfigError::Settings(format!("TLS cannot be set up: {error}"));
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&versions(config.min_version, config.max_version)?)
        .map_err(fault)?;
    let builder = if config.verify && config.verify_hostname {
        builder.with_root_certificates(roots)
    } else {
        let verifier = Lenient::new(config.verify.then_some(roots))?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    };
    let mut client = match (&config.certificate_file, &config.key_file) {
        (Some(certificate), Some(key)) => {
            let chain = pem::certificates(certificate, "client certificate")?;
            let key_der = pem::private_key(key, "client key")?;
            builder.with_client_auth_cert(chain, key_der).map_err(|error| TlsConfigError::Content {
                what: "client key",
                path: key.clone(),
                problem: format!("cannot be used with `{}`: {error}", certificate.display()),
            })?
        }
        _ => builder.with_no_client_auth(),
    };
    if http2 {
        client.alpn_protocols = vec![HTTP2.to_vec()];
    }
    Ok(Arc::new(client))
}

fn roots(config: &TlsClientConfig, extra: Option<&PathBuf>) -> Result<Arc<RootCertStore>, TlsConfigError> {
    let own = config.ca_file.is_some() || config.ca_path.is_some();
    let built_in = !own || config.include_system_ca;
    let extra = extra.filter(|_| built_in);
    if !own && extra.is_none() {
        return Ok(built_in_roots());
    }
    let mut store = if built_in { (*built_in_roots()).clone() } else { RootCertStore::empty() };
    let files = [(config.ca_file.as_ref(), "`ca_file`"), (extra, "SSL_CERT_FILE")];
    for (path, what) in files.into_iter().filter_map(|(path, what)| Some((path?, what))) {
        add(&mut store, pem::certificates(path, what)?, path, what)?;
    }
    if let Some(folder) = &config.ca_path {
        add(&mut store, pem::certificates_of_folder(folder, "`ca_path`")?, folder, "`ca_path`")?;
    }
    Ok(Arc::new(store))
}

/// A bundle may hold an authority rustls cannot use; one good one is enough.
fn add(
    store: &mut RootCertStore,
    found: Vec<CertificateDer<'static>>,
    path: &Path,
    what: &'static str,
) -> Result<(), TlsConfigError> {
    let (added, _) = store.add_parsable_certificates(found);
    if added > 0 {
        return Ok(());
    }
    let problem = "holds no certificate that can be an authority".to_owned();
    Err(TlsConfigError::Content { what, path: path.into(), problem })
}

/// One copy for all destinations of the process.
fn built_in_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    ROOTS.get_or_init(|| Arc::new(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect())).clone()
}

/// Checks less than it should, because the user said so: no name, or nothing but the signature.
#[derive(Debug)]
struct Lenient {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<rustls::crypto::CryptoProvider>,
}

impl Lenient {
    fn new(roots: Option<Arc<RootCertStore>>) -> Result<Lenient, TlsConfigError> {
        let chain = match roots {
            Some(roots) => Some(
                WebPkiServerVerifier::builder_with_provider(roots, provider())
                    .build()
                    .map_err(|error| TlsConfigError::Settings(format!("TLS cannot be set up: {error}")))?,
            ),
            None => None,
        };
        Ok(Lenient { chain, provider: provider() })
    }
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is the last thing checked, so everything else was right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            checked => checked,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

//! TLS with certificates that are wrong in every usual way, and renewed while in use.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::testing::listener;
use crate::{Endpoint, Environment};

/// A folder of PEM files and the authority that signs them.
struct Files {
    folder: tempfile::TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

/// From and to which year a certificate is good.
type Years = (i32, i32);
const GOOD: Years = (2020, 2090);

impl Files {
    fn new() -> Files {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "test authority");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let files = Files { folder: tempfile::tempdir().unwrap(), authority };
        std::fs::write(files.path("ca.pem"), files.authority.pem()).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `NAME.pem` and `NAME.key` for a host.
    fn issue(&self, name: &str, host: &str, (from, to): Years) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        let paths = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        std::fs::write(&paths.0, certificate.pem()).unwrap();
        std::fs::write(&paths.1, key.serialize_pem()).unwrap();
        paths
    }

    fn server(&self, name: &str, host: &str, years: Years) -> TlsServerConfig {
        let (certificate_file, key_file) = self.issue(name, host, years);
        server_config(&certificate_file, &key_file)
    }

    fn client(&self) -> TlsClientConfig {
        TlsClientConfig { ca_file: Some(self.path("ca.pem")), ..TlsClientConfig::default() }
    }
}

fn server_config(certificate: &Path, key: &Path) -> TlsServerConfig {
    let settings = serde_json::json!({"certificate_file": certificate, "key_file": key});
    serde_json::from_value(settings).unwrap()
}

/// Starts a server that echoes one byte.
fn start(config: &TlsServerConfig) -> u16 {
    let (listener, port) = listener();
    let mut listener = listener.with_tls(ServerTls::new(config).unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await;
            let mut byte = [0];
            if stream.read_exact(&mut byte).await.is_ok() {
                let _ = stream.write_all(&byte).await;
            }
        }
    });
    port
}

/// `ok`, or what a user would read.
async fn outcome(client: &ClientTls, port: u16) -> String {
    let attempt = async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let mut stream = client.connect("localhost", stream).await?;
        stream.write_all(b"x").await?;
        stream.read_u8().await
    };
    match attempt.await {
        Ok(_) => "ok".into(),
        Err(error) => TlsProblem::of(&error).to_string(),
    }
}

fn ready(config: &TlsClientConfig) -> ClientTls {
    ClientTls::new(config, &Environment::default()).unwrap()
}

const UNKNOWN: &str = "the server's certificate comes from an authority we do not know; \
                       name its CA with `ca_file` or SSL_CERT_FILE";
const EXPIRED: &str = "the server's certificate has expired; renew it there, or check this machine's clock";

#[tokio::test]
async fn each_wrong_certificate_is_named() {
    let files = Files::new();
    let good = start(&files.server("good", "localhost", GOOD));
    let expired = start(&files.server("expired", "localhost", (2020, 2021)));
    let future = start(&files.server("future", "localhost", (2088, 2090)));
    let other = start(&files.server("other", "other.example", GOOD));
    let wrong_name = "the server's certificate is for another name (other.example); \
                      correct the host, or set `server_name`";
    let client = files.client();
    let built_in = TlsClientConfig::default();
    let no_check = TlsClientConfig { verify: false, ..TlsClientConfig::default() };
    let no_name = TlsClientConfig { verify_hostname: false, ..client.clone() };
    let renamed = TlsClientConfig { server_name: Some("other.example".into()), ..client.clone() };
    let both = TlsClientConfig { include_system_ca: true, ..client.clone() };
    let cases = [
        (&client, good, "ok"),
        (&both, good, "ok"),
        (&built_in, good, UNKNOWN),
        (&client, expired, EXPIRED),
        (&client, future, "the server's certificate is not valid yet; check this machine's clock"),
        (&client, other, wrong_name),
        (&renamed, other, "ok"),
        (&no_name, other, "ok"),
        (&no_name, expired, EXPIRED),
        (&no_check, expired, "ok"),
        (&no_check, other, "ok"),
    ];
    for (config, port, expected) in cases {
        assert_eq!(outcome(&ready(config), port).await, expected, "{config:?}");
    }
    let ca = files.path("ca.pem");
    let environment = Environment::from([("SSL_CERT_FILE", ca.to_str().unwrap())]);
    let trusting = ClientTls::new(&built_in, &environment).unwrap();
    assert_eq!(outcome(&trusting, good).await, "ok");
}

#[tokio::test]
async fn what_is_no_tls_is_said_to_be_none() {
    let (mut listener, port) = listener();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read(&mut [0; 1024]).await;
    });
    assert_eq!(
        outcome(&ready(&TlsClientConfig::default()), port).await,
        "the server does not speak TLS on this port; use `http://` or another port"
    );
}

#[tokio::test]
async fn clients_show_a_certificate_where_it_is_wanted() {
    let files = Files::new();
    let mut server = files.server("server", "localhost", GOOD);
    server.client_ca_file = Some(files.path("ca.pem"));
    let port = start(&server);
    let with = |(certificate, key): (PathBuf, PathBuf)| TlsClientConfig {
        certificate_file: Some(certificate),
        key_file: Some(key),
        ..files.client()
    };
    let ours = with(files.issue("ours", "client.example", GOOD));
    let old = with(files.issue("old", "client.example", (2020, 2021)));
    let cases = [
        (&ours, "ok"),
        (&files.client(), "the server asks for a client certificate; set `certificate_file` and `key_file`"),
        (
            &old,
            "the server refuses our client certificate (CertificateExpired); \
             renew it, or check which authority the server trusts",
        ),
    ];
    for (config, expected) in cases {
        assert_eq!(outcome(&ready(config), port).await, expected);
    }
}

/// Moves the clock past the interval at which files are looked at.
async fn a_moment_later() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::time::resume();
}

fn touch(path: &Path, years: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(years * 31_556_952);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[tokio::test]
async fn renewed_certificates_are_used_without_a_restart() {
    let files = Files::new();
    let server = files.server("server", "localhost", (2020, 2021));
    let port = start(&server);
    let client = ready(&files.client());
    assert_eq!(outcome(&client, port).await, EXPIRED);

    // Half a renewal: the new certificate is there and its key is not yet.
    let old_key = std::fs::read(&server.key_file).unwrap();
    files.issue("server", "localhost", GOOD);
    let new_key = std::fs::read(&server.key_file).unwrap();
    std::fs::write(&server.key_file, old_key).unwrap();
    touch(&server.certificate_file, 60);
    a_moment_later().await;
    assert_eq!(outcome(&client, port).await, EXPIRED, "the old pair stays in use");

    std::fs::write(&server.key_file, new_key).unwrap();
    a_moment_later().await;
    assert_eq!(outcome(&client, port).await, "ok");

    // And on the client's side: the authority is replaced.
    let replaced = Files::new();
    let other = start(&replaced.server("server", "localhost", GOOD));
    assert_eq!(outcome(&client, other).await, UNKNOWN);
    std::fs::copy(replaced.path("ca.pem"), files.path("ca.pem")).unwrap();
    touch(&files.path("ca.pem"), 61);
    a_moment_later().await;
    assert_eq!(outcome(&client, other).await, "ok");
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let files = Files::new();
    let (certificate, key) = files.issue("a", "localhost", GOOD);
    let (_, other_key) = files.issue("b", "localhost", GOOD);
    let empty = files.path("empty");
    std::fs::write(&empty, "nothing here").unwrap();
    let locked = files.path("locked");
    std::fs::write(
        &locked,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    let missing = files.path("missing");
    let server = |certificate: &Path, key: &Path| {
        let text = ServerTls::new(&server_config(certificate, key)).map(|_| ()).unwrap_err().to_string();
        text.replace(files.folder.path().to_str().unwrap(), "")
    };
    assert_eq!(
        server(&missing, &key),
        "cannot read certificate `/missing`: No such file or directory (os error 2)"
    );
    assert_eq!(
        server(&empty, &key),
        "certificate `/empty` holds no certificate; expected `-----BEGIN CERTIFICATE-----`"
    );
    assert_eq!(
        server(&certificate, &certificate),
        "key `/a.pem` holds no private key; expected `-----BEGIN PRIVATE KEY-----`"
    );
    let old = files.path("old");
    std::fs::write(
        &old,
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAA==\n-----END RSA PRIVATE KEY-----\n",
    )
    .unwrap();
    for (key, name) in [(&locked, "locked"), (&old, "old")] {
        assert_eq!(
            server(&certificate, key),
            format!(
                "key `/{name}` is protected by a password, which is not supported; write it in the clear, \
                 readable by this process alone, with `openssl pkey -in /{name} -out /{name}.clear`"
            )
        );
    }
    let mismatch = server(&certificate, &other_key);
    assert!(mismatch.starts_with("key `/b.key` cannot be used with `/a.pem`"), "{mismatch}");

    let half = TlsClientConfig { key_file: Some(key), ..TlsClientConfig::default() };
    let error = ClientTls::new(&half, &Environment::default()).unwrap_err().to_string();
    assert_eq!(error, "a client certificate needs both `certificate_file` and `key_file`");
    let bad = TlsClientConfig { server_name: Some("a b".into()), ..TlsClientConfig::default() };
    assert_eq!(
        ClientTls::new(&bad, &Environment::default()).unwrap_err().to_string(),
        "`server_name: a b` is no host name"
    );
}

#[tokio::test]
async fn authorities_may_be_a_folder() {
    let files = Files::new();
    let port = start(&files.server("server", "localhost", GOOD));
    let folder = files.path("authorities");
    std::fs::create_dir_all(folder.join("sub")).unwrap();
    std::fs::write(folder.join("README"), "none").unwrap();
    let config = TlsClientConfig { ca_path: Some(folder.clone()), ..TlsClientConfig::default() };
    let error = ClientTls::new(&config, &Environment::default()).unwrap_err().to_string();
    assert!(error.contains("holds no certificate that can be an authority"), "{error}");
    std::fs::copy(files.path("ca.pem"), folder.join("0a1b2c3d.0")).unwrap();
    assert_eq!(outcome(&ready(&config), port).await, "ok");
}

#[tokio::test]
async fn versions_have_two_ends() {
    let files = Files::new();
    let newest =
        TlsServerConfig { min_version: TlsVersion::V1_3, ..files.server("server", "localhost", GOOD) };
    let port = start(&newest);
    let old = TlsClientConfig { max_version: Some(TlsVersion::V1_2), ..files.client() };
    let problem = outcome(&ready(&old), port).await;
    assert!(problem.starts_with("the server shares no protocol version"), "{problem}");
    assert_eq!(outcome(&ready(&files.client()), port).await, "ok");
    let both = start(&files.server("both", "localhost", GOOD));
    assert_eq!(outcome(&ready(&old), both).await, "ok");
    let none = TlsClientConfig { min_version: TlsVersion::V1_3, ..old };
    let error = ClientTls::new(&none, &Environment::default()).unwrap_err().to_string();
    assert_eq!(error, "`max_version` is older than `min_version`, so no version is left");
}

#[test]
fn settings_keep_their_names() {
    let endpoint: Endpoint = serde_json::from_str("\"unix:/a\"").unwrap();
    assert_eq!(serde_json::to_string(&endpoint).unwrap(), "\"unix:/a\"");
    let config: TlsClientConfig =
        serde_json::from_str(r#"{"cert_file":"c","key_file":"k","verify":false,"min_version":"1.3"}"#)
            .unwrap();
    assert_eq!(config.certificate_file, Some("c".into()));
    assert!(!config.verify && config.verify_hostname && config.min_version == TlsVersion::V1_3);
    assert!(serde_json::from_str::<TlsClientConfig>(r#"{"verfy":false}"#).is_err());
    let config: TlsClientConfig =
        serde_json::from_str(r#"{"key_password":"hidden","max_version":"TLSv1.2"}"#).unwrap();
    assert_eq!(config.max_version, Some(TlsVersion::V1_2));
    let text = format!("{config:?}{}", serde_json::to_string(&config).unwrap());
    assert!(!text.contains("hidden"), "{text}");
}

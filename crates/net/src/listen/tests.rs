//! Listeners as clients meet them: addresses, socket files, sockets kept over a reload, TLS.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::*;
use crate::Environment;
use crate::testing::SOON;
use crate::tls::{ClientTls, ServerTls, TlsClientConfig, TlsServerConfig};

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

#[test]
fn reads_endpoints_as_users_write_them() {
    let cases = [
        ("0.0.0.0:24224", "0.0.0.0:24224"),
        (":4317", "0.0.0.0:4317"),
        ("[::]:4318", "[::]:4318"),
        (" tcp://127.0.0.1:1 ", "127.0.0.1:1"),
        ("localhost:8126", "127.0.0.1:8126"),
        ("/var/run/fluent.sock", "unix:/var/run/fluent.sock"),
        ("unix:/var/run/fluent.sock", "unix:/var/run/fluent.sock"),
        ("unix:///run/a.sock?mode=0666", "unix:/run/a.sock?mode=0666"),
        ("unix:relative.sock", "unix:relative.sock"),
    ];
    for (text, expected) in cases {
        assert_eq!(endpoint(text).to_string(), expected);
    }
    let faults = [
        (
            "24224",
            "`24224` is no address to listen on; write `HOST:PORT` as in `0.0.0.0:24224`, or `unix:/path/to.sock`",
        ),
        (
            "1.2.3.4:99999",
            "`1.2.3.4:99999` is no address to listen on; write `HOST:PORT` as in `0.0.0.0:24224`, or `unix:/path/to.sock`",
        ),
        (
            "app.local:80",
            "`app.local` in `app.local:80` is a name; listen on an IP address such as `127.0.0.1` or `0.0.0.0`",
        ),
        ("unix:/a?mode=rw", "`unix:/a?mode=rw` asks for socket mode `rw`; write octal digits such as `0666`"),
        (
            "unix:",
            "`unix:` is no address to listen on; write `HOST:PORT` as in `0.0.0.0:24224`, or `unix:/path/to.sock`",
        ),
    ];
    for (text, expected) in faults {
        assert_eq!(text.parse::<Endpoint>().unwrap_err().to_string(), expected);
    }
}

#[tokio::test]
async fn reads_without_waiting_and_waits_without_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sock");
    for at in [endpoint("127.0.0.1:0"), Endpoint::unix(&path)] {
        let mut listener = Listener::bind(&at).unwrap();
        let mut client: Box<dyn tokio::io::AsyncWrite + Unpin> = match listener.endpoint() {
            Endpoint::Tcp(address) => Box::new(TcpStream::connect(address).await.unwrap()),
            Endpoint::Unix { path, .. } => Box::new(UnixStream::connect(path).await.unwrap()),
        };
        let (mut stream, peer) = listener.accept().await;
        assert_eq!(peer == PeerName::Unix, matches!(at, Endpoint::Unix { .. }));
        let mut buffer = Vec::with_capacity(64);
        assert_eq!(stream.try_read(&mut [0; 8]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        client.write_all(b"hello").await.unwrap();
        stream.readable().await.unwrap();
        assert_eq!(stream.try_read_buf(&mut buffer).unwrap(), 5);
        assert_eq!(buffer, b"hello");
        drop(client);
        stream.readable().await.unwrap();
        assert_eq!(stream.try_read(&mut [0; 8]).unwrap(), 0);
    }
    assert!(!path.exists(), "the file goes with the listener");
}

#[tokio::test]
async fn a_socket_file_is_taken_over_only_from_the_dead() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fluent.sock");
    let at = Endpoint::Unix { path: path.clone(), mode: Some(0o600) };

    // What a killed process leaves: the file of a socket nobody listens on.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let first = Listener::bind(&at).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let refused = Listener::bind(&at).unwrap_err();
    assert!(matches!(refused, BindError::InUse { .. }), "{refused}");

    // Somebody else removes the file and makes their own; ours to remove it is not.
    std::fs::remove_file(&path).unwrap();
    let second = Listener::bind(&at).unwrap();
    drop(first);
    UnixStream::connect(&path).await.unwrap();
    drop(second);
    assert!(!path.exists());

    std::fs::write(&path, "precious").unwrap();
    let refused = Listener::bind(&at).unwrap_err().to_string();
    assert!(
        refused.ends_with("the file exists and is no socket; remove it or choose another path"),
        "{refused}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");

    let nowhere = Listener::bind(&Endpoint::unix(folder.path().join("no/such/folder.sock"))).unwrap_err();
    assert!(matches!(nowhere, BindError::NoFolder { .. }), "{nowhere}");
}

/// What a client gets that connected before anyone was there to accept.
async fn served(listener: &mut Listener, mut client: UnixStream) {
    client.write_all(b"early").await.unwrap();
    let (mut stream, _) = timeout(SOON, listener.accept()).await.unwrap();
    let mut text = [0; 5];
    stream.read_exact(&mut text).await.unwrap();
    assert_eq!(&text, b"early");
}

#[tokio::test]
async fn a_socket_kept_over_a_reload_refuses_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fluent.sock");
    let at = Endpoint::unix(&path);
    let kept = Prebound::default();
    kept.bind(&at).unwrap();

    let early = UnixStream::connect(&path).await.unwrap();
    let with_mode = Endpoint::Unix { path: path.clone(), mode: Some(0o622) };
    let mut listener = kept.take(&with_mode).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o622);
    assert!(kept.take(&at).is_none(), "lent already");
    served(&mut listener, early).await;

    drop(listener);
    let between = UnixStream::connect(&path).await.unwrap();
    let mut listener = kept.take(&at).unwrap();
    served(&mut listener, between).await;

    assert!(kept.close_unused().is_empty());
    drop(listener);
    assert_eq!(kept.close_unused(), [at]);
    assert!(!path.exists());
}

#[test]
fn a_kept_socket_makes_way_for_the_configuration() {
    let kept = Prebound::default();
    let everywhere = kept.bind(&endpoint("0.0.0.0:0")).unwrap();
    let here = Endpoint::Tcp(([127, 0, 0, 1], everywhere.port().unwrap()).into());
    let listener = kept.listen(&here).unwrap();
    assert_eq!(listener.endpoint(), &here);
    assert!(kept.take(&everywhere).is_none(), "it was closed");
    // And a lent one does not.
    let lent = kept.bind(&endpoint("127.0.0.1:0")).unwrap();
    let _listener = kept.take(&lent).unwrap();
    assert!(matches!(kept.listen(&lent), Err(BindError::InUse { .. })));
}

/// A self-signed certificate for `localhost` in files, and both sides' settings for it.
fn tls(folder: &std::path::Path) -> (ServerTls, ClientTls) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate_file, key_file) = (folder.join("c.pem"), folder.join("k.pem"));
    std::fs::write(&certificate_file, made.cert.pem()).unwrap();
    std::fs::write(&key_file, made.signing_key.serialize_pem()).unwrap();
    let client = TlsClientConfig { ca_file: Some(certificate_file.clone()), ..TlsClientConfig::default() };
    let server =
        TlsServerConfig { certificate_file, key_file, client_ca_file: None, min_version: Default::default() };
    (ServerTls::new(&server).unwrap(), ClientTls::new(&client, &Environment::default()).unwrap())
}

#[tokio::test]
async fn a_slow_tls_handshake_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (server, client) = tls(folder.path());
    let mut listener = Listener::bind(&endpoint("127.0.0.1:0")).unwrap().with_tls(server);
    let Endpoint::Tcp(address) = *listener.endpoint() else { unreachable!() };
    let _silent = TcpStream::connect(address).await.unwrap();
    let mut garbage = TcpStream::connect(address).await.unwrap();
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();

    // More than a record, sent in one go, so that decrypted bytes wait in memory between reads.
    let sent = vec![7u8; 100_000];
    let expected = sent.len();
    let sending = tokio::spawn(async move {
        let mut stream =
            client.connect("localhost", TcpStream::connect(address).await.unwrap()).await.unwrap();
        stream.write_all(&sent).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let (mut stream, _) = timeout(SOON, listener.accept()).await.unwrap();
    let mut got = Vec::new();
    let reading = async {
        loop {
            stream.readable().await.unwrap();
            match stream.try_read_buf(&mut got) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
        }
    };
    timeout(SOON, reading).await.unwrap();
    assert_eq!((got.len(), got.iter().all(|byte| *byte == 7)), (expected, true));
    sending.await.unwrap();
}

#[tokio::test]
async fn accepting_can_be_cancelled_without_losing_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let (server, client) = tls(folder.path());
    let mut listener = Listener::bind(&endpoint("127.0.0.1:0")).unwrap().with_tls(server);
    let Endpoint::Tcp(address) = *listener.endpoint() else { unreachable!() };
    let connecting = tokio::spawn(async move {
        client.connect("localhost", TcpStream::connect(address).await.unwrap()).await.unwrap()
    });
    let accepted = async {
        loop {
            if let Ok(accepted) = timeout(Duration::from_micros(200), listener.accept()).await {
                break accepted;
            }
        }
    };
    timeout(SOON, accepted).await.unwrap();
    connecting.await.unwrap();
}

//! One connection to a receiver: the handshake, messages, and the answers to them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use config::Secret;
use net::Duplex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use wire::forward::handshake::{self, Helo, Pong};
use wire::msgpack::Error;

use crate::random;

const CLOSED: &str = "the connection was closed";

/// Whom to say we are.
pub(super) struct Login {
    pub(super) hostname: String,
    pub(super) shared_key: Secret,
    pub(super) user: Option<(String, Secret)>,
}

pub(super) struct Connection {
    stream: Box<dyn Duplex>,
    /// Read and not yet understood.
    received: Vec<u8>,
    /// False when the receiver said that it closes after one message.
    keepalive: bool,
}

impl Connection {
    pub(super) fn new(stream: Box<dyn Duplex>) -> Connection {
        Connection { stream, received: Vec::new(), keepalive: true }
    }

    /// Proves to know the key, and has the receiver prove it.
    pub(super) async fn log_in(&mut self, login: &Login) -> Result<(), String> {
        let helo = self.read(Helo::read).await.map_err(|why| in_handshake("HELO", why))?;
        let salt = [random::bits().to_le_bytes(), random::bits().to_le_bytes()].concat();
        let user = login.user.as_ref().map(|(name, password)| (name.as_str(), password.reveal()));
        let key = login.shared_key.reveal();
        let ping = helo.answer(&login.hostname, &salt, key, user);
        self.write(&ping.write()).await?;
        let pong = self.read(Pong::read).await.map_err(|why| in_handshake("PONG", why))?;
        helo.accepts(&pong, &salt, key).map_err(|why| format!("refused in the handshake: {why}"))?;
        self.keepalive = helo.keepalive;
        Ok(())
    }

    /// Sends one message and, given its chunk id, waits for the answer to it.
    pub(super) async fn send(&mut self, message: &[u8], chunk: Option<&str>) -> Result<(), String> {
        self.write(message).await?;
        let Some(chunk) = chunk else { return Ok(()) };
        let acknowledged = self.read(|bytes| {
            let (chunk, used) = handshake::read_ack(bytes)?;
            Ok((chunk.to_vec(), used))
        });
        match acknowledged.await {
            Ok(acknowledged) if acknowledged == chunk.as_bytes() => Ok(()),
            Ok(other) => {
                Err(format!("it acknowledged `{}` instead of `{chunk}`", String::from_utf8_lossy(&other)))
            }
            Err(_) if Helo::read(&self.received).is_ok() => {
                Err("it asks for a shared key; set `shared_key`".into())
            }
            Err(why) => Err(format!("no acknowledgement: {why}")),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        written.await.map_err(|error| format!("the connection broke: {error}"))
    }

    /// Reads until `parse` finds what it looks for; it says how many bytes that took.
    async fn read<T>(&mut self, parse: impl Fn(&[u8]) -> Result<(T, usize), Error>) -> Result<T, String> {
        loop {
            match parse(&self.received) {
                Ok((found, used)) => {
                    self.received.drain(..used);
                    return Ok(found);
                }
                Err(Error::Malformed(why)) => return Err(why.into()),
                Err(Error::Incomplete) if self.received.len() >= handshake::MAX_BYTES => {
                    return Err("the answer does not end".into());
                }
                Err(Error::Incomplete) => {}
            }
            match self.stream.read_buf(&mut self.received).await {
                Ok(0) => return Err(CLOSED.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Err(CLOSED.into()),
                Err(error) => return Err(format!("the connection broke: {error}")),
            }
        }
    }

    pub(super) fn may_be_kept(&self) -> bool {
        self.keepalive && self.received.is_empty()
    }

    /// False when the receiver has closed an idle connection, or said something nobody asked for.
    pub(super) fn is_alive(&mut self) -> bool {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        let polled: Poll<io::Result<()>> =
            Pin::new(&mut self.stream).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer);
        polled.is_pending()
    }
}

fn in_handshake(message: &str, why: String) -> String {
    match why.as_str() {
        "the connection was closed" if message == "PONG" => {
            "it closed the connection in the handshake, as Fluent Bit does when the shared key is wrong"
                .into()
        }
        _ => format!("no {message} in the handshake: {why}"),
    }
}

//! The handshake that comes first where a shared key or users are set.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use net::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use wire::forward::handshake::{Helo, MAX_BYTES, Ping, Secrets};
use wire::msgpack::Error;

/// Longest handshake, as Fluent Bit's `net.accept_timeout`.
const MAX_TIME: Duration = Duration::from_secs(10);

/// Lets the client prove that it knows the key. Returns what it sent behind that, or why it is turned away.
pub(super) async fn greet(stream: &mut Stream, secrets: &Secrets) -> Result<Vec<u8>, String> {
    match timeout(MAX_TIME, exchange(stream, secrets)).await {
        Ok(done) => done,
        Err(_) => Err("the handshake took too long".into()),
    }
}

async fn exchange(stream: &mut Stream, secrets: &Secrets) -> Result<Vec<u8>, String> {
    let auth = if secrets.users.is_empty() { Vec::new() } else { random() };
    let helo = Helo { nonce: random(), auth, keepalive: true };
    stream.write_all(&helo.write()).await.map_err(|error| error.to_string())?;
    let mut received = Vec::new();
    let (ping, used) = loop {
        match Ping::read(&received) {
            Ok(read) => break read,
            Err(Error::Malformed(why)) => return Err(why.into()),
            Err(Error::Incomplete) if received.len() > MAX_BYTES => return Err("PING is too long".into()),
            Err(Error::Incomplete) => {}
        }
        match stream.read_buf(&mut received).await {
            Ok(0) => return Err("the client left within the handshake".into()),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
    };
    let pong = helo.check(&ping, secrets);
    stream.write_all(&pong.write()).await.map_err(|error| error.to_string())?;
    if !pong.ok {
        return Err(String::from_utf8_lossy(&pong.reason).into_owned());
    }
    Ok(received.split_off(used))
}

/// Sixteen bytes that a client cannot foresee: the standard library keys its hash with the system's randomness,
/// and a keyed hash of anything cannot be told without the key.
fn random() -> Vec<u8> {
    let words = [RandomState::new().hash_one(0), RandomState::new().hash_one(1)];
    words.into_iter().flat_map(u64::to_be_bytes).collect()
}

//! The exchange before the first message where a shared key is set: HELO, PING, PONG. Also the answers to chunks.
//!
//! Digests are lowercase hexadecimal SHA-512 over plain concatenation. Both sides prove that they know the key;
//! nothing is encrypted, which is what TLS is for.

use sha2::{Digest, Sha512};

use crate::msgpack::{Error, Token, next, skip, write};

/// Most bytes a handshake message may have: names and digests, nothing more.
pub const MAX_BYTES: usize = 4096;

/// What the server opens with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helo {
    pub nonce: Vec<u8>,
    /// Salt for the user's password; empty when no users are known.
    pub auth: Vec<u8>,
    pub keepalive: bool,
}

/// What the client answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    pub hostname: Vec<u8>,
    pub salt: Vec<u8>,
    pub digest: Vec<u8>,
    pub username: Vec<u8>,
    pub password_digest: Vec<u8>,
}

/// How the server ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pong {
    pub ok: bool,
    pub reason: Vec<u8>,
    pub hostname: Vec<u8>,
    pub digest: Vec<u8>,
}

/// What a server knows.
#[derive(Clone, Default)]
pub struct Secrets {
    pub hostname: String,
    pub shared_key: String,
    /// User names and passwords; empty when anyone with the key may send.
    pub users: Vec<(String, String)>,
}

/// `{"ack": chunk}` for a chunk that is text.
pub fn ack(chunk: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write::map(1, &mut out);
    write::str(b"ack", &mut out);
    write::str(chunk.as_bytes(), &mut out);
    out
}

/// Reads `{"ack": chunk}`: the chunk and the bytes used.
pub fn read_ack(bytes: &[u8]) -> Result<(&[u8], usize), Error> {
    let mut at = 0;
    let Token::Map(pairs) = next(bytes, &mut at)? else {
        return Err(Error::Malformed("the answer is no map"));
    };
    let mut chunk = None;
    for _ in 0..pairs {
        let (key, value) = (text(bytes, &mut at)?, at);
        skip(bytes, &mut at)?;
        if key == b"ack" {
            chunk = Some(text(bytes, &mut { value })?);
        }
    }
    Ok((chunk.ok_or(Error::Malformed("the answer holds no ack"))?, at))
}

impl Helo {
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write::array(2, &mut out);
        write::str(b"HELO", &mut out);
        write::map(3, &mut out);
        write::str(b"nonce", &mut out);
        write::bin(&self.nonce, &mut out);
        write::str(b"auth", &mut out);
        write::bin(&self.auth, &mut out);
        write::str(b"keepalive", &mut out);
        write::bool(self.keepalive, &mut out);
        out
    }

    /// The message and the bytes used.
    pub fn read(bytes: &[u8]) -> Result<(Helo, usize), Error> {
        let mut at = open(bytes, b"HELO", 2)?;
        let Token::Map(pairs) = next(bytes, &mut at)? else {
            return Err(Error::Malformed("HELO holds no options"));
        };
        let mut helo = Helo { nonce: Vec::new(), auth: Vec::new(), keepalive: true };
        for _ in 0..pairs {
            let (key, value) = (text(bytes, &mut at)?, at);
            skip(bytes, &mut at)?;
            match key {
                b"nonce" => helo.nonce = text(bytes, &mut { value })?.to_vec(),
                b"auth" => helo.auth = text(bytes, &mut { value })?.to_vec(),
                b"keepalive" => helo.keepalive = next(bytes, &mut { value })? != Token::Bool(false),
                _ => {}
            }
        }
        Ok((helo, at))
    }

    /// The client's answer.
    pub fn answer(&self, hostname: &str, salt: &[u8], shared_key: &str, user: Option<(&str, &str)>) -> Ping {
        let (username, password_digest) = match user {
            Some((name, password)) if !self.auth.is_empty() => {
                (name, digest(&[&self.auth, name.as_bytes(), password.as_bytes()]))
            }
            _ => ("", String::new()),
        };
        Ping {
            hostname: hostname.into(),
            salt: salt.into(),
            digest: digest(&[salt, hostname.as_bytes(), &self.nonce, shared_key.as_bytes()]).into(),
            username: username.into(),
            password_digest: password_digest.into(),
        }
    }

    /// Checks the client's answer, as the server: what to send, and whether the connection may go on.
    pub fn check(&self, ping: &Ping, secrets: &Secrets) -> Pong {
        let key = secrets.shared_key.as_bytes();
        if !same(&ping.digest, &digest(&[&ping.salt, &ping.hostname, &self.nonce, key])) {
            return self.refusal("shared_key mismatch");
        }
        if !secrets.users.is_empty() && !secrets.users.iter().any(|user| self.is_user(ping, user)) {
            return self.refusal("username/password mismatch");
        }
        let hostname = secrets.hostname.as_bytes();
        Pong {
            ok: true,
            reason: Vec::new(),
            hostname: hostname.into(),
            digest: digest(&[&ping.salt, hostname, &self.nonce, key]).into(),
        }
    }

    fn is_user(&self, ping: &Ping, (name, password): &(String, String)) -> bool {
        let proof = digest(&[&self.auth, name.as_bytes(), password.as_bytes()]);
        ping.username == name.as_bytes() && same(&ping.password_digest, &proof)
    }

    fn refusal(&self, reason: &str) -> Pong {
        Pong { ok: false, reason: reason.into(), hostname: Vec::new(), digest: Vec::new() }
    }

    /// Checks the server's last word, as the client.
    pub fn accepts(&self, pong: &Pong, salt: &[u8], shared_key: &str) -> Result<(), String> {
        if !pong.ok {
            return Err(String::from_utf8_lossy(&pong.reason).into_owned());
        }
        let proof = digest(&[salt, &pong.hostname, &self.nonce, shared_key.as_bytes()]);
        if same(&pong.digest, &proof) {
            Ok(())
        } else {
            Err("the server does not know the shared key".into())
        }
    }
}

impl Ping {
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write::array(6, &mut out);
        write::str(b"PING", &mut out);
        write::str(&self.hostname, &mut out);
        write::bin(&self.salt, &mut out);
        write::str(&self.digest, &mut out);
        write::str(&self.username, &mut out);
        write::str(&self.password_digest, &mut out);
        out
    }

    pub fn read(bytes: &[u8]) -> Result<(Ping, usize), Error> {
        let mut at = open(bytes, b"PING", 6)?;
        let mut field = || text(bytes, &mut at).map(<[u8]>::to_vec);
        let ping = Ping {
            hostname: field()?,
            salt: field()?,
            digest: field()?,
            username: field()?,
            password_digest: field()?,
        };
        Ok((ping, at))
    }
}

impl Pong {
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write::array(5, &mut out);
        write::str(b"PONG", &mut out);
        write::bool(self.ok, &mut out);
        write::str(&self.reason, &mut out);
        write::str(&self.hostname, &mut out);
        write::str(&self.digest, &mut out);
        out
    }

    pub fn read(bytes: &[u8]) -> Result<(Pong, usize), Error> {
        let mut at = open(bytes, b"PONG", 5)?;
        let ok = next(bytes, &mut at)? == Token::Bool(true);
        let mut field = || text(bytes, &mut at).map(<[u8]>::to_vec);
        let pong = Pong { ok, reason: field()?, hostname: field()?, digest: field()? };
        Ok((pong, at))
    }
}

/// Reads `[name, ...` and returns where the rest starts.
fn open(bytes: &[u8], name: &'static [u8], elements: u32) -> Result<usize, Error> {
    let mut at = 0;
    if next(bytes, &mut at)? != Token::Array(elements) || text(bytes, &mut at)? != name {
        return Err(Error::Malformed("another message was due in the handshake"));
    }
    Ok(at)
}

fn text<'a>(bytes: &'a [u8], at: &mut usize) -> Result<&'a [u8], Error> {
    match next(bytes, at)? {
        Token::Str(text) | Token::Bin(text) => Ok(text.of(bytes)),
        Token::Nil => Ok(b""),
        _ => Err(Error::Malformed("text was due in the handshake")),
    }
}

fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha512::new();
    parts.iter().for_each(|part| hash.update(part));
    let mut hex = String::with_capacity(128);
    for byte in hash.finalize() {
        for nibble in [byte >> 4, byte & 15] {
            hex.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    hex
}

/// Compares in a time that does not tell how much was right.
fn same(given: &[u8], expected: &str) -> bool {
    given.len() == expected.len()
        && given.iter().zip(expected.bytes()).fold(0, |wrong, (a, b)| wrong | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(users: &[(&str, &str)]) -> Secrets {
        let users = users.iter().map(|(name, password)| (name.to_string(), password.to_string())).collect();
        Secrets { hostname: "server".into(), shared_key: "key".into(), users }
    }

    fn shake(key: &str, user: Option<(&str, &str)>, secrets: &Secrets) -> Result<(), String> {
        let auth = if secrets.users.is_empty() { Vec::new() } else { vec![9; 16] };
        let helo = Helo { nonce: vec![7; 16], auth, keepalive: true };
        let (seen, used) = Helo::read(&helo.write()).unwrap();
        assert_eq!((&seen, used), (&helo, helo.write().len()));
        let ping = seen.answer("client", b"0123456789abcdef", key, user);
        assert_eq!(Ping::read(&ping.write()), Ok((ping.clone(), ping.write().len())));
        let pong = helo.check(&ping, secrets);
        assert_eq!(Pong::read(&pong.write()), Ok((pong.clone(), pong.write().len())));
        seen.accepts(&pong, b"0123456789abcdef", key)
    }

    #[test]
    fn the_right_key_and_user_get_in() {
        assert_eq!(shake("key", None, &secrets(&[])), Ok(()));
        assert_eq!(shake("wrong", None, &secrets(&[])), Err("shared_key mismatch".into()));
        let users = secrets(&[("ann", "a"), ("bob", "b")]);
        assert_eq!(shake("key", Some(("bob", "b")), &users), Ok(()));
        for user in [None, Some(("bob", "a")), Some(("eve", "b")), Some(("", ""))] {
            assert_eq!(shake("key", user, &users), Err("username/password mismatch".into()), "{user:?}");
        }
    }

    #[test]
    fn a_server_without_the_key_is_found_out() {
        let helo = Helo { nonce: vec![7; 16], auth: Vec::new(), keepalive: true };
        let pong = Pong { ok: true, reason: vec![], hostname: b"x".into(), digest: vec![b'0'; 128] };
        assert!(helo.accepts(&pong, b"salt", "key").is_err());
    }

    #[test]
    fn the_digest_is_plain_concatenation_in_hex() {
        // The SHA-512 of "abc", FIPS 180-2 appendix C.1.
        assert_eq!(
            digest(&[b"a", b"", b"bc"]),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
    }

    #[test]
    fn half_a_message_is_incomplete_and_noise_is_refused() {
        let ping = Helo { nonce: vec![], auth: vec![], keepalive: true }.answer("h", b"s", "k", None).write();
        for cut in 0..ping.len() {
            assert_eq!(Ping::read(&ping[..cut]), Err(Error::Incomplete), "{cut}");
        }
        assert!(matches!(Ping::read(b"GET / HTTP"), Err(Error::Malformed(_))));
        assert_eq!(read_ack(&ack("abc")), Ok((&b"abc"[..], 9)));
        assert_eq!(read_ack(b"\x81\xa3ack\xa3a"), Err(Error::Incomplete));
    }
}

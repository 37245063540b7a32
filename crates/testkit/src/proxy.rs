//! A TCP proxy that spoils connections on demand, for what a server itself cannot do wrong.
//!
//! The mode is switched while connections are open. A connection that lost bytes, or whose other side has been
//! unreachable, cannot go on as if nothing had happened: it is reset when the mode changes, as a real one is.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often a connection looks for a new mode.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Pass,
    /// Whatever follows a silence waits this long in each direction, and what follows it at once does not.
    Latency(Duration),
    /// At most so many bytes a second in each direction of each connection.
    Bandwidth(u64),
    /// RST for connections that are open and for those that come.
    Reset,
    /// Connections are taken and then neither read nor written.
    HalfOpen,
    /// What comes is read and thrown away; nothing is answered.
    BlackHole,
    /// Nothing is taken; the kernel completes handshakes until its backlog is full.
    Deaf,
    /// RST for a connection once so many bytes went to the server.
    Cut(u64),
}

/// Forwards to one address until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    switch: Mutex<Switch>,
    /// Connections that were reset on purpose.
    resets: AtomicU64,
    taken: AtomicU64,
    over: AtomicBool,
}

#[derive(Clone, Copy)]
struct Switch {
    mode: Mode,
    to: SocketAddr,
}

impl Proxy {
    pub fn to(server: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        listener.set_nonblocking(true).expect("a listener can be asked without waiting");
        let shared = Arc::new(Shared {
            switch: Mutex::new(Switch { mode: Mode::Pass, to: server }),
            resets: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            over: AtomicBool::new(false),
        });
        let accepting = thread::spawn({
            let shared = shared.clone();
            move || shared.accept(&listener)
        });
        Proxy { address, shared, accepting: Some(accepting) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn set(&self, mode: Mode) {
        self.shared.change(|switch| switch.mode = mode);
    }

    /// Another server stands behind it from now on; connections to the old one are reset.
    pub fn turn_to(&self, server: SocketAddr) {
        self.shared.change(|switch| switch.to = server);
    }

    pub fn resets(&self) -> u64 {
        self.shared.resets.load(Ordering::Relaxed)
    }

    /// Connections taken so far.
    pub fn taken(&self) -> u64 {
        self.shared.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn now(&self) -> Switch {
        *self.switch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Switch)) {
        let mut switch = self.switch.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut switch);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn accept(self: &Arc<Shared>, listener: &TcpListener) {
        let mut was_deaf = false;
        while !self.is_over() {
            if self.now().mode == Mode::Deaf {
                was_deaf = true;
                thread::sleep(LOOK);
                continue;
            }
            match listener.accept() {
                // Whoever came while nobody listened has long given up.
                Ok((client, _)) if was_deaf => self.reset(&client),
                Ok((client, _)) => {
                    self.taken.fetch_add(1, Ordering::Relaxed);
                    let shared = self.clone();
                    thread::spawn(move || shared.serve(client));
                }
                Err(_) => {
                    was_deaf = false;
                    thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }

    fn serve(self: &Arc<Shared>, client: TcpStream) {
        let Switch { mode, to } = self.now();
        let _ = client.set_nonblocking(false);
        if mode == Mode::Reset {
            return self.reset(&client);
        }
        let Ok(server) = TcpStream::connect_timeout(&to, Duration::from_secs(5)) else {
            return self.reset(&client);
        };
        let link = Arc::new(Link {
            client,
            server,
            to,
            spoilt: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        for stream in [&link.client, &link.server] {
            let _ = stream.set_nodelay(true);
            let _ = stream.set_read_timeout(Some(LOOK));
        }
        let back = thread::spawn({
            let (shared, link) = (self.clone(), link.clone());
            move || shared.pump(&link, &link.server, &link.client, false)
        });
        self.pump(&link, &link.client, &link.server, true);
        let _ = back.join();
    }

    /// Carries bytes one way until an end closes or the mode ends the connection.
    fn pump(&self, link: &Link, mut from: &TcpStream, mut into: &TcpStream, forth: bool) {
        let mut buffer = vec![0; 16 << 10];
        let (mut carried, mut last) = (0, Instant::now());
        while !self.is_over() && !link.ended.load(Ordering::Relaxed) {
            let Switch { mode, to } = self.now();
            let is_spoilt = link.spoilt.load(Ordering::Relaxed);
            match mode {
                Mode::Reset => return self.end(link),
                Mode::Cut(bytes) if forth && carried >= bytes => return self.end(link),
                Mode::HalfOpen | Mode::Deaf => {
                    link.spoilt.store(true, Ordering::Relaxed);
                    thread::sleep(LOOK);
                    continue;
                }
                Mode::BlackHole => link.spoilt.store(true, Ordering::Relaxed),
                _ if is_spoilt || to != link.to => return self.end(link),
                _ => {}
            }
            let room = match mode {
                Mode::Cut(bytes) if forth => buffer.len().min((bytes - carried) as usize),
                Mode::Bandwidth(bytes) => buffer.len().min((bytes / 50).max(1) as usize),
                _ => buffer.len(),
            };
            let read = match from.read(&mut buffer[..room]) {
                Err(error) if is_waiting(&error) => continue,
                Ok(0) | Err(_) => break,
                Ok(read) => read,
            };
            match self.now().mode {
                // Spoilt while it waited.
                Mode::BlackHole => {
                    link.spoilt.store(true, Ordering::Relaxed);
                    continue;
                }
                Mode::Latency(wait) if last.elapsed() >= wait => thread::sleep(wait),
                Mode::Bandwidth(bytes) => {
                    thread::sleep(Duration::from_secs_f64(read as f64 / bytes.max(1) as f64));
                }
                _ => {}
            }
            carried += read as u64;
            last = Instant::now();
            if into.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        // A connection that is to end in RST must not be closed politely before.
        if !link.ended.load(Ordering::Relaxed) {
            let _ = into.shutdown(Shutdown::Write);
        }
    }

    fn end(&self, link: &Link) {
        if !link.ended.swap(true, Ordering::Relaxed) {
            self.reset(&link.client);
            let _ = link.server.shutdown(Shutdown::Both);
        }
    }

    /// With nothing to linger for, closing sends RST. `shutdown` makes the other thread let go of its half.
    fn reset(&self, client: &TcpStream) {
        self.resets.fetch_add(1, Ordering::Relaxed);
        let _ = socket2::SockRef::from(client).set_linger(Some(Duration::ZERO));
        let _ = client.shutdown(Shutdown::Read);
    }
}

struct Link {
    client: TcpStream,
    server: TcpStream,
    to: SocketAddr,
    spoilt: AtomicBool,
    ended: AtomicBool,
}

fn is_waiting(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{self, Response, Server};
    use crate::process::{PATIENCE, wait_until};

    fn is_served(proxy: &Proxy) -> bool {
        http::get(proxy.address(), "/").is_ok_and(|response| response.status == 200)
    }

    #[test]
    fn passes_slows_resets_and_passes_again() {
        let server = Server::start(|_| Response::new(200, vec![b'x'; 20_000]));
        let proxy = Proxy::to(server.address());
        for mode in [Mode::Pass, Mode::Latency(Duration::from_millis(5)), Mode::Bandwidth(2_000_000)] {
            proxy.set(mode);
            assert!(is_served(&proxy), "{mode:?}");
        }
        for mode in [Mode::Reset, Mode::Cut(10)] {
            proxy.set(mode);
            let error = http::get(proxy.address(), "/").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{mode:?}");
        }
        assert!(proxy.resets() >= 2);
        proxy.set(Mode::Pass);
        assert!(is_served(&proxy));
    }

    #[test]
    fn what_was_swallowed_or_stuck_is_reset_afterwards() {
        let server = Server::start(|_| Response::new(200, ""));
        let proxy = Proxy::to(server.address());
        for mode in [Mode::HalfOpen, Mode::BlackHole, Mode::Deaf] {
            proxy.set(Mode::Pass);
            let before = proxy.taken();
            let mut open = TcpStream::connect(proxy.address()).unwrap();
            assert!(wait_until(PATIENCE, || proxy.taken() > before));
            proxy.set(mode);
            thread::sleep(LOOK * 3);
            open.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            open.set_read_timeout(Some(LOOK * 3)).unwrap();
            let error = open.read(&mut [0; 10]).unwrap_err();
            assert!(is_waiting(&error), "{mode:?}: {error}");
            proxy.set(Mode::Pass);
            open.set_read_timeout(Some(PATIENCE)).unwrap();
            let ended = open.read(&mut [0; 10]);
            assert!(matches!(ended, Ok(0) | Err(_)), "{mode:?}: {ended:?}");
            // Whoever comes in the same moment may still be taken for one of the unheard.
            assert!(wait_until(PATIENCE, || is_served(&proxy)));
        }
    }

    #[test]
    fn turns_to_another_server() {
        let (old, new) =
            (Server::start(|_| Response::new(200, "old")), Server::start(|_| Response::new(200, "new")));
        let proxy = Proxy::to(old.address());
        assert_eq!(http::get(proxy.address(), "/").unwrap().text(), "old");
        proxy.turn_to(new.address());
        assert_eq!(http::get(proxy.address(), "/").unwrap().text(), "new");
    }
}

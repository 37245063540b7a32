//! Load and sink, each a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use model::Signal;
use testkit::http::{Response, Server};
use wire::otlp;

use super::requests::{ITEMS, request};

/// Longest silence before a measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// An SDK has one connection for each signal, a task a few processes.
const CONNECTIONS: u64 = 4;

/// Serves until standard input ends; answers each line on it with the items that came.
pub fn sink() {
    let items = Arc::new(AtomicU64::new(0));
    let counted = items.clone();
    let server = Server::start(move |request| {
        let signal = match request.path.as_str() {
            "/v1/traces" => Signal::Traces,
            _ => Signal::Logs,
        };
        let body = request.decoded().unwrap_or_default();
        counted.fetch_add(otlp::count(signal, &body).unwrap_or(0), Ordering::Relaxed);
        Response::new(200, Vec::new())
    });
    println!("{}", server.address().port());
    for _ in std::io::stdin().lines() {
        println!("{}", items.load(Ordering::Relaxed));
    }
}

/// The sink as a measurement sees it. It ends when this is dropped.
pub struct Sink {
    child: Child,
    pub port: u16,
}

fn ourselves() -> Command {
    Command::new(std::env::current_exe().expect("this program has a path"))
}

impl Sink {
    pub fn start() -> Sink {
        let mut child = ourselves()
            .arg("otlp-sink")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a sink");
        let port = line(&mut child).trim().parse().expect("a port");
        Sink { child, port }
    }

    fn items(&mut self) -> u64 {
        if let Some(ask) = &mut self.child.stdin {
            let _ = ask.write_all(b"?\n");
        }
        line(&mut self.child).trim().parse().unwrap_or(0)
    }

    /// Waits until so many have arrived; false when nothing moves any more.
    pub fn wait_for(mut self, wanted: u64) -> bool {
        let (mut before, mut moved) = (0, Instant::now());
        loop {
            let items = self.items();
            if items >= wanted {
                return true;
            }
            if items != before {
                (before, moved) = (items, Instant::now());
            }
            if moved.elapsed() > PATIENCE {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// One line, byte by byte: nothing behind it may be taken.
fn line(child: &mut Child) -> String {
    let mut text = String::new();
    let Some(out) = &mut child.stdout else { return text };
    let mut byte = [0];
    while out.read(&mut byte).is_ok_and(|read| read == 1) && byte[0] != b'\n' {
        text.push(char::from(byte[0]));
    }
    text
}

/// Runs a generator in a process of its own until everything is sent and answered.
pub fn send(port: u16, signal: Signal, compression: &str, items: u64) {
    let signal = if signal == Signal::Traces { "traces" } else { "logs" };
    let done =
        ourselves().args(["otlp-load", &port.to_string(), signal, compression, &items.to_string()]).status();
    assert!(done.is_ok_and(|status| status.success()), "the load generator failed");
}

/// The other side of [`send`].
pub fn load(words: &[&str]) {
    let [port, signal, compression, items] = words else { panic!("otlp-load PORT SIGNAL COMPRESSION ITEMS") };
    let port: u16 = port.parse().expect("a port");
    let requests = items.parse::<u64>().expect("a number").div_ceil(ITEMS);
    let request = Arc::new(message(signal, compression));
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|place| {
            let request = request.clone();
            let own = requests / CONNECTIONS + u64::from(place < requests % CONNECTIONS);
            std::thread::spawn(move || post(port, &request, own))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("everything is answered"));
}

fn message(signal: &str, compression: &str) -> Vec<u8> {
    let plain = request(if signal == "traces" { Signal::Traces } else { Signal::Logs });
    let (body, header) = match compression {
        "gzip" => {
            let mut out = GzEncoder::new(Vec::new(), Compression::fast());
            out.write_all(&plain).expect("memory takes it");
            (out.finish().expect("memory takes it"), "Content-Encoding: gzip\r\n")
        }
        "zstd" => (zstd::bulk::compress(&plain, 1).expect("memory takes it"), "Content-Encoding: zstd\r\n"),
        _ => (plain, ""),
    };
    let head = format!(
        "POST /v1/{signal} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n{header}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// Sends it so often on one connection, each time after the answer. What is not taken is sent again.
fn post(port: u16, request: &[u8], count: u64) {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.set_nodelay(true).expect("it is a socket");
    let mut answers = BufReader::new(stream.try_clone().expect("it is a socket"));
    let mut stream = stream;
    let mut taken = 0;
    while taken < count {
        stream.write_all(request).expect("it reads");
        if answer(&mut answers) == 200 {
            taken += 1;
        }
    }
}

fn answer(from: &mut impl BufRead) -> u16 {
    let (mut status, mut length, mut line) = (0, 0, String::new());
    loop {
        line.clear();
        assert!(from.read_line(&mut line).is_ok_and(|read| read > 0), "the connection ended");
        let text = line.trim().to_ascii_lowercase();
        if let Some(rest) = text.strip_prefix("http/1.1 ") {
            status = rest.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0);
        } else if let Some(rest) = text.strip_prefix("content-length:") {
            length = rest.trim().parse().unwrap_or(0);
        } else if text.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).expect("the body comes");
    status
}

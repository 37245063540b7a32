//! A small HTTP/1.1 server and client that can also be unkind.
//!
//! Written by hand because its purpose is to do what a good server never does: stop in the middle of an
//! answer, hang up, fall silent.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::fault::{Fault, Faults};

/// Larger than any body a client of ours may send; beyond it the request is refused unread.
const MAX_BODY: usize = 64 << 20;

#[derive(Debug, Clone, Default)]
pub struct Request {
    pub method: String,
    /// Without the query.
    pub path: String,
    pub query: String,
    /// In order, names as sent.
    pub headers: Vec<(String, String)>,
    /// As on the wire, chunked framing removed.
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The body after `Content-Encoding`.
    pub fn decoded(&self) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        match self.header("content-encoding").unwrap_or("identity") {
            "identity" => out.extend_from_slice(&self.body),
            "gzip" => _ = flate2::read::MultiGzDecoder::new(&self.body[..]).read_to_end(&mut out)?,
            "deflate" => _ = flate2::read::ZlibDecoder::new(&self.body[..]).read_to_end(&mut out)?,
            "zstd" => _ = zstd::stream::Decoder::new(&self.body[..])?.read_to_end(&mut out)?,
            other => return Err(io::Error::other(format!("Content-Encoding {other} is not known here"))),
        }
        Ok(out)
    }
}

#[derive(Debug, Clone, Default)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Response {
        Response { status, headers: Vec::new(), body: body.into() }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Response {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

type Handler = dyn Fn(Request) -> Response + Send + Sync;

/// Serves requests until it is dropped, one thread a connection.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    handler: Box<Handler>,
    faults: Arc<Faults>,
    tls: Option<Arc<rustls::ServerConfig>>,
    over: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Server {
    pub fn start(handler: impl Fn(Request) -> Response + Send + Sync + 'static) -> Server {
        Server::with(None, Arc::default(), handler)
    }

    /// With TLS when there is a certificate, and with a switch for faults.
    pub fn with(
        tls: Option<Arc<rustls::ServerConfig>>,
        faults: Arc<Faults>,
        handler: impl Fn(Request) -> Response + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            faults,
            tls,
            over: AtomicBool::new(false),
            open: Mutex::default(),
        });
        let accepting = thread::spawn({
            let shared = shared.clone();
            move || shared.accept(&listener)
        });
        Server { address, shared, accepting: Some(accepting) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        self.shared.faults.end();
        // Wakes the accept loop, which closes the connections.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn accept(self: &Arc<Shared>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.over.load(Ordering::Relaxed) {
                break;
            }
            let Ok(stream) = stream else { continue };
            let _ = stream.set_nodelay(true);
            if let Ok(copy) = stream.try_clone() {
                let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                open.retain(|stream| stream.peer_addr().is_ok());
                open.push(copy);
            }
            let shared = self.clone();
            thread::spawn(move || _ = shared.serve(stream));
        }
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let socket = stream.try_clone()?;
        match &self.tls {
            None => self.requests(BufReader::with_capacity(64 << 10, stream), &socket),
            Some(config) => {
                let session = rustls::ServerConnection::new(config.clone()).map_err(io::Error::other)?;
                let stream = rustls::StreamOwned::new(session, stream);
                self.requests(BufReader::with_capacity(64 << 10, stream), &socket)
            }
        }
    }

    fn requests<S: Read + Write>(&self, mut stream: BufReader<S>, socket: &TcpStream) -> io::Result<()> {
        while let Some(request) = read_request(&mut stream)? {
            let close = request.header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
            let fault = self.faults.meet();
            match &fault {
                Some(Fault::Close) => return socket.shutdown(Shutdown::Both),
                Some(Fault::Hang) if !self.faults.hang() => return Ok(()),
                Some(Fault::Slow(wait)) => thread::sleep(*wait),
                _ => {}
            }
            let response = match &fault {
                Some(Fault::Status(status)) => Response::new(*status, "a fault was asked for"),
                Some(Fault::RetryAfter(status, seconds)) => {
                    Response::new(*status, "").with("Retry-After", seconds.to_string())
                }
                Some(Fault::TooLarge(most)) if request.body.len() > *most => {
                    Response::new(413, "a fault was asked for")
                }
                Some(Fault::Instead(status, body)) => {
                    (self.handler)(request);
                    Response::new(*status, *body)
                }
                _ => (self.handler)(request),
            };
            let bytes = encode(&response);
            if fault == Some(Fault::Half) {
                stream.get_mut().write_all(&bytes[..bytes.len() / 2])?;
                stream.get_mut().flush()?;
                return socket.shutdown(Shutdown::Both);
            }
            stream.get_mut().write_all(&bytes)?;
            stream.get_mut().flush()?;
            if close {
                break;
            }
        }
        Ok(())
    }
}

fn read_request(stream: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(io::Error::other(format!("not a request line: {line:?}")));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
    let headers = read_headers(stream)?;
    let body = read_body(stream, &headers, false)?;
    Ok(Some(Request { method, path, query, headers, body }))
}

fn read_headers(stream: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) =
            line.split_once(':').ok_or_else(|| io::Error::other("a header without a colon"))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn read_body(stream: &mut impl BufRead, headers: &[(String, String)], to_end: bool) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if find(headers, "transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            let length = line.trim().split(';').next().unwrap_or_default();
            let length = usize::from_str_radix(length, 16).map_err(io::Error::other)?;
            read_exactly(stream, length, &mut body)?;
            let mut end = String::new();
            stream.read_line(&mut end)?;
            if length == 0 {
                return Ok(body);
            }
        }
    }
    match find(headers, "content-length") {
        Some(length) => read_exactly(stream, length.parse().map_err(io::Error::other)?, &mut body)?,
        None if to_end => _ = stream.read_to_end(&mut body)?,
        None => {}
    }
    Ok(body)
}

fn read_exactly(stream: &mut impl BufRead, length: usize, body: &mut Vec<u8>) -> io::Result<()> {
    if body.len() + length > MAX_BODY {
        return Err(io::Error::other("the body is too large"));
    }
    let start = body.len();
    body.resize(start + length, 0);
    stream.read_exact(&mut body[start..])
}

fn encode(response: &Response) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {} -\r\nContent-Length: {}\r\n", response.status, response.body.len());
    for (name, value) in &response.headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str("\r\n");
    let mut out = out.into_bytes();
    out.extend_from_slice(&response.body);
    out
}

/// One request on a connection of its own, plain HTTP, five seconds at most.
pub fn get(address: SocketAddr, path: &str) -> io::Result<Response> {
    send(address, &Request { method: "GET".into(), path: path.into(), ..Request::default() })
}

/// As [`get`], with headers and a body.
pub fn post(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> io::Result<Response> {
    let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let (method, path, body) = ("POST".into(), path.into(), body.into());
    send(address, &Request { method, path, headers, body, ..Request::default() })
}

/// As [`get`], with a method, headers and a body of the caller's.
pub fn send(address: SocketAddr, request: &Request) -> io::Result<Response> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let question = if request.query.is_empty() { "" } else { "?" };
    let mut head = format!("{} {}{question}{} HTTP/1.1\r\n", request.method, request.path, request.query);
    if request.header("host").is_none() {
        head.push_str(&format!("Host: {address}\r\n"));
    }
    for (name, value) in &request.headers {
        if !["content-length", "connection", "transfer-encoding"].contains(&name.to_lowercase().as_str()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head.push_str(&format!("Connection: close\r\nContent-Length: {}\r\n\r\n", request.body.len()));
    stream.write_all(head.as_bytes())?;
    stream.write_all(&request.body)?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("not a status line: {line:?}")))?;
    let headers = read_headers(&mut stream)?;
    let body = read_body(&mut stream, &headers, true)?;
    Ok(Response { status, headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serves_decodes_and_misbehaves() {
        let server = Server::start(|request| Response::new(200, request.decoded().unwrap()));
        let packed = zstd::bulk::compress(b"hello", 1).unwrap();
        let headers = vec![("Content-Encoding".to_owned(), "zstd".to_owned())];
        let request =
            Request { method: "POST".into(), path: "/x".into(), headers, body: packed, ..Request::default() };
        assert_eq!(send(server.address(), &request).unwrap().body, b"hello");

        server.faults().next(1, Fault::RetryAfter(429, 3));
        let refused = send(server.address(), &request).unwrap();
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("3")));
        server.faults().next(1, Fault::Close);
        assert!(send(server.address(), &request).is_err());
        server.faults().set(Fault::Hang);
        thread::scope(|scope| {
            let hanging = scope.spawn(|| send(server.address(), &request));
            while server.faults().hits() < 3 {
                thread::yield_now();
            }
            server.faults().lift();
            assert_eq!(hanging.join().unwrap().unwrap().status, 200);
        });
    }
}

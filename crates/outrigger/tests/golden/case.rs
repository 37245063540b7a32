//! One recorded case: its files, and running it against stand-ins.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use testkit::aws::{Logs, logs};
use testkit::forward::{Address, Connection};
use testkit::http::{Request, Response, Server};
use testkit::intake::Datadog;
use testkit::process::{Folder, wait_until};

use crate::support::outrigger;

/// Longest wait for an answer that may not come.
const SILENCE: Duration = Duration::from_secs(5);

pub struct Case {
    pub name: String,
    /// Name and content, unpacked.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// What arrived.
pub struct Replayed {
    pub datadog: Vec<Vec<u8>>,
    pub cloudwatch: Vec<logs::Event>,
    pub requests: Vec<Request>,
    pub objects: Vec<Request>,
    /// What a `forward` output sent.
    pub peer: Vec<u8>,
    pub acks: Vec<u8>,
    pub stdout: String,
    pub stderr: String,
}

impl Case {
    pub fn read(path: &Path) -> Case {
        let name = path.file_name().expect("a case is a folder").to_string_lossy().into_owned();
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(path).expect("the folder can be read").flatten() {
            let bytes = std::fs::read(entry.path()).expect("the file can be read");
            let file = entry.file_name().to_string_lossy().into_owned();
            match file.strip_suffix(".gz") {
                Some(file) => _ = files.insert(file.to_owned(), unpack(&bytes)),
                None => _ = files.insert(file, bytes),
            }
        }
        Case { name, files }
    }

    pub fn text(&self, file: &str) -> Option<String> {
        self.files.get(file).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    pub fn replay(&self) -> Replayed {
        let (folder, intake) = (Folder::new(), Datadog::start());
        // The recording's sink took any group, but for these.
        let any_group = !["cw_api_calls", "cw_no_group"].contains(&self.name.as_str());
        let logs = Logs::with(logs::Options { any_time: true, any_group, ..Default::default() });
        let (http, requests) = recorder();
        let (s3, objects) = recorder();
        let peer = Peer::start();
        for (name, bytes) in &self.files {
            folder.write(name, bytes);
        }
        let text = self.text("fluent-bit.conf").unwrap_or_default();
        folder.write("fluent-bit.conf", redirect(&text, intake.port(), http.address().port()));
        let socket = folder.join("fluent.sock");
        let mut command = outrigger()
            .folder(folder.path())
            .args(["fluent-bit", "-c", "fluent-bit.conf"])
            .aws_keys()
            .env("SOCKET", &socket)
            .env("HOSTNAME", "sample-host")
            .env("HOME", folder.path())
            .env("AWS_REGION", "eu-west-1")
            .env("apikey_2", "0000example0000")
            .env("PEER_PORT", peer.port.to_string())
            .env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", logs.url())
            .env("AWS_ENDPOINT_URL_S3", s3.url())
            .envs(self.environment(&folder));
        if self.files.contains_key("parsers.conf") && !text.contains("parsers.conf") {
            command = command.args(["-R", "parsers.conf"]);
        }
        let mut running = command.spawn();
        let mut acks = Vec::new();
        let listening = wait_until(testkit::process::PATIENCE, || socket.exists() || running.ended());
        if listening && !running.ended() {
            running.ready();
            let mut open: Vec<Connection> = Vec::new();
            for input in self.inputs() {
                let Ok(mut connection) = Address::Unix(socket.clone()).connect() else { break };
                // It may hang up in the middle, on cases that are about that.
                let _ = connection.write_all(input);
                let _ = connection.finish_writing();
                acks.extend(connection.read_all(SILENCE));
                open.push(connection);
            }
        }
        let exit = if running.ended() { running.wait() } else { running.stop() };
        let taken = |list: Arc<Mutex<Vec<Request>>>| list.lock().map(|list| list.clone()).unwrap_or_default();
        Replayed {
            datadog: intake.raw_entries(),
            cloudwatch: logs.events(),
            requests: taken(requests),
            objects: taken(objects),
            peer: peer.taken(),
            acks,
            stdout: exit.stdout_text(),
            stderr: exit.stderr,
        }
    }

    /// The bytes of each connection, in order.
    fn inputs(&self) -> Vec<&Vec<u8>> {
        let numbered = (1..).map_while(|n| self.files.get(&format!("in{n}.forward")));
        self.files.get("in.forward").into_iter().chain(numbered).collect()
    }

    fn environment(&self, folder: &Folder) -> Vec<(String, String)> {
        let Some(bytes) = self.files.get("env.json") else { return Vec::new() };
        let variables: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(bytes).unwrap_or_default();
        let place = folder.path().to_string_lossy();
        let value = |v: &serde_json::Value| v.as_str().unwrap_or_default().replace("@TMP@", &place);
        variables.iter().map(|(name, v)| (name.clone(), value(v))).collect()
    }
}

fn unpack(bytes: &[u8]) -> Vec<u8> {
    let request = Request {
        headers: vec![("Content-Encoding".into(), "gzip".into())],
        body: bytes.to_vec(),
        ..Request::default()
    };
    request.decoded().expect("a recorded file unpacks")
}

/// The same configuration with its destinations pointed at the stand-ins, as the recording did.
fn redirect(text: &str, datadog: u16, http: u16) -> String {
    let (mut out, mut section, mut output) = (String::new(), String::new(), String::new());
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if trimmed.starts_with('[') {
            section = trimmed.to_uppercase();
        }
        let (key, value) = trimmed.split_once(char::is_whitespace).unwrap_or((trimmed, ""));
        let key = key.to_lowercase();
        if key == "name" {
            output = value.trim().to_lowercase();
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
        let port = match output.as_str() {
            "datadog" => datadog,
            _ => http,
        };
        let ours = section.starts_with("[OUTPUT") && ["datadog", "http"].contains(&output.as_str());
        match key.as_str() {
            "host" if ours => out.push_str(&format!("{indent}Host 127.0.0.1{end}{indent}Port {port}{end}")),
            "tls" if ours => out.push_str(&format!("{indent}TLS off{end}")),
            "port" if section.starts_with("[INPUT") && ["24224", "8877"].contains(&value.trim()) => {
                out.push_str(&format!("{indent}Port {}{end}", testkit::tools::free_port()));
            }
            _ => out.push_str(line),
        }
    }
    out
}

/// Keeps requests; answers like S3 and like an intake.
fn recorder() -> (Server, Arc<Mutex<Vec<Request>>>) {
    let kept = Arc::<Mutex<Vec<Request>>>::default();
    let server = Server::start({
        let kept = kept.clone();
        move |mut request| {
            request.body = request.decoded().unwrap_or_default();
            kept.lock().expect("no thread panics").push(request);
            Response::new(200, "").with("ETag", "\"0123456789abcdef\"").with("x-amz-request-id", "R")
        }
    });
    (server, kept)
}

/// A Forward server that acknowledges what asks for it.
struct Peer {
    port: u16,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Peer {
    fn start() -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let kept = bytes.clone();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let kept = kept.clone();
                thread::spawn(move || {
                    let (mut pending, mut chunk) = (Vec::new(), [0; 65536]);
                    while let Ok(n @ 1..) = stream.read(&mut chunk) {
                        kept.lock().expect("no thread panics").extend_from_slice(&chunk[..n]);
                        pending.extend_from_slice(&chunk[..n]);
                        while let Some((message, rest)) = testkit::msgpack::decode(&pending) {
                            let used = pending.len() - rest.len();
                            pending.drain(..used);
                            let option = message.as_array().and_then(|m| m.last());
                            if let Some(chunk) = option.and_then(|o| o["chunk"].as_str()) {
                                let mut ack = vec![0x81];
                                testkit::corpus::put_str(b"ack", &mut ack);
                                testkit::corpus::put_str(chunk.as_bytes(), &mut ack);
                                let _ = stream.write_all(&ack);
                            }
                        }
                    }
                });
            }
        });
        Peer { port, bytes }
    }

    fn taken(&self) -> Vec<u8> {
        self.bytes.lock().map(|bytes| bytes.clone()).unwrap_or_default()
    }
}

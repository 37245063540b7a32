//! Prometheus itself: takes remote writes, scrapes what its configuration says, and is asked.

mod answers;

pub use answers::same;

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::{get, post};
use crate::process::{PATIENCE, wait_until};
use crate::series::{Series, remote_write};
use crate::tools::free_port;

/// Stops when dropped.
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// Starts the one that [`crate::tools::debian`] installed, with a configuration in YAML.
    pub fn start(configuration: &str) -> Prometheus {
        Prometheus::with_data(configuration, |_| {})
    }

    /// The same, with blocks that were put into its data folder before.
    pub fn with_data(configuration: &str, fill: impl FnOnce(&Path)) -> Prometheus {
        Prometheus::run(|_| configuration.to_owned(), fill)
    }

    /// One whose configuration depends on its own address.
    pub fn start_at(configuration: impl FnOnce(SocketAddr) -> String) -> Prometheus {
        Prometheus::run(configuration, |_| {})
    }

    fn run(configuration: impl FnOnce(SocketAddr) -> String, fill: impl FnOnce(&Path)) -> Prometheus {
        let folder = tempfile::tempdir().expect("a folder");
        fill(&folder.path().join("data"));
        let file = folder.path().join("prometheus.yml");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        std::fs::write(&file, configuration(address)).expect("the folder takes files");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--web.enable-remote-write-receiver")
            .arg("--enable-feature=exemplar-storage,native-histograms")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it is installed");
        let prometheus = Prometheus { child, address, _folder: folder };
        let is_ready = || get(address, "/-/ready").is_ok_and(|answer| answer.status == 200);
        assert!(wait_until(PATIENCE, is_ready), "Prometheus does not start");
        prometheus
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Writes series to it, all at once.
    pub fn write(&self, series: &[Series]) {
        write(self.address, series);
    }

    /// The series that a query finds, with their values.
    pub fn query(&self, query: &str) -> Vec<Value> {
        let mut answer = self.ask("query", &[("query", query)]);
        answer["data"]["result"].as_array_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The whole answer of a route below `/api/v1/`.
    pub fn ask(&self, route: &str, parameters: &[(&str, &str)]) -> Value {
        let mut path = format!("/api/v1/{route}?");
        for (name, value) in parameters {
            let _ = write!(path, "{name}=");
            for byte in value.bytes() {
                let _ = write!(path, "%{byte:02X}");
            }
            path.push('&');
        }
        let answer = get(self.address, &path).expect("it answers");
        serde_json::from_str(&answer.text()).expect("JSON")
    }
}

/// Writes series to whoever takes remote write of version 1.
pub fn write(to: SocketAddr, series: &[Series]) {
    let body = snap::raw::Encoder::new().compress_vec(&remote_write(series)).expect("it fits");
    let headers = [
        ("Content-Type", "application/x-protobuf"),
        ("Content-Encoding", "snappy"),
        ("X-Prometheus-Remote-Write-Version", "0.1.0"),
    ];
    let answer = post(to, "/api/v1/write", &headers, body).expect("it answers");
    assert!(answer.status < 300, "{}: {}", answer.status, answer.text());
}

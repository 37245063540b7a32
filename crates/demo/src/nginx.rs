//! Looks after nginx, which stands in front of the shop as it does in many tasks, and sends what it writes as the log
//! driver would: plain text, one line a request.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use net::{Dialer, Endpoint, Listener};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::report::Report;
use crate::telemetry::Telemetry;
use crate::{DemoError, Part, Role, until};

/// Besides the search path, which often leaves out the folders of daemons.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"];

pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join("nginx")).find(|file| file.is_file())
}

pub async fn run(part: &Part, stop: watch::Receiver<bool>) -> Result<(), DemoError> {
    let what = || "nginx".to_owned();
    let (Some(program), Some(folder), Some(next)) = (find(), &part.folder, &part.next) else {
        return Err(DemoError::NotReady { what: what() });
    };
    let port = free_port()?;
    let file = folder.join("nginx.conf");
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&file, configuration(folder, port, next)));
    written.map_err(|source| DemoError::Start { what: what(), source })?;
    let mut child = Command::new(program)
        .args(["-e", "stderr", "-p"])
        .arg(folder)
        .arg("-c")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| DemoError::Start { what: what(), source })?;
    let telemetry = Telemetry::start(part, Role::Nginx.service(), 9 << 20);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    listening(port).await.ok_or_else(|| DemoError::NotReady { what: what() })?;
    until::ready(&format!("127.0.0.1:{port}"));
    let reading = async {
        tokio::join!(forward(stdout, "stdout", &telemetry), forward(stderr, "stderr", &telemetry));
    };
    tokio::select! {
        () = reading => {
            let gone = Some("nginx has ended".to_owned());
            until::write(&Report { gone, ..Report::default() });
            until::told(stop.clone()).await;
        }
        () = until::reporting(|| telemetry.report()) => {}
        () = until::told(stop.clone()) => {}
    }
    drop(child);
    telemetry.finish().await;
    Ok(())
}

async fn forward(from: Option<impl AsyncRead + Unpin>, source: &str, telemetry: &Telemetry) {
    let Some(from) = from else { return };
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        telemetry.line(source, &line);
        let meter = telemetry.meter();
        let _request = meter.begin();
        meter.traffic(line.len(), 2_000);
        meter.compute(Duration::from_micros(700));
    }
}

/// nginx chooses no port by itself. Somebody else may take it first; then nginx says so and the shop does not start.
fn free_port() -> Result<u16, DemoError> {
    let listener = Listener::bind(&Endpoint::Tcp(([127, 0, 0, 1], 0).into()))?;
    listener.endpoint().port().ok_or(DemoError::Bug("a TCP listener has a port"))
}

async fn listening(port: u16) -> Option<()> {
    let dialer = Dialer::tcp("127.0.0.1", port);
    let tries = async {
        while dialer.dial().await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(5), tries).await.ok()
}

/// One process without a master, so that it ends with this one. Visitors' addresses come in a header, as behind a
/// load balancer.
fn configuration(folder: &Path, port: u16, next: &str) -> String {
    let folder = folder.display();
    format!(
        "daemon off; master_process off; pid \"{folder}/nginx.pid\"; error_log stderr warn;
events {{ worker_connections 512; }}
http {{
  access_log /dev/stdout combined;
  client_body_temp_path \"{folder}/body\"; proxy_temp_path \"{folder}/proxy\";
  fastcgi_temp_path \"{folder}/fastcgi\"; uwsgi_temp_path \"{folder}/uwsgi\"; scgi_temp_path \"{folder}/scgi\";
  set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;
  upstream front {{ server {next}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    location = /nginx_status {{ stub_status; access_log off; }}
    location / {{
      proxy_pass http://front; proxy_http_version 1.1; proxy_set_header Connection \"\";
      proxy_set_header X-Request-Id $request_id; proxy_read_timeout 20s;
    }}
  }}
}}
"
    )
}

//! The status page becomes four metrics, of the real server too; other pages are refused.

use std::process::{Child, Command, Stdio};

use config::Setting;
use engine::outlet::Phase;
use engine::testing::{Catch, receiver, stop};
use testkit::http::{Response, Server};
use testkit::process::{PATIENCE, wait_until};
use testkit::{need, tools};

use super::*;
use crate::scraping::shown;

/// The example of nginx's own documentation.
const EXAMPLE: &str = "Active connections: 291 \nserver accepts handled requests\n 16630948 16630948 31070465 \n\
                       Reading: 6 Writing: 179 Waiting: 106 \n";

#[test]
fn the_page_becomes_four_metrics() {
    let mut metrics = Metrics::new("t".into(), 5);
    read(EXAMPLE.as_bytes(), &mut metrics).unwrap();
    let batch = metrics.finish();
    let expected = [
        "nginx.requests{} 31070465 {requests} counter",
        "nginx.connections_accepted{} 16630948 {connections} counter",
        "nginx.connections_handled{} 16630948 {connections} counter",
        r#"nginx.connections_current{"state":"active"} 291 {connections} sum"#,
        r#"nginx.connections_current{"state":"reading"} 6 {connections} sum"#,
        r#"nginx.connections_current{"state":"writing"} 179 {connections} sum"#,
        r#"nginx.connections_current{"state":"waiting"} 106 {connections} sum"#,
    ];
    assert_eq!(shown(&batch), expected);
    assert!(batch.metrics.iter().all(|metric| metric.temporality == 2));
    assert!(batch.metrics.iter().flat_map(|metric| &metric.points).all(|p| (p.start, p.time) == (0, 5)));
    assert!(batch.resources[0].attributes.is_empty());
}

#[test]
fn other_pages_are_refused() {
    let cut = &EXAMPLE[..EXAMPLE.len() - 6];
    let more = format!("{EXAMPLE} 7");
    let negative = EXAMPLE.replace("291", "-1");
    let huge = EXAMPLE.replace("291", "99999999999999999999999");
    for page in ["", "<html>404 Not Found</html>", cut, &more, &negative, &huge, "\u{1f980}"] {
        assert!(read(page.as_bytes(), &mut Metrics::new("t".into(), 5)).is_err(), "{page}");
    }
    assert!(read(b"\xff\xfe", &mut Metrics::new("t".into(), 5)).is_err());
}

async fn scraped(endpoint: String, points: usize) -> (Vec<String>, Catch) {
    let settings = Setting::map()
        .with("endpoint", endpoint)
        .with("collection_interval", "20ms")
        .with("initial_delay", "0s")
        .with("timeout", "5s");
    let (catch, (phase, stop)) = (Catch::default(), stop());
    let running = tokio::spawn(receiver::<Nginx>(settings).unwrap().run(catch.outlet(), stop));
    let batches = catch.records(points).await;
    phase.send_replace(Phase::Draining);
    running.await.unwrap().unwrap();
    (batches.iter().flat_map(shown).collect(), catch)
}

#[tokio::test]
async fn a_bad_page_is_counted_and_the_next_one_read() {
    let asked = std::sync::atomic::AtomicU32::new(0);
    let server = Server::start(move |_| match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0 => Response::new(200, "hello"),
        1 => Response::new(503, "later"),
        _ => Response::new(200, EXAMPLE),
    });
    let (lines, catch) = scraped(format!("{}/status", server.url()), 7).await;
    assert_eq!(lines[0], "nginx.requests{} 31070465 {requests} counter");
    let ledger = catch.ledger();
    let refused: u64 = ledger.receivers.iter().flat_map(|(_, receiver)| receiver.refused.values()).sum();
    assert_eq!(refused, 1);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for (key, value) in [("endpoint", "localhost/status"), ("endpoint", "/"), ("collection_interval", "0s")] {
        assert!(receiver::<Nginx>(Setting::map().with(key, value)).is_err(), "{key}: {value}");
    }
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_real_one_is_understood() {
    need!(tools::debian("nginx-light", "nginx"));
    let (folder, port) = (tempfile::tempdir().unwrap(), tools::free_port());
    let place = folder.path().display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {place}/{kind};\n"))
        .concat();
    let settings = format!(
        "daemon off;\nmaster_process off;\npid {place}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n\
         access_log off;\n{temporary}server {{ listen 127.0.0.1:{port};\n\
         location = /status {{ stub_status; }} }}\n}}\n"
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, settings).unwrap();
    let mut nginx = Command::new("/usr/sbin/nginx");
    nginx.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _running = Running(nginx.spawn().unwrap());
    let address = ([127, 0, 0, 1], port).into();
    let up = tokio::task::spawn_blocking(move || {
        wait_until(PATIENCE, || testkit::http::get(address, "/").is_ok())
    });
    assert!(up.await.unwrap(), "nginx does not answer");
    let (lines, _) = scraped(format!("http://127.0.0.1:{port}/status"), 7).await;
    assert_eq!(lines[3], r#"nginx.connections_current{"state":"active"} 1 {connections} sum"#);
    // The request for this very page is being written.
    assert_eq!(lines[5], r#"nginx.connections_current{"state":"writing"} 1 {connections} sum"#);
}

//! Targets are scraped over HTTP, the real node exporter among them.

use std::io::Write;
use std::sync::Mutex;

use ::config::Setting;
use engine::outlet::Phase;
use engine::testing::{Catch, receiver, stop};
use testkit::http::{Response, Server};

use super::*;
use crate::scraping::shown;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Settings of one job that scrapes often.
fn settings(more: impl FnOnce(Setting) -> Setting) -> Setting {
    let job = Setting::map().with("job_name", "shop").with("scrape_interval", "300ms");
    let config = Setting::map().with("scrape_configs", Setting::list([more(job)]));
    Setting::map().with("config", config)
}

fn targets(server: &Server) -> Setting {
    Setting::list([Setting::map().with("targets", Setting::list([server.address().to_string()]))])
}

/// Runs the receiver and returns the first lines that `wanted` picks from a batch.
async fn until(catch: &Catch, mut wanted: impl FnMut(&[String]) -> bool) -> Vec<String> {
    loop {
        for batch in catch.records(1).await {
            let lines = shown(&batch);
            if wanted(&lines) {
                return lines;
            }
        }
    }
}

fn value<'l>(lines: &'l [String], name: &str) -> Option<&'l str> {
    lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix("{} ")?.split(' ').next())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_scraped_and_its_failures_are_told() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let server = Server::start(move |request| {
        let mut asked = seen.lock().unwrap();
        asked.push(request);
        match asked.len() {
            2 => Response::new(503, "busy"),
            _ => Response::new(200, "# TYPE a counter\na 7\n").with("Content-Type", TEXT),
        }
    });
    let settings = settings(|job| {
        let authorization = Setting::map().with("credentials", "letmein");
        job.with("static_configs", targets(&server)).with("authorization", authorization)
    });
    let (catch, (phase, stop)) = (Catch::default(), stop());
    let running = tokio::spawn(receiver::<Prometheus>(settings).unwrap().run(catch.outlet(), stop));
    let first = until(&catch, |lines| value(lines, "up").is_some()).await;
    assert_eq!((value(&first, "a"), value(&first, "up")), (Some("7.0"), Some("1.0")));
    assert_eq!(value(&first, "scrape_samples_scraped"), Some("1.0"));
    assert_eq!(value(&first, "scrape_samples_post_metric_relabeling"), Some("1.0"));
    assert_eq!(value(&first, "scrape_series_added"), Some("1.0"));
    assert!(value(&first, "scrape_duration_seconds").is_some());
    let second = until(&catch, |_| true).await;
    assert_eq!((value(&second, "a"), value(&second, "up")), (Some("stale"), Some("0.0")));
    let third = until(&catch, |_| true).await;
    assert_eq!((value(&third, "a"), value(&third, "up")), (Some("7.0"), Some("1.0")));
    phase.send_replace(Phase::Draining);
    running.await.unwrap().unwrap();
    let request = asked.lock().unwrap().remove(0);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/metrics"));
    assert_eq!(request.header("authorization"), Some("Bearer letmein"));
    assert_eq!(request.header("x-prometheus-scrape-timeout-seconds"), Some("0.3"));
    assert!(request.header("accept").unwrap().starts_with("application/openmetrics-text;version=1.0.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_come_compressed() {
    let server = Server::start(|request| {
        assert_eq!(request.header("accept-encoding"), Some("gzip"));
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(b"a 1\n# EOF\n").unwrap();
        let answer = Response::new(200, packed.finish().unwrap()).with("Content-Encoding", "gzip");
        answer.with("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
    });
    let (catch, (_phase, stop)) = (Catch::default(), stop());
    let settings = settings(|job| job.with("static_configs", targets(&server)));
    tokio::spawn(receiver::<Prometheus>(settings).unwrap().run(catch.outlet(), stop));
    assert_eq!(value(&until(&catch, |_| true).await, "a"), Some("1.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_come_in_protobuf() {
    let server = Server::start(|request| {
        assert!(request.header("accept").unwrap().starts_with("application/vnd.google.protobuf;"));
        let page = include_bytes!("../../../../fixtures/prometheus/go.protobuf");
        let kind =
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
        Response::new(200, page.to_vec()).with("Content-Type", kind)
    });
    let (catch, (_phase, stop)) = (Catch::default(), stop());
    let settings =
        settings(|job| job.with("static_configs", targets(&server)).with("scrape_native_histograms", "true"));
    tokio::spawn(receiver::<Prometheus>(settings).unwrap().run(catch.outlet(), stop));
    let lines = until(&catch, |_| true).await;
    assert_eq!(value(&lines, "shop_temperature_celsius"), Some("-1.5"));
    assert_eq!(value(&lines, "up"), Some("1.0"));
    assert!(lines.iter().any(|line| line.starts_with("shop_native_seconds") && line.contains("Exponential")));
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_followed() {
    let server = Server::start(|request| match request.path.as_str() {
        "/metrics" => Response::new(307, "").with("Location", "/metrics/"),
        "/metrics/" => Response::new(200, "a 1\n").with("Content-Type", TEXT),
        _ => Response::new(404, ""),
    });
    for (follow, expected) in [("true", "1.0"), ("false", "0.0")] {
        let (catch, (_phase, stop)) = (Catch::default(), stop());
        let settings =
            settings(|job| job.with("static_configs", targets(&server)).with("follow_redirects", follow));
        tokio::spawn(receiver::<Prometheus>(settings).unwrap().run(catch.outlet(), stop));
        assert_eq!(value(&until(&catch, |_| true).await, "up"), Some(expected));
    }
}

/// Ends with the test.
struct Program(std::process::Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_node_exporter_is_scraped() {
    testkit::need!(testkit::tools::debian("prometheus-node-exporter", "prometheus-node-exporter"));
    let port = testkit::tools::free_port();
    let quiet = std::process::Stdio::null;
    let program = std::process::Command::new("prometheus-node-exporter")
        .args([format!("--web.listen-address=127.0.0.1:{port}"), "--collector.disable-defaults".into()])
        .args(["--collector.meminfo", "--collector.stat"])
        .stdin(quiet())
        .stdout(quiet())
        .stderr(quiet())
        .spawn();
    let _program = Program(program.unwrap());
    // Each of the formats has the same samples.
    let mut scraped = Vec::new();
    for protocol in ["PrometheusText0.0.4", "PrometheusProto"] {
        let group = Setting::map().with("targets", Setting::list([format!("127.0.0.1:{port}")]));
        let settings = settings(|job| {
            let job = job.with("static_configs", Setting::list([group])).with("scrape_interval", "1s");
            job.with("scrape_protocols", Setting::list([protocol]))
        });
        let (catch, (_phase, stop)) = (Catch::default(), stop());
        tokio::spawn(receiver::<Prometheus>(settings).unwrap().run(catch.outlet(), stop));
        // Until it listens, it is down.
        let lines = until(&catch, |lines| value(lines, "up") == Some("1.0")).await;
        let memory: f64 = value(&lines, "node_memory_MemTotal_bytes").unwrap().parse().unwrap();
        assert!(memory > 1e6);
        let counter =
            |line: &String| line.starts_with("node_context_switches_total{}") && line.ends_with("counter");
        assert!(lines.iter().any(counter));
        assert!(lines.iter().any(|line| line.starts_with("go_gc_duration_seconds{} Summary")));
        scraped.push(value(&lines, "scrape_samples_scraped").unwrap().to_owned());
    }
    assert_eq!(scraped[0], scraped[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_come_and_go() {
    // The list, and how often it was given.
    let list = Arc::new(Mutex::new(("[]".to_owned(), 0)));
    let shared = list.clone();
    let give = move || {
        let mut list = shared.lock().unwrap();
        list.1 += 1;
        Response::new(200, list.0.clone()).with("Content-Type", "application/json")
    };
    let server = Server::start(move |request| match request.path.as_str() {
        "/sd" => give(),
        _ => Response::new(200, "a 1\n").with("Content-Type", TEXT),
    });
    let settings = settings(|job| {
        let discovery = Setting::map().with("url", format!("{}/sd", server.url()));
        job.with("http_sd_configs", Setting::list([discovery.with("refresh_interval", "100ms")]))
    });
    let (catch, (phase, stop)) = (Catch::default(), stop());
    let running = tokio::spawn(receiver::<Prometheus>(settings).unwrap().run(catch.outlet(), stop));
    list.lock().unwrap().0 = format!(r#"[{{"targets": ["{}"]}}]"#, server.address());
    until(&catch, |lines| value(lines, "a") == Some("1.0")).await;
    // An answer that is no list changes nothing.
    *list.lock().unwrap() = ("[{".into(), 0);
    let lines = until(&catch, |_| list.lock().unwrap().1 > 2).await;
    assert_eq!(value(&lines, "a"), Some("1.0"));
    list.lock().unwrap().0 = "[]".into();
    let last = until(&catch, |lines| value(lines, "a") == Some("stale")).await;
    assert_eq!(value(&last, "up"), Some("stale"));
    phase.send_replace(Phase::Draining);
    running.await.unwrap().unwrap();
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let job = |text: &str| Setting::map().with("job_name", text);
    let jobs = |jobs: Vec<Setting>| {
        let config = Setting::map().with("scrape_configs", Setting::list(jobs));
        receiver::<Prometheus>(Setting::map().with("config", config))
    };
    assert!(jobs(vec![job("a"), job("b")]).is_ok());
    let twice = jobs(vec![job("a"), job("a")]).err().unwrap();
    assert!(twice.contains("job `a`: another job has the same name"), "{twice}");
    assert!(jobs(vec![Setting::map()]).is_err());
    assert!(jobs(vec![job("a").with("scrape_intervall", "5s")]).is_err());
    let discovery = Setting::list([Setting::map().with("url", "localhost/sd")]);
    assert!(jobs(vec![job("a").with("http_sd_configs", discovery)]).is_err());
    let nowhere = jobs(vec![job("a").with("ec2_sd_configs", Setting::list([Setting::map()]))]).err().unwrap();
    assert!(nowhere.contains("there is no `region`"), "{nowhere}");
    let alerting = Setting::map().with("alerting", Setting::map());
    assert!(receiver::<Prometheus>(Setting::map().with("config", alerting)).is_err());
}

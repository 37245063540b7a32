//! A job's settings become targets with URL and labels, or are refused.

use super::*;

fn job(text: &str) -> Result<Job, String> {
    let config: ScrapeConfig = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Job::new(config, &GlobalConfig::default())
}

/// Each target's URL and labels.
fn targets(job: &Job, found: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let found: Vec<_> = found.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let groups: Vec<_> = job.config.static_configs.iter().map(|g| (g.clone(), found.clone())).collect();
    let (targets, faults) = job.targets(&groups);
    let shown = targets.iter().map(|target| {
        let labels: Vec<_> = target.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} {}", target.url, labels.join(" "))
    });
    (shown.collect(), faults)
}

#[test]
fn a_plain_job() {
    let text = r#"{"job_name": "shop", "static_configs": [
        {"targets": ["10.0.0.7:9102", "web:80", "web:80"], "labels": {"env": "prod"}}]}"#;
    let job = job(text).unwrap();
    assert_eq!((job.interval.as_secs(), job.timeout.as_secs()), (60, 10));
    let expected = [
        "http://10.0.0.7:9102/metrics env=prod instance=10.0.0.7:9102 job=shop",
        "http://web:80/metrics env=prod instance=web:80 job=shop",
    ];
    assert_eq!(targets(&job, &[]).0, expected);
}

#[test]
fn labels_steer_the_scrape() {
    let text = r#"{"job_name": "shop", "scheme": "https", "metrics_path": "/p", "params": {"m": ["a b", "c"]},
        "scrape_interval": "15s", "static_configs": [{"targets": ["a:1", "b:2", "c:3"]}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "regex": "b:.*", "action": "drop"},
            {"source_labels": ["__meta_ecs_cluster_name"], "target_label": "cluster"},
            {"source_labels": ["__address__"], "regex": "c:(.*)", "target_label": "__address__", "replacement": "d:$1"},
            {"source_labels": ["__address__"], "regex": "d:.*", "target_label": "__scrape_interval__", "replacement": "20s"},
            {"target_label": "__tmp", "replacement": "x"}]}"#;
    let job = job(text).unwrap();
    let expected = [
        "https://a:1/p?m=a%20b&m=c cluster=harbour instance=a:1 job=shop",
        "https://d:3/p?m=a%20b&m=c cluster=harbour instance=d:3 job=shop",
    ];
    assert_eq!(targets(&job, &[("__meta_ecs_cluster_name", "harbour")]).0, expected);
    let groups = [(job.config.static_configs[0].clone(), Vec::new())];
    let intervals: Vec<_> = job.targets(&groups).0.iter().map(|target| target.interval.as_secs()).collect();
    assert_eq!(intervals, [15, 20]);
}

#[test]
fn targets_that_cannot_be_scraped_are_told() {
    let text = r#"{"job_name": "shop", "static_configs": [{"targets": ["", "a b", "ok:1"]}]}"#;
    let (found, faults) = targets(&job(text).unwrap(), &[]);
    assert_eq!((found.len(), faults.len()), (1, 2));
    let text = r#"{"job_name": "shop", "target_limit": 1, "static_configs": [{"targets": ["a:1", "b:1"]}]}"#;
    let (found, faults) = targets(&job(text).unwrap(), &[]);
    assert_eq!((found.len(), faults.len()), (0, 1));
}

#[test]
fn jobs_that_cannot_work_are_refused() {
    for text in [
        r#"{"job_name": ""}"#,
        r#"{"job_name": "a", "scrape_interval": "5s", "scrape_timeout": "6s"}"#,
        r#"{"job_name": "a", "scrape_interval": "0s"}"#,
        r#"{"job_name": "a", "relabel_configs": [{"regex": "("}]}"#,
        r#"{"job_name": "a", "metric_relabel_configs": [{"action": "hashmod", "target_label": "x"}]}"#,
        r#"{"job_name": "a", "basic_auth": {}, "authorization": {}}"#,
        r#"{"job_name": "a", "kubernetes_sd_configs": []}"#,
        r#"{"job_name": "a", "convert_classic_histograms_to_nhcb": true}"#,
    ] {
        assert!(job(text).is_err(), "{text}");
    }
    assert_eq!(job(r#"{"job_name": "a", "scrape_interval": "5s"}"#).unwrap().timeout.as_secs(), 5);
}

#[test]
fn formats_are_asked_for_in_order() {
    let text = r#"{"job_name": "a", "scrape_protocols": ["PrometheusProto", "PrometheusText0.0.4"]}"#;
    let protobuf =
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.9,";
    let both = format!("{protobuf}text/plain;version=0.0.4;q=0.8,*/*;q=0.1");
    assert_eq!(job(text).unwrap().accept, both);
    let native = job(r#"{"job_name": "a", "scrape_native_histograms": true}"#).unwrap();
    assert!(native.accept.starts_with(protobuf) && native.accept.contains("openmetrics"));
    assert_eq!(native.histograms, Histograms { native: true, always_classic: false });
    assert!(accept(None, false).starts_with("application/openmetrics-text;version=1.0.0;q=0.9,"));
}

//! A lake in a bucket: the real program writes it, a later one reads it, and so do engines that know nothing of us.
#![cfg(feature = "full")]
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod support;

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use support::outrigger;
use testkit::aws::S3;
use testkit::aws::signature::{ACCESS_KEY, SECRET_KEY};
use testkit::http::post;
use testkit::need;
use testkit::process::{Exit, Folder, Outrigger, PATIENCE, Running, wait_until};
use testkit::tools::{self, Moto, free_port};

const REGION: &str = "eu-west-1";
const PREFIX: &str = "s3://lake/some/prefix";
const HOUR: u64 = 3600;
/// Of each hour.
const LINES: u64 = 50;

struct Bucket {
    moto: Moto,
    s3: S3,
}

impl Bucket {
    fn start() -> Result<Bucket, tools::Missing> {
        let moto = Moto::start()?;
        moto.boto("aws('s3').create_bucket(Bucket='lake', CreateBucketConfiguration={'LocationConstraint': 'eu-west-1'})");
        let s3 = S3::before(moto.address());
        Ok(Bucket { moto, s3 })
    }

    fn program(&self, secret: &str) -> Outrigger {
        outrigger()
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_REGION", REGION)
            .env("AWS_ENDPOINT_URL_S3", self.s3.url())
            .args(["query", "--lake", PREFIX, "--output", "json"])
    }

    fn query(&self, secret: &str, options: &[&str], text: &str) -> Exit {
        self.program(secret).args(options).arg(text).output()
    }

    /// Rows of an answer that is whole.
    fn rows(&self, options: &[&str], text: &str) -> Vec<Value> {
        let exit = self.query(SECRET_KEY, options, text);
        assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
        assert!(!exit.stderr.contains("not whole"), "{}", exit.stderr);
        rows(&exit)
    }

    fn count(&self, options: &[&str]) -> u64 {
        let options = [&["--language", "sql"], options].concat();
        let rows = self.rows(&options, "SELECT count(*) AS n FROM logs");
        rows[0]["n"].as_u64().unwrap_or_else(|| panic!("{rows:?}"))
    }

    fn objects(&self) -> Vec<String> {
        let script = "print(json.dumps([o['Key'] for o in aws('s3').list_objects_v2(Bucket='lake').get('Contents', [])]))";
        serde_json::from_str(&self.moto.boto(script)).expect("a list of keys")
    }
}

fn rows(exit: &Exit) -> Vec<Value> {
    let text = exit.stdout_text();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{text}"))).collect()
}

/// Seconds since the epoch.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

struct Writer {
    running: Running,
    port: u16,
}

impl Writer {
    fn start(bucket: &Bucket, folder: &Folder, secret: &str, lake: &str) -> Writer {
        let port = free_port();
        let config = format!(
            "receivers:\n  otlp:\n    protocols:\n      http: {{endpoint: '127.0.0.1:{port}'}}\n\
             exporters:\n  lake: {lake}\n\
             service:\n  pipelines:\n    logs: {{receivers: [otlp], exporters: [lake]}}\n"
        );
        let config = folder.write("config.yaml", config);
        let running = outrigger()
            .env("OUTRIGGER_DATA", folder.join("data"))
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_REGION", REGION)
            .env("AWS_ENDPOINT_URL_S3", bucket.s3.url())
            .args(["run", "--config"])
            .arg(&config)
            .start();
        Writer { running, port }
    }

    /// Lines a second apart from a moment on, in seconds since the epoch.
    fn send(&self, from: u64, name: &str) {
        let records: Vec<Value> = (0..LINES)
            .map(|line| {
                let time = ((from + line) * 1_000_000_000).to_string();
                json!({"timeUnixNano": time, "severityText": "INFO", "body": {"stringValue": format!("{name} {line}")}})
            })
            .collect();
        let service = json!([{"key": "service.name", "value": {"stringValue": "shop"}}]);
        let body = json!({"resourceLogs": [{
            "resource": {"attributes": service}, "scopeLogs": [{"logRecords": records}],
        }]});
        let (headers, body) = ([("Content-Type", "application/json")], body.to_string());
        let post = |address| post(address, "/v1/logs", &headers, body.as_bytes());
        let address = ([127, 0, 0, 1], self.port).into();
        let sent = wait_until(PATIENCE, || post(address).is_ok_and(|answer| answer.status == 200));
        assert!(sent, "{}", self.running.stderr());
    }
}

/// Python with pyarrow and duckdb, which read the folders as any engine does.
fn foreign(bucket: &Bucket, script: &str) -> Result<String, tools::Missing> {
    let python = tools::python("lake-readers", &["pyarrow==21.0.0", "duckdb==1.3.2"])?;
    let folder = Folder::new();
    let objects = bucket.moto.boto(&format!(
        "import os\nfor o in aws('s3').list_objects_v2(Bucket='lake')['Contents']:\n    to = os.path.join('{}', o['Key'])\n    \
         os.makedirs(os.path.dirname(to), exist_ok=True)\n    aws('s3').download_file('lake', o['Key'], to)\n    print(to)",
        folder.path().display()
    ));
    assert!(!objects.is_empty());
    let prelude = format!(
        "import duckdb, pyarrow.dataset as ds\nfrom pyarrow import fs\nroot = '{}/some/prefix'\n\
         store = fs.S3FileSystem(endpoint_override='{}', scheme='http', region='{REGION}', access_key='{ACCESS_KEY}', secret_key='{SECRET_KEY}')\n",
        folder.path().display(),
        bucket.moto.address(),
    );
    let output = Command::new(python).arg("-c").arg(prelude + script).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
fn a_lake_in_a_bucket_is_written_and_read_by_us_and_by_others() {
    let bucket = need!(Bucket::start());
    let folder = Folder::new();
    let this_hour = now() / HOUR * HOUR;
    let writer = Writer::start(&bucket, &folder, SECRET_KEY, &format!("{{path: '{PREFIX}'}}"));
    writer.send(this_hour - 26 * HOUR, "yesterday");
    writer.send(this_hour - 2 * HOUR, "before");
    writer.send(this_hour, "now");
    let exit = writer.running.stop();
    support::settled(&exit);
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
    assert!(
        folder.join("data/catalog.db").exists(),
        "`path` names a bucket, and the rest is where it always is"
    );
    let objects = bucket.objects();
    assert_eq!(objects.len(), 3, "an hour an object: {objects:?}");

    assert_eq!(bucket.count(&[]), 3 * LINES);
    // Hours outside the range are not even opened.
    bucket.s3.calls();
    assert_eq!(bucket.count(&["--from", "5h"]), 2 * LINES);
    let opened = bucket.s3.calls();
    let opened = |object: &String| {
        let object = object.replace('=', "%3D");
        opened.iter().any(|call| call.starts_with("GET") && call.contains(&object))
    };
    let old = objects.iter().min().expect("three");
    assert_eq!(objects.iter().filter(|object| opened(object)).count(), 2, "{old} is yesterday's");
    assert!(!opened(old), "{old}");
    let found = bucket.rows(&[], "filter @message like /yesterday/ | stats count(*) as n by service");
    assert_eq!(found[0]["n"].as_f64(), Some(LINES as f64), "{found:?}");

    // What one question fetched, the next finds in the user's folder.
    let home = Folder::new();
    let ask = || {
        bucket.s3.calls();
        let program = bucket.program(SECRET_KEY).env("HOME", home.path());
        let exit = program.arg("filter @message like /now/ | stats count(*) as n").output();
        let fetched = bucket.s3.calls().iter().filter(|call| call.contains(".parquet")).count();
        (rows(&exit), fetched)
    };
    let (first, fetched) = ask();
    assert!(fetched >= 3 && home.join(".cache/outrigger").exists(), "{fetched} objects were asked for");
    assert_eq!(ask(), (first, 0));

    let script = "logs = ds.dataset('lake/some/prefix/logs', filesystem=store, partitioning='hive')\nprint(logs.count_rows(), logs.count_rows(filter=ds.field('day') == logs.to_table(columns=['day'])['day'][0]))\n\
        n, hours, text = duckdb.sql(f\"select count(*), count(distinct (day, hour)), count(distinct message) from read_parquet('{root}/logs/*/*/*.parquet', hive_partitioning=true)\").fetchone()\n\
        print(n, hours, text)\n\
        wrong = duckdb.sql(f\"select count(*) from read_parquet('{root}/logs/*/*/*.parquet', hive_partitioning=true) where strftime(time at time zone 'UTC', '%Y-%m-%d %H') <> strftime(day::date, '%Y-%m-%d') || ' ' || lpad(hour::varchar, 2, '0')\").fetchone()[0]\n\
        print(wrong)";
    let read = need!(foreign(&bucket, script));
    let lines: Vec<&str> = read.lines().collect();
    assert!(lines[0].starts_with(&format!("{} ", 3 * LINES)), "pyarrow over S3: {read}");
    assert_eq!(lines[1], format!("{0} 3 {0}", 3 * LINES), "duckdb: {read}");
    assert_eq!(lines[2], "0", "each row lies in its hour's folder: {read}");
}

#[test]
fn what_is_broken_or_foreign_is_told_and_the_rest_is_read() {
    let bucket = need!(Bucket::start());
    let folder = Folder::new();
    let writer = Writer::start(
        &bucket,
        &folder,
        SECRET_KEY,
        &format!("{{publish: {{to: '{PREFIX}'}}, path: '{}'}}", folder.join("lake").display()),
    );
    writer.send(now() - 2 * HOUR, "good");
    assert_eq!(writer.running.stop().code(), Some(0));
    let day = "some/prefix/logs/day=2026-01-01";
    bucket.moto.boto(&format!(
        "for key in ['{day}/hour=00/0000000000000001-0000000000000001.parquet', '{day}/hour=00/part-0.parquet', '{day}/_SUCCESS']:\n    \
         aws('s3').put_object(Bucket='lake', Key=key, Body=b'PAR1 this is no Parquet file PAR1')"
    ));
    let exit = bucket.query(SECRET_KEY, &["--language", "sql"], "SELECT count(*) AS n FROM logs");
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
    let counted = rows(&exit);
    assert_eq!(counted.len(), 1, "{}", exit.stderr);
    assert_eq!(counted[0]["n"], LINES, "{}", exit.stderr);
    let broken = format!("s3://lake/{day}/hour=00/0000000000000001-0000000000000001.parquet cannot be read");
    assert!(exit.stderr.contains("not whole") && exit.stderr.contains(&broken), "{}", exit.stderr);
    assert!(exit.stderr.contains("no files of a lake") && !exit.panicked(), "{}", exit.stderr);
}

#[test]
fn a_wrong_secret_is_told_and_not_shown() {
    let bucket = need!(Bucket::start());
    let secret = "not-the-secret-of-this-bucket";
    let exit = bucket.query(secret, &["--language", "sql"], "SELECT count(*) AS n FROM logs");
    assert_eq!(exit.code(), Some(1), "{}", exit.stdout_text());
    assert!(exit.stderr.contains("SignatureDoesNotMatch"), "{}", exit.stderr);
    assert!(exit.stderr.contains(PREFIX), "{}", exit.stderr);
    assert!(!exit.stderr.contains(secret) && !exit.stderr.contains("panicked"), "{}", exit.stderr);

    // A writer keeps its rows, says so, and the next one with the right key sends them.
    let folder = Folder::new();
    let lake = format!("{{publish: {{to: '{PREFIX}'}}, path: '{}'}}", folder.join("lake").display());
    let writer = Writer::start(&bucket, &folder, secret, &lake);
    // The lines are seconds apart, and none is of the future.
    writer.send(now() - 2 * LINES, "kept");
    let exit = writer.running.stop();
    assert_eq!(exit.code(), Some(75), "{}", exit.stderr);
    assert!(exit.stderr.contains("SignatureDoesNotMatch") && exit.stderr.contains("rows are not published"));
    assert!(!exit.stderr.contains(secret), "{}", exit.stderr);
    assert!(bucket.objects().is_empty());
    let writer = Writer::start(&bucket, &folder, SECRET_KEY, &lake);
    assert_eq!(writer.running.stop().code(), Some(0));
    assert_eq!(bucket.count(&[]), LINES);
}

#[test]
fn a_prefix_without_a_lake_is_told() {
    let bucket = need!(Bucket::start());
    let exit = bucket.query(SECRET_KEY, &[], "fields @message");
    assert_eq!(exit.code(), Some(1), "{}", exit.stdout_text());
    assert!(exit.stderr.contains(PREFIX) && exit.stderr.contains("no files of a lake"), "{}", exit.stderr);
}

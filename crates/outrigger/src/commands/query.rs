//! `outrigger query`: asks a running instance, or the lake that a stopped one has left, and prints what it says.

mod render;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use console::Console;
use futures_util::StreamExt;
use http::{Request, Response};
use lake::{Lake, LakeError, Settings};
use net::http::{Client, ClientSettings};
use query::{Engine, Limits};
use serde_json::{Value, json};
use tower_service::Service;

use super::run;
use crate::cli::{Language, Output, QueryOptions, VERSION};
use crate::{Exit, api};
use render::Renderer;

/// A query's own limit ends it first.
const ANSWER_WITHIN: Duration = Duration::from_secs(90);
const MAX_ANSWER: usize = 256 << 20;

pub fn query(options: &QueryOptions) -> Exit {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let Ok(runtime) = run::runtime(workers) else { return Exit::Failed };
    let output = options.output.unwrap_or(match std::io::stdout().is_terminal() {
        true => Output::Table,
        false => Output::Json,
    });
    match runtime.block_on(answer(options, output)) {
        Ok(()) => Exit::Drained,
        Err(error) => {
            super::complain(&error);
            Exit::Failed
        }
    }
}

async fn answer(options: &QueryOptions, output: Output) -> Result<(), String> {
    let environment = net::Environment::process();
    let mut asked = match place(options, &environment)? {
        Place::Instance(url) => ask_instance(&url, options, &environment).await?,
        Place::Folder(folder) => {
            let lake = Lake::open_read_only(Settings::new(folder, now)).map_err(|error| told(&error))?;
            ask_lake(lake, options).await?
        }
        Place::Bucket(url) => ask_lake(listed(url, options, &environment).await?, options).await?,
    };
    let mut renderer = Renderer::new(output, &options.query);
    while let Some(line) = asked.next().await {
        renderer.line(&line?)?;
    }
    renderer.finish()
}

/// Whom to ask.
enum Place {
    Instance(String),
    Folder(String),
    Bucket(String),
}

/// What is named; else the instance of this machine, if it answers; else the folder that it would write.
fn place(options: &QueryOptions, environment: &net::Environment) -> Result<Place, String> {
    match options.lake.as_deref() {
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
            Ok(Place::Instance(url.trim_end_matches('/').to_owned()))
        }
        Some(bucket) if bucket.starts_with("s3://") => Ok(Place::Bucket(bucket.to_owned())),
        Some(folder) => Ok(Place::Folder(folder.to_owned())),
        None => {
            let listen = environment.get("OUTRIGGER_LISTEN").unwrap_or(api::DEFAULT_LISTEN);
            let address = listen.replace("0.0.0.0", "127.0.0.1");
            let folder = environment.get("OUTRIGGER_DATA").unwrap_or("outrigger-data").to_owned();
            match Lake::is_locked(Path::new(&folder)) || !Path::new(&folder).exists() {
                true => Ok(Place::Instance(format!("http://{address}"))),
                false => Ok(Place::Folder(folder)),
            }
        }
    }
}

type Lines = futures_util::stream::BoxStream<'static, Result<Value, String>>;

/// Microseconds since the epoch.
fn now() -> i64 {
    (engine::clock::now_nanos() / 1000) as i64
}

/// The range that is asked for, in milliseconds since the epoch.
fn range(options: &QueryOptions) -> Result<(i64, i64), String> {
    let now = (engine::clock::now_nanos() / 1_000_000) as i64;
    let moment = |text: &Option<String>, otherwise: i64| match text {
        Some(text) => moment(text, now).ok_or_else(|| {
            format!("`{text}` is no time; write how long ago, as 2h, or a time, as 2026-05-01T12:00:00Z")
        }),
        None => Ok(otherwise),
    };
    Ok((moment(&options.from, 0)?, moment(&options.to, now)?))
}

/// The request that all kinds of place are asked with.
fn request(base: &str, options: &QueryOptions) -> Result<Request<Bytes>, String> {
    let (from, to) = range(options)?;
    let built = match options.language {
        Language::Promql => {
            let text = percent(&options.query);
            let url = format!("{base}/api/v1/query?query={text}&time={}", to as f64 / 1000.0);
            Request::get(url).body(Bytes::new())
        }
        language => {
            let language = if language == Language::Sql { "sql" } else { "insights" };
            let body = json!({
                "language": language, "query": options.query, "from": from, "to": to, "limit": options.limit,
            });
            Request::post(format!("{base}/api/query")).body(Bytes::from(body.to_string()))
        }
    };
    built.map_err(|error| format!("{base}: {error}"))
}

fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// How long ago, or when; in milliseconds since the epoch.
fn moment(text: &str, now: i64) -> Option<i64> {
    if text == "now" {
        return Some(now);
    }
    if let Ok(ago) = text.parse::<config::Interval>() {
        return Some(now - ago.0.as_millis() as i64);
    }
    text.parse::<jiff::Timestamp>().ok().map(|time| time.as_millisecond())
}

async fn ask_instance(
    base: &str,
    options: &QueryOptions,
    environment: &net::Environment,
) -> Result<Lines, String> {
    let mut settings = ClientSettings::new(environment);
    settings.use_proxy = false;
    let client = Client::new(settings).map_err(|error| error.to_string())?;
    let mut request = request(base, options)?;
    if let Some(token) = environment.get("OUTRIGGER_TOKEN")
        && let Ok(bearer) = format!("Bearer {token}").parse()
    {
        request.headers_mut().insert(http::header::AUTHORIZATION, bearer);
    }
    let answered = client.send_capped(request, ANSWER_WITHIN, MAX_ANSWER).await;
    let answered = answered.map_err(|error| {
        format!("{base}: {error}\n   help: start `outrigger`, or name a lake's folder with --lake")
    })?;
    let lines: Vec<Result<Value, String>> =
        answered.body.split(|byte| *byte == b'\n').filter_map(parsed).collect();
    Ok(futures_util::stream::iter(lines).boxed())
}

/// What lakes have published to a bucket, as far as the question may need it.
async fn listed(url: String, options: &QueryOptions, environment: &net::Environment) -> Result<Lake, String> {
    let place = exporters::lake::objects::Place {
        url,
        region: options.region.clone(),
        endpoint: options.endpoint.clone(),
        path_style: None,
    };
    let mut remote = exporters::lake::objects::remote(&place, environment)?;
    if let Some(folder) = cache_folder(environment) {
        remote = remote.kept_in(folder, exporters::lake::objects::CACHE);
    }
    let (from, to) = range(options)?;
    // A moment of PromQL looks back before the range.
    let from = if options.language == Language::Promql { 0 } else { from };
    let range = (from.saturating_mul(1000), to.saturating_mul(1000).saturating_add(999));
    Lake::open_listed(remote, range, now).await.map_err(|error| told(&error))
}

/// Where what is read of buckets is kept for the next question, where the user has such a place.
fn cache_folder(environment: &net::Environment) -> Option<PathBuf> {
    let own = environment.get("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let home = || Some(Path::new(environment.get("HOME")?).join(".cache"));
    Some(own.or_else(home)?.join("outrigger"))
}

/// The console's routes over a lake, without a socket.
async fn ask_lake(lake: Lake, options: &QueryOptions) -> Result<Lines, String> {
    if let Some(left_out) = lake.left_out() {
        super::complain(&format!("{left_out}; left out"));
    }
    let engine = Engine::new(Arc::new(lake), Limits::default()).map_err(|error| error.message)?;
    let console = Console { engine: Arc::new(engine), version: VERSION, started: 0, receivers: Vec::new() };
    let mut router: Router = console::router(console);
    let request = request("", options)?.map(Body::from);
    let response: Result<Response<Body>, _> = router.call(request).await;
    let Ok(response) = response;
    let mut rest: Vec<u8> = Vec::new();
    // The router is what keeps the lake open.
    let chunks = response.into_body().into_data_stream().map(move |chunk| (chunk, router.clone()));
    let lines = chunks.chain(futures_util::stream::empty()).flat_map(move |(chunk, _)| {
        let mut lines = Vec::new();
        match chunk {
            Ok(chunk) => {
                rest.extend_from_slice(&chunk);
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = rest.drain(..=end).collect();
                    lines.extend(parsed(&line));
                }
                // Prometheus' answers are one object without a line's end.
                if let Ok(value) = serde_json::from_slice(&rest) {
                    rest.clear();
                    lines.push(Ok(value));
                }
            }
            Err(error) => lines.push(Err(error.to_string())),
        }
        futures_util::stream::iter(lines)
    });
    Ok(lines.boxed())
}

fn parsed(line: &[u8]) -> Option<Result<Value, String>> {
    let line = line.trim_ascii();
    let read = || serde_json::from_slice(line).map_err(|_| String::from_utf8_lossy(line).into_owned());
    (!line.is_empty()).then(read)
}

fn told(error: &LakeError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

//! `StartQuery` and what follows it: queries that run by themselves, known by an id until their results are fetched.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use query::{InsightsAnswer, LogsAsked, Progress, QueryError, Range};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::results::Results;
use super::{Api, Failure, groups};
use crate::parameters::now_micros;

/// Queries at work at a time; the service's own quota.
const MOST_RUNNING: usize = 30;
/// Queries that are known once they ended: so many, for so long, and with so many bytes of results.
const MOST_ENDED: usize = 100;
const KEPT: Duration = Duration::from_secs(600);
const MOST_BYTES: usize = 128 << 20;

/// Groups that one query may name.
const MOST_GROUPS: usize = 50;
const MOST_ROWS: usize = 100_000;
/// Rows of one answer of `GetQueryResults`.
const PAGE: usize = 10_000;

/// All that are known, the oldest first.
#[derive(Default)]
pub(super) struct Queries(Mutex<VecDeque<Arc<Known>>>);

struct Known {
    id: String,
    text: String,
    groups: Vec<String>,
    limit: usize,
    /// Milliseconds since the epoch.
    created: i64,
    progress: Arc<Progress>,
    state: Mutex<State>,
}

enum State {
    Running(Option<AbortHandle>),
    Ended { how: Ended, at: Instant },
}

enum Ended {
    Complete(Arc<Results>),
    Failed(String),
    Cancelled,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Known {
    fn is_running(&self) -> bool {
        matches!(*locked(&self.state), State::Running(_))
    }

    fn status(&self) -> &'static str {
        match &*locked(&self.state) {
            State::Running(_) => "Running",
            State::Ended { how: Ended::Complete(results), .. } if results.partial.is_some() => "Timeout",
            State::Ended { how: Ended::Complete(_), .. } => "Complete",
            State::Ended { how: Ended::Failed(_), .. } => "Failed",
            State::Ended { how: Ended::Cancelled, .. } => "Cancelled",
        }
    }

    /// When it ended, and the bytes that its results hold.
    fn ended(&self) -> Option<(Instant, usize)> {
        match &*locked(&self.state) {
            State::Running(_) => None,
            State::Ended { how: Ended::Complete(results), at } => Some((*at, results.bytes)),
            State::Ended { at, .. } => Some((*at, 0)),
        }
    }

    fn end(&self, how: Ended) {
        let mut state = locked(&self.state);
        if matches!(*state, State::Running(_)) {
            *state = State::Ended { how, at: Instant::now() };
        }
    }

    fn settle(&self, done: Result<InsightsAnswer, QueryError>) {
        self.end(match done {
            Ok(answer) => Ended::Complete(Arc::new(Results::new(&answer, self.limit))),
            Err(error) => Ended::Failed(error.message),
        });
    }

    fn results(&self) -> Option<Arc<Results>> {
        match &*locked(&self.state) {
            State::Ended { how: Ended::Complete(results), .. } => Some(results.clone()),
            _ => None,
        }
    }
}

impl Queries {
    fn find(&self, id: &str) -> Result<Arc<Known>, Failure> {
        let mut all = locked(&self.0);
        forget(&mut all, Instant::now());
        let found = all.iter().find(|known| known.id == id).cloned();
        found.ok_or_else(|| Failure::no_such("query", id))
    }

    /// Makes room for one more and begins it with `start`.
    fn add(&self, start: impl FnOnce() -> Result<Arc<Known>, Failure>) -> Result<Arc<Known>, Failure> {
        let mut all = locked(&self.0);
        forget(&mut all, Instant::now());
        if all.iter().filter(|known| known.is_running()).count() >= MOST_RUNNING {
            let message = format!("{MOST_RUNNING} queries run already; wait for one to end, or stop one");
            return Err(Failure::new("LimitExceededException", message));
        }
        let known = start()?;
        all.push_back(known.clone());
        Ok(known)
    }
}

/// Drops queries that ended long ago, and the oldest of those that are too many or hold too much. The newest stays.
fn forget(all: &mut VecDeque<Arc<Known>>, now: Instant) {
    let (mut count, mut bytes) = (0, 0);
    let mut kept: VecDeque<Arc<Known>> = VecDeque::with_capacity(all.len());
    for known in all.drain(..).rev() {
        if let Some((at, size)) = known.ended() {
            count += 1;
            bytes += size;
            let fits = count <= MOST_ENDED && bytes <= MOST_BYTES && now.duration_since(at) < KEPT;
            if !fits && count > 1 {
                continue;
            }
        }
        kept.push_front(known);
    }
    *all = kept;
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    query_language: Option<String>,
    log_group_name: Option<String>,
    log_group_names: Option<Vec<String>>,
    log_group_identifiers: Option<Vec<String>>,
    /// Seconds since the epoch, both included.
    start_time: i64,
    end_time: i64,
    query_string: String,
    limit: Option<usize>,
}

pub(super) async fn start(api: &Api, asked: Start) -> Result<String, Failure> {
    if let Some(other) = asked.query_language.as_deref().filter(|language| *language != "CWLI") {
        let message = format!("queryLanguage {other} is not supported; CWLI is, and SQL by POST api/query");
        return Err(Failure::parameter(message));
    }
    let limit = asked.limit.unwrap_or(MOST_ROWS);
    if !(1..=MOST_ROWS).contains(&limit) {
        return Err(Failure::parameter(format!("limit is 1 to {MOST_ROWS}")));
    }
    let range = Range::millis(millis(asked.start_time, 0), millis(asked.end_time, 999));
    if range.from > range.to {
        return Err(Failure::parameter("End time should not be before start time"));
    }
    let groups = named_groups(&asked)?;
    // What is wrong with the text is told before what is wrong with its groups.
    let program = insights::compile(&asked.query_string).map_err(malformed)?;
    if groups.is_empty() && program.sources().is_none() {
        return Err(Failure::parameter("name log groups, or begin the query with SOURCE"));
    }
    for group in &groups {
        groups::must_exist(api, group).await?;
    }
    let known = api.queries.add(|| begin(api, asked.query_string, groups, range, limit))?;
    Ok(json!({"queryId": known.id}).to_string())
}

fn begin(
    api: &Api,
    text: String,
    groups: Vec<String>,
    range: Range,
    limit: usize,
) -> Result<Arc<Known>, Failure> {
    let engine = &api.console.engine;
    let of = LogsAsked { groups: groups.clone(), ..LogsAsked::default() };
    let running = engine.insights(&text, range, &of, engine.limits())?;
    let known = Arc::new(Known {
        id: id(),
        text,
        groups,
        limit,
        created: now_micros() / 1000,
        progress: running.progress.clone(),
        state: Mutex::new(State::Running(None)),
    });
    let task = tokio::spawn({
        let known = known.clone();
        async move { known.settle(running.finish().await) }
    });
    if let State::Running(abort) = &mut *locked(&known.state) {
        *abort = Some(task.abort_handle());
    }
    Ok(known)
}

/// Seconds since the epoch in milliseconds; scripts that count milliseconds are understood, as the service does.
fn millis(time: i64, rest: i64) -> i64 {
    const SECONDS_BEFORE: i64 = 100_000_000_000;
    if time < SECONDS_BEFORE { time.saturating_mul(1000).saturating_add(rest) } else { time }
}

fn named_groups(asked: &Start) -> Result<Vec<String>, Failure> {
    let one = asked.log_group_name.clone().map(|name| vec![name]);
    let identified = asked.log_group_identifiers.as_ref();
    let identified = identified.map(|all| all.iter().map(|one| groups::name(one)).collect());
    let given: Vec<Vec<String>> =
        [one, asked.log_group_names.clone(), identified].into_iter().flatten().collect();
    match given.as_slice() {
        [] => Ok(Vec::new()),
        [names] if names.len() <= MOST_GROUPS => Ok(names.clone()),
        [_] => Err(Failure::parameter(format!("a query names at most {MOST_GROUPS} log groups"))),
        _ => Err(Failure::parameter(
            "exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be given",
        )),
    }
}

/// Places are characters from 0, as the service counts them.
fn malformed(error: insights::Error) -> Failure {
    let location = json!({"startCharOffset": error.start, "endCharOffset": error.end});
    let message = format!("{} (characters {} to {})", error.message, error.start, error.end);
    let compile_error = json!({"location": location, "message": error.message});
    let more = Map::from_iter([("queryCompileError".to_owned(), compile_error)]);
    Failure { more, ..Failure::new("MalformedQueryException", message) }
}

/// Written as the service's ids, and not to be guessed.
fn id() -> String {
    let random = || RandomState::new().hash_one(now_micros());
    let (a, b) = (random(), random());
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xffff,
        b >> 48,
        b & 0xffff_ffff_ffff
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfQuery {
    query_id: String,
    next_token: Option<String>,
}

pub(super) fn results(api: &Api, asked: &OfQuery) -> Result<String, Failure> {
    let known = api.queries.find(&asked.query_id)?;
    let from = match &asked.next_token {
        None => 0,
        Some(token) => {
            token.parse().map_err(|_| Failure::parameter("The specified nextToken is invalid."))?
        }
    };
    let results = known.results().unwrap_or_default();
    let statistics = json!({
        "recordsMatched": results.matched as f64,
        "recordsScanned": known.progress.scanned_rows() as f64,
        "bytesScanned": known.progress.scanned_bytes() as f64,
        "estimatedRecordsSkipped": 0.0, "estimatedBytesSkipped": 0.0,
        "logGroupsScanned": known.groups.len() as f64,
    });
    let mut answer = json!({"queryLanguage": "CWLI", "status": known.status(), "statistics": statistics});
    if from + PAGE < results.rows.len() {
        answer["nextToken"] = (from + PAGE).to_string().into();
    }
    if let State::Ended { how: Ended::Failed(why), .. } = &*locked(&known.state) {
        answer["failure"] = why.as_str().into();
    }
    if let Some(why) = &results.partial {
        answer["partial"] = why.as_str().into();
    }
    let rows: Vec<&str> = results.rows.iter().skip(from).take(PAGE).map(|row| &**row).collect();
    // Rows are JSON already.
    let head = answer.to_string();
    Ok(format!("{},\"results\":[{}]}}", &head[..head.len() - 1], rows.join(",")))
}

pub(super) fn stop(api: &Api, asked: &OfQuery) -> Result<String, Failure> {
    let known = api.queries.find(&asked.query_id)?;
    let abort = match &mut *locked(&known.state) {
        State::Running(abort) => abort.take(),
        State::Ended { .. } => {
            let message = "the query has ended and cannot be stopped";
            return Err(Failure::parameter(message));
        }
    };
    if let Some(abort) = abort {
        abort.abort();
    }
    known.end(Ended::Cancelled);
    Ok(json!({"success": true}).to_string())
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Describe {
    log_group_name: Option<String>,
    status: Option<String>,
    max_results: Option<usize>,
}

/// The newest first.
pub(super) fn describe(api: &Api, asked: &Describe) -> Result<String, Failure> {
    let mut all = locked(&api.queries.0);
    forget(&mut all, Instant::now());
    let fits = |known: &&Arc<Known>| {
        asked.status.as_deref().is_none_or(|status| status == known.status())
            && asked.log_group_name.as_ref().is_none_or(|group| known.groups.contains(group))
    };
    let queries: Vec<Value> =
        all.iter().rev().filter(fits).take(asked.max_results.unwrap_or(1000)).map(told).collect();
    Ok(json!({ "queries": queries }).to_string())
}

fn told(known: &Arc<Known>) -> Value {
    let mut told = json!({
        "queryLanguage": "CWLI", "queryId": known.id, "queryString": known.text, "status": known.status(),
        "createTime": known.created, "bytesScanned": known.progress.scanned_bytes() as f64,
    });
    if let Some(group) = known.groups.first() {
        told["logGroupName"] = group.as_str().into();
    }
    if let Some(results) = known.results() {
        told["queryDuration"] = results.took.into();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(state: State) -> Arc<Known> {
        Arc::new(Known {
            id: id(),
            text: String::new(),
            groups: Vec::new(),
            limit: 1,
            created: 0,
            progress: Arc::default(),
            state: Mutex::new(state),
        })
    }

    fn ended(at: Instant, bytes: usize) -> Arc<Known> {
        let results = Results { bytes, ..Results::default() };
        known(State::Ended { how: Ended::Complete(Arc::new(results)), at })
    }

    #[tokio::test]
    async fn so_many_run_at_a_time_and_each_ends_once() {
        let queries = Queries::default();
        let first = queries.add(|| Ok(known(State::Running(None)))).unwrap();
        for _ in 1..MOST_RUNNING {
            queries.add(|| Ok(known(State::Running(None)))).unwrap();
        }
        let refused = queries.add(|| panic!("it must not begin")).map(|_| ()).unwrap_err();
        assert_eq!(refused.kind, "LimitExceededException");
        assert_eq!(first.status(), "Running");
        first.end(Ended::Cancelled);
        first.settle(Err(QueryError::refused("too late")));
        assert_eq!(queries.find(&first.id).unwrap().status(), "Cancelled");
        assert!(queries.add(|| Ok(known(State::Running(None)))).is_ok());
        assert_eq!(queries.find("none").map(|_| ()).unwrap_err().kind, "ResourceNotFoundException");
    }

    #[test]
    fn times_are_seconds_or_milliseconds() {
        assert_eq!(millis(1_700_000_000, 999), 1_700_000_000_999);
        assert_eq!(millis(1_700_000_000_123, 999), 1_700_000_000_123);
        assert_eq!(millis(0, 0), 0);
    }

    #[test]
    fn ids_look_like_the_services_and_differ() {
        let (one, other) = (id(), id());
        assert_ne!(one, other);
        assert_eq!(one.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    }

    #[tokio::test]
    async fn what_ended_is_forgotten_by_number_age_and_size() {
        let now = Instant::now();
        let mut many: VecDeque<_> = (0..MOST_ENDED + 20).map(|_| ended(now, 1)).collect();
        let newest = many.back().unwrap().id.clone();
        forget(&mut many, now);
        assert_eq!((many.len(), &many.back().unwrap().id), (MOST_ENDED, &newest));
        let mut old = VecDeque::from([ended(now, 1), ended(now, 1)]);
        forget(&mut old, now + KEPT);
        assert_eq!(old.len(), 1, "the newest stays");
        let mut large: VecDeque<_> = (0..4).map(|_| ended(now, MOST_BYTES / 2)).collect();
        forget(&mut large, now);
        assert_eq!(large.len(), 2);
    }
}

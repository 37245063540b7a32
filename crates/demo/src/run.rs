//! The parent: starts the tasks, sends visitors, deploys new versions, and ends everything.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::clock::now_nanos;
use net::http::serve;
use net::{Endpoint, Listener};
use tokio::time::sleep;

use crate::dice::Dice;
use crate::fleet::{Fleet, Running};
use crate::load::{Entries, visit};
use crate::metadata::Metadata;
use crate::notices::{Notices, say};
use crate::{DemoError, Settings, nginx};

const TASKS: usize = 2;

/// From one deployment to the next.
const DEPLOY_EVERY: Duration = Duration::from_secs(240);

/// Between the tasks of one deployment.
const ROLLING: Duration = Duration::from_secs(20);

/// Of the visitors: what they ask for is the same in each run.
const SEED: u64 = 20_240_501;

/// Runs the shop until `stop` resolves or its time is over. `program` is what the processes are started from: it is
/// called as `program demo --role ROLE --part JSON`, which leads to [`crate::role`], and as `program run --config …`.
pub async fn run(
    settings: Settings,
    program: &Path,
    stop: impl Future<Output = ()>,
) -> Result<(), DemoError> {
    if !(0.1..=500.0).contains(&settings.rate) {
        return Err(DemoError::Rate(settings.rate));
    }
    let has_nginx = settings.nginx && nginx::find().is_some();
    if settings.nginx && !has_nginx {
        say("nginx is not installed; visitors go straight to the shop");
    }
    let folder = has_nginx.then(Folder::new);
    let listener = Listener::bind(&Endpoint::Tcp(([127, 0, 0, 1], 0).into()))?;
    let metadata = Arc::<Metadata>::default();
    let fleet = Fleet {
        program: program.into(),
        metadata: metadata.clone(),
        metadata_address: format!("127.0.0.1:{}", listener.endpoint().port().unwrap_or_default()),
        notices: Arc::<Notices>::default(),
        folder: folder.as_ref().map(|folder| folder.0.clone()),
        settings,
    };
    let mut tasks = Vec::new();
    let result = tokio::select! {
        result = work(&fleet, &mut tasks) => result,
        () = serve(listener, metadata.router(), std::future::pending()) => Ok(()),
        () = time_is_over(fleet.settings.seconds) => Ok(()),
        () = stop => Ok(()),
    };
    fleet.notices.ending();
    let ends = tasks.into_iter().map(|task| fleet.end(task));
    join_all(ends.collect()).await;
    result
}

async fn work(fleet: &Fleet, tasks: &mut Vec<Running>) -> Result<(), DemoError> {
    // Tasks of two runs are different ones.
    let mut dice = Dice::new(now_nanos());
    for place in 0..TASKS {
        tasks.push(fleet.start(place, 0, &mut dice).await?);
    }
    let settings = &fleet.settings;
    let entries: Entries = Arc::new(Mutex::new(tasks.iter().map(|task| task.entry.clone()).collect()));
    say(&format!(
        "a shop of {TASKS} tasks runs, {} requests a second; spans and metrics go to {}, log lines to {}; Ctrl-C ends it",
        settings.rate, settings.otlp, settings.forward
    ));
    tokio::select! {
        result = visit(entries.clone(), settings.rate, SEED) => result,
        result = deploy(fleet, tasks, &entries, &mut dice) => result,
    }
}

/// Replaces task by task: the next one runs before the old one goes, and visitors follow.
async fn deploy(
    fleet: &Fleet,
    tasks: &mut [Running],
    entries: &Entries,
    dice: &mut Dice,
) -> Result<(), DemoError> {
    for deployment in 1.. {
        sleep(DEPLOY_EVERY).await;
        for (place, task) in tasks.iter_mut().enumerate() {
            let old = std::mem::replace(task, fleet.start(place, deployment, dice).await?);
            entries.lock().unwrap_or_else(PoisonError::into_inner)[place] = task.entry.clone();
            // Requests on their way still arrive at the old one.
            sleep(Duration::from_secs(3)).await;
            fleet.end(old).await;
            sleep(ROLLING).await;
        }
    }
    Ok(())
}

async fn time_is_over(seconds: Option<u64>) {
    match seconds {
        Some(seconds) => sleep(Duration::from_secs(seconds)).await,
        None => std::future::pending().await,
    }
}

async fn join_all<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        futures.retain_mut(|future| future.as_mut().poll(cx).is_pending());
        if futures.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// For nginx' files; removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        Folder(std::env::temp_dir().join(format!("outrigger-demo-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

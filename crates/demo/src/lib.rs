//! A small shop that runs on one machine, for `outrigger demo`: real processes that call each other and tell about it
//! as an application in an ECS task does.
//!
//! ```text
//! load ──► nginx ──► front ──► api ──► worker        one task, twice
//!                                │
//!                           database, cache          pretended, inside api
//! ```
//!
//! Nothing is replayed. Each process sends its spans and metrics over OTLP, and its log lines as Docker's log driver
//! and FireLens would. The parent serves each task's metadata endpoint with numbers that follow the load, and a sidecar
//! of the program itself scrapes it. Every few minutes a new version is deployed, task by task.
//!
//! A process gives up when its standard input ends, so that none outlives the parent, however that ended.

mod api;
mod dice;
mod fleet;
mod front;
mod identity;
mod load;
mod metadata;
mod nginx;
mod notices;
mod process;
mod report;
mod run;
mod service;
mod sidecar;
mod store;
mod telemetry;
#[cfg(test)]
mod tests;
mod until;
mod worker;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use run::run;
pub use sidecar::SIDECAR;

/// What the shop is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where log lines go, `HOST:PORT` or `unix:/path`, in Fluentd's forward protocol.
    pub forward: String,
    /// Where spans and metrics go, over OTLP/HTTP.
    pub otlp: String,
    /// Requests a second, on average.
    pub rate: f64,
    /// Put nginx in front where it is installed.
    pub nginx: bool,
    /// End by itself after this long.
    pub seconds: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            forward: "127.0.0.1:24224".into(),
            otlp: "http://127.0.0.1:4318".into(),
            rate: 8.0,
            nginx: true,
            seconds: None,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("`{0}` is no rate of requests; write a number from 0.1 to 500")]
    Rate(f64),
    #[error("cannot listen on the loopback interface")]
    Bind(#[from] net::BindError),
    #[error("cannot start {what}")]
    Start { what: String, source: io::Error },
    #[error("{what} did not start")]
    NotReady { what: String },
    #[error("cannot set up the HTTP client: {0}")]
    Client(String),
    #[error("`{0}` is no role of the demo; there are front, api, worker, nginx and sidecar")]
    Role(String),
    #[error("--part is not as the demo writes it")]
    Part(#[source] serde_json::Error),
    #[error("bug: {0}")]
    Bug(&'static str),
}

/// What a process of the shop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Front,
    Api,
    Worker,
    /// Looks after nginx.
    Nginx,
    /// Looks after Outrigger as a sidecar.
    Sidecar,
}

impl Role {
    const ALL: [Role; 5] = [Role::Front, Role::Api, Role::Worker, Role::Nginx, Role::Sidecar];

    fn word(self) -> &'static str {
        match self {
            Role::Front => "front",
            Role::Api => "api",
            Role::Worker => "worker",
            Role::Nginx => "nginx",
            Role::Sidecar => "sidecar",
        }
    }

    /// Its container's name in the task definition.
    fn container(self) -> &'static str {
        match self {
            Role::Sidecar => "log_router",
            other => other.word(),
        }
    }

    /// `service.name`.
    fn service(self) -> &'static str {
        match self {
            Role::Front => "shop-front",
            Role::Api => "shop-api",
            Role::Worker => "shop-worker",
            Role::Nginx => "shop-nginx",
            Role::Sidecar => "shop-sidecar",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Role {
    type Err = DemoError;

    fn from_str(text: &str) -> Result<Role, DemoError> {
        let known = Role::ALL.into_iter().find(|role| role.word() == text);
        known.ok_or_else(|| DemoError::Role(text.into()))
    }
}

/// What a process is told by its parent, as JSON in `--part`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Part {
    pub task: identity::Task,
    /// Of the task in the service: 0 or 1.
    pub place: usize,
    pub container: String,
    /// `HOST:PORT` of the service it calls.
    pub next: Option<String>,
    pub forward: String,
    pub otlp: String,
    /// What the sidecar is started from.
    pub program: PathBuf,
    /// Of the task's metadata, for the sidecar.
    pub metadata: Option<String>,
    /// For nginx' files.
    pub folder: Option<PathBuf>,
    pub seed: u64,
}

/// Runs one process of the shop until its standard input ends.
pub async fn role(role: Role, part: &str) -> Result<(), DemoError> {
    let part: Part = serde_json::from_str(part).map_err(DemoError::Part)?;
    let stop = until::input_ends();
    match role {
        Role::Nginx => nginx::run(&part, stop).await,
        Role::Sidecar => sidecar::run(&part, stop).await,
        Role::Front | Role::Api | Role::Worker => {
            let running = service::Running::bind(role, &part)?;
            until::ready(&running.address);
            let service = running.service.clone();
            let reporting = until::reporting(move || service.telemetry.report());
            tokio::select! {
                // The parent is gone; nobody waits for what is left.
                () = reporting => {}
                () = running.serve(stop) => {}
            }
            Ok(())
        }
    }
}

//! The running tasks of the shop, and how one is replaced by the next version.

use std::path::PathBuf;
use std::sync::Arc;

use crate::dice::Dice;
use crate::identity::Task;
use crate::metadata::Metadata;
use crate::notices::Notices;
use crate::process::Process;
use crate::{DemoError, Part, Role, Settings};

/// What all tasks share.
pub struct Fleet {
    pub settings: Settings,
    pub program: PathBuf,
    pub metadata: Arc<Metadata>,
    /// `HOST:PORT` of the metadata endpoint.
    pub metadata_address: String,
    pub notices: Arc<Notices>,
    /// For nginx' files; `None` leaves it out.
    pub folder: Option<PathBuf>,
}

pub struct Running {
    pub task: Task,
    /// Where its requests go.
    pub entry: String,
    processes: Vec<Process>,
    quiet: Arc<std::sync::atomic::AtomicBool>,
}

impl Fleet {
    /// Starts a task, the last service of the chain first.
    pub async fn start(&self, place: usize, deployment: u32, dice: &mut Dice) -> Result<Running, DemoError> {
        let task = Task::new(place, deployment, dice);
        let mut roles = vec![Role::Worker, Role::Api, Role::Front];
        if self.folder.is_some() {
            roles.push(Role::Nginx);
        }
        let mut containers: Vec<_> = roles.iter().rev().map(|role| role.container()).collect();
        containers.push(Role::Sidecar.container());
        self.metadata.add(&task, &containers);
        let mut running =
            Running { task, entry: String::new(), processes: Vec::new(), quiet: Arc::default() };
        for role in roles {
            let next = Some(running.entry.clone()).filter(|entry| !entry.is_empty());
            let process = self.process(role, place, next, &running, dice).await?;
            running.entry = process.address.clone();
            running.processes.push(process);
        }
        let sidecar = self.process(Role::Sidecar, place, None, &running, dice).await?;
        running.processes.push(sidecar);
        Ok(running)
    }

    async fn process(
        &self,
        role: Role,
        place: usize,
        next: Option<String>,
        of: &Running,
        dice: &mut Dice,
    ) -> Result<Process, DemoError> {
        let (task, container) = (of.task.clone(), role.container());
        let own = task.container_id(container);
        let part = Part {
            container: container.into(),
            place,
            next,
            forward: self.settings.forward.clone(),
            otlp: self.settings.otlp.clone(),
            program: self.program.clone(),
            metadata: Some(format!("http://{}/v4/{own}", self.metadata_address)),
            folder: self.folder.as_ref().map(|folder| folder.join(&task.id)),
            seed: dice.roll(),
            task,
        };
        let (metadata, notices, quiet) = (self.metadata.clone(), self.notices.clone(), of.quiet.clone());
        let (task, name) = (part.task.id.clone(), format!("{role} of task {}", of.task.id));
        let on_report = move |report: crate::report::Report| {
            if quiet.load(std::sync::atomic::Ordering::Relaxed) {
                return notices.forget(&name);
            }
            if report.gone.is_none() {
                metadata.report(&task, container, &report);
            }
            notices.report(&name, &report);
        };
        Process::start(&self.program, role, &part, on_report).await
    }

    /// Ends a task: its processes finish what they do.
    pub async fn end(&self, mut running: Running) {
        running.quiet.store(true, std::sync::atomic::Ordering::Relaxed);
        running.processes.iter_mut().for_each(Process::release);
        for process in running.processes {
            process.end().await;
        }
        self.metadata.remove(&running.task);
    }
}

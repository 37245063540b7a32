//! `outrigger demo`: a small shop of real processes that sends to a running instance.

use std::error::Error;

use tokio::signal::unix::{SignalKind, signal};

use super::{complain, run};
use crate::Exit;
use crate::cli::DemoOptions;

pub fn demo(options: &DemoOptions) -> Exit {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let Ok(runtime) = run::runtime(workers) else { return Exit::Failed };
    let done = runtime.block_on(async {
        match (&options.role, &options.part) {
            (Some(role), Some(part)) => demo::role(role.parse()?, part).await,
            _ => shop(options).await,
        }
    });
    match done {
        Ok(()) => Exit::Drained,
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            complain(&format!("error: {error}{cause}"));
            Exit::Failed
        }
    }
}

async fn shop(options: &DemoOptions) -> Result<(), demo::DemoError> {
    let settings = demo::Settings {
        forward: options.forward.clone(),
        otlp: options.otlp.clone(),
        rate: options.rate,
        nginx: !options.no_nginx,
        seconds: options.seconds,
    };
    // Where the system does not tell, the name it was called by has to do.
    let program = std::env::current_exe().unwrap_or_else(|_| "outrigger".into());
    demo::run(settings, &program, stopped()).await
}

/// Resolves when somebody wants the end.
async fn stopped() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

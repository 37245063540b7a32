//! What starts, in which order, and how it stops. The only place that ends the process.

mod api;
mod cli;
mod collector_metrics;
mod commands;
mod configuration;
mod disk;
mod early;
mod firelens;
mod health_check;
mod lifeboat;
mod machine;
mod metrics;
mod monitor;
mod pipelines;
mod report;
#[cfg_attr(not(feature = "full"), path = "unseen.rs")]
mod seen;
mod web;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

/// Gives memory back to the system after a burst, which the standard allocator on glibc hardly does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit codes are an interface: scripts and orchestrators read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was received is delivered.
    Drained,
    /// A socket, a file or the runtime was not to be had; `health`: not healthy.
    Failed,
    /// The configuration was refused.
    Refused,
    /// The shutdown budget was spent with data unsent.
    Unsent,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Drained => 0,
            Exit::Failed => 1,
            Exit::Refused => 64,
            Exit::Unsent => 75,
        })
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse_from(cli::arguments());
    let exit = match cli.command.unwrap_or_default() {
        Command::Run(options) => commands::run(&options),
        Command::FluentBit(options) => commands::fluent_bit(options),
        Command::Validate(options) => commands::validate(&options),
        Command::Explain(options) => commands::explain(&options),
        Command::Replay(options) => commands::replay(&options),
        Command::Query(options) => commands::query(&options),
        Command::Demo(options) => commands::demo(&options),
        Command::Health(options) => commands::health(&options),
        Command::Components(options) => commands::components(&options),
    };
    exit.into()
}

//! Stands in for the program: `demo` runs the shop or one of its processes, `run` waits where a sidecar would.
//!
//! ```text
//! cargo run -p demo --example demo -- demo --forward 127.0.0.1:24224 --otlp http://127.0.0.1:4318
//! ```

use std::error::Error;
use std::io::Error as IoError;

use demo::Settings;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let flag = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let program = std::env::current_exe()?;
    if arguments.first().is_some_and(|command| command == "run") {
        std::future::pending::<()>().await;
    }
    if let (Some(role), Some(part)) = (flag("--role"), flag("--part")) {
        return Ok(demo::role(role.parse()?, &part).await?);
    }
    let mut settings = Settings::default();
    settings.forward = flag("--forward").unwrap_or(settings.forward);
    settings.otlp = flag("--otlp").unwrap_or(settings.otlp);
    settings.rate = flag("--rate").map_or(Ok(settings.rate), |rate| rate.parse())?;
    settings.nginx = !arguments.iter().any(|argument| argument == "--no-nginx");
    settings.seconds = flag("--seconds").map(|seconds| seconds.parse()).transpose()?;
    // Another program for the processes, such as a real one with its sidecar.
    let program = flag("--program").map_or(program, Into::into);
    let stop = async { drop(tokio::signal::ctrl_c().await.map_err(IoError::other)) };
    Ok(demo::run(settings, &program, stop).await?)
}

//! `outrigger health`: asks the local instance, for an ECS healthCheck in an image without a shell.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use net::http::{Client, ClientSettings};

use super::{print, run};
use crate::cli::HealthOptions;
use crate::{Exit, api};

const ANSWER_WITHIN: Duration = Duration::from_secs(4);

pub fn health(options: &HealthOptions) -> Exit {
    let Ok(runtime) = run::runtime(1) else { return Exit::Failed };
    match runtime.block_on(ask(options)) {
        Ok(answer) => {
            print(&answer);
            Exit::Drained
        }
        Err(answer) => {
            print(&answer);
            Exit::Failed
        }
    }
}

async fn ask(options: &HealthOptions) -> Result<String, String> {
    let environment = net::Environment::process();
    let listen = environment.get("OUTRIGGER_LISTEN").unwrap_or(api::DEFAULT_LISTEN);
    // The wildcard address is where it listens, not where it can be asked.
    let address = listen.replace("0.0.0.0", "127.0.0.1");
    let age = options.max_age.as_secs_f64();
    let url = format!("http://{address}/health?mode={}&max_age={age}s", options.mode);
    let mut settings = ClientSettings::new(&environment);
    settings.use_proxy = false;
    let client = Client::new(settings).map_err(|error| format!("{error}\n"))?;
    let request = Request::get(&url).body(Bytes::new()).map_err(|error| format!("{url}: {error}\n"))?;
    let response =
        client.send(request, ANSWER_WITHIN).await.map_err(|error| format!("{address}: {error}\n"))?;
    let body = String::from_utf8_lossy(&response.body).into_owned();
    if response.status.is_success() { Ok(body) } else { Err(body) }
}

//! What happens before anything is read: sockets that senders already look for are bound.
//!
//! Log drivers connect as soon as the task starts and forget what they cannot hand over; a socket bound in the
//! first milliseconds keeps their data in the kernel until the pipelines are there (FireLens spec, 1.7).

use net::{Endpoint, Environment, Prebound};

use crate::firelens;

/// Binds the sockets that the generated FireLens file names. A socket that cannot be bound now is reported
/// later, by the receiver that wants it.
pub fn bind(environment: &Environment) -> Prebound {
    let sockets = Prebound::process().clone();
    if let Some(text) = firelens::generated_file(environment) {
        for endpoint in endpoints(&text) {
            let _ = sockets.bind(&endpoint);
        }
    }
    sockets
}

/// The listening places of a generated file: `unix_path`, and `Listen` with `Port`, section by section.
fn endpoints(text: &str) -> Vec<Endpoint> {
    let mut found = Vec::new();
    for section in text.split("[INPUT]").skip(1) {
        let section = section.split('[').next().unwrap_or_default();
        let value = |wanted: &str| {
            section.lines().find_map(|line| {
                let (key, value) = line.trim().split_once(char::is_whitespace)?;
                key.eq_ignore_ascii_case(wanted).then(|| value.trim())
            })
        };
        if let Some(path) = value("unix_path") {
            found.push(Endpoint::unix(path));
        } else if let (Some(address), Some(port)) = (value("listen"), value("port"))
            && let Ok(endpoint) = format!("{address}:{port}").parse()
        {
            found.push(endpoint);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generated_sockets_are_found() {
        let text = "\n[INPUT]\n    Name forward\n    Mem_Buf_Limit 25MB\n    unix_path /var/run/fluent.sock\n\
                    \n[INPUT]\n    Name forward\n    Listen 127.0.0.1\n    Port 24224\n\
                    \n[INPUT]\n    Name tcp\n    Tag firelens-healthcheck\n    Listen 127.0.0.1\n    Port 8877\n\
                    \n[OUTPUT]\n    Name http\n    Host 127.0.0.1\n    Port 99\n";
        let found: Vec<_> = endpoints(text).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].contains("/var/run/fluent.sock"));
        assert!(found[1].contains("127.0.0.1:24224"));
        assert!(found[2].contains("127.0.0.1:8877"));
    }
}

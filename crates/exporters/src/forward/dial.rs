//! The way to the receiver, from the settings.

use engine::{BuildContext, ConfigError};
use net::Dialer;
use net::tls::ClientTls;

use super::Config;

pub(super) fn dialer(config: &Config, cx: &mut BuildContext<'_>) -> Result<Dialer, ConfigError> {
    if let Some(path) = &config.unix_path {
        return Ok(Dialer::unix(path));
    }
    let parts = config.endpoint.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let Some((host, port)) = parts.filter(|(host, _)| !host.is_empty()) else {
        let message = format!("`{}` is no address", config.endpoint);
        return Err(cx.refuse("endpoint", message, "write `HOST:PORT`, such as `aggregator.internal:24224`"));
    };
    let dialer = Dialer::tcp(host.trim_matches(['[', ']']), port);
    let Some(tls) = &config.tls else { return Ok(dialer) };
    let tls = ClientTls::new(tls, &cx.surroundings.environment);
    let tls =
        tls.map_err(|error| cx.refuse("tls", error.to_string(), "check the files and names under `tls`"))?;
    Ok(dialer.with_tls(tls))
}

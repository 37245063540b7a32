//! What OpenTelemetry's conventions call what the lake has columns for.

/// Attributes that became columns: the map has them only where their value is of another kind than the column's.
pub(crate) const PROMOTED: [(&str, &str); 17] = [
    ("http.request.method", "http_method"),
    ("http.route", "http_route"),
    ("http.response.status_code", "http_status"),
    ("client.address", "client_ip"),
    ("url.path", "url_path"),
    ("user_agent.original", "user_agent"),
    ("exception.type", "exception_type"),
    ("exception.message", "exception_message"),
    ("user.id", "user_id"),
    ("request_id", "request_id"),
    ("db.system.name", "db_system"),
    ("db.query.text", "db_statement"),
    ("rpc.system", "rpc_system"),
    ("rpc.method", "rpc_method"),
    ("messaging.system", "messaging_system"),
    ("messaging.destination.name", "messaging_destination"),
    ("peer.service", "peer"),
];

/// Attributes whose column may be filled from the resource as well: the map keeps them, to tell whose they are.
const SHARED: [(&str, &str); 3] =
    [("container.name", "container"), ("container.id", "container_id"), ("log.iostream", "stream")];

/// Attributes of resources, and the columns that every table has for them.
pub(crate) const RESOURCE: [(&str, &str); 6] = [
    ("service.name", "service"),
    ("service.version", "version"),
    ("deployment.environment.name", "env"),
    ("host.name", "host"),
    ("cloud.region", "region"),
    ("cloud.account.id", "account"),
];

/// The column of an attribute, whosever it is.
pub(crate) fn column(attribute: &str) -> Option<&'static str> {
    let known = PROMOTED.iter().chain(&SHARED).chain(&RESOURCE).find(|(called, _)| *called == attribute)?;
    Some(known.1)
}

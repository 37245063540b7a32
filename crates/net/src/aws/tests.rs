//! AWS clients against servers in this process, and tables of what other implementations do.

mod call;
mod chain;
mod endpoint;
mod renewal;
mod s3;
mod signature;

use super::*;
use crate::Environment;
use crate::testing::client;

/// Keys of Amazon's published examples; they open nothing.
pub(super) const ID: &str = "AKIDEXAMPLE";
pub(super) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

pub(super) fn credentials() -> Credentials {
    Credentials::fixed(ID, SECRET, None)
}

/// A client of CloudWatch Logs whose endpoint is a server in this process.
pub(super) fn logs(url: &str) -> AwsClient {
    let service = Service::new("logs", "eu-west-1", &Environment::default()).with_endpoint(url);
    AwsClient::new(service, credentials(), client())
}

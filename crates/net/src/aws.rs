//! AWS by hand: credentials, endpoints, signing, errors, and the few S3 calls we need.
//!
//! No generated SDK: its crates cost minutes of build and megabytes each, and the calls we make are a
//! dozen. Configuration comes from an `Environment` value, never from the process.

mod chain;
mod client;
mod container;
mod credentials;
mod error;
mod imds;
mod profile;
mod s3;
mod service;
mod sign;
mod sts;
#[cfg(test)]
mod tests;
mod xml;

pub use client::{AwsClient, AwsRequest, AwsResponse};
pub use credentials::{Credentials, CredentialsError, Keys};
pub use error::{AwsError, ServiceError};
pub use imds::Imds;
pub use s3::{Listing, Object, ObjectSummary, PutOptions, Ranged, S3};
pub use service::{Service, region};
pub use sign::sha256_hex;
pub use sts::AssumeRole;

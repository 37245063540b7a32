//! AWS services, as strict as the real ones where emulators are not.

pub mod logs;
pub mod names;
pub mod s3;
pub mod signature;

pub use logs::Logs;
pub use s3::S3;

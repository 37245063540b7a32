//! AWS services, as strict as the real ones where emulators are not.

pub mod logs;
pub mod names;
pub mod signature;

pub use logs::Logs;

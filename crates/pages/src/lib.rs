//! Web pages embedded in the program, and the guard before them. What they show is asked of others.

mod assets;
mod guard;

pub use assets::{CONSOLE, PIPELINES, Pages};
pub use guard::Guard;

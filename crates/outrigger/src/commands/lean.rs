//! What the lean build answers to commands that need the lake or the console.

use crate::Exit;
use crate::cli::{DemoOptions, QueryOptions};

pub fn query(_: &QueryOptions) -> Exit {
    absent("query")
}

pub fn demo(_: &DemoOptions) -> Exit {
    absent("demo")
}

fn absent(command: &str) -> Exit {
    super::complain(&format!("`{command}` is not in the lean build; the image `outrigger:full` has it"));
    Exit::Failed
}

//! The lean build keeps nothing that could be asked.

use crate::Exit;
use crate::cli::QueryOptions;

pub fn query(_: &QueryOptions) -> Exit {
    super::complain("this is the lean build, which has no lake; the image `outrigger:full` answers queries");
    Exit::Failed
}

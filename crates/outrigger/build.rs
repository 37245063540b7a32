//! Build facts for `--version`: commit, target, profile. Without git the commit reads `unknown`.

use std::process::Command;

fn main() {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".into());
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| "unknown".into());
    println!("cargo::rustc-env=OUTRIGGER_COMMIT={commit}");
    println!("cargo::rustc-env=OUTRIGGER_TARGET={}", variable("TARGET"));
    println!("cargo::rustc-env=OUTRIGGER_PROFILE={}", variable("PROFILE"));
    if variable("CARGO_CFG_TARGET_FEATURE").split(',').any(|feature| feature == "crt-static") {
        make_it_small();
    }
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(head) = git(&["rev-parse", "--git-path", "HEAD"]) {
        println!("cargo::rerun-if-changed={head}");
    }
}

/// What is shipped stays in memory as a whole: equal functions are kept once, and the table of what has to be
/// moved at start takes a bit an entry instead of 24 bytes.
fn make_it_small() {
    for option in ["--icf=all", "-z,pack-relative-relocs", "-z,keep-text-section-prefix"] {
        println!("cargo::rustc-link-arg-bins=-Wl,{option}");
    }
}

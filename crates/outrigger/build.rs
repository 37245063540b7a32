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
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(head) = git(&["rev-parse", "--git-path", "HEAD"]) {
        println!("cargo::rerun-if-changed={head}");
    }
}

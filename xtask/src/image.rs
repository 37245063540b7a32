//! Writes an OCI image, FROM scratch, as one tarball: `docker load`, `skopeo` and registries' tools take it.
//!
//! The same binary gives the same bytes. Where the legacy image has its program, configuration folder and
//! socket folder, this one has a link, an empty folder and an empty folder, so that a task definition with
//! `command`, `entryPoint` or mounts for it works unchanged.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Result;
use crate::tar::Tar;

/// Of Forward, the API and the console, Fluent Bit's health check, OTLP.
const PORTS: [&str; 5] = ["24224/tcp", "7070/tcp", "2020/tcp", "4317/tcp", "4318/tcp"];
/// Its links lead to the static binary.
const LEGACY_PROGRAM: &str = "fluent-bit/bin/fluent-bit";

pub fn write(binary: &Path, name: &str, tarball: &Path) -> Result<()> {
    let program = fs::read(binary).map_err(|e| format!("{}: {e}", binary.display()))?;
    check_static(&program)?;
    let layer = layer(&program);
    let packed = gzip(&layer)?;
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let config = json!({
        "architecture": architecture, "os": "linux",
        "config": {
            "Entrypoint": ["/outrigger"], "WorkingDir": "/",
            "Env": ["PATH=/:/fluent-bit/bin"],
            "ExposedPorts": PORTS.map(|port| (port.to_owned(), json!({}))).into_iter().collect::<serde_json::Map<_, _>>(),
            "StopSignal": "SIGTERM"
        },
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
        "history": [{"created_by": "xtask image"}]
    });
    let config = config.to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described("application/vnd.oci.image.config.v1+json", &config),
        "layers": [described("application/vnd.oci.image.layer.v1.tar+gzip", &packed)]
    });
    let manifest = manifest.to_string().into_bytes();
    let mut entry = described("application/vnd.oci.image.manifest.v1+json", &manifest);
    entry["annotations"] =
        json!({"org.opencontainers.image.ref.name": name, "io.containerd.image.name": name});
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]});
    // Engines older than the OCI layout read this instead.
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", hex(bytes));
    let old = json!([{"Config": blob(&config), "RepoTags": [name], "Layers": [blob(&packed)]}]);

    let mut image = Tar::default();
    image.file("oci-layout", 0o644, br#"{"imageLayoutVersion":"1.0.0"}"#);
    image.file("index.json", 0o644, index.to_string().as_bytes());
    image.file("manifest.json", 0o644, old.to_string().as_bytes());
    for bytes in [&manifest, &config, &packed] {
        image.file(&blob(bytes), 0o644, bytes);
    }
    if let Some(folder) = tarball.parent() {
        fs::create_dir_all(folder)?;
    }
    let image = image.finish();
    fs::write(tarball, &image)?;
    println!(
        "{}: {} bytes, program {} bytes, {}",
        tarball.display(),
        image.len(),
        program.len(),
        digest(&manifest)
    );
    println!("docker load -i {} gives {name}", tarball.display());
    Ok(())
}

/// A scratch image has no loader: a program that asks for one would fail at its first start, in the task.
fn check_static(program: &[u8]) -> Result<()> {
    const PROGRAM_HEADERS: std::ops::Range<usize> = 0..4096;
    let head = program.get(PROGRAM_HEADERS).unwrap_or(program);
    if !head.starts_with(b"\x7fELF") {
        return Err("not a Linux program".into());
    }
    if head.windows(4).any(|w| w == b"/ld-") || head.windows(7).any(|w| w == b"ld-linu") {
        return Err("the program is linked dynamically; `make image` builds it statically".into());
    }
    Ok(())
}

fn layer(program: &[u8]) -> Vec<u8> {
    let mut layer = Tar::default();
    layer.file("outrigger", 0o755, program);
    for folder in ["etc/", "fluent-bit/", "fluent-bit/bin/", "fluent-bit/etc/", "tmp/", "var/", "var/run/"] {
        layer.folder(folder, if folder == "tmp/" { 0o1777 } else { 0o755 });
    }
    layer.link(LEGACY_PROGRAM, "/outrigger");
    // Without it not even `localhost` has an address; Docker and Fargate put their own in its place.
    layer.file("etc/hosts", 0o644, b"127.0.0.1 localhost\n::1 localhost\n");
    layer.file("etc/passwd", 0o644, b"root:x:0:0:root:/:/outrigger\n");
    layer.finish()
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

fn described(kind: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": kind, "digest": digest(bytes), "size": bytes.len()})
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(bytes))
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_program_gives_the_same_image() {
        assert_eq!(gzip(&layer(b"program")).unwrap(), gzip(&layer(b"program")).unwrap());
        assert!(check_static(b"\x7fELF....").is_ok());
        assert!(check_static(b"\x7fELF..../lib64/ld-linux-x86-64.so.2").is_err());
    }
}

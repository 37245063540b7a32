//! Real clients and emulators, installed where tests need them.
//!
//! Each is installed once into the target folder by whoever needs it first; others wait. What cannot be had
//! on this machine is a [`Missing`] with the reason, which a test prints before it passes as skipped.

use std::fmt;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::http;
use crate::process::{PATIENCE, wait_until};

/// Why a tool is not there.
#[derive(Debug)]
pub struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Gets a tool, or prints why the test is skipped and returns from it.
#[macro_export]
macro_rules! need {
    ($tool:expr) => {
        match $tool {
            Ok(tool) => tool,
            Err(missing) => {
                eprintln!("skipped: {missing}");
                return;
            }
        }
    };
}

/// Where tools are kept: beside the build, so that `cargo clean` removes them.
fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"));
    target.join("test-tools")
}

/// Runs `install` in a new folder unless an earlier run of it succeeded.
fn once(name: &str, install: impl FnOnce(&Path) -> Result<(), Missing>) -> Result<PathBuf, Missing> {
    let io = |e: std::io::Error| Missing(format!("{name}: {e}"));
    let place = folder().join(name);
    fs::create_dir_all(&place).map_err(io)?;
    let lock = File::create(place.join(".lock")).map_err(io)?;
    lock.lock().map_err(io)?;
    let done = place.join(".installed");
    if !done.exists() {
        install(&place)?;
        File::create(done).map_err(io)?;
    }
    place.canonicalize().map_err(io)
}

fn run(command: &mut Command) -> Result<(), Missing> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|e| Missing(format!("{:?} cannot be run: {e}", command.get_program())))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = said.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
    Err(Missing(format!("{:?} failed: {}", command.get_program(), last.join(" / "))))
}

/// The `python` of a virtual environment with these packages.
pub fn python(name: &str, packages: &[&str]) -> Result<PathBuf, Missing> {
    let place = once(&format!("python-{name}"), |place| {
        run(Command::new("python3").args(["-m", "venv"]).arg(place))?;
        run(Command::new(place.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(packages))
    })?;
    Ok(place.join("bin/python"))
}

/// A folder whose `node_modules` hold these packages.
pub fn node(name: &str, packages: &[&str]) -> Result<PathBuf, Missing> {
    once(&format!("node-{name}"), |place| {
        fs::write(place.join("package.json"), "{\"private\":true}").map_err(|e| Missing(e.to_string()))?;
        let flags = ["install", "--no-audit", "--no-fund", "--loglevel=error"];
        run(Command::new("npm").args(flags).args(packages).current_dir(place))
    })
}

/// Installs what the lock file of a folder names into it, where that was not done.
pub fn npm_ci(folder: &Path) -> Result<(), Missing> {
    let lock = fs::read(folder.join("package-lock.json")).map_err(|e| Missing(e.to_string()))?;
    let done = folder.join("node_modules/.package-lock.json");
    if done.exists() {
        return Ok(());
    }
    once(&format!("npm-ci-{}", lock.len()), |_| {
        run(Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(folder))
    })
    .map(|_| ())
}

/// Makes sure a Debian package's program is there.
pub fn debian(package: &str, program: &str) -> Result<(), Missing> {
    if on_path(program) {
        return Ok(());
    }
    once(&format!("debian-{package}"), |_| {
        let id = Command::new("id").arg("-u").output().map_err(|e| Missing(e.to_string()))?;
        if id.stdout.trim_ascii() != b"0" {
            return Err(Missing(format!("{program} is not installed, and only root may install {package}")));
        }
        // Starting services is not what a package is installed for here.
        let apt = || {
            let mut apt = Command::new("apt-get");
            apt.env("RUNLEVEL", "1").env("DEBIAN_FRONTEND", "noninteractive");
            apt
        };
        run(apt().args(["update", "-qq"]))?;
        run(apt().args(["install", "-y", "-qq", "--no-install-recommends", package]))
    })?;
    if on_path(program) { Ok(()) } else { Err(Missing(format!("{package} brought no {program}"))) }
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders =
        std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")]);
    folders.any(|folder| folder.join(program).is_file())
}

/// A port nobody listens on at this moment, for programs that cannot choose one themselves.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound listener has an address").port()
}

/// The AWS command line, and `awslogs`, which follows log groups; both ask one endpoint.
pub struct AwsCli {
    programs: PathBuf,
    url: String,
    access_key: String,
}

impl AwsCli {
    pub fn new(url: impl Into<String>) -> Result<AwsCli, Missing> {
        let python = python("awscli", &["awscli==1.46.3", "awslogs==0.15.0"])?;
        let programs = python.with_file_name("");
        let access_key = crate::aws::signature::ACCESS_KEY.into();
        Ok(AwsCli { programs, url: url.into(), access_key })
    }

    /// Signs with this key instead.
    pub fn access_key(self, key: &str) -> AwsCli {
        AwsCli { access_key: key.into(), ..self }
    }

    /// Runs `aws` with these arguments.
    pub fn run(&self, args: &[&str]) -> Output {
        self.program("aws").args(["--endpoint-url", &self.url]).args(args).output().expect("aws runs")
    }

    /// What `aws` printed, which must be JSON; panics with its message when it failed.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let output = self.run(args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}: {said}"))
    }

    /// What `aws` said as it failed.
    pub fn refusal(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(!output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// What `awslogs` printed.
    pub fn awslogs(&self, args: &[&str]) -> String {
        let mut command = self.program("awslogs");
        let output =
            command.args(args).args(["--aws-endpoint-url", &self.url]).output().expect("awslogs runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command
            .env("AWS_ACCESS_KEY_ID", &self.access_key)
            .env("AWS_SECRET_ACCESS_KEY", crate::aws::signature::SECRET_KEY)
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("NO_PROXY", "127.0.0.1,localhost")
            .env("PYTHONWARNINGS", "ignore")
            .stdin(Stdio::null());
        command
    }
}

/// moto: AWS emulated. Stops when dropped.
pub struct Moto {
    child: Child,
    address: SocketAddr,
    python: PathBuf,
}

impl Moto {
    pub fn start() -> Result<Moto, Missing> {
        let python = python("moto", &["moto[server]==5.2.5", "boto3==1.44.5"])?;
        let port = free_port();
        let mut child = Command::new(python.with_file_name("moto_server"))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| Missing(format!("moto_server: {e}")))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if !wait_until(PATIENCE, || http::get(address, "/moto-api/").is_ok()) {
            let _ = child.kill();
            return Err(Missing("moto_server does not answer".into()));
        }
        Ok(Moto { child, address, python })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Runs Python with boto3 against it; `aws(service)` makes a client. Returns what it printed.
    pub fn boto(&self, script: &str) -> String {
        let prelude = format!(
            "import boto3, json\naws = lambda s: boto3.client(s, region_name='eu-west-1', endpoint_url='{}', \
             aws_access_key_id='{}', aws_secret_access_key='{}')\n",
            self.url(),
            crate::aws::signature::ACCESS_KEY,
            crate::aws::signature::SECRET_KEY,
        );
        let output = Command::new(&self.python).arg("-c").arg(prelude + script).output();
        let output = output.expect("the environment's python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

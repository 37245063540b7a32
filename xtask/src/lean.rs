//! What the lean program answers as it ships: its commands name the build that has the rest, and it serves its page.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Result;

/// Commands of the full build.
const ABSENT: [&[&str]; 2] = [&["query", "fields @message"], &["demo"]];
/// What it says of them.
const NAMES: &str = "outrigger:full";
/// Feeds a destination that wants nothing; no port but that of the pages is taken.
const CONFIGURATION: &str = "[INPUT]\n    Name dummy\n[OUTPUT]\n    Name null\n    Match *\n";
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

pub fn check(lean: &Path) -> Result<()> {
    for arguments in ABSENT {
        let output = Command::new(lean).args(arguments).env_clear().output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() || !said.contains(NAMES) {
            let name = arguments[0];
            return Err(format!("lean: `{name}` ended with {} and said {said:?}", output.status).into());
        }
    }
    let page = served(lean)?;
    let built = if page.contains("is not built") { ", not built: install node for it" } else { "" };
    println!("lean: `query` and `demo` name the full build; / serves its page{built}");
    Ok(())
}

/// The page at the root of a program that runs.
fn served(lean: &Path) -> Result<String> {
    // Freed for the program; nobody else asks for it in between.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let file = std::env::temp_dir().join(format!("outrigger-lean-{}.conf", std::process::id()));
    std::fs::write(&file, CONFIGURATION)?;
    let mut command = Command::new(lean);
    command.args(["run", "--config"]).arg(&file).env_clear().env("OUTRIGGER_LISTEN", address.to_string());
    let program = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let page = program.map_err(Into::into).and_then(|mut program| {
        let page = wait_until_it_serves(&mut program).and_then(|()| get(address, "/"));
        program.kill()?;
        program.wait()?;
        page
    });
    std::fs::remove_file(&file)?;
    page
}

fn wait_until_it_serves(program: &mut Child) -> Result<()> {
    let said = program.stderr.as_mut().ok_or("the program has no standard error")?;
    let mut lines = BufReader::new(said).lines();
    let serves =
        |line: &std::io::Result<String>| line.as_ref().is_ok_and(|line| line.contains("serving /health"));
    lines.find(serves).map(drop).ok_or_else(|| "lean: it ended before it served its page".into())
}

fn get(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWERS_WITHIN)?;
    stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    match answer.starts_with("HTTP/1.1 200") && answer.contains("<title>") {
        true => Ok(answer),
        false => Err(format!("lean: {path} answered {answer:.200}").into()),
    }
}

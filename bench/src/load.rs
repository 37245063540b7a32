//! The load generator's process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use testkit::corpus::{Corpus, Mix};
use testkit::forward::{Address, Sender};

/// What to send where.
pub struct Load {
    pub to: Address,
    pub first: u64,
    pub count: u64,
    /// Records a second, or as fast as they are read.
    pub rate: Option<u64>,
    pub connections: usize,
}

impl Load {
    /// Runs a generator in a process of its own until everything is sent.
    pub fn send(&self) {
        let to = match &self.to {
            Address::Unix(path) => format!("unix:{}", path.display()),
            Address::Tcp(address) => address.to_string(),
        };
        let program = std::env::current_exe().expect("this program has a path");
        let done = Command::new(program)
            .arg("load")
            .args([to, self.first.to_string(), self.count.to_string()])
            .args([self.rate.unwrap_or(0).to_string(), self.connections.to_string()])
            .stdin(Stdio::null())
            .status();
        assert!(done.is_ok_and(|status| status.success()), "the load generator failed");
    }
}

/// The other side of [`Load::send`].
pub fn run(words: &[&str]) {
    let [to, first, count, rate, connections] = words else { panic!("load TO FIRST COUNT RATE CONNECTIONS") };
    let number = |word: &str| word.parse::<u64>().expect("a number");
    let to = match to.strip_prefix("unix:") {
        Some(path) => Address::Unix(PathBuf::from(path)),
        None => Address::Tcp(to.parse::<SocketAddr>().expect("an address")),
    };
    // Docker writes each record by itself.
    let mut sender = Sender::new(to).connections(number(connections) as usize);
    if number(rate) > 0 {
        sender = sender.rate(number(rate));
    }
    let first = number(first);
    sender.send(&Corpus::new(Mix::Json), first..first + number(count)).expect("everything is read");
}

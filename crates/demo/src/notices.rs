//! What the person at the terminal is told: each trouble once, and once that it is over.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use crate::report::Report;

#[derive(Debug, Default)]
pub struct Notices(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    forward: Destination,
    otlp: Destination,
    /// Nobody wonders that processes end then.
    is_ending: bool,
}

#[derive(Debug, Default)]
struct Destination {
    /// By process.
    troubles: BTreeMap<String, String>,
    is_told: bool,
}

impl Destination {
    /// What to say after a process' report, if anything.
    fn update(&mut self, process: &str, trouble: Option<&String>, what: &str) -> Option<String> {
        match trouble {
            Some(trouble) => self.troubles.insert(process.into(), trouble.clone()),
            None => self.troubles.remove(process),
        };
        match (trouble, self.is_told) {
            (Some(trouble), false) => {
                self.is_told = true;
                Some(format!(
                    "{what} are not taken: {trouble}; is Outrigger running? The shop goes on trying"
                ))
            }
            (None, true) if self.troubles.is_empty() => {
                self.is_told = false;
                Some(format!("{what} are taken now"))
            }
            _ => None,
        }
    }
}

impl Notices {
    pub fn report(&self, process: &str, report: &Report) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_ending {
            return;
        }
        if let Some(gone) = &report.gone {
            // Its troubles went with it.
            state.forward.troubles.remove(process);
            state.otlp.troubles.remove(process);
            return say(&format!("{process}: {gone}"));
        }
        let (forward, otlp) = (report.forward.as_ref(), report.otlp.as_ref());
        let said = [
            state.forward.update(process, forward, "log lines"),
            state.otlp.update(process, otlp, "spans and metrics"),
        ];
        said.iter().flatten().for_each(|line| say(line));
    }

    pub fn ending(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_ending = true;
    }

    /// Forgets a process that is ended on purpose.
    pub fn forget(&self, process: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.forward.troubles.remove(process);
        state.otlp.troubles.remove(process);
    }
}

pub fn say(line: &str) {
    // Nobody may listen.
    let _ = writeln!(std::io::stderr(), "outrigger demo: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_once_and_its_end_once_all_are_well() {
        let mut destination = Destination::default();
        let trouble = "connection refused".to_owned();
        let said = [
            destination.update("a", None, "lines"),
            destination.update("a", Some(&trouble), "lines"),
            destination.update("b", Some(&trouble), "lines"),
            destination.update("a", Some(&trouble), "lines"),
            destination.update("a", None, "lines"),
            destination.update("b", None, "lines"),
            destination.update("b", None, "lines"),
        ];
        let said: Vec<_> = said.into_iter().flatten().collect();
        let told = "lines are not taken: connection refused; is Outrigger running? The shop goes on trying";
        assert_eq!(said, [told, "lines are taken now"]);
    }
}

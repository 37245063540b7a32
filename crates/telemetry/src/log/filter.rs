//! Which lines are written: `info`, or `warn,net=debug,engine::queue=trace`.

use std::str::FromStr;

use tracing::Level;
use tracing::level_filters::LevelFilter;

/// A level, and exceptions for targets; the longest target that fits decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    level: LevelFilter,
    exceptions: Vec<(String, LevelFilter)>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no log level; use off, error, warn, info, debug or trace, or `TARGET=LEVEL`")]
pub struct FilterError(String);

impl Filter {
    pub(super) fn allows(&self, target: &str, level: Level) -> bool {
        let fits = |prefix: &str| {
            target.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        let exception = self.exceptions.iter().filter(|(prefix, _)| fits(prefix));
        let chosen = exception.max_by_key(|(prefix, _)| prefix.len()).map_or(self.level, |(_, level)| *level);
        level <= chosen
    }

    pub(super) fn most_verbose(&self) -> LevelFilter {
        self.exceptions.iter().map(|(_, level)| *level).fold(self.level, LevelFilter::max)
    }
}

impl Default for Filter {
    fn default() -> Self {
        Filter { level: LevelFilter::INFO, exceptions: Vec::new() }
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Filter, FilterError> {
        let mut filter = Filter::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some((target, level)) => filter.exceptions.push((target.trim().into(), level_of(level)?)),
                None => filter.level = level_of(part)?,
            }
        }
        Ok(filter)
    }
}

fn level_of(text: &str) -> Result<LevelFilter, FilterError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "off" => Ok(LevelFilter::OFF),
        "error" => Ok(LevelFilter::ERROR),
        // Fluent Bit takes both.
        "warn" | "warning" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        _ => Err(FilterError(text.into())),
    }
}

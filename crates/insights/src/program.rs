//! A query that was read and checked.

use crate::condition::Condition;
use crate::path::{Needs, Path};
use crate::period;
use crate::run::Run;
use crate::source::Source;
use crate::step::{Output, Step};

/// The time range of a query, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from_ms: i64,
    /// Inclusive, as in StartQuery.
    pub to_ms: i64,
    pub now_ms: i64,
}

/// Choices where the service's own behaviour is not published. The defaults are what docs/insights.md says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// `!=` is true where the field is missing, a map or a list.
    pub missing_is_unequal: bool,
    /// Weeks of `bin`, `datefloor` and `dateceil` start on Mondays, not on Thursdays as the epoch did.
    pub weeks_from_monday: bool,
}

/// What `diff` compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shift {
    /// The window just before.
    Length,
    Days(i64),
    Month,
}

/// What a run may take. Beyond it the answer is partial, and says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Groups of `stats`, distinct rows of `dedup`.
    pub groups: usize,
    /// Clusters of `pattern`.
    pub patterns: usize,
    /// Bytes of kept rows and groups, roughly.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { groups: 100_000, patterns: 10_000, bytes: 256 << 20 }
    }
}

/// A compiled query; runs share it.
#[derive(Debug)]
pub struct Program {
    pub(crate) source: Option<Source>,
    pub(crate) needs: Needs,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) steps: Vec<Step>,
    /// The first step that is more than one row's matter; there are as many steps when there is none.
    pub(crate) first: usize,
    /// What rows that are kept there carry along.
    pub(crate) captures: Vec<(usize, Path)>,
    /// Where a kept row's time is; `None` when no event is kept.
    pub(crate) time: Option<Path>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) is_aggregated: bool,
    pub(crate) limit: usize,
    pub(crate) newest_first_enough: bool,
    pub(crate) shift: Option<Shift>,
}

impl Program {
    /// The `SOURCE` command, if there is one.
    pub fn sources(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// The fields that runs ask rows for.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// What holds for every row that the program keeps, so that a store may test it early.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The second time range that `diff` compares with; its rows go to [`Run::push_reference`].
    pub fn reference_window(&self, window: Window) -> Option<Window> {
        let (from, to) = (window.from_ms, window.to_ms);
        let moved = |by: i64| Some((from.checked_sub(by)?, to.checked_sub(by)?));
        let (from_ms, to_ms) = match self.shift? {
            Shift::Length => moved(to.checked_sub(from)?.checked_add(1)?)?,
            Shift::Days(days) => moved(days * 86_400_000)?,
            Shift::Month => {
                let start = period::months_before(from, 1)?;
                (start, start.checked_add(to.checked_sub(from)?)?)
            }
        };
        Some(Window { from_ms, to_ms, now_ms: window.now_ms })
    }

    /// The most rows that the answer may have.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Whether a run fed newest first is done as soon as [`Run::enough`] says so, without the rest of the rows.
    pub fn newest_first_enough(&self) -> bool {
        self.newest_first_enough
    }

    pub fn run(&self, window: Window) -> Run<'_> {
        self.run_within(window, Limits::default())
    }

    pub fn run_within(&self, window: Window, limits: Limits) -> Run<'_> {
        Run::new(self, window, limits)
    }
}

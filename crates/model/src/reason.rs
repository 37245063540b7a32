//! Why a record left the pipeline without being delivered: the ledger's vocabulary.

/// A reason a record was not delivered. Every drop has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A filter the user wrote removed it.
    Filtered,
    /// It became part of another record: a partial line, a continuation of a stack trace.
    Joined,
    /// A rate limit the user wrote removed it.
    Throttled,
    /// No route takes its tag.
    Unmatched,
    /// A rewritten tag led back to the start too often.
    Loop,
    /// It could not be decoded.
    Malformed,
    /// It carries nothing the destination accepts, such as an empty CloudWatch event.
    Empty,
    /// It alone is larger than the destination takes.
    TooLarge,
    /// The queue was full.
    Overflow,
    /// It waited longer than allowed.
    Expired,
    /// The user's `Retry_Limit` was reached.
    RetriesExhausted,
    /// The destination refused it for ever.
    Rejected,
    /// It could not be read back from disk.
    Damaged,
    /// The drain ended before it could be sent.
    Shutdown,
    /// Another branch of the pipeline takes it.
    Elsewhere,
    /// A step or an encoder panicked over its batch.
    Bug,
}

impl Reason {
    pub const ALL: [Reason; 16] = [
        Reason::Filtered,
        Reason::Joined,
        Reason::Throttled,
        Reason::Unmatched,
        Reason::Loop,
        Reason::Malformed,
        Reason::Empty,
        Reason::TooLarge,
        Reason::Overflow,
        Reason::Expired,
        Reason::RetriesExhausted,
        Reason::Rejected,
        Reason::Damaged,
        Reason::Shutdown,
        Reason::Elsewhere,
        Reason::Bug,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Filtered => "filtered",
            Reason::Joined => "joined",
            Reason::Throttled => "throttled",
            Reason::Unmatched => "unmatched",
            Reason::Loop => "loop",
            Reason::Malformed => "malformed",
            Reason::Empty => "empty",
            Reason::TooLarge => "too_large",
            Reason::Overflow => "overflow",
            Reason::Expired => "expired",
            Reason::RetriesExhausted => "retries_exhausted",
            Reason::Rejected => "rejected",
            Reason::Damaged => "damaged",
            Reason::Shutdown => "shutdown",
            Reason::Elsewhere => "elsewhere",
            Reason::Bug => "bug",
        }
    }

    /// True where nobody asked for the record to go: the drops that a person should look at.
    pub fn is_loss(self) -> bool {
        use Reason::{Elsewhere, Empty, Filtered, Joined, Throttled};
        !matches!(self, Filtered | Joined | Throttled | Empty | Elsewhere)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_holds_every_reason_at_its_own_place() {
        for (place, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, place, "{}", reason.as_str());
        }
    }
}

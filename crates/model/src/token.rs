//! Delivery tokens: how a receiver learns what became of a batch.
//!
//! A token travels with the batch and with everything made from it; each holder keeps a clone. When the last
//! clone is dropped, the receipt is settled. Nobody has to count.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Told once, when every clone of a token is gone.
pub trait Receipt: Send + Sync {
    /// `delivered` is false when any holder reported a loss.
    fn settle(&self, delivered: bool);
}

/// A share in a batch's fate. The default token has nobody waiting and costs nothing.
#[derive(Clone, Default)]
pub struct Token(Option<Arc<Inner>>);

struct Inner {
    lost: AtomicBool,
    durable_suffices: bool,
    receipt: Box<dyn Receipt>,
}

impl Token {
    /// A token that waits for delivery.
    pub fn new(receipt: Box<dyn Receipt>) -> Self {
        Token::with(receipt, false)
    }

    /// A token that is content once the records would survive the end of the process.
    pub fn until_durable(receipt: Box<dyn Receipt>) -> Self {
        Token::with(receipt, true)
    }

    fn with(receipt: Box<dyn Receipt>, durable_suffices: bool) -> Self {
        Token(Some(Arc::new(Inner { lost: AtomicBool::new(false), durable_suffices, receipt })))
    }

    /// One token that stands for several: a record made of pieces from several batches is each one's to lose.
    ///
    /// Those tokens settle once the joint one does, and are lost when it is.
    pub fn join(tokens: impl IntoIterator<Item = Token>) -> Token {
        let mut parts: Vec<Token> = Vec::new();
        for token in tokens {
            let known = |part: &Token| match (&part.0, &token.0) {
                (Some(part), Some(token)) => Arc::ptr_eq(part, token),
                _ => false,
            };
            if token.is_awaited() && !parts.iter().any(known) {
                parts.push(token);
            }
        }
        match parts.len() {
            0 => Token::default(),
            1 => parts.swap_remove(0),
            _ => {
                let durable_suffices = parts.iter().all(Token::durable_suffices);
                Token::with(Box::new(Joint(parts)), durable_suffices)
            }
        }
    }

    /// True when somebody waits for the outcome.
    pub fn is_awaited(&self) -> bool {
        self.0.is_some()
    }

    /// True when the holder may let go of it once the records are on disk.
    pub fn durable_suffices(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.durable_suffices)
    }

    /// Marks that a record this token stands for will not be delivered.
    pub fn lose(&self) {
        if let Some(inner) = &self.0 {
            inner.lost.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.receipt.settle(!*self.lost.get_mut());
    }
}

struct Joint(Vec<Token>);

impl Receipt for Joint {
    fn settle(&self, delivered: bool) {
        if !delivered {
            self.0.iter().for_each(Token::lose);
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Token(awaited)" } else { "Token" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    struct Report(mpsc::Sender<bool>);

    impl Receipt for Report {
        fn settle(&self, delivered: bool) {
            let _ = self.0.send(delivered);
        }
    }

    #[test]
    fn the_last_clone_settles() {
        let (tx, rx) = mpsc::channel();
        let token = Token::new(Box::new(Report(tx)));
        let other = token.clone();
        drop(token);
        assert!(rx.try_recv().is_err());
        drop(other);
        assert_eq!(rx.try_recv(), Ok(true));
    }

    #[test]
    fn one_loss_is_enough() {
        let (tx, rx) = mpsc::channel();
        let token = Token::new(Box::new(Report(tx)));
        let other = token.clone();
        other.lose();
        drop(other);
        drop(token);
        assert_eq!(rx.try_recv(), Ok(false));
    }

    #[test]
    fn a_joint_token_settles_each_of_its_parts() {
        for lost in [false, true] {
            let (tx, rx) = mpsc::channel();
            let first = Token::new(Box::new(Report(tx.clone())));
            let second = Token::new(Box::new(Report(tx)));
            let joint = Token::join([first.clone(), Token::default(), second, first]);
            assert!(joint.is_awaited());
            if lost {
                joint.lose();
            }
            assert!(rx.try_recv().is_err());
            drop(joint);
            assert_eq!(rx.try_iter().collect::<Vec<_>>(), [!lost, !lost]);
        }
        assert!(!Token::join([Token::default()]).is_awaited());
    }
}

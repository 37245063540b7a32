//! Compiled texts, and running them over a record.

use crate::check::Checker;
use crate::context::Context;
use crate::eval::{Invocation, Test};
use crate::fault::{Fault, RunError};
use crate::parse;
use crate::target::Target;

/// An editor that runs where its condition holds.
#[derive(Debug)]
pub struct Statement {
    editor: Invocation,
    condition: Option<Test>,
    context: Context,
}

impl Statement {
    /// Compiles a statement for rows of this context. Its own paths may go without the context's name.
    pub fn compile(text: &str, context: Context) -> Result<Statement, Fault> {
        let (editor, condition) = parse::statement(text)?;
        let checker = Checker { context };
        let editor = checker.editor(editor)?;
        let condition = condition.map(|condition| checker.test(condition)).transpose()?;
        Ok(Statement { editor, condition, context })
    }

    /// Changes the record where the condition holds, and tells whether it did.
    ///
    /// An editor that fails leaves the record as it was; the condition may have.
    pub fn run(&self, t: &mut Target<'_>) -> Result<bool, RunError> {
        refuse_other(self.context, t)?;
        if let Some(condition) = &self.condition {
            let mark = t.arena.mark();
            let holds = condition.holds(t);
            t.arena.rewind(mark);
            if !holds? {
                return Ok(false);
            }
        }
        self.editor.run(t)?;
        Ok(true)
    }
}

/// Something that holds of a record or not.
#[derive(Debug)]
pub struct Condition {
    test: Test,
    context: Context,
}

impl Condition {
    /// As [`Statement::compile`].
    pub fn compile(text: &str, context: Context) -> Result<Condition, Fault> {
        let test = Checker { context }.test(parse::condition(text)?)?;
        Ok(Condition { test, context })
    }

    pub fn holds(&self, t: &mut Target<'_>) -> Result<bool, RunError> {
        refuse_other(self.context, t)?;
        let mark = t.arena.mark();
        let holds = self.test.holds(t);
        t.arena.rewind(mark);
        holds
    }
}

fn refuse_other(context: Context, t: &Target<'_>) -> Result<(), RunError> {
    if t.row.context() == context { Ok(()) } else { Err(RunError::new("bug: a row of another context")) }
}

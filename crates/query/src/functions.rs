//! Functions of our own, for SQL and what is lowered to plans.

mod text;

use datafusion::prelude::SessionContext;

pub(crate) use text::icontains;

pub(crate) fn register(session: &SessionContext) {
    session.register_udf((*text::icontains_udf()).clone());
}

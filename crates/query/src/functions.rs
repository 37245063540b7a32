//! Functions of our own, for SQL and what is lowered to plans.

mod promoted;
mod text;

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;

pub(crate) use text::{HAS_TOKEN, ICONTAINS, has_token, icontains};

pub(crate) fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    for udf in text::udfs() {
        registry.register_udf(udf.clone())?;
    }
    registry.register_function_rewrite(Arc::new(promoted::Promoted))
}

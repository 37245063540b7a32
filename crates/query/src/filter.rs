//! A search that is held against rows as they arrive.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::filter_record_batch;
use datafusion::common::DFSchema;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::prelude::SessionContext;
use lake::{Arrival, Table};

use crate::search::{Search, lower};
use crate::tables::as_read;
use crate::{Engine, QueryError};

/// Compiled once, evaluated a batch at a time.
pub struct Filter(Arc<dyn PhysicalExpr>);

impl Engine {
    /// What picks log records that match.
    pub fn filter(&self, search: &Search) -> Result<Filter, QueryError> {
        let compile = || -> Result<_, DataFusionError> {
            let schema = DFSchema::try_from(Table::Logs.read())?;
            let condition =
                lower(search, Table::Logs).map_err(|error| DataFusionError::External(error.into()))?;
            SessionContext::new().create_physical_expr(condition, &schema)
        };
        compile().map(Filter).map_err(|error| QueryError::failed(&error))
    }
}

impl Filter {
    /// The log records of an arrival that match, if any.
    pub fn matching(&self, arrival: &Arrival) -> Result<Option<RecordBatch>, QueryError> {
        if arrival.table != Table::Logs {
            return Ok(None);
        }
        let pick = || -> Result<_, DataFusionError> {
            let rows = as_read(&arrival.rows, arrival.table)?;
            let matching = self.0.evaluate(&rows)?.into_array(rows.num_rows())?;
            Ok(filter_record_batch(&rows, datafusion::common::cast::as_boolean_array(&matching)?)?)
        };
        let rows = pick().map_err(|error| QueryError::failed(&error))?;
        Ok((rows.num_rows() > 0).then_some(rows))
    }
}

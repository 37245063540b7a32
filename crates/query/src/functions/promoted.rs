//! `attributes['http.route']` in SQL means the column, where the lake has one: reading a map costs ten times as much.

use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, cast};

use arrow::datatypes::DataType;

use crate::names;

#[derive(Debug)]
pub(super) struct Promoted;

impl FunctionRewrite for Promoted {
    fn name(&self) -> &str {
        "promoted attributes"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        Ok(match column(&expr, schema) {
            Some(column) => Transformed::yes(column),
            None => Transformed::no(expr),
        })
    }
}

fn column(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = expr else { return None };
    let [Expr::Column(map), Expr::Literal(key, _)] = args.as_slice() else { return None };
    let known = match (func.name(), &*map.name) {
        ("get_field", "attributes") => &names::PROMOTED[..],
        ("get_field", "resource") => &names::RESOURCE[..],
        _ => return None,
    };
    let key = key.try_as_str()??;
    let (_, name) = known.iter().find(|(called, _)| *called == key)?;
    let (qualifier, field) = schema.qualified_field_with_name(map.relation.as_ref(), name).ok()?;
    let column = cast(Expr::from((qualifier, field)), DataType::Utf8View);
    // Values of another kind than the column's stay in the map.
    Some(match field.data_type().is_numeric() {
        true => coalesce(vec![column, cast(expr.clone(), DataType::Utf8View)]),
        false => column,
    })
}

//! From terms to conditions over a table's columns.

use arrow::datatypes::DataType;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{Expr, cast, try_cast};
use datafusion::prelude::{col, lit};
use lake::Table;

use super::{Search, Term, Value};
use crate::QueryError;
use crate::functions::{has_token, icontains};
use crate::names;

/// The condition that a row of the table is what is looked for.
pub(crate) fn lower(search: &Search, table: Table) -> Result<Expr, QueryError> {
    Ok(match search {
        Search::All => lit(true),
        Search::Text(text) => icontains(message(table), text),
        Search::Word(word) if word.contains('*') => message(table).ilike(lit(format!("%{}%", pattern(word)))),
        Search::Word(word) => has_token(message(table), word),
        Search::Exists(name) => Field::named(table, name).expr.is_not_null(),
        Search::Field(term) => field(table, term)?,
        Search::Not(search) => {
            // What has no such field is not excluded by its value.
            let inner = lower(search, table)?;
            inner.is_not_true()
        }
        Search::And(all) => joined(all, table, Expr::and)?,
        Search::Or(any) => joined(any, table, Expr::or)?,
    })
}

/// What a name stands for in a table: a column or an attribute.
pub(crate) fn named(name: &str, table: Table) -> Expr {
    Field::named(table, name).expr
}

fn joined(parts: &[Search], table: Table, join: fn(Expr, Expr) -> Expr) -> Result<Expr, QueryError> {
    let parts = parts.iter().map(|part| lower(part, table)).collect::<Result<Vec<_>, _>>()?;
    Ok(parts.into_iter().reduce(join).unwrap_or(lit(true)))
}

/// What text is looked for in.
fn message(table: Table) -> Expr {
    col(table.words().unwrap_or("name"))
}

/// A field of the table: a column, or an attribute.
struct Field {
    expr: Expr,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// Names of severities, in upper case.
    Severity,
    Number,
    Millis,
    Nanos,
    /// A number as text, where it is one.
    Attribute,
}

/// What people call columns.
const NAMES: &[(&str, &str)] = &[
    ("status", "severity"),
    ("level", "severity"),
    ("duration", "duration_ms"),
    ("method", "http_method"),
    ("route", "http_route"),
    ("path", "url_path"),
    ("ip", "client_ip"),
    ("http.status_code", "http_status"),
];

impl Field {
    fn named(table: Table, name: &str) -> Field {
        let (name, attribute) = match name.strip_prefix('@') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let alias = match (table, name) {
            (Table::Spans, "status" | "level") => Some("status"),
            (Table::Spans, "duration") => Some("duration_ns"),
            _ => names::column(name)
                .or_else(|| NAMES.iter().find(|(called, _)| *called == name).map(|(_, column)| *column)),
        };
        let column = alias.or((!attribute).then_some(name)).unwrap_or_default();
        let schema = table.read();
        match schema.field_with_name(column) {
            Ok(field) if !matches!(field.data_type(), DataType::Map(..) | DataType::List(_)) => {
                Field { expr: col(column), kind: kind(column, field.data_type()) }
            }
            _ => Field { expr: get_field(col("attributes"), name), kind: Kind::Attribute },
        }
    }
}

fn kind(column: &str, data_type: &DataType) -> Kind {
    match column {
        "severity" => Kind::Severity,
        "duration_ms" => Kind::Millis,
        "duration_ns" => Kind::Nanos,
        _ if data_type.is_numeric() => Kind::Number,
        _ => Kind::Text,
    }
}

fn field(table: Table, term: &Term) -> Result<Expr, QueryError> {
    let Field { expr, kind } = Field::named(table, &term.field);
    let operand = |text: &str| operand(kind, text, term);
    // Attributes are compared as numbers where they and the operand are.
    let ordered = |text: &str| match kind {
        Kind::Attribute if text.parse::<f64>().is_ok() => try_cast(expr.clone(), DataType::Float64),
        _ => expr.clone(),
    };
    Ok(match &term.value {
        Value::Is(value) if kind == Kind::Text && value.is_empty() => expr.is_null(),
        Value::Is(value) => match expr_type(table, &expr) {
            Some(DataType::Boolean) => cast(expr, DataType::Utf8).eq(lit(value.as_str())),
            _ => expr.eq(operand_as_is(kind, value, term)?),
        },
        Value::Like(value) => {
            let text = if kind == Kind::Severity { value.to_uppercase() } else { value.clone() };
            cast(expr, DataType::Utf8View).like(lit(pattern(&text)))
        }
        Value::Greater(value) => ordered(value).gt(operand(value)?),
        Value::GreaterOrEqual(value) => ordered(value).gt_eq(operand(value)?),
        Value::Less(value) => ordered(value).lt(operand(value)?),
        Value::LessOrEqual(value) => ordered(value).lt_eq(operand(value)?),
        Value::Between(from, to) => ordered(from).between(operand(from)?, operand(to)?),
    })
}

fn expr_type(table: Table, expr: &Expr) -> Option<DataType> {
    let Expr::Column(column) = expr else { return None };
    table.read().field_with_name(&column.name).ok().map(|field| field.data_type().clone())
}

/// Equality of attributes is that of their text.
fn operand_as_is(kind: Kind, text: &str, term: &Term) -> Result<Expr, QueryError> {
    match kind {
        Kind::Attribute => Ok(lit(text)),
        _ => operand(kind, text, term),
    }
}

fn operand(kind: Kind, text: &str, term: &Term) -> Result<Expr, QueryError> {
    let refuse = |what: &str, expected: &str| {
        let message = format!("`{}` is compared with {what}, and `{text}` is none", term.field);
        Err(QueryError::refused(message).at(term.place.0, term.place.1).expecting(&[expected]))
    };
    let number = text.parse::<f64>().ok();
    match kind {
        Kind::Text => Ok(lit(text)),
        Kind::Severity => Ok(lit(text.to_uppercase())),
        Kind::Attribute => Ok(number.map_or(lit(text), lit)),
        Kind::Number => match (text.parse::<i64>(), number) {
            (Ok(whole), _) => Ok(lit(whole)),
            (_, Some(number)) => Ok(lit(number)),
            _ => refuse("a number", "a number"),
        },
        Kind::Millis | Kind::Nanos => match number.or_else(|| millis(text)) {
            Some(millis) if kind == Kind::Millis => Ok(lit(millis)),
            Some(millis) => Ok(lit((millis * 1e6) as i64)),
            None => refuse("a duration", "`250ms`, `2s`, `1m`"),
        },
    }
}

/// `2s`, `250ms`, `30us`, `1m`, `1h`; a number alone is in milliseconds.
fn millis(text: &str) -> Option<f64> {
    let units = [("ns", 1e-6), ("us", 1e-3), ("µs", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 6e4), ("h", 3.6e6)];
    units.iter().find_map(|(unit, factor)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor))
}

/// `*` as SQL's `LIKE` has it.
fn pattern(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '*' => out.push('%'),
            '%' | '_' | '\\' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

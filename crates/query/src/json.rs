//! Rows as JSON: what has no value is left out, times are whole microseconds since the epoch.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Number, Value};

/// Each row as an object.
pub fn objects(rows: &RecordBatch) -> Vec<Map<String, Value>> {
    let schema = rows.schema();
    let mut objects = vec![Map::new(); rows.num_rows()];
    for (field, column) in schema.fields().iter().zip(rows.columns()) {
        for (row, object) in objects.iter_mut().enumerate() {
            if let Some(value) = value(column, row) {
                // JavaScript does not count that far.
                let value = if field.name() == lake::SEQ { Value::from(value.to_string()) } else { value };
                object.insert(field.name().clone(), value);
            }
        }
    }
    objects
}

/// Each row as an array; nothing is `null`.
pub fn arrays(rows: &RecordBatch) -> Vec<Vec<Value>> {
    (0..rows.num_rows())
        .map(|row| rows.columns().iter().map(|column| value(column, row).unwrap_or(Value::Null)).collect())
        .collect()
}

/// One cell; `None` where it holds nothing.
pub fn value(column: &dyn Array, row: usize) -> Option<Value> {
    if column.is_null(row) {
        return None;
    }
    Some(match column.data_type() {
        DataType::Utf8View => Value::from(column.as_string_view().value(row)),
        DataType::Utf8 => Value::from(column.as_string::<i32>().value(row)),
        DataType::Boolean => Value::from(column.as_boolean().value(row)),
        DataType::Int8 => Value::from(column.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => Value::from(column.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => Value::from(column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => Value::from(column.as_primitive::<Int64Type>().value(row)),
        DataType::UInt64 => Value::from(column.as_primitive::<UInt64Type>().value(row)),
        DataType::Float64 => double(column.as_primitive::<Float64Type>().value(row)),
        DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, _) => {
            Value::from(column.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Map(..) => map(column, row),
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            (0..items.len()).map(|at| value(&items, at).unwrap_or(Value::Null)).collect()
        }
        _ => shown(column, row),
    })
}

/// JSON has no number for these.
fn double(double: f64) -> Value {
    Number::from_f64(double).map_or_else(|| Value::from(double.to_string()), Value::Number)
}

fn map(column: &dyn Array, row: usize) -> Value {
    let entries = column.as_map().value(row);
    let (keys, values) = (entries.column(0).as_string::<i32>(), entries.column(1));
    let pairs = (0..entries.len()).filter_map(|at| Some((keys.value(at).to_owned(), value(values, at)?)));
    Value::Object(pairs.collect())
}

fn shown(column: &dyn Array, row: usize) -> Value {
    let options = FormatOptions::default();
    match ArrayFormatter::try_new(column, &options) {
        Ok(formatter) => Value::from(formatter.value(row).to_string()),
        Err(_) => Value::Null,
    }
}

//! Answers of Prometheus' query API, held against each other.

use std::collections::BTreeMap;

use serde_json::Value;

/// Whether two answers of the query API say the same: numbers to a billionth, refusals by their class, rows in any order
/// but where it is part of the question. The fault is for people.
pub fn same(theirs: &Value, ours: &Value, ordered: bool) -> Result<(), String> {
    if theirs["status"] != ours["status"] || theirs["errorType"] != ours["errorType"] {
        return Err(format!("{} but {}", short(theirs), short(ours)));
    }
    let (theirs, ours) = (&theirs["data"], &ours["data"]);
    if theirs["resultType"] != ours["resultType"] {
        return Err(format!("{} but {}", theirs["resultType"], ours["resultType"]));
    }
    match theirs["resultType"].as_str() {
        Some("vector" | "matrix") => rows(&theirs["result"], &ours["result"], ordered),
        _ => values(&theirs["result"], &ours["result"]),
    }
}

fn rows(theirs: &Value, ours: &Value, ordered: bool) -> Result<(), String> {
    let (mut theirs_by_labels, mut ours_by_labels) = (BTreeMap::new(), BTreeMap::new());
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let key = |row: &Value| {
        serde_json::from_value::<BTreeMap<String, String>>(row["metric"].clone()).expect("labels")
    };
    for row in list(theirs) {
        theirs_by_labels.insert(key(&row), row);
    }
    for row in list(ours) {
        if ours_by_labels.insert(key(&row), row).is_some() {
            return Err("two rows have the same labels".into());
        }
    }
    if theirs_by_labels.keys().ne(ours_by_labels.keys()) {
        return Err(format!("{} but {}", short(theirs), short(ours)));
    }
    let order = |value: &Value| list(value).iter().map(key).collect::<Vec<_>>();
    if ordered && order(theirs) != order(ours) {
        return Err(format!("in another order: {} but {}", short(theirs), short(ours)));
    }
    for (labels, row) in &theirs_by_labels {
        let other = &ours_by_labels[labels];
        for field in ["value", "values"] {
            values(&row[field], &other[field]).map_err(|fault| format!("{labels:?}: {fault}"))?;
        }
    }
    Ok(())
}

/// Points, or lists of them.
fn values(theirs: &Value, ours: &Value) -> Result<(), String> {
    match (theirs, ours) {
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
            theirs.iter().zip(ours).try_for_each(|(theirs, ours)| values(theirs, ours))
        }
        (Value::Number(theirs), Value::Number(ours)) if theirs.as_f64() == ours.as_f64() => Ok(()),
        (Value::String(theirs), Value::String(ours)) if near(theirs, ours) => Ok(()),
        (Value::Null, Value::Null) => Ok(()),
        _ => Err(format!("{} but {}", short(theirs), short(ours))),
    }
}

fn near(theirs: &str, ours: &str) -> bool {
    if theirs == ours {
        return true;
    }
    let number = |text: &str| text.parse::<f64>().ok();
    let (Some(theirs), Some(ours)) = (number(theirs), number(ours)) else { return false };
    (theirs - ours).abs() <= 1e-9 * theirs.abs().max(ours.abs())
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(400).collect()
}

//! Rows of the table `logs` as Logs Insights sees them.

use arrow::array::{
    Array, AsArray, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, MapArray, RecordBatch,
    StringArray, StringViewArray, TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use insights::{Discovery, Event, Needs, Path, Row, Value};

use crate::{groups, names};

/// Where a field is looked for first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Timestamp,
    IngestionTime,
    Message,
    /// A column of text.
    Text(&'static str),
    /// A column of numbers.
    Number(&'static str),
    /// The account and the group.
    Log,
    LogStream,
    Ptr,
    /// In the attributes, then in the message.
    Elsewhere,
}

pub(super) fn place(name: &str) -> Place {
    match name {
        "@timestamp" => return Place::Timestamp,
        "@ingestionTime" => return Place::IngestionTime,
        "@message" => return Place::Message,
        "@log" => return Place::Log,
        "@logStream" => return Place::LogStream,
        "@ptr" => return Place::Ptr,
        "@aws.account" => return Place::Text("account"),
        "@aws.region" => return Place::Text("region"),
        // Taken off the record to tell its severity; questions that were written for CloudWatch ask for it.
        "level" => return Place::Text("severity_text"),
        _ => {}
    }
    let name = name.strip_prefix("@entity.").unwrap_or(name);
    let name = names::column(name).unwrap_or(name);
    match COLUMNS.iter().find(|(column, _)| *column == name) {
        Some((column, true)) => Place::Number(column),
        Some((column, false)) => Place::Text(column),
        None => Place::Elsewhere,
    }
}

/// Columns that have a name of their own in queries, and whether they hold numbers.
const COLUMNS: [(&str, bool); 35] = [
    ("service", false),
    ("env", false),
    ("version", false),
    ("cluster", false),
    ("ecs_service", false),
    ("task_family", false),
    ("task_revision", true),
    ("task", false),
    ("container", false),
    ("container_id", false),
    ("launch_type", false),
    ("account", false),
    ("region", false),
    ("az", false),
    ("host", false),
    ("severity", false),
    ("severity_number", true),
    ("trace_id", false),
    ("span_id", false),
    ("scope", false),
    ("stream", false),
    ("log_group", false),
    ("event_name", false),
    ("http_method", false),
    ("http_route", false),
    ("http_status", true),
    ("duration_ms", true),
    ("client_ip", false),
    ("url_path", false),
    ("user_agent", false),
    ("exception_type", false),
    ("exception_message", false),
    ("severity_text", false),
    ("user_id", false),
    ("request_id", false),
];

/// What a program reads, by the number of its paths.
pub(super) struct Columns {
    places: Vec<Place>,
    discovery: Discovery,
}

impl Columns {
    pub fn new(needs: &Needs) -> Columns {
        let places = needs.paths().iter().map(|path| place(path.name())).collect();
        Columns { places, discovery: Discovery::new(needs) }
    }

    /// Columns of the table that rows are made of.
    pub fn names(needs: &Needs) -> Vec<&'static str> {
        // Time and message are always at hand; the others only where a path may be in them.
        let mut names = vec!["time", "message"];
        for path in needs.paths() {
            let more: &[&'static str] = match place(path.name()) {
                Place::Timestamp | Place::Message => &[],
                Place::IngestionTime => &["observed_time"],
                Place::Text(column) | Place::Number(column) => &[column, "body", "attributes"],
                Place::Log => &["account", "log_group", "service"],
                Place::LogStream => &["stream", "container", "task", "host"],
                Place::Ptr => &[lake::SEQ],
                Place::Elsewhere => &["body", "attributes"],
            };
            for name in more {
                if !names.contains(name) {
                    names.push(name);
                }
            }
        }
        // In the table's order, as what sorts rows expects to find it.
        for extra in ["time_ns", lake::SEQ] {
            if !names.contains(&extra) {
                names.push(extra);
            }
        }
        names
    }

    /// Hands over each row.
    pub fn each(&self, rows: &RecordBatch, mut take: impl FnMut(&LogRow<'_>)) {
        let batch = Batch {
            places: self.places.iter().map(|place| Filled::of(*place, rows)).collect(),
            time: rows.column_by_name("time").map(|column| column.as_primitive()),
            message: text(rows, "message"),
            body: text(rows, "body"),
            attributes: rows.column_by_name("attributes").map(|column| column.as_map()).map(Attributes::new),
        };
        for row in 0..rows.num_rows() {
            let time = batch.time.map_or(0, |times| times.value(row).div_euclid(1000));
            let message = batch.message.filter(|text| text.is_valid(row)).map_or("", |text| text.value(row));
            // A structured body is what fields are found in; its message is only a part of it.
            let body = batch.body.filter(|text| text.is_valid(row)).map_or(message, |text| text.value(row));
            let event = Event::new(&self.discovery, time, body);
            take(&LogRow { batch: &batch, row, time, message, event });
        }
    }
}

fn text<'a>(rows: &'a RecordBatch, name: &str) -> Option<&'a StringViewArray> {
    rows.column_by_name(name)?.as_string_view_opt()
}

struct Batch<'a> {
    places: Vec<Filled<'a>>,
    time: Option<&'a TimestampMicrosecondArray>,
    message: Option<&'a StringViewArray>,
    body: Option<&'a StringViewArray>,
    attributes: Option<Attributes<'a>>,
}

/// A place with its columns.
enum Filled<'a> {
    Timestamp,
    Message,
    IngestionTime(&'a TimestampMicrosecondArray),
    Text(&'a StringViewArray),
    Int8(&'a Int8Array),
    Int16(&'a Int16Array),
    Int32(&'a Int32Array),
    Double(&'a Float64Array),
    Log([Option<&'a StringViewArray>; 3]),
    LogStream([Option<&'a StringViewArray>; 4]),
    Ptr(&'a Int64Array),
    Elsewhere,
}

impl<'a> Filled<'a> {
    fn of(place: Place, rows: &'a RecordBatch) -> Filled<'a> {
        let column = |name: &str| rows.column_by_name(name);
        let found = match place {
            Place::Timestamp => Some(Filled::Timestamp),
            Place::Message => Some(Filled::Message),
            Place::IngestionTime => column("observed_time").map(|c| Filled::IngestionTime(c.as_primitive())),
            Place::Text(name) => text(rows, name).map(Filled::Text),
            Place::Number(name) => column(name).and_then(|c| match c.data_type() {
                DataType::Int8 => Some(Filled::Int8(c.as_primitive())),
                DataType::Int16 => Some(Filled::Int16(c.as_primitive())),
                DataType::Int32 => Some(Filled::Int32(c.as_primitive())),
                DataType::Float64 => Some(Filled::Double(c.as_primitive())),
                _ => None,
            }),
            Place::Log => Some(Filled::Log(["account", "log_group", "service"].map(|name| text(rows, name)))),
            Place::LogStream => {
                Some(Filled::LogStream(["stream", "container", "task", "host"].map(|name| text(rows, name))))
            }
            Place::Ptr => column(lake::SEQ).map(|c| Filled::Ptr(c.as_primitive())),
            Place::Elsewhere => None,
        };
        found.unwrap_or(Filled::Elsewhere)
    }

    /// `None` where the column says nothing.
    fn value(&self, row: usize) -> Option<Value<'a>> {
        fn word<'a>(column: &Option<&'a StringViewArray>, row: usize) -> Option<&'a str> {
            column.filter(|column| column.is_valid(row)).map(|column| column.value(row))
        }
        fn int<T: Array>(column: &T, row: usize, value: impl FnOnce() -> i64) -> Option<Value<'static>> {
            column.is_valid(row).then(|| Value::Int(value()))
        }
        match self {
            Filled::Text(column) => word(&Some(*column), row).map(Value::text),
            Filled::Int8(column) => int(*column, row, || column.value(row).into()),
            Filled::Int16(column) => int(*column, row, || column.value(row).into()),
            Filled::Int32(column) => int(*column, row, || column.value(row).into()),
            Filled::Double(column) => column.is_valid(row).then(|| Value::Float(column.value(row))),
            Filled::IngestionTime(column) => {
                column.is_valid(row).then(|| Value::Time(column.value(row).div_euclid(1000)))
            }
            Filled::Ptr(column) => Some(Value::text(column.value(row).to_string())),
            Filled::Log(columns) => {
                let [account, group, service] = columns.each_ref().map(|column| word(column, row));
                let group = group.or(service).unwrap_or(groups::NO_SERVICE);
                Some(Value::text(format!("{}:{group}", account.unwrap_or("000000000000"))))
            }
            Filled::LogStream(columns) => {
                let [stream, container, task, host] = columns.each_ref().map(|column| word(column, row));
                Some(log_stream(stream, container, task, host))
            }
            Filled::Timestamp | Filled::Message | Filled::Elsewhere => None,
        }
    }
}

/// As `groups::log_stream` makes it in plans.
fn log_stream<'a>(
    stream: Option<&'a str>,
    container: Option<&'a str>,
    task: Option<&'a str>,
    host: Option<&'a str>,
) -> Value<'a> {
    match (stream.filter(|stream| !groups::STANDARD.contains(stream)), container, task) {
        (Some(own), ..) => Value::text(own),
        (None, Some(container), Some(task)) => Value::text(format!("{container}/{task}")),
        (None, container, _) => Value::text(container.or(stream).or(host).unwrap_or(groups::NO_STREAM)),
    }
}

/// A map of text by text, walked by its offsets.
struct Attributes<'a> {
    map: &'a MapArray,
    keys: &'a StringArray,
    values: &'a StringArray,
}

impl<'a> Attributes<'a> {
    fn new(map: &'a MapArray) -> Attributes<'a> {
        Attributes { map, keys: map.keys().as_string(), values: map.values().as_string() }
    }

    fn get(&self, row: usize, key: &str) -> Option<&'a str> {
        let offsets = self.map.value_offsets();
        let (start, end) = (offsets[row] as usize, offsets[row + 1] as usize);
        let at = (start..end).find(|at| self.keys.value(*at) == key)?;
        self.values.is_valid(at).then(|| self.values.value(at))
    }
}

pub(super) struct LogRow<'a> {
    batch: &'a Batch<'a>,
    row: usize,
    time: i64,
    message: &'a str,
    event: Event<'a>,
}

impl Row for LogRow<'_> {
    fn field(&self, path: &Path) -> Value<'_> {
        let place = &self.batch.places[path.index()];
        match place {
            Filled::Timestamp => return Value::Time(self.time),
            Filled::Message => return Value::text(self.message),
            _ => {}
        }
        if let Some(value) = place.value(self.row) {
            return value;
        }
        if path.is_generated() {
            return Value::Null;
        }
        let attribute = self.batch.attributes.as_ref().and_then(|map| map.get(self.row, path.name()));
        match attribute {
            Some(text) if text.starts_with(['{', '[']) => match Value::from_json(text) {
                Value::Null => Value::text(text),
                value => value,
            },
            Some(text) => Value::text(text),
            None => self.event.field(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use lake::Table;

    use super::*;

    #[test]
    fn columns_exist() {
        let schema = Table::Logs.read();
        for (name, number) in COLUMNS {
            let field = schema.field_with_name(name).expect(name);
            assert_eq!(field.data_type().is_numeric(), number, "{name}");
        }
    }
}

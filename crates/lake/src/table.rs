//! The tables, their columns, and the two Arrow schemas of each: as rows are kept, and as queries read them.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// What the lake keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Log records.
    Logs,
    /// Spans.
    Spans,
    /// What one arrival tells of a trace; a trace is the sum of its rows.
    Traces,
    /// Labels and kind of a time series; several rows of one series say the same.
    Series,
    /// Values of time series.
    Points,
    /// Histograms of time series.
    Histograms,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Microseconds since the epoch, UTC.
    Time,
    TimeOrNull,
    I8,
    I16,
    I32,
    I64,
    F64,
    F64OrNull,
    Bool,
    /// Text that differs from row to row.
    Text,
    /// Text with few values in a batch: kept as a dictionary.
    Label,
    /// Text by text.
    Map,
    I64s,
    F64s,
}

use Kind::*;

/// The first columns of every table.
pub(crate) const BLOCK: &[(&str, Kind)] = &[
    ("time", Time),
    ("time_ns", I16),
    ("service", Label),
    ("env", Label),
    ("version", Label),
    ("cluster", Label),
    ("ecs_service", Label),
    ("task_family", Label),
    ("task_revision", I32),
    ("task", Label),
    ("container", Label),
    ("container_id", Label),
    ("launch_type", Label),
    ("account", Label),
    ("region", Label),
    ("az", Label),
    ("host", Label),
    ("resource", Map),
    ("resource_types", Label),
];

/// Given to rows by the log. The last column of every table.
pub const SEQ: &str = "seq";

const LOGS: &[(&str, Kind)] = &[
    ("observed_time", TimeOrNull),
    ("severity", Label),
    ("severity_number", I8),
    ("severity_text", Label),
    ("message", Text),
    ("body", Text),
    ("trace_id", Text),
    ("span_id", Text),
    ("flags", I32),
    ("scope", Label),
    ("stream", Label),
    ("log_group", Label),
    ("event_name", Label),
    ("http_method", Label),
    ("http_route", Label),
    ("http_status", I16),
    ("duration_ms", F64OrNull),
    ("client_ip", Text),
    ("url_path", Text),
    ("user_agent", Label),
    ("exception_type", Label),
    ("exception_message", Text),
    ("user_id", Text),
    ("request_id", Text),
    ("attributes", Map),
    ("attribute_types", Label),
];

const SPANS: &[(&str, Kind)] = &[
    ("trace_id", Text),
    ("span_id", Text),
    ("parent_span_id", Text),
    ("trace_state", Text),
    ("flags", I32),
    ("name", Label),
    ("kind", Label),
    ("status", Label),
    ("status_message", Text),
    ("end_time", TimeOrNull),
    ("duration_ns", I64),
    ("scope", Label),
    ("http_method", Label),
    ("http_route", Label),
    ("http_status", I16),
    ("rpc_system", Label),
    ("rpc_method", Label),
    ("db_system", Label),
    ("db_statement", Text),
    ("messaging_system", Label),
    ("messaging_destination", Label),
    ("peer", Label),
    ("exception_type", Label),
    ("error", Bool),
    ("is_root", Bool),
    ("is_entry", Bool),
    ("events", Text),
    ("links", Text),
    ("attributes", Map),
    ("attribute_types", Label),
];

const TRACES: &[(&str, Kind)] = &[
    ("trace_id", Text),
    ("end_time", Time),
    ("root_service", Label),
    ("root_name", Label),
    ("span_count", I64),
    ("error_count", I64),
    ("services", Label),
    ("http_status", I16),
    ("max_duration_ns", I64),
];

const SERIES: &[(&str, Kind)] = &[
    ("series_id", Text),
    ("metric", Label),
    ("unit", Label),
    ("description", Label),
    ("kind", Label),
    ("temporality", Label),
    ("monotonic", Bool),
    ("labels", Map),
    ("last_seen", Time),
];

const POINTS: &[(&str, Kind)] = &[
    ("time", Time),
    ("time_ns", I16),
    ("metric", Label),
    ("series_id", Label),
    ("start_time", TimeOrNull),
    ("value", F64),
    ("flags", I32),
    ("exemplar_trace_id", Text),
];

const HISTOGRAMS: &[(&str, Kind)] = &[
    ("time", Time),
    ("time_ns", I16),
    ("metric", Label),
    ("series_id", Label),
    ("start_time", TimeOrNull),
    ("count", F64),
    ("sum", F64OrNull),
    ("min", F64OrNull),
    ("max", F64OrNull),
    ("scale", I32),
    ("zero_count", F64OrNull),
    ("zero_threshold", F64OrNull),
    ("offset", I32),
    ("buckets", I64s),
    ("bounds", F64s),
    ("negative_offset", I32),
    ("negative_buckets", I64s),
    ("flags", I32),
];

impl Table {
    pub const ALL: [Table; 6] =
        [Table::Logs, Table::Spans, Table::Traces, Table::Series, Table::Points, Table::Histograms];

    /// Its name in queries and folders.
    pub fn name(self) -> &'static str {
        match self {
            Table::Logs => "logs",
            Table::Spans => "spans",
            Table::Traces => "traces",
            Table::Series => "series",
            Table::Points => "points",
            Table::Histograms => "histograms",
        }
    }

    pub fn named(name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Columns that rows of one file are ordered by.
    pub fn order(self) -> &'static [&'static str] {
        match self {
            Table::Logs | Table::Spans | Table::Traces => &["time"],
            Table::Series => &["metric", "series_id"],
            Table::Points | Table::Histograms => &["metric", "series_id", "time"],
        }
    }

    /// Columns whose values are looked up by equality and seldom found.
    pub fn blooms(self) -> &'static [&'static str] {
        match self {
            Table::Logs | Table::Spans => &["trace_id"],
            Table::Traces => &["trace_id"],
            Table::Series | Table::Points | Table::Histograms => &[],
        }
    }

    /// The column that a search for words looks into.
    pub fn words(self) -> Option<&'static str> {
        (self == Table::Logs).then_some("message")
    }

    /// The columns whose words each segment has an index of.
    pub fn indexed(self) -> &'static [&'static str] {
        match self {
            Table::Logs => &["message", "trace_id"],
            _ => &[],
        }
    }

    pub(crate) fn columns(self) -> Vec<(&'static str, Kind)> {
        let own = match self {
            Table::Logs => [BLOCK, LOGS],
            Table::Spans => [BLOCK, SPANS],
            Table::Traces => [BLOCK, TRACES],
            Table::Series => [BLOCK, SERIES],
            Table::Points => [POINTS, &[]],
            Table::Histograms => [HISTOGRAMS, &[]],
        };
        own.concat()
    }

    /// Rows as the encoder makes them: without `seq`.
    pub(crate) fn arriving(self) -> SchemaRef {
        SCHEMAS[self as usize].arriving.clone()
    }

    /// Rows as memory and the log hold them.
    pub fn kept(self) -> SchemaRef {
        SCHEMAS[self as usize].kept.clone()
    }

    /// Rows as queries see them: text as views.
    pub fn read(self) -> SchemaRef {
        SCHEMAS[self as usize].read.clone()
    }
}

struct Schemas {
    arriving: SchemaRef,
    kept: SchemaRef,
    read: SchemaRef,
}

static SCHEMAS: LazyLock<Vec<Schemas>> = LazyLock::new(|| Table::ALL.into_iter().map(schemas).collect());

fn schemas(table: Table) -> Schemas {
    let columns = table.columns();
    let kept = columns.iter().map(|(name, kind)| field(name, *kind, false));
    let read = columns.iter().map(|(name, kind)| field(name, *kind, true));
    let seq = || Field::new(SEQ, DataType::Int64, false);
    Schemas {
        arriving: Arc::new(Schema::new(kept.clone().collect::<Fields>())),
        kept: Arc::new(Schema::new(kept.chain([seq()]).collect::<Fields>())),
        read: Arc::new(Schema::new(read.chain([seq()]).collect::<Fields>())),
    }
}

fn field(name: &str, kind: Kind, read: bool) -> Field {
    let required = matches!(kind, Time) || name == "time_ns";
    Field::new(name, kind.data_type(read), !required)
}

impl Kind {
    fn data_type(self, read: bool) -> DataType {
        match self {
            Time | TimeOrNull => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            I8 => DataType::Int8,
            I16 => DataType::Int16,
            I32 => DataType::Int32,
            I64 => DataType::Int64,
            F64 | F64OrNull => DataType::Float64,
            Bool => DataType::Boolean,
            Text | Label if read => DataType::Utf8View,
            Text => DataType::Utf8,
            Label => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Map => map_type(),
            I64s => DataType::List(Arc::new(Field::new("item", DataType::Int64, true))),
            F64s => DataType::List(Arc::new(Field::new("item", DataType::Float64, true))),
        }
    }
}

/// Text by text, with the names that Parquet gives the parts of a map.
fn map_type() -> DataType {
    let entry = vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)];
    DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entry.into()), false)), false)
}

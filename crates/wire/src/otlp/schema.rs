//! What OTLP's messages look like: the one table that JSON is read and written by.
//!
//! Fields stand in the order of their numbers. Names are those of protobuf's JSON.
//! Source: opentelemetry-proto 1.x, `collector/*/v1`, `common/v1`, `resource/v1`, `logs/v1`, `trace/v1`, `metrics/v1`.

use model::Signal;

use self::Kind::*;

/// A message.
pub(super) struct Shape {
    pub name: &'static str,
    pub fields: &'static [Slot],
}

/// A field of a message.
pub(super) struct Slot {
    pub number: u32,
    pub name: &'static str,
    pub kind: Kind,
    pub presence: Presence,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// A number or text that is left out where it is zero or empty; a message that is left out where it is unset.
    Plain,
    /// Written whenever it is known: `optional`, or one of several of which a message has one.
    Known,
    Repeated,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Message(&'static Shape),
    Text,
    /// Base64 in JSON.
    Bytes,
    /// So many bytes or none, hexadecimal in JSON.
    Id(usize),
    Bool,
    Uint32,
    Sint32,
    Fixed32,
    Int64,
    Uint64,
    Fixed64,
    Sfixed64,
    Double,
    /// The names of 0, 1 and so on.
    Choice(&'static [&'static str]),
}

impl Shape {
    /// The field that JSON calls so, in camel case or as the definition spells it.
    pub fn named(&self, name: &str) -> Option<&'static Slot> {
        let is_snake = name.contains('_');
        let fits = |slot: &&Slot| slot.name == name || (is_snake && is_snake_of(slot.name, name));
        self.fields.iter().find(fits)
    }

    #[allow(dead_code)] // Writing JSON will ask for it.
    pub fn numbered(&self, number: u32) -> Option<&'static Slot> {
        self.fields.iter().find(|slot| slot.number == number)
    }
}

fn is_snake_of(camel: &str, snake: &str) -> bool {
    let mut rest = snake.bytes();
    camel.bytes().all(|letter| match letter.is_ascii_uppercase() {
        true => rest.next() == Some(b'_') && rest.next() == Some(letter.to_ascii_lowercase()),
        false => rest.next() == Some(letter),
    }) && rest.next().is_none()
}

const fn plain(number: u32, name: &'static str, kind: Kind) -> Slot {
    Slot { number, name, kind, presence: Presence::Plain }
}

const fn known(number: u32, name: &'static str, kind: Kind) -> Slot {
    Slot { number, name, kind, presence: Presence::Known }
}

const fn many(number: u32, name: &'static str, kind: Kind) -> Slot {
    Slot { number, name, kind, presence: Presence::Repeated }
}

macro_rules! shapes {
    ($($name:ident = $title:literal { $($presence:ident $number:literal $field:literal $kind:expr,)* })*) => {
        $(static $name: Shape = Shape { name: $title, fields: &[$($presence($number, $field, $kind)),*] };)*
    };
}

/// The export request of a signal.
pub(super) fn request(signal: Signal) -> &'static Shape {
    match signal {
        Signal::Logs => &LOGS_REQUEST,
        Signal::Traces => &TRACE_REQUEST,
        Signal::Metrics => &METRICS_REQUEST,
    }
}

shapes! {
    LOGS_REQUEST = "ExportLogsServiceRequest" {
        many 1 "resourceLogs" Message(&RESOURCE_LOGS),
    }
    TRACE_REQUEST = "ExportTraceServiceRequest" {
        many 1 "resourceSpans" Message(&RESOURCE_SPANS),
    }
    METRICS_REQUEST = "ExportMetricsServiceRequest" {
        many 1 "resourceMetrics" Message(&RESOURCE_METRICS),
    }
    RESOURCE_LOGS = "ResourceLogs" {
        plain 1 "resource" Message(&RESOURCE),
        many 2 "scopeLogs" Message(&SCOPE_LOGS),
        plain 3 "schemaUrl" Text,
    }
    RESOURCE_SPANS = "ResourceSpans" {
        plain 1 "resource" Message(&RESOURCE),
        many 2 "scopeSpans" Message(&SCOPE_SPANS),
        plain 3 "schemaUrl" Text,
    }
    RESOURCE_METRICS = "ResourceMetrics" {
        plain 1 "resource" Message(&RESOURCE),
        many 2 "scopeMetrics" Message(&SCOPE_METRICS),
        plain 3 "schemaUrl" Text,
    }
    SCOPE_LOGS = "ScopeLogs" {
        plain 1 "scope" Message(&SCOPE),
        many 2 "logRecords" Message(&LOG_RECORD),
        plain 3 "schemaUrl" Text,
    }
    SCOPE_SPANS = "ScopeSpans" {
        plain 1 "scope" Message(&SCOPE),
        many 2 "spans" Message(&SPAN),
        plain 3 "schemaUrl" Text,
    }
    SCOPE_METRICS = "ScopeMetrics" {
        plain 1 "scope" Message(&SCOPE),
        many 2 "metrics" Message(&METRIC),
        plain 3 "schemaUrl" Text,
    }
    RESOURCE = "Resource" {
        many 1 "attributes" Message(&KEY_VALUE),
        plain 2 "droppedAttributesCount" Uint32,
        many 3 "entityRefs" Message(&ENTITY_REF),
    }
    ENTITY_REF = "EntityRef" {
        plain 1 "schemaUrl" Text,
        plain 2 "type" Text,
        many 3 "idKeys" Text,
        many 4 "descriptionKeys" Text,
    }
    SCOPE = "InstrumentationScope" {
        plain 1 "name" Text,
        plain 2 "version" Text,
        many 3 "attributes" Message(&KEY_VALUE),
        plain 4 "droppedAttributesCount" Uint32,
    }
    KEY_VALUE = "KeyValue" {
        plain 1 "key" Text,
        plain 2 "value" Message(&ANY_VALUE),
    }
    ANY_VALUE = "AnyValue" {
        known 1 "stringValue" Text,
        known 2 "boolValue" Bool,
        known 3 "intValue" Int64,
        known 4 "doubleValue" Double,
        known 5 "arrayValue" Message(&ARRAY_VALUE),
        known 6 "kvlistValue" Message(&KEY_VALUE_LIST),
        known 7 "bytesValue" Bytes,
    }
    ARRAY_VALUE = "ArrayValue" {
        many 1 "values" Message(&ANY_VALUE),
    }
    KEY_VALUE_LIST = "KeyValueList" {
        many 1 "values" Message(&KEY_VALUE),
    }
    LOG_RECORD = "LogRecord" {
        plain 1 "timeUnixNano" Fixed64,
        plain 2 "severityNumber" Choice(&SEVERITIES),
        plain 3 "severityText" Text,
        plain 5 "body" Message(&ANY_VALUE),
        many 6 "attributes" Message(&KEY_VALUE),
        plain 7 "droppedAttributesCount" Uint32,
        plain 8 "flags" Fixed32,
        plain 9 "traceId" Id(16),
        plain 10 "spanId" Id(8),
        plain 11 "observedTimeUnixNano" Fixed64,
        plain 12 "eventName" Text,
    }
    SPAN = "Span" {
        plain 1 "traceId" Id(16),
        plain 2 "spanId" Id(8),
        plain 3 "traceState" Text,
        plain 4 "parentSpanId" Id(8),
        plain 5 "name" Text,
        plain 6 "kind" Choice(&KINDS),
        plain 7 "startTimeUnixNano" Fixed64,
        plain 8 "endTimeUnixNano" Fixed64,
        many 9 "attributes" Message(&KEY_VALUE),
        plain 10 "droppedAttributesCount" Uint32,
        many 11 "events" Message(&EVENT),
        plain 12 "droppedEventsCount" Uint32,
        many 13 "links" Message(&LINK),
        plain 14 "droppedLinksCount" Uint32,
        plain 15 "status" Message(&STATUS),
        plain 16 "flags" Fixed32,
    }
    EVENT = "Event" {
        plain 1 "timeUnixNano" Fixed64,
        plain 2 "name" Text,
        many 3 "attributes" Message(&KEY_VALUE),
        plain 4 "droppedAttributesCount" Uint32,
    }
    LINK = "Link" {
        plain 1 "traceId" Id(16),
        plain 2 "spanId" Id(8),
        plain 3 "traceState" Text,
        many 4 "attributes" Message(&KEY_VALUE),
        plain 5 "droppedAttributesCount" Uint32,
        plain 6 "flags" Fixed32,
    }
    STATUS = "Status" {
        plain 2 "message" Text,
        plain 3 "code" Choice(&STATUS_CODES),
    }
    METRIC = "Metric" {
        plain 1 "name" Text,
        plain 2 "description" Text,
        plain 3 "unit" Text,
        known 5 "gauge" Message(&GAUGE),
        known 7 "sum" Message(&SUM),
        known 9 "histogram" Message(&HISTOGRAM),
        known 10 "exponentialHistogram" Message(&EXPONENTIAL_HISTOGRAM),
        known 11 "summary" Message(&SUMMARY),
        many 12 "metadata" Message(&KEY_VALUE),
    }
    GAUGE = "Gauge" {
        many 1 "dataPoints" Message(&NUMBER_POINT),
    }
    SUM = "Sum" {
        many 1 "dataPoints" Message(&NUMBER_POINT),
        plain 2 "aggregationTemporality" Choice(&TEMPORALITIES),
        plain 3 "isMonotonic" Bool,
    }
    HISTOGRAM = "Histogram" {
        many 1 "dataPoints" Message(&HISTOGRAM_POINT),
        plain 2 "aggregationTemporality" Choice(&TEMPORALITIES),
    }
    EXPONENTIAL_HISTOGRAM = "ExponentialHistogram" {
        many 1 "dataPoints" Message(&EXPONENTIAL_POINT),
        plain 2 "aggregationTemporality" Choice(&TEMPORALITIES),
    }
    SUMMARY = "Summary" {
        many 1 "dataPoints" Message(&SUMMARY_POINT),
    }
    NUMBER_POINT = "NumberDataPoint" {
        plain 2 "startTimeUnixNano" Fixed64,
        plain 3 "timeUnixNano" Fixed64,
        known 4 "asDouble" Double,
        many 5 "exemplars" Message(&EXEMPLAR),
        known 6 "asInt" Sfixed64,
        many 7 "attributes" Message(&KEY_VALUE),
        plain 8 "flags" Uint32,
    }
    HISTOGRAM_POINT = "HistogramDataPoint" {
        plain 2 "startTimeUnixNano" Fixed64,
        plain 3 "timeUnixNano" Fixed64,
        plain 4 "count" Fixed64,
        known 5 "sum" Double,
        many 6 "bucketCounts" Fixed64,
        many 7 "explicitBounds" Double,
        many 8 "exemplars" Message(&EXEMPLAR),
        many 9 "attributes" Message(&KEY_VALUE),
        plain 10 "flags" Uint32,
        known 11 "min" Double,
        known 12 "max" Double,
    }
    EXPONENTIAL_POINT = "ExponentialHistogramDataPoint" {
        many 1 "attributes" Message(&KEY_VALUE),
        plain 2 "startTimeUnixNano" Fixed64,
        plain 3 "timeUnixNano" Fixed64,
        plain 4 "count" Fixed64,
        known 5 "sum" Double,
        plain 6 "scale" Sint32,
        plain 7 "zeroCount" Fixed64,
        plain 8 "positive" Message(&BUCKETS),
        plain 9 "negative" Message(&BUCKETS),
        plain 10 "flags" Uint32,
        many 11 "exemplars" Message(&EXEMPLAR),
        known 12 "min" Double,
        known 13 "max" Double,
        plain 14 "zeroThreshold" Double,
    }
    BUCKETS = "Buckets" {
        plain 1 "offset" Sint32,
        many 2 "bucketCounts" Uint64,
    }
    SUMMARY_POINT = "SummaryDataPoint" {
        plain 2 "startTimeUnixNano" Fixed64,
        plain 3 "timeUnixNano" Fixed64,
        plain 4 "count" Fixed64,
        plain 5 "sum" Double,
        many 6 "quantileValues" Message(&QUANTILE),
        many 7 "attributes" Message(&KEY_VALUE),
        plain 8 "flags" Uint32,
    }
    QUANTILE = "ValueAtQuantile" {
        plain 1 "quantile" Double,
        plain 2 "value" Double,
    }
    EXEMPLAR = "Exemplar" {
        plain 2 "timeUnixNano" Fixed64,
        known 3 "asDouble" Double,
        plain 4 "spanId" Id(8),
        plain 5 "traceId" Id(16),
        known 6 "asInt" Sfixed64,
        many 7 "filteredAttributes" Message(&KEY_VALUE),
    }
}

const KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

const STATUS_CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

const TEMPORALITIES: [&str; 3] = [
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
];

const SEVERITIES: [&str; 25] = [
    "SEVERITY_NUMBER_UNSPECIFIED",
    "SEVERITY_NUMBER_TRACE",
    "SEVERITY_NUMBER_TRACE2",
    "SEVERITY_NUMBER_TRACE3",
    "SEVERITY_NUMBER_TRACE4",
    "SEVERITY_NUMBER_DEBUG",
    "SEVERITY_NUMBER_DEBUG2",
    "SEVERITY_NUMBER_DEBUG3",
    "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO",
    "SEVERITY_NUMBER_INFO2",
    "SEVERITY_NUMBER_INFO3",
    "SEVERITY_NUMBER_INFO4",
    "SEVERITY_NUMBER_WARN",
    "SEVERITY_NUMBER_WARN2",
    "SEVERITY_NUMBER_WARN3",
    "SEVERITY_NUMBER_WARN4",
    "SEVERITY_NUMBER_ERROR",
    "SEVERITY_NUMBER_ERROR2",
    "SEVERITY_NUMBER_ERROR3",
    "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL",
    "SEVERITY_NUMBER_FATAL2",
    "SEVERITY_NUMBER_FATAL3",
    "SEVERITY_NUMBER_FATAL4",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_either_spelling() {
        let number = |name: &str| EXPONENTIAL_POINT.named(name).map(|slot| slot.number);
        assert_eq!(number("zeroThreshold"), Some(14));
        assert_eq!(number("zero_threshold"), Some(14));
        assert_eq!(number("start_time_unix_nano"), Some(2));
        assert_eq!(number("zero_thresholds"), None);
        assert_eq!(number("zero_Threshold"), None);
        assert_eq!(number("zerothreshold"), None);
        assert_eq!(number(""), None);
    }

    #[test]
    fn fields_stand_in_order() {
        for shape in
            [&LOG_RECORD, &SPAN, &METRIC, &NUMBER_POINT, &HISTOGRAM_POINT, &EXPONENTIAL_POINT, &EXEMPLAR]
        {
            assert!(shape.fields.is_sorted_by(|a, b| a.number < b.number), "{}", shape.name);
        }
    }
}

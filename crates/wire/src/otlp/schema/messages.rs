//! The messages. Fields stand in the order of their numbers; names are those of protobuf's JSON.
//!
//! Source: opentelemetry-proto 1.x, `collector/*/v1`, `common/v1`, `resource/v1`, `logs/v1`, `trace/v1`, `metrics/v1`.

use super::Kind::*;
use super::choices::{KINDS, SEVERITIES, STATUS_CODES, TEMPORALITIES};
use super::{Kind, Presence, Shape, Slot};

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
        $(pub(in super::super) static $name: Shape = Shape { name: $title, fields: &[$($presence($number, $field, $kind)),*] };)*
    };
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

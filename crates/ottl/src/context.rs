//! What a statement runs on, and the constants known there.

/// The kind of row that a statement runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    Resource,
    Scope,
    Log,
    Span,
    SpanEvent,
    Metric,
    DataPoint,
}

impl Context {
    /// From the most particular to the most general: the order in which a context is inferred.
    pub const ALL: [Context; 7] = [
        Context::Log,
        Context::DataPoint,
        Context::Metric,
        Context::SpanEvent,
        Context::Span,
        Context::Scope,
        Context::Resource,
    ];

    /// The first word of its paths, and its name in a `context:` setting.
    pub fn name(self) -> &'static str {
        match self {
            Context::Resource => "resource",
            Context::Scope => "scope",
            Context::Log => "log",
            Context::Span => "span",
            Context::SpanEvent => "spanevent",
            Context::Metric => "metric",
            Context::DataPoint => "datapoint",
        }
    }

    /// The context of that name. `instrumentation_scope` is another name of the scope.
    pub fn named(name: &str) -> Option<Context> {
        if name == "instrumentation_scope" {
            return Some(Context::Scope);
        }
        Context::ALL.into_iter().find(|context| context.name() == name)
    }

    /// The contexts whose paths may be used in this one: its own first, then those around it.
    pub fn visible(self) -> &'static [Context] {
        use Context::{DataPoint, Log, Metric, Resource, Scope, Span, SpanEvent};
        match self {
            Resource => &[Resource],
            Scope => &[Scope, Resource],
            Log => &[Log, Scope, Resource],
            Span => &[Span, Scope, Resource],
            SpanEvent => &[SpanEvent, Span, Scope, Resource],
            Metric => &[Metric, Scope, Resource],
            DataPoint => &[DataPoint, Metric, Scope, Resource],
        }
    }

    /// The bit that stands for it in a set of contexts.
    pub(crate) const fn bit(self) -> u8 {
        1 << self as u8
    }
}

pub(crate) const LOG: u8 = Context::Log.bit();
pub(crate) const SPANS: u8 = Context::Span.bit() | Context::SpanEvent.bit();
pub(crate) const METRICS: u8 = Context::Metric.bit() | Context::DataPoint.bit();
pub(crate) const ANYWHERE: u8 = u8::MAX;

/// Constants by name, with the contexts that know them.
pub(crate) const ENUMS: &[(&str, i64, u8)] = &[
    ("SEVERITY_NUMBER_UNSPECIFIED", 0, LOG),
    ("SEVERITY_NUMBER_TRACE", 1, LOG),
    ("SEVERITY_NUMBER_TRACE2", 2, LOG),
    ("SEVERITY_NUMBER_TRACE3", 3, LOG),
    ("SEVERITY_NUMBER_TRACE4", 4, LOG),
    ("SEVERITY_NUMBER_DEBUG", 5, LOG),
    ("SEVERITY_NUMBER_DEBUG2", 6, LOG),
    ("SEVERITY_NUMBER_DEBUG3", 7, LOG),
    ("SEVERITY_NUMBER_DEBUG4", 8, LOG),
    ("SEVERITY_NUMBER_INFO", 9, LOG),
    ("SEVERITY_NUMBER_INFO2", 10, LOG),
    ("SEVERITY_NUMBER_INFO3", 11, LOG),
    ("SEVERITY_NUMBER_INFO4", 12, LOG),
    ("SEVERITY_NUMBER_WARN", 13, LOG),
    ("SEVERITY_NUMBER_WARN2", 14, LOG),
    ("SEVERITY_NUMBER_WARN3", 15, LOG),
    ("SEVERITY_NUMBER_WARN4", 16, LOG),
    ("SEVERITY_NUMBER_ERROR", 17, LOG),
    ("SEVERITY_NUMBER_ERROR2", 18, LOG),
    ("SEVERITY_NUMBER_ERROR3", 19, LOG),
    ("SEVERITY_NUMBER_ERROR4", 20, LOG),
    ("SEVERITY_NUMBER_FATAL", 21, LOG),
    ("SEVERITY_NUMBER_FATAL2", 22, LOG),
    ("SEVERITY_NUMBER_FATAL3", 23, LOG),
    ("SEVERITY_NUMBER_FATAL4", 24, LOG),
    ("SPAN_KIND_UNSPECIFIED", 0, SPANS),
    ("SPAN_KIND_INTERNAL", 1, SPANS),
    ("SPAN_KIND_SERVER", 2, SPANS),
    ("SPAN_KIND_CLIENT", 3, SPANS),
    ("SPAN_KIND_PRODUCER", 4, SPANS),
    ("SPAN_KIND_CONSUMER", 5, SPANS),
    ("STATUS_CODE_UNSET", 0, SPANS),
    ("STATUS_CODE_OK", 1, SPANS),
    ("STATUS_CODE_ERROR", 2, SPANS),
    ("METRIC_DATA_TYPE_NONE", 0, METRICS),
    ("METRIC_DATA_TYPE_GAUGE", 1, METRICS),
    ("METRIC_DATA_TYPE_SUM", 2, METRICS),
    ("METRIC_DATA_TYPE_HISTOGRAM", 3, METRICS),
    ("METRIC_DATA_TYPE_EXPONENTIAL_HISTOGRAM", 4, METRICS),
    ("METRIC_DATA_TYPE_SUMMARY", 5, METRICS),
    ("AGGREGATION_TEMPORALITY_UNSPECIFIED", 0, METRICS),
    ("AGGREGATION_TEMPORALITY_DELTA", 1, METRICS),
    ("AGGREGATION_TEMPORALITY_CUMULATIVE", 2, METRICS),
    ("FLAG_NONE", 0, METRICS),
    ("FLAG_NO_RECORDED_VALUE", 1, METRICS),
];

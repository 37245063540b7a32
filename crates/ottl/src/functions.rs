//! The list of functions. Adding one is an entry here and a function in the file of its theme.

mod access_log;
pub mod digest;
pub mod duration;
mod edit_map;
mod edit_value;
pub mod encode;
mod extract;
mod format;
pub mod format_time;
mod grok;
mod hash;
mod lists;
mod metric;
mod net;
mod parsing;
mod replace;
mod span_name;
mod text;
mod time;
mod types;
mod user_agent;
mod uuid;
mod xml;

use crate::context::{Context, LOG};
use crate::function::{Function, Kind, function, may, need};

/// The function of that name, wherever it is known.
pub fn named(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

const SPAN: u8 = Context::Span.bit();
const METRIC: u8 = Context::Metric.bit();
const POINT: u8 = Context::DataPoint.bit();

pub static FUNCTIONS: &[Function] = &[
    // Editors.
    function(
        "append",
        &[need("target", Kind::Path), may("value", Kind::Any), may("values", Kind::Values)],
        edit_value::append,
    )
    .checked(edit_value::something_to_append),
    function(
        "delete_index",
        &[need("target", Kind::Path), need("start_index", Kind::Int), may("end_index", Kind::Int)],
        edit_value::delete_index,
    ),
    function("delete_key", &[need("target", Kind::Path), need("key", Kind::String)], edit_map::delete_key),
    function(
        "delete_matching_keys",
        &[need("target", Kind::Path), need("pattern", Kind::Regex)],
        edit_map::delete_matching_keys,
    ),
    function(
        "flatten",
        &[
            need("target", Kind::Path),
            may("prefix", Kind::LiteralString),
            may("depth", Kind::AtLeast(1)),
            may("resolve_conflicts", Kind::LiteralBool),
        ],
        edit_map::flatten,
    ),
    function("keep_keys", &[need("target", Kind::Path), need("keys", Kind::Strings)], edit_map::keep_keys),
    function(
        "keep_matching_keys",
        &[need("target", Kind::Path), need("pattern", Kind::Regex)],
        edit_map::keep_matching_keys,
    ),
    function(
        "limit",
        &[
            need("target", Kind::Path),
            need("limit", Kind::AtLeast(0)),
            may("priority_keys", Kind::LiteralStrings),
        ],
        edit_map::limit,
    )
    .checked(edit_map::enough_for_priority),
    function(
        "merge_maps",
        &[
            need("target", Kind::Path),
            need("source", Kind::Map),
            need("strategy", Kind::Choice(edit_map::STRATEGIES)),
        ],
        edit_map::merge_maps,
    ),
    function(
        "replace_all_matches",
        &[
            need("target", Kind::Path),
            need("pattern", Kind::Glob),
            need("replacement", Kind::String),
            may("function", Kind::Function),
            may("replacement_format", Kind::String),
        ],
        replace::replace_all_matches,
    )
    .checked(replace::one_verb),
    function(
        "replace_all_patterns",
        &[
            need("target", Kind::Path),
            need("mode", Kind::Choice(replace::MODES)),
            need("regex_pattern", Kind::Regex),
            need("replacement", Kind::String),
            may("function", Kind::Function),
            may("replacement_format", Kind::String),
        ],
        replace::replace_all_patterns,
    )
    .checked(replace::one_verb),
    function(
        "replace_match",
        &[
            need("target", Kind::Path),
            need("pattern", Kind::Glob),
            need("replacement", Kind::String),
            may("function", Kind::Function),
            may("replacement_format", Kind::String),
        ],
        replace::replace_match,
    )
    .checked(replace::one_verb),
    function(
        "replace_pattern",
        &[
            need("target", Kind::Path),
            need("regex_pattern", Kind::Regex),
            need("replacement", Kind::String),
            may("function", Kind::Function),
            may("replacement_format", Kind::String),
        ],
        replace::replace_pattern,
    )
    .checked(replace::one_verb),
    function("set", &[need("target", Kind::Path), need("value", Kind::Any)], edit_value::set),
    function(
        "set_semconv_span_name",
        &[
            need("semconv_version", Kind::LiteralString),
            may("original_span_name_attribute", Kind::LiteralString),
        ],
        span_name::set_semconv_span_name,
    )
    .only_in(SPAN)
    .checked(span_name::known_version),
    function("stringify_all", &[need("target", Kind::Path)], edit_map::stringify_all),
    function(
        "truncate_all",
        &[need("target", Kind::Path), need("limit", Kind::AtLeast(0)), may("utf8_safe", Kind::LiteralBool)],
        edit_map::truncate_all,
    ),
    // Types.
    function("Bool", &[need("target", Kind::BoolLike)], types::bool),
    function("Coalesce", &[need("values", Kind::Values)], types::coalesce),
    function("Double", &[need("target", Kind::DoubleLike)], types::double),
    function("Hex", &[need("target", Kind::BytesLike)], types::hex),
    function("Int", &[need("target", Kind::IntLike)], types::int),
    function("IsBool", &[need("target", Kind::Any)], types::is_bool),
    function("IsDouble", &[need("target", Kind::Any)], types::is_double),
    function("IsInt", &[need("target", Kind::Any)], types::is_int),
    function("IsList", &[need("target", Kind::Any)], types::is_list),
    function("IsMap", &[need("target", Kind::Any)], types::is_map),
    function("IsRootSpan", &[], types::is_root_span).only_in(SPAN),
    function("IsString", &[need("target", Kind::Any)], types::is_string),
    function("Len", &[need("target", Kind::Any)], types::len),
    function("Log", &[need("target", Kind::DoubleLike)], types::log),
    function("ParseInt", &[need("target", Kind::String), need("base", Kind::Int)], types::parse_int),
    function("ProfileID", &[need("bytes", Kind::Any)], types::trace_id),
    function("SpanID", &[need("bytes", Kind::Any)], types::span_id),
    function("String", &[need("target", Kind::StringLike)], types::string),
    function("TraceID", &[need("bytes", Kind::Any)], types::trace_id),
    // Texts.
    function("Base64Decode", &[need("target", Kind::String)], encode::base64_decode),
    function(
        "Base64Encode",
        &[need("target", Kind::String), may("variant", Kind::String)],
        encode::base64_encode,
    ),
    function("Concat", &[need("vals", Kind::StringLikes), need("delimiter", Kind::String)], text::concat),
    function(
        "ConvertCase",
        &[need("target", Kind::String), need("to_case", Kind::Choice(text::CASES))],
        text::convert_case,
    ),
    function("Decode", &[need("target", Kind::Any), need("encoding", Kind::String)], encode::decode),
    function("Format", &[need("format", Kind::LiteralString), need("vals", Kind::Values)], format::format),
    function("HasPrefix", &[need("target", Kind::String), need("prefix", Kind::String)], text::has_prefix),
    function("HasSuffix", &[need("target", Kind::String), need("suffix", Kind::String)], text::has_suffix),
    function("IsMatch", &[need("target", Kind::StringLike), need("pattern", Kind::Regex)], text::is_match),
    function("IsValidLuhn", &[need("target", Kind::StringLike)], text::is_valid_luhn),
    function("Split", &[need("target", Kind::String), need("delimiter", Kind::String)], text::split),
    function(
        "Substring",
        &[
            need("target", Kind::String),
            need("start", Kind::Int),
            need("length", Kind::Int),
            may("utf8_safe", Kind::LiteralBool),
        ],
        text::substring,
    ),
    function("ToCamelCase", &[need("target", Kind::String)], text::to_camel),
    function("ToLowerCase", &[need("target", Kind::String)], text::to_lower),
    function("ToSnakeCase", &[need("target", Kind::String)], text::to_snake),
    function("ToUpperCase", &[need("target", Kind::String)], text::to_upper),
    function("Trim", &[need("target", Kind::String), may("replacement", Kind::LiteralString)], text::trim),
    function("TrimPrefix", &[need("target", Kind::String), need("prefix", Kind::String)], text::trim_prefix),
    function("TrimSuffix", &[need("target", Kind::String), need("suffix", Kind::String)], text::trim_suffix),
    function("UUID", &[], uuid::v4),
    function("UUIDv7", &[], uuid::v7),
    // Networks.
    function(
        "CommunityID",
        &[
            need("source_ip", Kind::String),
            need("source_port", Kind::Int),
            need("destination_ip", Kind::String),
            need("destination_port", Kind::Int),
            may("protocol", Kind::String),
            may("seed", Kind::Int),
        ],
        net::community_id,
    ),
    function("IsInCIDR", &[need("target", Kind::String), need("networks", Kind::Strings)], net::is_in_cidr)
        .checked(net::known_ranges),
    function("URL", &[need("uri", Kind::String)], net::url),
    function("UserAgent", &[need("user_agent", Kind::String)], user_agent::user_agent),
    // Hashes.
    function("FNV", &[need("target", Kind::String)], hash::fnv),
    function("MD5", &[need("target", Kind::String)], hash::md5),
    function("Murmur3Hash", &[need("target", Kind::String)], hash::murmur32),
    function("Murmur3Hash128", &[need("target", Kind::String)], hash::murmur128),
    function("SHA1", &[need("target", Kind::String)], hash::sha1),
    function("SHA256", &[need("target", Kind::String)], hash::sha256),
    function("SHA512", &[need("target", Kind::String)], hash::sha512),
    function("XXH128", &[need("target", Kind::String)], hash::xxh128),
    function("XXH3", &[need("target", Kind::String)], hash::xxh3),
    // Parsing.
    function(
        "ExtractGrokPatterns",
        &[
            need("target", Kind::String),
            need("pattern", Kind::String),
            may("named_captures_only", Kind::LiteralBool),
            may("pattern_definitions", Kind::LiteralStrings),
        ],
        extract::extract_grok,
    )
    .checked(extract::known_grok),
    function(
        "ExtractPatterns",
        &[need("target", Kind::String), need("pattern", Kind::Regex)],
        extract::extract_patterns,
    )
    .checked(extract::has_named_group),
    function(
        "ParseCLF",
        &[need("target", Kind::String), may("format", Kind::Choice(access_log::FORMATS))],
        access_log::parse_clf,
    )
    .only_in(LOG),
    function(
        "ParseCSV",
        &[
            need("target", Kind::String),
            need("header", Kind::String),
            may("delimiter", Kind::LiteralString),
            may("header_delimiter", Kind::LiteralString),
            may("mode", Kind::Choice(parsing::CSV_MODES)),
        ],
        parsing::parse_csv,
    )
    .checked(parsing::one_character),
    function("ParseJSON", &[need("target", Kind::String)], parsing::parse_json),
    function(
        "ParseKeyValue",
        &[
            need("target", Kind::String),
            may("delimiter", Kind::LiteralString),
            may("pair_delimiter", Kind::LiteralString),
        ],
        parsing::parse_key_value,
    )
    .checked(parsing::two_delimiters),
    function("ParseLEEF", &[need("target", Kind::String)], access_log::parse_leef).only_in(LOG),
    function(
        "ParseSeverity",
        &[need("target", Kind::Any), need("mapping", Kind::Map)],
        parsing::parse_severity,
    ),
    function(
        "ToKeyValueString",
        &[
            need("target", Kind::Map),
            may("delimiter", Kind::LiteralString),
            may("pair_delimiter", Kind::LiteralString),
            may("sort_output", Kind::LiteralBool),
        ],
        parsing::to_key_value,
    )
    .checked(parsing::two_delimiters),
    // XML.
    function(
        "ConvertAttributesToElementsXML",
        &[need("target", Kind::String), may("x_path", Kind::LiteralString)],
        xml::edit::attributes_to_elements,
    )
    .checked(xml::edit::known_path),
    function(
        "ConvertTextToElementsXML",
        &[
            need("target", Kind::String),
            may("x_path", Kind::LiteralString),
            may("element_name", Kind::LiteralString),
        ],
        xml::edit::text_to_elements,
    )
    .checked(xml::edit::known_path_and_name),
    function("GetXML", &[need("target", Kind::String), need("x_path", Kind::LiteralString)], xml::edit::get)
        .checked(xml::edit::known_path),
    function(
        "InsertXML",
        &[
            need("target", Kind::String),
            need("x_path", Kind::LiteralString),
            need("sub_document", Kind::String),
        ],
        xml::edit::insert,
    )
    .checked(xml::edit::known_path),
    function("ParseSimplifiedXML", &[need("target", Kind::String)], xml::parse_simplified),
    function("ParseXML", &[need("target", Kind::String)], xml::parse_xml),
    function(
        "RemoveXML",
        &[need("target", Kind::String), need("x_path", Kind::LiteralString)],
        xml::edit::remove,
    )
    .checked(xml::edit::known_path),
    // Times and durations.
    function("Day", &[need("time", Kind::Time)], time::day),
    function("Duration", &[need("duration", Kind::String)], duration::duration),
    function("FormatTime", &[need("time", Kind::Time), need("format", Kind::TimeFormat)], time::format_time),
    function("Hour", &[need("time", Kind::Time)], time::hour),
    function("Hours", &[need("duration", Kind::Duration)], duration::hours),
    function("Microseconds", &[need("duration", Kind::Duration)], duration::microseconds),
    function("Milliseconds", &[need("duration", Kind::Duration)], duration::milliseconds),
    function("Minute", &[need("time", Kind::Time)], time::minute),
    function("Minutes", &[need("duration", Kind::Duration)], duration::minutes),
    function("Month", &[need("time", Kind::Time)], time::month),
    function("Nanosecond", &[need("time", Kind::Time)], time::nanosecond),
    function("Nanoseconds", &[need("duration", Kind::Duration)], duration::nanoseconds),
    function("Now", &[], time::now),
    function("Second", &[need("time", Kind::Time)], time::second),
    function("Seconds", &[need("duration", Kind::Duration)], duration::seconds),
    function(
        "Time",
        &[
            need("time", Kind::String),
            need("format", Kind::TimeFormat),
            may("location", Kind::LiteralString),
            may("locale", Kind::LiteralString),
        ],
        time::time,
    )
    .checked(time::known_place),
    function(
        "TruncateTime",
        &[need("time", Kind::Time), need("duration", Kind::Duration)],
        time::truncate_time,
    ),
    function("Unix", &[need("seconds", Kind::Int), may("nanoseconds", Kind::Int)], time::unix),
    function("UnixMicro", &[need("time", Kind::Time)], time::unix_micro),
    function("UnixMilli", &[need("time", Kind::Time)], time::unix_milli),
    function("UnixNano", &[need("time", Kind::Time)], time::unix_nano),
    function("UnixSeconds", &[need("time", Kind::Time)], time::unix_seconds),
    function("Weekday", &[need("time", Kind::Time)], time::weekday),
    function("Year", &[need("time", Kind::Time)], time::year),
    // Lists and maps.
    function("ContainsValue", &[need("target", Kind::List), need("item", Kind::Any)], lists::contains_value),
    function("Index", &[need("target", Kind::Any), need("value", Kind::Any)], lists::index),
    function("Keys", &[need("target", Kind::Map)], lists::keys),
    function(
        "SliceToMap",
        &[
            need("target", Kind::List),
            may("key_path", Kind::LiteralStrings),
            may("value_path", Kind::LiteralStrings),
        ],
        lists::slice_to_map,
    ),
    function("Sort", &[need("target", Kind::Any), may("order", Kind::Choice(lists::ORDERS))], lists::sort),
    function("Values", &[need("target", Kind::Map)], lists::values),
    // Metrics.
    function(
        "aggregate_on_attribute_value",
        &[
            need("function", Kind::Choice(metric::aggregate::FUNCTIONS)),
            need("attribute", Kind::String),
            need("values", Kind::Strings),
            need("new_value", Kind::String),
        ],
        metric::aggregate::on_attribute_value,
    )
    .only_in(METRIC),
    function(
        "aggregate_on_attributes",
        &[need("function", Kind::Choice(metric::aggregate::FUNCTIONS)), may("attributes", Kind::Strings)],
        metric::aggregate::on_attributes,
    )
    .only_in(METRIC),
    function(
        "convert_exponential_histogram_to_histogram",
        &[
            need("distribution", Kind::Choice(metric::buckets::DISTRIBUTIONS)),
            need("explicit_bounds", Kind::LiteralDoubles),
        ],
        metric::buckets::from_exponential,
    )
    .only_in(METRIC)
    .checked(metric::buckets::rising_bounds),
    function(
        "convert_gauge_to_sum",
        &[need("string_agg_temp", Kind::Choice(metric::TEMPORALITIES)), need("monotonic", Kind::LiteralBool)],
        metric::convert::gauge_to_sum,
    )
    .only_in(METRIC),
    function("convert_sum_to_gauge", &[], metric::convert::sum_to_gauge).only_in(METRIC),
    function(
        "convert_summary_count_val_to_sum",
        &[
            need("string_agg_temp", Kind::Choice(metric::TEMPORALITIES)),
            need("monotonic", Kind::LiteralBool),
            may("suffix", Kind::String),
        ],
        metric::extract::summary_count,
    )
    .only_in(POINT),
    function(
        "convert_summary_quantile_val_to_gauge",
        &[may("attribute_key", Kind::String), may("suffix", Kind::String)],
        metric::convert::quantiles_to_gauge,
    )
    .only_in(METRIC),
    function(
        "convert_summary_sum_val_to_sum",
        &[
            need("string_agg_temp", Kind::Choice(metric::TEMPORALITIES)),
            need("monotonic", Kind::LiteralBool),
            may("suffix", Kind::String),
        ],
        metric::extract::summary_sum,
    )
    .only_in(POINT),
    function(
        "copy_metric",
        &[may("name", Kind::String), may("description", Kind::String), may("unit", Kind::String)],
        metric::convert::copy,
    )
    .only_in(METRIC),
    function(
        "extract_count_metric",
        &[need("monotonic", Kind::LiteralBool), may("suffix", Kind::String)],
        metric::extract::count,
    )
    .only_in(METRIC),
    function(
        "extract_percentile_metric",
        &[need("percentile", Kind::LiteralDouble), may("suffix", Kind::String)],
        metric::extract::percentile,
    )
    .only_in(METRIC)
    .checked(metric::extract::is_percentile),
    function(
        "extract_sum_metric",
        &[need("monotonic", Kind::LiteralBool), may("suffix", Kind::String)],
        metric::extract::sum,
    )
    .only_in(METRIC),
    function("HasAttrKeyOnDatapoint", &[need("key", Kind::String)], metric::has_key).only_in(METRIC),
    function(
        "HasAttrOnDatapoint",
        &[need("key", Kind::String), need("value", Kind::String)],
        metric::has_value,
    )
    .only_in(METRIC),
    function(
        "merge_histogram_buckets",
        &[need("target_value", Kind::LiteralDouble), may("method", Kind::Choice(metric::buckets::METHODS))],
        metric::buckets::merge,
    )
    .only_in(POINT),
    function(
        "scale_metric",
        &[need("multiplier", Kind::LiteralDouble), may("unit", Kind::String)],
        metric::convert::scale,
    )
    .only_in(METRIC),
];

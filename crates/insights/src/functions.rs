//! The functions, by name. Those of `stats` are in `aggregate.rs`, periods are cut in `expr.rs`.

mod dates;
mod general;
mod ip;
mod java_date;
mod json;
mod math;
mod strings;

use regex_automata::meta::Regex;

use crate::program::Window;
use crate::value::Value;

pub struct Function {
    pub name: &'static str,
    pub min: usize,
    pub max: usize,
    pub run: for<'c, 'r> fn(Call<'c, 'r>) -> Value<'r>,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// One call: as many arguments as the function's bounds allow.
pub struct Call<'c, 'r> {
    pub args: &'c mut [Value<'r>],
    /// The second argument, where that is an expression.
    pub regex: Option<&'c Regex>,
    pub window: Window,
}

const MANY: usize = 1000;

impl<'r> Call<'_, 'r> {
    /// An argument, taken; null when it is not given.
    fn take(&mut self, place: usize) -> Value<'r> {
        self.args.get_mut(place).map(std::mem::take).unwrap_or_default()
    }

    /// An argument as text; `None` when null, a map or a list.
    fn text(&mut self, place: usize) -> Option<std::borrow::Cow<'r, str>> {
        self.take(place).string()
    }

    fn number(&self, place: usize) -> Option<crate::number::Number> {
        self.args.get(place)?.number()
    }

    fn float(&self, place: usize) -> Option<f64> {
        self.number(place).map(crate::number::Number::float)
    }

    fn int(&self, place: usize) -> Option<i64> {
        self.number(place).map(crate::number::Number::int)
    }
}

const fn f(
    name: &'static str,
    min: usize,
    max: usize,
    run: for<'c, 'r> fn(Call<'c, 'r>) -> Value<'r>,
) -> Function {
    Function { name, min, max, run }
}

/// Branches of `case`: ten conditions with their values, and a default.
const CASE_ARGS: usize = 21;

static FUNCTIONS: [Function; 70] = [
    f("abs", 1, 1, math::abs),
    f("ceil", 1, 1, math::ceil),
    f("floor", 1, 1, math::floor),
    f("greatest", 1, MANY, math::greatest),
    f("least", 1, MANY, math::least),
    f("log", 1, 1, math::log),
    f("sqrt", 1, 1, math::sqrt),
    f("round", 1, 2, math::round),
    f("haversine", 4, 4, math::haversine),
    f("toNumber", 1, 1, math::to_number),
    f("toInt", 1, 1, math::to_int),
    f("toLong", 1, 1, math::to_int),
    f("toDouble", 1, 1, math::to_number),
    f("ispresent", 1, 1, general::is_present),
    f("coalesce", 1, MANY, general::coalesce),
    f("case", 2, CASE_ARGS, general::case),
    f("if", 2, 3, general::case),
    f("isNumeric", 1, 1, general::is_numeric),
    f("messageSize", 1, 1, general::message_size),
    f("queryStartTime", 0, 0, general::query_start_time),
    f("queryEndTime", 0, 0, general::query_end_time),
    f("queryTimeRange", 0, 0, general::query_time_range),
    f("unmask", 1, 1, general::unmask),
    f("isempty", 1, 1, strings::is_empty),
    f("isblank", 1, 1, strings::is_blank),
    f("concat", 1, MANY, strings::concat),
    f("trim", 1, 2, strings::trim),
    f("ltrim", 1, 2, strings::ltrim),
    f("rtrim", 1, 2, strings::rtrim),
    f("strlen", 1, 1, strings::strlen),
    f("toupper", 1, 1, strings::to_upper),
    f("tolower", 1, 1, strings::to_lower),
    f("substr", 2, 3, strings::substr),
    f("replace", 3, 3, strings::replace),
    f("strcontains", 2, 3, strings::strcontains),
    f("startsWith", 2, 2, strings::starts_with),
    f("endsWith", 2, 2, strings::ends_with),
    f("regexReplace", 3, 3, strings::regex_replace),
    f("urlencode", 1, 1, strings::url_encode),
    f("urldecode", 1, 1, strings::url_decode),
    f("base64encode", 1, 1, strings::base64_encode),
    f("base64decode", 1, 1, strings::base64_decode),
    f("split", 2, 2, strings::split),
    f("hexToAscii", 1, 1, strings::hex_to_ascii),
    f("hexToDec", 1, 1, strings::hex_to_dec),
    f("decToHex", 1, 1, strings::dec_to_hex),
    f("fromMillis", 1, 1, dates::from_millis),
    f("toMillis", 1, 1, dates::to_millis),
    f("now", 0, 0, dates::now),
    f("parseDate", 2, 3, dates::parse_date),
    f("formatDate", 2, 3, dates::format_date),
    f("strftime", 2, 3, dates::format_date),
    f("jsonParse", 1, 1, json::parse),
    f("jsonStringify", 1, 1, json::stringify),
    f("jsonArraySize", 1, 1, json::array_size),
    f("jsonArrayContains", 2, 2, json::array_contains),
    f("isValidIp", 1, 1, ip::is_valid),
    f("isValidIpV4", 1, 1, ip::is_valid_v4),
    f("isValidIpV6", 1, 1, ip::is_valid_v6),
    f("isIpInSubnet", 2, 2, ip::in_subnet),
    f("isIpv4InSubnet", 2, 2, ip::in_subnet_v4),
    f("isIpv6InSubnet", 2, 2, ip::in_subnet_v6),
    f("ipv4ToNumber", 1, 1, ip::v4_to_number),
    f("isPrivateIP", 1, 1, ip::is_private),
    f("isPublicIP", 1, 1, ip::is_public),
    f("isReservedIP", 1, 1, ip::is_reserved),
    // Spellings found in published samples.
    f("upper", 1, 1, strings::to_upper),
    f("lower", 1, 1, strings::to_lower),
    f("isIpV4InSubnet", 2, 2, ip::in_subnet_v4),
    f("isIpV6InSubnet", 2, 2, ip::in_subnet_v6),
];

/// A function by its name in any case.
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name.eq_ignore_ascii_case(name))
}

pub fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|function| function.name)
}

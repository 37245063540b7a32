//! The list of functions: what each takes and gives, and where it is computed.
//!
//! Those of Prometheus 2.42 but for native histograms, and `holt_winters` under its newer name too.

pub mod absent;
mod counter;
mod date;
pub mod histogram;
pub mod label;
mod math;
mod over_time;
mod trend;
mod window;

pub use date::Date;
pub use over_time::quantile_of;
pub use window::Window;

use crate::error::Error;
use crate::syntax::Type;

pub struct Function {
    pub name: &'static str,
    pub args: &'static [Type],
    pub extra: Extra,
    pub returns: Type,
    pub body: Body,
}

/// What may be left out, or added.
#[derive(Clone, Copy)]
pub enum Extra {
    None,
    /// The last argument may be left out.
    LastIsOptional,
    /// The last argument comes any number of times, also never.
    LastRepeats,
}

/// How a function is computed. Scalars are handed over in the order of the arguments.
pub enum Body {
    /// Value by value.
    Each(fn(f64) -> f64),
    /// Value by value with scalars; nothing where the series shall have none.
    With(fn(f64, &[f64]) -> Option<f64>),
    /// Value by value, taken as seconds since the epoch; of the step's time without an argument.
    Date(fn(&Date) -> f64),
    /// From the samples of one series in one range.
    Window(WindowFunction),
    /// The same, and told where the series fell.
    Counter(WindowFunction),
    /// The same, and the series keeps its name.
    Keeping(WindowFunction),
    Absent,
    AbsentOverTime,
    HistogramQuantile,
    LabelJoin,
    LabelReplace,
    Pi,
    Scalar,
    Sort {
        descending: bool,
    },
    Time,
    Timestamp,
    Vector,
}

pub type WindowFunction = fn(&Window<'_>) -> Result<Option<f64>, Error>;

impl Function {
    /// The least and the greatest number of arguments.
    pub fn arity(&self) -> (usize, usize) {
        let named = self.args.len();
        match self.extra {
            Extra::None => (named, named),
            Extra::LastIsOptional => (named - 1, named),
            Extra::LastRepeats => (named - 1, usize::MAX),
        }
    }
}

pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

const V: Type = Type::Vector;
const M: Type = Type::Matrix;
const S: Type = Type::Scalar;
const T: Type = Type::String;

const fn each(name: &'static str, body: fn(f64) -> f64) -> Function {
    Function { name, args: &[V], extra: Extra::None, returns: V, body: Body::Each(body) }
}

const fn date(name: &'static str, body: fn(&Date) -> f64) -> Function {
    Function { name, args: &[V], extra: Extra::LastIsOptional, returns: V, body: Body::Date(body) }
}

const fn over(name: &'static str, body: WindowFunction) -> Function {
    function(name, &[M], V, Body::Window(body))
}

const fn counter(name: &'static str, body: WindowFunction) -> Function {
    function(name, &[M], V, Body::Counter(body))
}

const fn function(name: &'static str, args: &'static [Type], returns: Type, body: Body) -> Function {
    Function { name, args, extra: Extra::None, returns, body }
}

static FUNCTIONS: &[Function] = &[
    each("abs", f64::abs),
    function("absent", &[V], V, Body::Absent),
    function("absent_over_time", &[M], V, Body::AbsentOverTime),
    each("acos", f64::acos),
    each("acosh", f64::acosh),
    each("asin", f64::asin),
    each("asinh", f64::asinh),
    each("atan", f64::atan),
    each("atanh", f64::atanh),
    over("avg_over_time", over_time::avg),
    each("ceil", f64::ceil),
    over("changes", over_time::changes),
    function("clamp", &[V, S, S], V, Body::With(math::clamp)),
    function("clamp_max", &[V, S], V, Body::With(math::clamp_max)),
    function("clamp_min", &[V, S], V, Body::With(math::clamp_min)),
    each("cos", f64::cos),
    each("cosh", f64::cosh),
    over("count_over_time", over_time::count),
    date("day_of_month", Date::day_of_month),
    date("day_of_week", Date::day_of_week),
    date("day_of_year", Date::day_of_year),
    date("days_in_month", Date::days_in_month),
    each("deg", f64::to_degrees),
    over("delta", counter::delta),
    over("deriv", trend::deriv),
    function("double_exponential_smoothing", &[M, S, S], V, Body::Window(trend::holt_winters)),
    each("exp", f64::exp),
    each("floor", f64::floor),
    function("histogram_quantile", &[S, V], V, Body::HistogramQuantile),
    function("holt_winters", &[M, S, S], V, Body::Window(trend::holt_winters)),
    date("hour", Date::hour),
    over("idelta", counter::idelta),
    counter("increase", counter::increase),
    over("irate", counter::irate),
    Function {
        name: "label_join",
        args: &[V, T, T, T],
        extra: Extra::LastRepeats,
        returns: V,
        body: Body::LabelJoin,
    },
    function("label_replace", &[V, T, T, T, T], V, Body::LabelReplace),
    function("last_over_time", &[M], V, Body::Keeping(over_time::last)),
    each("ln", f64::ln),
    each("log10", f64::log10),
    each("log2", f64::log2),
    over("max_over_time", over_time::max),
    over("min_over_time", over_time::min),
    date("minute", Date::minute),
    date("month", Date::month),
    function("pi", &[], S, Body::Pi),
    function("predict_linear", &[M, S], V, Body::Window(trend::predict_linear)),
    over("present_over_time", over_time::present),
    function("quantile_over_time", &[S, M], V, Body::Window(over_time::quantile)),
    each("rad", f64::to_radians),
    counter("rate", counter::rate),
    over("resets", over_time::resets),
    Function {
        name: "round",
        args: &[V, S],
        extra: Extra::LastIsOptional,
        returns: V,
        body: Body::With(math::round),
    },
    function("scalar", &[V], S, Body::Scalar),
    each("sgn", math::sgn),
    each("sin", f64::sin),
    each("sinh", f64::sinh),
    function("sort", &[V], V, Body::Sort { descending: false }),
    function("sort_desc", &[V], V, Body::Sort { descending: true }),
    each("sqrt", f64::sqrt),
    over("stddev_over_time", over_time::stddev),
    over("stdvar_over_time", over_time::stdvar),
    over("sum_over_time", over_time::sum),
    each("tan", f64::tan),
    each("tanh", f64::tanh),
    function("time", &[], S, Body::Time),
    function("timestamp", &[V], V, Body::Timestamp),
    function("vector", &[S], V, Body::Vector),
    date("year", Date::year),
];

/// The functions a query may call, for help and completion; sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|function| function.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_names_every_function() {
        let guide = include_str!("../../../docs/promql.md");
        let list = guide.split("**Functions**: `").nth(1).and_then(|rest| rest.split('`').next());
        let listed: Vec<&str> = list.expect("the guide has a list").split_whitespace().collect();
        assert_eq!(listed, names().collect::<Vec<_>>());
        assert!(listed.is_sorted());
    }
}

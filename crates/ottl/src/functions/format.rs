//! `Format`: Go's Sprintf over values.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

use crate::fault::RunError;
use crate::function::Args;
use crate::json;
use crate::like;
use crate::target::Target;
use crate::value::Val;

/// Widest field and longest fraction; a wider one is a mistake that would eat memory.
const MAX_WIDTH: usize = 1 << 12;

#[derive(Default)]
struct Verb {
    minus: bool,
    plus: bool,
    space: bool,
    zero: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
}

pub fn format(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let mut values = Vec::new();
    for expression in args.values(1) {
        values.push(expression.eval(t)?);
    }
    let mut out = String::new();
    let mut letters = args.literal(0).unwrap_or_default().chars().peekable();
    let mut used = 0;
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let mut verb = Verb::default();
        while let Some(flag) = letters.next_if(|letter| matches!(letter, '-' | '+' | ' ' | '0' | '#')) {
            match flag {
                '-' => verb.minus = true,
                '+' => verb.plus = true,
                ' ' => verb.space = true,
                '0' => verb.zero = true,
                _ => verb.sharp = true,
            }
        }
        verb.width = number(&mut letters);
        if letters.next_if_eq(&'.').is_some() {
            verb.precision = Some(number(&mut letters));
        }
        let Some(letter) = letters.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if letter == '%' {
            out.push('%');
            continue;
        }
        match values.get(used) {
            Some(value) => verb.write(letter, *value, t, &mut out),
            None => out.push_str(&format!("%!{letter}(MISSING)")),
        }
        used += 1;
    }
    if let Some(extra @ [_, ..]) = values.get(used..) {
        let extra: Vec<String> =
            extra.iter().map(|value| format!("{}={}", go_type(*value), plain(*value, t))).collect();
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    t.string(out)
}

fn number(letters: &mut Peekable<Chars<'_>>) -> usize {
    let mut value = 0;
    while let Some(digit) = letters.peek().and_then(|letter| letter.to_digit(10)) {
        value = (value * 10 + digit as usize).min(MAX_WIDTH);
        letters.next();
    }
    value
}

fn go_type(value: Val) -> &'static str {
    match value {
        Val::Nil => "<nil>",
        Val::Bytes(_) => "[]uint8",
        other => other.type_name(),
    }
}

/// As `%v` shows it.
fn plain(value: Val, t: &mut Target<'_>) -> String {
    match value {
        Val::Nil => "<nil>".to_owned(),
        Val::Str(span) => t.text(span).into_owned(),
        Val::Double(double) => shortest(double),
        Val::Bytes(span) => {
            let numbers: Vec<String> = t.bytes(span).iter().map(u8::to_string).collect();
            format!("[{}]", numbers.join(" "))
        }
        Val::Duration(nanos) => super::duration::show(nanos),
        Val::Time(time) => super::format_time::go_text(time),
        Val::Id16(id) => hex(&id),
        Val::SpanId(id) => hex(&id),
        other => {
            let mut out = Vec::new();
            json::write(t.arena, other, &mut out);
            String::from_utf8_lossy(&out).into_owned()
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    like::write_hex(bytes, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// `%g`: the exponent form below 1e-4 and from 1e21 on.
fn shortest(double: f64) -> String {
    let size = double.abs();
    if double.is_infinite() {
        return if double > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if size != 0.0 && !(1e-4..1e21).contains(&size) && !double.is_nan() {
        return exponent(double, None);
    }
    double.to_string()
}

fn exponent(double: f64, precision: Option<usize>) -> String {
    let text = match precision {
        Some(precision) => format!("{double:.precision$e}"),
        None => format!("{double:e}"),
    };
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
    format!("{digits}e{sign}{power:0>2}")
}

impl Verb {
    fn write(&self, verb: char, value: Val, t: &mut Target<'_>, out: &mut String) {
        let text: Cow<'static, str> = match (verb, value) {
            ('v', Val::Int(_) | Val::Double(_)) if self.plus => self.signed(plain(value, t)).into(),
            ('v', _) => plain(value, t).into(),
            ('s', Val::Str(_)) => self.cut(plain(value, t)).into(),
            ('s', Val::Bytes(span)) => self.cut(t.text(span).into_owned()).into(),
            ('s', Val::Map(_) | Val::List(_) | Val::Time(_) | Val::Duration(_)) => plain(value, t).into(),
            ('s', Val::Id16(_) | Val::SpanId(_)) => plain(value, t).into(),
            ('q', Val::Str(_)) => format!("{:?}", plain(value, t)).into(),
            ('d', Val::Int(int)) => self.signed(int.to_string()).into(),
            ('d', Val::Duration(nanos)) => self.signed(nanos.to_string()).into(),
            ('x' | 'X' | 'o' | 'b', Val::Int(int)) => {
                let (size, sharp) = (int.unsigned_abs(), self.sharp);
                let digits = match verb {
                    'x' => format!("{}{size:x}", if sharp { "0x" } else { "" }),
                    'X' => format!("{}{size:X}", if sharp { "0X" } else { "" }),
                    'o' => format!("{}{size:o}", if sharp { "0" } else { "" }),
                    _ => format!("{size:b}"),
                };
                self.signed(if int < 0 { format!("-{digits}") } else { digits }).into()
            }
            ('x' | 'X', Val::Str(span) | Val::Bytes(span)) => {
                let text = hex(t.bytes(span));
                if verb == 'X' { text.to_uppercase().into() } else { text.into() }
            }
            ('x', Val::Id16(_) | Val::SpanId(_)) => plain(value, t).into(),
            ('c', Val::Int(int)) => {
                let letter = u32::try_from(int).ok().and_then(char::from_u32);
                letter.unwrap_or(char::REPLACEMENT_CHARACTER).to_string().into()
            }
            ('t', Val::Bool(_)) => plain(value, t).into(),
            ('f' | 'F', Val::Double(double)) => {
                self.signed(format!("{double:.*}", self.precision.unwrap_or(6))).into()
            }
            ('e', Val::Double(double)) => {
                self.signed(exponent(double, Some(self.precision.unwrap_or(6)))).into()
            }
            ('g', Val::Double(double)) => self.signed(shortest(double)).into(),
            ('T', _) => go_type(value).into(),
            (_, Val::Nil) => format!("%!{verb}(<nil>)").into(),
            _ => format!("%!{verb}({}={})", go_type(value), plain(value, t)).into(),
        };
        self.pad(&text, value, out);
    }

    fn signed(&self, text: String) -> String {
        match (text.starts_with(['-', '+']), self.plus, self.space) {
            (false, true, _) => format!("+{text}"),
            (false, false, true) => format!(" {text}"),
            _ => text,
        }
    }

    fn cut(&self, text: String) -> String {
        match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text,
        }
    }

    fn pad(&self, text: &str, value: Val, out: &mut String) {
        let missing = self.width.saturating_sub(text.chars().count());
        if self.minus {
            out.push_str(text);
            out.extend(std::iter::repeat_n(' ', missing));
        } else if self.zero && matches!(value, Val::Int(_) | Val::Double(_)) {
            let (sign, digits) = text.split_at(usize::from(text.starts_with(['-', '+', ' '])));
            out.push_str(sign);
            out.extend(std::iter::repeat_n('0', missing));
            out.push_str(digits);
        } else {
            out.extend(std::iter::repeat_n(if self.zero { '0' } else { ' ' }, missing));
            out.push_str(text);
        }
    }
}

//! Grok: expressions made of named patterns, `%{NAME:field:type}`.
//!
//! The library holds the names that the field's configurations use most; others are given as definitions.

use model::Value;

use crate::pattern::{Regex, regex};

pub struct Grok {
    pub regex: Regex,
    /// The name of a group and the field it fills. Fields may have dots, groups cannot.
    pub fields: Vec<(String, Field)>,
}

pub struct Field {
    pub name: String,
    pub kind: Type,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Type {
    Text,
    Int,
    Double,
    Bool,
}

/// Longest expression that patterns may unfold to, and deepest nesting, so that a definition that names itself ends.
const MAX_LENGTH: usize = 1 << 18;
const MAX_DEPTH: u32 = 32;

const LIBRARY: &[(&str, &str)] = &[
    ("WORD", r"\b\w+\b"),
    ("NOTSPACE", r"\S+"),
    ("SPACE", r"\s*"),
    ("DATA", r".*?"),
    ("GREEDYDATA", r".*"),
    ("INT", r"[+-]?[0-9]+"),
    ("BASE10NUM", r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"),
    ("NUMBER", r"%{BASE10NUM}"),
    ("BASE16NUM", r"[+-]?(?:0x)?[0-9A-Fa-f]+"),
    ("BASE16FLOAT", r"\b[+-]?(?:0x)?(?:[0-9A-Fa-f]+(?:\.[0-9A-Fa-f]*)?|\.[0-9A-Fa-f]+)\b"),
    ("POSINT", r"\b[1-9][0-9]*\b"),
    ("NONNEGINT", r"\b[0-9]+\b"),
    ("BOOL", r"(?i:true|false|yes|no|on|off)"),
    ("QUOTEDSTRING", r#""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`"#),
    ("QS", r"%{QUOTEDSTRING}"),
    ("UUID", r"[A-Fa-f0-9]{8}-(?:[A-Fa-f0-9]{4}-){3}[A-Fa-f0-9]{12}"),
    ("URN", r"urn:[0-9A-Za-z][0-9A-Za-z-]{0,31}:[0-9A-Za-z()+,.:=@;$_!*'/?#%-]+"),
    ("USERNAME", r"[a-zA-Z0-9._-]+"),
    ("USER", r"%{USERNAME}"),
    ("EMAILLOCALPART", r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"),
    ("EMAILADDRESS", r"%{EMAILLOCALPART}@%{HOSTNAME}"),
    ("CISCOMAC", r"(?:[A-Fa-f0-9]{4}\.){2}[A-Fa-f0-9]{4}"),
    ("WINDOWSMAC", r"(?:[A-Fa-f0-9]{2}-){5}[A-Fa-f0-9]{2}"),
    ("COMMONMAC", r"(?:[A-Fa-f0-9]{2}:){5}[A-Fa-f0-9]{2}"),
    ("MAC", r"%{CISCOMAC}|%{WINDOWSMAC}|%{COMMONMAC}"),
    (
        "IPV4",
        r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])",
    ),
    ("IPV6", r"(?:[0-9A-Fa-f]{0,4}:){2,7}(?:%{IPV4}|[0-9A-Fa-f]{0,4})(?:%[0-9A-Za-z]+)?"),
    ("IP", r"%{IPV6}|%{IPV4}"),
    ("HOSTNAME", r"\b[0-9A-Za-z][0-9A-Za-z-]{0,62}(?:\.[0-9A-Za-z][0-9A-Za-z-]{0,62})*\.?"),
    ("IPORHOST", r"%{IP}|%{HOSTNAME}"),
    ("HOSTPORT", r"%{IPORHOST}:%{POSINT}"),
    ("UNIXPATH", r"(?:/[\w%!$@:.,+~-]*)+"),
    ("WINPATH", r"(?:[A-Za-z]+:|\\)(?:\\[^\\?*]*)+"),
    ("PATH", r"%{UNIXPATH}|%{WINPATH}"),
    ("TTY", r"/dev/(?:pts|tty(?:[pq])?)(?:\w+)?/?[0-9]*"),
    ("URIPROTO", r"[A-Za-z][A-Za-z0-9+.-]*"),
    ("URIHOST", r"%{IPORHOST}(?::%{POSINT})?"),
    ("URIPATH", r"(?:/[A-Za-z0-9$.+!*'(){},~:;=@#%&_-]*)+"),
    ("URIQUERY", r"[A-Za-z0-9$.+!*'|(){},~@#%&/=:;_?\[\]<>-]*"),
    ("URIPARAM", r"\?%{URIQUERY}"),
    ("URIPATHPARAM", r"%{URIPATH}(?:\?%{URIQUERY})?"),
    ("URI", r"%{URIPROTO}://(?:%{USER}(?::[^@]*)?@)?(?:%{URIHOST})?(?:%{URIPATH}(?:\?%{URIQUERY})?)?"),
    (
        "MONTH",
        r"\b(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b",
    ),
    ("MONTHNUM", r"0?[1-9]|1[0-2]"),
    ("MONTHNUM2", r"0[1-9]|1[0-2]"),
    ("MONTHDAY", r"0[1-9]|[12][0-9]|3[01]|[1-9]"),
    ("DAY", r"(?:Mon|Tue(?:s)?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?"),
    ("YEAR", r"[0-9]{4}|[0-9]{2}"),
    ("HOUR", r"2[0123]|[01]?[0-9]"),
    ("MINUTE", r"[0-5][0-9]"),
    ("SECOND", r"(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?"),
    ("TIME", r"%{HOUR}:%{MINUTE}(?::%{SECOND})?"),
    ("DATE_US", r"%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}"),
    ("DATE_EU", r"%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}"),
    ("DATE", r"%{DATE_US}|%{DATE_EU}"),
    ("DATESTAMP", r"%{DATE}[- ]%{TIME}"),
    ("ISO8601_TIMEZONE", r"Z|[+-]%{HOUR}(?::?%{MINUTE})"),
    ("ISO8601_SECOND", r"%{SECOND}"),
    (
        "TIMESTAMP_ISO8601",
        r"%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?%{ISO8601_TIMEZONE}?",
    ),
    ("TZ", r"[APMCE][SD]T|UTC|GMT"),
    ("DATESTAMP_RFC822", r"%{DAY} %{MONTH} %{MONTHDAY} %{YEAR} %{TIME} %{TZ}"),
    ("DATESTAMP_RFC2822", r"%{DAY}, %{MONTHDAY} %{MONTH} %{YEAR} %{TIME} %{ISO8601_TIMEZONE}"),
    ("DATESTAMP_OTHER", r"%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{TZ} %{YEAR}"),
    ("DATESTAMP_EVENTLOG", r"%{YEAR}%{MONTHNUM2}%{MONTHDAY}%{HOUR}%{MINUTE}%{SECOND}"),
    ("HTTPDATE", r"%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}"),
    ("SYSLOGTIMESTAMP", r"%{MONTH} +%{MONTHDAY} %{TIME}"),
    ("PROG", r"[\x21-\x5a\x5c\x5e-\x7e]+"),
    ("SYSLOGPROG", r"%{PROG:program}(?:\[%{POSINT:pid}\])?"),
    ("SYSLOGHOST", r"%{IPORHOST}"),
    ("SYSLOGFACILITY", r"<%{NONNEGINT:facility}.%{NONNEGINT:priority}>"),
    (
        "SYSLOGBASE",
        r"%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:logsource} %{SYSLOGPROG}:",
    ),
    ("SYSLOGLINE", r"%{SYSLOGBASE} +%{GREEDYDATA:message}"),
    (
        "LOGLEVEL",
        r"(?i:alert|trace|debug|notice|info(?:rmation)?|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|severe|emerg(?:ency)?)",
    ),
    ("HTTPDUSER", r"%{EMAILADDRESS}|%{USER}"),
    (
        "COMMONAPACHELOG",
        r#"%{IPORHOST:clientip} %{HTTPDUSER:ident} %{HTTPDUSER:auth} \[%{HTTPDATE:timestamp}\] "(?:%{WORD:verb} %{NOTSPACE:request}(?: HTTP/%{NUMBER:httpversion})?|%{DATA:rawrequest})" (?:-|%{NUMBER:response}) (?:-|%{NUMBER:bytes})"#,
    ),
    ("COMBINEDAPACHELOG", r"%{COMMONAPACHELOG} %{QS:referrer} %{QS:agent}"),
];

impl Grok {
    pub fn compile(pattern: &str, named_only: bool, definitions: &[String]) -> Result<Grok, String> {
        let mut own = Vec::new();
        for definition in definitions {
            let (name, text) = definition.split_once('=').ok_or("a pattern definition is `NAME=regex`")?;
            if name.contains(':') || name.is_empty() {
                return Err(format!("a pattern's name cannot be `{name}`"));
            }
            own.push((name, text));
        }
        let mut unfolding = Unfolding { own, named_only, out: String::new(), fields: Vec::new() };
        unfolding.unfold(pattern, 0)?;
        let Unfolding { out, mut fields, .. } = unfolding;
        let regex = regex(&out)?;
        for name in regex.group_info().pattern_names(regex_automata::PatternID::ZERO).flatten() {
            if !fields.iter().any(|(group, _)| group == name) {
                fields.push((name.to_owned(), Field { name: name.to_owned(), kind: Type::Text }));
            }
        }
        if named_only && fields.is_empty() {
            return Err("at least 1 named capture group must be supplied in the given regex".to_owned());
        }
        Ok(Grok { regex, fields })
    }
}

struct Unfolding<'a> {
    own: Vec<(&'a str, &'a str)>,
    named_only: bool,
    out: String,
    fields: Vec<(String, Field)>,
}

impl Unfolding<'_> {
    fn unfold(&mut self, pattern: &str, depth: u32) -> Result<(), String> {
        if depth == MAX_DEPTH || self.out.len() > MAX_LENGTH {
            return Err("the grok pattern is nested too deeply or too long".to_owned());
        }
        let mut rest = pattern;
        while let Some(start) = rest.find("%{") {
            self.out.push_str(&rest[..start]);
            let inside = &rest[start + 2..];
            let end = inside.find('}').ok_or("`%{` without `}` in the grok pattern")?;
            self.reference(&inside[..end], depth)?;
            rest = &inside[end + 1..];
        }
        self.out.push_str(rest);
        Ok(())
    }

    fn reference(&mut self, reference: &str, depth: u32) -> Result<(), String> {
        let mut parts = reference.splitn(3, ':');
        let name = parts.next().unwrap_or_default();
        let field = parts.next().filter(|field| !field.is_empty());
        let kind = match parts.next().unwrap_or("string") {
            "int" | "long" => Type::Int,
            "double" | "float" => Type::Double,
            "bool" | "boolean" => Type::Bool,
            "string" => Type::Text,
            other => return Err(format!("unknown type `{other}` in `%{{{reference}}}`")),
        };
        let own = self.own.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
        let library = || LIBRARY.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
        let text = own.or_else(library).ok_or_else(|| format!("no pattern found for %{{{name}}}"))?;
        let field = field.or(if self.named_only { None } else { Some(name) });
        match field {
            Some(field) => {
                let group = format!("outrigger_{}", self.fields.len());
                self.out.push_str(&format!("(?P<{group}>"));
                self.fields.push((group, Field { name: field.to_owned(), kind }));
            }
            None => self.out.push_str("(?:"),
        }
        self.unfold(&text, depth + 1)?;
        self.out.push(')');
        Ok(())
    }
}

/// The value of a capture; `None` where it stays text.
pub fn typed(kind: Type, text: &str) -> Result<Option<Value>, String> {
    let wrong = |what: &str| format!("`{text}` is no {what}");
    Ok(Some(match kind {
        Type::Text => return Ok(None),
        Type::Int => Value::Int(text.parse().map_err(|_| wrong("integer"))?),
        Type::Double => Value::Double(text.parse().map_err(|_| wrong("number"))?),
        Type::Bool => Value::Bool(text.parse().map_err(|_| wrong("truth value"))?),
    }))
}

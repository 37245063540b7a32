//! Converters about networks: addresses in ranges, community ids, parts of a URL.

use std::net::IpAddr;

use model::{List, Span, Value};
use sha1::{Digest, Sha1};

use super::encode::base64;
use crate::eval::Expr;
use crate::fault::RunError;
use crate::function::{Arg, Args};
use crate::target::Target;
use crate::value::Val;

type Result<T = Val> = std::result::Result<T, RunError>;

/// A range such as `10.0.0.0/8`, its host bits zero, and the bits that count.
fn range(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = text.split_once('/')?;
    let (address, bits): (IpAddr, u32) = (address.parse().ok()?, bits.parse().ok()?);
    let most = if address.is_ipv4() { 32 } else { 128 };
    (bits <= most).then_some((address, bits))
}

fn contains((network, bits): (IpAddr, u32), address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            bits == 0 || (u32::from(network) ^ u32::from(address)) >> (32 - bits) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            bits == 0 || (u128::from(network) ^ u128::from(address)) >> (128 - bits) == 0
        }
        _ => false,
    }
}

/// The ranges that are written out are ranges.
pub fn known_ranges(args: &[Arg]) -> std::result::Result<(), String> {
    let Some(Arg::Values(ranges)) = args.get(1) else { return Ok(()) };
    for expression in ranges {
        if let Expr::Text(text) = expression {
            let text = String::from_utf8_lossy(text);
            range(&text).ok_or_else(|| format!("invalid CIDR address: {text}"))?;
        }
    }
    Ok(())
}

pub fn is_in_cidr(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let address = args.string(0, t)?;
    let text = t.text(address);
    let address: IpAddr = text.parse().map_err(|_| RunError(format!("invalid IP address: {text}")))?;
    let address = address.to_canonical();
    for network in args.strings(1, t)? {
        let text = t.text(network);
        let network = range(&text).ok_or_else(|| RunError(format!("invalid CIDR address: {text}")))?;
        if contains(network, address) {
            return Ok(Val::Bool(true));
        }
    }
    Ok(Val::Bool(false))
}

/// Corelight's flow hash, version 1: the same for both directions.
pub fn community_id(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let address = |place, t: &mut Target<'_>| -> Result<Vec<u8>> {
        let text = args.string(place, t)?;
        let text = t.text(text);
        match text.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => Ok(address.octets().to_vec()),
            Ok(IpAddr::V6(address)) => Ok(address.octets().to_vec()),
            Err(_) => Err(RunError(format!("invalid IP address: {text}"))),
        }
    };
    let port = |place, t: &mut Target<'_>| -> Result<u16> {
        let port = args.int(place, t)?;
        u16::try_from(port).map_err(|_| RunError(format!("invalid port: {port}")))
    };
    let source = (address(0, t)?, port(1, t)?);
    let destination = (address(2, t)?, port(3, t)?);
    let protocol = args.string_or(4, t, "TCP")?;
    let protocol = match t.text(protocol).to_ascii_uppercase().as_str() {
        "ICMP" => 1u8,
        "TCP" => 6,
        "UDP" => 17,
        "RSVP" => 46,
        "ICMP6" => 58,
        "SCTP" => 132,
        other => return Err(RunError(format!("unsupported protocol: {other}"))),
    };
    let seed = if args.is_given(5) { args.int(5, t)? } else { 0 };
    let seed = u16::try_from(seed).map_err(|_| RunError(format!("invalid seed: {seed}")))?;
    let (low, high) = if source <= destination { (source, destination) } else { (destination, source) };
    let mut message = seed.to_be_bytes().to_vec();
    message.extend_from_slice(&low.0);
    message.extend_from_slice(&high.0);
    message.extend_from_slice(&[protocol, 0]);
    message.extend_from_slice(&low.1.to_be_bytes());
    message.extend_from_slice(&high.1.to_be_bytes());
    t.string(format!("1:{}", base64(&Sha1::digest(&message))))
}

pub fn url(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let span = args.string(0, t)?;
    let text = t.text(span).into_owned();
    let wrong = |what: &str| RunError(format!("`{text}` is no URL: {what}"));
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err(wrong("it holds control characters"));
    }
    let mut map = Parts { t, map: List::EMPTY };
    map.text("url.original", &text)?;
    let (rest, fragment) = cut(&text, '#');
    let (rest, query) = cut(rest, '?');
    let scheme = rest.find(':').filter(|end| {
        let scheme = &rest[..*end];
        scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    let mut rest = rest;
    if let Some(end) = scheme {
        map.text("url.scheme", &rest[..end].to_ascii_lowercase())?;
        rest = &rest[end + 1..];
    }
    let mut path = rest;
    if let Some(authority) = rest.strip_prefix("//") {
        let end = authority.find('/').unwrap_or(authority.len());
        path = &authority[end..];
        map.authority(&authority[..end]).map_err(|what| wrong(&what))?;
    }
    if !path.is_empty() {
        map.text("url.path", &unescaped(path))?;
        let name = path.rsplit('/').next().unwrap_or_default();
        if let Some((_, extension)) = name.rsplit_once('.')
            && !extension.is_empty()
        {
            map.text("url.extension", extension)?;
        }
    }
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        map.text("url.query", query)?;
    }
    if let Some(fragment) = fragment.filter(|fragment| !fragment.is_empty()) {
        map.text("url.fragment", &unescaped(fragment))?;
    }
    Ok(Val::Map(map.map))
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, behind)| (before, Some(behind)))
}

fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match digits.and_then(crate::lex::decode_hex) {
            Some(byte) => {
                out.extend(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

struct Parts<'a, 'b> {
    t: &'a mut Target<'b>,
    map: List,
}

impl Parts<'_, '_> {
    fn text(&mut self, key: &str, text: &str) -> Result<()> {
        let key = self.t.keep(key.as_bytes())?;
        let value: Span = self.t.keep(text.as_bytes())?;
        self.t.arena.push(&mut self.map, key, Value::Str(value));
        Ok(())
    }

    fn authority(&mut self, authority: &str) -> std::result::Result<(), String> {
        let failed = |error: RunError| error.to_string();
        let (user, host) =
            authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        let port_at = host.rfind(':').filter(|place| !host[*place..].contains(']'));
        let (domain, port) = port_at.map_or((host, ""), |place| (&host[..place], &host[place + 1..]));
        let domain = domain.trim_start_matches('[').trim_end_matches(']');
        if !domain.is_empty() {
            self.text("url.domain", domain).map_err(failed)?;
        }
        if !port.is_empty() {
            let port: u16 = port.parse().map_err(|_| format!("`{port}` is no port"))?;
            let key = self.t.keep(b"url.port").map_err(failed)?;
            self.t.arena.push(&mut self.map, key, Value::Int(port.into()));
        }
        if let Some(user) = user {
            self.text("url.user_info", user).map_err(failed)?;
            let (name, password) = cut(user, ':');
            self.text("url.username", &unescaped(name)).map_err(failed)?;
            if let Some(password) = password {
                self.text("url.password", &unescaped(password)).map_err(failed)?;
            }
        }
        Ok(())
    }
}

//! Just enough XML for AWS answers, which are flat, generated, and never use attributes that matter.

/// The text of the first element of this name, unescaped.
pub(super) fn text(xml: &str, name: &str) -> Option<String> {
    inside(xml, name).map(|(content, _)| unescape(content))
}

/// The content of every element of this name that is not inside another of the same name.
pub(super) fn each<'a>(xml: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (content, after) = inside(rest, name)?;
        rest = after;
        Some(content)
    })
}

/// The content of the first element of this name, and what follows it.
fn inside<'a>(xml: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let mut rest = xml;
    loop {
        let at = rest.find('<')?;
        let tag = &rest[at + 1..];
        let end = tag.find('>')?;
        let Some(attributes) = tag[..end].strip_prefix(name) else {
            rest = tag;
            continue;
        };
        let (content, empty) = (&tag[end + 1..], attributes.ends_with('/'));
        if empty && attributes.trim_end_matches('/').trim().is_empty() {
            return Some(("", content));
        }
        if attributes.is_empty() || attributes.starts_with(char::is_whitespace) {
            let close = format!("</{name}>");
            let close_at = content.find(&close)?;
            return Some((&content[..close_at], &content[close_at + close.len()..]));
        }
        rest = tag;
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let entity = &rest[at + 1..];
        let known = entity.find(';').and_then(|end| Some((decode(&entity[..end])?, end)));
        match known {
            Some((character, end)) => {
                out.push(character);
                rest = &entity[end + 1..];
            }
            None => {
                out.push('&');
                rest = entity;
            }
        }
    }
    out.push_str(rest);
    out
}

fn decode(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

//! Reads requests of both versions as lines of text, after the definitions and not after the writer.

use crate::protobuf::{Content, Field, Message};

/// `name{label="value"} 1 @2` for each sample; exemplars, histograms and metadata alike.
pub fn told(request: &[u8]) -> Vec<String> {
    let (mut symbols, mut lines) = (Vec::new(), Vec::new());
    for field in fields(request, 0..request.len()) {
        let number = field.number;
        let range = field.range().expect("a message or a text");
        match number {
            1 => series(request, range, &[], &mut lines),
            3 => lines.push(metadata(request, range)),
            4 => symbols.push(String::from_utf8(request[range].to_vec()).expect("a text")),
            5 => series(request, range, &symbols, &mut lines),
            _ => panic!("no field has the number {number}"),
        }
    }
    assert!(symbols.first().is_none_or(String::is_empty), "the first text is empty");
    lines
}

fn fields(request: &[u8], range: std::ops::Range<usize>) -> Vec<Field> {
    let (mut message, mut fields) = (Message::within(range), Vec::new());
    while let Some(field) = message.next(request).expect("the request is whole") {
        fields.push(field);
    }
    fields
}

fn series(request: &[u8], range: std::ops::Range<usize>, symbols: &[String], lines: &mut Vec<String>) {
    let is_two = !symbols.is_empty();
    let all = fields(request, range);
    let name = labels(request, &all, symbols);
    for field in all {
        let number = field.number;
        match (is_two, number) {
            (_, 1) => {}
            (_, 2) => lines.push(format!("{name} {}", sample(request, field))),
            (false, 4) | (true, 3) => lines.push(format!("{name} {}", native(request, field))),
            (false, 3) | (true, 4) => lines.push(format!("{name} # {}", exemplar(request, field, symbols))),
            (true, 5) => {
                let parts = fields(request, field.range().unwrap());
                let part =
                    |number| parts.iter().find(|f| f.number == number).map_or(0, |f| f.varint().unwrap());
                let text = |number| &symbols[part(number) as usize];
                lines.push(format!("is {} {:?} {:?}", part(1), text(3), text(4)));
            }
            (true, 6) => lines.push(format!("since {}", field.varint().unwrap())),
            _ => panic!("no field has the number {number}"),
        }
    }
}

fn labels(request: &[u8], all: &[Field], symbols: &[String]) -> String {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for field in all.iter().filter(|field| field.number == 1).cloned() {
        if symbols.is_empty() {
            let parts = fields(request, field.range().unwrap()).into_iter();
            let mut texts = parts.map(|f| String::from_utf8(request[f.range().unwrap()].to_vec()).unwrap());
            pairs.push((texts.next().unwrap(), texts.next().unwrap()));
        } else {
            let mut places = Vec::new();
            field.each_varint(request, |place| places.push(symbols[place as usize].clone())).unwrap();
            pairs.extend(places.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())));
        }
    }
    assert!(pairs.is_sorted_by(|a, b| a.0 < b.0), "labels are sorted, each there once: {pairs:?}");
    let name = pairs.iter().find(|(name, _)| name == "__name__").map(|(_, value)| value.clone());
    let rest = pairs.iter().filter(|(name, _)| name != "__name__");
    let rest: Vec<String> = rest.map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{}{{{}}}", name.unwrap_or_default(), rest.join(","))
}

fn value_and_time(parts: &[Field], value: u32, time: u32) -> String {
    let bits = parts.iter().find(|f| f.number == value).map_or(0, |f| f.fixed64().unwrap());
    let time = parts.iter().find(|f| f.number == time).map_or(0, |f| f.varint().unwrap());
    let value = if bits == 0x7ff0_0000_0000_0002 { "stale".into() } else { f64::from_bits(bits).to_string() };
    format!("{value} @{time}")
}

fn sample(request: &[u8], field: Field) -> String {
    value_and_time(&fields(request, field.range().unwrap()), 1, 2)
}

fn exemplar(request: &[u8], field: Field, symbols: &[String]) -> String {
    let parts = fields(request, field.range().unwrap());
    format!("{} {}", labels(request, &parts, symbols), value_and_time(&parts, 2, 3))
}

/// The numbers of the fields, as they come; the sum and time as of a sample.
fn native(request: &[u8], field: Field) -> String {
    let parts = fields(request, field.range().unwrap());
    let mut line = format!("histogram {}", value_and_time(&parts, 3, 15));
    let sint = |value: u64| (value >> 1) as i64 ^ -((value & 1) as i64);
    for part in parts {
        let number = part.number;
        match (number, &part.content) {
            (3 | 15, _) => {}
            (4, Content::Varint(value)) => line += &format!(" schema {}", sint(*value)),
            (1, Content::Varint(value)) => line += &format!(" count {value}"),
            (5, Content::Fixed64(bits)) => line += &format!(" within {:e}", f64::from_bits(*bits)),
            (6, Content::Varint(value)) => line += &format!(" zero {value}"),
            (8 | 11, Content::Bytes(range)) => {
                let span = fields(request, range.clone());
                let of = |number| span.iter().find(|f| f.number == number).map_or(0, |f| f.varint().unwrap());
                line += &format!(" {}{}+{}", if number == 8 { "neg" } else { "pos" }, sint(of(1)), of(2));
            }
            (9 | 12, _) => {
                let mut deltas = Vec::new();
                part.each_varint(request, |delta| deltas.push(sint(delta))).unwrap();
                line += &format!(" {deltas:?}");
            }
            _ => panic!("no field has the number {number}"),
        }
    }
    line
}

fn metadata(request: &[u8], range: std::ops::Range<usize>) -> String {
    let (mut kind, mut texts) = (0, [const { String::new() }; 6]);
    for field in fields(request, range) {
        match field.number {
            1 => kind = field.varint().unwrap(),
            number => {
                texts[number as usize] = String::from_utf8(request[field.range().unwrap()].to_vec()).unwrap();
            }
        }
    }
    format!("{} is {kind} {:?} {:?}", texts[2], texts[4], texts[5])
}

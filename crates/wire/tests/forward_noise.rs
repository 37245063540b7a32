//! Damaged, hostile and over-long input: nothing panics, nothing grows, and what can be kept is kept.

mod common;

use common::{Connection, Seen, decode, fixture, streams};
use model::Reason;
use proptest::prelude::*;
use wire::forward::{Close, Settings};
use wire::msgpack::write;

/// `[tag, 1, {"log": text}]`
fn message(tag: &str, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write::array(3, &mut out);
    write::str(tag.as_bytes(), &mut out);
    write::uint(1, &mut out);
    write::map(1, &mut out);
    write::str(b"log", &mut out);
    write::str(text, &mut out);
    out
}

fn logs(seen: &Seen) -> Vec<&str> {
    seen.records.iter().map(|(_, text)| text.rsplit('"').nth(1).unwrap_or("")).collect()
}

/// Feeds it whole and byte by byte: both must see the same.
fn both_ways(bytes: &[u8], settings: &Settings) -> Seen {
    let mut whole = Connection::new(settings.clone());
    whole.feed(bytes);
    let mut pieces = Connection::new(settings.clone());
    bytes.iter().for_each(|byte| pieces.feed(&[*byte]));
    // Order counts within a tag only.
    let by_tag = |mut seen: Vec<(String, String)>| {
        seen.sort_by(|a, b| a.0.cmp(&b.0));
        seen
    };
    assert_eq!(by_tag(whole.seen.records.clone()), by_tag(pieces.seen.records));
    assert_eq!(whole.seen.acks, pieces.seen.acks);
    assert_eq!(whole.seen.close.is_some(), pieces.seen.close.is_some());
    whole.seen
}

#[test]
fn one_bad_message_does_not_cost_the_others() {
    for (bad, why) in [
        (&b"\x93\x01\x01\x80"[..], "the tag is not text"),
        (b"\x93\xa1t\xc3\x80", "the time is neither a number nor an EventTime"),
        (b"\x92\xa1t\x01", "the message holds no record"),
        (b"\x93\xa1t\x01\xa3str", "the record is not a map"),
        (b"\x93\xa1t\x01\x91\x01", "the record is not a map"),
        (b"\x93\xa1t\x01\x81\x80\x01", "a key is a map, an array or an extension"),
        (b"\x93\xa1t\xd6\x00abcd\x80", "the time is neither a number nor an EventTime"),
        (b"\x92\xa1t\x91\x05", "the entry is not an array of time and record"),
        (b"\x92\xa1t\xc4\x03\x92\x01\x81", "the payload is cut off"),
        (b"\x92\xa1t\xc4\x01\x07", "the entry is not an array of time and record"),
        (b"\x93\xa1t\xc4\x01\x07\x81\xaacompressed\xa4gzip", "the gzip payload is damaged"),
        (b"\x93\xa1t\xc4\x01\x07\x81\xaacompressed\xa4zstd", "the zstd payload is damaged"),
        (b"\x93\xa1t\xc4\x00\x81\xaacompressed\xa3lz4", "compressed with a method that is not known"),
        (b"\x93\xa1t\xc4\x00\x81\xadfluent_signal\x01", "Fluent Bit's metrics, not logs"),
        (b"\x94\xa1t\x01\x80\x81\xadfluent_signal\x02", "Fluent Bit's traces, not logs"),
    ] {
        let bytes = [&message("t", b"before"), bad, &message("t", b"after")].concat();
        let seen = both_ways(&bytes, &Settings::default());
        assert_eq!(logs(&seen), ["before", "after"], "{why}");
        assert_eq!(seen.refused.len(), 1, "{why}");
        assert_eq!((seen.refused[0].why, seen.refused[0].records), (why, 1));
        assert_eq!((seen.refused[0].reason, seen.close), (Reason::Malformed, None), "{why}");
    }
}

#[test]
fn heartbeats_and_odd_options_cost_nothing() {
    for harmless in [&b"\x90"[..], b"\x91\xa1t", b"\x91\xc0", b"\x92\xa1t\x90", b"\x93\xa1t\xc4\x00\x80"] {
        let bytes = [&message("t", b"a"), harmless, &message("t", b"b")].concat();
        let seen = both_ways(&bytes, &Settings::default());
        assert_eq!((logs(&seen), seen.refused.len(), seen.close), (vec!["a", "b"], 0, None), "{harmless:x?}");
    }
    for options in [
        &b"\xc0"[..],
        b"\x80",
        b"\x07",
        b"\x81\x01\x02",
        b"\x81\xa5chunk\x07",
        b"\x81\xa4size\xff",
        b"\x80\x01\x02",
    ] {
        let mut bytes = b"\x94\xa1t\x01\x81\xa3log\xa1x".to_vec();
        bytes[0] = if options.len() == 3 && options[0] == 0x80 { 0x96 } else { 0x94 };
        bytes.extend_from_slice(options);
        let seen = both_ways(&bytes, &Settings::default());
        assert_eq!((logs(&seen), seen.acks.len()), (vec!["x"], 0), "{options:x?}");
    }
}

#[test]
fn entries_that_are_damaged_are_passed_over() {
    let entries = b"\x92\x01\x81\xa3log\xa1a\x92\x01\x05\x07\x92\x01\x81\xa3log\xa1b";
    let mut packed = b"\x93\xa1t\xc4".to_vec();
    packed.push(entries.len() as u8);
    packed.extend_from_slice(entries);
    packed.extend_from_slice(b"\x81\xa5chunk\xa1c");
    let forward = [b"\x93\xa1t\x94", &entries[..], b"\x81\xa5chunk\xa1c"].concat();
    for bytes in [packed, forward] {
        let seen = both_ways(&bytes, &Settings::default());
        assert_eq!(logs(&seen), ["a", "b"]);
        assert_eq!(seen.refused.iter().map(|r| r.records).sum::<u64>(), 2);
        assert!(seen.acks.is_empty(), "records were lost, so the sender must not believe otherwise");
    }
    // The size option says how many were cut off; Node's client puts the number of bytes there.
    for (size, expected) in [(5, 4), (200, 1)] {
        let mut bytes = b"\x93\xa1t\xc4\x13\x92\x01\x81\xa3log\xa1a\x92\x01\x81\xa3log\xda\xff\xff".to_vec();
        write::map(1, &mut bytes);
        write::str(b"size", &mut bytes);
        write::uint(size, &mut bytes);
        let seen = both_ways(&bytes, &Settings::default());
        assert_eq!(seen.refused[0].records, expected, "{seen:?}");
    }
}

#[test]
fn a_connection_that_is_no_forward_is_closed_and_what_came_before_is_kept() {
    for (bytes, close) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], Close::Http),
        (b"POST /x HTTP/1.1\r\n\r\n", Close::Http),
        (b"\x16\x03\x01\x02\x00\x01", Close::Tls),
        (b"{\"a\":1}", Close::Json),
        (b"\x81\xa1a\x01", Close::NotForward),
        (b"\xc0", Close::NotForward),
        (b"\xdd\xff\xff\xff\xff", Close::NotForward),
    ] {
        let bytes = [&message("t", b"kept"), bytes].concat();
        let seen = decode(&bytes);
        assert_eq!((logs(&seen), seen.close), (vec!["kept"], Some(close)));
        both_ways(&bytes, &Settings::default());
    }
    let reply = Close::Http.reply().unwrap();
    let body = reply.split(|byte| *byte == b'\n').skip(5).collect::<Vec<_>>().join(&b'\n');
    let head = String::from_utf8_lossy(reply);
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{} in {head}", body.len());
    let corrupt = [&message("t", b"kept")[..], b"\x93\xa1t\x01\x81\xa1k\xc1"].concat();
    let seen = both_ways(&corrupt, &Settings::default());
    assert!(
        matches!(seen.close, Some(Close::Corrupt(_))) && logs(&seen) == ["kept"] && seen.refused.len() == 1
    );
}

#[test]
fn a_message_that_is_too_long_is_dropped_alone_and_never_held() {
    let settings = Settings { max_message_bytes: 1000, ..Settings::default() };
    let bytes = [message("t", b"before"), message("t", &[b'x'; 5000]), message("t", b"after")].concat();
    let seen = both_ways(&bytes, &settings);
    assert_eq!(logs(&seen), ["before", "after"]);
    assert_eq!((seen.refused[0].reason, seen.refused[0].records, seen.close), (Reason::TooLarge, 1, None));
    assert_eq!(seen.refused[0].bytes as usize, message("t", &[b'x'; 5000]).len());

    let mut connection = Connection::new(settings);
    for piece in bytes.chunks(100) {
        connection.feed(piece);
        assert!(connection.held() <= 1000, "{} bytes held", connection.held());
    }
    // Many small values instead of one large: known to be too long as soon as they are declared.
    let mut connection = Connection::new(Settings { max_message_bytes: 1000, ..Settings::default() });
    connection.feed(b"\x93\xa1t\x01\xdd\x00\x10\x00\x00");
    assert_eq!(connection.held(), 0);
}

#[test]
fn a_small_payload_does_not_become_a_large_one() {
    use std::io::Write;
    let zeros = vec![0u8; 1 << 20];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&zeros).unwrap();
    for (method, payload) in
        [("gzip", gzip.finish().unwrap()), ("zstd", zstd::bulk::compress(&zeros, 1).unwrap())]
    {
        let mut bytes = Vec::new();
        write::array(3, &mut bytes);
        write::str(b"t", &mut bytes);
        write::bin(&payload, &mut bytes);
        write::map(2, &mut bytes);
        for text in ["compressed", method, "chunk", "c"] {
            write::str(text.as_bytes(), &mut bytes);
        }
        let settings = Settings { max_decompressed_bytes: 1 << 19, ..Settings::default() };
        let seen = both_ways(&bytes, &settings);
        assert_eq!(
            (seen.refused[0].reason, seen.acks.len(), seen.close),
            (Reason::TooLarge, 0, None),
            "{method}"
        );
    }
}

#[test]
fn nesting_has_a_limit_and_needs_no_stack_to_pass_over() {
    for (depth, kept) in [(63, true), (64, false), (100_000, false)] {
        let mut bytes = b"\x93\xa1t\x01\x81\xa1k".to_vec();
        bytes.extend(std::iter::repeat_n(0x91, depth));
        bytes.push(0xc0);
        bytes.extend_from_slice(&message("t", b"after"));
        let seen = decode(&bytes);
        assert_eq!(seen.records.len(), 1 + usize::from(kept), "{depth}");
        assert_eq!(seen.refused.is_empty(), kept);
    }
}

#[test]
fn tags_that_alternate_keep_their_records_in_order() {
    let mut bytes = Vec::new();
    for n in 0..300 {
        bytes.extend_from_slice(&message(["a", "b", "a", "c"][n % 4], n.to_string().as_bytes()));
    }
    let seen = decode(&bytes);
    for (tag, expected) in [("a", 150), ("b", 75), ("c", 75)] {
        let numbers: Vec<usize> = seen
            .records
            .iter()
            .filter(|(name, _)| name == tag)
            .map(|(_, text)| text.rsplit('"').nth(1).unwrap().parse().unwrap())
            .collect();
        assert!(numbers.is_sorted() && numbers.len() == expected, "{tag}");
    }
}

#[test]
fn tags_are_replaced_and_prefixed() {
    let bytes = [message("a", b"1"), message("b", b"2")].concat();
    let fixed = Settings { tag: Some("fixed".into()), ..Settings::default() };
    let prefixed = Settings { tag_prefix: "pre.".into(), ..Settings::default() };
    for (settings, expected) in [(fixed, ["fixed", "fixed"]), (prefixed, ["pre.a", "pre.b"])] {
        let seen = both_ways(&bytes, &settings);
        assert_eq!(seen.records.iter().map(|(tag, _)| tag.as_str()).collect::<Vec<_>>(), expected);
    }
}

/// A message of many megabytes in small reads takes time in proportion to its length.
#[test]
fn a_long_message_is_not_read_again_and_again() {
    let mut bytes = b"\x92\xa1t\xdd\x00\x04\x00\x00".to_vec();
    for _ in 0..0x4_0000 {
        bytes.extend_from_slice(b"\x92\x01\x81\xa3log\xa8abcdefgh");
    }
    let mut connection = Connection::new(Settings::default());
    bytes.chunks(512).for_each(|piece| connection.feed(piece));
    assert_eq!(connection.seen.records.len(), 0x4_0000);
}

#[test]
fn chunks_that_were_taken_in_before_are_answered_and_left_out() {
    let bytes = fixture("forward/dockerd/003.stream");
    let first = decode(&bytes);
    let taken = first.acks[1].clone();
    let context = wire::forward::Context { now: 1, already_taken: &|reply| *reply == *taken };
    let resent = fixture("forward/dockerd/004.stream");
    let decoded = wire::forward::Decoder::new(Settings::default()).decode(resent, &context);
    assert_eq!((decoded.batches.len(), decoded.resent, decoded.acks.len()), (0, 1, 1));
    assert_eq!((decoded.acks[0].batch, &decoded.acks[0].reply), (None, &taken));
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let streams: Vec<Vec<u8>> =
        streams().into_iter().map(|(_, bytes)| bytes).filter(|b| b.len() < 1000).collect();
    let edits = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6);
    (proptest::sample::select(streams), edits).prop_map(|(mut bytes, edits)| {
        edits.iter().for_each(|(at, byte)| *at.get_mut(&mut bytes) = *byte);
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        both_ways(&bytes, &Settings { max_message_bytes: 1 << 20, ..Settings::default() });
    }

    #[test]
    fn noise_behind_a_good_head_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        for head in [&b"\x94\xa1t\x01\x82"[..], b"\x93\xa1t\x92\x92\x01", b"\x93\xa1t\xc4\x20", b"\x94\xa1t\x01\x80\x83\xa5chunk"] {
            both_ways(&[head, &bytes].concat(), &Settings { max_message_bytes: 1 << 20, ..Settings::default() });
        }
    }

    #[test]
    fn damage_never_panics_and_reads_do_not_matter(bytes in mutated()) {
        both_ways(&bytes, &Settings { max_message_bytes: 1 << 16, ..Settings::default() });
    }
}

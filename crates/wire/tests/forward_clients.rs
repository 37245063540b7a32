//! What real clients send is decoded whole, whatever the read boundaries, and as Fluent Bit decodes it.

mod common;

use common::{Connection, Seen, decode, fixture, fixtures, streams};
use wire::forward::Settings;

#[test]
fn everything_clients_send_is_decoded() {
    let mut summary = String::new();
    for (path, bytes) in streams() {
        let mut connection = Connection::new(Settings::default());
        connection.feed(&bytes);
        assert!(connection.is_between_messages(), "{path}: a remainder");
        let Seen { records, acks, refused, close } = connection.seen;
        assert!(refused.is_empty() && close.is_none(), "{path}: {refused:?} {close:?}");
        let mut tags: Vec<_> = records.iter().map(|(tag, _)| tag.as_str()).collect();
        tags.dedup();
        summary += &format!("{path}: {} records, {} acks, {tags:?}\n", records.len(), acks.len());
    }
    compare("clients.txt", &summary);
}

#[test]
fn records_are_read_as_they_were_sent() {
    let mut text = String::new();
    for path in
        ["dockerd/003.stream", "dockerd/004.stream", "py/001.stream", "py/002.stream", "py/004.stream"]
            .into_iter()
            .map(String::from)
            .chain((1..=7).map(|n| format!("node/00{n}.stream")))
    {
        text += &format!("# {path}\n");
        for (tag, record) in decode(&fixture(&format!("forward/{path}"))).records {
            text += &format!("{tag}: {record}\n");
        }
    }
    compare("records.txt", &text);
}

#[test]
fn the_parts_of_a_long_line_arrive_whole() {
    let records = decode(&fixture("forward/dockerd/001.stream")).records;
    let parts: Vec<_> = records.iter().filter(|(_, text)| text.contains("partial_ordinal")).collect();
    assert_eq!(parts.len(), 4, "three of the long line, one of the unterminated one");
    assert!(records.iter().any(|(_, text)| text.contains(r"\xff")), "bytes that are not UTF-8 are kept");
    assert!(records.iter().any(|(_, text)| text.contains("\"log\"=>\"\"")), "an empty line is kept");
}

#[test]
fn where_reads_end_does_not_matter() {
    for (path, bytes) in streams() {
        let whole = decode(&bytes);
        // Every offset of the small ones; of the large ones, those around their first and last messages.
        let offsets = (0..bytes.len()).filter(|at| bytes.len() < 2000 || *at < 1500 || at % 97 == 0);
        for at in offsets {
            let mut connection = Connection::new(Settings::default());
            connection.feed(&bytes[..at]);
            connection.feed(&bytes[at..]);
            assert!(connection.seen == whole, "{path} split at {at}");
        }
        for size in [1, 2, 7, 64, 1000, 4096, 65536] {
            let mut connection = Connection::new(Settings::default());
            bytes.chunks(size).for_each(|piece| connection.feed(piece));
            assert!(connection.seen == whole, "{path} in pieces of {size}");
        }
    }
}

#[test]
fn a_stream_that_is_cut_off_gives_its_whole_messages() {
    let bytes = fixture("forward/docker-fluentd-driver.bin");
    let whole = decode(&bytes);
    for cut in 0..bytes.len() {
        let seen = decode(&bytes[..cut]);
        assert!(seen.close.is_none() && seen.refused.is_empty());
        assert_eq!(seen.records, whole.records[..seen.records.len()]);
    }
}

/// Cases whose records Fluent Bit 5.0.9 printed.
#[test]
fn records_are_those_that_fluent_bit_reads() {
    for case in [
        "forward_entries",
        "forward_packed",
        "forward_compressed",
        "forward_compressed_zstd",
        "forward_metadata",
        "forward_empty_maps",
        "forward_split_writes",
        "forward_message_times",
    ] {
        let seen = decode(&fixture(&format!("fluent-bit/{case}/in.forward")));
        assert!(
            seen.close.is_none() && seen.refused.is_empty(),
            "{case}: {:?} {:?}",
            seen.refused,
            seen.close
        );
        let printed = String::from_utf8(fixture(&format!("fluent-bit/{case}/stdout.txt"))).unwrap();
        let theirs: Vec<_> = printed
            .lines()
            .filter(|line| line.starts_with('['))
            .map(|line| line.split_once(' ').unwrap().1)
            .collect();
        for (ours, theirs) in seen.records.iter().zip(&theirs) {
            let ours = format!("{}: {}", ours.0, ours.1);
            match *theirs {
                // Nanoseconds beyond a second: carried, where Fluent Bit prints ten digits.
                "t: [[1718000000.1999999999, {}], {\"log\"=>\"n11\"}]" => {
                    assert_eq!(ours, "t: [[1718000001.999999999, {}], {\"log\"=>\"n11\"}]");
                }
                // Milliseconds: understood, where Fluent Bit keeps the lower half.
                "t: [[13081723.000000000, {}], {\"log\"=>\"n12\"}]" => {
                    assert_eq!(ours, "t: [[1718000000.123000000, {}], {\"log\"=>\"n12\"}]");
                }
                theirs => assert_eq!(ours, theirs, "{case}"),
            }
        }
        assert_eq!(seen.records.len(), theirs.len(), "{case}");
    }
}

#[test]
fn answers_are_those_that_fluent_bit_gives() {
    let seen = decode(&fixture("fluent-bit/forward_ack/in.forward"));
    assert_eq!(seen.acks.concat(), fixture("fluent-bit/forward_ack/acks.bin"));
    // It also acknowledges what it threw away; a chunk that lost records is not acknowledged here.
    for case in ["forward_bad_gzip", "forward_bad_packed", "forward_unknown_compression"] {
        let seen = decode(&fixture(&format!("fluent-bit/{case}/in.forward")));
        assert!(seen.acks.is_empty() && seen.refused.len() == 1 && seen.close.is_none(), "{case}: {seen:?}");
        assert!(seen.records.iter().any(|(_, text)| text.contains("n9")), "{case}: the connection goes on");
    }
}

fn compare(name: &str, text: &str) {
    let path = fixtures().join("../crates/wire/tests/golden/forward").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap_or_default(), "{}", path.display());
}

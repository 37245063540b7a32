//! No word that is there is missed, and few that are not are found.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn cut(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    words(text, |word| found.push(String::from_utf8(word.to_vec()).expect("text")));
    found
}

/// An index in a file of its own, and the file.
fn index(messages: &[String]) -> (TokenIndex, tempfile::NamedTempFile) {
    let mut writer = TokenWriter::default();
    for some in messages.chunks(1000) {
        writer.push(&[&StringArray::from_iter_values(some)]);
    }
    let bytes = writer.finish(0).0;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&file, &bytes).expect("it is written");
    let (pages, filters) = pages(&bytes).expect("an index");
    (TokenIndex { filters: Filters::File(file.path().to_owned(), filters.start as u64), pages }, file)
}

fn holds(found: &RowRanges, row: usize) -> bool {
    found.iter().any(|(group, ranges)| {
        *group == row / ROW_GROUP && ranges.iter().any(|range| range.contains(&(row % ROW_GROUP)))
    })
}

#[test]
fn words_are_letters_and_digits_in_lower_case() {
    for (text, expected) in [
        ("", &[][..]),
        ("GET /api/v1/Orders?id=42 500", &["get", "api", "v1", "orders", "id", "42", "500"]),
        ("user_id=7f-ÄRGER…naïve", &["user", "id", "7f", "ärger", "naïve"]),
        ("--", &[]),
        ("日本語 x", &["日本語", "x"]),
    ] {
        assert_eq!(cut(text), expected, "{text}");
    }
}

#[test]
fn pages_without_the_word_are_left_out() {
    let mut messages: Vec<String> =
        (0..200_000).map(|n| format!("order {n} paid by user {}", n % 977)).collect();
    messages[140_000].push_str(" Needle");
    let (index, _file) = index(&messages);
    let found = index.rows(&Wanted::words("needle")).unwrap();
    assert!(holds(&found, 140_000));
    let either = index.rows(&Wanted::words("needle").or(Wanted::words("unheardof"))).unwrap();
    assert!(holds(&either, 140_000) && either.len() <= 2, "{either:?}");
    let both = index.rows(&Wanted::part("r 1400").and(Wanted::words("needle"))).unwrap();
    assert_eq!(both, found, "the last word of a part may go on");
    let rows: usize = found.iter().flat_map(|(_, ranges)| ranges.iter().map(Range::len)).sum();
    assert!(rows <= 3 * PAGE, "{rows} rows");
    let all: Vec<_> = index
        .rows(&Wanted::words("order paid"))
        .unwrap()
        .into_iter()
        .flat_map(|(_, ranges)| ranges)
        .collect();
    assert_eq!(all, [0..ROW_GROUP, 0..200_000 - ROW_GROUP]);
    assert_eq!(index.rows(&Wanted::words(" ")).unwrap(), index.rows(&Wanted::words("order")).unwrap());
    assert!(index.rows(&Wanted::words("order unheardof neverseen")).unwrap().len() <= 1);
    // Words that are nowhere: about one page of a hundred is taken for one of them.
    let pages = index.pages.len();
    let wrong: usize = (0..2000)
        .map(|n| {
            index
                .rows(&Wanted::words(&format!("absent{n}")))
                .unwrap()
                .iter()
                .map(|(_, ranges)| ranges.len())
                .sum::<usize>()
        })
        .sum();
    assert!(wrong < 2000 * pages * 3 / 100, "{wrong} of {}", 2000 * pages);
    assert!(index.byte_size() < messages.len() * 4);
}

#[test]
fn a_damaged_index_is_none() {
    let mut writer = TokenWriter::default();
    writer.push(&[&StringArray::from_iter_values(["one", "two"])]);
    let (mut bytes, told) = writer.finish(77);
    assert_eq!(told.value, Some(format!("77:{}", bytes.len())));
    assert!(pages(&bytes).is_some());
    bytes[30] ^= 1;
    assert!(pages(&bytes).is_none());
    assert!(pages(&[]).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_word_is_missed(messages in vec("[ a-zA-Z0-9éß_/-]{0,30}|\\PC{0,20}", 1..40), copies in 1..600usize) {
        let all: Vec<String> = messages.iter().cloned().cycle().take(messages.len() * copies).collect();
        let (index, _file) = index(&all);
        for (row, message) in messages.iter().enumerate() {
            let found = |wanted: &Wanted| holds(&index.rows(wanted).unwrap(), row);
            prop_assert!(found(&Wanted::words(message)), "all words of {message:?}");
            for word in cut(message) {
                prop_assert!(found(&Wanted::words(&word)), "{word:?} of {message:?}");
                prop_assert!(found(&Wanted::words(&word.to_uppercase())) || !word.is_ascii());
            }
            let starts: Vec<usize> = message.char_indices().map(|(at, _)| at).collect();
            for (from, to) in starts.iter().flat_map(|from| starts.iter().map(move |to| (*from, *to))) {
                let part = message.get(from..to).unwrap_or_default();
                prop_assert!(found(&Wanted::part(part)), "{part:?} in {message:?}");
            }
        }
    }
}

//! What a program tells a store, and where a run stops.

use insights::{Condition, Discovery, Event, Limits, Program, Window};

const WINDOW: Window = Window { from_ms: 100_000, to_ms: 199_999, now_ms: 200_000 };

fn program(text: &str) -> Program {
    insights::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn needs_name_each_field_once() {
    for (text, expected, message) in [
        ("filter status >= 500 | stats count(*) by bin(5m)", "status @timestamp", true),
        ("fields @timestamp, a, a.b as c | filter c = 1 and a = 2", "a.b a @timestamp @ptr", true),
        ("fields @logStream | limit 5", "@logStream @ptr @timestamp", false),
        ("limit 5", "@timestamp @message @ptr", true),
        ("stats count(*)", "", false),
        ("sort a | stats sum(b) by c", "a c b", true),
        ("stats latest(@logStream)", "@logStream @timestamp", false),
    ] {
        let program = program(text);
        let names: Vec<&str> = program.needs().paths().iter().map(|path| path.name()).collect();
        assert_eq!(names.join(" "), expected, "{text}");
        assert_eq!(program.needs().message(), message, "{text}");
        assert!(program.needs().paths().iter().enumerate().all(|(place, path)| path.index() == place));
    }
}

#[test]
fn conditions_are_what_can_be_tested_early() {
    for (text, expected) in [
        (
            "filter status >= 500 and level = 'E'",
            vec!["Compare status GreaterOrEqual", "Compare level Equal"],
        ),
        ("filter 500 < status", vec!["Compare status Greater"]),
        (
            "filter a = 1 | parse b '*' as c | filter c = 2 and d = 3",
            vec!["Compare a Equal", "Compare d Equal"],
        ),
        ("fields a as b | filter b = 1", vec![]),
        ("filter a = 1 or b = a", vec![]),
        ("filter strlen(a) > 1 and ispresent(b)", vec!["Present b"]),
        ("filter not (a in [1, 2] or b like /x/)", vec!["Not"]),
        ("filter a like 'x' and a not like 'y'", vec!["Contains a x", "Not"]),
        ("filterIndex a = 'x'", vec!["Compare a Equal"]),
        ("limit 5 | filter a = 1", vec![]),
        ("stats count(*) as n by a | filter a = 1", vec![]),
    ] {
        let program = program(text);
        let shown: Vec<String> = program.conditions().iter().map(shown).collect();
        assert_eq!(shown, expected, "{text}");
    }
}

fn shown(condition: &Condition) -> String {
    match condition {
        Condition::Compare(path, comparison, _) => format!("Compare {} {comparison:?}", path.name()),
        Condition::Contains(path, text) => format!("Contains {} {text}", path.name()),
        Condition::Present(path) => format!("Present {}", path.name()),
        Condition::Not(_) => "Not".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn diff_names_its_other_window() {
    let from_to =
        |text: &str| program(text).reference_window(WINDOW).map(|window| (window.from_ms, window.to_ms));
    assert_eq!(from_to("limit 5"), None);
    assert_eq!(from_to("pattern @message | diff"), Some((0, 99_999)));
    assert_eq!(from_to("diff previousDay"), Some((100_000 - 86_400_000, 199_999 - 86_400_000)));
    assert_eq!(from_to("diff previousWeek"), Some((100_000 - 604_800_000, 199_999 - 604_800_000)));
    // A month before 1970-01-01 is December, of 31 days.
    let month = 31 * 86_400_000;
    assert_eq!(from_to("diff previousMonth"), Some((100_000 - month, 199_999 - month)));
}

#[test]
fn sources_are_read() {
    let program = program(
        "SOURCE logGroups(namePrefix: ['/a', '/b'], class: ['STANDARD'], accountIdentifiers: ['1']) | limit 5",
    );
    let source = program.sources().expect("a source");
    assert_eq!((source.prefixes.len(), source.classes.len(), source.accounts.len()), (2, 1, 1));
    assert_eq!(self::program("SOURCE 'g'").sources().unwrap().groups, ["g"]);
    assert_eq!(
        self::program("source dataSource(['amazon_vpc.flow']) | limit 1")
            .sources()
            .unwrap()
            .data_sources
            .len(),
        1
    );
    assert!(self::program("limit 1").sources().is_none());
}

/// Pushes rows of one second after the other, newest first, until the run has enough.
fn pushed(text: &str, limits: Limits) -> (usize, insights::Table) {
    let program = program(text);
    let discovery = Discovery::new(program.needs());
    let mut run = program.run_within(WINDOW, limits);
    let mut n_pushed = 0;
    for n in (0..30_000).rev() {
        let message = format!(r#"{{"n":{n},"k":"key {}"}}"#, n % 1000);
        run.push(&Event::new(&discovery, n, &message));
        n_pushed += 1;
        if run.enough() {
            break;
        }
    }
    (n_pushed, run.finish())
}

#[test]
fn runs_stop_when_they_may() {
    for (text, n_pushed, n_rows, enough) in [
        ("limit 20", 20, 20, true),
        ("filter n < 29000 | limit 20", 1020, 20, true),
        ("fields n", 10_000, 10_000, true),
        ("fields n | sort @timestamp desc | limit 20", 20, 20, true),
        ("sort @timestamp | limit 20", 30_000, 20, false),
        ("dedup k | limit 5", 5, 5, true),
        ("sort n | limit 5", 30_000, 5, false),
        ("sort n", 30_000, 10_000, false),
        ("stats count(*) by k", 30_000, 1000, false),
        ("tail 3", 30_000, 3, false),
    ] {
        let (pushed, table) = pushed(text, Limits::default());
        assert_eq!((pushed, table.rows.len()), (n_pushed, n_rows), "{text}");
        assert_eq!(program(text).newest_first_enough(), enough, "{text}");
        assert_eq!(table.partial, None, "{text}");
    }
    assert_eq!((program("limit 7").limit(), program("fields a").limit()), (7, 10_000));
}

#[test]
fn limits_make_answers_partial() {
    let tight = Limits { groups: 10, patterns: 10, bytes: 100_000 };
    for (text, most) in [
        ("stats count(*) by n", 10),
        ("sort k | limit 9000", 9000),
        ("limit 10000", 10_000),
        (
            "limit 100 | fields concat(k, k, k, k, k, k, k, k) as x, replace(x, 'k', concat(x, x, x, x, x, x)) as y",
            99,
        ),
    ] {
        let (_, table) = pushed(text, tight);
        assert!(table.rows.len() <= most, "{text}: {}", table.rows.len());
        let wanted = !text.starts_with("pattern");
        assert_eq!(table.partial.is_some(), wanted, "{text}: {:?}", table.partial);
    }
}

/// What the service does not publish can be chosen.
#[test]
fn options_are_heard() {
    let row = |options: insights::Options, expression: &str| {
        let program = insights::compile_with(&format!("fields {expression} as x"), options).unwrap();
        let discovery = Discovery::new(program.needs());
        let mut run = program.run(WINDOW);
        run.push(&Event::new(&discovery, 0, "{\"a\":1}"));
        run.finish().text(0, 0).unwrap().into_owned()
    };
    let plain = insights::Options::default();
    let other = insights::Options { missing_is_unequal: true, weeks_from_monday: true };
    for (expression, expected, chosen) in [
        ("missing != 1", "0", "1"),
        ("a != 1", "0", "0"),
        ("a != 2", "1", "1"),
        ("missing = 1", "0", "0"),
        // 2024-02-29 was a Thursday.
        ("datefloor(1709208000000, 1w)", "2024-02-29 00:00:00.000", "2024-02-26 00:00:00.000"),
        ("dateceil(1709208000000, 1w)", "2024-03-07 00:00:00.000", "2024-03-04 00:00:00.000"),
        ("datefloor(1709208000000, 7d)", "2024-02-29 00:00:00.000", "2024-02-29 00:00:00.000"),
    ] {
        assert_eq!(
            (row(plain, expression).as_str(), row(other, expression).as_str()),
            (expected, chosen),
            "{expression}"
        );
    }
}

/// Programs are shared between threads, runs go from one to another.
#[test]
fn programs_and_runs_cross_threads() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<Program>();
    sent::<insights::Run<'_>>();
    sent::<Discovery>();
    sent::<insights::Table>();
}

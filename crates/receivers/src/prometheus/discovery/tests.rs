//! Files become targets, and are read again when they change.

use super::*;

fn group(targets: &[&str], labels: &[(&str, &str)]) -> TargetGroup {
    TargetGroup {
        targets: targets.iter().map(|target| (*target).to_owned()).collect(),
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

#[tokio::test]
async fn files_are_read_again_and_keep_what_they_said() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a.yaml"), folder.path().join("b.json"));
    std::fs::write(&first, "- targets:\n  - 10.0.0.7:9102\n  labels:\n    __metrics_path__: /m\n    n: 1\n")
        .unwrap();
    std::fs::write(&second, r#"[{"targets": ["b:1"]}]"#).unwrap();
    let files = vec![format!("{}/*.yaml", folder.path().display()), second.display().to_string()];
    let refresh_interval = config::Interval::from_millis(1);
    let mut watched = Watched::new(Source::Files(FileSdConfig { files, refresh_interval }));
    let mut faults = Vec::new();
    let path = |path: &Path| vec![("__meta_filepath".to_owned(), path.display().to_string())];
    let expected = vec![
        (group(&["10.0.0.7:9102"], &[("__metrics_path__", "/m"), ("n", "1")]), path(&first)),
        (group(&["b:1"], &[]), path(&second)),
    ];
    watched.refresh(&mut faults).await;
    assert_eq!(watched.groups().collect::<Vec<_>>(), expected);
    // Half a file is no reason to lose targets.
    std::fs::write(&second, r#"[{"targets": ["b:"#).unwrap();
    watched.next = Instant::now();
    watched.refresh(&mut faults).await;
    assert_eq!(watched.groups().collect::<Vec<_>>(), expected);
    assert_eq!(faults.len(), 1, "{faults:?}");
    std::fs::remove_file(&first).unwrap();
    watched.next = Instant::now();
    watched.refresh(&mut faults).await;
    assert_eq!(watched.groups().collect::<Vec<_>>(), expected[1..]);
}

#[test]
fn lists_that_make_no_sense_are_refused() {
    for text in
        ["- targets: [a]\n  lables: {}\n", "targets: [a]", "- [", "- targets: {a: b}", "- ? [a]\n  : b"]
    {
        let read = yaml::read(text).and_then(|value| {
            serde_json::from_value::<Vec<TargetGroup>>(value).map_err(|error| error.to_string())
        });
        assert!(read.is_err(), "{text}");
    }
    let deep = "[".repeat(100);
    assert!(yaml::read(&deep).is_err());
    assert_eq!(yaml::read("").unwrap(), serde_json::json!([]));
}

#[test]
fn patterns_fit_names() {
    for (name, pattern, expected) in [
        ("a.yaml", "*.yaml", true),
        ("a.yml", "*.yaml", false),
        ("targets-eu-1.yaml", "targets-*-*.yaml", true),
        ("targets.yaml", "targets-*", false),
        ("a", "a", true),
    ] {
        assert_eq!(fits(name, pattern), expected, "{name} {pattern}");
    }
}

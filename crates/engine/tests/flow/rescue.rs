//! What becomes of payloads that could not be delivered the usual way: dead letters, panics, the lifeboat.

use std::time::Duration;

use config::topology::{DeadLetters, Retry};
use engine::Outcome;

use super::assert_balanced;
use super::support::{Rig, Script, Shape};

const REFUSED: Outcome = Outcome::Rejected { records: 10, reason: String::new() };

fn dead(folder: &tempfile::TempDir) -> Option<DeadLetters> {
    Some(DeadLetters { folder: folder.path().join("dead"), quota_bytes: 1 << 20 })
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_ever_is_kept_as_a_dead_letter() {
    let folder = tempfile::tempdir().unwrap();
    let shape = Shape { dead: dead(&folder), ..Shape::default() };
    let rig = Rig::start(shape, [Script::first(vec![REFUSED], Outcome::Sent)]);
    rig.send("app", 0, 10).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    rig.send("app", 1, 10).await.unwrap();
    let summary = rig.shutdown(Duration::from_secs(5)).await;
    let counts = &summary.ledger.destination("out.0").unwrap().counts;
    assert_eq!((counts.dropped["rejected"], counts.dead_lettered, counts.delivered), (10, 10, 10));
    assert!(folder.path().join("dead/00000001.seg").exists());
    assert_balanced(&rig);
}

#[tokio::test(start_paused = true)]
async fn a_payload_given_up_after_retries_is_kept_too_and_a_partial_refusal_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let retry = Retry { limit: Some(1), ..Retry::default() };
    let shape = Shape { dead: dead(&folder), retry, ..Shape::default() };
    let partly = Outcome::Rejected { records: 3, reason: "3 are too old".into() };
    let rig = Rig::start(shape, [Script::always(Outcome::retry("503")), Script::always(partly)]);
    rig.send("app", 0, 10).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let snapshot = rig.ledger.snapshot();
    let counts = |id: &str| snapshot.destination(id).unwrap().counts.clone();
    assert_eq!(counts("out.0").dropped["retries_exhausted"], 10);
    assert_eq!((counts("out.0").dead_lettered, counts("out.1").dead_lettered), (10, 0));
    assert_balanced(&rig);
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_panics_costs_a_retry() {
    let rig = Rig::start(Shape { concurrency: 1, ..Shape::default() }, [Script::panic(3)]);
    for n in 0..4 {
        rig.send("app", n, 10).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((rig.distinct(0), rig.received(0).len()), (40, 40));
    let counts = rig.ledger.snapshot().destination("out.0").unwrap().counts.clone();
    assert_eq!((counts.retries, counts.waiting()), (3, 0));
    assert_balanced(&rig);
}

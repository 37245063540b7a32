//! The engine with components of its own: routing, waiting, retrying, counting, stopping.

mod looking;
mod rescue;
mod support;

use std::time::Duration;

use config::topology::{DiskQueue, DiskSync, Overflow, Retry};
use engine::{Ack, Outcome};
use support::{Rig, Script, Shape};

/// Everything the flow tests promise, at any moment.
fn assert_balanced(rig: &Rig) {
    let snapshot = rig.ledger.snapshot();
    assert!(snapshot.balances(), "{snapshot:#?}");
}

#[tokio::test(start_paused = true)]
async fn both_destinations_get_every_record_once() {
    let rig = Rig::start(Shape::default(), [Script::always(Outcome::Sent), Script::always(Outcome::Sent)]);
    for n in 0..100 {
        rig.send("app", n, 7).await.unwrap();
    }
    let summary = rig.shutdown(Duration::from_secs(5)).await;
    assert_eq!(summary.lost, 0);
    for place in 0..2 {
        assert_eq!(rig.received(place).len(), 700);
        assert_eq!(rig.distinct(place), 700);
        let view = summary.ledger.destination(&format!("out.{place}")).unwrap().clone();
        assert_eq!((view.counts.accepted, view.counts.delivered, view.counts.waiting()), (700, 700, 0));
    }
    assert_balanced(&rig);
    assert_eq!(summary.ledger.intake.routed, 700);
}

/// The destinations here take log records only.
#[tokio::test(start_paused = true)]
async fn a_signal_that_a_destination_does_not_take_is_counted() {
    let rig = Rig::start(Shape::default(), [Script::always(Outcome::Sent)]);
    let mut batch = model::Batch::new("app".into(), Vec::new());
    batch.spans = vec![model::TraceSpan::default(); 3];
    let _ = rig.send_batch(batch).await;
    rig.send("app", 0, 2).await.unwrap();
    let summary = rig.shutdown(Duration::from_secs(5)).await;
    let counts = &summary.ledger.destination("out.0").unwrap().counts;
    assert_eq!((counts.accepted, counts.delivered), (5, 2));
    assert_eq!(counts.dropped.get(model::Reason::Unmatched.as_str()), Some(&3));
    assert_balanced(&rig);
}

#[tokio::test(start_paused = true)]
async fn a_payload_is_sealed_when_its_time_has_come() {
    let rig = Rig::start(Shape::default(), [Script::always(Outcome::Sent)]);
    rig.send("app", 0, 3).await.unwrap();
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(rig.received(0).len(), 0);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(rig.received(0).len(), 3);
    assert_balanced(&rig);
}

#[tokio::test(start_paused = true)]
async fn retries_lose_and_double_nothing() {
    let outcomes = vec![Outcome::retry("503"), Outcome::retry("503"), Outcome::retry("reset")];
    let rig =
        Rig::start(Shape::default(), [Script::first(outcomes, Outcome::Sent), Script::always(Outcome::Sent)]);
    for n in 0..10 {
        rig.send("app", n, 10).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(rig.distinct(0), 100);
    assert_eq!(rig.received(0).len(), 100);
    let view = rig.ledger.snapshot().destination("out.0").unwrap().clone();
    assert_eq!(view.counts.retries, 3);
    assert_eq!(view.last_error, None);
    assert_balanced(&rig);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for() {
    let wait = Outcome::Retry { after: Some(Duration::from_secs(20)), reason: "429".into() };
    let rig = Rig::start(Shape::default(), [Script::first(vec![wait], Outcome::Sent)]);
    rig.send("app", 0, 1).await.unwrap();
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(rig.received(0).len(), 0);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rig.received(0).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_destination_holds_up_nobody_and_stays_in_its_bounds() {
    let shape = Shape { queue_bytes: Some(20_000), ..Shape::default() };
    let rig = Rig::start(shape, [Script::hang(), Script::always(Outcome::Sent)]);
    for n in 0..1000 {
        rig.send("app", n, 10).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(rig.ledger.snapshot().destination("out.0").unwrap().queue_bytes < 40_000);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rig.distinct(1), 10_000);
    let view = rig.ledger.snapshot().destination("out.0").unwrap().clone();
    assert_eq!(view.counts.accepted, 10_000);
    assert!(view.counts.dropped["overflow"] > 0);
    assert!(view.oldest_unsent_seconds.unwrap() > 1.0);
    assert_balanced(&rig);
}

#[tokio::test(start_paused = true)]
async fn the_only_destination_makes_the_receiver_wait_instead_of_dropping() {
    let shape = Shape { queue_bytes: Some(5_000), ..Shape::default() };
    let rig =
        Rig::start(shape, [Script::until(Duration::from_secs(60), Outcome::retry("503"), Outcome::Sent)]);
    let started = tokio::time::Instant::now();
    for n in 0..300 {
        rig.send("app", n, 10).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(started.elapsed() > Duration::from_secs(60), "the queue never filled");
    let summary = rig.shutdown(Duration::from_secs(60)).await;
    assert_eq!(summary.lost, 0);
    assert_eq!(rig.distinct(0), 3000);
    assert_eq!(rig.received(0).len(), 3000);
}

/// The first has a disk and so the more room; that is no reason to drop what the second cannot hold, since the
/// first would not deliver sooner.
#[tokio::test(start_paused = true)]
async fn where_no_destination_keeps_up_the_receiver_waits_even_if_one_has_room() {
    let files = tempfile::tempdir().unwrap();
    let folder = files.path().join("queue");
    let disk = DiskQueue { folder, quota_bytes: 64 << 20, sync: DiskSync::Never };
    let shape = Shape { queue_bytes: Some(5_000), disk: Some(disk), ..Shape::default() };
    let down = || Script::always(Outcome::retry("503"));
    let rig = Rig::start(shape, [down(), down()]);
    let send_all = async {
        for n in 0..300 {
            rig.send("app", n, 10).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), send_all).await.is_err(), "nobody waited");
    for name in ["out.0", "out.1"] {
        let dropped = rig.ledger.snapshot().destination(name).unwrap().counts.dropped.clone();
        assert!(dropped.is_empty(), "{name}: {dropped:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn overflow_policies_drop_what_they_say() {
    for (overflow, kept) in [(Overflow::DropOldest, 99), (Overflow::DropNewest, 0)] {
        let shape = Shape { queue_bytes: Some(3_000), overflow, concurrency: 1, ..Shape::default() };
        let rig = Rig::start(
            shape,
            [Script::until(Duration::from_secs(200), Outcome::retry("503"), Outcome::Sent)],
        );
        for n in 0..100 {
            rig.send("app", n, 10).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1100)).await;
        }
        let summary = rig.shutdown(Duration::from_secs(400)).await;
        assert_eq!(summary.lost, 0);
        let view = summary.ledger.destination("out.0").unwrap().counts.clone();
        assert!(view.dropped["overflow"] > 100 && view.delivered > 10, "{overflow:?}: {view:?}");
        assert!(rig.received(0).contains(&(kept * 1000)), "{overflow:?} lost batch {kept}");
    }
}

#[tokio::test(start_paused = true)]
async fn rejected_records_are_counted_and_the_rest_delivered() {
    let rejected = Outcome::Rejected { records: 4, reason: "too old".into() };
    let rig = Rig::start(Shape::default(), [Script::first(vec![rejected], Outcome::Sent)]);
    rig.send("app", 0, 10).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let counts = rig.ledger.snapshot().destination("out.0").unwrap().counts.clone();
    assert_eq!((counts.delivered, counts.dropped["rejected"]), (6, 4));
    assert_balanced(&rig);
}

#[tokio::test(start_paused = true)]
async fn a_payload_too_large_is_halved_until_it_fits() {
    let rig = Rig::start(Shape::default(), [Script::at_most(3)]);
    rig.send("app", 0, 10).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rig.distinct(0), 10);
    assert_eq!(rig.received(0).len(), 10);
    assert_balanced(&rig);

    let rig = Rig::start(Shape::default(), [Script::at_most(0)]);
    rig.send("app", 0, 10).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let counts = rig.ledger.snapshot().destination("out.0").unwrap().counts.clone();
    assert_eq!(counts.dropped["too_large"], 10);
}

#[tokio::test(start_paused = true)]
async fn a_retry_limit_that_was_written_is_kept() {
    let retry = Retry { limit: Some(2), base: Duration::from_millis(10), ..Retry::default() };
    let rig = Rig::start(Shape { retry, ..Shape::default() }, [Script::always(Outcome::retry("503"))]);
    rig.send("app", 0, 5).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let counts = rig.ledger.snapshot().destination("out.0").unwrap().counts.clone();
    assert_eq!((counts.dropped["retries_exhausted"], counts.retries, counts.retries_failed), (5, 2, 1));
    assert_balanced(&rig);
}

#[tokio::test(start_paused = true)]
async fn an_old_payload_expires() {
    let retry = Retry { max_age: Some(Duration::from_secs(60)), ..Retry::default() };
    let rig = Rig::start(Shape { retry, ..Shape::default() }, [Script::always(Outcome::retry("503"))]);
    rig.send("app", 0, 5).await.unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let counts = rig.ledger.snapshot().destination("out.0").unwrap().counts.clone();
    assert_eq!(counts.dropped["expired"], 5);
}

#[tokio::test(start_paused = true)]
async fn tags_lead_to_their_destinations() {
    let shape = Shape { matching: vec!["web*".into(), "*".into()], ..Shape::default() };
    let rig = Rig::start(shape, [Script::always(Outcome::Sent), Script::always(Outcome::Sent)]);
    rig.send("web-1", 0, 2).await.unwrap();
    rig.send("db-1", 1, 3).await.unwrap();
    let summary = rig.shutdown(Duration::from_secs(5)).await;
    assert_eq!((rig.received(0).len(), rig.received(1).len()), (2, 5));
    assert_eq!(summary.ledger.intake.routed, 5);
}

#[tokio::test(start_paused = true)]
async fn what_no_route_takes_is_counted() {
    let shape = Shape { matching: vec!["web*".into()], ..Shape::default() };
    let rig = Rig::start(shape, [Script::always(Outcome::Sent)]);
    rig.send("db-1", 0, 3).await.unwrap();
    assert_eq!(rig.ledger.snapshot().intake.dropped["unmatched"], 3);
    assert_balanced(&rig);
}

#[tokio::test(start_paused = true)]
async fn a_delivered_ack_waits_for_every_destination() {
    let shape = Shape { ack: Ack::Delivered, ..Shape::default() };
    let outcomes = vec![Outcome::retry("503"); 5];
    let rig = Rig::start(shape, [Script::always(Outcome::Sent), Script::first(outcomes, Outcome::Sent)]);
    let started = tokio::time::Instant::now();
    rig.send("app", 0, 5).await.unwrap();
    assert!(started.elapsed() > Duration::from_secs(5));
    assert_eq!((rig.received(0).len(), rig.received(1).len()), (5, 5));
}

#[tokio::test(start_paused = true)]
async fn a_delivered_ack_is_refused_when_a_record_was_lost() {
    let shape = Shape { ack: Ack::Delivered, ..Shape::default() };
    let rejected = Outcome::Rejected { records: 1, reason: "no".into() };
    let rig =
        Rig::start(shape, [Script::always(Outcome::Sent), Script::first(vec![rejected], Outcome::Sent)]);
    assert!(rig.send("app", 0, 5).await.is_err());
    assert!(rig.send("app", 1, 5).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_runs_out_of_time_says_what_is_left() {
    let rig = Rig::start(Shape::default(), [Script::hang(), Script::always(Outcome::Sent)]);
    for n in 0..10 {
        rig.send("app", n, 10).await.unwrap();
    }
    let started = tokio::time::Instant::now();
    let summary = rig.shutdown(Duration::from_secs(10)).await;
    assert!(started.elapsed() < Duration::from_secs(12), "took {:?}", started.elapsed());
    assert_eq!(summary.lost, 100);
    assert_eq!(rig.received(1).len(), 100);
    assert_eq!(summary.ledger.destination("out.0").unwrap().counts.dropped["shutdown"], 100);
    assert!(summary.ledger.balances());
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_out_a_long_backoff() {
    let wait = Outcome::Retry { after: Some(Duration::from_secs(300)), reason: "429".into() };
    let rig = Rig::start(Shape::default(), [Script::first(vec![wait], Outcome::Sent)]);
    rig.send("app", 0, 10).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let summary = rig.shutdown(Duration::from_secs(10)).await;
    assert_eq!(summary.lost, 0);
    assert!(summary.took < Duration::from_secs(3), "took {:?}", summary.took);
}

#[tokio::test(start_paused = true)]
async fn held_records_are_let_go_by_the_clock_and_at_the_end() {
    let rig = Rig::start(Shape { hold: true, ..Shape::default() }, [Script::always(Outcome::Sent)]);
    rig.send("app", 0, 5).await.unwrap();
    assert_eq!(rig.ledger.snapshot().intake.held, 5);
    assert_balanced(&rig);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(rig.received(0).len(), 5);
    rig.send("app", 1, 5).await.unwrap();
    let summary = rig.shutdown(Duration::from_secs(5)).await;
    assert_eq!(rig.received(0).len(), 10);
    assert_eq!((summary.lost, summary.ledger.intake.held), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_loop_of_restarts_ends() {
    let rig = Rig::start(Shape { restart: true, ..Shape::default() }, [Script::always(Outcome::Sent)]);
    rig.send("app", 0, 5).await.unwrap();
    assert_eq!(rig.ledger.snapshot().intake.dropped["loop"], 5);
    assert_balanced(&rig);
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_the_receiver_and_loses_nothing() {
    let mut rig = Rig::start(Shape::default(), [Script::always(Outcome::Sent)]);
    rig.send("app", 0, 10).await.unwrap();
    rig.reload(Shape::default(), [Script::always(Outcome::Sent)]).await;
    rig.send("app", 1, 10).await.unwrap();
    let summary = rig.shutdown(Duration::from_secs(5)).await;
    assert_eq!(rig.distinct(0), 20);
    assert_eq!(rig.received(0).len(), 20);
    assert_eq!(summary.ledger.destination("out.0").unwrap().counts.delivered, 20);
    assert!(summary.ledger.balances());
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_fails_or_panics_is_started_again() {
    let rig = Rig::start(Shape { receiver_fails: 3, ..Shape::default() }, [Script::always(Outcome::Sent)]);
    let down = || rig.ledger.snapshot().receivers.iter().any(|(_, counts)| counts.down);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(down());
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.send("app", 0, 1).await.unwrap();
    assert!(!down());
    let summary = rig.shutdown(Duration::from_secs(5)).await;
    assert_eq!(summary.ledger.destination("out.0").unwrap().counts.delivered, 1);
}

fn on_disk(folder: &tempfile::TempDir) -> Option<DiskQueue> {
    let folder = folder.path().join("queue");
    Some(DiskQueue { folder, quota_bytes: 10 << 20, sync: DiskSync::Never })
}

#[tokio::test(start_paused = true)]
async fn an_outage_longer_than_memory_loses_nothing_with_a_disk() {
    let folder = tempfile::tempdir().unwrap();
    let shape = Shape { queue_bytes: Some(5_000), disk: on_disk(&folder), ..Shape::default() };
    let rig =
        Rig::start(shape, [Script::until(Duration::from_secs(60), Outcome::retry("503"), Outcome::Sent)]);
    let started = tokio::time::Instant::now();
    for n in 0..300 {
        rig.send("app", n, 10).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(rig.ledger.snapshot().destination("out.0").unwrap().queue_bytes < 10_000);
    }
    assert!(started.elapsed() < Duration::from_secs(10), "the receiver had to wait");
    assert!(rig.ledger.snapshot().destination("out.0").unwrap().disk_bytes > 5_000);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!((rig.distinct(0), rig.received(0).len()), (3000, 3000));
    assert_balanced(&rig);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_at_the_end_is_sent_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let shape = Shape { disk: on_disk(&folder), ..Shape::default() };
    let rig = Rig::start(shape.clone(), [Script::hang()]);
    for n in 0..20 {
        rig.send("app", n, 10).await.unwrap();
    }
    let summary = rig.shutdown(Duration::from_secs(5)).await;
    assert_eq!((summary.lost, summary.on_disk), (0, 200));
    assert!(summary.ledger.balances());

    let next = Rig::start(shape, [Script::always(Outcome::Sent)]);
    let summary = next.shutdown(Duration::from_secs(5)).await;
    assert_eq!((summary.lost, summary.on_disk), (0, 0));
    assert_eq!((next.distinct(0), next.received(0).len()), (200, 200));
    assert_eq!(summary.ledger.destination("out.0").unwrap().counts.recovered, 200);
    assert!(summary.ledger.balances());
}

#[tokio::test(start_paused = true)]
async fn a_durable_ack_does_not_wait_for_a_destination_that_is_down() {
    let folder = tempfile::tempdir().unwrap();
    for sync in [DiskSync::Always, DiskSync::Interval, DiskSync::Never] {
        let disk = on_disk(&folder).map(|disk| DiskQueue {
            sync,
            folder: disk.folder.join(format!("{sync:?}")),
            ..disk
        });
        let shape = Shape { ack: Ack::Durable, disk: disk.clone(), ..Shape::default() };
        let rig = Rig::start(shape.clone(), [Script::hang()]);
        let started = tokio::time::Instant::now();
        rig.send("app", 0, 7).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(2), "{sync:?}: {:?}", started.elapsed());
        // As kill -9 would: nothing is drained or closed; only the lock is given up.
        let files = tempfile::tempdir().unwrap();
        copy(&disk.unwrap().folder, files.path());
        let left = DiskQueue { folder: files.path().to_owned(), quota_bytes: 1 << 20, sync };
        let next = Rig::start(Shape { disk: Some(left), ..shape }, [Script::always(Outcome::Sent)]);
        next.shutdown(Duration::from_secs(5)).await;
        assert_eq!(next.received(0).len(), 7, "{sync:?}");
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_cannot_be_used_costs_nothing_but_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let disk = Some(DiskQueue { folder: file.join("queue"), quota_bytes: 1 << 20, sync: DiskSync::Never });
    let shape = Shape { queue_bytes: Some(5_000), disk, ..Shape::default() };
    let rig =
        Rig::start(shape, [Script::until(Duration::from_secs(60), Outcome::retry("503"), Outcome::Sent)]);
    for n in 0..300 {
        rig.send("app", n, 10).await.unwrap();
    }
    let summary = rig.shutdown(Duration::from_secs(100)).await;
    assert_eq!((rig.distinct(0), rig.received(0).len(), summary.lost), (3000, 3000, 0));
}

#[tokio::test(start_paused = true)]
async fn a_reload_hands_the_queue_over() {
    let folder = tempfile::tempdir().unwrap();
    let shape = Shape { disk: on_disk(&folder), ..Shape::default() };
    let mut rig = Rig::start(shape.clone(), [Script::always(Outcome::retry("503"))]);
    for n in 0..20 {
        rig.send("app", n, 10).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    rig.reload(shape, [Script::always(Outcome::Sent)]).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((rig.distinct(0), rig.received(0).len()), (200, 200));
    assert_balanced(&rig);
}

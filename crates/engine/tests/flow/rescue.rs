//! What becomes of payloads that could not be delivered the usual way: dead letters, panics, the lifeboat.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use config::topology::{DeadLetters, DiskQueue, DiskSync, Retry};
use engine::lifeboat::{Cargo, Lifeboat};
use engine::replay::{Fate, Letters};
use engine::watchdog::Watchdog;
use engine::{Ack, Lost, Outcome, Payload};
use model::{Batch, LogRecord, Value};

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
    assert_balanced(&rig);
    drop(rig);

    let mut letters = Letters::open(&folder.path().join("dead")).unwrap();
    let mut found = letters.take(1 << 20);
    assert_eq!((found.len(), &*found[0].note), (1, "rejected: "));
    let letter = found.remove(0);
    let again = Rig::start(Shape::default(), [Script::always(Outcome::Sent)]);
    assert!(matches!(again.replay(vec![letter.payload]).await.fates().await[..], [Fate::Settled]));
    assert_eq!((again.distinct(0), again.received(0).len()), (10, 10));
    letters.done(letter.place).unwrap();
    drop(letters);
    assert!(Letters::open(&folder.path().join("dead")).unwrap().take(1 << 20).is_empty());
}

/// A lifeboat in memory that takes so many objects, each after a while.
struct Boat {
    room: usize,
    wait: Duration,
    objects: Mutex<Vec<Cargo>>,
}

impl Boat {
    fn new(room: usize, wait: Duration) -> Arc<Boat> {
        Arc::new(Boat { room, wait, objects: Mutex::default() })
    }

    fn payloads(&self) -> Vec<Payload> {
        let objects = self.objects.lock().unwrap();
        objects.iter().flat_map(|cargo| Cargo::unpack(cargo.object.clone()).unwrap().payloads).collect()
    }
}

impl Lifeboat for Boat {
    fn origin(&self) -> &str {
        "a test"
    }

    fn save<'a>(&'a self, cargo: &'a Cargo) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            tokio::time::sleep(self.wait).await;
            let mut objects = self.objects.lock().unwrap();
            if objects.len() == self.room {
                return Err("full".into());
            }
            objects.push(cargo.clone());
            Ok(())
        })
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_destination_took_is_in_the_lifeboat_and_is_sent_from_there() {
    for down in [Script::hang(), Script::always(Outcome::retry("503"))] {
        let boat = Boat::new(10, Duration::from_secs(1));
        let rig = Rig::start(Shape::default(), [down, Script::always(Outcome::Sent)]);
        rig.set_lifeboat(boat.clone()).await;
        for n in 0..30 {
            rig.send("app", n, 10).await.unwrap();
        }
        let summary = rig.shutdown(Duration::from_secs(10)).await;
        assert_eq!((summary.lost, summary.on_disk, summary.saved), (0, 0, 300));
        assert!(summary.took <= Duration::from_secs(10), "{:?}", summary.took);
        assert_balanced(&rig);
        assert_eq!(boat.objects.lock().unwrap()[0].manifest.kind, "scripted");

        let outcomes = vec![Outcome::retry("503")];
        let again = Rig::start(Shape::default(), [Script::first(outcomes, Outcome::Sent)]);
        let fates = again.replay(boat.payloads()).await.fates().await;
        assert!(fates.iter().all(|fate| matches!(fate, Fate::Settled)), "{fates:?}");
        assert_eq!((again.distinct(0), again.received(0).len()), (300, 300));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_lifeboat_does_not_take_is_lost_and_counted() {
    for boat in [Boat::new(0, Duration::ZERO), Boat::new(1, Duration::from_secs(60))] {
        let rig = Rig::start(Shape::default(), [Script::hang()]);
        rig.set_lifeboat(boat).await;
        rig.send("app", 0, 10).await.unwrap();
        let summary = rig.shutdown(Duration::from_secs(10)).await;
        assert_eq!((summary.lost, summary.saved), (10, 0));
        assert!(summary.took < Duration::from_secs(11), "{:?}", summary.took);
        assert_balanced(&rig);
    }
}

#[tokio::test(start_paused = true)]
async fn a_replayed_payload_that_is_refused_is_not_settled_unless_a_part_of_it_arrived() {
    let partly = Outcome::Rejected { records: 4, reason: String::new() };
    let wholly = Outcome::Rejected { records: 5, reason: String::new() };
    let shape = Shape { concurrency: 1, ..Shape::default() };
    let rig = Rig::start(shape, [Script::first(vec![partly, wholly], Outcome::Sent)]);
    let payload = || Payload::new(vec![0; 40], "", 5, 40);
    let fates = rig.replay(vec![payload(), payload(), payload()]).await.fates().await;
    assert!(matches!(fates[..], [Fate::Settled, Fate::Left, Fate::Settled]), "{fates:?}");
    assert_balanced(&rig);
}

fn numbered(numbers: std::ops::Range<u64>) -> Payload {
    let body: Vec<u8> = numbers.clone().flat_map(u64::to_le_bytes).collect();
    let bytes = body.len() as u64;
    Payload::new(body, "", numbers.end - numbers.start, bytes)
}

#[tokio::test(start_paused = true)]
async fn of_a_replayed_payload_that_is_split_only_the_half_that_was_refused_is_left() {
    let refused = Outcome::Rejected { records: 5, reason: "400".into() };
    let shape = Shape { concurrency: 1, ..Shape::default() };
    let rig = Rig::start(shape, [Script::split(5, vec![Outcome::Sent, refused], Outcome::Sent)]);
    let mut fates = rig.replay(vec![numbered(0..10), numbered(10..15)]).await.fates().await;
    assert!(matches!(fates[..], [Fate::Parts(_), Fate::Settled]), "{fates:?}");
    let Fate::Parts(parts) = fates.remove(0) else { unreachable!() };
    assert_eq!(parts.iter().map(|part| part.records).collect::<Vec<_>>(), [5]);
    let again = Rig::start(Shape::default(), [Script::always(Outcome::Sent)]);
    assert!(matches!(again.replay(parts).await.fates().await[..], [Fate::Settled]));
    assert_eq!(again.received(0), [5, 6, 7, 8, 9]);
    assert_balanced(&rig);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_only_the_half_that_was_not_delivered_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let disk = DiskQueue { folder: folder.path().join("q"), quota_bytes: 1 << 20, sync: DiskSync::Always };
    let shape = || Shape { disk: Some(disk.clone()), ack: Ack::Durable, concurrency: 1, ..Shape::default() };
    let script = Script::split(5, vec![Outcome::Sent], Outcome::retry("503"));
    let rig = Rig::start(shape(), [script]);
    rig.send("app", 0, 10).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let summary = rig.shutdown(Duration::from_secs(1)).await;
    assert_eq!((summary.on_disk, rig.received(0)), (5, vec![0, 1, 2, 3, 4]));
    let next = Rig::start(shape(), [Script::always(Outcome::Sent)]);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(next.received(0), [5, 6, 7, 8, 9]);
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_is_called_back_ends_and_says_what_it_delivered() {
    let rig = Rig::start(
        Shape { concurrency: 1, ..Shape::default() },
        [Script::first(
            vec![Outcome::Sent],
            Outcome::Retry { after: Some(Duration::from_secs(3_600)), reason: "429".into() },
        )],
    );
    let mut sending = rig.replay(vec![numbered(0..5), numbered(5..10), numbered(10..15)]).await;
    let early = tokio::time::timeout(Duration::from_secs(60), sending.fates()).await;
    assert!(early.is_err(), "{early:?} while the destination refuses");
    let mut sending = rig.replay(vec![numbered(20..25)]).await;
    sending.recall();
    let fates = tokio::time::timeout(Duration::from_secs(7_200), sending.fates()).await;
    assert!(matches!(fates.unwrap()[..], [Fate::Left]));
    assert_eq!(rig.received(0), [0, 1, 2, 3, 4]);
    assert_balanced(&rig);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_try_that_blocks_its_thread_is_reported_and_its_payload_goes_on_without_it() {
    let _watchdog = Watchdog::start(tokio::runtime::Handle::current());
    let (release, until) = std::sync::mpsc::channel();
    let shape = Shape { concurrency: 1, timeout: Duration::from_millis(50), ..Shape::default() };
    let rig = Rig::start(shape, [Script::block(until)]);
    for n in 0..3 {
        rig.send("app", n, 10).await.unwrap();
    }
    let arrived = async {
        while rig.distinct(0) < 30 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), arrived).await.expect("another task sends it");
    let view = rig.ledger.snapshot().destination("out.0").unwrap().clone();
    assert_eq!((view.counts.retries, rig.received(0).len()), (1, 30));
    assert_balanced(&rig);
    drop(release);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_blocked_try_holds_at_the_end_is_saved() {
    let _watchdog = Watchdog::start(tokio::runtime::Handle::current());
    let (release, until) = std::sync::mpsc::channel();
    let boat = Boat::new(10, Duration::ZERO);
    let rig = Rig::start(Shape { concurrency: 1, ..Shape::default() }, [Script::block(until)]);
    rig.set_lifeboat(boat.clone()).await;
    rig.send("app", 0, 10).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let summary = rig.shutdown(Duration::from_secs(4)).await;
    assert_eq!((summary.saved, summary.lost), (10, 0));
    assert_balanced(&rig);
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn what_a_retired_destination_still_has_at_the_end_is_in_the_lifeboat() {
    let boat = Boat::new(10, Duration::ZERO);
    let mut rig = Rig::start(Shape::default(), [Script::always(Outcome::retry("503"))]);
    rig.set_lifeboat(boat.clone()).await;
    rig.send("app", 0, 10).await.unwrap();
    rig.reload(Shape { name: "new", ..Shape::default() }, [Script::always(Outcome::Sent)]).await;
    rig.send("app", 1, 10).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let summary = rig.shutdown(Duration::from_secs(10)).await;
    assert_eq!((summary.saved, summary.lost, summary.on_disk), (10, 0, 0));
    assert_eq!(summary.ledger.destination("new").unwrap().counts.delivered, 10);
    assert_eq!(boat.objects.lock().unwrap()[0].manifest.destination, "out.0");
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

/// Numbers from 0, and in place of the middle one what the step `double` and the encoder panic over.
fn poisoned(records: i64) -> Batch {
    let mut batch = Batch::new("app".into(), Vec::new());
    for number in 0..records {
        let body = if number == records / 2 { Value::Bool(true) } else { Value::Int(number) };
        batch.logs.push(LogRecord::new(1, body));
    }
    batch
}

#[tokio::test(start_paused = true)]
async fn a_step_that_panics_loses_one_batch_and_says_so() {
    let shape = Shape { double: true, ack: Ack::Delivered, ..Shape::default() };
    let rig = Rig::start(shape, [Script::always(Outcome::Sent)]);
    rig.send("app", 1, 11).await.unwrap();
    assert_eq!(rig.send_batch(poisoned(20)).await, Err(Lost));
    rig.send("app", 2, 11).await.unwrap();
    assert_eq!(rig.distinct(0), 20, "all but the first of each batch, which the step filters");
    let snapshot = rig.ledger.snapshot();
    assert_eq!(snapshot.intake.dropped["bug"], 20);
    assert_balanced(&rig);
}

#[tokio::test(start_paused = true)]
async fn an_encoder_that_panics_loses_what_it_had_open_and_says_so() {
    let shape = Shape { ack: Ack::Delivered, ..Shape::default() };
    let rig = Rig::start(shape, [Script::always(Outcome::Sent), Script::always(Outcome::Sent)]);
    rig.send("app", 1, 10).await.unwrap();
    // Of 120, 50 were sealed before.
    assert_eq!(rig.send_batch(poisoned(120)).await, Err(Lost));
    rig.send("app", 2, 10).await.unwrap();
    for place in 0..2 {
        assert_eq!(rig.distinct(place), 70);
        let counts = rig.ledger.snapshot().destination(&format!("out.{place}")).unwrap().counts.clone();
        assert_eq!((counts.dropped["bug"], counts.waiting()), (70, 0));
    }
    assert_balanced(&rig);
}

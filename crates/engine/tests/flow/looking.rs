//! What somebody sees who looks at a place: the records before and after it, and nothing while nobody looks.

use std::time::Duration;

use engine::{Border, Outcome};
use serde_json::Value;

use crate::support::{Rig, Script, Shape};

/// The numbers before and after a place.
fn look(rig: &Rig, border: Border, id: &str) -> (Vec<i64>, Vec<i64>) {
    let samples = rig.ledger.taps().look(border, id);
    let numbers = |texts: &[String]| {
        let bodies =
            texts.iter().map(|text| serde_json::from_str::<Value>(text).expect("JSON")["body"].as_i64());
        bodies.map(|body| body.expect("a number")).collect::<Vec<_>>()
    };
    (numbers(&samples.before), numbers(&samples.after))
}

#[tokio::test(start_paused = true)]
async fn a_step_that_changes_records_shows_them_before_and_after() {
    let shape = Shape { double: true, ..Shape::default() };
    let rig = Rig::start(shape, [Script::always(Outcome::Sent)]);
    rig.send("app", 0, 3).await.unwrap();
    assert_eq!(look(&rig, Border::Step, "double"), (vec![], vec![]));

    rig.send("app", 10, 3).await.unwrap();
    let seen = (vec![10_000, 10_001, 10_002], vec![20_002, 20_004]);
    assert_eq!(look(&rig, Border::Step, "double"), seen);
}

#[tokio::test(start_paused = true)]
async fn receivers_and_destinations_show_what_they_hand_on() {
    let shape = Shape { double: true, ..Shape::default() };
    let rig = Rig::start(shape, [Script::always(Outcome::Sent), Script::always(Outcome::Sent)]);
    for (border, id) in [(Border::Receiver, "in.0"), (Border::Destination, "out.0")] {
        assert_eq!(look(&rig, border, id), (vec![], vec![]));
    }
    rig.send("app", 1, 9).await.unwrap();
    let (none, received) = look(&rig, Border::Receiver, "in.0");
    assert_eq!((none.len(), received.len()), (0, 5), "at most five of a batch");
    let samples = rig.ledger.taps().look(Border::Destination, "out.0");
    assert_eq!((samples.before.len(), samples.after.len()), (5, 0), "nothing is sealed yet");

    tokio::time::sleep(Duration::from_secs(2)).await;
    let samples = rig.ledger.taps().look(Border::Destination, "out.0");
    assert_eq!(samples.after.len(), 1, "one request");
    assert_eq!(rig.received(0).len(), 8);
    // A receiver of that name is another place, and nobody looked at the second destination.
    assert_eq!(look(&rig, Border::Receiver, "out.0"), (vec![], vec![]));
    assert_eq!(look(&rig, Border::Destination, "out.1"), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn what_a_step_held_back_shows_once_it_lets_go() {
    let rig = Rig::start(Shape { hold: true, ..Shape::default() }, [Script::always(Outcome::Sent)]);
    look(&rig, Border::Step, "hold");
    rig.send("app", 0, 2).await.unwrap();
    let (before, after) = look(&rig, Border::Step, "hold");
    assert_eq!((before.len(), after.len()), (2, 0));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (_, after) = look(&rig, Border::Step, "hold");
    assert_eq!(after, before);
}

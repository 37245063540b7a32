//! Acknowledgements that take a while: records in the net stay unsettled until a test lets go of them.

use model::Batch;
use tokio::time::timeout;

use super::*;

/// A message whose sender wants an answer.
fn chunk(text: &str) -> Vec<u8> {
    let mut out = message(text);
    out[0] = 0x94;
    write::map(1, &mut out);
    write::str(b"chunk", &mut out);
    write::str(text.as_bytes(), &mut out);
    out
}

fn reply(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write::map(1, &mut out);
    write::str(b"ack", &mut out);
    write::str(text.as_bytes(), &mut out);
    out
}

fn delivered() -> Running {
    start_tcp(Setting::map().with("ack", "delivered"))
}

async fn caught(running: &Running) -> Batch {
    running.catch.records(1).await.remove(0)
}

/// Nothing may come, which only time can show; long enough for a busy machine to have sent it.
async fn is_silent(stream: &mut TcpStream) -> bool {
    timeout(Duration::from_millis(100), stream.read(&mut [0; 64])).await.is_err()
}

#[tokio::test]
async fn reading_goes_on_while_a_batch_is_on_its_way_and_answers_keep_their_order() {
    let running = delivered();
    let mut stream = running.connect().await;
    stream.write_all(&chunk("one")).await.unwrap();
    let one = caught(&running).await;
    stream.write_all(&chunk("two")).await.unwrap();
    let two = caught(&running).await;
    drop(two);
    assert!(is_silent(&mut stream).await, "the first is not delivered yet");
    drop(one);
    read_exactly(&mut stream, &[reply("one"), reply("two")].concat()).await;
}

#[tokio::test]
async fn what_is_lost_is_not_answered_and_may_come_again() {
    for ack in ["durable", "delivered"] {
        let running = start_tcp(Setting::map().with("ack", ack));
        let mut stream = running.connect().await;
        stream.write_all(&chunk("lost")).await.unwrap();
        let lost = caught(&running).await;
        stream.write_all(&chunk("kept")).await.unwrap();
        let kept = caught(&running).await;
        lost.token.lose();
        drop((lost, kept));
        read_exactly(&mut stream, &reply("kept")).await;
        let mut again = running.connect().await;
        again.write_all(&chunk("lost")).await.unwrap();
        drop(caught(&running).await);
        read_exactly(&mut again, &reply("lost")).await;
    }
}

#[tokio::test]
async fn a_chunk_that_comes_again_before_its_answer_is_taken_once() {
    let running = delivered();
    let mut first = running.connect().await;
    first.write_all(&chunk("same")).await.unwrap();
    let held = caught(&running).await;
    // Its sender has lost patience and comes again.
    let mut second = running.connect().await;
    second.write_all(&chunk("same")).await.unwrap();
    assert!(is_silent(&mut second).await, "not delivered yet");
    drop(first);
    drop(held);
    read_exactly(&mut second, &reply("same")).await;
    assert!(running.catch.take().is_empty());
}

#[tokio::test]
async fn a_chunk_that_comes_again_is_not_answered_when_the_first_is_lost() {
    let running = delivered();
    let mut first = running.connect().await;
    first.write_all(&chunk("same")).await.unwrap();
    let held = caught(&running).await;
    let mut second = running.connect().await;
    second.write_all(&chunk("same")).await.unwrap();
    assert!(is_silent(&mut second).await);
    held.token.lose();
    drop(held);
    assert!(is_silent(&mut second).await && is_silent(&mut first).await);
    let mut third = running.connect().await;
    third.write_all(&chunk("same")).await.unwrap();
    drop(caught(&running).await);
    read_exactly(&mut third, &reply("same")).await;
}

#[tokio::test]
async fn no_more_than_a_few_are_on_their_way() {
    let running = delivered();
    let mut stream = running.connect().await;
    let mut held = Vec::new();
    for n in 0..16u32 {
        stream.write_all(&chunk(&n.to_string())).await.unwrap();
        held.push(caught(&running).await);
    }
    stream.write_all(&chunk("more")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(running.catch.take().is_empty(), "nothing is read");
    drop(held.remove(0));
    read_exactly(&mut stream, &reply("0")).await;
    caught(&running).await;
}

#[tokio::test]
async fn what_is_on_its_way_is_seen_through_when_its_sender_leaves() {
    let running = delivered();
    let mut stream = running.connect().await;
    stream.write_all(&chunk("last")).await.unwrap();
    let held = caught(&running).await;
    drop(stream);
    running.phase.send_replace(Phase::Draining);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(!running.task.is_finished(), "the receiver waits for it");
    drop(held);
    running.task.await.unwrap().unwrap();
}

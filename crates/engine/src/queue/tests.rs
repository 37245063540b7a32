//! Queues in memory and with a disk behind them.

use super::*;

fn payload(size: usize) -> Payload {
    Payload::new(vec![0u8; size], "r", 1, size as u64)
}

fn queue(capacity: u64) -> Queue {
    Queue::new(capacity, Arc::new(Notify::new()))
}

async fn next(queue: &Queue) -> Payload {
    queue.pop().await.unwrap().unwrap()
}

fn records(gone: &[Gone]) -> u64 {
    gone.iter().map(|gone| gone.records).sum()
}

#[tokio::test]
async fn bytes_are_free_only_when_settled() {
    let queue = queue(1000);
    queue.push(payload(600)).unwrap();
    queue.push(payload(600)).unwrap();
    assert!(queue.is_full());
    let first = next(&queue).await;
    assert!(queue.is_full());
    queue.release(&first);
    assert!(!queue.is_full());
}

#[tokio::test]
async fn the_oldest_goes_first_and_is_evicted_first() {
    let queue = queue(2000);
    for size in [500, 600, 700, 800] {
        queue.push(payload(size)).unwrap();
    }
    assert_eq!(records(&queue.evict()), 2);
    assert!(!queue.is_full());
    assert_eq!(next(&queue).await.raw_bytes, 700);
}

#[tokio::test]
async fn parts_take_the_place_of_the_whole() {
    let queue = queue(10_000);
    queue.push(payload(1000)).unwrap();
    queue.push(payload(1)).unwrap();
    let whole = next(&queue).await;
    queue.replace(whole, vec![payload(499), payload(501)], false);
    for expected in [499, 501, 1] {
        let part = next(&queue).await;
        assert_eq!(part.raw_bytes, expected);
        queue.release(&part);
    }
    assert_eq!(queue.bytes(), 0);
    assert!(queue.is_idle());
    assert_eq!(queue.oldest(), None);
}

#[tokio::test]
async fn closing_ends_the_readers_and_says_what_is_lost() {
    let queue = Arc::new(queue(1000));
    let reader = tokio::spawn({
        let queue = queue.clone();
        async move { queue.pop().await.is_none() }
    });
    tokio::task::yield_now().await;
    assert_eq!(queue.close(), 0);
    assert!(reader.await.unwrap());
    queue.push(payload(10)).unwrap();
    assert!(queue.pop().await.is_none());
    assert_eq!(queue.close(), 1);
}

#[tokio::test]
async fn what_memory_cannot_hold_goes_to_disk_and_comes_back_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(3000);
    queue.attach(&folder.path().join("q"), 1 << 20).unwrap();
    for size in 1..=20 {
        queue.push(payload(size * 100)).unwrap();
    }
    assert!(queue.bytes() < 4000 && !queue.is_full());
    assert!(queue.disk().unwrap().0 > 15_000);
    for size in 1..=20 {
        let taken = next(&queue).await;
        assert_eq!(taken.raw_bytes, size * 100);
        queue.release(&taken);
    }
    assert!(queue.is_idle());
    drop(queue);
    assert_eq!(self::queue(1).attach(&folder.path().join("q"), 1 << 20).unwrap().payloads, 0);
}

#[tokio::test]
async fn memory_and_disk_full_is_full_and_evicts_from_both() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(1000);
    queue.attach(&folder.path().join("q"), 5000).unwrap();
    let mut refused = 0;
    for _ in 0..20 {
        refused += u32::from(queue.push(payload(900)).is_err());
    }
    assert!(queue.is_full() && refused > 0);
    assert!(queue.disk().unwrap().0 <= 5000);
    assert!(records(&queue.evict()) > 0);
    assert!(!queue.is_full());
}

#[tokio::test]
async fn closing_leaves_everything_on_disk_for_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(1 << 20);
    queue.attach(&folder.path().join("q"), 1 << 20).unwrap();
    for size in [100, 200, 300] {
        queue.push(payload(size)).unwrap();
    }
    let in_flight = next(&queue).await;
    queue.interrupt(in_flight);
    assert_eq!(queue.close(), 0);
    let next_process = self::queue(1 << 20);
    let recovered = next_process.attach(&folder.path().join("q"), 1 << 20).unwrap();
    assert_eq!((recovered.payloads, recovered.records), (3, 3));
    for size in [100, 200, 300] {
        assert_eq!(next(&next_process).await.raw_bytes, size);
    }
}

/// The disk has no room for the halves, so the whole stays there until both are settled.
#[tokio::test]
async fn parts_that_do_not_fit_on_disk_leave_the_whole_there_until_they_are_settled() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("q");
    let left = || {
        let again = queue(10_000);
        again.attach(&place, 1_500).unwrap().records
    };
    for settled in [1, 2] {
        let queue = queue(10_000);
        queue.attach(&place, 1_500).unwrap();
        let mut whole = if settled == 1 {
            let mut payload = payload(1_000);
            payload.tokens.push(Token::until_durable(Box::new(Nobody)));
            drop(queue.push(payload).unwrap());
            next(&queue).await
        } else {
            next(&queue).await
        };
        whole.records = 1;
        queue.replace(whole, vec![payload(499), payload(501)], false);
        for _ in 0..settled {
            let part = next(&queue).await;
            queue.release(&part);
        }
        drop(queue);
        assert_eq!(left(), u64::from(settled == 1), "{settled} of two parts are settled");
    }
}

struct Nobody;

impl model::Receipt for Nobody {
    fn settle(&self, _: bool) {}
}

#[tokio::test(start_paused = true)]
async fn an_age_is_not_changed_by_a_clock_that_is_set() {
    const HOUR: i64 = 3_600_000_000_000;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("q");
    for jump in [HOUR, -HOUR] {
        clock::JUMP.set(0);
        let queue = queue(100);
        queue.attach(&place, 1 << 20).unwrap();
        queue.push(payload(500)).unwrap();
        queue.push(payload(500)).unwrap();
        tokio::time::advance(Duration::from_secs(10)).await;
        clock::JUMP.set(jump);
        for expected in [10, 10] {
            let payload = next(&queue).await;
            assert_eq!(
                (payload.since.elapsed().as_secs(), queue.oldest().unwrap().elapsed().as_secs()),
                (expected, 10)
            );
            queue.release(&payload);
        }
    }
    clock::JUMP.set(0);
}

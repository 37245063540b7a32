//! Hours that are over go to an object store, once, and are read from there when their files are gone.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{HOUR, NOW, append, flush, read, texts, wait};
use futures_util::TryStreamExt;
use lake::testing::Bucket;
use lake::{Lake, LakeError, Place, Publish, Remote, Settings, Table};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const URL: &str = "s3://bucket/some/prefix";

fn remote(store: &Arc<Bucket>) -> Remote {
    Remote::new(store.clone(), URL).expect("a place")
}

/// A lake that looks for what is ready all the time.
fn settings(folder: &Path, store: &Arc<Bucket>) -> Settings {
    let mut settings = common::settings(folder);
    let publish = Publish { every: Duration::ZERO, ..Publish::new(remote(store)) };
    settings.publish = Some(publish);
    settings
}

fn objects(store: &Arc<Bucket>) -> Vec<ObjectMeta> {
    wait(store.objects.list(None).try_collect()).expect("a listing")
}

fn get(store: &Arc<Bucket>, at: &ObjectPath) -> Bytes {
    wait(async { store.objects.get(at).await?.bytes().await }).expect("an object")
}

fn messages_in(parquet: Bytes) -> Vec<String> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(parquet).expect("Parquet").build().expect("rows");
    reader.flat_map(|rows| texts(&rows.expect("rows"), "message")).collect()
}

fn counted(all: impl Iterator<Item = String>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    all.for_each(|text| *counts.entry(text).or_default() += 1);
    counts
}

/// How often each message is in the store.
fn stored(store: &Arc<Bucket>) -> BTreeMap<String, u64> {
    counted(objects(store).iter().flat_map(|object| messages_in(get(store, &object.location))))
}

/// How often each message is in the lake, wherever its segments are.
fn messages(lake: &Lake, store: &Arc<Bucket>) -> BTreeMap<String, u64> {
    let snapshot = lake.snapshot(Table::Logs);
    let memory = snapshot.memory.iter().flat_map(|rows| texts(rows, "message"));
    let kept = snapshot.segments.iter().flat_map(|segment| match segment.place() {
        Place::File(path) => read(path).iter().flat_map(|rows| texts(rows, "message")).collect(),
        Place::Object(object) => messages_in(get(store, object)),
    });
    counted(memory.chain(kept))
}

/// Ten lines an hour over three hours, the last of which is not over.
fn three_hours(number: u64) -> Vec<(i64, String)> {
    (0..30).map(|line| (NOW - 3 * HOUR + line * HOUR / 10 + 2, format!("{line} of {number}"))).collect()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn expected(numbers: impl Iterator<Item = u64>) -> BTreeMap<String, u64> {
    counted(numbers.flat_map(|number| three_hours(number).into_iter().map(|(_, text)| text)))
}

/// A minute before the end of the third hour.
static CLOCK: AtomicI64 = AtomicI64::new(NOW - HOUR / 60);

fn clock() -> i64 {
    CLOCK.load(Ordering::SeqCst)
}

#[test]
fn hours_that_are_over_go_up_and_the_rest_at_the_end() {
    let (folder, store) = (tempfile::tempdir().expect("a folder"), Arc::new(Bucket::default()));
    let mut settings = settings(folder.path(), &store);
    settings.now = clock;
    let lake = Lake::open(settings.clone()).expect("the lake opens");
    for number in 0..3 {
        append(&lake, number, &three_hours(number)).expect("rows are taken");
        flush(&lake);
    }
    until("two hours of three", || {
        lake.published().is_some_and(|published| published.waiting_rows == 30 && published.error.is_none())
    });
    assert_eq!(stored(&store).len(), 60);
    assert!(objects(&store).len() >= 2);
    for object in objects(&store) {
        let name = object.location.to_string();
        let parts: Vec<&str> = name.split('/').collect();
        let ["some", "prefix", "logs", day, hour, file] = parts[..] else { panic!("{name}") };
        assert!(day.starts_with("day=2023-11-1") && hour.starts_with("hour="), "{name}");
        assert_eq!(file.len(), 16 + 1 + 16 + 8, "{name}");
    }
    wait(lake.publish()).expect("nothing is left");
    assert_eq!(lake.published().expect("it is set up").waiting_rows, 0);
    assert_eq!(stored(&store), expected(0..3), "every row once");
    assert_eq!(messages(&lake, &store), expected(0..3));
    drop(lake);

    // What comes late to an hour that is published makes an object of its own.
    let lake = Lake::open(settings).expect("the lake opens");
    let before = objects(&store);
    append(&lake, 7, &three_hours(7)).expect("rows are taken");
    wait(lake.publish()).expect("nothing is left");
    let whole =
        counted((0..3).chain([7]).flat_map(|number| three_hours(number).into_iter().map(|(_, text)| text)));
    assert_eq!(stored(&store), whole);
    let after: Vec<_> = objects(&store).into_iter().map(|object| object.location).collect();
    assert!(before.iter().all(|object| after.contains(&object.location)), "none is replaced");
}

#[test]
fn a_write_that_failed_is_tried_again_and_doubles_nothing() {
    let (folder, store) = (tempfile::tempdir().expect("a folder"), Arc::new(Bucket::default()));
    store.refuse.store(2, Ordering::SeqCst);
    store.swallow.store(1, Ordering::SeqCst);
    let lake = Lake::open(settings(folder.path(), &store)).expect("the lake opens");
    append(&lake, 0, &three_hours(0)).expect("rows are taken");
    wait(lake.publish()).expect("it tries until nothing is left");
    let published = lake.published().expect("it is set up");
    assert_eq!((published.failures, published.waiting_rows, published.error), (3, 0, None));
    assert_eq!(stored(&store), expected(0..1), "every row once");
    assert_eq!(objects(&store).len(), 3, "an hour an object");
}

#[test]
fn a_process_that_ends_before_it_knows_does_not_publish_twice() {
    let (folder, store) = (tempfile::tempdir().expect("a folder"), Arc::new(Bucket::default()));
    let lake = Lake::open(settings(folder.path(), &store)).expect("the lake opens");
    // The store takes everything and never says so.
    store.swallow.store(u32::MAX, Ordering::SeqCst);
    append(&lake, 0, &three_hours(0)).expect("rows are taken");
    flush(&lake);
    until("it was tried", || lake.published().is_some_and(|published| published.failures >= 2));
    let before = stored(&store);
    assert!(!before.is_empty());
    drop(lake);
    store.swallow.store(0, Ordering::SeqCst);
    let lake = Lake::open(settings(folder.path(), &store)).expect("the lake opens");
    // Late rows of the same hours must not be joined with what is on its way.
    append(&lake, 1, &three_hours(1)).expect("rows are taken");
    wait(lake.publish()).expect("nothing is left");
    assert_eq!(stored(&store), expected(0..2), "every row once");
    assert_eq!(messages(&lake, &store), expected(0..2));
}

#[test]
fn files_that_are_published_go_first_and_are_read_from_the_store() {
    let (folder, store) = (tempfile::tempdir().expect("a folder"), Arc::new(Bucket::default()));
    let mut limited = settings(folder.path(), &store);
    {
        let lake = Lake::open(settings(folder.path(), &store)).expect("the lake opens");
        append(&lake, 0, &three_hours(0)).expect("rows are taken");
        wait(lake.publish()).expect("nothing is left");
        let bytes: u64 = lake.snapshot(Table::Logs).segments.iter().map(|segment| segment.bytes).sum();
        // Room for what comes, not for what is there.
        limited.max_bytes = bytes / 3;
    }
    let lake = Lake::open(limited.clone()).expect("the lake opens");
    flush(&lake);
    flush(&lake);
    let remote = |lake: &Lake| {
        let segments = lake.snapshot(Table::Logs).segments;
        segments.iter().filter(|segment| matches!(segment.place(), Place::Object(_))).count()
    };
    until("files go", || remote(&lake) >= 2);
    assert_eq!(messages(&lake, &store), expected(0..1), "no row is gone");
    assert_eq!(lake.published().expect("it is set up").lost_rows, 0);
    let left = remote(&lake);
    let files = common::files(&folder.path().join("logs"));
    assert_eq!(files.len(), 3 - left, "{files:?}");
    drop(lake);

    let lake = Lake::open(limited.clone()).expect("the lake opens");
    assert_eq!(messages(&lake, &store), expected(0..1), "also after a restart");
    drop(lake);
    // Looked at without the store, the lake has what is here.
    let mut alone = limited;
    alone.publish = None;
    let lake = Lake::open_read_only(alone).expect("the lake opens");
    assert_eq!(lake.snapshot(Table::Logs).segments.len(), 3 - left);
    let rows = format!("{} rows are not here any more", 10 * left);
    assert!(
        lake.left_out().is_some_and(|told| told.contains(&rows) && told.contains(URL)),
        "{:?}",
        lake.left_out()
    );
}

#[test]
fn what_was_meant_for_another_place_goes_to_the_one_that_is_set() {
    let (folder, store) = (tempfile::tempdir().expect("a folder"), Arc::new(Bucket::default()));
    store.refuse.store(u32::MAX, Ordering::SeqCst);
    let lake = Lake::open(settings(folder.path(), &store)).expect("the lake opens");
    append(&lake, 0, &three_hours(0)).expect("rows are taken");
    flush(&lake);
    until("it was tried", || lake.published().is_some_and(|published| published.failures > 0));
    drop(lake);
    store.refuse.store(0, Ordering::SeqCst);
    let mut other = settings(folder.path(), &store);
    other.publish = Some(Publish::new(Remote::new(store.clone(), "s3://bucket/other").expect("a place")));
    let lake = Lake::open(other).expect("the lake opens");
    wait(lake.publish()).expect("nothing is left");
    assert_eq!(stored(&store), expected(0..1));
    assert!(objects(&store).iter().all(|object| object.location.as_ref().starts_with("other/logs/")));
}

#[test]
fn rows_that_go_unpublished_are_counted() {
    let (folder, store) = (tempfile::tempdir().expect("a folder"), Arc::new(Bucket::default()));
    store.refuse.store(u32::MAX, Ordering::SeqCst);
    let mut settings = settings(folder.path(), &store);
    settings.max_bytes = 1;
    let lake = Lake::open(settings).expect("the lake opens");
    append(&lake, 0, &three_hours(0)).expect("rows are taken");
    flush(&lake);
    until("all rows go", || lake.published().is_some_and(|published| published.lost_rows == 30));
}

#[test]
fn a_damaged_file_is_read_from_the_store_and_never_sent_there() {
    let (folder, store) = (tempfile::tempdir().expect("a folder"), Arc::new(Bucket::default()));
    let lake = Lake::open(settings(folder.path(), &store)).expect("the lake opens");
    append(&lake, 0, &three_hours(0)).expect("rows are taken");
    wait(lake.publish()).expect("nothing is left");
    let path = lake.snapshot(Table::Logs).segments[0].path.clone();
    drop(lake);
    std::fs::write(&path, b"PAR1").expect("the file can be written");
    let lake = Lake::open(settings(folder.path(), &store)).expect("the lake opens");
    assert_eq!(messages(&lake, &store), expected(0..1));
}

#[test]
fn large_files_go_up_in_parts() {
    let (folder, store) = (tempfile::tempdir().expect("a folder"), Arc::new(Bucket::default()));
    let lake = Lake::open(settings(folder.path(), &store)).expect("the lake opens");
    let mut random = fastrand::Rng::with_seed(11);
    let mut noise = || (0..8000).map(|_| random.alphanumeric()).collect::<String>();
    let lines: Vec<(i64, String)> = (0..3000).map(|line| (NOW - 2 * HOUR + line, noise())).collect();
    append(&lake, 0, &lines).expect("rows are taken");
    wait(lake.publish()).expect("nothing is left");
    assert!(objects(&store)[0].size > 16 << 20);
    assert_eq!(store.parts.load(Ordering::SeqCst), 1);
    assert_eq!(stored(&store), counted(lines.into_iter().map(|(_, text)| text)));
}

#[test]
fn objects_that_are_too_old_go() {
    let (folder, store) = (tempfile::tempdir().expect("a folder"), Arc::new(Bucket::default()));
    let lake = Lake::open(settings(folder.path(), &store)).expect("the lake opens");
    append(&lake, 0, &three_hours(0)).expect("rows are taken");
    wait(lake.publish()).expect("nothing is left");
    drop(lake);
    let stranger =
        ObjectPath::parse("some/prefix/logs/day=2001-01-01/hour=00/other.parquet").expect("a name");
    wait(store.objects.put(&stranger, "not ours".into())).expect("it is taken");
    // Of another lake, which shares the prefix.
    let other = "some/prefix/spans/day=2001-01-01/hour=00/00000000000000ff-0000000000000001.parquet";
    wait(store.objects.put(&ObjectPath::parse(other).expect("a name"), "old".into())).expect("it is taken");
    let mut settings = settings(folder.path(), &store);
    // The first of three hours began three hours ago and ended two hours ago.
    settings.publish.as_mut().expect("it is set").max_age = Some(Duration::from_secs(5000));
    let lake = Lake::open(settings).expect("the lake opens");
    until("the old go", || objects(&store).len() == 3);
    assert!(objects(&store).iter().any(|object| object.location == stranger), "what others put there stays");
    until("the lake knows", || lake.snapshot(Table::Logs).segments.len() == 2);
    assert_eq!(messages(&lake, &store).len(), 20);
}

#[test]
fn a_lake_is_listed_as_far_as_it_is_asked_for() {
    let (folder, store) = (tempfile::tempdir().expect("a folder"), Arc::new(Bucket::default()));
    for _ in 0..2 {
        // Two lakes share a prefix.
        let folder = tempfile::tempdir().expect("a folder");
        let lake = Lake::open(settings(folder.path(), &store)).expect("the lake opens");
        append(&lake, 0, &three_hours(0)).expect("rows are taken");
        wait(lake.publish()).expect("nothing is left");
    }
    drop(folder);
    let stranger = ObjectPath::parse("some/prefix/logs/day=2023-11-14/part-0.parquet").expect("a name");
    wait(store.objects.put(&stranger, "not ours".into())).expect("it is taken");
    let open = |range| wait(Lake::open_listed(remote(&store), range, common::now));
    let lake = open((0, NOW)).expect("a lake");
    assert_eq!(lake.snapshot(Table::Logs).segments.len(), 6);
    let strangers = lake.left_out().expect("one is told");
    assert!(strangers.contains("s3://bucket/some/prefix/logs/day=2023-11-14/part-0.parquet"), "{strangers}");
    for segment in lake.snapshot(Table::Logs).segments {
        let Place::Object(object) = segment.place() else { panic!("{segment:?} has a file") };
        assert!(segment.is_listed() && segment.max_time - segment.min_time == HOUR - 1);
        assert_eq!(messages_in(get(&store, object)).len(), 10);
    }
    assert_eq!(open((NOW - 2 * HOUR, NOW)).expect("a lake").snapshot(Table::Logs).segments.len(), 4);
    assert_eq!(
        open((NOW - 2 * HOUR, NOW - HOUR - 1)).expect("a lake").snapshot(Table::Logs).segments.len(),
        2
    );
    assert!(open((NOW, NOW)).expect("an empty part of a lake").snapshot(Table::Logs).segments.is_empty());
    let nowhere = Remote::new(store.clone(), "s3://bucket/elsewhere").expect("a place");
    let error = wait(Lake::open_listed(nowhere, (0, NOW), common::now)).err().expect("nothing is there");
    assert!(matches!(error, LakeError::Remote { .. }), "{error}");
}

#[test]
fn a_catalog_of_the_version_before_is_taken_over() {
    let (folder, store) = (tempfile::tempdir().expect("a folder"), Arc::new(Bucket::default()));
    let lake = Lake::open(common::settings(folder.path())).expect("the lake opens");
    append(&lake, 0, &three_hours(0)).expect("rows are taken");
    flush(&lake);
    drop(lake);
    let catalog = rusqlite::Connection::open(folder.path().join("catalog.db")).expect("the catalog opens");
    for column in ["object", "published", "local"] {
        catalog.execute(&format!("ALTER TABLE segments DROP COLUMN {column}"), []).expect("a column");
    }
    catalog.pragma_update(None, "user_version", 1).expect("a version");
    drop(catalog);
    let looked = Lake::open_read_only(common::settings(folder.path())).expect("the lake opens");
    assert_eq!(messages(&looked, &store), expected(0..1));
    let lake = Lake::open(settings(folder.path(), &store)).expect("the lake opens");
    wait(lake.publish()).expect("nothing is left");
    assert_eq!(stored(&store), expected(0..1));
}

#[test]
fn a_store_on_disk_has_the_layout_as_well() {
    let (folder, bucket) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let disk = object_store::local::LocalFileSystem::new_with_prefix(bucket.path()).expect("a store");
    let mut settings = common::settings(folder.path());
    settings.publish = Some(Publish::new(Remote::new(Arc::new(disk), URL).expect("a place")));
    let lake = Lake::open(settings).expect("the lake opens");
    append(&lake, 0, &three_hours(0)).expect("rows are taken");
    wait(lake.publish()).expect("nothing is left");
    let found = common::files(&bucket.path().join("some/prefix/logs"));
    let rows = found.iter().flat_map(|path| read(path)).flat_map(|rows| texts(&rows, "message"));
    assert_eq!(counted(rows), expected(0..1));
}

//! What is kept is what the object has, and no more than there is room for.

use object_store::ObjectStoreExt;
use object_store::memory::InMemory;

use super::*;

const SIZE: usize = 2_500_000;

fn bytes(seed: u64) -> Bytes {
    let mut random = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| random.u8(..)).take(SIZE).collect()
}

/// A store of one object; without it what was not kept is missing.
async fn store(folder: &std::path::Path, limit: u64) -> (Blocks, Arc<InMemory>, Path) {
    let (inner, path) = (Arc::new(InMemory::new()), Path::from("a/object"));
    inner.put(&path, bytes(1).into()).await.unwrap();
    (Blocks::new(inner.clone(), "s3://bucket", folder.to_owned(), limit), inner, path)
}

/// What is done beside the answer is done in the end.
async fn until(mut done: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if done() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it is not done after a minute");
}

/// Blocks that are kept: known, and in the folder.
async fn kept(blocks: &Blocks, count: usize) {
    let files = || {
        let all = fs::read_dir(&blocks.disk.folder).into_iter().flatten().flatten();
        all.filter(|one| one.file_name().to_string_lossy().ends_with(".block")).count()
    };
    until(|| blocks.disk.known().blocks.len() == count && files() == count).await;
}

#[tokio::test]
async fn any_range_is_what_the_object_has() {
    let folder = tempfile::tempdir().unwrap();
    let (blocks, _, path) = store(folder.path(), 1 << 30).await;
    let mut random = fastrand::Rng::with_seed(2);
    let (all, block) = (bytes(1), BLOCK as usize);
    let mut ranges: Vec<Range<usize>> =
        [0..1, 0..SIZE, block - 1..block + 1, SIZE - 8..SIZE, SIZE - 8..SIZE + 8, block..4 * block].into();
    ranges.extend((0..200).map(|_| {
        let start = random.usize(..SIZE);
        start..start + 1 + random.usize(..SIZE - start)
    }));
    for range in ranges {
        let asked = range.start as u64..range.end as u64;
        let read = blocks.get_range(&path, asked).await.unwrap();
        assert_eq!(read, all[range.start..range.end.min(SIZE)], "{range:?}");
    }
    kept(&blocks, 3).await;
    let beyond = blocks.get_range(&path, BLOCK..4 * BLOCK).await.unwrap();
    assert_eq!(beyond, all[block..]);
    let whole = blocks.get(&path).await.unwrap().bytes().await.unwrap();
    assert_eq!(whole, all);
}

#[tokio::test]
async fn what_was_read_is_not_fetched_again_not_even_by_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let (blocks, inner, path) = store(folder.path(), 1 << 30).await;
    blocks.get_range(&path, 0..SIZE as u64).await.unwrap();
    kept(&blocks, 3).await;
    inner.delete(&path).await.unwrap();
    let again = blocks
        .get_opts(&path, GetOptions { range: Some((5..SIZE as u64).into()), ..GetOptions::default() })
        .await
        .unwrap();
    assert_eq!(again.meta.size, SIZE as u64);
    assert_eq!(again.bytes().await.unwrap(), bytes(1)[5..]);
    fs::write(folder.path().join("1-1.new"), "half of a block").unwrap();
    let next = Blocks::new(inner, "s3://bucket", folder.path().to_owned(), 1 << 30);
    assert_eq!(next.get_range(&path, 7..9).await.unwrap(), bytes(1)[7..9]);
    kept(&next, 3).await;
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "what nobody finished is gone");
    assert!(next.get_range(&Path::from("another"), 7..9).await.is_err());
}

#[tokio::test]
async fn a_damaged_block_is_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let (blocks, _, path) = store(folder.path(), 1 << 30).await;
    blocks.get_range(&path, 0..10).await.unwrap();
    kept(&blocks, 1).await;
    let file = fs::read_dir(folder.path()).unwrap().flatten().next().unwrap().path();
    for damage in [
        |file: &mut Vec<u8>| file[3] ^= 1,
        |file: &mut Vec<u8>| file.truncate(7),
        |file: &mut Vec<u8>| file.clear(),
    ] {
        let mut damaged = fs::read(&file).unwrap();
        damage(&mut damaged);
        fs::write(&file, &damaged).unwrap();
        assert_eq!(blocks.get_range(&path, 0..10).await.unwrap(), bytes(1)[..10]);
        until(|| fs::read(&file).unwrap() != damaged).await;
    }
}

#[tokio::test]
async fn the_block_least_lately_used_goes_first() {
    let folder = tempfile::tempdir().unwrap();
    let (blocks, _, path) = store(folder.path(), 2 * (BLOCK + 12) + 1).await;
    let read = async |block: u64| {
        blocks.get_range(&path, block * BLOCK..block * BLOCK + 1).await.unwrap();
    };
    read(0).await;
    kept(&blocks, 1).await;
    read(1).await;
    kept(&blocks, 2).await;
    read(0).await;
    // The last is small, and yet too much; below nine tenths of the limit there is room for it and one more.
    read(2).await;
    let known = || {
        let mut numbers: Vec<u64> = blocks.disk.known().blocks.keys().map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        numbers
    };
    until(|| known() == [0, 2]).await;
    kept(&blocks, 2).await;
    assert!(blocks.disk.known().bytes <= blocks.disk.limit);
}

#[tokio::test]
async fn without_a_place_to_keep_it_reads_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    fs::write(&file, "").unwrap();
    let (blocks, _, path) = store(&file.join("below"), 1 << 30).await;
    assert_eq!(blocks.get_range(&path, 0..10).await.unwrap(), bytes(1)[..10]);
}

//! What a folder holds after ends of every kind.

use super::*;

const SINCE: Duration = Duration::from_secs(1_700_000_000);

fn payload(n: u8, size: usize) -> Payload {
    Payload::new(vec![n; size], format!("group/stream-{n}"), u64::from(n), 2 * size as u64)
}

fn bodies(opened: &Opened) -> Vec<(u8, usize)> {
    let read = |found: &Found| {
        let payload = opened.spool.read(found.place).unwrap();
        let body = payload.wire().unwrap();
        assert_eq!(&*payload.route, format!("group/stream-{}", body[0]));
        assert_eq!((payload.records, found.records), (u64::from(body[0]), u64::from(body[0])));
        assert_eq!(found.since, SINCE);
        (body[0], body.len())
    };
    opened.found.iter().map(read).collect()
}

fn open(folder: &Path) -> Opened {
    Spool::open(folder, 1 << 30).unwrap()
}

#[test]
fn what_is_not_done_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path()).spool;
    let places: Vec<_> = (1..=5).map(|n| spool.append(&payload(n, 1000), SINCE).unwrap()).collect();
    spool.done(places[1]).unwrap();
    spool.done(places[3]).unwrap();
    drop(spool);
    let opened = open(folder.path());
    assert_eq!(bodies(&opened), [(1, 1000), (3, 1000), (5, 1000)]);
    assert!(opened.damage.is_empty());
}

#[test]
fn a_torn_tail_is_cut_at_every_length() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path()).spool;
    spool.append(&payload(1, 50), SINCE).unwrap();
    let last = spool.append(&payload(2, 50), SINCE).unwrap();
    drop(spool);
    let file = folder.path().join(segment_name(1));
    let whole = fs::read(&file).unwrap();
    for cut in last.offset as usize..whole.len() {
        fs::write(&file, &whole[..cut]).unwrap();
        let mut opened = open(folder.path());
        assert_eq!(bodies(&opened), [(1, 50)], "cut at {cut}");
        assert!(opened.damage.is_empty(), "cut at {cut}");
        let place = opened.spool.append(&payload(3, 10), SINCE).unwrap();
        assert_eq!(place.offset, last.offset);
        drop(opened);
        assert_eq!(bodies(&open(folder.path())), [(1, 50), (3, 10)]);
    }
}

#[test]
fn a_flipped_bit_costs_one_payload_and_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path()).spool;
    let places: Vec<_> = (1..=3).map(|n| spool.append(&payload(n, 40), SINCE).unwrap()).collect();
    drop(spool);
    let file = folder.path().join(segment_name(1));
    let whole = fs::read(&file).unwrap();
    for byte in places[1].offset..places[2].offset {
        let mut damaged = whole.clone();
        damaged[byte as usize] ^= 0x10;
        fs::write(&file, &damaged).unwrap();
        let opened = open(folder.path());
        assert_eq!(bodies(&opened), [(1, 40), (3, 40)], "byte {byte}");
        let expected = Damage { file: file.clone(), offset: places[1].offset, bytes: places[1].len };
        assert_eq!(opened.damage, [expected], "byte {byte}");
    }
}

#[test]
fn full_segments_go_when_they_are_done() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path()).spool;
    let places: Vec<_> = (1..=40).map(|n| spool.append(&payload(n, 1 << 20), SINCE).unwrap()).collect();
    assert!(spool.segments.len() >= 3);
    for place in &places {
        spool.done(*place).unwrap();
    }
    assert!(spool.bytes() < 2 * SEGMENT_BYTES, "{} bytes left", spool.bytes());
    drop(spool);
    let opened = open(folder.path());
    assert!(opened.found.is_empty());
    assert_eq!(numbers(folder.path()).unwrap().len(), 0);
}

#[test]
fn the_quota_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path(), 3000).unwrap().spool;
    spool.append(&payload(1, 1000), SINCE).unwrap();
    spool.append(&payload(2, 1000), SINCE).unwrap();
    assert!(matches!(spool.append(&payload(3, 1000), SINCE), Err(SpoolError::Full { quota: 3000 })));
    assert!(spool.bytes() <= 3000);
}

#[test]
fn a_folder_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    assert!(matches!(Spool::open(folder.path(), 1), Err(SpoolError::InUse(_))));
    drop(first);
    open(folder.path());
}

#[test]
fn a_foreign_file_is_reported_and_left() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("00000007.seg"), b"something else").unwrap();
    fs::write(folder.path().join("notes.txt"), b"mine").unwrap();
    let mut opened = open(folder.path());
    assert_eq!(opened.damage.len(), 1);
    opened.spool.append(&payload(1, 10), SINCE).unwrap();
    assert!(folder.path().join("notes.txt").exists());
    assert_eq!(fs::read(folder.path().join("00000007.seg")).unwrap(), b"something else");
}

#[test]
fn packed_bodies_come_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = open(folder.path());
    let text = b"{\"a\":1}".repeat(10_000);
    let mut packed = Payload::new(text.clone(), "r", 10_000, text.len() as u64);
    packed.pack();
    let place = opened.spool.append(&packed, SINCE).unwrap();
    assert!(place.len < 10_000);
    assert_eq!(opened.spool.read(place).unwrap().wire().unwrap(), text);
}

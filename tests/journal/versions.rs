//! A journal that an older rankd has written. It is read, and its files are not written in the present format.

use super::support::{Server, acknowledge, contents, start};
use rankd::config::FsyncPolicy;
use rankd::store::change::ChangeBuffer;
use rankd::store::{Access, End, Hold, List, Missing};
use std::fs;
use std::path::{Path, PathBuf};

/// A journal written by rankd when segments and bases had version 2: a base and a segment, closed in order.
fn old_journal() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/journal-version-2");
    for entry in fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

fn push(server: &Server, element: &[u8]) {
    let changes = ChangeBuffer::default();
    let mut hold = Hold::on(&server.store, &[server.store.shard_of(b"list")], Access::Write, changes);
    let push = hold.writer(0).edit::<List, _>(b"list", Missing::Create, "rpush", |list| {
        list.push(End::Back, element);
    });
    assert!(push.is_ok());
    hold.end_record();
    acknowledge(&server.journal, hold.release().0).unwrap();
}

/// The version in the header of each segment and base.
fn versions(directory: &Path) -> Vec<(String, u8)> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let is_headed =
        |path: &PathBuf| fs::read(path).unwrap().starts_with(b"rankd") && path.extension().is_none();
    let mut versions: Vec<_> = paths
        .filter(is_headed)
        .filter(|path| !path.ends_with("manifest") && !path.ends_with("closed"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()[8]))
        .collect();
    versions.sort();
    versions
}

#[test]
fn a_journal_of_version_2_is_read_and_continued_in_a_segment_of_version_3() {
    let directory = old_journal();
    let old = fs::read(directory.path().join("segment-0000000002")).unwrap();
    let server = start(directory.path(), FsyncPolicy::EverySecond).unwrap();
    assert_eq!(server.recovered.torn_tail, None);
    let data = contents(&server.store);
    // The names of the Changes, without members and values.
    let changes: Vec<&str> = data.keys().filter_map(|key| key.split(" [").next()).collect();
    assert_eq!(
        changes,
        [
            "0 after set-string",
            "0 board expires",
            "0 board set-score",
            "0 board set-score",
            "0 counter set-string",
            "0 dated set-string",
            "0 set add-member",
            "0 set add-member",
            "0 set add-member",
            "0 string set-string",
            "1 other add-member",
        ]
    );
    push(&server, b"first");
    server.journal.close().unwrap();
    let of = |name: &str, version| (name.to_owned(), version);
    let (base, before, present) = ("base-0000000002", "segment-0000000002", "segment-0000000003");
    assert_eq!(versions(directory.path()), [of(base, 2), of(before, 2), of(present, 3)]);
    assert_eq!(fs::read(directory.path().join(before)).unwrap(), old, "nothing is added to it");

    // The next start continues the segment of its own version. A checkpoint replaces all segments.
    let server = start(directory.path(), FsyncPolicy::EverySecond).unwrap();
    push(&server, b"second");
    let data = contents(&server.store);
    assert_eq!(versions(directory.path()).len(), 3);
    server.journal.checkpoint().unwrap();
    while server.journal.checkpoint_running() {
        std::thread::yield_now();
    }
    server.journal.close().unwrap();
    assert!(versions(directory.path()).iter().all(|(_, version)| *version == 3));
    let server = start(directory.path(), FsyncPolicy::EverySecond).unwrap();
    assert_eq!(contents(&server.store), data);
    server.journal.close().unwrap();
}

#[test]
fn an_unclosed_journal_of_version_2_is_continued_in_a_segment_of_version_3() {
    let directory = old_journal();
    fs::remove_file(directory.path().join("closed")).unwrap();
    let server = start(directory.path(), FsyncPolicy::EverySecond).unwrap();
    push(&server, b"first");
    let data = contents(&server.store);
    server.journal.close().unwrap();
    for (name, version) in versions(directory.path()) {
        assert_eq!(version, if name.ends_with('2') { 2 } else { 3 }, "{name}");
    }
    let server = start(directory.path(), FsyncPolicy::EverySecond).unwrap();
    assert_eq!(contents(&server.store), data);
    server.journal.close().unwrap();
}

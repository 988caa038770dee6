//! A journal that an older rankd has written. It is read, and its files are not written in the present format.

use super::support::{Server, acknowledge, contents, start};
use rankd::config::FsyncPolicy;
use rankd::store::change::ChangeBuffer;
use rankd::store::{Access, End, Hold, List, Missing};
use std::fs;
use std::path::{Path, PathBuf};

/// The version that is written now.
const PRESENT: u8 = 4;

/// A journal written by rankd when segments and bases had this version: a base and a segment, closed in order.
fn old_journal(version: u8) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let name = format!("tests/data/journal-version-{version}");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
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

/// What the old journal of this version holds: the names of the Changes, without members and values, and those of the lists.
fn held(version: u8) -> &'static [&'static str] {
    match version {
        2 => &[
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
        ],
        _ => &[
            "0 hash expire-field",
            "0 hash set-field",
            "0 list list",
            "0 text set-string",
            "1 renamed set-score",
            "1 set add-member",
        ],
    }
}

#[test]
fn a_journal_of_an_older_version_is_read_and_continued_in_a_segment_of_the_present_one() {
    for version in 2..PRESENT {
        let directory = old_journal(version);
        let old = fs::read(directory.path().join("segment-0000000002")).unwrap();
        let server = start(directory.path(), FsyncPolicy::EverySecond).unwrap();
        assert_eq!(server.recovered.torn_tail, None);
        let data = contents(&server.store);
        let changes: Vec<&str> = data.keys().filter_map(|key| key.split(" [").next()).collect();
        assert_eq!(changes, held(version));
        push(&server, b"first");
        server.journal.close().unwrap();
        let of = |name: &str, version| (name.to_owned(), version);
        let (base, before, present) = ("base-0000000002", "segment-0000000002", "segment-0000000003");
        let expected = [of(base, version), of(before, version), of(present, PRESENT)];
        assert_eq!(versions(directory.path()), expected);
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
        assert!(versions(directory.path()).iter().all(|(_, version)| *version == PRESENT));
        let server = start(directory.path(), FsyncPolicy::EverySecond).unwrap();
        assert_eq!(contents(&server.store), data);
        server.journal.close().unwrap();
    }
}

#[test]
fn an_unclosed_journal_of_an_older_version_is_continued_in_a_segment_of_the_present_one() {
    for old in 2..PRESENT {
        let directory = old_journal(old);
        fs::remove_file(directory.path().join("closed")).unwrap();
        let server = start(directory.path(), FsyncPolicy::EverySecond).unwrap();
        push(&server, b"first");
        let data = contents(&server.store);
        server.journal.close().unwrap();
        for (name, version) in versions(directory.path()) {
            assert_eq!(version, if name.ends_with('2') { old } else { PRESENT }, "{name}");
        }
        let server = start(directory.path(), FsyncPolicy::EverySecond).unwrap();
        assert_eq!(contents(&server.store), data);
        server.journal.close().unwrap();
    }
}

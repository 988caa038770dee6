//! A store with its journal, and the contents of a store as text, for comparison.

use rankd::config::FsyncPolicy;
use rankd::journal::{Journal, JournalOptions, OpenError, Recovered, Refused};
use rankd::machine::clock::Clock;
use rankd::machine::progress::ReadProgress;
use rankd::store::change::sink::Seq;
use rankd::store::change::{Change, ChangeBuffer, DatabaseNumbering, What, decode};
use rankd::store::{Kind, Store, Word};
use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

pub(super) struct Server {
    pub(super) store: Arc<Store>,
    pub(super) journal: Arc<Journal>,
    pub(super) recovered: Recovered,
}

pub(super) fn options(directory: &Path, fsync: FsyncPolicy) -> JournalOptions {
    let directory = directory.to_path_buf();
    JournalOptions { directory, fsync, rewrite_percentage: 0, rewrite_min_bytes: 0, clock: Clock::system() }
}

pub(super) fn start(directory: &Path, fsync: FsyncPolicy) -> Result<Server, OpenError> {
    let store = Arc::new(Store::new(8, 2, 7, Clock::system()));
    let (journal, recovered) = Journal::open(options(directory, fsync), &store, &ReadProgress::default())?;
    store.attach(journal.clone());
    Ok(Server { store, journal, recovered })
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits on this thread until the record is acknowledged or refused.
pub(super) fn acknowledge(journal: &Journal, seq: Seq) -> Result<(), Refused> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut waiting = pin!(journal.acknowledged(seq));
    loop {
        match waiting.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park(),
        }
    }
}

/// Everything that the store holds, as a checkpoint would write it, sorted.
pub(super) fn contents(store: &Store) -> BTreeMap<String, String> {
    let mut walk = store.snapshot();
    let mut numbering = DatabaseNumbering::default();
    let mut records = ChangeBuffer::default();
    let mut contents = BTreeMap::new();
    let mut lists = BTreeMap::<String, String>::new();
    let mut note = |name: String, value: String| {
        let before = contents.insert(name.clone(), value.clone());
        assert!(before.is_none_or(|before| name.ends_with(" expires") && before == value), "{name} twice");
    };
    loop {
        let more = walk.step(&mut records);
        records.end_record();
        for mut body in records.records() {
            while !body.is_empty() {
                let change = decode(&mut body).unwrap();
                let database =
                    change.highest_keyspace().map_or(0, |keyspace| numbering.database_of(keyspace));
                match change {
                    Change::Numbered(numbers) => numbering = numbers.decoded(),
                    Change::Key { key, what: What::Value(change), .. }
                        if matches!(change.kind(), Kind::List | Kind::Stream) =>
                    {
                        let list =
                            lists.entry(format!("{database} {} list", key.escape_ascii())).or_default();
                        change.lines(&mut |operation, words| match operation {
                            "as-of" | "make-stream" => assert_eq!(list, "", "{key:?} twice"),
                            _ => list.push_str(&format!("{operation} {words:?} ")),
                        });
                    }
                    Change::Key { key, what: What::Value(change), .. } => {
                        let key = key.escape_ascii();
                        change.lines(&mut |operation, words| match words {
                            [Word::Bytes(element), rest @ ..] if change.kind() != Kind::String => {
                                note(
                                    format!("{database} {key} {operation} {element:?}"),
                                    format!("{rest:?}"),
                                );
                            }
                            _ => note(format!("{database} {key} {operation}"), format!("{words:?}")),
                        });
                    }
                    Change::Key { key, what: What::Expiry(expire_at_ms), .. } => {
                        let name = format!("{database} {} expires", key.escape_ascii());
                        note(name, format!("{expire_at_ms:?}"));
                    }
                    other => panic!("not what is held: {other:?}"),
                }
            }
        }
        records.clear();
        if !more {
            contents.extend(lists);
            return contents;
        }
    }
}

/// A copy of the journal's files as a crash of the process would leave them now.
pub(super) fn crash_copy(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

//! A Redis or Valkey that runs a store's Changes as commands ends with the data of the store.

use super::with_store::{changes, command, make_large};
use crate::rdb::data::{contents, expiries};
use crate::support::chance::Chance as Seeds;
use crate::support::client::Client;
use crate::support::server::{Peer, Server};
use rankd::machine::chance::Chance;
use rankd::machine::clock::Clock;
use rankd::store::change::sink::Count;
use rankd::store::change::speller::Speller;
use rankd::store::change::{ChangeBuffer, decode};
use rankd::store::{Access, ByteString, Hold, Missing, Store};
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Bytes of records that the feed holds: more than the test makes.
const FEED_BYTES: usize = 64 << 20;

struct Follower {
    client: Client,
    speller: Speller,
}

impl Follower {
    fn of(server: &Server) -> Self {
        Self { client: server.client(), speller: Speller::default() }
    }

    fn follow(&mut self, mut body: &[u8]) {
        while !body.is_empty() {
            let change = decode(&mut body).expect("a Change");
            let mut send = |words: &[&[u8]]| -> Result<(), Infallible> {
                let reply = self.client.call(words);
                assert!(!reply.is_error(), "{change:?}: {reply:?}");
                Ok(())
            };
            let Ok(()) = self.speller.spell(&change, &mut send);
        }
    }
}

fn patch(store: &Store, chance: &mut Chance) {
    let key = format!("key{}", chance.below(12));
    let key = key.as_bytes();
    let mut hold = Hold::on(store, &[store.shard_of(key)], Access::Write, ChangeBuffer::default());
    let mut writer = hold.writer(chance.below(2) as u32);
    let (offset, bytes) = (chance.below(60) as usize, chance.below(1000).to_string());
    let _ = writer.edit::<ByteString, _>(key, Missing::Create, "setrange", |string| {
        string.patch(offset, bytes.as_bytes());
    });
}

#[test]
fn a_server_that_runs_the_spelled_commands_ends_in_the_stores_state() {
    let seed = Seeds::seed_from_env();
    println!("RANKD_SEED={seed}");
    for peer in [Peer::Redis, Peer::Valkey] {
        let start = || Server::peer(peer, &["--enable-debug-command", "yes"]);
        let (Some(followed), Some(given)) = (start(), start()) else { continue };
        let store = Store::new(8, 2, seed, Clock::system());
        store.attach(Arc::new(Count::default()));
        let (feed, _) = store.open_feed(FEED_BYTES).expect("a sink is attached");
        let (mut chance, mut buffer) = (Chance::seeded(seed), changes());
        make_large(&store);
        for _ in 0..3_000 {
            command(&store, &mut chance, &mut buffer);
            if chance.below(6) == 0 {
                patch(&store, &mut chance);
            }
        }

        let mut follower = Follower::of(&followed);
        while let Poll::Ready(published) = feed.poll(&Context::from_waker(Waker::noop())) {
            for (_, body) in published.expect("within the bound").records() {
                follower.follow(body);
            }
        }
        let mut holder = Follower::of(&given);
        let (mut walk, mut records) = (store.snapshot(), ChangeBuffer::default());
        while walk.step(&mut records) {
            records.records().for_each(|body| holder.follow(body));
            records.clear();
        }

        let (mut one, mut other) = (followed.client(), given.client());
        let expected = contents(&mut other);
        assert!(expected.len() > 5, "{expected:?}");
        assert_eq!(contents(&mut one), expected, "{peer:?}");
        assert_eq!(expiries(&mut one, &expected), expiries(&mut other, &expected), "{peer:?}");
    }
}

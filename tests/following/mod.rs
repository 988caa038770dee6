//! A server that follows a master: real masters of several kinds, and masters that lie. `tests/scripts/following.resp` has what
//! it answers without a link.

mod chains;
mod cuts;
mod equality;
mod hand_over;
mod kills;
mod line;
mod lying_masters;
pub(crate) mod migration;
pub(crate) mod played;
mod restarts;
mod secured;
mod switching;
pub(crate) mod writers;

use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;

/// A field of INFO's section about replication.
pub(crate) fn fact(client: &mut Client, name: &str) -> Option<String> {
    let Ok(Reply::Bulk(text)) = client.try_call(&["INFO", "replication"]) else { return None };
    let text = String::from_utf8(text).expect("INFO is text");
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned))
}

/// Waits until the server follows its master.
pub(crate) fn wait_for_link(client: &mut Client) {
    wait_for("the link to the master", || {
        (fact(client, "master_link_status").as_deref() == Some("up")).then_some(())
    });
}

/// Makes the server follow the master at this port.
pub(crate) fn follow(client: &mut Client, port: u16) {
    assert_eq!(client.call(&["REPLICAOF", "127.0.0.1", &port.to_string()]), Reply::Simple(b"OK".to_vec()));
}

/// Waits until the replica has all that the master has had when this was called.
pub(crate) fn wait_for_all(master: &mut Client) {
    wait_for("the replica's acknowledgement", || {
        (master.ask("WAIT 1 100") == Reply::Integer(1)).then_some(())
    });
}

/// Every key of every type with its whole value, and when it expires, in order.
pub(crate) fn contents(client: &mut Client) -> Vec<(Vec<u8>, Reply, Reply)> {
    let Reply::Array(keys) = client.ask("KEYS *") else { panic!("no keys") };
    let mut keys: Vec<Vec<u8>> = keys
        .into_iter()
        .map(|key| match key {
            Reply::Bulk(key) => key,
            other => panic!("not a key: {other:?}"),
        })
        .collect();
    keys.sort();
    let mut contents = Vec::new();
    for key in keys {
        let Reply::Simple(kind) = client.call(&[&b"TYPE"[..], &key]) else { panic!("no type") };
        let of = |words: &[&[u8]]| words.iter().map(|word| word.to_vec()).collect::<Vec<_>>();
        let request = match &kind[..] {
            b"string" => of(&[b"GET", &key]),
            b"list" => of(&[b"LRANGE", &key, b"0", b"-1"]),
            b"hash" => of(&[b"HGETALL", &key]),
            b"set" => of(&[b"SMEMBERS", &key]),
            b"zset" => of(&[b"ZRANGE", &key, b"0", b"-1", b"WITHSCORES"]),
            b"stream" => of(&[b"XRANGE", &key, b"-", b"+"]),
            // It has expired since.
            _ => continue,
        };
        let mut value = client.call(&request);
        match (&kind[..], &mut value) {
            (b"set", Reply::Array(members)) => members.sort(),
            (b"hash", Reply::Array(fields)) => {
                let mut pairs: Vec<Vec<Reply>> = fields.chunks(2).map(<[Reply]>::to_vec).collect();
                pairs.sort();
                *fields = pairs.concat();
            }
            _ => {}
        }
        let expiry = client.call(&[&b"PEXPIRETIME"[..], &key]);
        contents.push((key, value, expiry));
    }
    contents
}

/// A rankd that may be examined.
pub(crate) fn rankd() -> Server {
    Server::rankd_with(&["--enable-debug-command", "yes"])
}

/// The seed of this run.
pub(crate) fn seed() -> u64 {
    let seed = crate::support::chance::Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    seed
}

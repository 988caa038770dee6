//! Scores of every kind, read and printed by rankd and by Redis 8.2.3: the same bytes, or the same refusal.

use crate::support::chance::Chance;
use crate::support::number_from_env;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};

/// The number of scores in one ZADD.
const BATCH: usize = 2_000;

/// The text of a double, of one of the kinds that people and programs write.
fn text(chance: &mut Chance) -> String {
    match chance.below(7) {
        0 => format!("{:e}", f64::from_bits(chance.next() & !(1 << 62))),
        1 => format!("{:e}", f64::from_bits(chance.next() | 1 << 62)),
        // Numbers with a few decimals, such as money.
        2 => format!("{}.{}", chance.below(1_000_000_000), chance.below(10_000)),
        3 => format!("{}e{}", chance.below(1_000), chance.below(610) as i64 - 330),
        // Powers of two and their neighbours, where the shortest digits are hardest to find.
        4 => {
            let power = (chance.next() % 2_046 + 1) << 52;
            format!("{:e}", f64::from_bits(power + chance.below(3) as u64 - 1))
        }
        5 => format!("0x{:x}.{:x}p{}", chance.below(1 << 20), chance.next(), chance.below(200) as i64 - 100),
        _ => (chance.next() as i64).to_string(),
    }
}

#[test]
fn scores_are_read_and_printed_as_redis_does() {
    let Some(theirs) = Server::peer(Peer::Redis, &[]) else { return };
    let ours = Server::rankd_with(&["--appendonly", "no"]);
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed);
    let mut clients = [ours.client(), theirs.client()];
    for _ in 0..number_from_env("RANKD_DOUBLES", 40_000) as usize / BATCH {
        let texts: Vec<String> = (0..BATCH).map(|_| text(&mut chance)).collect();
        let mut asked = vec!["ZMSCORE".to_owned(), "doubles".to_owned()];
        asked.extend((0..BATCH).map(|number| format!("m{number}")));
        let [ours, theirs] = clients.each_mut().map(|client| {
            client.call(&["DEL", "doubles"]);
            let pairs = texts.iter().zip(&asked[2..]);
            let refused: Vec<Reply> = pairs
                .map(|(text, member)| client.call(&["ZADD", "doubles", text, member]))
                .filter(Reply::is_error)
                .collect();
            (refused, client.call(&asked))
        });
        assert_eq!(ours.0, theirs.0, "RANKD_SEED={seed}: refusals");
        for ((ours, theirs), text) in ours.1.items().iter().zip(theirs.1.items()).zip(&texts) {
            assert_eq!(ours, theirs, "RANKD_SEED={seed}: {text}");
        }
    }
}

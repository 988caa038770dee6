//! Boards with a policy under random commands, compared with a sorted list of tuples after each step, and again after the
//! journal was replayed.

use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::Server;

/// The policies, with the digits of their scores.
const POLICIES: [(&str, u32); 7] = [
    ("SCORE INTEGER", 0),
    ("SCORE INTEGER TIES FIRST", 0),
    ("SCORE INTEGER ORDER ASC TIES FIRST CAP 1", 0),
    ("SCORE DECIMAL 2 TIES FIRST CAP 5", 2),
    ("SCORE INTEGER ORDER ASC CAP 4 RANGE -5 20", 0),
    ("SCORE INTEGER TIES FIRST RANGE -9223372036854775808 9223372036854775807 SATURATE", 0),
    ("SCORE DECIMAL 18 RANGE -3 3 SATURATE", 18),
];

/// A board as its policy says.
struct Oracle {
    name: String,
    digits: u32,
    is_ascending: bool,
    has_moments: bool,
    saturates: bool,
    cap: usize,
    range: (i128, i128),
    /// Units, moment, member: in no order.
    entries: Vec<(i64, u64, String)>,
    clock: u64,
}

impl Oracle {
    fn new(number: usize) -> Self {
        let (policy, digits) = POLICIES[number];
        let words: Vec<&str> = policy.split(' ').collect();
        let after = |word: &str| words.iter().position(|other| *other == word).map(|at| at + 1);
        let unit = 10i128.pow(digits);
        let range = after("RANGE").map(|at| {
            let end = |at: usize| words[at].parse::<i128>().unwrap() * unit;
            (end(at), end(at + 1))
        });
        Self {
            name: format!("board{number}"),
            digits,
            is_ascending: policy.contains("ASC"),
            has_moments: policy.contains("FIRST"),
            saturates: policy.contains("SATURATE"),
            cap: after("CAP").map_or(usize::MAX, |at| words[at].parse().unwrap()),
            range: range.unwrap_or((i64::MIN.into(), i64::MAX.into())),
            entries: Vec::new(),
            clock: 0,
        }
    }

    /// Ascending as ZRANGE shows them.
    fn sorted(&self) -> Vec<(i64, u64, String)> {
        let mut sorted = self.entries.clone();
        sorted.sort_by(|one, other| {
            let (first, second) = if self.is_ascending { (one.1, other.1) } else { (other.1, one.1) };
            (one.0, first, &one.2).cmp(&(other.0, second, &other.2))
        });
        sorted
    }

    fn text(&self, units: i64) -> String {
        let (unit, magnitude) = (10u64.pow(self.digits), units.unsigned_abs());
        let sign = if units < 0 { "-" } else { "" };
        if self.digits == 0 {
            return units.to_string();
        }
        format!("{sign}{}.{:0width$}", magnitude / unit, magnitude % unit, width = self.digits as usize)
    }

    /// The score that is stored for this one, or an error.
    fn allowed(&self, wanted: i128) -> Result<i64, &'static str> {
        let in_words = i64::try_from(wanted).is_ok();
        if !in_words && !self.saturates {
            return Err("overflow");
        }
        let nearest = wanted.clamp(self.range.0, self.range.1);
        if nearest != wanted && !self.saturates {
            return Err("range");
        }
        Ok(nearest as i64)
    }

    /// Gives the member this score. Returns false if the board is full and the member would be its last.
    fn put(&mut self, member: &str, units: i64) -> bool {
        match self.entries.iter().position(|entry| entry.2 == member) {
            Some(at) if self.entries[at].0 == units => return true,
            Some(at) => drop(self.entries.swap_remove(at)),
            None => {}
        }
        let was_there = self.entries.len();
        self.clock += 1;
        self.entries.push((units, if self.has_moments { self.clock } else { 0 }, member.to_owned()));
        if was_there < self.cap {
            return true;
        }
        let sorted = self.sorted();
        let last = if self.is_ascending { sorted.last() } else { sorted.first() }.unwrap().2.clone();
        self.entries.retain(|entry| entry.2 != last);
        last != member
    }

    fn shown(&self) -> Reply {
        let flat = self.sorted().into_iter().flat_map(|(units, _, member)| [member, self.text(units)]);
        Reply::Array(flat.map(|text| Reply::Bulk(text.into_bytes())).collect())
    }

    fn check(&self, client: &mut Client) {
        assert_eq!(
            client.call(&["ZRANGE", &self.name, "0", "-1", "WITHSCORES"]),
            self.shown(),
            "{}",
            self.name
        );
    }
}

fn is_error(reply: &Reply) -> bool {
    matches!(reply, Reply::Error(_))
}

/// One random command on the board, which the oracle follows.
fn step(board: &mut Oracle, client: &mut Client, chance: &mut Chance) {
    let member = format!("m{}", chance.below(9));
    let name = board.name.clone();
    let units = match chance.below(10) {
        0 => i64::MAX - chance.below(2) as i64,
        1 => i64::MIN + chance.below(2) as i64,
        _ => (chance.below(30) as i64 - 8) * 10i64.pow(board.digits.min(17)),
    };
    let text = board.text(units);
    let present = board.entries.iter().find(|entry| entry.2 == member).map(|entry| entry.0);
    match chance.below(12) {
        0..5 => {
            let other = format!("m{}", chance.below(9));
            let reply = client.call(&["ZADD", &name, &text, &member, &text, &other]);
            match board.allowed(units.into()) {
                Ok(units) => {
                    board.put(&member, units);
                    board.put(&other, units);
                    assert!(!is_error(&reply), "{reply:?}");
                }
                Err(_) => assert!(is_error(&reply), "{reply:?} to {text}"),
            }
        }
        5..9 => {
            let reply = client.call(&["ZINCRBY", &name, &text, &member]);
            match board.allowed(i128::from(present.unwrap_or(0)) + i128::from(units)) {
                Ok(total) if board.put(&member, total) => {
                    assert_eq!(reply, Reply::Bulk(board.text(total).into_bytes()));
                }
                Ok(_) => assert_eq!(reply, Reply::NullBulk),
                Err(_) => assert!(is_error(&reply), "{reply:?} to {text}"),
            }
        }
        9 => {
            client.call(&["ZREM", &name, &member]);
            board.entries.retain(|entry| entry.2 != member);
        }
        10 => {
            client.call(&["ZADD", &name, "GT", &text, &member]);
            if let Ok(units) = board.allowed(units.into())
                && present.is_none_or(|present| units > present)
            {
                board.put(&member, units);
            }
        }
        _ => {
            client.call(&["ZPOPMAX", &name]);
            if let Some(last) = board.sorted().last() {
                board.entries.retain(|entry| entry.2 != last.2);
            }
        }
    }
}

#[test]
fn boards_keep_their_policies_step_by_step_and_after_replay() {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed);
    let mut server = Server::rankd_with(&["--appendonly", "yes"]);
    let mut boards: Vec<Oracle> = (0..POLICIES.len()).map(Oracle::new).collect();
    let mut client = server.client();
    for (board, (policy, _)) in boards.iter().zip(POLICIES) {
        let words = ["LB.CREATE", &board.name].into_iter().chain(policy.split(' '));
        assert_eq!(client.call(&words.collect::<Vec<_>>()), Reply::Integer(1));
    }
    for round in 0..4 {
        // Two connections take turns.
        let mut clients = [server.client(), server.client()];
        for number in 0..600 {
            let client = &mut clients[number % 2];
            let at = chance.below(boards.len());
            step(&mut boards[at], client, &mut chance);
            boards[at].check(client);
        }
        if round % 2 == 0 {
            // A base, and Changes after it.
            assert!(!is_error(&clients[0].call(&["BGREWRITEAOF"])));
            for _ in 0..100 {
                let at = chance.below(boards.len());
                step(&mut boards[at], &mut clients[0], &mut chance);
            }
        }
        server = server.restart();
        let mut client = server.client();
        boards.iter().for_each(|board| board.check(&mut client));
        for (board, (policy, _)) in boards.iter().zip(POLICIES) {
            let words = ["LB.CREATE", &board.name].into_iter().chain(policy.split(' '));
            assert_eq!(client.call(&words.collect::<Vec<_>>()), Reply::Integer(0), "the policy stands");
        }
    }
}

#[test]
fn boards_come_back_from_dump_files_and_payloads() {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed);
    let server = Server::rankd_with(&["--appendonly", "no"]);
    let mut boards: Vec<Oracle> = (0..POLICIES.len()).map(Oracle::new).collect();
    let mut client = server.client();
    for (board, (policy, _)) in boards.iter().zip(POLICIES) {
        let words = ["LB.CREATE", &board.name].into_iter().chain(policy.split(' '));
        assert_eq!(client.call(&words.collect::<Vec<_>>()), Reply::Integer(1));
    }
    // The last board stays empty.
    let filled = boards.len() - 1;
    for _ in 0..400 {
        let at = chance.below(filled);
        step(&mut boards[at], &mut client, &mut chance);
    }
    client.call(&["PEXPIREAT", &boards[0].name, "99999999999999"]);
    for board in &boards {
        let Reply::Bulk(payload) = client.call(&["DUMP", &board.name]) else { panic!("no payload") };
        let copy: [&[u8]; 4] = [b"RESTORE", b"copy", b"0", &payload];
        assert_eq!(client.call(&copy), Reply::Simple(b"OK".to_vec()));
        assert_eq!(client.call(&["ZRANGE", "copy", "0", "-1", "WITHSCORES"]), board.shown());
        let mut damaged = payload.clone();
        damaged[9] ^= 1;
        let damaged: [&[u8]; 4] = [b"RESTORE", b"other", b"0", &damaged];
        assert!(is_error(&client.call(&damaged)));
        client.call(&["DEL", "copy"]);
    }
    assert_eq!(client.call(&["SAVE"]), Reply::Simple(b"OK".to_vec()));
    let server = server.restart();
    let mut client = server.client();
    for (board, (policy, _)) in boards.iter_mut().zip(POLICIES) {
        board.check(&mut client);
        let words = ["LB.CREATE", &board.name].into_iter().chain(policy.split(' '));
        assert_eq!(client.call(&words.collect::<Vec<_>>()), Reply::Integer(0), "the policy stands");
    }
    assert_eq!(client.call(&["PEXPIRETIME", &boards[0].name]), Reply::Integer(99_999_999_999_999));
    for _ in 0..200 {
        let at = chance.below(boards.len());
        step(&mut boards[at], &mut client, &mut chance);
        boards[at].check(&mut client);
    }
}

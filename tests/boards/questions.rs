//! Submits and the questions of leaderboards, at random, on sorted sets and on boards with policies: all is answered as by the
//! oracle.

use super::oracle::{Keep, Mode, Oracle};
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::escape;
use crate::support::number_from_env;
use crate::support::reply::Reply;
use crate::support::server::Server;

const MODES: [(Mode, &str); 3] =
    [(Mode::Row, "ROW"), (Mode::Competition, "COMPETITION"), (Mode::Dense, "DENSE")];

fn words(text: &str) -> Vec<Vec<u8>> {
    text.split_ascii_whitespace().map(|word| word.as_bytes().to_vec()).collect()
}

/// Some members; one in twenty is a word of the syntax or empty.
fn member(chance: &mut Chance, members: usize) -> Vec<u8> {
    match chance.below(20) {
        0 => chance.pick(&["", "MODE", "GET", "\x00\r\n"]).as_bytes().to_vec(),
        _ => format!("m{}", chance.below(members)).into_bytes(),
    }
}

/// Redis's digits of a double are not always the shortest that read back as the same; those of the oracle are.
fn with_shortest_percentiles(request: &[Vec<u8>], answer: Reply) -> Reply {
    if !request.iter().any(|word| word == b"WITHPERCENTILE") {
        return answer;
    }
    let shortest = |text: &[u8]| {
        let text = std::str::from_utf8(text).expect("digits");
        text.parse::<f64>().expect("a number").to_string().into_bytes()
    };
    let is_friendrank = request[0] == b"FRIENDRANK";
    let row = |row: Reply| {
        let Reply::Array(mut cells) = row else { return row };
        // LB.RANK has the time behind it, and FRIENDRANK the rank on the whole board before it.
        let at = if is_friendrank { cells.len() - 1 } else { 3 };
        cells[at] = match &cells[at] {
            Reply::Bulk(text) => Reply::Bulk(shortest(text)),
            Reply::Double(text) => Reply::Double(shortest(text)),
            other => other.clone(),
        };
        Reply::Array(cells)
    };
    let Reply::Array(rows) = answer else { return answer };
    Reply::Array(rows.into_iter().map(row).collect())
}

/// A request, and the answer that is expected.
fn question(chance: &mut Chance, board: &Oracle, other: &Oracle, members: usize) -> (Vec<Vec<u8>>, Reply) {
    let (mode, name) = MODES[chance.below(3)];
    let gets = chance.percent(20);
    let options = |default: bool| {
        let mode = if default { String::new() } else { format!(" MODE {name}") };
        words(&(mode + if gets { " GET name:*->nick GET #" } else { "" }))
    };
    let is_default = mode == Mode::Row && chance.percent(50);
    let count = if chance.percent(90) { chance.below(12) } else { chance.below(2 * members) };
    match chance.below(8) {
        0 => {
            let offset = chance.below(board.entries.len() + 3);
            let request = words(&format!("LB.TOP board {count} OFFSET {offset}"));
            ([request, options(is_default)].concat(), board.top(count, offset, mode, gets))
        }
        1 => {
            let (member, fills) = (member(chance, members), chance.percent(50));
            let request =
                [words("LB.AROUND board"), vec![member.clone()], words(&count.to_string())].concat();
            let fill = if fills { words("FILL") } else { Vec::new() };
            ([request, fill, options(is_default)].concat(), board.around(&member, count, fills, mode, gets))
        }
        2 => {
            let asked: Vec<Vec<u8>> = (0..=count).map(|_| member(chance, members)).collect();
            let (with_percentile, with_time) = (chance.percent(50), board.ties_first && chance.percent(50));
            let request = words(&format!("LB.RANK board MODE {name} MEMBERS {}", asked.len()));
            let percentile = if with_percentile { words("WITHPERCENTILE") } else { Vec::new() };
            let time = if with_time { words("WITHTIME") } else { Vec::new() };
            (
                [request, asked.clone(), percentile, time].concat(),
                board.ranks(&asked, mode, with_percentile, with_time),
            )
        }
        3 => {
            let units = units(chance, board);
            let text = board.text(units);
            (words(&format!("LB.NEAR board {text} {count}")), board.near(units, count))
        }
        4 => {
            let member = member(chance, members);
            let request = [words("LB.STANDING 2 board other"), vec![member.clone()]].concat();
            let boards = [board, other];
            ([request, words(&format!("MODE {name}"))].concat(), Oracle::standing(&boards, &member, mode))
        }
        5 => {
            let user = member(chance, members);
            let friends: Vec<Vec<u8>> = (0..count).map(|_| member(chance, members)).collect();
            let (with_global, with_percentile) = (chance.percent(30), chance.percent(50));
            let ascends = chance.percent(20);
            let request = [words("FRIENDRANK board"), vec![user.clone()]].concat();
            let list = [words(&format!("MEMBERS {}", friends.len())), friends.clone()].concat();
            let mut options = format!("MODE {name}");
            for (is_wanted, word) in
                [(with_global, " WITHGLOBAL"), (with_percentile, " WITHPERCENTILE"), (ascends, " ASC")]
            {
                options += if is_wanted { word } else { "" };
            }
            let everyone = [friends, vec![user]].concat();
            let answer = board.friends(&everyone, mode, ascends, with_global, with_percentile);
            let list = if everyone.len() > 1 { list } else { words("FRIENDS nobody") };
            ([request, list, words(&options)].concat(), answer)
        }
        6 => {
            let shares: Vec<usize> = (0..=chance.below(5)).map(|_| chance.below(1001)).collect();
            let spell = |share: &usize| match share % 3 {
                0 => format!("{share}e-3"),
                1 => format!("{}.{:03}", share / 1000, share % 1000),
                _ => format!("+{}.{:03}0e0", share / 1000, share % 1000),
            };
            let texts: Vec<String> = shares.iter().map(spell).collect();
            (words(&format!("LB.QUANTILE board {}", texts.join(" "))), board.quantiles(&shares))
        }
        _ => {
            let mut bounds: Vec<i64> = (0..=chance.below(6)).map(|_| units(chance, board)).collect();
            bounds.sort_unstable();
            bounds.dedup();
            let texts: Vec<String> = bounds.iter().map(|units| board.text(*units)).collect();
            (words(&format!("LB.HISTOGRAM board {}", texts.join(" "))), board.histogram(&bounds))
        }
    }
}

/// A score near those of other members; many members share one.
fn units(chance: &mut Chance, board: &Oracle) -> i64 {
    match chance.below(10) {
        0..6 => (chance.below(8) as i64 - 1) * board.one(),
        6..9 => chance.below(120) as i64 - 9,
        _ => (chance.below(90) as i64 - 9) * board.one() / 2,
    }
}

/// Changes a sorted set as commands of Redis do.
fn change(client: &mut Client, chance: &mut Chance, key: &str, board: &mut Oracle, members: usize) {
    let member = member(chance, members);
    if chance.percent(20) {
        client.call(&[b"ZREM".as_slice(), key.as_bytes(), &member]);
        return board.remove(&member);
    }
    let units = units(chance, board);
    client.call(&[b"ZADD".as_slice(), key.as_bytes(), board.text(units).as_bytes(), &member]);
    board.submit(&member, units, Keep::Latest, None);
}

/// Submits a score. Returns the request and the answer that is expected.
fn submit(chance: &mut Chance, board: &mut Oracle, members: usize) -> (Vec<Vec<u8>>, Reply) {
    let (member, units, at_ms) = (member(chance, members), units(chance, board), chance.below(1000) as i64);
    let keeps =
        [("", board.keep), ("KEEP LATEST", Keep::Latest), ("KEEP BEST", Keep::Best), ("KEEP SUM", Keep::Sum)];
    // CAP does not go with KEEP SUM.
    let (keep_words, keep) = keeps[chance.below(if board.cap.is_some() { 3 } else { 4 })];
    let returns = chance.percent(50);
    let at = if board.ties_first { format!("AT {at_ms}") } else { String::new() };
    let back = if returns { "RETURN" } else { "" };
    let request = words(&format!("LB.SUBMIT board {keep_words} {at} {back} {}", board.text(units)));
    let (before, _) = board.place_cells(&member);
    let was_there = matches!(before[1], Reply::Integer(_));
    let is_changed = board.submit(&member, units, keep, Some(at_ms));
    let (after, ahead) = board.place_cells(&member);
    let is_there = matches!(after[1], Reply::Integer(_));
    let status = match (is_changed, was_there || is_there) {
        (true, _) => "applied",
        (false, true) => "kept",
        (false, false) => "capped",
    };
    let row = [vec![Reply::Bulk(status.as_bytes().to_vec())], after.into(), before.into(), ahead.into()];
    let answer = match returns {
        true => Reply::Array(vec![Reply::Array(row.concat())]),
        false => Reply::Integer(i64::from(is_changed)),
    };
    ([request, vec![member]].concat(), answer)
}

/// A board without a policy, or with any.
fn board(chance: &mut Chance, is_resp3: bool) -> Oracle {
    let plain = Oracle { is_resp3, ..Oracle::default() };
    if chance.percent(30) {
        return plain;
    }
    let cap = chance.percent(30).then(|| 1 + chance.below(60));
    let keeps = [Keep::Latest, Keep::Best, Keep::Sum];
    Oracle {
        digits: [None, Some(0), Some(2)][chance.below(3)],
        lowest_is_best: chance.percent(50),
        ties_first: chance.percent(60),
        keep: keeps[chance.below(if cap.is_some() { 2 } else { 3 })],
        cap,
        ..plain
    }
}

fn run(protocol: &str) {
    let server = Server::rankd();
    let mut client = server.client();
    assert!(!client.call(&["HELLO", protocol]).is_error());
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed ^ protocol.len() as u64);
    for _ in 0..number_from_env("RANKD_BOARD_ROUNDS", 12) {
        client.call(&["FLUSHALL"]);
        let is_resp3 = protocol == "3";
        let mut board = board(&mut chance, is_resp3);
        let mut other = Oracle { is_resp3, ..Oracle::default() };
        if board.policy() != other.policy() {
            let created = client.ask(&format!("LB.CREATE board {}", board.policy()));
            assert_eq!(created, Reply::Integer(1), "{}", board.policy());
        }
        let members = 1 + chance.below(400);
        for number in (0..members).step_by(2) {
            let (member, nick) = (format!("m{number}"), format!("Nick {number}"));
            client.call(&["HSET", &format!("name:{member}"), "nick", &nick]);
            board.nicks.insert(member.into_bytes(), nick.into_bytes());
        }
        for step in 0..200 + chance.below(2 * members) {
            let (request, expected) = match chance.below(3) {
                0 if step > members => question(&mut chance, &board, &other, members),
                1 => {
                    change(&mut client, &mut chance, "other", &mut other, 20);
                    let member = member(&mut chance, members);
                    let count = board.entries.len();
                    board.remove(&member);
                    let removed = Reply::Integer((count - board.entries.len()) as i64);
                    (vec![b"ZREM".to_vec(), b"board".to_vec(), member], removed)
                }
                _ => submit(&mut chance, &mut board, members),
            };
            let answer = with_shortest_percentiles(&request, client.call(&request));
            assert_eq!(
                answer.lines().join(" | "),
                expected.lines().join(" | "),
                "RANKD_SEED={seed}: {}: {}",
                board.policy(),
                escape::line(&request)
            );
        }
    }
}

#[test]
fn questions_are_answered_as_by_the_oracle_in_resp2() {
    run("2");
}

#[test]
fn questions_are_answered_as_by_the_oracle_in_resp3() {
    run("3");
}

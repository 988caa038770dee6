//! The questions of leaderboards, asked at random of boards that change, and answered as by the oracle.

use super::oracle::{Mode, Oracle, UNITS};
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
fn with_shortest_percentiles(answer: Reply) -> Reply {
    let shortest = |text: &[u8]| {
        let text = std::str::from_utf8(text).expect("digits");
        text.parse::<f64>().expect("a number").to_string().into_bytes()
    };
    let row = |row: Reply| match row {
        Reply::Array(mut cells) if cells.len() == 4 => {
            cells[3] = match &cells[3] {
                Reply::Bulk(text) => Reply::Bulk(shortest(text)),
                Reply::Double(text) => Reply::Double(shortest(text)),
                other => other.clone(),
            };
            Reply::Array(cells)
        }
        other => other,
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
    match chance.below(7) {
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
            let with_percentile = chance.percent(50);
            let request = words(&format!("LB.RANK board MODE {name} MEMBERS {}", asked.len()));
            let percentile = if with_percentile { words("WITHPERCENTILE") } else { Vec::new() };
            ([request, asked.clone(), percentile].concat(), board.ranks(&asked, mode, with_percentile))
        }
        3 => {
            let units = chance.below(60) as i64 * UNITS / 2 - 4;
            let text = String::from_utf8(Oracle::text(units)).expect("digits");
            (words(&format!("LB.NEAR board {text} {count}")), board.near(units, count))
        }
        4 => {
            let member = member(chance, members);
            let request = [words("LB.STANDING 2 board other"), vec![member.clone()]].concat();
            let boards = [board, other];
            ([request, words(&format!("MODE {name}"))].concat(), Oracle::standing(&boards, &member, mode))
        }
        5 => {
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
            let mut bounds: Vec<i64> = (0..=chance.below(6)).map(|_| chance.below(130) as i64 - 5).collect();
            bounds.sort_unstable();
            bounds.dedup();
            let text = |units: &i64| String::from_utf8(Oracle::text(*units)).expect("digits");
            let texts: Vec<String> = bounds.iter().map(text).collect();
            (words(&format!("LB.HISTOGRAM board {}", texts.join(" "))), board.histogram(&bounds))
        }
    }
}

fn change(client: &mut Client, chance: &mut Chance, key: &str, board: &mut Oracle, members: usize) {
    let member = member(chance, members);
    if chance.percent(20) {
        client.call(&[b"ZREM".as_slice(), key.as_bytes(), &member]);
        return board.remove(&member);
    }
    // Many members share a score.
    let units = if chance.percent(70) { chance.below(8) as i64 * UNITS } else { chance.below(120) as i64 };
    client.call(&[b"ZADD".as_slice(), key.as_bytes(), &Oracle::text(units), &member]);
    board.set(&member, units);
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
        let (mut board, mut other) =
            (Oracle { is_resp3, ..Oracle::default() }, Oracle { is_resp3, ..Oracle::default() });
        let members = 1 + chance.below(400);
        for number in (0..members).step_by(2) {
            let (member, nick) = (format!("m{number}"), format!("Nick {number}"));
            client.call(&["HSET", &format!("name:{member}"), "nick", &nick]);
            board.nicks.insert(member.into_bytes(), nick.into_bytes());
        }
        for _ in 0..chance.below(2 * members) {
            change(&mut client, &mut chance, "board", &mut board, members);
        }
        for _ in 0..200 {
            change(&mut client, &mut chance, "board", &mut board, members);
            change(&mut client, &mut chance, "other", &mut other, 20);
            let (request, expected) = question(&mut chance, &board, &other, members);
            let answer = with_shortest_percentiles(client.call(&request));
            assert_eq!(
                answer.lines().join(" | "),
                expected.lines().join(" | "),
                "RANKD_SEED={seed}: {}",
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

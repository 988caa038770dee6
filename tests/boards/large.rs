//! Questions about so many members that they are answered beside the connection's thread, and sent piece by piece.

use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;

const MEMBERS: usize = 30_000;

/// Sends `words` and then as many of `items` at a time.
fn send_all(client: &mut Client, words: &[&str], items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    for some in items.chunks(2000) {
        let words = words.iter().copied().chain(some.iter().map(String::as_str));
        assert!(!client.call(&words.collect::<Vec<_>>()).is_error());
    }
}

/// The rows of the whole board in MODE DENSE, from ZRANGE.
fn dense_rows(client: &mut Client) -> Vec<Vec<Reply>> {
    let all = client.ask("ZRANGE board 0 -1 REV WITHSCORES");
    let (mut rank, mut last) = (-1, None);
    let mut row = |pair: &[Reply]| {
        rank += i64::from(last.as_ref() != Some(&pair[1]));
        last = Some(pair[1].clone());
        vec![pair[0].clone(), pair[1].clone(), Reply::Integer(rank)]
    };
    all.items().chunks(2).map(&mut row).collect()
}

fn of(rows: &[Vec<Reply>]) -> Reply {
    Reply::Array(rows.iter().cloned().map(Reply::Array).collect())
}

#[test]
fn long_answers_equal_short_ones() {
    let server = Server::rankd();
    let mut client = server.client();
    // Half of the scores are shared by few members, the others by thousands.
    let score = |number: usize| if number.is_multiple_of(2) { number / 6 } else { 100_000 + number % 5 };
    let members = (0..MEMBERS).flat_map(|number| [score(number).to_string(), format!("m{number}")]);
    send_all(&mut client, &["ZADD", "board"], members);
    for number in (0..MEMBERS).step_by(3) {
        client.send(&["HSET", &format!("name:m{number}"), "nick", &format!("Nick {number}")]);
    }
    (0..MEMBERS).step_by(3).for_each(|_| assert_eq!(client.reply(), Reply::Integer(1)));
    let rows = dense_rows(&mut client);
    assert_eq!(rows.len(), MEMBERS);
    let joined: Vec<Vec<Reply>> = rows
        .iter()
        .map(|row| {
            let member = row[0].text();
            let number: usize = member[1..].parse().expect("a number");
            let nick = Reply::Bulk(format!("Nick {number}").into_bytes());
            let nick = if number.is_multiple_of(3) { nick } else { Reply::NullBulk };
            [row.clone(), vec![nick, Reply::Bulk(member.into_bytes())]].concat()
        })
        .collect();
    let top = format!("LB.TOP board {MEMBERS} MODE DENSE");
    assert!(client.ask(&top) == of(&rows));
    assert!(client.ask(&format!("{top} GET name:*->nick GET #")) == of(&joined));
    assert!(
        client.ask("LB.TOP board 2500 OFFSET 27000 GET name:*->nick GET # MODE DENSE")
            == of(&joined[27_000..29_500])
    );
    for place in [0, 1, 9_000, 15_000, 20_000, MEMBERS - 2] {
        assert!(
            client.ask(&format!("LB.TOP board 2 OFFSET {place} MODE DENSE")) == of(&rows[place..place + 2])
        );
        let around = format!("LB.AROUND board {} 0 MODE DENSE", rows[place][0].text());
        assert!(client.ask(&around) == of(&rows[place..=place]));
    }
    let asked: Vec<&Vec<Reply>> = rows.iter().step_by(3).rev().collect();
    let names = asked.iter().map(|row| row[0].text());
    let request = ["LB.RANK", "board", "MODE", "DENSE", "MEMBERS", "10000"].map(str::to_owned);
    let request: Vec<String> = request.into_iter().chain(names).collect();
    let rows: Vec<Vec<Reply>> = asked.into_iter().cloned().collect();
    assert!(client.call(&request) == of(&rows));
}

/// A base is built in order, without the members that moved while it was written: the records behind it have those.
#[test]
fn large_boards_with_policies_come_back_from_bases_that_writers_disturbed() {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed);
    let mut server = Server::rankd_with(&["--appendonly", "yes", "--enable-debug-command", "yes"]);
    let policies =
        ["INTEGER TIES FIRST IDS 5", "DECIMAL 2 ORDER ASC CAP 29000", "FLOAT TIES FIRST ORDER ASC"];
    let mut client = server.client();
    for (number, policy) in policies.iter().enumerate() {
        let key = format!("board{number}");
        assert_eq!(client.ask(&format!("LB.CREATE {key} SCORE {policy}")), Reply::Integer(1));
        let pairs = (0..MEMBERS).flat_map(|member| [(member * 7 % 1000).to_string(), format!("m{member}")]);
        send_all(&mut client, &["LB.SUBMIT", &key], pairs);
    }
    for round in 0..3 {
        assert!(!client.ask("BGREWRITEAOF").is_error());
        for step in 0..3_000 {
            let (key, member) = (format!("board{}", chance.below(3)), chance.below(MEMBERS + 50));
            let score = chance.below(1_000).to_string();
            if key == "board0" && step % 50 == 0 {
                client.send(&["LB.SUBMIT", &key, "ID", &format!("{round}-{step}"), &score, "counted"]);
            } else if chance.percent(10) {
                client.send(&["ZREM", &key, &format!("m{member}")]);
            } else {
                client.send(&["LB.SUBMIT", &key, &score, &format!("m{member}")]);
            }
        }
        (0..3_000).for_each(|_| assert!(!client.reply().is_error()));
        // Two restarts: on a base that is being written or just complete, and on what the first one read.
        for _ in 0..2 {
            let digest = client.ask("DEBUG DIGEST");
            server.kill();
            server = server.restart();
            client = server.client();
            assert_eq!(client.ask("DEBUG DIGEST"), digest, "round {round}");
        }
        wait_for("the base", || {
            let info = client.ask("INFO persistence").text();
            info.contains("aof_rewrite_in_progress:0").then_some(())
        });
    }
}

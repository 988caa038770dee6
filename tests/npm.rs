//! The steps of the README on real data: 3,015 npm packages with monthly downloads. They are loaded as by `redis-cli
//! --pipe`, queried with all queries of a leaderboard, and queried again after the process was killed.
//!
//! `tests/data/npm-downloads-slice.tsv` keeps the hundred most downloaded packages, `react`, and many ties.

use crate::differential::friends::{Mode, Part, Question, oracle};
use crate::support::client::{Client, encode};
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};
use crate::support::wait_for;

const BOARD: &[u8] = b"npm";
const MILLION: i64 = 1_000_000;

struct Package {
    name: String,
    downloads: i64,
}

/// The packages of the file, best first, in the order of a ranking: by downloads, then by name, both descending.
fn packages() -> Vec<Package> {
    let text = include_str!("data/npm-downloads-slice.tsv");
    let mut packages: Vec<Package> = text
        .lines()
        .map(|line| {
            let (name, downloads) = line.split_once('\t').expect("name TAB downloads");
            Package { name: name.to_owned(), downloads: downloads.parse().expect("a number") }
        })
        .collect();
    packages.sort_by(|a, b| (b.downloads, b.name.as_bytes()).cmp(&(a.downloads, a.name.as_bytes())));
    packages
}

/// Loads like `redis-cli --pipe`: sends everything, then an ECHO of random bytes that marks the end of the replies.
fn load(server: &Server, packages: &[Package]) {
    let mut bytes = Vec::new();
    for package in packages {
        bytes.extend(encode(&[
            BOARD_ADD,
            BOARD,
            package.downloads.to_string().as_bytes(),
            package.name.as_bytes(),
        ]));
    }
    let friends = friends_of_alice(packages);
    for friend in &friends {
        bytes.extend(encode(&[b"FRIENDADD".as_slice(), b"alice", friend]));
    }
    let marker = b"\x01\xfeend of pipe\x00\r\n....";
    bytes.extend(encode(&[b"ECHO".as_slice(), marker]));
    let mut client = server.client();
    let mut writer = client.try_clone();
    std::thread::scope(|scope| {
        scope.spawn(move || writer.send_raw(&bytes));
        for _ in 0..packages.len() + friends.len() {
            assert_eq!(client.reply(), Reply::Integer(1));
        }
        assert_eq!(client.reply().bytes(), marker);
    });
}

const BOARD_ADD: &[u8] = b"ZADD";

/// 200 people; a tenth of them is no package and has no score.
fn friends_of_alice(packages: &[Package]) -> Vec<Vec<u8>> {
    let step = packages.len() / 200;
    (0..200)
        .map(
            |number| {
                if number % 10 == 3 {
                    format!("nobody-{number}")
                } else {
                    packages[number * step].name.clone()
                }
            },
        )
        .map(String::into_bytes)
        .collect()
}

/// All queries, each reply checked against the file. Returns the replies, to compare them with later ones.
fn walk(client: &mut Client, packages: &[Package]) -> Vec<Reply> {
    let mut answers = Vec::new();
    let mut ask = |client: &mut Client, line: &str| {
        let answer = client.ask(line);
        answers.push(answer.clone());
        answer
    };
    let place = packages.iter().position(|package| package.name == "react").expect("react is in the slice");

    assert_eq!(ask(client, "ZCARD npm").integer(), packages.len() as i64);

    let top = ask(client, "ZREVRANGE npm 0 9 WITHSCORES");
    let top: Vec<(String, i64)> =
        top.items().chunks(2).map(|pair| (pair[0].text(), pair[1].score() as i64)).collect();
    let expected: Vec<(String, i64)> =
        packages[..10].iter().map(|package| (package.name.clone(), package.downloads)).collect();
    assert_eq!(top, expected);

    let react = ask(client, "ZREVRANK npm react WITHSCORE");
    assert_eq!(react.items()[0].integer(), place as i64);
    assert_eq!(react.items()[1].text(), packages[place].downloads.to_string());
    assert_eq!(ask(client, "ZSCORE npm react").text(), packages[place].downloads.to_string());
    assert_eq!(ask(client, "ZRANK npm react").integer(), (packages.len() - 1 - place) as i64);

    let around = ask(client, &format!("ZRANGE npm {} {} REV", place - 3, place + 3));
    let around: Vec<String> = around.items().iter().map(Reply::text).collect();
    let expected: Vec<&str> =
        packages[place - 3..=place + 3].iter().map(|package| package.name.as_str()).collect();
    assert_eq!(around, expected);

    let above = packages.iter().filter(|package| package.downloads > MILLION).count() as i64;
    assert_eq!(ask(client, "ZCOUNT npm (1000000 +inf").integer(), above);
    assert!(above > 100);

    // Equal scores are in the order of their names.
    let tied: Vec<&Package> = packages.iter().rev().filter(|package| package.downloads == 484).collect();
    assert!(tied.len() > 100, "the slice keeps many ties");
    let names = ask(client, "ZRANGEBYSCORE npm 484 484");
    let names: Vec<String> = names.items().iter().map(Reply::text).collect();
    assert_eq!(names, tied.iter().map(|package| package.name.as_str()).collect::<Vec<_>>());

    let friends = friends_of_alice(packages);
    assert_eq!(ask(client, "SCARD friends:alice").integer(), friends.len() as i64);
    let questions = [
        Question::PLAIN,
        Question { with_unranked: true, without_user: true, ..Question::PLAIN },
        Question { part: Part::Top(10), with_global: true, ..Question::PLAIN },
        Question { mode: Mode::Dense, ascending: true, ..Question::PLAIN },
        Question { mode: Mode::Competition, ..Question::PLAIN },
    ];
    for question in &questions {
        let request =
            [vec![b"FRIENDRANK".to_vec(), BOARD.to_vec(), b"alice".to_vec()], question.words()].concat();
        let answer = client.call(&request);
        assert_eq!(answer, oracle(client, BOARD, b"alice", &friends, question));
        answers.push(answer);
    }
    // react among alice's friends, whose key is given here.
    let people = [friends.clone(), vec![b"alice".to_vec()]].concat();
    for part in [Part::Own, Part::Around(3), Part::Top(5)] {
        let question = Question { part, ..Question::PLAIN };
        let source = [b"FRIENDS".to_vec(), b"friends:alice".to_vec()].to_vec();
        let start = vec![b"FRIENDRANK".to_vec(), BOARD.to_vec(), b"react".to_vec()];
        let answer = client.call(&[start, source, question.words()].concat());
        let friends = &people[..friends.len()];
        assert_eq!(answer, oracle(client, BOARD, b"react", friends, &question));
        answers.push(answer);
    }
    answers
}

#[test]
fn the_packages_of_npm_are_ranked_and_survive() {
    let packages = packages();
    let mut server = Server::rankd_with(&["--appendonly", "yes"]);
    load(&server, &packages);
    let before = walk(&mut server.client(), &packages);

    server.kill();
    server = server.restart();
    assert_eq!(walk(&mut server.client(), &packages), before, "after kill -9");

    // The start has already begun a rewrite.
    wait_for("the rewrite after kill -9", || {
        let information = server.client().call(&["INFO", "persistence"]).text();
        information.contains("aof_rewrites:1\r\n").then_some(())
    });
    // A score that was set during the rewrite must be recovered together with the rewritten data.
    let answer = server.client().call(&["BGREWRITEAOF"]);
    assert!(!answer.is_error(), "{answer:?}");
    server.client().call(&["ZADD", "npm", "5e12", "a newcomer"]);
    wait_for("the end of the rewrite", || {
        let information = server.client().call(&["INFO", "persistence"]).text();
        information.contains("aof_rewrite_in_progress:0").then_some(())
    });
    server.kill();
    server = server.restart();
    let mut client = server.client();
    assert_eq!(
        client.call(&["ZREVRANK", "npm", "a newcomer"]),
        Reply::Integer(0),
        "after a rewrite and kill -9"
    );
    assert_eq!(client.call(&["ZREM", "npm", "a newcomer"]), Reply::Integer(1));
    assert_eq!(walk(&mut client, &packages), before, "after a rewrite and kill -9");

    let status = server.terminate();
    assert!(status.success(), "SIGTERM: {status}\n{}", server.said());
    server = server.restart();
    assert_eq!(walk(&mut server.client(), &packages), before, "after SIGTERM");
}

/// The README's two players who reach the same score: one double for score and time cannot tell who was first, in Redis and in
/// rankd; a board can.
#[test]
fn the_first_to_reach_a_score_is_first() {
    let doubles = |client: &mut Client| {
        client.ask("ZADD doubles 99999999998242364800 early 99999999998242361200 late");
        let names = client.ask("ZREVRANGE doubles 0 -1");
        names.items().iter().map(Reply::text).collect::<Vec<_>>()
    };
    if let Some(redis) = Server::peer(Peer::Redis, &[]) {
        assert_eq!(doubles(&mut redis.client()), ["late", "early"]);
    }
    let server = Server::rankd();
    let mut client = server.client();
    assert_eq!(doubles(&mut client), ["late", "early"]);
    assert_eq!(client.ask("LB.CREATE day SCORE INTEGER TIES FIRST").integer(), 1);
    assert_eq!(client.ask("LB.SUBMIT day 999999999 early").integer(), 1);
    let row = client.ask("LB.SUBMIT day RETURN 999999999 late");
    assert_eq!(row.lines().join(" "), r#"*[ *[ "applied" "999999999" :1 nil nil "early" "999999999" ] ]"#);
    let names = client.ask("ZREVRANGE day 0 -1");
    assert_eq!(names.items().iter().map(Reply::text).collect::<Vec<_>>(), ["early", "late"]);
}

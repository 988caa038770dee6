//! FRIENDRANK compared with a naive oracle, which sorts the ZSCOREs of all friends.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::escape;
use crate::support::number_from_env;
use crate::support::reply::Reply;
use crate::support::server::Server;

/// How equal scores are numbered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Row,
    Competition,
    Dense,
}

/// Which rows are requested.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    All,
    Top(usize),
    Around(usize),
    Own,
}

/// The options of a FRIENDRANK request.
#[derive(Clone, Copy)]
pub(crate) struct Question {
    pub(crate) part: Part,
    pub(crate) mode: Mode,
    pub(crate) ascending: bool,
    pub(crate) without_user: bool,
    pub(crate) with_global: bool,
    pub(crate) with_unranked: bool,
}

impl Question {
    /// All rows, best first.
    pub(crate) const PLAIN: Question = Question {
        part: Part::All,
        mode: Mode::Row,
        ascending: false,
        without_user: false,
        with_global: false,
        with_unranked: false,
    };

    /// The options as words.
    pub(crate) fn words(&self) -> Vec<Vec<u8>> {
        let mut words: Vec<String> = Vec::new();
        match self.part {
            Part::All => {}
            Part::Top(n) => words.extend(["TOP".to_owned(), n.to_string()]),
            Part::Around(n) => words.extend(["AROUND".to_owned(), n.to_string()]),
            Part::Own => words.push("SELF".to_owned()),
        }
        match self.mode {
            Mode::Row => {}
            Mode::Competition => words.extend(["MODE".to_owned(), "COMPETITION".to_owned()]),
            Mode::Dense => words.extend(["MODE".to_owned(), "DENSE".to_owned()]),
        }
        let flags = [
            (self.ascending, "ASC"),
            (self.without_user, "NOSELF"),
            (self.with_global, "WITHGLOBAL"),
            (self.with_unranked, "WITHUNRANKED"),
        ];
        words.extend(flags.iter().filter(|(set, _)| *set).map(|(_, word)| (*word).to_owned()));
        words.into_iter().map(String::into_bytes).collect()
    }
}

struct Row {
    member: Vec<u8>,
    /// A score as the server prints it, to compare replies byte for byte.
    score: Reply,
    rank: usize,
}

/// The expected reply of FRIENDRANK, computed from ZSCORE of each of `people`, from ZRANK for global ranks, and by a sort.
pub(crate) fn oracle(
    client: &mut Client,
    board: &[u8],
    user: &[u8],
    friends: &[Vec<u8>],
    question: &Question,
) -> Reply {
    let mut people: BTreeSet<Vec<u8>> = friends.iter().cloned().collect();
    people.insert(user.to_vec());
    if question.without_user {
        people.remove(user);
    }
    let nil = client.call(&[b"ZSCORE".as_slice(), b"no such board", b"x"]);
    let mut rows = Vec::new();
    let mut unranked = Vec::new();
    for member in people {
        let score = client.call(&[b"ZSCORE".as_slice(), board, &member]);
        if score.is_nil() {
            unranked.push(member);
        } else {
            rows.push(Row { member, score, rank: 0 });
        }
    }
    rows.sort_by(|a, b| {
        let by_score = a.score.score().partial_cmp(&b.score.score()).unwrap_or(Ordering::Equal);
        let ascending = by_score.then_with(|| a.member.cmp(&b.member));
        if question.ascending { ascending } else { ascending.reverse() }
    });
    for place in 0..rows.len() {
        let same_as_before = place > 0 && rows[place].score == rows[place - 1].score;
        rows[place].rank = match question.mode {
            Mode::Row => place,
            Mode::Competition | Mode::Dense if same_as_before => rows[place - 1].rank,
            Mode::Competition => place,
            Mode::Dense if place == 0 => 0,
            Mode::Dense => rows[place - 1].rank + 1,
        };
    }
    let size = rows.len();
    let own = rows.iter().position(|row| row.member == user);
    let shown = match question.part {
        Part::All => 0..size,
        Part::Top(n) => 0..n.min(size),
        Part::Around(n) => own.map_or(0..0, |own| own.saturating_sub(n)..own.saturating_add(n + 1).min(size)),
        Part::Own => {
            let number = |number: usize| Reply::Integer(number as i64);
            return match own {
                Some(own) => {
                    Reply::Array(vec![rows[own].score.clone(), number(rows[own].rank), number(size)])
                }
                None if nil == Reply::Null => Reply::Null,
                None => Reply::NullArray,
            };
        }
    };
    let mut reply = Vec::new();
    for row in &rows[shown] {
        let mut cells =
            vec![Reply::Bulk(row.member.clone()), row.score.clone(), Reply::Integer(row.rank as i64)];
        if question.with_global {
            let command: &[u8] = if question.ascending { b"ZRANK" } else { b"ZREVRANK" };
            cells.push(client.call(&[command, board, &row.member]));
        }
        reply.push(Reply::Array(cells));
    }
    if question.with_unranked {
        for member in unranked {
            let nils = if question.with_global { 3 } else { 2 };
            reply.push(Reply::Array([vec![Reply::Bulk(member)], vec![nil.clone(); nils]].concat()));
        }
    }
    Reply::Array(reply)
}

fn random_question(chance: &mut Chance) -> Question {
    let part = match chance.below(5) {
        0..2 => Part::All,
        2 => Part::Top(chance.below(12)),
        3 => Part::Around(chance.below(6)),
        _ => Part::Own,
    };
    let shows_user = matches!(part, Part::Around(_) | Part::Own);
    Question {
        part,
        mode: [Mode::Row, Mode::Competition, Mode::Dense][chance.below(3)],
        ascending: chance.percent(40),
        without_user: !shows_user && chance.percent(30),
        with_global: !matches!(part, Part::Own) && chance.percent(30),
        with_unranked: matches!(part, Part::All) && chance.percent(30),
    }
}

fn name(chance: &mut Chance) -> Vec<u8> {
    match chance.below(20) {
        0 => Vec::new(),
        1 => b"\x00\xff\r\n".to_vec(),
        _ => format!("p{}", chance.below(40)).into_bytes(),
    }
}

fn assert_answer(client: &mut Client, request: &[Vec<u8>], expected: &Reply, seed: u64) {
    let answer = client.call(request);
    assert_eq!(
        answer.lines().join(" | "),
        expected.lines().join(" | "),
        "RANKD_SEED={seed}: {}",
        escape::line(request)
    );
}

fn run(protocol: &str) {
    let server = Server::rankd();
    let mut client = server.client();
    assert!(!client.call(&["HELLO", protocol]).is_error());
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed ^ protocol.len() as u64);
    let rounds = number_from_env("RANKD_FRIEND_ROUNDS", 60);
    for _ in 0..rounds {
        assert!(!client.call(&["FLUSHALL"]).is_error());
        for _ in 0..chance.below(60) {
            let score = if chance.percent(70) {
                chance.below(6).to_string()
            } else {
                format!("{}e-1", chance.below(99))
            };
            client.call(&[b"ZADD".to_vec(), b"board".to_vec(), score.into_bytes(), name(&mut chance)]);
        }
        for _ in 0..chance.below(30) {
            client.call(&[b"FRIENDADD".to_vec(), name(&mut chance), name(&mut chance), name(&mut chance)]);
            client.call(&[b"ZADD".to_vec(), b"ranked friends".to_vec(), b"7".to_vec(), name(&mut chance)]);
        }
        for _ in 0..chance.below(8) {
            client.call(&[b"FRIENDREM".to_vec(), name(&mut chance), name(&mut chance)]);
        }
        for _ in 0..20 {
            let user = name(&mut chance);
            let own_key = [b"friends:", user.as_slice()].concat();
            let (source, friends) = match chance.below(4) {
                0 => {
                    let people: Vec<Vec<u8>> = (0..1 + chance.below(9)).map(|_| name(&mut chance)).collect();
                    let count = people.len().to_string().into_bytes();
                    ([vec![b"MEMBERS".to_vec(), count], people.clone()].concat(), people)
                }
                1 => {
                    let key = b"ranked friends".to_vec();
                    let people = client.call(&[b"ZRANGE".as_slice(), &key, b"0", b"-1"]);
                    let people = people.items().iter().map(|member| member.bytes().to_vec()).collect();
                    (vec![b"FRIENDS".to_vec(), key], people)
                }
                source => {
                    let people = client.call(&[b"SMEMBERS".as_slice(), &own_key]);
                    let people = people.items().iter().map(|member| member.bytes().to_vec()).collect();
                    let named = source == 2;
                    (if named { vec![b"FRIENDS".to_vec(), own_key] } else { Vec::new() }, people)
                }
            };
            let question = random_question(&mut chance);
            let mut request = vec![b"FRIENDRANK".to_vec(), b"board".to_vec(), user.clone()];
            // The options are in random order.
            if chance.percent(50) {
                request.extend(source);
                request.extend(question.words());
            } else {
                request.extend(question.words());
                request.extend(source);
            }
            let expected = oracle(&mut client, b"board", &user, &friends, &question);
            assert_answer(&mut client, &request, &expected, seed);
        }
    }
}

#[test]
fn friend_rankings_agree_with_the_oracle_in_resp2() {
    run("2");
}

#[test]
fn friend_rankings_agree_with_the_oracle_in_resp3() {
    run("3");
}

/// A long friend list is ranked in steps, and no friend may be missing. With MAXAGE a reply may be an earlier result,
/// without it never.
#[test]
fn a_ranking_of_very_many_friends_agrees_with_the_oracle() {
    const FRIENDS: usize = 9_000;
    let server = Server::rankd();
    let mut client = server.client();
    let friends: Vec<Vec<u8>> = (0..FRIENDS).map(|number| format!("f{number}").into_bytes()).collect();
    for chunk in friends.chunks(500) {
        let mut add = vec![b"SADD".to_vec(), b"friends:star".to_vec()];
        add.extend_from_slice(chunk);
        client.call(&add);
        let mut scores = vec![b"ZADD".to_vec(), b"board".to_vec()];
        for (place, member) in chunk.iter().enumerate() {
            // A tenth is not on the board; scores are shared by many.
            if place % 10 != 0 {
                scores.extend([(member.len() * 100 + place % 40).to_string().into_bytes(), member.clone()]);
            }
        }
        client.call(&scores);
    }
    client.call(&["ZADD", "board", "520", "star", "1000", "stranger"]);
    let ask = |question: &Question, age: Option<&str>| {
        let mut request = vec![b"FRIENDRANK".to_vec(), b"board".to_vec(), b"star".to_vec()];
        request.extend(question.words());
        request.extend(age.into_iter().flat_map(|age| [b"MAXAGE".to_vec(), age.as_bytes().to_vec()]));
        request
    };
    let questions = [
        Question { part: Part::Top(100), ..Question::PLAIN },
        Question { part: Part::Around(50), mode: Mode::Competition, ..Question::PLAIN },
        Question { part: Part::Own, mode: Mode::Dense, ascending: true, ..Question::PLAIN },
        Question { with_unranked: true, without_user: true, ..Question::PLAIN },
    ];
    let before: Vec<Reply> =
        questions.iter().map(|question| oracle(&mut client, b"board", b"star", &friends, question)).collect();
    for (question, expected) in questions.iter().zip(&before) {
        assert_answer(&mut client, &ask(question, None), expected, 0);
        assert_answer(&mut client, &ask(question, Some("600000")), expected, 0);
        assert_answer(&mut client, &ask(question, Some("600000")), expected, 0);
    }
    client.call(&["ZADD", "board", "9999", "f77", "-1", "star"]);
    for (question, before) in questions.iter().zip(&before) {
        let after = oracle(&mut client, b"board", b"star", &friends, question);
        let kept = client.call(&ask(question, Some("600000")));
        assert!(kept == *before || kept == after, "MAXAGE answers with something that never was");
        assert_answer(&mut client, &ask(question, None), &after, 0);
    }
}

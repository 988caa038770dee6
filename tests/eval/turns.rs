//! Scripts in pipelines on one board: the threads run each other's batches of them.

use crate::support::client::{Client, encode};
use crate::support::reply::Reply;
use crate::support::server::Server;

const ADD: &str = "return redis.call('ZINCRBY', KEYS[1], 1, ARGV[1])";
const COUNT_ONCE: &str = "if redis.call('SADD', KEYS[2], ARGV[2]) == 0 then return false end \
                          return redis.call('ZINCRBY', KEYS[1], 1, ARGV[1])";
/// The key of the counter is not declared.
const COUNTED: &str = "redis.call('INCR', 'counter') return redis.call('ZINCRBY', KEYS[1], 1, ARGV[1])";
/// It is short mostly, and long when it is told to turn often.
const TURNING: &str = "local i, n = 0, tonumber(ARGV[2]) while i < n do i = i + 1 end \
                       return redis.call('ZINCRBY', KEYS[1], 1, ARGV[1])";
const SCORE: &str = "return redis.call('ZSCORE', KEYS[1], ARGV[1])";
const WRONG: &str = "redis.call('ZINCRBY', KEYS[1], 1, ARGV[1]) return redis.call('INCR', KEYS[1])";

fn library() -> String {
    format!("#!lua name=turns\nredis.register_function('turns_add', function(KEYS, ARGV) {ADD} end)")
}

/// The increments of one member, and what is still to be read for them.
struct Player<'s> {
    member: &'s str,
    client: Client,
    requests: Vec<u8>,
    expected: Vec<Option<u32>>,
    score: u32,
}

impl Player<'_> {
    fn ask(&mut self, words: &[&str], expected: Option<u32>) {
        self.requests.extend(encode(words));
        self.expected.push(expected);
    }

    /// A script that counts one.
    fn count(&mut self, words: &[&str]) {
        self.score += 1;
        self.ask(words, Some(self.score));
    }

    fn play(&mut self, round: usize) {
        let member = self.member.to_owned();
        let member = member.as_str();
        let event = format!("{member}:{round}");
        for _ in 0..5 {
            self.count(&["EVAL", ADD, "1", "board", member]);
            self.count(&["FCALL", "turns_add", "1", "board", member]);
            self.count(&["ZINCRBY", "board", "1", member]);
        }
        self.count(&["EVAL", COUNT_ONCE, "2", "board", "seen", member, &event]);
        self.ask(&["EVAL", COUNT_ONCE, "2", "board", "seen", member, &event], None);
        self.count(&["EVAL", COUNTED, "1", "board", member]);
        self.count(&["EVAL", TURNING, "1", "board", member, if round == 3 { "2000000" } else { "1" }]);
        self.ask(&["EVAL_RO", SCORE, "1", "board", member], Some(self.score));
        self.client.send_raw(&std::mem::take(&mut self.requests));
        for expected in std::mem::take(&mut self.expected) {
            let reply = self.client.reply();
            match expected {
                Some(score) => assert_eq!(reply.text(), score.to_string(), "{member}: {reply:?}"),
                None => assert!(reply.is_nil(), "{member}: {reply:?}"),
            }
        }
        // An error, and a transaction: what a script has changed before an error stays.
        self.score += 3;
        self.client.send_raw(&encode(&["EVAL", WRONG, "1", "board", member]));
        self.client.send_raw(&encode(&["MULTI"]));
        self.client.send_raw(&encode(&["EVAL", ADD, "1", "board", member]).repeat(2));
        self.client.send_raw(&encode(&["EXEC"]));
        assert!(self.client.reply().is_error());
        assert_eq!(self.client.reply(), Reply::Simple(b"OK".to_vec()));
        (0..2).for_each(|_| assert_eq!(self.client.reply(), Reply::Simple(b"QUEUED".to_vec())));
        assert_eq!(self.client.reply().items()[1].text(), self.score.to_string());
    }
}

#[test]
fn pipelines_of_scripts_on_one_board_get_their_own_replies_in_order() {
    const PLAYERS: usize = 24;
    const ROUNDS: usize = 8;
    let server = Server::rankd_with(&["--appendonly", "yes", "--threads", "2"]);
    assert!(!server.client().call(&["FUNCTION", "LOAD", &library()]).is_error());
    std::thread::scope(|scope| {
        for player in 0..PLAYERS {
            let server = &server;
            scope.spawn(move || {
                let member = format!("player:{player}");
                let (client, requests, expected) = (server.client(), Vec::new(), Vec::new());
                let mut player = Player { member: &member, client, requests, expected, score: 0 };
                (0..ROUNDS).for_each(|round| player.play(round));
            });
        }
    });
    let ask = |server: &Server| {
        let mut client = server.client();
        ["ZRANGE board 0 -1 WITHSCORES", "GET counter", "SCARD seen"].map(|line| client.ask(line))
    };
    let before = ask(&server);
    assert_eq!(before[1].text(), (PLAYERS * ROUNDS).to_string());
    assert_eq!(before[2], Reply::Integer((PLAYERS * ROUNDS) as i64));
    let server = server.restart();
    assert_eq!(ask(&server), before);
}

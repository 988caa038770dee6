//! `docs/streams-and-boards.md` as it stands there: its conversations, its worker with kills in the middle, and its replay.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::wait_for;

const PAGE: &str = include_str!("../../docs/streams-and-boards.md");

/// The blocks of the page in this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let start = format!("```{language}\n");
    PAGE.split(&*start).skip(1).map(|rest| rest.split("```").next().expect("an end")).collect()
}

/// Whether there is a redis-cli, which the scripts use. It comes with the peers.
fn has_redis_cli() -> bool {
    let is_there = Command::new("redis-cli").arg("--version").stdout(Stdio::null()).status().is_ok();
    assert!(is_there || std::env::var_os("RANKD_REQUIRE_PEERS").is_none(), "redis-cli is missing");
    if !is_there {
        println!("skipped: redis-cli is missing");
    }
    is_there
}

/// Runs the conversations of the page in their order. The page has other ids of entries than come: the first reply with an id says
/// which one it stands for.
fn converse(server: &Server) {
    let port = server.address.port().to_string();
    let (mut asked, mut ids) = (0, Vec::<(String, String)>::new());
    for block in blocks("console") {
        for exchange in block.split("$ redis-cli ").filter(|exchange| !exchange.is_empty()) {
            let (command, expected) = exchange.split_once('\n').expect("a line");
            let with_ids = |text: &str, ids: &[(String, String)]| {
                ids.iter().fold(text.trim_end().to_owned(), |text, (said, came)| text.replace(said, came))
            };
            let line = format!("redis-cli --no-raw -p {port} {}", with_ids(command, &ids));
            let output = Command::new("sh").args(["-c", &line]).output().expect("sh");
            let output = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
            let is_known = ids.iter().any(|(said, _)| expected.contains(said));
            if command.contains("'*'") && !is_known {
                assert!(
                    ids.iter().all(|(_, came)| !output.contains(came)),
                    "{command}: {output}, which was there"
                );
                ids.push([expected.trim_end(), &output].map(|id| id.trim_matches('"').to_owned()).into());
            }
            assert_eq!(output, with_ids(expected, &ids), "{command}");
            asked += 1;
        }
    }
    assert!(asked > 10, "{asked} exchanges on the page");
}

/// A script of the page, run in a process group of its own.
fn spawn(directory: &Path, name: &str, server: &Server, arguments: &[&str]) -> Child {
    let comment = format!("# {name} ");
    let script = blocks("sh").into_iter().find(|script| script.contains(&comment)).expect("on the page");
    let path = directory.join(name);
    std::fs::write(&path, script).expect("a writable directory");
    let mut command = Command::new("sh");
    command.arg(path).args(arguments).process_group(0);
    command.env("PORT", server.address.port().to_string()).env("IDLE_MS", "200");
    command.stdout(Stdio::null()).spawn().expect("sh")
}

/// Kills a script with the redis-cli that it has just started.
fn kill(mut script: Child) {
    let group = format!("-{}", script.id());
    assert!(Command::new("kill").args(["-9", "--", &group]).status().expect("kill").success());
    script.wait().expect("it was started here");
}

fn board(client: &mut Client, key: &str) -> BTreeMap<String, i64> {
    let rows = client.ask(&format!("ZRANGE {key} 0 -1 WITHSCORES"));
    rows.items().chunks(2).map(|row| (row[0].text(), row[1].score() as i64)).collect()
}

#[test]
fn the_page_of_streams_and_boards_is_true() {
    const REPORTS: usize = 300;
    if !has_redis_cli() {
        return;
    }
    let mut server = Server::rankd_with(&["--appendonly", "yes"]);
    converse(&server);
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut client = server.client();
    let mut expected = board(&mut client, "day");
    // The last conversation has added an entry that nobody has read.
    *expected.entry("cid".to_owned()).or_default() += 50;
    let mut workers: Vec<Child> =
        ["one", "two"].map(|name| spawn(directory.path(), "worker.sh", &server, &[name])).into();
    let mut lives = 0;
    for report in 0..REPORTS {
        let (user, steps) = (format!("u{}", chance.below(20)), chance.below(5_000) as i64);
        let at = 1_795_992_010_000 + report;
        let add =
            format!("XADD steps IDMP front-{} {report} * user {user} steps {steps} at {at}", report % 3);
        let added = client.ask(&add);
        assert!(!added.is_error(), "{added:?}");
        if chance.below(4) == 0 {
            assert_eq!(client.ask(&add), added, "a front end that has not heard the answer");
        }
        *expected.entry(user).or_default() += steps;
        if report % 60 == 30 {
            // A worker dies wherever it is, with entries in its hands, and another one takes its place.
            lives += 1;
            wait_for("the workers to be at work", || {
                let pending = client.ask("XPENDING steps boards").items()[0].integer();
                (pending > 0).then_some(())
            });
            kill(workers.remove(0));
            workers.push(spawn(directory.path(), "worker.sh", &server, &[&format!("other{lives}")]));
        }
        if report == REPORTS / 2 {
            // So does the server. Workers end when it is away.
            workers.drain(..).for_each(kill);
            server = server.restart();
            client = server.client();
            assert_eq!(client.ask(&add), added, "the front end's connection broke as well");
            workers.push(spawn(directory.path(), "worker.sh", &server, &["after"]));
        }
    }
    wait_for("the workers to be done", || {
        let groups = client.ask("XINFO GROUPS steps");
        let group = groups.items()[0].items();
        let of = |name: &str| {
            let place = group.iter().position(|field| *field == Reply::Bulk(name.into())).expect("a field");
            group[place + 1].integer()
        };
        (of("pending") == 0 && of("lag") == 0).then_some(())
    });
    workers.into_iter().for_each(kill);
    assert_eq!(board(&mut client, "day"), expected);

    // The day again, interrupted and run once more from the start.
    client.ask("LB.CREATE again SCORE INTEGER TIES FIRST KEEP SUM IDS 65536");
    let range = ["-", "+", "again"];
    let first = spawn(directory.path(), "replay.sh", &server, &range);
    wait_for("the replay to be under way", || (client.ask("ZCARD again").integer() > 3).then_some(()));
    kill(first);
    let mut second = spawn(directory.path(), "replay.sh", &server, &range);
    assert!(second.wait().expect("it ends").success());
    assert_eq!(board(&mut client, "again"), expected);
}

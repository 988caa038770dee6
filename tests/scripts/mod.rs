//! Conversations, byte for byte: `tests/scripts/*.resp`, one file per command family, held with rankd and with Redis.
//!
//! What a file's lines say:
//!
//! | line | meaning |
//! |---|---|
//! | `# text` | a comment |
//! | `@server --name value` | an argument of the server, at the file's head |
//! | `--- title` | a new conversation: empty databases, a new connection |
//! | `> WORD "quoted \x00 word"` | a request, sent as an array of bulks |
//! | `>> raw\r\n` | bytes sent as they stand |
//! | `< line` | a line of the expected reply; a bulk's body is one line, escaped |
//! | `closed` | the server closes the connection |
//! | `@new` | what follows is said on a further connection, and the one before is closed |
//! | `@on name` | what follows is said on the connection of this name (none: the first), the others staying open |
//! | `@later` | the next request blocks its connection: its reply comes later, and nothing more is said until it is blocked |
//! | `...` | a further reply on this connection, to a request that blocked or to none |
//! | `@rankd`, `@redis` | the next request is for one of the two: an addition, or a difference we chose |
//! | `@valkey` | the next request is for rankd and Valkey: what Redis has not |
//! | `@unordered` | the order of arrays in the next reply does not matter |
//! | `@any` | only the type of the next reply matters |
//!
//! Expectations are captured, not invented: `RANKD_RECORD=1 cargo test scripts` rewrites every expected reply that is
//! not under `@rankd` or `@valkey` with what Redis 8.2.3 says.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::client::Client;
use crate::support::escape::{escape, unescape, words};
use crate::support::reply::{Reply, read_reply};
use crate::support::server::{Peer, Server};

/// One request and what must come back.
#[derive(Default)]
struct Step {
    line: usize,
    /// For whom it is, if not for all.
    only: Option<&'static [Party]>,
    any: bool,
    unordered: bool,
    new_connection: bool,
    /// The name of the connection it is said on, where it changes with this step.
    on: Option<String>,
    starts_conversation: bool,
    raw: bool,
    /// The request blocks.
    later: bool,
    /// Nothing is said, only a reply is awaited.
    awaits: bool,
    request: String,
    expected: Vec<String>,
    closed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Party {
    Rankd,
    Redis,
    Valkey,
}

enum Item {
    /// Comments, titles, directives and empty lines, as they stand.
    Text(String),
    Step(Step),
}

struct Script {
    path: PathBuf,
    server_arguments: Vec<String>,
    items: Vec<Item>,
}

impl Script {
    fn read(path: &Path) -> Script {
        let text = std::fs::read_to_string(path).expect("a readable script");
        let mut script = Script { path: path.to_owned(), server_arguments: Vec::new(), items: Vec::new() };
        let mut next = Step::default();
        for (index, line) in text.lines().enumerate() {
            let place = || format!("{}:{}", path.display(), index + 1);
            if let Some(expected) = line.strip_prefix("< ").or((line == "<").then_some("")) {
                script.last_step(&place()).expected.push(expected.to_owned());
                continue;
            }
            if line == "closed" {
                script.last_step(&place()).closed = true;
                continue;
            }
            if line == "..." {
                script.items.push(Item::Step(Step {
                    line: index + 1,
                    awaits: true,
                    ..std::mem::take(&mut next)
                }));
                continue;
            }
            if let Some(request) = line.strip_prefix("> ").or_else(|| line.strip_prefix(">> ")) {
                let raw = line.starts_with(">> ");
                let request = request.to_owned();
                script.items.push(Item::Step(Step {
                    line: index + 1,
                    raw,
                    request,
                    ..std::mem::take(&mut next)
                }));
                continue;
            }
            match line.split_once(' ').map_or(line, |(first, _)| first) {
                "" | "#" => {}
                "---" => next.starts_conversation = true,
                "@server" => {
                    script.server_arguments.extend(line.split(' ').skip(1).map(str::to_owned));
                }
                "@new" => next.new_connection = true,
                "@on" => next.on = Some(line["@on".len()..].trim().to_owned()),
                "@later" => next.later = true,
                "@rankd" => next.only = Some(&[Party::Rankd]),
                "@redis" => next.only = Some(&[Party::Redis]),
                "@valkey" => next.only = Some(&[Party::Rankd, Party::Valkey]),
                "@unordered" => next.unordered = true,
                "@any" => next.any = true,
                other => panic!("{}: what is `{other}`?", place()),
            }
            script.items.push(Item::Text(line.to_owned()));
        }
        script
    }

    fn last_step(&mut self, place: &str) -> &mut Step {
        match self.items.last_mut() {
            Some(Item::Step(step)) => step,
            _ => panic!("{place}: a reply to nothing"),
        }
    }

    fn write(&self) {
        let mut text = String::new();
        for item in &self.items {
            match item {
                Item::Text(line) => text.push_str(&format!("{line}\n")),
                Item::Step(step) => {
                    match (step.awaits, step.raw) {
                        (true, _) => text.push_str("...\n"),
                        (false, true) => text.push_str(&format!(">> {}\n", step.request)),
                        (false, false) => text.push_str(&format!("> {}\n", step.request)),
                    }
                    for line in &step.expected {
                        // No line ends in a space: editors take those away.
                        let shown =
                            line.strip_suffix(' ').map_or(line.clone(), |start| format!("{start}\\x20"));
                        text.push_str(format!("< {shown}").trim_end());
                        text.push('\n');
                    }
                    if step.closed {
                        text.push_str("closed\n");
                    }
                }
            }
        }
        std::fs::write(&self.path, text).expect("a writable script");
    }

    /// The first words of all requests, in upper case; with their subcommands where they have one.
    fn commands(&self) -> impl Iterator<Item = String> {
        let steps = self.items.iter().filter_map(|item| match item {
            Item::Step(step) if !step.raw && !step.awaits => Some(step),
            _ => None,
        });
        steps.filter_map(|step| words(&step.request).first().map(|word| escape(word).to_uppercase()))
    }
}

impl Step {
    fn is_for(&self, party: Party) -> bool {
        self.only.is_none_or(|only| only.contains(&party))
    }

    fn send(&self, client: &mut Client) -> std::io::Result<()> {
        if self.awaits {
            Ok(())
        } else if self.raw {
            client.try_send_raw(&unescape(&self.request))
        } else {
            client.try_send_raw(&crate::support::client::encode(&words(&self.request)))
        }
    }

    /// The expected bytes, reply by reply.
    fn expected_replies(&self) -> Vec<(Reply, Vec<u8>)> {
        let bytes: Vec<u8> =
            self.expected.iter().flat_map(|line| [unescape(line), b"\r\n".to_vec()].concat()).collect();
        let mut rest = bytes.as_slice();
        let mut replies = Vec::new();
        while !rest.is_empty() {
            let mut raw = Vec::new();
            let reply = read_reply(&mut rest, &mut raw)
                .unwrap_or_else(|error| panic!("line {}: expected reply is malformed: {error}", self.line));
            replies.push((reply, raw));
        }
        replies
    }

    /// Holds this step; what went wrong, if anything did.
    fn hold(&self, client: &mut Client) -> Result<(), String> {
        assert!(
            self.raw || self.closed || self.later || !self.expected.is_empty(),
            "line {}: `{}` expects nothing: record it (RANKD_RECORD=1)",
            self.line,
            self.request
        );
        self.send(client).map_err(|error| format!("cannot send: {error}"))?;
        if self.any {
            for expected in &self.expected {
                let (reply, raw) = client.reply_with_bytes().map_err(|error| format!("no reply: {error}"))?;
                if !raw.starts_with(expected.as_bytes()) {
                    return Err(format!("expected type {expected}, got {}", reply.lines().join(" | ")));
                }
            }
        } else {
            for (expected, expected_raw) in self.expected_replies() {
                let (reply, raw) = client.reply_with_bytes().map_err(|error| {
                    format!("expected {}\n     got no reply: {error}", expected.lines().join(" | "))
                })?;
                let same = if self.unordered {
                    expected.unordered() == reply.unordered()
                } else {
                    expected_raw == raw
                };
                if !same {
                    let (expected, got) = (expected.lines().join(" | "), reply.lines().join(" | "));
                    return Err(format!("expected {expected}\n     got {got}"));
                }
            }
        }
        if self.closed && !client.is_closed() {
            return Err("the connection is still open".to_owned());
        }
        Ok(())
    }

    /// Puts what the server says in place of what was expected.
    fn record(&mut self, client: &mut Client) {
        self.send(client).expect("the server takes the request");
        self.expected.clear();
        if self.later {
            return;
        }
        // Bytes may ask for any number of replies, and a reply that is awaited may never come.
        let is_sure = !self.raw && !self.awaits;
        client.set_read_timeout(if is_sure { crate::support::PATIENCE } else { Duration::from_millis(300) });
        while let Ok((reply, _)) = client.reply_with_bytes() {
            let lines = reply.lines();
            if self.any {
                self.expected.push(lines[0][..1].to_owned());
            } else {
                let lines = if self.unordered { reply.unordered().lines() } else { lines };
                self.expected.extend(lines);
            }
            if !self.raw && !self.closed {
                break;
            }
        }
        client.set_read_timeout(Duration::from_millis(300));
        if self.raw {
            self.closed = client.is_closed();
        }
        client.set_read_timeout(crate::support::PATIENCE);
    }
}

fn scripts() -> Vec<Script> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)
        .expect("tests/scripts")
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "resp"))
        .collect();
    paths.sort();
    let only = std::env::var("RANKD_SCRIPT").unwrap_or_default();
    paths.retain(|path| path.to_string_lossy().contains(&only));
    paths.iter().map(|path| Script::read(path)).collect()
}

fn flush(server: &Server, arguments: &[String]) {
    let mut client = server.client();
    if let Some(at) = arguments.iter().position(|argument| argument == "--requirepass") {
        assert!(!client.call(&["AUTH", &arguments[at + 1]]).is_error());
    }
    assert_eq!(client.call(&["FLUSHALL"]), Reply::Simple(b"OK".to_vec()));
}

/// The connections of a conversation, by name.
#[derive(Default)]
struct Connections {
    open: HashMap<String, Client>,
    /// The one that is spoken on.
    present: String,
}

impl Connections {
    /// The connection that `step` is said on.
    fn of(&mut self, step: &Step, server: &Server, arguments: &[String]) -> &mut Client {
        if step.starts_conversation {
            flush(server, arguments);
            *self = Connections::default();
        }
        if let Some(name) = &step.on {
            self.present.clone_from(name);
        }
        if step.new_connection {
            self.open.remove(&self.present);
        }
        self.open.entry(self.present.clone()).or_insert_with(|| server.client())
    }
}

/// How many connections `server` says are blocked.
fn blocked_clients(server: &Server) -> usize {
    let info = server.client().ask("INFO clients").text();
    let count = info.lines().find_map(|line| line.strip_prefix("blocked_clients:"));
    count.and_then(|count| count.trim().parse().ok()).expect("INFO counts blocked clients")
}

/// Lets `say` say what blocks its connection, and waits until it does.
fn until_blocked<T>(server: &Server, step: &Step, say: impl FnOnce() -> T) -> T {
    if !step.later {
        return say();
    }
    let before = blocked_clients(server);
    let said = say();
    let deadline = Instant::now() + crate::support::PATIENCE;
    while blocked_clients(server) == before && Instant::now() < deadline {
        std::thread::yield_now();
    }
    said
}

/// Holds every conversation of a script with `server` and gives what went wrong.
fn hold(script: &Script, server: &mut Server, party: Party) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut connections = Connections::default();
    let mut abandoned = false;
    for item in &script.items {
        let Item::Step(step) = item else { continue };
        let client = connections.of(step, server, &script.server_arguments);
        abandoned &= !step.starts_conversation;
        if abandoned || !step.is_for(party) {
            continue;
        }
        client.set_read_timeout(Duration::from_secs(20));
        if let Err(what) = until_blocked(server, step, || step.hold(client)) {
            let file = script.path.file_name().expect("a file name").to_string_lossy();
            wrong.push(format!("{file}:{}: {}\n     {what}", step.line, step.request));
            abandoned = what.contains("no reply:") || what.starts_with("cannot send");
        }
        if !server.is_running() {
            wrong.push(format!(
                "{}:{}: the server is gone\n{}",
                script.path.display(),
                step.line,
                server.said()
            ));
            break;
        }
    }
    wrong
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} replies differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn rankd_holds_every_conversation() {
    let mut wrong = Vec::new();
    for script in scripts() {
        let mut arguments = vec!["--appendonly", "no"];
        arguments.extend(script.server_arguments.iter().map(String::as_str));
        let mut server = Server::rankd_with(&arguments);
        wrong.extend(hold(&script, &mut server, Party::Rankd));
    }
    report(&wrong);
}

#[test]
fn redis_holds_every_conversation() {
    let record = std::env::var("RANKD_RECORD").is_ok_and(|value| value == "1");
    let mut wrong = Vec::new();
    for mut script in scripts() {
        let arguments: Vec<&str> = script.server_arguments.iter().map(String::as_str).collect();
        let Some(mut server) = Server::peer(Peer::Redis, &arguments) else { return };
        if record {
            let mut connections = Connections::default();
            for item in &mut script.items {
                let Item::Step(step) = item else { continue };
                let client = connections.of(step, &server, &script.server_arguments);
                if step.is_for(Party::Redis) {
                    let later = Step { later: step.later, ..Step::default() };
                    until_blocked(&server, &later, || step.record(client));
                }
            }
            script
                .items
                .retain(|item| !matches!(item, Item::Step(step) if step.awaits && step.expected.is_empty()));
            script.write();
        }
        wrong.extend(hold(&script, &mut server, Party::Redis));
    }
    report(&wrong);
}

/// What both peers say is the protocol, not an accident of one: the families that clients live on.
#[test]
fn valkey_holds_the_conversations_about_values() {
    let families = ["sorted_sets", "sets", "strings", "expiry"];
    let mut wrong = Vec::new();
    let mut held = 0;
    for script in scripts() {
        let name = script.path.file_stem().expect("a file name").to_string_lossy().into_owned();
        if families.iter().any(|family| name.starts_with(family)) {
            let Some(mut server) = Server::peer(Peer::Valkey, &[]) else { return };
            wrong.extend(hold(&script, &mut server, Party::Valkey));
            held += 1;
        }
    }
    report(&wrong);
    assert!(held >= families.len());
}

/// A command nobody talks to in a script is a command whose replies nobody holds.
#[test]
fn every_command_of_rankd_has_a_conversation() {
    let spoken: BTreeSet<String> =
        scripts().iter().flat_map(|script| script.commands().collect::<Vec<_>>()).collect();
    let listed = Server::rankd().client().call(&["COMMAND", "LIST"]);
    let listed: Vec<String> = listed.items().iter().map(|name| name.text().to_uppercase()).collect();
    assert!(listed.len() > 50, "COMMAND LIST is short: {listed:?}");
    // Ends the server, so no conversation can hold it: tests/crash.rs does.
    let silent: Vec<&String> =
        listed.iter().filter(|name| !spoken.contains(*name) && *name != "SHUTDOWN").collect();
    assert!(silent.is_empty(), "no conversation for {silent:?}");
}

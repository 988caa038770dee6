//! What Redis 8.2.3 tells of its commands, as `tests/data/redis-8.2.3-commands.tsv` keeps it, and what rankd tells of its own.
//!
//! Both come from COMMAND and COMMAND DOCS of a running server. `RANKD_RECORD=1 cargo test documents` writes the file again,
//! if Redis is there. Each line has a command or subcommand: name, group, since, arity, flags, the positions of the first and
//! the last key, their step, and the words of its options.

use std::collections::{BTreeMap, BTreeSet};

use super::check;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server};

const FILE: &str = "tests/data/redis-8.2.3-commands.tsv";

/// A command or a subcommand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) group: String,
    pub(super) since: String,
    pub(super) arity: i64,
    pub(super) flags: Vec<String>,
    /// Positions of the first and the last key, and the step from one to the next.
    pub(super) keys: [i64; 3],
    /// The words of its options: `NX`, `GET`.
    pub(super) options: BTreeSet<String>,
}

/// By name, as a client types it: `CLIENT ID`.
pub(super) type Facts = BTreeMap<String, Fact>;

/// What the file holds.
pub(super) fn of_redis() -> Facts {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let text = std::fs::read_to_string(path).expect("the file of Redis's commands");
    text.lines().skip(1).map(read_line).collect()
}

fn read_line(line: &str) -> (String, Fact) {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, group, since, arity, flags, first, last, step, options] = fields[..] else {
        panic!("{FILE}: not nine fields: {line:?}")
    };
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("{FILE}: no number: {line:?}"));
    let words = |text: &str| text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let fact = Fact {
        group: group.to_owned(),
        since: since.to_owned(),
        arity: number(arity),
        flags: words(flags),
        keys: [number(first), number(last), number(step)],
        options: words(options).into_iter().collect(),
    };
    (name.to_owned(), fact)
}

fn render(facts: &Facts) -> String {
    let mut lines = vec!["command\tgroup\tsince\tarity\tflags\tfirst\tlast\tstep\toptions".to_owned()];
    for (name, fact) in facts {
        let Fact { group, since, arity, flags, keys: [first, last, step], options } = fact;
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let (flags, options) = (flags.join(","), options.join(","));
        lines.push(format!("{name}\t{group}\t{since}\t{arity}\t{flags}\t{first}\t{last}\t{step}\t{options}"));
    }
    lines.join("\n") + "\n"
}

/// A command's name as a client types it, from COMMAND's spelling.
fn typed(name: &str) -> String {
    name.replace('|', " ").to_uppercase()
}

/// What COMMAND tells of each command and subcommand.
pub(super) fn entries(server: &Server) -> BTreeMap<String, Vec<Reply>> {
    fn collect(entries: &[Reply], found: &mut BTreeMap<String, Vec<Reply>>) {
        for entry in entries {
            let (subcommands, own) = entry.items().split_last().expect("an entry");
            collect(subcommands.items(), found);
            found.insert(typed(&own[0].text()), own[1..].to_vec());
        }
    }
    let mut found = BTreeMap::new();
    collect(server.client().ask("COMMAND").items(), &mut found);
    found
}

/// What a server tells of its commands.
pub(super) fn told_by(server: &Server) -> Facts {
    let mut documented = BTreeMap::new();
    document(&server.client().ask("COMMAND DOCS"), &mut documented);
    let facts = entries(server).into_iter().map(|(name, entry)| {
        let (group, since, options) =
            documented.remove(&name).expect("COMMAND DOCS names what COMMAND names");
        let keys = [2, 3, 4].map(|place| entry[place].integer());
        let flags = entry[1].items().iter().map(Reply::text).collect();
        (name, Fact { group, since, arity: entry[0].integer(), flags, keys, options })
    });
    facts.collect()
}

/// Collects group, first version and options of each command in a reply of COMMAND DOCS.
fn document(docs: &Reply, found: &mut BTreeMap<String, (String, String, BTreeSet<String>)>) {
    for pair in docs.items().chunks(2) {
        let of = |name| value_of(&pair[1], name);
        let text = |name| of(name).map_or(String::new(), Reply::text);
        let mut options = BTreeSet::new();
        collect_options(of("arguments"), &mut options);
        found.insert(typed(&pair[0].text()), (text("group"), text("since"), options));
        if let Some(subcommands) = of("subcommands") {
            document(subcommands, found);
        }
    }
}

fn collect_options(arguments: Option<&Reply>, options: &mut BTreeSet<String>) {
    for argument in arguments.map_or(&[][..], Reply::items) {
        options.extend(value_of(argument, "token").map(Reply::text).filter(|token| !token.is_empty()));
        collect_options(value_of(argument, "arguments"), options);
    }
}

/// The value behind `name` in a map, which RESP2 sends flat.
fn value_of<'a>(map: &'a Reply, name: &str) -> Option<&'a Reply> {
    map.items().chunks(2).find(|pair| pair[0].text() == name).map(|pair| &pair[1])
}

#[test]
fn the_file_of_redis_commands_is_what_redis_tells() {
    let Some(server) = Server::peer(Peer::Redis, &[]) else { return };
    check(FILE, &render(&told_by(&server)));
}

/// Whether this version is one after 8.2.
fn is_newer(version: &str) -> bool {
    let numbers = version.split('.').map(|number| number.parse::<u32>().expect("a version"));
    numbers.gt([8, 2, u32::MAX])
}

/// Arity, flags and key positions route a client's requests and guard them. They were compared with Redis only for those
/// commands whose conversations ask for COMMAND INFO.
#[test]
fn commands_are_told_as_redis_tells_them() {
    let redis = of_redis();
    let ours = told_by(&Server::rankd());
    for (name, fact) in &ours {
        let Some(theirs) = redis.get(name) else {
            let is_own = matches!(&*fact.group, "friends" | "boards");
            assert!(is_own || is_newer(&fact.since), "{name} is no command of Redis 8.2.3");
            continue;
        };
        // What rankd lacks of the options is on the page of differences.
        let of_theirs = Fact { options: fact.options.clone(), ..theirs.clone() };
        assert_eq!(fact, &of_theirs, "{name}");
    }
}

/// The same, and ACL categories, hints for clusters and key specifications.
#[test]
fn command_entries_are_those_of_redis() {
    let Some(redis) = Server::peer(Peer::Redis, &[]) else { return };
    let theirs = entries(&redis);
    for (name, entry) in entries(&Server::rankd()) {
        assert!(
            theirs.get(&name).is_none_or(|theirs| *theirs == entry),
            "{name}:\n{entry:?}\n{:?}",
            theirs[&name]
        );
    }
}

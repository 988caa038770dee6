//! The list of Redis's commands at the end of `docs/compatibility.md`: which of them rankd has.
//!
//! A command is there if rankd names it, and there in part if rankd lacks a subcommand or an option of it.
//! `tests/data/command-remarks.tsv` says why a command is absent, and what else a command lacks. A remark without a cause
//! fails, and so does an absent command without a remark. `RANKD_RECORD=1 cargo test documents` writes the list, and drops
//! remarks that have no cause any more.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use super::check;
use super::redis_commands::{Fact, Facts, of_redis, told_by};
use crate::support::client::Client;
use crate::support::server::Server;

const PAGE: &str = "docs/compatibility.md";
const REMARKS: &str = "tests/data/command-remarks.tsv";

/// What is behind this heading is generated.
const HEADING: &str = "## Every command of Redis 8.2.3\n";

/// Redis's groups in the order of the page, each with its heading.
const GROUPS: [(&str, &str); 17] = [
    ("sorted-set", "Sorted sets"),
    ("string", "Strings"),
    ("bitmap", "Bitmaps"),
    ("hyperloglog", "HyperLogLogs"),
    ("hash", "Hashes"),
    ("list", "Lists"),
    ("set", "Sets"),
    ("geo", "Geo"),
    ("generic", "Keys"),
    ("transactions", "Transactions"),
    ("pubsub", "Channels"),
    ("connection", "Connection"),
    ("server", "Server"),
    ("stream", "Streams"),
    ("scripting", "Scripts and functions"),
    ("cluster", "Cluster"),
    ("module", "Vector sets (a module)"),
];

/// A line of the remarks.
struct Remark {
    line: String,
    /// A command, or `group:` and a group of absent commands.
    about: String,
    text: String,
    /// For a command that is there in part: what shows it.
    witness: Option<Witness>,
}

enum Witness {
    /// A request that rankd refuses.
    Refused(String),
    /// Words of the page of differences.
    Page(String),
}

impl Witness {
    /// Whether it still shows that something is missing.
    fn holds(&self, client: &mut Client, page: &str) -> bool {
        match self {
            Witness::Refused(request) => client.ask(request).is_error(),
            Witness::Page(words) => page.split_whitespace().collect::<Vec<_>>().join(" ").contains(words),
        }
    }
}

fn remarks() -> Vec<Remark> {
    let text = read(REMARKS);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let read_line = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        assert!((2..=3).contains(&fields.len()), "{REMARKS}: two or three fields: {line:?}");
        let witness = fields.get(2).map(|field| match field.strip_prefix("page: ") {
            Some(words) => Witness::Page(words.to_owned()),
            None => Witness::Refused((*field).to_owned()),
        });
        let [about, text] = [fields[0], fields[1]].map(str::to_owned);
        Remark { line: line.to_owned(), about, text, witness }
    };
    lines.map(read_line).collect()
}

fn read(path: &str) -> String {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(full).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What the page says of one command.
struct Row {
    verdict: &'static str,
    remark: String,
}

/// The remarks that hold, and the rows made with them.
struct Judge<'a> {
    redis: Facts,
    ours: Facts,
    server: Server,
    /// The page's other sections.
    by_hand: &'a str,
    remarks: &'a [Remark],
    /// Lines of the remarks that a row needed.
    needed: BTreeSet<&'a str>,
}

impl<'a> Judge<'a> {
    fn row(&mut self, name: &str, fact: &Fact) -> Row {
        let Some(ours) = self.ours.get(name) else {
            let container = name.split(' ').next().expect("a name");
            let whose = [name, container, &format!("group:{}", fact.group)];
            let reason = whose.iter().find_map(|whose| self.reason(whose));
            let reason = reason.unwrap_or_else(|| panic!("{REMARKS} does not say why {name} is absent"));
            return Row { verdict: "no", remark: reason };
        };
        let prefix = format!("{name} ");
        let subcommands = self.redis.keys().filter(|other| other.starts_with(&prefix));
        let absent = subcommands.filter(|other| !self.ours.contains_key(*other));
        let mut lacks: Vec<String> = absent.map(|other| other[prefix.len()..].to_owned()).collect();
        lacks.extend(fact.options.difference(&ours.options).cloned());
        let lacks = if lacks.is_empty() { None } else { Some(format!("lacks {}", lacks.join(", "))) };
        let further = self.remarks.iter().find(|remark| remark.about == name && self.is_missing(remark));
        let further = further.map(|remark| {
            self.needed.insert(&remark.line);
            remark.text.clone()
        });
        let remark: Vec<String> = lacks.into_iter().chain(further).collect();
        let verdict = if remark.is_empty() { "yes" } else { "partly" };
        Row { verdict, remark: remark.join("; ") }
    }

    fn is_missing(&self, remark: &Remark) -> bool {
        let mut client = self.server.client();
        remark.witness.as_ref().is_some_and(|witness| witness.holds(&mut client, self.by_hand))
    }

    /// Why what `about` names is absent.
    fn reason(&mut self, about: &str) -> Option<String> {
        let remark = self.remarks.iter().find(|remark| remark.witness.is_none() && remark.about == about)?;
        self.needed.insert(&remark.line);
        Some(remark.text.clone())
    }
}

/// The list, and the lines of `remarks` that it needed.
fn list<'a>(remarks: &'a [Remark], by_hand: &'a str) -> (String, BTreeSet<&'a str>) {
    let redis = of_redis();
    let server = Server::rankd_with(&["--appendonly", "no", "--enable-debug-command", "yes"]);
    let (ours, needed) = (told_by(&server), BTreeSet::new());
    let mut judge = Judge { redis: redis.clone(), ours, server, by_hand, remarks, needed };
    let (mut rows, mut counts) = (String::new(), [0; 3]);
    for (group, heading) in GROUPS {
        let _ = write!(rows, "\n### {heading}\n\n| command | in rankd | remark |\n|---|---|---|\n");
        for (name, fact) in redis.iter().filter(|(_, fact)| fact.group == group) {
            let Row { verdict, remark } = judge.row(name, fact);
            counts[["yes", "partly", "no"].iter().position(|one| *one == verdict).expect("one of them")] += 1;
            let _ = writeln!(
                rows,
                "| {name} | {verdict} |{}{remark} |",
                if remark.is_empty() { "" } else { " " }
            );
        }
    }
    assert_eq!(counts.iter().sum::<usize>(), redis.len(), "a group of Redis is missing from the page");
    let [yes, partly, no] = counts;
    let page = format!(
        "{HEADING}\nThis list is generated from the command table; `tests/documents/compatibility.rs` checks it. *Partly* \
         means that a\nsubcommand, an option or an effect is missing. Of {} commands and subcommands rankd has {yes} whole and \
         {partly} partly; {no}\nare missing.\n{rows}",
        redis.len(),
    );
    (page, judge.needed)
}

#[test]
fn the_list_of_redis_commands_is_the_command_table() {
    let remarks = remarks();
    let page = read(PAGE);
    let by_hand = &page[..page.find(HEADING).expect("the heading of the list")];
    let (list, needed) = list(&remarks, by_hand);
    let text = read(REMARKS);
    let is_needed = |line: &&str| line.starts_with('#') || needed.contains(line);
    let kept: String = text.lines().filter(is_needed).map(|line| format!("{line}\n")).collect();
    check(REMARKS, &kept);
    check(PAGE, &format!("{by_hand}{list}"));
}

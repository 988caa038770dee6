//! The generated documents: `docs/COMMANDS.md` from the command table, `config/rankd.conf` from the directives, and the
//! list of Redis's commands in `docs/compatibility.md`. `RANKD_RECORD=1 cargo test documents` writes them.

mod compatibility;
mod redis_commands;

use std::fmt::Write;
use std::path::Path;

use rankd::commands::spec::table::TableEntry;
use rankd::commands::spec::{Group, Keys};
use rankd::commands::table;
use rankd::config::{Config, directives};

/// Longest line of the configuration file.
const LINE_CHARACTERS: usize = 110;

/// Checks that the file at `path` equals `rendered`, or writes it.
fn check(path: &str, rendered: &str) {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var("RANKD_RECORD").is_ok_and(|value| value == "1") {
        std::fs::write(&full, rendered).expect("a writable document");
        return;
    }
    let written = std::fs::read_to_string(&full).unwrap_or_else(|error| panic!("{path}: {error}"));
    let different = written.lines().zip(rendered.lines()).position(|(one, other)| one != other);
    let line = different.unwrap_or_else(|| written.lines().count().min(rendered.lines().count()));
    assert!(
        written == rendered,
        "{path}:{} differs from the table; RANKD_RECORD=1 cargo test documents writes it.\n  file:  {:?}\n  \
         table: {:?}",
        line + 1,
        written.lines().nth(line),
        rendered.lines().nth(line),
    );
}

#[test]
fn the_command_page_is_the_command_table() {
    check("docs/COMMANDS.md", &command_page());
}

#[test]
fn the_configuration_file_is_the_directive_table() {
    check("config/rankd.conf", &configuration_file());
}

/// Reading the file changes nothing: every line sets a default.
#[test]
fn the_configuration_file_reads_as_the_defaults() {
    let mut config = Config::default();
    config
        .read_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rankd.conf"))
        .expect("a file that reads");
    assert_eq!(config, Config::default());
}

/// The groups in the order of the page, each with its heading.
const GROUPS: [(Group, &str); 17] = [
    (Group::SortedSet, "Sorted sets"),
    (Group::Geo, "Places on the earth"),
    (Group::Boards, "Boards"),
    (Group::Friends, "Friend ranking"),
    (Group::List, "Lists"),
    (Group::Set, "Sets"),
    (Group::Hash, "Hashes"),
    (Group::Stream, "Streams"),
    (Group::String, "Strings"),
    (Group::Bitmap, "Bitmaps"),
    (Group::HyperLogLog, "HyperLogLogs"),
    (Group::Generic, "Keys"),
    (Group::Transactions, "Transactions"),
    (Group::Scripting, "Scripts"),
    (Group::PubSub, "Channels"),
    (Group::Connection, "Connection"),
    (Group::Server, "Server"),
];

fn command_page() -> String {
    let mut page = String::from(
        "# Commands\n\n\
         This page is generated from the command table (`tests/documents/mod.rs` checks it). Names, arguments and replies \
         are those of\nRedis, except the groups *Boards* and *Friend ranking*, which only rankd has. *Since* is the first version \
         of Redis with the\ncommand, or of rankd for its own commands. *Arguments* includes the command's name; a `+` means \
         that there can be more.\n",
    );
    let shown: usize = GROUPS.iter().map(|(group, heading)| show_group(*group, heading, &mut page)).sum();
    assert_eq!(shown, table().commands().count(), "a group is missing from the page");
    page
}

/// Returns how many commands the group has.
fn show_group(group: Group, heading: &str, page: &mut String) -> usize {
    let _ = write!(page, "\n## {heading}\n");
    let commands: Vec<&TableEntry> = table().commands().filter(|entry| entry.spec.group == group).collect();
    for command in &commands {
        show_command(command, page);
        for &place in &command.subcommands {
            show_command(&table().entries()[place], page);
        }
    }
    commands.len()
}

fn show_command(entry: &TableEntry, page: &mut String) {
    let spec = entry.spec;
    let name = entry.full_name.to_uppercase().replace('|', " ");
    let space = if spec.syntax.is_empty() { "" } else { " " };
    let whose = if matches!(spec.group, Group::Boards | Group::Friends) { "rankd " } else { "" };
    let arguments = format!("{}{}", spec.arity.unsigned_abs(), if spec.arity < 0 { "+" } else { "" });
    let _ = write!(page, "\n### {name}\n");
    // A command that needs a subcommand has no form of its own.
    if entry.subcommands.is_empty() || spec.arity == -1 {
        let _ = write!(page, "```\n{name}{space}{}\n```\n", spec.syntax);
    }
    let _ = writeln!(page, "{}.", spec.summary);
    // The table counts arguments from the subcommand's name, the page from the command's name.
    let place = |place: usize| place + usize::from(entry.is_subcommand);
    let mut facts = vec![spec.complexity.trim_end_matches('.').to_owned()];
    facts.push(format!("since {whose}{}", spec.since));
    facts.push(format!("arguments: {arguments}"));
    match *spec.keys.declared() {
        Keys::None | Keys::Channels { .. } => {}
        Keys::Range { first, last: 0, .. } => facts.push(format!("key: argument {}", place(first))),
        Keys::Range { first, last: -1, .. } => {
            facts.push(format!("keys: arguments {} to the last", place(first)));
        }
        Keys::Range { first, last, .. } => facts.push(format!("keys: arguments {} to {last}", place(first))),
        Keys::Paired { .. } => facts.push("keys: every second argument from 1 on".to_owned()),
        Keys::Both(Keys::Range { first, .. }, _) => {
            facts.push(format!("keys: argument {first}, which is written, and those behind it"));
        }
        Keys::Both(..) => facts.push("keys: in two places".to_owned()),
        Keys::Counted { count, .. } | Keys::CountedOrNone { count, .. } => {
            facts.push(format!("keys: their number is argument {}, and they follow it", place(count)));
        }
        Keys::Pair { .. } => facts.push("keys: arguments 1 and 2".to_owned()),
        Keys::Store { sources: Keys::Range { first, .. } } => {
            facts.push(format!("keys: argument 1, which is written, and argument {first}"));
        }
        Keys::Store { .. } => {
            facts.push(
                "keys: argument 1, which is written; argument 2 is the number of further keys, which follow it".to_owned(),
            );
        }
        Keys::StoreBehind { words, .. } => {
            facts.push(format!(
                "key: argument 1, and the one behind {}, which is written",
                words.join(" or ")
            ));
        }
        Keys::Behind { word, .. } => facts.push(format!("keys: the first half of what is behind {word}")),
        Keys::Derived(_) | Keys::WithDerived { .. } => {
            facts.push("keys: made from the arguments".to_owned());
        }
    }
    if matches!(spec.keys, Keys::WithDerived { .. }) {
        facts.push("and keys made from the arguments".to_owned());
    }
    if !spec.flags.is_empty() {
        let flags: Vec<&str> = spec.flags.iter().map(|flag| flag.name()).collect();
        facts.push(flags.join(", "));
    }
    let _ = write!(page, "\n{}.\n", facts.join("; "));
}

fn configuration_file() -> String {
    let mut file = String::new();
    comment(
        "The configuration of rankd, in the syntax of redis.conf. Every directive is listed with its default, so \
         removing a line changes nothing. Each directive is also a flag (--port 7000), an environment variable \
         (RANKD_PORT=7000) and a name for CONFIG GET. CONFIG SET can change those marked (live) while the server runs. \
         Flags override the environment, and the environment overrides this file. A redis.conf works too: directives \
         of Redis that have no effect here are accepted with a warning.",
        &mut file,
    );
    let mut section = None;
    for directive in directives() {
        if section.replace(directive.section) != Some(directive.section) {
            let _ = write!(file, "\n# ---- {} ----\n", directive.section.title());
        }
        let live = if directive.live { " (live)" } else { "" };
        file.push('\n');
        comment(&format!("{}{live}", directive.help), &mut file);
        let default = if directive.default.is_empty() { "\"\"" } else { directive.default };
        let _ = writeln!(file, "{} {default}", directive.name);
    }
    file
}

/// `text` as comment lines of at most [`LINE_CHARACTERS`].
fn comment(text: &str, file: &mut String) {
    let mut line = String::from("#");
    for word in text.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > LINE_CHARACTERS {
            let _ = writeln!(file, "{line}");
            line.truncate(1);
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(file, "{line}");
}

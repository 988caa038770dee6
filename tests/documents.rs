//! The documents that are made from tables: `docs/COMMANDS.md` from the command table, `config/rankd.conf` from the
//! directives. `RANKD_RECORD=1 cargo test documents` writes them anew.

use std::fmt::Write;
use std::path::Path;

use rankd::commands::spec::table::Entry;
use rankd::commands::spec::{Group, Keys};
use rankd::commands::table;
use rankd::config::{Config, DIRECTIVES};

/// Longest line of the configuration file.
const LINE_CHARACTERS: usize = 110;

/// Holds the file at `path` to `rendered`, or writes it.
fn hold(path: &str, rendered: &str) {
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
        "{path}:{} is not what the table says; RANKD_RECORD=1 cargo test documents writes it anew.\n  file:  {:?}\n  \
         table: {:?}",
        line + 1,
        written.lines().nth(line),
        rendered.lines().nth(line),
    );
}

#[test]
fn the_command_page_is_the_command_table() {
    hold("docs/COMMANDS.md", &command_page());
}

#[test]
fn the_configuration_file_is_the_directive_table() {
    hold("config/rankd.conf", &configuration_file());
}

/// Its lines set nothing that is not set already.
#[test]
fn the_configuration_file_reads_as_the_defaults() {
    let mut config = Config::default();
    config
        .read_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rankd.conf"))
        .expect("a file that reads");
    assert_eq!(config, Config::default());
}

/// The groups in the order of the page, each with its heading.
const GROUPS: [(Group, &str); 10] = [
    (Group::SortedSet, "Sorted sets"),
    (Group::Friends, "Friend ranking"),
    (Group::List, "Lists"),
    (Group::Set, "Sets"),
    (Group::String, "Strings"),
    (Group::Generic, "Keys"),
    (Group::Transactions, "Transactions"),
    (Group::PubSub, "Channels"),
    (Group::Connection, "Connection"),
    (Group::Server, "Server"),
];

fn command_page() -> String {
    let mut page = String::from(
        "# Commands\n\n\
         Made from the command table (`tests/documents.rs` holds this page to it). Names, arguments and replies are \
         Redis's,\nexcept the group *Friend ranking*, which is rankd's own. *Since* is the version of Redis that brought \
         the command, or of\nrankd for its own; *arguments* counts the command's name and a `+` means that there may be \
         more.\n",
    );
    let shown: usize = GROUPS.iter().map(|(group, heading)| show_group(*group, heading, &mut page)).sum();
    assert_eq!(shown, table().commands().count(), "a group is missing from the page");
    page
}

/// Returns how many commands the group has.
fn show_group(group: Group, heading: &str, page: &mut String) -> usize {
    let _ = write!(page, "\n## {heading}\n");
    let commands: Vec<&Entry> = table().commands().filter(|entry| entry.spec.group == group).collect();
    for command in &commands {
        show_command(command, page);
        for &place in &command.subcommands {
            show_command(&table().entries()[place], page);
        }
    }
    commands.len()
}

fn show_command(entry: &Entry, page: &mut String) {
    let spec = entry.spec;
    let name = entry.full_name.to_uppercase().replace('|', " ");
    let space = if spec.syntax.is_empty() { "" } else { " " };
    let whose = if spec.group == Group::Friends { "rankd " } else { "" };
    let arguments = format!("{}{}", spec.arity.unsigned_abs(), if spec.arity < 0 { "+" } else { "" });
    let _ = write!(page, "\n### {name}\n");
    // A command that is nothing without a subcommand has no form of its own.
    if entry.subcommands.is_empty() || spec.arity == -1 {
        let _ = write!(page, "```\n{name}{space}{}\n```\n", spec.syntax);
    }
    let _ = writeln!(page, "{}.", spec.summary);
    // The table counts from a subcommand's own name, the page from the command's.
    let place = |place: usize| place + usize::from(entry.is_subcommand);
    let mut facts = vec![spec.complexity.trim_end_matches('.').to_owned()];
    facts.push(format!("since {whose}{}", spec.since));
    facts.push(format!("arguments: {arguments}"));
    match *spec.keys.declared() {
        Keys::None => {}
        Keys::Range { first, last: 0, .. } => facts.push(format!("key: argument {}", place(first))),
        Keys::Range { first, last: -1, .. } => {
            facts.push(format!("keys: arguments {} to the last", place(first)));
        }
        Keys::Range { first, last, .. } => facts.push(format!("keys: arguments {} to {last}", place(first))),
        Keys::Counted { count, .. } => {
            facts.push(format!("keys: as many as argument {} says, behind it", place(count)));
        }
        Keys::Pair { .. } => facts.push("keys: arguments 1 and 2".to_owned()),
        Keys::Store { sources: Keys::Range { first, .. } } => {
            facts.push(format!("keys: argument 1, which is written, and argument {first}"));
        }
        Keys::Store { .. } => {
            facts.push(
                "keys: argument 1, which is written, and as many as argument 2 says, behind it".to_owned(),
            );
        }
        Keys::Derived(_) | Keys::WithDerived { .. } => {
            facts.push("keys: made from its arguments".to_owned());
        }
    }
    if matches!(spec.keys, Keys::WithDerived { .. }) {
        facts.push("and keys made from its arguments".to_owned());
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
        "rankd's configuration, in redis.conf's syntax. Every directive stands here at its default; a line that is \
         removed changes nothing. Each is also a flag (--port 7000), an environment variable (RANKD_PORT=7000) and a \
         name for CONFIG GET; those marked (live) can be changed by CONFIG SET while the server runs. Flags win over \
         the environment, the environment wins over this file. A redis.conf works too: Redis's directives that mean \
         nothing here are accepted, with a warning.",
        &mut file,
    );
    let mut section = None;
    for directive in DIRECTIVES {
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

//! Rules for the sources, checked by reading them: imports only go down, each external crate is used only in its places,
//! time and randomness come from one place each, and the documents name existing files.

use std::path::{Path, PathBuf};

/// Each layer and the layers it may import.
const LAYERS: [(&str, &[&str]); 10] = [
    (
        "server",
        &["bench", "commands", "journal", "replication", "rdb", "scripts", "store", "resp", "ranking"],
    ),
    ("bench", &["resp"]),
    ("commands", &["rdb", "replication", "resp", "scripts", "store", "ranking"]),
    ("replication", &["journal", "rdb", "resp", "store", "ranking"]),
    ("journal", &["store", "ranking"]),
    ("rdb", &["store", "ranking"]),
    ("store", &["ranking"]),
    ("scripts", &["resp"]),
    ("resp", &[]),
    ("ranking", &[]),
];

/// The modules below the layers: any layer may use them, and they use no layer. `ranking` has no clock, no configuration and
/// no process: it may use only the listed ones.
const FOUNDATION: [&str; 5] = ["limits", "machine", "text", "net", "config"];
const FOR_RANKING: [&str; 5] =
    ["machine::heap", "machine::chance", "text::decimal", "text::name_run", "limits"];

/// External crates and functions, and the parts of `src/` that may use them.
const CRATE_USERS: [(&str, &[&str]); 18] = [
    ("tokio::", &["server"]),
    ("parking_lot::", &["store", "journal", "replication", "commands", "server"]),
    ("hyper::", &["server"]),
    ("dashmap::", &["store", "commands"]),
    ("redis_protocol::", &["store", "resp", "server", "bench", "net"]),
    ("skiplist::", &["ranking"]),
    ("crossbeam::", &["journal", "replication", "store", "server"]),
    ("crc::", &["rdb", "store"]),
    ("rustls::", &["net", "server"]),
    ("tokio_rustls::", &["server"]),
    ("pkcs8::", &["net"]),
    ("mlua::", &["scripts"]),
    ("rustc_apfloat::", &["resp"]),
    ("tikv_jemallocator::", &["machine"]),
    ("tikv_jemalloc_sys::", &["machine"]),
    ("indicatif::", &["server"]),
    ("std::fs", &["journal", "replication", "rdb", "config", "server", "machine", "net"]),
    ("SystemTime::now", &["machine"]),
];

/// What commands may use of `rdb`: what DUMP and FUNCTION DUMP give, which are bytes in a request and not files.
const FOR_COMMANDS: [&str; 2] = ["rdb::payload", "rdb::functions"];

struct Source {
    path: PathBuf,
    /// The first module under the crate: a layer, a foundation file, `lib` or `main`.
    part: String,
    /// Code without comments, with line numbers from 1.
    lines: Vec<(usize, String)>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_under(directory: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a directory of the repository") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            files_under(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

fn without_comments(text: &str) -> Vec<(usize, String)> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or("").to_owned());
    code.enumerate().map(|(index, line)| (index + 1, line)).collect()
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    files_under(&root().join("src"), "rs", &mut paths);
    assert!(paths.len() > 10, "where are the sources?");
    paths
        .into_iter()
        .map(|path| {
            let relative = path.strip_prefix(root().join("src")).expect("under src");
            let first = relative.components().next().expect("a name").as_os_str().to_string_lossy();
            let part = first.trim_end_matches(".rs").to_owned();
            let text = std::fs::read_to_string(&path).expect("a readable source");
            Source { path, part, lines: without_comments(&text) }
        })
        .collect()
}

/// The identifiers that follow `prefix` in `line`; of a braced list, each one's first identifier.
fn names_after(line: &str, prefix: &str) -> Vec<String> {
    let identifier = |text: &str| -> String {
        text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
    };
    let mut names = Vec::new();
    for (at, _) in line.match_indices(prefix) {
        let rest = &line[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(list) => names.extend(list.split(',').map(|item| identifier(item.trim()))),
            None => names.push(identifier(rest)),
        }
    }
    names
}

/// Whether `line` contains `word` as a whole word: `axtokio::` is not `tokio::`.
fn names_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|character| !character.is_alphanumeric() && character != '_')
    })
}

#[test]
fn imports_only_go_down() {
    let mut wrong = Vec::new();
    for source in sources() {
        let layer = LAYERS.iter().find(|(name, _)| *name == source.part);
        let foundation = FOUNDATION.contains(&source.part.as_str());
        if layer.is_none() && !foundation {
            assert!(["lib", "main"].contains(&source.part.as_str()), "{} is no layer", source.path.display());
            continue;
        }
        for (number, line) in &source.lines {
            let mut named = names_after(line, "crate::");
            // A path up to the crate root and down again is an import as well.
            named.extend(names_after(line, "super::super::"));
            for name in named {
                let is_layer = LAYERS.iter().any(|(layer, _)| *layer == name);
                let is_foundation = FOUNDATION.contains(&name.as_str());
                let allowed = match layer {
                    Some(("commands", _)) if name == "rdb" => {
                        FOR_COMMANDS.iter().any(|allowed| line.contains(allowed))
                    }
                    Some((own, below)) if is_layer => name == *own || below.contains(&name.as_str()),
                    Some((own, _)) if is_foundation => {
                        *own != "ranking" || FOR_RANKING.iter().any(|allowed| line.contains(allowed))
                    }
                    None => !is_layer,
                    Some(_) => true,
                };
                if !allowed {
                    wrong.push(format!(
                        "{}:{number}: `{}` may not import `{name}`",
                        source.path.display(),
                        source.part
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn external_crates_are_used_only_in_their_places() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (number, line) in &source.lines {
            for (word, parts) in CRATE_USERS {
                let named = names_word(line, word)
                    || word.ends_with("::") && names_word(line, &format!("use {};", &word[..word.len() - 2]));
                if named && !parts.contains(&source.part.as_str()) {
                    wrong.push(format!("{}:{number}: {word} is for {parts:?}", source.path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A test waits for a condition, with a deadline, not for time to pass.
#[test]
fn no_test_sleeps() {
    let sleep = concat!("thread::", "sleep");
    let mut paths = Vec::new();
    files_under(&root().join("tests"), "rs", &mut paths);
    files_under(&root().join("src"), "rs", &mut paths);
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a readable test");
        let in_tests = !path.starts_with(root().join("src"));
        // In a source, only the text after `#[cfg(test)]` is a test.
        let tests = if in_tests {
            text.as_str()
        } else {
            text.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests)
        };
        let sleeper = without_comments(tests).into_iter().find(|(_, line)| line.contains(sleep));
        assert!(sleeper.is_none(), "{} sleeps: {sleeper:?}", path.display());
        assert!(!tests.contains(concat!("#[", "ignore")), "{} ignores a test", path.display());
    }
}

/// Words in backquotes that look like a path of this repository.
fn paths_in(text: &str) -> Vec<&str> {
    let starts = ["src/", "tests/", "docs/", "config/", "benches/", "fuzz/", ".ci/"];
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| starts.iter().any(|start| word.starts_with(start)))
        .map(|word| word.split([' ', ':', '#']).next().unwrap_or(word))
        .filter(|word| !word.contains(['*', '<', '{', 'N']))
        .collect()
}

#[test]
fn the_documents_name_what_exists() {
    let mut documents =
        vec![root().join("README.md"), root().join("ARCHITECTURE.md"), root().join("CONTRIBUTING.md")];
    if root().join("docs").exists() {
        files_under(&root().join("docs"), "md", &mut documents);
    }
    let mut missing = Vec::new();
    let mut named = 0;
    for document in documents {
        let text = std::fs::read_to_string(&document)
            .unwrap_or_else(|error| panic!("{}: {error}", document.display()));
        for path in paths_in(&text) {
            named += 1;
            if !root().join(path).exists() {
                missing.push(format!("{} names {path}", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(named > 10, "the documents name only {named} paths: does this test still read them?");
}

/// Tests the checks themselves on known lines: a check that finds nothing would be useless.
#[test]
fn the_checks_read_known_lines_correctly() {
    assert_eq!(names_after("use crate::store::{Slot, Shard};", "crate::"), ["store"]);
    assert_eq!(names_after("use crate::{store::Slot, limits};", "crate::"), ["store", "limits"]);
    assert_eq!(
        names_after("let x = crate::resp::integer(crate::clock::now());", "crate::"),
        ["resp", "clock"]
    );
    assert!(names_word("    tokio::spawn(x);", "tokio::"));
    assert!(!names_word("    nottokio::spawn(x);", "tokio::"));
    assert_eq!(without_comments("a // tokio::\n//! tokio::")[0].1, "a ");
    assert_eq!(
        paths_in("see `src/limits.rs` and `ZADD` and `docs/decisions/`"),
        ["src/limits.rs", "docs/decisions/"]
    );
}

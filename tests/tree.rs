//! Rules for the files in `src`: the files of a layer do not import each other in a circle, no file is too long, and each
//! type name is used once. The lists of exceptions may only shrink.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Circles of files that import each other. No circle may be added.
const CIRCLES: [&[&str]; 2] = [
    // A shard's lock covers the clients that wait for its keys, and a client that is served writes under that lock.
    &[
        "store::access::edit",
        "store::access::hold",
        "store::access::reader",
        "store::access::writer",
        "store::keys::interest",
        "store::shard",
        "store::sharded",
    ],
    // The list of the types of values names each type, and a type names its own entry in the list.
    &[
        "store::values::board::change",
        "store::values::hash",
        "store::values::hash::change",
        "store::values::kinds",
        "store::values::list",
        "store::values::list::change",
        "store::values::set",
        "store::values::set::change",
        "store::values::stored",
        "store::values::stream",
        "store::values::stream::change",
        "store::values::string",
        "store::values::string::change",
    ],
];

/// The most lines of a file, including its tests.
const LINES: usize = 400;

/// Files that are longer, each with its limit.
const LONG: [(&str, usize); 0] = [];

/// Names that more than one visible type has. They are to be renamed.
const TWICE: [&str; 0] = [];

type Module = Vec<String>;

/// The modules of `src`, with their text.
fn modules() -> BTreeMap<Module, String> {
    fn walk(directory: &Path, at: &Module, found: &mut BTreeMap<Module, String>) {
        for entry in std::fs::read_dir(directory).expect("a folder of sources") {
            let path = entry.expect("a directory entry").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let child = || at.iter().cloned().chain([name.clone()]).collect::<Module>();
            if path.is_dir() {
                walk(&path, &child(), found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let is_own = matches!(name.as_str(), "mod" | "lib" | "main");
                let module = if is_own { at.clone() } else { child() };
                if !module.is_empty() && !module.iter().any(|part| part == "tests") {
                    found.insert(module, std::fs::read_to_string(&path).expect("a readable source"));
                }
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &Module::new(), &mut found);
    assert!(found.len() > 100, "where are the sources?");
    found
}

/// A source without its comments and without its tests.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..end].lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// The paths in a `use` tree.
fn tree(text: &str, prefix: &[String], paths: &mut Vec<Vec<String>>) {
    let text = text.trim();
    let parts = |text: &str| -> Vec<String> {
        let name = text.split(" as ").next().unwrap_or("");
        name.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
    };
    let Some(open) = text.find('{') else {
        let mut path = [prefix, &parts(text)].concat();
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        paths.push(path);
        return;
    };
    let prefix = [prefix, &parts(&text[..open])].concat();
    let inner = &text[open + 1..text.rfind('}').expect("a closed brace")];
    let (mut depth, mut start) = (0, 0);
    for (at, character) in inner.char_indices().chain([(inner.len(), ',')]) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inner[start..at].trim().is_empty() {
                    tree(&inner[start..at], &prefix, paths);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// The paths that a source names, in `use` items and in other code, those of the modules that it declares included. The flag says whether a path is re-exported.
fn named(code: &str) -> Vec<(Vec<String>, bool)> {
    let mut named = Vec::new();
    let mut rest = code;
    let mut text = String::new();
    while let Some(at) = rest.find("use ") {
        let line = &rest[..at][rest[..at].rfind('\n').map_or(0, |at| at + 1)..];
        let Some(end) = rest[at..].find(';').map(|end| at + end) else { break };
        let is_item = line.trim().is_empty() || line.trim_start().starts_with("pub");
        if is_item {
            let mut paths = Vec::new();
            tree(&rest[at + 4..end], &[], &mut paths);
            named.extend(paths.into_iter().map(|path| (path, !line.trim().is_empty())));
            text.push_str(&rest[..at]);
            rest = &rest[end + 1..];
        } else {
            text.push_str(&rest[..at + 4]);
            rest = &rest[at + 4..];
        }
    }
    text.push_str(rest);
    let children = text.lines().filter_map(|line| {
        let words =
            line.trim().strip_suffix(';')?.split_whitespace().skip_while(|word| word.starts_with("pub"));
        let child = words.collect::<Vec<_>>().join(" ").strip_prefix("mod ")?.to_owned();
        Some(child + "::")
    });
    let starts: Vec<String> = ["crate::", "super::"].map(str::to_owned).into_iter().chain(children).collect();
    for start in &starts {
        for (at, _) in text.match_indices(start.as_str()) {
            let is_start =
                !text[..at].ends_with(|before: char| before.is_alphanumeric() || "_:".contains(before));
            let path = text[at..].split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).next();
            if let Some(path) = path.filter(|_| is_start) {
                let parts = path.split("::").filter(|part| !part.is_empty()).map(str::to_owned);
                named.push((parts.collect(), false));
            }
        }
    }
    named
}

/// The files of the same layer that each file names. A re-exported name counts as a use of the file that defines it.
fn edges(modules: &BTreeMap<Module, String>) -> BTreeMap<&Module, BTreeSet<&Module>> {
    let resolve = |from: &Module, path: &[String]| -> Option<Module> {
        let mut base = from.clone();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            name => {
                base.push(name.to_owned());
                modules.contains_key(&base).then_some(())?;
                base.pop();
            }
        }
        Some(base.into_iter().chain(rest.iter().cloned()).collect())
    };
    let mut re_exports: BTreeMap<&Module, BTreeMap<String, Module>> = BTreeMap::new();
    let mut uses: Vec<(&Module, Module)> = Vec::new();
    for (module, text) in modules {
        for (path, is_re_exported) in named(&code(text)) {
            let Some(target) = resolve(module, &path) else { continue };
            if is_re_exported {
                let name = target.last().expect("a name").clone();
                re_exports.entry(module).or_default().insert(name, target);
            } else {
                uses.push((module, target));
            }
        }
    }
    let mut edges: BTreeMap<&Module, BTreeSet<&Module>> = BTreeMap::new();
    for (from, mut target) in uses {
        let file = loop {
            let depth =
                (1..=target.len()).rev().find(|&depth| modules.contains_key(&target[..depth].to_vec()));
            let Some(depth) = depth else { break None };
            let (file, _) = modules.get_key_value(&target[..depth].to_vec()).expect("just found");
            let re_exported = target.get(depth).and_then(|name| re_exports.get(file)?.get(name));
            match re_exported {
                Some(next) if *next != target => target = next.clone(),
                _ => break Some(file),
            }
        };
        if let Some(file) = file.filter(|file| *file != from && file[0] == from[0]) {
            edges.entry(from).or_default().insert(file);
        }
    }
    edges
}

/// The files that can be reached from `start`.
fn reached<'m>(
    edges: &BTreeMap<&'m Module, BTreeSet<&'m Module>>,
    start: &'m Module,
) -> BTreeSet<&'m Module> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![start];
    while let Some(module) = waiting.pop() {
        for &next in edges.get(module).into_iter().flatten() {
            if reached.insert(next) {
                waiting.push(next);
            }
        }
    }
    reached
}

#[test]
fn only_the_listed_files_import_each_other_in_a_circle() {
    let modules = modules();
    let edges = edges(&modules);
    assert!(edges.values().map(BTreeSet::len).sum::<usize>() > 300, "the imports are read");
    let from: BTreeMap<&Module, BTreeSet<&Module>> =
        modules.keys().map(|module| (module, reached(&edges, module))).collect();
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for module in modules.keys().filter(|module| from[*module].contains(*module)) {
        let others = from[module].iter().filter(|other| from[**other].contains(module));
        circles.insert(others.map(|other| other.join("::")).collect());
    }
    let known: BTreeSet<Vec<String>> =
        CIRCLES.iter().map(|circle| circle.iter().map(|&name| name.to_owned()).collect()).collect();
    assert_eq!(circles, known, "a circle has come, or one that is named has gone");
}

/// The files of `src`: their names below it, and their text.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    let mut waiting = vec![root.clone()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).expect("a folder of sources") {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).expect("under src").to_string_lossy().into_owned();
            sources.push((name, std::fs::read_to_string(&path).expect("a readable source")));
        }
    }
    sources
}

#[test]
fn only_the_listed_files_are_longer_than_the_limit() {
    let mut long = BTreeSet::new();
    for (name, text) in sources() {
        let lines = text.lines().count();
        let most = LONG.iter().find(|(long, _)| *long == name).map_or(LINES, |(_, most)| *most);
        assert!(lines <= most, "{name} has {lines} lines, and {most} at most are wanted");
        if lines > LINES {
            long.insert(name);
        }
    }
    let known: BTreeSet<String> = LONG.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(long, known, "a file that is named is short enough by now: take it off the list");
}

/// Names of the set type: its types, its Changes, its entries in lists.
const SET_NAMES: [&str; 9] = [
    "SetChange",
    "Members",
    "Kind::Set",
    "Value::Set",
    "Element::Member",
    "ADD_MEMBERS",
    "value_form::SET",
    "ValueForm::Set",
    "Self::Set(",
];

/// Adding a hash needed changes at 53 places in 24 files. Sets are the simplest type, so a new type needs changes in each
/// file that names sets: six, besides the folder of the type and its command families. ARCHITECTURE.md lists them.
#[test]
fn a_new_type_of_value_needs_only_the_places_that_are_listed() {
    const LAYERS: [&str; 5] = ["store/", "commands/", "journal/", "rdb/", "server/"];
    // The folder of sets, and the families whose commands take sets.
    const TAKE_SETS: [&str; 5] = [
        "store/values/set/",
        "commands/sets/",
        "commands/friends/",
        "commands/sorted_sets/",
        "commands/sort/",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let architecture = std::fs::read_to_string(root.join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let (_, section) = architecture.split_once("## Adding a value type").expect("its section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let listed: BTreeSet<String> = (1..=9)
        .filter_map(|number| section.split_once(&format!("\n{number}. `src/")))
        .filter_map(|(_, rest)| rest.split('`').next())
        .map(str::to_owned)
        .collect();
    assert!(listed.len() <= 6, "{listed:?}");

    let names_sets = |text: &str| {
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        SET_NAMES.iter().any(|name| {
            code.match_indices(name).any(|(at, _)| {
                let before = code[..at].chars().next_back();
                let after = code[at + name.len()..].chars().next();
                let in_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                !in_word(before) && (name.ends_with('(') || !in_word(after))
            })
        })
    };
    let needed: BTreeSet<String> = sources()
        .into_iter()
        .filter(|(name, _)| LAYERS.iter().any(|layer| name.starts_with(layer)))
        .filter(|(name, _)| !name.contains("tests") && !TAKE_SETS.iter().any(|taker| name.starts_with(taker)))
        .filter(|(name, text)| *name != "store/values/mod.rs" && names_sets(text))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(needed, listed);
}

#[test]
fn imports_of_a_known_source_are_found() {
    let text = "use crate::a::{b, c::D as E, f::{self, G}};\npub use h::I;\nfn j() { super::k::l(); }\n\
                pub(super) mod m;\nfn n() { m::o(p::q()); }";
    let named: Vec<(String, bool)> =
        named(text).into_iter().map(|(path, is_re_exported)| (path.join("::"), is_re_exported)).collect();
    let expected = [
        ("crate::a::b", false),
        ("crate::a::c::D", false),
        ("crate::a::f", false),
        ("crate::a::f::G", false),
        ("h::I", true),
        ("super::k::l", false),
        ("m::o", false),
    ];
    assert_eq!(named, expected.map(|(path, is_re_exported)| (path.to_owned(), is_re_exported)));
}

/// The types that a source declares for other files: structs, enums, traits and aliases with any kind of `pub`.
fn declared(code: &str) -> Vec<&str> {
    let mut declared = Vec::new();
    for line in code.lines() {
        let Some(rest) = line.trim_start().strip_prefix("pub") else { continue };
        let rest = match rest.strip_prefix('(') {
            Some(reach) => reach.split_once(')').map_or("", |(_, rest)| rest),
            None => rest,
        };
        let mut words = rest.split_whitespace().skip_while(|word| *word == "unsafe");
        if !matches!(words.next(), Some("struct" | "enum" | "trait" | "type")) {
            continue;
        }
        let name = words.next().unwrap_or("");
        declared
            .extend(name.split(|character: char| !(character.is_alphanumeric() || character == '_')).next());
    }
    declared
}

#[test]
fn a_types_name_has_one_meaning() {
    let modules = modules();
    let code: Vec<(String, String)> =
        modules.iter().map(|(module, text)| (module.join("::"), code(text))).collect();
    let mut owners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (module, code) in &code {
        declared(code).into_iter().for_each(|name| owners.entry(name).or_default().push(module));
    }
    assert!(owners.len() > 150, "where are the types?");
    owners.retain(|_, owners| owners.len() > 1);
    let new: Vec<_> = owners.iter().filter(|(name, _)| !TWICE.contains(*name)).collect();
    assert!(new.is_empty(), "names with two meanings: {new:?}");
    let gone: Vec<_> = TWICE.iter().filter(|name| !owners.contains_key(**name)).collect();
    assert!(gone.is_empty(), "these have one meaning by now: take them off the list: {gone:?}");
}

#[test]
fn declarations_of_a_known_source_are_found() {
    let text = "pub struct A<T>(T);\n    pub(super) unsafe trait B: C {}\nstruct D;\npub(in crate::x) type E = F;\n\
                pub enum G { H }\npub fn i() {}\npub const J: u8 = 1;\npub use k::L;";
    assert_eq!(declared(text), ["A", "B", "E", "G"]);
}

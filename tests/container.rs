//! Tests the Dockerfile without a container engine: reads its instructions and runs them. The image build is untested.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::support::reply::Reply;
use crate::support::server::{Server, run_rankd};

/// The instructions: keyword and rest. Continued lines are joined.
fn instructions() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Dockerfile");
    let text = std::fs::read_to_string(path).expect("a Dockerfile").replace("\\\n", " ");
    text.lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once(' ').expect("an instruction and its arguments"))
        .map(|(keyword, rest)| (keyword.to_owned(), rest.trim().to_owned()))
        .collect()
}

fn all(keyword: &str) -> Vec<String> {
    instructions().into_iter().filter(|(found, _)| found == keyword).map(|(_, rest)| rest).collect()
}

fn only(keyword: &str) -> String {
    let mut found = all(keyword);
    assert_eq!(found.len(), 1, "one {keyword}, not {found:?}");
    found.remove(0)
}

/// The words of `["a", "b"]`. This form starts no shell, which would not pass on the stop signal.
fn exec_form(text: &str) -> Vec<String> {
    let list = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let list = list.unwrap_or_else(|| panic!("not the exec form: {text}"));
    list.split(',').map(|word| word.trim().trim_matches('"').to_owned()).collect()
}

#[test]
fn the_image_is_built_in_two_stages_and_runs_as_an_unprivileged_user() {
    let stages = all("FROM");
    assert_eq!(stages.len(), 2);
    let toolchain = include_str!("../rust-toolchain.toml");
    let pinned = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).expect("a channel");
    let version =
        stages[0].strip_prefix("rust:").and_then(|rest| rest.split('-').next()).expect("a rust image");
    assert!(pinned.trim_matches('"').starts_with(version), "{pinned} is pinned, the image has {version}");
    assert!(stages[0].ends_with(" AS build"));
    let user = only("USER");
    assert!(user != "root" && user != "0");
    assert_eq!(only("VOLUME"), "/data");
    assert_eq!(only("EXPOSE"), "6379");
    assert_eq!(only("STOPSIGNAL"), "SIGTERM");
    let built =
        all("COPY").into_iter().find(|copy| copy.starts_with("--from=build")).expect("the binary is copied");
    assert_eq!(built, "--from=build /source/target/release/rankd /usr/local/bin/rankd");
}

/// The build stage has only what it copies. That must be all that the build needs, and the build command must build the
/// binary that the last stage copies.
#[test]
fn the_build_stage_has_what_the_build_command_needs() {
    let command = all("RUN").into_iter().find(|run| run.starts_with("cargo ")).expect("a build command");
    assert_eq!(command, "cargo build --release --locked --bin rankd");
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let stage = tempfile::tempdir().expect("a temporary directory");
    let mut copied = BTreeSet::new();
    for copy in all("COPY").iter().filter(|copy| !copy.starts_with("--from")) {
        let mut names: Vec<&str> = copy.split(' ').collect();
        let target = stage.path().join(names.pop().expect("a target"));
        for name in names {
            let is_directory = repository.join(name).is_dir();
            let target = if is_directory { target.clone() } else { target.join(name) };
            let status = Command::new("cp").arg("-r").arg(repository.join(name)).arg(target).status();
            assert!(status.expect("cp runs").success(), "COPY {copy}");
            copied.insert(name.to_owned());
        }
    }
    assert!(copied.contains("src") && copied.contains("Cargo.lock"), "{copied:?}");
    // `--locked` refuses a lock file that does not fit the manifest; nothing is fetched.
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(stage.path())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"name\":\"rankd\""));
    // What the sources include at compile time must have been copied too.
    let includes = include_paths(&repository.join("src"));
    for path in includes {
        let relative = path.strip_prefix(repository).expect("inside the repository");
        let first = relative.components().next().expect("a name").as_os_str().to_string_lossy();
        assert!(copied.contains(&*first), "the sources include {}, which is not copied", relative.display());
    }
}

/// The files named by `include_str!` and `include_bytes!` under `directory`.
fn include_paths(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            // Tests are not part of the build.
            if path.file_name().is_some_and(|name| name == "tests") {
                continue;
            }
            found.extend(include_paths(&path));
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            for start in ["include_str!(\"", "include_bytes!(\""] {
                for (at, _) in text.match_indices(start) {
                    let name = text[at + start.len()..].split('"').next().expect("a closing quote");
                    let included = path.parent().expect("a directory").join(name);
                    found.push(included.canonicalize().unwrap_or_else(|error| panic!("{name}: {error}")));
                }
            }
        }
    }
    found
}

#[test]
fn the_entry_point_serves_is_healthy_and_stops_on_its_signal() {
    assert_eq!(exec_form(&only("ENTRYPOINT")), ["rankd"]);
    let arguments = exec_form(&only("CMD"));
    let at = arguments.iter().position(|word| word == "--dir").expect("a --dir");
    assert_eq!(arguments[at + 1], "/data");
    // As in the image, but in a temporary directory and on a port chosen by the kernel: the last of two equal flags is used.
    let rest: Vec<&str> = arguments
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != at && *index != at + 1)
        .map(|(_, word)| word.as_str())
        .collect();
    let mut server = Server::rankd_with(&rest);
    let port = server.address.port().to_string();
    assert_eq!(server.client().call(&["PING"]), Reply::Simple(b"PONG".to_vec()));

    let health = only("HEALTHCHECK");
    let (_, probe) = health.split_once("CMD ").expect("a probe");
    let probe = exec_form(probe);
    assert_eq!(probe, ["rankd", "ping"]);
    let (status, said, _) = run_rankd(&["ping", "--port", &port]);
    assert!(status.success(), "the probe of a healthy server: {said}");

    assert!(server.terminate().success());
    let (status, _, _) = run_rankd(&["ping", "--port", &port]);
    assert!(!status.success(), "the probe of no server");
}

//! Configuration: files as Redis has them, standard input, the password's file, CONFIG SET and CONFIG REWRITE.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::support::client::encode;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server, rankd};

fn check(arguments: &[&str], input: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = rankd();
    command.arg("--check-config").args(arguments).envs(environment.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("rankd");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("standard input");
    child.wait_with_output().expect("an end")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn error(reply: &Reply) -> String {
    let Reply::Error(text) = reply else { panic!("{reply:?}") };
    String::from_utf8_lossy(text).into_owned()
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a file")
}

/// A file with every directive of the peers, at the values that they have by default, starts rankd, and nothing in it is
/// worth a warning but what differs here.
#[test]
fn a_file_with_all_directives_of_redis_is_read() {
    for peer in [Peer::Redis, Peer::Valkey] {
        let Some(peer) = Server::peer(peer, &[]) else { continue };
        let found = peer.client().ask("CONFIG GET *");
        let mut file = String::new();
        for pair in found.items().chunks(2) {
            let (name, value) = (pair[0].text(), pair[1].text());
            // A module's directives are named with a dot; they need the module. Who has no master has no line for it.
            if !name.contains('.') && !matches!(name.as_str(), "slaveof" | "replicaof") {
                let words =
                    ["bind", "client-output-buffer-limit", "oom-score-adj-values"].contains(&name.as_str());
                let value = if words { value } else { format!("\"{}\"", value.replace('\\', "\\\\")) };
                file.push_str(&format!("{name} {value}\n"));
            }
        }
        assert!(file.lines().count() > 150, "{file}");
        let output = check(&["-"], &file, &[]);
        assert!(
            output.status.success() && said(&output).starts_with("configuration ok"),
            "{}",
            said(&output)
        );
    }
}

#[test]
fn a_configuration_comes_from_standard_input() {
    let output = check(&["-", "--port", "7000"], "timeout 7\nhz 20\n", &[]);
    assert!(output.status.success(), "{}", said(&output));
    let warned = said(&output).lines().filter(|line| line.contains("'hz'")).count();
    assert_eq!(warned, 1, "what has no effect is said once: {}", said(&output));
    let output = check(&["--bind", "127.0.0.1", "-"], "timeout 7\ntimeout x\n", &[]);
    assert!(said(&output).contains("standard input:2: 'timeout x': argument"), "{}", said(&output));
    let output = check(&["-"], "loadmodule /a.so x\nloadmodule /b.so\n", &[]);
    assert!(output.status.success() && said(&output).matches("loadmodule").count() == 1, "{}", said(&output));
    let output = check(&["-"], "rename-command FLUSHALL \"\"\n", &[]);
    assert!(!output.status.success() && said(&output).contains("take the line out"), "{}", said(&output));
    let output = check(&["-"], "user ann on >secret ~* +@all\n", &[]);
    assert!(output.status.success(), "{}", said(&output));
    let output = check(&["-"], "user ann on +nosuch\n", &[]);
    assert!(
        !output.status.success() && said(&output).contains("user ann: +nosuch: Unknown"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_password_comes_from_a_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("password");
    let with = |content: &str, more: &[(&str, &str)], arguments: &[&str]| {
        std::fs::write(&path, content).expect("a file");
        let file = path.to_str().expect("UTF-8");
        check(arguments, "", &[&[("RANKD_REQUIREPASS_FILE", file)], more].concat())
    };
    let good = with("a secret\n", &[], &[]);
    assert!(good.status.success() && !said(&good).contains("RANKD_REQUIREPASS_FILE"), "{}", said(&good));
    for (content, why) in
        [("", "one line"), ("a\nb\n", "one line"), (&*"x".repeat(5000), "more than 4096 bytes")]
    {
        let bad = with(content, &[], &[]);
        assert!(!bad.status.success() && said(&bad).contains(why), "{}", said(&bad));
    }
    let both = with("a\n", &[("RANKD_REQUIREPASS", "b")], &[]);
    assert!(!both.status.success() && said(&both).contains("is set as well"), "{}", said(&both));
    for variable in ["RANKD_MASTERAUTH_FILE", "RANKD_SENTINEL_PASS_FILE"] {
        let file = path.to_str().expect("UTF-8");
        let bad = with("a secret\n", &[(variable, "/nonexistent")], &[]);
        let why = format!("{variable} '/nonexistent'");
        assert!(!bad.status.success() && said(&bad).contains(&why), "{}", said(&bad));
        let good = with("a secret\n", &[(variable, file)], &[]);
        assert!(good.status.success() && !said(&good).contains(variable), "{}", said(&good));
    }
    let missing = check(&[], "", &[("RANKD_REQUIREPASS_FILE", "/nonexistent")]);
    assert!(!missing.status.success() && said(&missing).contains("'/nonexistent': "), "{}", said(&missing));
}

#[test]
fn config_rewrite_keeps_the_file_and_its_comments() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("rankd.conf");
    let before = "# ours\nappendonly no\nmaxmemory 1gb\n\nTimeout 7\n# the end\n";
    std::fs::write(&path, before).expect("a file");
    let server = Server::rankd_with(&[path.to_str().expect("UTF-8")]);
    let mut client = server.client();
    assert!(client.ask("INFO server").text().contains(&format!("config_file:{}", path.display())));
    client.ask("CONFIG SET timeout 9 requirepass \"two words\"");
    assert_eq!(client.ask("CONFIG REWRITE"), Reply::Simple(b"OK".to_vec()));
    let after = text(&path);
    assert!(after.starts_with(&before.replace("Timeout 7", "timeout 9")), "{after}");
    assert!(after.contains("\nrequirepass \"two words\"\n"), "{after}");
    assert_eq!(client.ask("CONFIG REWRITE"), Reply::Simple(b"OK".to_vec()));
    assert_eq!(text(&path), after, "a second time");
    let beside: Vec<_> = std::fs::read_dir(directory.path()).expect("a directory").collect();
    assert_eq!(beside.len(), 1, "nothing is left beside the file");
    std::fs::remove_file(&path).expect("the file");
    assert!(error(&client.ask("CONFIG REWRITE")).starts_with("ERR Rewriting config file: "));
    let without = Server::rankd();
    let refused = without.client().ask("CONFIG REWRITE");
    assert_eq!(error(&refused), "ERR The server is running without a config file");
}

/// As Redis does: what was given on the command line is a value like others.
#[test]
fn config_rewrite_writes_what_the_command_line_has_set() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().canonicalize().expect("a directory").join("data");
    let path = directory.path().join("rankd.conf");
    let before = "# ours\nbind 127.0.0.1 ::1\nport 7777\nappendonly no\n";
    std::fs::write(&path, before).expect("a file");
    let dotted = directory.path().join(".").join("data");
    let argument = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
    let server = Server::rankd_with(&[&argument(&path), "--bind", "127.0.0.1", "--dir", &argument(&dotted)]);
    let mut client = server.client();
    let port = server.client().ask("CONFIG GET port").items()[1].text();
    assert_eq!(client.ask("CONFIG GET dir").items()[1].text(), argument(&data));
    assert_eq!(client.ask("CONFIG REWRITE"), Reply::Simple(b"OK".to_vec()));
    let after = text(&path);
    let head = format!("# ours\nbind 127.0.0.1\nport {port}\nappendonly no\n# Generated by CONFIG REWRITE\n");
    assert!(after.starts_with(&head), "{after}");
    assert!(after.contains(&format!("\ndir {}\n", data.display())), "{after}");
}

/// The limit of open files is one of the few things that can refuse a valid value.
#[test]
fn a_config_set_that_cannot_take_effect_changes_nothing() {
    let server = Server::rankd();
    let mut client = server.client();
    let refused = client.ask("CONFIG SET timeout 77 loglevel warning maxclients 4000000000");
    let why = "ERR CONFIG SET failed (possibly related to argument 'maxclients') - there is room for ";
    assert!(error(&refused).starts_with(why), "{refused:?}");
    assert_eq!(client.ask("CONFIG GET timeout").items()[1].text(), "0");
    assert_eq!(client.ask("CONFIG GET maxclients").items()[1].text(), "10000");
    assert_eq!(client.ask("CONFIG GET loglevel").items()[1].text(), "notice");
}

/// Requests that came in one piece with a CONFIG SET ran with the settings before it.
#[test]
fn what_follows_a_config_set_in_a_pipeline_runs_with_its_settings() {
    let server = Server::rankd_with(&["--appendonly", "no"]);
    let mut client = server.client();
    let mut bytes = Vec::new();
    for (most, set) in [("0", "none"), ("512", "some"), ("0", "none again")] {
        bytes.extend(encode(&["CONFIG", "SET", "set-max-intset-entries", most]));
        bytes.extend(encode(&["SADD", set, "1"]));
        bytes.extend(encode(&["OBJECT", "ENCODING", set]));
    }
    client.send_raw(&bytes);
    let encodings = [(); 3].map(|()| {
        assert!(!client.reply().is_error() && client.reply().integer() == 1);
        client.reply().text()
    });
    assert_eq!(encodings, ["listpack", "intset", "listpack"]);
}

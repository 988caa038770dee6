//! The file for Docker Compose.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Started, text};
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, free_address};
use crate::support::wait_for;

#[test]
fn the_service_runs_is_healthy_and_asks_for_a_password() {
    let file: Value = serde_saphyr::from_str(&text("compose/compose.yaml")).expect("YAML");
    let service = &file["services"]["rankd"];
    let strings = |value: &Value| -> Vec<String> {
        let words = value.as_array().expect("a list").iter();
        words.map(|word| word.as_str().expect("a string").to_owned()).collect()
    };
    let environment = environment_of(service);
    for port in strings(&service["ports"]) {
        let [host, _, inside] = port.split(':').collect::<Vec<_>>()[..] else { panic!("{port}") };
        assert_eq!(host, "127.0.0.1");
        assert!(environment.iter().any(|(name, value)| name.ends_with("_PORT") && value == inside), "{port}");
    }
    let volume = strings(&service["volumes"]);
    let (name, path) = volume[0].split_once(':').expect("a name and a path");
    assert!(file["volumes"].get(name).is_some());
    assert_eq!(environment["RANKD_DIR"], path);
    assert_eq!(service["read_only"], true);

    let mut started = Started::with(&strings(&service["command"]), &environment);
    let test = strings(&service["healthcheck"]["test"]);
    assert_eq!(test[0], "CMD");
    let probe: Vec<&str> = test[1..].iter().map(String::as_str).collect();
    wait_for("health", || started.probe(&probe).then_some(()));
    let mut client = Client::connect(([127, 0, 0, 1], started.port("RANKD_PORT")).into());
    assert!(matches!(client.ask("GET a"), Reply::Error(_)));
    assert_eq!(client.ask("AUTH a-secret"), Reply::Simple(b"OK".to_vec()));
    assert!(started.terminate().success());
    assert!(!started.probe(&probe), "a server that has ended is not healthy");
}

/// The two servers and the first sentinel of the file, on this machine: the servers take no writes before they know who leads.
#[test]
fn two_servers_with_sentinels_wait_for_their_answer() {
    let file: Value = serde_saphyr::from_str(&text("compose/sentinels.yaml")).expect("YAML");
    let services = file["services"].as_object().expect("services");
    let mut servers = Vec::new();
    for name in ["rankd-1", "rankd-2"] {
        let environment = environment_of(&services[name]);
        assert_eq!(environment["RANKD_REPLICA_ANNOUNCE_IP"], name);
        for place in environment["RANKD_SENTINEL"].split(',') {
            let (host, port) = place.split_once(':').expect("host:port");
            assert!(services.contains_key(host) && port == "26379", "{place}");
        }
        let started = Started::with(&[], &environment);
        let address = ([127, 0, 0, 1], started.port("RANKD_PORT")).into();
        wait_for("an answer", || Client::try_connect(address).ok());
        let mut client = Client::connect(address);
        wait_for("the password", || {
            (client.ask("AUTH a-secret") == Reply::Simple(b"OK".to_vec())).then_some(())
        });
        let refused = wait_for("the end of the loading", || {
            let Reply::Error(reply) = client.ask("SET k 1") else { panic!("it takes writes") };
            let reply = String::from_utf8(reply).expect("text");
            (!reply.starts_with("LOADING")).then_some(reply)
        });
        assert!(refused.starts_with("MASTERDOWN The sentinels have not said yet"), "{refused}");
        servers.push(started);
    }
    let Some(binary) = Peer::Sentinel.find() else { return };
    let command = services["sentinel-1"]["command"].as_array().expect("a command");
    let (directory, place) = (tempfile::tempdir().expect("a directory"), free_address());
    let master = format!("localhost {}", servers[0].port("RANKD_PORT"));
    let script = command[2].as_str().expect("a script").replace("$$", "$");
    let script = script
        .replace("/etc/sentinel.conf", &format!("{}/config/sentinel.conf", env!("CARGO_MANIFEST_DIR")))
        .replace("dir \\/data", &format!("dir {}", directory.path().display()).replace('/', "\\/"))
        .replace("/data", directory.path().to_str().expect("UTF-8"))
        .replace("rankd-1 6379", &master)
        .replace("exec redis-sentinel", &format!("exec {}", binary.display()));
    let script = script.replace("s/127", &format!("s/^port .*/port {}/; s/127", place.port()));
    let mut sentinel = Command::new("sh")
        .args(["-c", &script])
        .env("RANKD_PASSWORD", "a-secret")
        .stdout(Stdio::null())
        .spawn()
        .expect("a shell");
    wait_for("the sentinel's view", || {
        let mut client = Client::try_connect(place).ok()?;
        let reply = client.try_call(&["SENTINEL", "MASTER", "mymaster"]).ok()?;
        let Reply::Array(words) = reply else { return None };
        let fact =
            |name: &str| words.chunks(2).find_map(|pair| (pair[0].text() == name).then(|| pair[1].text()));
        // It has come in with the password, by the name of the host.
        (fact("flags")? == "master" && !fact("runid")?.is_empty() && fact("ip")? == "localhost").then_some(())
    });
    sentinel.kill().expect("the sentinel");
    sentinel.wait().expect("its end");
}

/// The environment of a service, with a password of the test.
fn environment_of(service: &Value) -> BTreeMap<String, String> {
    let variables = service["environment"].as_object().expect("variables").iter();
    variables
        .map(|(name, value)| {
            let value = value.as_str().expect("a string");
            let value = if value.starts_with("${RANKD_PASSWORD:?") { "a-secret" } else { value };
            (name.clone(), value.to_owned())
        })
        .collect()
}

//! The file for Docker Compose.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Started, text};
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::wait_for;

#[test]
fn the_service_runs_is_healthy_and_asks_for_a_password() {
    let file: Value = serde_saphyr::from_str(&text("compose/compose.yaml")).expect("YAML");
    let service = &file["services"]["rankd"];
    let strings = |value: &Value| -> Vec<String> {
        let words = value.as_array().expect("a list").iter();
        words.map(|word| word.as_str().expect("a string").to_owned()).collect()
    };
    let environment: BTreeMap<String, String> = service["environment"]
        .as_object()
        .expect("variables")
        .iter()
        .map(|(name, value)| {
            let value = value.as_str().expect("a string");
            // Compose takes it from its own environment.
            let value = if value.starts_with("${RANKD_PASSWORD:?") { "a-secret" } else { value };
            (name.clone(), value.to_owned())
        })
        .collect();
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

//! The alerts and the dashboard in `config`: promtool likes them, and every metric that they name is in a scrape.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::scrape::use_everything;
use super::{Metered, tool};
use crate::support::wait_for;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).expect("a file of config")
}

/// The metrics of rankd that an expression names.
fn metrics_in(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("redis_") || word.starts_with("rankd_"))
}

/// Every name in a scrape of a server that has been used.
fn scraped() -> BTreeSet<String> {
    let metered = Metered::rankd(&["--enable-debug-command", "yes", "--metrics-boards", "board"]);
    use_everything(&metered);
    // The largest board is shown if it has many members.
    let mut client = metered.client();
    for member in 0..1_100 {
        client.call(&["ZADD", "board", "1", &member.to_string()]);
    }
    let scrape = wait_for("the watched board", || {
        let scrape = metered.scrape();
        (!scrape.all("rankd_board_members").is_empty()).then_some(scrape)
    });
    scrape.samples.into_iter().map(|sample| sample.name).collect()
}

fn promtool(arguments: &[&str]) {
    let Some(promtool) = tool("promtool", "prometheus") else { return };
    let output = Command::new(promtool)
        .args(arguments)
        .current_dir(file("prometheus"))
        .output()
        .expect("promtool runs");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("SUCCESS"), "{arguments:?}: {said}");
}

#[test]
fn the_alerts_are_valid_and_fire_when_they_should() {
    promtool(&["check", "rules", "rankd.rules.yml"]);
    promtool(&["test", "rules", "rankd.rules.test.yml"]);
    promtool(&["check", "config", "scrape.yml"]);
}

#[test]
fn every_metric_of_the_alerts_and_the_dashboard_is_in_a_scrape() {
    let scraped = scraped();
    let rules: Value = serde_saphyr::from_str(&text("prometheus/rankd.rules.yml")).expect("YAML");
    let mut named = BTreeSet::new();
    let rules = rules["groups"][0]["rules"].as_array().expect("rules");
    let tested = text("prometheus/rankd.rules.test.yml");
    for rule in rules {
        let expression = rule["expr"].as_str().expect("an expression");
        named.extend(metrics_in(expression).map(str::to_owned));
        let alert = rule["alert"].as_str().expect("a name");
        assert!(tested.contains(&format!("alertname: {alert}\n")), "{alert} has no test");
        assert!(
            rule["annotations"]["summary"].is_string() && rule["labels"]["severity"].is_string(),
            "{alert}"
        );
    }
    assert!(rules.len() > 10 && named.len() > 10, "{named:?}");

    let dashboard: Value = serde_json::from_str(&text("grafana/rankd.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "an id is there twice: {panel}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().expect("an expression");
            let metrics: Vec<_> = metrics_in(expression).map(str::to_owned).collect();
            assert!(!metrics.is_empty(), "{expression}");
            named.extend(metrics);
        }
    }
    assert!(panels.len() > 20 && named.len() > 40, "{named:?}");
    let missing: Vec<_> = named.difference(&scraped).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Prometheus reads the expressions of the dashboard. Grafana's variables stand for these values.
#[test]
fn the_expressions_of_the_dashboard_are_valid() {
    let dashboard: Value = serde_json::from_str(&text("grafana/rankd.json")).expect("JSON");
    let targets = dashboard["panels"]
        .as_array()
        .expect("panels")
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (number, target) in targets.flatten().enumerate() {
        let expression = target["expr"].as_str().expect("an expression");
        let expression = expression.replace("$__rate_interval", "1m").replace("$instance", ".*");
        rules += &format!("      - record: dashboard:{number}\n        expr: '{expression}'\n");
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("dashboard.yml");
    std::fs::write(&path, rules).expect("a file");
    promtool(&["check", "rules", path.to_str().expect("UTF-8")]);
}

//! The container image that `config/container/build` makes with buildah: what it says of itself is what the Dockerfile
//! says, and the server runs in it as its user.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::metrics::tool;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{free_address, rankd};
use crate::support::wait_for;

/// buildah with images of its own below `directory`. It runs programs in a changed root, which needs no other engine.
fn within(directory: &Path, program: &Path) -> Command {
    let configuration = directory.join("storage.conf");
    if !configuration.exists() {
        let path = directory.display();
        let text =
            format!("[storage]\ndriver = \"vfs\"\ngraphroot = \"{path}/graph\"\nrunroot = \"{path}/run\"\n");
        std::fs::write(&configuration, text).expect("a file");
    }
    let mut command = Command::new(program);
    command.env("CONTAINERS_STORAGE_CONF", configuration).env("BUILDAH_ISOLATION", "chroot");
    command.stdin(Stdio::null());
    command
}

fn said(command: &mut Command) -> String {
    let output = command.output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn the_image_is_built_and_the_server_runs_in_it() {
    let Some(buildah) = tool("buildah", "buildah") else { return };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/container/build");
    said(within(directory.path(), &build).arg(rankd().get_program()).arg("rankd-test"));
    let own = |arguments: &[&str]| said(within(directory.path(), &buildah).args(arguments));

    let image: Value =
        serde_json::from_str(&own(&["inspect", "--type", "image", "rankd-test"])).expect("JSON");
    let config = &image["Docker"]["config"];
    let dockerfile = include_str!("../../Dockerfile");
    let instruction = |name: &str| {
        let found = dockerfile.lines().rev().find_map(|line| line.strip_prefix(name));
        found.unwrap_or_else(|| panic!("{name} in the Dockerfile")).trim().to_owned()
    };
    let exec_form = |text: &str| -> Value { serde_json::from_str(text).expect("the exec form") };
    assert_eq!(config["Entrypoint"], exec_form(&instruction("ENTRYPOINT")));
    assert_eq!(config["Cmd"], exec_form(&instruction("CMD")));
    assert_eq!(config["StopSignal"], instruction("STOPSIGNAL"));
    assert_eq!(config["WorkingDir"], instruction("WORKDIR"));
    assert!(config["Volumes"].get(instruction("VOLUME")).is_some(), "{config}");
    assert!(config["ExposedPorts"].get(instruction("EXPOSE")).is_some(), "{config}");
    let user = config["User"].as_str().expect("a user").split(':').next().expect("a number");
    assert!(dockerfile.contains(&format!("--uid {user} ")));
    let health = instruction("HEALTHCHECK");
    let (_, probe) = health.split_once(" CMD ").expect("a probe");
    let test = [vec![Value::from("CMD")], exec_form(probe).as_array().expect("words").clone()].concat();
    assert_eq!(config["Healthcheck"]["Test"], Value::from(test));

    let container = own(&["from", "rankd-test"]).trim().to_owned();
    let address = free_address();
    let port = address.port().to_string();
    let run = ["run", &container, "--", "rankd", "--dir", "/data", "--bind", "127.0.0.1", "--port", &port];
    let mut server = within(directory.path(), &buildah)
        .args(run)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("buildah runs");
    let mut client = wait_for("the server in the container", || {
        let mut client = Client::try_connect(address).ok()?;
        (client.ask("PING") == Reply::Simple(b"PONG".to_vec())).then_some(client)
    });
    assert_eq!(client.ask("ZADD board 1 a"), Reply::Integer(1));
    own(&["run", &container, "--", "rankd", "ping", "--port", &port]);
    client.send(&["SHUTDOWN"]);
    let status = wait_for("the end of the container", || server.try_wait().expect("a child"));
    assert!(status.success());
    // The journal is in the volume, and belongs to the user.
    own(&["run", &container, "--", "rankd", "journal", "check", "/data"]);
}

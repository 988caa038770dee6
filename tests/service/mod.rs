//! The files of `config` for systemd, Kubernetes, Docker Compose and a container image: they are read, and the server runs as they
//! say.

mod compose;
mod image;
mod kubernetes;
mod systemd;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::server::{free_address, rankd};
use crate::support::wait_for;

fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
    std::fs::read_to_string(path).expect("a file of config")
}

/// What a file says that rankd is started with, in a directory of the test in place of the paths of a container.
struct Started {
    server: Child,
    environment: BTreeMap<String, String>,
    directory: tempfile::TempDir,
}

impl Started {
    /// Starts rankd with these arguments and this environment. Ports are free ones.
    fn with(arguments: &[String], environment: &BTreeMap<String, String>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut environment = environment.clone();
        for (name, value) in &mut environment {
            let is_port = name.ends_with("_PORT") && value != "0";
            if is_port {
                *value = free_address().port().to_string();
            } else if value.starts_with('/') {
                let path = directory.path().join(value.trim_start_matches('/'));
                std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
                *value = path.to_str().expect("UTF-8").to_owned();
            } else if value == "*" {
                "127.0.0.1".clone_into(value);
            }
        }
        let mut command = command(&environment);
        command.args(arguments).current_dir(directory.path()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { server: command.spawn().expect("rankd runs"), environment, directory }
    }

    fn port(&self, variable: &str) -> u16 {
        self.environment[variable].parse().expect("a port")
    }

    fn path(&self, variable: &str) -> PathBuf {
        let path = PathBuf::from(&self.environment[variable]);
        assert!(path.starts_with(self.directory.path()));
        path
    }

    /// Runs a probe in the environment of the server: `rankd` and its arguments.
    fn probe(&self, probe: &[&str]) -> bool {
        assert_eq!(probe[0], "rankd");
        let output = command(&self.environment).args(&probe[1..]).output().expect("rankd runs");
        output.status.success()
    }

    /// Stops it as an orchestrator does.
    fn terminate(&mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.server), Signal::TERM).expect("the server is running");
        wait_for("the server's end", || self.server.try_wait().expect("a child"))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// rankd in this environment.
fn command(environment: &BTreeMap<String, String>) -> Command {
    let mut command = rankd();
    // Of its own environment it has no directives.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RANKD_")) {
        command.env_remove(name);
    }
    command.envs(environment);
    command
}

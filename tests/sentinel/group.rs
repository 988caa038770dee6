//! A rankd master, two rankd replicas and three sentinels, as `config/sentinel.conf` has them.

use crate::following::fact;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::server::{Peer, Server, free_address};
use crate::support::{wait_at_most, wait_for};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a master is silent until it counts as dead.
pub(super) const DOWN_AFTER_MS: u64 = 1000;

/// How long the sentinels may take to agree. One that has not run for two seconds, on a loaded machine, does nothing for thirty
/// (its "TILT mode").
const PATIENCE: Duration = Duration::from_secs(180);

/// How long a step of a conversation may take with a machine that may be cut off.
const STEP: Duration = Duration::from_millis(700);

/// Time between two looks at the group.
const LOOK: Duration = Duration::from_millis(20);

/// A client of a server that may not be there.
pub(super) fn try_connect(address: SocketAddr) -> Option<Client> {
    let stream = TcpStream::connect_timeout(&address, STEP).ok()?;
    stream.set_nodelay(true).ok()?;
    stream.set_read_timeout(Some(STEP)).ok()?;
    Some(Client::over(stream))
}

/// A machine: its address, and the words in front of a command that run it there.
#[derive(Clone)]
pub(super) struct Machine {
    pub(super) ip: Ipv4Addr,
    pub(super) around: Vec<String>,
}

impl Machine {
    /// This one, three times.
    pub(super) fn here() -> Vec<Machine> {
        vec![Machine { ip: Ipv4Addr::LOCALHOST, around: Vec::new() }; 3]
    }
}

/// A running redis-sentinel. Killed when dropped.
pub(super) struct Sentinel {
    child: Child,
    pub(super) address: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sentinel {
    /// Starts one that watches `master`. Its file ends with `lines_behind`.
    pub(super) fn start(
        binary: &Path,
        machine: &Machine,
        port: u16,
        master: SocketAddr,
        lines_behind: &str,
    ) -> Sentinel {
        let text = include_str!("../../config/sentinel.conf");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let monitor = format!("sentinel monitor mymaster {} {} 2", master.ip(), master.port());
        let down_after = format!("sentinel down-after-milliseconds mymaster {DOWN_AFTER_MS}");
        let changes = [
            ("port ", format!("port {port}\nbind {}\nprotected-mode no", machine.ip)),
            ("dir ", format!("dir {}", directory.path().display())),
            ("sentinel monitor ", monitor),
            ("sentinel down-after-milliseconds ", down_after),
            ("sentinel failover-timeout ", "sentinel failover-timeout mymaster 4000".to_owned()),
        ];
        let lines = text.lines().map(|line| {
            let change = changes.iter().find(|(begin, _)| line.starts_with(begin));
            change.map_or_else(|| line.to_owned(), |(_, own)| own.clone())
        });
        let lines: Vec<String> = lines.collect();
        assert!(
            changes.iter().all(|(_, own)| lines.contains(own)),
            "config/sentinel.conf has every line that is changed"
        );
        let path = directory.path().join("sentinel.conf");
        std::fs::write(&path, lines.join("\n") + "\n" + lines_behind).expect("a file");
        let mut words = machine.around.clone();
        words.push(binary.display().to_string());
        words.push(path.display().to_string());
        let child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-sentinel runs");
        Sentinel { child, address: (machine.ip, port).into(), _directory: directory }
    }

    fn ask(&self, words: &[&str]) -> Option<Reply> {
        try_connect(self.address)?.try_call(words).ok()
    }

    /// Where it says the master is.
    pub(super) fn master(&self) -> Option<SocketAddr> {
        let reply = self.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"])?;
        let Reply::Array(words) = reply else { return None };
        Some((words[0].text().parse::<Ipv4Addr>().ok()?, words[1].text().parse().ok()?).into())
    }

    fn fact(&self, name: &str) -> Option<String> {
        let Reply::Array(words) = self.ask(&["SENTINEL", "MASTER", "mymaster"])? else { return None };
        words.chunks(2).find_map(|pair| (pair[0].text() == name).then(|| pair[1].text()))
    }
}

/// The servers and their sentinels.
pub(super) struct Group {
    /// `None` while one is dead.
    pub(super) nodes: Vec<Option<Server>>,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) sentinels: Vec<Sentinel>,
}

impl Group {
    /// Starts all on `machines`, the servers with further arguments, and waits until all know each other. `None` without
    /// redis-sentinel.
    pub(super) fn start(machines: &[Machine], arguments: &[&str]) -> Option<Group> {
        Group::of(machines.len(), machines, arguments)
    }

    /// The same with so many servers, on the first of the machines.
    pub(super) fn of(servers: usize, machines: &[Machine], arguments: &[&str]) -> Option<Group> {
        let binary = Peer::Sentinel.find()?;
        let ports: Vec<u16> = (0..6).map(|_| free_address().port()).collect();
        let at = |index: usize| SocketAddr::from((machines[index % 3].ip, ports[index]));
        let sentinels = (3..6).map(|index| at(index).to_string()).collect::<Vec<_>>().join(",");
        let mut nodes = Vec::new();
        for (index, machine) in machines.iter().enumerate().take(servers) {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let file = directory.path().join("rankd.conf");
            let role = if index == 0 {
                String::new()
            } else {
                format!("replicaof {} {}\n", at(0).ip(), at(0).port())
            };
            std::fs::write(&file, format!("# A server of the group\n{role}")).expect("a file");
            let (file, port, ip) =
                (file.display().to_string(), at(index).port().to_string(), machine.ip.to_string());
            let mut words = vec![
                &file[..],
                "--port",
                &port,
                "--bind",
                &ip,
                "--protected-mode",
                "no",
                "--sentinel",
                &sentinels,
            ];
            words.extend(["--unixsocket", "rankd.sock", "--repl-timeout", "10"]);
            words.extend(arguments);
            let around: Vec<&str> = machine.around.iter().map(String::as_str).collect();
            nodes.push(Some(Server::rankd_around(&around, directory, &words)));
        }
        let sentinels: Vec<Sentinel> = (0..3)
            .map(|index| Sentinel::start(&binary, &machines[index], ports[3 + index], at(0), ""))
            .collect();
        let group = Group { nodes, addresses: (0..servers).map(at).collect(), sentinels };
        group.settle("the beginning");
        Some(group)
    }

    /// Waits until all servers live, have the roles that the sentinels say, and the sentinels see that. Returns the master's index.
    pub(super) fn settle(&self, when: &str) -> usize {
        let replicas = self.addresses.len() - 1;
        let count = replicas.to_string();
        wait_at_most(PATIENCE, when, || {
            thread::park_timeout(LOOK);
            let master = self.master()?;
            let sees_all = |sentinel: &Sentinel| {
                (sentinel.master() == Some(self.addresses[master])
                    && sentinel.fact("flags")? == "master"
                    && sentinel.fact("num-slaves")? == count
                    && sentinel.fact("num-other-sentinels")? == "2")
                    .then_some(())
            };
            self.sentinels.iter().try_for_each(sees_all)?;
            let mut client = try_connect(self.addresses[master])?;
            let has_all =
                fact(&mut client, "role")? == "master" && fact(&mut client, "connected_slaves")? == count;
            let mut state = |index| fact(&mut client, &format!("slave{index}")).unwrap_or_default();
            let is_online = (0..replicas).all(|index| state(index).contains("state=online"));
            // It accepts writes, and all replicas get them.
            (has_all
                && is_online
                && client.try_call(&["SET", "settled", when]).ok()? == Reply::Simple(b"OK".to_vec())
                && client.try_call(&["WAIT", &count, "500"]).ok()? == Reply::Integer(replicas as i64))
            .then_some(master)
        })
    }

    /// The index of the server that all sentinels name as the master.
    pub(super) fn master(&self) -> Option<usize> {
        let named = self.sentinels[0].master()?;
        let is_agreed = self.sentinels.iter().all(|sentinel| sentinel.master() == Some(named));
        self.addresses.iter().position(|address| is_agreed && *address == named)
    }

    /// Waits until another server than `old` is the master and accepts writes. Returns its index, and how long it took since
    /// `since`.
    pub(super) fn wait_for_another(&self, old: usize, since: Instant) -> (usize, Duration) {
        let found = wait_at_most(PATIENCE, "another master", || {
            thread::park_timeout(LOOK);
            self.sentinels.iter().find_map(|sentinel| {
                let address = sentinel.master()?;
                let index =
                    self.addresses.iter().position(|own| *own == address).filter(|index| *index != old)?;
                let reply = try_connect(address)?.try_call(&["SET", "elected", "1"]).ok()?;
                (reply == Reply::Simple(b"OK".to_vec())).then_some(index)
            })
        });
        (found, since.elapsed())
    }

    pub(super) fn node(&self, index: usize) -> &Server {
        self.nodes[index].as_ref().expect("a server that lives")
    }

    pub(super) fn client(&self, index: usize) -> Client {
        Client::connect(self.addresses[index])
    }

    pub(super) fn kill(&mut self, index: usize) {
        self.nodes[index].as_mut().expect("a server that lives").kill();
    }

    /// Starts a server again that was killed.
    pub(super) fn restart(&mut self, index: usize) {
        let old = self.nodes[index].take().expect("a server that was killed");
        self.nodes[index] = Some(old.restart());
    }

    /// The configuration file of a server.
    pub(super) fn file(&self, index: usize) -> String {
        std::fs::read_to_string(self.node(index).directory().join("rankd.conf")).expect("a file")
    }
}

/// Waits until `line` is in the file of a server, or is not: sentinels have it rewritten.
pub(super) fn wait_for_line(group: &Group, index: usize, is_there: bool, line: &str) {
    wait_for("the rewritten file", || {
        (group.file(index).lines().any(|own| own == line) == is_there).then_some(())
    });
}

//! Servers as child processes: rankd, and the peers that it is compared with. Each has its own directory and port, and is
//! stopped at the end of the test, even if the test fails.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Once, mpsc};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use super::client::Client;
use super::output::Output;
use super::reply::Reply;
use super::{PATIENCE, POLL, wait_for};

/// The binary under test: the one just built, or `RANKD_BINARY` (a release build, a wrapper around a container).
pub(crate) fn rankd() -> Command {
    Command::new(std::env::var_os("RANKD_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_rankd").into()))
}

/// A real server to compare with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Peer {
    Redis,
    Valkey,
    /// Redis 7.0, as Debian has it.
    Redis7,
    /// Its redis-sentinel.
    Sentinel,
}

impl Peer {
    fn file_name(self) -> &'static str {
        match self {
            Peer::Redis => "redis-server-8.2.3",
            Peer::Valkey => "valkey-server-9.1.2",
            Peer::Redis7 => "/usr/bin/redis-server",
            Peer::Sentinel => "/usr/bin/redis-sentinel",
        }
    }

    /// The path of the peer. `None` if it is missing; then one line says so, which `cargo test` does not hide.
    ///
    /// # Panics
    /// When it is missing and `RANKD_REQUIRE_PEERS=1`.
    pub(crate) fn find(self) -> Option<PathBuf> {
        let directory = std::env::var_os("RANKD_PEERS")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".peers"), PathBuf::from);
        let path = directory.join(self.file_name());
        if path.exists() {
            return Some(path);
        }
        let missing = format!("{} is not in {}: run .ci/peers", self.file_name(), directory.display());
        assert!(std::env::var_os("RANKD_REQUIRE_PEERS").is_none_or(|value| value != "1"), "{missing}");
        static SAID: [Once; 4] = [const { Once::new() }; 4];
        SAID[self as usize].call_once(|| {
            // Straight to the file descriptor: the macros' output would be captured by the test harness.
            let line = format!("\nNOT COMPARED: {missing}\n");
            std::io::stderr().write_all(line.as_bytes()).expect("standard error is open");
        });
        None
    }
}

/// A running server. Killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    directory: Arc<tempfile::TempDir>,
    arguments: Vec<String>,
    output: Output,
}

impl Server {
    /// rankd in a fresh directory, without a journal.
    pub(crate) fn rankd() -> Server {
        Server::rankd_with(&["--appendonly", "no"])
    }

    /// rankd in a fresh directory with further arguments; a configuration file comes first.
    pub(crate) fn rankd_with(arguments: &[&str]) -> Server {
        let directory = Arc::new(tempfile::tempdir().expect("a temporary directory"));
        Server::start_rankd(&directory, arguments.iter().map(|&text| text.to_owned()).collect())
    }

    /// rankd in `directory`, which may still be reading its data. It answers clients meanwhile.
    pub(crate) fn rankd_unready(directory: tempfile::TempDir, arguments: &[&str]) -> Server {
        let address = free_address();
        let mut child = rankd()
            .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--dir"])
            .arg(directory.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the rankd binary runs");
        let output = Output::of(&mut child, None);
        Server { child, address, directory: Arc::new(directory), arguments: Vec::new(), output }
    }

    /// rankd started by other programs: `around` are the words in front of its own, with `{dir}` for its directory.
    /// The last of these programs must become rankd, so that a signal to the child is one to the server.
    pub(crate) fn rankd_within(around: &[&str], arguments: &[&str]) -> Server {
        let directory = Arc::new(tempfile::tempdir().expect("a temporary directory"));
        let path = directory.path().to_str().expect("UTF-8");
        let mut command = Command::new(around[0]);
        command.args(around[1..].iter().map(|word| word.replace("{dir}", path)));
        command.arg(rankd().get_program());
        let arguments = arguments.iter().map(|&text| text.to_owned()).collect();
        Server::try_start(command, directory, arguments).unwrap_or_else(|said| panic!("no start:\n{said}"))
    }

    /// rankd in a fresh directory, on a copy of the journal at `journal` as it is at this moment.
    pub(crate) fn rankd_on_copy(journal: &Path, arguments: &[&str]) -> Server {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let copy = directory.path().join("journal");
        std::fs::create_dir(&copy).expect("a directory");
        for entry in std::fs::read_dir(journal).expect("a journal") {
            let path = entry.expect("an entry").path();
            std::fs::copy(&path, copy.join(path.file_name().expect("a name"))).expect("a copy");
        }
        Server::start_rankd(&Arc::new(directory), arguments.iter().map(|&text| text.to_owned()).collect())
    }

    /// rankd in `directory`, started by other programs, as [`Server::rankd_within`]; without any, by itself.
    pub(crate) fn rankd_around(around: &[&str], directory: tempfile::TempDir, arguments: &[&str]) -> Server {
        let arguments = arguments.iter().map(|&text| text.to_owned()).collect();
        let mut command = rankd();
        if let Some((program, rest)) = around.split_first() {
            let mut outer = Command::new(program);
            outer.args(rest).arg(command.get_program());
            command = outer;
        }
        Server::try_start(command, Arc::new(directory), arguments)
            .unwrap_or_else(|said| panic!("no start:\n{said}"))
    }

    /// A file of the server's directory, where only the server sees what is mounted there.
    pub(crate) fn seen_from_outside(&self, name: &str) -> PathBuf {
        let directory = self.directory.path().strip_prefix("/").expect("an absolute path");
        Path::new("/proc").join(self.child.id().to_string()).join("root").join(directory).join(name)
    }

    fn start_rankd(directory: &Arc<tempfile::TempDir>, arguments: Vec<String>) -> Server {
        match Server::try_start_rankd(Arc::clone(directory), arguments) {
            Ok(server) => server,
            Err(said) => panic!("rankd did not start in {}:\n{said}", directory.path().display()),
        }
    }

    /// Starts rankd and waits until it prints its address. The error is everything that it printed.
    fn try_start_rankd(directory: Arc<tempfile::TempDir>, arguments: Vec<String>) -> Result<Server, String> {
        Server::try_start(rankd(), directory, arguments)
    }

    fn try_start(
        mut command: Command,
        directory: Arc<tempfile::TempDir>,
        arguments: Vec<String>,
    ) -> Result<Server, String> {
        let (file, options) =
            arguments.split_at(arguments.iter().take_while(|it| !it.starts_with('-')).count());
        let mut child = command
            .args(file)
            .args(["--port", "0", "--bind", "127.0.0.1", "--dir"])
            .arg(directory.path())
            .args(options)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the rankd binary runs");
        let (found, address) = mpsc::channel();
        let output = Output::of(&mut child, Some(found));
        let answer = address.recv_timeout(PATIENCE);
        let mut server = Server {
            child,
            address: *answer.as_ref().unwrap_or(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            directory,
            arguments,
            output,
        };
        if answer.is_ok() {
            return Ok(server);
        }
        server.kill();
        Err(server.said())
    }

    /// A peer in a fresh directory, without persistence. `None` if it is not on this machine.
    ///
    /// # Panics
    /// When it does not start.
    pub(crate) fn peer(peer: Peer, arguments: &[&str]) -> Option<Server> {
        let binary = peer.find()?;
        let directory = Arc::new(tempfile::tempdir().expect("a temporary directory"));
        // Another process may take the port before the server starts. Then another port is tried.
        for _ in 0..20 {
            let address = free_address();
            let mut child = Command::new(&binary)
                .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1"])
                .args(["--save", "", "--appendonly", "no", "--enable-debug-command", "yes", "--dir"])
                .arg(directory.path())
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the peer runs");
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
                let reply = Client::try_connect(address).and_then(|mut client| client.try_call(&["PING"]));
                // It may require a password, but it must have read its dump file.
                if reply
                    .is_ok_and(|reply| !matches!(reply, Reply::Error(text) if text.starts_with(b"LOADING")))
                {
                    let arguments = Vec::new();
                    return Some(Server { child, address, directory, arguments, output: Output::default() });
                }
                std::thread::park_timeout(POLL);
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("{} does not start", binary.display());
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// A client at the unix socket `name` in the server's directory.
    pub(crate) fn client_at(&self, name: &str) -> io::Result<Client<UnixStream>> {
        let stream = UnixStream::connect(self.directory().join(name))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Client::over(stream))
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The output of the server so far; all of it, once it has ended.
    pub(crate) fn said(&self) -> String {
        self.output.so_far()
    }

    /// Waits until the server has said `text`.
    pub(crate) fn says(&self, text: &str) {
        wait_for(text, || self.said().contains(text).then_some(()));
    }

    /// Kills the process with SIGKILL; it has ended when this returns.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        self.exit();
    }

    /// Stops the server with SIGTERM, as `docker stop` does, and returns its exit status.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal_to_end();
        self.exit()
    }

    /// Sends SIGTERM and does not wait.
    pub(crate) fn signal_to_end(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("the server is running");
    }

    /// The process stops where it is, as if its machine had halted, until [`Server::wake`].
    pub(crate) fn freeze(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).expect("the server is running");
        // The signal is sent, and threads that run on another processor go on until they get it.
        let threads = format!("/proc/{}/task", self.child.id());
        let is_stopped = |thread: std::io::Result<std::fs::DirEntry>| {
            let stat = std::fs::read_to_string(thread.expect("an entry").path().join("stat"));
            stat.is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(|state| state.starts_with('T')))
        };
        wait_for("the stop of all threads", || {
            std::fs::read_dir(&threads).expect("the server's threads").all(is_stopped).then_some(())
        });
    }

    /// The process goes on.
    pub(crate) fn wake(&self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).expect("the server is running");
    }

    /// Waits until the server has ended.
    pub(crate) fn exit(&mut self) -> ExitStatus {
        let status =
            wait_for("the server's end", || self.child.try_wait().expect("a child that can be waited for"));
        wait_for("its last words", || self.output.has_ended().then_some(()));
        status
    }

    /// rankd again in this one's directory, with other arguments, after the end of this one.
    pub(crate) fn restart_with(mut self, arguments: &[&str]) -> Result<Server, String> {
        self.kill();
        let arguments = arguments.iter().map(|&text| text.to_owned()).collect();
        Server::try_start_rankd(Arc::clone(&self.directory), arguments)
    }

    /// rankd in `directory`, which is the caller's.
    pub(crate) fn rankd_in(directory: tempfile::TempDir, arguments: &[&str]) -> Result<Server, String> {
        let arguments = arguments.iter().map(|&text| text.to_owned()).collect();
        Server::try_start_rankd(Arc::new(directory), arguments)
    }

    /// The same directory and arguments again, after the end of this one.
    pub(crate) fn restart(mut self) -> Server {
        self.kill();
        Server::start_rankd(&Arc::clone(&self.directory), self.arguments.clone())
    }

    /// True while the process runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Resident memory in KiB, from the kernel.
    pub(crate) fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a VmRSS line");
        line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let said = self.said();
            if !said.is_empty() {
                eprintln!("---- the server at {} said:\n{said}----", self.address);
            }
        }
    }
}

/// An address on which no process listens at present, until a test's server does: the kernel gives ports of its own choice to
/// whoever names none, and would give one of those again as soon as it is closed.
pub(crate) fn free_address() -> SocketAddr {
    /// Below those of the kernel's choice (`net.ipv4.ip_local_port_range`).
    const PORTS: std::ops::Range<u16> = 10_000..30_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    loop {
        // Other processes of tests begin elsewhere.
        let next = GIVEN.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id().wrapping_mul(101));
        let port = PORTS.start + (next % u32::from(PORTS.end - PORTS.start)) as u16;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return listener.local_addr().expect("a bound socket");
        }
    }
}

/// Runs rankd to its end (a subcommand, a refused start) and gives status, standard output and standard error.
///
/// # Panics
/// When it does not end.
pub(crate) fn run_rankd(arguments: &[&str]) -> (ExitStatus, String, String) {
    let mut child = rankd()
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the rankd binary runs");
    let stdout = collect(child.stdout.take().expect("piped"));
    let stderr = collect(child.stderr.take().expect("piped"));
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("rankd {arguments:?} did not end: {}", stdout.join().expect("no panic"));
        }
        std::thread::park_timeout(POLL);
    };
    (status, stdout.join().expect("no panic"), stderr.join().expect("no panic"))
}

fn collect(mut stream: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

//! What a server prints, which arrives beside everything else that it does.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::Child;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

/// The lines of both streams of a process, as far as they have arrived.
#[derive(Default)]
pub(super) struct Output {
    text: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Output {
    /// Begins to read what `child` prints. The first address that it listens on goes to `found`, which is dropped at the
    /// end of standard output.
    pub(super) fn of(child: &mut Child, found: Option<mpsc::Sender<SocketAddr>>) -> Output {
        let text = Arc::default();
        let stdout = read(child.stdout.take().expect("piped"), Arc::clone(&text), found);
        let stderr = read(child.stderr.take().expect("piped"), Arc::clone(&text), None);
        Output { text, readers: vec![stdout, stderr] }
    }

    pub(super) fn so_far(&self) -> String {
        self.text.lock().expect("no panic while held").clone()
    }

    /// True when nothing more can come: the process has ended and all of it is read.
    pub(super) fn has_ended(&self) -> bool {
        self.readers.iter().all(JoinHandle::is_finished)
    }
}

fn read(
    stream: impl Read + Send + 'static,
    text: Arc<Mutex<String>>,
    found: Option<mpsc::Sender<SocketAddr>>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { break };
            if let (Some(found), Some((_, address))) = (&found, line.split_once("listening on ")) {
                let end = address.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
                if let Ok(address) = address[..end.unwrap_or(address.len())].trim_end_matches('.').parse() {
                    let _ = found.send(address);
                }
            }
            let mut text = text.lock().expect("no panic while held");
            text.push_str(&line);
            text.push('\n');
        }
    })
}

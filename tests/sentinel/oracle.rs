//! A sentinel that only answers, and what it is told to answer. Those of `group` are real ones.

use super::group::DOWN_AFTER_MS;
use crate::support::reply::Reply;
use crate::support::server::Server;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a sentinel says of the master: its address, its flags, the epoch.
pub(super) type Said = Option<(SocketAddr, &'static str, u64)>;

/// A sentinel that answers what it is told to answer.
pub(super) struct Oracle {
    pub(super) address: SocketAddr,
    pub(super) said: Arc<Mutex<Said>>,
}

impl Oracle {
    pub(super) fn start(said: Said) -> Oracle {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (address, said) = (listener.local_addr().expect("an address"), Arc::new(Mutex::new(said)));
        let answers = Arc::clone(&said);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answers = Arc::clone(&answers);
                thread::spawn(move || answer(stream, &answers));
            }
        });
        Oracle { address, said }
    }

    pub(super) fn say(&self, said: Said) {
        *self.said.lock().expect("no panic") = said;
    }
}

/// Answers the requests of a connection, each of which comes alone.
fn answer(mut stream: TcpStream, said: &Mutex<Said>) {
    let mut piece = [0; 4096];
    while let Ok(len) = stream.read(&mut piece) {
        let request = String::from_utf8_lossy(&piece[..len]).into_owned();
        let said = *said.lock().expect("no panic");
        let bulks = |words: &[&str]| {
            let each = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect::<String>();
            format!("*{}\r\n{each}", words.len())
        };
        let reply = match said {
            _ if len == 0 || !request.contains("first-one") => "-ERR what?\r\n".to_owned(),
            None => "*-1\r\n".to_owned(),
            Some((address, ..)) if request.contains("GET-MASTER-ADDR-BY-NAME") => {
                bulks(&[&address.ip().to_string(), &address.port().to_string()])
            }
            Some((_, flags, epoch)) => {
                let (epoch, down_after) = (epoch.to_string(), DOWN_AFTER_MS.to_string());
                bulks(&["flags", flags, "config-epoch", &epoch, "down-after-milliseconds", &down_after])
            }
        };
        if len == 0 || stream.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

/// A server that asks them.
pub(super) fn start(oracles: &[&Oracle], arguments: &[&str]) -> Server {
    let places = oracles.iter().map(|oracle| oracle.address.to_string()).collect::<Vec<_>>().join(",");
    Server::rankd_with(&[&["--sentinel", &places, "--sentinel-master", "first-one"], arguments].concat())
}

pub(super) fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
}

//! What a replica and its master say to each other before data flow: a state machine that knows no socket.
//!
//! The replica sends one request, waits for the line that answers it, and sends the next: PING, AUTH, REPLCONF, and at last
//! PSYNC. A master may send empty lines at any time to show that it lives. Whatever else is not a possible answer ends the
//! link; nothing has been changed then.

use crate::journal::BASE_VERSION;
use crate::net::client::request;
use crate::replication::ReplicationId;
use crate::text::integer;
use std::fmt;

/// What a replica tells about itself and asks for.
#[derive(Clone, Debug, Default)]
pub struct ReplicaGreeting {
    /// The user for AUTH; `None` is the master's default user.
    pub user: Option<String>,
    /// The password for AUTH; `None`: no AUTH is sent.
    pub password: Option<String>,
    /// The port that the replica is reached by.
    pub port: u16,
    /// The address that the replica is reached by, if the master shall not take that of the connection.
    pub address: Option<String>,
    /// The history that the replica has, and how much of it. `None` asks for everything.
    pub known: Option<(ReplicationId, u64)>,
    /// Whether the master is a replica until now, which shall become the master with this request (FAILOVER).
    pub takes_over: bool,
}

/// What a master answers to PSYNC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncAnswer {
    /// All data follow as a file, and then the stream.
    Full {
        /// The master's history.
        id: ReplicationId,
        /// The bytes of the stream that the file includes.
        offset: u64,
    },
    /// The stream goes on where the replica has it.
    Continued {
        /// The master's history from here on, if it says so.
        id: Option<ReplicationId>,
    },
}

/// What the link does next.
#[derive(Debug, PartialEq, Eq)]
pub enum HandshakeStep {
    /// These bytes are sent.
    Send(Vec<u8>),
    /// Nothing, until the next line.
    Wait,
    /// The handshake is over.
    Done(SyncAnswer),
}

/// Why there is no link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeError {
    /// The master has refused a request, in these words.
    Refused {
        /// The request.
        request: &'static str,
        /// The error reply.
        why: String,
    },
    /// The master cannot serve replicas at the moment.
    NotYet(String),
    /// The peer is not a master.
    Nonsense(String),
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { request, why } => write!(f, "{request} was refused: {why}"),
            Self::NotYet(why) => write!(f, "the master is not ready: {why}"),
            Self::Nonsense(line) => write!(f, "no answer of a master: {line}"),
        }
    }
}

impl std::error::Error for HandshakeError {}

/// The request that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Ping,
    Auth,
    Port,
    Address,
    Capabilities,
    Sync,
}

/// A handshake under way.
#[derive(Debug)]
pub struct Handshake {
    greeting: ReplicaGreeting,
    asked: Asked,
}

impl Handshake {
    /// Begins a handshake. Also returns the first bytes to send.
    #[must_use]
    pub fn begin(greeting: ReplicaGreeting) -> (Self, Vec<u8>) {
        (Self { greeting, asked: Asked::Ping }, request(&[b"PING"]))
    }

    /// Whether the data have been asked for.
    #[must_use]
    pub fn has_asked(&self) -> bool {
        self.asked == Asked::Sync
    }

    /// Takes the next line of the master, without its end.
    ///
    /// # Errors
    /// See [`HandshakeError`]. The connection is of no use then.
    pub fn take(&mut self, line: &[u8]) -> Result<HandshakeStep, HandshakeError> {
        if line.is_empty() {
            return Ok(HandshakeStep::Wait);
        }
        let (b'+' | b'-' | b':' | b'$' | b'*') = line[0] else { return Err(nonsense(line)) };
        let refusal = line.strip_prefix(b"-").map(|why| String::from_utf8_lossy(why).into_owned());
        match (self.asked, refusal) {
            (Asked::Sync, None) => return self.answered(line).map(HandshakeStep::Done),
            (Asked::Sync, Some(why)) if is_transient(&why) => return Err(HandshakeError::NotYet(why)),
            (Asked::Sync, Some(why)) => return Err(HandshakeError::Refused { request: "PSYNC", why }),
            (Asked::Auth, Some(why)) => return Err(HandshakeError::Refused { request: "AUTH", why }),
            // A master that wants a password answers PING with this, or a user without the permission gets that.
            (Asked::Ping, Some(why))
                if !["NOAUTH", "NOPERM", "ERR operation not permitted"]
                    .iter()
                    .any(|code| why.starts_with(code)) =>
            {
                return Err(if is_transient(&why) {
                    HandshakeError::NotYet(why)
                } else {
                    HandshakeError::Refused { request: "PING", why }
                });
            }
            // A master that does not know one of these goes on without it.
            (Asked::Port | Asked::Address | Asked::Capabilities, Some(_)) => {}
            (Asked::Ping, Some(_)) => {}
            (_, None) if line[0] != b'+' => return Err(nonsense(line)),
            (_, None) => {}
        }
        Ok(HandshakeStep::Send(self.next()))
    }

    /// The request behind the one that was answered.
    fn next(&mut self) -> Vec<u8> {
        let ReplicaGreeting { user, password, port, address, known, takes_over } = &self.greeting;
        loop {
            self.asked = match self.asked {
                Asked::Ping => Asked::Auth,
                Asked::Auth => Asked::Port,
                Asked::Port => Asked::Address,
                Asked::Address => Asked::Capabilities,
                Asked::Capabilities | Asked::Sync => Asked::Sync,
            };
            return match self.asked {
                Asked::Auth => match (user, password) {
                    (_, None) => continue,
                    (None, Some(password)) => request(&[b"AUTH", password.as_bytes()]),
                    (Some(user), Some(password)) => request(&[b"AUTH", user.as_bytes(), password.as_bytes()]),
                },
                Asked::Address => match address {
                    None => continue,
                    Some(address) => request(&[b"REPLCONF", b"ip-address", address.as_bytes()]),
                },
                Asked::Port => request(&[b"REPLCONF", b"listening-port", port.to_string().as_bytes()]),
                Asked::Capabilities => {
                    let base = format!("rankd-base-{BASE_VERSION}");
                    let mut words: Vec<&[u8]> = vec![b"REPLCONF"];
                    for capability in ["eof", "psync2", "rankd", &base] {
                        words.extend([b"capa", capability.as_bytes()]);
                    }
                    request(&words)
                }
                Asked::Sync | Asked::Ping => {
                    let next;
                    let mut words: Vec<&[u8]> = match known {
                        None => vec![b"PSYNC", b"?", b"-1"],
                        // The number of the first byte that is missing; the first byte of all has the number 1.
                        Some((id, offset)) => {
                            next = offset.saturating_add(1).to_string();
                            vec![b"PSYNC", id.as_str().as_bytes(), next.as_bytes()]
                        }
                    };
                    if *takes_over {
                        words.push(b"FAILOVER");
                    }
                    request(&words)
                }
            };
        }
    }

    /// Reads the answer to PSYNC.
    fn answered(&self, line: &[u8]) -> Result<SyncAnswer, HandshakeError> {
        let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let answer = match words.next() {
            Some(b"+FULLRESYNC") => words.next().and_then(ReplicationId::parse).and_then(|id| {
                let offset = words.next().and_then(integer::parse)?;
                Some(SyncAnswer::Full { id, offset: u64::try_from(offset).ok()? })
            }),
            Some(b"+CONTINUE") if self.greeting.known.is_some() => match words.next() {
                None => Some(SyncAnswer::Continued { id: None }),
                Some(word) => ReplicationId::parse(word).map(|id| SyncAnswer::Continued { id: Some(id) }),
            },
            _ => None,
        };
        answer.ok_or_else(|| nonsense(line))
    }
}

/// Whether the same request may be answered later.
fn is_transient(why: &str) -> bool {
    ["NOMASTERLINK", "LOADING", "MASTERDOWN", "BUSY"].iter().any(|code| why.starts_with(code))
}

fn nonsense(line: &[u8]) -> HandshakeError {
    const SHOWN: usize = 128;
    HandshakeError::Nonsense(line[..line.len().min(SHOWN)].escape_ascii().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "8de1787ba490483314a4d30f1c628bc5025eb761";

    fn capabilities() -> String {
        format!("REPLCONF capa eof capa psync2 capa rankd capa rankd-base-{BASE_VERSION}")
    }

    fn id() -> ReplicationId {
        ReplicationId::parse(ID.as_bytes()).unwrap()
    }

    /// What a replica says to a master that answers with `answers`, in words.
    fn talk(
        greeting: ReplicaGreeting,
        answers: &[&str],
    ) -> (Vec<String>, Result<Option<SyncAnswer>, HandshakeError>) {
        let (mut handshake, first) = Handshake::begin(greeting);
        let words = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            let words = text.split("\r\n").filter(|line| !line.is_empty() && !line.starts_with(['*', '$']));
            words.collect::<Vec<_>>().join(" ")
        };
        let mut said = vec![words(first)];
        for answer in answers {
            match handshake.take(answer.as_bytes()) {
                Ok(HandshakeStep::Send(bytes)) => said.push(words(bytes)),
                Ok(HandshakeStep::Wait) => {}
                Ok(HandshakeStep::Done(answer)) => return (said, Ok(Some(answer))),
                Err(error) => return (said, Err(error)),
            }
        }
        (said, Ok(None))
    }

    #[test]
    fn a_new_replica_asks_for_everything() {
        let answers = ["+PONG", "", "+OK", "+OK", "", &format!("+FULLRESYNC {ID} 1234")];
        let (said, answer) = talk(ReplicaGreeting { port: 7001, ..ReplicaGreeting::default() }, &answers);
        assert_eq!(said, ["PING", "REPLCONF listening-port 7001", &capabilities(), "PSYNC ? -1"]);
        assert_eq!(answer, Ok(Some(SyncAnswer::Full { id: id(), offset: 1234 })));
    }

    #[test]
    fn a_replica_with_a_password_an_address_and_a_past_says_so() {
        let greeting = ReplicaGreeting {
            user: Some("replicator".into()),
            password: Some("secret".into()),
            port: 7001,
            address: Some("replica.example".into()),
            known: Some((id(), 99)),
            takes_over: false,
        };
        let answers = ["-NOAUTH Authentication required.", "+OK", "+OK", "-ERR unknown", "+OK"];
        let (said, _) = talk(greeting.clone(), &answers);
        assert_eq!(
            said,
            [
                "PING",
                "AUTH replicator secret",
                "REPLCONF listening-port 7001",
                "REPLCONF ip-address replica.example",
                &capabilities(),
                &format!("PSYNC {ID} 100")
            ]
        );
        let hands_over = ReplicaGreeting { takes_over: true, ..greeting.clone() };
        let asked = talk(hands_over, &answers).0.pop();
        assert_eq!(asked, Some(format!("PSYNC {ID} 100 FAILOVER")));
        let continued = |line: &str| talk(greeting.clone(), &[&answers[..], &[line]].concat()).1;
        assert_eq!(continued("+CONTINUE"), Ok(Some(SyncAnswer::Continued { id: None })));
        let other = "a".repeat(40);
        assert_eq!(
            continued(&format!("+CONTINUE {other}")),
            Ok(Some(SyncAnswer::Continued { id: ReplicationId::parse(other.as_bytes()) }))
        );
        let not_yet = "NOMASTERLINK Can't SYNC while not connected with my master";
        assert_eq!(continued(&format!("-{not_yet}")), Err(HandshakeError::NotYet(not_yet.into())));
    }

    #[test]
    fn a_peer_that_is_no_master_is_refused() {
        let fresh = || ReplicaGreeting { port: 1, ..ReplicaGreeting::default() };
        let end = |answers: &[&str]| talk(fresh(), answers).1;
        let greeted = ["+PONG", "+OK", "+OK"];
        let after = |line: &str| end(&[&greeted[..], &[line]].concat());
        for line in [
            "+CONTINUE",
            "+CONTINUE 8de1787ba490483314a4d30f1c628bc5025eb761",
            "+FULLRESYNC",
            "+FULLRESYNC 8de1787ba490483314a4d30f1c628bc5025eb761",
            "+FULLRESYNC 8de1787ba490483314a4d30f1c628bc5025eb76 1",
            "+FULLRESYNC 8de1787ba490483314a4d30f1c628bc5025eb76\u{e9} 1",
            "+FULLRESYNC 8de1787ba490483314a4d30f1c628bc5025eb761 -1",
            "+FULLRESYNC 8de1787ba490483314a4d30f1c628bc5025eb761 9223372036854775808",
            "+OK",
            "$5",
            "HTTP/1.1 400 Bad Request",
        ] {
            assert!(matches!(after(line), Err(HandshakeError::Nonsense(_))), "{line}: {:?}", after(line));
        }
        assert!(matches!(end(&["HTTP/1.1 400 Bad Request"]), Err(HandshakeError::Nonsense(_))));
        assert!(matches!(end(&["$4"]), Err(HandshakeError::Nonsense(_))));
        assert!(matches!(end(&["-ERR no"]), Err(HandshakeError::Refused { request: "PING", .. })));
        assert!(matches!(end(&["-LOADING Redis is loading"]), Err(HandshakeError::NotYet(_))));
        assert!(matches!(
            after("-ERR unknown command"),
            Err(HandshakeError::Refused { request: "PSYNC", .. })
        ));
        let wrong = ReplicaGreeting { password: Some("wrong".into()), ..fresh() };
        let refused = talk(wrong, &["-NOAUTH", "-WRONGPASS invalid"]).1;
        assert!(matches!(refused, Err(HandshakeError::Refused { request: "AUTH", .. })));
    }
}

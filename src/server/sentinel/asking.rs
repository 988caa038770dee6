//! One round of questions to all sentinels, and which answer counts.

use crate::config::SentinelSettings;
use crate::net::client::BlockingClient;
use crate::net::stream::Endpoint;
use crate::replication::upstream::state::MasterAddress;
use redis_protocol::resp2::types::OwnedFrame;
use std::net::ToSocketAddrs;
use std::time::Duration;

/// How long a sentinel may take for each step.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a sentinel says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SentinelAnswer {
    /// Where the master is.
    pub(super) master: MasterAddress,
    /// How many elections it knows of: of two answers that differ, the one with the larger number is newer.
    pub(super) epoch: u64,
    /// Whether it holds the master for dead, or elects another one.
    pub(super) is_in_doubt: bool,
}

/// Asks all sentinels. Returns the newest answer.
///
/// # Errors
/// Why there is none, of each sentinel.
pub(super) fn ask_all(settings: &SentinelSettings) -> Result<SentinelAnswer, String> {
    let mut newest: Option<SentinelAnswer> = None;
    let mut failures = Vec::new();
    for (host, port) in &settings.addresses {
        match ask(host, *port, settings.master.as_bytes()) {
            Ok(answer) if newest.as_ref().is_none_or(|known| known.epoch < answer.epoch) => {
                newest = Some(answer);
            }
            Ok(_) => {}
            Err(why) => failures.push(format!("{host}:{port}: {why}")),
        }
    }
    newest.ok_or_else(|| failures.join("; "))
}

fn ask(host: &str, port: u16, name: &[u8]) -> Result<SentinelAnswer, String> {
    let mut outcome = Err("its name has no address".to_owned());
    for address in (host, port).to_socket_addrs().map_err(|error| error.to_string())? {
        outcome = BlockingClient::connect(&Endpoint::Tcp(address), PATIENCE);
        if outcome.is_ok() {
            break;
        }
    }
    let mut client = outcome?;
    let place = client.ask(&[b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", name])?;
    // A sentinel of another make may not have this one; then its answer counts as an old one.
    let facts = client.ask(&[b"SENTINEL", b"MASTER", name]).unwrap_or(OwnedFrame::Null);
    read(&place, &facts).ok_or_else(|| format!("it knows no master named '{}'", name.escape_ascii()))
}

/// Reads the replies to the two questions.
fn read(place: &OwnedFrame, facts: &OwnedFrame) -> Option<SentinelAnswer> {
    let OwnedFrame::Array(words) = place else { return None };
    let [host, port] = &words[..] else { return None };
    let master = MasterAddress { host: text(host)?, port: text(port)?.parse().ok()? };
    let fact = |name: &str| {
        let OwnedFrame::Array(words) = facts else { return None };
        let mut pairs = words.chunks_exact(2);
        pairs.find_map(|pair| (text(&pair[0])? == name).then(|| text(&pair[1])).flatten())
    };
    let flags = fact("flags").unwrap_or_default();
    let is_in_doubt = flags
        .split(',')
        .any(|flag| matches!(flag, "s_down" | "o_down" | "failover_in_progress" | "disconnected"));
    let epoch = fact("config-epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or(0);
    Some(SentinelAnswer { master, epoch, is_in_doubt })
}

fn text(frame: &OwnedFrame) -> Option<String> {
    match frame {
        OwnedFrame::BulkString(bytes) | OwnedFrame::SimpleString(bytes) => {
            String::from_utf8(bytes.clone()).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulks(words: &[&str]) -> OwnedFrame {
        OwnedFrame::Array(words.iter().map(|word| OwnedFrame::BulkString(word.as_bytes().to_vec())).collect())
    }

    #[test]
    fn an_answer_has_an_address_and_perhaps_an_epoch_and_doubts() {
        let place = bulks(&["10.0.0.1", "6379"]);
        let master = MasterAddress { host: "10.0.0.1".into(), port: 6379 };
        let facts = |flags| bulks(&["name", "mymaster", "flags", flags, "config-epoch", "7"]);
        let answer = |is_in_doubt| Some(SentinelAnswer { master: master.clone(), epoch: 7, is_in_doubt });
        assert_eq!(read(&place, &facts("master")), answer(false));
        for flags in
            ["s_down,master", "s_down,o_down,master", "master,failover_in_progress", "master,disconnected"]
        {
            assert_eq!(read(&place, &facts(flags)), answer(true), "{flags}");
        }
        let plain = SentinelAnswer { master: master.clone(), epoch: 0, is_in_doubt: false };
        for facts in [OwnedFrame::Null, bulks(&[]), bulks(&["flags"]), OwnedFrame::Integer(1)] {
            assert_eq!(read(&place, &facts), Some(plain.clone()));
        }
        for place in [
            OwnedFrame::Null,
            bulks(&["h"]),
            bulks(&["h", "x"]),
            bulks(&["h", "1", "2"]),
            bulks(&["h", "70000"]),
        ] {
            assert_eq!(read(&place, &OwnedFrame::Null), None, "{place:?}");
        }
    }
}

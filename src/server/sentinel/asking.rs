//! The questions to one sentinel.

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
    /// Whether the master is this server.
    pub(super) is_own: bool,
    /// Whether it holds the master for dead.
    pub(super) is_in_doubt: bool,
    /// Whether it has another one elected.
    pub(super) elects: bool,
    /// How long the master may be silent until it holds it for dead.
    pub(super) down_after: Option<Duration>,
    /// What it calls itself.
    pub(super) id: Option<String>,
    /// Its last vote in an election of the sentinel that replaces this server, if it has not heard how that ended.
    pub(super) vote: Option<SentinelVote>,
}

/// A vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SentinelVote {
    /// What the sentinel calls itself that it has voted for.
    pub(super) leader: String,
    /// The number of the election.
    pub(super) epoch: u64,
}

/// The line to one sentinel. The connection is kept from one round of questions to the next.
pub(super) struct SentinelLine<'a> {
    host: &'a str,
    port: u16,
    kept: Option<Kept>,
}

/// A connection, and what need not be asked twice on it.
struct Kept {
    client: BlockingClient,
    /// What the sentinel calls itself.
    id: Option<String>,
    /// An address of this server.
    own: Option<MasterAddress>,
}

impl<'a> SentinelLine<'a> {
    /// A line that is not connected yet.
    pub(super) fn to(host: &'a str, port: u16) -> Self {
        Self { host, port, kept: None }
    }

    /// Asks for the master, as the present `settings` have it, and whether it `is_own`.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) fn ask(
        &mut self,
        settings: &SentinelSettings,
        is_own: &dyn Fn(&MasterAddress) -> bool,
    ) -> Result<SentinelAnswer, String> {
        let name = settings.master.as_bytes();
        // The connection may have ended since the last round: then there is a new one.
        if let Some(kept) = self.kept.take()
            && let Ok(answer) = self.ask_by(kept, name, is_own)
        {
            return Ok(answer);
        }
        let kept = self.connect(settings)?;
        self.ask_by(kept, name, is_own)
    }

    fn connect(&self, settings: &SentinelSettings) -> Result<Kept, String> {
        let mut outcome = Err("its name has no address".to_owned());
        for address in (self.host, self.port).to_socket_addrs().map_err(|error| error.to_string())? {
            outcome = BlockingClient::connect(&Endpoint::Tcp(address), PATIENCE);
            if outcome.is_ok() {
                break;
            }
        }
        let mut client = outcome?;
        client.authenticate(&settings.user, &settings.password)?;
        // Sentinels before Redis 6.2 do not say it.
        let id = client.ask(&[b"SENTINEL", b"MYID"]).ok().as_ref().and_then(text);
        Ok(Kept { client, id, own: None })
    }

    fn ask_by(
        &mut self,
        mut kept: Kept,
        name: &[u8],
        is_own: &dyn Fn(&MasterAddress) -> bool,
    ) -> Result<SentinelAnswer, String> {
        let Kept { client, id, own } = &mut kept;
        let place = client.ask(&[b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", name])?;
        // A sentinel of another make may not have these; then its answer counts as an old one without doubts.
        let facts = client.ask(&[b"SENTINEL", b"MASTER", name]).unwrap_or(OwnedFrame::Null);
        let answer = read(&place, &facts);
        let mut answer =
            answer.ok_or_else(|| format!("it knows no master named '{}'", name.escape_ascii()))?;
        answer.id.clone_from(id);
        answer.is_own = own.as_ref() == Some(&answer.master) || is_own(&answer.master);
        if answer.is_own {
            *own = Some(answer.master.clone());
            let (host, port) = (answer.master.host.as_bytes(), answer.master.port.to_string());
            // With an epoch of 0 it tells its last vote, and votes for nobody.
            let question =
                [b"SENTINEL", &b"IS-MASTER-DOWN-BY-ADDR"[..], host, port.as_bytes(), b"0", b"a-server"];
            answer.vote = client.ask(&question).ok().as_ref().and_then(read_vote);
        }
        self.kept = Some(kept);
        Ok(answer)
    }
}

/// Reads the reply to the question for the last vote.
fn read_vote(reply: &OwnedFrame) -> Option<SentinelVote> {
    let OwnedFrame::Array(words) = reply else { return None };
    let [_, leader, OwnedFrame::Integer(epoch)] = &words[..] else { return None };
    let (leader, epoch) = (text(leader).filter(|leader| leader != "*")?, u64::try_from(*epoch).ok()?);
    Some(SentinelVote { leader, epoch })
}

/// Reads the replies to the two questions. Whose the place is nobody has looked yet.
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
    let has_any = |names: &[&str]| flags.split(',').any(|flag| names.contains(&flag));
    let epoch = fact("config-epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or(0);
    // A sentinel that was elected names the server that it has promoted, while the facts are those of the one before.
    let described = fact("ip").zip(fact("port").and_then(|port| port.parse().ok()));
    let has_promoted = described.is_some_and(|(host, port)| !master.is_named(&MasterAddress { host, port }));
    Some(SentinelAnswer {
        master,
        epoch: epoch + u64::from(has_promoted),
        is_own: false,
        is_in_doubt: !has_promoted && has_any(&["s_down", "o_down", "disconnected"]),
        elects: !has_promoted && has_any(&["failover_in_progress"]),
        down_after: fact("down-after-milliseconds").and_then(|ms| ms.parse().ok()).map(Duration::from_millis),
        id: None,
        vote: None,
    })
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
    fn an_answer_has_an_address_and_perhaps_an_epoch_doubts_and_patience() {
        let place = bulks(&["10.0.0.1", "6379"]);
        let master = MasterAddress { host: "10.0.0.1".into(), port: 6379 };
        let facts = |flags| {
            bulks(&[
                "name",
                "mymaster",
                "flags",
                flags,
                "config-epoch",
                "7",
                "down-after-milliseconds",
                "900",
            ])
        };
        let plain = SentinelAnswer {
            master: master.clone(),
            epoch: 0,
            is_own: false,
            is_in_doubt: false,
            elects: false,
            down_after: None,
            id: None,
            vote: None,
        };
        let down_after = Some(Duration::from_millis(900));
        let answer = |is_in_doubt, elects| {
            Some(SentinelAnswer { epoch: 7, is_in_doubt, elects, down_after, ..plain.clone() })
        };
        for (flags, is_in_doubt, elects) in [
            ("master", false, false),
            ("s_down,master", true, false),
            ("s_down,o_down,master", true, false),
            ("master,disconnected", true, false),
            ("master,failover_in_progress", false, true),
            ("s_down,o_down,master,failover_in_progress", true, true),
        ] {
            assert_eq!(read(&place, &facts(flags)), answer(is_in_doubt, elects), "{flags}");
        }
        let described = |port| {
            bulks(&[
                "ip",
                "10.0.0.1",
                "port",
                port,
                "flags",
                "o_down,master,failover_in_progress",
                "config-epoch",
                "7",
            ])
        };
        let answer =
            |epoch, is_it| Some(SentinelAnswer { epoch, is_in_doubt: is_it, elects: is_it, ..plain.clone() });
        assert_eq!(read(&place, &described("6379")), answer(7, true), "it replaces this server");
        assert_eq!(
            read(&place, &described("6380")),
            answer(8, false),
            "it has put this server in place of another"
        );
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

    #[test]
    fn a_vote_names_a_sentinel() {
        let reply = |leader: &str, epoch| {
            let words =
                [OwnedFrame::Integer(0), OwnedFrame::BulkString(leader.into()), OwnedFrame::Integer(epoch)];
            OwnedFrame::Array(words.to_vec())
        };
        assert_eq!(read_vote(&reply("abc", 3)), Some(SentinelVote { leader: "abc".into(), epoch: 3 }));
        for none in [reply("*", 3), reply("abc", -1), bulks(&["0", "abc", "3"]), bulks(&[]), OwnedFrame::Null]
        {
            assert_eq!(read_vote(&none), None, "{none:?}");
        }
    }
}

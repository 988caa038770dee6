//! One request of a conversation and its expected replies: sending, comparing byte by byte, recording.

use std::time::Duration;

use super::request::words_of;
use crate::support::PATIENCE;
use crate::support::client::{Client, encode};
use crate::support::escape::unescape;
use crate::support::reply::Reply;

/// One request and its expected replies.
#[derive(Clone, Default)]
pub(super) struct Step {
    pub(super) line: usize,
    /// The only server that runs it, if not all do.
    pub(super) only: Option<&'static [Party]>,
    pub(super) compared: Compared,
    pub(super) new_connection: bool,
    /// The name of its connection, if it changes with this step.
    pub(super) on: Option<String>,
    pub(super) starts_conversation: bool,
    /// The request blocks.
    pub(super) later: bool,
    pub(super) said: Said,
    pub(super) expected: Vec<Expected>,
    pub(super) closed: bool,
}

/// The server of a conversation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    Rankd,
    Redis,
    Valkey,
}

/// The bytes that are sent.
#[derive(Clone, Default)]
pub(super) enum Said {
    /// Nothing is sent; the step only waits for a reply.
    #[default]
    Nothing,
    /// An array of bulks.
    Request(String),
    /// Unchanged bytes, escaped.
    Bytes(String),
}

/// How a reply is compared with the expected one.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Compared {
    #[default]
    Bytes,
    /// Values, without the order of arrays, maps and sets.
    Unordered,
    /// Only the kind.
    Kind,
}

/// One expected reply.
#[derive(Clone)]
pub(super) enum Expected {
    Reply(Reply),
    Kind(String),
}

impl Expected {
    /// Parses a line of a script.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Expected::Reply(reply) => reply.lines(),
            Expected::Kind(kind) => vec![kind.clone()],
        }
    }

    /// Parses a row of a table.
    pub(super) fn inline(&self) -> String {
        match self {
            Expected::Reply(reply) => reply.inline(),
            Expected::Kind(kind) => kind.clone(),
        }
    }

    /// The expectation for a recorded `reply`.
    fn of(reply: &Reply, compared: Compared) -> Expected {
        match compared {
            Compared::Bytes => Expected::Reply(reply.clone()),
            Compared::Unordered => Expected::Reply(reply.unordered()),
            Compared::Kind => Expected::Kind(reply.kind().to_owned()),
        }
    }

    /// True if `reply`, with the bytes `raw`, is the expected one.
    pub(super) fn passes(&self, reply: &Reply, raw: &[u8], compared: Compared) -> bool {
        match self {
            Expected::Kind(kind) => kind == reply.kind(),
            Expected::Reply(expected) if compared == Compared::Unordered => {
                expected.unordered() == reply.unordered()
            }
            Expected::Reply(expected) => expected.to_bytes() == raw,
        }
    }
}

impl Step {
    pub(super) fn is_for(&self, party: Party) -> bool {
        self.only.is_none_or(|only| only.contains(&party))
    }

    /// True if nothing is sent.
    pub(super) fn awaits(&self) -> bool {
        matches!(self.said, Said::Nothing)
    }

    fn send(&self, client: &mut Client) -> std::io::Result<()> {
        match &self.said {
            Said::Nothing => Ok(()),
            Said::Bytes(bytes) => client.try_send_raw(&unescape(bytes)),
            Said::Request(request) => client.try_send_raw(&encode(&words_of(request))),
        }
    }

    /// Runs this step and returns the failure, if there is one.
    pub(super) fn run(&self, client: &mut Client) -> Result<(), String> {
        assert!(
            matches!(self.said, Said::Bytes(_)) || self.closed || self.later || !self.expected.is_empty(),
            "line {}: nothing is expected: record it (RANKD_RECORD=1)",
            self.line,
        );
        self.send(client).map_err(|error| format!("cannot send: {error}"))?;
        for expected in &self.expected {
            let lines = expected.lines().join("\n              ");
            let (reply, raw) = client
                .reply_with_bytes()
                .map_err(|error| format!("expected {lines}\n     got no reply: {error}"))?;
            if !expected.passes(&reply, &raw, self.compared) {
                let got = reply.lines().join("\n              ");
                return Err(format!("expected {lines}\n          got {got}"));
            }
        }
        if self.closed && !client.is_closed() {
            return Err("the connection is still open".to_owned());
        }
        Ok(())
    }

    /// Replaces the expected replies by those of the server.
    pub(super) fn record(&mut self, client: &mut Client) {
        self.send(client).expect("the server takes the request");
        self.expected.clear();
        if self.later {
            return;
        }
        // Raw bytes can have any number of replies, and an awaited reply may never arrive.
        let is_raw = matches!(self.said, Said::Bytes(_));
        let is_sure = !is_raw && !self.awaits();
        client.set_read_timeout(if is_sure { PATIENCE } else { Duration::from_millis(300) });
        while let Ok((reply, _)) = client.reply_with_bytes() {
            self.expected.push(Expected::of(&reply, self.compared));
            if !is_raw && !self.closed {
                break;
            }
        }
        client.set_read_timeout(Duration::from_millis(300));
        if is_raw {
            self.closed = client.is_closed();
        }
        client.set_read_timeout(PATIENCE);
    }
}

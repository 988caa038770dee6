//! DEBUG DIGEST and DIGEST-VALUE: a digest of the data, computed as Redis computes it, so that two servers can be compared.
//! Boards with a policy have all that only rankd has in it: a rankd replica with the same digest has the same moments and ids.
//!
//! Elements with an order are mixed into the digest one after the other, others are added by exclusive or.

use super::subcommand::arguments;
use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::spec::AllKeys;
use crate::resp::double::DoubleText;
use crate::resp::reply::Reply;
use crate::store::{Beside, BoardRules, StreamEntry, Value};
use crate::text::sha1::{SHA1_BYTES, sha1};

/// A digest under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest([u8; SHA1_BYTES]);

impl Digest {
    /// Adds `bytes`, whose place does not matter.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.iter_mut().zip(sha1(bytes)).for_each(|(own, other)| *own ^= other);
    }

    /// Mixes in `bytes`, whose place matters.
    pub(super) fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = sha1(&self.0);
    }

    /// Mixes in a number of 32 bits.
    pub(super) fn mix_number(&mut self, number: u32) {
        self.mix(&number.to_be_bytes());
    }

    /// Mixes in a value. O(n).
    pub(super) fn mix_value(&mut self, value: &Value, expires: bool) {
        self.mix_number(value.kind().redis_number());
        value.rules().into_iter().for_each(|rules| self.mix_rules(rules));
        value.visit(&mut |element| {
            let name = element.name();
            match element.beside() {
                Beside::Order => self.mix(name),
                Beside::Nothing => self.add(name),
                Beside::Score(score) => {
                    let mut own = Self::default();
                    own.mix(name);
                    own.mix(DoubleText::shortest(score.get()).as_bytes());
                    self.add(&own.0);
                }
                Beside::Attained(attained) => {
                    let mut own = Self::default();
                    own.mix(name);
                    own.mix(attained.points.to_string().as_bytes());
                    own.mix(&attained.moment.0.to_be_bytes());
                    self.add(&own.0);
                }
                Beside::Value { bytes, expires } => {
                    let mut own = Self::default();
                    own.mix(name);
                    own.mix(bytes);
                    if expires {
                        own.add(b"!!hexpire!!");
                    }
                    self.add(&own.0);
                }
                Beside::Entry(entry) => self.mix_entry(entry),
                Beside::Told => {}
            }
        });
        if expires {
            self.add(b"!!expire!!");
        }
    }

    /// Mixes in what a board with a policy has beside its members, which Redis does not have. O(K) with K request ids.
    fn mix_rules(&mut self, rules: &BoardRules) {
        self.mix(rules.policy.to_string().as_bytes());
        self.mix(&rules.created_ms.to_be_bytes());
        self.mix(&rules.clock.0.to_be_bytes());
        self.mix(rules.closed_from.as_deref().unwrap_or_default());
        for (ordinal, id) in rules.ids.iter() {
            self.mix(&ordinal.to_be_bytes());
            self.mix(id);
        }
    }

    /// Mixes in an entry of a stream. As in Redis, groups and what is pending are no part of a digest.
    fn mix_entry(&mut self, entry: StreamEntry<'_>) {
        self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
        let mut digits = itoa::Buffer::new();
        for (name, value) in entry.pairs() {
            self.mix(name.bytes(&mut digits));
            self.mix(value.bytes(&mut digits));
        }
    }

    /// Adds a key with its value. O(n).
    pub(super) fn add_key(&mut self, key: &[u8], value: &Value, expires: bool) {
        let mut own = Self::default();
        own.mix(key);
        own.mix_value(value, expires);
        self.add(&own.0);
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// DEBUG DIGEST: all databases, in order; the keys of each in any order. No key changes meanwhile. O(n).
pub(super) fn digest(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    call.announce(usize::MAX)?;
    let (mut all, mut last) = (Digest::default(), None);
    keys.shards.visit_all(|database, key, value, expires| {
        if last.replace(database) != Some(database) {
            all.mix_number(database);
        }
        all.add_key(key, value, expires);
    });
    reply.simple(&all.to_string());
    Ok(())
}

/// DEBUG DIGEST-VALUE: of each value, without its key; zeros for a key that does not exist.
pub(super) fn digest_value(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    call.announce(usize::MAX)?;
    reply.array(arguments(call).remaining());
    for key in arguments(call) {
        let mut digest = Digest::default();
        let looking = keys.shards.look(&[keys.host.store.shard_of(key)]);
        let reader = looking.reader(keys.session.database);
        if let Some(value) = reader.peek(key) {
            digest.mix_value(value, reader.expiry(key).flatten().is_some());
        }
        reply.simple(&digest.to_string());
    }
    Ok(())
}

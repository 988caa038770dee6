//! A template: the policy of boards whose keys begin with a prefix. Its Change is absolute and about no key.

use super::buffer::ChangeBuffer;
use super::codec::{Malformed, put_bytes, take_bytes};
use super::operation;
use crate::store::values::board::policy::Policy;

/// A template, or that there is none, still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedTemplate<'a> {
    prefix: &'a [u8],
    /// The bytes of the policy; empty: there is no template of this prefix.
    policy: &'a [u8],
}

impl<'a> EncodedTemplate<'a> {
    /// Reads a template from the front of `rest`.
    ///
    /// # Errors
    /// If the policy is none.
    pub(super) fn take(rest: &mut &'a [u8]) -> Result<Self, Malformed> {
        let (prefix, policy) = (take_bytes(rest)?, take_bytes(rest)?);
        let mut bytes = policy;
        if !bytes.is_empty() {
            Policy::take(&mut bytes)?;
        }
        if bytes.is_empty() { Ok(Self { prefix, policy }) } else { Err(Malformed) }
    }

    /// How the keys begin.
    #[must_use]
    pub fn prefix(self) -> &'a [u8] {
        self.prefix
    }

    /// The policy of new boards; `None`: there is no template of this prefix.
    #[must_use]
    pub fn policy(mut self) -> Option<Policy> {
        let is_set = !self.policy.is_empty();
        is_set.then(|| Policy::take(&mut self.policy).expect("checked when it was read"))
    }
}

impl ChangeBuffer {
    /// Records that new boards whose keys begin with `prefix` get this policy, or none.
    pub fn template(&mut self, prefix: &[u8], policy: Option<&Policy>) {
        let mut bytes = Vec::new();
        if let Some(policy) = policy {
            policy.put(&mut bytes);
        }
        let out = self.change_of_all(operation::TEMPLATE);
        put_bytes(out, prefix);
        put_bytes(out, &bytes);
    }
}

//! What something told to a client rests on: the records that must be as safe as `appendfsync` promises before it is told.
//!
//! A reply rests on the last record of each shard that was held for it: what it says of those keys cannot come from a
//! later record. A message of a channel rests on what its sender's replies rest on.

use super::seq::Seq;
use parking_lot::Mutex;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// What a message rests on.
#[derive(Clone, Debug)]
pub enum Basis {
    /// The records up to this one.
    Record(Seq),
    /// A record that is still being made: the message comes from inside a transaction.
    Open(Arc<OpenRecord>),
}

/// The record of a hold that has not ended. Its number is known when it does.
#[derive(Debug, Default)]
pub struct OpenRecord(Mutex<Progress>);

#[derive(Debug, Default)]
struct Progress {
    seq: Option<Seq>,
    wakers: Vec<Waker>,
}

impl OpenRecord {
    /// The record's number, once the hold has ended.
    #[must_use]
    pub fn seq(&self) -> Option<Seq> {
        self.0.lock().seq
    }

    /// As [`OpenRecord::seq`]. Wakes the task when the hold ends, if it has not.
    pub fn poll(&self, context: &Context<'_>) -> Poll<Seq> {
        let mut progress = self.0.lock();
        match progress.seq {
            Some(seq) => Poll::Ready(seq),
            None => {
                progress.wakers.push(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// The hold has ended, and what was said under it rests on `seq`.
    pub(in crate::store) fn close(&self, seq: Seq) {
        let wakers = {
            let mut progress = self.0.lock();
            progress.seq = Some(seq);
            std::mem::take(&mut progress.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

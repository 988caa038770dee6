//! The basis of a reply or message: the records that must be as safe as `appendfsync` promises before a client gets it.
//!
//! A reply rests on the last record of each shard that was held for it: nothing that it says of those keys can come
//! from a later record. A message of a channel rests on the same records as the replies of its sender.

use super::seq::Seq;
use parking_lot::Mutex;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The records that a message rests on.
#[derive(Clone, Debug)]
pub enum Basis {
    /// The records up to this one.
    Record(Seq),
    /// A record that is still being made: the message was sent inside a transaction.
    Open(Arc<OpenRecord>),
}

/// The record of a hold that has not ended. Its number is known at the end of the hold.
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

    /// As [`OpenRecord::seq`]. If the hold has not ended, wakes the task when it ends.
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

    /// Notes that the hold has ended and that its messages rest on `seq`.
    pub(in crate::store) fn close(&self, seq: Seq) {
        let wakers = {
            let mut progress = self.0.lock();
            progress.seq = Some(seq);
            std::mem::take(&mut progress.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

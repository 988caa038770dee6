//! Mailboxes: messages that other threads send to a client.

use crate::limits;
use crate::store::{Basis, OpenRecord, Seq};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

/// A client's mailbox. Publishers put whole messages in; the client's connection takes them out and sends them.
#[derive(Debug, Default)]
pub struct Mailbox {
    has_mail: AtomicBool,
    mail: Mutex<Mail>,
}

#[derive(Debug, Default)]
struct Mail {
    bytes: Vec<u8>,
    /// The last record that the messages rest on, as far as its number is known.
    rests_on: Seq,
    /// Records that are still being made, each with the place in `bytes` of the first message that rests on it. Messages
    /// behind it wait as well, so that they keep their order.
    open_records: VecDeque<(usize, Arc<OpenRecord>)>,
    /// More messages came than [`limits::MAILBOX_BYTES`]: the client does not read them.
    has_overflowed: bool,
    waker: Option<Waker>,
}

impl Mail {
    fn note(&mut self, basis: &Basis) {
        match basis {
            Basis::Record(seq) => self.rests_on = self.rests_on.max(*seq),
            Basis::Open(record) => {
                let is_last = |(_, last): &(usize, Arc<OpenRecord>)| Arc::ptr_eq(last, record);
                if !self.open_records.back().is_some_and(is_last) {
                    self.open_records.push_back((self.bytes.len(), Arc::clone(record)));
                }
            }
        }
    }

    /// How many of the bytes rest only on records whose numbers are known.
    fn ready_bytes(&mut self) -> usize {
        while let Some((start, record)) = self.open_records.front() {
            let Some(seq) = record.seq() else { return *start };
            self.rests_on = self.rests_on.max(seq);
            self.open_records.pop_front();
        }
        self.bytes.len()
    }
}

impl Mailbox {
    /// Puts in a message that rests on `basis`. If it does not fit into [`limits::MAILBOX_BYTES`], the mailbox is emptied and
    /// its connection must be closed.
    ///
    /// # Errors
    /// If this is the first message that does not fit.
    pub fn put(&self, message: &[u8], basis: &Basis) -> Result<(), Overflowed> {
        let mut mail = self.mail.lock();
        let had_overflowed = mail.has_overflowed;
        if mail.has_overflowed || mail.bytes.len() + message.len() > limits::MAILBOX_BYTES {
            mail.has_overflowed = true;
            mail.bytes = Vec::new();
            mail.open_records.clear();
        } else {
            mail.note(basis);
            mail.bytes.extend_from_slice(message);
        }
        self.has_mail.store(true, Ordering::Release);
        if let Some(waker) = mail.waker.take() {
            waker.wake();
        }
        if mail.has_overflowed && !had_overflowed { Err(Overflowed) } else { Ok(()) }
    }

    /// Moves the messages to the end of `out`, except those of transactions that have not ended. Returns the record that
    /// they rest on. O(1) while there are none.
    ///
    /// # Errors
    /// If the mailbox has overflowed: the connection must be closed.
    pub fn take_into(&self, out: &mut Vec<u8>) -> Result<Seq, Overflowed> {
        if !self.has_mail.load(Ordering::Acquire) {
            return Ok(Seq::default());
        }
        let mut mail = self.mail.lock();
        if mail.has_overflowed {
            return Err(Overflowed);
        }
        let ready = mail.ready_bytes();
        if ready == mail.bytes.len() {
            self.has_mail.store(false, Ordering::Release);
            out.append(&mut mail.bytes);
            mail.bytes.shrink_to(limits::KEPT_BUFFER_BYTES);
        } else {
            out.extend(mail.bytes.drain(..ready));
            mail.open_records.iter_mut().for_each(|(start, _)| *start -= ready);
        }
        Ok(mail.rests_on)
    }

    /// Whether the mailbox has overflowed. Wakes the task when it may have, if not.
    pub fn poll_overflow(&self, context: &mut Context<'_>) -> Poll<Overflowed> {
        let mut mail = self.mail.lock();
        if mail.has_overflowed {
            return Poll::Ready(Overflowed);
        }
        mail.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Whether there is mail that can be taken. Wakes the task when there is, if not.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut mail = self.mail.lock();
        if mail.has_overflowed || mail.ready_bytes() > 0 {
            return Poll::Ready(());
        }
        mail.waker = Some(context.waker().clone());
        // The record may have been closed since `ready_bytes` asked for it: then the message can be taken now.
        mail.open_records.front().map_or(Poll::Pending, |(_, record)| record.poll(context).map(|_| ()))
    }
}

/// A mailbox is full: its client does not read its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflowed;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::change::ChangeBuffer;
    use crate::store::change::sink::Count;
    use crate::store::{Access, Hold, Store};

    fn taken(mailbox: &Mailbox) -> (Vec<u8>, Seq) {
        let mut out = Vec::new();
        let rests_on = mailbox.take_into(&mut out).expect("room");
        (out, rests_on)
    }

    #[test]
    fn messages_of_a_transaction_stay_until_it_has_ended_and_all_keep_their_order() {
        let store = Store::new(1, 1, 1, crate::machine::clock::Clock::system());
        store.attach(Arc::new(Count::default()));
        let mut hold = Hold::on(&store, &[0], Access::Write, ChangeBuffer::default());
        let mailbox = Mailbox::default();
        let mut context = Context::from_waker(Waker::noop());
        mailbox.put(b"one ", &Basis::Record(Seq::default())).expect("room");
        mailbox.put(b"two ", &Basis::Open(hold.open_record())).expect("room");
        mailbox.put(b"three", &Basis::Record(Seq::default())).expect("room");
        assert!(mailbox.poll(&mut context).is_ready());
        assert_eq!(taken(&mailbox), (b"one ".to_vec(), Seq(0)));
        assert!(mailbox.poll(&mut context).is_pending(), "the transaction goes on");
        assert_eq!(taken(&mailbox).0, b"");
        hold.writer(0).set_string(b"key", b"value", None);
        drop(hold);
        assert!(mailbox.poll(&mut context).is_ready());
        assert_eq!(taken(&mailbox), (b"two three".to_vec(), Seq(1)));
        assert!(mailbox.poll(&mut context).is_pending());
    }
}

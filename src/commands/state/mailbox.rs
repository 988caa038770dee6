//! Mailboxes: messages that other threads send to a client.

use crate::config::OutputLimits;
use crate::limits;
use crate::store::{Basis, OpenRecord, Seq};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

/// A client's mailbox. Other threads put whole messages in; the client's connection takes them out and sends them.
#[derive(Debug)]
pub struct Mailbox {
    /// There is mail, or the connection must be closed. While this is false, nothing is locked.
    has_mail: AtomicBool,
    bytes: AtomicUsize,
    bounds: Arc<MailBounds>,
    mail: Mutex<Mail>,
}

/// The most bytes of messages that wait for a client.
#[derive(Debug)]
pub struct MailBounds {
    subscribed: AtomicUsize,
    others: AtomicUsize,
}

impl Default for MailBounds {
    fn default() -> Self {
        Self { subscribed: limits::MAILBOX_BYTES.into(), others: limits::MAILBOX_BYTES.into() }
    }
}

impl MailBounds {
    /// Sets them to the hard limits of `client-output-buffer-limit`. Without one, a subscriber's mailbox is not bounded, and
    /// that of any other client, which does not count on messages, by [`limits::MAILBOX_BYTES`].
    pub(super) fn set(&self, limits: &OutputLimits) {
        let bound = |bytes: usize, without| if bytes == 0 { without } else { bytes };
        self.subscribed.store(bound(limits.pubsub.hard_bytes, usize::MAX), Ordering::Relaxed);
        self.others.store(bound(limits.normal.hard_bytes, limits::MAILBOX_BYTES), Ordering::Relaxed);
    }
}

/// Why a mailbox takes nothing more: its connection must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The client does not read its messages.
    Overflowed,
    /// Another client wants it to be closed (CLIENT KILL).
    Killed,
}

#[derive(Debug, Default)]
struct Mail {
    bytes: Vec<u8>,
    /// The last record that the messages rest on, as far as its number is known.
    rests_on: Seq,
    /// Records that are still being made, each with the place in `bytes` of the first message that rests on it. Messages
    /// behind it wait as well, so that they keep their order.
    open_records: VecDeque<(usize, Arc<OpenRecord>)>,
    closed: Option<Closed>,
    /// Wakes the client's connection, from its beginning to its end.
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
    pub(super) fn new(bounds: Arc<MailBounds>) -> Self {
        Self { has_mail: AtomicBool::new(false), bytes: AtomicUsize::new(0), bounds, mail: Mutex::default() }
    }

    /// Wakes `waker` from now on whenever there may be mail. A connection calls this once, when it begins: its task has one
    /// waker.
    pub fn attend(&self, waker: &Waker) {
        self.mail.lock().waker = Some(waker.clone());
    }

    /// Puts in a message that rests on `basis`. If it does not fit, its connection must be closed, and nothing more is taken.
    ///
    /// # Errors
    /// If this is the first message that does not fit.
    pub fn put(&self, message: &[u8], basis: &Basis, is_subscribed: bool) -> Result<(), Overflowed> {
        let bound = if is_subscribed { &self.bounds.subscribed } else { &self.bounds.others };
        let mut mail = self.mail.lock();
        if mail.closed.is_some() {
            return Ok(());
        }
        if mail.bytes.len() + message.len() > bound.load(Ordering::Relaxed) {
            self.close_locked(&mut mail, Closed::Overflowed);
            return Err(Overflowed);
        }
        mail.note(basis);
        mail.bytes.extend_from_slice(message);
        self.bytes.store(mail.bytes.len(), Ordering::Relaxed);
        self.announce(&mail);
        Ok(())
    }

    /// Empties the mailbox and has its connection closed.
    pub fn close(&self, why: Closed) {
        self.close_locked(&mut self.mail.lock(), why);
    }

    fn close_locked(&self, mail: &mut Mail, why: Closed) {
        mail.closed.get_or_insert(why);
        // What waits for a client that does not read counts as its memory until its connection ends.
        if why == Closed::Killed {
            mail.bytes = Vec::new();
            self.bytes.store(0, Ordering::Relaxed);
        }
        mail.open_records.clear();
        self.announce(mail);
    }

    fn announce(&self, mail: &Mail) {
        self.has_mail.store(true, Ordering::Release);
        if let Some(waker) = &mail.waker {
            waker.wake_by_ref();
        }
    }

    /// The bytes of the messages in it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Moves the messages to the end of `out`, except those of transactions that have not ended. Returns the record that
    /// they rest on. O(1) while there are none.
    ///
    /// # Errors
    /// If the connection must be closed.
    #[inline]
    pub fn take_into(&self, out: &mut Vec<u8>) -> Result<Seq, Closed> {
        if self.has_mail() { self.take_mail_into(out) } else { Ok(Seq::default()) }
    }

    #[inline(never)]
    fn take_mail_into(&self, out: &mut Vec<u8>) -> Result<Seq, Closed> {
        let mut mail = self.mail.lock();
        if let Some(why) = mail.closed {
            return Err(why);
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
        self.bytes.store(mail.bytes.len(), Ordering::Relaxed);
        Ok(mail.rests_on)
    }

    /// Whether there is mail, or the connection must be closed.
    #[inline]
    pub fn has_mail(&self) -> bool {
        self.has_mail.load(Ordering::Acquire)
    }

    /// Why the connection must be closed, if it must. The task that attends is woken when that changes.
    pub fn poll_closed(&self) -> Poll<Closed> {
        if !self.has_mail() {
            return Poll::Pending;
        }
        self.mail.lock().closed.map_or(Poll::Pending, Poll::Ready)
    }

    /// Whether there is mail that can be taken, or the connection must be closed. The task that attends is woken when there
    /// is. O(1) while there is none.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        if !self.has_mail() {
            return Poll::Pending;
        }
        let mut mail = self.mail.lock();
        if mail.closed.is_some() || mail.ready_bytes() > 0 {
            return Poll::Ready(());
        }
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
    fn what_did_not_reach_a_client_counts_until_its_connection_ends() {
        let mailbox = Mailbox::new(Arc::default());
        let record = Basis::Record(Seq::default());
        mailbox.put(b"message", &record, true).expect("room");
        let much = vec![b'x'; limits::MAILBOX_BYTES];
        assert_eq!(mailbox.put(&much, &record, true), Err(Overflowed));
        assert_eq!(mailbox.put(b"more", &record, true), Ok(()), "it is said once");
        assert_eq!(mailbox.bytes(), 7);
        assert_eq!(mailbox.take_into(&mut Vec::new()), Err(Closed::Overflowed));
        mailbox.close(Closed::Killed);
        assert_eq!(mailbox.bytes(), 0);
    }

    #[test]
    fn messages_of_a_transaction_stay_until_it_has_ended_and_all_keep_their_order() {
        let store = Store::new(1, 1, 1, crate::machine::clock::Clock::system());
        store.attach(Arc::new(Count::default()));
        let mut hold = Hold::on(&store, &[0], Access::Write, ChangeBuffer::default());
        let mailbox = Mailbox::new(Arc::default());
        let mut context = Context::from_waker(Waker::noop());
        mailbox.put(b"one ", &Basis::Record(Seq::default()), true).expect("room");
        mailbox.put(b"two ", &Basis::Open(hold.open_record()), true).expect("room");
        mailbox.put(b"three", &Basis::Record(Seq::default()), true).expect("room");
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

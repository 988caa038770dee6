//! What others send a connection: messages of channels it has subscribed to.

use crate::limits;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

/// A connection's mailbox. Others put whole replies in, the connection takes them out and sends them.
#[derive(Debug, Default)]
pub struct Mailbox {
    has_mail: AtomicBool,
    mail: Mutex<Mail>,
}

#[derive(Debug, Default)]
struct Mail {
    bytes: Vec<u8>,
    /// More came than the connection could be made to read.
    has_overflowed: bool,
    waker: Option<Waker>,
}

impl Mailbox {
    /// Puts a message in. One that would not fit into [`limits::MAILBOX_BYTES`] is lost, and with it the connection.
    ///
    /// # Errors
    /// If this is the message that does not fit.
    pub fn put(&self, message: &[u8]) -> Result<(), Overflowed> {
        let mut mail = self.mail.lock();
        let had_overflowed = mail.has_overflowed;
        if mail.has_overflowed || mail.bytes.len() + message.len() > limits::MAILBOX_BYTES {
            mail.has_overflowed = true;
            mail.bytes = Vec::new();
        } else {
            mail.bytes.extend_from_slice(message);
        }
        self.has_mail.store(true, Ordering::Release);
        if let Some(waker) = mail.waker.take() {
            waker.wake();
        }
        if mail.has_overflowed && !had_overflowed { Err(Overflowed) } else { Ok(()) }
    }

    /// Moves the messages to the end of `out`. O(1) while there are none.
    ///
    /// # Errors
    /// If the mailbox has overflowed: the connection must be closed.
    pub fn take_into(&self, out: &mut Vec<u8>) -> Result<(), Overflowed> {
        if !self.has_mail.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut mail = self.mail.lock();
        if mail.has_overflowed {
            return Err(Overflowed);
        }
        self.has_mail.store(false, Ordering::Release);
        out.append(&mut mail.bytes);
        mail.bytes.shrink_to(limits::KEPT_BUFFER_BYTES);
        Ok(())
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

    /// Whether there is mail. Wakes the task when some comes, if not.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut mail = self.mail.lock();
        if self.has_mail.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        mail.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

/// A subscriber did not read what it subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflowed;

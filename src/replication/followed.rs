//! The stream of a server that follows a master: the master's bytes, as they are applied, until the server is promoted.

use super::backlog::Backlog;
use super::flow::StreamSource;
use super::id::ReplicationId;
use super::outflow::Outflow;
use crate::machine::chance::Chance;

impl Outflow {
    /// The data are those of the master with this history now, and the stream continues with its bytes: after a full sync.
    /// Replicas of this server have to begin anew. Before the offset `whole_at` the data are not of one moment.
    pub fn follow(&self, id: ReplicationId, offset: u64, whole_at: u64) {
        let mut flow = self.flow.lock();
        flow.history.replace(id, offset);
        flow.source = StreamSource::Upstream;
        flow.backlog = Some(Backlog::at(offset));
        (flow.open_from, flow.rounded_until, flow.whole_at) = (offset, 0, whole_at);
        flow.interrupt();
    }

    /// The stream continues with the bytes of a master that has answered `+CONTINUE`, where it is. The bytes have the identifier
    /// `id` from here on. Replicas of this server connect again to learn that, and go on.
    pub fn continue_as(&self, id: ReplicationId) {
        let mut flow = self.flow.lock();
        if flow.history.id != id {
            flow.history.rename(id);
            flow.interrupt();
        }
        flow.source = StreamSource::Upstream;
        flow.begin_backlog();
    }

    /// The offset of the master's stream before which the data are not of one moment.
    #[must_use]
    pub fn whole_at(&self) -> u64 {
        self.flow.lock().whole_at
    }

    /// Takes the next bytes of the master's stream, which are about to be applied. They are no part of the stream yet.
    pub fn stage_upstream(&self, bytes: &[u8]) {
        let mut flow = self.flow.lock();
        if flow.source == StreamSource::Upstream {
            flow.staged.extend_from_slice(bytes);
        }
    }

    /// All staged bytes have been applied, and are whole commands. If there are `blanks` among them, empty lines, those stand for
    /// commands which only this server must not get, because it has their effect. So no other server may go on from before them.
    pub fn append_staged(&self, blanks: bool) {
        let mut flow = self.flow.lock();
        if blanks {
            flow.interrupt();
        }
        let end = flow.history.offset + flow.staged.len() as u64;
        flow.settle_staged(end, self.clock.now_ms());
        if blanks {
            flow.open_from = flow.history.offset;
        }
    }

    /// The link to the master has ended. Of the staged bytes those up to the offset `applied` have been applied.
    pub fn end_upstream(&self, applied: u64) {
        self.flow.lock().settle_staged(applied, self.clock.now_ms());
    }

    /// From here on the stream is this server's own: it becomes a master, perhaps again, if it has followed nobody in between. Its
    /// bytes get a new identifier. Replicas of this server connect again to learn that, and go on. The data are those at the offset
    /// `applied` of the stream that it has followed.
    pub fn promote(&self, applied: u64) {
        let mut flow = self.flow.lock();
        flow.settle_staged(applied, self.clock.now_ms());
        let id = ReplicationId::random(&mut Chance::from_system());
        if flow.source == StreamSource::Upstream && flow.history.offset < flow.whole_at {
            // The data have more than the stream up to here says, so nobody can go on with them.
            let offset = flow.history.offset;
            flow.history.replace(id, offset);
            flow.backlog = Some(Backlog::at(offset));
        } else {
            flow.history.rename(id);
        }
        flow.before_restart = None;
        // Other replicas of the former master may come, and they may be rankds.
        flow.is_exact |= flow.source == StreamSource::Upstream;
        flow.source = StreamSource::Own;
        flow.begin_backlog();
        flow.interrupt();
    }
}

//! Messages of a server, kept until the client acknowledges them.

use crate::base::side::Side;
use crate::base::time::UnixTime;
use crate::protocol::session::containers::Batch;
use crate::protocol::session::endpoint::Endpoint;
use crate::wire::mt::message::Message;
use alloc::collections::VecDeque;
use bytes::Bytes;

/// Most messages kept. Past that, one that needs no acknowledgement is dropped first (its asker asks again), then the
/// one sent longest ago.
const MAX_KEPT: usize = 8192;
/// Most bytes of messages kept.
const MAX_KEPT_BYTES: usize = 2 << 20;

#[derive(Debug, Clone)]
struct Kept {
    body: Bytes,
    is_answer: bool,
    /// Id and sequence number it was sent with. A second sending repeats them inside a container.
    sent_as: Option<(i64, i32)>,
    is_content: bool,
    is_waiting: bool,
}

/// Messages sent and not acknowledged, and messages to be sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// In the order of ids; those without an id come last.
    kept: VecDeque<Kept>,
    waiting: usize,
    bytes: usize,
}

impl Sent {
    /// Bytes of all messages kept.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
    /// True if no message waits to be sent.
    pub(super) const fn is_quiet(&self) -> bool {
        self.waiting == 0
    }
    /// Adds a message. Content is kept until it is acknowledged.
    pub(super) fn push(&mut self, body: Bytes, is_answer: bool, is_content: bool) {
        while !self.kept.is_empty()
            && (self.kept.len() >= MAX_KEPT || self.bytes.saturating_add(body.len()) > MAX_KEPT_BYTES)
        {
            // A notification about one more bad packet is worth less than an answer that may not have arrived.
            let passing = self.kept.iter().position(|kept| !kept.is_content);
            // The client acknowledges nothing: the message sent longest ago is dropped.
            let sent = || self.kept.iter().position(|kept| !kept.is_waiting);
            self.remove(passing.or_else(sent).unwrap_or(0));
        }
        self.bytes += body.len();
        self.kept.push_back(Kept { body, is_answer, sent_as: None, is_content, is_waiting: true });
        self.waiting += 1;
    }
    /// Drops all messages that were sent, acknowledged or not.
    pub(super) fn forget_sent(&mut self) {
        while let Some(at) = self.kept.iter().position(|kept| !kept.is_waiting) {
            self.remove(at);
        }
        self.kept.shrink_to_fit();
    }
    fn remove(&mut self, at: usize) {
        if let Some(kept) = self.kept.remove(at) {
            self.bytes -= kept.body.len();
            self.waiting -= usize::from(kept.is_waiting);
        }
    }
    fn find(&self, msg_id: i64) -> Option<usize> {
        self.kept.binary_search_by_key(&msg_id, |kept| kept.sent_as.map_or(i64::MAX, |(id, _)| id)).ok()
    }
    /// Sends all messages again that are not acknowledged.
    pub(super) fn send_again(&mut self) {
        self.kept.iter_mut().for_each(|kept| kept.is_waiting = true);
        self.waiting = self.kept.len();
    }
    /// Sends the message `msg_id` again; false if it is unknown.
    pub(super) fn send_again_one(&mut self, msg_id: i64) -> bool {
        let Some(kept) = self.find(msg_id).and_then(|at| self.kept.get_mut(at)) else { return false };
        self.waiting += usize::from(!core::mem::replace(&mut kept.is_waiting, true));
        true
    }
    /// Drops a message that the client acknowledged.
    pub(super) fn acknowledged(&mut self, msg_id: i64) {
        if let Some(at) = self.find(msg_id) {
            self.remove(at);
        }
    }

    /// Moves waiting messages into `batch`; returns true if one of them was sent before, which only a container can
    /// carry.
    pub(super) fn collect(&mut self, end: &mut Endpoint, unix: UnixTime, batch: &mut Batch) -> bool {
        let mut has_copies = false;
        let mut at = 0;
        while self.waiting > 0
            && let Some(kept) = self.kept.get_mut(at)
        {
            if !kept.is_waiting {
                at += 1;
                continue;
            }
            if !batch.has_room(kept.body.len()) {
                break;
            }
            has_copies |= kept.sent_as.is_some();
            let (msg_id, seqno) = match kept.sent_as {
                Some(first) => first,
                None => (end.next_id(Side::Server, unix, kept.is_answer), end.seqno.next(kept.is_content)),
            };
            kept.is_waiting = false;
            kept.sent_as = Some((msg_id, seqno));
            batch.push(Message { msg_id, seqno, body: kept.body.clone() });
            self.waiting -= 1;
            if kept.is_content {
                at += 1;
            } else {
                self.remove(at);
            }
        }
        has_copies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_outlives_thousands_of_refusals() {
        let mut sent = Sent::default();
        sent.push(Bytes::from_static(b"answer"), true, true);
        sent.kept[0].is_waiting = false;
        for _ in 0..2 * MAX_KEPT {
            sent.push(Bytes::from_static(b"refusal"), true, false);
        }
        assert_eq!((sent.kept.len(), &sent.kept[0].body[..]), (MAX_KEPT, &b"answer"[..]));
        for _ in 0..MAX_KEPT {
            sent.push(Bytes::from_static(b"later"), true, true);
        }
        assert!(sent.kept.iter().all(|kept| kept.body == b"later"[..]), "the bound stands");
    }
}

//! Acknowledgements: ids of content messages received, sent as `msgs_ack` with the next packet, or after 30 s, or as
//! soon as 16 wait.
//!
//! Spec: mtproto/service_messages_about_messages#acknowledgment-of-receipt

use super::Session;
use super::outbox::State;
use crate::base::time::Instant;
use crate::wire::mt::service::MsgsAck;
use alloc::vec::Vec;
use core::time::Duration;

/// Most ids in one `msgs_ack`.
pub const MAX_ACKS: usize = 8192;
/// Number of pending acknowledgements that are sent at once.
const ENOUGH_ACKS: usize = 16;
/// Longest time that an acknowledgement waits for a packet to travel with.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// Acknowledgements owed to the peer.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    ids: Vec<i64>,
    due: Option<Instant>,
}

impl Acks {
    /// Adds the id of a content message that was received.
    pub(crate) fn owe(&mut self, now: Instant, msg_id: i64) {
        if self.ids.len() >= MAX_ACKS {
            // A flood. The peer asks again for the state of what it misses.
            return;
        }
        self.ids.push(msg_id);
        let due = if self.ids.len() >= ENOUGH_ACKS { now } else { now + ACK_WAIT };
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }
    /// Time at which acknowledgements are sent although nothing else is.
    pub(crate) const fn due(&self) -> Option<Instant> {
        self.due
    }
    /// Takes all pending ids.
    pub(crate) fn take(&mut self) -> Vec<i64> {
        self.due = None;
        core::mem::take(&mut self.ids)
    }
}

impl Session {
    /// Handles `msgs_ack`: the server has these calls, and will answer them.
    pub(super) fn on_ack(&mut self, ack: &MsgsAck) {
        for &msg_id in ack.msg_ids.iter().take(MAX_ACKS) {
            if let Some(call) = self.outbox.call_of(msg_id).and_then(|id| self.outbox.calls.get_mut(id))
                && call.state == State::Sent
            {
                call.state = State::Received;
            }
        }
    }
}

//! Beginning and end of a session: `new_session_created`, `destroy_session`, and a new session id.
//!
//! Spec: mtproto/service_messages#new-session-creation-notification

use super::{Incoming, Session};
use crate::base::entropy::{self, Entropy, EntropyFailed};
use crate::tl::Combinator;
use crate::wire::mt::service::{DestroySession, NewSessionCreated};
use alloc::vec::Vec;
use bytes::Bytes;

impl Session {
    /// `new_session_created`: takes the salt, and sends again what the server does not have.
    ///
    /// Servers differ on `first_msg_id`: some name the first call, others the container that held it, whose id is higher
    /// than that of the call. A packet arrives whole or not at all and its ids are above those of all packets before it, so
    /// the id of the packet that a call went out in is right for either.
    pub(super) fn on_new_session(&mut self, new: &NewSessionCreated) {
        if self.server_session.replace(new.unique_id) == Some(new.unique_id) {
            return;
        }
        self.end.salts.set(new.server_salt);
        let mut lost = Vec::new();
        for (id, call) in self.outbox.unanswered() {
            if call.sent_in < new.first_msg_id {
                lost.push(id);
            }
        }
        lost.into_iter().for_each(|id| self.outbox.send_again(id));
        self.incoming.push_back(Incoming::NewSession);
    }

    /// `destroy_session_ok` and `_none` name a session, not a call.
    pub(super) fn on_session_destroyed(&mut self, session_id: i64, body: &Bytes) {
        let asked = DestroySession { session_id }.to_boxed();
        let call = self.outbox.unanswered().find(|(_, call)| *call.body == *asked).map(|(id, _)| id);
        if let Some(call) = call {
            self.answer(call, Ok(body.clone()));
        }
    }

    /// Starts a session under `session_id`, as the two ends disagree on ids or sequence numbers.
    pub(super) fn renew(&mut self, session_id: i64) {
        self.must_renew = false;
        self.previous_id = Some(self.end.renew(session_id));
        self.server_session = None;
        self.pings.pong_due = None;
        self.outbox.start_over();
    }
}

/// Draws a session id that is not zero: servers answer a session 0 with -404.
pub(super) fn random_id(random: &mut dyn Entropy) -> Result<i64, EntropyFailed> {
    loop {
        let id = i64::from_le_bytes(entropy::bytes(random)?);
        if id != 0 {
            return Ok(id);
        }
    }
}

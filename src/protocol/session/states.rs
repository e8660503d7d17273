//! States of messages: asking about calls that stay unanswered, answering such questions, and sending again what was
//! not
//! received.
//!
//! Spec: mtproto/service_messages_about_messages

use super::outbox::{Meaning, Service, State};
use super::{MAX_ACKS, Session};
use crate::base::side::Side;
use crate::base::time::Instant;
use crate::tl::{Blob, Combinator};
use crate::wire::msg_id;
use crate::wire::mt::service::{MsgDetailedInfo, MsgResendReq, MsgsStateInfo, MsgsStateReq, state};
use alloc::vec::Vec;
use core::time::Duration;

/// Time after which the server is asked about unanswered calls.
pub const ASK_AFTER: Duration = Duration::from_secs(15);
/// Time after which the server is asked again if it refused to receive the question.
pub(super) const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Session {
    /// Asks what became of every call that was sent and not answered.
    pub(super) fn ask_about_calls(&mut self, now: Instant) {
        // A question that is still here would be asked twice.
        self.outbox.service.retain(|service| !matches!(service.meaning, Meaning::StateReq(_)));
        let mut msg_ids = Vec::new();
        for (_, call) in self.outbox.unanswered() {
            if let Some(msg_id) = call.msg_ids.last().filter(|_| msg_ids.len() < MAX_ACKS) {
                msg_ids.push(*msg_id);
            }
        }
        self.ask_at = if msg_ids.is_empty() { None } else { Some(now + ASK_AFTER) };
        if !msg_ids.is_empty() {
            let body = MsgsStateReq { msg_ids: msg_ids.clone() }.to_boxed().into();
            self.outbox.push_service(Service { body, is_content: false, meaning: Meaning::StateReq(msg_ids) });
        }
    }

    /// `msgs_state_req`: what became of the other side's messages. One that asks about more than it may gets no answer.
    pub(super) fn tell_states(&mut self, req_msg_id: i64, msg_ids: &[i64]) {
        if msg_ids.len() <= MAX_ACKS {
            let info = Blob(msg_ids.iter().map(|&id| self.end.state_of(id, Side::Server)).collect());
            self.push_service(MsgsStateInfo { req_msg_id, info }.to_boxed(), false);
        }
    }

    /// `msgs_state_info`, if it answers a question of ours and is as long.
    pub(super) fn on_state_info(&mut self, info: MsgsStateInfo) {
        let Some(Meaning::StateReq(asked)) = self.outbox.sent.get(info.req_msg_id) else { return };
        if asked.len() == info.info.0.len() {
            let asked = asked.clone();
            self.outbox.sent.remove(info.req_msg_id);
            self.learn_states(&asked, &info.info);
        }
    }

    /// Sends again what the server has not received, and marks what it has.
    pub(super) fn learn_states(&mut self, msg_ids: &[i64], info: &Blob) {
        if msg_ids.len() != info.0.len() {
            return;
        }
        for (&msg_id, &byte) in msg_ids.iter().zip(&info.0) {
            let Some(id) = self.outbox.call_in_force(msg_id) else { continue };
            let Some(call) = self.outbox.calls.get_mut(id) else { continue };
            match byte & state::MASK {
                // It was acknowledged, and so long ago that this is forgotten: the server has it.
                state::UNKNOWN if call.state == State::Received => {}
                // Not received, or not yet: it may still come by a connection that is gone.
                state::UNKNOWN | state::NOT_RECEIVED | state::TOO_HIGH => self.outbox.send_again(id),
                state::RECEIVED if call.state == State::Sent => call.state = State::Received,
                _ => {}
            }
        }
    }

    /// `msg_detailed_info`: an answer of ours was not sent for its length; it is asked for unless it has come.
    pub(super) fn on_detailed_info(&mut self, now: Instant, info: &MsgDetailedInfo) {
        let is_wanted = self.outbox.call_of(info.msg_id).is_some();
        self.fetch(now, info.answer_msg_id, is_wanted);
    }

    /// Asks for a message of the other side that has not come, or acknowledges it as not needed.
    pub(super) fn fetch(&mut self, now: Instant, answer: i64, is_wanted: bool) {
        if !msg_id::is_from(answer, Side::Server) {
            return;
        }
        if is_wanted && !self.end.window.contains(answer) {
            self.push_service(MsgResendReq { msg_ids: alloc::vec![answer] }.to_boxed(), false);
        } else {
            self.end.acks.owe(now, answer);
        }
    }

    /// `msg_resend_req`: sends again what is still known; if anything is not, says how it stands with each.
    pub(super) fn on_resend_req(&mut self, req_msg_id: i64, req: &MsgResendReq) {
        let mut are_known = true;
        for &msg_id in req.msg_ids.iter().take(MAX_ACKS) {
            are_known &= self.outbox.send_meaning_again(msg_id);
        }
        if !are_known {
            self.tell_states(req_msg_id, &req.msg_ids);
        }
    }
}

//! `bad_msg_notification`: the server refused to receive a message, which is sent again once the cause is mended.
//!
//! Spec: mtproto/service_messages_about_messages#notice-of-ignored-error-message

use super::outbox::Meaning;
use super::states::ASK_AGAIN_AFTER;
use super::{CallError, Session};
use crate::base::time::Instant;
use crate::wire::msg_id::{self, MsgIds};
use crate::wire::mt::service::{BadMsgNotification, Cure, cure};

/// Refusals after which a call fails.
pub(super) const MAX_REFUSALS: u32 = 8;
/// Code 20: the message is too old for the server to know whether it received it.
const TOO_OLD: i32 = 20;

impl Session {
    /// `bad_msg_notification`, if it talks about something sent lately.
    pub(super) fn on_bad_msg(&mut self, now: Instant, bad: &BadMsgNotification) {
        if !self.outbox.sent.contains(bad.bad_msg_id) {
            return;
        }
        match cure(bad.error_code) {
            Cure::FixClock => self.end.clock.sync(now, msg_id::time(self.packet_id)),
            Cure::FixClockInNewSession => {
                self.end.clock.sync(now, msg_id::time(self.packet_id));
                self.end.ids = MsgIds::default();
                self.must_renew = true;
            }
            Cure::NewSession => self.must_renew = true,
            Cure::SendSingly => self.outbox.singly = true,
            Cure::SendAgain | Cure::NewSalt => {}
        }
        self.send_again(now, bad.bad_msg_id, bad.error_code);
    }

    /// Sends again what was sent as `msg_id`; a call that has been refused too often is given up.
    pub(super) fn send_again(&mut self, now: Instant, msg_id: i64, code: i32) {
        let inner = match self.outbox.sent.get(msg_id) {
            Some(Meaning::Container(inner)) => inner.clone(),
            _ => alloc::vec![msg_id],
        };
        for id in inner {
            match self.outbox.sent.get(id) {
                Some(Meaning::StateReq(_)) => self.ask_at = Some(now + ASK_AGAIN_AFTER),
                Some(Meaning::SaltReq) => self.ask_salts = true,
                _ => {}
            }
            if let Some(call) = self.outbox.call_in_force(id) {
                // "msg_id too old, and it cannot be verified whether the server has received it": all others were not.
                if code != TOO_OLD {
                    self.outbox.note_lost(call);
                }
                if self.outbox.note_refusal(call) >= MAX_REFUSALS {
                    self.answer(call, Err(CallError::Undeliverable(code)));
                }
            }
        }
        self.outbox.send_meaning_again(msg_id);
    }
}

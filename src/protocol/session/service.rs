//! What a session does with each message that comes: a function per service message, in the order of the spec's pages.
//!
//! Spec: mtproto/service_messages, mtproto/service_messages_about_messages

use super::outbox::{Meaning, State};
use super::{ASK_AGAIN_AFTER, CallError, CallId, Incoming, MAX_REFUSALS, RpcError, Session, SessionError};
use crate::base::side::Side;
use crate::base::time::Instant;
use crate::tl::{Blob, Combinator, Fault, Reader, Tl};
use crate::wire::msg_id::{self, MsgIds};
use crate::wire::mt::message::{GzipPacked, MSG_CONTAINER, Message, RpcResult};
use crate::wire::mt::service::{
    BadMsgNotification, BadServerSalt, Cure, DestroySessionNone, DestroySessionOk, FutureSalt, FutureSalts, HttpWait,
    MsgDetailedInfo, MsgNewDetailedInfo, MsgResendReq, MsgsAck, MsgsAllInfo, MsgsStateInfo, MsgsStateReq,
    NewSessionCreated, Pong, RpcErrorBare, cure, state,
};
use alloc::vec::Vec;
use bytes::Bytes;

/// `msg_copy`, `http_wait`, `future_salt`, `rpc_error`: constructors that have no business on their own in a session.
const STRAY: [u32; 4] = [0xe060_46b2, HttpWait::ID, FutureSalt::ID, RpcErrorBare::ID];

/// `bad_msg_notification`: the message is so old that it is not known whether it came.
const TOO_OLD: i32 = 20;
/// The longest service message about others that is read: 8192 ids and what is said of each take less.
const MAX_ABOUT: usize = 256 << 10;
/// Constructors of such.
const ABOUT: [u32; 6] =
    [MsgsAck::ID, MsgsStateReq::ID, MsgsStateInfo::ID, MsgsAllInfo::ID, MsgResendReq::ID, FutureSalts::ID];
/// Longest `rpc_error` read, in bytes: its text is copied, and the longest known one has fewer than 100.
const MAX_REFUSAL: usize = 4 << 10;
/// Answered calls that are remembered to have been in doubt.
const MAX_DOUBTS: usize = 256;

impl Session {
    /// Takes one message that is new, and does what it says.
    pub(super) fn handle_message(&mut self, now: Instant, message: &Message) -> Result<(), SessionError> {
        let body = match Reader::new(&message.body).u32()? {
            GzipPacked::ID => self.unzip(&message.body)?,
            _ => message.body.clone(),
        };
        self.dispatch(now, message.msg_id, body)
    }

    fn dispatch(&mut self, now: Instant, own_id: i64, body: Bytes) -> Result<(), SessionError> {
        let mut r = Reader::new(&body);
        match r.u32()? {
            RpcResult::ID => self.on_result(now, &body)?,
            id if ABOUT.contains(&id) && body.len() > MAX_ABOUT => return Err(r.fault_before(Fault::Length).into()),
            MsgsAck::ID => self.on_ack(&MsgsAck::read(&mut r)?),
            BadMsgNotification::ID => self.on_bad_msg(now, &BadMsgNotification::read(&mut r)?),
            BadServerSalt::ID => self.on_bad_salt(now, &BadServerSalt::read(&mut r)?),
            MsgsStateReq::ID => self.tell_states(own_id, &MsgsStateReq::read(&mut r)?.msg_ids),
            MsgsStateInfo::ID => self.on_state_info(MsgsStateInfo::read(&mut r)?),
            MsgsAllInfo::ID => {
                let MsgsAllInfo { msg_ids, info } = MsgsAllInfo::read(&mut r)?;
                self.learn_states(&msg_ids, &info);
            }
            MsgDetailedInfo::ID => self.on_detailed_info(now, &MsgDetailedInfo::read(&mut r)?),
            MsgNewDetailedInfo::ID => {
                let answer = MsgNewDetailedInfo::read(&mut r)?.answer_msg_id;
                self.fetch(now, answer, true);
            }
            MsgResendReq::ID => self.on_resend_req(own_id, &MsgResendReq::read(&mut r)?),
            FutureSalts::ID => self.on_future_salts(&FutureSalts::read(&mut r)?, &body),
            Pong::ID => self.on_pong(now, &Pong::read(&mut r)?, &body),
            NewSessionCreated::ID => self.on_new_session(&NewSessionCreated::read(&mut r)?),
            DestroySessionOk::ID | DestroySessionNone::ID => self.on_session_destroyed(r.i64()?, &body),
            id if STRAY.contains(&id) => {}
            MSG_CONTAINER => return Err(SessionError::Container),
            GzipPacked::ID => return Err(SessionError::Gzip),
            id => self.on_other(now, id, own_id, body)?,
        }
        Ok(())
    }

    /// Anything that is not the business of every session.
    fn on_other(&mut self, now: Instant, id: u32, msg_id: i64, body: Bytes) -> Result<(), SessionError> {
        match self.side() {
            Side::Client => self.incoming.push_back(Incoming::Update(body)),
            #[cfg(feature = "dc")]
            Side::Server => self.on_request(now, id, msg_id, body)?,
            #[cfg(not(feature = "dc"))]
            Side::Server => {
                let _ = (now, id);
                self.incoming.push_back(Incoming::Request { msg_id, body });
            }
        }
        Ok(())
    }

    /// `rpc_result`. The first answer to a call counts; one to an unknown call is acknowledged and dropped.
    fn on_result(&mut self, now: Instant, body: &Bytes) -> Result<(), SessionError> {
        let mut r = Reader::new(body);
        r.u32()?;
        let Some(call) = self.outbox.call_of(r.i64()?) else { return Ok(()) };
        let result = body.slice(r.position()..);
        let result = match r.peek() {
            Some(GzipPacked::ID) => self.unzip(&result).map_err(|_| CallError::Damaged),
            _ => Ok(result),
        };
        let result = result.and_then(|value| match Reader::new(&value).peek() {
            Some(RpcErrorBare::ID) => Err(refusal(&value)),
            _ => Ok(value),
        });
        self.believe_clock(now);
        match result {
            Err(CallError::Refused(e)) if self.must_wait_again(call, &e) => self.outbox.hold(call),
            result => self.answer(call, result),
        }
        Ok(())
    }

    /// Whether a call was not executed because the one before it was not there yet: lost, and sent under another id.
    ///
    /// Spec: api/invoking#dependent-calls
    fn must_wait_again(&mut self, call: CallId, e: &RpcError) -> bool {
        let calls = &self.outbox.calls;
        let Some(earlier) = calls.get(call).and_then(|call| call.after) else { return false };
        match &*e.message {
            "MSG_WAIT_TIMEOUT" | "MSG_WAIT_FAILED" if calls.contains(earlier) => true,
            "MSG_WAIT_TIMEOUT" => self.outbox.note_refusal(call) < MAX_REFUSALS,
            _ => false,
        }
    }

    pub(super) fn answer(&mut self, call: CallId, result: Result<Bytes, CallError>) {
        if let Some(pending) = self.outbox.finish(call) {
            if pending.in_doubt {
                if self.doubts.len() >= MAX_DOUBTS {
                    self.doubts.pop_front();
                }
                self.doubts.push_back(call);
            }
            #[cfg(feature = "pfs")]
            if call == CallId::BIND && result.is_ok() {
                self.binding = None; // without it nothing else may go out
            }
            self.incoming.push_back(Incoming::Reply { call, result });
        }
    }

    /// The time in a message that answers one of this session's own: it cannot be a replay of another day.
    const fn believe_clock(&mut self, now: Instant) {
        if !self.clock.is_synced() {
            self.clock.sync(now, msg_id::time(self.packet_id));
        }
    }

    fn on_ack(&mut self, ack: &MsgsAck) {
        for &msg_id in ack.msg_ids.iter().take(super::MAX_ACKS) {
            if let Some(call) = self.outbox.call_of(msg_id).and_then(|id| self.outbox.calls.get_mut(id))
                && call.state == State::Sent
            {
                call.state = State::Received;
            }
            #[cfg(feature = "dc")]
            if self.side() == Side::Server {
                self.outbox.acknowledged(msg_id);
            }
        }
    }

    /// `bad_msg_notification`, if it talks about something sent lately.
    fn on_bad_msg(&mut self, now: Instant, bad: &BadMsgNotification) {
        if self.side() != Side::Client || !self.outbox.sent.contains(bad.bad_msg_id) {
            return;
        }
        match cure(bad.error_code) {
            Cure::FixClock => self.clock.sync(now, msg_id::time(self.packet_id)),
            Cure::FixClockInNewSession => {
                self.clock.sync(now, msg_id::time(self.packet_id));
                self.ids = MsgIds::default();
                self.must_renew = true;
            }
            Cure::NewSession => self.must_renew = true,
            Cure::SendSingly => self.outbox.singly = true,
            Cure::SendAgain | Cure::NewSalt => {}
        }
        self.send_again(now, bad.bad_msg_id, bad.error_code);
    }

    /// `bad_server_salt`, if it talks about something sent lately: nobody else may change the salt.
    fn on_bad_salt(&mut self, now: Instant, bad: &BadServerSalt) {
        if self.side() == Side::Client && self.outbox.sent.contains(bad.bad_msg_id) {
            self.salts.set(bad.new_server_salt);
            self.send_again(now, bad.bad_msg_id, bad.error_code);
        }
    }

    /// Sends again what was sent as `msg_id`; a call that has been refused too often is given up.
    fn send_again(&mut self, now: Instant, msg_id: i64, code: i32) {
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

    /// `msgs_state_req`: what became of the other side's messages. One that asks about more than it may gets no answer.
    fn tell_states(&mut self, req_msg_id: i64, msg_ids: &[i64]) {
        if msg_ids.len() <= super::MAX_ACKS {
            let info = Blob(msg_ids.iter().map(|&id| self.state_of(id)).collect());
            self.push_service(MsgsStateInfo { req_msg_id, info }.to_boxed(), false);
        }
    }

    fn state_of(&self, msg_id: i64) -> u8 {
        let window = &self.inbox.window;
        match (window.lowest(), window.highest()) {
            _ if window.contains(msg_id) => state::RECEIVED,
            // Our own messages, asked for and not here any more.
            _ if !msg_id::is_from(msg_id, self.side().peer()) => state::UNKNOWN,
            (Some(lowest), _) if window.is_full() && msg_id < lowest => state::UNKNOWN,
            (_, Some(highest)) if msg_id < highest => state::NOT_RECEIVED,
            _ => state::TOO_HIGH,
        }
    }

    /// `msgs_state_info`, if it answers a question of ours and is as long.
    fn on_state_info(&mut self, info: MsgsStateInfo) {
        let Some(Meaning::StateReq(asked)) = self.outbox.sent.get(info.req_msg_id) else { return };
        if asked.len() == info.info.0.len() {
            let asked = asked.clone();
            self.outbox.sent.remove(info.req_msg_id);
            self.learn_states(&asked, &info.info);
        }
    }

    /// What the other side has not received is sent again; for what it has, the answer will come.
    fn learn_states(&mut self, msg_ids: &[i64], info: &Blob) {
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
    fn on_detailed_info(&mut self, now: Instant, info: &MsgDetailedInfo) {
        let is_wanted = self.outbox.call_of(info.msg_id).is_some();
        self.fetch(now, info.answer_msg_id, is_wanted);
    }

    /// Asks for a message of the other side that has not come, or acknowledges it as not needed.
    fn fetch(&mut self, now: Instant, answer: i64, is_wanted: bool) {
        if !msg_id::is_from(answer, self.side().peer()) {
            return;
        }
        if is_wanted && !self.inbox.window.contains(answer) {
            self.push_service(MsgResendReq { msg_ids: alloc::vec![answer] }.to_boxed(), false);
        } else {
            self.inbox.owe_ack(now, answer);
        }
    }

    /// `msg_resend_req`: sends again what is still known; if anything is not, says how it stands with each.
    fn on_resend_req(&mut self, req_msg_id: i64, req: &MsgResendReq) {
        let mut are_known = true;
        for &msg_id in req.msg_ids.iter().take(super::MAX_ACKS) {
            are_known &= match self.side() {
                #[cfg(feature = "dc")]
                Side::Server => self.outbox.say_again_one(msg_id),
                _ => self.outbox.send_meaning_again(msg_id),
            };
        }
        if !are_known {
            self.tell_states(req_msg_id, &req.msg_ids);
        }
    }

    /// `future_salts`, if this session asked for it; to a caller who asked himself it is the answer.
    fn on_future_salts(&mut self, salts: &FutureSalts, body: &Bytes) {
        match self.outbox.sent.get(salts.req_msg_id) {
            Some(Meaning::SaltReq) => {
                self.outbox.sent.remove(salts.req_msg_id);
                self.salts.extend(&salts.salts.0);
            }
            Some(&Meaning::Call(call)) => {
                self.salts.extend(&salts.salts.0);
                self.answer(call, Ok(body.clone()));
            }
            _ => {}
        }
    }

    /// `pong`: that something came has been noted; to a caller who pinged himself it is the answer.
    fn on_pong(&mut self, now: Instant, pong: &Pong, body: &Bytes) {
        if self.outbox.sent.contains(pong.msg_id) {
            self.believe_clock(now);
        }
        if let Some(call) = self.outbox.call_of(pong.msg_id) {
            self.answer(call, Ok(body.clone()));
        }
    }

    /// `new_session_created`: takes the salt, and sends again what the server does not have.
    ///
    /// Servers differ on `first_msg_id`: some name the first call, others the container that held it, whose id is higher
    /// than that of the call. A packet arrives whole or not at all and its ids are above those of all packets before it, so
    /// the id of the packet that a call went out in is right for either.
    fn on_new_session(&mut self, new: &NewSessionCreated) {
        if self.side() != Side::Client || self.server_session.replace(new.unique_id) == Some(new.unique_id) {
            return;
        }
        self.salts.set(new.server_salt);
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
    fn on_session_destroyed(&mut self, session_id: i64, body: &Bytes) {
        let asked = crate::wire::mt::service::DestroySession { session_id }.to_boxed();
        let call = self.outbox.unanswered().find(|(_, call)| *call.body == *asked).map(|(id, _)| id);
        if let Some(call) = call {
            self.answer(call, Ok(body.clone()));
        }
    }
}

impl Session {
    /// Opens `gzip_packed`, once, and no further than the packet it came in may still open to.
    #[cfg(feature = "gzip")]
    fn unzip(&mut self, body: &[u8]) -> Result<Bytes, SessionError> {
        let mut r = Reader::new(body);
        r.expect(GzipPacked::ID)?;
        let value = crate::wire::mt::gzip::inflate(r.bytes()?, self.inflatable).map_err(|_| SessionError::Gzip)?;
        self.inflatable -= value.len();
        match Reader::new(&value).peek() {
            None | Some(GzipPacked::ID) => Err(SessionError::Gzip),
            Some(_) => Ok(value.into()),
        }
    }

    /// Without the feature there is nothing to open it with.
    #[cfg(not(feature = "gzip"))]
    #[expect(clippy::unused_self, reason = "it stands for the other one")]
    fn unzip(&mut self, _: &[u8]) -> Result<Bytes, SessionError> {
        Err(SessionError::Gzip)
    }
}

/// Refusal in an `rpc_result`; one that cannot be read, or is too long, is still a refusal.
fn refusal(value: &[u8]) -> CallError {
    match RpcErrorBare::read_boxed(&mut Reader::new(value.get(..MAX_REFUSAL).unwrap_or(value))) {
        Ok(e) => CallError::Refused(RpcError { code: e.error_code, message: e.error_message }),
        Err(_) => CallError::Refused(RpcError::new(500, "RPC_ERROR_UNREADABLE")),
    }
}

//! The way out: what waits is put together into one packet.
//!
//! ```text
//! service messages ─┐
//! calls             ├─▶ one message, or a container of them ─▶ seal
//! what is said      │
//! acks, if any ─────┘
//! ```
//!
//! Ids are drawn in the order of the messages, the container's last, as it must be the highest.

#[cfg(feature = "pfs")]
use super::bind::BindRandom;
use super::outbox::{Batch, MAX_CALL, Meaning, Service};
use super::packet::Header;
use super::rpc::CallId;
use super::{ASK_AFTER, CallError, INVOKE_AFTER_MSG, Session};
use crate::base::side::Side;
use crate::base::time::{Instant, UnixTime};
use crate::tl::Combinator;
use crate::wire::mt::message::Message;
use crate::wire::mt::service::{GetFutureSalts, MsgsAck};
use bytes::{Bytes, BytesMut};

/// So many salts are asked for: those of a day and a half. Spec: mtproto/service_messages#request-for-several-future-salts
const SALTS: i32 = 64;

/// Without the feature nothing is bound.
#[cfg(not(feature = "pfs"))]
type BindRandom = [u8; 0];

impl Session {
    /// Asks for salts if it is time to.
    pub(super) fn push_salt_request(&mut self, now: Instant) {
        if self.salts.are_short(self.clock.at(now)) {
            let body = GetFutureSalts { num: SALTS }.to_boxed().into();
            self.outbox.push_service(Service { body, is_content: true, meaning: Meaning::SaltReq });
        }
    }

    pub(super) fn header(&mut self, unix: UnixTime, msg_id: i64, seqno: i32) -> Header {
        Header { salt: self.salts.at(unix), session_id: self.session_id, msg_id, seqno }
    }

    pub(super) fn next_id(&mut self, unix: UnixTime, is_answer: bool) -> i64 {
        match self.side() {
            Side::Client => self.ids.client(unix),
            Side::Server => self.ids.server(unix, is_answer),
        }
    }

    pub(super) fn collect_service(&mut self, unix: UnixTime, batch: &mut Batch) {
        while let Some(next) = self.outbox.service.front()
            && batch.has_room(next.body.len())
            && let Some(service) = self.outbox.service.pop_front()
        {
            let (msg_id, seqno) = (self.next_id(unix, true), self.seqno.next(service.is_content));
            self.outbox.note_sent(msg_id, service.meaning);
            batch.push(Message { msg_id, seqno, body: service.body });
        }
    }

    pub(super) fn collect_calls(&mut self, now: Instant, unix: UnixTime, batch: &mut Batch, bind_random: &BindRandom) {
        while let Some(&id) = self.outbox.waiting.front() {
            let Some(call) = self.outbox.calls.get(id) else {
                self.outbox.waiting.pop_front();
                continue;
            };
            // Before the binding is answered no other call goes, not even in the same packet: "Once auth.bindTempAuthKey
            // has been executed successfully, the client may continue using the API" (api/pfs). TDLib waits as well
            // (Session::need_send_query).
            if !batch.has_room(call.body.len()) || (self.is_binding() && id != CallId::BIND) {
                break;
            }
            let body = self.in_order(id);
            // The mistake of one caller: the others' calls must not end with it, as they would if no frame held the packet.
            if id != CallId::BIND && (body.len() < 4 || !body.len().is_multiple_of(4) || body.len() > MAX_CALL) {
                self.answer(id, Err(CallError::Unsendable));
                continue;
            }
            let (msg_id, seqno) = (self.next_id(unix, false), self.seqno.next(true));
            #[cfg(feature = "pfs")]
            let body = match &self.binding {
                Some(binding) => binding.call(&self.key, self.session_id, msg_id, bind_random),
                None => body,
            };
            #[cfg(not(feature = "pfs"))]
            let [] = bind_random;
            self.outbox.waiting.pop_front();
            self.outbox.note_sent_call(id, msg_id);
            batch.push(Message { msg_id, seqno, body });
            self.ask_at.get_or_insert(now + ASK_AFTER);
        }
    }

    /// The body of a call, wrapped in `invokeAfterMsg` if an unanswered one must come first.
    pub(super) fn in_order(&self, id: CallId) -> Bytes {
        let Some(call) = self.outbox.calls.get(id) else { return Bytes::new() };
        let earlier = call.after.and_then(|earlier| self.outbox.calls.get(earlier)).and_then(|c| c.msg_ids.last());
        let Some(earlier) = earlier else { return call.body.clone() };
        let mut wrapped = BytesMut::with_capacity(12 + call.body.len());
        wrapped.extend_from_slice(&INVOKE_AFTER_MSG.to_le_bytes());
        wrapped.extend_from_slice(&earlier.to_le_bytes());
        wrapped.extend_from_slice(&call.body);
        wrapped.freeze()
    }

    /// Server: what it has to say. True if something is said again, which only a container can carry.
    #[cfg(feature = "dc")]
    pub(super) fn collect_said(&mut self, unix: UnixTime, batch: &mut Batch) -> bool {
        let mut has_copies = false;
        let mut at = 0;
        while self.outbox.said_waiting > 0
            && let Some(said) = self.outbox.said.get(at)
        {
            if !said.is_waiting {
                at += 1;
                continue;
            }
            if !batch.has_room(said.body.len()) {
                break;
            }
            let (is_answer, is_content, body) = (said.is_answer, said.is_content, said.body.clone());
            has_copies |= said.sent_as.is_some();
            let (msg_id, seqno) = match said.sent_as {
                Some(first) => first,
                None => (self.next_id(unix, is_answer), self.seqno.next(is_content)),
            };
            if let Some(said) = self.outbox.said.get_mut(at) {
                said.is_waiting = false;
                said.sent_as = Some((msg_id, seqno));
            }
            self.outbox.said_waiting -= 1;
            if is_content {
                at += 1;
            } else {
                self.outbox.unsay(at);
            }
            batch.push(Message { msg_id, seqno, body });
        }
        has_copies
    }

    pub(super) fn collect_acks(&mut self, unix: UnixTime, batch: &mut Batch) {
        let msg_ids = self.inbox.take_acks();
        if !msg_ids.is_empty() {
            let (msg_id, seqno) = (self.next_id(unix, true), self.seqno.next(false));
            self.outbox.note_sent(msg_id, Meaning::Service { body: None, is_content: false });
            batch.push(Message { msg_id, seqno, body: MsgsAck { msg_ids }.to_boxed().into() });
        }
    }
}

//! The way out: messages that wait are put together into one packet.
//!
//! ```text
//! service messages ─┐
//! calls             ├─▶ one message, or a container of them ─▶ seal
//! acks, if any ─────┘
//! ```
//!
//! Ids are drawn in the order of the messages, the container's last, as it must be the highest.

use super::bind::BindRandom;
use super::containers::Batch;
use super::outbox::{MAX_CALL, Meaning};
use super::rpc::CallId;
use super::states::ASK_AFTER;
use super::{CallError, Session};
use crate::base::side::Side;
use crate::base::time::{Instant, UnixTime};
use crate::telegram::api::connect::InvokeAfterMsg;
use crate::tl::Combinator;
use crate::wire::mt::message::Message;
use bytes::{Bytes, BytesMut};

impl Session {
    pub(super) fn collect_service(&mut self, unix: UnixTime, batch: &mut Batch) {
        while let Some(next) = self.outbox.service.front()
            && batch.has_room(next.body.len())
            && let Some(service) = self.outbox.service.pop_front()
        {
            let (msg_id, seqno) = (self.end.next_id(Side::Client, unix, true), self.end.seqno.next(service.is_content));
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
            if !batch.has_room(call.body.len()) || (self.binding.is_pending() && id != CallId::BIND) {
                break;
            }
            let body = self.in_order(id);
            // The mistake of one caller: the others' calls must not end with it, as they would if no frame held the packet.
            if id != CallId::BIND && (body.len() < 4 || !body.len().is_multiple_of(4) || body.len() > MAX_CALL) {
                self.answer(id, Err(CallError::Unsendable));
                continue;
            }
            let (msg_id, seqno) = (self.end.next_id(Side::Client, unix, false), self.end.seqno.next(true));
            let body = self.binding.body(&self.end, msg_id, bind_random, body);
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
        wrapped.extend_from_slice(&InvokeAfterMsg::ID.to_le_bytes());
        wrapped.extend_from_slice(&earlier.to_le_bytes());
        wrapped.extend_from_slice(&call.body);
        wrapped.freeze()
    }

    pub(super) fn collect_acks(&mut self, unix: UnixTime, batch: &mut Batch) {
        if let Some(acks) = self.end.take_acks(Side::Client, unix) {
            self.outbox.note_sent(acks.msg_id, Meaning::Service { body: None, is_content: false });
            batch.push(acks);
        }
    }
}

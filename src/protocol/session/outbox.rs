//! Outgoing messages: calls until they are answered, all others once.
//!
//! ```text
//!   call() ──▶ waiting ──compose──▶ sent ──rpc_result──▶ answered
//!                 ▲                   │
//!                 └── send again ─────┘  with a new msg_id: the same one is never encrypted twice
//! ```
//!
//! A call keeps its name ([`CallId`]) while its `msg_id` changes; every `msg_id` it had stays valid for an answer.

use super::rpc::CallId;
use super::sorted::{self, Sorted};
use crate::wire::mt::message::Message;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;

/// The longest call, as it is sent: a frame holds no more.
pub const MAX_CALL: usize = (4 << 20) + 512;
/// Ids of sent messages that are no calls: enough to know what a notification talks about.
const MAX_SERVICE: usize = 256;
/// Service messages waiting to go out; past that, the oldest are forgotten (their askers ask again).
const MAX_WAITING_SERVICE: usize = 256;
/// Ids of one call: an answer to one that it had before these finds nobody.
const MAX_IDS: usize = 16;

/// A call that is not answered yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) body: Bytes,
    /// Call that must be executed first.
    pub(super) after: Option<CallId>,
    /// The last ids it was sent with; the very last is the one in force.
    pub(super) msg_ids: Vec<i64>,
    /// Id of the packet that it went out in last: the container's, or its own where it went alone.
    pub(super) sent_in: i64,
    pub(super) state: State,
    /// Number of times that the server refused to receive it.
    pub(super) refusals: u32,
    /// True if it was sent and the server has not refused to receive it.
    pub(super) is_out: bool,
    /// True if an earlier sending may have been executed.
    pub(super) in_doubt: bool,
}

impl Pending {
    pub(super) const fn new(body: Bytes, after: Option<CallId>) -> Self {
        let msg_ids = Vec::new();
        Self { body, after, msg_ids, sent_in: 0, state: State::Waiting, refusals: 0, is_out: false, in_doubt: false }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Not sent, or to be sent again.
    Waiting,
    /// Sent; nothing is known.
    Sent,
    /// The server has it.
    Received,
    /// The server had it, too early: it goes out again when the call before it is answered.
    Held,
}

/// Content of a sent message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Call(CallId),
    /// A question about the state of messages, with the ids asked about.
    StateReq(Vec<i64>),
    /// A request for salts of the session's own.
    SaltReq,
    /// Any other service message, kept to be sent again, once, if the server refuses it; acks are not worth it.
    Service {
        body: Option<Bytes>,
        is_content: bool,
    },
    /// A container and what was in it.
    Container(Vec<i64>),
}

/// A message that is not a call, on its way out.
#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) body: Bytes,
    pub(super) is_content: bool,
    pub(super) meaning: Meaning,
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) next_call: u64,
    pub(super) calls: Sorted<CallId, Pending>,
    pub(super) waiting: VecDeque<CallId>,
    held: Vec<CallId>,
    pub(super) service: VecDeque<Service>,
    pub(super) sent: Sorted<i64, Meaning>,
    /// Service ids in `sent`, oldest first, so that they can be forgotten.
    sent_service: VecDeque<i64>,
    /// The other side does not take containers: each message goes alone.
    pub(super) singly: bool,
}

impl Outbox {
    pub(super) fn call(&mut self, body: Bytes, after: Option<CallId>) -> CallId {
        let id = CallId(self.next_call);
        self.next_call += 1;
        self.calls.insert(id, Pending::new(body, after));
        self.waiting.push_back(id);
        id
    }
    /// The call is answered, or nobody wants its answer.
    pub(super) fn finish(&mut self, id: CallId) -> Option<Pending> {
        let call = self.calls.remove(id)?;
        for msg_id in &call.msg_ids {
            self.sent.remove(*msg_id);
        }
        if call.state == State::Waiting {
            self.waiting.retain(|other| *other != id);
        }
        for held in core::mem::take(&mut self.held).into_iter().filter(|held| *held != id) {
            match self.calls.get(held) {
                Some(call) if call.after == Some(id) => self.send_again(held),
                _ => self.held.push(held),
            }
        }
        Some(call)
    }
    /// Which unanswered call was sent as `msg_id`.
    pub(super) fn call_of(&self, msg_id: i64) -> Option<CallId> {
        match self.sent.get(msg_id) {
            Some(Meaning::Call(id)) => Some(*id),
            _ => None,
        }
    }
    /// Which unanswered call is on its way as `msg_id`: an id that it has left behind says nothing about it any more.
    pub(super) fn call_in_force(&self, msg_id: i64) -> Option<CallId> {
        let id = self.call_of(msg_id)?;
        let call = self.calls.get(id)?;
        (call.state != State::Waiting && call.msg_ids.last() == Some(&msg_id)).then_some(id)
    }
    /// The server did not receive the call; how often it has refused to.
    pub(super) fn note_refusal(&mut self, id: CallId) -> u32 {
        self.calls.get_mut(id).map_or(0, |call| {
            call.refusals = call.refusals.saturating_add(1);
            call.refusals
        })
    }
    /// The server has refused to receive the call.
    pub(super) fn note_lost(&mut self, id: CallId) {
        if let Some(call) = self.calls.get_mut(id) {
            call.is_out = false;
        }
    }
    /// Returns true if there is nothing to send except acknowledgements.
    pub(super) fn is_quiet(&self) -> bool {
        self.service.is_empty() && self.waiting.is_empty()
    }
    /// Sends the call again when the one before it is answered, or now if that is so.
    pub(super) fn hold(&mut self, id: CallId) {
        let is_free = |call: &Pending| call.after.is_none_or(|earlier| !self.calls.contains(earlier));
        match self.calls.get(id) {
            Some(call) if is_free(call) => self.send_again(id),
            Some(_) if !self.held.contains(&id) => self.held.push(id),
            _ => {}
        }
        if let Some(call) = self.calls.get_mut(id).filter(|call| call.state != State::Waiting) {
            call.state = State::Held;
        }
    }
    /// Sends the call again, if it is not waiting already.
    pub(super) fn send_again(&mut self, id: CallId) {
        if let Some(call) = self.calls.get_mut(id).filter(|call| call.state != State::Waiting) {
            call.state = State::Waiting;
            self.held.retain(|held| *held != id);
            // What was called first goes out first.
            let in_turn = |id: CallId| (id != CallId::BIND, id);
            sorted::insert(&mut self.waiting, id, |other| in_turn(*other) > in_turn(id));
        }
    }
    /// Sends again whatever `msg_id` stood for; whether that is known.
    pub(super) fn send_meaning_again(&mut self, msg_id: i64) -> bool {
        if matches!(self.sent.get(msg_id), Some(Meaning::Call(_))) {
            if let Some(id) = self.call_in_force(msg_id) {
                self.send_again(id);
            }
            return true;
        }
        match self.sent.remove(msg_id) {
            Some(Meaning::Container(inner)) => {
                for id in inner {
                    self.send_meaning_again(id);
                }
            }
            Some(Meaning::Service { body: Some(body), is_content }) => {
                self.push_service(Service { meaning: Meaning::Service { body: None, is_content }, is_content, body });
            }
            Some(_) => {}
            None => return false,
        }
        true
    }
    /// Every unanswered call that was sent, whatever happened to it.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = (CallId, &Pending)> {
        self.calls.iter().filter(|(_, call)| call.state != State::Waiting)
    }
    pub(super) fn push_service(&mut self, service: Service) {
        if self.service.len() >= MAX_WAITING_SERVICE {
            self.service.pop_front();
        }
        self.service.push_back(service);
    }
    /// Notes what a sent id stands for; ids of service messages are forgotten after a while.
    pub(super) fn note_sent(&mut self, msg_id: i64, meaning: Meaning) {
        if !matches!(meaning, Meaning::Call(_)) {
            if self.sent_service.len() >= MAX_SERVICE
                && let Some(oldest) = self.sent_service.pop_front()
            {
                self.sent.remove(oldest);
            }
            self.sent_service.push_back(msg_id);
        }
        self.sent.insert(msg_id, meaning);
    }
    /// Notes that a call was sent.
    pub(super) fn note_sent_call(&mut self, id: CallId, msg_id: i64) {
        let Some(call) = self.calls.get_mut(id) else { return };
        call.state = State::Sent;
        call.in_doubt |= core::mem::replace(&mut call.is_out, true);
        if call.msg_ids.len() >= MAX_IDS {
            self.sent.remove(call.msg_ids.remove(0));
        }
        call.msg_ids.push(msg_id);
        call.sent_in = msg_id;
        self.note_sent(msg_id, Meaning::Call(id));
    }
    /// Notes that `messages` were sent in one container.
    pub(super) fn note_sent_container(&mut self, msg_id: i64, messages: &[Message]) {
        for message in messages {
            if let Some(call) = self.call_of(message.msg_id).and_then(|id| self.calls.get_mut(id)) {
                call.sent_in = msg_id;
            }
        }
        self.note_sent(msg_id, Meaning::Container(messages.iter().map(|m| m.msg_id).collect()));
    }
    /// Forgets all ids but not the calls, which are sent again: what the other side knew is gone.
    pub(super) fn start_over(&mut self) {
        self.sent.clear();
        self.sent_service.clear();
        self.service.clear();
        self.held.clear();
        for (_, call) in self.calls.iter_mut() {
            call.state = State::Waiting;
            call.msg_ids.clear();
        }
        self.waiting.clear();
        for (id, _) in self.calls.iter() {
            // Its name is the highest, and it goes first.
            if id == CallId::BIND { self.waiting.push_front(id) } else { self.waiting.push_back(id) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_forgotten_before_it_goes_out_leaves_the_others_in_their_order() {
        let mut outbox = Outbox::default();
        let [first, forgotten, third, last] = [(); 4].map(|()| outbox.call(Bytes::new(), None));
        assert!(outbox.finish(forgotten).is_some());
        assert!(outbox.waiting.iter().eq(&[first, third, last]));
    }
}

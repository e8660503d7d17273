//! Client session: messages are sealed, numbered, acknowledged, answered, and read once.
//!
//! ```text
//!   call(body) ──▶ outbox ──▶ container? ──▶ seal ──▶ poll_packet            the way out
//!
//!   handle_packet ──▶ open ──▶ session? id? time? repeat? ──▶ container? gzip? ──▶ service message   handled here
//!                                                                              ├─▶ rpc_result        Incoming::Reply
//!                                                                              └─▶ anything else     Incoming::Update
//! ```
//!
//! A session reads no clock and no socket and draws no entropy by itself. After each `handle_*` or `call`, take packets
//! with [`Session::poll_packet`] until there are none, then events with [`Session::poll_incoming`], then ask
//! [`Session::poll_timeout`] when to call [`Session::handle_timeout`].
//!
//! Each rule of the spec has a file: acknowledgements in `acks`, `bad_msg_notification` in `bad_msg`, key binding in
//! `bind`, containers in `containers`, compressed messages in `gzip`, ids in [`wire::msg_id`](crate::wire::msg_id), new sessions in
//! `new_session`, padding in `padding`, pings in `pings`, replays in `replay`, results in `results`, salts and
//! `bad_server_salt` in [`salts`], sequence numbers in `seqno`, states of messages in `states`. `endpoint` holds the state
//! that a server's session has too.
//!
//! Spec: mtproto/description, mtproto/service_messages, mtproto/security_guidelines

mod acks;
mod bad_msg;
#[cfg(feature = "pfs")]
pub mod bind;
#[cfg(not(feature = "pfs"))]
#[path = "no_bind.rs"]
mod bind;
mod clock;
mod compose;
pub(crate) mod containers;
pub(crate) mod endpoint;
mod events;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(not(feature = "gzip"))]
#[path = "no_gzip.rs"]
mod gzip;
mod new_session;
mod outbox;
pub mod packet;
pub(crate) mod padding;
mod pings;
mod replay;
mod results;
mod rpc;
pub mod salts;
mod seqno;
pub(crate) mod service;
mod sorted;
mod states;

pub use acks::MAX_ACKS;
pub use containers::{MAX_BATCH, MAX_MESSAGES};
pub use events::{CallError, Incoming, SessionError};
pub use outbox::MAX_CALL;
pub use packet::{Header, Opened, Refused};
pub use pings::{PING_EVERY, PONG_WITHIN};
pub use replay::{ReplayWindow, Seen, WINDOW};
pub use rpc::{CallId, RpcError};
pub use seqno::Seqno;
pub use states::ASK_AFTER;

use crate::base::entropy::{Entropy, EntropyFailed};
use crate::base::side::Side;
use crate::base::time::{Instant, ServerClock};
use crate::crypto::auth_key::AuthKey;
use crate::tl::Combinator;
use crate::wire::msg_id;
use crate::wire::mt::message::{Message, RpcResult};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bind::Binding;
use bytes::{Bytes, BytesMut};
use containers::Batch;
use endpoint::Endpoint;
use outbox::{Meaning, Outbox, Service};
use pings::Pings;
use salts::Salts;

/// Client's end of one session of one auth key.
#[derive(Debug)]
pub struct Session {
    end: Endpoint,
    outbox: Outbox,
    incoming: VecDeque<Incoming>,
    /// The session before this one: packets of it that are still on their way are not forged.
    previous_id: Option<i64>,
    must_renew: bool,
    /// Calls answered lately that were in doubt.
    doubts: VecDeque<CallId>,
    /// Id of the packet in hand. It tells the time of sending, which the id of a message inside need not do.
    packet_id: i64,
    /// Last `unique_id` of `new_session_created`.
    server_session: Option<i64>,
    pings: Pings,
    ask_at: Option<Instant>,
    /// Salts are requested along with the next call.
    ask_salts: bool,
    binding: Binding,
}

impl Session {
    /// Creates a session of `key` with a random id.
    ///
    /// # Errors
    /// The entropy failed.
    pub fn client(
        key: AuthKey,
        salt: i64,
        clock: ServerClock,
        random: &mut dyn Entropy,
    ) -> Result<Self, EntropyFailed> {
        Ok(Self {
            end: Endpoint::new(key, salt, clock, new_session::random_id(random)?),
            outbox: Outbox::default(),
            incoming: VecDeque::new(),
            previous_id: None,
            must_renew: false,
            doubts: VecDeque::new(),
            packet_id: 0,
            server_session: None,
            pings: Pings::default(),
            ask_at: None,
            ask_salts: false,
            binding: Binding::default(),
        })
    }

    /// Id of the session among those of its key.
    pub const fn session_id(&self) -> i64 {
        self.end.session_id
    }
    /// Auth key of the session.
    pub const fn key(&self) -> &AuthKey {
        &self.end.key
    }
    /// Server's clock as far as it is known.
    pub const fn clock(&self) -> &ServerClock {
        &self.end.clock
    }
    /// Salts known, to be saved.
    pub const fn salts(&self) -> &Salts {
        &self.end.salts
    }
    /// Salts known, for restoring saved ones.
    pub const fn salts_mut(&mut self) -> &mut Salts {
        &mut self.end.salts
    }
    /// Requests the salts of the next hours along with the next call, if those known last less than an hour.
    pub const fn ask_salts(&mut self, ask: bool) {
        self.ask_salts = ask;
    }
    /// Number of unanswered calls.
    pub fn unanswered(&self) -> usize {
        self.outbox.calls.len()
    }

    /// Sends `body`, a boxed function; the answer comes as [`Incoming::Reply`]. A body longer than [`MAX_CALL`], or not
    /// a multiple of 4 bytes, is answered with [`CallError::Unsendable`].
    pub fn call(&mut self, body: Bytes) -> CallId {
        self.outbox.call(body, None)
    }

    /// Sends `body`, which the server executes only after the call `earlier`.
    ///
    /// The network may reorder packets unnoticed, so calls whose order matters must be awaited or chained.
    /// Spec: api/invoking#dependent-calls
    pub fn call_after(&mut self, earlier: CallId, body: Bytes) -> CallId {
        self.outbox.call(body, Some(earlier))
    }

    /// Cancels `call`: its answer is discarded.
    pub fn forget(&mut self, call: CallId) {
        self.outbox.finish(call);
    }

    /// Returns true if `call` was sent and not answered: the server may have executed it.
    pub fn is_sent(&self, call: CallId) -> bool {
        self.outbox.calls.get(call).is_some_and(|c| c.is_out || c.in_doubt)
    }

    /// Returns true if `call`, answered just now, was sent more than once and an earlier sending may have been executed.
    /// The answer may then be about the repetition, such as `RANDOM_ID_DUPLICATE`.
    ///
    /// A sending that the server refused to receive does not count. One that the server reported as not received does:
    /// it may have arrived later, through a connection that is closed.
    pub fn was_in_doubt(&self, call: CallId) -> bool {
        self.doubts.contains(&call)
    }

    /// Continues on a new connection. Calls that were sent and not answered are asked about before they are sent again,
    /// so that no call is executed twice.
    pub fn reconnected(&mut self, now: Instant) {
        self.outbox.singly = false;
        self.pings.pong_due = None;
        self.pings.next = Some(now + PING_EVERY);
        // Service messages that wait were about the old connection; their askers ask again.
        self.outbox.service.clear();
        self.ask_about_calls(now);
    }

    /// Handles one packet from the server; returns its quick-ack token, or `None` if the packet was ignored.
    ///
    /// # Errors
    /// The packet was refused, and the connection should be closed. The session is unchanged, except that a message from
    /// the future casts doubt on the clock, and that messages of a container before an unreadable one were handled.
    #[inline(never)] // its stack frame is large, and the callers' deeper calls need none of it
    pub fn handle_packet(&mut self, now: Instant, packet: BytesMut) -> Result<Option<u32>, SessionError> {
        let opened = packet::open(&self.end.key, Side::Server, packet)?;
        let quick_ack = opened.quick_ack;
        Ok(self.handle_opened(now, opened)?.then_some(quick_ack))
    }

    /// Handles a packet that was opened with [`packet::open`]; returns true if it counts as received.
    ///
    /// # Errors
    /// As [`handle_packet`](Self::handle_packet).
    pub fn handle_opened(&mut self, now: Instant, opened: Opened) -> Result<bool, SessionError> {
        let Header { session_id, msg_id, seqno, .. } = opened.header;
        if session_id != self.end.session_id {
            return if self.previous_id == Some(session_id) { Ok(false) } else { Err(SessionError::WrongSession) };
        }
        if !msg_id::is_from(msg_id, Side::Server) {
            return Err(SessionError::MsgId);
        }
        let outer = Message { msg_id, seqno, body: opened.body };
        match self.end.window.seen(msg_id) {
            Seen::New => {}
            Seen::Repeated => {
                self.end.acknowledge(now, &outer);
                return Ok(true);
            }
            Seen::TooOld => return Ok(false),
        }
        self.judge_time(now, msg_id)?;
        self.packet_id = msg_id;
        self.end.inflatable.reset();
        match containers::unpack(&outer, Side::Server)? {
            None => self.take(now, &outer)?,
            Some(inner) => {
                inner.iter().try_for_each(|message| self.take(now, message))?;
                self.end.window.note(msg_id);
            }
        }
        self.pings.pong_due = None;
        Ok(true)
    }

    /// Handles a message of a packet once. An unreadable one is neither noted nor acknowledged.
    fn take(&mut self, now: Instant, message: &Message) -> Result<(), SessionError> {
        if self.end.is_to_be_read(message, Some(RpcResult::ID)) {
            self.handle_message(now, message)?;
        }
        self.end.window.note(message.msg_id);
        self.end.acknowledge(now, message);
        Ok(())
    }

    /// Does what is due at `now`.
    ///
    /// # Errors
    /// [`SessionError::Silent`]: the connection is dead.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), SessionError> {
        self.ping_if_due(now)?;
        if self.ask_at.is_some_and(|due| due <= now) {
            self.ask_about_calls(now);
        }
        Ok(())
    }

    fn push_service(&mut self, body: Vec<u8>, is_content: bool) {
        let body = Bytes::from(body);
        let meaning = Meaning::Service { body: Some(body.clone()), is_content };
        self.outbox.push_service(Service { body, is_content, meaning });
    }

    /// Time at which [`handle_timeout`](Self::handle_timeout) must be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        Instant::earliest(&[self.end.acks.due(), self.pings.next, self.pings.pong_due, self.ask_at])
    }

    /// Next event for the owner.
    pub fn poll_incoming(&mut self) -> Option<Incoming> {
        self.incoming.pop_front()
    }

    /// Next packet to send: all messages that wait, in one container if there are several.
    ///
    /// # Errors
    /// The entropy failed: nothing was sent or lost.
    #[inline(never)] // as above
    pub fn poll_packet(&mut self, now: Instant, random: &mut dyn Entropy) -> Result<Option<Bytes>, EntropyFailed> {
        if self.must_renew {
            self.renew(new_session::random_id(random)?);
        }
        let are_acks_due = self.end.acks.due().is_some_and(|due| due <= now);
        if !are_acks_due && self.outbox.is_quiet() {
            return Ok(None);
        }
        // Entropy may fail, and what follows cannot be undone.
        let drawn = self.end.padding.draw(random)?;
        let bind_random = self.binding.draw(random)?;
        if self.ask_salts && !self.binding.is_pending() && !self.outbox.singly && !self.outbox.waiting.is_empty() {
            self.ask_salts = false;
            self.push_salt_request(now);
        }
        let unix = self.end.clock.at(now);
        let mut batch = Batch::new(self.outbox.singly);
        self.collect_service(unix, &mut batch);
        self.collect_calls(now, unix, &mut batch, &bind_random);
        let can_acks_go = if batch.messages.is_empty() { are_acks_due } else { batch.has_room(8 * MAX_ACKS) };
        if can_acks_go {
            self.collect_acks(unix, &mut batch);
        }
        let packet = self.end.seal(Side::Client, unix, &batch, false, drawn);
        if packet.is_some() {
            if batch.messages.len() > 1 {
                self.outbox.note_sent_container(self.end.ids.last(), &batch.messages);
            }
            self.pings.next.get_or_insert(now + PING_EVERY);
        }
        Ok(packet)
    }
}

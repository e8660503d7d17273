//! Everything after the key: messages that are sealed, numbered, acknowledged, answered, and never taken twice.
//!
//! ```text
//!   call(body) ──▶ outbox ──▶ container? ──▶ seal ──▶ poll_packet            the way out
//!
//!   handle_packet ──▶ open ──▶ session? id? time? repeat? ──▶ container? gzip? ──▶ service message   handled here
//!                                                                              ├─▶ rpc_result        Incoming::Reply
//!                                                                              └─▶ anything else     Incoming::Update
//! ```
//!
//! One machine serves both ends: a data centre, with feature `dc`, is a [`Session`] with [`Side::Server`]. It has no
//! clock, no socket and no entropy of its own; after each `handle_*` or `call`, take packets with
//! [`Session::poll_packet`] until there are none, then events with [`Session::poll_incoming`], then ask
//! [`Session::poll_timeout`] when to call [`Session::handle_timeout`].
//!
//! Spec: mtproto/description, mtproto/service_messages, mtproto/security_guidelines

#[cfg(feature = "pfs")]
pub mod bind;
mod compose;
mod events;
mod inbox;
mod outbox;
pub mod packet;
mod padding;
mod rpc;
pub mod salts;
mod seqno;
#[cfg(feature = "dc")]
mod server;
mod service;
mod sorted;

pub use events::{CallError, Incoming, SessionError};
pub use inbox::{MAX_ACKS, ReplayWindow, Seen, WINDOW};
pub use outbox::{MAX_BATCH, MAX_CALL, MAX_MESSAGES};
pub use packet::{Header, Opened, Refused};
pub use rpc::{CallId, RpcError};
pub use seqno::Seqno;

use crate::base::entropy::{self, Entropy, EntropyFailed};
use crate::base::side::Side;
use crate::base::time::{Instant, ServerClock};
use crate::crypto::auth_key::AuthKey;
use crate::tl::{Combinator, Reader};
use crate::wire::msg_id::{self, MsgIds};
use crate::wire::mt::message::{self, MSG_CONTAINER, Message, RpcResult};
use crate::wire::mt::service::{MsgsStateReq, PingDelayDisconnect};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
#[cfg(feature = "pfs")]
use bind::Binding;
use bytes::{Bytes, BytesMut};
use core::time::Duration;
use inbox::Inbox;
use outbox::{Batch, Meaning, Outbox, Service};
use packet::Padding;
use salts::Salts;

/// A client that has nothing to say says so this often.
pub const PING_EVERY: Duration = Duration::from_secs(60);
/// The server closes the connection when it has not heard for this long (seconds).
const DISCONNECT_DELAY: i32 = 75;
/// After a ping, a connection that stays silent this long is dead.
pub const PONG_WITHIN: Duration = Duration::from_secs(15);
/// The server is asked what became of calls that are unanswered after this long.
pub const ASK_AFTER: Duration = Duration::from_secs(15);
/// The same, when the server refused to receive the question.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A call that the server refuses to receive so often is given up.
const MAX_REFUSALS: u32 = 8;
/// The most bytes that the compressed values of one packet open to, all together.
#[cfg(feature = "gzip")]
const MAX_INFLATED: usize = crate::wire::mt::gzip::MAX_INFLATED;
/// `invokeAfterMsg#cb9f372d {X:Type} msg_id:long query:!X = X;`
const INVOKE_AFTER_MSG: u32 = 0xcb9f_372d;

/// One session of one key.
#[derive(Debug)]
pub struct Session {
    #[cfg(feature = "dc")]
    side: Side,
    key: AuthKey,
    session_id: i64,
    /// The session before this one: what is still on its way for it is no forgery.
    previous_id: Option<i64>,
    must_renew: bool,
    clock: ServerClock,
    ids: MsgIds,
    seqno: Seqno,
    salts: Salts,
    inbox: Inbox,
    outbox: Outbox,
    padding: Padding,
    incoming: VecDeque<Incoming>,
    /// Calls answered lately that were in doubt.
    doubts: VecDeque<CallId>,
    /// The packet in hand: its id is of the time it was sent, which the id of a message inside need not be.
    packet_id: i64,
    /// How many bytes its compressed values may still open to.
    #[cfg(feature = "gzip")]
    inflatable: usize,
    /// The last `unique_id` of `new_session_created`.
    server_session: Option<i64>,
    next_ping: Option<Instant>,
    pong_due: Option<Instant>,
    ask_at: Option<Instant>,
    pings: i64,
    /// Salts are to be asked for along with the next call.
    ask_salts: bool,
    /// The key is temporary and not bound yet: nothing but the binding goes out.
    #[cfg(feature = "pfs")]
    binding: Option<Binding>,
    #[cfg(feature = "dc")]
    strict: server::Strict,
}

impl Session {
    /// A client's session, with a random id of its own.
    ///
    /// # Errors
    /// The entropy failed.
    pub fn client(
        key: AuthKey,
        salt: i64,
        clock: ServerClock,
        random: &mut dyn Entropy,
    ) -> Result<Self, EntropyFailed> {
        Ok(Self::begin(key, salt, clock, random_id(random)?))
    }

    /// A session of `side` with a given id.
    #[cfg(feature = "dc")]
    pub fn new(side: Side, key: AuthKey, salt: i64, clock: ServerClock, session_id: i64) -> Self {
        Self { side, ..Self::begin(key, salt, clock, session_id) }
    }

    fn begin(key: AuthKey, salt: i64, clock: ServerClock, session_id: i64) -> Self {
        Self {
            #[cfg(feature = "dc")]
            side: Side::Client,
            key,
            session_id,
            previous_id: None,
            must_renew: false,
            clock,
            ids: MsgIds::default(),
            seqno: Seqno::default(),
            salts: Salts::new(salt),
            inbox: Inbox::new(),
            outbox: Outbox::default(),
            padding: Padding::default(),
            incoming: VecDeque::new(),
            doubts: VecDeque::new(),
            packet_id: 0,
            #[cfg(feature = "gzip")]
            inflatable: 0,
            server_session: None,
            next_ping: None,
            pong_due: None,
            ask_at: None,
            pings: 0,
            ask_salts: false,
            #[cfg(feature = "pfs")]
            binding: None,
            #[cfg(feature = "dc")]
            strict: server::Strict::default(),
        }
    }

    /// Whose end this is. Without the data centre there is but one, and the compiler leaves out what is for the other.
    #[cfg(feature = "dc")]
    const fn side(&self) -> Side {
        self.side
    }
    #[cfg(not(feature = "dc"))]
    #[expect(clippy::unused_self, reason = "it stands for the other one")]
    const fn side(&self) -> Side {
        Side::Client
    }

    /// Which session of the key this is.
    pub const fn session_id(&self) -> i64 {
        self.session_id
    }
    /// The key.
    pub const fn key(&self) -> &AuthKey {
        &self.key
    }
    /// The server's clock as known here.
    pub const fn clock(&self) -> &ServerClock {
        &self.clock
    }
    /// The salts known, to be saved.
    pub const fn salts(&self) -> &Salts {
        &self.salts
    }
    /// The same, to put in what was saved.
    pub const fn salts_mut(&mut self) -> &mut Salts {
        &mut self.salts
    }
    /// Asks for the salts of the hours to come along with the next call, if those known do not last an hour.
    pub const fn ask_salts(&mut self, ask: bool) {
        self.ask_salts = ask;
    }
    /// How many calls are unanswered.
    pub fn unanswered(&self) -> usize {
        self.outbox.calls.len()
    }

    /// Sends `body`, a function with its id, and gives the answer as [`Incoming::Reply`]: [`CallError::Unsendable`] if it is
    /// longer than [`MAX_CALL`] or no TL value, which is whole words.
    pub fn call(&mut self, body: Bytes) -> CallId {
        self.outbox.call(body, None)
    }

    /// Sends `body`, and the server will execute it only after `earlier`.
    ///
    /// Whoever sits between may swap two packets unseen: calls whose order matters must be awaited, or chained so.
    /// Spec: api/invoking#dependent-calls
    pub fn call_after(&mut self, earlier: CallId, body: Bytes) -> CallId {
        self.outbox.call(body, Some(earlier))
    }

    /// Whether nothing but a binding may go out.
    #[cfg_attr(not(feature = "pfs"), expect(clippy::unused_self, reason = "it stands for the other one"))]
    const fn is_binding(&self) -> bool {
        #[cfg(feature = "pfs")]
        return self.binding.is_some();
        #[cfg(not(feature = "pfs"))]
        false
    }

    /// Nobody waits for the answer to `call` any more; if it comes, it is dropped.
    pub fn forget(&mut self, call: CallId) {
        self.outbox.finish(call);
    }

    /// Whether `call` has gone out and no answer has come: it may have been executed.
    pub fn is_sent(&self, call: CallId) -> bool {
        self.outbox.calls.get(call).is_some_and(|c| c.is_out || c.in_doubt)
    }

    /// Whether `call`, answered just now, was sent more than once, and an earlier sending may have been executed: then
    /// the answer may be about the repetition, such as `RANDOM_ID_DUPLICATE`.
    ///
    /// A sending that the server refused to receive does not count. One that it has not received does: it may have come
    /// after the server said so, by a connection that is gone.
    pub fn was_in_doubt(&self, call: CallId) -> bool {
        self.doubts.contains(&call)
    }

    /// The connection is new. The session is not: what was sent and not answered is asked about before it is sent again,
    /// so that nothing is executed twice that the server has.
    pub fn reconnected(&mut self, now: Instant) {
        self.pong_due = None;
        self.outbox.singly = false;
        match self.side() {
            Side::Client => {
                self.next_ping = Some(now + PING_EVERY);
                // What waits here was about the old connection; whoever asked for it asks again.
                self.outbox.service.clear();
                self.ask_about_calls(now);
            }
            Side::Server => {
                #[cfg(feature = "dc")]
                {
                    self.strict.never_mind_the_connection();
                    self.outbox.say_again();
                }
            }
        }
    }

    /// Takes one packet from the other side; returns the number for its quick ack, if it deserves one: not when it was
    /// refused with a notification, or passed over.
    ///
    /// # Errors
    /// Why it was not taken: the connection should be closed. Nothing changed, but that a message from the future casts
    /// doubt on the clock, and that those in a container before one that cannot be read were taken, each as if alone.
    #[inline(never)] // a frame of its own: what comes before or after needs none of it
    pub fn handle_packet(&mut self, now: Instant, packet: BytesMut) -> Result<Option<u32>, SessionError> {
        let opened = packet::open(&self.key, self.side().peer(), packet)?;
        let quick_ack = opened.quick_ack;
        Ok(self.handle_opened(now, opened)?.then_some(quick_ack))
    }

    /// Takes a packet that was opened with [`packet::open`]; whether it counts as received.
    ///
    /// # Errors
    /// As [`handle_packet`](Self::handle_packet).
    pub fn handle_opened(&mut self, now: Instant, opened: Opened) -> Result<bool, SessionError> {
        let Header { session_id, msg_id, seqno, .. } = opened.header;
        if session_id != self.session_id {
            return if self.previous_id == Some(session_id) { Ok(false) } else { Err(SessionError::WrongSession) };
        }
        #[cfg(feature = "dc")]
        if self.side() == Side::Server && !self.is_acceptable(now, &opened) {
            return Ok(false);
        }
        if !msg_id::is_from(msg_id, self.side().peer()) {
            return Err(SessionError::MsgId);
        }
        let outer = Message { msg_id, seqno, body: opened.body };
        match self.inbox.window.seen(msg_id) {
            Seen::New => {}
            Seen::Repeated => {
                self.acknowledge(now, &outer);
                return Ok(true);
            }
            Seen::TooOld => return Ok(false),
        }
        if self.side() == Side::Client {
            self.judge_time(now, msg_id)?;
        }
        self.packet_id = msg_id;
        #[cfg(feature = "gzip")]
        {
            self.inflatable = MAX_INFLATED;
        }
        match self.unpack(&outer)? {
            None => self.take(now, &outer)?,
            Some(inner) => {
                inner.iter().try_for_each(|message| self.take(now, message))?;
                self.inbox.window.note(msg_id);
            }
        }
        self.pong_due = None;
        Ok(true)
    }

    /// Whether a server's message is of this time.
    ///
    /// Nobody but the server can have made it, and not before the time it bears: if that is still to come, it is our
    /// clock that is slow, because it drifts or slept with the machine. A clock that is far behind is believed no more
    /// until the server answers something, or nothing that the server says would ever be taken again.
    fn judge_time(&mut self, now: Instant, msg_id: i64) -> Result<(), SessionError> {
        if !self.clock.is_synced() {
            return Ok(());
        }
        let (here, there) = (self.clock.at(now), msg_id::time(msg_id));
        match (msg_id::is_timely(msg_id, here), there > here) {
            (true, false) => Ok(()),
            (true, true) => {
                self.clock.sync(now, there);
                Ok(())
            }
            (false, is_ahead) => {
                if is_ahead {
                    self.clock = ServerClock::guess(now, here);
                }
                Err(SessionError::Untimely)
            }
        }
    }

    /// Takes a message of a packet, once. One that cannot be read is neither noted nor acknowledged.
    fn take(&mut self, now: Instant, message: &Message) -> Result<(), SessionError> {
        // A copy of an old message may lawfully come in a new container: acknowledged again, taken once. Of those too old
        // to be remembered, only an answer is taken: it counts once whatever its id, for its call is over then.
        let is_answer = || Reader::new(&message.body).peek() == Some(RpcResult::ID);
        match self.inbox.window.seen(message.msg_id) {
            Seen::New => self.handle_message(now, message)?,
            Seen::TooOld if is_answer() => self.handle_message(now, message)?,
            Seen::TooOld | Seen::Repeated => {}
        }
        self.inbox.window.note(message.msg_id);
        self.acknowledge(now, message);
        Ok(())
    }

    /// The messages of a container, which is taken whole or not at all; `None` for any other message.
    fn unpack(&self, outer: &Message) -> Result<Option<Vec<Message>>, SessionError> {
        if Reader::new(&outer.body).u32()? != MSG_CONTAINER {
            return Ok(None);
        }
        let inner = message::read_container(&outer.body).map_err(|_| SessionError::Container)?;
        let is_lawful = |m: &Message| {
            m.msg_id < outer.msg_id
                && msg_id::is_from(m.msg_id, self.side().peer())
                && Reader::new(&m.body).peek().is_some_and(|id| id != MSG_CONTAINER)
        };
        if inner.iter().all(is_lawful) { Ok(Some(inner)) } else { Err(SessionError::Container) }
    }

    /// Notes that a message must be acknowledged, if it must.
    fn acknowledge(&mut self, now: Instant, message: &Message) {
        if message.is_content() {
            self.inbox.owe_ack(now, message.msg_id);
        }
    }

    /// What is due at `now`.
    ///
    /// # Errors
    /// [`SessionError::Silent`]: the connection is dead.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), SessionError> {
        if self.pong_due.is_some_and(|due| due <= now) {
            self.pong_due = None;
            return Err(SessionError::Silent);
        }
        if self.side() == Side::Client && self.next_ping.is_some_and(|due| due <= now) {
            self.next_ping = Some(now + PING_EVERY);
            self.pong_due = Some(now + PONG_WITHIN);
            self.pings += 1;
            let ping = PingDelayDisconnect { ping_id: self.pings, disconnect_delay: DISCONNECT_DELAY };
            self.push_service(ping.to_boxed(), true);
            self.push_salt_request(now);
        }
        if self.ask_at.is_some_and(|due| due <= now) {
            self.ask_about_calls(now);
        }
        Ok(())
    }

    /// Asks what became of every call that was sent and not answered.
    fn ask_about_calls(&mut self, now: Instant) {
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

    fn push_service(&mut self, body: Vec<u8>, is_content: bool) {
        let body = Bytes::from(body);
        let meaning = Meaning::Service { body: Some(body.clone()), is_content };
        self.outbox.push_service(Service { body, is_content, meaning });
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        Instant::earliest(&[self.inbox.acks_due(), self.next_ping, self.pong_due, self.ask_at])
    }

    /// What there is for the owner.
    pub fn poll_incoming(&mut self) -> Option<Incoming> {
        self.incoming.pop_front()
    }

    /// The next packet to send: everything that waits, in one container where there are several messages.
    ///
    /// # Errors
    /// The entropy failed: nothing was sent or lost.
    #[inline(never)] // a frame of its own: what comes before or after needs none of it
    pub fn poll_packet(&mut self, now: Instant, random: &mut dyn Entropy) -> Result<Option<Bytes>, EntropyFailed> {
        if self.must_renew {
            self.renew(random_id(random)?);
        }
        let are_acks_due = self.inbox.acks_due().is_some_and(|due| due <= now);
        if !are_acks_due && self.outbox.is_quiet() {
            return Ok(None);
        }
        // Before anything is decided that could not be taken back.
        let drawn = self.padding.draw(random)?;
        #[cfg(feature = "pfs")]
        let bind_random = match self.binding {
            Some(_) => entropy::bytes(random)?,
            None => [0; _],
        };
        #[cfg(not(feature = "pfs"))]
        let bind_random = [];
        if self.ask_salts && !self.is_binding() && !self.outbox.singly && !self.outbox.waiting.is_empty() {
            self.ask_salts = false;
            self.push_salt_request(now);
        }
        let unix = self.clock.at(now);
        let mut batch = Batch::new(self.outbox.singly);
        self.collect_service(unix, &mut batch);
        self.collect_calls(now, unix, &mut batch, &bind_random);
        #[cfg(feature = "dc")]
        let has_copies = self.collect_said(unix, &mut batch);
        #[cfg(not(feature = "dc"))]
        let has_copies = false;
        let can_acks_go = if batch.messages.is_empty() { are_acks_due } else { batch.has_room(8 * MAX_ACKS) };
        if can_acks_go {
            self.collect_acks(unix, &mut batch);
        }
        let (header, body) = match &*batch.messages {
            [] => return Ok(None),
            [only] if !has_copies => (self.header(unix, only.msg_id, only.seqno), only.body.clone()),
            many => {
                let (msg_id, seqno) = (self.next_id(unix, false), self.seqno.next(false));
                self.outbox.note_sent_container(msg_id, many);
                (self.header(unix, msg_id, seqno), batch.container())
            }
        };
        if self.side() == Side::Client && self.next_ping.is_none() {
            self.next_ping = Some(now + PING_EVERY);
        }
        let (packet, _) = packet::seal_drawn(&self.key, self.side(), &header, &body, &mut self.padding, drawn);
        Ok(Some(packet))
    }

    /// Begins a session anew under `session_id`: the two sides have counted apart.
    fn renew(&mut self, session_id: i64) {
        self.must_renew = false;
        self.previous_id = Some(core::mem::replace(&mut self.session_id, session_id));
        self.seqno = Seqno::default();
        self.inbox = Inbox::new();
        self.server_session = None;
        self.pong_due = None;
        self.outbox.start_over();
    }
}

/// A random id that is not zero: servers answer a session 0 with -404.
fn random_id(random: &mut dyn Entropy) -> Result<i64, EntropyFailed> {
    loop {
        let id = i64::from_le_bytes(entropy::bytes(random)?);
        if id != 0 {
            return Ok(id);
        }
    }
}

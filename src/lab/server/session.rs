//! Server's end of a session: judges packets as a real data centre does, and answers.
//!
//! Answers and updates are kept until the client acknowledges them, and sent again on a new connection.
//!
//! Spec: mtproto/service_messages_about_messages#notice-of-ignored-error-message

use super::sent::Sent;
use crate::base::entropy::{Entropy, EntropyFailed};
use crate::base::side::Side;
use crate::base::time::{Instant, ServerClock};
use crate::crypto::auth_key::AuthKey;
use crate::protocol::session::containers::{self, Batch};
use crate::protocol::session::endpoint::Endpoint;
use crate::protocol::session::salts::Salts;
use crate::protocol::session::service::{ABOUT, MAX_ABOUT, STRAY};
use crate::protocol::session::{Header, MAX_ACKS, Opened, RpcError, Seen, SessionError, packet};
use crate::tl::{BareVec, Blob, Combinator, Fault, Reader, Tl};
use crate::wire::msg_id::{self};
use crate::wire::mt::gzip;
use crate::wire::mt::message::{GzipPacked, MSG_CONTAINER, Message, RpcResult};
use crate::wire::mt::service::{
    BadMsgNotification, BadServerSalt, DestroySessionNone, DestroySessionOk, FutureSalts, GetFutureSalts,
    MsgDetailedInfo, MsgNewDetailedInfo, MsgResendReq, MsgsAck, MsgsAllInfo, MsgsStateInfo, MsgsStateReq,
    NewSessionCreated, Ping, PingDelayDisconnect, Pong, RpcAnswerUnknown, RpcDropAnswer, RpcErrorBare,
};
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use core::fmt;
use core::time::Duration;

/// Answers from this size on are compressed, if that makes them smaller.
const WORTH_PACKING: usize = 1024;

/// Call of a client, for the owner of a [`ServerSession`].
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Message id to answer to.
    pub msg_id: i64,
    /// Boxed function.
    pub body: Bytes,
}

/// Prints the length of the body alone: a call may hold a secret.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, {} bytes)", self.msg_id, self.body.len())
    }
}

/// Server's end of one session of one auth key.
#[derive(Debug)]
pub struct ServerSession {
    pub(super) end: Endpoint,
    pub(super) sent: Sent,
    pub(super) requests: VecDeque<Request>,
    /// Message ids and sequence numbers of the client, in the order of ids.
    pub(super) seqnos: VecDeque<(i64, i32)>,
    /// First salt and the time it came into force, in seconds since 1970: all later ones follow from these.
    pub(super) first_salt: Option<(i64, i64)>,
    /// Salts from before that one that are still accepted.
    pub(super) old_salts: Vec<i64>,
    /// Beginning of the time in which requests for salts are counted, and their number.
    pub(super) salt_requests: Option<(Instant, u32)>,
    /// The client asks for salts in a loop, and the log has not been told.
    pub(super) is_looping: bool,
    /// Time at which the connection is closed, unless the client puts it off.
    pub(super) hang_up_at: Option<Instant>,
    /// Codes of refused messages, for the log.
    pub(super) refused: Vec<i32>,
}

impl ServerSession {
    /// Creates the server's end of the session `session_id` of `key`.
    pub fn new(key: AuthKey, salt: i64, clock: ServerClock, session_id: i64) -> Self {
        Self {
            end: Endpoint::new(key, salt, clock, session_id),
            sent: Sent::default(),
            requests: VecDeque::new(),
            seqnos: VecDeque::new(),
            first_salt: None,
            old_salts: Vec::new(),
            salt_requests: None,
            is_looping: false,
            hang_up_at: None,
            refused: Vec::new(),
        }
    }

    /// Id of the session among those of its key.
    pub const fn session_id(&self) -> i64 {
        self.end.session_id
    }
    /// Auth key of the session.
    pub const fn key(&self) -> &AuthKey {
        &self.end.key
    }
    /// Clock of the server.
    pub const fn clock(&self) -> &ServerClock {
        &self.end.clock
    }
    /// Salt in force, and those to come.
    pub const fn salts(&self) -> &Salts {
        &self.end.salts
    }

    /// Continues on a new connection: what is not acknowledged is sent again.
    pub fn reconnected(&mut self) {
        self.hang_up_at = None;
        self.sent.send_again();
    }

    /// Handles one packet of the client; returns its quick-ack token, or `None` if it was refused with a notification
    /// or ignored.
    ///
    /// # Errors
    /// The packet was refused, and the connection should be closed.
    pub fn handle_packet(&mut self, now: Instant, packet: BytesMut) -> Result<Option<u32>, SessionError> {
        let opened = packet::open(&self.end.key, Side::Client, packet)?;
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
            return Err(SessionError::WrongSession);
        }
        if !self.is_acceptable(now, &opened) {
            return Ok(false);
        }
        if !msg_id::is_from(msg_id, Side::Client) {
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
        self.end.inflatable.reset();
        match containers::unpack(&outer, Side::Client)? {
            None => self.take(now, &outer)?,
            Some(inner) => {
                inner.iter().try_for_each(|message| self.take(now, message))?;
                self.end.window.note(msg_id);
            }
        }
        Ok(true)
    }

    /// Handles a message of a packet once. An unreadable one is neither noted nor acknowledged.
    fn take(&mut self, now: Instant, message: &Message) -> Result<(), SessionError> {
        if self.end.is_to_be_read(message, Some(RpcResult::ID)) {
            let body = match Reader::new(&message.body).u32()? {
                GzipPacked::ID => self.end.inflatable.unzip(&message.body)?,
                _ => message.body.clone(),
            };
            self.dispatch(now, message.msg_id, body)?;
        }
        self.end.window.note(message.msg_id);
        self.end.acknowledge(now, message);
        Ok(())
    }

    /// Handles a service message, or queues a call for the owner.
    fn dispatch(&mut self, now: Instant, msg_id: i64, body: Bytes) -> Result<(), SessionError> {
        let mut r = Reader::new(&body);
        match r.u32()? {
            id if ABOUT.contains(&id) && body.len() > MAX_ABOUT => return Err(r.fault_before(Fault::Length).into()),
            MsgsAck::ID => {
                let ids = MsgsAck::read(&mut r)?.msg_ids;
                ids.iter().take(MAX_ACKS).for_each(|id| self.sent.acknowledged(*id));
            }
            MsgsStateReq::ID => self.tell_states(msg_id, &MsgsStateReq::read(&mut r)?.msg_ids),
            MsgResendReq::ID => self.on_resend_req(msg_id, &MsgResendReq::read(&mut r)?),
            MsgDetailedInfo::ID => {
                let answer = MsgDetailedInfo::read(&mut r)?.answer_msg_id;
                if msg_id::is_from(answer, Side::Client) {
                    self.end.acks.owe(now, answer);
                }
            }
            MsgNewDetailedInfo::ID => {
                let answer = MsgNewDetailedInfo::read(&mut r)?.answer_msg_id;
                self.fetch(now, answer);
            }
            // Messages of servers, which mean nothing from a client; but they must be readable.
            RpcResult::ID => {
                r.i64()?;
            }
            BadMsgNotification::ID => {
                BadMsgNotification::read(&mut r)?;
            }
            BadServerSalt::ID => {
                BadServerSalt::read(&mut r)?;
            }
            MsgsStateInfo::ID => {
                MsgsStateInfo::read(&mut r)?;
            }
            MsgsAllInfo::ID => {
                MsgsAllInfo::read(&mut r)?;
            }
            FutureSalts::ID => {
                FutureSalts::read(&mut r)?;
            }
            Pong::ID => {
                Pong::read(&mut r)?;
            }
            NewSessionCreated::ID => {
                NewSessionCreated::read(&mut r)?;
            }
            DestroySessionOk::ID | DestroySessionNone::ID => {
                r.i64()?;
            }
            id if STRAY.contains(&id) => {}
            MSG_CONTAINER => return Err(SessionError::Container),
            GzipPacked::ID => return Err(SessionError::Gzip),
            id => self.on_request(now, id, msg_id, body)?,
        }
        Ok(())
    }

    /// `msgs_state_req`: answers with the state of each message; a question about too many gets no answer.
    fn tell_states(&mut self, req_msg_id: i64, msg_ids: &[i64]) {
        if msg_ids.len() <= MAX_ACKS {
            let info = Blob(msg_ids.iter().map(|&id| self.end.state_of(id, Side::Client)).collect());
            self.remark(MsgsStateInfo { req_msg_id, info }.to_boxed().into());
        }
    }

    /// `msg_resend_req`: sends again what is not acknowledged; if any message is unknown, tells the state of each.
    fn on_resend_req(&mut self, req_msg_id: i64, req: &MsgResendReq) {
        let mut are_known = true;
        for &msg_id in req.msg_ids.iter().take(MAX_ACKS) {
            are_known &= self.sent.send_again_one(msg_id);
        }
        if !are_known {
            self.tell_states(req_msg_id, &req.msg_ids);
        }
    }

    /// `msg_new_detailed_info`: asks for a message that has not arrived, or acknowledges it again.
    fn fetch(&mut self, now: Instant, msg_id: i64) {
        if !msg_id::is_from(msg_id, Side::Client) {
            return;
        }
        if self.end.window.contains(msg_id) {
            self.end.acks.owe(now, msg_id);
        } else {
            self.remark(MsgResendReq { msg_ids: vec![msg_id] }.to_boxed().into());
        }
    }

    /// Time at which [`poll_packet`](Self::poll_packet) must be called though nothing happened.
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.end.acks.due()
    }

    /// Next call of the client.
    pub fn poll_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// Next packet to send.
    ///
    /// # Errors
    /// The entropy failed: nothing was sent or lost.
    pub fn poll_packet(&mut self, now: Instant, random: &mut dyn Entropy) -> Result<Option<Bytes>, EntropyFailed> {
        let are_acks_due = self.end.acks.due().is_some_and(|due| due <= now);
        if !are_acks_due && self.sent.is_quiet() {
            return Ok(None);
        }
        let drawn = self.end.padding.draw(random)?;
        let unix = self.end.clock.at(now);
        let mut batch = Batch::new(false);
        let has_copies = self.sent.collect(&mut self.end, unix, &mut batch);
        let can_acks_go = if batch.messages.is_empty() { are_acks_due } else { batch.has_room(8 * MAX_ACKS) };
        if can_acks_go && let Some(acks) = self.end.take_acks(Side::Server, unix) {
            batch.push(acks);
        }
        // A message that is sent again keeps its id, which only a container can carry.
        Ok(self.end.seal(Side::Server, unix, &batch, has_copies, drawn))
    }

    /// Greets a client whose session is new here: what it sent before `first_msg_id` did not arrive.
    pub fn greet(&mut self, first_msg_id: i64, unique_id: i64) {
        let server_salt = self.end.salts.current();
        self.sent.push(NewSessionCreated { first_msg_id, unique_id, server_salt }.to_boxed().into(), false, true);
    }

    /// Answers the request `to`. The answer is kept until the client acknowledges it.
    pub fn reply(&mut self, to: i64, result: Result<Bytes, RpcError>) {
        let result = match result {
            Ok(body) => pack(body),
            Err(e) => RpcErrorBare { error_code: e.code, error_message: e.message }.to_boxed().into(),
        };
        let mut body = Vec::with_capacity(12 + result.len());
        RpcResult::ID.write(&mut body);
        to.write(&mut body);
        body.extend_from_slice(&result);
        self.sent.push(body.into(), true, true);
    }

    /// Says something unasked: an update.
    pub fn notify(&mut self, body: Bytes) {
        self.sent.push(pack(body), false, true);
    }

    /// Bytes said that nobody has acknowledged.
    pub const fn unacknowledged(&self) -> usize {
        self.sent.bytes()
    }

    /// Forgets what was said and sent: nobody is to hear it again.
    pub fn forget_sent(&mut self) {
        self.sent.forget_sent();
    }

    /// Says something that needs no acknowledgement, for a message of its own such as `destroy_session_ok`.
    pub fn remark(&mut self, body: Bytes) {
        self.sent.push(body, true, false);
    }

    /// When the client asked to be hung up on: `ping_delay_disconnect`, which only another one puts off.
    ///
    /// Spec: mtproto/service_messages#deferred-connection-closure-plus-ping
    pub const fn hang_up_at(&self) -> Option<Instant> {
        self.hang_up_at
    }

    /// Another session speaks on the connection now: what this one said of its end no longer holds.
    pub const fn put_off_hanging_up(&mut self) {
        self.hang_up_at = None;
    }

    /// Handles requests about the session itself, and queues all others for the owner.
    fn on_request(&mut self, now: Instant, id: u32, msg_id: i64, body: Bytes) -> Result<(), SessionError> {
        let mut r = Reader::new(&body);
        r.u32()?;
        match id {
            Ping::ID => {
                let ping_id = Ping::read(&mut r)?.ping_id;
                self.remark(Pong { msg_id, ping_id }.to_boxed().into());
            }
            PingDelayDisconnect::ID => {
                let ping = PingDelayDisconnect::read(&mut r)?;
                let delay = u64::try_from(ping.disconnect_delay).unwrap_or(0);
                self.hang_up_at = Some(now + Duration::from_secs(delay));
                self.remark(Pong { msg_id, ping_id: ping.ping_id }.to_boxed().into());
            }
            GetFutureSalts::ID => {
                let num = GetFutureSalts::read(&mut r)?.num;
                self.count_salt_request(now);
                let salts = self.future_salts(now, num);
                let now = i32::try_from(self.end.clock.at(now).as_secs()).unwrap_or(i32::MAX);
                self.remark(FutureSalts { req_msg_id: msg_id, now, salts: BareVec(salts) }.to_boxed().into());
            }
            RpcDropAnswer::ID => self.reply(msg_id, Ok(RpcAnswerUnknown {}.to_boxed().into())),
            _ => self.requests.push_back(Request { msg_id, body }),
        }
        Ok(())
    }
}

/// Compresses what is long.
fn pack(body: Bytes) -> Bytes {
    if body.len() >= WORTH_PACKING {
        let packed = gzip::deflate(&body);
        if packed.len() < body.len() {
            return GzipPacked { packed_data: Blob(packed) }.to_boxed().into();
        }
    }
    body
}

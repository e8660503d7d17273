//! Server's end of a session: judges packets as a real data centre does, and answers.
//!
//! Answers and updates are kept until the client acknowledges them, and sent again on a new connection.
//!
//! Spec: mtproto/service_messages_about_messages#notice-of-ignored-error-message

use super::sent::Sent;
use crate::base::entropy::{Entropy, EntropyFailed};
use crate::base::side::Side;
use crate::base::time::{Instant, ServerClock, UnixTime};
use crate::crypto::auth_key::AuthKey;
use crate::protocol::session::containers::{self, Batch};
use crate::protocol::session::endpoint::Endpoint;
use crate::protocol::session::salts::Salts;
use crate::protocol::session::service::{ABOUT, MAX_ABOUT, STRAY};
use crate::protocol::session::{Header, MAX_ACKS, Opened, RpcError, Seen, SessionError, packet};
use crate::tl::{BareVec, Blob, Combinator, Fault, Reader, Tl};
use crate::wire::msg_id::{self, MAX_AGE, MAX_AHEAD};
use crate::wire::mt::gzip;
use crate::wire::mt::message::{GzipPacked, MSG_CONTAINER, Message, RpcResult, read_container};
use crate::wire::mt::service::{
    BadMsgNotification, BadServerSalt, DestroySession, DestroySessionNone, DestroySessionOk, FutureSalt, FutureSalts,
    GetFutureSalts, HttpWait, MsgDetailedInfo, MsgNewDetailedInfo, MsgResendReq, MsgsAck, MsgsAllInfo, MsgsStateInfo,
    MsgsStateReq, NewSessionCreated, Ping, PingDelayDisconnect, Pong, RpcAnswerUnknown, RpcDropAnswer, RpcErrorBare,
};
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use core::fmt;
use core::time::Duration;
use sha2::{Digest, Sha256};

/// Pairs of `msg_id` and `seqno` that later ones are held against.
const REMEMBERED: usize = 128;
/// Answers from this size on are compressed, if that makes them smaller.
const WORTH_PACKING: usize = 1024;
/// Codes of refusals kept for the log.
const MAX_REFUSED: usize = 64;
/// Seconds from the beginning of one salt to that of the next. Spec: mtproto/description#server-salt
const SALT_EVERY: i64 = 1800;
/// Seconds that a salt is taken for: the half hour it is in force, and the one after.
const SALT_LASTS: i64 = 2 * SALT_EVERY;
/// The most salts that one request is answered with. Spec: mtproto/service_messages#request-for-several-future-salts
const MAX_FUTURE_SALTS: i32 = 64;
/// Requests for salts within [`LOOP_WITHIN`] from which on the client is said to ask in a loop.
const LOOP_AFTER: u32 = 16;
/// See [`LOOP_AFTER`].
const LOOP_WITHIN: Duration = Duration::from_secs(60);
/// Why a message was refused that is no `bad_msg_notification`.
const WRONG_SALT: i32 = 48;

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
    end: Endpoint,
    sent: Sent,
    requests: VecDeque<Request>,
    /// Message ids and sequence numbers of the client, in the order of ids.
    seqnos: VecDeque<(i64, i32)>,
    /// First salt and the time it came into force, in seconds since 1970: all later ones follow from these.
    first_salt: Option<(i64, i64)>,
    /// Salts from before that one that are still accepted.
    old_salts: Vec<i64>,
    /// Beginning of the time in which requests for salts are counted, and their number.
    salt_requests: Option<(Instant, u32)>,
    /// The client asks for salts in a loop, and the log has not been told.
    is_looping: bool,
    /// Time at which the connection is closed, unless the client puts it off.
    hang_up_at: Option<Instant>,
    /// Codes of refused messages, for the log.
    refused: Vec<i32>,
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
            RpcResult::ID => drop(r.i64()?),
            BadMsgNotification::ID => drop(BadMsgNotification::read(&mut r)?),
            BadServerSalt::ID => drop(BadServerSalt::read(&mut r)?),
            MsgsStateInfo::ID => drop(MsgsStateInfo::read(&mut r)?),
            MsgsAllInfo::ID => drop(MsgsAllInfo::read(&mut r)?),
            FutureSalts::ID => drop(FutureSalts::read(&mut r)?),
            Pong::ID => drop(Pong::read(&mut r)?),
            NewSessionCreated::ID => drop(NewSessionCreated::read(&mut r)?),
            DestroySessionOk::ID | DestroySessionNone::ID => drop(r.i64()?),
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
        Ok(self.end.seal(Side::Server, unix, &batch, has_copies, drawn).map(|(packet, _)| packet))
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

    /// Puts `salt` in force; the ones before it are refused unless `grace`.
    pub fn change_salt(&mut self, salt: i64, grace: bool) {
        let old = self.end.salts.current();
        self.old_salts.clear();
        if grace {
            self.old_salts.push(old);
        }
        self.first_salt = None;
        self.end.salts.set(salt);
    }

    /// Counts the half hours of the salts from `since`; no-op if they are counted already, since an earlier packet.
    ///
    /// The sessions of one key must be given the same time, as they share their salts.
    pub fn salts_since(&mut self, since: UnixTime) {
        let salt = self.end.salts.current();
        self.first_salt.get_or_insert((salt, since.as_secs()));
    }

    /// The salt of the half hour `index`, counted from the first.
    fn salt_of(&self, index: i64) -> i64 {
        let first = self.first_salt.map_or(self.end.salts.current(), |(salt, _)| salt);
        if index <= 0 {
            return first;
        }
        let hash = Sha256::new()
            .chain_update(self.end.key.as_bytes())
            .chain_update(first.to_le_bytes())
            .chain_update(index.to_le_bytes())
            .finalize();
        hash.first_chunk().map_or(first, |salt| i64::from_le_bytes(*salt))
    }

    /// Puts the salt of this half hour in force, and returns the number of the half hour.
    fn turn_salts(&mut self, now: Instant) -> i64 {
        let unix = self.end.clock.at(now);
        self.salts_since(unix);
        let since = self.first_salt.map_or(0, |(_, since)| since);
        let index = unix.as_secs().saturating_sub(since).max(0) / SALT_EVERY;
        self.end.salts.set(self.salt_of(index));
        index
    }

    /// The salts of this half hour and of those to come, `num` in all. Each overlaps with the next by half.
    fn future_salts(&mut self, now: Instant, num: i32) -> Vec<FutureSalt> {
        let index = self.turn_salts(now);
        let since = self.first_salt.map_or(0, |(_, since)| since);
        let second = |seconds: i64| i32::try_from(seconds).unwrap_or(i32::MAX);
        let of = |index: i64| {
            let begins = since.saturating_add(index.saturating_mul(SALT_EVERY));
            let (valid_since, valid_until) = (second(begins), second(begins.saturating_add(SALT_LASTS)));
            FutureSalt { valid_since, valid_until, salt: self.salt_of(index) }
        };
        (0..num.clamp(1, MAX_FUTURE_SALTS).into()).map(|n: i64| of(index.saturating_add(n))).collect()
    }

    /// Counts a request for salts: clients that ask again at once, whatever they are told, do so for ever.
    fn count_salt_request(&mut self, now: Instant) {
        let recent = self.salt_requests.filter(|(since, _)| now.since(*since) < LOOP_WITHIN);
        let (since, count) = recent.map_or((now, 1), |(since, count)| (since, count.saturating_add(1)));
        self.salt_requests = Some((since, count));
        self.is_looping |= count == LOOP_AFTER;
    }

    /// Whether the client asks for salts in a loop; true once a minute, for a log.
    pub const fn take_salt_loop(&mut self) -> bool {
        core::mem::replace(&mut self.is_looping, false)
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

    /// The codes of the messages refused since the last call, for a log; the first 64 of them.
    pub fn take_refused(&mut self) -> Vec<i32> {
        core::mem::take(&mut self.refused)
    }

    /// Judges a packet of a client; one that is not taken is answered with the reason.
    fn is_acceptable(&mut self, now: Instant, opened: &Opened) -> bool {
        let header = opened.header;
        if matches!(self.end.window.seen(header.msg_id), Seen::Repeated) {
            return true; // the caller acknowledges it again
        }
        let code = match self.judge(now, opened) {
            Ok(()) => return true,
            Err(code) => code,
        };
        if self.refused.len() < MAX_REFUSED {
            self.refused.push(code);
        }
        let (bad_msg_id, bad_msg_seqno) = (header.msg_id, header.seqno);
        let body = if code == WRONG_SALT {
            let new_server_salt = self.end.salts.current();
            BadServerSalt { bad_msg_id, bad_msg_seqno, error_code: code, new_server_salt }.to_boxed()
        } else {
            BadMsgNotification { bad_msg_id, bad_msg_seqno, error_code: code }.to_boxed()
        };
        self.sent.push(body.into(), true, false);
        false
    }

    /// The code of the notification that a packet deserves.
    ///
    /// The salt comes first, as with real servers: Pyrogram up to 1.4 makes the `msg_id`s of its first ping from a clock
    /// that stands at 0 and sets it by the `bad_server_salt` that it counts on (`Session.start`, `MsgId.set_server_time`).
    fn judge(&mut self, now: Instant, opened: &Opened) -> Result<(), i32> {
        let header = opened.header;
        let index = self.turn_salts(now);
        let is_recent = index > 0 && header.salt == self.salt_of(index - 1);
        if header.salt != self.end.salts.current() && !is_recent && !self.old_salts.contains(&header.salt) {
            return Err(WRONG_SALT);
        }
        if header.msg_id & 3 != 0 {
            return Err(18);
        }
        let age = self.end.clock.at(now).as_micros().saturating_sub(msg_id::time(header.msg_id).as_micros());
        if age > MAX_AGE * 1_000_000 {
            return Err(16);
        }
        if age < -MAX_AHEAD * 1_000_000 {
            return Err(17);
        }
        if self.end.window.seen(header.msg_id) == Seen::TooOld {
            return Err(20);
        }
        let is_container = Reader::new(&opened.body).peek() == Some(MSG_CONTAINER);
        if !is_container {
            self.judge_seqno(header.msg_id, header.seqno, &opened.body)?;
            self.remember(header.msg_id, header.seqno);
            return Ok(());
        }
        let inner = read_container(&opened.body).map_err(|_| 64)?;
        if header.seqno & 1 == 1 {
            return Err(34);
        }
        for m in &inner {
            let is_lawful = m.msg_id & 3 == 0
                && m.msg_id < header.msg_id
                && Reader::new(&m.body).peek().is_some_and(|id| id != MSG_CONTAINER);
            if !is_lawful {
                return Err(64);
            }
        }
        for m in &inner {
            if !self.end.window.contains(m.msg_id) {
                self.judge_seqno(m.msg_id, m.seqno, &m.body)?;
            }
        }
        for m in &inner {
            self.remember(m.msg_id, m.seqno);
        }
        self.remember(header.msg_id, header.seqno);
        Ok(())
    }

    fn judge_seqno(&self, msg_id: i64, seqno: i32, body: &[u8]) -> Result<(), i32> {
        match Reader::new(body).peek() {
            // Acks with an odd number are what mtcute sends, and servers take them.
            Some(id) if seqno & 1 == 0 && is_call(id) => return Err(35),
            _ => {}
        }
        for &(other, other_seqno) in &self.seqnos {
            let is_odd_twin = seqno == other_seqno && seqno & 1 == 1;
            if other < msg_id && (other_seqno > seqno || is_odd_twin) {
                return Err(32);
            }
            if other > msg_id && (other_seqno < seqno || is_odd_twin) {
                return Err(33);
            }
        }
        Ok(())
    }

    /// What a client asks of the session itself; the rest is for the owner.
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

    /// Keeps a message id and its sequence number, which later ones are compared with.
    fn remember(&mut self, msg_id: i64, seqno: i32) {
        let at = self.seqnos.partition_point(|&(other, _)| other < msg_id);
        self.seqnos.insert(at, (msg_id, seqno));
        if self.seqnos.len() > REMEMBERED {
            self.seqnos.pop_front();
        }
    }
}

/// Whether a constructor is a call, whose `seqno` must be odd: all but the messages about messages. Clients differ on
/// pings and on what is compressed; both are taken.
fn is_call(id: u32) -> bool {
    let may_be_even = [
        Ping::ID,
        PingDelayDisconnect::ID,
        GetFutureSalts::ID,
        GzipPacked::ID,
        MsgsAck::ID,
        HttpWait::ID,
        MsgsStateReq::ID,
        MsgsStateInfo::ID,
        MsgResendReq::ID,
        MsgsAllInfo::ID,
        MsgDetailedInfo::ID,
        MsgNewDetailedInfo::ID,
        DestroySession::ID,
        RpcDropAnswer::ID,
    ];
    !may_be_even.contains(&id)
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

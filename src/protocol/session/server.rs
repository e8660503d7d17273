//! The server's side of a session: it judges what a client sends as a real data centre does, and it answers.
//!
//! Spec: mtproto/service_messages_about_messages#notice-of-ignored-error-message

use super::{Incoming, Opened, RpcError, Seen, Session, SessionError};
use crate::base::time::{Instant, UnixTime};
use crate::tl::{BareVec, Combinator, Reader, Tl};
use crate::wire::msg_id::{self, MAX_AGE, MAX_AHEAD};
use crate::wire::mt::message::{GzipPacked, MSG_CONTAINER, RpcResult, read_container};
use crate::wire::mt::service::{
    BadMsgNotification, BadServerSalt, FutureSalt, FutureSalts, GetFutureSalts, HttpWait, MsgResendReq, MsgsAck,
    MsgsStateInfo, MsgsStateReq, NewSessionCreated, Ping, PingDelayDisconnect, Pong, RpcAnswerUnknown, RpcDropAnswer,
    RpcErrorBare,
};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use sha2::{Digest, Sha256};

/// Pairs of `msg_id` and `seqno` that later ones are held against.
const REMEMBERED: usize = 128;
/// Answers from this size on are compressed, if that makes them smaller.
#[cfg(feature = "gzip")]
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

/// What a strict server remembers of a client.
#[derive(Debug, Default)]
pub(super) struct Strict {
    /// In the order of ids.
    seqnos: VecDeque<(i64, i32)>,
    /// The first salt and when it came into force, in seconds since 1970: all later ones follow from these.
    first_salt: Option<(i64, i64)>,
    /// Salts from before that one that are still taken.
    old_salts: Vec<i64>,
    /// When the requests for salts began that are counted, and their number.
    salt_requests: Option<(Instant, u32)>,
    /// The client asks for salts in a loop, which the log has not been told.
    is_looping: bool,
    /// The connection is to be closed then, unless the client puts it off.
    hang_up_at: Option<Instant>,
    /// What was refused, for the log: the code of the notification.
    refused: Vec<i32>,
}

impl Session {
    /// Greets a client whose session is new here: what it sent before `first_msg_id` did not arrive.
    pub fn greet(&mut self, first_msg_id: i64, unique_id: i64) {
        let server_salt = self.salts.current();
        self.outbox.say(NewSessionCreated { first_msg_id, unique_id, server_salt }.to_boxed().into(), false, true);
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
        self.outbox.say(body.into(), true, true);
    }

    /// Says something unasked: an update.
    pub fn notify(&mut self, body: Bytes) {
        self.outbox.say(pack(body), false, true);
    }

    /// Bytes said that nobody has acknowledged.
    pub const fn unacknowledged(&self) -> usize {
        self.outbox.said_bytes
    }

    /// Forgets what was said and sent: nobody is to hear it again.
    pub fn forget_said(&mut self) {
        self.outbox.forget_said();
    }

    /// Says something that needs no acknowledgement, for a message of its own such as `destroy_session_ok`.
    pub fn remark(&mut self, body: Bytes) {
        self.outbox.say(body, true, false);
    }

    /// Puts `salt` in force; the ones before it are refused unless `grace`.
    pub fn change_salt(&mut self, salt: i64, grace: bool) {
        let old = self.salts.current();
        self.strict.old_salts.clear();
        if grace {
            self.strict.old_salts.push(old);
        }
        self.strict.first_salt = None;
        self.salts.set(salt);
    }

    /// Counts the half hours of the salts from `since`; no-op if they are counted already, since an earlier packet.
    ///
    /// The sessions of one key must be given the same time, as they share their salts.
    pub fn salts_since(&mut self, since: UnixTime) {
        let salt = self.salts.current();
        self.strict.first_salt.get_or_insert((salt, since.as_secs()));
    }

    /// The salt of the half hour `index`, counted from the first.
    fn salt_of(&self, index: i64) -> i64 {
        let first = self.strict.first_salt.map_or(self.salts.current(), |(salt, _)| salt);
        if index <= 0 {
            return first;
        }
        let hash = Sha256::new()
            .chain_update(self.key.as_bytes())
            .chain_update(first.to_le_bytes())
            .chain_update(index.to_le_bytes())
            .finalize();
        hash.first_chunk().map_or(first, |salt| i64::from_le_bytes(*salt))
    }

    /// Puts the salt of this half hour in force, and returns the number of the half hour.
    fn turn_salts(&mut self, now: Instant) -> i64 {
        let unix = self.clock.at(now);
        self.salts_since(unix);
        let since = self.strict.first_salt.map_or(0, |(_, since)| since);
        let index = unix.as_secs().saturating_sub(since).max(0) / SALT_EVERY;
        self.salts.set(self.salt_of(index));
        index
    }

    /// The salts of this half hour and of those to come, `num` in all. Each overlaps with the next by half.
    fn future_salts(&mut self, now: Instant, num: i32) -> Vec<FutureSalt> {
        let index = self.turn_salts(now);
        let since = self.strict.first_salt.map_or(0, |(_, since)| since);
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
        let recent = self.strict.salt_requests.filter(|(since, _)| now.since(*since) < LOOP_WITHIN);
        let (since, count) = recent.map_or((now, 1), |(since, count)| (since, count.saturating_add(1)));
        self.strict.salt_requests = Some((since, count));
        self.strict.is_looping |= count == LOOP_AFTER;
    }

    /// Whether the client asks for salts in a loop; true once a minute, for a log.
    pub const fn take_salt_loop(&mut self) -> bool {
        core::mem::replace(&mut self.strict.is_looping, false)
    }

    /// When the client asked to be hung up on: `ping_delay_disconnect`, which only another one puts off.
    ///
    /// Spec: mtproto/service_messages#deferred-connection-closure-plus-ping
    pub const fn hang_up_at(&self) -> Option<Instant> {
        self.strict.hang_up_at
    }

    /// Another session speaks on the connection now: what this one said of its end no longer holds.
    pub const fn put_off_hanging_up(&mut self) {
        self.strict.never_mind_the_connection();
    }

    /// The codes of the messages refused since the last call, for a log; the first 64 of them.
    pub fn take_refused(&mut self) -> Vec<i32> {
        core::mem::take(&mut self.strict.refused)
    }

    /// Judges a packet of a client; one that is not taken is answered with the reason.
    pub(super) fn is_acceptable(&mut self, now: Instant, opened: &Opened) -> bool {
        let header = opened.header;
        if matches!(self.inbox.window.seen(header.msg_id), Seen::Repeated) {
            return true; // the caller acknowledges it again
        }
        let code = match self.judge(now, opened) {
            Ok(()) => return true,
            Err(code) => code,
        };
        if self.strict.refused.len() < MAX_REFUSED {
            self.strict.refused.push(code);
        }
        let (bad_msg_id, bad_msg_seqno) = (header.msg_id, header.seqno);
        let body = if code == WRONG_SALT {
            let new_server_salt = self.salts.current();
            BadServerSalt { bad_msg_id, bad_msg_seqno, error_code: code, new_server_salt }.to_boxed()
        } else {
            BadMsgNotification { bad_msg_id, bad_msg_seqno, error_code: code }.to_boxed()
        };
        self.outbox.say(body.into(), true, false);
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
        if header.salt != self.salts.current() && !is_recent && !self.strict.old_salts.contains(&header.salt) {
            return Err(WRONG_SALT);
        }
        if header.msg_id & 3 != 0 {
            return Err(18);
        }
        let age = self.clock.at(now).as_micros().saturating_sub(msg_id::time(header.msg_id).as_micros());
        if age > MAX_AGE * 1_000_000 {
            return Err(16);
        }
        if age < -MAX_AHEAD * 1_000_000 {
            return Err(17);
        }
        if self.inbox.window.seen(header.msg_id) == Seen::TooOld {
            return Err(20);
        }
        let is_container = Reader::new(&opened.body).peek() == Some(MSG_CONTAINER);
        if !is_container {
            self.judge_seqno(header.msg_id, header.seqno, &opened.body)?;
            self.strict.remember(header.msg_id, header.seqno);
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
            if !self.inbox.window.contains(m.msg_id) {
                self.judge_seqno(m.msg_id, m.seqno, &m.body)?;
            }
        }
        for m in &inner {
            self.strict.remember(m.msg_id, m.seqno);
        }
        self.strict.remember(header.msg_id, header.seqno);
        Ok(())
    }

    fn judge_seqno(&self, msg_id: i64, seqno: i32, body: &[u8]) -> Result<(), i32> {
        match Reader::new(body).peek() {
            // Acks with an odd number are what mtcute sends, and servers take them.
            Some(id) if seqno & 1 == 0 && is_call(id) => return Err(35),
            _ => {}
        }
        for &(other, other_seqno) in &self.strict.seqnos {
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
    pub(super) fn on_request(&mut self, now: Instant, id: u32, msg_id: i64, body: Bytes) -> Result<(), SessionError> {
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
                self.strict.hang_up_at = Some(now + Duration::from_secs(delay));
                self.remark(Pong { msg_id, ping_id: ping.ping_id }.to_boxed().into());
            }
            GetFutureSalts::ID => {
                let num = GetFutureSalts::read(&mut r)?.num;
                self.count_salt_request(now);
                let salts = self.future_salts(now, num);
                let now = i32::try_from(self.clock.at(now).as_secs()).unwrap_or(i32::MAX);
                self.remark(FutureSalts { req_msg_id: msg_id, now, salts: BareVec(salts) }.to_boxed().into());
            }
            RpcDropAnswer::ID => self.reply(msg_id, Ok(RpcAnswerUnknown {}.to_boxed().into())),
            _ => self.incoming.push_back(Incoming::Request { msg_id, body }),
        }
        Ok(())
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
        crate::wire::mt::service::MsgsAllInfo::ID,
        crate::wire::mt::service::MsgDetailedInfo::ID,
        crate::wire::mt::service::MsgNewDetailedInfo::ID,
        crate::wire::mt::service::DestroySession::ID,
        RpcDropAnswer::ID,
    ];
    !may_be_even.contains(&id)
}

/// Compresses what is long.
fn pack(body: Bytes) -> Bytes {
    #[cfg(feature = "gzip")]
    if body.len() >= WORTH_PACKING {
        let packed = crate::wire::mt::gzip::deflate(&body);
        if packed.len() < body.len() {
            return GzipPacked { packed_data: crate::tl::Blob(packed) }.to_boxed().into();
        }
    }
    body
}

impl Strict {
    /// What was agreed about the connection ends with it.
    pub(super) const fn never_mind_the_connection(&mut self) {
        self.hang_up_at = None;
    }
    fn remember(&mut self, msg_id: i64, seqno: i32) {
        let at = self.seqnos.partition_point(|&(other, _)| other < msg_id);
        self.seqnos.insert(at, (msg_id, seqno));
        if self.seqnos.len() > REMEMBERED {
            self.seqnos.pop_front();
        }
    }
}

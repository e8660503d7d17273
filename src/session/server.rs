//! The server's side of a session: it judges what a client sends as a real data centre does, and it answers.
//!
//! Spec: mtproto/service_messages_about_messages#notice-of-ignored-error-message

use super::msg_id::{self, MAX_AGE, MAX_AHEAD};
use super::{Incoming, Opened, RpcError, Seen, Session, SessionError};
use crate::mt::message::{GzipPacked, MSG_CONTAINER, RpcResult, read_container};
use crate::mt::service::{
    BadMsgNotification, BadServerSalt, FutureSalt, FutureSalts, GetFutureSalts, HttpWait, MsgResendReq, MsgsAck,
    MsgsStateInfo, MsgsStateReq, NewSessionCreated, Ping, PingDelayDisconnect, Pong, RpcAnswerUnknown, RpcDropAnswer,
    RpcErrorBare,
};
use crate::time::Instant;
use crate::tl::{BareVec, Combinator, Reader, Tl};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;

/// Pairs of `msg_id` and `seqno` that later ones are held against.
const REMEMBERED: usize = 128;
/// Answers from this size on are compressed, if that makes them smaller.
#[cfg(feature = "gzip")]
const WORTH_PACKING: usize = 1024;
/// Codes of refusals kept for the log.
const MAX_REFUSED: usize = 64;
/// Why a message was refused that is no `bad_msg_notification`.
const WRONG_SALT: i32 = 48;

/// What a strict server remembers of a client.
#[derive(Debug, Default)]
pub(super) struct Strict {
    /// In the order of ids.
    seqnos: VecDeque<(i64, i32)>,
    /// Salts that were in force lately and are still taken.
    old_salts: Vec<i64>,
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
        self.salts.set(salt);
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
            let new_server_salt = self.salts.at(self.clock.at(now));
            BadServerSalt { bad_msg_id, bad_msg_seqno, error_code: code, new_server_salt }.to_boxed()
        } else {
            BadMsgNotification { bad_msg_id, bad_msg_seqno, error_code: code }.to_boxed()
        };
        self.outbox.say(body.into(), true, false);
        false
    }

    /// The code of the notification that a packet deserves.
    fn judge(&mut self, now: Instant, opened: &Opened) -> Result<(), i32> {
        let header = opened.header;
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
        if header.salt != self.salts.at(self.clock.at(now)) && !self.strict.old_salts.contains(&header.salt) {
            return Err(WRONG_SALT);
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
                let unix = self.clock.at(now);
                let now = i32::try_from(unix.as_secs()).unwrap_or(i32::MAX);
                let mut salts = self.salts.known().to_vec();
                if salts.is_empty() {
                    let salt = self.salts.at(unix);
                    salts.push(FutureSalt {
                        valid_since: now.saturating_sub(60),
                        valid_until: now.saturating_add(1800),
                        salt,
                    });
                }
                salts.truncate(usize::try_from(num.clamp(1, 64)).unwrap_or(1));
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
        crate::mt::service::MsgsAllInfo::ID,
        crate::mt::service::MsgDetailedInfo::ID,
        crate::mt::service::MsgNewDetailedInfo::ID,
        crate::mt::service::DestroySession::ID,
        RpcDropAnswer::ID,
    ];
    !may_be_even.contains(&id)
}

/// Compresses what is long.
fn pack(body: Bytes) -> Bytes {
    #[cfg(feature = "gzip")]
    if body.len() >= WORTH_PACKING {
        let packed = crate::mt::gzip::deflate(&body);
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

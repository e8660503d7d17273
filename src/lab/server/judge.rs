//! Judging a client's packets as a real data centre does: salt, message id, sequence number, container.
//!
//! Spec: mtproto/service_messages_about_messages#notice-of-ignored-error-message

use super::session::ServerSession;
use crate::base::time::Instant;
use crate::protocol::session::{Opened, Seen};
use crate::tl::{Combinator, Reader};
use crate::wire::msg_id::{self, MAX_AGE, MAX_AHEAD};
use crate::wire::mt::message::{GzipPacked, MSG_CONTAINER, read_container};
use crate::wire::mt::service::{
    BadMsgNotification, BadServerSalt, DestroySession, GetFutureSalts, HttpWait, MsgDetailedInfo, MsgNewDetailedInfo,
    MsgResendReq, MsgsAck, MsgsAllInfo, MsgsStateInfo, MsgsStateReq, Ping, PingDelayDisconnect, RpcDropAnswer,
};
use alloc::vec::Vec;

/// Pairs of `msg_id` and `seqno` that later ones are held against.
const REMEMBERED: usize = 128;
/// Codes of refusals kept for the log.
const MAX_REFUSED: usize = 64;
/// Why a message was refused that is no `bad_msg_notification`.
const WRONG_SALT: i32 = 48;

impl ServerSession {
    /// The codes of the messages refused since the last call, for a log; the first 64 of them.
    pub fn take_refused(&mut self) -> Vec<i32> {
        core::mem::take(&mut self.refused)
    }

    /// Judges a packet of a client; one that is not taken is answered with the reason.
    pub(super) fn is_acceptable(&mut self, now: Instant, opened: &Opened) -> bool {
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
    /// The salt comes first, as with real servers: Pyrogram up to 1.4 makes the `msg_id`s of its first ping from a
    /// clock
    /// that stands at 0 and sets it by the `bad_server_salt` that it counts on (`Session.start`,
    /// `MsgId.set_server_time`).
    pub(super) fn judge(&mut self, now: Instant, opened: &Opened) -> Result<(), i32> {
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

    pub(super) fn judge_seqno(&self, msg_id: i64, seqno: i32, body: &[u8]) -> Result<(), i32> {
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

    /// Keeps a message id and its sequence number, which later ones are compared with.
    pub(super) fn remember(&mut self, msg_id: i64, seqno: i32) {
        let at = self.seqnos.partition_point(|&(other, _)| other < msg_id);
        self.seqnos.insert(at, (msg_id, seqno));
        if self.seqnos.len() > REMEMBERED {
            self.seqnos.pop_front();
        }
    }
}

/// Returns true if a constructor is a call, whose `seqno` must be odd: all but the messages about messages. Clients
/// differ on
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

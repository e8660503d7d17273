//! Service messages: each is handed to the file of its rule.
//!
//! Spec: mtproto/service_messages, mtproto/service_messages_about_messages

use super::{Incoming, Session, SessionError};
use crate::base::time::Instant;
use crate::tl::{Combinator, Fault, Reader, Tl};
use crate::wire::mt::message::{GzipPacked, MSG_CONTAINER, Message, RpcResult};
use crate::wire::mt::service::{
    BadMsgNotification, BadServerSalt, DestroySessionNone, DestroySessionOk, FutureSalt, FutureSalts, HttpWait,
    MsgDetailedInfo, MsgNewDetailedInfo, MsgResendReq, MsgsAck, MsgsAllInfo, MsgsStateInfo, MsgsStateReq,
    NewSessionCreated, Pong, RpcErrorBare,
};
use bytes::Bytes;

/// `msg_copy`, `http_wait`, `future_salt`, `rpc_error`: constructors that are no messages by themselves; ignored.
pub(crate) const STRAY: [u32; 4] = [0xe060_46b2, HttpWait::ID, FutureSalt::ID, RpcErrorBare::ID];

/// Longest service message about others in bytes: 8192 ids and the state of each take less.
pub(crate) const MAX_ABOUT: usize = 256 << 10;
/// Constructors of service messages about others.
pub(crate) const ABOUT: [u32; 6] =
    [MsgsAck::ID, MsgsStateReq::ID, MsgsStateInfo::ID, MsgsAllInfo::ID, MsgResendReq::ID, FutureSalts::ID];

impl Session {
    /// Handles one message that is new.
    pub(super) fn handle_message(&mut self, now: Instant, message: &Message) -> Result<(), SessionError> {
        let body = match Reader::new(&message.body).u32()? {
            GzipPacked::ID => self.end.inflatable.unzip(&message.body)?,
            _ => message.body.clone(),
        };
        self.dispatch(now, message.msg_id, body)
    }

    fn dispatch(&mut self, now: Instant, own_id: i64, body: Bytes) -> Result<(), SessionError> {
        let mut r = Reader::new(&body);
        match r.u32()? {
            RpcResult::ID => self.on_result(now, &body)?,
            id if ABOUT.contains(&id) && body.len() > MAX_ABOUT => return Err(r.fault_before(Fault::Length).into()),
            MsgsAck::ID => self.on_ack(&MsgsAck::read(&mut r)?),
            BadMsgNotification::ID => self.on_bad_msg(now, &BadMsgNotification::read(&mut r)?),
            BadServerSalt::ID => self.on_bad_salt(now, &BadServerSalt::read(&mut r)?),
            MsgsStateReq::ID => self.tell_states(own_id, &MsgsStateReq::read(&mut r)?.msg_ids),
            MsgsStateInfo::ID => self.on_state_info(MsgsStateInfo::read(&mut r)?),
            MsgsAllInfo::ID => {
                let MsgsAllInfo { msg_ids, info } = MsgsAllInfo::read(&mut r)?;
                self.learn_states(&msg_ids, &info);
            }
            MsgDetailedInfo::ID => self.on_detailed_info(now, &MsgDetailedInfo::read(&mut r)?),
            MsgNewDetailedInfo::ID => {
                let answer = MsgNewDetailedInfo::read(&mut r)?.answer_msg_id;
                self.fetch(now, answer, true);
            }
            MsgResendReq::ID => self.on_resend_req(own_id, &MsgResendReq::read(&mut r)?),
            FutureSalts::ID => self.on_future_salts(&FutureSalts::read(&mut r)?, &body),
            Pong::ID => self.on_pong(now, &Pong::read(&mut r)?, &body),
            NewSessionCreated::ID => self.on_new_session(&NewSessionCreated::read(&mut r)?),
            DestroySessionOk::ID | DestroySessionNone::ID => self.on_session_destroyed(r.i64()?, &body),
            id if STRAY.contains(&id) => {}
            MSG_CONTAINER => return Err(SessionError::Container),
            GzipPacked::ID => return Err(SessionError::Gzip),
            _ => self.incoming.push_back(Incoming::Update(body)),
        }
        Ok(())
    }
}

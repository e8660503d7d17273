//! Encrypted packets: to the session they belong to, and the calls in them to the world.

use super::call::ends_the_key;
use super::faults::{self, Conduct};
use super::log::{Entry, Refusal};
use super::methods::method_name;
use super::script::Act;
use super::types::{Caller, ConnId, Push, bad};
use super::vectors::read_call;
use super::{Conn, Dc, Denied, MAX_SESSIONS, boxed};
use crate::base::side::Side;
use crate::base::time::Instant;
use crate::lab::server::bind::open_bind;
use crate::lab::server::session::Request;
use crate::protocol::session::{Opened, RpcError, packet};
use crate::telegram::api::auth::{BindTempAuthKey, DropTempAuthKeys};
use crate::telegram::api::updates::{UpdateLoginToken, UpdateShort, Updates};
use crate::tl::{Combinator, Raw, Reader, Tl};
use crate::wire::mt::message::read_container;
use crate::wire::mt::service::{
    BadMsgNotification, DestroyAuthKey, DestroyAuthKeyOk, DestroySession, DestroySessionNone, DestroySessionOk,
};
use crate::wire::transport::TransportFault;
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};

/// Fate of the connection after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// The connection continues.
    On,
    /// The connection ends before the answer.
    HangUp,
    /// The key is forgotten once the answer is sealed.
    Bury,
    /// The permanent key and all keys bound to it are forgotten once the answer is sealed.
    BuryAll,
}

/// The most bytes kept of what was said in the sessions of a connection, beside the one that speaks, and that nobody has
/// acknowledged.
const MAX_SAID: usize = 1 << 20;

/// Which session of which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    conn: ConnId,
    key: [u8; 8],
    session_id: i64,
}

impl Dc {
    pub(super) fn take_encrypted(
        &mut self,
        conn_id: ConnId,
        conn: &mut Conn,
        now: Instant,
        key_id: [u8; 8],
        packet: BytesMut,
        wants_ack: bool,
    ) -> Result<(), Denied> {
        let not_found = Some(TransportFault::AuthKeyNotFound);
        let unix = self.clock.at(now).as_secs();
        let here = self.auth.get(key_id, unix).filter(|key| key.is_of(conn.dc_id));
        let key = here.ok_or((Refusal::UnknownKey(key_id), not_found))?;
        self.world.faults.hear(&packet);
        let opened = packet::open(&key.auth_key, Side::Client, packet)
            .map_err(|refused| (Refusal::Packet(refused.into()), not_found))?;
        let session_id = opened.header.session_id;
        if session_id == 0 {
            return Err((Refusal::NoSession, not_found));
        }
        let seen = self.watches.opened(now, conn_id, &opened);
        let quick_ack = opened.quick_ack;
        let (first_msg_id, packet_id) = (first_msg_id(&opened), opened.header.msg_id);
        for (fault, reaction) in seen {
            self.log.push(self.clock.at(now), conn_id, Entry::Reacted { fault: fault.name, reaction });
        }
        let conduct = self.world.faults.conduct(&opened);
        if conduct == Some(Conduct::Forget) {
            key.sessions.remove(&session_id);
            return Ok(());
        }
        if let Some(Conduct::Miscount(count)) = conduct {
            self.world.faults.miscount(faults::Place { conn: conn_id, key: key_id, session_id }, count);
            return Ok(());
        }
        let new_salt = if conduct == Some(Conduct::NewSalt) {
            Some(crate::base::entropy::bytes(&mut *self.random).map_err(|_| (Refusal::Entropy, None))?)
        } else {
            None
        };
        if let Some(salt) = new_salt.map(i64::from_le_bytes) {
            key.change_salt(salt, false);
        }
        let (seat, is_new) = key.seat(session_id, conn_id, now, self.clock);
        conn.sessions.insert((key_id, session_id));
        if let Some(Conduct::Refuse(error_code)) = conduct {
            let (bad_msg_id, bad_msg_seqno) = (opened.header.msg_id, opened.header.seqno);
            seat.session.remark(boxed(&BadMsgNotification { bad_msg_id, bad_msg_seqno, error_code }));
            return Ok(());
        }
        let taken = seat.session.handle_opened(now, opened);
        if let (true, Ok(true), Some(framer)) = (wants_ack, &taken, &mut conn.framer) {
            framer.encode_quick_ack(quick_ack, &mut conn.out);
        }
        let refused = seat.session.take_refused();
        if refused.is_empty() && taken.is_ok() && !seat.is_greeted {
            let unique_id = crate::base::entropy::bytes(&mut *self.random).map_err(|_| (Refusal::Entropy, None))?;
            let first_msg_id = if self.world.faults.names_packet() { packet_id } else { first_msg_id };
            seat.session.greet(first_msg_id, i64::from_le_bytes(unique_id));
            seat.is_greeted = true;
        }
        let is_looping = seat.session.take_salt_loop();
        let requests: Vec<_> = core::iter::from_fn(|| seat.session.poll_request()).collect();
        if is_new {
            self.note(now, conn_id, Entry::Session { key: key_id, session_id });
            // A client that goes on under another key keeps the connection alive with that one.
            for (key, id) in conn.sessions.iter().filter(|place| **place != (key_id, session_id)) {
                if let Some(seat) = self.auth.seat(*key, *id) {
                    seat.put_off_hanging_up();
                }
            }
        }
        if is_looping {
            self.note(now, conn_id, Entry::SaltLoop);
        }
        for code in refused {
            self.note(now, conn_id, Entry::Refused(Refusal::Message(code)));
        }
        let place = Place { conn: conn_id, key: key_id, session_id };
        self.world.reached_at = conn.reached_at;
        let hangs_up = self.serve_all(conn, now, place, requests);
        self.keep_said(conn, (key_id, session_id));
        if conn.sessions.len() > MAX_SESSIONS {
            conn.sessions.retain(|(key, id)| self.auth.seat(*key, *id).is_some_and(|seat| seat.conn == Some(conn_id)));
        }
        if hangs_up {
            return Err((Refusal::Scripted, None));
        }
        taken.map(drop).map_err(|e| (Refusal::Packet(e), not_found))
    }

    /// A connection that goes from session to session and acknowledges nothing is remembered for as much as one session
    /// is: the others forget.
    fn keep_said(&mut self, conn: &Conn, now: ([u8; 8], i64)) {
        let mut said = 0;
        for place in conn.sessions.iter().filter(|place| **place != now) {
            if let Some(seat) = self.auth.seat(place.0, place.1) {
                said += seat.session.unacknowledged();
                if said > MAX_SAID {
                    seat.session.forget_sent();
                }
            }
        }
    }

    /// Executes the calls of a packet; whether the connection is to end after that.
    fn serve_all(&mut self, conn: &mut Conn, now: Instant, place: Place, requests: Vec<Request>) -> bool {
        let mut hangs_up = false;
        for Request { msg_id, body } in requests {
            match self.serve(now, place, msg_id, &body) {
                After::On => {}
                // What came along is taken, and so it is executed, too.
                After::HangUp => hangs_up = true,
                After::Bury => self.bury(conn, now, place, &[place.key]),
                After::BuryAll => {
                    let keys = self.auth.standing_for(self.auth.permanent(place.key));
                    self.bury(conn, now, place, &keys);
                }
            }
        }
        hangs_up
    }

    /// Executes one call and answers it, unless the connection is to end first.
    fn serve(&mut self, now: Instant, place: Place, msg_id: i64, body: &[u8]) -> After {
        let mut r = Reader::new(body);
        match r.u32().unwrap_or(0) {
            DestroySession::ID => self.destroy_session(now, place, &mut r),
            DestroyAuthKey::ID => {
                self.remark(place, boxed(&DestroyAuthKeyOk {}));
                return After::Bury;
            }
            _ => return self.call(now, place, msg_id, body),
        }
        After::On
    }

    /// `auth.bindTempAuthKey` and `auth.dropTempAuthKeys`.
    fn call_about_keys(&mut self, now: Instant, place: Place, (msg_id, method): (i64, u32), call: &Raw) -> After {
        let scripted = self.world.script.next(method);
        let act = scripted.or_else(|| self.world.faults.act(method_name(method)));
        let reply = match &act {
            Some(Act::Refuse(error) | Act::RefuseAndTell(error, _)) => Err(error.clone()),
            Some(Act::Ignore) => Ok(false),
            _ if method == DropTempAuthKeys::ID => self.drop_temporary(place, call),
            _ => self.bind(now, place, msg_id, call),
        };
        let reply = reply.map(|done| {
            let mut out = Vec::new();
            done.write(&mut out);
            out
        });
        self.close(now, place, (msg_id, method), reply, act)
    }

    /// Answers a call as the script will have it.
    fn close(
        &mut self,
        now: Instant,
        place: Place,
        (msg_id, method): (i64, u32),
        reply: Result<Vec<u8>, RpcError>,
        act: Option<Act>,
    ) -> After {
        let is_last = reply.as_ref().is_err_and(ends_the_key);
        let (reply, act) = match (reply, act) {
            (_, Some(Act::Answer(body))) => (Ok(body), None),
            other => other,
        };
        match act {
            None | Some(Act::Refuse(_) | Act::RefuseAndTell(..) | Act::HangUp) => {
                self.answer(now, place, msg_id, method, reply)
            }
            Some(_) => self.note(now, place.conn, Entry::Refused(Refusal::Scripted)),
        }
        match act {
            Some(Act::HangUp) => After::HangUp,
            _ if is_last => After::BuryAll,
            _ => After::On,
        }
    }

    fn call(&mut self, now: Instant, place: Place, msg_id: i64, body: &[u8]) -> After {
        let unix = self.clock.at(now).as_secs();
        let user = self.auth.user_of(place.key);
        let (key_id, is_unbound) = (self.auth.permanent(place.key), self.auth.is_unbound(place.key));
        let Some(key) = self.auth.get(place.key, unix) else { return After::On };
        let mut caller = Caller { user_id: user, key_id, is_unbound, ..key.caller.clone() };
        let outcome = self.world.call(&mut caller, i32::try_from(unix).unwrap_or(i32::MAX), body);
        let is_introduced = caller.app.is_some() && (&caller.app, caller.layer) != (&key.caller.app, key.caller.layer);
        key.caller = Caller { user_id: key.caller.user_id, ..caller.clone() };
        if let Some(seat) = self.auth.seat(place.key, place.session_id) {
            seat.wants_updates |= outcome.wants_updates;
        }
        let layer = caller.layer;
        if let (true, Some(app)) = (is_introduced, caller.app) {
            self.note(now, place.conn, Entry::App { app, layer: caller.layer });
        }
        if caller.user_id != user {
            self.auth.sign_in(place.key, caller.user_id);
        }
        for entry in outcome.entries {
            self.note(now, place.conn, entry);
        }
        if let Some(call) = outcome.about_keys {
            return self.call_about_keys(now, place, (msg_id, outcome.method), &call);
        }
        let notice = match &outcome.act {
            Some(Act::RefuseAndTell(_, updates)) => (!updates.is_empty()).then(|| Bytes::from(updates.clone())),
            _ => outcome.notice.map(|notice| self.world.updates_in(layer, &notice).into()),
        };
        let after = self.close(now, place, (msg_id, outcome.method), outcome.reply, outcome.act);
        if let (Some(notice), Some(seat)) = (notice, self.auth.seat(place.key, place.session_id)) {
            seat.session.notify(notice);
        }
        for push in outcome.pushes {
            self.push(now, place, &push);
        }
        for key in outcome.accepted {
            self.tell_accepted(now, place, key);
        }
        after
    }

    /// Tells whoever shows a QR code that it was accepted; nobody is signed in there yet.
    fn tell_accepted(&mut self, now: Instant, place: Place, key: [u8; 8]) {
        let unix = self.clock.at(now).as_secs();
        let date = i32::try_from(unix).unwrap_or(i32::MAX);
        let updates = Updates::from(&UpdateShort { update: UpdateLoginToken {}.into(), date });
        for id in self.auth.standing_for(key) {
            let Some(key) = self.auth.get(id, unix) else { continue };
            let body = Bytes::from(self.world.updates_in(key.caller.layer, &updates));
            for seat in key.sessions.values_mut().filter(|seat| seat.conn.is_some()) {
                seat.session.notify(body.clone());
            }
        }
        self.note(now, place.conn, Entry::Accepted { key });
    }

    fn answer(&mut self, now: Instant, place: Place, msg_id: i64, method: u32, reply: Result<Vec<u8>, RpcError>) {
        let user = self.auth.user_of(place.key);
        let error = reply.as_ref().err().cloned();
        self.note(now, place.conn, Entry::Call { method, user, error });
        if let Some(seat) = self.auth.seat(place.key, place.session_id) {
            seat.session.reply(msg_id, reply.map(Bytes::from));
        }
    }

    /// Tells every session of a user, but that of the caller if it knows already.
    fn push(&mut self, now: Instant, place: Place, push: &Push) {
        let (mut sessions, home) = (0, self.world.home_of(push.user_id));
        for id in self.auth.of_user(push.user_id) {
            let here = self.auth.get(id, self.clock.at(now).as_secs());
            // Where one does not live, one is told nothing.
            let Some(key) = here.filter(|key| key.is_of(home)) else { continue };
            let body = Bytes::from(self.world.updates_in(key.caller.layer, &push.updates));
            for (session_id, seat) in &mut key.sessions {
                let is_caller = (id, *session_id) == (place.key, place.session_id);
                if seat.wants_updates && !(push.not_to_caller && is_caller) {
                    seat.session.notify(body.clone());
                    sessions += 1;
                }
            }
        }
        if sessions > 0 {
            self.note(now, place.conn, Entry::Told { user: push.user_id, sessions });
        }
    }

    /// `destroy_session`, of another session of the same key. Spec: mtproto/service_messages#destroying-a-session
    fn destroy_session(&mut self, now: Instant, place: Place, r: &mut Reader<'_>) {
        let Ok(DestroySession { session_id }) = DestroySession::read(r) else { return };
        let key = self.auth.get(place.key, self.clock.at(now).as_secs()).filter(|_| session_id != place.session_id);
        let is_gone = key.is_some_and(|key| key.sessions.remove(&session_id).is_some());
        let said =
            if is_gone { boxed(&DestroySessionOk { session_id }) } else { boxed(&DestroySessionNone { session_id }) };
        self.remark(place, said);
    }

    fn remark(&mut self, place: Place, body: Bytes) {
        if let Some(seat) = self.auth.seat(place.key, place.session_id) {
            seat.session.remark(body);
        }
    }

    /// Forgets keys, once everything is sealed that was still to be said in this place.
    fn bury(&mut self, conn: &mut Conn, now: Instant, place: Place, keys: &[[u8; 8]]) {
        let Some(seat) = self.auth.seat(place.key, place.session_id) else { return };
        while let (Ok(Some(packet)), Some(framer)) =
            (seat.session.poll_packet(now, &mut *self.random), &mut conn.framer)
        {
            let _ = framer.encode(&packet, &mut conn.out);
        }
        for key in keys {
            self.auth.remove(*key);
        }
    }

    /// `auth.dropTempAuthKeys`: those of the same permanent key, but for those that it names and the one that asks.
    fn drop_temporary(&mut self, place: Place, call: &Raw) -> Result<bool, RpcError> {
        let except = read_call::<DropTempAuthKeys>(call)?.except_auth_keys;
        let permanent = self.auth.permanent(place.key);
        for key in self.auth.standing_for(permanent) {
            if key != permanent && key != place.key && !except.contains(&i64::from_le_bytes(key)) {
                self.auth.remove(key);
            }
        }
        Ok(true)
    }

    /// `auth.bindTempAuthKey`. Spec: method/auth.bindTempAuthKey
    fn bind(&mut self, now: Instant, place: Place, msg_id: i64, call: &Raw) -> Result<bool, RpcError> {
        let call = BindTempAuthKey::from_boxed(&call.0).map_err(|_| bad("INPUT_FETCH_ERROR"))?;
        let unix = self.clock.at(now).as_secs();
        let permanent = call.perm_auth_key_id.to_le_bytes();
        let invalid = || bad("ENCRYPTED_MESSAGE_INVALID");
        let dc_id = self.auth.get(place.key, unix).and_then(|key| key.caller.dc_id);
        let key = self.auth.get(permanent, unix).filter(|key| key.expires_at.is_none() && key.caller.dc_id == dc_id);
        let key = key.ok_or_else(invalid)?;
        let (inner, inner_msg_id) = open_bind(&key.auth_key, &call.encrypted_message.0).ok_or_else(invalid)?;
        let is_same = inner_msg_id == msg_id
            && inner.nonce == call.nonce
            && inner.temp_auth_key_id.to_le_bytes() == place.key
            && inner.perm_auth_key_id == call.perm_auth_key_id
            && inner.temp_session_id == place.session_id
            && inner.expires_at == call.expires_at;
        if !is_same {
            return Err(invalid());
        }
        if i64::from(call.expires_at) <= unix {
            return Err(bad("EXPIRES_AT_INVALID"));
        }
        let key = self.auth.get(place.key, unix).filter(|key| key.expires_at.is_some());
        let key = key.ok_or_else(|| bad("TEMP_AUTH_KEY_EMPTY"))?;
        if key.bound_to.is_some_and(|to| to != permanent) {
            return Err(bad("TEMP_AUTH_KEY_ALREADY_BOUND"));
        }
        key.bound_to = Some(permanent);
        self.note(now, place.conn, Entry::Bound { id: place.key, to: permanent });
        Ok(true)
    }
}

/// The lowest id in a packet: what came before it belongs to no session that is known.
fn first_msg_id(opened: &Opened) -> i64 {
    let inner = read_container(&opened.body).unwrap_or_default();
    inner.iter().map(|message| message.msg_id).fold(opened.header.msg_id, i64::min)
}

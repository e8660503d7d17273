//! Plain messages: the key exchange, honest or as a [fault](super::faults) has it.

use super::faults::Exchange;
use super::log::{Entry, Refusal};
use super::script::Cut;
use super::types::ConnId;
use super::{Caller, Conn, Dc, Denied};
use crate::base::side::Side;
use crate::base::time::Instant;
use crate::lab::server::handshake::{RequestError, ServerConfig};
use crate::lab::server::lies::FaultyHandshake;
use crate::protocol::handshake::plain;
use crate::telegram::dcs::{Environment, dc_number};
use crate::tl::{Combinator, Reader, Tl};
use crate::wire::mt::auth::{ReqPq, ReqPqMulti};
use crate::wire::transport::TransportFault;
use alloc::collections::VecDeque;

impl Dc {
    /// A step of the key exchange.
    pub(super) fn take_plain(
        &mut self,
        id: ConnId,
        conn: &mut Conn,
        now: Instant,
        packet: &[u8],
    ) -> Result<(), Denied> {
        let seen = self.watches.plain(now, id, packet);
        self.note_reactions(now, id, seen);
        if let Some(nonce) = first_nonce(packet).filter(|nonce| conn.nonce.as_ref() != Some(nonce)) {
            (conn.nonce, conn.handshake) = (Some(nonce), None); // another exchange
        }
        let handshake = conn.handshake.get_or_insert_with(|| {
            let environment = if self.world.home.test_mode { Environment::Test } else { Environment::Production };
            let dc = dc_number(environment, conn.dc_id, false);
            let config = ServerConfig { keys: self.keys.clone(), dc: Some(dc), script: VecDeque::new() };
            match self.world.faults.exchange() {
                Exchange::Honest => FaultyHandshake::new(config, None),
                Exchange::Scripted(script) => FaultyHandshake::new(ServerConfig { script, ..config }, None),
                Exchange::Lying(lie) => FaultyHandshake::new(config, Some(lie)),
            }
        });
        let answer = handshake.handle(self.clock.at(now), packet, &mut *self.random).map_err(|e| {
            let fault = match e {
                RequestError::Dc => TransportFault::InvalidDc,
                _ => TransportFault::AuthKeyNotFound,
            };
            (Refusal::Handshake(e), Some(fault))
        })?;
        if let Some(grant) = answer.grant {
            let (key, expires_at, age) = (grant.auth_key.id(), grant.expires_at, grant.age);
            let caller = Caller { dc_id: Some(conn.dc_id), ..Caller::default() };
            self.auth.add(grant.auth_key, grant.server_salt, expires_at, caller);
            self.note(now, id, Entry::Key { id: key, expires_at, age });
        }
        if answer.send.is_empty() {
            return Ok(()); // a lie: it never comes
        }
        let (is_sent, is_last) = conn.cut.as_mut().map_or((true, false), Cut::give);
        if let (Some(framer), true) = (&mut conn.framer, is_sent) {
            framer.encode(&answer.send, &mut conn.out).map_err(|e| (Refusal::Frame(e), None))?;
        }
        if is_last { Err((Refusal::Scripted, None)) } else { Ok(()) }
    }
}

/// The `nonce` of a plain message that a key exchange begins with.
fn first_nonce(packet: &[u8]) -> Option<[u8; 16]> {
    let mut r = Reader::new(plain::open(packet, Side::Client).ok()?.body);
    matches!(r.u32().ok()?, ReqPq::ID | ReqPqMulti::ID).then(|| <[u8; 16]>::read(&mut r).ok())?
}

//! Keys of a connection: the key exchange, or a saved key, and the session that follows.

use super::pfs::Pfs;
use super::{Connection, ConnectionError, Event, SavedKey, Stage};
use crate::base::entropy::EntropyFailed;
use crate::base::time::Instant;
use crate::crypto::auth_key::AuthKey;
use crate::protocol::handshake::Grant;
use crate::protocol::handshake::client::{ClientHandshake, HandshakeConfig};
use crate::protocol::session::Session;
use alloc::boxed::Box;

impl Connection {
    /// A key is made: the permanent one, or a temporary one to be bound to it.
    #[inline(never)] // a frame of its own: what comes before or after needs none of it
    pub(super) fn granted(&mut self, now: Instant, grant: Grant) -> Result<(), ConnectionError> {
        self.clock = grant.clock;
        if let Some(key) = Pfs::temporary_of(&grant) {
            self.events.push_back(Event::Temporary(key.clone()));
            return self.open_temporary(key, false);
        }
        let saved = SavedKey { key: grant.auth_key, salt: grant.server_salt, time_offset: None };
        self.events.push_back(Event::Authorized(saved.clone()));
        self.begin_with(now, saved)
    }

    pub(super) fn open_session(&mut self, key: &AuthKey, salt: i64) -> Result<(), EntropyFailed> {
        let mut session = Session::client(key.clone(), salt, self.clock, &mut *self.random)?;
        session.salts_mut().extend(&core::mem::take(&mut self.config.salts));
        session.ask_salts(self.config.ask_salts);
        self.take_over(&mut session);
        for body in core::mem::take(&mut self.early) {
            // Those that nobody waits for any more have had their names.
            let is_wanted = body.is_some();
            let call = session.call(body.unwrap_or_default());
            if !is_wanted {
                session.forget(call);
            }
        }
        self.stage = Stage::Open(Box::new(session));
        Ok(())
    }

    pub(super) fn begin(&mut self, now: Instant) -> Result<(), ConnectionError> {
        match self.pfs.permanent().or(self.config.saved.as_ref()).cloned() {
            Some(saved) => self.begin_with(now, saved),
            None => self.exchange(now, None),
        }
    }

    /// Begins a key exchange, for a permanent key or for one that `expires_in`.
    pub(super) fn exchange(&mut self, now: Instant, expires_in: Option<i32>) -> Result<(), ConnectionError> {
        let config = HandshakeConfig { keys: self.config.keys.clone(), dc: self.config.dc, expires_in };
        let (machine, question) = ClientHandshake::start(config, self.clock, now, &mut *self.random)?;
        self.events.push_back(Event::Exchange { is_temporary: expires_in.is_some() });
        self.stage = Stage::Handshake { machine: Box::new(machine), waiting: Some(question) };
        Ok(())
    }
}

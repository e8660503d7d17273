//! Perfect forward secrecy: messages go under temporary keys. Each is bound to the permanent key before anything else is
//! sent under it, and followed by another before it expires.
//!
//! Spec: api/pfs

use super::{Connection, ConnectionError, Event, Init, SavedKey, Stage, TemporaryKey};
use crate::base::time::{Instant, UnixTime};
use crate::protocol::handshake::Grant;
use crate::protocol::session::{CallError, Session};
use crate::telegram::api::connect::InvokeWithLayer;
use crate::tl::Combinator;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Seconds before its end at which a temporary key is renewed if no call waits for an answer.
const RENEW_BEFORE: i64 = 300;
/// Seconds before its end at which a temporary key is renewed in any case.
const RENEW_AT_LAST: i64 = 60;

/// Setting of perfect forward secrecy: off, or the lifetime of temporary keys.
#[derive(Debug, Clone, Default)]
pub struct TemporaryKeys {
    lifetime: Option<i32>,
    saved: Option<TemporaryKey>,
}

impl TemporaryKeys {
    /// Sends messages under temporary keys that live `seconds`, bound to the permanent key, which then encrypts nothing
    /// else.
    pub const fn lasting(seconds: i32) -> Self {
        Self { lifetime: Some(seconds), saved: None }
    }
    /// Returns true without forward secrecy.
    pub const fn is_off(&self) -> bool {
        self.lifetime.is_none()
    }
    /// Starts with a temporary key that is bound already, if it does not expire soon.
    #[must_use]
    pub fn with_saved(self, key: TemporaryKey) -> Self {
        Self { saved: Some(key), ..self }
    }
}

/// Forward secrecy of one connection.
#[derive(Default)]
pub(super) struct Pfs {
    /// The permanent key, if messages go under temporary ones.
    permanent: Option<SavedKey>,
    /// The temporary key in use.
    temporary: Option<TemporaryKey>,
    /// Session of a temporary key that was dropped; its calls wait for the next.
    before: Option<Box<Session>>,
}

impl Pfs {
    pub(super) const fn permanent(&self) -> Option<&SavedKey> {
        self.permanent.as_ref()
    }
    pub(super) fn before(&self) -> Option<&Session> {
        self.before.as_deref()
    }
    pub(super) fn before_mut(&mut self) -> Option<&mut Session> {
        self.before.as_deref_mut()
    }
    /// The key of a key exchange if it is temporary.
    pub(super) fn temporary_of(grant: &Grant) -> Option<TemporaryKey> {
        let expires_at = grant.expires_at?;
        Some(TemporaryKey { key: grant.auth_key.clone(), salt: grant.server_salt, expires_at })
    }
    /// Handles the answer to a binding.
    pub(super) fn on_bound(&mut self, result: Result<(), CallError>) -> Option<Event> {
        match (result, &self.temporary) {
            (Ok(()), key) => key.clone().map(Event::Bound),
            (Err(error), _) => {
                self.temporary = None;
                Some(Event::NotBound(error))
            }
        }
    }
}

impl Init {
    /// Wraps a call that is not wrapped already.
    fn wrap_once(&self, call: &[u8]) -> Option<Vec<u8>> {
        let is_wrapped = call.starts_with(&InvokeWithLayer::ID.to_le_bytes());
        (!is_wrapped).then(|| self.wrap(call.to_vec()))
    }
}

impl Connection {
    /// Opens a session under the permanent key, or under a temporary one.
    pub(super) fn begin_with(&mut self, now: Instant, saved: SavedKey) -> Result<(), ConnectionError> {
        let Some(lifetime) = self.config.temporary.lifetime else {
            return Ok(self.open_session(&saved.key, saved.salt)?);
        };
        self.pfs.permanent = Some(saved);
        let known = self.pfs.temporary.take().or_else(|| self.config.temporary.saved.take());
        let soon = self.clock.at(now).as_secs() + RENEW_BEFORE;
        match known.filter(|key| i64::from(key.expires_at) > soon) {
            Some(key) => self.open_temporary(key, true),
            None => {
                // These salts are of a key that is not used.
                self.config.salts.clear();
                self.exchange(now, Some(lifetime))
            }
        }
    }

    pub(super) fn open_temporary(&mut self, temporary: TemporaryKey, is_bound: bool) -> Result<(), ConnectionError> {
        self.open_session(&temporary.key, temporary.salt)?;
        if let (Stage::Open(session), Some(permanent), false) = (&mut self.stage, &self.pfs.permanent, is_bound) {
            session.bind(permanent.key.clone(), temporary.expires_at);
            // The server knows nothing of a new key: the first call after the binding introduces the client.
            self.is_known = false;
        }
        self.pfs.temporary = Some(temporary);
        Ok(())
    }

    /// Binds `temporary`, the key of this session, once more after the server refused to
    /// ([`Event::NotBound`]), such as after a flood wait.
    pub fn bind_again(&mut self, temporary: TemporaryKey) {
        if let (Stage::Open(session), Some(permanent)) = (&mut self.stage, &self.pfs.permanent)
            && session.key().is(&temporary.key)
        {
            session.bind(permanent.key.clone(), temporary.expires_at);
            self.pfs.temporary = Some(temporary);
        }
    }

    /// Moves the calls of the previous temporary key's session into `session`.
    pub(super) fn take_over(&mut self, session: &mut Session) {
        let Some(before) = self.pfs.before.take() else { return };
        session.adopt(*before);
        // The server knows nothing of a new key: the first call introduces the client.
        self.is_known = false;
        self.introductions.clear();
        if let Some(init) = &self.config.init {
            self.introductions = session.wrap_calls(|body| init.wrap_once(body));
        }
    }

    /// Renews a temporary key that expires soon, preferably while no call waits for an answer.
    pub(super) fn renew_key(&mut self, now: Instant) -> Result<(), ConnectionError> {
        let (Some(lifetime), Some(key)) = (self.config.temporary.lifetime, &self.pfs.temporary) else { return Ok(()) };
        let left = i64::from(key.expires_at) - self.unix(now).as_secs();
        let is_quiet = self.session().is_some_and(|session| session.unanswered() == 0);
        if left > RENEW_BEFORE || (left > RENEW_AT_LAST && !is_quiet) {
            return Ok(());
        }
        let Stage::Open(session) = core::mem::replace(&mut self.stage, Stage::Start) else { return Ok(()) };
        self.clock = *session.clock();
        self.pfs.temporary = None;
        self.pfs.before = Some(session);
        self.exchange(now, Some(lifetime))
    }

    /// Drops the temporary key, which the server does not know or refuses to bind. The next connection makes another;
    /// the permanent key stays.
    pub fn drop_temporary(&mut self) {
        self.pfs.temporary = None;
        if self.config.temporary.lifetime.is_some()
            && let Stage::Open(session) = core::mem::replace(&mut self.stage, Stage::Start)
        {
            self.clock = *session.clock();
            self.pfs.before = Some(session);
        }
    }

    /// Time at which the temporary key must be renewed.
    pub(super) fn key_due(&self, session: &Session) -> Option<Instant> {
        let key = self.pfs.temporary.as_ref().filter(|_| self.config.temporary.lifetime.is_some())?;
        let ahead = if session.unanswered() == 0 { RENEW_BEFORE } else { RENEW_AT_LAST };
        Some(session.clock().when(UnixTime::from_secs(i64::from(key.expires_at) - ahead)))
    }
}

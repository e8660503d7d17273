//! Perfect forward secrecy: messages go under temporary keys, each bound to the permanent one before anything else is
//! said under it, and followed by another before it ends.
//!
//! Spec: api/pfs

use super::{Connection, ConnectionError, SavedKey, Stage, TemporaryKey};
use crate::base::time::{Instant, UnixTime};
use crate::protocol::session::Session;

/// A temporary key is renewed so many seconds before its end, if nothing waits for an answer.
const RENEW_BEFORE: i64 = 300;
/// So many seconds before its end it is renewed whatever waits.
const RENEW_AT_LAST: i64 = 60;

impl Connection {
    /// The permanent key is known: the session begins under it, or under a temporary one.
    pub(super) fn begin_with(&mut self, now: Instant, saved: SavedKey) -> Result<(), ConnectionError> {
        let Some(lifetime) = self.config.temporary else {
            return Ok(self.open_session(&saved.key, saved.salt)?);
        };
        self.permanent = Some(saved);
        let known = self.temporary.take().or_else(|| self.config.saved_temporary.take());
        let soon = self.clock.at(now).as_secs() + RENEW_BEFORE;
        match known.filter(|key| i64::from(key.expires_at) > soon) {
            Some(key) => self.open_temporary(key, true),
            None => {
                // They were of a key that is not used.
                self.config.salts.clear();
                self.exchange(now, Some(lifetime))
            }
        }
    }

    pub(super) fn open_temporary(&mut self, temporary: TemporaryKey, is_bound: bool) -> Result<(), ConnectionError> {
        self.open_session(&temporary.key, temporary.salt)?;
        if let (Stage::Open(session), Some(permanent), false) = (&mut self.stage, &self.permanent, is_bound) {
            session.bind(permanent.key.clone(), temporary.expires_at);
            // A new key is a stranger: the first call after the binding introduces it.
            self.is_known = false;
        }
        self.temporary = Some(temporary);
        Ok(())
    }

    /// Asks again to bind `temporary`, the key of this session, which the server has refused to bind so far
    /// ([`Event::NotBound`](super::Event::NotBound)): after a flood wait there is no need of another key.
    pub fn bind_again(&mut self, temporary: TemporaryKey) {
        if let (Stage::Open(session), Some(permanent)) = (&mut self.stage, &self.permanent)
            && session.key().is(&temporary.key)
        {
            session.bind(permanent.key.clone(), temporary.expires_at);
            self.temporary = Some(temporary);
        }
    }

    /// Takes over the calls of the session of the key before.
    pub(super) fn take_over(&mut self, session: &mut Session) {
        let Some(before) = self.before.take() else { return };
        session.adopt(*before);
        // A new key is a stranger: whichever call comes first introduces it.
        self.is_known = false;
        self.introductions.clear();
        if let Some(init) = &self.config.init {
            self.introductions = session.wrap_calls(|body| init.wrap_once(body));
        }
    }

    /// A temporary key near its end is followed by another, at a quiet moment if there is one.
    pub(super) fn renew_key(&mut self, now: Instant) -> Result<(), ConnectionError> {
        let (Some(lifetime), Some(key)) = (self.config.temporary, &self.temporary) else { return Ok(()) };
        let left = i64::from(key.expires_at) - self.unix(now).as_secs();
        let is_quiet = self.session().is_some_and(|session| session.unanswered() == 0);
        if left > RENEW_BEFORE || (left > RENEW_AT_LAST && !is_quiet) {
            return Ok(());
        }
        let Stage::Open(session) = core::mem::replace(&mut self.stage, Stage::Start) else { return Ok(()) };
        self.clock = *session.clock();
        self.temporary = None;
        self.before = Some(session);
        self.exchange(now, Some(lifetime))
    }

    /// The server does not know the temporary key, or will not bind it: the next connection makes another. The permanent
    /// key stays.
    pub fn drop_temporary(&mut self) {
        self.temporary = None;
        if self.config.temporary.is_some()
            && let Stage::Open(session) = core::mem::replace(&mut self.stage, Stage::Start)
        {
            self.clock = *session.clock();
            self.before = Some(session);
        }
    }

    /// When the temporary key should be looked after.
    pub(super) fn key_due(&self, session: &Session) -> Option<Instant> {
        let key = self.temporary.as_ref().filter(|_| self.config.temporary.is_some())?;
        let ahead = if session.unanswered() == 0 { RENEW_BEFORE } else { RENEW_AT_LAST };
        Some(session.clock().when(UnixTime::from_secs(i64::from(key.expires_at) - ahead)))
    }
}

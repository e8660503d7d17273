//! Without the feature `pfs` messages go under the permanent key.

use super::{Connection, ConnectionError, Event, SavedKey, TemporaryKey};
use crate::base::time::Instant;
use crate::protocol::handshake::Grant;
use crate::protocol::session::{CallError, Session};

/// Setting of perfect forward secrecy, which needs the feature `pfs`: always off.
#[derive(Debug, Clone, Default)]
pub struct TemporaryKeys(());

impl TemporaryKeys {
    /// Returns true without forward secrecy.
    pub const fn is_off(&self) -> bool {
        true
    }
}

#[derive(Default)]
pub(super) struct Pfs(());

#[expect(clippy::unused_self, reason = "signatures of the module with the feature")]
impl Pfs {
    pub(super) const fn permanent(&self) -> Option<&SavedKey> {
        None
    }
    pub(super) const fn before(&self) -> Option<&Session> {
        None
    }
    pub(super) const fn before_mut(&mut self) -> Option<&mut Session> {
        None
    }
    pub(super) const fn temporary_of(_: &Grant) -> Option<TemporaryKey> {
        None
    }
    pub(super) fn on_bound(&mut self, _: Result<(), CallError>) -> Option<Event> {
        None
    }
}

#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "signatures of the module with the feature")]
impl Connection {
    pub(super) fn begin_with(&mut self, _: Instant, saved: SavedKey) -> Result<(), ConnectionError> {
        Ok(self.open_session(&saved.key, saved.salt)?)
    }
    pub(super) fn open_temporary(&mut self, key: TemporaryKey, _: bool) -> Result<(), ConnectionError> {
        Ok(self.open_session(&key.key, key.salt)?)
    }
    pub(super) const fn take_over(&mut self, _: &mut Session) {}
    pub(super) const fn renew_key(&mut self, _: Instant) -> Result<(), ConnectionError> {
        Ok(())
    }
    pub(super) const fn key_due(&self, _: &Session) -> Option<Instant> {
        None
    }
}

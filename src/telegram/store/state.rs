//! Everything that is worth keeping between two runs.
//!
//! Its bytes are version [`VERSION`] of a layout of its own: see [`State::to_bytes`]. Everything that grows has a limit.

use crate::crypto::auth_key::AuthKey;
use crate::telegram::dcs::{DcTable, Environment};
use crate::telegram::store::SavedSession;
pub use crate::telegram::store::names::{CachedName, MAX_NAMES, NameCache, NameKind};
use crate::telegram::store::realm::Servers;
use crate::tl::DecodeError;
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

/// The version of the layout.
///
/// Version 2, which records no realm, is still read: see [`State::from_bytes`].
pub const VERSION: u32 = 3;
/// The most bytes a state has; a larger file is none.
pub const MAX_BYTES: usize = 64 * 1024;
/// The most salts kept for one key: what `get_future_salts` gives at once.
pub const MAX_SALTS: usize = 64;

/// What one account keeps.
#[derive(Debug, Clone)]
pub struct State {
    /// Whose data centres, and where they are.
    pub dcs: DcTable,
    /// Owner of the servers that know the keys; [`State::enter`] holds against it where they are to be used.
    pub servers: Servers,
    /// The account's data centre; known to `dcs`.
    pub home: u8,
    /// Who is signed in.
    pub user: Option<SavedUser>,
    /// The application that signed in.
    pub api_id: Option<i32>,
    /// The server's clock minus the device's, in microseconds.
    pub clock_offset: Option<i64>,
    /// When the addresses in `dcs` were asked for; `None`: they never were.
    pub config: Option<ConfigAge>,
    /// The keys of each data centre, and their salts.
    pub keys: BTreeMap<u8, DcKey>,
    /// Peers found by their names. Their access hashes are this user's alone.
    pub names: NameCache,
}

/// Who is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavedUser {
    /// The user's id.
    pub id: i64,
    /// Whether it is a bot; only people can start bots.
    pub is_bot: bool,
}

/// How old an answer of `help.getConfig` is, in seconds since 1970 by the server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigAge {
    /// When the server gave it.
    pub date: i32,
    /// When it should be asked for again.
    pub expires: i32,
}

/// The keys of a data centre.
#[derive(Debug, Clone)]
pub struct DcKey {
    /// The permanent key.
    pub auth_key: AuthKey,
    /// When it was made, in seconds since 1970 by the server's clock; 0: long ago.
    pub made_at: i32,
    /// Server salts that are or will be valid for it.
    pub salts: Vec<SavedSalt>,
    /// A temporary key that is bound to it.
    pub temporary: Option<TempKey>,
}

impl DcKey {
    /// A permanent key of which nothing else is known.
    #[must_use]
    pub const fn new(auth_key: AuthKey) -> Self {
        Self { auth_key, made_at: 0, salts: Vec::new(), temporary: None }
    }
}

/// A temporary key.
#[derive(Debug, Clone)]
pub struct TempKey {
    /// The key.
    pub auth_key: AuthKey,
    /// When it ends, in seconds since 1970 by the server's clock.
    pub expires_at: i32,
    /// Server salts that are or will be valid for it.
    pub salts: Vec<SavedSalt>,
}

/// A server salt and when it is valid, in seconds since 1970 by the server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavedSalt {
    /// The salt.
    pub salt: i64,
    /// From when.
    pub valid_since: i32,
    /// Until when.
    pub valid_until: i32,
}

/// A server salt whose time the server has not told.
impl From<i64> for SavedSalt {
    fn from(salt: i64) -> Self {
        Self { salt, valid_since: 0, valid_until: i32::MAX }
    }
}

impl State {
    /// Nothing but a place to begin.
    #[must_use]
    pub const fn new(environment: Environment, home: u8) -> Self {
        let (user, api_id, clock_offset, config) = (None, None, None, None);
        let names = NameCache::new();
        let keys = BTreeMap::new();
        let servers = Servers::Unknown;
        Self { dcs: DcTable::new(environment), servers, home, user, api_id, clock_offset, config, keys, names }
    }

    /// The state that a session string begins; `or_else` is the environment if the string does not tell.
    ///
    /// # Errors
    /// Its data centre is not one of that environment.
    pub fn from_session(session: &SavedSession, or_else: Environment) -> Result<Self, StateError> {
        let mut state = Self::new(session.known_environment().unwrap_or(or_else), session.dc_id);
        if state.dcs.address(session.dc_id).is_none() {
            return Err(StateError::Invalid("the data centre"));
        }
        if let Some((ip, port)) = session.ip().filter(|_| session.addr.is_some()) {
            state.dcs.add(session.dc_id, SocketAddr::new(ip, port));
        }
        state.servers = session.known_servers();
        if session.is_local() || matches!(state.servers, Servers::Own(_)) {
            state.dcs.drop_built_in();
        }
        state.user = session.user_id.map(|id| SavedUser { id, is_bot: session.is_bot == Some(true) });
        state.api_id = session.api_id;
        state.keys.insert(session.dc_id, DcKey::new(session.auth_key.clone()));
        Ok(state)
    }

    /// The home's key as a session string has it; `None` before there is one.
    #[must_use]
    pub fn to_session(&self) -> Option<SavedSession> {
        let addr = self.dcs.address(self.home).map(|addr| (addr.ip().to_string(), addr.port()));
        Some(SavedSession {
            addr,
            environment: Some(self.dcs.environment()),
            user_id: self.user.map(|user| user.id),
            is_bot: self.user.map(|user| user.is_bot),
            api_id: self.api_id,
            servers: self.servers.clone(),
            ..SavedSession::new(self.home, self.keys.get(&self.home)?.auth_key.clone())
        })
    }
}

/// Why bytes are no state.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateError {
    /// They are something else.
    Foreign,
    /// Of a version that this program does not know.
    Version(u32),
    /// They end early.
    Cut,
    /// They were changed: the hash does not fit.
    Damaged,
    /// Whole, but what they say cannot be.
    Invalid(&'static str),
}

impl From<DecodeError> for StateError {
    fn from(_: DecodeError) -> Self {
        Self::Cut
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("this is no session file of nanogram"),
            Self::Version(version) => {
                write!(f, "a session file of version {version}: this program knows version {VERSION}")
            }
            Self::Cut => f.write_str("the session file was cut: its end is missing"),
            Self::Damaged => f.write_str("the session file was changed or damaged: its check does not fit"),
            Self::Invalid(what) => write!(f, "the session file cannot be right: {what} is impossible"),
        }
    }
}
impl core::error::Error for StateError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn a_session_string_begins_a_state_and_comes_back() {
        let mut state = State::new(Environment::Test, 2);
        state.user = Some(SavedUser { id: 7_000_000_001, is_bot: false });
        state.api_id = Some(12_345);
        state.keys.insert(2, DcKey::new(AuthKey::from_bytes([2; 256])));
        assert!(state.dcs.add(2, "127.0.0.1:14430".parse().unwrap()));
        let session = state.to_session().unwrap();
        assert_eq!(session.addr, Some(("127.0.0.1".into(), 14430)));
        let again = State::from_session(&session, Environment::Production).unwrap();
        assert_eq!(again.dcs.environment(), Environment::Test, "the string knows better");
        assert_eq!(format!("{:?}", again.to_session()), format!("{:?}", Some(&session)));
        assert!(again.keys[&2].auth_key.is(&state.keys[&2].auth_key));
        assert!(State::new(Environment::Test, 1).to_session().is_none());

        let elsewhere = SavedSession { dc_id: 4, ..session };
        assert_eq!(
            State::from_session(&elsewhere, Environment::Test).unwrap_err(),
            StateError::Invalid("the data centre")
        );
    }
}

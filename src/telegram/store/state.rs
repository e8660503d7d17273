//! State of an account that is kept between runs.
//!
//! It is stored in version [`VERSION`] of a binary layout: see [`State::to_bytes`]. All variable parts have limits.

use crate::crypto::auth_key::AuthKey;
use crate::telegram::dcs::{DcTable, Environment};
use crate::telegram::store::SavedSession;
pub use crate::telegram::store::names::{CachedName, MAX_NAMES, NameCache, NameKind};
use crate::telegram::store::realm::{Realm, RealmError, Servers};
use crate::tl::DecodeError;
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

/// Version of the layout.
///
/// Version 2, which records no realm, can still be read: see [`State::from_bytes`].
pub const VERSION: u32 = 3;
/// Maximum size of an encoded state in bytes. A larger file is refused.
pub const MAX_BYTES: usize = 64 * 1024;
/// Maximum number of salts kept for one key, which is the number that `get_future_salts` returns at once.
pub const MAX_SALTS: usize = 64;

/// State of one account.
#[derive(Debug, Clone)]
pub struct State {
    /// The environment and addresses of the data centres.
    pub dcs: DcTable,
    /// Owner of the servers that know the keys. [`State::enter`] compares it with the servers to be used.
    pub servers: Servers,
    /// The account's home data centre, which `dcs` must know.
    pub home: u8,
    /// The user that is signed in.
    pub user: Option<SavedUser>,
    /// The `api_id` of the application that signed in.
    pub api_id: Option<i32>,
    /// The server's clock minus the local clock, in microseconds.
    pub clock_offset: Option<i64>,
    /// Time at which the addresses in `dcs` were fetched; `None` if never.
    pub config: Option<ConfigAge>,
    /// Keys and salts of each data centre.
    pub keys: BTreeMap<u8, DcKey>,
    /// Cache of resolved usernames. Their access hashes are valid only for this user.
    pub names: NameCache,
}

/// The user that is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavedUser {
    /// The user id.
    pub id: i64,
    /// True if the user is a bot. Bots cannot start bots.
    pub is_bot: bool,
}

/// Age of an answer to `help.getConfig`, in seconds since 1970 by the server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigAge {
    /// Time of the answer.
    pub date: i32,
    /// Time at which it should be requested again.
    pub expires: i32,
}

/// Keys of a data centre.
#[derive(Debug, Clone)]
pub struct DcKey {
    /// The permanent key.
    pub auth_key: AuthKey,
    /// Creation time in seconds since 1970 by the server's clock; 0 if unknown.
    pub made_at: i32,
    /// Server salts that are or will be valid for the key.
    pub salts: Vec<SavedSalt>,
    /// A temporary key bound to the permanent one.
    pub temporary: Option<TempKey>,
}

impl DcKey {
    /// Creates an entry for a permanent key without further data.
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
    /// Expiry time in seconds since 1970 by the server's clock.
    pub expires_at: i32,
    /// Server salts that are or will be valid for the key.
    pub salts: Vec<SavedSalt>,
}

/// A server salt and its validity, in seconds since 1970 by the server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavedSalt {
    /// The salt.
    pub salt: i64,
    /// Start of validity.
    pub valid_since: i32,
    /// End of validity.
    pub valid_until: i32,
}

/// Converts a server salt of unknown validity, which is then assumed to be unlimited.
impl From<i64> for SavedSalt {
    fn from(salt: i64) -> Self {
        Self { salt, valid_since: 0, valid_until: i32::MAX }
    }
}

impl State {
    /// Creates an empty state with a home data centre.
    #[must_use]
    pub const fn new(environment: Environment, home: u8) -> Self {
        let (user, api_id, clock_offset, config) = (None, None, None, None);
        let names = NameCache::new();
        let keys = BTreeMap::new();
        let servers = Servers::Unknown;
        Self { dcs: DcTable::new(environment), servers, home, user, api_id, clock_offset, config, keys, names }
    }

    /// Creates a state from a session string. `or_else` is the environment if the string does not contain it.
    ///
    /// # Errors
    /// The environment has no such data centre.
    pub fn from_session(session: &SavedSession, or_else: Environment) -> Result<Self, StateError> {
        let mut state = Self::new(session.known_environment().unwrap_or(or_else), session.dc_id);
        if state.dcs.address(session.dc_id).is_none() {
            return Err(StateError::Invalid("the data centre"));
        }
        // Without an address in the string, `ip` returns the built-in one, which the table has already.
        if let Some((ip, port)) = session.ip().filter(|_| session.addr.is_some()) {
            state.dcs.add(session.dc_id, SocketAddr::new(ip, port));
        }
        state.servers = session.known_servers();
        // The key of a private server must never be used with Telegram's.
        if session.is_local() || matches!(state.servers, Servers::Own(_)) {
            state.dcs.drop_built_in();
        }
        state.user = session.user_id.map(|id| SavedUser { id, is_bot: session.is_bot == Some(true) });
        state.api_id = session.api_id;
        state.keys.insert(session.dc_id, DcKey::new(session.auth_key.clone()));
        Ok(state)
    }

    /// Returns the home data centre's key as a session; `None` if there is no key.
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

impl State {
    /// Realm that the keys belong to.
    #[must_use]
    pub fn realm(&self) -> Realm {
        Realm { environment: self.dcs.environment(), servers: self.servers.clone() }
    }

    /// Prepares the state for use in `realm`, which is recorded if the state does not name one.
    ///
    /// For servers other than Telegram's the built-in addresses are dropped.
    ///
    /// # Errors
    /// The state belongs to another realm. Then nothing was changed.
    pub fn enter(&mut self, realm: &Realm) -> Result<(), RealmError> {
        let fits = match (&self.servers, &realm.servers) {
            (Servers::Unknown, Servers::Telegram) => self.keys.is_empty() || self.dcs.has_built_in(),
            (Servers::Unknown, _) => true,
            (Servers::Own(of), Servers::Own(there)) => of.iter().any(|key| there.contains(key)),
            (of, there) => of == there,
        };
        if !fits || self.dcs.environment() != realm.environment {
            return Err(RealmError { of: self.realm(), wanted: realm.clone() });
        }
        if self.servers == Servers::Unknown {
            self.servers = realm.servers.clone();
        }
        if self.servers != Servers::Telegram {
            self.dcs.drop_built_in();
        }
        Ok(())
    }
}

/// Error returned for bytes that are not a valid state.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateError {
    /// Not a state at all.
    Foreign,
    /// Unsupported version.
    Version(u32),
    /// Unexpected end of the bytes.
    Cut,
    /// Hash mismatch: the bytes were modified.
    Damaged,
    /// Complete bytes with an invalid value.
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
            Self::Foreign => f.write_str("this is not a nanogram session file"),
            Self::Version(version) => {
                write!(f, "a session file of version {version}: this program supports version {VERSION}")
            }
            Self::Cut => f.write_str("the session file was cut: its end is missing"),
            Self::Damaged => f.write_str("the session file was changed or damaged: its checksum does not match"),
            Self::Invalid(what) => write!(f, "the session file contains an invalid value: {what}"),
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

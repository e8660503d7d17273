//! Realms: the sets of servers that share accounts and keys.
//!
//! | realm | servers | told by |
//! | --- | --- | --- |
//! | production | Telegram's | its RSA keys |
//! | test | Telegram's test servers | their RSA keys |
//! | own | somebody's own, such as `nanogram dc` | the fingerprints of their RSA keys |
//!
//! An authorization key is of use in one realm alone. A server of another realm does not know it and says so, which must
//! not be mistaken for the end of the session. [`State::enter`](crate::telegram::store::state::State::enter) is the one place that decides.

use crate::crypto::rsa::RsaKey;
use crate::telegram::dcs::{self, Environment};
use alloc::vec::Vec;
use core::fmt;

/// The most fingerprints that are saved with a state.
pub const MAX_FINGERPRINTS: usize = 8;

/// Owner of the servers that know a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Servers {
    /// Not recorded: Telegram's, unless the address says otherwise, or the first ones that the key is used with.
    #[default]
    Unknown,
    /// Telegram.
    Telegram,
    /// Somebody else; the fingerprints of their RSA keys.
    Own(Vec<i64>),
}

/// A set of servers that share accounts and keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realm {
    /// Production or test.
    pub environment: Environment,
    /// Owner of the servers.
    pub servers: Servers,
}

impl Realm {
    /// Telegram's servers of an environment.
    #[must_use]
    pub const fn telegram(environment: Environment) -> Self {
        Self { environment, servers: Servers::Telegram }
    }
    /// Servers that show one of `keys`. Telegram's own keys, and none at all, mean Telegram's servers.
    #[must_use]
    pub fn of_keys(environment: Environment, keys: &[RsaKey]) -> Self {
        let mut own: Vec<i64> = keys.iter().map(RsaKey::fingerprint).collect();
        let telegrams: Vec<i64> = dcs::keys(environment).iter().map(RsaKey::fingerprint).collect();
        if own.iter().all(|key| telegrams.contains(key)) {
            return Self::telegram(environment);
        }
        own.sort_unstable();
        own.dedup();
        own.truncate(MAX_FINGERPRINTS);
        Self { environment, servers: Servers::Own(own) }
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_test = self.environment == Environment::Test;
        let test = if is_test { " (test environment)" } else { "" };
        match &self.servers {
            Servers::Unknown => write!(f, "servers of somebody's own{test}"),
            Servers::Telegram if is_test => f.write_str("Telegram's test environment"),
            Servers::Telegram => f.write_str("Telegram's production environment"),
            Servers::Own(own) => {
                f.write_str("the servers with the RSA key ")?;
                for (nth, fingerprint) in own.iter().enumerate() {
                    write!(f, "{}{fingerprint:016x}", if nth == 0 { "" } else { " or " })?;
                }
                f.write_str(test)
            }
        }
    }
}

/// Use of a session at servers that do not know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealmError {
    /// Realm of the session.
    pub of: Realm,
    /// Realm that it was to be used in.
    pub wanted: Realm,
}

impl fmt::Display for RealmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the session is of {}, not of {}", self.of, self.wanted)
    }
}
impl core::error::Error for RealmError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::auth_key::AuthKey;
    use crate::telegram::store::state::DcKey;
    use crate::telegram::store::state::State;
    use alloc::string::ToString;
    use alloc::vec;

    fn state(servers: Servers) -> State {
        let mut state = State::new(Environment::Production, 2);
        state.keys.insert(2, DcKey::new(AuthKey::from_bytes([7; 256])));
        state.servers = servers;
        state
    }

    #[test]
    fn a_state_enters_its_own_realm_alone() {
        let telegram = Realm::telegram(Environment::Production);
        let own = |keys: &[i64]| Realm { environment: Environment::Production, servers: Servers::Own(keys.to_vec()) };
        for (servers, realm, fits) in [
            (Servers::Telegram, &telegram, true),
            (Servers::Telegram, &own(&[1]), false),
            (Servers::Telegram, &Realm::telegram(Environment::Test), false),
            (Servers::Own(vec![1, 2]), &own(&[2, 3]), true),
            (Servers::Own(vec![1, 2]), &own(&[3]), false),
            (Servers::Own(vec![1]), &telegram, false),
            (Servers::Unknown, &own(&[1]), true),
            (Servers::Unknown, &telegram, true),
        ] {
            let mut state = state(servers);
            let before = state.to_bytes();
            assert_eq!(state.enter(realm).is_ok(), fits, "{:?} {realm}", state.servers);
            assert!(fits || before == state.to_bytes(), "a refusal changes nothing");
            if fits {
                assert_eq!(state.dcs.has_built_in(), realm.servers == Servers::Telegram);
                assert_ne!(state.servers, Servers::Unknown);
            }
        }
        let mut local = state(Servers::Unknown);
        local.dcs.drop_built_in();
        assert!(local.enter(&telegram).unwrap_err().to_string().contains("somebody's own"));
    }

    #[test]
    fn telegrams_keys_are_telegrams_servers() {
        for environment in [Environment::Production, Environment::Test] {
            assert_eq!(Realm::of_keys(environment, dcs::keys(environment)), Realm::telegram(environment));
        }
        let realm = Realm::of_keys(Environment::Production, dcs::keys(Environment::Test));
        assert!(matches!(realm.servers, Servers::Own(_)), "the key of one environment proves nothing in the other");
    }
}

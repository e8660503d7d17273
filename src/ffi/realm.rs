//! Realms in C: which servers know a key, and the refusal to use it at others.

use super::{NANOGRAM_FINGERPRINTS, RealmData, ServersKind, Status};
use crate::telegram::dcs::Environment;
use crate::telegram::store::{Realm, SavedSession, Servers};

impl RealmData {
    /// Servers that are not known.
    pub(super) const UNKNOWN: Self = Self {
        servers: ServersKind::Unknown as u32,
        is_test: false,
        count: 0,
        fingerprints: [0; NANOGRAM_FINGERPRINTS],
    };

    pub(super) fn of_realm(realm: &Realm) -> Self {
        let (kind, own): (_, &[i64]) = match &realm.servers {
            Servers::Unknown => return Self::UNKNOWN,
            Servers::Telegram => (ServersKind::Telegram, &[]),
            Servers::Own(own) => (ServersKind::Own, own),
        };
        let mut data = Self { servers: kind as u32, is_test: realm.environment == Environment::Test, ..Self::UNKNOWN };
        for (to, from) in data.fingerprints.iter_mut().zip(own) {
            *to = *from;
            data.count += 1;
        }
        data
    }

    /// The realm that a session string names; of an address in a private network it is known that it is not Telegram's.
    pub(super) fn of_session(saved: &SavedSession) -> Self {
        let environment = saved.known_environment().unwrap_or_default();
        let servers = match saved.known_servers() {
            Servers::Unknown if saved.is_local() => Servers::Own(alloc::vec::Vec::new()),
            servers => servers,
        };
        Self::of_realm(&Realm { environment, servers })
    }

    /// Refuses a key of this realm at the servers of another.
    pub(super) fn check(&self, there: &Realm) -> Result<(), Status> {
        let own = self.fingerprints.get(..self.count.into()).ok_or(Status::BadArgument)?;
        let fits = match (self.servers, &there.servers) {
            (kind, _) if kind == ServersKind::Unknown as u32 => return Ok(()),
            (kind, servers) if kind == ServersKind::Telegram as u32 => *servers == Servers::Telegram,
            (kind, Servers::Own(there)) if kind == ServersKind::Own as u32 => {
                own.is_empty() || own.iter().any(|key| there.contains(key))
            }
            (kind, _) if kind == ServersKind::Own as u32 => false,
            _ => return Err(Status::BadArgument),
        };
        let is_test = there.environment == Environment::Test;
        if fits && self.is_test == is_test { Ok(()) } else { Err(Status::WrongRealm) }
    }
}

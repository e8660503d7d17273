//! Peers found by their names, for a while.

use crate::base::time::UnixTime;
use crate::telegram::link::Username;
use alloc::collections::BTreeMap;
use core::time::Duration;

/// The most names kept; the ones seen longest ago go first.
pub const MAX_NAMES: usize = 256;

/// A peer as found by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedName {
    /// The name asked for.
    pub username: Username,
    /// What it names.
    pub kind: NameKind,
    /// The id of the user or channel.
    pub id: i64,
    /// What proves to the server that this account may address it.
    pub access_hash: i64,
    /// When the server said so.
    pub seen: UnixTime,
}

/// What a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameKind {
    /// A person.
    Person,
    /// A bot.
    Bot,
    /// A supergroup or channel.
    Channel,
}

/// In the order of their numbers in the bytes.
pub(super) const KINDS: [NameKind; 3] = [NameKind::Person, NameKind::Bot, NameKind::Channel];

/// Peers found by name, not more than [`MAX_NAMES`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameCache(BTreeMap<Username, CachedName>);

impl NameCache {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }
    /// Keeps what the server said, in place of what it said before.
    pub fn insert(&mut self, name: CachedName) {
        self.0.insert(name.username.clone(), name);
        while self.0.len() > MAX_NAMES {
            let oldest = self.0.values().min_by_key(|name| name.seen).map(|name| name.username.clone());
            let _gone = oldest.and_then(|username| self.0.remove(&username));
        }
    }
    /// The peer of that name, unless the knowledge is older than `max_age` or from the future.
    #[must_use]
    pub fn get(&self, username: &Username, now: UnixTime, max_age: Duration) -> Option<&CachedName> {
        let known = self.0.get(username)?;
        let age = u64::try_from(now.as_micros().checked_sub(known.seen.as_micros())?).ok()?;
        (Duration::from_micros(age) <= max_age).then_some(known)
    }
    /// Forgets a name that led nowhere.
    pub fn remove(&mut self, username: &Username) {
        self.0.remove(username);
    }
    /// Forgets all: another user signed in, to whom these access hashes mean nothing.
    pub fn clear(&mut self) {
        self.0.clear();
    }
    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &CachedName> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(username: &str, seen: i64) -> CachedName {
        let username = Username::parse(username).unwrap();
        CachedName { username, kind: NameKind::Bot, id: 1 << 40, access_hash: -7, seen: UnixTime::from_secs(seen) }
    }

    #[test]
    fn a_name_is_known_while_it_is_fresh() {
        let mut names = NameCache::default();
        names.insert(name("Bot", 1000));
        let get = |names: &NameCache, now, age| {
            let username = Username::parse("@bOT").unwrap();
            names.get(&username, UnixTime::from_secs(now), Duration::from_secs(age)).is_some()
        };
        assert!(get(&names, 1000, 0) && get(&names, 1060, 60) && get(&names, i64::from(i32::MAX), u64::MAX));
        assert!(!get(&names, 1061, 60) && !get(&names, 999, 60), "too old; from the future");
        names.insert(name("BOT", 2000));
        assert_eq!(names.iter().count(), 1);
        assert!(get(&names, 2001, 60));
        names.remove(&Username::parse("bot").unwrap());
        assert!(!get(&names, 2001, 60));
    }
}

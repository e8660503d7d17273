//! Cache of resolved usernames.

use crate::base::time::UnixTime;
use crate::telegram::link::Username;
use alloc::collections::BTreeMap;
use core::time::Duration;

/// Maximum number of cached names. The oldest entries are dropped first.
pub const MAX_NAMES: usize = 256;

/// A resolved username.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedName {
    /// The username.
    pub username: Username,
    /// The kind of peer.
    pub kind: NameKind,
    /// The id of the user or channel.
    pub id: i64,
    /// The access hash that lets this account address the peer.
    pub access_hash: i64,
    /// Time of the server's answer.
    pub seen: UnixTime,
}

/// Kind of peer that a username refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameKind {
    /// A user who is not a bot.
    Person,
    /// A bot.
    Bot,
    /// A supergroup or channel.
    Channel,
}

/// All kinds, ordered by their numbers in the file.
pub(super) const KINDS: [NameKind; 3] = [NameKind::Person, NameKind::Bot, NameKind::Channel];

/// A cache of at most [`MAX_NAMES`] resolved usernames.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameCache(BTreeMap<Username, CachedName>);

impl NameCache {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }
    /// Inserts an entry, replacing the earlier one with the same username.
    pub fn insert(&mut self, name: CachedName) {
        self.0.insert(name.username.clone(), name);
        while self.0.len() > MAX_NAMES {
            // A linear search, because the cache is small and seldom full.
            let oldest = self.0.values().min_by_key(|name| name.seen).map(|name| name.username.clone());
            let _gone = oldest.and_then(|username| self.0.remove(&username));
        }
    }
    /// Returns the entry for a username, unless it is older than `max_age` or dated in the future.
    #[must_use]
    pub fn get(&self, username: &Username, now: UnixTime, max_age: Duration) -> Option<&CachedName> {
        let known = self.0.get(username)?;
        // An entry from the future shows that the clock was wrong, so its age is unknown.
        let age = u64::try_from(now.as_micros().checked_sub(known.seen.as_micros())?).ok()?;
        (Duration::from_micros(age) <= max_age).then_some(known)
    }
    /// Removes an entry that turned out to be wrong.
    pub fn remove(&mut self, username: &Username) {
        self.0.remove(username);
    }
    /// Removes all entries, because access hashes are not valid for another user.
    pub fn clear(&mut self) {
        self.0.clear();
    }
    /// Iterates over all entries, ordered by username.
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

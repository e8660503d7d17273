//! Salts of a server: another one every half hour, each valid for an hour.
//!
//! Spec: mtproto/description#server-salt, mtproto/service_messages#request-for-several-future-salts

use super::session::ServerSession;
use crate::base::time::{Instant, UnixTime};
use crate::wire::mt::service::FutureSalt;
use alloc::vec::Vec;
use core::time::Duration;
use sha2::{Digest, Sha256};

/// Seconds from the beginning of one salt to that of the next. Spec: mtproto/description#server-salt
const SALT_EVERY: i64 = 1800;
/// Seconds that a salt is taken for: the half hour it is in force, and the one after.
const SALT_LASTS: i64 = 2 * SALT_EVERY;
/// The most salts that one request is answered with. Spec: mtproto/service_messages#request-for-several-future-salts
const MAX_FUTURE_SALTS: i32 = 64;
/// Requests for salts within [`LOOP_WITHIN`] from which on the client is said to ask in a loop.
const LOOP_AFTER: u32 = 16;
/// See [`LOOP_AFTER`].
const LOOP_WITHIN: Duration = Duration::from_secs(60);

impl ServerSession {
    /// Puts `salt` in force; the ones before it are refused unless `grace`.
    pub fn change_salt(&mut self, salt: i64, grace: bool) {
        let old = self.end.salts.current();
        self.old_salts.clear();
        if grace {
            self.old_salts.push(old);
        }
        self.first_salt = None;
        self.end.salts.set(salt);
    }

    /// Counts the half hours of the salts from `since`; no-op if they are counted already, since an earlier packet.
    ///
    /// The sessions of one key must be given the same time, as they share their salts.
    pub fn salts_since(&mut self, since: UnixTime) {
        let salt = self.end.salts.current();
        self.first_salt.get_or_insert((salt, since.as_secs()));
    }

    /// The salt of the half hour `index`, counted from the first.
    pub(super) fn salt_of(&self, index: i64) -> i64 {
        let first = self.first_salt.map_or(self.end.salts.current(), |(salt, _)| salt);
        if index <= 0 {
            return first;
        }
        let hash = Sha256::new()
            .chain_update(self.end.key.as_bytes())
            .chain_update(first.to_le_bytes())
            .chain_update(index.to_le_bytes())
            .finalize();
        hash.first_chunk().map_or(first, |salt| i64::from_le_bytes(*salt))
    }

    /// Puts the salt of this half hour in force, and returns the number of the half hour.
    pub(super) fn turn_salts(&mut self, now: Instant) -> i64 {
        let unix = self.end.clock.at(now);
        self.salts_since(unix);
        let since = self.first_salt.map_or(0, |(_, since)| since);
        let index = unix.as_secs().saturating_sub(since).max(0) / SALT_EVERY;
        self.end.salts.set(self.salt_of(index));
        index
    }

    /// The salts of this half hour and of those to come, `num` in all. Each overlaps with the next by half.
    pub(super) fn future_salts(&mut self, now: Instant, num: i32) -> Vec<FutureSalt> {
        let index = self.turn_salts(now);
        let since = self.first_salt.map_or(0, |(_, since)| since);
        let second = |seconds: i64| i32::try_from(seconds).unwrap_or(i32::MAX);
        let of = |index: i64| {
            let begins = since.saturating_add(index.saturating_mul(SALT_EVERY));
            let (valid_since, valid_until) = (second(begins), second(begins.saturating_add(SALT_LASTS)));
            FutureSalt { valid_since, valid_until, salt: self.salt_of(index) }
        };
        (0..num.clamp(1, MAX_FUTURE_SALTS).into()).map(|n: i64| of(index.saturating_add(n))).collect()
    }

    /// Counts a request for salts: clients that ask again at once, whatever they are told, do so for ever.
    pub(super) fn count_salt_request(&mut self, now: Instant) {
        let recent = self.salt_requests.filter(|(since, _)| now.since(*since) < LOOP_WITHIN);
        let (since, count) = recent.map_or((now, 1), |(since, count)| (since, count.saturating_add(1)));
        self.salt_requests = Some((since, count));
        self.is_looping |= count == LOOP_AFTER;
    }

    /// Returns true, once a minute, if the client asks for salts in a loop.
    pub const fn take_salt_loop(&mut self) -> bool {
        core::mem::replace(&mut self.is_looping, false)
    }
}

//! The keys that the data centre shares with clients, and the sessions of each.

use super::types::{Caller, ConnId};
use crate::base::entropy::{Entropy, EntropyFailed};
use crate::base::time::{Instant, ServerClock, UnixTime};
use crate::crypto::auth_key::AuthKey;
use crate::lab::server::session::ServerSession;
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;

/// The most keys kept; of those beyond, the oldest that nobody is signed in with goes first.
pub const MAX_KEYS: usize = 4096;
/// The most sessions of one key; of those beyond, the one that was silent for longest goes.
pub const MAX_SESSIONS: usize = 32;
/// A session that no connection belongs to is forgotten after this long.
pub const FORGET_AFTER: Duration = Duration::from_secs(3600);

/// One key, and what is known of whoever holds it.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) auth_key: AuthKey,
    /// The first salt; see [`ServerSession::salts_since`].
    pub(super) salt: i64,
    /// When it came into force: with the first packet.
    pub(super) salt_since: Option<UnixTime>,
    /// Of a temporary key: when it ends.
    pub(super) expires_at: Option<i32>,
    /// Of a temporary key: the permanent one it stands for.
    pub(super) bound_to: Option<[u8; 8]>,
    /// Caller that uses the key. The user of a bound key is recorded with the permanent one.
    pub(super) caller: Caller,
    pub(super) sessions: BTreeMap<i64, Seat>,
    /// Number of keys made before it.
    age: u64,
}

/// One session, and which connection it speaks through.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) session: ServerSession,
    pub(super) conn: Option<ConnId>,
    pub(super) wants_updates: bool,
    pub(super) is_greeted: bool,
    /// The connection is new: what nobody has acknowledged is to be said again, after the answers to what comes first.
    owes_repeats: bool,
    /// When the client asked to be hung up on, before that was said again.
    hang_up_at: Option<Instant>,
    pub(super) heard_at: Instant,
}

/// All keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    keys: BTreeMap<[u8; 8], Key>,
    count: u64,
}

impl Keys {
    /// Takes a key in.
    pub(super) fn add(&mut self, auth_key: AuthKey, salt: i64, expires_at: Option<i32>, caller: Caller) {
        if self.keys.len() >= MAX_KEYS {
            let oldest = self.keys.iter().min_by_key(|(_, key)| (key.caller.user_id.is_some(), key.age));
            if let Some(id) = oldest.map(|(id, _)| *id) {
                self.keys.remove(&id);
            }
        }
        let (id, age) = (auth_key.id(), self.count);
        self.count += 1;
        let sessions = BTreeMap::new();
        self.keys
            .insert(id, Key { auth_key, salt, salt_since: None, expires_at, bound_to: None, caller, sessions, age });
    }
    /// The key of this id, if it has not ended.
    pub(super) fn get(&mut self, id: [u8; 8], now_unix: i64) -> Option<&mut Key> {
        if self.keys.get(&id)?.expires_at.is_some_and(|end| i64::from(end) <= now_unix) {
            self.keys.remove(&id);
        }
        self.keys.get_mut(&id)
    }
    /// The auth key of this id.
    pub(super) fn key(&self, id: [u8; 8]) -> Option<&AuthKey> {
        self.keys.get(&id).map(|key| &key.auth_key)
    }
    /// Forgets a key.
    pub(super) fn remove(&mut self, id: [u8; 8]) {
        self.keys.remove(&id);
    }
    /// One session of one key.
    pub(super) fn seat(&mut self, key: [u8; 8], session_id: i64) -> Option<&mut Seat> {
        self.keys.get_mut(&key)?.sessions.get_mut(&session_id)
    }
    /// Keys ever taken in.
    #[cfg(all(feature = "client", feature = "tools"))]
    pub(super) const fn count(&self) -> u64 {
        self.count
    }
    /// Every auth key.
    #[cfg(all(feature = "client", feature = "tools"))]
    pub(super) fn keys(&self) -> impl Iterator<Item = &AuthKey> {
        self.keys.values().map(|key| &key.auth_key)
    }
    /// Every key.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Key> {
        self.keys.values_mut()
    }
    /// The keys that a user is signed in with.
    pub(super) fn of_user(&self, user: i64) -> Vec<[u8; 8]> {
        self.keys.keys().copied().filter(|id| self.user_of(*id) == Some(user)).collect()
    }
    /// Every session.
    pub(super) fn seats(&mut self) -> impl Iterator<Item = &mut Seat> {
        self.keys.values_mut().flat_map(|key| key.sessions.values_mut())
    }
    /// User signed in with this key, or with the one it is bound to.
    pub(super) fn user_of(&self, id: [u8; 8]) -> Option<i64> {
        let key = self.keys.get(&id)?;
        let permanent = match key.expires_at {
            None => key,
            Some(_) => self.keys.get(&key.bound_to?)?,
        };
        permanent.caller.user_id
    }
    /// The key that stands for this one: itself, or the one it is bound to.
    pub(super) fn permanent(&self, id: [u8; 8]) -> [u8; 8] {
        self.keys.get(&id).and_then(|key| key.bound_to).unwrap_or(id)
    }
    /// The keys that stand for a permanent one, itself among them.
    pub(super) fn standing_for(&self, permanent: [u8; 8]) -> Vec<[u8; 8]> {
        self.keys.keys().copied().filter(|id| self.permanent(*id) == permanent).collect()
    }
    /// Returns true for a temporary key that is not bound yet.
    pub(super) fn is_unbound(&self, id: [u8; 8]) -> bool {
        self.keys.get(&id).is_some_and(|key| key.expires_at.is_some() && key.bound_to.is_none())
    }
    /// Says who is signed in with this key, or nobody.
    pub(super) fn sign_in(&mut self, id: [u8; 8], user: Option<i64>) {
        let permanent = self.permanent(id);
        if let Some(key) = self.keys.get_mut(&permanent).filter(|key| key.expires_at.is_none()) {
            key.caller.user_id = user;
        }
    }
    /// Forgets sessions that nobody has come back to.
    pub(super) fn forget_old(&mut self, now: Instant) {
        for key in self.keys.values_mut() {
            key.sessions.retain(|_, seat| seat.conn.is_some() || now.since(seat.heard_at) < FORGET_AFTER);
        }
    }
}

impl Key {
    /// Puts a new salt in force, in all sessions; with `grace` the one before it is still taken.
    pub(super) fn change_salt(&mut self, salt: i64, grace: bool) {
        (self.salt, self.salt_since) = (salt, None);
        self.sessions.values_mut().for_each(|seat| seat.session.change_salt(salt, grace));
    }
    /// Returns true if the key was made with this data centre.
    pub(super) fn is_of(&self, dc_id: i32) -> bool {
        self.caller.dc_id == Some(dc_id)
    }
    /// The session of this id, begun if need be, on connection `conn`. True: it is new.
    pub(super) fn seat(
        &mut self,
        session_id: i64,
        conn: ConnId,
        now: Instant,
        clock: ServerClock,
    ) -> (&mut Seat, bool) {
        if self.sessions.len() >= MAX_SESSIONS && !self.sessions.contains_key(&session_id) {
            let silent = self.sessions.iter().min_by_key(|(_, seat)| (seat.conn.is_some(), seat.heard_at));
            if let Some(id) = silent.map(|(id, _)| *id) {
                self.sessions.remove(&id);
            }
        }
        let salt_since = *self.salt_since.get_or_insert(clock.at(now));
        match self.sessions.entry(session_id) {
            Entry::Occupied(there) => {
                let seat = there.into_mut();
                seat.session.salts_since(salt_since);
                seat.heard_at = now;
                if seat.conn != Some(conn) {
                    seat.conn = Some(conn);
                    seat.put_off_hanging_up();
                    seat.owes_repeats = true;
                }
                (seat, false)
            }
            Entry::Vacant(free) => {
                let mut session = ServerSession::new(self.auth_key.clone(), self.salt, clock, session_id);
                session.salts_since(salt_since);
                let seat = Seat {
                    session,
                    conn: Some(conn),
                    wants_updates: false,
                    is_greeted: false,
                    owes_repeats: false,
                    hang_up_at: None,
                    heard_at: now,
                };
                (free.insert(seat), true)
            }
        }
    }
}

impl Seat {
    /// The next packet for the client. What it has not acknowledged on an earlier connection goes in packets of its own,
    /// after the answers: Pyrogram lets a packet be that begins with a message it has seen.
    pub(super) fn poll_packet(
        &mut self,
        now: Instant,
        random: &mut dyn Entropy,
    ) -> Result<Option<Bytes>, EntropyFailed> {
        let packet = self.session.poll_packet(now, random)?;
        if packet.is_some() || !core::mem::take(&mut self.owes_repeats) {
            return Ok(packet);
        }
        self.hang_up_at = self.hang_up_at();
        self.session.reconnected();
        self.session.poll_packet(now, random)
    }
    /// When the client asked to be hung up on.
    pub(super) fn hang_up_at(&self) -> Option<Instant> {
        self.session.hang_up_at().or(self.hang_up_at)
    }
    /// Cancels the pending end of the connection.
    pub(super) fn put_off_hanging_up(&mut self) {
        self.hang_up_at = None;
        self.session.put_off_hanging_up();
    }
}

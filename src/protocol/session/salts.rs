//! Server salts: 64 random bits that the server changes every half hour, to make old packets worthless.
//!
//! Spec: mtproto/description#server-salt

use super::Session;
use super::outbox::{Meaning, Service};
use crate::base::time::{Instant, UnixTime};
use crate::tl::Combinator;
use crate::wire::mt::service::{BadServerSalt, FutureSalt, FutureSalts, GetFutureSalts};
use alloc::vec::Vec;
use bytes::Bytes;

/// The most salts kept: what one request may ask for.
pub const MAX_SALTS: usize = 64;
/// Number of salts requested: those of a day and a half. Spec:
/// mtproto/service_messages#request-for-several-future-salts
const SALTS: i32 = 64;

/// The salt in use, and those of the hours to come.
#[derive(Debug, Clone, Default)]
pub struct Salts {
    current: i64,
    /// In the order they become valid; none is over.
    known: Vec<FutureSalt>,
}

impl Salts {
    /// Begins with the salt that the key exchange gave, or one saved.
    pub const fn new(current: i64) -> Self {
        Self { current, known: Vec::new() }
    }
    /// The salt to send at `unix`.
    pub fn at(&mut self, unix: UnixTime) -> i64 {
        let now = unix.as_secs();
        self.known.retain(|s| i64::from(s.valid_until) > now);
        if let Some(best) = self.known.iter().rev().find(|s| i64::from(s.valid_since) <= now) {
            self.current = best.salt;
        }
        self.current
    }
    /// The salt last in use.
    pub const fn current(&self) -> i64 {
        self.current
    }
    /// The server says that this is the one.
    pub fn set(&mut self, salt: i64) {
        if salt != self.current {
            self.current = salt;
            // What is known contradicts what the server just said, or it would have been in use.
            self.known.clear();
        }
    }
    /// Takes in what `future_salts` brought; the first [`MAX_SALTS`] of it.
    pub fn extend(&mut self, salts: &[FutureSalt]) {
        self.known.clear();
        for salt in salts.iter().filter(|s| s.valid_since < s.valid_until).take(MAX_SALTS) {
            let at = self.known.iter().rposition(|s| s.valid_since <= salt.valid_since).map_or(0, |at| at + 1);
            self.known.insert(at, salt.clone());
        }
    }
    /// Returns true if the known salts last less than an hour.
    pub fn are_short(&self, unix: UnixTime) -> bool {
        self.known.iter().all(|s| i64::from(s.valid_until) < unix.as_secs().saturating_add(3600))
    }
    /// The salts known, with their validity, to be saved.
    pub fn known(&self) -> &[FutureSalt] {
        &self.known
    }
}

impl Session {
    /// Asks for salts if it is time to.
    pub(super) fn push_salt_request(&mut self, now: Instant) {
        if self.end.salts.are_short(self.end.clock.at(now)) {
            let body = GetFutureSalts { num: SALTS }.to_boxed().into();
            self.outbox.push_service(Service { body, is_content: true, meaning: Meaning::SaltReq });
        }
    }

    /// `bad_server_salt`, if it talks about something sent lately: nobody else may change the salt.
    pub(super) fn on_bad_salt(&mut self, now: Instant, bad: &BadServerSalt) {
        if self.outbox.sent.contains(bad.bad_msg_id) {
            self.end.salts.set(bad.new_server_salt);
            self.send_again(now, bad.bad_msg_id, bad.error_code);
        }
    }

    /// `future_salts`, if this session asked for it; to a caller who asked himself it is the answer.
    pub(super) fn on_future_salts(&mut self, salts: &FutureSalts, body: &Bytes) {
        match self.outbox.sent.get(salts.req_msg_id) {
            Some(Meaning::SaltReq) => {
                self.outbox.sent.remove(salts.req_msg_id);
                self.end.salts.extend(&salts.salts.0);
            }
            Some(&Meaning::Call(call)) => {
                self.end.salts.extend(&salts.salts.0);
                self.answer(call, Ok(body.clone()));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_salt_has_its_time() {
        let mut salts = Salts::new(7);
        assert_eq!(salts.at(UnixTime::from_secs(50)), 7);
        salts.extend(&[
            FutureSalt { valid_since: 200, valid_until: 400, salt: 2 },
            FutureSalt { valid_since: 100, valid_until: 300, salt: 1 },
            FutureSalt { valid_since: 9, valid_until: 3, salt: 9 },
        ]);
        assert_eq!(salts.at(UnixTime::from_secs(50)), 7);
        assert_eq!(salts.at(UnixTime::from_secs(150)), 1);
        assert_eq!(salts.at(UnixTime::from_secs(250)), 2);
        assert_eq!(salts.at(UnixTime::from_secs(399)), 2);
        salts.set(2);
        assert_eq!(salts.known().len(), 1, "the server says what is known: nothing is forgotten");
        assert_eq!(salts.at(UnixTime::from_secs(9999)), 2, "the last one known is better than none");
        salts.set(5);
        assert_eq!(salts.at(UnixTime::from_secs(250)), 5);
    }
}

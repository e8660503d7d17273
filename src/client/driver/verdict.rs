//! Decisions after a lost connection, and on keys that the server refuses.

use super::proof::Proof;
use super::{Driver, FIRST_WAIT, LONGEST_WAIT, Lost};
use crate::client::notice::Notice;
use crate::client::retry::jittered;
use crate::client::{Error, KeyLost};
use crate::protocol::connection::ConnectionError;
use crate::protocol::session::CallError;
use crate::wire::transport::TransportFault;
use core::time::Duration;

/// Consecutive connections that report the key as unknown before waiting calls get the error. The key is kept.
const KEY_LOST: u32 = 3;
/// Age in seconds from which a permanent key is known to every server of its data centre.
const YOUNG: i32 = 60;
/// Seconds for which a permanent key that was good is not given up.
const GOOD_FOR: i32 = 24 * 60 * 60;
/// Consecutive refusals to bind a temporary key before waiting calls get the error.
const BIND_TRIES: u32 = 6;

/// Decision after a lost connection.
pub(super) enum Verdict {
    /// Close the client: the server ended the use of the key, in a message that nobody else could send.
    Over(Error),
    /// Reconnect.
    Again(Error),
}

impl Driver {
    /// Decides if a lost connection closes the client. A failure that anyone on the network path can cause never does.
    pub(super) async fn verdict(&mut self, lost: Lost) -> Verdict {
        // Reset only by authentic data: a server that closes each connection after accepting it still exhausts the
        // attempts.
        self.failures = self.failures.saturating_add(1);
        let error = match lost {
            Lost::Protocol(ConnectionError::Fault(TransportFault::AuthKeyNotFound))
                if self.connection.session().is_some() =>
            {
                self.key_lost = self.key_lost.saturating_add(1);
                // Possibly only the temporary key is unknown: create another. The permanent key is kept.
                self.drop_temporary();
                if self.key_lost >= KEY_LOST {
                    self.failures = self.failures.max(self.most_attempts(self.dc));
                }
                Error::KeyLost(KeyLost { times: self.key_lost })
            }
            Lost::NotBound(error) => return self.unbound(error).await,
            Lost::Protocol(error) => Error::Connection(error),
            Lost::Io(error) => Error::Network { addr: self.addr.clone(), error },
            Lost::Over(error) => return Verdict::Over(error),
            Lost::Dropped | Lost::Moving(..) => return Verdict::Over(Error::Closed),
        };
        Verdict::Again(error)
    }

    /// Handles a refusal to bind the temporary key. `ENCRYPTED_MESSAGE_INVALID` may mean that the server does not know
    /// the permanent key: "If and only if the permanent auth key used in the request was created more than 60 seconds
    /// ago", both are dropped. Like TDLib, this first makes a call under the permanent key, and does not even do that
    /// if the key was good within a day or the server's time is uncertain: it may be the only copy of an account's
    /// login.
    ///
    /// Spec: api/pfs
    async fn unbound(&mut self, error: CallError) -> Verdict {
        let refusal = match &error {
            CallError::Refused(e) if e.is("ENCRYPTED_MESSAGE_INVALID") => Some(e.clone()),
            _ => None,
        };
        // Before the temporary key is dropped, which changes the session that `may_give_up` looks at.
        let may_ask = refusal.is_some() && self.may_give_up();
        self.drop_temporary();
        self.binding.failures = self.binding.failures.saturating_add(1);
        if let Some(refusal) = refusal.filter(|_| may_ask) {
            match self.prove().await {
                Proof::Unknown => {
                    let (is_home, is_nobodys) = self.shared.with(|state| {
                        let made_at = state.keys.get(&self.dc).map_or(0, |key| key.made_at);
                        // No user is signed in with this key, so a new one is as good: for a migration, or for a later
                        // login.
                        let is_nobodys = self.is_settling || (made_at != 0 && state.user.is_none());
                        (state.home == self.dc, is_nobodys)
                    });
                    self.forget_key(is_home);
                    if !is_nobodys {
                        return Verdict::Over(Error::NotSignedIn(refusal));
                    }
                    let failures = self.binding.failures;
                    self.begin_anew();
                    self.binding.failures = failures;
                }
                Proof::Good => self.binding.good_at = Some(self.server_secs()),
                Proof::None => {}
            }
        }
        let most = self.most_attempts(self.dc);
        self.failures = match self.binding.failures {
            failures @ BIND_TRIES.. => failures.max(most),
            // Below `most`, so that waiting calls get the error only after `BIND_TRIES` refusals.
            failures => failures.min(most.saturating_sub(1)),
        };
        Verdict::Again(error.into())
    }

    /// Returns true if the permanent key may be given up should the server not know it.
    fn may_give_up(&self) -> bool {
        let is_sure = self.connection.session().is_some_and(|session| session.clock().is_synced());
        let now = self.server_secs();
        let made_at = self.shared.with(|state| state.keys.get(&self.dc).map_or(0, |key| key.made_at));
        let was_good = self.binding.good_at.is_some_and(|at| now.saturating_sub(at) < GOOD_FOR);
        is_sure && now.saturating_sub(made_at) > YOUNG && !was_good
    }

    /// Returns the error of a refused binding, unless it is a flood wait, after which the same key is bound. Calls wait
    /// for that if the options allow it, and get the error otherwise.
    pub(super) fn unless_flood(&mut self, error: CallError) -> Option<CallError> {
        let CallError::Refused(refusal) = &error else { return Some(error) };
        let (420, Some(seconds)) = (refusal.code, refusal.kind().1) else { return Some(error) };
        let mut wait = Duration::from_secs(seconds.into());
        self.binding.pauses = self.binding.pauses.saturating_add(1);
        if self.binding.pauses > self.options.attempts {
            // No call waits any more. The back-off bounds the rate even if the server asks for zero seconds each time.
            wait = wait.max(jittered(FIRST_WAIT, LONGEST_WAIT, self.binding.pauses));
        }
        self.binding.flood = Some((self.clock.now() + wait, refusal.clone()));
        if wait <= self.options.flood_wait && self.binding.pauses <= self.options.attempts {
            self.shared.pause_until(tokio::time::Instant::now() + wait);
            self.options.watcher.tell(&Notice::FloodWait { seconds, error: refusal });
        } else {
            self.give_up_calls(&Error::Flood { seconds, error: refusal.clone() });
        }
        None
    }

    /// Error of a call that would wait longer for the binding than the options allow.
    pub(super) fn flooded(&self) -> Option<Error> {
        let (until, error) = self.binding.flood.as_ref()?;
        let left = self.clock.until(*until);
        let seconds = left.as_millis().div_ceil(1000).try_into().unwrap_or(u32::MAX);
        let is_too_long = left > self.options.flood_wait || self.binding.pauses > self.options.attempts;
        is_too_long.then(|| Error::Flood { seconds, error: error.clone() })
    }

    /// Binds the temporary key again once the flood wait has passed.
    pub(super) fn bind_if_due(&mut self) {
        if self.binding.flood.as_ref().is_none_or(|(until, _)| *until > self.clock.now()) {
            return;
        }
        self.binding.flood = None;
        if let Some(key) = self.binding.key.clone() {
            self.connection.bind_again(key);
        }
    }

    /// Forgets the keys of this data centre, and with those of the home the signed-in user.
    pub(super) fn forget_key(&self, is_home: bool) {
        self.shared.with(|state| {
            state.keys.remove(&self.dc);
            if is_home {
                state.user = None;
                state.names.clear();
            }
        });
    }

    /// Drops the temporary key; the connection creates another.
    pub(super) fn drop_temporary(&mut self) {
        self.connection.drop_temporary();
        self.binding.key = None;
        self.shared.with(|state| {
            if let Some(key) = state.keys.get_mut(&self.dc) {
                key.temporary = None;
            }
        });
    }
}

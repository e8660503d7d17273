//! What becomes of a client whose connection was lost, and of keys that the server does not take.

use super::{Driver, Lost};
use crate::client::{Error, KeyLost};
use crate::connection::ConnectionError;
use crate::handshake::{HandshakeError, Unproven};
use crate::session::CallError;
use crate::transport::TransportFault;

/// A key that the server does not know on so many connections in a row is given up, and kept.
const KEY_LOST: u32 = 3;
/// A permanent key so many seconds old is known everywhere, if it is known at all.
const YOUNG: i32 = 60;
/// A server that does not bind a temporary key is asked so often.
const BIND_TRIES: u32 = 6;

/// What becomes of a client whose connection was lost.
pub(super) enum Verdict {
    /// It is the end.
    Over(Error),
    /// Another connection is tried.
    Again(Error),
}

impl Verdict {
    fn of(error: Error, is_last: bool) -> Self {
        if is_last { Self::Over(error) } else { Self::Again(error) }
    }
}

impl Driver {
    /// Whether a lost connection is the end.
    pub(super) fn verdict(&mut self, lost: Lost) -> Verdict {
        self.failures += 1;
        let is_last = self.failures >= self.options.attempts;
        match lost {
            Lost::Protocol(ConnectionError::Fault(TransportFault::AuthKeyNotFound))
                if self.connection.session().is_some() =>
            {
                self.key_lost += 1;
                // It may be the temporary key alone that is not known; another is made. The permanent one stays.
                self.drop_temporary();
                let error = Error::KeyLost(KeyLost { times: self.key_lost });
                if self.key_lost >= KEY_LOST { Verdict::Over(error) } else { Verdict::Again(error) }
            }
            Lost::NotBound(error) => self.unbound(error),
            // Another key than those we were given: trying again changes nothing.
            Lost::Protocol(error @ ConnectionError::Handshake(HandshakeError::Peer(Unproven::Fingerprint))) => {
                Verdict::Over(Error::Connection(error))
            }
            Lost::Protocol(error) => Verdict::of(Error::Connection(error), is_last),
            Lost::Io(error) => {
                let addr = self.address(self.dc, 0).unwrap_or_default();
                Verdict::of(Error::Network { addr, error }, is_last)
            }
            Lost::Over(error) => Verdict::Over(error),
            Lost::Dropped | Lost::Moving(..) => Verdict::Over(Error::Closed),
        }
    }

    /// The temporary key was not bound. "If and only if the permanent auth key used in the request was created more than
    /// 60 seconds ago", both are dropped; a younger one may not have reached the whole data centre yet.
    ///
    /// Spec: api/pfs
    fn unbound(&mut self, error: CallError) -> Verdict {
        let is_unknown = matches!(&error, CallError::Refused(e) if e.is("ENCRYPTED_MESSAGE_INVALID"));
        let error = match error {
            CallError::Refused(e) if is_unknown => Error::NotSignedIn(e),
            error => error.into(),
        };
        self.drop_temporary();
        self.bind_failures += 1;
        let now = self.server_secs();
        let (made_at, is_home, has_user) = self.shared.with(|state| {
            let made_at = state.keys.get(&self.dc).map_or(0, |key| key.made_at);
            (made_at, state.home == self.dc, state.user.is_some())
        });
        if is_unknown && now.saturating_sub(made_at) > YOUNG {
            self.forget_key(is_home);
            // Without anybody who was signed in with it, a new key is as good: its own, or one to sign in with.
            let is_nobodys = self.is_settling || (made_at != 0 && !has_user);
            if !is_nobodys {
                return Verdict::Over(error);
            }
            self.begin_anew();
        }
        if self.bind_failures >= BIND_TRIES { Verdict::Over(error) } else { Verdict::Again(error) }
    }

    /// Forgets the keys of this data centre, and with those of the home who was signed in.
    pub(super) fn forget_key(&self, is_home: bool) {
        self.shared.with(|state| {
            state.keys.remove(&self.dc);
            if is_home {
                state.user = None;
                state.names.clear();
            }
        });
    }

    /// The temporary key is of no use any more; another is made.
    pub(super) fn drop_temporary(&mut self) {
        self.connection.drop_temporary();
        self.shared.with(|state| {
            if let Some(key) = state.keys.get_mut(&self.dc) {
                key.temporary = None;
            }
        });
    }
}

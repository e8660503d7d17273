//! Events and errors of a connection.

use super::{SavedKey, TemporaryKey};
use crate::base::entropy::EntropyFailed;
use crate::protocol::handshake::HandshakeError;
use crate::protocol::session::{CallError, CallId, SessionError};
use crate::tl::{Call, DecodeError, Tl};
use crate::wire::transport::{FrameError, TransportFault};
use bytes::Bytes;
use core::fmt;
use core::marker::PhantomData;

/// A call that is on its way, and the type of its answer.
pub struct Pending<C> {
    pub(super) id: CallId,
    pub(super) call: PhantomData<fn() -> C>,
}

impl<C> Pending<C> {
    /// Which call, to be compared with [`Event::Reply`].
    pub const fn id(&self) -> CallId {
        self.id
    }
}
impl<C: Call> Pending<C> {
    /// Reads the answer.
    ///
    /// # Errors
    /// It is not what the function returns.
    pub fn read(&self, body: &[u8]) -> Result<C::Reply, DecodeError> {
        C::Reply::from_bytes(body)
    }
}
impl<C> fmt::Debug for Pending<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pending").field(&self.id).finish()
    }
}

/// Event of a connection.
#[derive(Clone)]
#[non_exhaustive]
pub enum Event {
    /// A key exchange begins.
    Exchange {
        /// For a temporary key.
        is_temporary: bool,
    },
    /// The key exchange is over. Keep the key: it is the account's once somebody signs in with it.
    Authorized(SavedKey),
    /// A temporary key is made, and not bound yet.
    Temporary(TemporaryKey),
    /// A temporary key is bound to the permanent one, and may be kept until it ends.
    Bound(TemporaryKey),
    /// The server does not bind a temporary key to the permanent one: it knows the permanent one no more. Or it is
    /// seconds old: then try again.
    NotBound(CallError),
    /// A call is answered.
    Reply {
        /// Which.
        call: CallId,
        /// With what.
        result: Result<Bytes, CallError>,
    },
    /// Something of the API that was not asked for: updates.
    Update(Bytes),
    /// The server began a new session: updates may have been missed.
    NewSession,
    /// The server takes packets to have come; only if asked for.
    QuickAck(u32),
}

impl Event {
    /// Number of bytes in its body or text.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Reply { result: Ok(body), .. } | Self::Update(body) => body.len(),
            Self::Reply { result: Err(CallError::Refused(error)), .. } => error.message.len(),
            _ => 0,
        }
    }
}

impl fmt::Debug for Event {
    /// Of bodies the length alone: what a server answers may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange { is_temporary } => write!(f, "Exchange {{ is_temporary: {is_temporary} }}"),
            Self::Authorized(key) => f.debug_tuple("Authorized").field(key).finish(),
            Self::Temporary(key) => f.debug_tuple("Temporary").field(key).finish(),
            Self::Bound(key) => f.debug_tuple("Bound").field(key).finish(),
            Self::NotBound(error) => f.debug_tuple("NotBound").field(error).finish(),
            Self::Reply { call, result: Ok(body) } => write!(f, "Reply({call:?}, {} bytes)", body.len()),
            Self::Reply { call, result: Err(error) } => write!(f, "Reply({call:?}, {error:?})"),
            Self::Update(body) => write!(f, "Update({} bytes)", body.len()),
            Self::NewSession => f.write_str("NewSession"),
            Self::QuickAck(token) => f.debug_tuple("QuickAck").field(token).finish(),
        }
    }
}

/// Why a connection is over. The socket is to be closed; calls are kept for
/// [`Connection::reconnect`](super::Connection::reconnect).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The stream cannot be cut into packets.
    Frame(FrameError),
    /// The server said no with four unauthenticated bytes. Anybody on the way can send these: no reason to forget a
    /// key.
    Fault(TransportFault),
    /// The key exchange failed.
    Handshake(HandshakeError),
    /// A packet was not taken.
    Session(SessionError),
    /// Events wait that nobody has polled, and as much input as may wait does. These bytes were not taken, and the
    /// connection goes on: poll the events, call `handle_timeout`, and pass the bytes again.
    Full,
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(e) => e.fmt(f),
            Self::Fault(e) => e.fmt(f),
            Self::Handshake(e) => e.fmt(f),
            Self::Session(e) => e.fmt(f),
            Self::Full => f.write_str("too many events wait to be polled"),
        }
    }
}
impl core::error::Error for ConnectionError {}

macro_rules! from {
    ($($of:ty => $variant:ident),* $(,)?) => {$(
        impl From<$of> for ConnectionError {
            fn from(e: $of) -> Self {
                Self::$variant(e)
            }
        }
    )*};
}
from!(FrameError => Frame, TransportFault => Fault, HandshakeError => Handshake, SessionError => Session);
impl From<EntropyFailed> for ConnectionError {
    fn from(e: EntropyFailed) -> Self {
        Self::Session(e.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::session::{CallId, Incoming};
    use alloc::format;

    #[test]
    fn what_a_server_says_is_not_printed() {
        let body = Bytes::from_static(b"a secret");
        let reply = Event::Reply { call: CallId(7), result: Ok(body.clone()) };
        assert_eq!(format!("{reply:?} {:?}", Event::Update(body.clone())), "Reply(CallId(7), 8 bytes) Update(8 bytes)");
        assert_eq!(format!("{:?}", Incoming::Update(body)), "Update(8 bytes)");
    }
}

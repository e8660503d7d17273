//! Errors of the client, grouped by who can act on them.

use super::calls::MAX_CALL;
use crate::base::escape::one_line;
use crate::protocol::connection::ConnectionError;
use crate::protocol::session::{CallError, RpcError};
use crate::telegram::api::LAYER;
use crate::telegram::hints;
use crate::telegram::login::LoginError;
use crate::telegram::start::{StartError, WhoError};
use crate::telegram::store::{RealmError, StringError};
use crate::tl::{DecodeError, Fault};
use alloc::string::{String, ToString};
use core::fmt;

/// Error returned by the client.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Documented error of starting a bot, from the server or detected before sending.
    Start(StartError),
    /// Session not signed in, signed out (401), or its key invalidated (`AUTH_KEY_DUPLICATED`). The key is not used
    /// again.
    NotSignedIn(RpcError),
    /// Auth key unknown to the server.
    KeyLost(KeyLost),
    /// Flood wait (420) longer than the options allow.
    Flood {
        /// Seconds to wait.
        seconds: u32,
        /// Error returned by the server.
        error: RpcError,
    },
    /// Call refused with 406. The server explains the reason to the user in a notification: show its text, or nothing.
    Told {
        /// Text of the notification, if it has arrived.
        text: Option<String>,
        /// Error code and identifier, for programs.
        error: RpcError,
    },
    /// Call refused by the server for another reason.
    Rpc(RpcError),
    /// Unknown username.
    NoSuchName {
        /// The username, without the `@`.
        name: String,
        /// Part of the username in the call.
        role: Role,
        /// Error returned by the server.
        error: RpcError,
    },
    /// Text that does not name a peer.
    Who(WhoError),
    /// Malformed session string.
    Session(StringError),
    /// Session of other servers (another realm). Nothing was sent.
    Realm(RealmError),
    /// Group link without a group.
    NeedsGroup,
    /// Unknown data centre, or one without a known address. The client does not connect to it.
    UnknownDc(i32),
    /// Login failed.
    Login(LoginError),
    /// Network failure: connecting, reading or writing.
    Network {
        /// Address of the server, `host:port`.
        addr: String,
        /// Error of the operating system.
        error: std::io::Error,
    },
    /// Protocol violation, or a server that failed to authenticate.
    Connection(ConnectionError),
    /// Time-out: no answer in time.
    Timeout,
    /// Undecodable answer.
    Decode(DecodeError),
    /// Call rejected at message level.
    Call(CallError),
    /// Call of an invalid length in bytes: not a multiple of 4, or more than fits into a frame (4 MiB). It is never
    /// sent.
    CallLength(usize),
    /// Failure of the operating system's random number generator.
    Entropy,
    /// Connection closed for good, or the client was dropped.
    Closed,
}

/// Part that a peer plays in a call, for errors about its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Bot to start.
    Bot,
    /// Chat to start the bot in.
    Peer,
}

/// Transport error -404 for a key that was in use. Anyone on the network path can forge it, so the key is kept and the
/// account stays signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLost {
    /// Number of consecutive connections on which it was received.
    pub times: u32,
}

impl Error {
    /// Advice for the user, if there is any.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Start(e) => e.hint().into(),
            Self::NoSuchName { error, .. } => return hints::hint(error).map(Into::into),
            Self::Rpc(e) if e.is("ENCRYPTED_MESSAGE_INVALID") => "the server binds no temporary key to the session's key, \
                                                                 which is good or may be: the session was kept, try again"
                .into(),
            Self::Rpc(e) if e.code >= 500 => {
                hints::hint(e).unwrap_or("the server has trouble of its own: try again later").into()
            }
            Self::Rpc(e) => return hints::hint(e).map(Into::into),
            Self::NotSignedIn(e) => {
                hints::hint(e).unwrap_or("the server no longer knows this session: sign in again").into()
            }
            Self::Told { error, .. } => hints::hint(error)
                .unwrap_or("the server explains the reason in a message to the user: see your other apps")
                .into(),
            Self::Flood { seconds, .. } => alloc::format!("too many calls: wait {seconds} seconds, then try again"),
            Self::KeyLost(_) => "the server does not know this session's key: it was signed out, or the session is of \
                                 another data centre or environment; the key was kept"
                .into(),
            Self::NeedsGroup => "the link asks for a group: name one".into(),
            Self::Network { .. } => "check the address, the network, and any firewall or proxy in between".into(),
            Self::UnknownDc(_) => {
                "the server named a data centre that this program does not know: a newer version may know it".into()
            }
            Self::Login(e) => return e.hint().map(Into::into),
            Self::Timeout => "try again; if it keeps happening, check the network".into(),
            Self::Realm(_) => "sign in there, into a separate session".into(),
            Self::Decode(_) => {
                "the server uses another layer, or the answer is damaged; a newer version may be able to decode it".into()
            }
            Self::Session(_) => "a session string is exported by a signed-in program; give all of it, on one line".into(),
            _ => return None,
        })
    }

    /// Copy for another caller: one lost connection may end many calls. (`io::Error` is not `Clone`.)
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Network { addr, error } => {
                Self::Network { addr: addr.clone(), error: std::io::Error::new(error.kind(), error.to_string()) }
            }
            Self::Connection(e) => Self::Connection(e.clone()),
            Self::KeyLost(e) => Self::KeyLost(*e),
            Self::NotSignedIn(e) => Self::NotSignedIn(e.clone()),
            Self::Flood { seconds, error } => Self::Flood { seconds: *seconds, error: error.clone() },
            Self::Told { text, error } => Self::Told { text: text.clone(), error: error.clone() },
            Self::Start(e) => Self::Start(*e),
            Self::NoSuchName { name, role, error } => {
                Self::NoSuchName { name: name.clone(), role: *role, error: error.clone() }
            }
            Self::Rpc(e) => Self::Rpc(e.clone()),
            Self::Who(e) => Self::Who(*e),
            Self::Session(e) => Self::Session(*e),
            Self::Realm(e) => Self::Realm(e.clone()),
            Self::NeedsGroup => Self::NeedsGroup,
            Self::UnknownDc(dc) => Self::UnknownDc(*dc),
            Self::Login(e) => Self::Login(e.clone()),
            Self::Timeout => Self::Timeout,
            Self::Decode(e) => Self::Decode(*e),
            Self::Call(e) => Self::Call(e.clone()),
            Self::CallLength(len) => Self::CallLength(*len),
            Self::Entropy => Self::Entropy,
            Self::Closed => Self::Closed,
        }
    }

    /// Typed form of a server error.
    pub(super) fn from_rpc(error: RpcError) -> Self {
        if let Some(start) = StartError::from_rpc(&error) {
            return Self::Start(start);
        }
        match (error.code, error.kind()) {
            (420, (_, Some(seconds))) => Self::Flood { seconds, error },
            // The client handles these two itself.
            (401, ("SESSION_PASSWORD_NEEDED" | "AUTH_KEY_PERM_EMPTY", _)) => Self::Rpc(error),
            (401, _) | (_, ("AUTH_KEY_DUPLICATED", _)) => Self::NotSignedIn(error),
            (406, _) => Self::Told { text: None, error },
            _ => Self::Rpc(error),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(e) => e.fmt(f),
            Self::NotSignedIn(e) => write!(f, "not signed in: {} ({})", one_line(&e.message), e.code),
            Self::KeyLost(_) => f.write_str("the server does not know the key (-404)"),
            Self::Told { text: Some(text), .. } => one_line(text).fmt(f),
            Self::Flood { error, .. } | Self::Rpc(error) | Self::Told { error, .. } => error.fmt(f),
            Self::NoSuchName { name, role: Role::Bot, .. } => write!(f, "there is no bot @{}", one_line(name)),
            Self::NoSuchName { name, role: Role::Peer, .. } => write!(f, "the peer @{} does not exist", one_line(name)),
            Self::Who(e) => e.fmt(f),
            Self::Session(e) => e.fmt(f),
            Self::Realm(e) => e.fmt(f),
            Self::NeedsGroup => f.write_str("the link starts the bot in a group, and no group was given"),
            Self::UnknownDc(dc) => write!(f, "data centre {dc} is not known"),
            Self::Login(e) => e.fmt(f),
            Self::Network { addr, error } => write!(f, "no connection to {addr}: {error}"),
            Self::Connection(e) => e.fmt(f),
            Self::Timeout => f.write_str("no answer in time"),
            Self::Decode(DecodeError { fault: Fault::Id(id), at }) => write!(
                f,
                "the answer is not of layer {LAYER}, which was asked for: it has constructor {id:x} at byte {at}"
            ),
            Self::Decode(e) => write!(f, "the answer cannot be read as one of layer {LAYER}: {e}"),
            Self::Call(e) => e.fmt(f),
            Self::CallLength(len) => {
                write!(
                    f,
                    "a call of {len} bytes cannot be sent: the length must be a multiple of 4, at most {MAX_CALL}"
                )
            }
            Self::Entropy => f.write_str("the operating system's random number generator failed"),
            Self::Closed => f.write_str("the connection is closed"),
        }
    }
}
impl core::error::Error for Error {}

impl From<WhoError> for Error {
    fn from(e: WhoError) -> Self {
        Self::Who(e)
    }
}
impl From<LoginError> for Error {
    fn from(e: LoginError) -> Self {
        match e {
            LoginError::Unreadable(e) => Self::Decode(e),
            e => Self::Login(e),
        }
    }
}
impl From<core::convert::Infallible> for Error {
    fn from(e: core::convert::Infallible) -> Self {
        match e {}
    }
}
impl From<StringError> for Error {
    fn from(e: StringError) -> Self {
        Self::Session(e)
    }
}
impl From<RealmError> for Error {
    fn from(e: RealmError) -> Self {
        Self::Realm(e)
    }
}
impl From<CallError> for Error {
    fn from(e: CallError) -> Self {
        match e {
            CallError::Refused(e) => Self::from_rpc(e),
            other => Self::Call(other),
        }
    }
}

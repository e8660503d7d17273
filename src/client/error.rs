//! Why a client has no result, by who can do something about it.

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

/// Why a client has no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// One of the documented errors of starting a bot: from the server, or found before anything was sent.
    Start(StartError),
    /// The session is not signed in, or no longer (401), or its key is dead (`AUTH_KEY_DUPLICATED`): it is not used again.
    NotSignedIn(RpcError),
    /// The server does not know the key any more.
    KeyLost(KeyLost),
    /// Too many calls; wait so long.
    Flood {
        /// How long.
        seconds: u32,
        /// The server's own words.
        error: RpcError,
    },
    /// The server refused, and tells the user why in words of its own (406): show those, or nothing.
    Told {
        /// The words, if they have come.
        text: Option<String>,
        /// For programs.
        error: RpcError,
    },
    /// The server refused, for another reason.
    Rpc(RpcError),
    /// Nobody has this username.
    NoSuchName {
        /// The username, without the `@`.
        name: String,
        /// What it was to be.
        role: Role,
        /// The server's answer.
        error: RpcError,
    },
    /// The text names nobody.
    Who(WhoError),
    /// The text is no session string.
    Session(StringError),
    /// The session is of other servers than those it was to be used at. Nothing was sent.
    Realm(RealmError),
    /// The link is for a group, and none was given.
    NeedsGroup,
    /// This data centre is not known, or not where it is; it is not gone to.
    UnknownDc(i32),
    /// Why nobody was signed in.
    Login(LoginError),
    /// Nobody answers at this address.
    Network {
        /// Where.
        addr: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The other side does not follow the protocol, or is not who it should be.
    Connection(ConnectionError),
    /// No answer in time.
    Timeout,
    /// The answer cannot be read.
    Decode(DecodeError),
    /// The server does not take the message.
    Call(CallError),
    /// A call of this many bytes is never sent: the length is no multiple of 4, or more than a frame holds (4 MiB).
    CallLength(usize),
    /// The system gave no randomness.
    Entropy,
    /// The client was dropped, or its connection is over for good.
    Closed,
}

/// Part that a peer plays in a call, for errors about its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The bot that is started.
    Bot,
    /// The chat that it is started in.
    Peer,
}

/// A transport error -404 for a key that was in use. It is not authenticated: anybody on the way can send it, so that
/// the key is kept and nobody is signed out for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLost {
    /// On how many connections in a row it came.
    pub times: u32,
}

impl Error {
    /// What a person can do about it.
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
                hints::hint(e).unwrap_or("the server does not know this session any more: sign in again").into()
            }
            Self::Told { error, .. } => hints::hint(error)
                .unwrap_or("the server explains this to the user in a message of its own: see your other apps")
                .into(),
            Self::Flood { seconds, .. } => alloc::format!("too many calls: wait {seconds} seconds, then try again"),
            Self::KeyLost(_) => "the server does not know this session's key: it was signed out, or the session is of \
                                 another data centre or environment; the key was kept"
                .into(),
            Self::NeedsGroup => "the link asks for a group: name one".into(),
            Self::Network { .. } => "check the address, the network, and whether a firewall or proxy is between".into(),
            Self::UnknownDc(_) => {
                "the server named a data centre that this program does not know: a newer version may".into()
            }
            Self::Login(e) => return e.hint().map(Into::into),
            Self::Timeout => "try again; if it happens always, look at the network".into(),
            Self::Realm(_) => "sign in there, and keep that session apart from this one".into(),
            Self::Decode(_) => {
                "the server speaks another layer, or is damaged; a newer version may read the answer".into()
            }
            Self::Session(_) => "a session string comes from a program that is signed in, whole and on one line".into(),
            _ => return None,
        })
    }

    /// A copy for another caller: one lost connection may end many calls.
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

    /// The typed form of what the server answered.
    pub(super) fn from_rpc(error: RpcError) -> Self {
        if let Some(start) = StartError::from_rpc(&error) {
            return Self::Start(start);
        }
        match (error.code, error.kind()) {
            (420, (_, Some(seconds))) => Self::Flood { seconds, error },
            // To these the client has an answer of its own.
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
            Self::Entropy => f.write_str("the system gave no randomness"),
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

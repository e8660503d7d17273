//! Events and errors of a session.

use super::{CallId, Refused, RpcError};
use crate::base::entropy::EntropyFailed;
use crate::tl::DecodeError;
use bytes::Bytes;
use core::fmt;

/// Event of a session for its owner.
#[derive(Clone, PartialEq, Eq)]
pub enum Incoming {
    /// Answer to a call.
    Reply {
        /// The call.
        call: CallId,
        /// Result, inflated; a slice of the packet if it was not compressed.
        result: Result<Bytes, CallError>,
    },
    /// Value of the API that no call asked for.
    Update(Bytes),
    /// The server created a new session: updates sent before may be lost.
    NewSession,
}

impl fmt::Debug for Incoming {
    /// Of bodies the length alone: what a server answers, may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply { call, result: Ok(body) } => write!(f, "Reply({call:?}, {} bytes)", body.len()),
            Self::Reply { call, result: Err(error) } => write!(f, "Reply({call:?}, {error:?})"),
            Self::Update(body) => write!(f, "Update({} bytes)", body.len()),
            Self::NewSession => f.write_str("NewSession"),
        }
    }
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The server said no.
    Refused(RpcError),
    /// The result was compressed, and is damaged or too large.
    Damaged,
    /// The call is too long or not a whole TL value; it was not sent.
    Unsendable,
    /// The server refused to receive it, again and again; the code is that of `bad_msg_notification`.
    Undeliverable(i32),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(e) => e.fmt(f),
            Self::Damaged => f.write_str("the compressed answer is damaged or too large"),
            Self::Unsendable => f.write_str("the call is too long, or no whole TL value"),
            Self::Undeliverable(code) => {
                let (says, _) = crate::wire::mt::service::bad_msg(*code);
                write!(f, "the server does not take the message: {says} (code {code})")
            }
        }
    }
}
impl core::error::Error for CallError {}

/// Why a packet was not taken. Whoever receives such a packet closes the connection and begins another.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// Not encrypted with this key, or damaged.
    Packet(Refused),
    /// Wrong session id.
    WrongSession,
    /// Message id that the server cannot have made.
    MsgId,
    /// Message id of a time too far in the past or in the future.
    Untimely,
    /// A container that must not be: nested, in the wrong order, or cut short.
    Container,
    /// A service message that cannot be read.
    Decode(DecodeError),
    /// Compressed data that are damaged, too large, or compressed twice.
    Gzip,
    /// The other side has been silent for too long.
    Silent,
    /// There was no randomness to seal a packet with.
    Entropy,
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet(e) => e.fmt(f),
            Self::WrongSession => f.write_str("a message of another session"),
            Self::MsgId => f.write_str("a message id that the other side cannot have made"),
            Self::Untimely => f.write_str("a message too old or from the future"),
            Self::Container => f.write_str("a container that must not be"),
            Self::Decode(e) => write!(f, "a service message cannot be read: {e}"),
            Self::Gzip => f.write_str("compressed data are damaged or too large"),
            Self::Silent => f.write_str("the other side has been silent for too long"),
            Self::Entropy => EntropyFailed.fmt(f),
        }
    }
}
impl core::error::Error for SessionError {}
impl From<Refused> for SessionError {
    fn from(e: Refused) -> Self {
        Self::Packet(e)
    }
}
impl From<DecodeError> for SessionError {
    fn from(e: DecodeError) -> Self {
        Self::Decode(e)
    }
}
impl From<EntropyFailed> for SessionError {
    fn from(_: EntropyFailed) -> Self {
        Self::Entropy
    }
}

//! Errors of the transport: those sent by the server in place of a packet, and violations by the peer.
//!
//! ```text
//! ┌──────┐
//! │code:4│  the whole body of a frame; signed, little-endian, negative
//! └──────┘
//! ```
//!
//! Spec: mtproto/mtproto-transports#transport-errors

use super::MAX_FRAME;
use core::fmt;

/// An error code sent by the server in place of a packet: `code:4`, negative, little-endian.
///
/// Spec: mtproto/mtproto-transports#transport-errors
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportFault {
    /// Code -404: unknown auth key, or an invalid request in the key exchange.
    AuthKeyNotFound,
    /// Code -429: too many connections, or too much data in a short time.
    TransportFlood,
    /// Code -444: wrong data centre for this address.
    InvalidDc,
    /// Any other negative code; the ones observed are HTTP status codes.
    Other(i32),
}

impl TransportFault {
    /// Converts a code from the wire.
    pub const fn from_code(code: i32) -> Self {
        match code {
            -404 => Self::AuthKeyNotFound,
            -429 => Self::TransportFlood,
            -444 => Self::InvalidDc,
            other => Self::Other(other),
        }
    }
    /// Returns the code on the wire.
    pub const fn code(self) -> i32 {
        match self {
            Self::AuthKeyNotFound => -404,
            Self::TransportFlood => -429,
            Self::InvalidDc => -444,
            Self::Other(code) => code,
        }
    }
}

impl fmt::Display for TransportFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthKeyNotFound => f.write_str(
                "the server answered -404: it does not know this auth key, or could not follow the key exchange; \
                 anyone on the network can send this, so reconnect before discarding the key",
            ),
            Self::TransportFlood => f.write_str("the server answered -429: too many connections; wait, then try again"),
            Self::InvalidDc => f.write_str(
                "the server answered -444: no such data centre at this address; test and production may be mixed up",
            ),
            Self::Other(code) => write!(f, "the server answered {code} instead of a packet; reconnect"),
        }
    }
}
impl core::error::Error for TransportFault {}

/// Violation of the framing by the peer. It ends the connection, because the start of the next frame is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// First bytes that match no transport.
    Start,
    /// Frame longer than [`MAX_FRAME`] bytes.
    TooLong(usize),
    /// Length in bytes that is impossible in this framing.
    Length(usize),
    /// Body of 4 bytes that is not an error code.
    Code(i32),
    /// Checksum mismatch in a full frame.
    Checksum,
    /// Sequence number out of order in a full frame.
    Sequence {
        /// The expected number.
        due: u32,
        /// The received number.
        found: u32,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("the first bytes match no transport"),
            Self::TooLong(len) => write!(f, "a frame of {len} bytes exceeds the limit of {MAX_FRAME}"),
            Self::Length(len) => write!(f, "a frame cannot have {len} bytes"),
            Self::Code(code) => write!(f, "unexpected number {code} instead of a packet"),
            Self::Checksum => f.write_str("the checksum of a frame does not match"),
            Self::Sequence { due, found } => write!(f, "frame number {found} where {due} was expected"),
        }
    }
}
impl core::error::Error for FrameError {}

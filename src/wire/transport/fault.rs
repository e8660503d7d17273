//! What goes wrong on the stream: what the server says in place of a packet, and what no peer may say.
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

/// The error that a server puts into a frame in place of a packet: `-code:4`, little-endian.
///
/// Spec: mtproto/mtproto-transports#transport-errors
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportFault {
    /// -404: no such auth key, or a request of the key exchange that the server cannot follow.
    AuthKeyNotFound,
    /// -429: too many connections, or too much sent too fast.
    TransportFlood,
    /// -444: no such data centre here.
    InvalidDc,
    /// Any other negative number; those seen are HTTP's.
    Other(i32),
}

impl TransportFault {
    /// The fault with this number.
    pub const fn from_code(code: i32) -> Self {
        match code {
            -404 => Self::AuthKeyNotFound,
            -429 => Self::TransportFlood,
            -444 => Self::InvalidDc,
            other => Self::Other(other),
        }
    }
    /// The number on the wire.
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
                "the server answers -404: it does not know this auth key, or could not follow the key exchange; \
                 connect anew before believing it",
            ),
            Self::TransportFlood => f.write_str("the server answers -429: too many connections; wait, then try again"),
            Self::InvalidDc => f.write_str(
                "the server answers -444: no such data centre here; test and production addresses may be mixed up",
            ),
            Self::Other(code) => write!(f, "the server answers {code} in place of a packet; connect anew"),
        }
    }
}
impl core::error::Error for TransportFault {}

/// Why the stream cannot go on: after any of these, nothing says where the next frame starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The first bytes are those of no transport.
    Start,
    /// More bytes than [`MAX_FRAME`] in one frame.
    TooLong(usize),
    /// A number of bytes that no frame of this framing has.
    Length(usize),
    /// A frame too short for a packet, whose number is none of an error.
    Code(i32),
    /// The checksum of a full frame is another.
    Checksum,
    /// A full frame out of turn.
    Sequence {
        /// The number due.
        due: u32,
        /// The number read.
        found: u32,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("the first bytes are those of no transport"),
            Self::TooLong(len) => write!(f, "a frame of {len} bytes, where {MAX_FRAME} is the most"),
            Self::Length(len) => write!(f, "no frame has {len} bytes"),
            Self::Code(code) => write!(f, "the number {code} in place of a packet"),
            Self::Checksum => f.write_str("the checksum of a frame does not match"),
            Self::Sequence { due, found } => write!(f, "frame {found} where {due} was due"),
        }
    }
}
impl core::error::Error for FrameError {}

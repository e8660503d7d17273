//! Framings: handles to the codecs that delimit packets in the stream.
//!
//! A codec is a static table of functions. A program that names only one framing links only its codec, without a Cargo
//! feature for each.
//!
//! Spec: mtproto/mtproto-transports

use super::{FrameError, MAX_FRAME, Tail, abridged, full, intermediate};
use crate::base::side::Side;
use bytes::BytesMut;
use core::fmt;

/// A format that delimits packets in the stream. Spec: mtproto/mtproto-transports
#[derive(Clone, Copy)]
pub struct Framing(&'static Codec);

impl Framing {
    /// Abridged: a length of one byte for a short packet and four bytes for a long one. It has the least overhead.
    pub const ABRIDGED: Self = Self(&abridged::CODEC);
    /// Intermediate: a length of 4 bytes.
    pub const INTERMEDIATE: Self = Self(&intermediate::CODEC);
    /// Padded intermediate: a length of 4 bytes, and up to 15 random bytes that hide the exact size of the packet.
    pub const PADDED_INTERMEDIATE: Self = Self(&intermediate::PADDED);
    /// Full: length, sequence number and checksum. The oldest framing.
    pub const FULL: Self = Self(&full::CODEC);
    /// All four framings, in the order of the spec.
    pub const ALL: [Self; 4] = [Self::ABRIDGED, Self::INTERMEDIATE, Self::PADDED_INTERMEDIATE, Self::FULL];

    /// Returns the bytes that a client writes once, before its first frame.
    pub const fn preamble(self) -> &'static [u8] {
        self.0.preamble
    }
    /// Returns the name in the spec, such as `padded intermediate`.
    pub const fn name(self) -> &'static str {
        self.0.name
    }
    pub(super) const fn codec(self) -> &'static Codec {
        self.0
    }
}

/// Framings are compared by their preambles, which are all different.
impl PartialEq for Framing {
    fn eq(&self, other: &Self) -> bool {
        self.preamble() == other.preamble()
    }
}
impl Eq for Framing {}
impl fmt::Debug for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The functions of one framing.
pub(super) struct Codec {
    pub(super) name: &'static str,
    pub(super) preamble: &'static [u8],
    /// Parses the start of the next frame; `None` if more bytes are needed.
    pub(super) head: fn(inbox: &[u8], side: Side) -> Result<Option<Head>, FrameError>,
    /// Strips a frame's body to its packet; returns the token if the body is a framed quick ack.
    pub(super) open: fn(body: &mut BytesMut, side: Side, seq: u32) -> Result<Option<u32>, FrameError>,
    /// Appends one frame.
    pub(super) write: fn(packet: &[u8], with: &Around, out: &mut BytesMut),
    /// Appends a server's quick ack.
    pub(super) write_quick_ack: fn(token: u32, out: &mut BytesMut),
}

/// Additions to a packet. Each framing uses those that it supports.
pub(super) struct Around {
    pub(super) wants_ack: bool,
    pub(super) tail: Tail,
    pub(super) seq: u32,
}

/// The start of a frame, or a complete item without a body.
pub(super) enum Head {
    /// An unframed quick ack of 4 bytes.
    QuickAck(u32),
    /// An unframed error code of 4 bytes.
    Fault(i32),
    /// A frame: `header` bytes to skip, then `len` bytes of body.
    Body { header: usize, len: usize, wants_ack: bool },
}

impl Head {
    /// Creates a `Body` of `len` bytes, which must be at least `least`.
    pub(super) fn body(header: usize, len: usize, least: usize, wants_ack: bool) -> Result<Option<Self>, FrameError> {
        match len {
            _ if len > MAX_FRAME => Err(FrameError::TooLong(len)),
            _ if len < least => Err(FrameError::Length(len)),
            _ => Ok(Some(Self::Body { header, len, wants_ack })),
        }
    }
}

/// Returns the body unchanged, for framings that add nothing to it.
#[expect(clippy::unnecessary_wraps, reason = "signature of a codec")]
pub(super) fn open_bare(_: &mut BytesMut, _: Side, _: u32) -> Result<Option<u32>, FrameError> {
    Ok(None)
}

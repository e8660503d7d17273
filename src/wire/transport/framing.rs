//! Framings: handles to the codecs that mark where a packet ends.
//!
//! A codec is a static table of functions, one per step. A program that names one framing links one codec; the linker
//! leaves the others out, which no Cargo feature has to say.
//!
//! Spec: mtproto/mtproto-transports

use super::{FrameError, MAX_FRAME, Tail, abridged, full, intermediate};
use crate::base::side::Side;
use bytes::BytesMut;
use core::fmt;

/// One way to mark packets in the stream. Spec: mtproto/mtproto-transports
#[derive(Clone, Copy)]
pub struct Framing(&'static Codec);

impl Framing {
    /// Abridged: one byte of length for a short packet, four for a long one. The smallest.
    pub const ABRIDGED: Self = Self(&abridged::CODEC);
    /// Intermediate: a length of 4 bytes.
    pub const INTERMEDIATE: Self = Self(&intermediate::CODEC);
    /// Padded intermediate: a length of 4 bytes, and up to 15 random bytes that blur the size of the packet.
    pub const PADDED_INTERMEDIATE: Self = Self(&intermediate::PADDED);
    /// Full: length, sequence number and checksum. The oldest.
    pub const FULL: Self = Self(&full::CODEC);
    /// All four, in the order of the spec's page.
    pub const ALL: [Self; 4] = [Self::ABRIDGED, Self::INTERMEDIATE, Self::PADDED_INTERMEDIATE, Self::FULL];

    /// Bytes that a client writes once, before its first frame.
    pub const fn preamble(self) -> &'static [u8] {
        self.0.preamble
    }
    /// Name as in the spec, such as `padded intermediate`.
    pub const fn name(self) -> &'static str {
        self.0.name
    }
    pub(super) const fn codec(self) -> &'static Codec {
        self.0
    }
}

/// Preambles differ, so they identify the framing.
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

/// Functions of one framing.
pub(super) struct Codec {
    pub(super) name: &'static str,
    pub(super) preamble: &'static [u8],
    /// Reads the beginning of the next frame; `None` until enough bytes are there.
    pub(super) head: fn(inbox: &[u8], side: Side) -> Result<Option<Head>, FrameError>,
    /// Strips a frame's body to its packet; returns the token if the body is a framed quick ack.
    pub(super) open: fn(body: &mut BytesMut, side: Side, seq: u32) -> Result<Option<u32>, FrameError>,
    /// Appends one frame.
    pub(super) write: fn(packet: &[u8], with: &Around, out: &mut BytesMut),
    /// Appends a server's quick ack.
    pub(super) write_quick_ack: fn(token: u32, out: &mut BytesMut),
}

/// Additions to a packet in its frame, of which each framing takes those that it can carry.
pub(super) struct Around {
    pub(super) wants_ack: bool,
    pub(super) tail: Tail,
    pub(super) seq: u32,
}

/// Beginning of a frame, or the whole of one that has no body.
pub(super) enum Head {
    /// A quick ack of 4 bytes without a frame.
    QuickAck(u32),
    /// An error of 4 bytes without a frame.
    Fault(i32),
    /// `header` bytes to drop, then `len` bytes of body.
    Body { header: usize, len: usize, wants_ack: bool },
}

impl Head {
    /// A body of `len` bytes, at least `least`.
    pub(super) fn body(header: usize, len: usize, least: usize, wants_ack: bool) -> Result<Option<Self>, FrameError> {
        match len {
            _ if len > MAX_FRAME => Err(FrameError::TooLong(len)),
            _ if len < least => Err(FrameError::Length(len)),
            _ => Ok(Some(Self::Body { header, len, wants_ack })),
        }
    }
}

/// Keeps the body as it is: nothing surrounds the packet in its frame.
#[expect(clippy::unnecessary_wraps, reason = "signature of a codec")]
pub(super) fn open_bare(_: &mut BytesMut, _: Side, _: u32) -> Result<Option<u32>, FrameError> {
    Ok(None)
}

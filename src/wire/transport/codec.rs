//! Table of functions that makes a framing.

use super::{FrameError, MAX_FRAME};
use crate::base::side::Side;
use bytes::BytesMut;

/// The functions of one framing.
pub(super) struct Codec {
    pub(super) name: &'static str,
    pub(super) preamble: &'static [u8],
    /// Parses the start of the next frame; `None` if more bytes are needed.
    pub(super) head: fn(inbox: &[u8], side: Side) -> Result<Option<Head>, FrameError>,
    /// Strips a frame's body to its packet; returns the token if the body is a framed quick ack.
    pub(super) open: fn(body: &mut BytesMut, side: Side, seq: u32) -> Result<Option<u32>, FrameError>,
    /// Appends one frame.
    pub(super) write: fn(packet: &[u8], with: &Around<'_>, out: &mut BytesMut),
    /// Appends a server's quick ack.
    pub(super) write_quick_ack: fn(token: u32, out: &mut BytesMut),
}

/// Additions to a packet. Each framing uses those that it supports.
pub(super) struct Around<'a> {
    pub(super) wants_ack: bool,
    pub(super) tail: &'a [u8],
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

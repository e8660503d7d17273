//! Framings: handles to the codecs that delimit packets in the stream.
//!
//! A codec is a static table of functions. A program that names only one framing links only its codec, without a Cargo
//! feature for each.
//!
//! Spec: mtproto/mtproto-transports

use super::codec::Codec;
use super::{abridged, full, intermediate};
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

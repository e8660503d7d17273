//! Output of a fault: packets, damaged frames, raw bytes.

use crate::base::crc::crc32;
use crate::base::entropy::Entropy;
use crate::wire::transport::{Extras, FrameError, Framer, Framing, Tail};
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};

/// Defect of a frame of the full framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab::dc) enum Damage {
    /// Wrong checksum.
    Crc,
    /// Wrong sequence number, with a matching checksum.
    Seq,
}

/// Output in place of a packet.
#[derive(Debug)]
pub(in crate::lab::dc) enum Out {
    Packet(Bytes),
    Tailed(Bytes),
    Damaged(Bytes, Damage),
    Raw(fn(Framing) -> Vec<u8>),
    QuickAck(u32),
    Fault(i32),
    /// The connection ends.
    Close,
    /// Nothing any more.
    Silence,
}

impl Out {
    /// Writes it; what ends the connection is for its owner.
    ///
    /// # Errors
    /// No frame can hold it, or the entropy failed.
    pub(in crate::lab::dc) fn write(
        &self,
        framer: &mut Framer,
        random: &mut dyn Entropy,
        out: &mut BytesMut,
    ) -> Result<(), FrameError> {
        match self {
            Self::Packet(packet) => framer.encode(packet, out)?,
            Self::Tailed(packet) => {
                let tail = Tail::random(random).unwrap_or_default();
                framer.encode_with(packet, Extras { tail, ..Extras::default() }, out)?;
            }
            Self::Damaged(packet, damage) => {
                let start = out.len();
                framer.encode(packet, out)?;
                harm(out.get_mut(start..).unwrap_or_default(), *damage);
            }
            Self::Raw(make) => framer.encode_raw(&make(framer.framing()), out),
            Self::QuickAck(token) => framer.encode_quick_ack(*token, out),
            Self::Fault(code) => framer.encode(&code.to_le_bytes(), out)?,
            Self::Close | Self::Silence => {}
        }
        Ok(())
    }
}

/// Spoils a full frame: `len:4 | seq:4 | packet | crc:4`.
fn harm(frame: &mut [u8], damage: Damage) {
    let Some((inner, sum)) = frame.split_last_chunk_mut::<4>() else { return };
    match damage {
        Damage::Crc => sum.iter_mut().take(1).for_each(|byte| *byte ^= 1),
        Damage::Seq => {
            inner.iter_mut().skip(4).take(1).for_each(|byte| *byte ^= 1);
            *sum = crc32(inner).to_le_bytes();
        }
    }
}

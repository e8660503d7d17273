//! The full framing: a length, a sequence number and a checksum.
//!
//! ```text
//! ┌─────┬─────┬───────────────┬─────┐
//! │len:4│seq:4│ packet:len-12 │crc:4│  little-endian; len counts all fields, crc is the CRC-32 of all before it
//! └─────┴─────┴───────────────┴─────┘
//! ```
//!
//! `seq` counts the frames of each direction from 0. There is no preamble and no quick ack.
//!
//! Servers that refuse a connection early have been seen to send their error code without a frame, once or three times.
//! A length is never negative, so a client recognizes each such number as an error.
//!
//! Spec: mtproto/mtproto-transports#full

use super::FrameError;
use super::codec::{Around, Codec, Head};
use crate::{base::crc::crc32, base::side::Side};
use bytes::{Buf, BytesMut};

pub(super) static CODEC: Codec = Codec { name: "full", preamble: &[], head, open, write, write_quick_ack: |_, _| () };

/// Bytes added to a packet: length, sequence number and checksum.
const AROUND: usize = 12;

/// Parses the start of the next frame in `inbox`, received by `side`.
pub(super) fn head(inbox: &[u8], side: Side) -> Result<Option<Head>, FrameError> {
    let Some(word) = inbox.first_chunk() else { return Ok(None) };
    // The known codes have three digits. A server must not accept them: only clients receive errors.
    if let code @ -999..0 = i32::from_le_bytes(*word)
        && side == Side::Client
    {
        return Ok(Some(Head::Fault(code)));
    }
    let len = u32::from_le_bytes(*word) as usize;
    // The header is part of the body, because the checksum covers it.
    let head = Head::body(0, len, AROUND + 4, false)?;
    if !len.is_multiple_of(4) {
        return Err(FrameError::Length(len));
    }
    Ok(head)
}

/// Reduces `frame` to its packet after checking the checksum and that its sequence number is `due`.
fn open(frame: &mut BytesMut, _: Side, due: u32) -> Result<Option<u32>, FrameError> {
    let Some((before, crc)) = frame.split_last_chunk() else { return Err(FrameError::Length(frame.len())) };
    // Checked first: in a damaged frame the sequence number has no meaning.
    if crc32(before) != u32::from_le_bytes(*crc) {
        return Err(FrameError::Checksum);
    }
    let Some([_, _, _, _, a, b, c, d]) = before.first_chunk() else { return Err(FrameError::Length(frame.len())) };
    let found = u32::from_le_bytes([*a, *b, *c, *d]);
    if found != due {
        return Err(FrameError::Sequence { due, found });
    }
    let end = before.len();
    frame.truncate(end);
    frame.advance(8);
    Ok(None)
}

/// Appends frame number `around.seq`. The caller has checked the length of `packet`.
fn write(packet: &[u8], around: &Around<'_>, out: &mut BytesMut) {
    let start = out.len();
    let [a, b, c, d, ..] = (packet.len() + AROUND).to_le_bytes();
    out.extend_from_slice(&[a, b, c, d]);
    out.extend_from_slice(&around.seq.to_le_bytes());
    out.extend_from_slice(packet);
    let crc = crc32(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_le_bytes());
}

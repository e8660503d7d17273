//! The full framing: a length, a sequence number and a checksum.
//!
//! ```text
//! ┌─────┬─────┬───────────────┬─────┐
//! │len:4│seq:4│ packet:len-12 │crc:4│  little-endian; len counts all of it, crc is the CRC-32 of all before it
//! └─────┴─────┴───────────────┴─────┘
//! ```
//!
//! `seq` counts the frames of one direction from 0. There is no preamble and no quick ack.
//!
//! A server that refuses early has been seen to send its error without a frame, once or three times over. A length is
//! never negative, so this is told apart: a client takes each such number as one more fault.
//!
//! Spec: mtproto/mtproto-transports#full

use super::FrameError;
use super::framing::{Around, Codec, Head};
use crate::{base::crc::crc32, base::side::Side};
use bytes::{Buf, BytesMut};

pub(super) static CODEC: Codec = Codec { name: "full", preamble: &[], head, open, write, write_quick_ack: |_, _| () };

/// Length, sequence number and checksum.
const AROUND: usize = 12;

/// Reads the beginning of `inbox`, at `side`.
pub(super) fn head(inbox: &[u8], side: Side) -> Result<Option<Head>, FrameError> {
    let Some(word) = inbox.first_chunk() else { return Ok(None) };
    if let code @ -999..0 = i32::from_le_bytes(*word)
        && side == Side::Client
    {
        return Ok(Some(Head::Fault(code)));
    }
    let len = u32::from_le_bytes(*word) as usize;
    let head = Head::body(0, len, AROUND + 4, false)?;
    if !len.is_multiple_of(4) {
        return Err(FrameError::Length(len));
    }
    Ok(head)
}

/// Strips `frame` to its packet, if it is intact and number `due`.
fn open(frame: &mut BytesMut, _: Side, due: u32) -> Result<Option<u32>, FrameError> {
    let Some((before, crc)) = frame.split_last_chunk() else { return Err(FrameError::Length(frame.len())) };
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

/// Appends frame number `around.seq`; the length of `packet` was checked.
fn write(packet: &[u8], around: &Around, out: &mut BytesMut) {
    let start = out.len();
    let [a, b, c, d, ..] = (packet.len() + AROUND).to_le_bytes();
    out.extend_from_slice(&[a, b, c, d]);
    out.extend_from_slice(&around.seq.to_le_bytes());
    out.extend_from_slice(packet);
    let crc = crc32(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_le_bytes());
}

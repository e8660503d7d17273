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

use super::{FrameError, Head};
use crate::{crc::crc32, side::Side};
use bytes::{Buf, BytesMut};

/// Length, sequence number and checksum.
const AROUND: usize = 12;

/// What `inbox` starts with, read by `side`.
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

/// Leaves of `frame` the packet, if it is frame `due` and whole.
pub(super) fn open(frame: &mut BytesMut, due: u32) -> Result<(), FrameError> {
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
    Ok(())
}

/// Appends frame number `seq`; the length of `packet` was checked.
pub(super) fn write(packet: &[u8], seq: u32, out: &mut BytesMut) {
    let start = out.len();
    let [a, b, c, d, ..] = (packet.len() + AROUND).to_le_bytes();
    out.extend_from_slice(&[a, b, c, d]);
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(packet);
    let crc = crc32(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_le_bytes());
}

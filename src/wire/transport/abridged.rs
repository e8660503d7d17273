//! The abridged framing: lengths in words of 4 bytes, usually encoded in one byte.
//!
//! ```text
//! words < 127    ┌───────┬────────────────┐      words ≥ 127   ┌────┬───────┬────────────────┐
//!                │words:1│ packet:words·4 │                    │7f:1│words:3│ packet:words·4 │  little-endian
//!                └───────┴────────────────┘                    └────┴───────┴────────────────┘
//! quick ack requested by the client: bit 7 of the first byte set
//! quick ack sent by the server:  ┌───────┐
//!                                │token:4│  big-endian, so that its bit 31 is bit 7 of the first byte
//!                                └───────┘
//! ```
//!
//! A length never sets bit 7, so a client can distinguish a token from a frame even if it never requested one.
//!
//! Spec: mtproto/mtproto-transports#abridged

use super::FrameError;
use super::codec::{Around, Codec, Head, open_bare};
use crate::base::side::Side;
use bytes::BytesMut;

pub(super) static CODEC: Codec =
    Codec { name: "abridged", preamble: &[0xef], head, open: open_bare, write, write_quick_ack };

/// Flag in the first byte for a quick ack.
const QUICK_ACK: u8 = 0x80;
/// First byte of a header with a three-byte length.
const LONG: u8 = 0x7f;

/// Parses the start of the next frame in `inbox`, received by `side`.
fn head(inbox: &[u8], side: Side) -> Result<Option<Head>, FrameError> {
    let Some((&first, rest)) = inbox.split_first() else { return Ok(None) };
    let marked = first & QUICK_ACK != 0;
    // Only the server sends tokens, and only the client requests them, so bit 7 has one meaning per direction.
    if marked && side == Side::Client {
        return Ok(inbox.first_chunk().map(|token| Head::QuickAck(u32::from_be_bytes(*token))));
    }
    let (header, words) = match first & !QUICK_ACK {
        LONG => match rest.first_chunk() {
            Some(&[a, b, c]) => (4, u32::from_le_bytes([a, b, c, 0])),
            None => return Ok(None),
        },
        words => (1, u32::from(words)),
    };
    // at most 2^26 - 4: a three-byte length cannot overflow
    Head::body(header, words as usize * 4, 4, marked)
}

/// Appends one frame. The length of `packet` is a multiple of 4 below 2^26.
fn write(packet: &[u8], around: &Around<'_>, out: &mut BytesMut) {
    let mark = if around.wants_ack { QUICK_ACK } else { 0 };
    let words = packet.len() / 4;
    match u8::try_from(words) {
        Ok(words @ 0..LONG) => out.extend_from_slice(&[words | mark]),
        _ => {
            let [a, b, c, ..] = words.to_le_bytes();
            out.extend_from_slice(&[LONG | mark, a, b, c]);
        }
    }
    out.extend_from_slice(packet);
}

fn write_quick_ack(token: u32, out: &mut BytesMut) {
    out.extend_from_slice(&token.to_be_bytes());
}

//! The intermediate framing and its padded form, which hides the exact packet size.
//!
//! ```text
//! intermediate                     padded intermediate
//! ┌─────┬────────────┐             ┌─────┬───────────────────────┐
//! │len:4│ packet:len │             │len:4│ packet | random:0..15 │  len covers both; the packet's end is not marked
//! └─────┴────────────┘             └─────┴───────────────────────┘
//! quick ack requested by the client: bit 31 of len set
//! quick ack sent by the server:
//!                    ┌───────┐     ┌─────┬──────────┬───────┬───────────┐
//!                    │token:4│     │len:4│ffffffff:4│token:4│random:0..8│
//!                    └───────┘     └─────┴──────────┴───────┴───────────┘
//! ```
//!
//! Numbers are little-endian. A token has bit 31 set, which a length never has. The end of a padded packet follows from
//! the packet itself:
//!
//! ```text
//! auth_key_id:8 | msg_key:16 | blocks:16·n        the tail is (len - 24) mod 16 bytes
//! 0:8 | msg_id:8 | n:4 | body:n                   the tail begins at 20 + n
//! code:4                                          a packet has at least 20 bytes, so anything shorter is an error code
//! ```
//!
//! Spec: mtproto/mtproto-transports#padded-intermediate

use super::FrameError;
use super::codec::{Around, Codec, Head, open_bare};
use crate::base::side::Side;
use bytes::BytesMut;

pub(super) static CODEC: Codec =
    Codec { name: "intermediate", preamble: &[0xee; 4], head, open: open_bare, write, write_quick_ack };
pub(super) static PADDED: Codec = Codec {
    name: "padded intermediate",
    preamble: &[0xdd; 4],
    head: padded_head,
    open: padded_open,
    write: write_padded,
    write_quick_ack: write_padded_quick_ack,
};

/// Flag for a quick ack in the length.
const QUICK_ACK: u32 = 1 << 31;

/// Parses the start of the next frame in `inbox`, received by `side`.
fn head(inbox: &[u8], side: Side) -> Result<Option<Head>, FrameError> {
    match padded_head(inbox, side)? {
        // Packets consist of whole words, and this framing adds nothing to them.
        Some(Head::Body { len, .. }) if !len.is_multiple_of(4) => Err(FrameError::Length(len)),
        head => Ok(head),
    }
}

fn padded_head(inbox: &[u8], side: Side) -> Result<Option<Head>, FrameError> {
    let Some(word) = inbox.first_chunk().map(|word| u32::from_le_bytes(*word)) else { return Ok(None) };
    let marked = word & QUICK_ACK != 0;
    if marked && side == Side::Client {
        return Ok(Some(Head::QuickAck(word))); // TDLib also accepts an unframed token on the padded framing
    }
    Head::body(4, (word & !QUICK_ACK) as usize, 4, marked)
}

/// Appends one frame. The caller has checked the length of `packet`.
fn write(packet: &[u8], around: &Around<'_>, out: &mut BytesMut) {
    write_with(packet, &[], around.wants_ack, out);
}
fn write_padded(packet: &[u8], around: &Around<'_>, out: &mut BytesMut) {
    write_with(packet, around.tail, around.wants_ack, out);
}
fn write_with(packet: &[u8], tail: &[u8], wants_ack: bool, out: &mut BytesMut) {
    let [a, b, c, d, ..] = (packet.len() + tail.len()).to_le_bytes();
    let mark = if wants_ack { QUICK_ACK } else { 0 };
    out.extend_from_slice(&(u32::from_le_bytes([a, b, c, d]) | mark).to_le_bytes());
    out.extend_from_slice(packet);
    out.extend_from_slice(tail);
}

fn write_quick_ack(token: u32, out: &mut BytesMut) {
    out.extend_from_slice(&token.to_le_bytes());
}

/// Reduces a padded body to its packet, or returns the token of its quick ack.
fn padded_open(body: &mut BytesMut, side: Side, _: u32) -> Result<Option<u32>, FrameError> {
    if let (Side::Client, Some(token)) = (side, framed_quick_ack(body)) {
        return Ok(Some(token));
    }
    strip_tail(body).map(|()| None)
}

/// Parses a padded quick ack, `ffffffff | token:4`, in a body too short for a packet.
fn framed_quick_ack(body: &[u8]) -> Option<u32> {
    match body {
        [0xff, 0xff, 0xff, 0xff, a, b, c, d, rest @ ..] if rest.len() < 12 => {
            Some(u32::from_le_bytes([*a, *b, *c, *d]))
        }
        _ => None,
    }
}

/// Appends a padded quick ack with an empty tail.
fn write_padded_quick_ack(token: u32, out: &mut BytesMut) {
    out.extend_from_slice(&8u32.to_le_bytes());
    out.extend_from_slice(&[0xff; 4]);
    out.extend_from_slice(&token.to_le_bytes());
}

/// Truncates `body` to its packet or error code.
fn strip_tail(body: &mut BytesMut) -> Result<(), FrameError> {
    let len = body.len();
    let end = match body.first_chunk::<20>() {
        // Shorter than any packet: an error code.
        None => 4,
        // Key id 0 marks a plain message, which contains its length.
        Some([0, 0, 0, 0, 0, 0, 0, 0, .., a, b, c, d]) => usize::try_from(u32::from_le_bytes([*a, *b, *c, *d]))
            .ok()
            .and_then(|n| n.checked_add(20))
            .unwrap_or(len + 1),
        // An encrypted packet has 24 bytes and whole AES blocks. Removing only `len mod 4` bytes would leave part of
        // the tail.
        Some(_) => len - len.checked_sub(24).ok_or(FrameError::Length(len))? % 16,
    };
    if end > len {
        return Err(FrameError::Length(len));
    }
    body.truncate(end);
    Ok(())
}

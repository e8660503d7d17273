//! The encrypted envelope.
//!
//! ```text
//! auth_key_id:8 | msg_key:16 | AES-256-IGE( salt:8 session_id:8 msg_id:8 seqno:4 len:4 body:len padding:12..1024 )
//! ```
//!
//! Numbers little-endian; `msg_key` is the middle of SHA-256 over 32 bytes of the key and the whole plaintext, padding
//! and all, and from it and the key come the AES key and vector. Spec: mtproto/description#encrypted-message

use super::padding::{Drawn, MORE_BLOCKS};
use crate::base::entropy::{Entropy, EntropyFailed};
use crate::base::side::Side;
use crate::crypto::auth_key::AuthKey;
use crate::crypto::{ct, ige, kdf};
use crate::tl::{DecodeError, Reader};
use bytes::{Buf, Bytes, BytesMut};
use core::fmt;

pub use super::padding::{MAX_PADDING, MIN_PADDING, Padding};

/// Bytes in front of the ciphertext.
pub const OUTER: usize = 24;
/// Bytes of plaintext in front of the body.
pub const INNER: usize = 32;

/// Encrypted fields in front of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Server salt.
    pub salt: i64,
    /// Which of the key's sessions.
    pub session_id: i64,
    /// The message's id.
    pub msg_id: i64,
    /// Sequence number.
    pub seqno: i32,
}

/// A packet that was opened: it comes from whoever shares the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Fields in front of the body, not checked yet.
    pub header: Header,
    /// The message, a slice of the packet's own buffer.
    pub body: Bytes,
    /// The number that a quick ack of this packet carries.
    pub quick_ack: u32,
}

/// A packet that was not opened.
///
/// It reads the same whatever the reason: a peer that could tell one failure from another could ask the key questions.
/// [`why`](Self::why) is for one's own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused(Why);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Short,
    KeyId,
    Blocks,
    MsgKey,
    Length,
    Padding,
}

impl Refused {
    /// The reason.
    pub const fn why(&self) -> &'static str {
        match self.0 {
            Why::Short => "shorter than any packet",
            Why::KeyId => "another auth_key_id",
            Why::Blocks => "the ciphertext is not whole blocks",
            Why::MsgKey => "msg_key is not that of the plaintext",
            Why::Length => "the length of the body is impossible",
            Why::Padding => "padding of less than 12 or more than 1024 bytes",
        }
    }
}
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the packet was not made by the other side with this key")
    }
}
impl core::error::Error for Refused {}

/// Seals `body`, once; also the number that its quick ack would carry.
///
/// The amount of padding is random, so that the length of a packet says less about what is inside.
///
/// # Errors
/// The entropy failed: nothing was made.
pub fn seal(
    key: &AuthKey,
    from: Side,
    header: &Header,
    body: &[u8],
    random: &mut dyn Entropy,
) -> Result<(Bytes, u32), EntropyFailed> {
    seal_with(key, from, header, body, &mut Padding::default(), random)
}

/// Seals `body` as a session does, one packet of many: `padding` asks `random` only now and then.
///
/// # Errors
/// The entropy failed: nothing was made.
pub fn seal_with(
    key: &AuthKey,
    from: Side,
    header: &Header,
    body: &[u8],
    padding: &mut Padding,
    random: &mut dyn Entropy,
) -> Result<(Bytes, u32), EntropyFailed> {
    let drawn = padding.draw(random)?;
    Ok(seal_drawn(key, from, header, body, padding, drawn))
}

/// Seals `body` with randomness at hand: it was drawn before anything was decided that cannot be taken back.
pub(crate) fn seal_drawn(
    key: &AuthKey,
    from: Side,
    header: &Header,
    body: &[u8],
    padding: &mut Padding,
    drawn: Drawn,
) -> (Bytes, u32) {
    let len = body.len().next_multiple_of(4);
    let least = (INNER + len + MIN_PADDING).next_multiple_of(16);
    let plain_len = least + usize::from(padding.amount(&drawn) & MORE_BLOCKS) * 16;
    let mut packet = BytesMut::with_capacity(OUTER + plain_len);
    packet.extend_from_slice(&key.id());
    packet.extend_from_slice(&[0; 16]);
    for word in [header.salt, header.session_id, header.msg_id] {
        packet.extend_from_slice(&word.to_le_bytes());
    }
    packet.extend_from_slice(&header.seqno.to_le_bytes());
    packet.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
    packet.extend_from_slice(body);
    let missing = OUTER + plain_len - packet.len();
    padding.append(drawn, &mut packet, missing);
    let (outer, plain) = packet.split_at_mut(OUTER);
    let large = kdf::msg_key_large(key, from, plain);
    let msg_key = large.msg_key();
    let pair = kdf::aes(key, from, &msg_key);
    ige::encrypt(&pair.key, &pair.iv, plain.as_chunks_mut().0);
    if let Some(place) = outer.last_chunk_mut() {
        *place = msg_key;
    }
    (packet.freeze(), large.quick_ack())
}

/// Opens a packet that `from` sealed, in place.
///
/// The checks stand in the order of the security guidelines: `msg_key` is compared, in constant time and over the
/// whole plaintext, before any field is looked at.
///
/// # Errors
/// [`Refused`], whatever is wrong.
pub fn open(key: &AuthKey, from: Side, mut packet: BytesMut) -> Result<Opened, Refused> {
    if packet.len() < OUTER + INNER + 16 {
        return Err(Refused(Why::Short));
    }
    let (outer, plain) = packet.split_at_mut(OUTER);
    let (Some(key_id), Some(msg_key)) = (outer.first_chunk::<8>(), outer.last_chunk::<16>()) else {
        return Err(Refused(Why::Short));
    };
    if *key_id != key.id() {
        return Err(Refused(Why::KeyId));
    }
    let pair = kdf::aes(key, from, msg_key);
    let (blocks, []) = plain.as_chunks_mut() else { return Err(Refused(Why::Blocks)) };
    ige::decrypt(&pair.key, &pair.iv, blocks);
    let large = kdf::msg_key_large(key, from, plain);
    if !ct::same(&large.msg_key(), msg_key) {
        return Err(Refused(Why::MsgKey));
    }
    let quick_ack = large.quick_ack();
    packet.advance(OUTER);
    read(packet, quick_ack)
}

/// Reads an authentic plaintext.
fn read(mut plain: BytesMut, quick_ack: u32) -> Result<Opened, Refused> {
    let mut r = Reader::new(&plain);
    let mut fields = || Ok::<_, DecodeError>((r.i64()?, r.i64()?, r.i64()?, r.i32()?, r.i32()?));
    let (salt, session_id, msg_id, seqno, len) = fields().map_err(|_| Refused(Why::Short))?;
    let len = usize::try_from(len).ok().filter(|len| len % 4 == 0).ok_or(Refused(Why::Length))?;
    let padding = (plain.len() - INNER).checked_sub(len).ok_or(Refused(Why::Length))?;
    if !(MIN_PADDING..=MAX_PADDING).contains(&padding) {
        return Err(Refused(Why::Padding));
    }
    plain.advance(INNER);
    plain.truncate(len);
    Ok(Opened { header: Header { salt, session_id, msg_id, seqno }, body: plain.freeze(), quick_ack })
}

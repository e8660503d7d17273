//! Packets that no server should make: each part of the envelope free.

use crate::base::side::Side;
use crate::crypto::auth_key::AuthKey;
use crate::crypto::{ige, kdf};
use crate::protocol::session::packet::{Header, INNER};
use crate::tl::{Blob, Combinator, Tl};
use crate::wire::mt::message::{MSG_CONTAINER, Message};
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;

/// The plaintext of a packet; `len` and `padding` are whatever they are, up to whole blocks.
pub(super) fn plain(header: &Header, len: i32, body: &[u8], padding: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(INNER + body.len() + padding + 16);
    for word in [header.salt, header.session_id, header.msg_id] {
        word.write(&mut out);
    }
    header.seqno.write(&mut out);
    len.write(&mut out);
    out.extend_from_slice(body);
    out.extend((0..padding).map(|n| n.to_le_bytes()[0]));
    // AES takes whole blocks only: whoever asks for less padding than they need gets what they need.
    out.resize(out.len().next_multiple_of(16), 0x3c);
    out
}

/// Padding of at least `least` bytes behind a body of `len`, to whole blocks.
pub(super) fn padding(len: usize, least: usize) -> usize {
    (INNER + len + least).next_multiple_of(16) - INNER - len
}

/// Encrypts a plaintext of whole blocks as `from` would.
pub(super) fn sealed(key: &AuthKey, from: Side, mut plain: Vec<u8>) -> Vec<u8> {
    let msg_key = kdf::msg_key(key, from, &plain);
    let pair = kdf::aes(key, from, &msg_key);
    ige::encrypt(&pair.key, &pair.iv, plain.as_chunks_mut().0);
    [&key.id()[..], &msg_key, &plain].concat()
}

/// Seals a packet as in MTProto 1, where `msg_key` does not cover the padding.
pub(super) fn sealed_v1(key: &AuthKey, from: Side, header: &Header, body: &[u8]) -> Vec<u8> {
    let len = i32::try_from(body.len()).unwrap_or(i32::MAX);
    let mut plain = plain(header, len, body, 0);
    let covered = plain.get(..INNER + body.len()).unwrap_or_default();
    let msg_key = kdf::msg_key_v1(covered);
    let pair = kdf::aes_v1(key, from, &msg_key);
    ige::encrypt(&pair.key, &pair.iv, plain.as_chunks_mut().0);
    [&key.id()[..], &msg_key, &plain].concat()
}

/// A container of this many messages, as it says.
pub(super) fn container(count: i32, messages: &[(Message, i32)]) -> Vec<u8> {
    let mut out = Vec::new();
    MSG_CONTAINER.write(&mut out);
    count.write(&mut out);
    for (message, len) in messages {
        message.msg_id.write(&mut out);
        message.seqno.write(&mut out);
        len.write(&mut out);
        out.extend_from_slice(&message.body);
    }
    out
}

/// A message with the length that it has.
pub(super) fn honest(message: Message) -> (Message, i32) {
    let len = i32::try_from(message.body.len()).unwrap_or(i32::MAX);
    (message, len)
}

/// `gzip_packed` of `packed`.
pub(super) fn gzip_packed(packed: Vec<u8>) -> Bytes {
    crate::wire::mt::message::GzipPacked { packed_data: Blob(packed) }.to_boxed().into()
}

/// A gzip stream that opens to `mebibytes` of zeros.
pub(super) fn bomb(mebibytes: usize) -> Vec<u8> {
    crate::wire::mt::gzip::deflate(&vec![0; mebibytes << 20])
}

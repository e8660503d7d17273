//! Derivation of a message's AES key and IV from the authorization key.
//!
//! ```text
//! x = 0 from the client, 8 from the server                                    ak = auth_key, 256 bytes
//! large   = SHA256( ak[88+x..120+x] | plaintext with padding )                 msg_key = large[8..24]
//! A       = SHA256( msg_key | ak[x..36+x] )      B = SHA256( ak[40+x..76+x] | msg_key )
//! aes_key = A[0..8] | B[8..24] | A[24..32]       aes_iv = B[0..8] | A[8..24] | B[24..32]
//! ```
//!
//! Each message has a different AES key. `msg_key` also authenticates the message: the receiver computes it again from
//! the decrypted plaintext and compares. The key exchange derives its temporary key with [`tmp_aes`]. One message in
//! the whole protocol, the one that binds a temporary key, is still sealed with MTProto 1.0 ([`aes_v1`]).
//!
//! Spec: mtproto/description#defining-aes-key-and-initialization-vector

use super::auth_key::AuthKey;
use crate::base::side::Side;
use core::{array, fmt};
use sha1::Sha1;
use sha2::block_api::compress256;
use sha2::{Digest, Sha256};
use zeroize::{DefaultIsZeroes, Zeroize, Zeroizing};

/// A key and an initialization vector for [`ige`](super::ige). Wiped on drop.
#[derive(Clone)]
pub struct AesPair {
    /// The AES-256 key.
    pub key: [u8; 32],
    /// The initialization vector, `c[0]:16 | p[0]:16`.
    pub iv: [u8; 32],
}

impl Drop for AesPair {
    fn drop(&mut self) {
        self.key.as_mut_slice().zeroize();
        self.iv.as_mut_slice().zeroize();
    }
}

impl fmt::Debug for AesPair {
    /// Prints neither key nor IV.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AesPair(..)")
    }
}

/// The SHA-256 hash that contains `msg_key` in bytes 8 to 24.
#[derive(Clone, Copy)]
pub struct MsgKeyLarge([u8; 32]);

impl MsgKeyLarge {
    /// Returns bytes 8 to 24: the `msg_key` sent in front of the encrypted message.
    #[must_use]
    pub fn msg_key(&self) -> [u8; 16] {
        part(&self.0[8..24])
    }

    /// Returns bytes 0 to 4, little-endian with the highest bit set: the token of a quick acknowledgement.
    ///
    /// Spec: mtproto/mtproto-transports#quick-ack
    #[must_use]
    pub fn quick_ack(&self) -> u32 {
        u32::from_le_bytes(part(&self.0[..4])) | 0x8000_0000
    }
}

impl fmt::Debug for MsgKeyLarge {
    /// Prints nothing of the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MsgKeyLarge(..)")
    }
}

/// Computes `msg_key_large` of `plain`, including its padding, for a message sent by `from`.
///
/// Spec: mtproto/description#message-key
#[must_use]
pub fn msg_key_large(key: &AuthKey, from: Side, plain: &[u8]) -> MsgKeyLarge {
    let ak = key.as_bytes();
    // The offset x differs by direction, so a packet reflected to its sender fails the check of `msg_key`.
    let salt = match from {
        Side::Client => &ak[88..120],
        Side::Server => &ak[96..128],
    };
    MsgKeyLarge(Sha256::new().chain_update(salt).chain_update(plain).finalize().into())
}

/// Computes `msg_key` of `plain`, including its padding, for a message sent by `from`.
#[must_use]
pub fn msg_key(key: &AuthKey, from: Side, plain: &[u8]) -> [u8; 16] {
    msg_key_large(key, from, plain).msg_key()
}

/// Derives the AES key and IV of the message with this `msg_key` sent by `from`.
#[must_use]
pub fn aes(key: &AuthKey, from: Side, msg_key: &[u8; 16]) -> AesPair {
    let ak = key.as_bytes();
    let (for_a, for_b) = match from {
        Side::Client => (&ak[..36], &ak[40..76]),
        Side::Server => (&ak[8..44], &ak[48..84]),
    };
    let (Wiped(a), Wiped(b)) = (&sha256_of_52(msg_key, for_a), &sha256_of_52(for_b, msg_key));
    AesPair { key: join([&a[..8], &b[8..24], &a[24..]]), iv: join([&b[..8], &a[8..24], &b[24..]]) }
}

/// Derives the AES key and IV that encrypt the Diffie-Hellman numbers in the key exchange.
///
/// ```text
/// key = SHA1(new_nonce | server_nonce):20 | SHA1(server_nonce | new_nonce)[0..12]
/// iv  = SHA1(server_nonce | new_nonce)[12..20] | SHA1(new_nonce | new_nonce):20 | new_nonce[0..4]
/// ```
///
/// Spec: mtproto/auth_key#presenting-proof-of-work-server-authentication
#[must_use]
pub fn tmp_aes(new_nonce: &[u8; 32], server_nonce: &[u8; 16]) -> AesPair {
    // The nonces are hashed at full length. An implementation that strips leading zeros fails in 1 of 128 exchanges.
    let new_server = &*sha1(&[new_nonce, server_nonce]);
    let server_new = &*sha1(&[server_nonce, new_nonce]);
    let new_new = &*sha1(&[new_nonce, new_nonce]);
    AesPair {
        key: join([&new_server[..], &server_new[..12]]),
        iv: join([&server_new[12..], &new_new[..], &new_nonce[..4]]),
    }
}

/// Computes `msg_key` of MTProto 1.0: `SHA1(plain)[4..20]`, where `plain` excludes the padding.
///
/// Spec: mtproto/description_v1#message-key
#[must_use]
pub fn msg_key_v1(plain: &[u8]) -> [u8; 16] {
    // MTProto 1.0 does not authenticate the padding, which is why 2.0 hashes it too (Jakobsen and Orlandi 2015).
    let hash = &*sha1(&[plain]);
    part(&hash[4..])
}

/// Derives the AES key and IV of MTProto 1.0, used only for the message inside `auth.bindTempAuthKey`.
///
/// ```text
/// a = SHA1( msg_key | ak[x..32+x] )                      b = SHA1( ak[32+x..48+x] | msg_key | ak[48+x..64+x] )
/// c = SHA1( ak[64+x..96+x] | msg_key )                   d = SHA1( msg_key | ak[96+x..128+x] )
/// key = a[0..8] | b[8..20] | c[4..16]                    iv = a[8..20] | b[0..8] | c[16..20] | d[0..8]
/// ```
///
/// Spec: mtproto/description_v1#defining-aes-key-and-initialization-vector
#[must_use]
pub fn aes_v1(key: &AuthKey, from: Side, msg_key: &[u8; 16]) -> AesPair {
    let ak = key.as_bytes();
    // x = 0 from the client and 8 from the server, as in MTProto 2.0.
    let [for_a, b_left, b_right, for_c, for_d] = match from {
        Side::Client => [&ak[..32], &ak[32..48], &ak[48..64], &ak[64..96], &ak[96..128]],
        Side::Server => [&ak[8..40], &ak[40..56], &ak[56..72], &ak[72..104], &ak[104..136]],
    };
    let a = &*sha1(&[msg_key, for_a]);
    let b = &*sha1(&[b_left, msg_key, b_right]);
    let c = &*sha1(&[for_c, msg_key]);
    let d = &*sha1(&[msg_key, for_d]);
    AesPair { key: join([&a[..8], &b[8..], &c[4..16]]), iv: join([&a[8..], &b[..8], &c[16..], &d[..8]]) }
}

/// Computes SHA-256 of two parts that are 52 bytes together. With the end marker and the length they fill exactly one
/// block, so the buffering of the general hash is not needed.
fn sha256_of_52(left: &[u8], right: &[u8]) -> Wiped<u8, 32> {
    /// The initial state of SHA-256: fractions of the square roots of the first eight primes (FIPS 180-4, 5.3.3).
    const BEGIN: [u32; 8] =
        [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
    let mut block = Wiped([0; 64]);
    let (data, end) = block.0.split_at_mut(52);
    let (first, second) = data.split_at_mut(left.len());
    first.copy_from_slice(left);
    second.copy_from_slice(right);
    // The last 12 bytes of the block: the end marker 0x80, zeros, and the length in bits.
    end.copy_from_slice(&((0x80_u128 << 88) | (52 * 8)).to_be_bytes()[4..]);
    let mut state = Wiped(BEGIN);
    compress256(&mut state.0, array::from_ref(&block.0));
    let mut hash = Wiped([0; 32]);
    hash.0.as_chunks_mut().0.iter_mut().zip(&state.0).for_each(|(to, word)| *to = word.to_be_bytes());
    hash
}

/// An array wiped as a whole on drop. `Zeroizing` wipes it byte by byte, which takes as long as computing a hash.
struct Wiped<T: DefaultIsZeroes, const N: usize>([T; N]);

impl<T: DefaultIsZeroes, const N: usize> Drop for Wiped<T, N> {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

fn sha1(parts: &[&[u8]]) -> Zeroizing<[u8; 20]> {
    let hash = parts.iter().fold(Sha1::new(), |hash, part| hash.chain_update(part));
    Zeroizing::new(hash.finalize().into())
}

/// Copies the first `N` bytes of a slice.
fn part<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    out
}

/// Concatenates parts that are 32 bytes together.
fn join<const N: usize>(parts: [&[u8]; N]) -> [u8; 32] {
    let mut out = [0; 32];
    let mut rest = &mut out[..];
    for part in parts {
        if let Some((to, after)) = core::mem::take(&mut rest).split_at_mut_checked(part.len()) {
            to.copy_from_slice(part);
            rest = after;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_directions_share_no_key() {
        let key = AuthKey::from_bytes(array::from_fn(|i| (i * 7 % 251) as u8));
        assert_ne!(msg_key(&key, Side::Client, b"x"), msg_key(&key, Side::Server, b"x"));
        let pair = |side| aes(&key, side, &[9; 16]);
        assert_ne!(pair(Side::Client).key, pair(Side::Server).key);
        assert_ne!(pair(Side::Client).iv, pair(Side::Server).iv);
    }

    #[test]
    fn nothing_secret_is_printed() {
        let pair = AesPair { key: [0xab; 32], iv: [0xab; 32] };
        assert_eq!(alloc::format!("{pair:?}"), "AesPair(..)");
    }
}

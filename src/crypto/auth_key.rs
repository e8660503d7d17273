//! The authorization key: 2048 bits shared by a client and a data centre, valid for years.

use super::ct;
use alloc::boxed::Box;
use core::fmt;
use sha1::{Digest, Sha1};
use zeroize::Zeroize;

/// The 256 bytes of `g^ab mod p`, big-endian with leading zeros, and the two hashes that identify the key.
///
/// ```text
/// SHA1(auth_key) = aux_hash:8 | :4 | auth_key_id:8
/// ```
///
/// The bytes stay at one place on the heap and are wiped on drop. There is no `==`; use [`is`](Self::is).
///
/// ```
/// use nanogram::crypto::auth_key::AuthKey;
/// let key = AuthKey::from_bytes(core::array::from_fn(|i| i as u8));
/// assert_eq!(key.id(), [0x32, 0xd1, 0x58, 0x6e, 0xa4, 0x57, 0xdf, 0xc8]);
/// assert_eq!(format!("{key:?}"), "AuthKey(id=32d1586ea457dfc8)");
/// ```
///
/// Spec: mtproto/auth_key, mtproto/description#authorization-key
// Not `Copy`: every copy has to be wiped on drop.
#[derive(Clone)]
pub struct AuthKey {
    bytes: Box<[u8; 256]>,
    id: [u8; 8],
    aux_hash: [u8; 8],
}

impl AuthKey {
    /// Creates a key from its 256 bytes, big-endian.
    #[must_use]
    pub fn from_bytes(mut bytes: [u8; 256]) -> Self {
        let hash: [u8; 20] = Sha1::digest(bytes).into();
        let (mut id, mut aux_hash) = ([0; 8], [0; 8]);
        // The spec counts bits of a big-endian number: the low 64 bits are the last 8 bytes.
        aux_hash.copy_from_slice(&hash[..8]);
        id.copy_from_slice(&hash[12..]);
        // On the heap the key does not move; a value on the stack would leave copies behind. The argument is such a
        // copy.
        let key = Self { bytes: Box::new(bytes), id, aux_hash };
        bytes.zeroize();
        key
    }

    /// Returns the secret key bytes, for key derivation and for storing the session. Do not print them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 256] {
        &self.bytes
    }

    /// Returns `auth_key_id`, the low 64 bits of the SHA-1, in the byte order of an encrypted packet.
    #[must_use]
    pub const fn id(&self) -> [u8; 8] {
        self.id
    }

    /// Returns `auth_key_id` as a TL `long`, that is, the eight bytes read as little-endian.
    #[must_use]
    pub const fn id_i64(&self) -> i64 {
        i64::from_le_bytes(self.id)
    }

    /// Returns `auth_key_aux_hash`, the high 64 bits of the SHA-1, which identifies the key during the key exchange.
    #[must_use]
    pub const fn aux_hash(&self) -> [u8; 8] {
        self.aux_hash
    }

    /// Returns `new_nonce_hash1`, `2` or `3`, by which the server proves that it computed this key and accepts, retries
    /// or rejects it.
    ///
    /// `SHA1( new_nonce:32 | n:1 | aux_hash:8 )[4..20]`
    ///
    /// Spec: mtproto/auth_key#9-server-responds-in-one-of-three-ways
    #[must_use]
    pub fn new_nonce_hash(&self, n: u8, new_nonce: &[u8; 32]) -> [u8; 16] {
        let hash = Sha1::new().chain_update(new_nonce).chain_update([n]).chain_update(self.aux_hash);
        let hash: [u8; 20] = hash.finalize().into();
        let mut out = [0; 16];
        // Spec: the 128 lower-order bits of the SHA-1.
        out.copy_from_slice(&hash[4..]);
        out
    }

    /// Returns true if both keys are equal. Runs in constant time.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        ct::same(self.as_bytes(), other.as_bytes())
    }
}

impl Drop for AuthKey {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for AuthKey {
    /// Prints only the key id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthKey(id={:016x})", u64::from_be_bytes(self.id))
    }
}

//! The authorization key: 2048 bits that a client and a data centre share for years.

use super::ct;
use alloc::boxed::Box;
use core::fmt;
use sha1::{Digest, Sha1};
use zeroize::Zeroize;

/// The 256 bytes `g^ab mod p`, big-endian, leading zeros kept, and the two hashes that name them.
///
/// ```text
/// SHA1(auth_key) = aux_hash:8 | :4 | auth_key_id:8
/// ```
///
/// The bytes stay in one place on the heap and are wiped when the key goes. There is no `==`: see
/// [`is`](Self::is).
///
/// ```
/// use nanogram::crypto::auth_key::AuthKey;
/// let key = AuthKey::from_bytes(core::array::from_fn(|i| i as u8));
/// assert_eq!(key.id(), [0x32, 0xd1, 0x58, 0x6e, 0xa4, 0x57, 0xdf, 0xc8]);
/// assert_eq!(format!("{key:?}"), "AuthKey(id=32d1586ea457dfc8)");
/// ```
///
/// Spec: mtproto/auth_key, mtproto/description#authorization-key
#[derive(Clone)]
pub struct AuthKey {
    bytes: Box<[u8; 256]>,
    id: [u8; 8],
    aux_hash: [u8; 8],
}

impl AuthKey {
    /// The key of these bytes.
    #[must_use]
    pub fn from_bytes(mut bytes: [u8; 256]) -> Self {
        let hash: [u8; 20] = Sha1::digest(bytes).into();
        let (mut id, mut aux_hash) = ([0; 8], [0; 8]);
        aux_hash.copy_from_slice(&hash[..8]);
        id.copy_from_slice(&hash[12..]);
        let key = Self { bytes: Box::new(bytes), id, aux_hash };
        bytes.zeroize();
        key
    }

    /// The key itself. It is for key derivation and for the session file, not for eyes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 256] {
        &self.bytes
    }

    /// `auth_key_id`, the low 64 bits of the SHA-1, as every encrypted packet begins with it.
    #[must_use]
    pub const fn id(&self) -> [u8; 8] {
        self.id
    }

    /// The same as TL's `long`: the eight bytes read little-endian.
    #[must_use]
    pub const fn id_i64(&self) -> i64 {
        i64::from_le_bytes(self.id)
    }

    /// `auth_key_aux_hash`, the high 64 bits of the SHA-1: stands for the key within its own making.
    #[must_use]
    pub const fn aux_hash(&self) -> [u8; 8] {
        self.aux_hash
    }

    /// `new_nonce_hash1`, `2` or `3`: how the server proves that it made this key, and what it thinks of it.
    ///
    /// `SHA1( new_nonce:32 | n:1 | aux_hash:8 )[4..20]`
    ///
    /// Spec: mtproto/auth_key#9-server-responds-in-one-of-three-ways
    #[must_use]
    pub fn new_nonce_hash(&self, n: u8, new_nonce: &[u8; 32]) -> [u8; 16] {
        let hash = Sha1::new().chain_update(new_nonce).chain_update([n]).chain_update(self.aux_hash);
        let hash: [u8; 20] = hash.finalize().into();
        let mut out = [0; 16];
        out.copy_from_slice(&hash[4..]);
        out
    }

    /// Whether both are the same key, in constant time.
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
    /// The id alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthKey(id={:016x})", u64::from_be_bytes(self.id))
    }
}

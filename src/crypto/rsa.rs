//! RSA encryption of `new_nonce`, used once when an authorization key is created.
//!
//! Telegram's padding resembles OAEP:
//!
//! ```text
//! padded:192    = data | random                                   at most 144 bytes of data
//! temp_key:32   = random, new in each attempt
//! hashed:224    = reverse(padded) | SHA256( temp_key | padded )
//! aes:224       = AES256-IGE( hashed, key = temp_key, iv = 0 )
//! block:256     = (temp_key ⊕ SHA256(aes)) | aes                   as a number: if not below n, try again
//! encrypted:256 = block ^ e mod n                                  big-endian
//! ```
//!
//! Spec: mtproto/auth_key#41-rsa-paddata-server-public-key-mentioned-above-is-implemented-as-follows

use super::mont::Modulus;
use super::{ige, pem};
use crate::base::entropy::{self, Entropy, EntropyFailed};
use alloc::string::String;
use core::fmt;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Maximum number of bytes that [`rsa_pad`] seals.
pub const MAX_DATA: usize = 144;

/// Maximum number of attempts. Each fails with a probability of at most one half, so 128 failures mean a broken source
/// of randomness.
const ATTEMPTS: usize = 128;

const PKCS1: &str = "RSA PUBLIC KEY";
const SPKI: &str = "PUBLIC KEY";
/// `AlgorithmIdentifier { rsaEncryption 1.2.840.113549.1.1.1, NULL }`, without the outer head.
pub(crate) const RSA_ENCRYPTION: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];

/// A 2048-bit public key: the modulus `n`, big-endian, and the exponent `e`.
///
/// ```
/// use nanogram::crypto::rsa::RsaKey;
/// use nanogram::telegram::dcs::{Environment, keys};
/// let [key, ..] = keys(Environment::Production) else { panic!() };
/// assert_eq!(key.fingerprint() as u64, 0xd09d_1d85_de64_fd85);
/// assert_eq!(&RsaKey::from_pem(&key.to_pem()).unwrap(), key);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RsaKey {
    n: [u8; 256],
    e: u32,
}

impl RsaKey {
    /// For the pinned keys, which a test holds against their fingerprints.
    pub(crate) const fn pinned(n: [u8; 256], e: u32) -> Self {
        Self { n, e }
    }

    /// Creates a key from its modulus and exponent, both big-endian.
    ///
    /// # Errors
    /// `n` is not 2048 bits long, `n` or `e` is even, or `e` is 1 or longer than 32 bits.
    pub fn from_parts(n: &[u8], e: &[u8]) -> Result<Self, RsaError> {
        let n: [u8; 256] = pem::strip_zeros(n).try_into().map_err(|_| RsaError::Key)?;
        let e = pem::strip_zeros(e);
        let e = if e.len() <= 4 { e.iter().fold(0, |e, byte| e << 8 | u32::from(*byte)) } else { 0 };
        // An even number cannot be part of an RSA key, and e = 1 would not encrypt anything.
        let fits = n[0] >= 0x80 && n[255] & 1 == 1 && e > 1 && e & 1 == 1;
        fits.then_some(Self { n, e }).ok_or(RsaError::Key)
    }

    /// Parses a key in PEM, either `RSA PUBLIC KEY` (PKCS#1) or `PUBLIC KEY` (SPKI).
    ///
    /// # Errors
    /// The text is in neither format, or the key is not a valid 2048-bit RSA key.
    pub fn from_pem(text: &str) -> Result<Self, RsaError> {
        let (label, der) = pem::parse(text).ok_or(RsaError::Pem)?;
        let (n, e) = match label {
            PKCS1 => read_pkcs1(&der),
            SPKI => read_spki(&der),
            _ => None,
        }
        .ok_or(RsaError::Pem)?;
        Self::from_parts(n, e)
    }

    /// Formats the key as `RSA PUBLIC KEY`, the form in which Telegram publishes its keys.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::print(PKCS1, &self.pkcs1())
    }

    fn pkcs1(&self) -> alloc::vec::Vec<u8> {
        pem::value(pem::SEQUENCE, &[&pem::integer(&self.n), &pem::integer(&self.e.to_be_bytes())])
    }

    /// Returns the modulus, 256 bytes, big-endian.
    #[must_use]
    pub const fn modulus(&self) -> &[u8; 256] {
        &self.n
    }

    /// Returns the exponent, usually 65537.
    #[must_use]
    pub const fn exponent(&self) -> u32 {
        self.e
    }

    /// Returns the fingerprint that identifies the key in `resPQ`: the last 8 bytes of `SHA1( n:string e:string )`,
    /// little-endian.
    ///
    /// Spec: mtproto/auth_key#dh-exchange-initiation
    #[must_use]
    pub fn fingerprint(&self) -> i64 {
        // Both are TL strings: `fe | len:3 | n:256`, and `len:1 | e:len | zeros to 4 or 8`.
        let e = self.e.to_be_bytes();
        let e = pem::strip_zeros(&e);
        let e_len = [e.len().to_le_bytes()[0]];
        let zeros = [0; 3].get(..3 - e.len() % 4).unwrap_or_default();
        let hash: [u8; 20] = Sha1::new()
            .chain_update([0xfe, 0, 1, 0])
            .chain_update(self.n)
            .chain_update(e_len)
            .chain_update(e)
            .chain_update(zeros)
            .finalize()
            .into();
        let [.., a, b, c, d, e, f, g, h] = hash;
        i64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// `block ^ e mod n`; `None` if `block` is not below `n`.
    pub(crate) fn raise(&self, block: &[u8; 256]) -> Option<[u8; 256]> {
        let below = block < &self.n;
        Some(Modulus::new(&self.n).filter(|_| below)?.power_public(block, self.e))
    }
}

impl fmt::Debug for RsaKey {
    /// Prints the fingerprint, which identifies the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaKey(fingerprint={:016x})", self.fingerprint())
    }
}

/// Parses `SEQUENCE { n, e }`.
fn read_pkcs1(mut der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut key = pem::take(&mut der, pem::SEQUENCE)?;
    let parts = (pem::take_integer(&mut key)?, pem::take_integer(&mut key)?);
    (key.is_empty() && der.is_empty()).then_some(parts)
}

/// Parses `SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING { 0, PKCS#1 } }`.
fn read_spki(mut der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut outer = pem::take(&mut der, pem::SEQUENCE)?;
    let algorithm = pem::take(&mut outer, pem::SEQUENCE)?;
    let (unused_bits, key) = pem::take(&mut outer, pem::BIT_STRING)?.split_first()?;
    // A BIT STRING starts with the number of unused bits in its last byte.
    (algorithm == RSA_ENCRYPTION && *unused_bits == 0).then_some(())?;
    read_pkcs1(key)
}

/// Encrypts `data` for the owner of `key` with the spec's `RSA_PAD`.
///
/// # Errors
/// `data` has more than [`MAX_DATA`] bytes, or `entropy` fails.
pub fn rsa_pad(data: &[u8], key: &RsaKey, entropy: &mut dyn Entropy) -> Result<[u8; 256], RsaError> {
    let mut padded = Zeroizing::new([0; 192]);
    let (head, tail) = padded.split_at_mut_checked(data.len()).ok_or(RsaError::TooLong)?;
    if data.len() > MAX_DATA {
        return Err(RsaError::TooLong);
    }
    head.copy_from_slice(data);
    entropy.fill(tail)?;
    for _ in 0..ATTEMPTS {
        // Spec: every attempt draws a new temp_key. Incrementing the previous one would relate the attempts.
        let temp_key = Zeroizing::new(entropy::bytes(entropy)?);
        if let Some(sealed) = key.raise(&wrap(&padded, &temp_key)) {
            return Ok(sealed);
        }
    }
    Err(RsaError::Entropy)
}

/// Builds `block:256` of the module's diagram.
fn wrap(padded: &[u8; 192], temp_key: &[u8; 32]) -> Zeroizing<[u8; 256]> {
    let mut block = Zeroizing::new([0; 256]);
    let (key, aes) = block.split_at_mut(32);
    let (reversed, hash) = aes.split_at_mut(192);
    reversed.iter_mut().zip(padded.iter().rev()).for_each(|(to, from)| *to = *from);
    hash.copy_from_slice(&Sha256::new().chain_update(temp_key).chain_update(padded).finalize());
    // The zero IV is safe because the key is used only once.
    ige::encrypt(temp_key, &[0; 32], aes.as_chunks_mut().0);
    // Hides the key: it can be recovered only from the complete ciphertext, as in OAEP.
    let mask = Sha256::digest(&aes);
    key.iter_mut().zip(temp_key).zip(mask).for_each(|((to, key), mask)| *to = key ^ mask);
    block
}

/// Error of parsing an RSA key or encrypting with it.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RsaError {
    /// More than [`MAX_DATA`] bytes to encrypt.
    TooLong,
    /// Text that is not a PEM key.
    Pem,
    /// Numbers that do not form a 2048-bit RSA key.
    Key,
    /// Failure of the source of randomness, or output that cannot be random.
    Entropy,
}

impl From<EntropyFailed> for RsaError {
    fn from(EntropyFailed: EntropyFailed) -> Self {
        Self::Entropy
    }
}

impl fmt::Display for RsaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "more than 144 bytes to seal with RSA",
            Self::Pem => "the text is not an RSA key in PEM format",
            Self::Key => "the numbers are not a 2048-bit RSA key",
            Self::Entropy => "the source of randomness failed",
        })
    }
}
impl core::error::Error for RsaError {}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::ChaCha20Rng;
    use std::vec::Vec;

    /// The key that the recordings in `tests/fixtures/captures` were made with, as OpenSSL printed it.
    fn capture_key(which: &str) -> String {
        let capture = include_str!("../../tests/fixtures/captures/telethon139_abridged.json");
        let capture: serde_json::Value = serde_json::from_str(capture).unwrap();
        alloc::format!("{}\n", capture[which].as_str().unwrap())
    }

    /// Output of `openssl rsa -pubout` for the same key.
    const SPKI_OF_OPENSSL: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3o54ykzhZYT6iMy5G1H5
5YSZ3WsoM2Z9Xu4/O8IDZBZBlyz5SGfMMXboFWHWSVqwMoews/ItwLrkTdQ/2Ei2
BwmQP3Q3b1BuV5hx/v2gAdudGu3Qkf3TuyQooznbWgN1wXH87VNECL9F2qP7vBu/
DkmGJ3ayuQQQjUZ7j+HwCYR+bFscGErCNXufwtsCES5yg5w4oOyjK6LkRiPMn+Kg
Dt0u2VMMLtrm2I3GoXEyweEsGlX6jbXHeXWgNBq+toaeMd6rqt/P1rTtIRnHt3PI
oy3zsf4yeMPwbJH74nkjTbT/72yI7Jb7hEl0S2ZkRqtN25Z69oXl1qWS3PByLqvf
JQIDAQAB
-----END PUBLIC KEY-----
";

    #[test]
    fn a_public_key_is_read_in_both_forms_and_printed_in_one() {
        let pkcs1 = capture_key("rsa_public_pem");
        let key = RsaKey::from_pem(&pkcs1).unwrap();
        assert_eq!(key, RsaKey::from_pem(SPKI_OF_OPENSSL).unwrap());
        assert_eq!(key.to_pem(), pkcs1);
        assert_eq!(key.fingerprint() as u64, 0x922a_7b05_88fb_1142);
        assert_eq!(alloc::format!("{key:?}"), "RsaKey(fingerprint=922a7b0588fb1142)");
    }

    #[test]
    fn text_that_is_no_key_is_refused() {
        let good = pem::parse(SPKI_OF_OPENSSL).unwrap().1;
        for cut in 0..good.len() {
            assert_eq!(RsaKey::from_pem(&pem::print(SPKI, &good[..cut])), Err(RsaError::Pem), "{cut} bytes");
        }
        for text in ["", SPKI, &capture_key("rsa_private_pem")] {
            assert_eq!(RsaKey::from_pem(text), Err(RsaError::Pem));
        }
    }

    #[test]
    fn numbers_that_are_no_key_are_refused() {
        let n = [0xff; 256];
        let mut even = n;
        even[255] = 0xfe;
        let mut short = n;
        short[0] = 0x7f;
        assert!(RsaKey::from_parts(&n, &[3]).is_ok());
        assert!(RsaKey::from_parts(&[&[0, 0][..], &n].concat(), &[0, 0, 3]).is_ok());
        for n in [&even[..], &short, &[], &n[1..], &[0xff; 257]] {
            assert_eq!(RsaKey::from_parts(n, &[3]), Err(RsaError::Key));
        }
        for e in [&[][..], &[0], &[1], &[2], &[1, 0, 0, 0, 1]] {
            assert_eq!(RsaKey::from_parts(&n, e), Err(RsaError::Key));
        }
    }

    #[test]
    fn a_fingerprint_counts_the_zeros_of_any_exponent() {
        // e of 1, 2, 3 and 4 bytes: TL pads the string to 4, 4, 4 and 8.
        for (e, padded) in [
            (&[3][..], &[1, 3, 0, 0][..]),
            (&[1, 1], &[2, 1, 1, 0]),
            (&[1, 0, 1], &[3, 1, 0, 1]),
            (&[1, 0, 0, 1], &[4, 1, 0, 0, 1, 0, 0, 0]),
        ] {
            let text = [&[0xfe, 0, 1, 0][..], &[0xff; 256], padded].concat();
            let key = RsaKey::from_parts(&[0xff; 256], e).unwrap();
            assert_eq!(key.fingerprint().to_le_bytes(), Sha1::digest(text)[12..]);
        }
    }

    #[test]
    fn too_much_data_is_refused_before_randomness_is_asked() {
        let (key, mut none) =
            (RsaKey::from_parts(&[0xff; 256], &[3]).unwrap(), Counted { calls: Vec::new(), fill: None });
        for len in [145, 192, 193, 1000] {
            assert_eq!(rsa_pad(&alloc::vec![0; len], &key, &mut none), Err(RsaError::TooLong));
        }
        assert!(none.calls.is_empty());
    }

    /// A source that counts requests and returns random bytes, a constant byte or an error.
    struct Counted {
        calls: Vec<Vec<u8>>,
        fill: Option<Result<u8, ChaCha20Rng>>,
    }
    impl Entropy for Counted {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
            match &mut self.fill {
                None => return Err(EntropyFailed),
                Some(Ok(byte)) => out.fill(*byte),
                Some(Err(rng)) => rng.fill(out)?,
            }
            self.calls.push(out.to_vec());
            Ok(())
        }
    }

    #[test]
    fn a15_each_attempt_has_a_new_temp_key() {
        // n just above 2^2047: every second block is too large.
        let mut n = [0; 256];
        (n[0], n[255]) = (0x80, 1);
        let key = RsaKey::from_parts(&n, &[3]).unwrap();
        let mut entropy = Counted { calls: Vec::new(), fill: Some(Err(ChaCha20Rng::seed_from_u64(5))) };
        for _ in 0..20 {
            rsa_pad(b"data", &key, &mut entropy).unwrap();
        }
        let mut temp_keys: Vec<_> = entropy.calls.iter().filter(|call| call.len() == 32).collect();
        let made = temp_keys.len();
        assert!(made > 25, "{made} attempts for 20 blocks");
        temp_keys.sort();
        temp_keys.dedup();
        assert_eq!(temp_keys.len(), made);
    }

    #[test]
    fn randomness_that_never_changes_ends_in_an_error_and_not_in_a_loop() {
        let mut n = [0; 256];
        (n[0], n[255]) = (0x80, 1);
        let key = RsaKey::from_parts(&n, &[3]).unwrap();
        let stuck = (0..=255).filter(|byte| {
            let mut entropy = Counted { calls: Vec::new(), fill: Some(Ok(*byte)) };
            rsa_pad(b"data", &key, &mut entropy) == Err(RsaError::Entropy)
        });
        assert!(stuck.count() > 50);
        let mut none = Counted { calls: Vec::new(), fill: None };
        assert_eq!(rsa_pad(b"data", &key, &mut none), Err(RsaError::Entropy));
    }
}

//! The private half of an RSA key, for a test data centre.
//!
//! It opens `RSA_PAD`, and the padding from before 2021 that servers still meet: `SHA1(data):20 | data | random` in 255
//! bytes, which nobody here seals.
//!
//! The exponentiation is the constant-time one; `num-bigint`, which is not, makes keys and prints them. Its numbers are
//! not wiped: right for a data centre that plays one, and for nothing that guards people's messages.

use crate::base::entropy::{self, Entropy};
use crate::crypto::mont::Modulus;
use crate::crypto::prime::is_prime;
use crate::crypto::rsa::{MAX_DATA, RSA_ENCRYPTION, RsaError, RsaKey};
use crate::crypto::{ct, ige, pem};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use num_bigint::BigUint;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

const PKCS1: &str = "RSA PRIVATE KEY";
const PKCS8: &str = "PRIVATE KEY";
const OCTET_STRING: u8 = 0x04;

/// The exponent of the keys that we make.
const E: u32 = 65537;
/// Odd numbers drawn for one prime of 1024 bits: one in 355 is one.
const DRAWS: usize = 20_000;

/// A 2048-bit private key, and the primes it was made of, if they are known.
#[derive(Clone)]
pub struct RsaPrivateKey {
    public: RsaKey,
    d: Zeroizing<[u8; 256]>,
    primes: Option<(BigUint, BigUint)>,
}

impl RsaPrivateKey {
    /// The key of three numbers, big-endian.
    ///
    /// # Errors
    /// `n` and `e` are no public key, or `d` does not undo it.
    pub fn from_parts(n: &[u8], e: &[u8], d: &[u8]) -> Result<Self, RsaError> {
        let d = Zeroizing::new(fixed(pem::strip_zeros(d)).ok_or(RsaError::Key)?);
        let key = Self { public: RsaKey::from_parts(n, e)?, d, primes: None };
        let probe = [0x42; 256].map(|byte: u8| byte & 0x7f);
        let undone = key.public.raise(&probe).is_some_and(|sealed| key.lower(&sealed) == Some(probe));
        undone.then_some(key).ok_or(RsaError::Key)
    }

    /// Reads `RSA PRIVATE KEY` (PKCS#1) or `PRIVATE KEY` (PKCS#8), both unencrypted.
    ///
    /// # Errors
    /// It is neither, or no key for Telegram.
    pub fn from_pem(text: &str) -> Result<Self, RsaError> {
        let (label, der) = pem::parse(text).ok_or(RsaError::Pem)?;
        let der = Zeroizing::new(der);
        let parts = match label {
            PKCS1 => read_pkcs1(&der),
            PKCS8 => read_pkcs8(&der),
            _ => None,
        };
        let [n, e, d, p, q] = parts.ok_or(RsaError::Pem)?;
        let mut key = Self::from_parts(n, e, d)?;
        key.primes = Some((BigUint::from_bytes_be(p), BigUint::from_bytes_be(q)));
        Ok(key)
    }

    /// Makes a key, with the exponent 65537.
    ///
    /// # Errors
    /// `entropy` fails, or gives what cannot be random.
    pub fn generate(entropy: &mut dyn Entropy) -> Result<Self, RsaError> {
        let (p, q) = (draw_prime(entropy)?, draw_prime(entropy)?);
        let one = BigUint::from(1_u8);
        let d = BigUint::from(E).modinv(&((&p - &one) * (&q - &one))).ok_or(RsaError::Entropy)?;
        let n = (&p * &q).to_bytes_be();
        let mut key = Self::from_parts(&n, &E.to_be_bytes(), &d.to_bytes_be()).map_err(|_| RsaError::Entropy)?;
        key.primes = Some((p, q));
        Ok(key)
    }

    /// Encodes the key as `RSA PRIVATE KEY`; `None` if the primes are not known.
    #[must_use]
    pub fn to_pem(&self) -> Option<String> {
        let (p, q) = self.primes.as_ref()?;
        let one = BigUint::from(1_u8);
        let (p_less, q_less) = (p - &one, q - &one);
        let d = BigUint::from_bytes_be(&*self.d);
        let (dp, dq) = (&d % &p_less, &d % &q_less);
        let q_inverse = q.modpow(&(&p_less - &one), p); // p is prime: Fermat
        let mut body = pem::integer(&[0]);
        body.extend(pem::integer(self.public.modulus()));
        body.extend(pem::integer(&self.public.exponent().to_be_bytes()));
        for number in [&d, p, q, &dp, &dq, &q_inverse] {
            body.extend(pem::integer(&number.to_bytes_be()));
        }
        let mut der = pem::value(pem::SEQUENCE, &[&body]);
        body.zeroize();
        let text = pem::print(PKCS1, &der);
        der.zeroize();
        Some(text)
    }

    /// Public key of the pair.
    #[must_use]
    pub const fn public(&self) -> &RsaKey {
        &self.public
    }

    /// Opens what [`rsa_pad`](crate::crypto::rsa::rsa_pad) sealed, or a client from before 2021; `None` if it is
    /// neither.
    #[must_use]
    pub fn open(&self, sealed: &[u8; 256]) -> Option<Opened> {
        let block = Zeroizing::new(self.lower(sealed)?);
        unwrap(&block).or_else(|| unwrap_old(&block))
    }

    fn lower(&self, sealed: &[u8; 256]) -> Option<[u8; 256]> {
        let below = sealed < self.public.modulus();
        Some(Modulus::new(self.public.modulus()).filter(|_| below)?.power(sealed, &self.d))
    }
}

impl fmt::Debug for RsaPrivateKey {
    /// The fingerprint of the public half.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaPrivateKey(fingerprint={:016x})", self.public.fingerprint())
    }
}

/// The number with its leading zeros; `None` if it has more than 256 bytes.
fn fixed(number: &[u8]) -> Option<[u8; 256]> {
    let mut out = [0; 256];
    out.get_mut(256_usize.checked_sub(number.len())?..)?.copy_from_slice(number);
    Some(out)
}

/// A prime of 1024 bits, the upper two set, so that the product of two has 2048.
fn draw_prime(entropy: &mut dyn Entropy) -> Result<BigUint, RsaError> {
    for _ in 0..DRAWS {
        let mut bytes: Zeroizing<[u8; 128]> = Zeroizing::new(entropy::bytes(entropy)?);
        let [high, .., low] = &mut *bytes;
        (*high, *low) = (*high | 0xc0, *low | 1);
        let n = BigUint::from_bytes_be(&*bytes);
        let less = &n - 1_u8;
        // Most fail to be divided by a small number or by Fermat's question; the few left are asked in earnest.
        let small = (3..2000_u16).step_by(2).any(|factor| &n % factor == BigUint::ZERO);
        let hopeful =
            !small && &less % E != BigUint::ZERO && BigUint::from(2_u8).modpow(&less, &n) == BigUint::from(1_u8);
        if hopeful && fixed(&*bytes).is_some_and(|n| is_prime(&n)) {
            return Ok(n);
        }
    }
    Err(RsaError::Entropy)
}

/// `SEQUENCE { 0, n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p }`
fn read_pkcs1(mut der: &[u8]) -> Option<[&[u8]; 5]> {
    let mut key = pem::take(&mut der, pem::SEQUENCE)?;
    pem::take_integer(&mut key)?.is_empty().then_some(())?;
    let mut next = || pem::take_integer(&mut key);
    Some([next()?, next()?, next()?, next()?, next()?])
}

/// `SEQUENCE { 0, SEQUENCE { rsaEncryption, NULL }, OCTET STRING { PKCS#1 } }`
fn read_pkcs8(mut der: &[u8]) -> Option<[&[u8]; 5]> {
    let mut outer = pem::take(&mut der, pem::SEQUENCE)?;
    pem::take_integer(&mut outer)?.is_empty().then_some(())?;
    (pem::take(&mut outer, pem::SEQUENCE)? == RSA_ENCRYPTION).then_some(())?;
    read_pkcs1(pem::take(&mut outer, OCTET_STRING)?)
}

/// Plaintext of a block with the padding that follows it.
pub struct Opened {
    bytes: Zeroizing<Vec<u8>>,
    sha1: Option<[u8; 20]>,
}

impl Opened {
    /// The data and its padding: 192 bytes, or 235 of an old client.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns true if the block was sealed as before 2021.
    #[must_use]
    pub const fn is_old(&self) -> bool {
        self.sha1.is_some()
    }

    /// Returns true if the first `len` bytes are the data that was sealed. The new padding has proved it already; the
    /// hash of the
    /// old one covers the data alone, whose end only the reader of the data knows.
    #[must_use]
    pub fn proves(&self, len: usize) -> bool {
        let Some(data) = self.bytes.get(..len) else { return false };
        self.sha1.map_or(len <= MAX_DATA, |hash| ct::same(&hash, &Sha1::digest(data)))
    }
}

impl fmt::Debug for Opened {
    /// Nothing of what it held.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("is_old", &self.is_old()).finish_non_exhaustive()
    }
}

/// Undoes [`rsa_pad`](crate::crypto::rsa::rsa_pad); `None` if its hash does not agree.
fn unwrap(block: &[u8; 256]) -> Option<Opened> {
    let (key, aes) = block.split_first_chunk::<32>()?;
    let mut temp_key = Zeroizing::new(*key);
    temp_key.iter_mut().zip(Sha256::digest(aes)).for_each(|(byte, mask)| *byte ^= mask);
    let mut hashed = Zeroizing::new(aes.to_vec());
    ige::decrypt(&temp_key, &[0; 32], hashed.as_chunks_mut().0);
    let (padded, hash) = hashed.split_at_mut_checked(192)?;
    padded.reverse();
    let good = ct::same(hash, &Sha256::new().chain_update(&temp_key).chain_update(&padded).finalize());
    good.then(|| Opened { bytes: Zeroizing::new(padded.to_vec()), sha1: None })
}

/// `00 | SHA1(data):20 | data and padding:235`
fn unwrap_old(block: &[u8; 256]) -> Option<Opened> {
    let (&[zero], rest) = block.split_first_chunk()?;
    let (sha1, bytes) = rest.split_first_chunk()?;
    (zero == 0).then(|| Opened { bytes: Zeroizing::new(bytes.to_vec()), sha1: Some(*sha1) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::rsa::rsa_pad;
    use rand::SeedableRng;
    use rand::rngs::ChaCha20Rng;

    /// Bytes that OpenSSL 3 puts before a PKCS#1 key of 1190 bytes to make it PKCS#8.
    const PKCS8_HEAD: [u8; 26] = [
        0x30, 0x82, 4, 0xbc, 2, 1, 0, 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0, 4, 0x82, 4, 0xa6,
    ];

    /// The key that the recordings in `tests/fixtures/captures` were made with, as OpenSSL printed it.
    fn capture_key(which: &str) -> String {
        let capture = include_str!("../../../tests/fixtures/captures/telethon139_abridged.json");
        let capture: serde_json::Value = serde_json::from_str(capture).unwrap();
        alloc::format!("{}\n", capture[which].as_str().unwrap())
    }

    fn key() -> RsaPrivateKey {
        RsaPrivateKey::from_pem(&capture_key("rsa_private_pem")).unwrap()
    }

    #[test]
    fn a_private_key_of_openssl_reads_and_prints_the_same() {
        let text = capture_key("rsa_private_pem");
        assert_eq!(key().to_pem().unwrap(), text);
        assert_eq!(key().public(), &RsaKey::from_pem(&capture_key("rsa_public_pem")).unwrap());
        let pkcs8 = [&PKCS8_HEAD[..], &pem::parse(&text).unwrap().1].concat();
        let read = RsaPrivateKey::from_pem(&pem::print("PRIVATE KEY", &pkcs8)).unwrap();
        assert_eq!(read.to_pem().unwrap(), text);
    }

    #[test]
    fn an_exponent_that_does_not_undo_is_no_key() {
        let key = key();
        assert!(RsaPrivateKey::from_parts(key.public.modulus(), &[1, 0, 1], &key.d[..]).is_ok());
        let e = RsaPrivateKey::from_parts(key.public.modulus(), &[1, 0, 1], &key.d[1..]).unwrap_err();
        assert_eq!(e, RsaError::Key);
    }

    #[test]
    fn a_generated_key_opens_what_it_seals_and_survives_its_text() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let made = RsaPrivateKey::generate(&mut rng).unwrap();
        let read = RsaPrivateKey::from_pem(&made.to_pem().unwrap()).unwrap();
        assert_eq!(read.public(), made.public());
        let sealed = rsa_pad(b"data", made.public(), &mut rng).unwrap();
        assert!(read.open(&sealed).unwrap().bytes().starts_with(b"data"));
    }

    #[test]
    fn randomness_that_never_changes_makes_no_key() {
        struct Stuck;
        impl Entropy for Stuck {
            fn fill(&mut self, out: &mut [u8]) -> Result<(), entropy::EntropyFailed> {
                out.fill(0x55);
                Ok(())
            }
        }
        assert_eq!(RsaPrivateKey::generate(&mut Stuck).unwrap_err(), RsaError::Entropy);
    }

    #[test]
    fn what_is_sealed_opens_at_every_length() {
        let (key, mut rng) = (key(), ChaCha20Rng::seed_from_u64(1));
        for len in [0, 1, 96, 143, 144] {
            let data = alloc::vec![0x5a; len];
            let opened = key.open(&rsa_pad(&data, key.public(), &mut rng).unwrap()).unwrap();
            assert!(opened.proves(len) && !opened.is_old());
            assert_eq!((&opened.bytes()[..len], opened.bytes().len()), (&data[..], 192));
        }
    }

    #[test]
    fn the_padding_from_before_2021_opens_and_is_told_apart() {
        let (key, data) = (key(), [0x77; 96]);
        let block = [&[0][..], &Sha1::digest(data), &data, &[9; 139]].concat();
        let sealed = key.public.raise(&block.try_into().unwrap()).unwrap();
        let opened = key.open(&sealed).unwrap();
        assert!(opened.is_old() && opened.proves(96));
        assert!([0, 95, 97, 235, 236].iter().all(|len| !opened.proves(*len)), "the hash covers the data alone");
        assert_eq!(opened.bytes()[..96], data);
    }

    #[test]
    fn a_block_of_neither_form_does_not_open() {
        let (key, mut rng) = (key(), ChaCha20Rng::seed_from_u64(2));
        let mut sealed = rsa_pad(b"data", key.public(), &mut rng).unwrap();
        sealed[200] ^= 1;
        assert!(key.open(&sealed).is_none_or(|opened| !opened.proves(4)));
        assert!(key.open(&[0xff; 256]).is_none(), "not below n");
    }
}

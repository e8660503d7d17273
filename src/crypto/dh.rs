//! The Diffie-Hellman exchange: validation of its parameters and the exponentiation.
//!
//! ```text
//! server: g, p, g_a = g^a mod p                    client: g_b = g^b mod p
//!                       auth_key = g_a^b mod p = g_b^a mod p
//! ```
//!
//! A malicious server could choose `p`, `g` or `g_a` so that the key is easy to find: a composite `p`, a `p - 1` with
//! only small factors, a `g` of a small subgroup, or a `g_a` such as 1 or `p - 1`. All checks run before the secret
//! exponent is used, the cheapest first.
//!
//! Numbers are 256 bytes, big-endian, with leading zeros. Spec: mtproto/auth_key, mtproto/security_guidelines.

use super::mont::Modulus;
use super::prime::{is_prime, shift_right, small};
use crate::base::entropy::{self, Entropy, EntropyFailed};
use core::fmt;
use zeroize::Zeroizing;

/// The prime that Telegram's servers use. It is known to be a safe prime, so it is not tested again.
///
/// Spec: mtproto/auth_key#presenting-proof-of-work-server-authentication.
#[rustfmt::skip]
pub const KNOWN_PRIME: [u8; 256] = [
    0xc7, 0x1c, 0xae, 0xb9, 0xc6, 0xb1, 0xc9, 0x04, 0x8e, 0x6c, 0x52, 0x2f, 0x70, 0xf1, 0x3f, 0x73,
    0x98, 0x0d, 0x40, 0x23, 0x8e, 0x3e, 0x21, 0xc1, 0x49, 0x34, 0xd0, 0x37, 0x56, 0x3d, 0x93, 0x0f,
    0x48, 0x19, 0x8a, 0x0a, 0xa7, 0xc1, 0x40, 0x58, 0x22, 0x94, 0x93, 0xd2, 0x25, 0x30, 0xf4, 0xdb,
    0xfa, 0x33, 0x6f, 0x6e, 0x0a, 0xc9, 0x25, 0x13, 0x95, 0x43, 0xae, 0xd4, 0x4c, 0xce, 0x7c, 0x37,
    0x20, 0xfd, 0x51, 0xf6, 0x94, 0x58, 0x70, 0x5a, 0xc6, 0x8c, 0xd4, 0xfe, 0x6b, 0x6b, 0x13, 0xab,
    0xdc, 0x97, 0x46, 0x51, 0x29, 0x69, 0x32, 0x84, 0x54, 0xf1, 0x8f, 0xaf, 0x8c, 0x59, 0x5f, 0x64,
    0x24, 0x77, 0xfe, 0x96, 0xbb, 0x2a, 0x94, 0x1d, 0x5b, 0xcd, 0x1d, 0x4a, 0xc8, 0xcc, 0x49, 0x88,
    0x07, 0x08, 0xfa, 0x9b, 0x37, 0x8e, 0x3c, 0x4f, 0x3a, 0x90, 0x60, 0xbe, 0xe6, 0x7c, 0xf9, 0xa4,
    0xa4, 0xa6, 0x95, 0x81, 0x10, 0x51, 0x90, 0x7e, 0x16, 0x27, 0x53, 0xb5, 0x6b, 0x0f, 0x6b, 0x41,
    0x0d, 0xba, 0x74, 0xd8, 0xa8, 0x4b, 0x2a, 0x14, 0xb3, 0x14, 0x4e, 0x0e, 0xf1, 0x28, 0x47, 0x54,
    0xfd, 0x17, 0xed, 0x95, 0x0d, 0x59, 0x65, 0xb4, 0xb9, 0xdd, 0x46, 0x58, 0x2d, 0xb1, 0x17, 0x8d,
    0x16, 0x9c, 0x6b, 0xc4, 0x65, 0xb0, 0xd6, 0xff, 0x9c, 0xa3, 0x92, 0x8f, 0xef, 0x5b, 0x9a, 0xe4,
    0xe4, 0x18, 0xfc, 0x15, 0xe8, 0x3e, 0xbe, 0xa0, 0xf8, 0x7f, 0xa9, 0xff, 0x5e, 0xed, 0x70, 0x05,
    0x0d, 0xed, 0x28, 0x49, 0xf4, 0x7b, 0xf9, 0x59, 0xd9, 0x56, 0x85, 0x0c, 0xe9, 0x29, 0x85, 0x1f,
    0x0d, 0x81, 0x15, 0xf6, 0x35, 0xb1, 0x05, 0xee, 0x2e, 0x4e, 0x15, 0xd0, 0x4b, 0x24, 0x54, 0xbf,
    0x6f, 0x4f, 0xad, 0xf0, 0x34, 0xb1, 0x04, 0x03, 0x11, 0x9c, 0xd8, 0xe3, 0xb9, 0x2f, 0xcc, 0x5b,
];

/// Maximum number of draws of a secret exponent. Each draw is rejected with a probability of 2^-62.
const DRAWS: u8 = 4;

/// A generator and a prime that passed all checks.
///
/// ```
/// use nanogram::crypto::dh::{DhError, DhParams, KNOWN_PRIME};
/// assert!(DhParams::check(3, &KNOWN_PRIME).is_ok());
/// assert_eq!(DhParams::check(2, &KNOWN_PRIME).unwrap_err(), DhError::Generator);
/// ```
#[derive(Clone)]
pub struct DhParams {
    g: u8,
    p: [u8; 256],
    pub(crate) modulus: Modulus,
}

impl DhParams {
    /// Checks the parameters sent by a server: `p` (big-endian) must be a safe prime of exactly 2048 bits, and `g`,
    /// from 2 to 7, must generate the subgroup of order (p-1)/2.
    ///
    /// For the [known prime](KNOWN_PRIME) this is a comparison. An unknown `p` costs one exponentiation if it is
    /// composite, two or three if it is prime but not safe, and 65 if it is accepted. No `p` costs more.
    ///
    /// Spec: mtproto/security_guidelines#checking-dh-parameters.
    ///
    /// # Errors
    /// The parameters are not safe; the variant names the failed check.
    pub fn check(g: i32, p: &[u8]) -> Result<Self, DhError> {
        let p: &[u8; 256] = p.try_into().map_err(|_| DhError::Size)?;
        // A shorter prime would make the discrete logarithm easier.
        if p[0] < 0x80 {
            return Err(DhError::Size);
        }
        Self::check_group(g, p)
    }

    /// Checks the parameters like [`check`](Self::check), for a `p` of any size.
    pub(super) fn check_group(g: i32, p: &[u8; 256]) -> Result<Self, DhError> {
        // One remainder answers all rules of the spec: 840 = 8 * 3 * 5 * 7.
        let rest = p.iter().fold(0, |rest, &byte| (rest * 256 + u32::from(byte)) % 840);
        // A safe prime is 3 modulo 4 and not a multiple of 3, 5 or 7.
        if rest % 4 != 3 || rest % 3 == 0 || rest % 5 == 0 || rest % 7 == 0 {
            return Err(DhError::Prime);
        }
        // `g` must be a quadratic residue modulo `p`: then it generates the subgroup of prime order (p-1)/2. By
        // quadratic reciprocity this depends only on these remainders; 4 is a square for every `p`.
        let g = match g {
            2 if rest % 8 == 7 => 2,
            3 if rest % 3 == 2 => 3,
            4 => 4,
            5 if matches!(rest % 5, 1 | 4) => 5,
            6 if matches!(rest % 24, 19 | 23) => 6,
            7 if matches!(rest % 7, 3 | 5 | 6) => 7,
            _ => return Err(DhError::Generator),
        };
        let modulus = Modulus::new(p).ok_or(DhError::Prime)?;
        if *p != KNOWN_PRIME {
            // If q = (p-1)/2 is prime, g^q = 1 proves that p is prime (Pocklington: q > √p, and g² - 1, which has no
            // prime
            // factors other than 2, 3, 5 and 7, has no factor in common with p). Testing this first rejects a composite
            // p after one
            // exponentiation instead of 64.
            let q = shift_right(p, 1);
            if modulus.power_of_small(g, &q) != small(1) || !is_prime(&q) {
                return Err(DhError::Prime);
            }
        }
        Ok(Self { g, p: *p, modulus })
    }

    /// Returns the prime, big-endian.
    pub const fn p(&self) -> &[u8; 256] {
        &self.p
    }
    /// Returns the generator.
    pub const fn g(&self) -> u8 {
        self.g
    }

    /// Checks the peer's `g_a` or `g_b` (big-endian, with or without leading zeros) and returns it padded to 256 bytes.
    ///
    /// The bounds are 1 < g_a < p-1 and 2^1984 <= g_a <= p - 2^1984.
    ///
    /// Spec: mtproto/security_guidelines#g-a-and-g-b-validation.
    ///
    /// # Errors
    /// [`DhError::Range`].
    pub fn check_public(&self, g_a: &[u8]) -> Result<[u8; 256], DhError> {
        let g_a = padded(g_a).ok_or(DhError::Range)?;
        // 2^1984 is the lowest bit of byte 7, so a number is at least 2^1984 if one of its first 8 bytes is not zero.
        // These
        // bounds also exclude 1 and p - 1.
        let far = |x: &[u8; 256]| x.iter().take(8).any(|&byte| byte != 0);
        let rest = difference(&self.p, &g_a).ok_or(DhError::Range)?;
        if far(&g_a) && far(&rest) { Ok(g_a) } else { Err(DhError::Range) }
    }

    /// Computes `base^secret mod p` in constant time. With the peer's public number as `base`, this is the `auth_key`.
    pub fn power(&self, base: &[u8; 256], secret: &[u8; 256]) -> Zeroizing<[u8; 256]> {
        Zeroizing::new(self.modulus.power(base, secret))
    }
    /// Computes the public number `g^secret mod p`.
    pub fn public(&self, secret: &[u8; 256]) -> [u8; 256] {
        // The common case: current servers choose 3 and the known prime.
        #[cfg(target_pointer_width = "64")]
        if self.g == 3 && self.p == KNOWN_PRIME {
            return self.modulus.power_of_lifted(self.g, &super::lifts::LIFTS_OF_3, secret);
        }
        self.modulus.power_of_small(self.g, secret)
    }
    /// Draws a secret exponent (256 bytes) and returns it with its [public](Self::public) number, which has passed
    /// [`check_public`](Self::check_public).
    ///
    /// # Errors
    /// The source failed, or four draws in a row were rejected, which only a broken source produces.
    pub fn draw(&self, entropy: &mut dyn Entropy) -> Result<(Zeroizing<[u8; 256]>, [u8; 256]), EntropyFailed> {
        for _ in 0..DRAWS {
            let secret = Zeroizing::new(entropy::bytes(entropy)?);
            let public = self.public(&secret);
            // Spec: the client's public number must satisfy the same bounds as the server's.
            if self.check_public(&public).is_ok() {
                return Ok((secret, public));
            }
        }
        Err(EntropyFailed)
    }
}

impl fmt::Debug for DhParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DhParams(g={})", self.g)
    }
}

/// Pads a big-endian number to 256 bytes with leading zeros; `None` if it is longer.
pub(super) fn padded(number: &[u8]) -> Option<[u8; 256]> {
    let mut out = [0; 256];
    let start = out.len().checked_sub(number.len())?;
    out.get_mut(start..)?.copy_from_slice(number);
    Some(out)
}

/// Computes `a - b`; `None` if the result is negative.
fn difference(a: &[u8; 256], b: &[u8; 256]) -> Option<[u8; 256]> {
    let mut out = [0; 256];
    let mut borrow = false;
    for ((out, a), b) in out.iter_mut().zip(a).zip(b).rev() {
        let (x, under) = a.overflowing_sub(*b);
        let (x, under_too) = x.overflowing_sub(u8::from(borrow));
        *out = x;
        borrow = under | under_too;
    }
    (!borrow).then_some(out)
}

/// Error in the numbers of a key exchange.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DhError {
    /// `p` is not exactly 2048 bits long.
    Size,
    /// `p` is not a safe prime.
    Prime,
    /// `g` is not one of 2 to 7, or does not generate the subgroup of order (p-1)/2.
    Generator,
    /// `g_a` or `g_b` is too close to 0 or to `p`.
    Range,
}

impl fmt::Display for DhError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "the prime is not 2048 bits long",
            Self::Prime => "the number is not a safe prime",
            Self::Generator => "the generator does not fit the prime",
            Self::Range => "the public number is out of range",
        })
    }
}
impl core::error::Error for DhError {}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigUint;
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;
    use serde_json::Value;

    /// Group 14 of RFC 3526: a safe prime of 2048 bits that is not the known one.
    const GROUP_14: &str = concat!(
        "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b",
        "302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe6",
        "49286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d",
        "670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf695581718",
        "3995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff",
    );

    fn hex(text: &str) -> BigUint {
        BigUint::parse_bytes(text.as_bytes(), 16).unwrap()
    }

    #[test]
    fn toy_groups_are_judged_as_in_the_vectors() {
        let file: Value = serde_json::from_str(include_str!("../../tests/fixtures/vectors.json")).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        let toys = vectors.iter().map(|v| &v["data"]).filter(|data| data.get("safe_prime_and_subgroup_ok").is_some());
        let judged = toys.map(|data| {
            let p = padded(&data["p"].as_u64().unwrap().to_be_bytes()).unwrap();
            let g = data["g"].as_i64().unwrap() as i32;
            let fits = DhParams::check_group(g, &p).is_ok();
            assert_eq!(Some(fits), data["safe_prime_and_subgroup_ok"].as_bool(), "{data}");
        });
        assert_eq!(judged.count(), 12);
    }

    #[test]
    fn an_unknown_safe_prime_passes_with_the_generators_of_its_subgroup() {
        let p = hex(GROUP_14);
        let q: BigUint = &p >> 1;
        for g in -1..=8_i32 {
            let generates = u32::try_from(g).is_ok_and(|g| BigUint::from(g).modpow(&q, &p) == 1_u32.into());
            let fits = (2..=7).contains(&g) && generates;
            assert_eq!(DhParams::check(g, &p.to_bytes_be()).is_ok(), fits, "{g}");
        }
    }

    #[test]
    fn public_numbers_are_powers_of_the_generator() {
        let mut entropy = ChaCha8Rng::seed_from_u64(2);
        for g in [3, 4, 7] {
            let params = DhParams::check(g, &KNOWN_PRIME).unwrap();
            for secret in [entropy::bytes(&mut entropy).unwrap(), small(0), small(1), [0xff; 256]] {
                assert_eq!(params.public(&secret), *params.power(&small(params.g()), &secret), "{g}");
            }
        }
    }

    #[test]
    fn both_sides_draw_the_same_key() {
        let params = DhParams::check(3, &KNOWN_PRIME).unwrap();
        let mut entropy = ChaCha8Rng::seed_from_u64(1);
        let (a, g_a) = params.draw(&mut entropy).unwrap();
        let (b, g_b) = params.draw(&mut entropy).unwrap();
        assert_ne!(g_a, g_b);
        assert_eq!(params.power(&g_a, &b), params.power(&g_b, &a));
    }

    #[test]
    fn entropy_that_fails_or_repeats_zeros_ends_the_draw() {
        struct Bytes(Option<u8>);
        impl Entropy for Bytes {
            fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
                out.fill(self.0.ok_or(EntropyFailed)?);
                Ok(())
            }
        }
        let params = DhParams::check(3, &KNOWN_PRIME).unwrap();
        assert_eq!(params.draw(&mut Bytes(None)).unwrap_err(), EntropyFailed);
        assert_eq!(params.draw(&mut Bytes(Some(0))).unwrap_err(), EntropyFailed);
    }
}

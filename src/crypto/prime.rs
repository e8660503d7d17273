//! Miller-Rabin primality tests: probabilistic for 2048-bit numbers, deterministic for 64-bit numbers.
//!
//! ```text
//! n - 1 = 2^s * d, d odd        for a base a:   a^d,  a^2d,  a^4d, … a^(2^(s-1) d)     mod n
//! n prime      => the first is 1, or one of them is n - 1
//! n composite  => at least 3 of 4 bases show neither
//! ```
//!
//! The test is a series of modular exponentiations, so it reuses those of [`mont`](super::mont) instead of adding a
//! big-number crate to a small binary.

use super::mont::Modulus;
use sha2::{Digest, Sha256};

/// Number of bases tried on a 2048-bit number. A composite passes with a probability of at most 4^-64 = 2^-128.
const ROUNDS: u16 = 64;

/// Returns true if `n` (256 bytes, big-endian) is prime.
///
/// The bases are SHA-256 blocks over the round, a counter and `n`, so no entropy is needed. An attacker who chooses `n`
/// can compute the bases, but would have to find a composite that passes all 64 of its bases; each candidate does so
/// with a probability of at most 2^-128, which is as much work as finding an AES-128 key.
///
/// A composite costs one exponentiation, rarely two; only a number that passes costs 64.
pub(crate) fn is_prime(n: &[u8; 256]) -> bool {
    // The Montgomery form needs an odd modulus. Among even numbers only 2 is prime.
    let Some(modulus) = Modulus::new(n) else { return *n == small(2) };
    let mut minus_one = *n;
    minus_one[255] &= !1; // n is odd
    let twos = trailing_zeros(&minus_one);
    let odd = shift_right(&minus_one, twos);
    (0..ROUNDS).all(|round| {
        let mut x = modulus.power(&base(n, round), &odd);
        if x.iter().all(|byte| *byte == 0) {
            return true; // the base is a multiple of n, possible only for a tiny n
        }
        // Squaring leads from `a^d` to `a^(n-1)`. For a prime, 1 is only reached through -1, its only other square
        // root.
        let mut seen = x == small(1) || x == minus_one;
        for _ in 1..twos {
            x = modulus.multiply(&x, &x);
            seen |= x == minus_one;
        }
        seen
    })
}

/// Returns `n` as a number of 256 bytes, big-endian.
pub(crate) const fn small(n: u8) -> [u8; 256] {
    let mut out = [0; 256];
    out[255] = n;
    out
}

/// Computes `n / 2^bits`, 256 bytes, big-endian.
pub(crate) fn shift_right(n: &[u8; 256], bits: u32) -> [u8; 256] {
    let mut out = [0; 256];
    let mut above = 0;
    for (out, &byte) in out.iter_mut().skip((bits / 8) as usize).zip(n) {
        [_, *out] = (u16::from_be_bytes([above, byte]) >> (bits % 8)).to_be_bytes();
        above = byte;
    }
    out
}

/// Counts the trailing zero bits of `n` (256 bytes, big-endian).
fn trailing_zeros(n: &[u8; 256]) -> u32 {
    n.iter().fold(0, |zeros, &byte| if byte == 0 { zeros + 8 } else { byte.trailing_zeros() })
}

/// Returns the base of a round: SHA-256( round:2 counter:1 n:256 ) for the counters 0..8.
fn base(n: &[u8; 256], round: u16) -> [u8; 256] {
    let mut out = [0; 256];
    for (counter, block) in (0_u8..).zip(out.chunks_exact_mut(32)) {
        block.copy_from_slice(
            &Sha256::new().chain_update(round.to_be_bytes()).chain_update([counter]).chain_update(n).finalize(),
        );
    }
    out
}

/// An odd 64-bit modulus in Montgomery form, which multiplies without a division.
pub(crate) struct Modulus64 {
    n: u64,
    /// The inverse of `n` modulo 2^64.
    inverse: u64,
    /// The value of 2^128 mod n.
    square: u64,
}

impl Modulus64 {
    /// Creates the modulus; `None` unless `n` is odd and at least 3.
    pub(crate) fn new(n: u64) -> Option<Self> {
        if n < 3 || n & 1 == 0 {
            return None;
        }
        // Newton's iteration: n is its own inverse modulo 8, and each step doubles the number of correct bits.
        let mut inverse = n;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(n.wrapping_mul(inverse)));
        }
        // 2^64 mod n, doubled 64 times.
        let mut square = n.wrapping_neg() % n;
        for _ in 0..64 {
            square = add(square, square, n);
        }
        Some(Self { n, inverse, square })
    }

    /// Computes `a * b / 2^64 mod n`, for `a` and `b` below `n`.
    #[inline]
    pub(crate) fn multiply(&self, a: u64, b: u64) -> u64 {
        self.multiply_add(a, b, 0)
    }
    /// Computes `a * b / 2^64 + c mod n`, for all three below `n`.
    #[inline]
    pub(crate) fn multiply_add(&self, a: u64, b: u64, c: u64) -> u64 {
        let (high, low) = split(u128::from(a) * u128::from(b));
        // Since n * inverse = 1, the low words are equal and only the high words are subtracted.
        let (over, _) = split(u128::from(low.wrapping_mul(self.inverse)) * u128::from(self.n));
        let (difference, below) = add(high, c, self.n).overflowing_sub(over);
        if below { difference.wrapping_add(self.n) } else { difference }
    }
    /// Converts `a` to Montgomery form, `a * 2^64 mod n`, for [`multiply`](Self::multiply).
    pub(crate) fn enter(&self, a: u64) -> u64 {
        self.multiply(a, self.square)
    }
    fn power(&self, base: u64, exponent: u64) -> u64 {
        let mut result = self.enter(1);
        for bit in (0..64).rev() {
            result = self.multiply(result, result);
            if exponent >> bit & 1 == 1 {
                result = self.multiply(result, base);
            }
        }
        result
    }
}

/// Computes `a + b mod n`, for both below `n`.
#[inline]
fn add(a: u64, b: u64, n: u64) -> u64 {
    let (sum, over) = a.overflowing_add(b);
    if over || sum >= n { sum.wrapping_sub(n) } else { sum }
}

/// Returns the upper and the lower half.
#[inline]
fn split(product: u128) -> (u64, u64) {
    #[expect(clippy::cast_possible_truncation, reason = "the halves")]
    ((product >> 64) as u64, product as u64)
}

/// Returns true if `n` is prime. The result is certain: no 64-bit composite passes with the first twelve primes as
/// bases (J. Sorenson, J. Webster, "Strong pseudoprimes to twelve prime bases", 2015).
pub fn is_prime_u64(n: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    let Some(modulus) = Modulus64::new(n) else { return n == 2 };
    // A base equal to `n` is 0 modulo `n` and would make the prime look composite.
    if BASES.contains(&n) {
        return true;
    }
    let twos = (n - 1).trailing_zeros();
    let one = modulus.enter(1);
    BASES.iter().all(|base| {
        let mut x = modulus.power(modulus.enter(*base), (n - 1) >> twos);
        let mut seen = x == one || x == n - one;
        for _ in 1..twos {
            x = modulus.multiply(x, x);
            seen |= x == n - one;
        }
        seen
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::dh::KNOWN_PRIME;
    use num_bigint::BigUint;

    #[test]
    fn both_tests_agree_on_small_numbers() {
        // Includes Carmichael numbers and pseudoprimes to base 2.
        for n in (0..30).chain([341, 561, 1105, 1729, 2047, 2821, 6601, 8911, 65537]) {
            let mut bytes = [0; 256];
            bytes[248..].copy_from_slice(&u64::to_be_bytes(n));
            assert_eq!(is_prime(&bytes), is_prime_u64(n), "{n}");
        }
    }

    #[test]
    fn the_known_prime_is_safe_and_its_neighbours_are_not_prime() {
        assert!(is_prime(&KNOWN_PRIME) && is_prime(&shift_right(&KNOWN_PRIME, 1)));
        for offset in [1, 2, 4, 6] {
            let mut near = KNOWN_PRIME;
            near[255] -= offset;
            assert!(!is_prime(&near), "{offset}");
        }
    }

    #[test]
    fn a_shift_is_a_division() {
        let n = BigUint::from_bytes_be(&KNOWN_PRIME);
        for bits in [0, 1, 7, 8, 9, 1000, 2047, 2048, 3000] {
            assert_eq!(BigUint::from_bytes_be(&shift_right(&KNOWN_PRIME, bits)), &n >> bits, "{bits}");
        }
    }
}

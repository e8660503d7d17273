//! Powers modulo a number of 2048 bits, in a time that tells nothing of the numbers.
//!
//! A Montgomery form of our own: `x` is kept as `x * R mod n` with `R = 2^2048`, and a product of two such is
//! divided by `R` on the way, which takes only shifts where an ordinary remainder takes divisions:
//!
//! ```text
//! multiply(a, b) = a * b / R mod n          for each limb of a: add it times b, make the lowest limb zero
//!                                           by adding a multiple of n, drop that limb
//! power: exponent = 512 windows of 4 bits, from the top: square 4 times, multiply by one of base^0 … base^15
//! ```
//!
//! Constant time in base and exponent: every window costs four squarings and one product, also a window of zeros; the
//! table is read as a whole and the entry kept by a mask; the last subtraction is always done and its result kept by a
//! mask. The modulus is no secret. What held a power is wiped.
//!
//! Limbs are as wide as the processor multiplies: 64 bits or 32, the first one the lowest.

use alloc::vec::Vec;
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

#[cfg(target_pointer_width = "64")]
mod width {
    pub(super) type Limb = u64;
    pub(super) type Wide = u128;
}
#[cfg(not(target_pointer_width = "64"))]
mod width {
    pub(super) type Limb = u32;
    pub(super) type Wide = u64;
}
use width::{Limb, Wide};

/// Bytes of a number.
const BYTES: usize = 256;
/// Limbs of a number.
const LIMBS: usize = BYTES / size_of::<Limb>();

/// A number below 2^2048, the lowest limb first.
type Number = [Limb; LIMBS];

const ONE: Number = {
    let mut one = [0; LIMBS];
    one[0] = 1;
    one
};

/// An odd modulus of at most 2048 bits, and what multiplying under it needs.
#[derive(Clone)]
pub(crate) struct Modulus {
    n: Number,
    /// `n * inverse = -1` modulo 2^(bits of a limb).
    inverse: Limb,
    /// `R² mod n`.
    square: Number,
}

impl Modulus {
    /// Prepares `n` (big-endian); `None` unless it is odd and at least 3.
    pub(crate) fn new(n: &[u8; BYTES]) -> Option<Self> {
        let n = limbs(n);
        let [low, ..] = n;
        if low & 1 == 0 || n == ONE {
            return None;
        }
        // `low` is its own inverse modulo 8; each step doubles the bits that are right.
        let inverse = (0..5).fold(low, |x, _| x.wrapping_mul((2 as Limb).wrapping_sub(low.wrapping_mul(x))));
        let mut this = Self { n, inverse: inverse.wrapping_neg(), square: ONE };
        this.square = this.find_square();
        Some(this)
    }

    /// `R² mod n`: from the highest power of two below `n` by doubling to `R * 2^(bits of a limb)`, and from there
    /// by squaring, which doubles what is beyond `R`.
    fn find_square(&self) -> Number {
        let zeros = self.n.iter().rev().take_while(|limb| **limb == 0).count();
        let top = self.n.iter().rev().nth(zeros).map_or(0, |limb| limb.leading_zeros());
        let below_top = zeros * Limb::BITS as usize + top as usize; // 2^2048 / 2^below_top > n > half of it
        let mut x = ONE;
        x.rotate_left(1 + zeros);
        for limb in &mut x {
            *limb = limb.rotate_right(1 + top);
        }
        for _ in 0..=below_top + Limb::BITS as usize {
            let carry = double(&mut x);
            self.reduce(&mut x, carry);
        }
        for _ in 0..LIMBS.ilog2() {
            x = self.product(&x, &x);
        }
        x
    }

    /// `base^exponent mod n`; all three of 256 bytes, big-endian. A base of `n` or more is reduced.
    ///
    /// Always 2048 squarings and 526 products, the same for every base and exponent.
    pub(crate) fn power(&self, base: &[u8; BYTES], exponent: &[u8; BYTES]) -> [u8; BYTES] {
        let base = self.enter(base);
        let mut table = Zeroizing::new(Vec::with_capacity(16));
        let mut power = Zeroizing::new(self.product(&self.square, &ONE));
        for _ in 0..16 {
            table.push(*power);
            *power = self.product(&power, &base);
        }
        let mut result = Zeroizing::new(self.product(&self.square, &ONE));
        let mut entry = Zeroizing::new([0; LIMBS]);
        for byte in exponent {
            for window in [byte >> 4, byte & 15] {
                for _ in 0..4 {
                    *result = self.product(&result, &result);
                }
                pick(&table, window, &mut entry);
                *result = self.product(&result, &entry);
            }
        }
        self.leave(&result)
    }

    /// `base^exponent mod n` for an exponent that is no secret, as in RSA: its time tells the exponent, not the base.
    pub(crate) fn power_public(&self, base: &[u8; BYTES], exponent: u32) -> [u8; BYTES] {
        let base = self.enter(base);
        let mut result = Zeroizing::new(self.product(&self.square, &ONE));
        for bit in (0..u32::BITS - exponent.leading_zeros()).rev() {
            *result = self.product(&result, &result);
            if exponent >> bit & 1 == 1 {
                *result = self.product(&result, &base);
            }
        }
        self.leave(&result)
    }

    /// `a * b mod n`.
    pub(crate) fn multiply(&self, a: &[u8; BYTES], b: &[u8; BYTES]) -> [u8; BYTES] {
        bytes(&self.product(&self.enter(a), &limbs_wiped(b)))
    }

    /// `a + b mod n`, for both below `n`.
    #[cfg(feature = "srp")]
    pub(crate) fn add(&self, a: &[u8; BYTES], b: &[u8; BYTES]) -> [u8; BYTES] {
        let mut sum = limbs_wiped(a);
        let carry = sum.iter_mut().zip(&*limbs_wiped(b)).fold(0, |carry, (a, b)| {
            let out;
            (*a, out) = halves(*a as Wide + *b as Wide + carry as Wide);
            out
        });
        self.reduce(&mut sum, carry);
        bytes(&sum)
    }

    /// `x * R mod n`.
    fn enter(&self, x: &[u8; BYTES]) -> Zeroizing<Number> {
        Zeroizing::new(self.product(&limbs_wiped(x), &self.square))
    }
    /// `x / R mod n`.
    fn leave(&self, x: &Number) -> [u8; BYTES] {
        let mut x = self.product(x, &ONE);
        let out = bytes(&x);
        x.zeroize();
        out
    }

    /// `a * b / R mod n`, below `n`, for `a * b < n * R`: one of the two may be `n` or more.
    #[expect(clippy::indexing_slicing, reason = "every index is below LIMBS, which the compiler sees")]
    fn product(&self, a: &Number, b: &Number) -> Number {
        let n = &self.n;
        let mut t = [0; LIMBS];
        let mut top = 0;
        for &x in a {
            // t + x * b + m * n, with m such that the lowest limb becomes zero; its other limbs, one place down.
            let (low, mut carry) = add_product(t[0], x, b[0], 0);
            let m = low.wrapping_mul(self.inverse);
            let (_, mut carry_n) = add_product(low, m, n[0], 0);
            for j in 1..LIMBS {
                let sum;
                (sum, carry) = add_product(t[j], x, b[j], carry);
                (t[j - 1], carry_n) = add_product(sum, m, n[j], carry_n);
            }
            (t[LIMBS - 1], top) = halves(top as Wide + carry as Wide + carry_n as Wide);
        }
        self.reduce(&mut t, top);
        t
    }

    /// Takes `n` from `t + top * R` once, if that is `n` or more.
    fn reduce(&self, t: &mut Number, top: Limb) {
        let mut difference = [0; LIMBS];
        let mut borrow = 0;
        for ((d, t), n) in difference.iter_mut().zip(&*t).zip(&self.n) {
            let (x, under) = t.overflowing_sub(*n);
            let (x, under_too) = x.overflowing_sub(borrow);
            *d = x;
            borrow = Limb::from(under | under_too);
        }
        let fits = !borrow.ct_eq(&1) | top.ct_eq(&1);
        for (t, d) in t.iter_mut().zip(&difference) {
            t.conditional_assign(d, fits);
        }
    }
}

/// The two halves, the lower one first.
#[inline]
fn halves(x: Wide) -> (Limb, Limb) {
    #[expect(clippy::cast_possible_truncation, reason = "the halves")]
    (x as Limb, (x >> Limb::BITS) as Limb)
}

/// `t + a * b + carry`, which two limbs can always hold; the lower one first.
#[inline]
fn add_product(t: Limb, a: Limb, b: Limb, carry: Limb) -> (Limb, Limb) {
    halves(t as Wide + a as Wide * b as Wide + carry as Wide)
}

/// Doubles `x`; the bit that falls out.
fn double(x: &mut Number) -> Limb {
    x.iter_mut().fold(0, |carry, limb| {
        let out = *limb >> (Limb::BITS - 1);
        *limb = *limb << 1 | carry;
        out
    })
}

/// Copies entry `index` of `table` to `out`, and reads every entry for it.
fn pick(table: &[Number], index: u8, out: &mut Number) {
    out.fill(0);
    for (i, entry) in (0_u8..).zip(table) {
        let mask = Limb::conditional_select(&0, &Limb::MAX, i.ct_eq(&index));
        for (out, limb) in out.iter_mut().zip(entry) {
            *out |= limb & mask;
        }
    }
}

/// The limbs of 256 bytes, big-endian.
fn limbs(bytes: &[u8; BYTES]) -> Number {
    let mut out = [0; LIMBS];
    let (chunks, _) = bytes.as_chunks();
    for (limb, chunk) in out.iter_mut().rev().zip(chunks) {
        *limb = Limb::from_be_bytes(*chunk);
    }
    out
}

fn limbs_wiped(bytes: &[u8; BYTES]) -> Zeroizing<Number> {
    Zeroizing::new(limbs(bytes))
}

/// The number as 256 bytes, big-endian.
fn bytes(number: &Number) -> [u8; BYTES] {
    let mut out = [0; BYTES];
    let (chunks, _) = out.as_chunks_mut();
    for (chunk, limb) in chunks.iter_mut().zip(number.iter().rev()) {
        *chunk = limb.to_be_bytes();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::dh::KNOWN_PRIME;
    use num_bigint::BigUint;
    use rand::rngs::ChaCha8Rng;
    use rand::{Rng, RngExt, SeedableRng};

    /// Random comparisons with num-bigint; NANOGRAM_ROUNDS asks for more (100,000 take some minutes in release).
    fn rounds(usual: u32) -> u32 {
        std::env::var("NANOGRAM_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
    }
    fn big(bytes: &[u8; BYTES]) -> BigUint {
        BigUint::from_bytes_be(bytes)
    }
    fn from_big(n: &BigUint) -> [u8; BYTES] {
        let bytes = n.to_bytes_be();
        let mut out = [0; BYTES];
        out[BYTES - bytes.len()..].copy_from_slice(&bytes);
        out
    }
    /// Half of them even, half of them with runs of zeros and ones, where carries go wrong; of any length.
    fn number(rng: &mut ChaCha8Rng) -> [u8; BYTES] {
        let mut out = [0; BYTES];
        rng.fill_bytes(&mut out);
        if rng.random() {
            for chunk in out.chunks_exact_mut(4) {
                match rng.random_range(0..4) {
                    0 => chunk.fill(0),
                    1 | 2 => chunk.fill(255),
                    _ => {}
                }
            }
        }
        if rng.random_ratio(1, 4) {
            let zeros = rng.random_range(0..BYTES);
            out[..zeros].fill(0);
        }
        out
    }
    fn modulus(rng: &mut ChaCha8Rng) -> ([u8; BYTES], Modulus) {
        loop {
            let mut n = number(rng);
            n[BYTES - 1] |= 1;
            if let Some(modulus) = Modulus::new(&n) {
                return (n, modulus);
            }
        }
    }

    #[test]
    fn products_and_public_powers_are_those_of_num_bigint() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for round in 0..rounds(4000) {
            let (n, modulus) = modulus(&mut rng);
            for _ in 0..4 {
                let (a, b) = (number(&mut rng), number(&mut rng));
                assert_eq!(big(&modulus.multiply(&a, &b)), big(&a) * big(&b) % big(&n), "round {round}");
            }
            let (a, e) = (number(&mut rng), rng.random::<u32>() >> rng.random_range(0..32));
            let expected = big(&a).modpow(&e.into(), &big(&n));
            assert_eq!(big(&modulus.power_public(&a, e)), expected, "round {round}");
        }
    }

    #[test]
    fn powers_are_those_of_num_bigint() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for round in 0..rounds(1000) {
            let (n, modulus) = modulus(&mut rng);
            let (base, exponent) = (number(&mut rng), number(&mut rng));
            let expected = big(&base).modpow(&big(&exponent), &big(&n));
            assert_eq!(big(&modulus.power(&base, &exponent)), expected, "round {round}");
        }
    }

    #[test]
    fn the_edges_are_those_of_num_bigint() {
        let two: BigUint = 2_u32.into();
        let top = two.pow(2048);
        let moduli = [&top - 1_u32, two.pow(2047) + 1_u32, 47_u32.into(), 3_u32.into(), big(&KNOWN_PRIME)];
        for n in &moduli {
            let modulus = Modulus::new(&from_big(n)).unwrap();
            let zero = BigUint::ZERO;
            let bases = [zero.clone(), 1_u32.into(), two.clone(), n - 1_u32, n.clone(), &top - 1_u32, n / 2_u32];
            for base in &bases {
                for exponent in [zero.clone(), 1_u32.into(), two.clone(), 65537_u32.into(), n - 1_u32, &top - 1_u32] {
                    let expected = from_big(&base.modpow(&exponent, n));
                    assert_eq!(modulus.power(&from_big(base), &from_big(&exponent)), expected, "{base} {exponent} {n}");
                    if let Ok(exponent) = u32::try_from(&exponent) {
                        assert_eq!(modulus.power_public(&from_big(base), exponent), expected, "{base} {exponent} {n}");
                    }
                }
                #[cfg(feature = "srp")]
                for other in bases.iter().filter(|other| *other < n && base < n) {
                    assert_eq!(big(&modulus.add(&from_big(base), &from_big(other))), (base + other) % n);
                }
                for other in &bases {
                    assert_eq!(big(&modulus.multiply(&from_big(base), &from_big(other))), base * other % n);
                }
            }
        }
    }

    #[test]
    fn an_even_modulus_is_none() {
        for n in [0_u32, 1, 2, 46] {
            assert!(Modulus::new(&from_big(&n.into())).is_none(), "{n}");
        }
    }
}

//! Powers modulo a number of 2048 bits, in a time that tells nothing of the numbers.
//!
//! A Montgomery form of our own: `x` is kept as `x * R mod n` with `R = 2^2100`, and a product of two such is divided
//! by `R` on the way, which takes a shift where an ordinary remainder takes divisions:
//!
//! ```text
//! number     2048 bits in limbs of 60 (of 28 on 32-bit processors), the lowest first, the upper bits of each empty
//! column k   c = sum of a[i]*b[k-i] and m[i]*n[k-i]         fits two words: the empty bits take all the carries
//!   k < 35     m[k] = -c/n[0] mod 2^60, which makes the lowest 60 bits of c + m[k]*n[0] zero: shift them out
//!   k >= 35    the lowest 60 bits of c are a limb of a * b / R mod n: shift them out
//! power      512 windows of 4 bits, from the top: square 4 times, multiply by one of base^0 … base^15
//! ```
//!
//! Limbs that are not full cost a fifth more products, but every product is then one multiplication and one addition
//! of two words, without a carry to look after; and since `R > 2^50 * n`, a result stays below `2n` without the
//! subtraction that Montgomery's form otherwise ends with. (Tried: full limbs, row by row, one or two rows at a time,
//! and four columns at a time. This was the fastest and the shortest.)
//!
//! Constant time in base and exponent: every window costs four squarings and one product, also a window of zeros; the
//! table is read as a whole and the entry kept by a mask; the one subtraction at the end is always done and its result
//! kept by a mask. The modulus is no secret. Base, table and result are wiped.

use alloc::vec::Vec;
use core::ops::Range;
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

#[cfg(target_pointer_width = "64")]
mod width {
    pub(super) type Limb = u64;
    pub(super) type Wide = u128;
    pub(super) const BITS: u32 = 60;
}
#[cfg(not(target_pointer_width = "64"))]
mod width {
    pub(super) type Limb = u32;
    pub(super) type Wide = u64;
    pub(super) const BITS: u32 = 28;
}
use width::{BITS, Limb, Wide};

/// Bytes of a number.
const BYTES: usize = 256;
/// `R` is 2 to this: 35 limbs of 60 bits, or 75 of 28.
const R_BITS: u32 = 2100;
/// Limbs of a number.
const LIMBS: usize = (R_BITS / BITS) as usize;
/// The bits that a limb uses.
const MASK: Limb = (1 << BITS) - 1;

/// A number below 2^2100, the lowest limb first.
pub(super) type Number = [Limb; LIMBS];

const ONE: Number = {
    let mut one = [0; LIMBS];
    one[0] = 1;
    one
};

/// An odd modulus of at most 2048 bits, and what multiplying under it needs.
#[derive(Clone)]
pub(crate) struct Modulus {
    n: Number,
    /// `n * inverse = -1` modulo 2^BITS.
    inverse: Limb,
    /// `R² mod n`, or that and `n`.
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
        let mut this = Self { n, inverse: inverse.wrapping_neg() & MASK, square: ONE };
        this.square = this.find_square();
        Some(this)
    }

    /// `R² mod n`: from the highest power of two below `n` by doubling to `2 * R`, which stands for 2; and as 2 to the
    /// power of [`R_BITS`] is `R`, that power of it stands for `R`.
    fn find_square(&self) -> Number {
        #[cfg(all(fuzzing, feature = "fuzzing"))]
        return super::oracle::square(&self.n, || self.square_by_doubling());
        #[cfg(not(all(fuzzing, feature = "fuzzing")))]
        self.square_by_doubling()
    }

    fn square_by_doubling(&self) -> Number {
        let mut x = [0; LIMBS];
        let mut bits = R_BITS;
        for (x, n) in x.iter_mut().zip(&self.n).rev() {
            let used = Limb::BITS - n.leading_zeros();
            bits -= BITS - used;
            if used != 0 {
                *x = 1 << (used - 1);
                break;
            }
        }
        for _ in bits - 1..=R_BITS {
            self.double(&mut x);
        }
        for bit in (0..R_BITS.ilog2()).rev() {
            x = self.squared(&x);
            if R_BITS >> bit & 1 == 1 {
                self.double(&mut x);
            }
        }
        x
    }

    /// `base^exponent mod n`; all three of 256 bytes, big-endian. A base of `n` or more is reduced.
    ///
    /// Always 2048 squarings and 528 products, the same for every base and exponent.
    pub(crate) fn power(&self, base: &[u8; BYTES], exponent: &[u8; BYTES]) -> [u8; BYTES] {
        #[cfg(all(fuzzing, feature = "fuzzing"))]
        if true {
            return super::oracle::power(&bytes(&self.n), base, exponent);
        }
        let base = self.enter(base);
        let mut table = Zeroizing::new(Vec::with_capacity(16));
        let mut power = Zeroizing::new(self.one());
        for _ in 0..16 {
            table.push(*power);
            *power = self.product(&power, &base);
        }
        let mut result = Zeroizing::new(self.one());
        let mut entry = Zeroizing::new([0; LIMBS]);
        for byte in exponent {
            for window in [byte >> 4, byte & 15] {
                for _ in 0..4 {
                    *result = self.squared(&result);
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
        let mut result = Zeroizing::new(self.one());
        for bit in (0..u32::BITS - exponent.leading_zeros()).rev() {
            *result = self.squared(&result);
            if exponent >> bit & 1 == 1 {
                *result = self.product(&result, &base);
            }
        }
        self.leave(&result)
    }

    /// `a * b mod n`.
    pub(crate) fn multiply(&self, a: &[u8; BYTES], b: &[u8; BYTES]) -> [u8; BYTES] {
        let mut x = self.product(&self.enter(a), &limbs_wiped(b));
        self.reduce(&mut x);
        let out = bytes(&x);
        x.zeroize();
        out
    }

    /// `a + b mod n`, for both below `n`.
    #[cfg(feature = "srp")]
    pub(crate) fn add(&self, a: &[u8; BYTES], b: &[u8; BYTES]) -> [u8; BYTES] {
        let mut sum = limbs_wiped(a);
        let mut carry = 0;
        for (a, b) in sum.iter_mut().zip(&*limbs_wiped(b)) {
            carry += *a + b;
            *a = carry & MASK;
            carry >>= BITS;
        }
        self.reduce(&mut sum);
        bytes(&sum)
    }

    /// `R mod n`, which stands for 1.
    fn one(&self) -> Number {
        self.product(&self.square, &ONE)
    }
    /// `x * R mod n`, which stands for `x`.
    fn enter(&self, x: &[u8; BYTES]) -> Zeroizing<Number> {
        Zeroizing::new(self.product(&limbs_wiped(x), &self.square))
    }
    /// `x / R mod n`, what `x` stands for.
    fn leave(&self, x: &Number) -> [u8; BYTES] {
        let mut x = self.product(x, &ONE);
        self.reduce(&mut x);
        let out = bytes(&x);
        x.zeroize();
        out
    }

    /// `2x`, less `n` if that is as much or more.
    fn double(&self, x: &mut Number) {
        let mut carry = 0;
        for limb in &mut *x {
            carry |= *limb << 1;
            *limb = carry & MASK;
            carry >>= BITS;
        }
        self.reduce(x);
    }

    /// Takes `n` from `x` once, if `x` is as much or more.
    fn reduce(&self, x: &mut Number) {
        let mut difference = [0; LIMBS];
        let mut borrow = 0;
        for ((d, x), n) in difference.iter_mut().zip(&*x).zip(&self.n) {
            let limb = x.wrapping_sub(*n).wrapping_sub(borrow);
            *d = limb & MASK;
            borrow = limb >> (Limb::BITS - 1);
        }
        let fits = borrow.ct_eq(&0);
        for (x, d) in x.iter_mut().zip(&difference) {
            x.conditional_assign(d, fits);
        }
        difference.zeroize();
    }
}

#[expect(clippy::indexing_slicing, reason = "every k and every place is below LIMBS")]
impl Modulus {
    /// `a * b / R mod n`, or that and `n`, for factors below `2^2048` or `4n`.
    fn product(&self, a: &Number, b: &Number) -> Number {
        self.columns(|places| column(&a[places.clone()], &b[places]))
    }
    /// `a * a / R mod n`, or that and `n`: each pair of different limbs once, and twice that.
    fn squared(&self, a: &Number) -> Number {
        self.columns(|places| {
            let limbs = &a[places];
            let (below, above) = limbs.split_at(limbs.len() / 2);
            match above.split_first() {
                Some((middle, above)) if above.len() == below.len() => {
                    2 * column(below, above) + wide(*middle, *middle)
                }
                _ => 2 * column(below, above),
            }
        })
    }

    /// Montgomery's division of a product that is given by its columns: `sum(from..to)` is the sum over all pairs of
    /// limbs whose places are in there and add up to `from + to - 1`.
    ///
    /// A column has at most 35 products of limbs and 35 more with `n`: below 2^127 (75 and 75: below 2^64).
    #[inline(always)]
    fn columns(&self, sum: impl Fn(Range<usize>) -> Wide) -> Number {
        let n = &self.n;
        let mut m = [0; LIMBS];
        let mut carry = 0;
        for k in 0..LIMBS {
            carry += sum(0..k + 1) + column(&m[..k], &n[1..=k]);
            m[k] = low(carry).wrapping_mul(self.inverse) & MASK;
            carry = (carry + wide(m[k], n[0])) >> BITS;
        }
        let mut out = [0; LIMBS];
        for k in 0..LIMBS {
            carry += sum(k + 1..LIMBS) + column(&m[k + 1..], &n[k + 1..]);
            out[k] = low(carry) & MASK;
            carry >>= BITS;
        }
        out
    }
}

/// The sum of the products of the first limb of `a` and the last of `b`, the second and the last but one, …
#[inline(always)]
fn column(a: &[Limb], b: &[Limb]) -> Wide {
    a.iter().zip(b.iter().rev()).fold(0, |sum, (a, b)| sum + wide(*a, *b))
}

/// The product of two limbs.
#[inline(always)]
fn wide(a: Limb, b: Limb) -> Wide {
    a as Wide * b as Wide
}

/// The lower half.
#[inline(always)]
fn low(x: Wide) -> Limb {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    (x as Limb)
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
    let mut rest = bytes.iter().rev();
    let (mut window, mut bits) = (0 as Wide, 0);
    [(); LIMBS].map(|()| {
        while bits < BITS {
            window |= Wide::from(rest.next().copied().unwrap_or(0)) << bits;
            bits += 8;
        }
        let limb = low(window) & MASK;
        window >>= BITS;
        bits -= BITS;
        limb
    })
}

fn limbs_wiped(bytes: &[u8; BYTES]) -> Zeroizing<Number> {
    Zeroizing::new(limbs(bytes))
}

/// The number, below 2^2048, as 256 bytes, big-endian.
fn bytes(number: &Number) -> [u8; BYTES] {
    let mut rest = number.iter();
    let (mut window, mut bits) = (0 as Wide, 0);
    let mut out = [0; BYTES];
    for out in out.iter_mut().rev() {
        if bits < 8 {
            window |= Wide::from(rest.next().copied().unwrap_or(0)) << bits;
            bits += BITS;
        }
        [*out, ..] = window.to_le_bytes();
        window >>= 8;
        bits -= 8;
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
        for round in 0..rounds(500) {
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

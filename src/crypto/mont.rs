//! Powers modulo a number of 2048 bits, in a time that tells nothing of the numbers.
//!
//! A Montgomery form of our own: `x` is kept as `x * R mod n` with `R = 2^2074`, and a product of two such is divided by
//! `R` on the way, which takes a shift where an ordinary remainder takes divisions:
//!
//! ```text
//! number     34 limbs of 61 bits (74 of 28 on 32-bit processors), the lowest first, each with a sign: -2^60 to 2^60 - 1
//! column k   c = sum of a[i]*b[k-i] and m[i]*n[k-i]         fits two words: the empty bits take all the carries
//!   k < 34     m[k] = -c/n[0] mod 2^61, which makes the lowest 61 bits of c + m[k]*n[0] zero: shift them out
//!   k >= 34    the lowest 61 bits of c are a limb of a * b / R mod n: shift them out
//! power      410 windows of 5 bits (512 of 4), from the top: square 5 times, multiply by one of base^0 … base^31
//! ```
//!
//! Every product is one multiplication and one addition of two words, without a carry to look after. The sign is what
//! lets 68 products of 61 bits fit into 128: without it the limbs would have 60 bits, and be 35. It also has `m` lie
//! around zero, and with it the result: between `-n` and `n`, as `R > 2^24 * n`, without the subtraction that
//! Montgomery's form otherwise ends with. (Tried: full limbs, row by row, one or two rows at a time, four columns at a
//! time, squares of five limbs, loops unrolled by four and by eight. Two [columns at a time](pairs) are the fastest, one
//! is the shortest; [`limb`](super::limb) says which it is.)
//!
//! Constant time in base and exponent: every window costs the same squarings and one product, also a window of zeros;
//! tables are read as a whole and the entry kept by a mask; what is added at the end is `n` or nothing by a mask. The
//! modulus is no secret. Base, table and result are wiped.

use super::limb::{BITS, IN_PAIRS, Limb, R_BITS, WINDOW, Wide};
use alloc::vec::Vec;
use core::ops::Range;
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a number.
const BYTES: usize = 256;
/// Limbs of a number.
const LIMBS: usize = (R_BITS / BITS) as usize;
/// The bits that a limb uses.
const MASK: Limb = (1 << BITS) - 1;

/// A number, the lowest limb first. Products need limbs from `-2^(BITS-1)` to `2^(BITS-1) - 1` and give such.
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
    /// `n * inverse = -1` modulo 2^BITS.
    inverse: Limb,
    /// `R² mod n`, or that less `n`.
    square: Number,
}

impl Modulus {
    /// Prepares `n` (big-endian); `None` unless it is odd and at least 3.
    pub(crate) fn new(n: &[u8; BYTES]) -> Option<Self> {
        let zeros = n.iter().position(|&byte| byte != 0)?;
        let highest = n.get(zeros..)?.first()?.ilog2() + 8 * u32::try_from(BYTES - 1 - zeros).ok()?;
        let n = limbs(n);
        let [low, ..] = n;
        if low & 1 == 0 || n == ONE {
            return None;
        }
        // `low` is its own inverse modulo 8; each step doubles the bits that are right.
        let inverse = (0..5).fold(low, |x, _| x.wrapping_mul((2 as Limb).wrapping_sub(low.wrapping_mul(x))));
        let mut this = Self { n, inverse: inverse.wrapping_neg(), square: ONE };
        this.square = this.find_square(highest);
        Some(this)
    }

    /// `R² mod n`: from 2^`highest`, which is below `n`, by doubling to `2 * R`, which stands for 2; and as 2 to the
    /// power of [`R_BITS`] is `R`, that power of it stands for `R`.
    fn find_square(&self, highest: u32) -> Number {
        let mut x = [0; LIMBS];
        if let Some(limb) = x.get_mut((highest / BITS) as usize) {
            *limb = 1 << (highest % BITS);
        }
        for _ in highest..=R_BITS {
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
    /// Always 2048 squarings and 440 products (528 on 32-bit processors), the same for every base and exponent.
    pub(crate) fn power(&self, base: &[u8; BYTES], exponent: &[u8; BYTES]) -> [u8; BYTES] {
        let base = self.enter(base);
        let mut table = Zeroizing::new(Vec::with_capacity(1 << WINDOW));
        let mut power = Zeroizing::new(self.one());
        for _ in 0..1 << WINDOW {
            table.push(*power);
            *power = self.product(&power, &base);
        }
        let mut result = Zeroizing::new(self.one());
        let mut entry = Zeroizing::new([0; LIMBS]);
        let mut window = 0;
        for (bit, left) in bits(exponent) {
            *result = self.squared(&result);
            window = window << 1 | bit;
            if left % WINDOW == 0 {
                pick(&table, window, &mut entry);
                *result = self.product(&result, &entry);
                window = 0;
            }
        }
        self.leave(&result)
    }

    /// `base^exponent mod n` for a base of at most three bits, as generators have: 2048 squarings and no products.
    ///
    /// Two bits of the exponent at a time: a power of the base below 2^9 fits into the room between `n` and `R`, and
    /// times that is one row of multiplications.
    pub(crate) fn power_of_small(&self, base: u8, exponent: &[u8; BYTES]) -> [u8; BYTES] {
        let powers = powers_of_small(base);
        let mut result = Zeroizing::new(self.one());
        let mut window = 0;
        for (bit, left) in bits(exponent) {
            *result = self.squared(&result);
            window = window << 1 | bit;
            if left % 2 == 0 {
                times_small(&mut result, &powers, window);
                window = 0;
            }
        }
        self.leave(&result)
    }

    /// `base^exponent mod n` for a base of at most three bits whose powers to 2^512, 2^1024 and 2^1536 are known: 512
    /// squarings and 319 products.
    ///
    /// The exponent in four parts, whose bits go side by side: the lowest part's as in
    /// [`power_of_small`](Self::power_of_small), the others' by a table of all that two bits of each may give together.
    #[cfg(target_pointer_width = "64")]
    pub(crate) fn power_of_lifted(&self, base: u8, lifts: &[[u8; BYTES]; 3], exponent: &[u8; BYTES]) -> [u8; BYTES] {
        let powers = powers_of_small(base);
        let mut table = Zeroizing::new(Vec::with_capacity(64));
        table.push(self.one());
        for lift in lifts {
            let mut power = self.enter(lift);
            for _ in 0..2 {
                for i in 0..table.len() {
                    let next = table.get(i).map(|entry| self.product(entry, &power));
                    table.extend(next);
                }
                *power = self.squared(&power);
            }
        }
        let mut result = Zeroizing::new(self.one());
        let mut entry = Zeroizing::new([0; LIMBS]);
        let (third, rest) = exponent.split_at(BYTES / 4);
        let (second, rest) = rest.split_at(BYTES / 4);
        let (first, lowest) = rest.split_at(BYTES / 4);
        for (((third, second), first), lowest) in third.iter().zip(second).zip(first).zip(lowest) {
            for shift in [6, 4, 2, 0] {
                let [third, second, first, lowest] = [third, second, first, lowest].map(|byte| byte >> shift & 3);
                for _ in 0..2 {
                    *result = self.squared(&result);
                }
                pick(&table, third << 4 | second << 2 | first, &mut entry);
                *result = self.product(&result, &entry);
                times_small(&mut result, &powers, lowest);
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
        self.out(&mut self.product(&self.enter(a), &limbs_wiped(b)))
    }

    /// `a + b mod n`, for both below `n`.
    #[cfg(feature = "srp")]
    pub(crate) fn add(&self, a: &[u8; BYTES], b: &[u8; BYTES]) -> [u8; BYTES] {
        let mut sum = limbs_wiped(a);
        for ((a, b), n) in sum.iter_mut().zip(&*limbs_wiped(b)).zip(&self.n) {
            *a += b - n;
        }
        self.out(&mut sum)
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
        self.out(&mut self.product(x, &ONE))
    }
    /// The bytes of a number between `-n` and `n`, which is wiped.
    fn out(&self, x: &mut Number) -> [u8; BYTES] {
        self.lift(x);
        let out = bytes(x);
        x.zeroize();
        out
    }

    /// `2x`, for `x` between `-n` and `n`, and so is that.
    fn double(&self, x: &mut Number) {
        self.lift(x);
        for (x, n) in x.iter_mut().zip(&self.n) {
            *x = *x * 2 - n;
        }
        self.lift(x);
        scale(x, 1);
    }

    /// Adds `n` to a number if it is negative: what was between `-n` and `n` is not, and its limbs are not.
    fn lift(&self, x: &mut Number) {
        let mut carry = 0;
        for limb in &mut *x {
            carry += *limb;
            *limb = carry & MASK;
            carry >>= BITS;
        }
        let is_negative = !carry.ct_eq(&0);
        carry = 0;
        for (limb, n) in x.iter_mut().zip(&self.n) {
            carry += *limb + Limb::conditional_select(&0, n, is_negative);
            *limb = carry & MASK;
            carry >>= BITS;
        }
    }
}

#[cfg_attr(not(test), expect(clippy::indexing_slicing, reason = "every k and every place is below LIMBS"))]
impl Modulus {
    /// `a * b / R mod n`, between `-n` and `n`, for one factor below `2^2048` and one between `-n` and `n`, or both
    /// between `-2^9 n` and `2^9 n`.
    fn product(&self, a: &Number, b: &Number) -> Number {
        if IN_PAIRS {
            return self.product_by_pairs(a, b);
        }
        self.columns(|places| column(&a[places.clone()], &b[places]))
    }
    /// `a * a / R mod n`, between `-n` and `n`: each pair of different limbs once, and twice that.
    fn squared(&self, a: &Number) -> Number {
        if IN_PAIRS {
            return self.squared_by_pairs(a);
        }
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
    /// A column has at most 34 products of limbs and 34 more with `n`: below 2^127 (74 and 74: below 2^62).
    #[inline(always)]
    fn columns(&self, sum: impl Fn(Range<usize>) -> Wide) -> Number {
        let n = &self.n;
        let mut m = [0; LIMBS];
        let mut carry = 0;
        for k in 0..LIMBS {
            carry += sum(0..k + 1) + column(&m[..k], &n[1..=k]);
            m[k] = signed(low(carry).wrapping_mul(self.inverse));
            carry = (carry + wide(m[k], n[0])) >> BITS;
        }
        let mut out = [0; LIMBS];
        for k in 0..LIMBS {
            carry += sum(k + 1..LIMBS) + column(&m[k + 1..], &n[k + 1..]);
            out[k] = take(&mut carry);
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
    Wide::from(a) * Wide::from(b)
}

/// The lower half.
#[inline(always)]
fn low(x: Wide) -> Limb {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    (x as Limb)
}

/// The lowest bits of `x` as a limb of a product.
#[inline(always)]
fn signed(x: Limb) -> Limb {
    const EMPTY: u32 = Limb::BITS - BITS;
    x << EMPTY >> EMPTY
}

/// Takes a limb from the low end.
#[inline(always)]
fn take(carry: &mut Wide) -> Limb {
    let limb = signed(low(*carry));
    *carry = (*carry - Wide::from(limb)) >> BITS;
    limb
}

/// `x` times `factor`, and limbs as products need them.
fn scale(x: &mut Number, factor: Limb) {
    let mut carry = 0;
    for limb in x {
        carry += wide(*limb, factor);
        *limb = take(&mut carry);
    }
}

/// `base^0` to `base^3` for a base of three bits: at most 343.
fn powers_of_small(base: u8) -> [Limb; 4] {
    let base = Limb::from(base & 7);
    [1, base, base * base, base * base * base]
}

/// `x` times one of the powers, all of which are read.
fn times_small(x: &mut Number, powers: &[Limb; 4], index: u8) {
    let mut power = 0;
    for (i, entry) in (0_u8..).zip(powers) {
        power.conditional_assign(entry, i.ct_eq(&index));
    }
    scale(x, power);
}

/// The bits of an exponent from the highest, each with how many are left.
fn bits(exponent: &[u8; BYTES]) -> impl Iterator<Item = (u8, u32)> {
    let mut byte = 0;
    let mut rest = exponent.iter();
    (0..2048_u32).rev().map(move |left| {
        if left % 8 == 7 {
            byte = rest.next().copied().unwrap_or(0);
        }
        (byte >> (left % 8) & 1, left)
    })
}

/// Copies entry `index` of `table` to `out`, and reads every entry for it.
fn pick(table: &[Number], index: u8, out: &mut Number) {
    out.fill(0);
    for (i, entry) in (0_u8..).zip(table) {
        let mask = Limb::conditional_select(&0, &-1, i.ct_eq(&index));
        for (out, limb) in out.iter_mut().zip(entry) {
            *out |= limb & mask;
        }
    }
}

/// The limbs of 256 bytes, big-endian.
fn limbs(bytes: &[u8; BYTES]) -> Number {
    let mut rest = bytes.iter().rev();
    let (mut window, mut bits) = (0, 0);
    let mut out = [(); LIMBS].map(|()| {
        while bits < BITS {
            window |= Wide::from(rest.next().copied().unwrap_or(0)) << bits;
            bits += 8;
        }
        let limb = low(window) & MASK;
        window >>= BITS;
        bits -= BITS;
        limb
    });
    scale(&mut out, 1);
    out
}

fn limbs_wiped(bytes: &[u8; BYTES]) -> Zeroizing<Number> {
    Zeroizing::new(limbs(bytes))
}

/// A number below 2^2048 whose limbs are not negative, as 256 bytes, big-endian.
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

#[path = "mont_pairs.rs"]
mod pairs;
#[cfg(test)]
#[path = "mont_tests.rs"]
mod tests;

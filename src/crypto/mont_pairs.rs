//! Multiplication for [`mont`](super) two columns at a time: a sixth faster, for half a kilobyte more code.
//!
//! ```text
//! columns k and k+1, k even:   c += a[i]*b[k-i]   d += a[i]*b[k+1-i]     for every i in both, then the remaining one
//! ```
//!
//! Each limb of `a` is read once for both columns, and the processor predicts half as many loop ends. One factor is
//! stored in reverse so that both are read forwards.

use super::{BITS, LIMBS, Limb, Modulus, Number, Wide, low, signed, take, wide};
use zeroize::Zeroize;

const _: () = assert!(LIMBS.is_multiple_of(2), "columns are in pairs");

/// A number that is wiped on drop.
struct Wiped(Number);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

/// Returns the number with its limbs reversed, the highest limb first.
#[inline(always)]
fn reversed(number: &Number) -> Wiped {
    let mut reversed = Wiped(*number);
    reversed.0.reverse();
    reversed
}

#[cfg_attr(not(test), expect(clippy::indexing_slicing, reason = "every k and every place is below LIMBS"))]
impl Modulus {
    /// Computes `a * b / R mod n`.
    pub(super) fn product_by_pairs(&self, a: &Number, b: &Number) -> Number {
        let Wiped(b) = &reversed(b);
        self.pairs(
            |k, c, d| {
                pair(c, d, &a[..=k], &b[LIMBS - 2 - k..]);
                *d += wide(a[k + 1], b[LIMBS - 1]);
            },
            |k, c, d| {
                *c += wide(a[k + 1], b[0]);
                pair(c, d, &a[k + 2..], b);
            },
        )
    }

    /// Computes `a * a / R mod n`: each pair of different limbs is multiplied once and doubled.
    pub(super) fn squared_by_pairs(&self, a: &Number) -> Number {
        let Wiped(b) = &reversed(a);
        self.pairs(
            |k, c, d| {
                let half = k / 2;
                let (mut twice_c, mut twice_d) = (0, wide(a[half], a[half + 1]));
                pair(&mut twice_c, &mut twice_d, &a[..half], &b[LIMBS - 2 - k..]);
                // The square of the middle limb occurs once in its column, every other product twice.
                *c += 2 * twice_c + wide(a[half], a[half]);
                *d += 2 * twice_d;
            },
            |k, c, d| {
                let half = (LIMBS + k) / 2;
                let (mut twice_c, mut twice_d) = (0, 0);
                if half < LIMBS - 1 {
                    twice_c = wide(a[k + 1], b[0]);
                    twice_d = wide(a[half], a[half + 1]);
                    pair(&mut twice_c, &mut twice_d, &a[k + 2..half], b);
                }
                *c += 2 * twice_c + wide(a[half], a[half]);
                *d += 2 * twice_d;
            },
        )
    }

    /// Performs the Montgomery reduction of a product given by its columns. `lower(k, c, d)` adds columns `k` and `k +
    /// 1` to `c` and `d`; `upper` adds columns `LIMBS + k` and `LIMBS + k + 1`. `k` is even and below `LIMBS`.
    #[inline(always)]
    fn pairs(
        &self,
        lower: impl Fn(usize, &mut Wide, &mut Wide),
        upper: impl Fn(usize, &mut Wide, &mut Wide),
    ) -> Number {
        let Wiped(n) = &reversed(&self.n);
        let Wiped(m) = &mut Wiped([0; LIMBS]);
        let (mut c, mut d) = (0, 0);
        for k in (0..LIMBS).step_by(2) {
            lower(k, &mut c, &mut d);
            pair(&mut c, &mut d, &m[..k], &n[LIMBS - 2 - k..]);
            // Montgomery's digit: adding m[k] times the modulus clears the low limb of column k.
            m[k] = signed(low(c).wrapping_mul(self.inverse));
            d += ((c + wide(m[k], n[LIMBS - 1])) >> BITS) + wide(m[k], n[LIMBS - 2]);
            m[k + 1] = signed(low(d).wrapping_mul(self.inverse));
            (c, d) = ((d + wide(m[k + 1], n[LIMBS - 1])) >> BITS, 0);
        }
        let mut out = [0; LIMBS];
        for k in (0..LIMBS).step_by(2) {
            upper(k, &mut c, &mut d);
            c += wide(m[k + 1], n[0]);
            pair(&mut c, &mut d, &m[k + 2..], n);
            out[k] = take(&mut c);
            d += c;
            out[k + 1] = take(&mut d);
            (c, d) = (d, 0);
        }
        out
    }
}

/// Adds the products of `a` with the limbs of `b` starting at the second to `c`, and those starting at the first to
/// `d`.
#[inline(always)]
#[cfg_attr(not(test), expect(clippy::indexing_slicing, reason = "a window of two has two"))]
fn pair(c: &mut Wide, d: &mut Wide, a: &[Limb], b: &[Limb]) {
    for (a, b) in a.iter().zip(b.windows(2)) {
        *c += wide(*a, b[1]);
        *d += wide(*a, b[0]);
    }
}

//! Takes apart `pq`, the small proof of work at the start of a key exchange: a product of two primes of 31 bits.
//!
//! Pollard's rho as R. Brent has it ("An improved Monte Carlo factorization algorithm", 1980): walk `y ← y² + c`
//! modulo `pq`. Modulo `p`, which nobody knows yet, the walk runs into a circle after about √p steps; where two
//! places of it meet, their difference has `p` in common with `pq`.
//!
//! Brent asks at distances that double (the walker against where he stood at step 2^k), and takes one greatest common
//! divisor for the product of a batch of differences.

use super::prime::Modulus64;
pub use super::prime::is_prime_u64;

/// Differences multiplied up before a greatest common divisor is taken.
const BATCH: u32 = 128;
/// Steps of one walk. The smaller prime is below 2^31.5, a walk meets itself after about 2^16 steps.
const STEPS: u32 = 1 << 20;
/// Walks, each with another `c`.
const WALKS: u64 = 16;

/// The two odd primes `p < q` whose product is `pq`.
///
/// `None` for anything else: a prime, a square, an even number, three factors, more than 2^63 - 1.
/// Ends after at most 16 walks of 2^20 steps (some 0.2 s; the common case takes 2^16 steps).
///
/// ```
/// use nanogram::crypto::factor::factor;
/// assert_eq!(factor(0x17ed48941a08f981), Some((0x494c553b, 0x53911073)));
/// assert_eq!(factor(1_000_000_007), None);
/// ```
///
/// Spec: mtproto/auth_key#dh-exchange-initiation, mtproto/samples-auth_key.
pub fn factor(pq: u64) -> Option<(u64, u64)> {
    if pq >> 63 != 0 || is_prime_u64(pq) {
        return None;
    }
    let modulus = Modulus64::new(pq)?;
    let one = (1..=WALKS).find_map(|c| walk(&modulus, pq, c))?;
    let other = pq / one;
    let (p, q) = (one.min(other), one.max(other));
    (p != q && is_prime_u64(p) && is_prime_u64(q)).then_some((p, q))
}

/// A divisor of `pq` that is neither 1 nor `pq`, if the walk with `c` comes upon one.
fn walk(modulus: &Modulus64, pq: u64, c: u64) -> Option<u64> {
    let c = modulus.enter(c % pq);
    let step = |y: u64| modulus.multiply_add(y, y, c);
    let mut y = c;
    let mut reach = 1;
    while reach < STEPS {
        // From here the walker goes `reach` steps, and is compared with this place after each.
        let place = y;
        let mut gone = 0;
        while gone < reach {
            let before = y;
            let batch = BATCH.min(reach - gone);
            let mut product = modulus.enter(1);
            for _ in 0..batch {
                y = step(y);
                product = modulus.multiply(product, place.abs_diff(y));
            }
            if gcd(product, pq) != 1 {
                // One of the batch: again, slowly.
                y = before;
                let divisor = core::iter::repeat_with(|| {
                    y = step(y);
                    gcd(place.abs_diff(y), pq)
                })
                .take(batch as usize)
                .find(|divisor| *divisor != 1)?;
                return (divisor != pq).then_some(divisor);
            }
            gone += batch;
        }
        reach *= 2;
    }
    None
}

/// The greatest common divisor of `a` and an odd `b`, without divisions.
fn gcd(mut a: u64, mut b: u64) -> u64 {
    while a != 0 {
        a >>= a.trailing_zeros();
        (a, b) = (a.abs_diff(b), a.min(b));
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_small_number_is_judged_as_by_trial_division() {
        for n in 0..30_000_u64 {
            let least = |n: u64| (2..n).find(|d| n.is_multiple_of(*d));
            let expected = least(n).map(|p| (p, n / p)).filter(|(p, q)| p % 2 == 1 && p < q && least(*q).is_none());
            assert_eq!(factor(n), expected, "{n}");
            assert_eq!(is_prime_u64(n), n > 1 && least(n).is_none(), "{n}");
        }
    }

    #[test]
    fn the_hardest_numbers_end() {
        // 2^63 - 25 is prime; the square of the largest prime below 2^31.5; the largest product of two such.
        assert_eq!(factor(9_223_372_036_854_775_783), None);
        assert_eq!(factor(3_037_000_493 * 3_037_000_493), None);
        assert_eq!(factor(3_037_000_453 * 3_037_000_493), Some((3_037_000_453, 3_037_000_493)));
        assert_eq!(factor(3 * 3_074_457_345_618_258_599), Some((3, 3_074_457_345_618_258_599)));
        assert_eq!(factor(u64::MAX), None);
    }

    #[test]
    fn strong_pseudoprimes_do_not_pass() {
        // To the bases 2; 2..7; 2..13; 2..23; 2..37 of which the last needs more than 64 bits to fail.
        for n in [2047, 3_215_031_751, 3_474_749_660_383, 3_825_123_056_546_413_051, 18_446_744_073_709_551_615] {
            assert!(!is_prime_u64(n), "{n}");
        }
        assert!(is_prime_u64(18_446_744_073_709_551_557));
    }
}

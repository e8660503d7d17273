//! Factorization of `pq`, the proof of work at the start of a key exchange: a product of two 31-bit primes.
//!
//! The algorithm is R. Brent's variant of Pollard's rho ("An improved Monte Carlo factorization algorithm", 1980). It
//! iterates `y ← y² + c` modulo `pq`. Modulo the unknown factor `p` the sequence becomes periodic after about √p steps;
//! the difference of two values that are equal modulo `p` has the factor `p` in common with `pq`.
//!
//! Brent compares the current value with the value at step 2^k and takes one greatest common divisor for the product of
//! a whole batch of differences.

use super::prime::Modulus64;
pub use super::prime::is_prime_u64;

/// Differences multiplied together before a greatest common divisor is computed.
const BATCH: u32 = 128;
/// Maximum number of steps of one walk. The smaller prime is below 2^31.5, so a walk repeats after about 2^16 steps.
const STEPS: u32 = 1 << 20;
/// Maximum number of walks, each with a different `c`.
const WALKS: u64 = 16;

/// Returns the two odd primes `p < q` whose product is `pq`.
///
/// Returns `None` for a prime, a square, an even number, a product of three primes or a number above 2^63 - 1. Ends
/// after at most 16 walks of 2^20 steps (about 0.2 s); the common case takes 2^16 steps.
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
    // The divisor found may be composite or the root of a square.
    (p != q && is_prime_u64(p) && is_prime_u64(q)).then_some((p, q))
}

/// Searches for a divisor of `pq` other than 1 and `pq` in the walk with constant `c`.
fn walk(modulus: &Modulus64, pq: u64, c: u64) -> Option<u64> {
    let c = modulus.enter(c % pq);
    let step = |y: u64| modulus.multiply_add(y, y, c);
    let mut y = c;
    let mut reach = 1;
    while reach < STEPS {
        // The walk takes `reach` steps from here, and each value is compared with this one.
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
            // The product is zero modulo a factor of `pq` as soon as one difference is.
            if gcd(product, pq) != 1 {
                // The batch contains a factor: repeat it step by step to find the first one.
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

/// Computes the greatest common divisor of `a` and an odd `b` without divisions (binary GCD).
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
        // 2^63 - 25 is prime; then the square of the largest prime below 2^31.5 and the largest product of two such
        // primes.
        assert_eq!(factor(9_223_372_036_854_775_783), None);
        assert_eq!(factor(3_037_000_493 * 3_037_000_493), None);
        assert_eq!(factor(3_037_000_453 * 3_037_000_493), Some((3_037_000_453, 3_037_000_493)));
        assert_eq!(factor(3 * 3_074_457_345_618_258_599), Some((3, 3_074_457_345_618_258_599)));
        assert_eq!(factor(u64::MAX), None);
    }

    #[test]
    fn strong_pseudoprimes_do_not_pass() {
        // Strong pseudoprimes to the bases 2; 2..7; 2..13; 2..23; 2..37, the last of which would need more than 64
        // bits.
        for n in [2047, 3_215_031_751, 3_474_749_660_383, 3_825_123_056_546_413_051, 18_446_744_073_709_551_615] {
            assert!(!is_prime_u64(n), "{n}");
        }
        assert!(is_prime_u64(18_446_744_073_709_551_557));
    }
}

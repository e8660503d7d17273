//! Factoring, remembered: the same `pq` is factored once.

use super::{exact_factor, oracle};

pub use exact_factor::is_prime_u64;

/// The two odd primes `p < q` whose product is `pq`.
pub fn factor(pq: u64) -> Option<(u64, u64)> {
    oracle::factors(pq, || exact_factor::factor(pq))
}

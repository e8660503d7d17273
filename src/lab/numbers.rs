//! Powers modulo a number of 2048 bits as the crate computes them, without the checks around them, for benches.

use crate::crypto::mont;

/// An odd modulus of at most 2048 bits. Numbers are 256 bytes, big-endian.
#[derive(Clone)]
pub struct Modulus(mont::Modulus);

impl Modulus {
    /// Prepares `n`; `None` unless it is odd and at least 3.
    #[must_use]
    pub fn new(n: &[u8; 256]) -> Option<Self> {
        mont::Modulus::new(n).map(Self)
    }

    /// `base^exponent mod n`, in constant time.
    #[must_use]
    pub fn power(&self, base: &[u8; 256], exponent: &[u8; 256]) -> [u8; 256] {
        self.0.power(base, exponent)
    }

    /// `base^exponent mod n`, in a time that tells the exponent.
    #[must_use]
    pub fn power_public(&self, base: &[u8; 256], exponent: u32) -> [u8; 256] {
        self.0.power_public(base, exponent)
    }
}

impl core::fmt::Debug for Modulus {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Modulus")
    }
}

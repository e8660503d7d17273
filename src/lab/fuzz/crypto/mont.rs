//! Powers that are drawn by the [`oracle`](super::oracle), behind the interface of `src/crypto/mont.rs`.

use super::prime::small;
use super::{exact_mont, oracle};

/// An odd modulus of at most 2048 bits.
#[derive(Clone)]
pub(crate) struct Modulus([u8; 256]);

impl Modulus {
    /// `None` unless `n` (big-endian) is odd and at least 3.
    pub(crate) fn new(n: &[u8; 256]) -> Option<Self> {
        (n[255] & 1 == 1 && *n != small(1)).then_some(Self(*n))
    }

    pub(crate) fn power(&self, base: &[u8; 256], exponent: &[u8; 256]) -> [u8; 256] {
        oracle::power(&self.0, base, exponent)
    }

    pub(crate) fn power_of_small(&self, base: u8, exponent: &[u8; 256]) -> [u8; 256] {
        self.power(&small(base), exponent)
    }

    #[cfg(target_pointer_width = "64")]
    pub(crate) fn power_of_lifted(&self, base: u8, _: &[[u8; 256]; 3], exponent: &[u8; 256]) -> [u8; 256] {
        self.power(&small(base), exponent)
    }

    pub(crate) fn power_public(&self, base: &[u8; 256], exponent: u32) -> [u8; 256] {
        oracle::raised(&self.0, base, || self.exact().power_public(base, exponent))
    }

    pub(crate) fn multiply(&self, a: &[u8; 256], b: &[u8; 256]) -> [u8; 256] {
        self.exact().multiply(a, b)
    }

    #[cfg(feature = "srp")]
    pub(crate) fn add(&self, a: &[u8; 256], b: &[u8; 256]) -> [u8; 256] {
        self.exact().add(a, b)
    }

    fn exact(&self) -> exact_mont::Modulus {
        oracle::exact(&self.0, || exact_mont::Modulus::new(&self.0).expect("it is odd, and at least 3"))
    }
}

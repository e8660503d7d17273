//! How a number of 2048 bits is cut into limbs for [`mont`](super::mont), by what the processor multiplies at once.
//!
//! In a file of its own, so that a test can give the other processor's limbs to the same code.

#[cfg(target_pointer_width = "64")]
mod width {
    pub(crate) type Limb = i64;
    pub(crate) type Wide = i128;
    pub(crate) const BITS: u32 = 61;
    pub(crate) const R_BITS: u32 = 2074;
    pub(crate) const WINDOW: u32 = 5;
    pub(crate) const IN_PAIRS: bool = cfg!(not(aes_backend_soft = "compact"));
}
#[cfg(not(target_pointer_width = "64"))]
mod width {
    /// A part of a number.
    pub(crate) type Limb = i32;
    /// A product of two limbs, and the sum of twice as many as a number has.
    pub(crate) type Wide = i64;
    /// The bits of a limb, its sign among them.
    pub(crate) const BITS: u32 = 28;
    /// `R` is 2 to this: as many bits as all limbs of a number have, at least 24 more than 2048.
    pub(crate) const R_BITS: u32 = 2072;
    /// Bits of an exponent that one product works off; the table has 2 to this entries.
    pub(crate) const WINDOW: u32 = 4;
    /// Whether products are made by two columns at a time, which is faster and longer.
    pub(crate) const IN_PAIRS: bool = false;
}
pub(crate) use width::{BITS, IN_PAIRS, Limb, R_BITS, WINDOW, Wide};

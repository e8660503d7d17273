//! Limb sizes of 2048-bit numbers for [`mont`](super::mont), chosen by the width of the processor's multiplication.
//!
//! This is a separate file so that a test can run the same code with the limbs of the other kind of processor.

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
    /// One limb of a number.
    pub(crate) type Limb = i32;
    /// The product of two limbs, and sums of twice as many products as a number has limbs.
    pub(crate) type Wide = i64;
    /// Bits per limb, including its sign bit.
    pub(crate) const BITS: u32 = 28;
    /// Log2 of `R`: the total bits of all limbs of a number, at least 24 more than 2048.
    pub(crate) const R_BITS: u32 = 2072;
    /// Bits of the exponent processed per product; the table has `2^WINDOW` entries.
    pub(crate) const WINDOW: u32 = 4;
    /// True if products are computed two columns at a time, which is faster but takes more code.
    pub(crate) const IN_PAIRS: bool = false;
}
pub(crate) use width::{BITS, IN_PAIRS, Limb, R_BITS, WINDOW, Wide};

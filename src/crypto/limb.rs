//! How a number of 2048 bits is cut into limbs for [`mont`](super::mont), by what the processor multiplies at once.
//!
//! In a file of its own, so that a test can give the other processor's limbs to the same code.

#[cfg(target_pointer_width = "64")]
mod width {
    pub(crate) type Limb = i64;
    pub(crate) type Wide = i128;
    pub(crate) const BITS: u32 = 61;
    pub(crate) const LIMBS: usize = 34;
    pub(crate) const WINDOW: u32 = 5;
}
#[cfg(not(target_pointer_width = "64"))]
mod width {
    /// A part of a number.
    pub(crate) type Limb = i32;
    /// A product of two limbs, and the sum of twice as many as there are limbs.
    pub(crate) type Wide = i64;
    /// The bits of a limb, its sign among them.
    pub(crate) const BITS: u32 = 28;
    /// Limbs of a number: 24 bits and more beyond 2048.
    pub(crate) const LIMBS: usize = 74;
    /// Bits of an exponent that are worked off with one product; the table has 2 to this entries.
    pub(crate) const WINDOW: u32 = 4;
}
pub(crate) use width::{BITS, LIMBS, Limb, WINDOW, Wide};

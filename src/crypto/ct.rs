//! Comparing what an attacker must not learn byte by byte.

use subtle::ConstantTimeEq;

/// Whether `a` and `b` are the same bytes, in a time that depends on their lengths alone.
///
/// ```
/// use nanogram::crypto::ct;
/// assert!(ct::same(&[1, 2], &[1, 2]));
/// assert!(!ct::same(&[1, 2], &[1, 3]) && !ct::same(&[1, 2], &[1, 2, 3]));
/// ```
#[must_use]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

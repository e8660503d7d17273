//! Constant-time comparison of secrets, so that timing does not reveal the first differing byte.

use subtle::ConstantTimeEq;

/// Returns true if `a` and `b` are equal. The time depends only on the lengths.
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

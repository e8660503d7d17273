//! Randomness as an argument: the source of entropy is always passed in.
//!
//! No protocol code in this crate opens `/dev/urandom`. A recorded source replays a captured handshake byte for byte,
//! and a source that fails ends the exchange before anything is sent.

use core::fmt;
use rand::TryCryptoRng;

/// A source of cryptographic randomness that may fail.
///
/// Implemented for every `rand` generator that implements [`TryCryptoRng`].
pub trait Entropy {
    /// Fills `out` with random bytes.
    ///
    /// # Errors
    /// The source failed. The caller must stop and must not use the contents of `out`.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed>;
}

impl<R: TryCryptoRng> Entropy for R {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        // The cause is dropped: every caller has to stop, whatever it was.
        self.try_fill_bytes(out).map_err(|_| EntropyFailed)
    }
}

/// Returns `N` random bytes.
///
/// # Errors
/// The source failed.
pub fn bytes<const N: usize>(entropy: &mut dyn Entropy) -> Result<[u8; N], EntropyFailed> {
    let mut out = [0; N];
    entropy.fill(&mut out)?;
    Ok(out)
}

/// Failure of the source of randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntropyFailed;

impl fmt::Display for EntropyFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the source of randomness failed")
    }
}
impl core::error::Error for EntropyFailed {}

//! Randomness, asked for and never assumed.
//!
//! No machine of this crate opens `/dev/urandom`: entropy is an argument. A recorded one replays a captured
//! handshake to the same bytes; one that fails ends the exchange before a byte is sent.

use core::fmt;
use rand::TryCryptoRng;

/// A source of cryptographic randomness that may fail.
///
/// Every `rand` generator that is a [`TryCryptoRng`] is one.
pub trait Entropy {
    /// Fills `out` with random bytes.
    ///
    /// # Errors
    /// The source gave nothing: whatever needed the bytes must stop.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed>;
}

impl<R: TryCryptoRng> Entropy for R {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        self.try_fill_bytes(out).map_err(|_| EntropyFailed)
    }
}

/// `N` random bytes.
///
/// # Errors
/// The source failed.
pub fn bytes<const N: usize>(entropy: &mut dyn Entropy) -> Result<[u8; N], EntropyFailed> {
    let mut out = [0; N];
    entropy.fill(&mut out)?;
    Ok(out)
}

/// The source of randomness failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntropyFailed;

impl fmt::Display for EntropyFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the source of randomness failed")
    }
}
impl core::error::Error for EntropyFailed {}

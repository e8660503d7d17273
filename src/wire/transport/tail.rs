//! Tail of a padded frame: random bytes that hide the exact size of the packet.

use crate::base::entropy::{self, Entropy, EntropyFailed};

/// Random bytes after a packet in a padded frame, 0 to 15.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tail {
    bytes: [u8; Self::LONGEST],
    len: u8,
}

impl Tail {
    /// Maximum length, 15 bytes: one more would be a whole AES block.
    pub const LONGEST: usize = super::LONGEST_TAIL;

    /// Creates a tail from the given bytes; `None` for more than [`LONGEST`](Self::LONGEST).
    pub fn new(tail: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::LONGEST];
        bytes.get_mut(..tail.len())?.copy_from_slice(tail);
        Some(Self { bytes, len: u8::try_from(tail.len()).ok()? })
    }
    /// Creates a tail of random length and content.
    ///
    /// # Errors
    /// The source of randomness failed.
    pub fn random(entropy: &mut dyn Entropy) -> Result<Self, EntropyFailed> {
        let [len, bytes @ ..] = entropy::bytes::<16>(entropy)?;
        // Uniform, because 256 is a multiple of 16.
        Ok(Self { bytes, len: len % 16 })
    }
    /// Returns the bytes of the tail.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

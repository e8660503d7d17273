//! AES-256 in counter mode, for the obfuscated transport and for expanding random seeds.
//!
//! ```text
//! stream = AES(iv) | AES(iv + 1) | AES(iv + 2) | ...        iv: 16 bytes, big-endian, wraps at 2^128
//! out    = in ⊕ stream                                       in both directions
//! ```
//!
//! The stream continues for the life of the connection, regardless of the sizes passed to each call. The mode provides
//! neither secrecy nor authenticity here: the keys are sent in the clear in the first 64 bytes.
//!
//! Spec: mtproto/mtproto-transports#transport-obfuscation

use aes::Aes256Enc;
use aes::cipher::array::Array;
use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use core::fmt;
use zeroize::Zeroize;

/// Bytes of key stream computed at once, which lets the processor pipeline independent AES blocks.
const AHEAD: usize = 512;

/// The key stream of one direction and the position in it.
///
/// ```
/// use nanogram::crypto::ctr::Ctr;
/// let mut text = *b"cut anywhere";
/// Ctr::new(&[1; 32], &[2; 16]).apply(&mut text);
/// let mut back = Ctr::new(&[1; 32], &[2; 16]);
/// for part in text.chunks_mut(5) {
///     back.apply(part);
/// }
/// assert_eq!(&text, b"cut anywhere");
/// ```
pub struct Ctr {
    aes: Aes256Enc,
    next: u128,
    ahead: [u8; AHEAD],
    used: usize,
}

impl Ctr {
    /// Creates the key stream of `key` with the initial counter `iv`.
    #[must_use]
    pub fn new(key: &[u8; 32], iv: &[u8; 16]) -> Self {
        Self { aes: Aes256Enc::new(key.into()), next: u128::from_be_bytes(*iv), ahead: [0; AHEAD], used: AHEAD }
    }

    /// Encrypts or decrypts `data` in place, continuing where the last call ended.
    pub fn apply(&mut self, data: &mut [u8]) {
        let mut rest = data;
        while !rest.is_empty() {
            if self.used == AHEAD {
                self.refill();
            }
            let stream = self.ahead.get(self.used..).unwrap_or_default();
            let (now, later) = rest.split_at_mut(stream.len().min(rest.len()));
            for (byte, key) in now.iter_mut().zip(stream) {
                *byte ^= key;
            }
            self.used += now.len();
            rest = later;
        }
    }

    fn refill(&mut self) {
        let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(&mut self.ahead);
        for block in &mut *blocks {
            *block = Array(self.next.to_be_bytes());
            self.next = self.next.wrapping_add(1);
        }
        self.aes.encrypt_blocks(blocks);
        self.used = 0;
    }
}

impl Drop for Ctr {
    fn drop(&mut self) {
        // The unused key stream would decrypt a recording.
        self.ahead.zeroize();
        self.next.zeroize();
    }
}

impl fmt::Debug for Ctr {
    /// Prints nothing of the state.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ctr(..)")
    }
}

/// Fills `out` with the key stream of `key` starting at counter `first`. The result is as random as `key`, which must
/// not be used for anything else.
pub(crate) fn blocks(key: &[u8; 32], first: u32, out: &mut [[u8; 16]]) {
    for (n, block) in (u128::from(first)..).zip(&mut *out) {
        *block = n.to_be_bytes();
    }
    let (cipher, blocks) = (Aes256Enc::new(key.into()), Array::cast_slice_from_core_mut(out));
    if cfg!(any(not(target_pointer_width = "64"), aes_backend_soft = "compact")) {
        blocks.iter_mut().for_each(|block| cipher.encrypt_block(block));
    } else {
        // Parallel blocks are faster, but in the compact software backend they need 3 KB of otherwise unused code.
        cipher.encrypt_blocks(blocks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// NIST SP 800-38A, F.5.5 (CTR-AES256.Encrypt).
    #[test]
    fn the_vector_of_nist() {
        let key: [u8; 32] = [
            0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe, 0x2b, 0x73, 0xae, 0xf0, 0x85, 0x7d, 0x77, 0x81, 0x1f, 0x35,
            0x2c, 0x07, 0x3b, 0x61, 0x08, 0xd7, 0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4,
        ];
        let iv = 0xf0f1_f2f3_f4f5_f6f7_f8f9_fafb_fcfd_feff_u128.to_be_bytes();
        let mut data = 0x6bc1_bee2_2e40_9f96_e93d_7e11_7393_172a_u128.to_be_bytes();
        Ctr::new(&key, &iv).apply(&mut data);
        assert_eq!(data, 0x601e_c313_7757_89a5_b7a7_f504_bbf3_d228_u128.to_be_bytes());
    }

    #[test]
    fn the_stream_does_not_depend_on_how_it_is_cut() {
        let whole = {
            let mut data = [0; 3000];
            Ctr::new(&[3; 32], &[0xff; 16]).apply(&mut data); // the counter wraps immediately
            data.to_vec()
        };
        for step in [1, 7, 15, 16, 17, 511, 512, 513, 1024] {
            let (mut ctr, mut data) = (Ctr::new(&[3; 32], &[0xff; 16]), Vec::from([0; 3000]));
            data.chunks_mut(step).for_each(|part| ctr.apply(part));
            assert_eq!(data, whole, "in pieces of {step}");
        }
    }

    #[test]
    fn blocks_are_those_of_the_stream_from_their_number_on() {
        let mut all = [0; 16 * 80];
        Ctr::new(&[4; 32], &[0; 16]).apply(&mut all);
        for (first, len) in [(0, 80), (0, 1), (3, 64), (70, 10), (79, 1), (5, 0)] {
            let mut got = [[0; 16]; 80];
            blocks(&[4; 32], first, &mut got[..len]);
            let expected = &all.as_chunks().0[first as usize..][..len];
            assert_eq!((&got[..len], &got[len..]), (expected, &[[0; 16]; 80][len..]), "{len} from {first}");
        }
    }

    #[test]
    fn the_counter_wraps() {
        let mut two = [0; 32];
        Ctr::new(&[3; 32], &[0xff; 16]).apply(&mut two);
        let mut zero = [0; 16];
        Ctr::new(&[3; 32], &[0; 16]).apply(&mut zero);
        assert_eq!(two[16..], zero);
    }
}

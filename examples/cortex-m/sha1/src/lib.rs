//! SHA-1 as written in FIPS 180-4: 80 rounds in a loop, where the crate of this name unrolls them for speed. Saves 2.5
//! KB of code; a run of the protocol hashes only a few kilobytes.
#![no_std]
#![forbid(unsafe_code)]

use digest::block_api::{Block, BlockSizeUser, Buffer, BufferKindUser, Eager, FixedOutputCore, OutputSizeUser, UpdateCore};
use digest::typenum::{U20, U64};
use digest::{HashMarker, Output};
pub use digest::{self, Digest};

digest::buffer_fixed!(
    /// SHA-1 hasher.
    pub struct Sha1(Sha1Core);
    impl: BaseFixedTraits AlgorithmName Default Clone HashMarker Reset FixedOutputReset ZeroizeOnDrop;
);

/// State between two blocks.
#[derive(Clone)]
pub struct Sha1Core {
    h: [u32; 5],
    blocks: u64,
}

impl Default for Sha1Core {
    fn default() -> Self {
        Self { h: [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0], blocks: 0 }
    }
}

impl Drop for Sha1Core {
    fn drop(&mut self) {
        #[cfg(feature = "zeroize")]
        digest::zeroize::Zeroize::zeroize(&mut self.h);
    }
}
#[cfg(feature = "zeroize")]
impl digest::zeroize::ZeroizeOnDrop for Sha1Core {}

impl HashMarker for Sha1Core {}
impl BlockSizeUser for Sha1Core {
    type BlockSize = U64;
}
impl BufferKindUser for Sha1Core {
    type BufferKind = Eager;
}
impl OutputSizeUser for Sha1Core {
    type OutputSize = U20;
}
impl digest::Reset for Sha1Core {
    fn reset(&mut self) {
        *self = Self::default();
    }
}
impl digest::block_api::AlgorithmName for Sha1Core {
    fn write_alg_name(f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Sha1")
    }
}
impl core::fmt::Debug for Sha1Core {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Sha1Core(..)")
    }
}

impl UpdateCore for Sha1Core {
    fn update_blocks(&mut self, blocks: &[Block<Self>]) {
        self.blocks += blocks.len() as u64;
        blocks.iter().for_each(|block| compress(&mut self.h, &block.0));
    }
}

impl FixedOutputCore for Sha1Core {
    fn finalize_fixed_core(&mut self, buffer: &mut Buffer<Self>, out: &mut Output<Self>) {
        let bits = 8 * (buffer.get_pos() as u64 + 64 * self.blocks);
        buffer.len64_padding_be(bits, |block| compress(&mut self.h, &block.0));
        for (out, word) in out.chunks_exact_mut(4).zip(&self.h) {
            out.copy_from_slice(&word.to_be_bytes());
        }
    }
}

/// Processes one block. Spec: FIPS 180-4, 6.1.3
#[inline(never)]
fn compress(h: &mut [u32; 5], block: &[u8; 64]) {
    let mut w = [0; 16];
    for (word, bytes) in w.iter_mut().zip(block.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    let [mut a, mut b, mut c, mut d, mut e] = *h;
    for t in 0..80 {
        let (f, k) = match t / 20 {
            0 => (d ^ b & (c ^ d), 0x5a82_7999),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => (b & c | d & (b | c), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let word = w[t & 15];
        let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(word);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        w[t & 15] = (word ^ w[(t + 2) & 15] ^ w[(t + 8) & 15] ^ w[(t + 13) & 15]).rotate_left(1);
    }
    for (h, part) in h.iter_mut().zip([a, b, c, d, e]) {
        *h = h.wrapping_add(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test vectors of NIST's CAVP and of RFC 3174.
    #[test]
    fn it_is_sha_1() {
        let long = [b'a'; 1000];
        let mut million = Sha1::new();
        (0..1000).for_each(|_| million.update(long));
        let hash = |data: &[u8]| Sha1::digest(data);
        for (hash, is) in [
            (hash(b""), "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            (hash(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (hash(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
            (million.finalize(), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
        ] {
            let is: [u8; 20] = core::array::from_fn(|i| u8::from_str_radix(&is[2 * i..][..2], 16).unwrap());
            assert_eq!(hash[..], is);
        }
    }
}

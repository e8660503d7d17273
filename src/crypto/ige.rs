//! AES in Infinite Garble Extension mode: the cipher of every encrypted message.
//!
//! ```text
//!            in[i] ─────┐                 ┌─── in[i-1]        before the first block, iv = out[0] | in[0]
//!                       ⊕ ──► AES ──► y ──⊕                   encryption and decryption differ only in the
//!           out[i-1] ───┘                 └──► out[i]         direction of AES
//! ```
//!
//! Each block depends on the previous one, so blocks cannot be processed in parallel, and the speed is the latency of
//! AES plus that of the other operations in the chain. As drawn above, the chain contains two xors. Substituting
//! `out[i-1] = y[i-1] ^ in[i-2]` gives
//!
//! ```text
//! y[i] = AES( y[i-1] ^ (in[i-2] ^ in[i]) )        the bracket does not depend on the chain
//! ```
//!
//! which leaves one xor in the chain. The loop runs inside the backend of the `aes` crate, where the round keys stay in
//! registers and CPU features are detected once per message.
//!
//! IGE provides no authenticity: after decryption the caller must compare `msg_key` before using any of the plaintext.
//!
//! Spec: mtproto/description#defining-aes-key-and-initialization-vector

use aes::cipher::array::Array;
use aes::cipher::consts::U16;
use aes::cipher::{
    BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncBackend, BlockCipherEncClosure,
    BlockCipherEncrypt, BlockSizeUser, KeyInit,
};
use aes::{Aes256Dec, Aes256Enc};

/// Encrypts `data` in place with `iv = c[0]:16 | p[0]:16`.
///
/// ```
/// use nanogram::crypto::ige;
/// let (key, iv) = ([1; 32], [2; 32]);
/// let mut blocks = [*b"sixteen bytes...", *b"and once more..."];
/// ige::encrypt(&key, &iv, &mut blocks);
/// ige::decrypt(&key, &iv, &mut blocks);
/// assert_eq!(&blocks[1], b"and once more...");
/// ```
pub fn encrypt(key: &[u8; 32], iv: &[u8; 32], data: &mut [[u8; 16]]) {
    encrypt_with(&Aes256Enc::new(key.into()), iv, data);
}

/// Decrypts `data` in place with the `iv` used for encryption.
pub fn decrypt(key: &[u8; 32], iv: &[u8; 32], data: &mut [[u8; 16]]) {
    decrypt_with(&Aes256Dec::new(key.into()), iv, data);
}

fn encrypt_with(aes: &impl BlockCipherEncrypt<BlockSize = U16>, iv: &[u8; 32], data: &mut [[u8; 16]]) {
    aes.encrypt_with_backend(Chain { out: block(&iv[..16]), input: block(&iv[16..]), data });
}

fn decrypt_with(aes: &impl BlockCipherDecrypt<BlockSize = U16>, iv: &[u8; 32], data: &mut [[u8; 16]]) {
    aes.decrypt_with_backend(Chain { out: block(&iv[16..]), input: block(&iv[..16]), data });
}

fn block(half: &[u8]) -> [u8; 16] {
    half.first_chunk().copied().unwrap_or_default()
}

/// Computes `a ^ b` byte by byte, which compiles to one vector instruction on the registers AES uses. With `u128` the
/// values would move through two general registers and back, in the middle of the chain.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "both have 16 bytes")]
fn xor(a: [u8; 16], b: [u8; 16]) -> [u8; 16] {
    core::array::from_fn(|i| a[i] ^ b[i])
}

/// A message and the two blocks before its first block.
struct Chain<'a> {
    out: [u8; 16],
    input: [u8; 16],
    data: &'a mut [[u8; 16]],
}

impl Chain<'_> {
    #[inline(always)]
    fn run(self, aes: impl Fn(&mut Array<u8, U16>)) {
        // `y[0]` and `in[-1]` may be any two blocks whose xor is `out[0]`.
        let (mut y, mut before, mut last) = (self.out, [0; 16], self.input);
        for block in self.data {
            let input = *block;
            let mut state = Array(xor(y, xor(before, input)));
            aes(&mut state);
            y = state.0;
            *block = xor(y, last);
            (before, last) = (last, input);
        }
    }
}

impl BlockSizeUser for Chain<'_> {
    type BlockSize = U16;
}
impl BlockCipherEncClosure for Chain<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        self.run(|block| backend.encrypt_block_inplace(block));
    }
}
impl BlockCipherDecClosure for Chain<'_> {
    #[inline(always)]
    fn call<B: BlockCipherDecBackend<BlockSize = U16>>(self, backend: &B) {
        self.run(|block| backend.decrypt_block_inplace(block));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::{Aes128Dec, Aes128Enc};
    use std::vec::Vec;

    /// The only published vector of this mode uses a shorter key than MTProto.
    #[test]
    fn the_vector_of_openssl_for_aes_128() {
        let key = core::array::from_fn::<u8, 16, _>(|i| i as u8);
        let iv = core::array::from_fn::<u8, 32, _>(|i| i as u8);
        let sealed = 0x1a85_19a6_557b_e652_e9da_8e43_da4e_f445_u128.to_be_bytes();
        let sealed = [sealed, 0x3cf4_56b4_ca48_8aa3_83c7_9c98_b347_97cb_u128.to_be_bytes()];
        let mut data = [[0; 16]; 2];
        encrypt_with(&Aes128Enc::new(&key.into()), &iv, &mut data);
        assert_eq!(data, sealed);
        decrypt_with(&Aes128Dec::new(&key.into()), &iv, &mut data);
        assert_eq!(data, [[0; 16]; 2]);
    }

    /// The rule as written in the spec, block by block.
    fn as_written(key: &[u8; 32], iv: &[u8; 32], data: &[[u8; 16]]) -> Vec<[u8; 16]> {
        let (aes, mut out, mut last) = (Aes256Enc::new(key.into()), block(&iv[..16]), block(&iv[16..]));
        let step = |input: &[u8; 16]| {
            let mut state = Array(xor(*input, out));
            aes.encrypt_block(&mut state);
            out = xor(state.0, last);
            last = *input;
            out
        };
        data.iter().map(step).collect()
    }

    #[test]
    fn the_folded_chain_is_the_rule_of_the_spec() {
        let (key, iv) = ([7; 32], core::array::from_fn(|i| i as u8 * 3));
        for len in 0..40_u8 {
            let plain: Vec<[u8; 16]> =
                (0..len).map(|i| core::array::from_fn(|j| i.wrapping_mul(31) ^ j as u8)).collect();
            let mut data = plain.clone();
            encrypt(&key, &iv, &mut data);
            assert_eq!(data, as_written(&key, &iv, &plain), "{len} blocks");
            decrypt(&key, &iv, &mut data);
            assert_eq!(data, plain, "{len} blocks");
        }
    }

    #[test]
    fn one_wrong_bit_garbles_everything_after_it() {
        let mut data = [[0; 16]; 8];
        encrypt(&[1; 32], &[2; 32], &mut data);
        data[3][5] ^= 4;
        decrypt(&[1; 32], &[2; 32], &mut data);
        assert!(data[..3].iter().all(|block| block == &[0; 16]) && data[3..].iter().all(|block| block != &[0; 16]));
    }
}

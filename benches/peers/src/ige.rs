//! AES-256-IGE of one message, including the key schedule, next to the lower bound for any chain of blocks.

use crate::measure::{Contender, Effort, Samples, measure};
use crate::other::Alone;
use crate::row::Row;
use aes::cipher::array::Array;
use aes::cipher::consts::U16;
use aes::cipher::{
    BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncBackend, BlockCipherEncClosure,
    BlockCipherEncrypt, BlockSizeUser, KeyInit,
};
use aes::{Aes256Dec, Aes256Enc};
use nanogram::crypto::ige;

const KEY: [u8; 32] = [0x5a; 32];
const IV: [u8; 32] = [0xc3; 32];

/// Name of the bare chain of blocks.
pub const LIMIT: &str = "serial AES";

/// Chain of AES blocks, each the encryption of the previous one: the latency of AES and nothing else.
struct Serial<'a> {
    block: &'a mut [u8; 16],
    blocks: usize,
}

impl BlockSizeUser for Serial<'_> {
    type BlockSize = U16;
}
impl BlockCipherEncClosure for Serial<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let mut state = Array(*self.block);
        for _ in 0..self.blocks {
            backend.encrypt_block_inplace(&mut state);
        }
        *self.block = state.0;
    }
}
impl BlockCipherDecClosure for Serial<'_> {
    #[inline(always)]
    fn call<B: BlockCipherDecBackend<BlockSize = U16>>(self, backend: &B) {
        let mut state = Array(*self.block);
        for _ in 0..self.blocks {
            backend.decrypt_block_inplace(&mut state);
        }
        *self.block = state.0;
    }
}

/// Lower bound for `blocks` blocks in sequence.
pub fn limit(encrypt: bool, key: &[u8; 32], blocks: usize) -> [u8; 16] {
    let mut block = [7; 16];
    let serial = Serial { block: &mut block, blocks };
    if encrypt {
        Aes256Enc::new(key.into()).encrypt_with_backend(serial);
    } else {
        Aes256Dec::new(key.into()).decrypt_with_backend(serial);
    }
    block
}

pub fn samples(effort: Effort, alone: &Alone, encrypt: bool, bytes: usize) -> Vec<Samples> {
    let mut ours = vec![[1_u8; 16]; bytes / 16];
    let mut theirs = vec![1_u8; bytes];
    // First check that both do the same work.
    let key = std::hint::black_box(KEY);
    if encrypt {
        ige::encrypt(&key, &IV, &mut ours);
        grammers_crypto::aes::ige_encrypt(&mut theirs, &key, &IV);
    } else {
        ige::decrypt(&key, &IV, &mut ours);
        grammers_crypto::aes::ige_decrypt(&mut theirs, &key, &IV);
    }
    assert_eq!(ours.as_flattened(), theirs);
    let contenders = vec![
        Contender::new("nanogram", || match encrypt {
            true => ige::encrypt(&key, &IV, &mut ours),
            false => ige::decrypt(&key, &IV, &mut ours),
        }),
        alone.contender(format!("{} {bytes}", if encrypt { "encrypt" } else { "decrypt" })),
        Contender::new(LIMIT, || limit(encrypt, std::hint::black_box(&key), bytes / 16)),
    ];
    measure(effort, contenders)
}

pub fn rows(effort: Effort, alone: &Alone) -> Vec<Row> {
    const SAFE: &str = "reached by a prototype with a loop inside the cipher's backend";
    // (bytes, encrypting, decrypting): the prototype's speed over grammers'.
    let sizes = [
        (64, "64 B", 1.08, 1.30),
        (1 << 10, "1 KiB", 1.65, 1.74),
        (16 << 10, "16 KiB", 1.73, 1.80),
        (1 << 20, "1 MiB", 1.73, 1.80),
    ];
    let mut rows = Vec::new();
    for (bytes, name, enc, dec) in sizes {
        for (encrypt, verb, goal) in [(true, "encrypt", enc), (false, "decrypt", dec)] {
            let row = Row::new("AES-256-IGE", format!("{verb} {name}"), samples(effort, alone, encrypt, bytes));
            rows.push(row.goal("grammers", goal, SAFE));
        }
    }
    rows
}

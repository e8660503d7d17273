//! Mathematics for fuzzing alone: powers are not computed but drawn, and remembered.
//!
//! ```text
//! g ^ a                 a hash of both; that it is the public number of `a` is remembered
//! (g ^ a) ^ b           a hash of a and b, in their order of size: the other side comes to the same
//! block ^ e  (RSA)      computed; that `block` is under it is remembered
//! sealed ^ d (RSA)      the block that is remembered; else a hash, since nobody can tell what is under it
//! anything else         a hash: a number that is no prime fails its test, as all but a few do
//! ```
//!
//! What stands on it sees what it would see of real powers, unless it solves the problem they rest on. A key exchange
//! takes
//! some 50 µs in place of 15 ms, and a fuzzer sees so many more. The tests replay every seed with the real powers.

use super::exact_mont::Modulus;
use alloc::collections::BTreeMap;
use core::cell::RefCell;
use sha2::{Digest, Sha256};

type Number = [u8; 256];

/// More than many exchanges need; then all is forgotten but what was pinned.
const REMEMBERED: usize = 4096;

/// Origin of a number.
#[derive(Clone, Copy)]
enum Origin {
    /// Generator to this power.
    Secret(Number),
    /// This number under RSA's public exponent.
    Block(Number),
}

#[derive(Default)]
struct Memory {
    /// By a number and its modulus, what it comes of.
    origins: Known<(Number, Number), Origin>,
    /// By a block and its modulus, what it is under RSA.
    raised: Known<(Number, Number), Number>,
    factors: Known<u64, Option<(u64, u64)>>,
    /// Prepared moduli, for multiplication.
    moduli: Known<Number, Modulus>,
}

/// Values, and whether they are pinned.
type Known<K, V> = BTreeMap<K, (V, bool)>;

std::thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

fn keep<K: Ord, V>(all: &mut Known<K, V>, key: K, value: V) {
    if all.len() >= REMEMBERED {
        all.retain(|_, (_, is_pinned)| *is_pinned);
    }
    all.entry(key).or_insert((value, false));
}

/// Result of `find`, computed once for each key.
fn once<K: Ord + Copy, V: Clone>(of: impl Fn(&mut Memory) -> &mut Known<K, V>, key: K, find: impl FnOnce() -> V) -> V {
    let known = MEMORY.with_borrow_mut(|memory| of(memory).get(&key).map(|(value, _)| value.clone()));
    known.unwrap_or_else(|| {
        let found = find();
        MEMORY.with_borrow_mut(|memory| keep(of(memory), key, found.clone()));
        found
    })
}

/// Keeps what is remembered now for all later inputs.
pub(crate) fn pin() {
    MEMORY.with_borrow_mut(|memory| {
        memory.origins.values_mut().for_each(|(_, is_pinned)| *is_pinned = true);
    });
}

/// A number below 2^2047, so below every modulus that is used.
fn drawn(n: &Number, of: [&Number; 2]) -> Number {
    let seed = of.iter().fold(Sha256::new_with_prefix(n), |hash, number| hash.chain_update(number));
    let mut number = [0; 256];
    for (i, part) in number.chunks_exact_mut(32).enumerate() {
        part.copy_from_slice(&seed.clone().chain_update(i.to_le_bytes()).finalize());
    }
    number[0] &= 0x7f;
    number
}

/// In place of `base ^ exponent mod n`.
pub(super) fn power(n: &Number, base: &Number, exponent: &Number) -> Number {
    let origin = MEMORY.with_borrow(|memory| memory.origins.get(&(*base, *n)).map(|(origin, _)| *origin));
    match origin {
        Some(Origin::Block(block)) => block,
        Some(Origin::Secret(secret)) => {
            let (less, more) = (secret.min(*exponent), secret.max(*exponent));
            drawn(n, [&less, &more])
        }
        None => {
            let number = drawn(n, [base, exponent]);
            if base[..255] == [0; 255] {
                MEMORY.with_borrow_mut(|memory| keep(&mut memory.origins, (number, *n), Origin::Secret(*exponent)));
            }
            number
        }
    }
}

/// `block ^ e mod n`, which `raise` computes; that `block` is under it is remembered.
pub(super) fn raised(n: &Number, block: &Number, raise: impl FnOnce() -> Number) -> Number {
    let sealed = once(|memory| &mut memory.raised, (*block, *n), raise);
    MEMORY.with_borrow_mut(|memory| keep(&mut memory.origins, (sealed, *n), Origin::Block(*block)));
    sealed
}

/// Arithmetic modulo `n`, prepared by `find` once for each `n`.
pub(super) fn exact(n: &Number, find: impl FnOnce() -> Modulus) -> Modulus {
    once(|memory| &mut memory.moduli, *n, find)
}

/// Result of `factor`, computed once for each number.
pub(super) fn factors(pq: u64, factor: impl FnOnce() -> Option<(u64, u64)>) -> Option<(u64, u64)> {
    once(|memory| &mut memory.factors, pq, factor)
}

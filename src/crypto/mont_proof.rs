//! Powers modulo 2048-bit numbers: this crate's code with both limb sizes and in its compact form, compared with
//! `num-bigint` and `crypto-bigint`, on edge cases and random numbers. Every test run makes one or two hundred
//! comparisons; more, and docs/modpow.md, are made by
//! ```text
//! NANOGRAM_ROUNDS=100000 cargo test --release --all-features --lib mont_proof -- --ignored --nocapture
//! ```

use super::mont as wide;
use crate::crypto::dh::{DhParams, KNOWN_PRIME};
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048};
use num_bigint::BigUint;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use std::fmt::Write as _;
use std::prelude::v1::*;
use std::time::Instant;
use std::{format, print, vec};

/// The limbs of a 32-bit processor.
#[path = "."]
#[allow(dead_code, clippy::duplicate_mod, reason = "the file comes along whole, with other limbs")]
mod narrow {
    mod limb {
        pub(crate) type Limb = i32;
        pub(crate) type Wide = i64;
        pub(crate) const BITS: u32 = 28;
        pub(crate) const R_BITS: u32 = 2072;
        pub(crate) const WINDOW: u32 = 4;
        pub(crate) const IN_PAIRS: bool = false;
    }
    #[path = "mont.rs"]
    pub(crate) mod mont;
}
/// Limbs of this processor, one column at a time, as where the code is to be small.
#[path = "."]
#[allow(dead_code, clippy::duplicate_mod, reason = "as above")]
mod compact {
    mod limb {
        pub(crate) use crate::crypto::limb::{BITS, Limb, R_BITS, WINDOW, Wide};
        pub(crate) const IN_PAIRS: bool = false;
    }
    #[path = "mont.rs"]
    pub(crate) mod mont;
}

type Bytes = [u8; 256];

fn big(bytes: &Bytes) -> BigUint {
    BigUint::from_bytes_be(bytes)
}
fn from_big(n: &BigUint) -> Bytes {
    let bytes = n.to_bytes_be();
    let mut out = [0; 256];
    out[256 - bytes.len()..].copy_from_slice(&bytes);
    out
}

/// One modulus in the form of each implementation.
struct Everybody {
    n: BigUint,
    wide: wide::Modulus,
    narrow: narrow::mont::Modulus,
    compact: compact::mont::Modulus,
    other: FixedMontyParams<{ U2048::LIMBS }>,
}

impl Everybody {
    fn new(n: &Bytes) -> Self {
        let other = Odd::new(U2048::from_be_slice(n)).expect("odd");
        Self {
            n: big(n),
            wide: wide::Modulus::new(n).expect("odd, and at least 3"),
            narrow: narrow::mont::Modulus::new(n).expect("odd, and at least 3"),
            compact: compact::mont::Modulus::new(n).expect("odd, and at least 3"),
            other: FixedMontyParams::new(other),
        }
    }

    /// Asserts that all implementations compute the same power.
    fn agree(&self, base: &Bytes, exponent: &Bytes, in_all_ways: bool) {
        let right = from_big(&big(base).modpow(&big(exponent), &self.n));
        let say = || format!("{} ^ {} mod {}", big(base), big(exponent), self.n);
        assert_eq!(self.wide.power(base, exponent), right, "64 bits: {}", say());
        if in_all_ways {
            assert_eq!(self.narrow.power(base, exponent), right, "32 bits: {}", say());
            assert_eq!(self.compact.power(base, exponent), right, "64 bits, compact: {}", say());
        }
        // crypto-bigint expects a reduced base.
        let reduced = U2048::from_be_slice(&from_big(&(big(base) % &self.n)));
        let power = FixedMontyForm::new(&reduced, &self.other).pow(&U2048::from_be_slice(exponent)).retrieve();
        assert_eq!(power, U2048::from_be_slice(&right), "crypto-bigint: {}", say());
        let small = base[255];
        if base[..255].iter().all(|byte| *byte == 0) && small < 8 {
            assert_eq!(self.wide.power_of_small(small, exponent), right, "small, 64 bits: {}", say());
            if self.n == big(&KNOWN_PRIME) && small == 3 {
                // Like a client: by way of precomputed powers.
                let params = DhParams::check(3, &KNOWN_PRIME).expect("the prime is safe");
                assert_eq!(params.public(exponent), right, "lifted: {}", say());
            }
            assert_eq!(self.narrow.power_of_small(small, exponent), right, "small, 32 bits: {}", say());
        }
    }
}

/// Odd moduli at which carries are most likely to go wrong: full and empty limbs of every size in use, at both ends.
fn moduli() -> Vec<Bytes> {
    let one = BigUint::from(1_u32);
    let bit = |n: u32| BigUint::from(2_u32).pow(n);
    let mut all = vec![KNOWN_PRIME, from_big(&(&bit(2048) - &one)), from_big(&(bit(2047) + &one))];
    all.extend([3_u32, 5, 47, 65537].map(|n| from_big(&n.into())));
    // Boundaries of limbs of 28, 61 and 64 bits: at the top, in the middle, at the bottom.
    for edge in [28, 61, 64, 28 * 36, 61 * 17, 1024, 28 * 73, 61 * 33, 64 * 31] {
        all.extend(
            [bit(edge) - &one, bit(edge) + &one, bit(2048) - bit(edge) + &one, bit(2048) - bit(edge) - &one]
                .map(|n| from_big(&n)),
        );
        all.push(from_big(&(bit(edge - 1) + &one)));
        all.push(from_big(&(bit(2048) - bit(edge - 1) - &one)));
    }
    all
}

/// Checks one in `every` of the edge cases; returns the total number.
fn edges(every: u32) -> u32 {
    let mut count = 0;
    for n in &moduli() {
        let (all, top) = (Everybody::new(n), BigUint::from(2_u32).pow(2048) - 1_u32);
        let small = |x: u32| BigUint::from(x);
        let mut bases: Vec<BigUint> = (0..8).map(small).collect();
        bases.extend([&all.n - 1_u32, all.n.clone(), &all.n / 2_u32, top.clone(), &top / &all.n * &all.n]);
        if all.n.bits() < 2047 {
            bases.extend([&all.n + 1_u32, &all.n * 2_u32]);
        }
        for base in &bases {
            for exponent in [small(0), small(1), small(2), small(65537), &all.n - 1_u32, top.clone()] {
                if count % every == 0 {
                    all.agree(&from_big(base), &from_big(&exponent), true);
                }
                count += 1;
            }
        }
    }
    count
}

fn random(rng: &mut ChaCha8Rng) -> Bytes {
    let mut out = [0; 256];
    rng.fill_bytes(&mut out);
    out
}

/// Checks powers of random bases by random exponents: every second one modulo the known prime, the rest modulo random
/// odd numbers of 2048 bits; every fourth base has at most three bits.
fn randoms(rounds: u32, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let prime = Everybody::new(&KNOWN_PRIME);
    for round in 0..rounds {
        // 32-bit limbs take as long as all others together, so only every tenth round uses them.
        let in_all_ways = matches!(round % 20, 0 | 9);
        let (mut base, exponent) = (random(&mut rng), random(&mut rng));
        if round % 8 < 2 {
            base = from_big(&rng.random_range(2..8_u32).into());
        }
        if round % 2 == 0 {
            prime.agree(&base, &exponent, in_all_ways);
        } else {
            let mut n = random(&mut rng);
            (n[0], n[255]) = (n[0] | 0x80, n[255] | 1);
            Everybody::new(&n).agree(&base, &exponent, in_all_ways);
        }
    }
}

#[test]
fn powers_are_those_of_two_other_libraries_on_random_inputs() {
    randoms(150, 1);
}

#[test]
fn powers_are_those_of_two_other_libraries_on_the_edges() {
    // 53 is coprime to the numbers of bases and exponents, so each of them is covered. All cases take minutes without
    // optimization.
    assert!(edges(53) > 4000);
}

#[test]
#[ignore = "100,000 powers by five programs take half an hour of two cores in release; it writes docs/modpow.md"]
fn powers_are_those_of_two_other_libraries_on_as_many_inputs_as_asked() {
    let rounds = std::env::var("NANOGRAM_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let began = Instant::now();
    // On two threads.
    let edges = std::thread::scope(|scope| {
        scope.spawn(|| randoms(rounds / 2, 2));
        randoms(rounds - rounds / 2, 3);
        edges(1)
    });
    let took = began.elapsed().as_secs();
    let mut row = String::new();
    writeln!(row, "| {edges} edges and {rounds} random inputs | all the same | {took} s |").expect("a String");
    print!("{row}");
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/modpow.md");
    let text = std::fs::read_to_string(page).expect("docs/modpow.md");
    let (head, rest) = text.split_once("<!-- result -->\n").expect("the mark in front of the result");
    let (_, tail) = rest.split_once("<!-- /result -->").expect("the mark behind the result");
    let rows = format!(
        "| inputs | nanogram with limbs of 61 and 28 bits, num-bigint, crypto-bigint | took |\n| --- | --- | ---: |\n{row}"
    );
    std::fs::write(page, format!("{head}<!-- result -->\n{rows}<!-- /result -->{tail}")).expect("docs/modpow.md");
}

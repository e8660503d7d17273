//! [`mont`](super) against num-bigint. In a file of its own that `mont.rs` names: `mont_proof.rs` takes both along.

use super::*;
use crate::crypto::dh::KNOWN_PRIME;
use num_bigint::BigUint;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};

/// Random comparisons with num-bigint; NANOGRAM_ROUNDS asks for more (100,000 take some minutes in release).
fn rounds(usual: u32) -> u32 {
    std::env::var("NANOGRAM_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}
fn big(bytes: &[u8; BYTES]) -> BigUint {
    BigUint::from_bytes_be(bytes)
}
fn from_big(n: &BigUint) -> [u8; BYTES] {
    let bytes = n.to_bytes_be();
    let mut out = [0; BYTES];
    out[BYTES - bytes.len()..].copy_from_slice(&bytes);
    out
}
/// Half of them even, half of them with runs of zeros and ones, where carries go wrong; of any length.
fn number(rng: &mut ChaCha8Rng) -> [u8; BYTES] {
    let mut out = [0; BYTES];
    rng.fill_bytes(&mut out);
    if rng.random() {
        for chunk in out.chunks_exact_mut(4) {
            match rng.random_range(0..4) {
                0 => chunk.fill(0),
                1 | 2 => chunk.fill(255),
                _ => {}
            }
        }
    }
    if rng.random_ratio(1, 4) {
        let zeros = rng.random_range(0..BYTES);
        out[..zeros].fill(0);
    }
    out
}
fn modulus(rng: &mut ChaCha8Rng) -> ([u8; BYTES], Modulus) {
    loop {
        let mut n = number(rng);
        n[BYTES - 1] |= 1;
        if let Some(modulus) = Modulus::new(&n) {
            return (n, modulus);
        }
    }
}

#[test]
fn products_and_public_powers_are_those_of_num_bigint() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for round in 0..rounds(4000) {
        let (n, modulus) = modulus(&mut rng);
        for _ in 0..4 {
            let (a, b) = (number(&mut rng), number(&mut rng));
            assert_eq!(big(&modulus.multiply(&a, &b)), big(&a) * big(&b) % big(&n), "round {round}");
        }
        let (a, e) = (number(&mut rng), rng.random::<u32>() >> rng.random_range(0..32));
        let expected = big(&a).modpow(&e.into(), &big(&n));
        assert_eq!(big(&modulus.power_public(&a, e)), expected, "round {round}");
    }
}

#[test]
fn powers_are_those_of_num_bigint() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for round in 0..rounds(500) {
        let (n, modulus) = modulus(&mut rng);
        let (base, exponent) = (number(&mut rng), number(&mut rng));
        let expected = big(&base).modpow(&big(&exponent), &big(&n));
        assert_eq!(big(&modulus.power(&base, &exponent)), expected, "round {round}");
    }
}

#[test]
fn powers_of_small_numbers_are_those_of_num_bigint() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for round in 0..rounds(500) {
        let ((n, modulus), base, exponent) = (modulus(&mut rng), rng.random_range(0..8), number(&mut rng));
        let expected = BigUint::from(base).modpow(&big(&exponent), &big(&n));
        assert_eq!(big(&modulus.power_of_small(base, &exponent)), expected, "round {round}");
    }
}

#[cfg(target_pointer_width = "64")]
#[test]
fn powers_of_lifted_numbers_are_those_of_num_bigint() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for round in 0..rounds(200) {
        let ((n, modulus), base) = (modulus(&mut rng), rng.random_range(0..8));
        let lift = |bits| from_big(&BigUint::from(base).modpow(&BigUint::from(2_u32).pow(bits), &big(&n)));
        let lifts = [512, 1024, 1536].map(lift);
        for exponent in [number(&mut rng), [0xff; BYTES], [0; BYTES]] {
            let expected = BigUint::from(base).modpow(&big(&exponent), &big(&n));
            assert_eq!(big(&modulus.power_of_lifted(base, &lifts, &exponent)), expected, "round {round}");
        }
    }
}

#[test]
fn the_edges_are_those_of_num_bigint() {
    let two: BigUint = 2_u32.into();
    let top = two.pow(2048);
    let moduli = [&top - 1_u32, two.pow(2047) + 1_u32, 47_u32.into(), 3_u32.into(), big(&KNOWN_PRIME)];
    for n in &moduli {
        let modulus = Modulus::new(&from_big(n)).unwrap();
        let zero = BigUint::ZERO;
        let bases = [zero.clone(), 1_u32.into(), two.clone(), n - 1_u32, n.clone(), &top - 1_u32, n / 2_u32];
        for base in &bases {
            for exponent in [zero.clone(), 1_u32.into(), two.clone(), 65537_u32.into(), n - 1_u32, &top - 1_u32] {
                let expected = from_big(&base.modpow(&exponent, n));
                assert_eq!(modulus.power(&from_big(base), &from_big(&exponent)), expected, "{base} {exponent} {n}");
                if let Some(base) = u8::try_from(base).ok().filter(|base| *base < 8) {
                    assert_eq!(modulus.power_of_small(base, &from_big(&exponent)), expected, "{base} {exponent} {n}");
                }
                if let Ok(exponent) = u32::try_from(&exponent) {
                    assert_eq!(modulus.power_public(&from_big(base), exponent), expected, "{base} {exponent} {n}");
                }
            }
            #[cfg(feature = "srp")]
            for other in bases.iter().filter(|other| *other < n && base < n) {
                assert_eq!(big(&modulus.add(&from_big(base), &from_big(other))), (base + other) % n);
            }
            for other in &bases {
                assert_eq!(big(&modulus.multiply(&from_big(base), &from_big(other))), base * other % n);
            }
        }
    }
}

#[test]
fn an_even_modulus_is_none() {
    for n in [0_u32, 1, 2, 46] {
        assert!(Modulus::new(&from_big(&n.into())).is_none(), "{n}");
    }
}

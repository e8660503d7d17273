//! Arithmetic of a key exchange: factoring `pq`, RSA, and powers modulo the 2048-bit prime.

use crate::cpu::Instant;
use crate::measure::{Contender, Effort, measure};
use crate::row::Row;
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048};
use nanogram::crypto::dh::{DhParams, KNOWN_PRIME};
use nanogram::crypto::factor::{factor, is_prime_u64};
use nanogram::crypto::rsa::{RsaKey, rsa_pad};
use nanogram::lab::numbers::Modulus;
use num_bigint::BigUint;
use rand::rngs::{ChaCha8Rng, SysRng};
use rand::{Rng, RngExt, SeedableRng};
use std::hint::black_box;

const NUM_BIGINT: &str = "num-bigint (what grammers uses)";
const CRYPTO_BIGINT: &str = "crypto-bigint";

/// 200 products of two 31-bit primes.
pub fn products() -> Vec<u64> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut prime = || {
        loop {
            let n = rng.random_range(1_u64 << 30..1 << 31) | 1;
            if is_prime_u64(n) {
                return n;
            }
        }
    };
    (0..200).map(|_| prime() * prime()).collect()
}

fn factoring(effort: Effort) -> Row {
    let products = products();
    for &pq in &products {
        assert_eq!(factor(pq), Some(grammers_crypto::factorize(pq)), "{pq}");
    }
    // All 200 products are one unit of work: the time of a single product varies by luck.
    let each = |work: fn(u64) -> Option<(u64, u64)>| {
        let began = Instant::now();
        for pq in &products {
            black_box(work(black_box(*pq)));
        }
        began.elapsed() / 200
    };
    let contenders = vec![
        Contender::timed("nanogram", || each(|pq| factor(pq))),
        Contender::timed("grammers", || each(|pq| Some(grammers_crypto::factorize(pq)))),
    ];
    // One run exceeds a time slice, so the slice is minimal.
    let samples = measure(Effort { slice: std::time::Duration::from_nanos(1), ..effort }, contenders);
    Row::new("numbers", "factor pq, mean of 200", samples).goal(
        "grammers",
        4.17,
        "Brent's rho in Montgomery form in a prototype; elliptic curves reach 17 there",
    )
}

fn random(rng: &mut ChaCha8Rng) -> [u8; 256] {
    let mut bytes = [0; 256];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn params(n: &[u8; 256]) -> FixedMontyParams<{ U2048::LIMBS }> {
    FixedMontyParams::new(Odd::new(U2048::from_be_slice(n)).expect("odd"))
}

fn dh_power(effort: Effort) -> Row {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let (mut base, exponent) = (random(&mut rng), random(&mut rng));
    base[0] &= 0x7f;
    let dh = DhParams::check(3, &KNOWN_PRIME).expect("the prime is safe");
    let [n, b, e] = [&KNOWN_PRIME, &base, &exponent].map(|x| BigUint::from_bytes_be(x));
    let params = params(&KNOWN_PRIME);
    let (base_u, exponent_u) = (U2048::from_be_slice(&base), U2048::from_be_slice(&exponent));
    let power_u = |b: &U2048, e: &U2048| FixedMontyForm::new(b, &params).pow(e).retrieve();
    let right = b.modpow(&e, &n);
    assert_eq!(BigUint::from_bytes_be(&*dh.power(&base, &exponent)), right);
    assert_eq!(U2048::from_be_slice(&right.to_bytes_be()), power_u(&base_u, &exponent_u));
    let contenders = vec![
        Contender::new("nanogram", || dh.power(black_box(&base), black_box(&exponent))),
        Contender::new(NUM_BIGINT, || black_box(&b).modpow(black_box(&e), &n)),
        Contender::new(CRYPTO_BIGINT, || power_u(black_box(&base_u), black_box(&exponent_u))),
    ];
    Row::new("numbers", "DH power, 2048 bits", measure(effort, contenders))
        .goal(NUM_BIGINT, 1.5, "required; OpenSSL's BN_mod_exp: 2.24, hand-written AVX-512 IFMA: 5.1")
        .note("nanogram and crypto-bigint run in constant time, num-bigint does not")
}

fn rsa_power(effort: Effort) -> Row {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (mut n, mut base) = (random(&mut rng), random(&mut rng));
    n[0] |= 0x80;
    n[255] |= 1;
    base[0] &= 0x7f;
    let [big_n, b] = [&n, &base].map(|x| BigUint::from_bytes_be(x));
    let e = BigUint::from(65537_u32);
    let base_u = U2048::from_be_slice(&base);
    let ours = |n: &[u8; 256]| Modulus::new(n).map(|modulus| modulus.power_public(&base, 65537));
    let theirs = |n: &[u8; 256]| {
        let power = FixedMontyForm::new(&base_u, &params(n)).pow_vartime(&U2048::from_u32(65537));
        power.retrieve()
    };
    let right = b.modpow(&e, &big_n);
    assert_eq!(ours(&n).map(|power| BigUint::from_bytes_be(&power)).as_ref(), Some(&right));
    assert_eq!(U2048::from_be_slice(&right.to_bytes_be()), theirs(&n));
    let contenders = vec![
        Contender::new("nanogram", || ours(black_box(&n))),
        Contender::new(NUM_BIGINT, || black_box(&b).modpow(&e, &big_n)),
        Contender::new(CRYPTO_BIGINT, || theirs(black_box(&n))),
    ];
    Row::new("numbers", "RSA power, e = 65537, with set-up", measure(effort, contenders))
        .goal(NUM_BIGINT, 7.1, "OpenSSL")
}

fn rsa_block(effort: Effort) -> Row {
    let key = &nanogram::telegram::dcs::keys(nanogram::telegram::dcs::Environment::Production)[0];
    let n = BigUint::from_bytes_be(key.modulus()).to_string();
    let theirs = grammers_crypto::rsa::Key::new(&n, &key.exponent().to_string()).expect("a key");
    let data = [7; 96];
    let ours = |key: &RsaKey| rsa_pad(black_box(&data), key, &mut SysRng);
    assert!(ours(key).is_ok());
    let contenders = vec![
        Contender::new("nanogram", || ours(key)),
        Contender::new("grammers", || {
            let random = nanogram::base::entropy::bytes(&mut SysRng).expect("entropy");
            grammers_crypto::rsa::encrypt_hashed(black_box(&data), &theirs, &random)
        }),
    ];
    Row::new("numbers", "RSA_PAD of 96 bytes, whole", measure(effort, contenders)).goal(
        "grammers",
        1.0,
        "not slower than grammers",
    )
}

pub fn rows(effort: Effort) -> Vec<Row> {
    vec![factoring(effort), dh_power(effort), rsa_power(effort), rsa_block(effort)]
}

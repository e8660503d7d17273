//! Durations of the arithmetic in a handshake: `cargo bench --features fuzzing --bench numbers`.
//!
//! Every figure has a baseline whose samples are interleaved with its own, so that ratios hold on a machine whose speed
//! varies. Inputs come from a fixed seed. `NANOGRAM_LEAK=20000` raises the number of timings of the leak test.

use nanogram::crypto::factor::{factor, is_prime_u64};
use nanogram::lab::numbers::Modulus;
use num_bigint::BigUint;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use std::hint::black_box;
use std::time::Instant;

/// Microseconds that `work` takes.
fn time<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_secs_f64() * 1e6
}

fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len() as f64
}

fn least(samples: &[f64]) -> f64 {
    samples.iter().copied().fold(f64::INFINITY, f64::min)
}

fn main() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    println!("{:<34}{:>12}{:>12}{:>12}", "", "min", "mean", "p95");
    factoring(&mut rng);
    powers(&mut rng);
    leaks(&mut rng);
}

/// 200 products of two 31-bit primes; each time is the best of five.
fn factoring(rng: &mut ChaCha8Rng) {
    let mut prime = || {
        loop {
            let n = rng.random_range(1_u64 << 30..1 << 31) | 1;
            if is_prime_u64(n) {
                return n;
            }
        }
    };
    let pqs: Vec<u64> = (0..200).map(|_| prime() * prime()).collect();
    let mut samples: Vec<f64> = pqs
        .iter()
        .map(|pq| {
            assert!(factor(*pq).is_some(), "{pq}");
            least(&[(); 5].map(|()| time(|| factor(black_box(*pq)))))
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    row("factor pq, us", &samples, samples[samples.len() * 95 / 100]);
}

fn row(name: &str, samples: &[f64], p95: f64) {
    println!("{name:<34}{:>12.1}{:>12.1}{p95:>12.1}", least(samples), mean(samples));
}

/// Modular powers of 2048 bits, alternating between this crate and num-bigint.
fn powers(rng: &mut ChaCha8Rng) {
    let mut number = || {
        let mut bytes = [0; 256];
        rng.fill_bytes(&mut bytes);
        bytes
    };
    let (mut n, base, exponent) = (number(), number(), number());
    n[0] |= 0x80;
    n[255] |= 1;
    let [big_n, big_base, big_exponent] = [&n, &base, &exponent].map(|bytes| BigUint::from_bytes_be(bytes));
    let e = BigUint::from(65537_u32);
    let modulus = Modulus::new(&n).unwrap();
    assert_eq!(BigUint::from_bytes_be(&modulus.power(&base, &exponent)), big_base.modpow(&big_exponent, &big_n));
    assert_eq!(BigUint::from_bytes_be(&modulus.power_public(&base, 65537)), big_base.modpow(&e, &big_n));

    let mut samples: [Vec<f64>; 4] = Default::default();
    for _ in 0..200 {
        samples[0].push(time(|| modulus.power(black_box(&base), black_box(&exponent))));
        samples[1].push(time(|| black_box(&big_base).modpow(black_box(&big_exponent), &big_n)));
        samples[2].push(time(|| Modulus::new(black_box(&n)).map(|modulus| modulus.power_public(&base, 65537))));
        samples[3].push(time(|| black_box(&big_base).modpow(&e, &big_n)));
    }
    let names = ["power, us", "  num-bigint", "RSA e = 65537 with set-up, us", "  num-bigint"];
    for (name, samples) in names.iter().zip(&mut samples) {
        samples.sort_by(f64::total_cmp);
        row(name, samples, samples[samples.len() * 95 / 100]);
    }
    let [ours, theirs, rsa, their_rsa] = &samples;
    println!(
        "{:<34}{:>11.2}x{:>11.2}x",
        "power: num-bigint / ours",
        least(theirs) / least(ours),
        mean(theirs) / mean(ours)
    );
    let (min, mean) = (least(their_rsa) / least(rsa), mean(their_rsa) / mean(rsa));
    println!("{:<34}{min:>11.2}x{mean:>11.2}x", "RSA: num-bigint / ours");
}

/// Timing leak of the exponent: exponent 1 against random ones in random order, Welch's t over the timings below the
/// 90th percentile. This is the method of dudect (O. Reparaz, J. Balasch, I. Verbauwhede, "Dude, is my code constant
/// time?", 2016), where |t| > 4.5 is a leak.
fn leaks(rng: &mut ChaCha8Rng) {
    let count = std::env::var("NANOGRAM_LEAK").ok().and_then(|n| n.parse().ok()).unwrap_or(1000);
    let mut n = [0; 256];
    rng.fill_bytes(&mut n);
    n[0] |= 0x80;
    n[255] |= 1;
    let big_n = BigUint::from_bytes_be(&n);
    let modulus = Modulus::new(&n).unwrap();
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for _ in 0..count {
        let fixed = rng.random::<bool>();
        let (mut base, mut exponent) = ([0; 256], [0; 256]);
        rng.fill_bytes(&mut base);
        rng.fill_bytes(&mut exponent);
        if fixed {
            exponent = [0; 256];
            exponent[255] = 1;
        }
        let (big_base, big_exponent) = (BigUint::from_bytes_be(&base), BigUint::from_bytes_be(&exponent));
        ours.push((fixed, time(|| modulus.power(black_box(&base), black_box(&exponent)))));
        theirs.push((fixed, time(|| big_base.modpow(&big_exponent, &big_n))));
    }
    println!(
        "leak of the exponent, |t| of {count} timings: ours {:.1}, num-bigint {:.1}",
        welch(&ours),
        welch(&theirs)
    );
}

fn welch(samples: &[(bool, f64)]) -> f64 {
    let mut times: Vec<f64> = samples.iter().map(|(_, time)| *time).collect();
    times.sort_by(f64::total_cmp);
    // A fixed exponent may be in the faster half: cut only outliers of both classes, the slowest tenth.
    let limit = times[times.len() * 9 / 10];
    let [a, b] = [true, false].map(|class| {
        let class: Vec<f64> = samples.iter().filter(|s| s.0 == class && s.1 <= limit).map(|s| s.1).collect();
        let mean = mean(&class);
        let variance = class.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (class.len() - 1) as f64;
        (mean, variance / class.len() as f64)
    });
    ((a.0 - b.0) / (a.1 + b.1).sqrt()).abs()
}

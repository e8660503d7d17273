//! Timing of secret-dependent code, measured as by dudect (O. Reparaz, J. Balasch, I. Verbauwhede, "Dude, is my code
//! constant time?", 2017): two classes of inputs in random order, Welch's t over their times; |t| of 4.5 or more is a leak.
//!
//! ```text
//! cargo bench --bench timing --all-features [-- --samples 100000]
//! ```
//!
//! Each measurement has a positive control: the same test over code that leaks. If that leak is not detected, the
//! measurement proves nothing and the bench fails. Other programs disturb the times, so a value above 4.5 is measured
//! twice more with fresh data before it counts as a leak; the output says so.

use bytes::BytesMut;
use nanogram::base::side::Side;
use nanogram::crypto::auth_key::AuthKey;
use nanogram::crypto::dh::DhParams;
use nanogram::crypto::{ct, ige, kdf};
use nanogram::lab::numbers::Modulus;
use nanogram::protocol::session::packet;
use num_bigint::BigUint;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

/// Smallest |t| that counts as a leak, as in dudect.
const LEAK: f64 = 4.5;
const ATTEMPTS: u32 = 3;
/// Number of percentiles below which times are tested, as in dudect, with more of them near the fast end.
const CROPS: i32 = 100;

/// Class of an input, and its time in nanoseconds.
type Sample = (bool, f64);

fn nanoseconds<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_nanos() as f64
}

/// Welch's t of the times up to `limit`.
fn welch(samples: &[Sample], limit: f64) -> f64 {
    let mut sums = [(0.0, 0.0, 0.0); 2];
    for (class, time) in samples.iter().filter(|(_, time)| *time <= limit) {
        // Welford's algorithm: numerically stable.
        let (n, mean, squares) = &mut sums[usize::from(*class)];
        *n += 1.0;
        let delta = time - *mean;
        *mean += delta / *n;
        *squares += delta * (time - *mean);
    }
    let [a, b] = sums.map(|(n, mean, squares)| (n, mean, squares / (n - 1.0).max(1.0) / n.max(1.0)));
    let error = (a.2 + b.2).sqrt();
    if a.0 < 1000.0 || b.0 < 1000.0 || error == 0.0 { 0.0 } else { (a.1 - b.1) / error }
}

/// Largest |t| over all percentiles and over all times: a leak may show only in the fast or only in the slow times.
fn largest(samples: &[Sample]) -> f64 {
    let mut times: Vec<f64> = samples.iter().map(|(_, time)| *time).collect();
    times.sort_by(f64::total_cmp);
    let crop = |n: i32| 1.0 - 0.5_f64.powf(10.0 * f64::from(n) / f64::from(CROPS));
    let limits = (1..=CROPS).map(|n| times[((times.len() - 1) as f64 * crop(n)) as usize]);
    limits.chain([f64::INFINITY]).map(|limit| welch(samples, limit)).fold(0.0, |a: f64, t| a.max(t.abs()))
}

/// Prints the row of a measurement. Returns true if the verdict is the expected one.
fn judge(what: &str, must_leak: bool, mut measure: impl FnMut(u64) -> Vec<Sample>) -> bool {
    for attempt in 1..=ATTEMPTS {
        let samples = measure(u64::from(attempt));
        let t = largest(&samples);
        let is_fine = (t >= LEAK) == must_leak;
        let verdict = match (must_leak, is_fine) {
            (false, true) => "no difference",
            (true, true) => "leak detected, as expected",
            (false, false) => "DIFFERENCE",
            (true, false) => "LEAK NOT DETECTED",
        };
        let again = if is_fine || attempt == ATTEMPTS { "" } else { "; again with fresh data" };
        println!("| {what:<44} | {:>9} | {t:>8.2} | {verdict}{again} |", samples.len());
        if is_fine {
            return true;
        }
    }
    false
}

fn bytes<const N: usize>(random: &mut ChaCha8Rng) -> [u8; N] {
    let mut out = [0; N];
    random.fill_bytes(&mut out);
    out
}

/// Plaintext size of the packets in bytes: large enough for saved work to show, small enough for 10^6 packets.
const PLAIN: usize = 1024;

/// Packet with a wrong `msg_key` that decrypts to a plausible or an implausible length. Both classes are built in the
/// same way, so that caches do not distinguish them.
fn forged(key: &AuthKey, is_plausible: bool, random: &mut ChaCha8Rng) -> BytesMut {
    let mut plain = bytes::<PLAIN>(random);
    let possible = (PLAIN - 32 - 12 - 4 * random.random_range(0..100)) as u32;
    let impossible = random.random::<u32>() | 0x8000_0001;
    let len = if is_plausible { possible } else { impossible };
    plain[28..32].copy_from_slice(&len.to_le_bytes());
    let msg_key = bytes::<16>(random);
    let pair = kdf::aes(key, Side::Server, &msg_key);
    ige::encrypt(&pair.key, &pair.iv, plain.as_chunks_mut().0);
    BytesMut::from(&[&key.id()[..], &msg_key, &plain].concat()[..])
}

/// Positive control, forbidden by the security guidelines: checks the length first and returns at once if it is
/// impossible.
fn open_leaky(key: &AuthKey, mut packet: BytesMut) -> Option<BytesMut> {
    let (outer, plain) = packet.split_at_mut(24);
    let msg_key: [u8; 16] = outer[8..].try_into().ok()?;
    let pair = kdf::aes(key, Side::Server, &msg_key);
    ige::decrypt(&pair.key, &pair.iv, plain.as_chunks_mut().0);
    let len = u32::from_le_bytes(plain[28..32].try_into().ok()?) as usize;
    if !len.is_multiple_of(4) || !(12..=1024).contains(&plain.len().checked_sub(32 + len)?) {
        return None;
    }
    (kdf::msg_key(key, Side::Server, plain) == msg_key).then_some(packet)
}

fn packets(samples: usize, seed: u64, open: impl Fn(&AuthKey, BytesMut) -> bool) -> Vec<Sample> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let key = AuthKey::from_bytes(bytes(&mut random));
    let mut one = |_| {
        let class = random.random();
        let packet = forged(&key, class, &mut random);
        let mut opened = true;
        let time = nanoseconds(|| opened = open(&key, packet));
        assert!(!opened, "a forged packet was opened");
        (class, time)
    };
    (0..1000).for_each(|n| _ = one(n)); // warm up
    (0..samples).map(one).collect()
}

/// Kind of power to measure.
#[derive(Clone, Copy)]
enum Power {
    /// Any base.
    Ours,
    /// Generator 3, with its precomputed powers.
    Generator,
    NumBigint,
}

/// Powers modulo a 2048-bit prime: a fixed exponent against random ones.
fn powers(samples: usize, seed: u64, whose: Power) -> Vec<Sample> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let n = nanogram::crypto::dh::KNOWN_PRIME;
    let group = DhParams::check(3, &n).expect("the prime is safe");
    let (modulus, big_n) = (Modulus::new(&n).expect("it is odd"), BigUint::from_bytes_be(&n));
    // Few bits set, to differ from a random exponent as much as possible.
    let mut fixed = [0; 256];
    fixed[255] = 3;
    let one = |_| {
        let class: bool = random.random();
        let (mut base, mut exponent) = (bytes::<256>(&mut random), bytes::<256>(&mut random));
        base[0] &= 0x7f;
        if class {
            exponent = fixed;
        }
        let (big_base, big_exponent) = (BigUint::from_bytes_be(&base), BigUint::from_bytes_be(&exponent));
        let time = match whose {
            Power::Ours => nanoseconds(|| modulus.power(black_box(&base), black_box(&exponent))),
            Power::Generator => nanoseconds(|| group.public(black_box(&exponent))),
            Power::NumBigint => nanoseconds(|| black_box(&big_base).modpow(black_box(&big_exponent), &big_n)),
        };
        (class, time)
    };
    (0..samples).map(one).collect()
}

/// Comparisons of 256 bytes with a secret that differ in the first or in the last byte.
fn compares(samples: usize, seed: u64, same: impl Fn(&[u8], &[u8]) -> bool) -> Vec<Sample> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let secret = bytes::<256>(&mut random);
    let mut guess = || {
        let (class, mut guess) = (random.random(), secret);
        guess[if class { 0 } else { 255 }] ^= 1;
        (class, guess)
    };
    let mut times = Vec::with_capacity(samples);
    while times.len() < samples {
        // Made well before they are measured: a byte just written is slower to read, which would separate the classes.
        let guesses: Vec<(bool, [u8; 256])> = (0..100).map(|_| guess()).collect();
        times.extend(guesses.iter().map(|(class, guess)| {
            // A comparison is shorter than the clock's resolution: sixteen are measured together.
            (*class, nanoseconds(|| (0..16).all(|_| !same(black_box(&secret), black_box(guess)))))
        }));
    }
    times
}

/// Positive control: a comparison that stops at the first difference, as `==` may.
fn same_leaky(a: &[u8], b: &[u8]) -> bool {
    a.iter().zip(b).all(|(a, b)| black_box(*a) == black_box(*b))
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let samples = args.iter().position(|arg| arg == "--samples").and_then(|at| args.get(at + 1)?.parse().ok());
    let samples: usize = samples.unwrap_or(100_000).max(10_000);
    // A power takes a thousand times as long as a comparison.
    let few = samples / 20;
    println!("| measurement | samples | largest abs(t) | verdict |");
    println!("| --- | ---: | ---: | --- |");
    let open = |key: &AuthKey, packet| packet::open(key, Side::Server, packet).is_ok();
    let leaky = |key: &AuthKey, packet| open_leaky(key, packet).is_some();
    let rows = [
        judge("session::packet::open, length plausible or not", false, |seed| packets(samples, seed, open)),
        judge("  control: checks the length first", true, |seed| packets(samples, seed, leaky)),
        judge("crypto::ct::same, first or last byte differs", false, |seed| compares(samples, seed, ct::same)),
        judge("  control: ends at the first difference", true, |seed| compares(samples, seed, same_leaky)),
        judge("Montgomery power, exponent fixed or random", false, |seed| powers(few, seed, Power::Ours)),
        judge("power of the generator, fixed or random", false, |seed| powers(few, seed, Power::Generator)),
        judge("  control: num-bigint's modpow", true, |seed| powers(few, seed, Power::NumBigint)),
    ];
    if rows.contains(&false) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

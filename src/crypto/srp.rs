//! Two-factor passwords: SRP-6a with Telegram's parameters.
//!
//! The client proves that it knows the password and the server that it holds a *verifier* derived from it; neither
//! learns more.
//!
//! ```text
//! client                                                  server
//!                                                         v = g^x, kept since the password was set
//!              salt1, salt2, g, p, srp_B  <-------------  srp_B = k*v + g^b
//! x = PH2(password, salt1, salt2)                         k = H(p | g)
//! A = g^a,  u = H(A | srp_B)
//! S = (srp_B - k*v)^(a + u*x)                             S = (A * v^u)^b
//! M1 = H( H(p) xor H(g) | H(salt1) | H(salt2) | A | srp_B | H(S) )
//!              A, M1  --------------------------------->  computes M1 too: equal if the password is right
//! ```
//!
//! `H` is SHA-256. Numbers are modulo `p`, and are 256 bytes, big-endian, wherever they are hashed or sent. `x` takes
//! 100,000 rounds of HMAC-SHA-512, which makes guessing expensive; [`Stretch`] runs them in steps so that a slow
//! machine can show progress. `a` and `b` come from local entropy. The `secure_random` sent by the server is not used
//! for secrets.
//!
//! ```
//! # use nanogram::crypto::{dh::KNOWN_PRIME, srp::Kdf};
//! # let mut entropy: rand::rngs::ChaCha8Rng = rand::SeedableRng::seed_from_u64(1);
//! let kdf = Kdf::check(3, &KNOWN_PRIME, b"salt 1", b"salt 2")?;
//! let mut stretch = kdf.stretch(b"password");
//! while !stretch.step(20_000) { /* stretch.done() of Stretch::ROUNDS */ }
//! let x = stretch.finish();
//! // The answer to the srp_B of account.getPassword:
//! let proof = kdf.prove(&x, &[0x42; 256], &mut entropy)?;
//! assert_eq!((proof.a.len(), proof.m1.len()), (256, 32));
//! # Ok::<(), nanogram::crypto::srp::SrpError>(())
//! ```
//!
//! Spec: api/srp.

use super::dh::{DhError, DhParams, padded};
use super::prime::small;
use crate::base::entropy::{Entropy, EntropyFailed};
use alloc::vec::Vec;
use core::fmt;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

/// 256 bytes, big-endian, not to be seen by others.
pub(crate) type Secret = Zeroizing<[u8; 256]>;

/// Password hashing parameters, checked: `passwordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow`.
#[derive(Debug, Clone)]
pub struct Kdf {
    pub(crate) params: DhParams,
    salt1: Vec<u8>,
    salt2: Vec<u8>,
}

impl Kdf {
    /// Checks `g` and `p` (big-endian) like those of a key exchange, and keeps the salts.
    ///
    /// # Errors
    /// The errors of [`DhParams::check`].
    pub fn check(g: i32, p: &[u8], salt1: &[u8], salt2: &[u8]) -> Result<Self, DhError> {
        Ok(Self { params: DhParams::check(g, p)?, salt1: salt1.into(), salt2: salt2.into() })
    }

    /// Starts hashing a password.
    pub fn stretch(&self, password: &[u8]) -> Stretch {
        let ph1 = salted(&*salted(password, &self.salt1), &self.salt2);
        // HMAC extends a key shorter than a block with zeros.
        let mut key = Zeroizing::new([0; 128]);
        for (key, byte) in key.iter_mut().zip(&*ph1) {
            *key = *byte;
        }
        let mac = Hmac::<Sha512>::new((&*key).into());
        let first = mac.clone().chain_update(&self.salt1).chain_update(1_u32.to_be_bytes()).finalize();
        let last: Zeroizing<[u8; 64]> = Zeroizing::new(first.into_bytes().into());
        Stretch { mac, sum: last.clone(), last, done: 1, salt2: self.salt2.clone() }
    }

    /// Answers a server's `srp_B` (big-endian, 248 to 256 bytes) with a proof of the password.
    ///
    /// # Errors
    /// `srp_B` is out of range, or the source of entropy failed.
    pub fn prove(&self, x: &PasswordHash, srp_b: &[u8], entropy: &mut dyn Entropy) -> Result<Proof, SrpError> {
        // TDLib has the same bounds, 248 to 256 bytes.
        if srp_b.len() < 248 {
            return Err(SrpError::Public);
        }
        let srp_b = self.residue(srp_b)?;
        // Not `secure_random` from the server, which the spec also allows: the server would then know `a`.
        let (secret, public) = self.params.draw(entropy)?;
        self.prove_with(x, &srp_b, &secret, public)
    }

    /// Computes [`prove`](Self::prove) for the given `a` and `A = g^a`.
    fn prove_with(
        &self,
        x: &PasswordHash,
        srp_b: &[u8; 256],
        a: &Secret,
        public: [u8; 256],
    ) -> Result<Proof, SrpError> {
        let modulus = &self.params.modulus;
        let u = scrambler(&public, srp_b)?;
        let exponent = exponent(a, &u, &x.0)?;
        // t = srp_B - k*v = srp_B + (p-1)*k*v
        let kv = Zeroizing::new(modulus.multiply(&self.k(), &self.verifier(x)));
        let mut minus_one = *self.params.p();
        // `p` is odd, so this is p - 1, that is, -1 modulo `p`.
        minus_one[255] &= !1;
        let minus_kv = Zeroizing::new(modulus.multiply(&minus_one, &kv));
        let t = Zeroizing::new(modulus.add(srp_b, &minus_kv));
        let s = self.params.power(&t, &exponent);
        Ok(Proof { a: public, m1: *self.m1(&public, srp_b, &s) })
    }

    /// `v = g^x mod p`, all that a server keeps of a password.
    pub(crate) fn verifier(&self, x: &PasswordHash) -> Secret {
        let mut exponent = Zeroizing::new([0; 256]);
        for (out, byte) in exponent.iter_mut().rev().zip(x.0.iter().rev()) {
            *out = *byte;
        }
        self.params.power(&small(self.params.g()), &exponent)
    }

    /// Checks that a number is above 0 and below `p`, and pads it to 256 bytes.
    pub(crate) fn residue(&self, number: &[u8]) -> Result<[u8; 256], SrpError> {
        let number = padded(number).ok_or(SrpError::Public)?;
        // SRP-6a: a public value of 0 modulo `p` would let its sender fix the shared secret.
        if number == [0; 256] || number >= *self.params.p() { Err(SrpError::Public) } else { Ok(number) }
    }
    /// k = H(p | g).
    pub(crate) fn k(&self) -> [u8; 256] {
        let k = hash(&[self.params.p(), &small(self.params.g())]);
        let mut out = [0; 256];
        for (out, byte) in out.iter_mut().rev().zip(k.iter().rev()) {
            *out = *byte;
        }
        out
    }
    pub(crate) fn m1(&self, a: &[u8; 256], srp_b: &[u8; 256], s: &Secret) -> Zeroizing<[u8; 32]> {
        let mut group = hash(&[self.params.p()]);
        for (byte, g) in group.iter_mut().zip(&*hash(&[&small(self.params.g())])) {
            *byte ^= g;
        }
        let (salt1, salt2, key) = (hash(&[&self.salt1]), hash(&[&self.salt2]), hash(&[&**s]));
        hash(&[&*group, &*salt1, &*salt2, a, srp_b, &*key])
    }
}

/// A password being hashed with PBKDF2-HMAC-SHA-512, 100,000 rounds. Wiped on drop.
pub struct Stretch {
    mac: Hmac<Sha512>,
    last: Zeroizing<[u8; 64]>,
    sum: Zeroizing<[u8; 64]>,
    done: u32,
    salt2: Vec<u8>,
}

impl Stretch {
    /// Total number of rounds.
    pub const ROUNDS: u32 = 100_000;

    /// Returns the number of rounds completed.
    pub const fn done(&self) -> u32 {
        self.done
    }
    /// Runs up to `rounds` more rounds. Returns true if all rounds are complete.
    pub fn step(&mut self, rounds: u32) -> bool {
        let end = self.done.saturating_add(rounds).min(Self::ROUNDS);
        while self.done < end {
            // One PBKDF2 round: U = HMAC(U). The result is the xor of all U.
            self.last = Zeroizing::new(self.mac.clone().chain_update(*self.last).finalize().into_bytes().into());
            for (sum, byte) in self.sum.iter_mut().zip(&*self.last) {
                *sum ^= byte;
            }
            self.done += 1;
        }
        self.done == Self::ROUNDS
    }
    /// Runs the remaining rounds and returns the result.
    pub fn finish(mut self) -> PasswordHash {
        self.step(Self::ROUNDS);
        PasswordHash(salted(&*self.sum, &self.salt2))
    }
}

impl fmt::Debug for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stretch({} of {})", self.done, Self::ROUNDS)
    }
}

/// The password hash `x = PH2(password, salt1, salt2)`, sufficient to sign in to this account. Wiped on drop.
#[derive(Clone)]
pub struct PasswordHash(Zeroizing<[u8; 32]>);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The proof sent in `auth.checkPassword`, together with the `srp_id` of the server's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The client's public number `A = g^a mod p`, big-endian.
    pub a: [u8; 256],
    /// The proof `M1`.
    pub m1: [u8; 32],
}

/// SHA-256 of the parts, one after the other.
fn hash(parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let hash = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part));
    Zeroizing::new(hash.finalize().into())
}

/// Computes SH(data, salt) = H(salt | data | salt).
fn salted(data: &[u8], salt: &[u8]) -> Zeroizing<[u8; 32]> {
    hash(&[salt, data, salt])
}

/// u = H(A | srp_B), which must not be 0.
pub(crate) fn scrambler(a: &[u8; 256], srp_b: &[u8; 256]) -> Result<Zeroizing<[u8; 32]>, SrpError> {
    let u = hash(&[a, srp_b]);
    // With u = 0, the server's secret would not depend on the verifier (SRP-6a).
    if *u == [0; 32] { Err(SrpError::Public) } else { Ok(u) }
}

/// Computes a + u * x column by column. The sum exceeds 2048 bits only if the upper 1536 bits of `a` are all ones,
/// which no working source of entropy produces.
fn exponent(a: &Secret, u: &[u8; 32], x: &[u8; 32]) -> Result<Secret, EntropyFailed> {
    let mut out = Zeroizing::new([0; 256]);
    let mut carry = 0_u32;
    for (place, (out, a)) in out.iter_mut().zip(&**a).rev().enumerate() {
        carry += u32::from(*a);
        for (i, u) in u.iter().rev().enumerate().take(place + 1) {
            let x = x.iter().rev().nth(place - i).map_or(0, |x| u32::from(*x));
            carry += u32::from(*u) * x; // at most 32 of 255 * 255
        }
        [.., *out] = carry.to_be_bytes();
        carry >>= 8;
    }
    if carry == 0 { Ok(out) } else { Err(EntropyFailed) }
}

/// Error that prevents the proof of a password.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SrpError {
    /// The server's `g` and `p` do not form a safe group.
    Group(DhError),
    /// The server's `srp_B` is not 248 to 256 bytes long, or not between 0 and `p`.
    Public,
    /// Failure of the source of entropy.
    Entropy(EntropyFailed),
}

impl From<DhError> for SrpError {
    fn from(error: DhError) -> Self {
        Self::Group(error)
    }
}
impl From<EntropyFailed> for SrpError {
    fn from(error: EntropyFailed) -> Self {
        Self::Entropy(error)
    }
}
impl fmt::Display for SrpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(error) => write!(f, "the password's group is not safe: {error}"),
            Self::Public => f.write_str("srp_B is out of range"),
            Self::Entropy(error) => error.fmt(f),
        }
    }
}
impl core::error::Error for SrpError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::dh::KNOWN_PRIME;
    use serde_json::Value;
    use std::string::ToString;

    fn hex(text: &Value) -> Vec<u8> {
        let text = text.as_str().unwrap().as_bytes();
        text.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }
    /// Parses a number given in hexadecimal or, if small, as a JSON number.
    fn number(value: &Value) -> [u8; 256] {
        value.as_u64().map_or_else(|| padded(&hex(value)), |n| padded(&n.to_be_bytes())).unwrap()
    }

    #[test]
    fn every_vector_gives_its_proof() {
        let file: Value = serde_json::from_str(include_str!("../../tests/fixtures/vectors.json")).unwrap();
        let vectors = file["vectors"].as_array().unwrap().iter().filter(|vector| vector["group"] == "srp");
        let proved = vectors.map(|vector| {
            let (id, data) = (vector["id"].to_string(), &vector["data"]);
            let p = if data["p"] == "dh_known_prime" { KNOWN_PRIME } else { number(&data["p"]) };
            // `check_group` skips the check of the size, for p = 47.
            let params = DhParams::check_group(data["g"].as_i64().unwrap() as i32, &p).unwrap();
            let kdf = Kdf { params, salt1: hex(&data["salt1"]), salt2: hex(&data["salt2"]) };
            let password = data["password"].as_str().map_or_else(|| hex(&data["password_hex"]), |text| text.into());
            let x = kdf.stretch(&password).finish();
            if data.get("x").is_some() {
                assert_eq!(x.0.as_slice(), hex(&data["x"]), "{id}");
            }

            let a = Zeroizing::new(number(&data["a"]));
            let proof = kdf.prove_with(&x, &number(&data["srp_B"]), &a, kdf.params.public(&a)).unwrap();
            assert_eq!(proof.a.as_slice(), hex(&data["A"]), "{id}");
            assert_eq!(proof.m1.as_slice(), hex(&data["M1"]), "{id}");

            if data.get("server_secret_b").is_some() {
                assert_eq!(*kdf.verifier(&x), number(&data["verifier_v"]), "{id}");
            }
        });
        assert_eq!(proved.count(), 3);
    }

    #[test]
    fn a_stretch_may_be_cut_anywhere() {
        let kdf = Kdf::check(3, &KNOWN_PRIME, b"1", b"2").unwrap();
        let mut stretch = kdf.stretch(b"password");
        assert!(!stretch.step(0) && !stretch.step(1) && !stretch.step(99_997));
        assert_eq!(stretch.done(), 99_999);
        assert!(stretch.step(u32::MAX) && stretch.step(1));
        assert_eq!(stretch.finish().0, kdf.stretch(b"password").finish().0);
    }

    #[test]
    fn exponents_add_up_and_one_of_more_than_2048_bits_is_refused() {
        use num_bigint::BigUint;
        let (u, x) = ([0xfe; 32], [0xfd; 32]);
        let mut a = Zeroizing::new([0xff; 256]);
        assert_eq!(exponent(&a, &u, &x), Err(EntropyFailed));
        a[0] = 0;
        let big = BigUint::from_bytes_be;
        assert_eq!(big(&*exponent(&a, &u, &x).unwrap()), big(&*a) + big(&u) * big(&x));
    }
}

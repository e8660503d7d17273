//! The server's half of two-factor passwords: what it keeps, what it asks, and whether an answer is right.
//!
//! The exchange is drawn in [`crypto::srp`](crate::crypto::srp), whose numbers and hashes serve both sides.
//!
//! ```
//! # use nanogram::crypto::{dh::KNOWN_PRIME, srp::Kdf};
//! # use nanogram::lab::server::srp::Verifier;
//! # let mut entropy: rand::rngs::ChaCha8Rng = rand::SeedableRng::seed_from_u64(1);
//! let kdf = Kdf::check(3, &KNOWN_PRIME, b"salt 1", b"salt 2")?;
//! let x = kdf.stretch(b"password").finish();
//! // The server knows only this of the password:
//! let verifier = Verifier::new(&kdf, &x);
//! let challenge = verifier.challenge(&kdf, &mut entropy)?;
//! // The client's answer to challenge.srp_b():
//! let proof = kdf.prove(&x, challenge.srp_b(), &mut entropy)?;
//! assert!(challenge.accepts(&proof.a, &proof.m1));
//! # Ok::<(), nanogram::crypto::srp::SrpError>(())
//! ```
//!
//! Spec: api/srp.

use crate::base::entropy::{Entropy, EntropyFailed};
use crate::crypto::srp::{Kdf, PasswordHash, Secret, scrambler};
use core::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// `v = g^x mod p`, all that a server keeps of a password. Wiped when dropped.
#[derive(Clone)]
pub struct Verifier(Secret);

impl Verifier {
    /// The verifier of a hashed password.
    pub fn new(kdf: &Kdf, x: &PasswordHash) -> Self {
        Self(kdf.verifier(x))
    }

    /// The server's question to whoever says he knows the password; good for one answer.
    ///
    /// # Errors
    /// The source of entropy failed.
    pub fn challenge(&self, kdf: &Kdf, entropy: &mut dyn Entropy) -> Result<Challenge, EntropyFailed> {
        let (b, g_b) = kdf.params.draw(entropy)?;
        Ok(self.challenge_with(kdf, b, &g_b))
    }

    /// [`challenge`](Self::challenge) with `b` and `g^b`.
    fn challenge_with(&self, kdf: &Kdf, b: Secret, g_b: &[u8; 256]) -> Challenge {
        let modulus = &kdf.params.modulus;
        let kv = Zeroizing::new(modulus.multiply(&kdf.k(), &self.0));
        Challenge { srp_b: modulus.add(&kv, g_b), b, verifier: self.clone(), kdf: kdf.clone() }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(…)")
    }
}

/// A question of the server's that waits for its answer.
#[derive(Debug)]
pub struct Challenge {
    srp_b: [u8; 256],
    b: Secret,
    verifier: Verifier,
    kdf: Kdf,
}

impl Challenge {
    /// `srp_B`, big-endian.
    pub const fn srp_b(&self) -> &[u8; 256] {
        &self.srp_b
    }

    /// Returns true if `A` (big-endian) and `M1` come from someone who knows the password.
    pub fn accepts(&self, a: &[u8], m1: &[u8]) -> bool {
        let Ok(a) = self.kdf.residue(a) else { return false };
        let Ok(u) = scrambler(&a, &self.srp_b) else { return false };
        let mut exponent = [0; 256];
        for (out, byte) in exponent.iter_mut().rev().zip(u.iter().rev()) {
            *out = *byte;
        }
        let v_u = self.kdf.params.power(&self.verifier.0, &exponent);
        let base = Zeroizing::new(self.kdf.params.modulus.multiply(&a, &v_u));
        let s = self.kdf.params.power(&base, &self.b);
        self.kdf.m1(&a, &self.srp_b, &s).ct_eq(m1).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::dh::KNOWN_PRIME;
    use alloc::vec::Vec;
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;
    use serde_json::Value;

    fn hex(text: &Value) -> Vec<u8> {
        let text = text.as_str().unwrap().as_bytes();
        text.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    #[test]
    fn the_vector_with_a_servers_secret_gives_its_question() {
        let file: Value = serde_json::from_str(include_str!("../../../tests/fixtures/vectors.json")).unwrap();
        let vectors = file["vectors"].as_array().unwrap().iter().filter(|vector| vector["group"] == "srp");
        let with_secret = vectors.map(|vector| &vector["data"]).filter(|data| data.get("server_secret_b").is_some());
        let asked = with_secret.map(|data| {
            assert_eq!((&data["p"], &data["g"]), (&"dh_known_prime".into(), &3.into()));
            let kdf = Kdf::check(3, &KNOWN_PRIME, &hex(&data["salt1"]), &hex(&data["salt2"])).unwrap();
            let password = data["password"].as_str().map_or_else(|| hex(&data["password_hex"]), |text| text.into());
            let verifier = Verifier::new(&kdf, &kdf.stretch(&password).finish());
            assert_eq!(verifier.0.as_slice(), hex(&data["verifier_v"]));
            let secret = hex(&data["server_secret_b"]);
            let mut b = Zeroizing::new([0; 256]);
            b[256 - secret.len()..].copy_from_slice(&secret);
            let g_b = kdf.params.public(&b);
            let challenge = verifier.challenge_with(&kdf, b, &g_b);
            assert_eq!(challenge.srp_b().as_slice(), hex(&data["srp_B"]));
            assert!(challenge.accepts(&hex(&data["A"]), &hex(&data["M1"])));
        });
        assert_eq!(asked.count(), 1);
    }

    #[test]
    fn only_the_right_password_is_accepted_and_a_differs_each_time() {
        let mut entropy = ChaCha8Rng::seed_from_u64(1);
        let kdf = Kdf::check(3, &KNOWN_PRIME, b"salt 1", b"salt 2").unwrap();
        let (right, wrong) = (kdf.stretch(b"right").finish(), kdf.stretch(b"wrong").finish());
        let challenge = Verifier::new(&kdf, &right).challenge(&kdf, &mut entropy).unwrap();
        let mut prove = |x| kdf.prove(x, challenge.srp_b(), &mut entropy).unwrap();
        let (first, again, other) = (prove(&right), prove(&right), prove(&wrong));
        assert!(challenge.accepts(&first.a, &first.m1) && challenge.accepts(&again.a, &again.m1));
        assert_ne!(first.a, again.a);
        assert!(!challenge.accepts(&other.a, &other.m1));
        assert!(!challenge.accepts(&first.a, &again.m1));
        assert!(!challenge.accepts(&first.a, &first.m1[..31]));
        assert!(!challenge.accepts(&[0; 256], &first.m1));
        assert!(!challenge.accepts(&KNOWN_PRIME, &first.m1));
    }
}

//! Proof of a two-factor password.
//!
//! Spec: api/srp

use super::LoginError;
use crate::base::entropy::Entropy;
use crate::crypto::srp::{Kdf, PasswordHash};
use crate::telegram::api::account::{InputCheckPasswordSrpProof, Password, PasswordKdfAlgo};
use crate::telegram::api::auth::CheckPassword;
use crate::tl::Blob;
use crate::tl::Hidden;
use core::fmt;

/// The server's parameters for a password check.
pub struct Question {
    /// The algorithm with checked parameters; [`Kdf::stretch`] hashes the password.
    pub kdf: Kdf,
    /// The account owner's hint for the password.
    pub hint: Option<Hidden>,
    srp_b: Blob,
    srp_id: i64,
}

impl Question {
    /// Reads the parameters and checks them like those of a key exchange.
    ///
    /// # Errors
    /// The account has no password, the algorithm is unknown, or a parameter is not safe.
    pub fn read(password: Password) -> Result<Self, LoginError> {
        let (algorithm, srp_b, srp_id) = password.current_algo.ok_or(LoginError::NoPassword)?;
        // An unknown algorithm is an error: the password must not be sent in any weaker form.
        let PasswordKdfAlgo::ModPow(algorithm) = algorithm else { return Err(LoginError::UnknownAlgorithm) };
        // The server chooses the group. In a weak one, the proof would reveal the password.
        let kdf = Kdf::check(algorithm.g, &algorithm.p.0, &algorithm.salt1.0, &algorithm.salt2.0)
            .map_err(|e| LoginError::Srp(e.into()))?;
        Ok(Self { kdf, hint: password.hint, srp_b, srp_id })
    }

    /// Creates a proof of the password. The client's secret is drawn from `random` and does not depend on the server.
    ///
    /// # Errors
    /// `srp_B` is out of range, or the source of entropy failed.
    pub fn prove(&self, password: &PasswordHash, random: &mut dyn Entropy) -> Result<CheckPassword, LoginError> {
        let proof = self.kdf.prove(password, &self.srp_b.0, random).map_err(LoginError::Srp)?;
        let (a, m1) = (Blob(proof.a.to_vec()), Blob(proof.m1.to_vec()));
        Ok(CheckPassword { password: InputCheckPasswordSrpProof { srp_id: self.srp_id, a, m1 }.into() })
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").finish_non_exhaustive()
    }
}

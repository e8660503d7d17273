//! The second factor: `account.getPassword` asks, `auth.checkPassword` answers.
//!
//! Of a password that somebody has signed in with, only the verifier is kept. Each question is good for one answer, of
//! the account it was put to. Spec: api/srp

use super::desk::{Kept, Password, Question};
use super::types::{Turn, bad, keep};
use super::world::World;
use crate::crypto::dh::KNOWN_PRIME;
use crate::crypto::srp::Kdf;
use crate::lab::server::srp::Verifier;
use crate::protocol::session::RpcError;
use crate::telegram::api::Boxed;
use crate::telegram::api::account::{
    GetPassword, InputCheckPasswordSrp, Password as AccountPassword, PasswordKdfAlgo, PasswordKdfAlgoModPow,
    SecurePasswordKdfAlgoPbkdf2,
};
use crate::telegram::api::auth::{AnyAuthorization, CheckPassword};
use crate::tl::{Blob, Hidden};
use alloc::boxed::Box;
use zeroize::Zeroizing;

/// The generator of the group whose prime is [`KNOWN_PRIME`].
const G: i32 = 3;

fn algorithm(salts: [[u8; 16]; 2]) -> PasswordKdfAlgo {
    let [salt1, salt2] = salts.map(|salt| Blob(salt.to_vec()));
    PasswordKdfAlgoModPow { salt1, salt2, g: G, p: Blob(KNOWN_PRIME.to_vec()) }.into()
}

fn internal() -> RpcError {
    RpcError::new(500, "INTERNAL")
}

impl World {
    /// Gives an account a password, or with an empty one takes it away.
    pub fn set_password(&mut self, user: i64, password: &str) {
        self.desk.questions.retain(|question| question.user != user);
        if password.is_empty() {
            self.desk.passwords.remove(&user);
        } else {
            self.desk.passwords.insert(user, Password::Chosen(Zeroizing::new(password.into())));
        }
    }

    /// Returns true if an account has a password.
    pub fn has_password(&self, user: i64) -> bool {
        self.desk.passwords.contains_key(&user)
    }

    /// Stretches the password of `user`, if that is still to be done.
    fn stretch(&mut self, user: i64) -> Result<(), RpcError> {
        let salts: [[u8; 16]; 2] = [self.desk.well.draw(), self.desk.well.draw()];
        let Some(password) = self.desk.passwords.get_mut(&user) else { return Ok(()) };
        if let Password::Chosen(chosen) = password {
            let [salt1, salt2] = &salts;
            let kdf = Kdf::check(G, &KNOWN_PRIME, salt1, salt2).map_err(|_| internal())?;
            let verifier = Verifier::new(&kdf, &kdf.stretch(chosen.as_bytes()).finish());
            *password = Password::Kept(Box::new(Kept { kdf, salts, verifier }));
        }
        Ok(())
    }

    pub(super) fn get_password(
        &mut self,
        turn: &mut Turn<'_>,
        _: GetPassword,
    ) -> Result<Boxed<AccountPassword>, RpcError> {
        let user = turn.caller.half_in.or(turn.caller.user_id);
        let user = user.ok_or_else(|| RpcError::new(401, "AUTH_KEY_UNREGISTERED"))?;
        self.stretch(user)?;
        let desk = &mut self.desk;
        let mut current_algo = None;
        if let Some(Password::Kept(kept)) = desk.passwords.get(&user) {
            let challenge = kept.verifier.challenge(&kept.kdf, &mut desk.well).map_err(|_| internal())?;
            let (srp_id, srp_b) = (i64::from_le_bytes(desk.well.draw()), Blob(challenge.srp_b().to_vec()));
            keep(&mut desk.questions, Question { srp_id, user, challenge });
            current_algo = Some((algorithm(kept.salts), srp_b, srp_id));
        }
        let hint = current_algo.is_some().then(|| Hidden("there is none".into()));
        Ok(Boxed(AccountPassword {
            has_recovery: false,
            has_secure_values: false,
            current_algo,
            hint,
            email_unconfirmed_pattern: None,
            new_algo: algorithm([desk.well.draw(), desk.well.draw()]),
            new_secure_algo: SecurePasswordKdfAlgoPbkdf2 { salt: Blob(desk.well.draw::<8>().to_vec()) }.into(),
            secure_random: Blob(desk.well.draw::<256>().to_vec()),
            pending_reset_date: None,
            login_email_pattern: None,
        }))
    }

    pub(super) fn check_password(
        &mut self,
        turn: &mut Turn<'_>,
        call: CheckPassword,
    ) -> Result<AnyAuthorization, RpcError> {
        let user = turn.caller.half_in.ok_or_else(|| RpcError::new(401, "AUTH_KEY_UNREGISTERED"))?;
        let InputCheckPasswordSrp::Proof(proof) = call.password else { return Err(bad("PASSWORD_HASH_INVALID")) };
        let questions = &mut self.desk.questions;
        let at = questions.iter().position(|question| (question.srp_id, question.user) == (proof.srp_id, user));
        let question = at.and_then(|at| questions.remove(at)).ok_or_else(|| bad("SRP_ID_INVALID"))?;
        if !question.challenge.accepts(&proof.a.0, &proof.m1.0) {
            return Err(bad("PASSWORD_HASH_INVALID"));
        }
        Ok(self.enter(turn, user))
    }
}

//! Faults in the results of methods: passwords and codes.
//!
//! Spec: api/srp, api/auth, api/qr-login

use crate::crypto::dh::KNOWN_PRIME;
use crate::lab::dc::residents::ALICE;
use crate::lab::dc::types::Turn;
use crate::lab::dc::world::World;
use crate::lab::server::lies::Number;
use crate::telegram::api::Boxed;
use crate::telegram::api::account::{GetPassword, Password, PasswordKdfAlgo, PasswordKdfAlgoUnknown};
use crate::telegram::api::auth::{
    AnyAuthorization, AnyLoginToken, AnySentCode, AuthorizationSignUpRequired, ExportLoginToken, LoginTokenMigrateTo,
    SendCode, SentCodePaymentRequired, SentCodeSuccess, SignIn,
};
use crate::tl::{Blob, Combinator, Hidden, Tl};
use alloc::vec;
use alloc::vec::Vec;

/// Change of a result.
#[derive(Debug, Clone, Copy)]
pub(in crate::lab::dc) enum Tamper {
    /// `account.getPassword`: this for `p`.
    Prime(Number),
    /// `account.getPassword`: this for `g`.
    Generator(i32),
    /// `account.getPassword`: this for `srp_B`.
    SrpB(Number),
    /// `account.getPassword`: `srp_B` of 257 bytes.
    LongSrpB,
    /// `account.getPassword`: the same `secure_random` each time.
    SecureRandom,
    /// `account.getPassword`: an algorithm that nobody knows.
    Algorithm,
    /// `auth.sendCode`: signed in without a code.
    SentCodeSuccess,
    /// `auth.sendCode`: a payment is wanted first.
    SentCodePayment,
    /// `auth.signIn`: there is no such account, sign up.
    SignUp,
    /// `auth.exportLoginToken`: the account lives in data centre 999.
    QrMigrate,
}

impl Tamper {
    /// The method whose reply it changes.
    pub(in crate::lab::dc) const fn method(self) -> u32 {
        match self {
            Self::SentCodeSuccess | Self::SentCodePayment => SendCode::ID,
            Self::SignUp => SignIn::ID,
            Self::QrMigrate => ExportLoginToken::ID,
            _ => GetPassword::ID,
        }
    }

    /// The reply in place of `said`, in today's layer.
    pub(in crate::lab::dc) fn reply(self, world: &World, turn: &mut Turn<'_>, said: Vec<u8>) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::SentCodeSuccess => {
                let authorization = world.enter(turn, ALICE);
                AnySentCode::from(SentCodeSuccess { authorization }).write(&mut out);
            }
            Self::SentCodePayment => AnySentCode::from(payment()).write(&mut out),
            Self::SignUp => {
                (turn.caller.user_id, turn.caller.half_in) = (None, None);
                AnyAuthorization::from(AuthorizationSignUpRequired { terms_of_service: None }).write(&mut out);
            }
            Self::QrMigrate => {
                AnyLoginToken::from(LoginTokenMigrateTo { dc_id: 999, token: Blob(vec![7; 32]) }).write(&mut out);
            }
            about_password => match Boxed::<Password>::from_bytes(&said) {
                Ok(mut password) => {
                    about_password.change(&mut password.0);
                    password.write(&mut out);
                }
                Err(_) => out = said,
            },
        }
        out
    }

    fn change(self, password: &mut Password) {
        if let Self::SecureRandom = self {
            password.secure_random = Blob(vec![0x42; 256]);
        }
        let Some((algorithm, srp_b, _)) = &mut password.current_algo else { return };
        match (self, &mut *algorithm) {
            (Self::Prime(number), PasswordKdfAlgo::ModPow(group)) => group.p = Blob(number.bytes()),
            (Self::Generator(g), PasswordKdfAlgo::ModPow(group)) => group.g = g,
            (Self::SrpB(number), _) => *srp_b = Blob(number.bytes()),
            (Self::LongSrpB, _) => *srp_b = Blob([&[1], &KNOWN_PRIME[..]].concat()),
            (Self::Algorithm, _) => *algorithm = PasswordKdfAlgoUnknown {}.into(),
            _ => {}
        }
    }
}

fn payment() -> SentCodePaymentRequired {
    SentCodePaymentRequired {
        store_product: "org.example.sms".into(),
        phone_code_hash: Hidden("0".into()),
        support_email_address: "nobody@example.org".into(),
        support_email_subject: "no code".into(),
        premium_days: 7,
        currency: "EUR".into(),
        amount: 100,
    }
}

//! Rows E5 to E10 of the security checklist: answers that a client must refuse during a login. E11, QR codes, needs a
//! connection: `tests/client/login.rs`.

mod client;
mod keys;
mod next_key;

use nanogram::crypto::dh::KNOWN_PRIME;
use nanogram::crypto::srp::SrpError;
use nanogram::telegram::api::account::{
    Password, PasswordKdfAlgo, PasswordKdfAlgoModPow, PasswordKdfAlgoUnknown, SecurePasswordKdfAlgoPbkdf2,
};
use nanogram::telegram::api::auth::{
    AnyAuthorization, AnySentCode, Authorization, AuthorizationSignUpRequired, SentCodePaymentRequired, SentCodeSuccess,
};
use nanogram::telegram::api::users::{AnyUser, User, UserEmpty, UserTail};
use nanogram::telegram::login::{self, Account, CodeSent, LoginError, Question};
use nanogram::tl::{Blob, Hidden, Tl};
use rand::SeedableRng;
use rand::rngs::{ChaCha12Rng, SysRng};
use serde_json::Value;

fn password(algorithm: impl Into<PasswordKdfAlgo>, srp_b: Vec<u8>) -> Password {
    let any = || PasswordKdfAlgo::from(PasswordKdfAlgoUnknown {});
    Password {
        has_recovery: false,
        has_secure_values: false,
        current_algo: Some((algorithm.into(), Blob(srp_b), 1)),
        hint: None,
        email_unconfirmed_pattern: None,
        new_algo: any(),
        new_secure_algo: SecurePasswordKdfAlgoPbkdf2 { salt: Blob(vec![1; 8]) }.into(),
        secure_random: Blob(vec![7; 256]),
        pending_reset_date: None,
        login_email_pattern: None,
    }
}

fn group(g: i32, p: &[u8]) -> PasswordKdfAlgoModPow {
    PasswordKdfAlgoModPow { salt1: Blob(vec![1]), salt2: Blob(vec![2]), g, p: Blob(p.to_vec()) }
}

fn vectors(name: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap();
    file["vectors"].as_array().unwrap().iter().filter(|v| v["group"] == name).map(|v| v["data"].clone()).collect()
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    let text = if text.len().is_multiple_of(2) { text.to_owned() } else { format!("0{text}") };
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn e05_a_group_that_is_not_safe_is_refused_before_a_password_is_hashed() {
    let bad = vectors("dh_params_reject");
    assert_eq!(bad.len(), 6);
    for data in bad {
        let g = i32::try_from(data["g"].as_i64().unwrap()).unwrap();
        let read = Question::read(password(group(g, &hex(&data["p"])), vec![1; 256]));
        assert!(matches!(read, Err(LoginError::Srp(SrpError::Group(_)))), "{data}");
    }
    for g in [i32::MIN, -1, 0, 1, 8, i32::MAX] {
        let read = Question::read(password(group(g, &KNOWN_PRIME), vec![1; 256]));
        assert!(matches!(read, Err(LoginError::Srp(SrpError::Group(_)))), "{g}");
    }
}

#[test]
fn e06_a_public_number_out_of_range_is_not_answered() {
    let bad = vectors("srp_reject");
    let bad = bad[0]["bad_B"].as_array().unwrap();
    for srp_b in bad.iter().map(hex).chain([vec![], vec![1; 247], vec![1; 257]]) {
        let question = Question::read(password(group(3, &KNOWN_PRIME), srp_b.clone())).unwrap();
        let hash = question.kdf.stretch(b"password").finish();
        let proof = question.prove(&hash, &mut SysRng);
        assert!(matches!(proof, Err(LoginError::Srp(SrpError::Public))), "{} bytes", srp_b.len());
    }
}

#[test]
fn e07_the_secret_is_ours_whatever_random_bytes_the_server_offers_and_e08_numbers_are_padded() {
    let proof = |seed| {
        let question = Question::read(password(group(3, &KNOWN_PRIME), vec![1; 256])).unwrap();
        let hash = question.kdf.stretch(b"password").finish();
        question.prove(&hash, &mut ChaCha12Rng::seed_from_u64(seed)).unwrap().to_boxed()
    };
    use nanogram::tl::Combinator as _;
    let (first, other) = (proof(1), proof(2));
    assert_ne!(first, other, "secure_random is the same, A is not");
    // id:4 | id:4 srp_id:8 | A as TL bytes: fe len:3 256 | M1 as TL bytes: 20 32 and 3 of padding
    assert_eq!((first.len(), &first[16..20]), (4 + 4 + 8 + 4 + 256 + 36, &[0xfe, 0, 1, 0][..]));
}

#[test]
fn e09_an_algorithm_that_is_not_known_is_refused() {
    let read = Question::read(password(PasswordKdfAlgoUnknown {}, vec![1; 256]));
    assert!(matches!(read, Err(LoginError::UnknownAlgorithm)));
    let none = Password { current_algo: None, ..password(PasswordKdfAlgoUnknown {}, vec![]) };
    assert!(matches!(Question::read(none), Err(LoginError::NoPassword)));
}

fn signed_in(user: impl Into<AnyUser>) -> AnyAuthorization {
    let user = UserTail::from(&user.into());
    Authorization { otherwise_relogin_days: None, tmp_sessions: None, future_auth_token: None, user }.into()
}

#[test]
fn e10_every_answer_to_a_request_for_a_code_is_understood_and_none_signs_up() {
    let success = SentCodeSuccess { authorization: signed_in(User { id: 5, ..User::default() }) };
    assert_eq!(login::code_sent(success.into()), Ok(CodeSent::SignedIn(Account { id: 5, is_bot: false })));
    let nobody = || AnyAuthorization::from(AuthorizationSignUpRequired { terms_of_service: None });
    assert_eq!(login::code_sent(SentCodeSuccess { authorization: nobody() }.into()), Err(LoginError::NoAccount));
    assert_eq!(login::account(&nobody()), Err(LoginError::NoAccount));
    assert_eq!(login::account(&signed_in(UserEmpty { id: 5 })), Err(LoginError::NoUser));
    let payment = SentCodePaymentRequired {
        store_product: String::new(),
        phone_code_hash: Hidden(String::new()),
        support_email_address: String::new(),
        support_email_subject: String::new(),
        premium_days: 0,
        currency: "USD".into(),
        amount: 1,
    };
    assert_eq!(login::code_sent(payment.into()), Err(LoginError::PaymentRequired));
    assert!(AnySentCode::from_bytes(&[1, 2, 3, 4]).is_err(), "a kind of answer that is not known");
}

//! Rows E for the complete client: passwords, codes and dead keys, against a test server that breaks the rules.

use crate::support::faults::{self, Hostile, app, fault};
use crate::support::server::{House, client, refuses};
use nanogram::client::{Client, Error};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::residents::{ALICE, CAROL, CAROLS_PASSWORD};
use nanogram::telegram::api::account::GetPassword;
use nanogram::telegram::api::auth::{AnyLoginToken, ExportLoginToken};
use nanogram::telegram::api::connect::GetNearestDc;
use nanogram::telegram::api::messages::StartBot;
use nanogram::telegram::api::updates::GetState;
use nanogram::telegram::login::{self, CodeSent, LoginError, Question};
use nanogram::telegram::store::state::SavedUser;
use nanogram::tl::{Combinator, Hidden};
use nanogram::wire::transport::Framing;
use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;

#[tokio::test]
async fn e12_a_key_that_is_dead_is_not_used_again() {
    for (code, text) in [
        (406, "AUTH_KEY_DUPLICATED"),
        (401, "AUTH_KEY_INVALID"),
        (401, "AUTH_KEY_UNREGISTERED"),
        (401, "SESSION_REVOKED"),
        (401, "SESSION_EXPIRED"),
        (401, "USER_DEACTIVATED"),
        (401, "USER_DEACTIVATED_BAN"),
    ] {
        let house = House::open().await;
        let (client, _) = client(&house, |options| {
            options.state.user = Some(SavedUser { id: ALICE, is_bot: false });
        })
        .await;
        refuses(&house, GetNearestDc::ID, code, text, 1).await;
        for _ in 0..2 {
            let error = client.call(&GetNearestDc {}).await.unwrap_err();
            assert!(matches!(&error, Error::NotSignedIn(e) if e.message == text), "{text}: {error:?}");
            assert!(error.hint().is_some(), "{text}");
        }
        assert!(matches!(client.start_bot("echo_bot", "echo_bot", None, "x").await, Err(Error::NotSignedIn(_))));
        assert_eq!(client.next_update().await, None);
        assert_eq!((house.calls(GetNearestDc::ID), house.calls(StartBot::ID)), (1, 0), "{text}");
        assert!(!client.state().keys.contains_key(&2) && client.state().user.is_none(), "{text}");
    }
}

/// Result of `account.getPassword` while the server injects the fault, with a check that it works afterwards.
fn question(name: &str) -> Result<Question, LoginError> {
    let mut net = Hostile::signed_in(faults::dc(), CAROL, Framing::ABRIDGED);
    net.dc.fault(fault(name), 1);
    let lie = net.call(&GetPassword {}).unwrap().unwrap().0;
    assert_eq!(net.acted(name), 1);
    let truth = net.call(&GetPassword {}).unwrap().unwrap().0;
    assert!(Question::read(truth).is_ok());
    Question::read(lie)
}

#[test]
fn e05_the_group_of_a_password_is_checked_like_that_of_a_key() {
    for name in ["srp-prime-composite", "srp-prime-not-safe", "srp-prime-1024", "srp-g"] {
        assert!(matches!(question(name), Err(LoginError::Srp(_))), "{name}");
    }
}

#[test]
fn e06_a_public_number_that_would_fix_the_key_is_answered_with_nothing() {
    for name in ["srp-b-zero", "srp-b-p", "srp-b-257"] {
        let question = question(name).unwrap();
        let password = question.kdf.stretch(CAROLS_PASSWORD.as_bytes()).finish();
        let proof = question.prove(&password, &mut ChaCha12Rng::seed_from_u64(1));
        assert!(matches!(proof, Err(LoginError::Srp(_))), "{name}");
    }
}

#[test]
fn e07_the_servers_randomness_is_not_ours() {
    let mut net = Hostile::signed_in(faults::dc(), CAROL, Framing::ABRIDGED);
    net.dc.fault(fault("secure-random"), 2);
    let mut entropy = ChaCha12Rng::seed_from_u64(1);
    let mut proofs = Vec::new();
    for _ in 0..2 {
        let password = net.call(&GetPassword {}).unwrap().unwrap().0;
        assert_eq!(password.secure_random.0, [0x42; 256]);
        let question = Question::read(password).unwrap();
        let stretched = question.kdf.stretch(CAROLS_PASSWORD.as_bytes()).finish();
        proofs.push(question.prove(&stretched, &mut entropy).unwrap().to_boxed());
        // With fixed entropy the number is the same: it depends on nothing else.
        let fixed = || question.prove(&stretched, &mut ChaCha12Rng::seed_from_u64(7)).unwrap().to_boxed();
        assert_eq!(fixed(), fixed());
    }
    // auth.checkPassword:4 | inputCheckPasswordSRP:4 srp_id:8 | A: length:4, then 256 bytes
    assert_ne!(proofs[0][20..276], proofs[1][20..276], "A is the same twice");
}

#[test]
fn e09_for_an_algorithm_that_nobody_knows_no_password_is_sent() {
    assert!(matches!(question("kdf-unknown"), Err(LoginError::UnknownAlgorithm)));
}

/// Client with a key that is not signed in.
fn nobody(name: &str) -> Hostile {
    let mut dc = faults::dc();
    let key = AuthKey::from_bytes([7; 256]);
    dc.admit(key.clone(), None).unwrap();
    dc.fault(fault(name), 1);
    let config = faults::config(&dc, 2, Some(key));
    Hostile::new(dc, config)
}

#[test]
fn e10_whatever_comes_for_a_code_is_understood_and_nobody_is_signed_up() {
    let ask = login::send_code(&app(), "+10000000001");
    let mut net = nobody("sent-code-success");
    let sent = login::code_sent(net.call(&ask).unwrap().unwrap()).unwrap();
    assert!(matches!(sent, CodeSent::SignedIn(account) if account.id == ALICE));
    assert!(net.asks(), "signed in indeed");

    let mut net = nobody("sent-code-payment");
    assert_eq!(login::code_sent(net.call(&ask).unwrap().unwrap()), Err(LoginError::PaymentRequired));

    let mut net = nobody("sign-up");
    let CodeSent::Waiting(waiting) = login::code_sent(net.call(&ask).unwrap().unwrap()).unwrap() else { panic!() };
    let codes: Vec<_> = net
        .log
        .iter()
        .filter_map(|e| if let Entry::Code { code, .. } = e { Some(code.clone()) } else { None })
        .collect();
    let answer = net.call(&login::sign_in("+10000000001", &waiting, &codes[0])).unwrap().unwrap();
    assert_eq!(login::account(&answer), Err(LoginError::NoAccount));
    assert_eq!(net.log.iter().filter(|entry| matches!(entry, Entry::Call { .. })).count(), 2, "no call but these");
}

#[tokio::test]
async fn e10_a_payment_for_a_code_is_an_error_with_a_reason() {
    let house = House::with(false).await;
    house.dc(|dc| dc.fault(fault("sent-code-payment"), 1)).await;
    let client = Client::connect(house.stranger()).await.unwrap();
    let sent = client.call(&login::send_code(&app(), "+10000000001")).await.unwrap();
    assert_eq!(login::code_sent(sent), Err(LoginError::PaymentRequired));
}

#[test]
fn e11_a_token_for_a_data_centre_that_nobody_knows_leads_nowhere() {
    let mut net = nobody("qr-migrate-999");
    let ask = ExportLoginToken { api_id: 1, api_hash: Hidden("0".repeat(32)), except_ids: vec![] };
    let AnyLoginToken::MigrateTo(to) = net.call(&ask).unwrap().unwrap() else { panic!("it was to lie") };
    assert!(u8::try_from(to.dc_id).is_err(), "no data centre has such a number: there is nothing to connect to");
    assert!(matches!(net.call(&ask), Some(Ok(AnyLoginToken::Token(_)))), "a new token, for here");
}

#[tokio::test]
async fn e12_a_key_that_was_used_elsewhere_is_not_used_again() {
    let house = House::open().await;
    house.dc(|dc| dc.fault(fault("key-duplicated"), 1)).await;
    let client = Client::connect(house.alice()).await.unwrap();
    let error = client.call(&GetState {}).await.unwrap_err();
    assert!(matches!(&error, Error::NotSignedIn(e) if e.message == "AUTH_KEY_DUPLICATED"), "{error:?}");
    let calls = house.calls(GetState::ID);
    assert!(client.call(&GetState {}).await.is_err());
    assert_eq!(house.calls(GetState::ID), calls, "it was asked all the same");
}

//! Rows C for the complete client: pauses, repetitions and moves, over TCP.

use crate::support::faults::{self, app, fault};
use crate::support::server::{House, client, refuses, sent_to};
use nanogram::base::entropy::{Entropy, EntropyFailed};
use nanogram::base::time::{Instant as Moment, ServerClock};
use nanogram::client::{Client, Error, Options};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::dc::script::FOREVER;
use nanogram::protocol::session::Session;
use nanogram::telegram::api::auth::SendCode;
use nanogram::telegram::api::connect::{GetConfig, GetNearestDc};
use nanogram::telegram::login;
use nanogram::tl::Combinator;
use std::time::{Duration, Instant};

const NEAREST: GetNearestDc = GetNearestDc {};

#[tokio::test]
async fn c18_a_pause_is_as_long_as_the_server_says() {
    let house = House::open().await;
    // The flood wait is longer than the call's time-out, towards which it does not count.
    let (client, told) = client(&house, |options| options.call_within = Duration::from_millis(700)).await;
    for (n, text) in ["FLOOD_WAIT_1", "FLOOD_PREMIUM_WAIT_1", "SLOWMODE_WAIT_1"].into_iter().enumerate() {
        let before = house.calls(GetNearestDc::ID);
        refuses(&house, GetNearestDc::ID, 420, text, 1).await;
        let began = Instant::now();
        client.call(&NEAREST).await.unwrap();
        let took = began.elapsed();
        assert!(took >= Duration::from_secs(1) && took < Duration::from_millis(1600), "{text}: {took:?}");
        assert_eq!((house.calls(GetNearestDc::ID) - before, told.count("FloodWait { seconds: 1")), (2, n + 1));
    }
}

#[tokio::test]
async fn c18_a_server_that_wants_one_pause_after_another_is_left() {
    let house = House::open().await;
    let (client, told) = client(&house, |options| options.attempts = 3).await;
    refuses(&house, GetNearestDc::ID, 420, "FLOOD_WAIT_0", 100).await;
    assert!(matches!(client.call(&NEAREST).await, Err(Error::Flood { seconds: 0, .. })));
    assert_eq!((house.calls(GetNearestDc::ID), told.count("FloodWait")), (4, 3));
}

#[tokio::test]
async fn c18_a_pause_that_is_too_long_is_the_callers_to_make() {
    let house = House::open().await;
    let (client, told) = client(&house, |_| {}).await;
    for (text, wanted) in [("FLOOD_WAIT_11", Some(11)), ("SLOWMODE_WAIT_3600", Some(3600)), ("FLOOD_WAIT", None)] {
        let before = house.calls(GetNearestDc::ID);
        refuses(&house, GetNearestDc::ID, 420, text, 1).await;
        let error = client.call(&NEAREST).await.unwrap_err();
        match (&error, wanted) {
            (Error::Flood { seconds, .. }, Some(wanted)) => assert_eq!(*seconds, wanted),
            (Error::Rpc(e), None) => assert_eq!(e.code, 420),
            other => panic!("{other:?}"),
        }
        assert!(error.hint().is_some_and(|hint| hint.contains("wait")), "{error:?}");
        assert_eq!(house.calls(GetNearestDc::ID) - before, 1);
    }
    assert_eq!(told.count("FloodWait"), 0);
}

#[tokio::test]
async fn c18_trouble_of_the_servers_own_is_waited_out_but_not_for_ever() {
    let house = House::open().await;
    let (client, told) = client(&house, |options| options.attempts = 3).await;
    for (code, text) in [(500, "INTERNAL"), (500, "RPC_CALL_FAIL"), (-503, "Timeout"), (502, "BAD_GATEWAY")] {
        let before = (house.calls(GetNearestDc::ID), told.count("Retrying"));
        refuses(&house, GetNearestDc::ID, code, text, 1).await;
        client.call(&NEAREST).await.unwrap();
        assert_eq!((house.calls(GetNearestDc::ID), told.count("Retrying")), (before.0 + 2, before.1 + 1));
    }
    let before = house.calls(GetNearestDc::ID);
    refuses(&house, GetNearestDc::ID, 500, "INTERNAL", 3).await;
    let began = Instant::now();
    let error = client.call(&NEAREST).await.unwrap_err();
    assert!(matches!(&error, Error::Rpc(e) if e.code == 500), "{error:?}");
    assert!(began.elapsed() >= Duration::from_millis(450), "{:?}", began.elapsed());
    assert_eq!(house.calls(GetNearestDc::ID) - before, 3);
}

#[tokio::test]
async fn c19_a_data_centre_that_nobody_knows_is_not_gone_to() {
    for number in [999, 0, 6, i32::MAX] {
        let (house, told, client, result) = sent_to(number).await;
        assert!(matches!(result, Err(Error::UnknownDc(dc)) if dc == number), "{result:?}");
        assert!(result.unwrap_err().hint().is_some());
        assert_eq!((client.dc_id(), told.count("Connecting"), house.calls(GetConfig::ID)), (2, 1, 0));
        client.call(&GetNearestDc {}).await.unwrap();
    }
}

#[tokio::test]
async fn c19_a_private_data_centre_leads_to_no_built_in_address() {
    // Number 5 exists at Telegram, but help.getConfig of this server does not list it.
    let (house, told, client, result) = sent_to(5).await;
    assert!(matches!(result, Err(Error::UnknownDc(5))), "{result:?}");
    assert_eq!((client.dc_id(), house.calls(GetConfig::ID)), (2, 1));
    assert_eq!((told.count("Connecting"), told.count("127.0.0.1")), (1, 2));
    assert_eq!(client.state().dcs.address(5), None);
    client.call(&GetNearestDc {}).await.unwrap();
}

#[tokio::test]
async fn c18_a_server_that_always_fails_is_not_asked_without_end() {
    let house = House::open().await;
    house.dc(|dc| dc.fault(fault("internal-error"), FOREVER)).await;
    let client = Client::connect(Options { call_within: Duration::from_secs(4), ..house.alice() }).await.unwrap();
    assert!(client.call(&GetNearestDc {}).await.is_err());
    let calls = house.calls(GetNearestDc::ID);
    assert!((1..=10).contains(&calls), "{calls} calls in 4 seconds");
}

#[tokio::test]
async fn c19_a_number_that_lives_nowhere_leads_nowhere() {
    let house = House::with(false).await;
    house.dc(|dc| dc.fault(fault("phone-migrate-999"), 2)).await;
    let client = Client::connect(house.stranger()).await.unwrap();
    let result = client.call(&login::send_code(&app(), "+10000000001")).await;
    assert!(result.is_err() && house.calls(SendCode::ID) <= 2);
    assert_eq!(house.keys_made().0, 1, "a key was made elsewhere");
    let sent = client.call(&login::send_code(&app(), "+10000000002")).await;
    assert!(sent.is_ok() || house.calls(SendCode::ID) <= 2);
}

/// Entropy of zeros at first, then ones.
struct Zeros(usize);

impl Entropy for Zeros {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        out.fill(u8::from(self.0 == 0));
        self.0 = self.0.saturating_sub(1);
        Ok(())
    }
}

#[test]
fn f08_no_session_has_the_number_0() {
    let clock = ServerClock::guess(Moment::ZERO, faults::UNIX);
    let session = Session::client(AuthKey::from_bytes([7; 256]), 0, clock, &mut Zeros(3)).unwrap();
    assert_ne!(session.session_id(), 0);
}

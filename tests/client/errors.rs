//! Refused calls and missing answers: the client against the test server, over TCP.
//!
//! The names begin with the row of the security checklist that they test.
#![cfg(all(feature = "client", feature = "dc"))]

mod house;

use house::{House, Told};
use nanogram::client::{Client, Error, Options};
use nanogram::lab::dc::Act;
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::residents::ALICE;
use nanogram::protocol::session::RpcError;
use nanogram::telegram::api::connect::GetNearestDc;
use nanogram::telegram::api::messages::{SendMessage, StartBot};
use nanogram::telegram::api::updates::{UpdateShort, UpdatesKind};
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::start::StartError;
use nanogram::telegram::store::state::SavedUser;
use nanogram::tl::{Combinator, VECTOR, write_bytes};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

async fn refuses(house: &House, method: u32, code: i32, text: &str, times: u32) {
    let error = RpcError::new(code, text);
    house.dc(move |dc| dc.script(method, Act::Refuse(error), times)).await;
}

/// Client with new keys and no calls yet, and its notices.
async fn client(house: &House, change: impl FnOnce(&mut Options)) -> (Client, Told) {
    let mut options = house.alice();
    let told = Told::by(&mut options);
    change(&mut options);
    let client = Client::connect(options).await.unwrap();
    client.resolve("echo_bot").await.unwrap();
    (client, told)
}

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
async fn what_is_refused_for_good_is_not_tried_again() {
    let house = House::open().await;
    let (client, told) = client(&house, |_| {}).await;
    refuses(&house, StartBot::ID, 500, "RANDOM_ID_DUPLICATE", 1).await;
    let error = client.start_bot("echo_bot", "echo_bot", 5, "x").await.unwrap_err();
    assert!(matches!(error, Error::Start(StartError::RandomIdDuplicate)), "{error:?}");
    for (code, text) in [(500, "AUTH_RESTART"), (400, "SOMETHING"), (403, "NOT_YOU"), (404, "METHOD_INVALID")] {
        refuses(&house, GetNearestDc::ID, code, text, 1).await;
        assert!(client.call(&NEAREST).await.is_err());
    }
    assert_eq!((house.calls(StartBot::ID), house.calls(GetNearestDc::ID), told.count("Retrying")), (1, 4, 0));
}

#[tokio::test]
async fn a_duplicate_after_the_servers_trouble_means_that_the_bot_was_started() {
    let house = House::open().await;
    let (client, _) = client(&house, |_| {}).await;
    for (param, method) in [("x", StartBot::ID), ("", SendMessage::ID)] {
        refuses(&house, method, 500, "RPC_CALL_FAIL", 1).await;
        refuses(&house, method, 500, "RANDOM_ID_DUPLICATE", 1).await;
        let updates = client.start_bot("echo_bot", "echo_bot", None, param).await.unwrap();
        assert_eq!(updates.kind, UpdatesKind::TooLong);
    }
}

#[tokio::test]
async fn a_duplicate_after_a_lost_session_means_that_the_bot_was_started() {
    let house = House::open().await;
    let (client, _) = client(&house, |_| {}).await;
    let id = client.state().keys[&2].temporary.as_ref().unwrap().auth_key.id();
    house.dc(|dc| dc.script(StartBot::ID, Act::HangUp, 1)).await;
    let (updates, ()) = tokio::join!(client.start_bot("echo_bot", "echo_bot", None, "x"), async {
        while house.starts() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // The call was executed, but its answer is lost together with the session and the key.
        house.dc(move |dc| dc.expire(id, 1)).await;
    });
    assert_eq!(updates.unwrap().kind, UpdatesKind::TooLong);
    assert_eq!((house.starts(), house.calls(StartBot::ID)), (1, 2));
}

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
            let error = client.call(&NEAREST).await.unwrap_err();
            assert!(matches!(&error, Error::NotSignedIn(e) if e.message == text), "{text}: {error:?}");
            assert!(error.hint().is_some(), "{text}");
        }
        assert!(matches!(client.start_bot("echo_bot", "echo_bot", None, "x").await, Err(Error::NotSignedIn(_))));
        assert_eq!(client.next_update().await, None);
        assert_eq!((house.calls(GetNearestDc::ID), house.calls(StartBot::ID)), (1, 0), "{text}");
        assert!(!client.state().keys.contains_key(&2) && client.state().user.is_none(), "{text}");
    }
}

#[tokio::test]
async fn whom_nobody_is_signed_in_with_may_still_sign_in() {
    let house = House::with(false).await;
    let client = Client::connect(house.stranger()).await.unwrap();
    for _ in 0..2 {
        let error = client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap_err();
        assert!(matches!(&error, Error::NotSignedIn(e) if e.is("AUTH_KEY_UNREGISTERED")), "{error:?}");
    }
    let id = client.state().keys[&2].auth_key.id();
    house.dc(move |dc| dc.let_in(id, ALICE)).await;
    client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
}

/// `updateShort` with `updateServiceNotification`.
fn notification(text: &str) -> Vec<u8> {
    let mut out = UpdateShort::ID.to_le_bytes().to_vec();
    out.extend(0xebe4_6819_u32.to_le_bytes());
    out.extend(1u32.to_le_bytes()); // popup
    write_bytes(b"AUTH", &mut out);
    write_bytes(text.as_bytes(), &mut out);
    out.extend(0x3ded_6320_u32.to_le_bytes()); // messageMediaEmpty
    out.extend(VECTOR.to_le_bytes());
    out.extend([0; 4]);
    out.extend(1_700_000_000u32.to_le_bytes());
    out
}

#[tokio::test]
async fn what_a_406_leaves_to_a_notification_is_handed_out_with_it() {
    let house = House::open().await;
    let (client, told) = client(&house, |_| {}).await;
    let error = RpcError::new(406, "UPDATE_APP_TO_LOGIN");
    let act = Act::RefuseAndTell(error.clone(), notification("Please update."));
    house.dc(move |dc| dc.script(GetNearestDc::ID, act, 1)).await;
    let error = client.call(&NEAREST).await.unwrap_err();
    assert!(matches!(&error, Error::Told { text: Some(text), .. } if text == "Please update."), "{error:?}");
    assert_eq!((error.to_string(), told.count("Notification")), ("Please update.".into(), 1));
    // An earlier notification does not explain a new error.
    let act = Act::RefuseAndTell(RpcError::new(406, "SOMETHING_ELSE"), Vec::new());
    house.dc(move |dc| dc.script(GetNearestDc::ID, act, 1)).await;
    let began = Instant::now();
    let error = client.call(&NEAREST).await.unwrap_err();
    assert!(matches!(&error, Error::Told { text: None, .. }) && error.hint().is_some(), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(2));
    client.call(&NEAREST).await.unwrap();
}

#[tokio::test]
async fn a_server_that_has_forgotten_who_calls_is_told_again() {
    let house = House::open().await;
    let (client, _) = client(&house, |_| {}).await;
    for text in ["CONNECTION_NOT_INITED", "CONNECTION_LAYER_INVALID"] {
        refuses(&house, GetNearestDc::ID, 400, text, 1).await;
        client.call(&NEAREST).await.unwrap();
        refuses(&house, GetNearestDc::ID, 400, text, 3).await;
        let error = client.call(&NEAREST).await.unwrap_err();
        assert!(matches!(&error, Error::Rpc(e) if e.message == text), "{error:?}");
    }
    assert_eq!(house.count(|entry| matches!(entry, Entry::App { .. })), 1, "it says the same each time");
}

#[tokio::test]
async fn a_call_a_key_exchange_and_a_connection_end_in_time() {
    let soon = Duration::from_millis(200);
    let house = House::open().await;
    let (client, _) = client(&house, |options| options.call_within = Duration::from_millis(400)).await;
    house.dc(|dc| dc.script(GetNearestDc::ID, Act::Ignore, 1)).await;
    assert!(matches!(client.call(&NEAREST).await, Err(Error::Timeout)));
    client.call(&NEAREST).await.unwrap();

    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = Options::new(Environment::Production, 2);
    options.addr = Some(deaf.local_addr().unwrap().to_string());
    options.call_within = soon;
    let began = Instant::now();
    assert!(matches!(Client::connect(options.clone()).await, Err(Error::Timeout)));
    assert!(began.elapsed() < Duration::from_secs(2));

    // A full accept queue: the next connection waits.
    let full = tokio::net::TcpSocket::new_v4().unwrap();
    full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = full.listen(1).unwrap();
    let addr = full.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(guest) = tokio::time::timeout(soon, tokio::net::TcpStream::connect(addr)).await {
        queue.push(guest.unwrap());
    }
    options.addr = Some(addr.to_string());
    (options.connect_within, options.attempts) = (soon, 2);
    let error = Client::connect(options).await.unwrap_err();
    let is_late = |e: &std::io::Error| e.kind() == std::io::ErrorKind::TimedOut;
    assert!(matches!(&error, Error::Network { error, .. } if is_late(error)), "{error:?}");
}

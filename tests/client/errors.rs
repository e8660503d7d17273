//! Refused calls and missing answers: the client against the test server, over TCP.

use crate::support::server::{House, client, refuses};
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
use nanogram::tl::{Combinator, VECTOR, write_bytes};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const NEAREST: GetNearestDc = GetNearestDc {};

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

//! Failures that can be caused without keys, and refused bindings: the client continues, and no key is lost.

use crate::support::server::{self, House, Told};
use nanogram::client::{Client, Error};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::dc::Act;
use nanogram::lab::dc::faults::{FAULTS, Fault};
use nanogram::lab::dc::log::Entry;
use nanogram::protocol::connection::ConnectionError;
use nanogram::protocol::session::RpcError;
use nanogram::telegram::api::auth::BindTempAuthKey;
use nanogram::telegram::api::connect::GetNearestDc;
use nanogram::telegram::store::state::DcKey;
use nanogram::tl::Combinator;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const NEAREST: GetNearestDc = GetNearestDc {};

async fn refuses_to_bind(house: &House, code: i32, text: &str, times: u32) {
    let error = RpcError::new(code, text);
    house.dc(move |dc| dc.script(BindTempAuthKey::ID, Act::Refuse(error), times)).await;
}

/// Ends the temporary key, as happens every day: the next packet needs another.
async fn end_temporary(house: &House, client: &Client) {
    let id = client.state().keys[&2].temporary.as_ref().unwrap().auth_key.id();
    house.dc(move |dc| dc.expire(id, 1)).await;
}

async fn forge_each(faults: Vec<&'static Fault>) {
    let house = House::open().await;
    let client = Client::connect(house.alice()).await.unwrap();
    client.call(&NEAREST).await.unwrap();
    for fault in faults {
        end_temporary(&house, &client).await;
        house.dc(|dc| dc.fault(fault, 1)).await;
        let answer = client.call(&NEAREST).await;
        assert!(answer.is_ok(), "{}: {answer:?}", fault.name);
    }
}

#[tokio::test]
async fn a_forged_answer_at_the_change_of_the_temporary_key_ends_no_call() {
    // Faults of the key exchange, except the three that never answer and take 20 s each.
    let of_exchange = FAULTS.iter().filter(|fault| fault.row.starts_with('A') && !fault.name.starts_with("stall"));
    let faults: Vec<_> = of_exchange.filter(|fault| fault.name != "plain-packet").collect();
    assert!(faults.len() > 50, "{}", faults.len());
    let parts: Vec<_> = faults.chunks(8).map(|faults| tokio::spawn(forge_each(faults.to_vec()))).collect();
    for part in parts {
        part.await.unwrap();
    }
}

#[tokio::test]
async fn forged_answers_without_end_end_calls_and_not_the_client() {
    let house = House::open().await;
    for name in ["unknown-fingerprint", "res-pq-nonce", "plain-len-huge"] {
        let mut options = house.alice();
        let told = Told::by(&mut options);
        let client = Client::connect(options).await.unwrap();
        client.call(&NEAREST).await.unwrap();
        end_temporary(&house, &client).await;
        // Up to four attempts for each of the two calls; remaining faults hit the attempts in between.
        house.dc(|dc| dc.fault(Fault::named(name).unwrap(), 8)).await;
        for _ in 0..2 {
            let began = Instant::now();
            let error = client.call(&NEAREST).await.unwrap_err();
            let is_handshake = matches!(&error, Error::Connection(ConnectionError::Handshake(_)));
            assert!(is_handshake && began.elapsed() < Duration::from_secs(5), "{name}: {error:?}");
        }
        let answered = async { while client.call(&NEAREST).await.is_err() {} };
        tokio::time::timeout(server::SOON, answered).await.unwrap();
        assert!(told.count("Reconnecting") >= 6);
    }
}

#[tokio::test]
async fn a_call_whose_time_ends_without_a_connection_says_why() {
    let house = House::open().await;
    let mut options = house.alice();
    (options.call_within, options.attempts) = (Duration::from_millis(600), 100);
    let client = Client::connect(options).await.unwrap();
    client.call(&NEAREST).await.unwrap();
    end_temporary(&house, &client).await;
    house.dc(|dc| dc.fault(Fault::named("unknown-fingerprint").unwrap(), 3)).await;
    let error = client.call(&NEAREST).await.unwrap_err();
    assert!(matches!(&error, Error::Connection(ConnectionError::Handshake(_))), "{error:?}");
}

#[tokio::test]
async fn a_client_whose_server_is_gone_goes_on_when_it_is_back() {
    let house = House::open().await;
    let addr: SocketAddr = house.addr.parse().unwrap();
    let wire = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = wire.local_addr().unwrap();
    // One connection is accepted, then none, then connections are accepted again.
    let pass = move |mut client: tokio::net::TcpStream| async move {
        let mut server = tokio::net::TcpStream::connect(addr).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    };
    let first = tokio::spawn(async move {
        let (client, _) = wire.accept().await.unwrap();
        drop(wire);
        pass(client).await;
    });
    let mut options = house.alice();
    options.addr = Some(at.to_string());
    let client = Client::connect(options).await.unwrap();
    client.call(&NEAREST).await.unwrap();
    first.abort();
    let error = client.call(&NEAREST).await.unwrap_err();
    assert!(matches!(&error, Error::Network { .. }), "{error:?}");
    let again = tokio::net::TcpListener::bind(at).await.unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = again.accept().await {
            tokio::spawn(pass(client));
        }
    });
    client.call(&NEAREST).await.unwrap();
}

#[tokio::test]
async fn a_refused_binding_is_no_reason_to_give_up_a_key_that_is_good() {
    let house = House::open().await;
    for times in [1, 2] {
        let options = house.alice();
        let key = options.state.keys[&2].auth_key.clone();
        assert_eq!(options.state.keys[&2].made_at, 0, "a string tells no date");
        refuses_to_bind(&house, 400, "ENCRYPTED_MESSAGE_INVALID", times).await;
        let before = house.calls(GetNearestDc::ID);
        let client = Client::connect(options).await.unwrap();
        client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
        assert!(client.state().keys[&2].auth_key.is(&key));
        assert_eq!(house.calls(GetNearestDc::ID) - before, 1, "asked once under the permanent key, and good for a day");
    }
}

#[tokio::test]
async fn a_key_that_was_bound_within_a_day_is_not_even_asked() {
    let house = House::open().await;
    let client = Client::connect(house.alice()).await.unwrap();
    client.resolve("echo_bot").await.unwrap();
    end_temporary(&house, &client).await;
    refuses_to_bind(&house, 400, "ENCRYPTED_MESSAGE_INVALID", 7).await;
    let began = Instant::now();
    let error = client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap_err();
    assert!(matches!(&error, Error::Rpc(e) if e.is("ENCRYPTED_MESSAGE_INVALID")), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(house.calls(GetNearestDc::ID), 0);
    assert!(client.state().keys.contains_key(&2));
    tokio::time::timeout(server::SOON, async {
        while client.start_bot("echo_bot", "echo_bot", None, "x").await.is_err() {}
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_key_is_given_up_when_the_server_does_not_know_it_either() {
    let house = House::open().await;
    let mut options = house.alice();
    options.state.keys.insert(2, DcKey::new(AuthKey::from_bytes([9; 256])));
    let client = Client::connect(options).await.unwrap();
    let error = client.call(&NEAREST).await.unwrap_err();
    assert!(matches!(&error, Error::NotSignedIn(e) if e.is("ENCRYPTED_MESSAGE_INVALID")), "{error:?}");
    assert!(client.state().keys.is_empty());
}

#[tokio::test]
async fn a_flood_wait_on_a_binding_is_made_with_the_same_key() {
    let house = House::open().await;
    let mut options = house.alice();
    let told = Told::by(&mut options);
    options.call_within = Duration::from_millis(700);
    refuses_to_bind(&house, 420, "FLOOD_WAIT_1", 2).await;
    let client = Client::connect(options).await.unwrap();
    let began = Instant::now();
    client.call(&NEAREST).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!((house.keys_made(), told.count("FloodWait { seconds: 1")), ((0, 1), 2));
}

#[tokio::test]
async fn a_server_that_asks_for_waits_of_no_time_is_not_asked_without_end() {
    let house = House::open().await;
    refuses_to_bind(&house, 420, "FLOOD_WAIT_0", 1000).await;
    let client = Client::connect(house.alice()).await.unwrap();
    let error = client.call(&NEAREST).await.unwrap_err();
    assert!(matches!(&error, Error::Flood { .. }), "{error:?}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let binds = house.count(|e| matches!(e, Entry::Call { method, .. } if *method == BindTempAuthKey::ID));
    assert!((5..50).contains(&binds) && house.keys_made() == (0, 1), "{binds}");
}

#[tokio::test]
async fn a_flood_wait_on_a_binding_that_is_too_long_is_told_with_its_seconds() {
    let house = House::open().await;
    refuses_to_bind(&house, 420, "FLOOD_WAIT_3000", 100).await;
    let client = Client::connect(house.alice()).await.unwrap();
    for _ in 0..3 {
        let error = client.call(&NEAREST).await.unwrap_err();
        assert!(matches!(&error, Error::Flood { seconds: 2999..=3000, .. }), "{error:?}");
    }
    let binds = house.count(|e| matches!(e, Entry::Call { method, .. } if *method == BindTempAuthKey::ID));
    assert_eq!((house.keys_made(), binds), ((0, 1), 1), "one key, one question");
    assert!(client.state().keys.contains_key(&2));
}

#[tokio::test]
async fn where_one_address_is_dead_another_of_the_data_centre_is_tried() {
    let house = House::open().await;
    let mut options = house.alice();
    options.addr = None;
    options.state.dcs.drop_built_in();
    for dead in ["127.0.0.1:9", "[::1]:9", "127.0.0.1:7", "127.0.0.1:11", "[2001:db8::1]:443"] {
        options.state.dcs.put_first(2, dead.parse().unwrap());
    }
    assert_eq!(options.state.dcs.addresses(2).count(), 6);
    let told = Told::by(&mut options);
    let client = Client::connect(options).await.unwrap();
    client.call(&NEAREST).await.unwrap();
    assert!(told.count("Reconnecting") >= 3, "{:?}", told.0.lock().unwrap());
}

#[tokio::test]
async fn a_call_of_a_bad_length_fails_alone() {
    let house = House::open().await;
    let client = Client::connect(house.alice()).await.unwrap();
    let too_long = (4 << 20) + 4;
    for len in [0, 1, 2, 3, 5, 1023, 4 << 20, too_long, 16 << 20] {
        let (bad, good) = tokio::join!(client.call_raw(vec![0; len]), client.call(&NEAREST));
        assert!(matches!(bad, Err(Error::CallLength(found)) if found == len), "{len}: {bad:?}");
        good.unwrap();
    }
    // The longest call that the client accepts may be refused by the server; the client continues.
    let _ = client.call_raw(vec![0; (4 << 20) - (3 << 10)]).await;
    client.call(&NEAREST).await.unwrap();
}

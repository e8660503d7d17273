//! Migration: the client against two data centres of one world, over TCP.

use crate::support::server::{House, Told};
use nanogram::client::{Client, Error, Options};
use nanogram::lab::dc::Act;
use nanogram::lab::dc::residents::ALICE;
use nanogram::lab::dc::world::Home;
use nanogram::protocol::session::RpcError;
use nanogram::telegram::api::auth::{ExportAuthorization, ImportAuthorization, SendCode};
use nanogram::telegram::api::connect::GetNearestDc;
use nanogram::telegram::api::messages::StartBot;
use nanogram::telegram::api::updates::GetState;
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::login::{self, App};
use nanogram::telegram::store::state::SavedUser;
use nanogram::tl::{Combinator, Hidden};
use std::sync::Arc;
use std::time::Duration;

const USER: SavedUser = SavedUser { id: ALICE, is_bot: false };

async fn refuses(house: &House, method: u32, text: &str, times: u32) {
    let error = RpcError::new(303, text);
    house.dc(move |dc| dc.script(method, Act::Refuse(error), times)).await;
}

#[tokio::test]
async fn a_number_that_lives_elsewhere_is_asked_for_there() {
    let house = House::with(false).await;
    for temporary in [Some(86_400), None] {
        let mut options = house.stranger();
        options.temporary = temporary;
        let told = Told::by(&mut options);
        let client = Client::connect(options).await.unwrap();
        let app = App { api_id: 1, api_hash: Hidden("x".into()) };
        client.call(&login::send_code(&app, "+10000000004")).await.unwrap();
        assert_eq!((client.dc_id(), told.count("MovedTo(4)")), (4, 1));
        let state = client.state();
        assert_eq!(state.keys.keys().collect::<Vec<_>>(), [&2, &4]);
        assert_eq!(state.dcs.address(4).unwrap().to_string(), house.there);
        assert!(state.config.is_some_and(|config| config.expires > config.date));
    }
    assert_eq!(house.calls(SendCode::ID), 4);
    assert_eq!(house.calls(ExportAuthorization::ID), 0, "nobody is signed in");
}

#[tokio::test]
async fn an_account_that_has_moved_is_followed_with_its_authorization() {
    let house = House::open().await;
    let mut options = house.alice();
    options.state.user = Some(USER);
    let client = Client::connect(options).await.unwrap();
    client.resolve("echo_bot").await.unwrap();
    house.dc(|dc| dc.world.set_home(ALICE, 4)).await;
    client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
    assert_eq!((house.starts(), client.dc_id(), client.state().user), (1, 4, Some(USER)));
    assert_eq!((house.calls(ExportAuthorization::ID), house.calls(ImportAuthorization::ID)), (1, 1));

    // The next start connects there, with the key of that data centre.
    let (state, made) = (client.state(), house.keys_made());
    drop(client);
    let mut options = Options::from_state(state);
    options.keys = Some(vec![house.key.clone()]);
    let client = Client::connect(options).await.unwrap();
    client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
    assert_eq!((house.starts(), house.keys_made()), (2, made));
    // Migrate back, to the key that still exists.
    house.dc(|dc| dc.world.set_home(ALICE, 2)).await;
    client.move_to(2).await.unwrap();
    client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
    assert_eq!((house.starts(), house.keys_made(), client.dc_id()), (3, made, 2));
}

#[tokio::test]
async fn a_session_string_without_a_user_follows_as_well() {
    let house = House::open().await;
    let client = Client::connect(house.alice()).await.unwrap();
    assert!(client.state().user.is_none());
    house.dc(|dc| dc.world.set_home(ALICE, 4)).await;
    client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
    assert_eq!((house.starts(), client.state().user), (1, Some(USER)));
}

#[tokio::test]
async fn two_data_centres_that_send_each_other_the_client_are_left() {
    let house = House::with(false).await;
    let mut options = house.stranger();
    let told = Told::by(&mut options);
    let client = Client::connect(options).await.unwrap();
    for n in 0..10 {
        let text = ["PHONE_MIGRATE_4", "NETWORK_MIGRATE_2"][n % 2];
        refuses(&house, GetNearestDc::ID, text, 1).await;
    }
    let error = client.call(&GetNearestDc {}).await.unwrap_err();
    assert!(matches!(&error, Error::Rpc(e) if e.code == 303), "{error:?}");
    assert_eq!((told.count("MovedTo"), house.calls(GetNearestDc::ID)), (2, 3));
}

#[tokio::test]
async fn many_calls_that_are_sent_away_at_once_make_one_move() {
    let house = House::open().await;
    let mut options = house.alice();
    let told = Told::by(&mut options);
    let client = Arc::new(Client::connect(options).await.unwrap());
    client.resolve("echo_bot").await.unwrap();
    house.dc(|dc| dc.world.set_home(ALICE, 4)).await;
    let tasks: Vec<_> = (0..30)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.start_bot("echo_bot", "echo_bot", None, "x").await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!((house.starts(), told.count("MovedTo"), house.calls(ExportAuthorization::ID)), (30, 1, 1));
}

#[tokio::test]
async fn calls_in_flight_are_answered_by_the_other_data_centre() {
    let house = House::open().await;
    let client = Arc::new(Client::connect(house.alice()).await.unwrap());
    client.resolve("echo_bot").await.unwrap();
    house.dc(|dc| dc.script(GetState::ID, Act::Ignore, 1)).await;
    let (waiting, asked) = (client.clone(), house.log.clone());
    let waiting = tokio::spawn(async move { waiting.call(&GetState {}).await });
    while !asked.lock().unwrap().iter().any(nanogram::lab::dc::log::Entry::is_refusal) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    house.dc(|dc| dc.world.set_home(ALICE, 4)).await;
    client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_data_centre_that_cannot_be_reached_is_not_moved_to() {
    let house = House::with(false).await;
    let mut options = house.stranger();
    options.attempts = 2;
    let client = Client::connect(options).await.unwrap();
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nowhere = Home { dc_id: 3, ip_address: "127.0.0.1".into(), port: free.port(), test_mode: false };
    house.dc(move |dc| dc.world.others.push(nowhere)).await;
    refuses(&house, GetNearestDc::ID, "PHONE_MIGRATE_3", 1).await;
    let error = client.call(&GetNearestDc {}).await.unwrap_err();
    assert!(matches!(&error, Error::Network { addr, .. } if *addr == free.to_string()), "{error:?}");
    client.call(&GetNearestDc {}).await.unwrap();
    assert_eq!((client.dc_id(), client.environment()), (2, Environment::Production));
}

#[tokio::test]
async fn an_account_that_is_not_let_in_there_stays_here() {
    let house = House::open().await;
    let client = Client::connect(house.alice()).await.unwrap();
    client.set_user(Some(USER));
    let error = RpcError::new(400, "AUTH_BYTES_INVALID");
    house.dc(move |dc| dc.script(ImportAuthorization::ID, Act::Refuse(error), 1)).await;
    let error = client.move_to(4).await.unwrap_err();
    assert!(matches!(&error, Error::Rpc(e) if e.is("AUTH_BYTES_INVALID")), "{error:?}");
    assert_eq!((client.dc_id(), client.state().home), (2, 2));
    client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
}

#[tokio::test]
async fn files_and_statistics_are_elsewhere_and_the_account_stays() {
    let house = House::open().await;
    let client = Client::connect(house.alice()).await.unwrap();
    for text in ["FILE_MIGRATE_4", "STATS_MIGRATE_4"] {
        refuses(&house, GetNearestDc::ID, text, 1).await;
        let error = client.call(&GetNearestDc {}).await.unwrap_err();
        assert!(matches!(&error, Error::Rpc(e) if e.message == text), "{error:?}");
    }
    assert_eq!((client.dc_id(), house.calls(StartBot::ID)), (2, 0));
}

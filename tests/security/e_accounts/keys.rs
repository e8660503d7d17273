//! Perfect forward secrecy, salts, and savings by a saved state: the client against the test server, over TCP.

use crate::support::server::{House, Told, Wire};
use nanogram::client::{Client, Error, KeyWatcher, Options};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::dc::Act;
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::residents::{ALICE, ECHO_BOT};
use nanogram::protocol::session::RpcError;
use nanogram::telegram::api::contacts::ResolveUsername;
use nanogram::telegram::store::state::{DcKey, SavedSalt, State};
use nanogram::tl::Combinator;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// State of a client that has connected and resolved a name.
async fn state_of_a_run(house: &House, options: Options) -> State {
    let client = Client::connect(options).await.unwrap();
    client.resolve("echo_bot").await.unwrap();
    let state = client.state();
    assert!(state.keys[&2].temporary.is_some() && house.keys_made().1 > 0);
    state
}

fn again(house: &House, state: State) -> Options {
    let mut options = Options::from_state(state);
    options.keys = Some(vec![house.key.clone()]);
    options
}

fn unix() -> i32 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_secs().try_into().unwrap()
}

fn no_errors(house: &House) {
    assert_eq!(house.count(Entry::is_refusal), 0, "{:?}", house.log.lock().unwrap());
}

#[tokio::test]
async fn e01_the_permanent_key_encrypts_nothing() {
    let house = House::open().await;
    for options in [house.stranger(), house.alice()] {
        let client = Client::connect(options).await.unwrap();
        client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
        let permanent = client.state().keys[&2].auth_key.id();
        let temporary = client.state().keys[&2].temporary.as_ref().unwrap().auth_key.id();
        let used = house.log.lock().unwrap().clone();
        let used: Vec<_> =
            used.iter().filter_map(|e| if let Entry::Session { key, .. } = e { Some(*key) } else { None }).collect();
        assert!(used.contains(&temporary) && !used.contains(&permanent));
    }
    assert_eq!(house.starts(), 2);
    no_errors(&house);
}

#[tokio::test]
async fn e02_each_temporary_key_is_bound_once_to_the_permanent_one() {
    let house = House::open().await;
    let state = state_of_a_run(&house, house.alice()).await;
    let temporary = state.keys[&2].temporary.as_ref().unwrap().auth_key.id();
    let bound = Entry::Bound { id: temporary, to: state.keys[&2].auth_key.id() };
    assert_eq!(house.count(|entry| *entry == bound), 1);
    no_errors(&house);
}

#[tokio::test]
async fn e03_a_client_introduces_itself_after_each_binding() {
    let house = House::open().await;
    let client = Client::connect(house.alice()).await.unwrap();
    for n in 0..3 {
        client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
        assert_eq!(house.count(|entry| matches!(entry, Entry::App { .. })), n + 1);
        assert_eq!(house.count(|entry| matches!(entry, Entry::Bound { .. })), n + 1);
        let refusal = RpcError::new(401, "AUTH_KEY_PERM_EMPTY");
        house.dc(|dc| dc.script(nanogram::telegram::api::messages::StartBot::ID, Act::Refuse(refusal), 1)).await;
    }
}

#[tokio::test]
async fn e03_a_key_that_is_bound_no_more_is_followed_by_another() {
    let house = House::open().await;
    let client = Client::connect(house.alice()).await.unwrap();
    client.resolve("echo_bot").await.unwrap();
    let before = client.state().keys[&2].temporary.clone().unwrap();
    let id = before.auth_key.id();
    // The server forgets the binding of the temporary key: AUTH_KEY_PERM_EMPTY.
    house.dc(move |dc| dc.expire(id, before.expires_at)).await;
    client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
    assert_eq!(house.count(|e| matches!(e, Entry::Call { error: Some(e), .. } if e.is("AUTH_KEY_PERM_EMPTY"))), 1);
    assert_ne!(client.state().keys[&2].temporary.as_ref().unwrap().auth_key.id(), id);
    assert_eq!((house.starts(), house.keys_made()), (1, (0, 2)));
}

#[tokio::test]
async fn e03_a_key_that_has_ended_is_followed_by_another_and_the_permanent_one_stays() {
    let house = House::open().await;
    let mut options = house.alice();
    let told = Told::by(&mut options);
    let client = Client::connect(options).await.unwrap();
    client.resolve("echo_bot").await.unwrap();
    let state = client.state();
    let id = state.keys[&2].temporary.as_ref().unwrap().auth_key.id();
    house.dc(move |dc| dc.expire(id, 1)).await; // -404, which anyone on the network path could forge
    client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
    assert!(client.state().keys[&2].auth_key.is(&state.keys[&2].auth_key));
    assert_eq!((house.starts(), house.keys_made(), told.count("Reconnecting")), (1, (0, 2), 1));
}

#[tokio::test]
async fn d02_a_saved_temporary_key_that_the_server_does_not_know_costs_no_permanent_one() {
    let house = House::open().await;
    let state = state_of_a_run(&house, house.stranger()).await;
    let id = state.keys[&2].temporary.as_ref().unwrap().auth_key.id();
    house.dc(move |dc| dc.expire(id, 1)).await;
    let client = Client::connect(again(&house, state.clone())).await.unwrap();
    client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
    assert!(client.state().keys[&2].auth_key.is(&state.keys[&2].auth_key));
    assert_eq!(house.keys_made(), (1, 2));
}

#[tokio::test]
async fn e04_a_key_30_seconds_old_that_is_not_known_yet_is_tried_again() {
    let house = House::open().await;
    let key = AuthKey::from_bytes([9; 256]);
    let mut options = house.alice();
    options.state.keys.insert(2, DcKey { made_at: unix() - 30, ..DcKey::new(key.clone()) });
    options.state.user = Some(nanogram::telegram::store::state::SavedUser { id: ALICE, is_bot: false });
    let client = Client::connect(options).await.unwrap();
    let (answer, ()) = tokio::join!(client.resolve("echo_bot"), async {
        while house.count(|e| matches!(e, Entry::Call { error: Some(e), .. } if e.is("ENCRYPTED_MESSAGE_INVALID"))) < 2
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let key = key.clone();
        house.dc(move |dc| dc.admit(key, Some(ALICE))).await.unwrap();
    });
    answer.unwrap();
    assert!(client.state().keys[&2].auth_key.is(&key));
    assert_eq!(house.keys_made().0, 0);
}

#[tokio::test]
async fn e04_a_key_90_seconds_old_that_is_not_known_is_dropped_and_the_user_told() {
    let house = House::open().await;
    let mut options = house.alice();
    options.state.keys.insert(2, DcKey { made_at: unix() - 90, ..DcKey::new(AuthKey::from_bytes([9; 256])) });
    options.state.user = Some(nanogram::telegram::store::state::SavedUser { id: ALICE, is_bot: false });
    let client = Client::connect(options).await.unwrap();
    let error = client.resolve("echo_bot").await.unwrap_err();
    assert!(matches!(&error, Error::NotSignedIn(e) if e.is("ENCRYPTED_MESSAGE_INVALID")), "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("sign in")), "{:?}", error.hint());
    assert!(client.state().keys.is_empty() && client.state().user.is_none());
}

#[tokio::test]
async fn e04_an_old_key_that_nobody_signed_in_with_is_followed_by_a_new_one() {
    let house = House::open().await;
    let mut options = house.stranger();
    options.state.keys.insert(2, DcKey { made_at: unix() - 90, ..DcKey::new(AuthKey::from_bytes([9; 256])) });
    let client = Client::connect(options).await.unwrap();
    client.resolve("echo_bot").await.unwrap();
    assert_eq!(house.keys_made(), (1, 2));
}

#[tokio::test]
async fn a_warm_start_is_one_round_trip_and_a_cold_name_one_more() {
    let house = House::open().await;
    let state = state_of_a_run(&house, house.alice()).await;
    let keys_before = house.keys_made();
    for (is_known, flights) in [(true, 1), (false, 2)] {
        let wire = Wire::to(&house.addr).await;
        let mut state = state.clone();
        if !is_known {
            state.names.clear();
        }
        let mut options = again(&house, state);
        options.addr = Some(wire.addr.clone());
        let resolved = house.calls(ResolveUsername::ID);
        let client = Client::connect(options).await.unwrap();
        client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
        assert_eq!(wire.flights(), flights);
        assert_eq!(house.calls(ResolveUsername::ID), resolved + usize::from(!is_known));
    }
    assert_eq!(house.keys_made(), keys_before);
    no_errors(&house);
}

#[tokio::test]
async fn without_a_state_there_is_no_round_trip_too_many() {
    let house = House::open().await;
    // Three round trips per key, one to bind, one for the name, one to start.
    for (mut options, flights) in [(house.stranger(), 3 + 3 + 1 + 1 + 1), (house.alice(), 3 + 1 + 1 + 1)] {
        let wire = Wire::to(&house.addr).await;
        options.addr = Some(wire.addr.clone());
        let client = Client::connect(options).await.unwrap();
        client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
        // A session string has no salt; the first temporary key comes with one.
        assert_eq!(wire.flights(), flights);
    }
    no_errors(&house);
}

#[tokio::test]
async fn a_saved_salt_is_used_while_it_is_right_and_costs_one_round_trip_when_it_is_wrong() {
    let house = House::open().await;
    for temporary in [Some(86_400), None] {
        let mut options = house.alice();
        options.temporary = temporary;
        let client = Client::connect(options).await.unwrap();
        client.resolve("echo_bot").await.unwrap();
        let state = client.state();
        drop(client);
        let salts = match temporary {
            Some(_) => &state.keys[&2].temporary.as_ref().unwrap().salts,
            None => &state.keys[&2].salts,
        };
        assert!(salts.iter().any(|salt| salt.valid_until != i32::MAX && salt.valid_until > unix()), "{salts:?}");
        for wrong in [0, 1] {
            let before = house.bad_salts();
            if wrong == 1 {
                house.dc(|dc| dc.change_salts(false)).await.unwrap();
            }
            let wire = Wire::to(&house.addr).await;
            let mut options = again(&house, state.clone());
            (options.temporary, options.addr) = (temporary, Some(wire.addr.clone()));
            let client = Client::connect(options).await.unwrap();
            client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
            assert_eq!((house.bad_salts() - before, wire.flights()), (wrong, 1 + wrong));
        }
    }
}

#[tokio::test]
async fn of_several_saved_salts_the_one_of_the_hour_is_used() {
    let house = House::open().await;
    let mut state = state_of_a_run(&house, house.alice()).await;
    let temporary = state.keys.get_mut(&2).unwrap().temporary.as_mut().unwrap();
    let right = temporary.salts[0].salt;
    let salt =
        |salt, since: i32, until: i32| SavedSalt { salt, valid_since: unix() + since, valid_until: unix() + until };
    temporary.salts = vec![1.into(), salt(2, -9000, -10), salt(right, -60, 1700), salt(3, 1600, 3400)];
    let client = Client::connect(again(&house, state)).await.unwrap();
    client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
    assert_eq!(house.bad_salts(), 0);
}

#[tokio::test]
async fn a_name_is_believed_for_a_day_and_asked_again_when_it_leads_nowhere() {
    let house = House::open().await;
    let mut state = state_of_a_run(&house, house.alice()).await;
    let cached = state.names.iter().next().unwrap().clone();
    assert_eq!((cached.id, house.calls(ResolveUsername::ID)), (ECHO_BOT, 1));

    let mut old = cached.clone();
    old.seen = nanogram::base::time::UnixTime::from_secs(cached.seen.as_secs() - 24 * 3600 - 5);
    state.names.insert(old);
    let client = Client::connect(again(&house, state.clone())).await.unwrap();
    client.resolve("echo_bot").await.unwrap();
    assert_eq!(house.calls(ResolveUsername::ID), 2, "older than a day");
    drop(client);

    let mut stale = cached.clone();
    stale.access_hash ^= 1;
    state.names.insert(stale);
    let client = Client::connect(again(&house, state)).await.unwrap();
    client.start_bot("echo_bot", "echo_bot", None, "x").await.unwrap();
    assert_eq!(house.calls(ResolveUsername::ID), 3, "once, after BOT_INVALID");
    assert_eq!(client.state().names.iter().next().unwrap().access_hash, cached.access_hash);

    client.set_user(Some(nanogram::telegram::store::state::SavedUser { id: 5, is_bot: false }));
    assert_eq!(client.state().names.iter().count(), 0, "another user's hashes");
}

#[tokio::test]
async fn whoever_asks_is_told_the_keys() {
    let house = House::open().await;
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = log.clone();
    let mut options = house.stranger();
    options.keylog = KeyWatcher::of_keys(move |entry| lines.lock().unwrap().push(entry.to_string()));
    let client = Client::connect(options.clone()).await.unwrap();
    client.resolve("echo_bot").await.unwrap();
    let key = client.state().keys[&2].clone();
    let line = |key: &AuthKey, is_temporary| {
        nanogram::protocol::keylog::Entry::DcKey { dc: 2, key: key.clone(), is_temporary }.to_string()
    };
    let permanent = [line(&key.auth_key, false)];
    let temporary = [line(&key.temporary.as_ref().unwrap().auth_key, true)];
    assert_eq!(*log.lock().unwrap(), temporary, "with forward secrecy not the account's own");
    drop(client);
    log.lock().unwrap().clear();
    options.state.keys.insert(2, key);
    Client::connect(options.clone()).await.unwrap();
    assert_eq!(*log.lock().unwrap(), temporary, "one that is loaded, too");
    log.lock().unwrap().clear();
    options.temporary = None;
    Client::connect(options).await.unwrap();
    assert_eq!(log.lock().unwrap().first(), permanent.first(), "without forward secrecy the one in use");
}

//! Rows D for the complete client: attacks and losses on the network path.

use crate::support::faults::{self, Hostile, fault};
use crate::support::server::House;
use nanogram::client::{Client, Options};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::dc::faults::FAULTS;
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::residents::{ALICE, CAROL, CAROLS_PASSWORD};
use nanogram::lab::dc::script::FOREVER;
use nanogram::protocol::connection::Event;
use nanogram::telegram::api::account::GetPassword;
use nanogram::telegram::api::updates::GetState;
use nanogram::tl::Tl;
use nanogram::wire::transport::Framing;
use std::fmt::Write;
use std::time::{Duration, Instant};

#[test]
fn d02_an_error_404_of_anybody_costs_no_key() {
    let mut net = Hostile::signed_in(faults::dc(), ALICE, Framing::ABRIDGED);
    assert!(net.asks());
    let key = net.connection.session().unwrap().key().id();
    net.dc.fault(fault("fault-404"), 3);
    assert!(net.asks());
    assert_eq!((net.left.len(), net.acted("fault-404")), (3, 3));
    assert_eq!(net.connection.session().unwrap().key().id(), key);
    assert!(!net.events.iter().any(|event| matches!(event, Event::Authorized(_))), "another key was made");
    assert!(!net.log.iter().any(|entry| matches!(entry, Entry::Key { .. })));
}

#[tokio::test]
async fn d12_a_server_that_accepts_and_stalls_is_left_in_time() {
    let house = House::open().await;
    house.dc(|dc| dc.fault(fault("accept-and-stall"), FOREVER)).await;
    let options = Options { call_within: Duration::from_secs(1), ..house.alice() };
    let began = Instant::now();
    let result = match Client::connect(options).await {
        Ok(client) => client.call(&GetState {}).await.map(drop),
        Err(error) => Err(error),
    };
    assert!(result.is_err() && began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test]
async fn d13_a_server_that_closes_at_once_is_not_asked_without_end() {
    let house = House::open().await;
    house.dc(|dc| dc.fault(fault("close-on-accept"), FOREVER)).await;
    let options = Options { call_within: Duration::from_secs(5), ..house.alice() };
    let attempts = options.attempts;
    let result = match Client::connect(options).await {
        Ok(client) => client.call(&GetState {}).await.map(drop),
        Err(error) => Err(error),
    };
    assert!(result.is_err());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let made = house.count(|entry| *entry == Entry::Opened);
    assert!(made > 1 && made <= attempts as usize + 1, "{made} connections");
}

/// Returns true if `text` contains the bytes of a key in any usual notation.
fn is_printed(text: &str, secret: &[u8]) -> bool {
    let hex: String = secret.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{:?}", &secret[..4]);
    text.to_lowercase().contains(&hex) || text.contains(list.trim_matches(['[', ']']))
}

#[test]
fn d14_no_secret_is_in_any_log_whatever_goes_wrong() {
    let secret: [u8; 256] = std::array::from_fn(|i| (i as u8).wrapping_mul(29).wrapping_add(131));
    assert!(is_printed(&format!("{:?}", &secret[..]), &secret), "the search would find it");
    for fault in FAULTS.iter().filter(|fault| !fault.row.starts_with('A')) {
        let mut dc = faults::dc();
        let key = AuthKey::from_bytes(secret);
        dc.admit(key.clone(), Some(CAROL)).unwrap();
        dc.fault(fault, 1);
        let config = faults::config(&dc, 2, Some(key));
        let mut net = Hostile::new(dc, config);
        net.patience = (Duration::from_secs(90), 3);
        let password = net.call(&GetPassword {});
        let mut text = format!("{password:?} {:?} {:?} {:?} {:?}", net.events, net.left, net.log, net.connection);
        for entry in &net.log {
            let _ = write!(text, "{entry}");
        }
        for why in net.left.iter().flatten() {
            let _ = write!(text, "{why}");
        }
        let _ = write!(text, "{:?} {:?}", net.dc, net.connection.session());
        assert!(!is_printed(&text, &secret), "{}", fault.name);
        assert!(!text.contains(CAROLS_PASSWORD) && !text.contains("10000000003"), "{}", fault.name);
    }
}

#[test]
fn d11_a_flag_word_or_vector_that_lies_ends_the_connection_and_no_more() {
    for name in ["cut-short-body", "vector-huge", "count-huge"] {
        let mut net = Hostile::signed_in(faults::dc(), ALICE, Framing::ABRIDGED);
        net.dc.fault(fault(name), 1);
        assert!(net.asks() && net.left.len() == 1, "{name}");
    }
    assert!(bool::from_bytes(&[0; 3]).is_err());
}

//! Rows B for the complete client: over sockets, with forward secrecy.

use crate::support::faults::{self};
use crate::support::server::House;
use nanogram::client::{Client, Options};
use nanogram::lab::dc::faults::FAULTS;
use nanogram::lab::dc::log::Entry;
use std::time::Duration;

/// Faults that lead to a time-out of minutes, or to an error that the caller must handle.
const NOT_HERE: &[&str] = &[
    "unknown-fingerprint",
    "stall-1",
    "stall-2",
    "stall-3",
    "lost-answer",
    "overtaken",
    "forgotten-session",
    "gzip-bomb-answer",
    "gzip-crc",
    "gzip-cut",
    "silence",
    "flood-wait-day",
    "user-migrate-999",
    "half-frame",
    "web-server",
    "accept-and-stall",
];

#[tokio::test]
async fn b20_the_bot_is_started_once_whatever_is_done_to_the_client() {
    let faults = FAULTS.iter().filter(|fault| !fault.row.starts_with('E') && fault.name != "phone-migrate-999");
    let mut tasks = tokio::task::JoinSet::new();
    for fault in faults.filter(|fault| !NOT_HERE.contains(&fault.name)) {
        tasks.spawn(async move {
            let house = House::open().await;
            house.dc(move |dc| dc.fault(fault, 1)).await;
            let options = Options { framing: faults::framing(fault), ..house.alice() };
            let start = async {
                let client = Client::connect(options).await?;
                client.start_bot("echo_bot", "echo_bot", None, "x").await
            };
            let started = tokio::time::timeout(Duration::from_secs(60), start).await;
            assert!(matches!(started, Ok(Ok(_))), "{}: {started:?}", fault.name);
            let name = fault.name;
            let acted = house.count(|entry| matches!(entry, Entry::Misbehaved { fault } if *fault == name));
            assert_eq!((acted, house.starts()), (1, 1), "{name}");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

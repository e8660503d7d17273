//! Faults of the test data centre: the reaction of our own client to each, held against docs/faults.md.

mod support;

use crate::support::faults::{self, Hostile};
use bytes::BytesMut;
use nanogram::base::side::Side;
use nanogram::base::time::Instant;
use nanogram::lab::dc::faults::FAULTS;
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::residents::ALICE;
use nanogram::lab::dc::script::FOREVER;
use nanogram::lab::dc::{Fault, Reaction};
use nanogram::protocol::handshake::plain;
use nanogram::telegram::api::connect::GetNearestDc;
use nanogram::tl::Combinator;
use nanogram::wire::mt::auth::{ReqPqMulti, ResPqBare};
use nanogram::wire::transport::{Frame, Framer, Framing};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// Faults that a client must tolerate without an error or a new connection.
const TOLERATED: &[&str] = &[
    "retry-once",
    "retry-thrice",
    "plain-trailing",
    "replay",
    "replay-50",
    "replay-later",
    "replay-backwards",
    "past-290",
    "repeated-inner",
    "no-acks",
    "overtaken",
    "forged-salt",
    "forged-refusals",
    "late-refusal",
    "new-salt",
    "bad-msg-16",
    "bad-msg-17",
    "bad-msg-18",
    "bad-msg-19",
    "bad-msg-20",
    "bad-msg-32",
    "bad-msg-33",
    "bad-msg-34",
    "bad-msg-35",
    "bad-msg-64",
    "bad-msg-999",
    "forgotten-session",
    "new-session",
    "first-msg-id-of-container",
    "unasked-salts",
    "unknown-results",
    "second-answer",
    "strays",
    "detailed-info",
    "asks-states",
    "asks-resend",
    "unasked-states",
    "states-short",
    "states-long",
    "content-flood",
    "byte-by-byte",
    "quick-ack",
    "padded-tail",
];
/// Faults after which the server ends the connection.
const CUT: &[&str] = &["replay-reconnect", "hang-up", "cut-70", "close-on-accept"];
/// Faults that are reported to the caller, who decides.
const TOLD: &[&str] = &[
    "gzip-bomb-answer",
    "gzip-crc",
    "gzip-cut",
    "flood-wait",
    "flood-wait-day",
    "internal-error",
    "user-migrate-999",
    "perm-empty",
    "key-duplicated",
    "key-unregistered",
    "session-revoked",
    "user-deactivated",
];
/// Faults that the client cannot detect: the caller's own time-out ends the call.
const UNKNOWABLE: &[&str] = &["lost-answer"];
/// Faults that need other calls than the one made here; they are tested in tests/security.
fn is_elsewhere(fault: &Fault) -> bool {
    ["E4", "E5", "E6", "E7", "E9", "E10", "E11"].contains(&fault.row) || fault.name == "phone-migrate-999"
}

/// Client for this fault, and a server that injects it `times`.
fn set_up(fault: &'static Fault, times: u32) -> Hostile {
    let mut dc = faults::dc();
    if fault.row.starts_with('A') && fault.name != "plain-packet" {
        dc.fault(fault, times);
        return Hostile::stranger(dc);
    }
    let is_met =
        ["D12", "D13"].contains(&fault.row) || ["byte-by-byte", "first-msg-id-of-container"].contains(&fault.name);
    if is_met {
        dc.fault(fault, times);
    }
    let mut net = Hostile::signed_in(dc, ALICE, faults::framing(fault));
    if !is_met {
        // First a good call: the client learns time and salt, and the server the client.
        assert!(net.call(&GetNearestDc {}).unwrap().is_ok());
        net.dc.fault(fault, times);
    }
    net
}

/// Outcome of a call during which the server injects the fault once.
fn outcome(fault: &'static Fault) -> String {
    let mut net = set_up(fault, 1);
    let began = net.now;
    let result = net.call(&GetNearestDc {});
    let took = net.now.since(began).as_secs();
    assert_eq!(net.acted(fault.name), 1, "{}", fault.name);
    let after = if took > 5 { format!(" after {took} s") } else { String::new() };
    let said = match (&result, &net.left[..]) {
        (None, _) => "waits; the caller's patience ends it".into(),
        (Some(Err(error)), _) => format!("tells the caller: {error}"),
        (Some(Ok(_)), []) => format!("is answered{after}"),
        (Some(Ok(_)), [None]) => format!("connects again, and is answered{after}"),
        (Some(Ok(_)), [Some(why)]) => format!("leaves ({why}), and is answered{after}"),
        (Some(Ok(_)), left) => panic!("{}: {left:?}", fault.name),
    };
    if fault.name != "key-duplicated" {
        // No after-effects: the next call is answered, once.
        let again = net.call(&GetNearestDc {}).map(|reply| reply.map(drop));
        assert_eq!(again, Some(Ok(())), "{}", fault.name);
    }
    said
}

#[test]
fn a_client_gets_its_answer_whatever_is_done_to_it_once() {
    let mut table = String::new();
    for fault in FAULTS {
        let said = if is_elsewhere(fault) { "see tests/security".into() } else { outcome(fault) };
        let _ = writeln!(table, "| `{}` | {} | {} | {said} |", fault.name, fault.row, fault.says);
        let begins = match fault.name {
            _ if is_elsewhere(fault) => "see",
            name if TOLERATED.contains(&name) => "is answered",
            name if CUT.contains(&name) => "connects again, and is answered",
            name if TOLD.contains(&name) => "tells the caller: ",
            name if UNKNOWABLE.contains(&name) => "waits",
            _ => "leaves (",
        };
        assert!(said.starts_with(begins), "{}: {said}", fault.name);
    }
    let text = format!("{HEAD}{table}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    if std::env::var_os("NANOGRAM_WRITE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == text, "docs/faults.md differs: run this test with NANOGRAM_WRITE=1");
}

const HEAD: &str = "\
# Faults of the test data centre

`nanogram dc --fault NAME` injects a fault once, `NAME*3` three times, `NAME*forever` always; in Rust, `Dc::fault` does.
Each fault belongs to a row of [the checklist](security.md). It acts on the first event of its kind: a new connection, a
key exchange, a call, or a packet with an answer.

`NANOGRAM_WRITE=1 cargo test --all-features --test dc_faults` runs our own client against each fault and writes this
file. [faults-clients.md](faults-clients.md) compares Telethon, GramJS, TDLib and `nanogram start`.

The log of the data centre reports what any client does after a fault, as far as the same connection shows it:
`#2 after wrong-session the peer acknowledged it`. Other reactions are *went on* (with the key exchange or with another
call), *began the key exchange again*, *answered it*, *used its salt* (one that only the fault revealed), *left*, and
*was silent* (for 10 s, apart from pings and acknowledgements).

| fault | row | action of the data centre | reaction of our client |
| --- | --- | --- | --- |
";

#[test]
fn a_client_that_is_never_let_be_neither_panics_nor_grows_nor_spins() {
    for fault in FAULTS.iter().filter(|fault| !is_elsewhere(fault) && !fault.name.starts_with("gzip-bombs")) {
        let dc = || {
            let mut net = set_up(fault, FOREVER);
            net.patience = (Duration::from_secs(200), 4);
            net
        };
        let mut net = dc();
        let result = net.call(&GetNearestDc {}).map(|reply| reply.map(drop));
        assert!(net.acted(fault.name) > 0, "{}", fault.name);
        // Consistently late times from the holder of the key are accepted: the client must assume that its own clock is
        // slow.
        let may = TOLERATED.contains(&fault.name) || CUT.contains(&fault.name) || fault.name == "future-31";
        assert!(may || !matches!(result, Some(Ok(()))), "{}: {result:?}", fault.name);
        // Time passes without a flood of packets.
        let (log, received) = (net.log.len(), net.received);
        net.rest(100);
        // An answer announced again after each request costs both sides one packet per round trip.
        let most = if fault.name == "detailed-info" { 100 * 101 } else { 500 };
        assert!(net.log.len() - log < most, "{}: {}", fault.name, net.log.len() - log);
        assert!(net.received - received < 64 << 20, "{}", fault.name);
    }
}

#[test]
fn a_fault_acts_as_often_as_was_said_and_in_turn() {
    let fault = |name| Fault::named(name).unwrap();
    let mut net = set_up(fault("bad-msg-key"), 3);
    net.dc.fault(fault("no-padding"), 1);
    net.dc.fault(fault("bad-msg-key"), 0);
    assert!(net.call(&GetNearestDc {}).unwrap().is_ok());
    let left: Vec<_> = net.left.iter().map(|why| why.as_ref().unwrap().clone()).collect();
    assert_eq!((net.acted("bad-msg-key"), net.acted("no-padding"), left.len()), (3, 1, 4));
    assert!(left[..3].iter().all(|why| *why == left[0]) && left[3] != left[0], "{left:?}");
}

#[test]
fn a_lie_is_told_in_one_key_exchange_and_not_in_the_next_on_the_same_connection() {
    let mut dc = faults::dc();
    dc.fault(Fault::named("res-pq-nonce").unwrap(), 1);
    let (conn, mut framer) = (dc.accept(Instant::ZERO), Framer::new(Framing::ABRIDGED, Side::Client));
    let mut asked = |msg_id: i64, nonce: [u8; 16]| {
        let mut out = BytesMut::new();
        framer.encode(&plain::seal(msg_id, &ReqPqMulti { nonce }.to_boxed()), &mut out).unwrap();
        dc.handle_input(conn, Instant::ZERO, &out);
        let mut back = BytesMut::new();
        while dc.poll_transmit(conn, Instant::ZERO, &mut back) {}
        framer.push(&back);
        let Some(Frame::Packet(packet)) = framer.next().unwrap() else { panic!() };
        ResPqBare::from_boxed(plain::open(&packet, Side::Server).unwrap().body).unwrap().nonce == nonce
    };
    let msg_id = faults::UNIX.as_secs() << 32;
    assert!(!asked(msg_id, [1; 16]));
    assert!(!asked(msg_id + 4, [1; 16]), "the same once more is the same exchange");
    assert!(asked(msg_id + 8, [2; 16]));
    let told: Vec<_> = std::iter::from_fn(|| dc.poll_log()).map(|line| line.to_string()).collect();
    assert_eq!(
        told[2..],
        ["#1 misbehaved: res-pq-nonce", "#1 after res-pq-nonce the peer began the key exchange again"]
    );
}

#[test]
fn what_our_client_does_shows_in_the_log_of_the_data_centre() {
    let cases = [
        ("res-pq-nonce", Reaction::Left),
        ("dh-gen-hash", Reaction::Left),
        ("retry-once", Reaction::WentOn),
        ("bad-msg-key", Reaction::Left),
        ("wrong-session", Reaction::Left),
        ("second-answer", Reaction::Acknowledged),
        ("asks-states", Reaction::Answered),
        ("lost-answer", Reaction::Silent),
    ];
    for (name, wanted) in cases {
        let mut net = set_up(Fault::named(name).unwrap(), 1);
        net.patience.0 = Duration::from_secs(60);
        (0..2).for_each(|_| drop(net.call(&GetNearestDc {}))); // pending acknowledgements are sent with the next call
        let told: BTreeSet<_> = net
            .log
            .iter()
            .filter_map(|entry| match entry {
                Entry::Reacted { fault, reaction } if *fault == name => Some(*reaction),
                _ => None,
            })
            .collect();
        assert!(told.contains(&wanted), "{name}: {told:?}");
        assert_eq!(told.contains(&Reaction::Left), wanted == Reaction::Left, "{name}: {told:?}");
        assert!(!told.contains(&Reaction::UsedItsSalt), "{name}");
    }
}

#[test]
fn faults_are_told_apart_and_each_is_of_a_row() {
    let names: BTreeSet<_> = FAULTS.iter().map(|fault| fault.name).collect();
    assert_eq!(names.len(), FAULTS.len());
    for fault in FAULTS {
        assert!(
            fault.name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-'),
            "{}",
            fault.name
        );
        assert!(!fault.says.ends_with('.') && !fault.says.contains('|'), "{}", fault.name);
        let (part, number) = fault.row.split_at(1);
        let most = [("A", 23), ("B", 20), ("C", 20), ("D", 14), ("E", 12)].iter().find(|(p, _)| *p == part).unwrap().1;
        assert!((1..=most).contains(&number.parse::<u32>().unwrap()), "{}", fault.row);
        assert_eq!(Fault::named(fault.name).unwrap().says, fault.says);
    }
    for listed in [TOLERATED, CUT, TOLD, UNKNOWABLE].concat() {
        assert!(names.contains(listed), "{listed}");
    }
    assert!(Fault::named("no such fault").is_none());
    assert!(include_str!("../README.md").contains(&format!("{} faults", FAULTS.len())), "README.md: wrong number");
}

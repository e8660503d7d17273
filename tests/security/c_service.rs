//! Sessions, salts, service messages: a test for each row C of the security checklist that concerns sessions.
//!
//! Tested with the client instead: C18 (flood waits), C19 (known data centres), and of C20 that a repeated call carries
//! the same `random_id`.

mod client;

use crate::support::session::{self, ANSWER, Bench, SALT, container, key, noise, result};
use bytes::Bytes;
use nanogram::base::entropy::{Entropy, EntropyFailed};
use nanogram::base::side::Side;
use nanogram::base::time::{Instant, ServerClock, UnixTime};
use nanogram::lab::server::session::{Request, ServerSession};
use nanogram::protocol::session::{CallError, Incoming, MAX_ACKS, Seqno, Session, SessionError};
use nanogram::tl::{BareVec, Blob, Combinator};
use nanogram::wire::msg_id;
use nanogram::wire::mt::gzip::{MAX_INFLATED, deflate};
use nanogram::wire::mt::message::{GzipPacked, MAX_CONTAINER, MSG_CONTAINER, Message};
use nanogram::wire::mt::service::*;
use rand::RngExt;
use std::collections::BTreeSet;
use std::time::Duration;

const UPDATE: [u8; 8] = [0x11, 0x22, 0x33, 0x44, 1, 2, 3, 4];
const CALL: [u8; 4] = [7; 4];

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn reply(call: nanogram::protocol::session::CallId) -> Incoming {
    Incoming::Reply { call, result: Ok(Bytes::from_static(ANSWER)) }
}

fn refusal(bad_msg_id: i64, code: i32) -> Vec<u8> {
    BadMsgNotification { bad_msg_id, bad_msg_seqno: 1, error_code: code }.to_boxed()
}

fn new_salt(bad_msg_id: i64, salt: i64) -> Vec<u8> {
    BadServerSalt { bad_msg_id, bad_msg_seqno: 1, error_code: 48, new_server_salt: salt }.to_boxed()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    GzipPacked { packed_data: Blob(deflate(body)) }.to_boxed()
}

/// Memory of a session, estimated by the length of its debug output.
fn size(session: &impl core::fmt::Debug) -> usize {
    format!("{session:?}").len()
}

#[test]
fn c01_refusals_of_what_was_not_sent_change_nothing() {
    let mut bench = Bench::new();
    let (_, msg_id) = bench.call(&CALL);
    let session = bench.client.session_id();
    for stranger in [0, 4, msg_id - 4, msg_id + 4, i64::MAX & !3, i64::MIN] {
        bench.say(&new_salt(stranger, 666)).unwrap();
        for (code, ..) in BAD_MSG {
            bench.say(&refusal(stranger, *code)).unwrap();
        }
    }
    assert_eq!(bench.sent_of::<BadMsgNotification>(), []);
    let clock = bench.client.clock().at(bench.now);
    let (_, other) = bench.call(&[8; 4]);
    assert_eq!(bench.client.salts().current(), SALT);
    assert_eq!(bench.client.session_id(), session);
    assert_eq!(clock.as_secs(), bench.unix().as_secs());
    assert!(other > msg_id);
    // A salt for a known message id is accepted.
    bench.say(&new_salt(msg_id, 666)).unwrap();
    assert_eq!(bench.client.salts().current(), 666);
}

#[test]
fn c01_an_answered_call_can_no_more_be_refused() {
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&CALL);
    bench.say(&result(msg_id, ANSWER)).unwrap();
    bench.say(&new_salt(msg_id, 666)).unwrap();
    assert_eq!(bench.client.salts().current(), SALT);
    assert_eq!(bench.incoming(), [reply(call)]);
}

#[test]
fn c02_a_wrong_salt_resends_under_a_new_id() {
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&CALL);
    bench.say(&new_salt(msg_id, 99)).unwrap();
    let sent = bench.sent();
    assert!(sent.iter().all(|s| s.header.salt == 99));
    let again: Vec<_> = sent.iter().flat_map(|s| &s.messages).filter(|m| m.body == CALL[..]).collect();
    assert_eq!(again.len(), 1);
    assert!(again[0].msg_id > msg_id);
    // An answer under either id counts.
    bench.say(&result(msg_id, ANSWER)).unwrap();
    assert_eq!(bench.incoming(), [reply(call)]);
}

#[test]
fn c02_every_message_of_a_refused_container_is_resent() {
    let mut bench = Bench::new();
    for n in 0..5 {
        bench.client.call(vec![n; 4].into());
    }
    let sent = bench.sent();
    assert!(sent[0].is_container && sent.len() == 1);
    bench.say(&new_salt(sent[0].header.msg_id, 99)).unwrap();
    let again = bench.sent_messages();
    let bodies: BTreeSet<_> = again.iter().map(|m| m.body.clone()).filter(|b| b.len() == 4).collect();
    assert_eq!(bodies.len(), 5);
}

#[test]
fn c02_a_late_refusal_does_not_send_a_call_twice() {
    let mut bench = Bench::new();
    let (_, first) = bench.call(&CALL);
    bench.say(&new_salt(first, 99)).unwrap();
    let second = bench.sent_messages().iter().find(|m| m.body == CALL[..]).unwrap().msg_id;
    // Messages about the first copy, or requests for it, do not concern the second.
    bench.say(&new_salt(first, 100)).unwrap();
    bench.say(&refusal(first, 20)).unwrap();
    bench.say(&MsgResendReq { msg_ids: vec![first] }.to_boxed()).unwrap();
    assert!(bench.sent_messages().iter().all(|m| m.body != CALL[..]));
    bench.say(&refusal(second, 20)).unwrap();
    assert!(bench.sent_messages().iter().any(|m| m.body == CALL[..]));
}

#[test]
fn c02_a_call_that_is_always_refused_is_given_up() {
    for code in [48, 16, 20, 32, 35, 64, 1234] {
        let mut bench = Bench::new();
        let call = bench.client.call(Bytes::from_static(&CALL));
        let mut times = 0;
        let error = loop {
            let sent = bench.sent_messages();
            let m = sent.iter().find(|m| m.body == CALL[..]).expect("sent until it is given up");
            times += 1;
            let body = if code == 48 { new_salt(m.msg_id, times) } else { refusal(m.msg_id, code) };
            bench.say(&body).unwrap();
            match bench.incoming().pop() {
                Some(Incoming::Reply { call: of, result }) => {
                    assert_eq!(of, call);
                    break result.unwrap_err();
                }
                None => assert!(times < 100, "code {code} is obeyed for ever"),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(error, CallError::Undeliverable(code));
        assert_eq!(bench.client.unanswered(), 0);
        bench.sent();
        bench.assert_works();
    }
}

#[test]
fn c02_being_sent_again_for_other_reasons_is_no_refusal() {
    let mut bench = Bench::new();
    let (call, mut msg_id) = bench.call(&CALL);
    for unique_id in 0..40 {
        bench.say(&NewSessionCreated { first_msg_id: i64::MAX, unique_id, server_salt: SALT }.to_boxed()).unwrap();
        msg_id = bench.sent_messages().iter().find(|m| m.body == CALL[..]).unwrap().msg_id;
    }
    bench.incoming();
    bench.say(&new_salt(msg_id, 99)).unwrap();
    assert_eq!(bench.incoming(), []);
    msg_id = bench.sent_messages().iter().find(|m| m.body == CALL[..]).unwrap().msg_id;
    bench.say(&result(msg_id, ANSWER)).unwrap();
    assert_eq!(bench.incoming(), [reply(call)]);
}

#[test]
fn c03_a_clock_ten_minutes_off_is_set_right() {
    for (off, code) in [(600, 16), (-600, 17), (100_000_000, 16)] {
        let clock = ServerClock::guess(Instant::ZERO, UnixTime::from_secs(session::UNIX - off));
        let mut bench = Bench::with_clock(clock);
        let session = bench.client.session_id();
        let (call, msg_id) = bench.call(&CALL);
        bench.say(&refusal(msg_id, code)).unwrap();
        let sent = bench.sent_messages();
        let again = sent.iter().find(|m| m.body == CALL[..]).unwrap();
        let behind = bench.unix().as_secs() - msg_id::time(again.msg_id).as_secs();
        assert!((0..=1).contains(&behind), "{off}: {behind}");
        assert!(bench.client.clock().is_synced());
        // Ids must never decrease within a session.
        assert_eq!(bench.client.session_id() != session, code == 17);
        bench.say(&result(again.msg_id, ANSWER)).unwrap();
        assert_eq!(bench.incoming(), [reply(call)]);
    }
}

#[test]
fn c04_a_seqno_refusal_begins_a_new_session() {
    for code in [32, 33, 34, 35] {
        let mut bench = Bench::new();
        let old = bench.client.session_id();
        bench.client.call(Bytes::from_static(&[1; 4]));
        let (call, msg_id) = bench.call(&CALL);
        let late = bench.seal(msg_id + 1, 1, &UPDATE);
        bench.say(&refusal(msg_id, code)).unwrap();
        let sent = bench.sent();
        assert_ne!(sent[0].header.session_id, old);
        assert_ne!(sent[0].header.session_id, 0);
        let content: Vec<_> = sent.iter().flat_map(|s| &s.messages).filter(|m| m.is_content()).collect();
        assert_eq!(content.iter().map(|m| m.seqno).collect::<Vec<_>>(), [1, 3], "counted from the start");
        // A late packet for the old session is not a forgery.
        bench.deliver(late).unwrap();
        assert_eq!(bench.incoming(), []);
        bench.say(&result(content[1].msg_id, ANSWER)).unwrap();
        assert_eq!(bench.incoming(), [reply(call)]);
    }
}

#[test]
fn c04_a_new_session_does_not_wait_for_the_pong_of_the_old() {
    let mut bench = Bench::new();
    bench.assert_works();
    bench.advance(secs(60));
    bench.client.handle_timeout(bench.now).unwrap();
    let sent = bench.sent_messages();
    let ping = sent.iter().find(|m| PingDelayDisconnect::from_boxed(&m.body).is_ok()).unwrap();
    bench.say(&refusal(ping.msg_id, 34)).unwrap();
    bench.wait(bench.now + secs(40)).expect("the server is not silent");
}

#[test]
fn c05_a_forgotten_session_gets_its_calls_again() {
    let mut bench = Bench::new();
    let (lost, lost_id) = bench.call(&[1; 4]);
    bench.say(&MsgsAck { msg_ids: vec![lost_id] }.to_boxed()).unwrap();
    bench.advance(secs(1));
    let (kept, kept_id) = bench.call(&[2; 4]);
    let new = NewSessionCreated { first_msg_id: kept_id, unique_id: 5, server_salt: 77 }.to_boxed();
    let id = bench.id();
    bench.say_as(id, 1, &new).unwrap();
    let sent = bench.sent();
    assert!(sent.iter().all(|s| s.header.salt == 77), "its salt is taken");
    let messages: Vec<_> = sent.into_iter().flat_map(|s| s.messages).collect();
    assert!(messages.iter().any(|m| MsgsAck::from_boxed(&m.body).is_ok_and(|a| a.msg_ids.contains(&id))));
    assert_eq!(messages.iter().filter(|m| m.body == [2; 4][..]).count(), 0, "the server has this one");
    let again = messages.iter().find(|m| m.body == [1; 4][..]).expect("and not that").msg_id;
    assert_eq!(bench.incoming(), [Incoming::NewSession]);
    // A repeated announcement has no effect.
    bench.say(&new).unwrap();
    assert_eq!(bench.incoming(), []);
    assert_eq!(bench.sent_messages(), []);
    bench.say(&result(again, ANSWER)).unwrap();
    bench.say(&result(kept_id, ANSWER)).unwrap();
    assert_eq!(bench.incoming(), [reply(lost), reply(kept)]);
}

#[test]
fn c05_first_msg_id_may_name_the_first_call_or_the_container_that_held_it() {
    for names_container in [false, true] {
        let mut bench = Bench::new();
        let (lost, _) = bench.call(&[9; 4]);
        bench.advance(secs(1));
        let calls = [1, 2, 3].map(|n| bench.client.call(Bytes::copy_from_slice(&[n; 4])));
        let sent = bench.sent();
        assert!(sent.len() == 1 && sent[0].is_container, "the calls share a packet");
        let ids: Vec<i64> = sent[0].messages.iter().map(|m| m.msg_id).collect();
        let first_msg_id = if names_container { sent[0].header.msg_id } else { ids[0] };
        assert!(!names_container || ids.iter().all(|id| *id < first_msg_id));
        bench.say(&NewSessionCreated { first_msg_id, unique_id: 5, server_salt: 77 }.to_boxed()).unwrap();
        let again: Vec<_> = bench.sent_messages().into_iter().filter(|m| m.seqno & 1 == 1).collect();
        assert_eq!(again.len(), 1, "only the packet before is lost: names_container={names_container}");
        assert_eq!(again[0].body, [9; 4][..]);
        bench.say(&result(again[0].msg_id, ANSWER)).unwrap();
        ids.iter().for_each(|id| bench.say(&result(*id, ANSWER)).unwrap());
        let expected: Vec<_> = [Incoming::NewSession, reply(lost)].into_iter().chain(calls.map(reply)).collect();
        assert_eq!(bench.incoming(), expected);
    }
}

#[test]
fn c21_a_call_that_cannot_be_sent_fails_alone() {
    let mut bench = Bench::new();
    let bodies = [vec![], vec![1; 6], vec![1; nanogram::protocol::session::MAX_CALL + 4]];
    let bad = bodies.map(|body| bench.client.call(body.into()));
    let (good, msg_id) = bench.call(&CALL);
    let unsendable = |call| Incoming::Reply { call, result: Err(CallError::Unsendable) };
    assert_eq!(bench.incoming(), bad.map(unsendable));
    bench.say(&result(msg_id, ANSWER)).unwrap();
    assert_eq!(bench.incoming(), [reply(good)]);
    // A call of maximal length is sent alone: no frame would hold it with the acknowledgements.
    (0..MAX_ACKS).for_each(|_| bench.say(&UPDATE).unwrap());
    bench.incoming();
    bench.client.call(vec![1; nanogram::protocol::session::MAX_CALL].into());
    let now = bench.now;
    while let Some(packet) = bench.client.poll_packet(now, &mut bench.random).unwrap() {
        assert!(packet.len() <= nanogram::wire::transport::MAX_FRAME - 15, "{} bytes", packet.len());
    }
}

#[test]
fn c06_salts_that_nobody_asked_for_are_ignored() {
    let mut bench = Bench::new();
    let (_, msg_id) = bench.call(&CALL);
    let now = session::UNIX as i32;
    let salts = || BareVec(vec![FutureSalt { valid_since: now - 10, valid_until: now + 7200, salt: 666 }]);
    for stranger in [0, 4, msg_id + 4] {
        bench.say(&FutureSalts { req_msg_id: stranger, now, salts: salts() }.to_boxed()).unwrap();
    }
    bench.client.call(Bytes::from_static(&CALL));
    assert!(bench.sent().iter().all(|s| s.header.salt == SALT));
    assert!(bench.client.salts().known().is_empty());
    // Salts that it requests itself, with its ping, are accepted.
    bench.advance(secs(60));
    bench.client.handle_timeout(bench.now).unwrap();
    let sent = bench.sent_messages();
    let asked = sent.iter().find(|m| GetFutureSalts::from_boxed(&m.body).is_ok()).expect("salts are asked for");
    bench.say(&FutureSalts { req_msg_id: asked.msg_id, now, salts: salts() }.to_boxed()).unwrap();
    bench.client.call(Bytes::from_static(&CALL));
    assert!(bench.sent().iter().all(|s| s.header.salt == 666));
    // And only once.
    let hostile = BareVec(vec![FutureSalt { valid_since: now, valid_until: now + 9000, salt: 667 }]);
    bench.say(&FutureSalts { req_msg_id: asked.msg_id, now, salts: hostile }.to_boxed()).unwrap();
    bench.client.call(Bytes::from_static(&CALL));
    assert!(bench.sent().iter().all(|s| s.header.salt == 666));
}

#[test]
fn c07_a_flood_of_answers_to_nobody_is_acknowledged_and_dropped() {
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&CALL);
    bench.say(&UPDATE).unwrap();
    bench.incoming();
    bench.sent();
    let (mut acks, mut largest) = (0, 0);
    for n in 0..20_000_i64 {
        bench.say(&result(n * 4, &[0x55; 64])).unwrap();
        largest = largest.max(size(&bench.client));
        acks += bench.sent_of::<MsgsAck>().iter().map(|a| a.msg_ids.len()).sum::<usize>();
        assert_eq!(bench.client.poll_incoming(), None);
    }
    assert!(acks >= 20_000 - 16, "{acks}");
    assert!(largest < 64 << 10, "{largest}");
    bench.say(&result(msg_id, ANSWER)).unwrap();
    assert_eq!(bench.incoming(), [reply(call)]);
}

#[test]
fn c08_the_first_answer_counts() {
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&CALL);
    bench.say(&result(msg_id, ANSWER)).unwrap();
    bench.say(&result(msg_id, &[0x66; 8])).unwrap();
    let twice = [bench.inner(1, &result(msg_id, &[0x66; 8])), bench.inner(3, &result(msg_id, &[0x66; 8]))];
    bench.say_together(&twice).unwrap();
    assert_eq!(bench.incoming(), [reply(call)]);
    // An answer to an earlier copy is not delivered after one to a later copy.
    let (call, first) = bench.call(&CALL);
    bench.say(&new_salt(first, 1)).unwrap();
    let second = bench.sent_messages().iter().find(|m| m.body == CALL[..]).unwrap().msg_id;
    bench.say(&result(second, ANSWER)).unwrap();
    bench.say(&result(first, &[0x66; 8])).unwrap();
    assert_eq!(bench.incoming(), [reply(call)]);
}

#[test]
fn c09_a_container_that_must_not_be_is_refused_whole() {
    let mut bench = Bench::new();
    let good = || Message { msg_id: (session::UNIX << 32) | 1, seqno: 1, body: Bytes::from_static(&UPDATE) };
    let head = |count: i32| [&MSG_CONTAINER.to_le_bytes()[..], &count.to_le_bytes()].concat();
    let raw = |len: i32, body: &[u8]| {
        let m = good();
        let len = len.to_le_bytes();
        [&head(2), &container(&[good()])[8..], &m.msg_id.to_le_bytes(), &m.seqno.to_le_bytes(), &len[..], body].concat()
    };
    let nested = Message { body: container(&[good()]).into(), ..good() };
    let empty = Message { body: Bytes::new(), ..good() };
    let above = Message { msg_id: (session::UNIX + 1) << 32 | 1, ..good() };
    let of_client = Message { msg_id: session::UNIX << 32, ..good() };
    let many: Vec<Message> =
        (0..=MAX_CONTAINER as i64).map(|n| Message { msg_id: (session::UNIX << 32) + 4 * n + 1, ..good() }).collect();
    for (what, body) in [
        ("a container inside", container(&[good(), nested])),
        ("an id above its own", container(&[good(), above])),
        ("a client's id", container(&[good(), of_client])),
        ("a message without a body", container(&[good(), empty])),
        ("count -1", [head(-1), container(&[good()])[8..].to_vec()].concat()),
        ("count i32::MAX", [head(i32::MAX), container(&[good()])[8..].to_vec()].concat()),
        ("one fewer than counted", [head(2), container(&[good()])[8..].to_vec()].concat()),
        ("one more than counted", [head(0), container(&[good()])[8..].to_vec()].concat()),
        ("more than 1024", container(&many)),
        ("length past the end", raw(12, &UPDATE)),
        ("length -4", raw(-4, &UPDATE)),
        ("length 6", raw(6, &UPDATE)),
        ("length i32::MIN", raw(i32::MIN, &UPDATE)),
        ("no count", MSG_CONTAINER.to_le_bytes().to_vec()),
    ] {
        let refused = bench.say_as((session::UNIX << 32) + 40_001, 0, &body);
        assert_eq!(refused, Err(SessionError::Container), "{what}");
        assert_eq!(bench.incoming(), [], "{what}");
    }
    assert_eq!(bench.sent_messages(), [], "nothing of them is acknowledged");
    // The ids of a refused container, and those inside, remain unused.
    bench.say_as((session::UNIX << 32) + 40_001, 0, &container(&many[..MAX_CONTAINER])).unwrap();
    assert_eq!(bench.incoming().len(), MAX_CONTAINER);
    bench.advance(secs(1));
    bench.say_together(&[]).expect("an empty one is lawful");
    bench.assert_works();
}

#[test]
fn c09_one_unreadable_message_does_not_take_the_others_along() {
    // The first message is accepted, the second is damaged, the third was not read. The server sends the last two
    // again.
    let mut damaged = deflate(&UPDATE);
    let at = damaged.len() - 8;
    damaged[at] ^= 1;
    for second in [MsgsAck::ID.to_le_bytes().to_vec(), GzipPacked { packed_data: Blob(damaged) }.to_boxed()] {
        the_others_are_taken(&second);
    }
}

fn the_others_are_taken(second: &[u8]) {
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&CALL);
    let first = bench.inner(1, &UPDATE);
    let second = bench.inner(3, second);
    let third = bench.inner(5, &result(msg_id, ANSWER));
    let all = [first.clone(), second.clone(), third.clone()];
    assert!(matches!(bench.say_together(&all), Err(SessionError::Decode(_) | SessionError::Gzip)));
    assert_eq!(bench.incoming(), [Incoming::Update(Bytes::from_static(&UPDATE))]);
    bench.client.reconnected(bench.now);
    let acks: Vec<i64> = bench.sent_of::<MsgsAck>().into_iter().flat_map(|a| a.msg_ids).collect();
    assert_eq!(acks, [first.msg_id]);
    bench.say_together(&[first, third]).unwrap();
    assert_eq!(bench.incoming(), [reply(call)]);
}

#[test]
fn c10_compressed_data_are_opened_once_within_a_limit() {
    let mut bench = Bench::new();
    bench.say(&gzip(&UPDATE)).unwrap();
    assert_eq!(bench.incoming(), [Incoming::Update(Bytes::from_static(&UPDATE))]);
    let damaged = |at_end: usize, bit: u8| {
        let mut packed = deflate(&[7; 4000]);
        let at = packed.len() - at_end;
        packed[at] ^= bit;
        GzipPacked { packed_data: Blob(packed) }.to_boxed()
    };
    let cut = |len: usize| GzipPacked { packed_data: Blob(deflate(&UPDATE)[..len].to_vec()) }.to_boxed();
    let bomb = gzip(&vec![0; MAX_INFLATED + 4]);
    let rows = [
        ("a bomb", bomb.clone()),
        ("compressed twice", gzip(&gzip(&UPDATE))),
        ("nothing inside", gzip(&[])),
        ("wrong CRC", damaged(8, 1)),
        ("wrong length", damaged(4, 1)),
        ("a damaged stream", damaged(12, 4)),
        ("cut off before the trailer", cut(deflate(&UPDATE).len() - 8)),
        ("cut off inside the header", cut(9)),
        ("no data", cut(0)),
        ("a container inside", gzip(&container(&[]))),
    ];
    for (what, body) in &rows {
        let error = bench.say(body).expect_err(what);
        assert!(matches!(error, SessionError::Gzip | SessionError::Container), "{what}: {error}");
        assert_eq!(bench.incoming(), [], "{what}");
    }
    // In an answer, the caller gets the error: the server would not repeat the answer.
    for (what, body) in &rows[..8] {
        let (call, msg_id) = bench.call(&CALL);
        bench.say(&result(msg_id, body)).unwrap();
        assert_eq!(bench.incoming(), [Incoming::Reply { call, result: Err(CallError::Damaged) }], "{what}");
    }
    // A whole result may be compressed, and an error inside one.
    let (call, msg_id) = bench.call(&CALL);
    bench.say(&gzip(&result(msg_id, ANSWER))).unwrap();
    assert_eq!(bench.incoming(), [reply(call)]);
    let (call, msg_id) = bench.call(&CALL);
    let no = RpcErrorBare { error_code: 420, error_message: "FLOOD_WAIT_5".into() }.to_boxed();
    bench.say(&result(msg_id, &gzip(&no))).unwrap();
    let [Incoming::Reply { result: Err(CallError::Refused(e)), .. }] = &bench.incoming()[..] else { panic!() };
    assert_eq!((e.code, e.kind(), call), (420, ("FLOOD_WAIT", Some(5)), call));
}

#[test]
fn c10_many_small_bombs_are_one_bomb() {
    // Eight kilobytes each, eight megabytes inflated: a container of them could exhaust memory.
    let mut bench = Bench::new();
    let mut large = UPDATE.to_vec();
    large.resize(MAX_INFLATED, 0);
    let packed = gzip(&large);
    assert!(packed.len() < 16 << 10);
    let inner: Vec<Message> = (0..200).map(|n| bench.inner(2 * n + 1, &packed)).collect();
    assert_eq!(bench.say_together(&inner), Err(SessionError::Gzip));
    let held: usize = bench.incoming().iter().map(|i| if let Incoming::Update(b) = i { b.len() } else { 0 }).sum();
    assert!(held <= MAX_INFLATED, "{held} bytes");
    // Each packet has the whole limit.
    for _ in 0..3 {
        bench.say(&packed).unwrap();
        assert_eq!(bench.incoming().len(), 1);
    }
}

#[test]
fn c11_constructors_in_the_wrong_place_do_no_harm() {
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&CALL);
    let salt = FutureSalt { valid_since: 0, valid_until: i32::MAX, salt: 666 };
    let copy = [&0xe060_46b2_u32.to_le_bytes()[..], &container(&[bench.inner(1, &UPDATE)])[8..]].concat();
    let strays: Vec<(&str, Vec<u8>)> = vec![
        ("future_salt", salt.to_boxed()),
        ("msg_copy", copy),
        ("http_wait", HttpWait { max_delay: 1, wait_after: 2, max_wait: 3 }.to_boxed()),
        ("rpc_error", RpcErrorBare { error_code: 500, error_message: "NO".into() }.to_boxed()),
        ("pong for nobody", Pong { msg_id: 4, ping_id: 4 }.to_boxed()),
        ("msgs_ack of nothing", MsgsAck { msg_ids: vec![] }.to_boxed()),
        ("msgs_ack of anything", MsgsAck { msg_ids: vec![0, -1, i64::MIN, i64::MAX] }.to_boxed()),
        ("msgs_all_info", MsgsAllInfo { msg_ids: vec![1, 2], info: Blob(vec![4]) }.to_boxed()),
        ("msgs_state_info", MsgsStateInfo { req_msg_id: msg_id, info: Blob(vec![1]) }.to_boxed()),
        ("destroy_session_ok", DestroySessionOk { session_id: 1 }.to_boxed()),
        ("destroy_session_none", DestroySessionNone { session_id: 1 }.to_boxed()),
        ("msg_detailed_info", {
            MsgDetailedInfo { msg_id: 0, answer_msg_id: i64::MIN, bytes: -1, status: -1 }.to_boxed()
        }),
        ("msg_new_detailed_info", MsgNewDetailedInfo { answer_msg_id: 0, bytes: 0, status: 0 }.to_boxed()),
        ("msgs_state_req of nothing", MsgsStateReq { msg_ids: vec![] }.to_boxed()),
        ("msg_resend_req of nothing", MsgResendReq { msg_ids: vec![] }.to_boxed()),
        ("rpc_result for nobody", result(12, &[])),
        ("future_salts of nothing", FutureSalts { req_msg_id: 0, now: 0, salts: BareVec(vec![]) }.to_boxed()),
    ];
    for (what, body) in &strays {
        bench.say(body).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(bench.incoming(), [], "{what}");
        bench.sent();
    }
    assert_eq!(bench.client.salts().current(), SALT);
    // An empty body is not a message.
    assert!(bench.say(&[]).is_err());
    // Calls from a server make no sense, but are harmless: they are passed on as updates.
    for body in [Ping { ping_id: 1 }.to_boxed(), GetFutureSalts { num: 64 }.to_boxed()] {
        bench.say(&body).unwrap();
        assert_eq!(bench.incoming(), [Incoming::Update(body.into())]);
    }
    bench.say(&result(msg_id, ANSWER)).unwrap();
    assert_eq!(bench.incoming(), [reply(call)]);
}

/// Constructor ids that a session handles itself.
const READ: [u32; 22] = [
    0xf35c_6d01, // rpc_result
    MSG_CONTAINER,
    0x3072_cfa1, // gzip_packed
    0xe060_46b2, // msg_copy
    MsgsAck::ID,
    BadMsgNotification::ID,
    BadServerSalt::ID,
    MsgsStateReq::ID,
    MsgsStateInfo::ID,
    MsgsAllInfo::ID,
    MsgDetailedInfo::ID,
    MsgNewDetailedInfo::ID,
    MsgResendReq::ID,
    RpcErrorBare::ID,
    FutureSalt::ID,
    FutureSalts::ID,
    Pong::ID,
    NewSessionCreated::ID,
    DestroySessionOk::ID,
    DestroySessionNone::ID,
    HttpWait::ID,
    0x1cb5_c415, // Vector
];

#[test]
fn c11_no_body_whatever_makes_a_session_panic() {
    let mut bench = Bench::new();
    let mut calls = std::collections::VecDeque::new();
    for round in 0..20_000 {
        let id = READ[round % READ.len()];
        let len = bench.random.random_range(0..20) * 4;
        let mut body = id.to_le_bytes().to_vec();
        for word in noise(&mut bench.random, len).chunks(4) {
            // Small numbers, like counts and lengths, and known ids reach deeper than noise.
            match word[0] % 4 {
                0 => body.extend([word[1] % 4, 0, 0, 0]),
                1 => body.extend(READ[usize::from(word[1]) % READ.len()].to_le_bytes()),
                2 if body.len() % 8 == 4 => {
                    let (call, sent) = bench.call(&CALL);
                    body.extend(sent.to_le_bytes());
                    calls.push_back(call);
                }
                _ => body.extend(word),
            }
        }
        if bench.say(&body).is_err() && round % 7 == 0 {
            bench.client.reconnected(bench.now);
        }
        bench.advance(Duration::from_millis(50));
        if bench.client.handle_timeout(bench.now).is_err() {
            bench.client.reconnected(bench.now);
        }
        bench.sent();
        bench.incoming();
        while calls.len() > 8 {
            calls.pop_front().into_iter().for_each(|call| bench.client.forget(call));
        }
        if round % 100 == 0 {
            assert!(size(&bench.client) < 1 << 20, "round {round}");
        }
    }
}

#[test]
fn c12_an_announced_answer_is_asked_for() {
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&CALL);
    let answer = bench.inner(1, &result(msg_id, ANSWER));
    let info = |msg_id, answer_msg_id| MsgDetailedInfo { msg_id, answer_msg_id, bytes: 100_000, status: 0 }.to_boxed();
    bench.say(&info(msg_id, answer.msg_id)).unwrap();
    let sent = bench.sent_messages();
    let asked: Vec<_> = sent.iter().filter_map(|m| MsgResendReq::from_boxed(&m.body).ok()).collect();
    assert_eq!(asked, [MsgResendReq { msg_ids: vec![answer.msg_id] }]);
    let acked = |sent: &[Message]| {
        let acks = sent.iter().filter_map(|m| MsgsAck::from_boxed(&m.body).ok());
        acks.flat_map(|a| a.msg_ids).any(|id| id == answer.msg_id)
    };
    assert!(!acked(&sent), "what has not come is not acknowledged");
    // The request may itself be refused for its salt: it is sent again.
    let request = sent.iter().find(|m| MsgResendReq::from_boxed(&m.body).is_ok()).unwrap();
    assert!(!request.is_content());
    bench.say(&new_salt(request.msg_id, 9)).unwrap();
    let again = bench.sent_messages();
    let again = again.iter().find(|m| MsgResendReq::from_boxed(&m.body).is_ok()).expect("it is sent again");
    assert!(!again.is_content());
    bench.say_together(std::slice::from_ref(&answer)).unwrap();
    assert_eq!(bench.incoming(), [reply(call)]);
    // Once the answer has come, a repeated announcement is only acknowledged.
    bench.advance(secs(60));
    bench.sent();
    bench.say(&info(msg_id, answer.msg_id)).unwrap();
    bench.advance(secs(60));
    let sent = bench.sent_messages();
    assert!(acked(&sent));
    assert!(sent.iter().all(|m| MsgResendReq::from_boxed(&m.body).is_err()));
    // A message that the server sent on its own is requested in any case.
    let unseen = bench.id_at(0, 3);
    bench.say(&MsgNewDetailedInfo { answer_msg_id: unseen, bytes: 9, status: 0 }.to_boxed()).unwrap();
    assert_eq!(bench.sent_of::<MsgResendReq>(), [MsgResendReq { msg_ids: vec![unseen] }]);
}

#[test]
fn c13_questions_about_messages_are_answered() {
    let mut bench = Bench::new();
    let seen = bench.id();
    let between = bench.id();
    let inner = bench.inner(1, &UPDATE);
    bench.say_as(seen, 1, &UPDATE).unwrap();
    bench.say_together(std::slice::from_ref(&inner)).unwrap();
    let (_, own) = bench.call(&CALL);
    let above = bench.id_at(10, 1);
    let asks = bench.id();
    let req = MsgsStateReq { msg_ids: vec![seen, between, inner.msg_id, above, own] };
    bench.say_as(asks, 0, &req.to_boxed()).unwrap();
    let info = bench.sent_of::<MsgsStateInfo>().remove(0);
    assert_eq!(info.req_msg_id, asks);
    let states = [state::RECEIVED, state::NOT_RECEIVED, state::RECEIVED, state::TOO_HIGH, state::UNKNOWN];
    assert_eq!(info.info.0, states);
    // Messages older than a full window are unknown.
    for _ in 0..nanogram::protocol::session::WINDOW {
        bench.say(&UPDATE).unwrap();
        bench.incoming();
    }
    bench.say(&MsgsStateReq { msg_ids: vec![between] }.to_boxed()).unwrap();
    assert_eq!(bench.sent_of::<MsgsStateInfo>().remove(0).info.0, [state::UNKNOWN]);
    // A request about too many messages is ignored: the answer would be as long.
    bench.say(&MsgsStateReq { msg_ids: vec![1; MAX_ACKS + 1] }.to_boxed()).unwrap();
    assert_eq!(bench.sent_of::<MsgsStateInfo>(), []);
}

#[test]
fn c13_what_the_server_asks_for_again_it_gets() {
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&CALL);
    bench.say(&MsgResendReq { msg_ids: vec![msg_id] }.to_boxed()).unwrap();
    let sent = bench.sent_messages();
    let again = sent.iter().find(|m| m.body == CALL[..]).expect("sent again").msg_id;
    assert!(again > msg_id);
    bench.say(&result(again, ANSWER)).unwrap();
    assert_eq!(bench.incoming(), [reply(call)]);
    // Messages no longer held are reported as such.
    let asks = bench.id();
    bench.say_as(asks, 0, &MsgResendReq { msg_ids: vec![msg_id, 8] }.to_boxed()).unwrap();
    let info = MsgsStateInfo { req_msg_id: asks, info: Blob(vec![state::UNKNOWN; 2]) };
    assert_eq!(bench.sent_of::<MsgsStateInfo>(), [info]);
}

#[test]
fn c14_state_infos_count_only_as_answers_to_a_question() {
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&CALL);
    let ask = |bench: &mut Bench| {
        bench.client.reconnected(bench.now);
        let sent = bench.sent_messages();
        assert!(sent.iter().all(|m| m.body != CALL[..]));
        sent.iter().find(|m| MsgsStateReq::from_boxed(&m.body).is_ok()).expect("asked").msg_id
    };
    let asked = ask(&mut bench);
    let info = |req_msg_id, info: &[u8]| MsgsStateInfo { req_msg_id, info: Blob(info.to_vec()) }.to_boxed();
    let lost = state::NOT_RECEIVED;
    for body in [info(asked, &[]), info(asked, &[lost, lost]), info(asked + 4, &[lost]), info(msg_id, &[lost])] {
        bench.say(&body).unwrap();
        assert!(bench.sent_messages().iter().all(|m| m.body != CALL[..]));
    }
    // All forms of "received", with flags on top; the answer will come.
    for flags in [0, 8, 32, 64, 128, 8 | 64 | 128] {
        let asked = ask(&mut bench);
        bench.say(&info(asked, &[state::RECEIVED | flags])).unwrap();
        assert!(bench.sent_messages().iter().all(|m| m.body != CALL[..]));
    }
    // The server has acknowledged the call and forgotten it since: it must not be executed twice.
    bench.say(&MsgsAck { msg_ids: vec![msg_id] }.to_boxed()).unwrap();
    let asked = ask(&mut bench);
    bench.say(&info(asked, &[state::UNKNOWN])).unwrap();
    assert!(bench.sent_messages().iter().all(|m| m.body != CALL[..]));
    bench.say(&result(msg_id, ANSWER)).unwrap();
    assert_eq!(bench.incoming(), [reply(call)]);
    for code in [state::UNKNOWN, state::NOT_RECEIVED, state::TOO_HIGH] {
        let (_, msg_id) = bench.call(&CALL);
        let asked = ask(&mut bench);
        bench.say(&info(asked, &[code])).unwrap();
        let again = bench.sent_messages().iter().find(|m| m.body == CALL[..]).expect("sent again").msg_id;
        bench.say(&result(again, ANSWER)).unwrap();
        assert!(again > msg_id);
    }
}

#[test]
fn c15_acks_go_out_in_time_and_number() {
    let mut bench = Bench::new();
    bench.say(&UPDATE).unwrap();
    assert_eq!(bench.sent_messages(), [], "one waits for company");
    let since = bench.now;
    let due = bench.client.poll_timeout().expect("but not for ever");
    assert!(due.since(since) <= secs(60));
    bench.now = due;
    bench.client.handle_timeout(due).unwrap();
    assert_eq!(bench.sent_of::<MsgsAck>().len(), 1);
    assert!(bench.client.poll_timeout().is_none_or(|next| next > due), "the time-out is over");
    // A flood: every message is acknowledged, a few hundred bytes at a time.
    let (mut acks, mut largest) = (0, 0);
    for n in 0..100_000 {
        bench.say(&UPDATE).unwrap();
        bench.incoming();
        for ack in bench.sent_of::<MsgsAck>() {
            assert!(ack.msg_ids.len() <= MAX_ACKS);
            acks += ack.msg_ids.len();
        }
        if n % 1000 == 0 {
            largest = largest.max(size(&bench.client));
        }
    }
    assert!(acks >= 100_000 - 16, "{acks}");
    assert!(largest < 64 << 10, "{largest}");
    // While nothing can be sent, at most one message's worth of acknowledgements is kept.
    for _ in 0..30_000 {
        bench.say(&UPDATE).unwrap();
        bench.incoming();
    }
    let kept: Vec<usize> = bench.sent_of::<MsgsAck>().iter().map(|a| a.msg_ids.len()).collect();
    assert_eq!(kept, [MAX_ACKS]);
}

#[test]
fn c16_a_silent_server_is_noticed() {
    let mut bench = Bench::new();
    bench.assert_works();
    let start = bench.now;
    let error = bench.wait(start + secs(600)).expect_err("nothing has come for ten minutes");
    assert_eq!(error, SessionError::Silent);
    assert!(bench.now.since(start) <= secs(80), "noticed after {:?}", bench.now.since(start));
    // The client pings first, and asks the server to disconnect if the client falls silent.
    let mut bench = Bench::new();
    bench.assert_works();
    let (mut pings, mut id) = (0, 0);
    let until = bench.now + secs(3600);
    while bench.now < until {
        let step = bench.now + secs(5);
        for m in bench.wait(step).expect("every ping is answered").into_iter().flat_map(|s| s.messages) {
            if let Ok(ping) = PingDelayDisconnect::from_boxed(&m.body) {
                assert!((61..=120).contains(&ping.disconnect_delay));
                assert_ne!(ping.ping_id, id);
                id = ping.ping_id;
                pings += 1;
                bench.say(&Pong { msg_id: m.msg_id, ping_id: id }.to_boxed()).unwrap();
            }
        }
    }
    assert!((55..=61).contains(&pings), "{pings} pings in an hour");
    // On a new connection, old timers do not fire at once.
    bench.advance(secs(100_000));
    bench.client.reconnected(bench.now);
    bench.wait(bench.now + secs(30)).expect("it has just connected");
}

#[test]
fn c16_no_time_out_is_ever_due_for_good() {
    // With and without calls, before and after a reconnection: every time-out leads to a later one.
    for calls in [false, true] {
        for reconnects in [false, true] {
            let mut random = Bench::new().random;
            let mut clock = ServerClock::guess(Instant::ZERO, UnixTime::from_secs(session::UNIX));
            clock.sync(Instant::ZERO, UnixTime::from_secs(session::UNIX));
            let mut session = Session::client(key(), SALT, clock, &mut random).unwrap();
            if calls {
                session.call(Bytes::from_static(&CALL));
            }
            if reconnects {
                session.reconnected(Instant::ZERO);
            }
            let (mut last, mut same) = (Instant::ZERO, 0);
            for _ in 0..200 {
                while session.poll_packet(last, &mut random).unwrap().is_some() {}
                let Some(due) = session.poll_timeout() else { break };
                same = if due <= last { same + 1 } else { 0 };
                assert!(same < 3, "{due:?} again and again");
                last = last.max(due);
                if session.handle_timeout(last).is_err() {
                    session.reconnected(last);
                }
            }
        }
    }
}

#[test]
fn c17_ids_grow_over_clock_steps_and_connections() {
    let mut bench = Bench::new();
    let mut last_id = 0;
    let mut content = Seqno::default();
    let mut random = Bench::new().random;
    for round in 0..2000 {
        // The local clock may stand still, but not go back; the server's clock may jump.
        if random.random_ratio(1, 3) {
            bench.advance(Duration::from_micros(random.random_range(0..5_000_000)));
        }
        bench.client.call(vec![1; 4].into());
        for sent in bench.sent() {
            let outer = Message { msg_id: sent.header.msg_id, seqno: sent.header.seqno, body: Bytes::new() };
            let messages: Vec<_> = sent.messages.iter().chain(sent.is_container.then_some(&outer)).collect();
            for m in messages {
                assert!(m.msg_id > last_id, "round {round}: {} after {last_id}", m.msg_id);
                assert_eq!(m.msg_id & 3, 0);
                assert_eq!(m.seqno, content.next(m.is_content()), "round {round}");
                last_id = m.msg_id;
            }
            if round % 5 == 0 {
                // Code 16: the server's time is 250 s behind or 20 s ahead.
                let off = [-250, 20][round / 5 % 2];
                let id = bench.id_at(off, 1);
                let _ = bench.say_as(id, 1, &refusal(sent.header.msg_id, 16));
            }
        }
        bench.incoming();
        if round % 11 == 0 {
            bench.client.reconnected(bench.now);
        }
    }
}

#[test]
fn c20_the_state_is_asked_before_anything_is_sent_again() {
    let mut bench = Bench::new();
    let (executed, executed_id) = bench.call(&[1; 4]);
    let (lost, lost_id) = bench.call(&[2; 4]);
    assert!(bench.client.is_sent(executed));
    let unsent = bench.client.call(Bytes::from_static(&[3; 4]));
    assert!(!bench.client.is_sent(unsent));
    bench.client.reconnected(bench.now);
    let sent = bench.sent_messages();
    let asked = sent.iter().find(|m| MsgsStateReq::from_boxed(&m.body).is_ok()).expect("asked");
    assert_eq!(MsgsStateReq::from_boxed(&asked.body).unwrap().msg_ids, [executed_id, lost_id]);
    let calls: Vec<_> = sent.iter().filter(|m| m.body.len() == 4).map(|m| m.body[0]).collect();
    assert_eq!(calls, [3], "only what was never sent");
    let info = Blob(vec![state::RECEIVED, state::NOT_RECEIVED]);
    bench.say(&MsgsStateInfo { req_msg_id: asked.msg_id, info }.to_boxed()).unwrap();
    let sent = bench.sent_messages();
    let calls: Vec<_> = sent.iter().filter(|m| m.body.len() == 4).map(|m| m.body[0]).collect();
    assert_eq!(calls, [2], "only what the server has not");
    bench.say(&result(executed_id, ANSWER)).unwrap();
    let again = sent.iter().find(|m| m.body == [2; 4][..]).unwrap().msg_id;
    bench.say(&result(again, ANSWER)).unwrap();
    assert_eq!(bench.incoming(), [reply(executed), reply(lost)]);
}

#[test]
fn c20_a_question_that_is_refused_is_asked_again_soon() {
    // After an hour of absence the salt is old: the very first packet, with the request in it, is refused.
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&CALL);
    bench.client.reconnected(bench.now);
    let sent = bench.sent();
    bench.say(&new_salt(sent[0].header.msg_id, 9)).unwrap();
    let sent = bench.wait(bench.now + secs(2)).unwrap();
    let again = sent.iter().flat_map(|s| &s.messages).find(|m| MsgsStateReq::from_boxed(&m.body).is_ok());
    let asked = again.expect("asked again").msg_id;
    bench.say(&MsgsStateInfo { req_msg_id: asked, info: Blob(vec![state::NOT_RECEIVED]) }.to_boxed()).unwrap();
    let again = bench.sent_messages().iter().find(|m| m.body == CALL[..]).expect("sent again").msg_id;
    assert!(again > msg_id);
    bench.say(&result(again, ANSWER)).unwrap();
    assert_eq!(bench.incoming(), [reply(call)]);
}

#[test]
fn c20_questions_do_not_pile_up_while_there_is_no_connection() {
    let mut bench = Bench::new();
    bench.call(&CALL);
    for _ in 0..1000 {
        bench.advance(secs(20));
        let _ = bench.client.handle_timeout(bench.now);
    }
    bench.client.reconnected(bench.now);
    assert_eq!(bench.sent_messages().len(), 1);
}

#[test]
fn c20_a_question_that_still_waits_is_not_asked_beside_a_later_one() {
    let mut bench = Bench::new();
    let (_, msg_id) = bench.call(&CALL);
    // Nothing can be sent, but the connection is not given up yet.
    for _ in 0..4 {
        bench.advance(secs(11));
        bench.client.handle_timeout(bench.now).unwrap();
    }
    let sent = bench.sent_messages();
    let asked: Vec<_> = sent.iter().filter_map(|m| MsgsStateReq::from_boxed(&m.body).ok()).collect();
    assert_eq!(asked.iter().map(|req| &req.msg_ids[..]).collect::<Vec<_>>(), [[msg_id]]);
}

/// Entropy that fails once, after a number of draws.
struct Failing(u32, rand::rngs::ChaCha12Rng);

impl Entropy for Failing {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        self.0 = self.0.wrapping_sub(1);
        if self.0 == u32::MAX { Err(EntropyFailed) } else { Entropy::fill(&mut self.1, out) }
    }
}

#[test]
fn nothing_is_lost_when_entropy_fails() {
    for draws in 0..1 {
        let mut bench = Bench::new();
        let mut failing = Failing(draws, Bench::new().random);
        bench.client.call(Bytes::from_static(&CALL));
        for _ in 0..20 {
            bench.say(&UPDATE).unwrap();
        }
        let before = format!("{:?}", bench.client);
        assert_eq!(bench.client.poll_packet(bench.now, &mut failing), Err(EntropyFailed));
        assert_eq!(format!("{:?}", bench.client), before);
        let sent = bench.sent_messages();
        assert_eq!(sent.len(), 2, "the call and the acks");
    }
    // Nor when a new session is due.
    let mut bench = Bench::new();
    let mut failing = Failing(0, Bench::new().random);
    let (call, msg_id) = bench.call(&CALL);
    bench.say(&refusal(msg_id, 32)).unwrap();
    assert_eq!(bench.client.poll_packet(bench.now, &mut failing), Err(EntropyFailed));
    let again = bench.sent_messages().iter().find(|m| m.body == CALL[..]).expect("it is sent").msg_id;
    bench.say(&result(again, ANSWER)).unwrap();
    assert_eq!(bench.incoming(), [reply(call)]);
}

/// 256 packets share one draw: the first of the next 256 fails like the very first, with or without a new session.
#[test]
fn nothing_is_lost_when_entropy_fails_in_the_middle_of_a_session() {
    for (renews, draws) in [(false, 0), (true, 0), (true, 1)] {
        let mut bench = Bench::new();
        for _ in 0..255 {
            let (call, msg_id) = bench.call(&CALL);
            bench.say(&result(msg_id, ANSWER)).unwrap();
            assert_eq!(bench.incoming(), [reply(call)]);
        }
        let (call, msg_id) = bench.call(&CALL);
        if renews {
            bench.say(&refusal(msg_id, 32)).unwrap();
        } else {
            bench.say(&UPDATE).unwrap();
            bench.client.call(Bytes::from_static(&CALL));
        }
        let mut none = Failing(draws, Bench::new().random);
        assert_eq!(bench.client.poll_packet(bench.now, &mut none), Err(EntropyFailed), "{renews} {draws}");
        let sent = bench.sent_messages();
        let again = sent.iter().find(|m| m.body == CALL[..]).expect("it is sent").msg_id;
        bench.say(&result(if renews { again } else { msg_id }, ANSWER)).unwrap();
        assert!(bench.incoming().contains(&reply(call)), "{renews} {draws}");
    }
}

#[test]
fn a_binding_comes_first_and_is_not_lost_when_entropy_fails() {
    use nanogram::protocol::session::CallId;
    use nanogram::telegram::api::auth::BindTempAuthKey;
    for draws in 0..2 {
        let mut bench = Bench::new();
        let mut failing = Failing(draws, Bench::new().random);
        bench.client.call(Bytes::from_static(&CALL));
        bench.client.bind(key(), 5);
        bench.say(&MsgsStateReq { msg_ids: vec![1] }.to_boxed()).unwrap();
        let before = format!("{:?}", bench.client);
        assert_eq!(bench.client.poll_packet(bench.now, &mut failing), Err(EntropyFailed));
        assert_eq!(format!("{:?}", bench.client), before);
        let binds = |sent: &[Message]| {
            let binds = sent.iter().filter(|m| BindTempAuthKey::from_boxed(&m.body).is_ok());
            binds.map(|m| m.msg_id).collect::<Vec<_>>()
        };
        let sent = bench.sent_messages();
        assert!(sent.iter().any(|m| MsgsStateInfo::from_boxed(&m.body).is_ok()));
        assert!(sent.iter().all(|m| m.body != CALL[..]));
        // Refused for its salt, the binding comes first again, rebuilt for its new id.
        let [bind] = binds(&sent)[..] else { panic!() };
        bench.say(&new_salt(bind, 9)).unwrap();
        let sent = bench.sent_messages();
        let [bind] = binds(&sent)[..] else { panic!() };
        assert!(sent.iter().all(|m| m.body != CALL[..]));
        bench.say(&result(bind, &[0xb5, 0x75, 0x72, 0x99])).unwrap();
        assert!(matches!(bench.incoming()[..], [Incoming::Reply { call: CallId::BIND, result: Ok(_) }]));
        assert!(bench.sent_messages().iter().any(|m| m.body == CALL[..]));
    }
}

#[test]
fn a_refused_container_is_sent_message_by_message() {
    let mut bench = Bench::new();
    for n in 0..3 {
        bench.client.call(vec![n; 4].into());
    }
    let sent = bench.sent();
    assert!(sent[0].is_container);
    bench.say(&refusal(sent[0].header.msg_id, 64)).unwrap();
    for _ in 0..20 {
        bench.say(&UPDATE).unwrap();
    }
    let sent = bench.sent();
    assert!(sent.iter().all(|s| !s.is_container));
    let calls: Vec<u8> = sent.iter().map(|s| s.messages[0].body[0]).take(3).collect();
    assert_eq!(calls, [0, 1, 2]);
    assert!(sent.iter().any(|s| MsgsAck::from_boxed(&s.messages[0].body).is_ok()));
}

#[test]
fn a_call_resent_for_ever_stays_small() {
    let mut bench = Bench::new();
    let (call, mut msg_id) = bench.call(&CALL);
    let mut largest = 0;
    for n in 0..10_000 {
        bench.say(&MsgResendReq { msg_ids: vec![msg_id] }.to_boxed()).unwrap();
        msg_id = bench.sent_messages().iter().find(|m| m.body == CALL[..]).expect("sent again").msg_id;
        if n % 100 == 0 {
            largest = largest.max(size(&bench.client));
        }
    }
    assert!(largest < 128 << 10, "{largest}");
    bench.say(&result(msg_id, ANSWER)).unwrap();
    assert_eq!(bench.incoming(), [reply(call)]);
}

#[test]
fn a_client_recovers_from_every_refusal() {
    for (code, says, _) in BAD_MSG {
        for in_container in [false, true] {
            let mut bench = Bench::new();
            let other = in_container.then(|| bench.client.call(Bytes::from_static(&[1; 4])));
            let call = bench.client.call(Bytes::from_static(&CALL));
            let sent = bench.sent();
            let refused = sent[0].header.msg_id;
            bench.say(&if *code == 48 { new_salt(refused, 9) } else { refusal(refused, *code) }).unwrap();
            let again = bench.sent_messages();
            let mut answered: Vec<Incoming> = Vec::new();
            for m in again.iter().filter(|m| m.body.len() == 4) {
                // Only after a clock that was ahead do ids start lower, in a new session.
                let mut old = sent.iter().flat_map(|s| &s.messages);
                assert!(*code == 17 || old.all(|old| old.msg_id < m.msg_id), "{says}");
                bench.say(&result(m.msg_id, ANSWER)).unwrap();
                answered.extend(bench.incoming());
            }
            let all: Vec<Incoming> = other.into_iter().chain([call]).map(reply).collect();
            assert_eq!(answered, all, "{code}: {says}");
        }
    }
}

/// Server side of a session, against a client reduced to a key.
mod dc {
    use super::*;
    use crate::support::session::UNIX;
    use bytes::BytesMut;
    use nanogram::protocol::session::WINDOW;
    use nanogram::protocol::session::packet::{self, Header};
    use nanogram::tl::Tl;

    struct Dc {
        server: ServerSession,
        now: Instant,
        random: rand::rngs::ChaCha12Rng,
    }

    const SESSION: i64 = 55;

    fn id(off: i64, n: i64) -> i64 {
        ((UNIX + off) << 32) + 4 * n
    }

    impl Dc {
        fn new() -> Self {
            let clock = ServerClock::guess(Instant::ZERO, UnixTime::from_secs(UNIX));
            let server = ServerSession::new(key(), SALT, clock, SESSION);
            Self { server, now: Instant::ZERO, random: Bench::new().random }
        }
        fn hear(&mut self, msg_id: i64, seqno: i32, body: &[u8]) -> Result<Option<u32>, SessionError> {
            self.hear_with(Header { salt: SALT, session_id: SESSION, msg_id, seqno }, body)
        }
        fn hear_with(&mut self, header: Header, body: &[u8]) -> Result<Option<u32>, SessionError> {
            let (packet, token) = packet::seal(&key(), Side::Client, &header, body, &mut self.random).unwrap();
            let taken = self.server.handle_packet(self.now, BytesMut::from(&packet[..]))?;
            assert!(taken.is_none_or(|taken| taken == token));
            Ok(taken)
        }
        /// Messages that the server sends now, with their ids and sequence numbers.
        fn said(&mut self) -> Vec<Message> {
            let mut all = Vec::new();
            while let Some(packet) = self.server.poll_packet(self.now, &mut self.random).unwrap() {
                let opened = packet::open(&key(), Side::Server, BytesMut::from(&packet[..])).unwrap();
                assert_eq!(opened.header.session_id, SESSION);
                let Header { msg_id, seqno, .. } = opened.header;
                match nanogram::wire::mt::message::read_container(&opened.body) {
                    Ok(inner) => all.extend(inner),
                    Err(_) => all.push(Message { msg_id, seqno, body: opened.body }),
                }
            }
            all
        }
        fn refusals(&mut self) -> Vec<(i64, i32, i32)> {
            let said = self.said();
            said.iter().filter_map(|m| refused(&m.body)).collect()
        }
        fn requests(&mut self) -> Vec<i64> {
            std::iter::from_fn(|| self.server.poll_request()).map(|request| request.msg_id).collect()
        }
    }

    /// Message id, sequence number and code of a `bad_msg_notification`.
    fn refused(body: &[u8]) -> Option<(i64, i32, i32)> {
        match BadMsg::from_bytes(body).ok()? {
            BadMsg::Refused(b) => Some((b.bad_msg_id, b.bad_msg_seqno, b.error_code)),
            BadMsg::Salt(b) => Some((b.bad_msg_id, b.bad_msg_seqno, b.error_code)),
            _ => None,
        }
    }

    fn message(msg_id: i64, seqno: i32, body: &[u8]) -> Message {
        Message { msg_id, seqno, body: Bytes::copy_from_slice(body) }
    }

    #[test]
    fn every_refusal_is_deserved_and_said() {
        let nested = container(&[message(id(0, 4), 1, &container(&[]))]);
        let above = container(&[message(id(0, 9), 1, &CALL)]);
        let of_server = container(&[message(id(0, 4) | 1, 1, &CALL)]);
        let cut = container(&[message(id(0, 4), 1, &CALL)]);
        let empty = container(&[]);
        let rows: [(i32, i64, i32, &[u8]); 11] = [
            (16, id(-301, 0), 1, &CALL),
            (17, id(31, 0), 1, &CALL),
            (18, id(0, 5) | 1, 1, &CALL),
            (18, id(0, 5) | 2, 1, &CALL),
            (18, id(0, 5) | 3, 1, &CALL),
            (34, id(0, 5), 1, &empty),
            (35, id(0, 5), 0, &CALL),
            (64, id(0, 5), 0, &nested),
            (64, id(0, 5), 0, &above),
            (64, id(0, 5), 0, &of_server),
            (64, id(0, 5), 0, &cut[..cut.len() - 4]),
        ];
        for (code, msg_id, seqno, body) in rows {
            let mut dc = Dc::new();
            assert_eq!(dc.hear(msg_id, seqno, body), Ok(None), "{code}: no quick ack for what is refused");
            assert_eq!(dc.refusals(), [(msg_id, seqno, code)]);
            assert_eq!(dc.server.take_refused(), [code]);
            assert!(dc.requests().is_empty(), "{code}");
            assert!(dc.hear(id(0, 50), 1, &CALL).unwrap().is_some());
            assert_eq!(dc.requests(), [id(0, 50)], "{code}: and then it goes on");
        }
        // 29 s and 299 s are within bounds.
        for off in [-299, 29] {
            let mut dc = Dc::new();
            assert!(dc.hear(id(off, 0), 1, &CALL).unwrap().is_some());
            assert_eq!(dc.refusals(), []);
        }
    }

    #[test]
    fn numbers_that_contradict_the_ids_are_refused() {
        let mut dc = Dc::new();
        dc.hear(id(1, 0), 5, &CALL).unwrap();
        assert_eq!(dc.refusals(), []);
        for (msg_id, seqno, code) in [
            (id(2, 0), 3, 32), // later, and a lower number
            (id(2, 0), 5, 32), // later, and the same
            (id(0, 0), 7, 33), // earlier, and a higher number
            (id(0, 0), 5, 33), // earlier, and the same
            (id(2, 0), 7, 0),  // in order
            (id(0, 0), 3, 0),  // late, but in order
        ] {
            dc.hear(msg_id, seqno, &CALL).unwrap();
            let refused: Vec<i32> = dc.refusals().iter().map(|r| r.2).collect();
            assert_eq!(refused, if code == 0 { vec![] } else { vec![code] }, "seqno {seqno}");
        }
        assert_eq!(dc.requests(), [id(1, 0), id(2, 0), id(0, 0)]);
    }

    #[test]
    fn a_message_too_old_to_know_is_refused() {
        let mut dc = Dc::new();
        for n in 1..=WINDOW as i64 {
            dc.hear(id(0, n), (2 * n + 1) as i32, &CALL).unwrap();
        }
        dc.requests();
        dc.said();
        assert_eq!(dc.hear(id(0, 0), 1, &CALL), Ok(None));
        assert_eq!(dc.refusals(), [(id(0, 0), 1, 20)]);
        assert!(dc.requests().is_empty());
        // A known message is acknowledged, and not delivered again.
        assert!(dc.hear(id(0, 9), 19, &CALL).unwrap().is_some());
        assert_eq!((dc.requests(), dc.server.take_refused()), (vec![], vec![20]));
    }

    #[test]
    fn a_wrong_salt_is_told_the_right_one() {
        let mut dc = Dc::new();
        let header = Header { salt: 1, session_id: SESSION, msg_id: id(0, 1), seqno: 1 };
        assert_eq!(dc.hear_with(header, &CALL), Ok(None));
        let said = dc.said();
        let told = BadServerSalt::from_boxed(&said[0].body).unwrap();
        assert_eq!((told.bad_msg_id, told.error_code, told.new_server_salt), (id(0, 1), 48, SALT));
        // With a grace period the previous salt stays valid for a while, otherwise it does not.
        dc.server.change_salt(2, true);
        assert!(dc.hear(id(0, 2), 1, &CALL).unwrap().is_some());
        dc.server.change_salt(3, false);
        assert_eq!(dc.hear(id(0, 3), 3, &CALL), Ok(None));
        let header = Header { salt: 3, session_id: SESSION, msg_id: id(0, 4), seqno: 3 };
        assert!(dc.hear_with(header, &CALL).unwrap().is_some());
        assert_eq!(dc.requests(), [id(0, 2), id(0, 4)]);
    }

    #[test]
    fn another_session_is_another_sessions() {
        let mut dc = Dc::new();
        let header = Header { salt: SALT, session_id: SESSION + 1, msg_id: id(0, 1), seqno: 1 };
        assert_eq!(dc.hear_with(header, &CALL), Err(SessionError::WrongSession));
    }

    #[test]
    fn only_another_ping_puts_the_hanging_up_off() {
        let mut dc = Dc::new();
        let ping = |delay| PingDelayDisconnect { ping_id: 9, disconnect_delay: delay }.to_boxed();
        dc.hear(id(0, 1), 1, &ping(75)).unwrap();
        let at = |n| Some(Instant::ZERO + secs(n));
        assert_eq!(dc.server.hang_up_at(), at(75));
        let said = dc.said();
        assert!(said.iter().any(|m| m.body == Pong { msg_id: id(0, 1), ping_id: 9 }.to_boxed()));
        dc.now = Instant::ZERO + secs(10);
        dc.hear(id(10, 1), 3, &CALL).unwrap();
        assert_eq!(dc.server.hang_up_at(), at(75), "a call does not");
        dc.hear(id(10, 2), 5, &ping(75)).unwrap();
        assert_eq!(dc.server.hang_up_at(), at(85));
        for delay in [-1, 0, i32::MIN, i32::MAX] {
            dc.hear(id(10, 100 + i64::from(delay & 7)), 7, &ping(delay)).unwrap();
        }
        dc.server.reconnected();
        assert_eq!(dc.server.hang_up_at(), None, "it was about the old connection");
    }

    #[test]
    fn future_salts_are_given_as_asked() {
        let mut dc = Dc::new();
        let now = UNIX as i32;
        let mut n = 0;
        let mut ask = |dc: &mut Dc, num| {
            n += 1;
            dc.hear(id(0, n), 2 * n as i32 + 1, &GetFutureSalts { num }.to_boxed()).unwrap();
            let said = dc.said();
            let salts = said.iter().find_map(|m| FutureSalts::from_boxed(&m.body).ok()).expect("the salts");
            assert_eq!((salts.req_msg_id, salts.now), (id(0, n), now));
            salts.salts.0
        };
        for (num, len) in [(1, 1), (8, 8), (64, 64), (1000, 64), (0, 1), (-5, 1)] {
            let salts = ask(&mut dc, num);
            assert_eq!(salts.len(), len);
            assert_eq!(salts[0].salt, SALT);
            assert!(salts[0].valid_since <= now && salts[0].valid_until > now);
            for pair in salts.windows(2) {
                assert_eq!(pair[1].valid_since, pair[0].valid_since + 1800, "one follows the other");
                assert_eq!(pair[0].valid_until, pair[0].valid_since + 3600);
                assert_ne!(pair[0].salt, pair[1].salt);
            }
        }
    }

    #[test]
    fn what_is_not_acknowledged_comes_again_as_a_copy() {
        let mut dc = Dc::new();
        for n in 1..=3 {
            dc.hear(id(0, n), 2 * n as i32 + 1, &CALL).unwrap();
        }
        for msg_id in dc.requests() {
            dc.server.reply(msg_id, Ok(Bytes::from_static(ANSWER)));
        }
        dc.server.notify(Bytes::from_static(&UPDATE));
        let first: Vec<Message> = dc.said().into_iter().filter(Message::is_content).collect();
        assert_eq!(first.len(), 4);
        let ack = MsgsAck { msg_ids: vec![first[1].msg_id, 77] }.to_boxed();
        dc.hear(id(0, 4), 8, &ack).unwrap();
        dc.server.reconnected();
        let packet = dc.server.poll_packet(dc.now, &mut dc.random).unwrap().expect("it is said again");
        let opened = packet::open(&key(), Side::Server, BytesMut::from(&packet[..])).unwrap();
        let again: Vec<Message> = nanogram::wire::mt::message::read_container(&opened.body)
            .unwrap()
            .into_iter()
            .filter(Message::is_content)
            .collect();
        // The same messages with ids and numbers unchanged, always in a container, whose id is new.
        assert_eq!(again, [first[0].clone(), first[2].clone(), first[3].clone()]);
        assert!(opened.header.msg_id > first[3].msg_id);
        // Even a single one.
        let acks = MsgsAck { msg_ids: vec![first[0].msg_id, first[2].msg_id] }.to_boxed();
        dc.hear(id(0, 5), 8, &acks).unwrap();
        dc.server.reconnected();
        let packet = dc.server.poll_packet(dc.now, &mut dc.random).unwrap().expect("it is said again");
        let opened = packet::open(&key(), Side::Server, BytesMut::from(&packet[..])).unwrap();
        assert!(nanogram::wire::mt::message::read_container(&opened.body).is_ok());
        // Also on request; messages no longer held are reported as such.
        let req = MsgResendReq { msg_ids: vec![first[3].msg_id] }.to_boxed();
        dc.hear(id(0, 6), 8, &req).unwrap();
        assert!(dc.said().contains(&first[3]));
        let req = MsgResendReq { msg_ids: vec![first[0].msg_id] }.to_boxed();
        dc.hear(id(0, 7), 8, &req).unwrap();
        let info = MsgsStateInfo { req_msg_id: id(0, 7), info: Blob(vec![state::UNKNOWN]) }.to_boxed();
        assert!(dc.said().iter().any(|m| m.body == info));
    }

    #[test]
    fn copies_are_taken_once() {
        let mut bench = Bench::new();
        let clock = ServerClock::guess(Instant::ZERO, UnixTime::from_secs(UNIX));
        let mut server = ServerSession::new(key(), SALT, clock, bench.client.session_id());
        let call = bench.client.call(Bytes::from_static(&CALL));
        let packet = bench.client.poll_packet(bench.now, &mut bench.random).unwrap().unwrap();
        server.handle_packet(bench.now, BytesMut::from(&packet[..])).unwrap();
        let Some(Request { msg_id, .. }) = server.poll_request() else { panic!() };
        server.reply(msg_id, Ok(Bytes::from_static(ANSWER)));
        server.notify(Bytes::from_static(&UPDATE));
        for _ in 0..5 {
            let packet = server.poll_packet(bench.now, &mut bench.random).unwrap().expect("again");
            bench.deliver(BytesMut::from(&packet[..])).unwrap();
            server.reconnected();
        }
        assert_eq!(bench.incoming(), [reply(call), Incoming::Update(Bytes::from_static(&UPDATE))]);
    }

    #[test]
    fn a_client_cannot_change_its_server() {
        let mut dc = Dc::new();
        // A container of the server, which a refusal may name.
        for n in 1..=2 {
            dc.hear(id(0, n), 2 * n as i32 + 1, &CALL).unwrap();
            dc.server.reply(id(0, n), Ok(Bytes::from_static(ANSWER)));
        }
        let packet = dc.server.poll_packet(dc.now, &mut dc.random).unwrap().unwrap();
        let own = packet::open(&key(), Side::Server, BytesMut::from(&packet[..])).unwrap().header.msg_id;
        for (n, (code, ..)) in (10..).zip(BAD_MSG) {
            dc.hear(id(0, n), 100, &refusal(own, *code)).unwrap();
        }
        dc.hear(id(0, 40), 100, &new_salt(own, 666)).unwrap();
        let new = NewSessionCreated { first_msg_id: 0, unique_id: 1, server_salt: 666 };
        let _ = dc.hear(id(0, 41), 101, &new.to_boxed());
        let salts = BareVec(vec![FutureSalt { valid_since: 0, valid_until: i32::MAX, salt: 666 }]);
        dc.hear(id(0, 42), 102, &FutureSalts { req_msg_id: own, now: 0, salts }.to_boxed()).unwrap();
        assert_eq!(dc.server.session_id(), SESSION);
        assert_eq!(dc.server.salts().current(), SALT);
        assert_eq!(dc.server.clock().at(dc.now), UnixTime::from_secs(UNIX));
        dc.said();
    }

    #[test]
    fn a_client_that_lies_does_not_make_its_server_grow() {
        const BOUND: usize = 8 << 20;
        // The client acknowledges nothing.
        let mut dc = Dc::new();
        for n in 1..30_000 {
            dc.hear(id(0, n), 2 * n as i32 + 1, &CALL).unwrap();
            for msg_id in dc.requests() {
                dc.server.reply(msg_id, Ok(Bytes::from_static(ANSWER)));
            }
            dc.said();
        }
        assert!(size(&dc.server) < BOUND, "{} with small answers", size(&dc.server));
        // Large answers without acknowledgement.
        let mut dc = Dc::new();
        let noise = Bytes::from(noise(&mut dc.random, 1 << 20));
        for n in 1..64 {
            dc.hear(id(0, n), 2 * n as i32 + 1, &CALL).unwrap();
            dc.server.reply(id(0, n), Ok(noise.clone()));
            dc.said();
        }
        dc.server.reconnected();
        let kept: usize = dc.said().iter().map(|m| m.body.len()).sum();
        assert!((1 << 20..3 << 20).contains(&kept), "{kept} bytes of large answers");
        // Everything that the client sends is refused, and the log is not read.
        let mut dc = Dc::new();
        for n in 1..30_000 {
            dc.hear(id(-1000, n), 1, &CALL).unwrap();
            dc.said();
        }
        assert!(size(&dc.server) < BOUND, "{} with refusals", size(&dc.server));
        // The client asks for more than is sensible, and the server never gets to send.
        let mut dc = Dc::new();
        let asks = [
            MsgsStateReq { msg_ids: vec![4; 20_000] }.to_boxed(),
            MsgsStateReq { msg_ids: vec![4; MAX_ACKS] }.to_boxed(),
            MsgResendReq { msg_ids: vec![4; 20_000] }.to_boxed(),
            MsgsAck { msg_ids: vec![1; 20_000] }.to_boxed(),
            MsgDetailedInfo { msg_id: 1, answer_msg_id: 4, bytes: 1, status: 0 }.to_boxed(),
            Ping { ping_id: 1 }.to_boxed(),
            GetFutureSalts { num: 64 }.to_boxed(),
        ];
        for n in 1..14_000_i64 {
            let body = &asks[n as usize % asks.len()];
            dc.hear(id(0, n), (2 * n) as i32, body).unwrap();
        }
        assert!(size(&dc.server) < 32 << 20, "{} with questions", size(&dc.server));
        dc.said();
        // The client sends a call compressed a thousandfold.
        let mut dc = Dc::new();
        let mut large = UPDATE.to_vec();
        large.resize(MAX_INFLATED, 0);
        let packed = gzip(&large);
        let inner: Vec<_> = (1..100).map(|n| message(id(0, n), 2 * n as i32 + 1, &packed)).collect();
        assert_eq!(dc.hear(id(0, 1000), 1000, &container(&inner)), Err(SessionError::Gzip));
    }
}

//! Encrypted messages, a test for each row B of the security checklist: packets that a client session must refuse, from
//! a peer that has the key, or only a copy of a packet.

mod client;

use crate::support::session::{self, ANSWER, Bench, SALT, container, encrypt, encrypt_v1, noise, open, plain, result};
use bytes::{Bytes, BytesMut};
use nanogram::base::side::Side;
use nanogram::protocol::session::packet::{Header, INNER, OUTER};
use nanogram::protocol::session::{Incoming, RpcError, Session, SessionError, WINDOW};
use nanogram::tl::{Blob, Combinator, Reader};
use nanogram::wire::mt::message::Message;
use nanogram::wire::mt::service::{
    BadMsgNotification, BadServerSalt, MsgsAck, MsgsStateInfo, MsgsStateReq, NewSessionCreated, Pong, state,
};
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Unsolicited body, which a client passes on as an update.
const UPDATE: [u8; 8] = [0x11, 0x22, 0x33, 0x44, 1, 2, 3, 4];

type Forge = fn(&mut Bench) -> BytesMut;

/// Packet with any length field and any padding.
fn shaped(bench: &mut Bench, len: i32, body: &[u8], padding: usize) -> BytesMut {
    let header = bench.header();
    encrypt(Side::Server, &plain(&header, len, body, padding))
}

fn with(bench: &mut Bench, change: fn(&mut Header)) -> BytesMut {
    let mut header = bench.header();
    change(&mut header);
    encrypt(Side::Server, &plain(&header, 8, &UPDATE, 24))
}

fn valid(bench: &mut Bench) -> BytesMut {
    with(bench, |_| ())
}

/// Packets that fail to decrypt; an outsider must not learn why.
const UNOPENED: &[(&str, Forge)] = &[
    ("nothing", |_| BytesMut::new()),
    ("short", |b| valid(b).split_to(OUTER + INNER)),
    ("another key id", |b| flipped(valid(b), 0)),
    ("not whole blocks", |b| {
        let mut packet = valid(b);
        packet.truncate(packet.len() - 1);
        packet
    }),
    ("another msg_key", |b| flipped(valid(b), 8)),
    ("a flipped first block", |b| flipped(valid(b), OUTER)),
    ("a flipped last block", |b| {
        let packet = valid(b);
        let last = packet.len() - 1;
        flipped(packet, last)
    }),
    ("an extra block", |b| {
        let mut packet = valid(b);
        packet.extend_from_slice(&noise(&mut b.random, 16));
        packet
    }),
    ("length -4", |b| shaped(b, -4, &UPDATE, 24)),
    ("length i32::MIN", |b| shaped(b, i32::MIN, &UPDATE, 24)),
    ("length i32::MAX", |b| shaped(b, i32::MAX, &UPDATE, 24)),
    ("length 6", |b| shaped(b, 6, &UPDATE, 24)),
    ("length beyond the end", |b| shaped(b, 36, &UPDATE, 24)),
    ("no padding", |b| shaped(b, 16, &[1; 16], 0)),
    ("padding 8", |b| shaped(b, 8, &UPDATE, 8)),
    ("padding 1036", |b| shaped(b, 4, &UPDATE[..4], 1036)),
    ("padding 4108", |b| shaped(b, 4, &UPDATE[..4], 4108)),
    ("reflected", |b| {
        let header = b.header();
        encrypt(Side::Client, &plain(&header, 8, &UPDATE, 24))
    }),
    ("MTProto 1", |b| {
        let header = b.header();
        encrypt_v1(Side::Server, &plain(&header, 8, &UPDATE, 8), 40)
    }),
];

/// Packets that decrypt, but must be refused.
const OPENED: &[(&str, Forge)] = &[
    ("another session", |b| with(b, |h| h.session_id ^= 1)),
    ("session 0", |b| with(b, |h| h.session_id = 0)),
    ("a client's id", |b| with(b, |h| h.msg_id &= !3)),
    ("an id that nobody makes", |b| with(b, |h| h.msg_id = h.msg_id & !3 | 2)),
    ("301 s old", |b| {
        let id = b.id_at(-301, 1);
        b.seal(id, 1, &UPDATE)
    }),
    ("an empty body", |b| shaped(b, 0, &[], 16)),
];

fn flipped(mut packet: BytesMut, at: usize) -> BytesMut {
    packet[at] ^= 1;
    packet
}

#[test]
fn b01_msg_key_covers_every_bit() {
    let mut bench = Bench::new();
    let packet = valid(&mut bench);
    for bit in 0..packet.len() * 8 {
        let mut forged = packet.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        bench.assert_refused(&format!("bit {bit}"), forged);
    }
    bench.deliver(packet).unwrap();
    assert_eq!(bench.incoming(), [Incoming::Update(Bytes::from_static(&UPDATE))]);
}

#[test]
fn b02_failures_to_open_look_alike_from_outside() {
    let mut bench = Bench::new();
    let shown: BTreeSet<String> =
        UNOPENED.iter().map(|(what, forge)| bench_refuses(&mut bench, what, *forge).to_string()).collect();
    assert_eq!(shown.len(), 1, "{shown:?}");
    // No field is read before msg_key is verified: a plaintext with every field wrong, under another msg_key, is
    // indistinguishable from a good one, even in the session's own log.
    let good = flipped(valid(&mut bench), 8);
    let lies = [i32::MIN, -4, 6, i32::MAX].map(|len| flipped(shaped(&mut bench, len, &UPDATE, 24), 8));
    let why = bench.assert_refused("good", good);
    for lie in lies {
        assert_eq!(bench.assert_refused("lie", lie), why);
    }
    bench.assert_works();
}

fn bench_refuses(bench: &mut Bench, what: &str, forge: Forge) -> SessionError {
    let packet = forge(bench);
    let error = bench.assert_refused(what, packet);
    assert!(matches!(error, SessionError::Packet(_)), "{what}: {error:?}");
    error
}

fn row(prefix: &str) {
    let mut bench = Bench::new();
    let rows: Vec<_> = UNOPENED.iter().chain(OPENED).filter(|(what, _)| what.starts_with(prefix)).collect();
    assert!(!rows.is_empty(), "{prefix}");
    for (what, forge) in rows {
        let packet = forge(&mut bench);
        bench.assert_refused(what, packet);
        assert_eq!(bench.incoming(), [], "{what}");
        assert_eq!(bench.sent().len(), 0, "{what}: something was said to it");
    }
    bench.assert_works();
}

#[test]
fn b03_another_key_id_is_refused() {
    row("another key id");
    let mut bench = Bench::new();
    for byte in 0..8 {
        let packet = flipped(valid(&mut bench), byte);
        bench.assert_refused("key id", packet);
    }
}

#[test]
fn b04_a_ciphertext_of_broken_blocks_is_refused() {
    row("not whole blocks");
    row("short");
    row("nothing");
    let mut bench = Bench::new();
    let packet = valid(&mut bench);
    for len in 0..packet.len() {
        bench.assert_refused(&format!("{len} bytes"), BytesMut::from(&packet[..len]));
    }
}

#[test]
fn b05_a_lying_length_is_refused() {
    row("length");
    let mut bench = Bench::new();
    for len in (-70..2000).chain([i32::MIN, i32::MAX, i32::MAX - 3, 1 << 24]) {
        let packet = shaped(&mut bench, len, &UPDATE, 24);
        // 8 is the real length; 4, 12, 16 and 20 leave valid padding, so the key's holder may send them.
        match len {
            4 | 8 | 12 | 16 | 20 => bench.deliver(packet).unwrap(),
            0 => assert!(bench.deliver(packet).is_err()),
            _ => drop(bench.assert_refused(&format!("length {len}"), packet)),
        }
    }
}

#[test]
fn b06_padding_below_12_is_refused() {
    row("no padding");
    row("padding 8");
    let mut bench = Bench::new();
    for (words, padding) in [(4, 0), (3, 4), (2, 8)] {
        let packet = shaped(&mut bench, words * 4, &vec![1; words as usize * 4], padding);
        bench.assert_refused(&format!("padding {padding}"), packet);
    }
    let packet = shaped(&mut bench, 4, &UPDATE[..4], 12);
    bench.deliver(packet).expect("12 is enough");
}

#[test]
fn b07_padding_above_1024_is_refused() {
    row("padding 1036");
    row("padding 4108");
    let mut bench = Bench::new();
    let packet = shaped(&mut bench, 16, &[1; 16], 1024);
    bench.deliver(packet).expect("1024 is not too much");
    let packet = shaped(&mut bench, 12, &[1; 12], 1028);
    bench.assert_refused("padding 1028", packet);
}

#[test]
fn b08_another_session_is_refused() {
    row("another session");
    row("session 0");
    let mut other = Bench::new();
    other.client = Session::client(session::key(), SALT, *other.client.clock(), &mut other.random).unwrap();
    let packet = valid(&mut other);
    Bench::new().assert_refused("a session of the same key", packet);
}

#[test]
fn b09_an_id_that_no_server_makes_is_refused() {
    row("a client's id");
    row("an id that nobody makes");
    let mut bench = Bench::new();
    for who in [1, 3] {
        let id = bench.id_at(0, who);
        bench.say_as(id, 1, &UPDATE).unwrap();
    }
}

#[test]
fn b10_a_replay_is_taken_once() {
    let mut bench = Bench::new();
    let recorded: Vec<BytesMut> = (0..50).map(|_| valid(&mut bench)).collect();
    // The first time out of order.
    for at in (0..50).map(|i| i * 7 % 50) {
        bench.deliver(recorded[at].clone()).unwrap();
    }
    assert_eq!(bench.incoming().len(), 50);
    let replay = |bench: &mut Bench, when: &str| {
        for packet in &recorded {
            let _ = bench.deliver(packet.clone());
        }
        assert_eq!(bench.incoming(), [], "replayed {when}");
    };
    replay(&mut bench, "at once");
    bench.advance(Duration::from_secs(1));
    replay(&mut bench, "a second later");
    bench.client.reconnected(bench.now);
    replay(&mut bench, "after a reconnection");
    // Again when the window has moved on.
    for _ in 0..WINDOW + 10 {
        bench.say(&UPDATE).unwrap();
    }
    assert_eq!(bench.incoming().len(), WINDOW + 10);
    replay(&mut bench, "when forgotten");
    bench.advance(Duration::from_secs(3600));
    replay(&mut bench, "an hour later");
    bench.assert_works();
    // A replay never keeps a dead connection alive.
    bench.advance(Duration::from_secs(60));
    bench.client.handle_timeout(bench.now).unwrap();
    bench.sent();
    replay(&mut bench, "instead of a pong");
    bench.advance(nanogram::protocol::session::PONG_WITHIN);
    assert_eq!(bench.client.handle_timeout(bench.now), Err(SessionError::Silent));
}

#[test]
fn b11_an_untimely_message_is_refused() {
    row("301 s old");
    for (off, is_taken) in [(-299, true), (29, true), (-301, false), (31, false), (-31_536_000, false)] {
        let mut bench = Bench::new();
        let id = bench.id_at(off, 1);
        let taken = bench.say_as(id, 1, &UPDATE);
        assert_eq!(taken, if is_taken { Ok(()) } else { Err(SessionError::Untimely) }, "{off} s");
        assert_eq!(bench.incoming().len(), usize::from(is_taken), "{off} s");
    }
}

#[test]
fn b11_a_clock_that_slept_is_found_out() {
    // The machine slept for an hour and its clock stopped: all server messages are in the future.
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&[7, 7, 7, 7]);
    let early = bench.id_at(3600, 3);
    assert_eq!(bench.say_as(early, 1, &UPDATE), Err(SessionError::Untimely));
    // On a new connection messages are accepted again, and an answer sets the clock.
    bench.client.reconnected(bench.now);
    let id = bench.id_at(3600, 1);
    bench.say_as(id, 1, &result(msg_id, ANSWER)).unwrap();
    assert_eq!(bench.incoming(), [Incoming::Reply { call, result: Ok(Bytes::from_static(ANSWER)) }]);
    let there = bench.client.clock().at(bench.now);
    assert!((there.as_secs() - bench.unix().as_secs() - 3600).abs() <= 1, "{there:?}");
    // From then on the clock is right again, and strict.
    assert!(bench.client.clock().is_synced());
    let late = bench.id_at(0, 3);
    assert_eq!(bench.say_as(late, 1, &UPDATE), Err(SessionError::Untimely));
}

#[test]
fn b11_a_clock_that_drifts_is_kept_right() {
    // A clock that loses a second per minute: no message is ever refused as too far in the future.
    let mut bench = Bench::new();
    for minute in 0..600 {
        let id = bench.id_at(minute, 3);
        bench.say_as(id, 1, &UPDATE).unwrap();
        bench.advance(Duration::from_secs(59));
    }
}

#[test]
fn b11_a_clock_is_not_set_by_an_old_answer() {
    // The clock is not known yet, and the first answer is a copy recorded ten minutes ago.
    let clock = nanogram::base::time::ServerClock::guess(
        nanogram::base::time::Instant::ZERO,
        nanogram::base::time::UnixTime::from_secs(session::UNIX),
    );
    let mut bench = Bench::with_clock(clock);
    let (_, msg_id) = bench.call(&[7, 7, 7, 7]);
    let mut copy = bench.inner(1, &result(msg_id, ANSWER));
    copy.msg_id = bench.id_at(-600, 1);
    bench.say_together(&[copy]).unwrap();
    assert_eq!(bench.incoming().len(), 1);
    bench.say(&UPDATE).expect("what the server says now is of now");
}

#[test]
fn b12_inner_messages_are_judged_and_taken_once() {
    let mut bench = Bench::new();
    let alone = bench.id();
    bench.say_as(alone, 1, &UPDATE).unwrap();
    let again = Message { msg_id: alone, seqno: 1, body: Bytes::from_static(&UPDATE) };
    let fresh = bench.inner(3, &UPDATE);
    let twice = bench.inner(5, &UPDATE);
    bench.say_together(&[again, fresh.clone(), twice.clone(), twice]).unwrap();
    bench.say_together(std::slice::from_ref(&fresh)).unwrap();
    assert_eq!(bench.incoming().len(), 3, "one alone, two in containers");
    // In the opposite order: first in a container, then alone.
    bench.say_as(fresh.msg_id, 3, &UPDATE).unwrap();
    assert_eq!(bench.incoming(), []);
    // Inside a container, too, only server ids are accepted.
    for bits in [0, 2] {
        let mut bad = bench.inner(1, &UPDATE);
        bad.msg_id = bad.msg_id & !3 | bits;
        let body = container(&[bad]);
        let packet_id = bench.id();
        let packet = bench.seal(packet_id, 0, &body);
        assert_eq!(bench.deliver(packet), Err(SessionError::Container));
    }
    assert_eq!(bench.incoming(), []);
}

#[test]
fn b12_an_answer_is_never_too_old_to_be_taken() {
    // Sent, lost, and sent again as a copy after hundreds of later messages.
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call(&[7, 7, 7, 7]);
    let lost = bench.inner(1, &result(msg_id, ANSWER));
    let other = bench.inner(1, &UPDATE);
    for _ in 0..WINDOW + 10 {
        bench.say(&UPDATE).unwrap();
    }
    bench.incoming();
    bench.sent();
    bench.say_together(&[lost.clone(), other]).unwrap();
    assert_eq!(bench.incoming(), [Incoming::Reply { call, result: Ok(Bytes::from_static(ANSWER)) }]);
    bench.say_together(&[lost]).unwrap();
    assert_eq!(bench.incoming(), [], "it counts once");
}

#[test]
fn b13_inner_content_is_acknowledged() {
    let mut bench = Bench::new();
    let content = [bench.inner(1, &UPDATE), bench.inner(3, &UPDATE)];
    let service = bench.inner(2, &Pong { msg_id: 4, ping_id: 5 }.to_boxed());
    let [a, b] = content.clone();
    bench.say_together(&[a, service, b]).unwrap();
    bench.advance(Duration::from_secs(60));
    let acks: Vec<i64> = bench.sent_of::<MsgsAck>().into_iter().flat_map(|ack| ack.msg_ids).collect();
    assert_eq!(acks, content.map(|m| m.msg_id), "the inner odd ones, and nothing else");
    // A repeated message was acknowledged without effect, and is acknowledged again.
    bench.say_as(acks[0], 1, &UPDATE).unwrap();
    bench.advance(Duration::from_secs(60));
    assert_eq!(bench.sent_of::<MsgsAck>(), [MsgsAck { msg_ids: vec![acks[0]] }]);
}

#[test]
fn b14_a_reflected_packet_is_refused() {
    row("reflected");
    let mut bench = Bench::new();
    bench.client.call(Bytes::from_static(&UPDATE));
    let own = bench.client.poll_packet(bench.now, &mut bench.random).unwrap().unwrap();
    bench.assert_refused("the client's own packet", BytesMut::from(&own[..]));
}

#[test]
fn b15_padding_varies_within_its_bounds() {
    let mut bench = Bench::new();
    for len in [4, 40, 100, 1000, 5000] {
        let mut sizes = BTreeMap::<usize, u32>::new();
        let mut ends = BTreeSet::new();
        for _ in 0..1000 {
            let call = bench.client.call(vec![7; len].into());
            let packet = bench.client.poll_packet(bench.now, &mut bench.random).unwrap().unwrap();
            bench.client.forget(call);
            let padding = packet.len() - OUTER - INNER - len;
            assert_eq!(open(&packet).messages[0].body.len(), len);
            assert!((12..=1024).contains(&padding), "{padding} bytes of padding");
            *sizes.entry(padding).or_default() += 1;
            ends.insert(last_block(&packet));
        }
        assert!(sizes.len() >= 12, "{len} bytes: {sizes:?}");
        assert!(sizes.values().all(|&n| n < 150), "{len} bytes: {sizes:?}");
        assert_eq!(ends.len(), 1000, "padding is random");
    }
}

/// Last 12 bytes of a packet's plaintext.
fn last_block(packet: &[u8]) -> Vec<u8> {
    use nanogram::crypto::{ige, kdf};
    let pair = kdf::aes(&session::key(), Side::Client, &packet[8..24].try_into().unwrap());
    let mut plain = packet[24..].to_vec();
    ige::decrypt(&pair.key, &pair.iv, plain.as_chunks_mut().0);
    plain.split_off(plain.len() - 12)
}

#[test]
fn b16_the_padding_cannot_be_changed() {
    row("an extra block");
    let mut bench = Bench::new();
    let packet = valid(&mut bench);
    let last = packet.len() - 16;
    for attempt in 0..4096 {
        let mut forged = packet.clone();
        let block = noise(&mut bench.random, 16);
        forged[last..].copy_from_slice(&block);
        let error = bench.deliver(forged).expect_err("a swapped last block");
        assert!(matches!(error, SessionError::Packet(_)), "attempt {attempt}");
    }
    for extra in 1..40 {
        let mut forged = packet.clone();
        let blocks = noise(&mut bench.random, 16 * extra);
        forged.extend_from_slice(&blocks);
        bench.assert_refused("extended", forged);
    }
    let mut shorter = packet.clone();
    shorter.truncate(last);
    bench.assert_refused("without its last block", shorter);
    bench.deliver(packet).unwrap();
}

#[test]
fn b17_no_id_is_sealed_twice() {
    let mut bench = Bench::new();
    let mut ids = BTreeSet::new();
    let mut random = rand::rngs::ChaCha12Rng::seed_from_u64(17);
    for n in 0..20_u8 {
        bench.client.call(vec![n, 1, 1, 1].into());
    }
    let mut resent = 0;
    for round in 0..400 {
        bench.advance(Duration::from_millis(random.random_range(1..4000)));
        if bench.client.handle_timeout(bench.now).is_err() {
            bench.client.reconnected(bench.now);
        }
        for sent in bench.sent() {
            let outer = sent.is_container.then_some(sent.header.msg_id);
            for id in sent.messages.iter().map(|m| m.msg_id).chain(outer) {
                assert!(ids.insert(id), "round {round}: {id} was sealed twice");
            }
            resent += sent.messages.len();
            // Never acknowledge or answer; send everything that can make a client resend.
            let inner = sent.messages[random.random_range(0..sent.messages.len())].msg_id;
            let bad_msg_id = if random.random() { inner } else { sent.header.msg_id };
            let asked = sent.messages.iter().find_map(|m| MsgsStateReq::from_boxed(&m.body).ok().map(|req| (m, req)));
            let body = match (random.random_range(0..9), asked) {
                (0..6, Some((m, req))) => {
                    let info = Blob(vec![state::NOT_RECEIVED; req.msg_ids.len()]);
                    MsgsStateInfo { req_msg_id: m.msg_id, info }.to_boxed()
                }
                (0, _) => BadServerSalt { bad_msg_id, bad_msg_seqno: 0, error_code: 48, new_server_salt: 9 }.to_boxed(),
                (1, _) => BadMsgNotification { bad_msg_id, bad_msg_seqno: 0, error_code: 16 }.to_boxed(),
                (2, _) => {
                    let error_code = [64, 64, 20, 32][round as usize % 4];
                    BadMsgNotification { bad_msg_id, bad_msg_seqno: 0, error_code }.to_boxed()
                }
                (3, _) => NewSessionCreated { first_msg_id: i64::MAX, unique_id: round, server_salt: 1 }.to_boxed(),
                (4, _) => nanogram::wire::mt::service::MsgResendReq { msg_ids: vec![bad_msg_id, inner] }.to_boxed(),
                _ => UPDATE.to_vec(),
            };
            bench.say(&body).unwrap();
        }
        if random.random_ratio(1, 20) {
            bench.client.reconnected(bench.now);
        }
        while bench.client.unanswered() < 20 {
            bench.client.call(vec![9, 1, 1, 1].into());
        }
        bench.incoming();
    }
    assert!(resent > 1000, "{resent} messages were sent");
}

const INVOKE_AFTER_MSG: u32 = 0xcb9f_372d;

/// Message id that a message waits for (`invokeAfterMsg`), and the call in it.
fn unwrapped(m: &Message) -> (Option<i64>, Bytes) {
    let mut r = Reader::new(&m.body);
    if r.expect(INVOKE_AFTER_MSG).is_err() {
        return (None, m.body.clone());
    }
    let earlier = r.i64().unwrap();
    (Some(earlier), m.body.slice(r.position()..))
}

/// Server that executes calls in the order of arrival, except for `invokeAfterMsg`.
fn execute(packets: &[session::Sent]) -> Vec<Bytes> {
    let (mut done, mut effects) = (BTreeSet::new(), Vec::new());
    let mut waiting: Vec<&Message> = packets.iter().flat_map(|p| &p.messages).collect();
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|m| unwrapped(m).0.is_none_or(|id| done.contains(&id)));
        let m = waiting.remove(ready.expect("the chain has an end"));
        done.insert(m.msg_id);
        effects.push(unwrapped(m).1);
    }
    effects
}

#[test]
fn b18_swapped_packets_keep_the_order_of_chained_calls() {
    let mut bench = Bench::new();
    let bodies: [[u8; 4]; 3] = [[1; 4], [2; 4], [3; 4]];
    let mut packets = Vec::new();
    let mut last = None;
    for body in bodies {
        let body = Bytes::copy_from_slice(&body);
        last = Some(match last {
            None => bench.client.call(body),
            Some(earlier) => bench.client.call_after(earlier, body),
        });
        packets.extend(bench.sent());
    }
    assert_eq!(packets.len(), 3);
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let swapped = order.map(|at| packets[at].clone());
        assert_eq!(execute(&swapped), bodies.map(|b| Bytes::copy_from_slice(&b)), "{order:?}");
    }
}

#[test]
fn b18_a_chain_follows_the_call_it_waits_for() {
    let mut bench = Bench::new();
    let (first, first_id) = bench.call(&[1; 4]);
    let second = bench.client.call_after(first, Bytes::from_static(&[2; 4]));
    let sent = bench.sent_messages();
    assert_eq!(unwrapped(&sent[0]), (Some(first_id), Bytes::from_static(&[2; 4])));
    // The first call is lost and sent again under another id; the second waits for the old id, and is sent again after
    // it.
    bench.say(&BadMsgNotification { bad_msg_id: first_id, bad_msg_seqno: 1, error_code: 20 }.to_boxed()).unwrap();
    let again = bench.sent_messages().remove(0);
    assert_ne!(again.msg_id, first_id);
    let error = |code, text: &str| {
        nanogram::wire::mt::service::RpcErrorBare { error_code: code, error_message: text.into() }.to_boxed()
    };
    for text in ["MSG_WAIT_FAILED", "MSG_WAIT_TIMEOUT"] {
        bench.say(&result(sent[0].msg_id, &error(400, text))).unwrap();
        assert_eq!(bench.incoming(), []);
        assert_eq!(bench.sent_messages(), [], "{text}: to be refused again would help nobody");
    }
    // Once the first is answered, the second waits for nothing.
    bench.say(&result(again.msg_id, ANSWER)).unwrap();
    let waits = bench.sent_messages().iter().find(|m| m.body == [2; 4][..]).expect("it is sent again").msg_id;
    bench.say(&result(waits, &error(400, "MSG_WAIT_TIMEOUT"))).unwrap();
    let resent = bench.sent_messages();
    let m = resent.iter().find(|m| unwrapped(m).1 == [2; 4][..]).expect("it is sent again");
    assert_eq!(unwrapped(m).0, None);
    // The failure of an earlier call is reported to the caller.
    bench.say(&result(m.msg_id, &error(400, "MSG_WAIT_FAILED"))).unwrap();
    let refused = RpcError::new(400, "MSG_WAIT_FAILED");
    assert!(bench.incoming().contains(&Incoming::Reply {
        call: second,
        result: Err(nanogram::protocol::session::CallError::Refused(refused))
    }));
}

#[test]
fn b19_mtproto_1_is_refused() {
    row("MTProto 1");
    let mut bench = Bench::new();
    for padding in [0, 4, 8, 12, 16, 24] {
        let header = bench.header();
        let body = vec![1; 32 - padding % 16];
        let plain = plain(&header, body.len() as i32, &body, padding);
        let whole = plain.len() / 16 * 16;
        let packet = encrypt_v1(Side::Server, &plain[..whole], (INNER + body.len()).min(whole));
        bench.assert_refused("MTProto 1", packet);
    }
}

#[test]
fn b20_after_any_violation_the_call_completes() {
    for (what, forge) in UNOPENED.iter().chain(OPENED) {
        let mut bench = Bench::new();
        let (call, msg_id) = bench.call(&[7, 7, 7, 7]);
        let packet = forge(&mut bench);
        bench.deliver(packet).expect_err(what);
        // On a new connection, the server has the call and sends its answer again.
        bench.client.reconnected(bench.now);
        bench.sent();
        bench.say(&result(msg_id, ANSWER)).unwrap();
        let reply = Incoming::Reply { call, result: Ok(Bytes::from_static(ANSWER)) };
        assert_eq!(bench.incoming(), [reply], "{what}");
        // On a new connection, the server does not have the call.
        let (call, msg_id) = bench.call(&[8, 8, 8, 8]);
        let packet = forge(&mut bench);
        bench.deliver(packet).expect_err(what);
        bench.client.reconnected(bench.now);
        let sent = bench.sent_messages();
        let (asked, req) =
            sent.iter().find_map(|m| Some((m.msg_id, MsgsStateReq::from_boxed(&m.body).ok()?))).expect(what);
        assert_eq!(req.msg_ids, [msg_id], "{what}");
        let info = Blob(vec![state::NOT_RECEIVED]);
        bench.say(&MsgsStateInfo { req_msg_id: asked, info }.to_boxed()).unwrap();
        let again = bench.sent_messages().into_iter().find(|m| m.body == [8; 4][..]).expect(what);
        bench.say(&result(again.msg_id, ANSWER)).unwrap();
        let reply = Incoming::Reply { call, result: Ok(Bytes::from_static(ANSWER)) };
        assert_eq!(bench.incoming(), [reply], "{what}");
    }
}

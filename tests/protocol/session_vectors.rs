//! The session against vectors from other sources: forged packets, the replay window, service messages.

use bytes::BytesMut;
use nanogram::base::entropy::{Entropy, EntropyFailed};
use nanogram::base::time::{Instant, ServerClock, UnixTime};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::server::session::{Request, ServerSession};
use nanogram::protocol::session::{Incoming, ReplayWindow, Seen, Session};
use serde_json::Value;

fn group(name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../fixtures/vectors.json")).unwrap();
    all["vectors"].as_array().unwrap().iter().filter(|v| v["group"] == name).cloned().collect()
}

fn hex(v: &Value) -> Vec<u8> {
    let s = v.as_str().unwrap();
    (0..s.len()).step_by(2).map(|i| u8::from_str_radix(&s[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn forged_server_packets_are_classified_as_labelled() {
    let vectors = group("forged_server_packets");
    assert_eq!(vectors.len(), 37);
    for v in &vectors {
        let (id, d) = (v["id"].as_str().unwrap(), &v["data"]);
        let key = AuthKey::from_bytes(hex(&d["auth_key"]).try_into().unwrap());
        let now = Instant::from_micros(1_000_000);
        let mut clock = ServerClock::guess(now, UnixTime::from_secs(0));
        clock.sync(now, UnixTime::from_secs(d["server_time"].as_i64().unwrap()));
        let mut random = Fixed(d["client_session_id"].as_i64().unwrap());
        let mut session = Session::client(key, 0, clock, &mut random).unwrap();
        let taken = session.handle_packet(now, BytesMut::from(&hex(&d["packet"])[..]));
        match d["expect"].as_str().unwrap() {
            "accept" => assert!(taken.is_ok(), "{id}: {taken:?}"),
            "reject" | "reject_or_bounded" => {
                assert!(taken.is_err(), "{id} was taken");
                assert_eq!(session.poll_incoming(), None, "{id}");
            }
            other => panic!("{id}: {other}"),
        }
    }
}

#[test]
fn the_replay_window_agrees_with_the_vector() {
    let vectors = group("replay");
    assert_eq!(vectors.len(), 1);
    let d = &vectors[0]["data"];
    let mut window = ReplayWindow::new(d["window_N"].as_u64().unwrap() as usize);
    let (feed, expect) = (d["feed"].as_array().unwrap(), d["expect"].as_array().unwrap());
    assert_eq!(feed.len(), expect.len());
    for (id, expect) in feed.iter().zip(expect) {
        let wanted = match expect.as_str().unwrap() {
            "accept" => Seen::New,
            "ignore duplicate" => Seen::Repeated,
            _ => Seen::TooOld,
        };
        assert_eq!(window.note(id.as_i64().unwrap()), wanted, "{id}");
    }
}

#[test]
fn service_messages_are_read_and_written_as_in_the_vectors() {
    use nanogram::tl::{BareVec, Combinator};
    use nanogram::wire::mt::service::*;
    let vectors = group("service_message");
    assert_eq!(vectors.len(), 9);
    for v in &vectors {
        let (body, f) = (hex(&v["data"]["body"]), &v["data"]["fields"]);
        let long = |name: &str| f[name].as_i64().unwrap();
        let int = |name: &str| i32::try_from(long(name)).unwrap();
        let ids = || f["msg_ids"].as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect::<Vec<_>>();
        fn same<T: Combinator + PartialEq + std::fmt::Debug>(value: T, body: &[u8]) {
            assert_eq!(value.to_boxed(), body);
            assert_eq!(T::from_boxed(body).unwrap(), value);
        }
        match v["id"].as_str().unwrap() {
            "svc_msgs_ack_2" => same(MsgsAck { msg_ids: ids() }, &body),
            "svc_ping_delay_disconnect" => {
                same(PingDelayDisconnect { ping_id: long("ping_id"), disconnect_delay: int("disconnect_delay") }, &body)
            }
            "svc_bad_msg_notification" => same(
                BadMsgNotification {
                    bad_msg_id: long("bad_msg_id"),
                    bad_msg_seqno: int("bad_msg_seqno"),
                    error_code: int("error_code"),
                },
                &body,
            ),
            "svc_get_future_salts" => same(GetFutureSalts { num: int("num") }, &body),
            "svc_future_salts_1" => {
                let salts = f["salts"].as_array().unwrap().iter().map(|s| FutureSalt {
                    valid_since: s[0].as_i64().unwrap() as i32,
                    valid_until: s[1].as_i64().unwrap() as i32,
                    salt: s[2].as_i64().unwrap(),
                });
                let salts = BareVec(salts.collect());
                same(FutureSalts { req_msg_id: long("req_msg_id"), now: int("now"), salts }, &body);
            }
            "svc_msgs_state_req" => same(MsgsStateReq { msg_ids: ids() }, &body),
            "svc_msg_resend_req" => same(MsgResendReq { msg_ids: ids() }, &body),
            "svc_http_wait" => same(
                HttpWait { max_delay: int("max_delay"), wait_after: int("wait_after"), max_wait: int("max_wait") },
                &body,
            ),
            "svc_destroy_session" => same(DestroySession { session_id: long("session_id") }, &body),
            other => panic!("no test for {other}"),
        }
    }
}

#[test]
fn a_real_compressed_result_opens_to_the_recorded_length() {
    use sha2::{Digest, Sha256};
    let vectors = group("gzip");
    assert_eq!(vectors.len(), 1);
    let d = &vectors[0]["data"];
    let wire = hex(&d["rpc_result"]);
    let mut r = nanogram::tl::Reader::new(&wire);
    r.expect(0xf35c_6d01).unwrap();
    assert_eq!(r.i64().unwrap(), d["req_msg_id"].as_i64().unwrap());
    r.expect(0x3072_cfa1).unwrap();
    let value = nanogram::wire::mt::gzip::inflate(r.bytes().unwrap(), 1 << 20).unwrap();
    assert_eq!(value.len() as u64, d["unpacked_len"].as_u64().unwrap());
    let hash: String = Sha256::digest(&value).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hash, d["unpacked_sha256"].as_str().unwrap());
}

#[test]
fn a_gzip_bomb_is_refused_at_the_limit() {
    use nanogram::wire::mt::gzip::{GzipError, MAX_INFLATED, inflate};
    let vectors = group("gzip_reject");
    assert_eq!(vectors.len(), 1);
    let wire = hex(&vectors[0]["data"]["gzip_packed"]);
    let mut r = nanogram::tl::Reader::new(&wire);
    r.expect(0x3072_cfa1).unwrap();
    assert_eq!(inflate(r.bytes().unwrap(), MAX_INFLATED), Err(GzipError::TooLarge));
}

/// Entropy that draws one session id.
struct Fixed(i64);

impl Entropy for Fixed {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        out.copy_from_slice(&self.0.to_le_bytes());
        Ok(())
    }
}

/// Client and server session with one key and one clock.
struct Pair {
    now: Instant,
    client: Session,
    server: ServerSession,
    random: rand::rngs::ChaCha12Rng,
}

impl Pair {
    fn new() -> Self {
        use rand::SeedableRng;
        let mut random = rand::rngs::ChaCha12Rng::seed_from_u64(1);
        let (now, unix) = (Instant::from_micros(1), UnixTime::from_secs(1_700_000_000));
        let key = || AuthKey::from_bytes(core::array::from_fn(|i| i as u8));
        let client = Session::client(key(), 5, ServerClock::guess(now, unix), &mut random).unwrap();
        let server = ServerSession::new(key(), 5, ServerClock::guess(now, unix), client.session_id());
        Self { now, client, server, random }
    }
    /// Delivers packets until both sides are quiet.
    fn settle(&mut self) {
        loop {
            self.now = Instant::from_micros(self.now.as_micros() + 1000);
            let mut quiet = true;
            while let Some(p) = self.client.poll_packet(self.now, &mut self.random).unwrap() {
                self.server.handle_packet(self.now, BytesMut::from(&p[..])).unwrap();
                quiet = false;
            }
            while let Some(p) = self.server.poll_packet(self.now, &mut self.random).unwrap() {
                self.client.handle_packet(self.now, BytesMut::from(&p[..])).unwrap();
                quiet = false;
            }
            if quiet {
                return;
            }
        }
    }
}

#[test]
fn a_call_crosses_and_its_answer_comes_back() {
    let mut p = Pair::new();
    p.server.greet(0, 77);
    let call = p.client.call(vec![1, 2, 3, 4].into());
    p.settle();
    let Some(Request { msg_id, body }) = p.server.poll_request() else { panic!() };
    assert_eq!(body, vec![1, 2, 3, 4]);
    let long = vec![7u8; 4000];
    p.server.reply(msg_id, Ok(long.clone().into()));
    p.settle();
    assert_eq!(p.client.poll_incoming(), Some(Incoming::NewSession));
    assert_eq!(p.client.poll_incoming(), Some(Incoming::Reply { call, result: Ok(long.into()) }));
    assert_eq!(p.client.poll_incoming(), None);
}

#[test]
fn a_salt_change_resends_the_call() {
    let mut p = Pair::new();
    p.server.change_salt(99, false);
    let call = p.client.call(vec![1, 2, 3, 4].into());
    p.settle();
    let Some(Request { msg_id, .. }) = p.server.poll_request() else { panic!() };
    assert_eq!(p.server.poll_request(), None);
    p.server.reply(msg_id, Ok(vec![9, 9, 9, 9].into()));
    p.settle();
    assert_eq!(p.client.poll_incoming(), Some(Incoming::Reply { call, result: Ok(vec![9, 9, 9, 9].into()) }));
}

#[test]
fn a_clock_ten_minutes_off_is_set_right() {
    for off in [-600, 600, 100_000_000] {
        let mut p = Pair::new();
        let unix = UnixTime::from_secs(1_700_000_000 + off);
        let key = AuthKey::from_bytes(core::array::from_fn(|i| i as u8));
        p.server = ServerSession::new(key, 5, ServerClock::guess(p.now, unix), p.client.session_id());
        let call = p.client.call(vec![1, 2, 3, 4].into());
        for _ in 0..3 {
            // A clock that is ahead leads to a new session, which a server would create; here it is created by hand.
            let key = AuthKey::from_bytes(core::array::from_fn(|i| i as u8));
            p.now = Instant::from_micros(p.now.as_micros() + 1000);
            while let Some(packet) = p.client.poll_packet(p.now, &mut p.random).unwrap() {
                if p.client.session_id() != p.server.session_id() {
                    p.server = ServerSession::new(key, 5, ServerClock::guess(p.now, unix), p.client.session_id());
                    p.server.handle_packet(p.now, BytesMut::from(&packet[..])).unwrap();
                    break;
                }
                p.server.handle_packet(p.now, BytesMut::from(&packet[..])).unwrap();
            }
            while let Some(packet) = p.server.poll_packet(p.now, &mut p.random).unwrap() {
                p.client.handle_packet(p.now, BytesMut::from(&packet[..])).unwrap();
            }
        }
        let Some(Request { msg_id, .. }) = p.server.poll_request() else { panic!("{off}") };
        p.server.reply(msg_id, Ok(vec![9, 9, 9, 9].into()));
        p.settle();
        assert_eq!(
            p.client.poll_incoming(),
            Some(Incoming::Reply { call, result: Ok(vec![9, 9, 9, 9].into()) }),
            "{off}"
        );
    }
}

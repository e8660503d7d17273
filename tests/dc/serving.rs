//! The test server as a client sees it: bytes in, bytes out, over a simulated wire.

use crate::support::simulated::{Net, Peer, UNIX};
use bytes::BytesMut;
use nanogram::base::side::Side;
use nanogram::base::time::{Instant, ServerClock};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::dc::log::{Entry, Refusal};
use nanogram::lab::dc::residents::{ALICE, BOB};
use nanogram::lab::dc::{ConnId, Dc, FORGET_AFTER, Fault, MAX_SESSIONS, Reaction, SILENT_AFTER, TEST_KEY};
use nanogram::lab::server::rsa::RsaPrivateKey;
use nanogram::protocol::connection::{Config, ConnectionError, Event, TemporaryKeys};
use nanogram::protocol::handshake::client::{ClientHandshake, HandshakeConfig, Step};
use nanogram::protocol::handshake::plain;
use nanogram::protocol::session::CallError;
use nanogram::protocol::session::bind::seal_bind;
use nanogram::protocol::session::packet::{Header, seal};
use nanogram::telegram::api::auth::{BindTempAuthKey, DropTempAuthKeys};
use nanogram::telegram::api::connect::{GetConfig, InitConnection, InvokeWithLayer};
use nanogram::telegram::api::contacts::{ResolveUsername, Resolved};
use nanogram::telegram::api::messages::StartBot;
use nanogram::telegram::api::peer::{InputPeerEmpty, InputUserById};
use nanogram::telegram::api::updates::{GetState, State, Updates, UpdatesKind};
use nanogram::telegram::api::{Boxed, LAYER};
use nanogram::tl::{Blob, Combinator, Raw, Tl};
use nanogram::wire::mt::auth::ReqPqMulti;
use nanogram::wire::mt::gzip::deflate;
use nanogram::wire::mt::message::{GzipPacked, read_container};
use nanogram::wire::mt::service::{
    BadServerSalt, BindAuthKeyInner, DestroyAuthKey, DestroySession, FutureSalt, FutureSalts, GetFutureSalts, MsgsAck,
    Ping, PingDelayDisconnect, Pong,
};
use nanogram::wire::transport::{Extras, Frame, Framer, Framing, TransportFault};
use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use std::time::Duration;

impl Net {
    fn refusals(&self) -> Vec<&Refusal> {
        self.lines.iter().filter_map(|line| if let Entry::Refused(why) = line { Some(why) } else { None }).collect()
    }
    fn calls(&self) -> Vec<&Entry> {
        self.lines.iter().filter(|line| matches!(line, Entry::Call { .. })).collect()
    }
}

impl Peer {
    fn texts(&self) -> Vec<String> {
        let bodies = self.events.iter().filter_map(|e| if let Event::Update(body) = e { Some(body) } else { None });
        bodies.flat_map(|body| Updates::from_bytes(body).unwrap().texts()).map(|text| text.text).collect()
    }
}

fn start_echo(bot: &Resolved, random_id: i64, param: &str) -> StartBot {
    let Resolved::User(bot) = bot else { panic!("{bot:?}") };
    StartBot {
        bot: InputUserById { user_id: bot.id, access_hash: bot.access_hash.unwrap() }.into(),
        peer: InputPeerEmpty {}.into(),
        random_id,
        start_param: param.into(),
    }
}

impl Net {
    fn echo(&mut self, peer: &mut Peer) -> Resolved {
        let name = ResolveUsername { username: "echo_bot".into(), referer: None };
        self.call(peer, &name).unwrap().resolved().unwrap()
    }
}

#[test]
fn the_published_key_is_one() {
    let key = RsaPrivateKey::from_pem(TEST_KEY).unwrap();
    assert_eq!(Net::new().dc.public_keys().collect::<Vec<_>>(), [key.public()]);
    let mut net = Net::new();
    let mut other = net.dc.public_keys().next().unwrap().to_pem();
    assert!(net.dc.set_key(&other).is_err(), "a public key opens nothing");
    other.clear();
    net.dc.set_key(TEST_KEY).unwrap();
}

#[test]
fn the_whole_job_from_a_saved_key_to_the_bots_answer() {
    let mut net = Net::new();
    let mut alice = net.signed_in(ALICE);
    let bot = net.echo(&mut alice);
    let updates = net.call(&mut alice, &start_echo(&bot, 42, "hello_42")).unwrap();
    assert_eq!(updates.kind, UpdatesKind::List);
    assert_eq!(alice.texts(), ["You started me with: hello_42"]);
    let again = net.call(&mut alice, &start_echo(&bot, 42, "hello_42"));
    let Err(CallError::Refused(e)) = again else { panic!("{again:?}") };
    assert_eq!((e.code, e.message.as_str()), (500, "RANDOM_ID_DUPLICATE"));
    assert!(net.lines.iter().any(|line| matches!(line, Entry::App { layer: Some(229), .. })));
    assert!(net.calls().last().unwrap().is_refusal());
    assert!(net.calls()[0].to_string().starts_with("contacts.resolveUsername by "));
    assert_eq!(net.refusals(), [&Refusal::Message(48)], "the salt of a session string is a guess");
}

#[test]
fn a_new_key_is_made_and_is_nobodys() {
    for framing in Framing::ALL {
        let mut net = Net::new();
        let config = Config { framing, ..net.config(2, None) };
        let mut peer = net.connect(config);
        let config = net.call(&mut peer, &GetConfig {}).unwrap().0;
        assert_eq!((config.this_dc, config.dc_options[0].0.port), (2, 443));
        let Err(CallError::Refused(e)) = net.call(&mut peer, &GetState {}) else { panic!() };
        assert_eq!((e.code, e.message.as_str()), (401, "AUTH_KEY_UNREGISTERED"));
        assert!(peer.events.iter().any(|e| matches!(e, Event::Authorized(_))));
        assert!(net.lines.contains(&Entry::Speaks(framing)));
        assert!(net.lines.iter().any(|line| line.to_string().starts_with("made the key ")));
        assert!(net.refusals().is_empty(), "{:?}", net.lines);
    }
}

#[test]
fn what_one_session_does_the_others_are_told() {
    let mut net = Net::new();
    let (mut first, mut second, mut bob) = (net.signed_in(ALICE), net.signed_in(ALICE), net.signed_in(BOB));
    for peer in [&mut first, &mut second, &mut bob] {
        net.call(peer, &GetState {}).unwrap();
    }
    let bot = net.echo(&mut first);
    first.connection.call(&start_echo(&bot, 1, "x"));
    net.settle(&mut [&mut first, &mut second, &mut bob]);
    assert_eq!(first.texts(), ["You started me with: x"]);
    assert_eq!(second.texts(), ["/start", "You started me with: x"]);
    assert_eq!(bob.texts(), [""; 0]);
    assert!(net.lines.contains(&Entry::Told { user: ALICE, sessions: 2 }));
}

#[test]
fn an_unknown_key_is_not_found_and_the_connection_ends() {
    let mut net = Net::new();
    let config = net.config(2, Some(AuthKey::from_bytes([9; 256])));
    let mut peer = net.connect(config);
    peer.connection.call(&GetState {});
    net.settle(&mut [&mut peer]);
    assert_eq!(peer.error, Some(ConnectionError::Fault(TransportFault::AuthKeyNotFound)));
    assert!(net.dc.is_closed(peer.id));
    assert!(matches!(net.refusals()[..], [Refusal::UnknownKey(_)]));
    assert_eq!(net.lines.last(), Some(&Entry::Closed));
    net.dc.handle_closed(peer.id, net.now);
    assert_eq!(net.dc.connections().count(), 0);
}

#[test]
fn a_key_made_for_another_data_centre_is_refused() {
    let mut net = Net::new();
    for dc in [1, 10_002, -1, -10_002, 0, i32::MIN] {
        let config = Config { dc, ..net.config(2, None) };
        let mut peer = net.connect_to(2, config);
        peer.connection.call(&GetConfig {});
        net.settle(&mut [&mut peer]);
        assert_eq!(peer.error, Some(ConnectionError::Fault(TransportFault::InvalidDc)));
    }
    assert!(net.refusals().iter().all(|why| matches!(why, Refusal::Handshake(_))));
}

#[test]
fn a_media_server_is_called_by_a_negative_number() {
    for (test_mode, dc) in [(false, 2), (false, -2), (true, 10_002), (true, -10_002)] {
        for expires_in in [None, Some(86_400)] {
            let mut net = Net::new();
            net.dc.world.home.test_mode = test_mode;
            let mut forger = Forger::new(&mut net);
            let keys = net.dc.public_keys().cloned().collect();
            let key = made_key(&mut net, &mut forger, HandshakeConfig { dc, expires_in, keys });
            assert!(net.dc.key(key.id()).is_some(), "{test_mode} {dc} {expires_in:?}");
        }
    }
}

#[test]
fn http_and_websockets_are_refused_by_name() {
    for (start, why) in [
        ("GET /apiw HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\n\r\n", "WebSocket is not served"),
        ("POST /api HTTP/1.1\r\n\r\n", "HTTP is not served"),
        ("GET / HTTP/1.1\r\n\r\n", "HTTP is not served"),
        ("HEAD / HTTP/1.1\r\n\r\n", "HTTP is not served"),
        ("OPTIONS / HTTP/1.1\r\n\r\n", "HTTP is not served"),
    ] {
        let mut net = Net::new();
        let id = net.dc.accept(net.now);
        net.dc.handle_input(id, net.now, start.as_bytes());
        assert!(net.dc.is_closed(id));
        let lines: Vec<_> = std::iter::from_fn(|| net.dc.poll_log()).map(|line| line.entry.to_string()).collect();
        assert!(lines.contains(&format!("refused: {why}")), "{lines:?}");
    }
}

#[test]
fn no_push_is_lost_among_82_sessions_of_one_user() {
    let mut net = Net::new();
    let mut peers: Vec<Peer> = (0..82).map(|_| net.signed_in(ALICE)).collect();
    for peer in &mut peers {
        net.call(peer, &GetState {}).unwrap();
    }
    let bot = net.echo(&mut peers[0]);
    for round in 1..=20 {
        let param = format!("round_{round}");
        let caller = usize::try_from(round).unwrap() * 4;
        let _ = peers[caller].connection.call(&start_echo(&bot, round, &param));
        net.settle(&mut peers.iter_mut().collect::<Vec<_>>());
        for (n, peer) in peers.iter_mut().enumerate() {
            let answers = peer.texts().iter().filter(|text| text.ends_with(&param)).count();
            assert_eq!(answers, 1, "session {n} in round {round}");
            peer.events.clear();
        }
    }
}

#[test]
fn no_push_is_lost_among_the_old_sessions_of_one_key() {
    let mut net = Net::new();
    let key = net.dc.sign_in(ALICE).unwrap();
    let again = |net: &mut Net| {
        let config = net.config(2, Some(key.clone()));
        let mut peer = net.connect(config);
        net.call(&mut peer, &GetState {}).unwrap();
        peer
    };
    // One program that stays and is silent, many that have come and gone, and one that has just come.
    let mut first = again(&mut net);
    for _ in 0..82 {
        let old = again(&mut net);
        net.dc.handle_closed(old.id, net.now);
    }
    let mut last = again(&mut net);
    let mut caller = net.signed_in(ALICE);
    let bot = net.echo(&mut caller);
    for round in 1..=20 {
        let param = format!("round_{round}");
        let _ = caller.connection.call(&start_echo(&bot, round, &param));
        net.settle(&mut [&mut first, &mut last, &mut caller]);
        for (name, peer) in [("the first", &mut first), ("the last", &mut last), ("the caller", &mut caller)] {
            let answers = peer.texts().iter().filter(|text| text.ends_with(&param)).count();
            assert_eq!(answers, 1, "{name} in round {round}");
            peer.events.clear();
        }
    }
}

#[test]
fn the_config_offers_the_address_that_the_client_came_to() {
    let mut net = Net::new();
    let mut alice = net.signed_in(ALICE);
    net.dc.set_reached_at(alice.id, "192.0.2.7".parse().unwrap());
    let of = |config: Boxed<nanogram::telegram::api::connect::Config>| config.0.dc_options[0].0.ip_address.clone();
    assert_eq!(of(net.call(&mut alice, &GetConfig {}).unwrap()), "127.0.0.1");
    for any in ["0.0.0.0", "::"] {
        net.dc.world.home.ip_address = any.into();
        assert_eq!(of(net.call(&mut alice, &GetConfig {}).unwrap()), "192.0.2.7");
    }
}

/// Client that seals packets by hand.
struct Forger {
    id: ConnId,
    framer: Framer,
    key: AuthKey,
    random: ChaCha12Rng,
}

impl Forger {
    fn new(net: &mut Net) -> Self {
        let key = net.dc.sign_in(ALICE).unwrap();
        let (id, framer) = (net.dc.accept(net.now), Framer::new(Framing::ABRIDGED, Side::Client));
        Self { id, framer, key, random: ChaCha12Rng::seed_from_u64(5) }
    }
    fn packet(&mut self, header: Header, body: &[u8]) -> Vec<u8> {
        seal(&self.key, Side::Client, &header, body, &mut self.random).unwrap().0.to_vec()
    }
    fn say(&mut self, net: &mut Net, packet: &[u8], quick_ack: bool) -> Vec<Frame> {
        let mut out = BytesMut::new();
        self.framer.encode_with(packet, Extras { quick_ack, ..Extras::default() }, &mut out).unwrap();
        net.dc.handle_input(self.id, net.now, &out);
        let mut back = BytesMut::new();
        while net.dc.poll_transmit(self.id, net.now, &mut back) {}
        net.lines.extend(std::iter::from_fn(|| net.dc.poll_log()).map(|line| line.entry));
        self.framer.push(&back);
        std::iter::from_fn(|| self.framer.next().unwrap()).collect()
    }
}

fn header(session_id: i64) -> Header {
    Header { salt: 0, session_id, msg_id: UNIX.as_secs() << 32, seqno: 1 }
}

#[test]
fn a_packet_with_one_wrong_bit_ends_the_connection() {
    for at in [8, 20, 24, 60] {
        let mut net = Net::new();
        let mut forger = Forger::new(&mut net);
        let mut packet = forger.packet(header(1), &GetState {}.to_boxed());
        packet[at] ^= 4;
        let answer = forger.say(&mut net, &packet, true);
        assert_eq!(answer, [Frame::Fault(TransportFault::AuthKeyNotFound)], "byte {at}: and no quick ack");
        let [why] = net.refusals()[..] else { panic!() };
        assert_eq!(why.to_string(), "msg_key is not that of the plaintext");
        // Later packets are ignored.
        let packet = forger.packet(header(1), &GetState {}.to_boxed());
        assert_eq!(forger.say(&mut net, &packet, false), []);
    }
}

#[test]
fn a_session_zero_is_none() {
    let mut net = Net::new();
    let mut forger = Forger::new(&mut net);
    let packet = forger.packet(header(0), &GetState {}.to_boxed());
    assert_eq!(forger.say(&mut net, &packet, false), [Frame::Fault(TransportFault::AuthKeyNotFound)]);
    assert_eq!(net.refusals(), [&Refusal::NoSession]);
}

#[test]
fn a_quick_ack_is_given_for_what_is_taken_to_whom_asks() {
    let mut net = Net::new();
    let mut forger = Forger::new(&mut net);
    let packet = forger.packet(header(1), &GetState {}.to_boxed());
    // The salt of a session string is a guess: the packet is refused, and therefore not acknowledged.
    let [Frame::Packet(refusal)] = &forger.say(&mut net, &packet, true)[..] else { panic!() };
    let refusal = nanogram::protocol::session::packet::open(&forger.key, Side::Server, refusal.clone()).unwrap().body;
    let salt = BadServerSalt::from_boxed(&refusal).unwrap().new_server_salt;
    let header = Header { salt, msg_id: header(1).msg_id + 4, ..header(1) };
    let packet = forger.packet(header, &GetState {}.to_boxed());
    let frames = forger.say(&mut net, &packet, true);
    assert!(matches!(frames[..], [Frame::QuickAck(_), Frame::Packet(_)]), "{frames:?}");
}

#[test]
fn unlawful_messages_are_refused_by_their_codes() {
    let late = (UNIX.as_secs() - 1000) << 32;
    let early = (UNIX.as_secs() + 1000) << 32;
    let lawful = header(1).msg_id;
    for (msg_id, seqno, code) in [(lawful | 1, 1, 18), (late, 1, 16), (early, 1, 17), (lawful + 4, 0, 35)] {
        let mut net = Net::new();
        let mut forger = Forger::new(&mut net);
        let salt = told_salt(&mut net, &mut forger);
        net.lines.clear();
        let packet = forger.packet(Header { salt, msg_id, seqno, ..header(1) }, &GetState {}.to_boxed());
        forger.say(&mut net, &packet, false);
        assert_eq!(net.refusals(), [&Refusal::Message(code)]);
        assert_eq!(net.calls(), [] as [&Entry; 0]);
    }
}

#[test]
fn the_salt_is_judged_before_the_time() {
    // Pyrogram 1.4.16 pings with salt 0 and a msg_id from 1970, and takes its clock and salt from the answer.
    for msg_id in [4, 4 << 32, i64::MAX & !3] {
        let mut net = Net::new();
        let mut forger = Forger::new(&mut net);
        let packet = forger.packet(Header { msg_id, ..header(1) }, &Ping { ping_id: 0 }.to_boxed());
        let frames = forger.say(&mut net, &packet, false);
        let told = BadServerSalt::from_boxed(&opened(&forger.key, frames)[0]).unwrap();
        assert_eq!((told.bad_msg_id, told.error_code), (msg_id, 48));
    }
}

/// Session with a known salt.
struct Asker {
    net: Net,
    forger: Forger,
    salt: i64,
    count: i64,
}

impl Asker {
    fn new() -> Self {
        let mut net = Net::new();
        let mut forger = Forger::new(&mut net);
        let salt = told_salt(&mut net, &mut forger);
        net.lines.clear();
        Self { net, forger, salt, count: 0 }
    }
    /// Sends `body` under `salt` and returns the answers.
    fn say(&mut self, salt: i64, body: &[u8]) -> Vec<Vec<u8>> {
        self.count += 1;
        let seconds = UNIX.as_secs() + i64::try_from(self.net.now.since(Instant::ZERO).as_secs()).unwrap();
        let msg_id = (seconds << 32) + 4 * self.count;
        let seqno = i32::try_from(self.count * 2 + 1).unwrap();
        let packet = self.forger.packet(Header { salt, session_id: 1, msg_id, seqno }, body);
        let frames = self.forger.say(&mut self.net, &packet, false);
        opened(&self.forger.key, frames)
    }
    fn ask(&mut self, num: i32) -> Vec<FutureSalt> {
        let said = self.say(self.salt, &GetFutureSalts { num }.to_boxed());
        let mut found = said.iter().flat_map(|body| match read_container(&body.clone().into()) {
            Ok(inner) => inner.iter().map(|message| message.body.to_vec()).collect(),
            Err(_) => vec![body.clone()],
        });
        found.find_map(|body| FutureSalts::from_boxed(&body).ok()).unwrap().salts.0
    }
}

#[test]
fn as_many_salts_are_given_as_are_asked_for_each_half_an_hour_after_the_last() {
    for (num, given) in [(1, 1), (2, 2), (48, 48), (64, 64), (65, 64), (0, 1), (-1, 1), (i32::MAX, 64)] {
        let mut asker = Asker::new();
        let salts = asker.ask(num);
        assert_eq!(salts.len(), given, "{num}");
        assert_eq!(salts[0].salt, asker.salt);
        let now = i32::try_from(UNIX.as_secs()).unwrap();
        for (n, salt) in (0..).zip(&salts) {
            assert_eq!((salt.valid_since, salt.valid_until), (now + 1800 * n, now + 1800 * n + 3600));
        }
        let mut all: Vec<_> = salts.iter().map(|salt| salt.salt).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), given, "each is another");
    }
}

#[test]
fn a_salt_is_taken_in_its_time_and_in_no_other() {
    let mut asker = Asker::new();
    let salts = asker.ask(5);
    let ping = Ping { ping_id: 1 }.to_boxed();
    for quarter in 0..12_u32 {
        asker.net.now = Instant::ZERO + Duration::from_secs(900 * u64::from(quarter));
        let now = i32::try_from(UNIX.as_secs()).unwrap() + 900 * i32::try_from(quarter).unwrap();
        for salt in &salts {
            asker.net.lines.clear();
            let said = asker.say(salt.salt, &ping);
            let is_taken = (salt.valid_since..salt.valid_until).contains(&now);
            assert_eq!(asker.net.refusals().is_empty(), is_taken, "{quarter} {salt:?}");
            let told = said.iter().find_map(|body| BadServerSalt::from_boxed(body).ok());
            let in_force = salts.get(usize::try_from(quarter).unwrap() / 2).map(|salt| salt.salt);
            assert!(told.is_none_or(|told| in_force.is_none_or(|salt| told.new_server_salt == salt)));
        }
    }
}

#[test]
fn the_sessions_of_a_key_share_its_salts() {
    let mut asker = Asker::new();
    let salts = asker.ask(3);
    asker.net.now = Instant::ZERO + Duration::from_secs(2000);
    let msg_id = (UNIX.as_secs() + 2000) << 32;
    let packet = asker
        .forger
        .packet(Header { salt: salts[1].salt, session_id: 2, msg_id, seqno: 1 }, &Ping { ping_id: 1 }.to_boxed());
    asker.forger.say(&mut asker.net, &packet, false);
    assert!(asker.net.refusals().is_empty());
}

#[test]
fn a_client_that_asks_for_salts_in_a_loop_is_told_of_in_the_log_once_a_minute() {
    let mut asker = Asker::new();
    let loops = |asker: &Asker| asker.net.lines.iter().filter(|line| matches!(line, Entry::SaltLoop)).count();
    (0..15).for_each(|_| drop(asker.ask(64)));
    assert_eq!(loops(&asker), 0);
    (0..200).for_each(|_| drop(asker.ask(64)));
    assert_eq!(loops(&asker), 1);
    asker.net.now = asker.net.now + Duration::from_secs(61);
    (0..200).for_each(|_| drop(asker.ask(64)));
    assert_eq!(loops(&asker), 2);
}

#[test]
fn a_client_that_makes_session_after_session_fills_nothing() {
    let mut net = Net::new();
    let mut forger = Forger::new(&mut net);
    for session_id in 1..200 {
        let packet = forger.packet(header(session_id), &GetState {}.to_boxed());
        forger.say(&mut net, &packet, false);
    }
    assert!(net.lines.iter().filter(|line| matches!(line, Entry::Session { .. })).count() == 199);
    // The first session was evicted and begins anew; the last one still exists.
    let (first, last) = (forger.packet(header(1), &[0; 4]), forger.packet(header(199), &[0; 4]));
    net.lines.clear();
    forger.say(&mut net, &last, false);
    assert!(!net.lines.iter().any(|line| matches!(line, Entry::Session { .. })));
    forger.say(&mut net, &first, false);
    assert!(net.lines.iter().any(|line| matches!(line, Entry::Session { session_id: 1, .. })));
    const { assert!(MAX_SESSIONS < 199) };
}

#[test]
fn changed_salts_cost_a_round_trip_and_no_call_twice() {
    let mut net = Net::new();
    let mut alice = net.signed_in(ALICE);
    let bot = net.echo(&mut alice);
    net.lines.clear();
    net.dc.change_salts(false).unwrap();
    net.call(&mut alice, &start_echo(&bot, 1, "x")).unwrap();
    assert_eq!(net.refusals(), [&Refusal::Message(48)]);
    assert_eq!(net.calls().len(), 1);
    net.lines.clear();
    net.dc.change_salts(true).unwrap();
    net.call(&mut alice, &start_echo(&bot, 2, "x")).unwrap();
    assert!(net.refusals().is_empty(), "the old ones are still taken");
}

#[test]
fn what_was_said_while_a_client_was_away_is_said_when_it_returns() {
    let mut net = Net::new();
    let (mut first, mut second) = (net.signed_in(ALICE), net.signed_in(ALICE));
    net.call(&mut second, &GetState {}).unwrap();
    let bot = net.echo(&mut first);
    net.dc.handle_closed(second.id, net.now);
    net.call(&mut first, &start_echo(&bot, 1, "x")).unwrap();

    second.id = net.dc.accept(net.now);
    second.connection.reconnect(net.now);
    net.call(&mut second, &GetState {}).unwrap();
    assert_eq!(second.texts(), ["/start", "You started me with: x"]);
    let sessions = net.lines.iter().filter(|line| matches!(line, Entry::Session { .. })).count();
    assert_eq!(sessions, 2, "it came back to its session");
}

/// Salt from the `bad_server_salt` that answers a packet with another one.
fn told_salt(net: &mut Net, forger: &mut Forger) -> i64 {
    let packet = forger.packet(header(1), &GetState {}.to_boxed());
    let frames = forger.say(net, &packet, false);
    BadServerSalt::from_boxed(&opened(&forger.key, frames)[0]).unwrap().new_server_salt
}

#[test]
fn what_is_said_again_comes_after_the_answers_and_apart() {
    let mut net = Net::new();
    let mut forger = Forger::new(&mut net);
    let salt = told_salt(&mut net, &mut forger);
    let header = |n: i64, seqno| Header { salt, session_id: 1, msg_id: header(1).msg_id + 4 * n, seqno };
    let packet = forger.packet(header(1, 1), &GetState {}.to_boxed());
    let frames = forger.say(&mut net, &packet, false);
    let said = opened(&forger.key, frames);
    assert_eq!(said.len(), 1, "a greeting and the answer");

    net.dc.handle_closed(forger.id, net.now);
    (forger.id, forger.framer) = (net.dc.accept(net.now), Framer::new(Framing::ABRIDGED, Side::Client));
    let packet = forger.packet(header(2, 2), &Ping { ping_id: 7 }.to_boxed());
    let frames = forger.say(&mut net, &packet, false);
    let [pong, again] = &opened(&forger.key, frames)[..] else { panic!() };
    assert_eq!(Pong::from_boxed(pong).unwrap().ping_id, 7);
    let bodies = |body: &[u8]| -> Vec<_> {
        let inner = read_container(&body.to_vec().into()).unwrap();
        inner.into_iter().map(|message| (message.msg_id, message.body)).collect()
    };
    let again = bodies(again);
    assert_eq!(again, bodies(&said[0])[..2], "the greeting and the answer, under the same ids");
    let packet = forger.packet(header(3, 2), &Ping { ping_id: 8 }.to_boxed());
    assert_eq!(forger.say(&mut net, &packet, false).len(), 1, "and once");
}

#[test]
fn what_a_client_does_after_a_fault_is_told() {
    let mut net = Net::new();
    let mut forger = Forger::new(&mut net);
    let salt = told_salt(&mut net, &mut forger);
    let header = |n: i64, salt, seqno| Header { salt, session_id: 1, msg_id: header(1).msg_id + 4 * n, seqno };
    let told = |net: &mut Net| -> Vec<_> {
        let told = |entry| if let Entry::Reacted { fault, reaction } = entry { Some((fault, reaction)) } else { None };
        std::mem::take(&mut net.lines).into_iter().filter_map(told).collect()
    };
    // A client that accepts a forged salt.
    net.dc.fault(Fault::named("forged-salt").unwrap(), 1);
    let packet = forger.packet(header(1, salt, 1), &GetState {}.to_boxed());
    let frames = forger.say(&mut net, &packet, false);
    let bodies = opened(&forger.key, frames.clone());
    let ids: Vec<_> = frames.into_iter().map(|frame| outer_id(&forger.key, frame)).collect();
    let forged = BadServerSalt::from_boxed(&bodies[0]).unwrap().new_server_salt;
    assert_eq!(told(&mut net), []);
    let packet = forger.packet(header(2, salt, 0), &MsgsAck { msg_ids: vec![ids[1]] }.to_boxed());
    forger.say(&mut net, &packet, false);
    assert_eq!(told(&mut net), [], "that was the honest one");
    let packet = forger.packet(header(3, forged, 0), &MsgsAck { msg_ids: vec![ids[0]] }.to_boxed());
    forger.say(&mut net, &packet, false);
    let fault = "forged-salt";
    assert_eq!(told(&mut net), [(fault, Reaction::Acknowledged), (fault, Reaction::UsedItsSalt)]);
    let packet = forger.packet(header(4, salt, 3), &GetState {}.to_boxed());
    forger.say(&mut net, &packet, false);
    assert_eq!(told(&mut net), [(fault, Reaction::WentOn)]);
    // A client that acknowledges a replayed message twice.
    net.dc.fault(Fault::named("replay").unwrap(), 1);
    let packet = forger.packet(header(5, salt, 5), &GetState {}.to_boxed());
    let frames = forger.say(&mut net, &packet, false);
    let id = outer_id(&forger.key, frames[0].clone());
    for n in [6, 7] {
        assert_eq!(told(&mut net), []);
        let packet = forger.packet(header(n, salt, 6), &MsgsAck { msg_ids: vec![id] }.to_boxed());
        forger.say(&mut net, &packet, false);
    }
    assert_eq!(told(&mut net), [("replay", Reaction::Acknowledged)]);
    // A client that closes the connection.
    net.dc.fault(Fault::named("asks-states").unwrap(), 1);
    let packet = forger.packet(header(8, salt, 7), &GetState {}.to_boxed());
    forger.say(&mut net, &packet, false);
    net.lines.clear();
    net.dc.handle_timeout(net.now + SILENT_AFTER);
    net.dc.handle_closed(forger.id, net.now + SILENT_AFTER);
    net.lines.extend(std::iter::from_fn(|| net.dc.poll_log()).map(|line| line.entry));
    let told: Vec<_> = told(&mut net).into_iter().filter(|(fault, _)| *fault == "asks-states").collect();
    assert_eq!(told, [("asks-states", Reaction::Silent), ("asks-states", Reaction::Left)]);
}

fn outer_id(key: &AuthKey, frame: Frame) -> i64 {
    let Frame::Packet(packet) = frame else { panic!("{frame:?}") };
    nanogram::protocol::session::packet::open(key, Side::Server, packet).unwrap().header.msg_id
}

#[test]
fn a_session_nobody_returns_to_is_forgotten() {
    let mut net = Net::new();
    let mut alice = net.signed_in(ALICE);
    net.call(&mut alice, &GetState {}).unwrap();
    net.dc.handle_closed(alice.id, net.now);
    net.now = net.now + FORGET_AFTER;
    net.dc.handle_timeout(net.now);
    alice.id = net.dc.accept(net.now);
    alice.connection.reconnect(net.now);
    net.lines.clear();
    net.call(&mut alice, &GetState {}).unwrap();
    assert!(net.lines.iter().any(|line| matches!(line, Entry::Session { .. })));
    assert!(alice.events.iter().any(|e| matches!(e, Event::NewSession)));
}

#[test]
fn a_silent_client_is_hung_up_on_if_it_asked_for_that() {
    let mut net = Net::new();
    let mut alice = net.signed_in(ALICE);
    net.call(&mut alice, &GetState {}).unwrap();
    alice.connection.call_raw(PingDelayDisconnect { ping_id: 1, disconnect_delay: 5 }.to_boxed());
    net.settle(&mut [&mut alice]);
    let due = net.dc.poll_timeout().unwrap();
    assert!(due <= net.now + Duration::from_secs(5));
    net.dc.handle_timeout(net.now + Duration::from_secs(4));
    assert!(!net.dc.is_closed(alice.id));
    net.dc.handle_timeout(net.now + Duration::from_secs(6));
    assert!(net.dc.is_closed(alice.id));
}

#[test]
fn a_destroyed_key_is_not_found_and_a_destroyed_session_is_gone() {
    let mut net = Net::new();
    let mut forger = Forger::new(&mut net);
    let salted = |forger: &mut Forger, net: &mut Net, n: i64, session_id, body: &[u8]| {
        // The test server draws its salt at random: learn it from a refusal.
        let msg_id = header(1).msg_id + n * 8;
        let seqno = i32::try_from(2 * n + 1).unwrap();
        let packet = forger.packet(Header { msg_id, seqno, ..header(session_id) }, body);
        let frames = forger.say(net, &packet, false);
        let Some(Frame::Packet(packet)) = frames.into_iter().next() else { panic!() };
        let salt = nanogram::protocol::session::packet::open(&forger.key, Side::Server, packet).unwrap().header.salt;
        let packet = forger.packet(Header { msg_id: msg_id + 4, salt, seqno, ..header(session_id) }, body);
        forger.say(net, &packet, false)
    };
    salted(&mut forger, &mut net, 1, 7, &GetState {}.to_boxed());
    for (n, session_id, is_there) in [(2, 7, true), (3, 7, false), (4, 1, false)] {
        let frames = salted(&mut forger, &mut net, n, 1, &DestroySession { session_id }.to_boxed());
        let bodies: Vec<_> = opened(&forger.key, frames);
        let ok = nanogram::wire::mt::service::DestroySessionOk { session_id }.to_boxed();
        let none = nanogram::wire::mt::service::DestroySessionNone { session_id }.to_boxed();
        let wanted = if is_there { ok } else { none };
        assert!(bodies.iter().any(|body| body.windows(12).any(|part| part == wanted)), "{n}");
    }
    let frames = salted(&mut forger, &mut net, 5, 2, &DestroyAuthKey {}.to_boxed());
    let ok = nanogram::wire::mt::service::DestroyAuthKeyOk {}.to_boxed();
    assert!(opened(&forger.key, frames).iter().any(|body| body.windows(4).any(|part| part == ok)));
    let packet = forger.packet(header(3), &GetState {}.to_boxed());
    assert_eq!(forger.say(&mut net, &packet, false), [Frame::Fault(TransportFault::AuthKeyNotFound)]);
}

fn opened(key: &AuthKey, frames: Vec<Frame>) -> Vec<Vec<u8>> {
    let open = |frame| match frame {
        Frame::Packet(packet) => {
            nanogram::protocol::session::packet::open(key, Side::Server, packet).unwrap().body.to_vec()
        }
        other => panic!("{other:?}"),
    };
    frames.into_iter().map(open).collect()
}

#[test]
fn a_bound_temporary_key_speaks_for_the_permanent_one() {
    let mut net = Net::new();
    let key = net.dc.sign_in(ALICE).unwrap();
    let config = Config { temporary: TemporaryKeys::lasting(3600), ..net.config(2, Some(key.clone())) };
    let mut alice = net.connect(config);
    let bot = net.echo(&mut alice);
    net.call(&mut alice, &start_echo(&bot, 1, "x")).unwrap();
    assert_eq!(alice.texts(), ["You started me with: x"]);
    assert!(net.lines.iter().any(|line| matches!(line, Entry::Bound { to, .. } if *to == key.id())));
    assert!(net.lines.iter().any(|line| line.to_string().starts_with("made the temporary key")));
    assert!(net.refusals().is_empty(), "{:?}", net.lines);
}

/// Temporary key with a lifetime of one minute.
fn temporary_key(net: &mut Net, forger: &mut Forger) -> AuthKey {
    let keys = net.dc.public_keys().cloned().collect();
    made_key(net, forger, HandshakeConfig { keys, dc: 2, expires_in: Some(60) })
}

fn made_key(net: &mut Net, forger: &mut Forger, handshake: HandshakeConfig) -> AuthKey {
    let mut random = ChaCha12Rng::seed_from_u64(8);
    let clock = ServerClock::guess(net.now, UNIX);
    let (mut machine, mut question) = ClientHandshake::start(handshake, clock, net.now, &mut random).unwrap();
    loop {
        let frames = forger.say(net, &question, false);
        let [Frame::Packet(answer)] = &frames[..] else { panic!("{frames:?}") };
        match machine.handle(net.now, answer, &mut random).unwrap() {
            Step::Send(next) => question = next,
            Step::Done(grant) => break grant.auth_key,
        }
    }
}

#[test]
fn a_key_is_bound_in_wrappers_too() {
    // Like TDLib: `invokeWithLayer` and `initConnection` come with the first call, which is the binding.
    let mut net = Net::new();
    let mut forger = Forger::new(&mut net);
    let permanent = forger.key.clone();
    forger.key = temporary_key(&mut net, &mut forger);
    let salt = told_salt(&mut net, &mut forger);
    let expires_at = i32::try_from(UNIX.as_secs()).unwrap() + 60;
    let [temp_auth_key_id, perm_auth_key_id] = [&forger.key, &permanent].map(|key| i64::from_le_bytes(key.id()));
    let inner = BindAuthKeyInner { nonce: 5, temp_auth_key_id, perm_auth_key_id, temp_session_id: 1, expires_at };
    let mut bind = |net: &mut Net, n: i64, seqno: i32, wrap: fn(Vec<u8>) -> Vec<u8>| {
        let msg_id = header(1).msg_id + 4 * n;
        let encrypted_message = Blob(seal_bind(&permanent, &inner, msg_id, &[3; 24]));
        let call = BindTempAuthKey { perm_auth_key_id, nonce: 5, expires_at, encrypted_message };
        let packet = forger.packet(Header { salt, session_id: 1, msg_id, seqno }, &wrap(call.to_boxed()));
        let frames = forger.say(net, &packet, false);
        opened(&forger.key, frames).concat()
    };
    const BOOL_TRUE: [u8; 4] = 0x9972_75b5_u32.to_le_bytes();
    let says = |body: &[u8], part: &[u8]| body.windows(part.len()).any(|here| here == part);
    let wrapped = |query| InvokeWithLayer { layer: LAYER, query: Raw(introduced(query)) }.to_boxed();
    assert!(says(&bind(&mut net, 1, 1, wrapped), &BOOL_TRUE));
    assert!(net.lines.iter().any(|line| matches!(line, Entry::Bound { to, .. } if *to == permanent.id())));
    assert!(net.lines.iter().any(|line| matches!(line, Entry::App { layer: Some(LAYER), .. })));
    assert!(says(&bind(&mut net, 2, 3, |call| call), &BOOL_TRUE), "and without");
    let packed = |query: Vec<u8>| introduced(GzipPacked { packed_data: Blob(deflate(&query)) }.to_boxed());
    assert!(says(&bind(&mut net, 3, 5, packed), &BOOL_TRUE), "and packed");
    let packet =
        forger.packet(Header { salt, session_id: 1, msg_id: header(1).msg_id + 16, seqno: 7 }, &GetState {}.to_boxed());
    let frames = forger.say(&mut net, &packet, false);
    assert!(says(&opened(&forger.key, frames).concat(), &State::ID.to_le_bytes()), "it is Alice's key");
}

#[test]
fn temporary_keys_are_dropped_when_they_are_not_wanted_any_more() {
    let mut net = Net::new();
    let key = net.dc.sign_in(ALICE).unwrap();
    let connect = |net: &mut Net| {
        let config = Config { temporary: TemporaryKeys::lasting(3600), ..net.config(2, Some(key.clone())) };
        let mut peer = net.connect(config);
        net.call(&mut peer, &GetState {}).unwrap();
        peer
    };
    let (mut kept, mut dropped, mut asks) = (connect(&mut net), connect(&mut net), connect(&mut net));
    let bound: Vec<_> =
        net.lines.iter().filter_map(|l| if let Entry::Bound { id, .. } = l { Some(*id) } else { None }).collect();
    let [first, second, _] = bound[..] else { panic!("{bound:?}") };
    assert_ne!(first, second);
    let except_auth_keys = vec![i64::from_le_bytes(first)];
    assert!(net.call(&mut asks, &DropTempAuthKeys { except_auth_keys }).unwrap());
    for peer in [&mut kept, &mut asks] {
        net.call(peer, &GetState {}).unwrap();
    }
    dropped.connection.call(&GetState {});
    net.settle(&mut [&mut dropped]);
    assert_eq!(dropped.error, Some(ConnectionError::Fault(TransportFault::AuthKeyNotFound)));
    let config = net.config(2, Some(key));
    let mut permanent = net.connect(config);
    net.call(&mut permanent, &GetState {}).unwrap();
}

fn introduced(query: Vec<u8>) -> Vec<u8> {
    let [device_model, system_version, app_version, system_lang_code, lang_code] = ["x"; 5].map(Into::into);
    InitConnection {
        api_id: 1,
        device_model,
        system_version,
        app_version,
        system_lang_code,
        lang_pack: String::new(),
        lang_code,
        proxy: None,
        params: None,
        query: Raw(query),
    }
    .to_boxed()
}

#[test]
fn a_temporary_key_that_stands_for_none_does_little_and_ends() {
    let mut net = Net::new();
    let mut forger = Forger::new(&mut net);
    let key = temporary_key(&mut net, &mut forger);
    let config = net.config(2, Some(key));
    let mut peer = net.connect(config);
    net.call(&mut peer, &GetConfig {}).unwrap();
    let Err(CallError::Refused(e)) = net.call(&mut peer, &GetState {}) else { panic!() };
    assert_eq!((e.code, e.message.as_str()), (401, "AUTH_KEY_PERM_EMPTY"));
    net.now = net.now + Duration::from_secs(61);
    peer.connection.call(&GetConfig {});
    net.settle(&mut [&mut peer]);
    assert_eq!(peer.error, Some(ConnectionError::Fault(TransportFault::AuthKeyNotFound)));
}

#[test]
fn noise_panics_nowhere_and_leaves_nothing() {
    use rand::Rng;
    let mut random = ChaCha12Rng::seed_from_u64(77);
    let mut net = Net::new();
    for round in 0..300 {
        let id = net.dc.accept(net.now);
        let mut bytes = vec![0; (random.next_u32() % 300) as usize];
        random.fill_bytes(&mut bytes);
        match round % 4 {
            0 => bytes.insert(0, 0xef),
            1 => bytes.splice(0..0, [0xee; 4]).for_each(drop),
            2 => {
                let question = plain::seal(UNIX.as_secs() << 32, &ReqPqMulti { nonce: [1; 16] }.to_boxed());
                let mut framed = BytesMut::new();
                Framer::new(Framing::ABRIDGED, Side::Client).encode(&question, &mut framed).unwrap();
                bytes.splice(0..0, framed).for_each(drop);
            }
            _ => {}
        }
        for part in bytes.chunks(1 + round % 50) {
            net.dc.handle_input(id, net.now, part);
            let _ = net.dc.poll_transmit(id, net.now, &mut BytesMut::new());
        }
        net.dc.handle_closed(id, net.now);
    }
    assert_eq!(net.dc.connections().count(), 0);
    assert!(std::iter::from_fn(|| net.dc.poll_log()).count() <= nanogram::lab::dc::log::MAX_LINES);
}
mod loopback {
    use super::*;
    use nanogram::lab::dc::listener::Listener;
    use rand::rngs::SysRng;
    use std::io::{Read, Write};

    #[tokio::test]
    async fn over_tcp_a_stranger_gets_an_answer_and_an_end() {
        let make = |now, unix| Dc::new(now, unix, Box::new(SysRng));
        let mut listener = Listener::bind("127.0.0.1:0", make).await.unwrap();
        let addr = listener.local_addr().unwrap();
        assert_eq!(listener.dc.world.home.port, addr.port());
        let client = std::thread::spawn(move || {
            let mut socket = std::net::TcpStream::connect(addr).unwrap();
            let mut out = BytesMut::new();
            let mut framer = Framer::new(Framing::ABRIDGED, Side::Client);
            framer.encode(&[1; 64], &mut out).unwrap();
            socket.write_all(&out).unwrap();
            let mut back = Vec::new();
            socket.read_to_end(&mut back).unwrap(); // the server closes the connection
            framer.push(&back);
            framer.next().unwrap()
        });
        let mut lines = Vec::new();
        while lines.last() != Some(&Entry::Closed) {
            lines.push(listener.next().await.unwrap().entry);
        }
        let server = tokio::spawn(listener.run());
        let frame = tokio::task::spawn_blocking(|| client.join().unwrap()).await.unwrap();
        assert_eq!(frame, Some(Frame::Fault(TransportFault::AuthKeyNotFound)));
        assert!(matches!(lines[..], [Entry::Opened, Entry::Speaks(_), Entry::Refused(_), Entry::Closed]));
        server.abort();
    }

    #[tokio::test]
    async fn over_tcp_the_client_starts_a_bot_and_hears_it() {
        use nanogram::client::{Client, Options};
        use nanogram::lab::dc::residents::ECHO_BOT;
        use nanogram::telegram::dcs::Environment;
        use nanogram::telegram::store::state::DcKey;
        let make = |now, unix| Dc::new(now, unix, Box::new(SysRng));
        let mut listener = Listener::bind("127.0.0.1:0", make).await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let key = listener.dc.sign_in(ALICE).unwrap();
        let keys = listener.dc.public_keys().cloned().collect();
        let server = tokio::spawn(listener.run());

        let mut options = Options::new(Environment::Production, 2).api_id(1).at(&addr, keys);
        options.state.keys.insert(2, DcKey::new(key));
        let client = Client::connect(options).await.unwrap();
        let updates = client.start_bot("echo_bot", "echo_bot", -4_156_887_774_564, "some_payload").await.unwrap();
        assert_eq!(updates.kind, UpdatesKind::List);
        let answer = client.answer_of(ECHO_BOT, Duration::from_secs(20)).await.unwrap();
        assert_eq!(answer, "You started me with: some_payload");
        server.abort();
    }
}

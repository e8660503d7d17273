//! Hot paths, each run once. Only the function's own instructions are counted; its inputs come from `setup`.

use bytes::BytesMut;
use gungraun::{library_benchmark, library_benchmark_group, main};
use nanogram::base::side::Side;
use nanogram::base::time::{Instant, ServerClock, UnixTime};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::crypto::dh::{DhParams, KNOWN_PRIME};
use nanogram::crypto::factor::factor;
use nanogram::crypto::ige;
use nanogram::lab::server::handshake::{ServerConfig, ServerHandshake};
use nanogram::lab::server::rsa::RsaPrivateKey;
use nanogram::protocol::handshake::client::{ClientHandshake, HandshakeConfig, Step};
use nanogram::protocol::session::packet::{self, Header, Opened, Padding};
use nanogram::telegram::api::contacts::{Resolved, ResolvedPeer};
use nanogram::telegram::api::messages::StartBot;
use nanogram::telegram::api::peer::{InputPeer, InputPeerUser, InputUser, InputUserById, Peer};
use nanogram::telegram::api::users::{AnyUser, User};
use nanogram::tl::Combinator;
use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;

const HEADER: Header = Header { salt: 1, session_id: 2, msg_id: 3 << 32 | 1, seqno: 1 };

fn random() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}
fn key() -> AuthKey {
    AuthKey::from_bytes(std::array::from_fn(|i| (i * 7 % 251) as u8))
}

fn blocks() -> Vec<[u8; 16]> {
    vec![[1; 16]; 64]
}
#[library_benchmark(setup = blocks)]
fn ige_encrypt_1_kib(mut data: Vec<[u8; 16]>) -> Vec<[u8; 16]> {
    ige::encrypt(black_box(&[0x5a; 32]), &[0xc3; 32], &mut data);
    data
}
#[library_benchmark(setup = blocks)]
fn ige_decrypt_1_kib(mut data: Vec<[u8; 16]>) -> Vec<[u8; 16]> {
    ige::decrypt(black_box(&[0x5a; 32]), &[0xc3; 32], &mut data);
    data
}

/// Session that has sent packets before.
fn to_seal() -> (AuthKey, Vec<u8>, Padding, ChaCha20Rng) {
    let (mut padding, mut random) = (Padding::default(), random());
    packet::seal_with(&key(), Side::Client, &HEADER, &[], &mut padding, &mut random).expect("entropy");
    (key(), vec![1; 1024], padding, random)
}
#[library_benchmark(setup = to_seal)]
fn seal_1_kib((key, body, mut padding, mut random): (AuthKey, Vec<u8>, Padding, ChaCha20Rng)) -> bytes::Bytes {
    packet::seal_with(&key, Side::Client, &HEADER, &body, &mut padding, &mut random).expect("entropy").0
}
fn to_open() -> (AuthKey, BytesMut) {
    let sealed = packet::seal(&key(), Side::Server, &HEADER, &[1; 1024], &mut random()).expect("entropy").0;
    (key(), BytesMut::from(&sealed[..]))
}
#[library_benchmark(setup = to_open)]
fn open_1_kib((key, packet): (AuthKey, BytesMut)) -> Opened {
    packet::open(&key, Side::Server, packet).expect("ours")
}

#[library_benchmark]
fn factor_pq() -> Option<(u64, u64)> {
    factor(black_box(0x17ed_4894_1a08_f981))
}

fn group() -> DhParams {
    DhParams::check(3, &KNOWN_PRIME).expect("the prime is safe")
}
#[library_benchmark(setup = group)]
fn dh_power(dh: DhParams) -> [u8; 256] {
    *dh.power(black_box(&[0x5a; 256]), black_box(&[0xa5; 256]))
}
#[library_benchmark(setup = group)]
fn dh_public(dh: DhParams) -> [u8; 256] {
    dh.public(black_box(&[0xa5; 256]))
}

fn reply() -> Vec<u8> {
    let user = |i: i64| {
        let username = Some(format!("some_body_{i}_bot"));
        AnyUser::User(User { id: 1_000 + i, access_hash: Some(i), username, ..User::default() })
    };
    ResolvedPeer { peer: Peer::user(1_000), chats: vec![], users: (0..30).map(user).collect() }.to_boxed()
}
#[library_benchmark(setup = reply)]
fn read_resolved_peer_by_heads(body: Vec<u8>) -> Resolved {
    Resolved::read(&body).expect("it is one")
}
#[library_benchmark(setup = reply)]
fn read_resolved_peer_whole(body: Vec<u8>) -> ResolvedPeer {
    ResolvedPeer::from_boxed(&body).expect("it is one")
}

fn start() -> StartBot {
    StartBot {
        bot: InputUser::ById(InputUserById { user_id: 1_000, access_hash: 7 }),
        peer: InputPeer::User(InputPeerUser { user_id: 1_000, access_hash: 7 }),
        random_id: 7,
        start_param: "abcdefgh".into(),
    }
}
#[library_benchmark(setup = start)]
fn write_start_bot(call: StartBot) -> Vec<u8> {
    call.to_boxed()
}

/// Client that has sent `count` messages, and the answer to the last.
fn exchange(count: usize) -> (ClientHandshake, Vec<u8>, ChaCha20Rng) {
    let keys: Arc<[RsaPrivateKey]> =
        Arc::from([RsaPrivateKey::from_pem(nanogram::lab::dc::TEST_KEY).expect("the key of tests")]);
    let (mut ours, mut theirs) = (ChaCha20Rng::seed_from_u64(2), ChaCha20Rng::seed_from_u64(3));
    let (now, unix) = (Instant::ZERO, UnixTime::from_secs(1_790_000_000));
    let config = HandshakeConfig { keys: vec![keys[0].public().clone()], dc: 2, expires_in: None };
    let mut server = ServerHandshake::new(ServerConfig { keys, dc: Some(2), script: VecDeque::new() });
    let clock = ServerClock::guess(now, unix);
    let (mut client, mut question) = ClientHandshake::start(config, clock, now, &mut ours).expect("entropy");
    for sent in 1.. {
        let answer = server.handle(unix, &question, &mut theirs).expect("an honest client").send;
        if sent == count {
            return (client, answer.to_vec(), ours);
        }
        match client.handle(now, &answer, &mut ours).expect("an honest server") {
            Step::Send(next) => question = next,
            Step::Done(_) => break,
        }
    }
    unreachable!("the exchange has three questions")
}
#[library_benchmark]
#[bench::res_pq(setup = exchange, args = (1))]
#[bench::server_dh_params(setup = exchange, args = (2))]
#[bench::dh_gen_ok(setup = exchange, args = (3))]
fn handshake((mut client, answer, mut random): (ClientHandshake, Vec<u8>, ChaCha20Rng)) -> Step {
    client.handle(Instant::ZERO, &answer, &mut random).expect("an honest server")
}

library_benchmark_group!(
    name = hot;
    benchmarks =
        ige_encrypt_1_kib, ige_decrypt_1_kib, seal_1_kib, open_1_kib, factor_pq, dh_power, dh_public,
        read_resolved_peer_by_heads, read_resolved_peer_whole, write_start_bot, handshake
);

main!(library_benchmark_groups = hot);

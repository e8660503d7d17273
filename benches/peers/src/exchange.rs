//! The client's share of a whole key exchange: only the time inside the client is counted.
//!
//! Nanogram runs against its own server. The steps of grammers cannot: they encrypt for one of two built-in keys of
//! Telegram, whose private half is not available. The value that the server would decrypt, `new_nonce`, is in the
//! step's private state, so this server reads it there; the rest of the server is nanogram's [`DhParams`], [`kdf`] and
//! [`ige`]. The client's work is unchanged, and both sides end with the same key. Both clients factor the same `pq`.

use crate::measure::{Contender, Effort, measure};
use crate::numbers::products;
use crate::row::Row;
use grammers_mtproto::authentication::{self, Step2};
use grammers_tl_types::{self as tl, Cursor, Deserializable, Serializable};
use nanogram::base::time::{Instant, ServerClock, UnixTime};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::crypto::dh::{DhParams, KNOWN_PRIME};
use nanogram::crypto::{ige, kdf};
use nanogram::lab::server::handshake::{ServerConfig, ServerHandshake};
use nanogram::lab::server::rsa::RsaPrivateKey;
use nanogram::protocol::handshake::client::{ClientHandshake, HandshakeConfig, Step};
use nanogram::tl::{Blob, Combinator};
use nanogram::wire::mt::auth::ResPqBare;
use rand::SeedableRng;
use rand::rngs::{ChaCha20Rng, SysRng};
use sha1::{Digest, Sha1};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Fingerprint of Telegram's production key in grammers.
const FINGERPRINT: i64 = -3_414_540_481_677_951_611;
const SERVER_NONCE: [u8; 16] = [0x77; 16];

fn timed<T>(sum: &mut Duration, work: impl FnOnce() -> T) -> T {
    let began = crate::cpu::Instant::now();
    let value = std::hint::black_box(work());
    *sum += began.elapsed();
    value
}

/// Replaces `pq` in the server's answer: 8 bytes at a fixed position.
fn with_pq(answer: &[u8], pq: u64) -> Vec<u8> {
    const HEAD: usize = 20;
    let mut res_pq = ResPqBare::from_boxed(&answer[HEAD..]).expect("resPQ");
    res_pq.pq = Blob(pq.to_be_bytes().to_vec());
    let mut packet = answer[..HEAD].to_vec();
    res_pq.write_boxed(&mut packet);
    packet
}

/// Time of nanogram's client. The server chooses its `pq` itself, so factoring the given one is measured in a separate
/// run that ends there; the other steps are measured in a complete exchange.
struct Ours {
    keys: Arc<[RsaPrivateKey]>,
    seed: u64,
}

impl Ours {
    fn run(&mut self, pq: u64) -> Duration {
        self.seed += 1;
        let (now, unix) = (Instant::ZERO, UnixTime::from_secs(1_790_000_000));
        let clock = ServerClock::guess(now, unix);
        let config = HandshakeConfig { keys: vec![self.keys[0].public().clone()], dc: 2, expires_in: None };
        let server = ServerConfig { keys: self.keys.clone(), dc: Some(2), script: VecDeque::new() };
        let mut server = ServerHandshake::new(server);
        let (mut random, mut spent) = (ChaCha20Rng::seed_from_u64(self.seed), Duration::ZERO);

        // The same client in two copies, up to the point where the server's own `pq` comes in.
        let (mut probe, question) =
            ClientHandshake::start(config.clone(), clock, now, &mut ChaCha20Rng::seed_from_u64(self.seed))
                .expect("start");
        let mut entropy = SysRng;
        let (mut client, same) =
            timed(&mut spent, || ClientHandshake::start(config, clock, now, &mut random)).expect("start");
        assert_eq!(question, same);
        let answer = server.handle(unix, &question, &mut ChaCha20Rng::seed_from_u64(!self.seed)).expect("resPQ").send;
        timed(&mut spent, || probe.handle(now, &with_pq(&answer, pq), &mut entropy)).expect("our pq is fine");
        // From here with the server's `pq`: the step timed above is not timed again.
        let Step::Send(mut question) = client.handle(now, &answer, &mut entropy).expect("resPQ") else {
            unreachable!("no key yet")
        };
        loop {
            let answer = server.handle(unix, &question, &mut SysRng).expect("an honest client");
            match timed(&mut spent, || client.handle(now, &answer.send, &mut entropy)).expect("an honest server") {
                Step::Send(next) => question = next,
                Step::Done(grant) => {
                    assert!(grant.auth_key.is(&answer.grant.expect("granted").auth_key));
                    return spent;
                }
            }
        }
    }
}

/// Reads `new_nonce` from the state between the second and the third step.
fn new_nonce(step: &Step2, nonce: &[u8; 16]) -> [u8; 32] {
    const { assert!(size_of::<Step2>() == 64 && align_of::<Step2>() == 1) };
    // SAFETY: the struct has 64 bytes without padding: three byte arrays, in unspecified order.
    let bytes: &[u8; 64] = unsafe { &*std::ptr::from_ref(step).cast() };
    let mut rest = bytes.to_vec();
    for known in [nonce, &SERVER_NONCE] {
        let at = rest.windows(16).position(|window| window == known).expect("the nonces are there");
        rest.drain(at..at + 16);
    }
    rest.try_into().expect("32 bytes are left")
}

/// Encrypts `SHA1(value) | value | padding` for the client.
fn sealed(value: &[u8], aes: &kdf::AesPair) -> Vec<u8> {
    let mut data = [&Sha1::digest(value)[..], value].concat();
    data.resize(data.len().next_multiple_of(16), 0);
    ige::encrypt(&aes.key, &aes.iv, data.as_chunks_mut().0);
    data
}

/// Time of grammers' client, including the decoding of answers, as for nanogram.
fn theirs(pq: u64) -> Duration {
    let mut spent = Duration::ZERO;
    let (_, step) = timed(&mut spent, || {
        let (request, step) = authentication::step1().expect("entropy");
        (request.to_bytes(), (request.nonce, step))
    });
    let (nonce, step) = step;
    let answer = tl::enums::ResPq::Pq(tl::types::ResPq {
        nonce,
        server_nonce: SERVER_NONCE,
        pq: pq.to_be_bytes().to_vec(),
        server_public_key_fingerprints: vec![FINGERPRINT],
    });
    let answer = answer.to_bytes();
    let (_, step) = timed(&mut spent, || {
        let answer = tl::enums::ResPq::from_bytes(&answer).expect("resPQ");
        let (request, step) = authentication::step2(step, answer).expect("step 2");
        (request.to_bytes(), step)
    });

    let new_nonce = new_nonce(&step, &nonce);
    let aes = kdf::tmp_aes(&new_nonce, &SERVER_NONCE);
    let dh = DhParams::check(3, &KNOWN_PRIME).expect("the prime is safe");
    let (a, g_a) = dh.draw(&mut SysRng).expect("entropy");
    let inner = tl::enums::ServerDhInnerData::Data(tl::types::ServerDhInnerData {
        nonce,
        server_nonce: SERVER_NONCE,
        g: 3,
        dh_prime: KNOWN_PRIME.to_vec(),
        g_a: g_a.to_vec(),
        server_time: 1_790_000_000,
    });
    let encrypted_answer = sealed(&inner.to_bytes(), &aes);
    let answer = tl::enums::ServerDhParams::Ok(tl::types::ServerDhParamsOk {
        nonce,
        server_nonce: SERVER_NONCE,
        encrypted_answer,
    });
    let answer = answer.to_bytes();
    let (request, _, step) = timed(&mut spent, || {
        let answer = tl::enums::ServerDhParams::from_bytes(&answer).expect("server_DH_params");
        let (request, step) = authentication::step3(step, answer).expect("step 3");
        let bytes = request.to_bytes();
        (request, bytes, step)
    });

    let mut inner = request.encrypted_data;
    ige::decrypt(&aes.key, &aes.iv, inner.as_chunks_mut().0);
    let inner = tl::enums::ClientDhInnerData::deserialize(&mut Cursor::from_slice(&inner[20..])).expect("g_b");
    let tl::enums::ClientDhInnerData::Data(inner) = inner;
    let g_b = dh.check_public(&inner.g_b).expect("g_b");
    let key = AuthKey::from_bytes(*dh.power(&g_b, &a));
    let answer = tl::enums::SetClientDhParamsAnswer::DhGenOk(tl::types::DhGenOk {
        nonce,
        server_nonce: SERVER_NONCE,
        new_nonce_hash1: key.new_nonce_hash(1, &new_nonce),
    });
    let answer = answer.to_bytes();
    let finished = timed(&mut spent, || {
        let answer = tl::enums::SetClientDhParamsAnswer::from_bytes(&answer).expect("dh_gen_ok");
        authentication::create_key(step, answer).expect("the key is proved")
    });
    assert_eq!(&finished.auth_key, key.as_bytes());
    spent
}

pub fn rows(effort: Effort) -> Vec<Row> {
    let keys = Arc::from([RsaPrivateKey::generate(&mut ChaCha20Rng::seed_from_u64(1)).expect("a key")]);
    let mut ours = Ours { keys, seed: 0 };
    // Each round uses the next product, the same for both.
    let products = products();
    let (mut first, mut second) = (products.iter().cycle(), products.iter().cycle());
    const RUNS: u32 = 8;
    let contenders = vec![
        Contender::timed("nanogram", || first.by_ref().take(8).map(|pq| ours.run(*pq)).sum::<Duration>() / RUNS),
        Contender::timed("grammers", || second.by_ref().take(8).map(|pq| theirs(*pq)).sum::<Duration>() / RUNS),
    ];
    let samples = measure(Effort { slice: Duration::from_nanos(1), ..effort }, contenders);
    vec![Row::new("key exchange", "client's share, whole", samples).goal(
        "grammers",
        1.82,
        "required: 4.5 ms where grammers takes 8.2; scalar code without known powers: 2.56, hand-written AVX-512 IFMA: 8",
    )]
}

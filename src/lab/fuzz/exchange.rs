//! Key exchange: answers to a client and requests to a server, in each state, that no honest peer would send.

use super::packets::{UNIX, clock};
use super::{Choices, Dice};
use crate::base::side::Side;
use crate::base::time::Instant;
use crate::crypto::auth_key::AuthKey;
use crate::crypto::ige;
use crate::crypto::kdf::{self, AesPair};
use crate::crypto::rsa::rsa_pad;
use crate::lab::server::handshake::{ServerConfig, ServerHandshake};
use crate::lab::server::rsa::RsaPrivateKey;
use crate::protocol::handshake::client::{ClientHandshake, HandshakeConfig, Step};
use crate::protocol::handshake::{HandshakeError, plain};
use crate::tl::{Blob, Combinator};
use crate::wire::mt::auth::{PqInnerDataDc, ReqDhParams, ResPqBare, ServerDhParamsOk, SetClientDhParams};
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;
use sha1::{Digest, Sha1};
use std::sync::OnceLock;

/// An honest run.
struct Run {
    rsa: RsaPrivateKey,
    /// Each answer to the client, and the dice before the client did what led to it.
    answers: Vec<(Dice, Bytes)>,
    /// The server before each request, and the request.
    servers: Vec<(ServerHandshake, Bytes)>,
    auth_key: AuthKey,
    nonce: [u8; 16],
    server_nonce: [u8; 16],
    pq: [Vec<u8>; 2],
    tmp_aes: AesPair,
}

impl Run {
    fn config(rsa: &RsaPrivateKey) -> HandshakeConfig {
        HandshakeConfig { keys: vec![rsa.public().clone()], dc: 2, expires_in: None }
    }

    /// Returns the client in its state before answer `at`. It cannot be cloned, so the exchange runs again.
    fn client(&self, at: usize) -> ClientHandshake {
        let dice = |at: usize| self.answers[at].0.clone();
        let (mut client, _) =
            ClientHandshake::start(Self::config(&self.rsa), clock(), Instant::ZERO, &mut dice(0)).unwrap();
        for (before, (_, answer)) in self.answers[..at].iter().enumerate() {
            client.handle(Instant::ZERO, answer, &mut dice(before + 1)).unwrap();
        }
        client
    }
}

/// The private key of a recording, which opens nothing else.
pub(super) fn rsa() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let capture = include_str!("../../../tests/fixtures/captures/sess_gramjs.json");
        let capture: serde_json::Value = serde_json::from_str(capture).unwrap();
        RsaPrivateKey::from_pem(capture["rsa_private_pem"].as_str().unwrap()).unwrap()
    })
}

/// Honest key exchange, run once.
fn run() -> &'static Run {
    static RUN: OnceLock<Run> = OnceLock::new();
    RUN.get_or_init(|| {
        let (rsa, mut dice) = (rsa().clone(), Dice(3));
        let mut before = dice.clone();
        let (mut client, mut request) =
            ClientHandshake::start(Run::config(&rsa), clock(), Instant::ZERO, &mut dice).unwrap();
        let keys = [rsa.clone()].into();
        let mut server = ServerHandshake::new(ServerConfig { keys, dc: Some(2), script: [].into() });
        let (mut answers, mut servers) = (Vec::new(), Vec::new());
        let grant = loop {
            servers.push((server.clone(), request.clone()));
            let answer = server.handle(UNIX, &request, &mut dice).unwrap().send;
            answers.push((core::mem::replace(&mut before, dice.clone()), answer.clone()));
            match client.handle(Instant::ZERO, &answer, &mut dice).unwrap() {
                Step::Send(next) => request = next,
                Step::Done(grant) => break grant,
            }
        };
        #[cfg(fuzzing)]
        crate::crypto::oracle::pin();
        let body = |packet: &Bytes, from| plain::open(packet, from).unwrap().body.to_vec();
        let asked = ReqDhParams::from_boxed(&body(&servers[1].1, Side::Client)).unwrap();
        let block = rsa.open(asked.encrypted_data.0[..].try_into().unwrap()).unwrap();
        let inner = PqInnerDataDc::read_boxed(&mut crate::tl::Reader::new(block.bytes())).unwrap();
        Run {
            auth_key: grant.auth_key,
            nonce: asked.nonce,
            server_nonce: asked.server_nonce,
            pq: [asked.p.0, asked.q.0],
            tmp_aes: kdf::tmp_aes(&inner.new_nonce.0, &asked.server_nonce),
            rsa,
            answers,
            servers,
        }
    })
}

/// Hashes and encrypts `value` with the temporary AES key of the key exchange.
fn seal(value: &[u8], aes: &AesPair) -> Blob {
    let mut data = Sha1::digest(value).to_vec();
    data.extend_from_slice(value);
    // The padding may be anything up to the next block.
    data.resize(data.len().next_multiple_of(16), 0);
    ige::encrypt(&aes.key, &aes.iv, data.as_chunks_mut().0);
    Blob(data)
}

/// Applies edits to an honest message: `at:2 | change:1` each; `change` 0 truncates, others are XORed.
fn edited(message: &[u8], choices: &mut Choices<'_>) -> Vec<u8> {
    let mut message = message.to_vec();
    while !choices.0.is_empty() {
        let (at, change) = (usize::from(choices.word()), choices.byte());
        match change {
            0 => message.truncate(at),
            change => {
                if let Some(byte) = message.get_mut(at) {
                    *byte ^= change;
                }
            }
        }
    }
    message
}

/// `state:1 | how:1 | bytes`: in each of its three states a client receives the bytes, a plain message with them, the
/// edited honest answer, or an honest answer around them. It may obtain a key only if the server has the same one.
pub fn client_handshake(data: &[u8]) {
    let run = run();
    let mut choices = Choices(data);
    let state = usize::from(choices.byte()) % 3;
    let how = choices.byte() % 4;
    let (nonce, server_nonce) = (run.nonce, run.server_nonce);
    let honest = &run.answers[state].1;
    let answer = match how {
        0 => choices.rest().to_vec(),
        1 => plain::seal(5, choices.rest()),
        2 => edited(honest, &mut choices),
        _ => match state {
            0 => {
                let server_public_key_fingerprints = vec![run.rsa.public().fingerprint()];
                let pq = Blob(choices.rest().to_vec());
                plain::seal(5, &ResPqBare { nonce, server_nonce, pq, server_public_key_fingerprints }.to_boxed())
            }
            _ => {
                let encrypted_answer = seal(choices.rest(), &run.tmp_aes);
                plain::seal(5, &ServerDhParamsOk { nonce, server_nonce, encrypted_answer }.to_boxed())
            }
        },
    };
    let (mut client, mut dice) = (run.client(state), Dice(4));
    let mut answers = run.answers[state + 1..].iter().map(|(_, answer)| answer);
    let mut step = client.handle(Instant::ZERO, &answer, &mut dice);
    loop {
        match step {
            // Continue with honest answers: they must not repair an exchange that went wrong.
            Ok(Step::Send(request)) => {
                plain::open(&request, Side::Client).expect("a client asks in plain messages");
                let Some(answer) = answers.next() else { return };
                step = client.handle(Instant::ZERO, answer, &mut dice);
            }
            Ok(Step::Done(grant)) => {
                assert!(grant.auth_key.is(&run.auth_key), "a key that the server does not have");
                return;
            }
            Err(_) => {
                let again = client.handle(Instant::ZERO, honest, &mut dice);
                assert!(matches!(again, Err(HandshakeError::Misuse)), "an error ends it");
                assert_eq!(client.poll_timeout(), None);
                return;
            }
        }
    }
}

/// `state:1 | how:1 | bytes`: like [`client_handshake`] with requests to a server. A key is granted once, and a
/// repeated request gets the same answer.
pub fn server_handshake(data: &[u8]) {
    let run = run();
    let mut choices = Choices(data);
    let state = usize::from(choices.byte()) % 3;
    let how = choices.byte() % 4;
    let (nonce, server_nonce) = (run.nonce, run.server_nonce);
    let (server, honest) = &run.servers[state];
    let request = match how {
        0 => choices.rest().to_vec(),
        1 => plain::seal(4, choices.rest()),
        2 => edited(honest, &mut choices),
        _ => match state {
            0 | 1 => {
                let inner = choices.rest();
                // RSA_PAD takes at most 144 bytes. Spec: mtproto/auth_key
                let inner = &inner[..inner.len().min(144)];
                let encrypted_data = Blob(rsa_pad(inner, run.rsa.public(), &mut Dice(5)).unwrap().to_vec());
                let public_key_fingerprint = run.rsa.public().fingerprint();
                let [p, q] = run.pq.clone().map(Blob);
                let request = ReqDhParams { nonce, server_nonce, p, q, public_key_fingerprint, encrypted_data };
                plain::seal(4, &request.to_boxed())
            }
            _ => {
                let encrypted_data = seal(choices.rest(), &run.tmp_aes);
                plain::seal(4, &SetClientDhParams { nonce, server_nonce, encrypted_data }.to_boxed())
            }
        },
    };
    let (mut server, mut dice) = (server.clone(), Dice(6));
    let Ok(answer) = server.handle(UNIX, &request, &mut dice) else {
        // This exchange has ended; a new one may begin.
        let again = server.handle(UNIX, &run.servers[0].1, &mut dice).expect("anyone may begin");
        assert!(again.grant.is_none());
        return;
    };
    plain::open(&answer.send, Side::Server).expect("a server answers in plain messages");
    if let Some(grant) = &answer.grant {
        assert_eq!(state, 2, "a key for nothing");
        // Only well-formed inner data (3) may carry another g_b, and with it another key.
        assert!(how == 3 || grant.auth_key.is(&run.auth_key));
    }
    let again = server.handle(UNIX, &request, &mut dice).expect("a request that comes again is answered again");
    assert!(again.grant.is_none(), "granted twice");
    assert_eq!(again.send, answer.send);
}

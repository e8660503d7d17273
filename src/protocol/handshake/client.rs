//! The client's part: asks, checks, and believes at the end.
//!
//! ```text
//! start ──▶ AwaitResPq ──▶ AwaitDhParams ──▶ AwaitDhGen ──▶ Grant
//!                                             ▲      │
//!                                             └──────┘ dh_gen_retry, at most 3 times
//! ```
//!
//! Each state owns what its answer is checked against and is used up by it. Any error ends the run: what it drew is
//! wiped, and no number of it is used again.
//!
//! Spec: mtproto/auth_key

use super::{Grant, HandshakeError, Nonces, Refusal, Unproven, minimal, open, plain, seal};
use crate::base::entropy::{self, Entropy};
use crate::base::side::Side;
use crate::base::time::{Instant, ServerClock, UnixTime};
use crate::crypto::auth_key::AuthKey;
use crate::crypto::ct;
use crate::crypto::dh::DhParams;
use crate::crypto::factor::factor;
use crate::crypto::kdf::{self, AesPair};
use crate::crypto::rsa::{RsaKey, rsa_pad};
use crate::crypto::strip_zeros;
use crate::telegram::dcs::{Environment, dc_number, keys};
use crate::tl::{Blob, Combinator, Reader, Tl};
use crate::wire::msg_id::MsgIds;
use crate::wire::mt::auth::{
    ClientDhInnerData, NewNonce, PqInnerDataDc, PqInnerDataTempDc, ReqDhParams, ReqPqMulti, ResPq, ServerDhInnerData,
    ServerDhParams, SetClientDhParams, SetClientDhParamsAnswer,
};
use alloc::boxed::Box;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use core::{fmt, mem};
use zeroize::Zeroizing;

/// Time limit for one answer.
pub const STEP: Duration = Duration::from_secs(20);
/// Time limit for the whole exchange. Servers remember an unfinished exchange for ten minutes.
pub const RUN: Duration = Duration::from_secs(60);
/// Number of times that `dh_gen_retry` is followed.
pub const RETRIES: u8 = 3;

/// With whom, and for what kind of key.
#[derive(Debug, Clone)]
pub struct HandshakeConfig {
    /// The RSA keys that prove the server; none but those of its environment belong here.
    pub keys: Vec<RsaKey>,
    /// The number of the data centre as the exchange has it: see [`dc_number`].
    pub dc: i32,
    /// Seconds that a temporary key shall live; `None` asks for a permanent one.
    pub expires_in: Option<i32>,
}

impl HandshakeConfig {
    /// For a permanent key with data centre `dc` of Telegram itself.
    #[must_use]
    pub fn new(environment: Environment, dc: i32) -> Self {
        Self { keys: keys(environment).to_vec(), dc: dc_number(environment, dc, false), expires_in: None }
    }
}

/// Next step of the exchange.
#[derive(Debug)]
pub enum Step {
    /// A message for the server: one packet.
    Send(Bytes),
    /// The key is made.
    Done(Grant),
}

/// One exchange.
pub struct ClientHandshake {
    state: State,
    post: Post,
    run_until: Instant,
}

enum State {
    ResPq(AwaitResPq),
    DhParams(AwaitDhParams),
    DhGen(AwaitDhGen),
    Over,
}

/// Puts requests into plain messages, and keeps the last.
struct Post {
    clock: ServerClock,
    ids: MsgIds,
    last: Bytes,
    until: Instant,
}

impl Post {
    fn send(&mut self, now: Instant, request: &[u8]) -> Bytes {
        self.last = plain::seal(self.ids.client(self.clock.at(now)), request).into();
        self.until = now + STEP;
        self.last.clone()
    }
}

impl ClientHandshake {
    /// Begins an exchange: the machine, and the first message to send.
    ///
    /// # Errors
    /// The source of randomness failed.
    pub fn start(
        config: HandshakeConfig,
        clock: ServerClock,
        now: Instant,
        entropy: &mut dyn Entropy,
    ) -> Result<(Self, Bytes), HandshakeError> {
        let nonce = entropy::bytes(entropy)?;
        let mut post = Post { clock, ids: MsgIds::default(), last: Bytes::new(), until: now };
        let first = post.send(now, &ReqPqMulti { nonce }.to_boxed());
        let state = State::ResPq(AwaitResPq { config, nonce });
        Ok((Self { state, post, run_until: now + RUN }, first))
    }

    /// Takes the server's answer, one packet.
    ///
    /// # Errors
    /// The answer is not what it should be, or late; the exchange is over.
    pub fn handle(&mut self, now: Instant, answer: &[u8], entropy: &mut dyn Entropy) -> Result<Step, HandshakeError> {
        let state = self.take(now)?;
        let body = plain::open(answer, Side::Server)?.body;
        let (request, next) = match state {
            State::ResPq(state) => state.handle(body, entropy)?,
            State::DhParams(state) => state.handle(now, body, &mut self.post.clock, entropy)?,
            State::DhGen(state) => match state.handle(body, self.post.clock, entropy)? {
                Verdict::Done(grant) => return Ok(Step::Done(grant)),
                Verdict::Again(request, next) => (request, State::DhGen(next)),
            },
            State::Over => return Err(HandshakeError::Misuse),
        };
        self.state = next;
        Ok(Step::Send(self.post.send(now, &request)))
    }

    /// The last message once more, byte for byte, for a connection that took the place of a lost one: the server
    /// gives the same answer again.
    ///
    /// # Errors
    /// The exchange is over, or its time is.
    pub fn resend(&mut self, now: Instant) -> Result<Bytes, HandshakeError> {
        if now >= self.run_until || matches!(self.state, State::Over) {
            self.take(now)?;
        }
        self.post.until = now + STEP;
        Ok(self.post.last.clone())
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; `None` once it is over.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let until = self.post.until.min(self.run_until);
        (!matches!(self.state, State::Over)).then_some(until)
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// [`TimedOut`](HandshakeError::TimedOut): the exchange is over.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), HandshakeError> {
        if self.poll_timeout().is_some_and(|until| now >= until) {
            self.state = State::Over;
            return Err(HandshakeError::TimedOut);
        }
        Ok(())
    }

    /// The state, which is over unless someone puts back another.
    fn take(&mut self, now: Instant) -> Result<State, HandshakeError> {
        match mem::replace(&mut self.state, State::Over) {
            State::Over => Err(HandshakeError::Misuse),
            _ if now >= self.run_until => Err(HandshakeError::TimedOut),
            state => Ok(state),
        }
    }
}

impl fmt::Debug for ClientHandshake {
    /// Which answer it waits for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.state {
            State::ResPq(_) => "ClientHandshake(AwaitResPq)",
            State::DhParams(_) => "ClientHandshake(AwaitDhParams)",
            State::DhGen(_) => "ClientHandshake(AwaitDhGen)",
            State::Over => "ClientHandshake(Over)",
        })
    }
}

/// Sent: `req_pq_multi`.
struct AwaitResPq {
    config: HandshakeConfig,
    nonce: [u8; 16],
}

impl AwaitResPq {
    #[inline(never)] // a frame of its own: what comes before or after needs none of it
    fn handle(self, body: &[u8], entropy: &mut dyn Entropy) -> Result<(Vec<u8>, State), HandshakeError> {
        let ResPq::Only(answer) = ResPq::read(&mut Reader::new(body))?;
        if !ct::same(&answer.nonce, &self.nonce) {
            return Err(Unproven::Nonce.into());
        }
        let offered = &answer.server_public_key_fingerprints;
        let key = self.config.keys.iter().find(|key| offered.contains(&key.fingerprint()));
        let key = key.ok_or(Unproven::Fingerprint)?;
        let (p, q) = number(&answer.pq.0).and_then(factor).ok_or(Unproven::Pq)?;
        let (p, q) = (Blob(minimal(&p.to_be_bytes())), Blob(minimal(&q.to_be_bytes())));

        let Self { config: HandshakeConfig { dc, expires_in, .. }, nonce } = self;
        let (server_nonce, new_nonce) = (answer.server_nonce, NewNonce(entropy::bytes(entropy)?));
        let inner = PqInnerDataDc { pq: answer.pq, p, q, nonce, server_nonce, new_nonce, dc };
        let encrypted_data = Blob(rsa_pad(&written(&inner, expires_in), key, entropy)?.to_vec());
        let PqInnerDataDc { p, q, new_nonce, .. } = inner;
        let public_key_fingerprint = key.fingerprint();
        let request = ReqDhParams { nonce, server_nonce, p, q, public_key_fingerprint, encrypted_data };
        let nonces = Nonces { nonce, server_nonce, new_nonce };
        Ok((request.to_boxed(), State::DhParams(AwaitDhParams::new(nonces, expires_in))))
    }
}

/// Data encrypted for the owner of the RSA key: at most 112 bytes.
fn written(inner: &PqInnerDataDc, expires_in: Option<i32>) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(144));
    match expires_in {
        None => inner.write_boxed(&mut out),
        // The same fields under another id, and one more.
        Some(expires_in) => {
            PqInnerDataTempDc::ID.write(&mut out);
            inner.write(&mut out);
            expires_in.write(&mut out);
        }
    }
    out
}

/// A number of at most 64 bits, big-endian.
fn number(bytes: &[u8]) -> Option<u64> {
    let bytes = strip_zeros(bytes);
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Sent: `req_DH_params`, with `new_nonce` in it.
struct AwaitDhParams {
    nonces: Nonces,
    tmp_aes: AesPair,
    expires_in: Option<i32>,
}

impl AwaitDhParams {
    fn new(nonces: Nonces, expires_in: Option<i32>) -> Self {
        let tmp_aes = kdf::tmp_aes(&nonces.new_nonce.0, &nonces.server_nonce);
        Self { nonces, tmp_aes, expires_in }
    }

    #[inline(never)] // a frame of its own: what comes before or after needs none of it
    fn handle(
        self,
        now: Instant,
        body: &[u8],
        clock: &mut ServerClock,
        entropy: &mut dyn Entropy,
    ) -> Result<(Vec<u8>, State), HandshakeError> {
        let answer = match ServerDhParams::read(&mut Reader::new(body))? {
            ServerDhParams::Ok(answer) => answer,
            ServerDhParams::Fail(fail) => {
                self.nonces.check(&fail.nonce, &fail.server_nonce)?;
                let proved = ct::same(&fail.new_nonce_hash, &self.nonces.params_hash());
                return Err(if proved { Refusal::DhParams.into() } else { Unproven::NewNonceHash.into() });
            }
        };
        self.nonces.check(&answer.nonce, &answer.server_nonce)?;
        let inner: ServerDhInnerData = open(&answer.encrypted_answer.0, &self.tmp_aes)?;
        self.nonces.check(&inner.nonce, &inner.server_nonce)?;
        let params = DhParams::check(inner.g, &inner.dh_prime.0)?;
        let g_a = params.check_public(&inner.g_a.0)?;
        // The answer came under a key that only the server can know: its clock is the one to go by.
        clock.sync(now, UnixTime::from_secs(i64::from(inner.server_time)));
        let Self { nonces, tmp_aes, expires_in } = self;
        let exchange = Box::new(Exchange { nonces, tmp_aes, params, g_a, server_time: inner.server_time, expires_in });
        exchange.attempt(0, 0, entropy).map(|(request, next)| (request, State::DhGen(next)))
    }
}

/// Values shared by all attempts at a key.
struct Exchange {
    nonces: Nonces,
    tmp_aes: AesPair,
    params: DhParams,
    g_a: [u8; 256],
    server_time: i32,
    expires_in: Option<i32>,
}

impl Exchange {
    /// Draws `b`, makes the key, and tells the server `g_b`.
    fn attempt(
        self: Box<Self>,
        retries: u8,
        retry_id: i64,
        entropy: &mut dyn Entropy,
    ) -> Result<(Vec<u8>, AwaitDhGen), HandshakeError> {
        let (b, g_b) = self.params.draw(entropy)?;
        let auth_key = AuthKey::from_bytes(*self.params.power(&self.g_a, &b));
        let (nonce, server_nonce) = (self.nonces.nonce, self.nonces.server_nonce);
        let inner = ClientDhInnerData { nonce, server_nonce, retry_id, g_b: Blob(minimal(&g_b)) };
        let encrypted_data = Blob(seal(&inner, &self.tmp_aes, entropy)?);
        let request = SetClientDhParams { nonce, server_nonce, encrypted_data }.to_boxed();
        Ok((request, AwaitDhGen { exchange: self, auth_key, retries }))
    }

    fn grant(&self, auth_key: AuthKey, clock: ServerClock) -> Grant {
        let (server_salt, server_time) = (self.nonces.server_salt(), self.server_time);
        let expires_at = self.expires_in.map(|seconds| server_time.saturating_add(seconds));
        Grant { auth_key, server_salt, server_time, clock, expires_at }
    }
}

/// Sent: `set_client_DH_params`. The key is made, and not to be used before the server has proved that it has it too.
struct AwaitDhGen {
    exchange: Box<Exchange>,
    auth_key: AuthKey,
    retries: u8,
}

enum Verdict {
    Done(Grant),
    Again(Vec<u8>, AwaitDhGen),
}

impl AwaitDhGen {
    #[inline(never)] // a frame of its own: what comes before or after needs none of it
    fn handle(self, body: &[u8], clock: ServerClock, entropy: &mut dyn Entropy) -> Result<Verdict, HandshakeError> {
        let answer = SetClientDhParamsAnswer::read(&mut Reader::new(body))?;
        let (n, nonce, server_nonce, hash) = match &answer {
            SetClientDhParamsAnswer::Ok(a) => (1, &a.nonce, &a.server_nonce, &a.new_nonce_hash1),
            SetClientDhParamsAnswer::Retry(a) => (2, &a.nonce, &a.server_nonce, &a.new_nonce_hash2),
            SetClientDhParamsAnswer::Fail(a) => (3, &a.nonce, &a.server_nonce, &a.new_nonce_hash3),
        };
        // Before anything is done about it: a no that anyone could send would be a way to stop us.
        self.exchange.nonces.check(nonce, server_nonce)?;
        if !ct::same(hash, &self.auth_key.new_nonce_hash(n, &self.exchange.nonces.new_nonce.0)) {
            return Err(Unproven::NewNonceHash.into());
        }
        match answer {
            SetClientDhParamsAnswer::Ok(_) => Ok(Verdict::Done(self.exchange.grant(self.auth_key, clock))),
            SetClientDhParamsAnswer::Retry(_) if self.retries == RETRIES => Err(Refusal::TooManyRetries.into()),
            SetClientDhParamsAnswer::Retry(_) => {
                let retry_id = i64::from_le_bytes(self.auth_key.aux_hash());
                let (request, next) = self.exchange.attempt(self.retries + 1, retry_id, entropy)?;
                Ok(Verdict::Again(request, next))
            }
            SetClientDhParamsAnswer::Fail(_) => Err(Refusal::DhGen.into()),
        }
    }
}

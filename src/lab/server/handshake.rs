//! The server's half of the key exchange: answers, and checks as much as it is checked.
//!
//! ```text
//! Idle ── req_pq(_multi) ──▶ AwaitReqDhParams ── req_DH_params ──▶ AwaitSetClientDhParams ──▶ ServerGrant
//!   ▲                                                                ▲      │
//!   └── a new req_pq(_multi) at any time                             └──────┘ dh_gen_retry, if the script says so
//! ```
//!
//! The last request, sent once more, gets the very same answer: a client whose connection broke goes on with a new one.
//! Whatever is wrong is an error, after which this exchange is over; a data centre answers it with the transport error
//! -404. Clients that are older than today's rules are let in, and [`Age`] says what was old about them.
//!
//! Spec: mtproto/auth_key

mod types;

pub use types::{Age, Answer, DhGen, RequestError, ServerConfig, ServerGrant};

use super::rsa::RsaPrivateKey;
use crate::base::entropy::{self, Entropy, EntropyFailed};
use crate::base::side::Side;
use crate::base::time::UnixTime;
use crate::crypto::auth_key::AuthKey;
use crate::crypto::ct;
use crate::crypto::dh::{DhParams, KNOWN_PRIME};
use crate::crypto::kdf::{self, AesPair};
use crate::crypto::prime::is_prime_u64;
use crate::protocol::handshake::{Nonces, Unproven, minimal, open, plain, seal};
use crate::tl::{Blob, Combinator, DecodeError, Fault, Reader, Tl};
use crate::wire::msg_id::MsgIds;
use crate::wire::mt::auth::{
    ClientDhInnerData, DhGenFail, DhGenOk, DhGenRetry, PqInnerData, ReqDhParams, ReqPq, ReqPqMulti, ResPq, ResPqBare,
    ServerDhInnerData, ServerDhParams, ServerDhParamsOk, SetClientDhParams, SetClientDhParamsAnswer,
};
use alloc::boxed::Box;
use alloc::vec::Vec;
use bytes::Bytes;
use core::{fmt, mem};
use zeroize::Zeroizing;

/// The generator that Telegram's servers use with the known prime.
const G: i32 = 3;
/// Numbers drawn for one prime of 31 bits before the source of randomness is given up: one in eleven is one.
const DRAWS: usize = 2000;

/// One client's exchange.
#[derive(Clone)]
pub struct ServerHandshake {
    config: ServerConfig,
    state: State,
    ids: MsgIds,
    /// The last request and what was said to it.
    last: (Vec<u8>, Bytes),
}

#[derive(Clone)]
pub(super) enum State {
    Idle,
    ReqDhParams(AwaitReqDhParams),
    SetClientDhParams(Box<AwaitSetClientDhParams>),
}

/// Outcome of a request.
#[expect(clippy::large_enum_variant, reason = "moved once, at the end of a step")]
pub(super) enum Step {
    /// The last request once more: the same packet.
    Again(Bytes),
    /// An answer that is not written yet, the state after it, and the key if it is made.
    Reply(Reply, State, Option<ServerGrant>),
}

/// The values of an answer, before they are encrypted and written.
pub(super) enum Reply {
    /// `resPQ`
    ResPq(ResPqBare),
    /// `server_DH_params_ok`
    DhParams(Box<DhParamsReply>),
    /// `dh_gen_ok`, `dh_gen_retry` or `dh_gen_fail`
    DhGen(Box<DhGenReply>),
}

/// The values of `server_DH_params_ok`.
pub(super) struct DhParamsReply {
    pub(super) nonces: Nonces,
    pub(super) tmp_aes: AesPair,
    /// To be encrypted with `tmp_aes`.
    pub(super) data: ServerDhInnerData,
}

/// The values of an answer to `set_client_DH_params`.
pub(super) struct DhGenReply {
    pub(super) nonces: Nonces,
    pub(super) auth_key: AuthKey,
    pub(super) verdict: Option<DhGen>,
}

impl DhParamsReply {
    /// The answer around `encrypted_answer`.
    pub(super) fn answer(&self, encrypted_answer: Vec<u8>) -> ServerDhParams {
        let (nonce, server_nonce) = (self.nonces.nonce, self.nonces.server_nonce);
        ServerDhParams::Ok(ServerDhParamsOk { nonce, server_nonce, encrypted_answer: Blob(encrypted_answer) })
    }
}

impl DhGenReply {
    /// `new_nonce_hash1`, `2` or `3`.
    pub(super) fn hash(&self, n: u8) -> [u8; 16] {
        self.auth_key.new_nonce_hash(n, &self.nonces.new_nonce.0)
    }

    pub(super) fn answer(&self) -> SetClientDhParamsAnswer {
        let (nonce, server_nonce) = (self.nonces.nonce, self.nonces.server_nonce);
        match self.verdict {
            None => DhGenOk { nonce, server_nonce, new_nonce_hash1: self.hash(1) }.into(),
            Some(DhGen::Retry) => DhGenRetry { nonce, server_nonce, new_nonce_hash2: self.hash(2) }.into(),
            Some(DhGen::Fail) => DhGenFail { nonce, server_nonce, new_nonce_hash3: self.hash(3) }.into(),
        }
    }
}

impl Reply {
    /// The body of the plain message.
    fn write(self, entropy: &mut dyn Entropy) -> Result<Vec<u8>, EntropyFailed> {
        Ok(match self {
            Self::ResPq(answer) => written(&ResPq::Only(answer)),
            Self::DhParams(reply) => written(&reply.answer(seal(&reply.data, &reply.tmp_aes, entropy)?)),
            Self::DhGen(reply) => written(&reply.answer()),
        })
    }
}

impl ServerHandshake {
    /// Waits for a client.
    #[must_use]
    pub fn new(config: ServerConfig) -> Self {
        Self { config, state: State::Idle, ids: MsgIds::default(), last: (Vec::new(), Bytes::new()) }
    }

    /// Takes a request, one packet; `now` is our clock.
    ///
    /// # Errors
    /// The request is not what it should be; the exchange is over.
    pub fn handle(&mut self, now: UnixTime, request: &[u8], entropy: &mut dyn Entropy) -> Result<Answer, RequestError> {
        match self.step(now, request, entropy)? {
            Step::Again(send) => Ok(Answer { send, grant: None }),
            Step::Reply(reply, next, grant) => {
                let packet = self.envelope(now, &reply.write(entropy)?);
                Ok(Answer { send: self.sent(request, packet, next), grant })
            }
        }
    }

    /// Reads a request. The exchange is over unless [`sent`](Self::sent) follows.
    pub(super) fn step(
        &mut self,
        now: UnixTime,
        request: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Result<Step, RequestError> {
        let body = plain::open(request, Side::Client)?.body;
        if !body.is_empty() && body == self.last.0 {
            return Ok(Step::Again(self.last.1.clone()));
        }
        self.last.0.clear();
        let state = mem::replace(&mut self.state, State::Idle);
        match (Reader::new(body).peek(), state) {
            (Some(ReqPq::ID | ReqPqMulti::ID), _) => self.begin(body, entropy),
            (Some(ReqDhParams::ID), State::ReqDhParams(state)) => state.handle(now, body, &self.config, entropy),
            (Some(SetClientDhParams::ID), State::SetClientDhParams(state)) => {
                state.handle(body, self.config.script.pop_front())
            }
            (id, _) => Err(DecodeError { at: 0, fault: id.map_or(Fault::End, Fault::Id) }.into()),
        }
    }

    /// An answer in its plain message.
    pub(super) fn envelope(&mut self, now: UnixTime, answer: &[u8]) -> Vec<u8> {
        plain::seal(self.ids.server(now, true), answer)
    }

    /// Goes on to the state after an answer; `request`, if it comes again, gets the same `packet`.
    pub(super) fn sent(&mut self, request: &[u8], packet: Vec<u8>, next: State) -> Bytes {
        let body = plain::open(request, Side::Client).map(|plain| plain.body).unwrap_or_default();
        self.state = next;
        self.last = (body.to_vec(), packet.into());
        self.last.1.clone()
    }

    fn begin(&self, body: &[u8], entropy: &mut dyn Entropy) -> Result<Step, RequestError> {
        let mut r = Reader::new(body);
        let older_request = r.peek() == Some(ReqPq::ID);
        let nonce =
            if older_request { ReqPq::read_boxed(&mut r)?.nonce } else { ReqPqMulti::read_boxed(&mut r)?.nonce };
        let (server_nonce, (p, q)) = (entropy::bytes(entropy)?, draw_primes(entropy)?);
        let age = Age { older_request, ..Age::default() };
        let [pq, p, q] = [p * q, p, q].map(|number| minimal(&number.to_be_bytes()));
        let server_public_key_fingerprints = self.config.keys.iter().map(|key| key.public().fingerprint()).collect();
        let answer = ResPqBare { nonce, server_nonce, pq: Blob(pq.clone()), server_public_key_fingerprints };
        let next = AwaitReqDhParams { nonce, server_nonce, pq, p, q, age };
        Ok(Step::Reply(Reply::ResPq(answer), State::ReqDhParams(next), None))
    }
}

impl fmt::Debug for ServerHandshake {
    /// Which request it waits for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Idle => "ServerHandshake(Idle)",
            State::ReqDhParams(_) => "ServerHandshake(AwaitReqDhParams)",
            State::SetClientDhParams(_) => "ServerHandshake(AwaitSetClientDhParams)",
        })
    }
}

pub(super) fn written<T: Tl>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    value.write(&mut out);
    out
}

/// Two primes `p < q` of 31 bits: their product has at most 62.
fn draw_primes(entropy: &mut dyn Entropy) -> Result<(u64, u64), EntropyFailed> {
    let a = draw_prime(entropy, 0)?;
    let b = draw_prime(entropy, a)?;
    Ok((a.min(b), a.max(b)))
}

fn draw_prime(entropy: &mut dyn Entropy, other: u64) -> Result<u64, EntropyFailed> {
    for _ in 0..DRAWS {
        let drawn = u32::from_le_bytes(entropy::bytes(entropy)?) >> 1;
        let odd = u64::from(drawn | 0x4000_0001);
        if odd != other && is_prime_u64(odd) {
            return Ok(odd);
        }
    }
    Err(EntropyFailed)
}

/// Sent: `resPQ`.
#[derive(Clone)]
pub(super) struct AwaitReqDhParams {
    nonce: [u8; 16],
    server_nonce: [u8; 16],
    pq: Vec<u8>,
    p: Vec<u8>,
    q: Vec<u8>,
    age: Age,
}

impl AwaitReqDhParams {
    fn handle(
        mut self,
        now: UnixTime,
        body: &[u8],
        config: &ServerConfig,
        entropy: &mut dyn Entropy,
    ) -> Result<Step, RequestError> {
        let request = ReqDhParams::read_boxed(&mut Reader::new(body))?;
        self.check_nonces(&request.nonce, &request.server_nonce)?;
        if (&request.p.0, &request.q.0) != (&self.p, &self.q) {
            return Err(Unproven::Pq.into());
        }
        let wanted = request.public_key_fingerprint;
        let key = config.keys.iter().find(|key| key.public().fingerprint() == wanted).ok_or(Unproven::Fingerprint)?;
        let Inner { nonces, dc, expires_in } = self.open_inner(key, &request.encrypted_data.0)?;
        // A client says -2 to a media server of data centre 2. Spec: mtproto/auth_key#4-encrypted-data
        if config.dc.zip(dc).is_some_and(|(ours, theirs)| ours.unsigned_abs() != theirs.unsigned_abs()) {
            return Err(RequestError::Dc);
        }

        let Self { nonce, server_nonce, age, .. } = self;
        let tmp_aes = kdf::tmp_aes(&nonces.new_nonce.0, &server_nonce);
        let params = DhParams::check(G, &KNOWN_PRIME)?;
        let (a, g_a) = params.draw(entropy)?;
        let server_time = i32::try_from(now.as_secs()).unwrap_or(i32::MAX);
        let dh_prime = Blob(params.p().to_vec());
        let data = ServerDhInnerData { nonce, server_nonce, g: G, dh_prime, g_a: Blob(g_a.to_vec()), server_time };
        let reply = DhParamsReply { nonces: nonces.clone(), tmp_aes: tmp_aes.clone(), data };
        let expires_at = expires_in.map(|seconds| server_time.saturating_add(seconds));
        let next = AwaitSetClientDhParams { nonces, tmp_aes, params, a, retry_id: 0, expires_at, dc, age };
        Ok(Step::Reply(Reply::DhParams(reply.into()), State::SetClientDhParams(next.into()), None))
    }

    fn check_nonces(&self, nonce: &[u8; 16], server_nonce: &[u8; 16]) -> Result<(), Unproven> {
        if nonce != &self.nonce {
            return Err(Unproven::Nonce);
        }
        if server_nonce != &self.server_nonce { Err(Unproven::ServerNonce) } else { Ok(()) }
    }

    /// Opens the RSA block, and holds what was in it against what is known.
    fn open_inner(&mut self, key: &RsaPrivateKey, sealed: &[u8]) -> Result<Inner, Unproven> {
        let sealed = sealed.try_into().map_err(|_| Unproven::Encrypted)?;
        let block = key.open(sealed).ok_or(Unproven::Encrypted)?;
        let mut r = Reader::new(block.bytes());
        let data = PqInnerData::read(&mut r).map_err(|_| Unproven::Encrypted)?;
        if !block.proves(r.position()) {
            return Err(Unproven::Encrypted);
        }
        self.age.older_padding = block.is_old();
        let (pq, p, q, nonce, server_nonce, new_nonce, dc, expires_in) = match data {
            PqInnerData::Old(d) => (d.pq, d.p, d.q, d.nonce, d.server_nonce, d.new_nonce, None, None),
            PqInnerData::Dc(d) => (d.pq, d.p, d.q, d.nonce, d.server_nonce, d.new_nonce, Some(d.dc), None),
            PqInnerData::Temp(d) => (d.pq, d.p, d.q, d.nonce, d.server_nonce, d.new_nonce, None, Some(d.expires_in)),
            PqInnerData::TempDc(d) => {
                (d.pq, d.p, d.q, d.nonce, d.server_nonce, d.new_nonce, Some(d.dc), Some(d.expires_in))
            }
        };
        self.age.older_inner_data = dc.is_none();
        self.check_nonces(&nonce, &server_nonce)?;
        let factors = (&pq.0, &p.0, &q.0) == (&self.pq, &self.p, &self.q);
        let nonces = Nonces { nonce, server_nonce, new_nonce };
        factors.then_some(Inner { nonces, dc, expires_in }).ok_or(Unproven::Pq)
    }
}

/// Fields of the four forms of `P_Q_inner_data`.
struct Inner {
    nonces: Nonces,
    dc: Option<i32>,
    expires_in: Option<i32>,
}

/// Sent: `server_DH_params_ok`, or `dh_gen_retry`.
#[derive(Clone)]
pub(super) struct AwaitSetClientDhParams {
    nonces: Nonces,
    tmp_aes: AesPair,
    params: DhParams,
    a: Zeroizing<[u8; 256]>,
    retry_id: i64,
    expires_at: Option<i32>,
    dc: Option<i32>,
    age: Age,
}

impl AwaitSetClientDhParams {
    fn handle(mut self: Box<Self>, body: &[u8], verdict: Option<DhGen>) -> Result<Step, RequestError> {
        let request = SetClientDhParams::read_boxed(&mut Reader::new(body))?;
        self.nonces.check(&request.nonce, &request.server_nonce)?;
        let inner: ClientDhInnerData = open(&request.encrypted_data.0, &self.tmp_aes)?;
        self.nonces.check(&inner.nonce, &inner.server_nonce)?;
        if !ct::same(&inner.retry_id.to_le_bytes(), &self.retry_id.to_le_bytes()) {
            return Err(RequestError::RetryId);
        }
        let g_b = self.params.check_public(&inner.g_b.0)?;
        let auth_key = AuthKey::from_bytes(*self.params.power(&g_b, &self.a));
        let reply = DhGenReply { nonces: self.nonces.clone(), auth_key: auth_key.clone(), verdict };
        let (next, grant) = match verdict {
            None => (State::Idle, Some(self.grant(auth_key))),
            Some(DhGen::Fail) => (State::Idle, None),
            Some(DhGen::Retry) => {
                self.retry_id = i64::from_le_bytes(auth_key.aux_hash());
                (State::SetClientDhParams(self), None)
            }
        };
        Ok(Step::Reply(Reply::DhGen(reply.into()), next, grant))
    }

    fn grant(&self, auth_key: AuthKey) -> ServerGrant {
        let (server_salt, expires_at, dc, age) = (self.nonces.server_salt(), self.expires_at, self.dc, self.age);
        ServerGrant { auth_key, server_salt, expires_at, dc, age }
    }
}

#[cfg(test)]
mod tests;

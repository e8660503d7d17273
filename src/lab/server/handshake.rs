//! The data centre's part: answers, and checks as much as it is checked.
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

use super::lies::{At, Lie};
use super::rsa::RsaPrivateKey;
use crate::base::entropy::{self, Entropy, EntropyFailed};
use crate::base::side::Side;
use crate::base::time::UnixTime;
use crate::crypto::auth_key::AuthKey;
use crate::crypto::ct;
use crate::crypto::dh::{DhParams, KNOWN_PRIME};
use crate::crypto::kdf::{self, AesPair};
use crate::crypto::prime::is_prime_u64;
use crate::protocol::handshake::{HandshakeError, Nonces, Unproven, minimal, open, plain, seal};
use crate::tl::{Blob, Combinator, DecodeError, Fault, Reader, Tl};
use crate::wire::msg_id::MsgIds;
use crate::wire::mt::auth::{
    ClientDhInnerData, DhGenFail, DhGenOk, DhGenRetry, PqInnerData, ReqDhParams, ReqPq, ReqPqMulti, ResPq, ResPqBare,
    ServerDhInnerData, ServerDhParams, ServerDhParamsOk, SetClientDhParams, SetClientDhParamsAnswer,
};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::{fmt, mem};
use zeroize::Zeroizing;

/// The generator that Telegram's servers use with the known prime.
const G: i32 = 3;
/// Numbers drawn for one prime of 31 bits before the source of randomness is given up: one in eleven is one.
const DRAWS: usize = 2000;

/// Which keys the data centre holds, and which number it goes by.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Its RSA keys.
    pub keys: Arc<[RsaPrivateKey]>,
    /// The number that `p_q_inner_data_dc` must hold; `None` takes any.
    pub dc: Option<i32>,
    /// What to say to the next keys instead of `dh_gen_ok`.
    pub script: VecDeque<DhGen>,
}

/// What a server that does not like a key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DhGen {
    /// `dh_gen_retry`: one with this id is there already.
    Retry,
    /// `dh_gen_fail`: begin again.
    Fail,
}

/// An answer, and the key if it is made by now.
#[derive(Debug)]
pub struct Answer {
    /// A message for the client: one packet.
    pub send: Bytes,
    /// The key, with the answer that grants it; not with a repeated one.
    pub grant: Option<ServerGrant>,
}

/// What a finished exchange leaves with the server.
#[derive(Debug, Clone)]
pub struct ServerGrant {
    /// The key.
    pub auth_key: AuthKey,
    /// The first salt of its messages.
    pub server_salt: i64,
    /// When a temporary key ends, in our seconds; `None` if the key is permanent.
    pub expires_at: Option<i32>,
    /// The number by which the client called us, if it did.
    pub dc: Option<i32>,
    /// How old the client's ways are.
    pub age: Age,
}

/// What a client did as today's spec no longer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Age {
    /// `req_pq` for `req_pq_multi`.
    pub older_request: bool,
    /// The RSA padding from before 2021.
    pub older_padding: bool,
    /// `p_q_inner_data` or `p_q_inner_data_temp`, which bind the exchange to no data centre.
    pub older_inner_data: bool,
}

/// One client's exchange.
#[cfg_attr(feature = "fuzzing", derive(Clone))]
pub struct ServerHandshake {
    config: ServerConfig,
    state: State,
    ids: MsgIds,
    /// The last request and what was said to it.
    last: (Vec<u8>, Bytes),
    lie: Option<Lie>,
}

#[cfg_attr(feature = "fuzzing", derive(Clone))]
enum State {
    Idle,
    ReqDhParams(AwaitReqDhParams),
    SetClientDhParams(Box<AwaitSetClientDhParams>),
}

impl ServerHandshake {
    /// Waits for a client.
    #[must_use]
    pub fn new(config: ServerConfig) -> Self {
        let (ids, last) = (MsgIds::default(), (Vec::new(), Bytes::new()));
        Self { config, state: State::Idle, ids, last, lie: None }
    }

    /// Waits for a client, to tell it this lie.
    #[must_use]
    pub fn lying(config: ServerConfig, lie: Lie) -> Self {
        Self { lie: Some(lie), ..Self::new(config) }
    }

    /// Takes a request, one packet; `now` is our clock.
    ///
    /// # Errors
    /// The request is not what it should be; the exchange is over.
    pub fn handle(
        &mut self,
        now: UnixTime,
        request: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Result<Answer, HandshakeError> {
        let body = plain::open(request, Side::Client)?.body;
        if !body.is_empty() && body == self.last.0 {
            return Ok(Answer { send: self.last.1.clone(), grant: None });
        }
        self.last.0.clear();
        let state = mem::replace(&mut self.state, State::Idle);
        let (at, (answer, next, grant)) = match (Reader::new(body).peek(), state) {
            (Some(ReqPq::ID | ReqPqMulti::ID), _) => (At::ResPq, self.begin(body, entropy)?),
            (Some(ReqDhParams::ID), State::ReqDhParams(state)) => {
                (At::DhParams, state.handle(now, body, &self.config, self.lie, entropy)?)
            }
            (Some(SetClientDhParams::ID), State::SetClientDhParams(state)) => {
                (At::DhGen, state.handle(body, self.config.script.pop_front(), self.lie)?)
            }
            (id, _) => return Err(DecodeError { at: 0, fault: id.map_or(Fault::End, Fault::Id) }.into()),
        };
        self.state = next;
        let mut packet = plain::seal(self.ids.server(now, true), &answer);
        if let Some(lie) = self.lie {
            lie.envelope(at, &mut packet, entropy)?;
        }
        self.last = (body.to_vec(), packet.into());
        Ok(Answer { send: self.last.1.clone(), grant })
    }

    fn begin(&self, body: &[u8], entropy: &mut dyn Entropy) -> Result<Next, HandshakeError> {
        let mut r = Reader::new(body);
        let older_request = r.peek() == Some(ReqPq::ID);
        let nonce =
            if older_request { ReqPq::read_boxed(&mut r)?.nonce } else { ReqPqMulti::read_boxed(&mut r)?.nonce };
        let (server_nonce, (p, q)) = (entropy::bytes(entropy)?, draw_primes(entropy)?);
        let age = Age { older_request, ..Age::default() };
        let [pq, p, q] = [p * q, p, q].map(|number| minimal(&number.to_be_bytes()));
        let server_public_key_fingerprints = self.config.keys.iter().map(|key| key.public().fingerprint()).collect();
        let mut answer = ResPqBare { nonce, server_nonce, pq: Blob(pq.clone()), server_public_key_fingerprints };
        if let Some(lie) = self.lie {
            lie.res_pq(&mut answer);
        }
        let next = AwaitReqDhParams { nonce, server_nonce, pq, p, q, age };
        Ok((written(&ResPq::Only(answer)), State::ReqDhParams(next), None))
    }
}

/// The answer, the state after it, and the key if it is made.
type Next = (Vec<u8>, State, Option<ServerGrant>);

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

fn written<T: Tl>(value: &T) -> Vec<u8> {
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
#[cfg_attr(feature = "fuzzing", derive(Clone))]
struct AwaitReqDhParams {
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
        lie: Option<Lie>,
        entropy: &mut dyn Entropy,
    ) -> Result<Next, HandshakeError> {
        let request = ReqDhParams::read_boxed(&mut Reader::new(body))?;
        self.check_nonces(&request.nonce, &request.server_nonce)?;
        if (&request.p.0, &request.q.0) != (&self.p, &self.q) {
            return Err(Unproven::Pq.into());
        }
        let wanted = request.public_key_fingerprint;
        let key = config.keys.iter().find(|key| key.public().fingerprint() == wanted).ok_or(Unproven::Fingerprint)?;
        let inner = self.open_inner(key, &request.encrypted_data.0)?;
        // A client says -2 to a media server of data centre 2. Spec: mtproto/auth_key#4-encrypted-data
        if config.dc.zip(inner.dc).is_some_and(|(ours, theirs)| ours.unsigned_abs() != theirs.unsigned_abs()) {
            return Err(Unproven::Dc.into());
        }

        let Self { nonce, server_nonce, age, .. } = self;
        let tmp_aes = kdf::tmp_aes(&inner.nonces.new_nonce.0, &server_nonce);
        let params = DhParams::check(G, &KNOWN_PRIME)?;
        let (a, g_a) = params.draw(entropy)?;
        let server_time = i32::try_from(now.as_secs()).unwrap_or(i32::MAX);
        let dh_prime = Blob(params.p().to_vec());
        let mut data = ServerDhInnerData { nonce, server_nonce, g: G, dh_prime, g_a: Blob(g_a.to_vec()), server_time };
        let encrypted_answer = match lie {
            None => seal(&data, &tmp_aes, entropy)?,
            Some(lie) => {
                lie.inner(&mut data);
                lie.sealed(&data, &tmp_aes, entropy)?
            }
        };
        let encrypted_answer = Blob(encrypted_answer);
        let mut answer = ServerDhParams::Ok(ServerDhParamsOk { nonce, server_nonce, encrypted_answer });
        if let Some(lie) = lie {
            lie.params(&mut answer, inner.nonces.params_hash());
        }
        let expires_at = inner.expires_in.map(|seconds| server_time.saturating_add(seconds));
        let next = AwaitSetClientDhParams {
            nonces: inner.nonces,
            tmp_aes,
            params,
            a,
            retry_id: 0,
            expires_at,
            dc: inner.dc,
            age,
        };
        Ok((written(&answer), State::SetClientDhParams(next.into()), None))
    }

    fn check_nonces(&self, nonce: &[u8; 16], server_nonce: &[u8; 16]) -> Result<(), Unproven> {
        match () {
            () if nonce != &self.nonce => Err(Unproven::Nonce),
            () if server_nonce != &self.server_nonce => Err(Unproven::ServerNonce),
            () => Ok(()),
        }
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

/// What the four forms of `P_Q_inner_data` have in common, and what only some have.
struct Inner {
    nonces: Nonces,
    dc: Option<i32>,
    expires_in: Option<i32>,
}

/// Sent: `server_DH_params_ok`, or `dh_gen_retry`.
#[cfg_attr(feature = "fuzzing", derive(Clone))]
struct AwaitSetClientDhParams {
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
    fn handle(
        mut self: Box<Self>,
        body: &[u8],
        verdict: Option<DhGen>,
        lie: Option<Lie>,
    ) -> Result<Next, HandshakeError> {
        let request = SetClientDhParams::read_boxed(&mut Reader::new(body))?;
        self.nonces.check(&request.nonce, &request.server_nonce)?;
        let inner: ClientDhInnerData = open(&request.encrypted_data.0, &self.tmp_aes)?;
        self.nonces.check(&inner.nonce, &inner.server_nonce)?;
        if !ct::same(&inner.retry_id.to_le_bytes(), &self.retry_id.to_le_bytes()) {
            return Err(Unproven::RetryId.into());
        }
        let g_b = self.params.check_public(&inner.g_b.0)?;
        let auth_key = AuthKey::from_bytes(*self.params.power(&g_b, &self.a));

        let hash = |n| auth_key.new_nonce_hash(n, &self.nonces.new_nonce.0);
        let (nonce, server_nonce) = (self.nonces.nonce, self.nonces.server_nonce);
        let mut answer: SetClientDhParamsAnswer = match verdict {
            None => DhGenOk { nonce, server_nonce, new_nonce_hash1: hash(1) }.into(),
            Some(DhGen::Retry) => DhGenRetry { nonce, server_nonce, new_nonce_hash2: hash(2) }.into(),
            Some(DhGen::Fail) => DhGenFail { nonce, server_nonce, new_nonce_hash3: hash(3) }.into(),
        };
        if let Some(lie) = lie {
            lie.dh_gen(&mut answer, hash(2));
        }
        let answer = written(&answer);
        match verdict {
            None => Ok((answer, State::Idle, Some(self.grant(auth_key)))),
            Some(DhGen::Fail) => Ok((answer, State::Idle, None)),
            Some(DhGen::Retry) => {
                self.retry_id = i64::from_le_bytes(auth_key.aux_hash());
                Ok((answer, State::SetClientDhParams(self), None))
            }
        }
    }

    fn grant(&self, auth_key: AuthKey) -> ServerGrant {
        let (server_salt, expires_at, dc, age) = (self.nonces.server_salt(), self.expires_at, self.dc, self.age);
        ServerGrant { auth_key, server_salt, expires_at, dc, age }
    }
}

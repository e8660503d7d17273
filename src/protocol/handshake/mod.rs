//! Making an authorization key: three questions, three answers, and nothing believed that is not proved.
//!
//! ```text
//! client                                                                server
//! nonce ──────────────── req_pq_multi ───────────────▶
//!       ◀─────────────── resPQ ───────────────────────  nonce, server_nonce, pq, fingerprints of RSA keys
//! factors pq; new_nonce, hidden by RSA
//!       ─── req_DH_params( RSA( p_q_inner_data_dc )) ─▶  opens new_nonce: only the owner of the RSA key can
//!       ◀── server_DH_params_ok( AES( g, p, g_a )) ────  AES key made of new_nonce and server_nonce
//! checks p, g, g_a; draws b
//!       ─── set_client_DH_params( AES( g_b )) ────────▶
//!       ◀── dh_gen_ok | dh_gen_retry | dh_gen_fail ────  each with a hash that only who knows new_nonce and the
//!                                                        key can make
//! auth_key = g_a^b = g_b^a mod p          server_salt = new_nonce[0..8] ⊕ server_nonce[0..8]
//! ```
//!
//! All of it travels in [`plain`] messages. [`client`] is a machine without clock, socket and entropy: bytes and time
//! go
//! in, bytes come out.
//!
//! ```
//! use nanogram::telegram::dcs::Environment;
//! use nanogram::protocol::handshake::client::{ClientHandshake, HandshakeConfig};
//! use nanogram::base::time::{Instant, ServerClock, UnixTime};
//! # let mut entropy = <rand::rngs::ChaCha20Rng as rand::SeedableRng>::seed_from_u64(1);
//! let now = Instant::ZERO;
//! let clock = ServerClock::guess(now, UnixTime::from_secs(1_707_425_104));
//! let config = HandshakeConfig::new(Environment::Production, 2);
//! let (mut handshake, first) = ClientHandshake::start(config, clock, now, &mut entropy).unwrap();
//! assert_eq!(first.len(), 40); // auth_key_id:8 = 0 | msg_id:8 | len:4 | req_pq_multi:20
//! assert!(handshake.handle(now, b"no answer", &mut entropy).is_err()); // and an error ends it
//! ```
//!
//! Spec: mtproto/auth_key, mtproto/samples-auth_key, mtproto/security_guidelines

pub mod client;
pub mod plain;

use crate::base::entropy::{Entropy, EntropyFailed};
use crate::base::time::ServerClock;
use crate::crypto::dh::DhError;
use crate::crypto::kdf::AesPair;
use crate::crypto::rsa::RsaError;
use crate::crypto::{auth_key::AuthKey, ct, ige, strip_zeros};
use crate::tl::{Combinator, DecodeError, Reader};
use crate::wire::mt::auth::NewNonce;
use alloc::vec::Vec;
use core::fmt;
use plain::PlainError;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

/// Result of a finished key exchange.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The key.
    pub auth_key: AuthKey,
    /// The first salt of its messages.
    pub server_salt: i64,
    /// The server's clock when it answered, in seconds since 1970.
    pub server_time: i32,
    /// The caller's clock, set by it.
    pub clock: ServerClock,
    /// When a temporary key ends, in the server's seconds; `None` if the key is permanent.
    pub expires_at: Option<i32>,
}

/// Why there is no key. Whatever it was, this run is over; another must start from nothing.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeError {
    /// The peer's message does not prove what it must.
    Peer(Unproven),
    /// The server said no, and proved that it was the server who said so.
    Refused(Refusal),
    /// Bytes that are no plain message.
    Plain(PlainError),
    /// A plain message that holds no such answer.
    Decode(DecodeError),
    /// The source of randomness failed; nothing was sent.
    Entropy,
    /// No answer came in time.
    TimedOut,
    /// A call after the end.
    Misuse,
}

/// Property that a message failed to prove.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unproven {
    /// Wrong `nonce`: a message of another exchange.
    Nonce,
    /// Wrong `server_nonce`: a message of another exchange.
    ServerNonce,
    /// No RSA key in common.
    Fingerprint,
    /// `pq` is no product of two different odd primes below 2^63, or `p` and `q` are not its factors.
    Pq,
    /// The decrypted data does not match its hash or cannot be parsed.
    Encrypted,
    /// The numbers of Diffie-Hellman are not safe.
    Dh(DhError),
    /// `new_nonce_hash` is not made of our `new_nonce`.
    NewNonceHash,
}

/// A no with its proof.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// `server_DH_params_fail`
    DhParams,
    /// `dh_gen_retry`, once more than we try.
    TooManyRetries,
    /// `dh_gen_fail`
    DhGen,
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(what) => write!(f, "the peer did not prove itself: {what}"),
            Self::Refused(what) => write!(f, "the server refused: {what}"),
            Self::Plain(e) => e.fmt(f),
            Self::Decode(e) => e.fmt(f),
            Self::Entropy => EntropyFailed.fmt(f),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Misuse => f.write_str("the exchange is over"),
        }
    }
}
impl core::error::Error for HandshakeError {}

impl fmt::Display for Unproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nonce => f.write_str("nonce is another's"),
            Self::ServerNonce => f.write_str("server_nonce is another's"),
            Self::Fingerprint => f.write_str("no RSA key in common"),
            Self::Pq => f.write_str("pq is no product of two primes that it should be"),
            Self::Encrypted => f.write_str("the encrypted part does not fit its hash"),
            Self::Dh(e) => e.fmt(f),
            Self::NewNonceHash => f.write_str("new_nonce_hash is wrong"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DhParams => "server_DH_params_fail",
            Self::TooManyRetries => "too many dh_gen_retry",
            Self::DhGen => "dh_gen_fail",
        })
    }
}

impl From<Unproven> for HandshakeError {
    fn from(what: Unproven) -> Self {
        Self::Peer(what)
    }
}
impl From<Refusal> for HandshakeError {
    fn from(what: Refusal) -> Self {
        Self::Refused(what)
    }
}
impl From<DhError> for HandshakeError {
    fn from(e: DhError) -> Self {
        Self::Peer(Unproven::Dh(e))
    }
}
impl From<PlainError> for HandshakeError {
    fn from(e: PlainError) -> Self {
        Self::Plain(e)
    }
}
impl From<DecodeError> for HandshakeError {
    fn from(e: DecodeError) -> Self {
        Self::Decode(e)
    }
}
impl From<EntropyFailed> for HandshakeError {
    fn from(EntropyFailed: EntropyFailed) -> Self {
        Self::Entropy
    }
}
impl From<RsaError> for HandshakeError {
    /// The inner data always fits and the key is a key: what is left is the source of randomness.
    fn from(_: RsaError) -> Self {
        Self::Entropy
    }
}

/// Nonces of one exchange: two identify it, the secret one proves who takes part.
#[derive(Clone)]
pub(crate) struct Nonces {
    pub(crate) nonce: [u8; 16],
    pub(crate) server_nonce: [u8; 16],
    pub(crate) new_nonce: NewNonce,
}

impl Nonces {
    pub(crate) fn check(&self, nonce: &[u8; 16], server_nonce: &[u8; 16]) -> Result<(), Unproven> {
        if !ct::same(nonce, &self.nonce) {
            return Err(Unproven::Nonce);
        }
        if ct::same(server_nonce, &self.server_nonce) { Ok(()) } else { Err(Unproven::ServerNonce) }
    }

    /// `SHA1(new_nonce)[4..20]`, the proof of `server_DH_params_fail`.
    pub(crate) fn params_hash(&self) -> [u8; 16] {
        let hash: [u8; 20] = Sha1::digest(self.new_nonce.0).into();
        let [_, _, _, _, proof @ ..] = hash;
        proof
    }

    /// `new_nonce[0..8] ⊕ server_nonce[0..8]`
    pub(crate) fn server_salt(&self) -> i64 {
        let half = |bytes: &[u8]| bytes.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
        half(&self.new_nonce.0) ^ half(&self.server_nonce)
    }
}

/// Encrypts a value with the temporary key: `AES-IGE( SHA1(value):20 | value | 0..15 random )`.
pub(crate) fn seal<T: Combinator>(
    value: &T,
    aes: &AesPair,
    entropy: &mut dyn Entropy,
) -> Result<Vec<u8>, EntropyFailed> {
    let mut data = Vec::with_capacity(640);
    data.resize(20, 0);
    value.write_boxed(&mut data);
    if let Some((hash, value)) = data.split_first_chunk_mut::<20>() {
        *hash = Sha1::digest(value).into();
    }
    let len = data.len();
    data.resize(len.next_multiple_of(16), 0);
    entropy.fill(data.get_mut(len..).unwrap_or_default())?;
    ige::encrypt(&aes.key, &aes.iv, data.as_chunks_mut().0);
    Ok(data)
}

/// Undoes [`seal`]: whole blocks, the value, fewer than 16 bytes after it, and the hash of exactly the value.
///
/// Where the value ends only its reader knows, so it is read before it is proved; whatever is wrong is one error.
///
/// Spec: mtproto/security_guidelines#checking-sha1-hash-values
pub(crate) fn open<T: Combinator>(sealed: &[u8], aes: &AesPair) -> Result<T, Unproven> {
    let mut data = Zeroizing::new(sealed.to_vec());
    let (blocks, []) = data.as_chunks_mut::<16>() else { return Err(Unproven::Encrypted) };
    ige::decrypt(&aes.key, &aes.iv, blocks);
    let (hash, rest) = data.split_first_chunk::<20>().ok_or(Unproven::Encrypted)?;
    let mut r = Reader::new(rest);
    let value = T::read_boxed(&mut r).map_err(|_| Unproven::Encrypted)?;
    let (value_bytes, padding) = rest.split_at_checked(r.position()).ok_or(Unproven::Encrypted)?;
    let proved = padding.len() < 16 && ct::same(hash, &Sha1::digest(value_bytes));
    proved.then_some(value).ok_or(Unproven::Encrypted)
}

/// A number without its leading zeros, as the spec wants the numbers that we send.
pub(crate) fn minimal(number: &[u8]) -> Vec<u8> {
    strip_zeros(number).to_vec()
}

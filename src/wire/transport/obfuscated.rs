//! The obfuscated transport: one of the length framings under AES-256-CTR, so that a stranger sees only noise.
//!
//! The client sends 64 bytes first, in place of the preamble. All but the last 8 travel as they are: what both streams
//! are keyed with lies open, and only the secret of an MTProxy, if there is one, keeps it from a stranger.
//!
//! ```text
//!           0        8                 40         56     60   62   64
//! init      │random:8│key:32           │iv:16     │id:4  │dc:2│random:2│   id efefefef, eeeeeeee or dddddddd
//!           └── sent as it is ─────────────────────┴─ sent encrypted ──┘   dc little-endian, for an MTProxy
//!
//! client → server   key = init[8..40], iv = init[40..56]; the stream begins over init itself, so frames come at 64
//! server → client   the same of init read backwards; the stream begins with the first frame
//! with a secret     key = SHA-256(key | secret:16)
//! ```
//!
//! The streams never restart: how the bytes are cut does not matter, but a lost one ruins the connection. Nothing is
//! authenticated here; what must be is inside the packets.
//!
//! Spec: mtproto/mtproto-transports#transport-obfuscation

use super::{FrameError, Framing, detect::FOREIGN};
use crate::base::entropy::{self, Entropy, EntropyFailed};
use crate::base::side::Side;
use crate::crypto::ctr::Ctr;
use core::fmt;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// How often a source of entropy may give a forbidden `init`; a random one does so once in 256 times.
const TRIES: u32 = 64;

/// Both streams of one connection, and what was agreed before they began.
pub struct Obfuscated {
    pub(super) side: Side,
    pub(super) framing: Framing,
    pub(super) init: [u8; 64],
    pub(super) streams: Streams,
    dc: i16,
}

/// What lies over the frames. A trait, so that a program that never obfuscates does not link the cipher for it.
pub(super) trait Noise: fmt::Debug + Send + Sync {
    /// What was read.
    fn open(&mut self, bytes: &mut [u8]);
    /// What is to be written.
    fn seal(&mut self, bytes: &mut [u8]);
}

impl Noise for Streams {
    fn open(&mut self, bytes: &mut [u8]) {
        self.read.apply(bytes);
    }
    fn seal(&mut self, bytes: &mut [u8]) {
        self.write.apply(bytes);
    }
}

/// What is read and what is written, each with its own counter.
pub(super) struct Streams {
    pub(super) read: Ctr,
    pub(super) write: Ctr,
}

impl Obfuscated {
    /// The client's end. `dc` is for an MTProxy: the number of the data centre, plus 10000 for a test one, negative
    /// for media; without it those bytes stay random.
    ///
    /// # Errors
    /// The full framing has no obfuscated form; or the source of entropy failed.
    pub fn connect(
        framing: Framing,
        dc: Option<i16>,
        secret: Option<&ProxySecret>,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, ObfuscateError> {
        let id = id_of(framing).ok_or(ObfuscateError::Full)?;
        let mut init = dice(entropy)?;
        put(&mut init, 56, id);
        if let Some(dc) = dc {
            put(&mut init, 60, dc.to_le_bytes());
        }
        let (mut write, read) = streams(&init, secret);
        let mut sealed = init;
        write.apply(&mut sealed);
        let dc = i16::from_le_bytes(part(&init, 60));
        put::<8>(&mut init, 56, part(&sealed, 56));
        Ok(Self { side: Side::Client, framing, init, streams: Streams { read, write }, dc })
    }

    /// The server's end, from the first 64 bytes of a client.
    ///
    /// # Errors
    /// They name no framing: not an obfuscated client, or one with another secret.
    pub fn accept(init: &[u8; 64], secret: Option<&ProxySecret>) -> Result<Self, FrameError> {
        let (mut read, write) = streams(init, secret);
        let mut open = *init;
        read.apply(&mut open);
        let id = part(&open, 56);
        let named = Framing::ALL.into_iter().find(|framing| id_of(*framing) == Some(id));
        let framing = named.ok_or(FrameError::Start)?;
        let dc = i16::from_le_bytes(part(&open, 60));
        Ok(Self { side: Side::Server, framing, init: *init, streams: Streams { read, write }, dc })
    }

    /// The framing below the noise.
    pub const fn framing(&self) -> Framing {
        self.framing
    }
    /// The data centre that a client asks an MTProxy for; random where none was asked for.
    pub const fn dc(&self) -> i16 {
        self.dc
    }
}

impl fmt::Debug for Obfuscated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Obfuscated({:?})", self.framing)
    }
}
impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streams(..)")
    }
}

/// Name of `framing` in `init`: the first byte of its preamble four times; `None` for full, which has no preamble.
fn id_of(framing: Framing) -> Option<[u8; 4]> {
    framing.preamble().first().map(|byte| [*byte; 4])
}

/// 64 random bytes that start like nothing else a server may hear.
fn dice(entropy: &mut dyn Entropy) -> Result<[u8; 64], EntropyFailed> {
    for _ in 0..TRIES {
        let init = entropy::bytes(entropy)?;
        if !starts_like_another(&init) {
            return Ok(init);
        }
    }
    Err(EntropyFailed) // whatever this source gives, it is not random
}

/// Whether a server would take `init` for a plain framing, HTTP or TLS.
fn starts_like_another(init: &[u8; 64]) -> bool {
    let first: [u8; 4] = part(init, 0);
    let second: [u8; 4] = part(init, 4);
    first.starts_with(&[0xef])
        || FOREIGN.contains(&first)
        || first == [0xee; 4]
        || first == [0xdd; 4]
        || second == [0; 4]
}

/// Client to server and server to client, of the client's `init`.
fn streams(init: &[u8; 64], secret: Option<&ProxySecret>) -> (Ctr, Ctr) {
    let mut backwards = *init;
    backwards.reverse();
    (stream(init, secret), stream(&backwards, secret))
}

fn stream(init: &[u8; 64], secret: Option<&ProxySecret>) -> Ctr {
    let mut key: [u8; 32] = part(init, 8);
    if let Some(secret) = secret {
        key = Sha256::new().chain_update(key).chain_update(*secret.key).finalize().into();
    }
    let stream = Ctr::new(&key, &part(init, 40));
    key.zeroize();
    stream
}

/// The `N` bytes of `init` that begin at `at`.
fn part<const N: usize>(init: &[u8; 64], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(init.iter().skip(at)).for_each(|(to, from)| *to = *from);
    out
}

/// Puts `bytes` into `init` at `at`.
fn put<const N: usize>(init: &mut [u8; 64], at: usize, bytes: [u8; N]) {
    init.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = from);
}

/// What an MTProxy gives to those who may use it: 16 bytes, and whether it insists on the padded framing.
#[derive(Clone)]
pub struct ProxySecret {
    key: Zeroizing<[u8; 16]>,
    padded: bool,
}

impl ProxySecret {
    /// Reads a secret: `key:16`, or `dd | key:16` where frames must be padded.
    ///
    /// `None` for anything else; `ee | key:16 | host`, which hides in TLS, is not spoken here.
    pub fn parse(secret: &[u8]) -> Option<Self> {
        let (key, padded) = match secret {
            [0xdd, key @ ..] if key.len() == 16 => (key, true),
            key => (key, false),
        };
        Some(Self { key: Zeroizing::new(key.try_into().ok()?), padded })
    }
    /// Whether only [`Framing::PADDED_INTERMEDIATE`] will do.
    pub const fn is_padded(&self) -> bool {
        self.padded
    }
}

impl fmt::Debug for ProxySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxySecret(..)")
    }
}

/// Why there is no obfuscated connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObfuscateError {
    /// The full framing has no obfuscated form.
    Full,
    /// No randomness, or none worth the name.
    Entropy(EntropyFailed),
}

impl From<EntropyFailed> for ObfuscateError {
    fn from(failed: EntropyFailed) -> Self {
        Self::Entropy(failed)
    }
}
impl fmt::Display for ObfuscateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the full framing has no obfuscated form"),
            Self::Entropy(failed) => failed.fmt(f),
        }
    }
}
impl core::error::Error for ObfuscateError {}

//! The obfuscated transport: a framing encrypted with AES-256-CTR, so that the stream looks random to an observer.
//!
//! The client first sends 64 bytes instead of the preamble. All except the last 8 are sent in the clear, including the
//! keys of both streams. Only the secret of an MTProxy, if there is one, keeps an observer from decrypting the stream.
//!
//! ```text
//!           0        8                 40         56     60   62   64
//! init      │random:8│key:32           │iv:16     │id:4  │dc:2│random:2│   id efefefef, eeeeeeee or dddddddd
//!           └── sent in the clear ─────────────────┴─ sent encrypted ──┘   dc little-endian, for an MTProxy
//!
//! client → server   key = init[8..40], iv = init[40..56]; the stream starts at init itself, frames start at offset 64
//! server → client   the same with init reversed; the stream starts at the first frame
//! with a secret     key = SHA-256(key | secret:16)
//! ```
//!
//! The streams never restart: the bytes may be split anywhere, but a lost byte ruins the connection. Nothing is
//! authenticated here; the packets authenticate themselves.
//!
//! Spec: mtproto/mtproto-transports#transport-obfuscation

use super::{FrameError, Framing, detect::FOREIGN};
use crate::base::entropy::{self, Entropy, EntropyFailed};
use crate::base::side::Side;
use crate::crypto::ctr::Ctr;
use core::fmt;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// Maximum number of draws of `init`. A random one is rejected about once in 256 draws.
const TRIES: u32 = 64;

/// An established obfuscation: both key streams and the values agreed in `init`.
pub struct Obfuscated {
    pub(super) side: Side,
    pub(super) framing: Framing,
    pub(super) init: [u8; 64],
    pub(super) streams: Streams,
    dc: i16,
}

/// Encryption of the byte stream. It is a trait so that a program without obfuscation does not link the cipher.
pub(super) trait Noise: fmt::Debug + Send + Sync {
    /// Decrypts received bytes.
    fn open(&mut self, bytes: &mut [u8]);
    /// Encrypts bytes to send.
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

/// The key streams of both directions.
pub(super) struct Streams {
    pub(super) read: Ctr,
    pub(super) write: Ctr,
}

impl Obfuscated {
    /// Creates the client's end.
    ///
    /// `dc` is for an MTProxy: the number of the data centre, plus 10000 for the test environment, negative for media.
    /// Without it those bytes stay random.
    ///
    /// # Errors
    /// `framing` is the full framing, which has no obfuscated form, or the source of entropy failed.
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
        // All 64 bytes go through the stream although only the last 8 are sent encrypted: frames start at offset 64.
        write.apply(&mut sealed);
        let dc = i16::from_le_bytes(part(&init, 60));
        // The first 56 bytes are sent in the clear: they are the keys.
        put::<8>(&mut init, 56, part(&sealed, 56));
        Ok(Self { side: Side::Client, framing, init, streams: Streams { read, write }, dc })
    }

    /// Creates the server's end from the first 64 bytes of a client.
    ///
    /// # Errors
    /// The bytes identify no framing: the client is not obfuscated or uses a different secret.
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

    /// Returns the framing inside the obfuscation.
    pub const fn framing(&self) -> Framing {
        self.framing
    }
    /// Returns the data centre that the client requests from an MTProxy, or a random number if it requests none.
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

/// Returns the tag of `framing` in `init`: the first byte of its preamble four times; `None` for full, which has none.
fn id_of(framing: Framing) -> Option<[u8; 4]> {
    framing.preamble().first().map(|byte| [*byte; 4])
}

/// Draws 64 random bytes that no server mistakes for another protocol.
fn dice(entropy: &mut dyn Entropy) -> Result<[u8; 64], EntropyFailed> {
    for _ in 0..TRIES {
        let init = entropy::bytes(entropy)?;
        if !starts_like_another(&init) {
            return Ok(init);
        }
    }
    Err(EntropyFailed) // so many rejected draws are not random
}

/// Returns true if a server would take `init` for a plain framing, HTTP or TLS.
fn starts_like_another(init: &[u8; 64]) -> bool {
    let first: [u8; 4] = part(init, 0);
    let second: [u8; 4] = part(init, 4);
    // In order: abridged, HTTP and TLS, intermediate, padded intermediate, and the full framing with its first frame.
    first.starts_with(&[0xef])
        || FOREIGN.contains(&first)
        || first == [0xee; 4]
        || first == [0xdd; 4]
        || second == [0; 4]
}

/// Derives the key streams from client to server and from server to client.
fn streams(init: &[u8; 64], secret: Option<&ProxySecret>) -> (Ctr, Ctr) {
    let mut backwards = *init;
    backwards.reverse();
    (stream(init, secret), stream(&backwards, secret))
}

fn stream(init: &[u8; 64], secret: Option<&ProxySecret>) -> Ctr {
    let mut key: [u8; 32] = part(init, 8);
    if let Some(secret) = secret {
        // Without the secret, an observer can derive the key from `init`.
        key = Sha256::new().chain_update(key).chain_update(*secret.key).finalize().into();
    }
    let stream = Ctr::new(&key, &part(init, 40));
    key.zeroize();
    stream
}

/// Copies the `N` bytes of `init` at `at`.
fn part<const N: usize>(init: &[u8; 64], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(init.iter().skip(at)).for_each(|(to, from)| *to = *from);
    out
}

/// Writes `bytes` to `init` at `at`.
fn put<const N: usize>(init: &mut [u8; 64], at: usize, bytes: [u8; N]) {
    init.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = from);
}

/// Secret of an MTProxy: 16 bytes, and a flag for the padded framing.
#[derive(Clone)]
pub struct ProxySecret {
    key: Zeroizing<[u8; 16]>,
    padded: bool,
}

impl ProxySecret {
    /// Parses a secret: `key:16`, or `dd | key:16` if frames must be padded.
    ///
    /// Returns `None` for anything else, including `ee | key:16 | host` (fake TLS), which is not supported.
    pub fn parse(secret: &[u8]) -> Option<Self> {
        let (key, padded) = match secret {
            [0xdd, key @ ..] if key.len() == 16 => (key, true),
            key => (key, false),
        };
        Some(Self { key: Zeroizing::new(key.try_into().ok()?), padded })
    }
    /// Returns true if [`Framing::PADDED_INTERMEDIATE`] must be used.
    pub const fn is_padded(&self) -> bool {
        self.padded
    }
}

impl fmt::Debug for ProxySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxySecret(..)")
    }
}

/// Error returned when an obfuscated connection cannot be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObfuscateError {
    /// Full framing, which has no obfuscated form.
    Full,
    /// Failure of the source of entropy, or output that is not random.
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

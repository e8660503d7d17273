//! Recorded streams to decoded messages: what was said on a wire, byte for byte, for people and for programs.
//!
//! ```text
//! a JSON recording ─┐                    detect, Framer         msg_key, AES                schema
//! a pcap file ──────┴─▶ Connection: Chunk ──────────────▶ Frame ─────────────▶ Message ───────────────▶ Step
//!                                                           │                     │ container, gzip_packed, rpc_result
//! a key log ────────┐                                       │ auth_key_id 0
//! an RSA key ───────┴─▶ Secrets ─────────────▶ the key exchange, every value computed again
//! ```
//!
//! A recording is read back by the very code that spoke, or would have: nothing here knows a second way to cut a frame
//! or to open a packet. What was checked on the way is part of the result: `msg_key ok`, `new_nonce_hash1 ok`.
//!
//! Constructors of other layers are no error: they are told by id and length. A stream that cannot be followed ends in
//! [`What::Broken`], a packet without its key is [`What::Locked`], one that its key does not open [`What::Damaged`]; the other connections go on.
//!
//! ```
//! use nanogram::lab::capture::{Recording, decode};
//! use nanogram::tl::schema::Schema;
//! // A client that speaks the abridged transport asks for pq.
//! let text = r#"{"connections": [{"events": [{"t": 0.25, "dir": "c2s", "hex":
//!     "ef0a0000000000000000d4720600503dc56514000000f18e7ebe406709f612fadfbec3f0289d0aa67eef"}]}]}"#;
//! let recording = Recording::from_json(text).unwrap();
//! let schema = Schema::telegram().unwrap();
//! let steps = decode(&recording, &recording.secrets, &schema);
//! assert_eq!(steps[1].name(), Some("req_pq_multi"));
//! println!("{}", steps[1]);
//! ```

mod cut;
mod decode;
mod exchange;
mod json;
mod pcap;
mod pcapng;
mod show;
mod tcp;

pub use cut::{Broken, Cut, Piece, cut};
pub use decode::{Answered, Content, Item, Plain, Sealed, Step, What, decode, steps};
pub use exchange::{Note, Verdict};

use crate::base::side::Side;
use crate::base::time::Instant;
use crate::crypto::auth_key::AuthKey;
#[cfg(feature = "dc")]
use crate::lab::server::rsa::RsaPrivateKey;
use crate::protocol::keylog::{BadLine, Entry, KeyLog};
use crate::wire::mt::gzip::{self, GzipError};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;

/// The most bytes that a compressed file opens to.
const MAX_INFLATED_FILE: usize = 256 << 20;

/// What was heard, and the secrets that came with it.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// What its maker called it; may be empty.
    pub label: String,
    /// The connections, in the order they began.
    pub connections: Vec<Connection>,
    /// What it says of its own keys.
    pub secrets: Secrets,
}

/// Both directions of one TCP connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// Who with whom, if that is known.
    pub name: String,
    /// What was said, in the order it was heard.
    pub chunks: Vec<Chunk>,
    /// Bytes are missing: nothing after them could be put in its place.
    pub has_gap: bool,
}

/// Some bytes in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Since the recording began.
    pub at: Instant,
    /// Who said it.
    pub from: Side,
    /// What was said.
    pub bytes: Bytes,
}

impl Recording {
    /// Reads a recording in JSON, a pcap or a pcapng file, or one of these compressed by gzip, whichever it is.
    ///
    /// # Errors
    /// It is none of them.
    pub fn read(bytes: &[u8]) -> Result<Self, CaptureError> {
        let opened;
        let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
            opened = gzip::inflate(bytes, MAX_INFLATED_FILE).map_err(CaptureError::Gzip)?;
            &opened
        } else {
            bytes
        };
        match core::str::from_utf8(bytes) {
            Ok(text) if text.trim_start().starts_with('{') => Self::from_json(text),
            _ => Self::from_pcap(bytes),
        }
    }

    /// Reads a recording in JSON:
    ///
    /// ```json
    /// {
    ///   "label": "what it shows",
    ///   "rsa_private_pem": "-----BEGIN RSA PRIVATE KEY-----…",
    ///   "auth_keys": { "<auth_key_id: 16 hex>": { "auth_key": "<512 hex>" } },
    ///   "new_nonces": { "<nonce: 32 hex>": "<new_nonce: 64 hex>" },
    ///   "connections": [
    ///     { "name": "who with whom",
    ///       "events": [ { "t": 0.004403, "dir": "c2s", "hex": "ef…" }, { "t": 0.0051, "dir": "s2c", "hex": "…" } ] }
    ///   ]
    /// }
    /// ```
    ///
    /// Only `connections` must be there. `t` is in seconds since the start; an event without `hex` is passed over, and
    /// so are names not listed here.
    ///
    /// # Errors
    /// It is no JSON, or not of this shape.
    pub fn from_json(text: &str) -> Result<Self, CaptureError> {
        json::read(text)
    }

    /// The same in JSON, secrets and all.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        json::write(self)
    }

    /// Reads a file of tcpdump or Wireshark, in the classic format or as pcapng: TCP over IPv4 or IPv6, over Ethernet, a loopback
    /// device, the "any" device of Linux, or nothing.
    ///
    /// Segments are put in order and repeated ones dropped. What is not TCP is passed over, and so are fragments of IP.
    ///
    /// # Errors
    /// It is no such file. One that ends in the middle of a packet is read up to there.
    pub fn from_pcap(bytes: &[u8]) -> Result<Self, CaptureError> {
        let connections = pcap::read(bytes).map_err(CaptureError::Pcap)?;
        Ok(Self { connections, ..Self::default() })
    }
}

/// What opens a recording. It is a [`KeyLog`]: a client can be told to note its keys here.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    keys: BTreeMap<[u8; 8], AuthKey>,
    new_nonces: BTreeMap<[u8; 16], [u8; 32]>,
    #[cfg(feature = "dc")]
    rsa: Vec<RsaPrivateKey>,
}

impl Secrets {
    /// Takes in a key log's text.
    ///
    /// # Errors
    /// The number of a line that cannot be read; then nothing was taken.
    pub fn read_log(&mut self, text: &str) -> Result<(), BadLine> {
        crate::protocol::keylog::parse(text)?.iter().for_each(|entry| self.note(entry));
        Ok(())
    }
    /// Takes in a data centre's private key, which opens the key exchange.
    #[cfg(feature = "dc")]
    pub fn add_rsa(&mut self, key: RsaPrivateKey) {
        self.rsa.push(key);
    }
    /// Whether a private key was added.
    #[cfg(all(feature = "client", feature = "dc"))]
    pub(crate) fn has_rsa(&self) -> bool {
        !self.rsa.is_empty()
    }
    /// The key with this id.
    #[must_use]
    pub fn key(&self, auth_key_id: [u8; 8]) -> Option<&AuthKey> {
        self.keys.get(&auth_key_id)
    }
    /// All the keys.
    pub fn keys(&self) -> impl Iterator<Item = &AuthKey> {
        self.keys.values()
    }
}

impl KeyLog for Secrets {
    fn note(&mut self, entry: &Entry) {
        match entry {
            Entry::AuthKey(key) | Entry::DcKey { key, .. } => drop(self.keys.insert(key.id(), key.clone())),
            Entry::NewNonce { nonce, new_nonce } => drop(self.new_nonces.insert(*nonce, *new_nonce)),
        }
    }
}

/// Why a file is no recording.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaptureError {
    /// No JSON, and where that shows: line and column.
    Json(usize, usize),
    /// What is missing, or is not what belongs there: `connections[0].events[3].hex`.
    Shape(String),
    /// No pcap file that is understood here.
    Pcap(&'static str),
    /// A compressed file that cannot be opened.
    Gzip(GzipError),
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(line, column) => write!(f, "no JSON (line {line}, column {column})"),
            Self::Shape(place) => write!(f, "no recording: {place} is missing, or is not what belongs there"),
            Self::Pcap(why) => f.write_str(why),
            Self::Gzip(why) => why.fmt(f),
        }
    }
}
impl core::error::Error for CaptureError {}

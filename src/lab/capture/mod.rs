//! Recorded streams to decoded messages: the traffic of a connection, byte for byte, for people and for programs.
//!
//! ```text
//! a JSON recording ─┐                    detect, Framer         msg_key, AES                schema
//! a pcap file ──────┴─▶ Connection: Chunk ──────────────▶ Frame ─────────────▶ Message ───────────────▶ Step
//!                                                           │                     │ container, gzip_packed, rpc_result
//! a key log ────────┐                                       │ auth_key_id 0
//! an RSA key ───────┴─▶ Secrets ─────────────▶ the key exchange, every value computed again
//! ```
//!
//! Recordings are decoded by the client's and the server's own framing and packet code. The checks made on the way are
//! part of the result: `msg_key ok`, `new_nonce_hash1 ok`.
//!
//! Constructors of other layers are not errors: they are reported by id and length. A stream that cannot be decoded
//! ends in [`What::Broken`], a packet under an unknown key is [`What::Locked`], one that fails to decrypt is
//! [`What::Damaged`]; the other connections are still decoded.
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
pub(crate) mod json;
mod pcap;
mod pcapng;
mod show;
mod step;
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

/// Most bytes that a compressed file may inflate to.
const MAX_INFLATED_FILE: usize = 256 << 20;

/// Recorded connections and the secrets that came with them.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// Label given by its author; may be empty.
    pub label: String,
    /// Connections, in the order in which they began.
    pub connections: Vec<Connection>,
    /// Secrets contained in the recording.
    pub secrets: Secrets,
    /// The last entry is incomplete and was left out: its writer was stopped.
    pub is_cut: bool,
}

/// Both directions of one TCP connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// Endpoints of the connection, if known.
    pub name: String,
    /// Chunks in both directions, in order of arrival.
    pub chunks: Vec<Chunk>,
    /// True if bytes are missing: the stream stops at the gap.
    pub has_gap: bool,
}

/// Bytes received at once in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Time since the start of the recording.
    pub at: Instant,
    /// Sender.
    pub from: Side,
    /// Content.
    pub bytes: Bytes,
}

impl Recording {
    /// Reads a recording in JSON, a pcap or pcapng file, or one of these compressed by gzip; detects the format.
    ///
    /// # Errors
    /// The format is unknown, or the file is malformed.
    pub fn read(bytes: &[u8]) -> Result<Self, CaptureError> {
        let opened;
        let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
            // The magic number of gzip. Spec: RFC 1952
            opened = gzip::inflate(bytes, MAX_INFLATED_FILE).map_err(CaptureError::Gzip)?;
            &opened
        } else {
            bytes
        };
        let text = core::str::from_utf8(bytes).or_else(|e| match e.error_len() {
            // A character that is cut at the end.
            None => core::str::from_utf8(bytes.get(..e.valid_up_to()).unwrap_or_default()),
            Some(_) => Err(e),
        });
        match text.map(str::trim_start) {
            Ok(text) if text.is_empty() || text.starts_with('{') => Self::from_json(text),
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
    /// Only `connections` is required. `t` is in seconds since the start. Events without `hex` are skipped, and so are
    /// fields not listed here.
    ///
    /// A recording that grows while it is written has more entries behind this object, one a line. Connections are
    /// numbered in the order they are named:
    ///
    /// ```json
    /// { "auth_keys": { "<auth_key_id: 16 hex>": { "auth_key": "<512 hex>" } } }
    /// { "connection": 0, "name": "who with whom" }
    /// { "connection": 0, "t": 0.004403, "dir": "c2s", "hex": "ef…" }
    /// ```
    ///
    /// Such a file is readable after every line, and if the last line is incomplete, up to there: see
    /// [`is_cut`](Self::is_cut).
    ///
    /// # Errors
    /// It is no JSON, or not of this shape, or cut before the first object ends.
    pub fn from_json(text: &str) -> Result<Self, CaptureError> {
        json::read(text)
    }

    /// Converts the recording to JSON, including its secrets.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        json::write(self)
    }

    /// Reads a capture of tcpdump or Wireshark, in the classic format or as pcapng: TCP over IPv4 or IPv6, over
    /// Ethernet, a loopback device, the "any" device of Linux, or raw IP.
    ///
    /// Segments are reordered and duplicates dropped. Packets other than TCP and IP fragments are skipped.
    ///
    /// # Errors
    /// The file is not a capture. A capture that ends within a packet is read up to there.
    pub fn from_pcap(bytes: &[u8]) -> Result<Self, CaptureError> {
        let is_pcapng = bytes.starts_with(&pcapng::SECTION.to_le_bytes());
        let read = if is_pcapng { pcapng::read } else { pcap::read };
        let connections = read(bytes).map_err(CaptureError::Pcap)?;
        Ok(Self { connections, ..Self::default() })
    }
}

/// Secrets that decrypt a recording. Implements [`KeyLog`], so a client can log its keys here.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    keys: BTreeMap<[u8; 8], AuthKey>,
    new_nonces: BTreeMap<[u8; 16], [u8; 32]>,
    #[cfg(feature = "dc")]
    rsa: Vec<RsaPrivateKey>,
}

impl Secrets {
    /// Adds the entries of a key log.
    ///
    /// # Errors
    /// Number of the first malformed line; nothing was added then.
    pub fn read_log(&mut self, text: &str) -> Result<(), BadLine> {
        crate::protocol::keylog::parse(text)?.iter().for_each(|entry| self.note(entry));
        Ok(())
    }
    /// Adds a server's private RSA key, which decrypts the key exchange.
    #[cfg(feature = "dc")]
    pub fn add_rsa(&mut self, key: RsaPrivateKey) {
        self.rsa.push(key);
    }
    /// Returns true if a private key was added.
    #[cfg(all(feature = "client", feature = "dc"))]
    pub(crate) fn has_rsa(&self) -> bool {
        !self.rsa.is_empty()
    }
    /// Auth key with this id.
    #[must_use]
    pub fn key(&self, auth_key_id: [u8; 8]) -> Option<&AuthKey> {
        self.keys.get(&auth_key_id)
    }
    /// All auth keys.
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

/// Error of reading a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaptureError {
    /// Invalid JSON, at this line and column.
    Json(usize, usize),
    /// Incomplete before the end of the first object, and where it ends: line and column.
    Cut(usize, usize),
    /// Path of a missing or invalid field: `connections[0].events[3].hex`.
    Shape(String),
    /// Unsupported or malformed pcap file.
    Pcap(&'static str),
    /// Compressed file that cannot be inflated.
    Gzip(GzipError),
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(line, column) => write!(f, "no JSON (line {line}, column {column})"),
            Self::Cut(line, column) => {
                write!(f, "cut short in its first entry (line {line}, column {column}): nothing of it can be read")
            }
            Self::Shape(place) => write!(f, "no recording: {place} is missing, or is not what belongs there"),
            Self::Pcap(why) => f.write_str(why),
            Self::Gzip(why) => why.fmt(f),
        }
    }
}
impl core::error::Error for CaptureError {}

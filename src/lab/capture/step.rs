//! Decoded steps of a recording.

use super::cut::Broken;
use super::exchange::{Note, Verdict};
use crate::base::side::Side;
use crate::base::time::Instant;
use crate::protocol::session::packet::Header;
use crate::tl::DecodeError;
use crate::tl::schema::{Definition, Value};
use crate::wire::transport::{Framing, TransportFault};
use alloc::boxed::Box;
use alloc::vec::Vec;
use bytes::Bytes;

/// Reason why a packet is locked.
pub(super) const NO_KEY: &str = "the key is not known";

/// One frame, or an event in its place.
#[derive(Debug, Clone)]
pub struct Step<'s> {
    /// Index of the connection in the recording.
    pub connection: usize,
    /// Arrival of its last byte.
    pub at: Instant,
    /// Sender.
    pub from: Side,
    /// Content.
    pub what: What<'s>,
}

/// Content of a step.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum What<'s> {
    /// Client's first bytes, which select the framing and the obfuscation.
    Start {
        /// Framing.
        framing: Framing,
        /// True if the streams are encrypted with AES-256-CTR (obfuscated transport).
        is_obfuscated: bool,
    },
    /// Transport error of the server, in place of a packet.
    Fault(TransportFault),
    /// Quick acknowledgement of the server.
    QuickAck(u32),
    /// Unencrypted packet of the key exchange.
    Plain(Plain<'s>),
    /// Decrypted packet.
    Sealed(Box<Sealed<'s>>),
    /// Packet under an unknown key.
    Locked {
        /// Id of the key that encrypts it.
        auth_key_id: [u8; 8],
        /// Length in bytes.
        len: usize,
    },
    /// Packet that fails to decrypt under its known key, or is too short to name a key.
    Damaged {
        /// Id of the key that it names.
        auth_key_id: [u8; 8],
        /// Length in bytes.
        len: usize,
        /// First check that failed.
        why: &'static str,
    },
    /// End of what can be decoded in this direction of the connection.
    Broken(Broken),
}

/// Unencrypted packet.
#[derive(Debug, Clone)]
pub struct Plain<'s> {
    /// Message id.
    pub msg_id: i64,
    /// Serialized value.
    pub body: Bytes,
    /// Decoded value.
    pub content: Content<'s>,
    /// Bytes after the value within the declared length; real servers add some.
    pub extra: usize,
    /// Findings about the key exchange.
    pub notes: Vec<Note<'s>>,
}

/// Decrypted packet. Its `msg_key` matched the plaintext, or it would be [`What::Damaged`].
#[derive(Debug, Clone)]
pub struct Sealed<'s> {
    /// Id of the key.
    pub auth_key_id: [u8; 8],
    /// Salt, session id, message id and sequence number.
    pub header: Header,
    /// Padding in bytes.
    pub padding: usize,
    /// True if a quick acknowledgement was requested.
    pub wants_ack: bool,
    /// Message in the packet.
    pub item: Item<'s>,
}

/// Message of a packet or a container.
#[derive(Debug, Clone)]
pub struct Item<'s> {
    /// Message id.
    pub msg_id: i64,
    /// Sequence number.
    pub seqno: i32,
    /// Serialized value.
    pub body: Bytes,
    /// Decoded value.
    pub content: Content<'s>,
}

/// Value of a message.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Content<'s> {
    /// `msg_container`
    Container(Vec<Item<'s>>),
    /// `gzip_packed`
    Gzip {
        /// Compressed size in bytes.
        packed: usize,
        /// Inflated size in bytes.
        len: usize,
        /// Inflated content.
        content: Box<Self>,
    },
    /// `rpc_result`
    Result {
        /// `msg_id` of the call.
        req_msg_id: i64,
        /// Call that it answers, if the recording holds it.
        call: Option<Answered<'s>>,
        /// Returned value.
        content: Box<Self>,
    },
    /// Call compressed before it was wrapped: `invokeWithLayer ▸ initConnection ▸ gzip_packed ▸ messages.startBot`.
    Wrapped {
        /// Wrappers; the innermost `query` is left serialized.
        wrappers: Value<'s>,
        /// Decoded `gzip_packed` inside the wrappers.
        packed: Box<Self>,
    },
    /// Any other value of the schema.
    Value(Value<'s>),
    /// Undecodable value: not in the schema, or malformed.
    Unread {
        /// Constructor id; `None` if there are fewer than four bytes.
        id: Option<u32>,
        /// Constructor name, if the schema has the id but the rest is undecodable.
        name: Option<&'s str>,
        /// Length in bytes, including the id.
        len: usize,
        /// Error and its position.
        why: DecodeError,
    },
}

/// Call that a result answers, without its wrappers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answered<'s> {
    /// Constructor id of the function.
    pub id: u32,
    /// Definition of the function, if the schema has it.
    pub of: Option<&'s Definition<'s>>,
}

impl<'s> Step<'s> {
    /// Name of the outermost constructor.
    #[must_use]
    pub fn name(&self) -> Option<&'s str> {
        self.content().and_then(Content::name)
    }
    /// Content of the step's message, plain or decrypted.
    #[must_use]
    pub const fn content(&self) -> Option<&Content<'s>> {
        match &self.what {
            What::Plain(plain) => Some(&plain.content),
            What::Sealed(sealed) => Some(&sealed.item.content),
            _ => None,
        }
    }
    /// Checks made and their results, such as `("msg_key", Verdict::Holds)`.
    pub fn checks(&self) -> impl Iterator<Item = (&'static str, Verdict)> {
        let opened = match &self.what {
            What::Sealed(_) => Some(("msg_key", Verdict::Holds)),
            What::Locked { .. } => Some(("msg_key", Verdict::Unknown(NO_KEY))),
            What::Damaged { .. } => Some(("msg_key", Verdict::Fails)),
            _ => None,
        };
        let notes = if let What::Plain(plain) = &self.what { &plain.notes[..] } else { &[] };
        let checked = notes.iter().filter_map(|note| match note {
            Note::Checked(what, verdict) => Some((*what, *verdict)),
            _ => None,
        });
        opened.into_iter().chain(checked)
    }
}

impl<'s> Content<'s> {
    /// Name of the constructor.
    #[must_use]
    pub fn name(&self) -> Option<&'s str> {
        match self {
            Self::Container(_) => Some("msg_container"),
            Self::Gzip { .. } => Some("gzip_packed"),
            Self::Result { .. } => Some("rpc_result"),
            Self::Value(Value::Object(object)) | Self::Wrapped { wrappers: Value::Object(object), .. } => {
                Some(object.of.name)
            }
            Self::Value(Value::Vector(_)) => Some("vector"),
            Self::Value(Value::Bool(true)) => Some("boolTrue"),
            Self::Value(Value::Bool(false)) => Some("boolFalse"),
            Self::Value(_) | Self::Wrapped { .. } => None,
            Self::Unread { name, .. } => *name,
        }
    }
    /// Content inside `gzip_packed`, also when that is wrapped; otherwise the content itself.
    #[must_use]
    pub fn unpacked(&self) -> &Self {
        match self {
            Self::Gzip { content, .. } | Self::Wrapped { packed: content, .. } => content.unpacked(),
            other => other,
        }
    }
}

//! What happened in the data centre, as typed lines: who came, what was asked, what was refused and why.
//!
//! A peer is told no more than a real server tells it; the reason is here. Keys appear by their ids, nobody's phone
//! number, password or text appears at all. A code for signing in does: nobody else is told it.

use super::layers::{self, Unsaid};
use super::methods::{WRAPPERS, method_name};
pub use super::types::ConnId;
use super::types::{App, Reaction};
use crate::base::escape::one_line;
use crate::base::time::UnixTime;
use crate::lab::server::handshake::{Age, RequestError};
use crate::protocol::session::{RpcError, SessionError};
use crate::tl::schema;
use crate::wire::mt::service::bad_msg;
use crate::wire::transport::{FrameError, Framing};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use core::fmt;

/// The most lines kept until somebody takes them; older ones are dropped.
pub const MAX_LINES: usize = 1024;

/// What the schema calls a constructor, which may well not be served here.
fn name_in_schema(id: u32) -> Option<&'static str> {
    let id = format!("#{id:x} ");
    let (before, _) = schema::API.split_once(&id).or_else(|| schema::OLD.split_once(&id))?;
    before.rsplit('\n').next()
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// When, by the data centre's clock.
    pub at: UnixTime,
    /// On which connection.
    pub conn: ConnId,
    /// What.
    pub entry: Entry,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Entry {
    /// A connection began.
    Opened,
    /// Its first bytes told how it frames packets.
    Speaks(Framing),
    /// A key was made.
    Key {
        /// Its `auth_key_id`.
        id: [u8; 8],
        /// When it ends, if it is temporary.
        expires_at: Option<i32>,
        /// What was old about its making.
        age: Age,
    },
    /// A temporary key was bound to a permanent one.
    Bound {
        /// The temporary key's id.
        id: [u8; 8],
        /// The permanent key's id.
        to: [u8; 8],
    },
    /// A session began.
    Session {
        /// The id of its key.
        key: [u8; 8],
        /// Its own id.
        session_id: i64,
    },
    /// A program said what it is.
    App {
        /// What it said.
        app: App,
        /// The layer it speaks.
        layer: Option<i32>,
    },
    /// A message was not sent, as this field of it cannot be kept here.
    Unkept(&'static str),
    /// A search by something that is not kept here.
    Unsearched(&'static str),
    /// A client asks for salts in a loop: 16 times within a minute.
    SaltLoop,
    /// A program wants to speak a layer that is not known here.
    Layer(i32),
    /// A reply could not be said in the client's layer.
    Unsaid(Unsaid),
    /// A call was made, and answered.
    Call {
        /// The id of the method inside all wrappers.
        method: u32,
        /// Who called, if anybody is signed in.
        user: Option<i64>,
        /// The error it got.
        error: Option<RpcError>,
    },
    /// A code for signing in, which goes nowhere but here.
    Code {
        /// Whose it is; `None`: nobody has the number.
        user: Option<i64>,
        /// The code.
        code: String,
    },
    /// The owner of a key was told that its QR code was accepted.
    Accepted {
        /// The key's id.
        key: [u8; 8],
    },
    /// Updates went out unasked.
    Told {
        /// To whom.
        user: i64,
        /// To how many sessions.
        sessions: usize,
    },
    /// The data centre did something wrong, as it was [told](super::faults).
    Misbehaved {
        /// The name of the fault.
        fault: &'static str,
    },
    /// What the peer did after that, as far as it shows.
    Reacted {
        /// The name of the fault.
        fault: &'static str,
        /// What.
        reaction: Reaction,
    },
    /// Something was not taken.
    Refused(Refusal),
    /// The connection ended.
    Closed,
}

impl Entry {
    /// Whether something was refused.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Call { error: Some(_), .. })
    }
}

/// Why something was not taken.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// The stream cannot be cut into packets. The connection was closed.
    Frame(FrameError),
    /// HTTP, which is not served. The connection was closed.
    Http,
    /// A WebSocket, which is not served. The connection was closed.
    WebSocket,
    /// Too few bytes for a packet, or an error where only servers send such. The connection was closed.
    NoPacket,
    /// The key exchange went wrong. Answer: -404, or -444 where it was meant for another data centre.
    Handshake(RequestError),
    /// A packet of a key that is not known, or not any more. Answer: -404.
    UnknownKey([u8; 8]),
    /// A packet that its key does not open, or not lawfully made. Answer: -404.
    Packet(SessionError),
    /// A session 0. Answer: -404.
    NoSession,
    /// A message with this fault. Answer: `bad_msg_notification` or `bad_server_salt`.
    Message(i32),
    /// No packet for too long. The connection was closed.
    Silent,
    /// There are as many connections as there may be. The connection was closed.
    Full,
    /// There was no randomness to go on with. The connection was closed.
    Entropy,
    /// Nothing: the connection was closed because a [script](super::script) said so.
    Scripted,
}

fn hex(f: &mut fmt::Formatter<'_>, id: &[u8; 8]) -> fmt::Result {
    id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.conn, self.entry)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened => f.write_str("connected"),
            Self::Speaks(framing) => write!(f, "speaks {framing:?}"),
            Self::Key { id, expires_at, age } => {
                f.write_str(if expires_at.is_some() { "made the temporary key " } else { "made the key " })?;
                hex(f, id)?;
                old_ways(f, *age)
            }
            Self::Bound { id, to } => {
                f.write_str("bound the key ")?;
                hex(f, id)?;
                f.write_str(" to ")?;
                hex(f, to)
            }
            Self::Session { key, session_id } => {
                write!(f, "began session {session_id:016x} of key ")?;
                hex(f, key)
            }
            Self::App { app, layer } => {
                let (version, device) = (one_line(&app.app_version), one_line(&app.device_model));
                write!(f, "is {version} on {device}, layer {}", layer.unwrap_or(0))
            }
            Self::Layer(layer) => {
                write!(f, "speaks layer {layer}, which is not served: those are ")?;
                for (at, run) in layers::served().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    match run.into_inner() {
                        (first, last) if first == last => write!(f, "{comma}{first}")?,
                        (first, last) => write!(f, "{comma}{first} to {last}")?,
                    }
                }
                Ok(())
            }
            Self::Unsaid(Unsaid { layer, id }) => {
                let name = name_in_schema(*id).unwrap_or("unknown");
                write!(f, "layer {layer} has no words for the reply {name}#{id:08x}")
            }
            Self::SaltLoop => f.write_str("asks for salts in a loop: 16 times within a minute"),
            Self::Unsearched(what) => write!(f, "cannot search by {what}: the call is refused"),
            Self::Unkept(field) => write!(f, "cannot keep {field}: the message is refused"),
            Self::Call { method, user, error } => {
                if let Some(name) = method_name(*method) {
                    f.write_str(name)?;
                } else if let Some(name) = name_in_schema(*method) {
                    let served = if WRAPPERS.contains(method) { "" } else { " (not served here)" };
                    write!(f, "{name}{served}")?;
                } else {
                    write!(f, "unknown method {method:08x}")?;
                }
                if let Some(user) = user {
                    write!(f, " by {user}")?;
                }
                match error {
                    Some(error) => write!(f, ": {} {}", error.code, one_line(&error.message)),
                    None => f.write_str(": done"),
                }
            }
            Self::Code { user: Some(user), code } => write!(f, "the code for {user} is {code}"),
            Self::Code { user: None, code } => write!(f, "the code for a number that nobody has is {code}"),
            Self::Accepted { key } => {
                f.write_str("told the owner of key ")?;
                hex(f, key)?;
                f.write_str(" that its QR code is accepted")
            }
            Self::Told { user, sessions } => write!(f, "told {user} ({sessions} sessions)"),
            Self::Misbehaved { fault } => write!(f, "misbehaved: {fault}"),
            Self::Reacted { fault, reaction } => write!(f, "after {fault} the peer {reaction}"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Closed => f.write_str("closed"),
        }
    }
}

/// What clients did before today's rules, and still may here.
fn old_ways(f: &mut fmt::Formatter<'_>, age: Age) -> fmt::Result {
    let ways = [
        (age.older_request, "req_pq"),
        (age.older_padding, "the RSA padding from before 2021"),
        (age.older_inner_data, "inner data that name no data centre"),
    ];
    let mut lead = ", the older way: ";
    for (_, way) in ways.iter().filter(|(is_old, _)| *is_old) {
        write!(f, "{lead}{way}")?;
        lead = ", ";
    }
    Ok(())
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(e) => e.fmt(f),
            Self::Http => f.write_str("HTTP is not served"),
            Self::WebSocket => f.write_str("WebSocket is not served"),
            Self::NoPacket => f.write_str("no packet"),
            Self::Handshake(e) => e.fmt(f),
            Self::UnknownKey(id) => {
                f.write_str("no key ")?;
                hex(f, id)
            }
            // The peer hears the same whatever it was; this log may tell.
            Self::Packet(SessionError::Packet(e)) => f.write_str(e.why()),
            Self::Packet(e) => e.fmt(f),
            Self::NoSession => f.write_str("session 0"),
            Self::Message(code) => write!(f, "{} (code {code})", bad_msg(*code).0),
            Self::Silent => f.write_str("no packet for too long"),
            Self::Full => f.write_str("too many connections"),
            Self::Entropy => f.write_str("there was no randomness"),
            Self::Scripted => f.write_str("nothing, the script says so"),
        }
    }
}

/// The last lines.
#[derive(Debug, Default)]
pub(super) struct Log(VecDeque<Line>);

impl Log {
    pub(super) fn push(&mut self, at: UnixTime, conn: ConnId, entry: Entry) {
        if self.0.len() >= MAX_LINES {
            self.0.pop_front();
        }
        self.0.push_back(Line { at, conn, entry });
    }
    pub(super) fn pop(&mut self) -> Option<Line> {
        self.0.pop_front()
    }
}

//! Log of the test server as typed entries: connections, calls, and refusals with their reasons.
//!
//! A client learns no more than a real server would tell it; the log has the reason. Keys appear by their ids. Phone
//! numbers, passwords and message texts never appear. Login codes do: the log is the only place they are sent to.

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

/// Maximum number of lines kept until they are taken; the oldest are dropped.
pub const MAX_LINES: usize = 1024;

/// Name of a constructor or method in the schema, even if the test server does not serve it.
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

/// One line of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Time on the test server's clock.
    pub at: UnixTime,
    /// Connection that the entry is about.
    pub conn: ConnId,
    /// The event.
    pub entry: Entry,
}

/// Event in the log of the test server.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Entry {
    /// A connection was opened.
    Opened,
    /// The first bytes of the connection determined its framing.
    Speaks(Framing),
    /// An auth key was created.
    Key {
        /// The `auth_key_id`.
        id: [u8; 8],
        /// Expiry in seconds since 1970, if the key is temporary.
        expires_at: Option<i32>,
        /// Outdated variants that the client used in the key exchange.
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
        /// Id of the session's auth key.
        key: [u8; 8],
        /// Session id.
        session_id: i64,
    },
    /// A client described itself with `initConnection`.
    App {
        /// The application details.
        app: App,
        /// Layer of the client.
        layer: Option<i32>,
    },
    /// A message was refused because the test server cannot store this field of it.
    Unkept(&'static str),
    /// A search was refused because the test server has no data for this filter.
    Unsearched(&'static str),
    /// A client requests salts in a loop: 16 times within a minute.
    SaltLoop,
    /// A client uses a layer that the test server does not support.
    Layer(i32),
    /// A reply could not be expressed in the client's layer.
    Unsaid(Unsaid),
    /// A call was answered.
    Call {
        /// Id of the method inside all wrappers.
        method: u32,
        /// The calling user, if signed in.
        user: Option<i64>,
        /// Error that was returned, if any.
        error: Option<RpcError>,
    },
    /// A login code, which is sent nowhere but to this log.
    Code {
        /// User it was requested for; `None` if no account has the phone number.
        user: Option<i64>,
        /// The code.
        code: String,
    },
    /// The owner of a key was notified that its QR code was accepted.
    Accepted {
        /// Id of the key.
        key: [u8; 8],
    },
    /// Updates were pushed.
    Told {
        /// Receiving user.
        user: i64,
        /// Number of sessions that received them.
        sessions: usize,
    },
    /// An injected [fault](super::faults) acted.
    Misbehaved {
        /// Name of the fault.
        fault: &'static str,
    },
    /// Observed reaction of the client to a fault.
    Reacted {
        /// Name of the fault.
        fault: &'static str,
        /// The reaction.
        reaction: Reaction,
    },
    /// Input was refused.
    Refused(Refusal),
    /// The connection was closed.
    Closed,
}

impl Entry {
    /// Returns true if input or a call was refused.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Call { error: Some(_), .. })
    }
}

/// Reason for refusing input.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// The stream cannot be cut into packets. The connection was closed.
    Frame(FrameError),
    /// HTTP, which is not served. The connection was closed.
    Http,
    /// A WebSocket, which is not served. The connection was closed.
    WebSocket,
    /// Too few bytes for a packet, or a transport error, which only servers send. The connection was closed.
    NoPacket,
    /// The key exchange failed. Answer: -404, or -444 if it was meant for another DC.
    Handshake(RequestError),
    /// A packet under an unknown or expired key. Answer: -404.
    UnknownKey([u8; 8]),
    /// A packet that does not decrypt under its key, or is malformed. Answer: -404.
    Packet(SessionError),
    /// Session id 0. Answer: -404.
    NoSession,
    /// A message with this error code. Answer: `bad_msg_notification` or `bad_server_salt`.
    Message(i32),
    /// No packet within the idle timeout. The connection was closed.
    Silent,
    /// The connection limit is reached. The connection was closed.
    Full,
    /// The entropy source failed. The connection was closed.
    Entropy,
    /// Nothing was wrong: a [script](super::script) closed the connection.
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

/// Lists the outdated variants of the key exchange that the client used.
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
            // The peer gets the same error for every cause, so that it is no oracle; the log may tell the cause.
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

/// The most recent lines.
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

//! Types shared by the modules of the test server: peers, callers, connections.

use crate::protocol::session::RpcError;
use crate::telegram::api::peer::Peer;
use crate::telegram::api::updates::Updates;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;
use core::fmt;

/// Id of a connection to the test server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub(super) u64);

/// Peer of a message: a user, a basic group or a supergroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerId {
    /// A user or bot.
    User(i64),
    /// A basic group.
    Chat(i64),
    /// A supergroup.
    Channel(i64),
}

impl From<PeerId> for Peer {
    fn from(id: PeerId) -> Self {
        match id {
            PeerId::User(id) => Self::user(id),
            PeerId::Chat(id) => Self::chat(id),
            PeerId::Channel(id) => Self::channel(id),
        }
    }
}

/// Automatic behaviour of a user when it receives a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// No automatic reply: a human, or a bot whose program is connected.
    Human,
    /// A bot that echoes messages: `/start X` is answered with a message that contains `X`.
    Echo,
    /// A bot that never replies.
    Silent,
}

/// A user or bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub id: i64,
    /// First name.
    pub first_name: String,
    /// Username without `@`.
    pub username: Option<String>,
    /// Phone number; visible only to the account itself.
    pub phone: Option<String>,
    /// Behaviour when it receives a message; every user but [`Manner::Human`] is a bot.
    pub manner: Manner,
    /// True if the account was deleted.
    pub is_deleted: bool,
}

impl User {
    /// Returns true if the user is a bot.
    pub fn is_bot(&self) -> bool {
        self.manner != Manner::Human
    }
}

/// A basic group or supergroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Title.
    pub title: String,
    /// Username without `@`; supergroups only.
    pub username: Option<String>,
    /// Creator of the group, who has every right in it.
    pub creator: i64,
    /// Members, including the creator.
    pub members: BTreeSet<i64>,
    /// Administrators other than the creator; they have every right in the group.
    pub admins: BTreeSet<i64>,
    /// True if ordinary members may send messages.
    pub may_write: bool,
    /// True if ordinary members may add others.
    pub may_invite: bool,
    /// Creation date, in seconds since 1970.
    pub date: i32,
    /// Version of the member list, raised by each change.
    pub version: i32,
}

impl Group {
    /// A group created by `creator` in which members may send messages and add others.
    pub fn new(title: &str, creator: i64, members: &[i64], date: i32) -> Self {
        Self {
            title: title.into(),
            username: None,
            creator,
            members: members.iter().copied().chain([creator]).collect(),
            admins: BTreeSet::new(),
            may_write: true,
            may_invite: true,
            date,
            version: 1,
        }
    }
    /// Returns true if `user` is the creator or an administrator.
    pub fn is_admin(&self, user: i64) -> bool {
        self.creator == user || self.admins.contains(&user)
    }
    /// Returns true if `user` may send messages to the group.
    pub fn is_writer(&self, user: i64) -> bool {
        self.members.contains(&user) && (self.may_write || self.is_admin(user))
    }
    /// Returns true if `user` may add members.
    pub fn is_host(&self, user: i64) -> bool {
        self.members.contains(&user) && (self.may_invite || self.is_admin(user))
    }
}

/// Maximum number of members of a group on the test server.
pub const MAX_MEMBERS: usize = 200;

/// Address of the test server as announced to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// DC id.
    pub dc_id: i32,
    /// IP address.
    pub ip_address: String,
    /// TCP port.
    pub port: u16,
    /// True if the server emulates Telegram's test environment.
    pub test_mode: bool,
}

impl Default for Home {
    fn default() -> Self {
        Self { dc_id: 2, ip_address: "127.0.0.1".into(), port: 443, test_mode: false }
    }
}

/// Reason why a peer named in a call cannot be resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// No peer has this id, or the access hash is wrong.
    Peer,
    /// The message that the peer was taken from does not show it.
    Message,
}

impl Missing {
    /// The RPC error for it; `peer` is the error for a missing peer.
    pub(super) fn or(self, peer: &str) -> RpcError {
        match self {
            Self::Peer => bad(peer),
            Self::Message => bad("MSG_ID_INVALID"),
        }
    }
}

/// Server-side state of one auth key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caller {
    /// The signed-in user, if any.
    pub user_id: Option<i64>,
    /// Layer set by `invokeWithLayer`.
    pub layer: Option<i32>,
    /// Parameters of `initConnection`.
    pub app: Option<App>,
    /// User who has entered the login code and must still prove the password.
    pub half_in: Option<i64>,
    /// The `auth_key_id`; of the permanent key if a temporary key is bound to it.
    pub key_id: [u8; 8],
    /// DC that holds the key; `None` for the first DC of the world.
    pub dc_id: Option<i32>,
    /// True for a temporary key that is not yet bound to a permanent one.
    pub is_unbound: bool,
}

impl Caller {
    /// A caller signed in as `user_id` that has sent no `invokeWithLayer` or `initConnection` yet.
    pub const fn signed_in(user_id: i64) -> Self {
        let user_id = Some(user_id);
        Self { user_id, layer: None, app: None, half_in: None, key_id: [0; 8], dc_id: None, is_unbound: false }
    }
}

/// Application details that a client sends in `initConnection`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct App {
    /// The application's `api_id`.
    pub api_id: i32,
    /// Device model.
    pub device_model: String,
    /// Application version.
    pub app_version: String,
}

/// Updates for all sessions of a user.
#[derive(Debug, Clone, PartialEq)]
pub struct Push {
    /// User whose sessions get the updates.
    pub user_id: i64,
    /// The updates to send.
    pub updates: Updates,
    /// True to skip the session that made the call: its reply already contains the updates.
    pub not_to_caller: bool,
}

/// An RPC error with code 400 (bad request).
pub(super) fn bad(message: &str) -> RpcError {
    RpcError::new(400, message)
}

/// Context of one call: time, user, DC and auth key state.
pub(super) struct Turn<'a> {
    /// Server time, in seconds since 1970.
    pub(super) now: i32,
    /// The calling user; 0 if nobody is signed in.
    pub(super) me: i64,
    /// DC that received the call.
    pub(super) dc_id: i32,
    /// State of the auth key.
    pub(super) caller: &'a mut Caller,
}

/// Reaction of a client to a fault, on the same connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reaction {
    /// The peer sent the next step of the key exchange, a packet under the resulting key, or another call.
    WentOn,
    /// The peer restarted the key exchange.
    BeganAgain,
    /// The peer acknowledged a message that only the fault sent, or acknowledged a repeated message a second time.
    Acknowledged,
    /// The peer used a salt that only the fault had sent.
    UsedItsSalt,
    /// The peer answered the fault's request: it sent the requested states, or resent the requested call.
    Answered,
    /// The peer closed the connection before it sent anything but acknowledgements.
    Left,
    /// The peer sent nothing but pings and acknowledgements for [`SILENT_AFTER`](crate::lab::dc::SILENT_AFTER).
    Silent,
}

impl fmt::Display for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WentOn => "went on",
            Self::BeganAgain => "began the key exchange again",
            Self::Acknowledged => "acknowledged it",
            Self::UsedItsSalt => "used its salt",
            Self::Answered => "answered it",
            Self::Left => "left",
            Self::Silent => "was silent",
        })
    }
}

/// Maximum length of a message text, in characters.
pub const MAX_TEXT: usize = 4096;

/// Appends `item` to `kept` and drops the oldest item if [`MAX_KEPT`] is exceeded.
pub(super) fn keep<T>(kept: &mut VecDeque<T>, item: T) {
    if kept.len() >= MAX_KEPT {
        kept.pop_front();
    }
    kept.push_back(item);
}

/// Maximum number of pending codes, tokens, tickets and questions, for each kind; the oldest are dropped.
pub const MAX_KEPT: usize = 256;

/// Maximum number of entities in one message.
pub(super) const MAX_ENTITIES: usize = 100;

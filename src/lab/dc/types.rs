//! Types that the modules of the data centre share: peers, callers, connections.

use crate::protocol::session::RpcError;
use crate::telegram::api::peer::Peer;
use crate::telegram::api::updates::Updates;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;
use core::fmt;

/// A connection to the data centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub(super) u64);

/// Whom a message is with.
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

/// What a user does when spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// What its owner wants: a human, or a bot whose program is connected.
    Human,
    /// A bot that says back what it is told: `/start X` is answered with a message that contains `X`.
    Echo,
    /// A bot that never answers.
    Silent,
}

/// A user or bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: i64,
    /// Its first name.
    pub first_name: String,
    /// Its name without `@`.
    pub username: Option<String>,
    /// Its number; only it itself sees it.
    pub phone: Option<String>,
    /// What it does when spoken to; all but humans are bots.
    pub manner: Manner,
    /// The account was deleted.
    pub is_deleted: bool,
}

impl User {
    /// Whether it is a bot.
    pub fn is_bot(&self) -> bool {
        self.manner != Manner::Human
    }
}

/// A basic group or supergroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its title.
    pub title: String,
    /// Its name without `@`; supergroups only.
    pub username: Option<String>,
    /// Who made it, and may do anything in it.
    pub creator: i64,
    /// Who is in it, the creator too.
    pub members: BTreeSet<i64>,
    /// Who may do anything in it beside the creator.
    pub admins: BTreeSet<i64>,
    /// Members may write.
    pub may_write: bool,
    /// Members may add others.
    pub may_invite: bool,
    /// When it was made.
    pub date: i32,
    /// Counts changes of who is in it.
    pub version: i32,
}

impl Group {
    /// A group of `creator` in which members may write and add others.
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
    /// Whether `user` may do anything in it.
    pub fn is_admin(&self, user: i64) -> bool {
        self.creator == user || self.admins.contains(&user)
    }
    /// Whether `user` may write in it.
    pub fn is_writer(&self, user: i64) -> bool {
        self.members.contains(&user) && (self.may_write || self.is_admin(user))
    }
    /// Whether `user` may add others.
    pub fn is_host(&self, user: i64) -> bool {
        self.members.contains(&user) && (self.may_invite || self.is_admin(user))
    }
}

/// The most members a group has here.
pub const MAX_MEMBERS: usize = 200;

/// Where the data centre says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Its number.
    pub dc_id: i32,
    /// Its address.
    pub ip_address: String,
    /// Its port.
    pub port: u16,
    /// Whether it is of the test environment.
    pub test_mode: bool,
}

impl Default for Home {
    fn default() -> Self {
        Self { dc_id: 2, ip_address: "127.0.0.1".into(), port: 443, test_mode: false }
    }
}

/// Why a peer that a call names is not to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// There is none of this id, or the hash is another's.
    Peer,
    /// The message that should show the peer does not.
    Message,
}

impl Missing {
    /// The error, where a peer that is not there is `peer`.
    pub(super) fn or(self, peer: &str) -> RpcError {
        match self {
            Self::Peer => bad(peer),
            Self::Message => bad("MSG_ID_INVALID"),
        }
    }
}

/// What the data centre knows of whoever calls: the state of one auth key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caller {
    /// Who is signed in.
    pub user_id: Option<i64>,
    /// What `invokeWithLayer` said.
    pub layer: Option<i32>,
    /// What `initConnection` said.
    pub app: Option<App>,
    /// Who has shown the code, and must prove the password yet.
    pub half_in: Option<i64>,
    /// The `auth_key_id`, of the permanent key where there are two.
    pub key_id: [u8; 8],
    /// The data centre that has the key; `None` for the world's first.
    pub dc_id: Option<i32>,
    /// The key is a temporary one that stands for none yet.
    pub is_unbound: bool,
}

impl Caller {
    /// A caller that is signed in as `user_id` and has said nothing yet.
    pub const fn signed_in(user_id: i64) -> Self {
        let user_id = Some(user_id);
        Self { user_id, layer: None, app: None, half_in: None, key_id: [0; 8], dc_id: None, is_unbound: false }
    }
}

/// What a program says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct App {
    /// The number its author got.
    pub api_id: i32,
    /// What it runs on.
    pub device_model: String,
    /// Its version.
    pub app_version: String,
}

/// Updates for all sessions of a user.
#[derive(Debug, Clone, PartialEq)]
pub struct Push {
    /// Whose sessions.
    pub user_id: i64,
    /// What to tell them.
    pub updates: Updates,
    /// The session that called knows it from the reply.
    pub not_to_caller: bool,
}

/// An error of the caller: 400.
pub(super) fn bad(message: &str) -> RpcError {
    RpcError::new(400, message)
}

/// Who calls, and when.
pub(super) struct Turn<'a> {
    /// Seconds since 1970.
    pub(super) now: i32,
    /// The user who calls; 0 if nobody is signed in.
    pub(super) me: i64,
    /// The data centre that is called.
    pub(super) dc_id: i32,
    /// The key's state.
    pub(super) caller: &'a mut Caller,
}

/// What a peer did after a fault, on the same connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reaction {
    /// The next step of the key exchange came, or a packet under the key that came of it; or another call.
    WentOn,
    /// It began the key exchange from its start.
    BeganAgain,
    /// It acknowledged a message that only the fault brought; or a second time one that the fault repeated.
    Acknowledged,
    /// It used the salt that only the fault told.
    UsedItsSalt,
    /// It told the states it was asked for, or sent the call again that it was asked for.
    Answered,
    /// It closed the connection, before anything else but acknowledgements came.
    Left,
    /// Nothing but pings and acknowledgements came for [`SILENT_AFTER`].
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

/// The longest text of a message, in characters.
pub const MAX_TEXT: usize = 4096;

/// Puts `item` into `kept`, and forgets the oldest if there are too many.
pub(super) fn keep<T>(kept: &mut VecDeque<T>, item: T) {
    if kept.len() >= MAX_KEPT {
        kept.pop_front();
    }
    kept.push_back(item);
}

/// The most codes, tokens, tickets and questions kept, of each kind; older ones are forgotten.
pub const MAX_KEPT: usize = 256;

/// The most entities of one message.
pub(super) const MAX_ENTITIES: usize = 100;

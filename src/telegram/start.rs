//! The pure pieces of starting a bot: whom a name means, which call to make, what the server's no means.
//!
//! Starting a bot is one call, `messages.startBot(bot, peer, random_id, start_param)`: the server posts `/start` for the
//! user and hands `/start start_param` to the bot. Nothing here does I/O; the clients above it do, each in its way.
//!
//! Spec: method/messages.startBot, api/links#bot-links

pub mod job;

use crate::base::entropy::{self, Entropy, EntropyFailed};
use crate::protocol::session::RpcError;
use crate::telegram::api::contacts::{Resolved, ResolvedPeerBody};
use crate::telegram::api::messages::{SendMessage, StartBot};
use crate::telegram::api::peer::{
    InputPeer, InputPeerChannel, InputPeerChat, InputPeerSelf, InputPeerUser, InputUser, InputUserById,
};
use crate::telegram::api::updates::Updates;
use crate::telegram::link::{StartParam, StartParamError, Username, UsernameError};
use crate::tl::DecodeError;
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

/// Somebody or something to talk to, as a caller names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// By username; it is resolved first.
    Name(Username),
    /// A user or bot, with the hash that the server gave for it.
    User {
        /// Its id.
        id: i64,
        /// Its hash, valid for this account alone.
        access_hash: i64,
    },
    /// A basic group.
    Chat(i64),
    /// A supergroup or channel.
    Channel {
        /// Its id.
        id: i64,
        /// Its hash, valid for this account alone.
        access_hash: i64,
    },
    /// Oneself.
    Me,
}

/// Text that names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhoError {
    /// Neither a username nor one of the other forms.
    Username(UsernameError),
    /// A form with numbers, and one of them is none.
    Number,
}

impl fmt::Display for WhoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Username(e) => write!(f, "{e}; write @name, me, chat:ID, user:ID:HASH or channel:ID:HASH"),
            Self::Number => f.write_str("not a number; write chat:ID, user:ID:HASH or channel:ID:HASH"),
        }
    }
}
impl core::error::Error for WhoError {}

/// `@name` or `name`, `me`, `chat:ID`, `user:ID:HASH`, `channel:ID:HASH`.
///
/// ```
/// use nanogram::telegram::start::Who;
/// assert_eq!("chat:55".parse(), Ok(Who::Chat(55)));
/// assert_eq!("user:7:-9".parse(), Ok(Who::User { id: 7, access_hash: -9 }));
/// assert!("no such name!".parse::<Who>().is_err());
/// ```
impl FromStr for Who {
    type Err = WhoError;
    fn from_str(text: &str) -> Result<Self, WhoError> {
        let number = |s: &str| s.parse::<i64>().map_err(|_| WhoError::Number);
        let mut parts = text.split(':');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("me"), None, ..) => Ok(Self::Me),
            (Some("chat"), Some(id), None, _) => Ok(Self::Chat(number(id)?)),
            (Some("user"), Some(id), Some(hash), None) => {
                Ok(Self::User { id: number(id)?, access_hash: number(hash)? })
            }
            (Some("channel"), Some(id), Some(hash), None) => {
                Ok(Self::Channel { id: number(id)?, access_hash: number(hash)? })
            }
            _ => Username::parse(text).map(Self::Name).map_err(WhoError::Username),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "@{}", name.as_str()),
            Self::User { id, .. } => write!(f, "user:{id}"),
            Self::Chat(id) => write!(f, "chat:{id}"),
            Self::Channel { id, .. } => write!(f, "channel:{id}"),
            Self::Me => f.write_str("me"),
        }
    }
}

/// A peer as calls want it, known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Known {
    /// A user; whether it is a bot, if that is known.
    User {
        /// Its id.
        id: i64,
        /// Its hash.
        access_hash: i64,
        /// Whether it is a bot; `None` if nobody has said.
        is_bot: Option<bool>,
    },
    /// A basic group.
    Chat(i64),
    /// A supergroup or channel.
    Channel {
        /// Its id.
        id: i64,
        /// Its hash.
        access_hash: i64,
    },
    /// Oneself.
    Me,
}

impl Known {
    /// What can be known of `who` without asking the server; a username cannot.
    pub const fn without_asking(who: &Who) -> Option<Self> {
        Some(match *who {
            Who::Name(_) => return None,
            Who::User { id, access_hash } => Self::User { id, access_hash, is_bot: None },
            Who::Chat(id) => Self::Chat(id),
            Who::Channel { id, access_hash } => Self::Channel { id, access_hash },
            Who::Me => Self::Me,
        })
    }

    /// Whom the server says that a username is.
    ///
    /// # Errors
    /// The answer cannot be read. A peer whose hash is missing or not for calls (`min`) is `Ok(None)`.
    pub fn from_resolved(answer: &ResolvedPeerBody) -> Result<Option<Self>, DecodeError> {
        answer.resolved().map(Self::of)
    }

    /// The peer that the server has described; `None` if its hash is missing or not for calls (`min`).
    pub fn of(resolved: Resolved) -> Option<Self> {
        match resolved {
            Resolved::User(user) => user.access_hash.filter(|_| !user.min).map(|access_hash| Self::User {
                id: user.id,
                access_hash,
                is_bot: Some(user.bot),
            }),
            Resolved::Channel(channel) => channel
                .access_hash
                .filter(|_| !channel.min)
                .map(|access_hash| Self::Channel { id: channel.id, access_hash }),
        }
    }

    /// As the `peer` of a call.
    pub fn peer(&self) -> InputPeer {
        match *self {
            Self::User { id: user_id, access_hash, .. } => InputPeerUser { user_id, access_hash }.into(),
            Self::Chat(chat_id) => InputPeerChat { chat_id }.into(),
            Self::Channel { id: channel_id, access_hash } => InputPeerChannel { channel_id, access_hash }.into(),
            Self::Me => InputPeerSelf {}.into(),
        }
    }

    /// As the `bot` of a call.
    ///
    /// # Errors
    /// [`StartError::BotInvalid`]: it is no bot.
    pub fn bot(&self) -> Result<InputUser, StartError> {
        match *self {
            Self::User { id: user_id, access_hash, is_bot } if is_bot != Some(false) => {
                Ok(InputUserById { user_id, access_hash }.into())
            }
            _ => Err(StartError::BotInvalid),
        }
    }
}

/// The call that starts a bot.
#[cfg_attr(feature = "dc", expect(clippy::large_enum_variant, reason = "one is made, and sent at once"))]
#[derive(Debug, Clone, PartialEq)]
pub enum StartCall {
    /// `messages.startBot`
    StartBot(StartBot),
    /// Without a parameter in the private chat, `messages.startBot` is refused; official clients send plain `/start`.
    PlainStart(SendMessage),
}

/// The call that starts `bot` in `peer`.
///
/// In the bot's own chat an empty parameter means plain `/start`; anywhere else the server asks for one.
///
/// # Errors
/// The bot is none, or the parameter is one that the server would refuse.
pub fn start_call(bot: &Known, peer: &Known, random_id: i64, start_param: &str) -> Result<StartCall, StartError> {
    let input = bot.bot()?;
    let is_private = match (bot, peer) {
        (Known::User { id, .. }, Known::User { id: peer, .. }) => id == peer,
        _ => false,
    };
    if start_param.is_empty() && is_private {
        return Ok(StartCall::PlainStart(SendMessage {
            no_webpage: false,
            silent: false,
            background: false,
            clear_draft: false,
            noforwards: false,
            update_stickersets_order: false,
            invert_media: false,
            allow_paid_floodskip: false,
            peer: peer.peer(),
            reply_to: None,
            message: "/start".to_string(),
            random_id,
            reply_markup: None,
            entities: None,
            schedule_date: None,
            schedule_repeat_period: None,
            send_as: None,
            quick_reply_shortcut: None,
            effect: None,
            allow_paid_stars: None,
            suggested_post: None,
            rich_message: None,
        }));
    }
    let start_param = StartParam::parse(start_param)?.as_str().to_string();
    Ok(StartCall::StartBot(StartBot { bot: input, peer: peer.peer(), random_id, start_param }))
}

/// A `random_id` for one start: random, not zero. Sent again with the same one, the call is executed once.
///
/// # Errors
/// The entropy failed.
pub fn random_id(random: &mut dyn Entropy) -> Result<i64, EntropyFailed> {
    loop {
        let id = i64::from_le_bytes(entropy::bytes(random)?);
        if id != 0 {
            return Ok(id);
        }
    }
}

/// The documented errors of `messages.startBot`.
///
/// Spec: method/messages.startBot#possible-errors
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StartError {
    /// `BOT_INVALID`
    BotInvalid,
    /// `CHAT_ADMIN_REQUIRED`
    ChatAdminRequired,
    /// `CHAT_WRITE_FORBIDDEN`
    ChatWriteForbidden,
    /// `INPUT_USER_DEACTIVATED`
    InputUserDeactivated,
    /// `MSG_ID_INVALID`
    MsgIdInvalid,
    /// `PEER_ID_INVALID`
    PeerIdInvalid,
    /// `RANDOM_ID_DUPLICATE`
    RandomIdDuplicate,
    /// `START_PARAM_EMPTY`
    StartParamEmpty,
    /// `START_PARAM_INVALID`
    StartParamInvalid,
    /// `START_PARAM_TOO_LONG`
    StartParamTooLong,
}

/// Code, name, what to do: in the order of the documentation.
const START_ERRORS: [(StartError, i32, &str, &str); 10] = [
    (
        StartError::BotInvalid,
        400,
        "BOT_INVALID",
        "this is not a bot, or its access hash is of another account: check the username, or resolve it again",
    ),
    (
        StartError::ChatAdminRequired,
        400,
        "CHAT_ADMIN_REQUIRED",
        "only an administrator of this group may add a bot: ask one, or pick another group",
    ),
    (
        StartError::InputUserDeactivated,
        400,
        "INPUT_USER_DEACTIVATED",
        "the bot was deleted: there is nothing left to start",
    ),
    (
        StartError::MsgIdInvalid,
        400,
        "MSG_ID_INVALID",
        "the message that was to prove whom you mean does not exist: name the peer by its username or its access hash",
    ),
    (
        StartError::PeerIdInvalid,
        400,
        "PEER_ID_INVALID",
        "there is no such peer, or its access hash is of another account: resolve its username again",
    ),
    (
        StartError::StartParamEmpty,
        400,
        "START_PARAM_EMPTY",
        "in a group a start parameter is needed: give one of 1 to 64 characters",
    ),
    (
        StartError::StartParamInvalid,
        400,
        "START_PARAM_INVALID",
        "a start parameter holds only A-Z, a-z, 0-9, _ and -: encode anything else with base64url",
    ),
    (
        StartError::StartParamTooLong,
        400,
        "START_PARAM_TOO_LONG",
        "a start parameter holds at most 64 characters: keep the data on your side and pass a key to them",
    ),
    (
        StartError::ChatWriteForbidden,
        403,
        "CHAT_WRITE_FORBIDDEN",
        "you may not write in this chat: ask an administrator, or pick another chat",
    ),
    (
        StartError::RandomIdDuplicate,
        500,
        "RANDOM_ID_DUPLICATE",
        "a call with this random_id was executed before, and it is not executed again: draw a new one to start the bot once more",
    ),
];

impl StartError {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        START_ERRORS.iter().map(|row| row.0)
    }
    fn row(self) -> (i32, &'static str, &'static str) {
        START_ERRORS.iter().find(|row| row.0 == self).map_or((0, "", ""), |row| (row.1, row.2, row.3))
    }
    /// The error code: 400, 403 or 500.
    pub fn code(self) -> i32 {
        self.row().0
    }
    /// The server's name for it.
    pub fn name(self) -> &'static str {
        self.row().1
    }
    /// What to do, in a sentence.
    pub fn hint(self) -> &'static str {
        self.row().2
    }
    /// The typed form of what a server answered, if it is one of these.
    pub fn from_rpc(error: &RpcError) -> Option<Self> {
        START_ERRORS.iter().find(|row| row.2 == error.message).map(|row| row.0)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, name, hint) = self.row();
        write!(f, "{name} ({code}): {hint}")
    }
}
impl core::error::Error for StartError {}

impl From<StartParamError> for StartError {
    fn from(e: StartParamError) -> Self {
        match e {
            StartParamError::Empty => Self::StartParamEmpty,
            StartParamError::Invalid => Self::StartParamInvalid,
            StartParamError::TooLong => Self::StartParamTooLong,
        }
    }
}

/// The first answer of `bot` in what came: the text of a message that it sent.
pub fn answer_of(bot: i64, updates: &Updates) -> Option<String> {
    use crate::telegram::api::peer::{Peer, PeerUser};
    let is_bot = |peer: &Peer| matches!(peer, Peer::User(PeerUser { user_id }) if *user_id == bot);
    updates
        .texts()
        .into_iter()
        .find(|text| !text.out && text.from.as_ref().map_or_else(|| is_bot(&text.peer), is_bot))
        .map(|text| text.text)
}

/// What an error of any call means to the person who made it, in a sentence; `None` for those nobody need know.
///
/// Spec: api/errors
pub fn hint(error: &RpcError) -> Option<&'static str> {
    if let Some(start) = StartError::from_rpc(error) {
        return Some(start.hint());
    }
    let (kind, _) = error.kind();
    HINTS.iter().find(|row| row.0 == kind).map(|row| row.1)
}

const HINTS: [(&str, &str); 18] = [
    ("USERNAME_NOT_OCCUPIED", "nobody has this username: check its spelling"),
    ("USERNAME_INVALID", "this cannot be a username: it has 1 to 32 letters, digits and _, and starts with a letter"),
    ("BOT_METHOD_INVALID", "bots cannot do this: only users can start bots, so sign in as a user"),
    ("AUTH_KEY_UNREGISTERED", "this session is not signed in: sign in again, or use another session"),
    ("AUTH_KEY_INVALID", "the server does not take this key: sign in again"),
    ("AUTH_KEY_PERM_EMPTY", "the temporary key is bound to no account: connect again"),
    (
        "AUTH_KEY_DUPLICATED",
        "the key was used from two places at once and is dead: sign in again, once for each program",
    ),
    ("SESSION_REVOKED", "the account's owner has ended this session: sign in again"),
    ("SESSION_EXPIRED", "this session is over: sign in again"),
    ("SESSION_PASSWORD_NEEDED", "the account has a password: sign in with it"),
    ("USER_DEACTIVATED", "the account was deleted"),
    ("USER_DEACTIVATED_BAN", "the account was banned"),
    ("YOU_BLOCKED_USER", "you have blocked this bot: unblock it first"),
    ("USER_IS_BLOCKED", "this user has blocked you"),
    ("CONNECTION_API_ID_INVALID", "api_id is not one that my.telegram.org gave out"),
    ("API_ID_INVALID", "api_id and api_hash do not belong together: see my.telegram.org"),
    ("FLOOD_WAIT", "too many calls: wait as many seconds as the number says"),
    ("USERS_TOO_MUCH", "the group is full"),
];

#[cfg(test)]
mod tests {
    use super::*;

    const BOT: Known = Known::User { id: 7, access_hash: 9, is_bot: Some(true) };

    #[test]
    fn every_documented_error_is_typed_and_helps() {
        assert_eq!(StartError::all().count(), 10);
        for error in StartError::all() {
            let rpc = RpcError::new(error.code(), error.name());
            assert_eq!(StartError::from_rpc(&rpc), Some(error));
            assert_eq!(hint(&rpc), Some(error.hint()));
            assert!(error.hint().len() > 20 && !error.hint().ends_with('.'));
        }
        assert_eq!(StartError::from_rpc(&RpcError::new(400, "OTHER")), None);
    }

    #[test]
    fn a_parameter_is_refused_before_it_is_sent() {
        let group = Known::Chat(5);
        let start = |peer: &Known, param: &str| start_call(&BOT, peer, 1, param);
        assert_eq!(start(&group, ""), Err(StartError::StartParamEmpty));
        assert_eq!(start(&group, "a b"), Err(StartError::StartParamInvalid));
        assert_eq!(start(&BOT, &"x".repeat(65)), Err(StartError::StartParamTooLong));
        assert!(matches!(start(&BOT, &"x".repeat(64)), Ok(StartCall::StartBot(_))));
        assert!(matches!(start(&BOT, ""), Ok(StartCall::PlainStart(_))));
    }

    #[test]
    fn only_a_bot_is_started() {
        let person = Known::User { id: 7, access_hash: 9, is_bot: Some(false) };
        assert_eq!(start_call(&person, &person, 1, "x"), Err(StartError::BotInvalid));
        assert_eq!(start_call(&Known::Chat(1), &BOT, 1, "x"), Err(StartError::BotInvalid));
    }
}

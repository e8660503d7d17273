//! Logic of starting a bot, without I/O: peers, the call to make, and its errors.
//!
//! A bot is started with one call, `messages.startBot(bot, peer, random_id, start_param)`: the server posts `/start` on
//! behalf of the user and passes `/start start_param` to the bot.
//!
//! Spec: method/messages.startBot, api/links#bot-links

mod errors;
pub mod job;

pub use errors::StartError;

use crate::base::entropy::{self, Entropy, EntropyFailed};
use crate::protocol::session::RpcError;
use crate::telegram::api::contacts::{Resolved, ResolvedPeerBody};
use crate::telegram::api::messages::{SendMessage, StartBot};
use crate::telegram::api::peer::{
    InputPeer, InputPeerChannel, InputPeerChat, InputPeerSelf, InputPeerUser, InputUser, InputUserById,
};
use crate::telegram::api::updates::Updates;
use crate::telegram::link::{StartParam, Username, UsernameError};
use crate::tl::DecodeError;
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

/// A user, bot, group or channel as specified by the caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// A username, which must be resolved first.
    Name(Username),
    /// A user or bot, with its access hash.
    User {
        /// The user id.
        id: i64,
        /// The access hash, valid only for this account.
        access_hash: i64,
    },
    /// A basic group.
    Chat(i64),
    /// A supergroup or channel, with its access hash.
    Channel {
        /// The channel id.
        id: i64,
        /// The access hash, valid only for this account.
        access_hash: i64,
    },
    /// The current user.
    Me,
}

/// Error for a text that does not specify a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhoError {
    /// Not a username or one of the other forms.
    Username(UsernameError),
    /// Form with numbers of which one is invalid.
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

/// Parses `@name` or `name`, `me`, `chat:ID`, `user:ID:HASH` or `channel:ID:HASH`.
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

/// A resolved peer, ready to be used in calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Known {
    /// A user or bot.
    User {
        /// The user id.
        id: i64,
        /// The access hash.
        access_hash: i64,
        /// True if the user is a bot; `None` if unknown.
        is_bot: Option<bool>,
    },
    /// A basic group.
    Chat(i64),
    /// A supergroup or channel.
    Channel {
        /// The channel id.
        id: i64,
        /// The access hash.
        access_hash: i64,
    },
    /// The current user.
    Me,
}

impl Known {
    /// Converts `who` without asking the server; `None` for a username.
    pub const fn without_asking(who: &Who) -> Option<Self> {
        Some(match *who {
            Who::Name(_) => return None,
            Who::User { id, access_hash } => Self::User { id, access_hash, is_bot: None },
            Who::Chat(id) => Self::Chat(id),
            Who::Channel { id, access_hash } => Self::Channel { id, access_hash },
            Who::Me => Self::Me,
        })
    }

    /// Converts the result of resolving a username.
    ///
    /// Returns `Ok(None)` if the access hash is missing or not valid for calls (`min`).
    ///
    /// # Errors
    /// The result cannot be decoded.
    pub fn from_resolved(answer: &ResolvedPeerBody) -> Result<Option<Self>, DecodeError> {
        answer.resolved().map(Self::of)
    }

    /// Converts a peer described by the server; `None` if its access hash is missing or not valid for calls (`min`).
    pub fn of(resolved: Resolved) -> Option<Self> {
        match resolved {
            // The access hash of a `min` constructor is not valid in calls (api/min).
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

    /// Returns the `peer` argument of a call.
    pub fn peer(&self) -> InputPeer {
        match *self {
            Self::User { id: user_id, access_hash, .. } => InputPeerUser { user_id, access_hash }.into(),
            Self::Chat(chat_id) => InputPeerChat { chat_id }.into(),
            Self::Channel { id: channel_id, access_hash } => InputPeerChannel { channel_id, access_hash }.into(),
            Self::Me => InputPeerSelf {}.into(),
        }
    }

    /// Returns the `bot` argument of a call.
    ///
    /// # Errors
    /// [`StartError::BotInvalid`] if the peer is not a bot.
    pub fn bot(&self) -> Result<InputUser, StartError> {
        match *self {
            // If it is unknown whether the user is a bot, the server decides.
            Self::User { id: user_id, access_hash, is_bot } if is_bot != Some(false) => {
                Ok(InputUserById { user_id, access_hash }.into())
            }
            _ => Err(StartError::BotInvalid),
        }
    }
}

/// A call that starts a bot.
#[cfg_attr(feature = "dc", expect(clippy::large_enum_variant, reason = "one is made, and sent at once"))]
#[derive(Debug, Clone, PartialEq)]
pub enum StartCall {
    /// A `messages.startBot` call.
    StartBot(StartBot),
    /// Plain `/start` message, as official clients send it: without a parameter, `messages.startBot` is rejected in the
    /// private chat.
    PlainStart(SendMessage),
}

/// Builds the call that starts `bot` in `peer`.
///
/// In the private chat with the bot, an empty parameter sends a plain `/start`. Elsewhere the server requires a
/// parameter.
///
/// # Errors
/// `bot` is not a bot, or the server would reject the parameter.
pub fn start_call(bot: &Known, peer: &Known, random_id: i64, start_param: &str) -> Result<StartCall, StartError> {
    let input = bot.bot()?;
    let is_private = match (bot, peer) {
        (Known::User { id, .. }, Known::User { id: peer, .. }) => id == peer,
        _ => false,
    };
    if start_param.is_empty() && is_private {
        // All options keep their defaults, as if the user had typed the command.
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

/// Draws a nonzero `random_id` for one start. A call that is resent with the same `random_id` is executed only once.
///
/// # Errors
/// The source of entropy failed.
pub fn random_id(random: &mut dyn Entropy) -> Result<i64, EntropyFailed> {
    loop {
        let id = i64::from_le_bytes(entropy::bytes(random)?);
        // The server refuses zero with `RANDOM_ID_EMPTY`.
        if id != 0 {
            return Ok(id);
        }
    }
}

/// Returns the text of the first message from `bot` in `updates`.
pub fn answer_of(bot: i64, updates: &Updates) -> Option<String> {
    use crate::telegram::api::peer::{Peer, PeerUser};
    let is_bot = |peer: &Peer| matches!(peer, Peer::User(PeerUser { user_id }) if *user_id == bot);
    updates
        .texts()
        .into_iter()
        // In a private chat `from_id` can be missing; the peer is then the sender.
        .find(|text| !text.out && text.from.as_ref().map_or_else(|| is_bot(&text.peer), is_bot))
        .map(|text| text.text)
}

/// Returns advice for the error of any call in one sentence; `None` if there is nothing to say about it.
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
mod tests;

//! Errors of links, and the links of Telegram that start no bot.

use super::words::{StartParamError, Username, UsernameError};
use alloc::string::String;

use core::fmt;

/// Error returned for a text that is not a link to start a bot.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkError {
    /// Not a Telegram link.
    NotTelegram,
    /// A `tg:` link of an unknown kind.
    Unknown,
    /// Invalid username in place of the bot.
    Username(UsernameError),
    /// Start parameter that the server would reject.
    Param(StartParamError),
    /// A Telegram link with a different purpose.
    Other(OtherLink),
}

/// Purpose of a Telegram link that does not start a bot.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtherLink {
    /// Shows a user, bot, group or channel.
    PublicChat(Username),
    /// Opens a bot with a referral; pass the referrer to `contacts.resolveUsername`.
    Affiliate {
        /// The username of the bot.
        bot: Username,
        /// The referrer.
        referrer: String,
    },
    /// Opens a mini app (`startapp`).
    MiniApp(Username),
    /// Opens the attachment menu (`attach`, `startattach`).
    AttachMenu(Username),
    /// Sends a game.
    Game(Username),
    /// Shows a message.
    Message(Username),
    /// Shows a story.
    Story(Username),
    /// Shows an album of stories or a collection of gifts.
    Album(Username),
    /// Joins a video chat or a live stream.
    VideoChat(Username),
    /// Boosts a channel.
    Boost(Username),
    /// Opens the direct messages of a channel.
    Direct(Username),
    /// Invites the user to a group or channel.
    Invite,
    /// Requests documents from Telegram Passport.
    Passport,
    /// Opens the chat with a phone number.
    Phone,
    /// Opens the named screen of the app, such as `"the settings"`.
    Screen(&'static str),
    /// Opens a Telegram page, such as stickers, a language, a proxy or a gift.
    Page,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTelegram => f.write_str(
                "this is not a Telegram link; one that starts a bot looks like https://t.me/<bot>?start=<parameter>",
            ),
            Self::Unknown => f.write_str(
                "unknown tg: link; one that starts a bot looks like tg://resolve?domain=<bot>&start=<parameter>",
            ),
            Self::Username(e) => write!(f, "the link does not name a bot: {e}"),
            Self::Param(e) => write!(f, "the link cannot start its bot: {e}"),
            Self::Other(other) => write!(f, "the link does not start a bot: {other}"),
        }
    }
}
impl core::error::Error for LinkError {}

impl fmt::Display for OtherLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublicChat(name) => {
                write!(f, "it only shows @{name} (to start a bot of that name, add ?start=<parameter>)")
            }
            Self::Affiliate { bot, referrer } => write!(f, "it opens @{bot} as recommended by {referrer:?}"),
            Self::MiniApp(bot) => write!(f, "it opens a mini app of @{bot}"),
            Self::AttachMenu(bot) => write!(f, "it opens the attachment menu with @{bot}"),
            Self::Game(bot) => write!(f, "it sends a game of @{bot}"),
            Self::Message(name) => write!(f, "it shows a message in @{name}"),
            Self::Story(name) => write!(f, "it shows a story of @{name}"),
            Self::Album(name) => write!(f, "it shows an album or a collection of @{name}"),
            Self::VideoChat(name) => write!(f, "it joins a video chat of @{name}"),
            Self::Boost(name) => write!(f, "it boosts @{name}"),
            Self::Direct(name) => write!(f, "it opens the direct messages of @{name}"),
            Self::Invite => f.write_str("it invites to a group or a channel"),
            Self::Passport => f.write_str("it requests documents from Telegram Passport"),
            Self::Phone => f.write_str("it opens the chat with a phone number"),
            Self::Screen(what) => write!(f, "it opens {what}"),
            Self::Page => f.write_str("it leads to a Telegram page, such as stickers, a proxy or a gift"),
        }
    }
}

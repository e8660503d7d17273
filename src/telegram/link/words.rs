//! Parts of a link: usernames, start parameters and administrator rights.

use alloc::string::String;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::BitOr;
use core::str::FromStr;

/// A username: 1 to 32 characters of `A-Z a-z 0-9 _`, starting with a letter, without a final `_` or `__`.
///
/// Comparison ignores case, but the original spelling is kept.
///
/// ```
/// use nanogram::telegram::link::Username;
/// assert_eq!(Username::parse("@DurgerKingBot")?, Username::parse("durgerkingbot")?);
/// assert!(Username::parse("no__pe").is_err());
/// # Ok::<(), nanogram::telegram::link::UsernameError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Username(String);

impl Username {
    /// Parses a username, with or without a leading `@`.
    ///
    /// # Errors
    /// The text is not a valid username.
    pub fn parse(text: &str) -> Result<Self, UsernameError> {
        Self::without_at(text.strip_prefix('@').unwrap_or(text))
    }
    pub(super) fn without_at(text: &str) -> Result<Self, UsernameError> {
        // The rules of TDLib's `is_valid_username`.
        let is_word = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let is_fine = is_word && text.starts_with(|c: char| c.is_ascii_alphabetic());
        let has_double = text.as_bytes().windows(2).any(|two| two == b"__");
        if is_fine && text.len() <= 32 && !text.ends_with('_') && !has_double {
            Ok(Self(text.into()))
        } else {
            Err(UsernameError)
        }
    }
    /// Returns the username without `@`, in its original spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    fn folded(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.bytes().map(|b| b.to_ascii_lowercase())
    }
}

impl PartialEq for Username {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
impl Eq for Username {}
impl Hash for Username {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Has to agree with `==`, which ignores case.
        self.folded().for_each(|b| b.hash(state));
    }
}
impl PartialOrd for Username {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Username {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.folded().cmp(other.folded())
    }
}
impl FromStr for Username {
    type Err = UsernameError;
    fn from_str(text: &str) -> Result<Self, UsernameError> {
        Self::parse(text)
    }
}
impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The parameter of `/start`: 1 to 64 characters of `A-Z a-z 0-9 _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StartParam(String);

impl StartParam {
    /// Maximum length in characters.
    pub const MAX: usize = 64;

    /// Parses a parameter. It is rejected for the same reasons as by the server, before anything is sent.
    ///
    /// # Errors
    /// The server would reject the parameter.
    pub fn parse(text: &str) -> Result<Self, StartParamError> {
        match text.len() {
            0 => Err(StartParamError::Empty),
            _ if !text.bytes().all(is_param_byte) => Err(StartParamError::Invalid),
            len if len > Self::MAX => Err(StartParamError::TooLong),
            _ => Ok(Self(text.into())),
        }
    }
    /// Returns the parameter as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

pub(super) fn is_param_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'-'
}

impl FromStr for StartParam {
    type Err = StartParamError;
    fn from_str(text: &str) -> Result<Self, StartParamError> {
        Self::parse(text)
    }
}
impl fmt::Display for StartParam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Rights of an administrator: the flags of `chatAdminRights#5fb224d5`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AdminRights(u32);

/// Names of the rights in links, with two flags: exists in groups, exists in channels.
const RIGHTS: &[(&str, AdminRights, bool, bool)] = &[
    ("change_info", AdminRights::CHANGE_INFO, true, true),
    ("post_messages", AdminRights::POST_MESSAGES, false, true),
    ("edit_messages", AdminRights::EDIT_MESSAGES, false, true),
    ("delete_messages", AdminRights::DELETE_MESSAGES, true, true),
    ("restrict_members", AdminRights::BAN_USERS, true, true),
    ("invite_users", AdminRights::INVITE_USERS, true, true),
    ("pin_messages", AdminRights::PIN_MESSAGES, true, false),
    ("manage_topics", AdminRights::MANAGE_TOPICS, true, false),
    ("promote_members", AdminRights::ADD_ADMINS, true, true),
    ("manage_video_chats", AdminRights::MANAGE_CALL, true, true),
    ("anonymous", AdminRights::ANONYMOUS, true, false),
    ("manage_chat", AdminRights::OTHER, true, true),
    ("post_stories", AdminRights::POST_STORIES, true, true),
    ("edit_stories", AdminRights::EDIT_STORIES, true, true),
    ("delete_stories", AdminRights::DELETE_STORIES, true, true),
    ("manage_direct_messages", AdminRights::MANAGE_DIRECT_MESSAGES, false, true),
    ("manage_tags", AdminRights::MANAGE_RANKS, true, false),
];

impl AdminRights {
    /// No rights.
    pub const NONE: Self = Self(0);
    /// Change title, photo and description.
    pub const CHANGE_INFO: Self = Self(1);
    /// Post messages in a channel.
    pub const POST_MESSAGES: Self = Self(1 << 1);
    /// Edit messages of others in a channel.
    pub const EDIT_MESSAGES: Self = Self(1 << 2);
    /// Delete messages of others.
    pub const DELETE_MESSAGES: Self = Self(1 << 3);
    /// Ban and restrict members.
    pub const BAN_USERS: Self = Self(1 << 4);
    /// Invite members.
    pub const INVITE_USERS: Self = Self(1 << 5);
    /// Pin messages in a group.
    pub const PIN_MESSAGES: Self = Self(1 << 7);
    /// Appoint administrators.
    pub const ADD_ADMINS: Self = Self(1 << 9);
    /// Post anonymously in the name of the group.
    pub const ANONYMOUS: Self = Self(1 << 10);
    /// Manage video chats and live streams.
    pub const MANAGE_CALL: Self = Self(1 << 11);
    /// Basic rights of every administrator; always set together with another right.
    pub const OTHER: Self = Self(1 << 12);
    /// Manage the topics of a forum.
    pub const MANAGE_TOPICS: Self = Self(1 << 13);
    /// Post stories.
    pub const POST_STORIES: Self = Self(1 << 14);
    /// Edit stories of others.
    pub const EDIT_STORIES: Self = Self(1 << 15);
    /// Delete stories of others.
    pub const DELETE_STORIES: Self = Self(1 << 16);
    /// Manage the direct messages of a channel.
    pub const MANAGE_DIRECT_MESSAGES: Self = Self(1 << 17);
    /// Manage the ranks (tags) of members.
    pub const MANAGE_RANKS: Self = Self(1 << 18);

    /// Returns the flag word of `chatAdminRights`.
    pub const fn bits(self) -> u32 {
        self.0
    }
    /// Returns true if no right is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Returns true if all of `rights` are set.
    pub const fn contains(self, rights: Self) -> bool {
        self.0 & rights.0 == rights.0
    }
    /// Parses the rights in a group, with their names in links separated by `+` or a space. Unknown names are ignored.
    pub fn in_group(names: &str) -> Self {
        Self::read(names, |(_, _, is_groups, _)| *is_groups)
    }
    /// Parses the rights in a channel, with their names in links separated by `+` or a space. Unknown names are
    /// ignored.
    pub fn in_channel(names: &str) -> Self {
        Self::read(names, |(_, _, _, is_channels)| *is_channels)
    }
    fn read(names: &str, exists: fn(&(&str, Self, bool, bool)) -> bool) -> Self {
        let known = |name: &str| RIGHTS.iter().filter(|row| exists(row)).find(|row| row.0 == name);
        let rights = names.split([' ', '+']).filter_map(known).fold(Self::NONE, |rights, row| rights | row.1);
        if rights.is_empty() { rights } else { rights | Self::OTHER }
    }
}

impl BitOr for AdminRights {
    type Output = Self;
    fn bitor(self, rhs: Self) -> Self {
        Self(self.0 | rhs.0)
    }
}

impl fmt::Display for AdminRights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (name, right, ..) in RIGHTS.iter().filter(|row| self.contains(row.1)) {
            // `OTHER` is implied by every other right, so it is only written alone.
            if *right != Self::OTHER || *self == Self::OTHER {
                write!(f, "{between}{name}")?;
                between = "+";
            }
        }
        Ok(())
    }
}
impl fmt::Debug for AdminRights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdminRights({self})")
    }
}

/// Error for a text that cannot be a username.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsernameError;

impl fmt::Display for UsernameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a username is 1 to 32 of A-Z a-z 0-9 _, begins with a letter, does not end with _ and has no __")
    }
}
impl core::error::Error for UsernameError {}

/// Error returned for a start parameter that the server would reject. The variants correspond to the server's errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartParamError {
    /// Empty parameter.
    Empty,
    /// More than 64 characters.
    TooLong,
    /// A character other than `A-Z a-z 0-9 _ -`.
    Invalid,
}

impl StartParamError {
    /// Returns the `error_message` with which `messages.startBot` rejects such a parameter.
    pub const fn server_type(self) -> &'static str {
        match self {
            Self::Empty => "START_PARAM_EMPTY",
            Self::TooLong => "START_PARAM_TOO_LONG",
            Self::Invalid => "START_PARAM_INVALID",
        }
    }
}

impl fmt::Display for StartParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Empty => "there is no start parameter",
            Self::TooLong => "a start parameter has at most 64 characters",
            Self::Invalid => "a start parameter has only the characters A-Z a-z 0-9 _ -",
        };
        write!(f, "{what} ({})", self.server_type())
    }
}
impl core::error::Error for StartParamError {}

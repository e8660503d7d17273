//! Errors of starting a bot that the documentation of the method lists.
//!
//! Spec: method/messages.startBot

use crate::protocol::session::RpcError;
use crate::telegram::link::StartParamError;
use core::fmt;

/// Documented errors of `messages.startBot`.
///
/// Spec: method/messages.startBot#possible-errors
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StartError {
    /// `BOT_INVALID`: not a bot, or an invalid access hash.
    BotInvalid,
    /// `CHAT_ADMIN_REQUIRED`: adding the bot needs administrator rights.
    ChatAdminRequired,
    /// `CHAT_WRITE_FORBIDDEN`: the account cannot write in the chat.
    ChatWriteForbidden,
    /// `INPUT_USER_DEACTIVATED`: the bot was deleted.
    InputUserDeactivated,
    /// `MSG_ID_INVALID`: the message that identifies a peer does not exist.
    MsgIdInvalid,
    /// `PEER_ID_INVALID`: unknown peer, or an invalid access hash.
    PeerIdInvalid,
    /// `RANDOM_ID_DUPLICATE`: a call with this `random_id` was executed before.
    RandomIdDuplicate,
    /// `START_PARAM_EMPTY`: a group needs a start parameter.
    StartParamEmpty,
    /// `START_PARAM_INVALID`: invalid character in the start parameter.
    StartParamInvalid,
    /// `START_PARAM_TOO_LONG`: more than 64 characters in the start parameter.
    StartParamTooLong,
}

/// Code, name and advice of each error, in the order of the documentation.
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
        // Other errors with code 500 are temporary and are retried.
        StartError::RandomIdDuplicate,
        500,
        "RANDOM_ID_DUPLICATE",
        "a call with this random_id was executed before, and it is not executed again: draw a new one to start the bot once more",
    ),
];

impl StartError {
    /// Iterates over all errors.
    pub fn all() -> impl Iterator<Item = Self> {
        START_ERRORS.iter().map(|row| row.0)
    }
    fn row(self) -> (i32, &'static str, &'static str) {
        START_ERRORS.iter().find(|row| row.0 == self).map_or((0, "", ""), |row| (row.1, row.2, row.3))
    }
    /// Returns the error code: 400, 403 or 500.
    pub fn code(self) -> i32 {
        self.row().0
    }
    /// Returns the name of the error on the server.
    pub fn name(self) -> &'static str {
        self.row().1
    }
    /// Returns advice in one sentence.
    pub fn hint(self) -> &'static str {
        self.row().2
    }
    /// Converts a server error; `None` if it is not one of these.
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

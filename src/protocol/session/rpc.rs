//! Calls and their errors.

use crate::base::escape::one_line;
use alloc::string::String;
use core::fmt;

/// A call of this session, whatever `msg_id`s it is sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(crate) u64);

impl CallId {
    /// The session's own call, `auth.bindTempAuthKey`.
    pub const BIND: Self = Self(u64::MAX);
}

/// `rpc_error`: the server's no.
///
/// Spec: api/errors
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcError {
    /// Code, similar to HTTP: 303 other data centre, 400 bad request, 401 not signed in, 403 forbidden, 406 already
    /// shown
    /// to the user, 420 too many requests, 500 internal error.
    pub code: i32,
    /// In capitals: `FLOOD_WAIT_12`.
    pub message: String,
}

impl RpcError {
    /// An error of this code and text.
    pub fn new(code: i32, message: &str) -> Self {
        Self { code, message: message.into() }
    }
    /// The text without its number, and the number: `("FLOOD_WAIT", Some(12))`.
    ///
    /// ```
    /// use nanogram::protocol::session::RpcError;
    /// assert_eq!(RpcError::new(420, "FLOOD_WAIT_12").kind(), ("FLOOD_WAIT", Some(12)));
    /// assert_eq!(RpcError::new(400, "BOT_INVALID").kind(), ("BOT_INVALID", None));
    /// ```
    pub fn kind(&self) -> (&str, Option<u32>) {
        match self.message.rsplit_once('_').map(|(kind, number)| (kind, number.parse())) {
            Some((kind, Ok(number))) => (kind, Some(number)),
            _ => (&self.message, None),
        }
    }
    /// Returns true for the error named `kind`, with or without a number.
    pub fn is(&self, kind: &str) -> bool {
        self.kind().0 == kind
    }
}

/// Escapes the message, which comes from the server.
impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server refused: {} ({})", one_line(&self.message), self.code)
    }
}
impl core::error::Error for RpcError {}

//! Scripted failures for tests of clients: calls refused or left unanswered, connections cut.
//!
//! Errors have the side effects of a real server: a 406 is followed by its explanation for the user, as an
//! `updateServiceNotification`, and `AUTH_KEY_DUPLICATED` destroys the key. Other errors change no state.
//!
//! ```
//! use nanogram::telegram::api::messages::StartBot;
//! use nanogram::lab::dc::{Act, Cut, Dc};
//! use nanogram::protocol::session::RpcError;
//! use nanogram::base::time::{Instant, UnixTime};
//! use nanogram::tl::Combinator;
//! # let random = || Box::new(<rand::rngs::ChaCha12Rng as rand::SeedableRng>::seed_from_u64(1));
//! let mut dc = Dc::new(Instant::ZERO, UnixTime::from_secs(1_790_000_000), random())?;
//! dc.script(StartBot::ID, Act::Refuse(RpcError::new(420, "FLOOD_WAIT_3")), 2); // the next two
//! dc.script(StartBot::ID, Act::HangUp, 1); // the third is done, but nobody hears of it yet
//! dc.cut(Cut::BytesOut(100)); // the next connection ends in the middle of a packet
//! # Ok::<(), nanogram::base::entropy::EntropyFailed>(())
//! ```

use crate::protocol::session::RpcError;
use crate::telegram::start::StartError;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Maximum number of pending acts, and of pending cuts; more are ignored.
pub const MAX_ACTS: usize = 256;
/// Value of `times` without a limit: for the lifetime of the test server.
pub const FOREVER: u32 = u32::MAX;
/// Errors with code 401: the authorization is gone or incomplete.
const UNAUTHORIZED: &[&str] = &[
    "ACTIVE_USER_REQUIRED",
    "AUTH_KEY_INVALID",
    "AUTH_KEY_PERM_EMPTY",
    "AUTH_KEY_UNREGISTERED",
    "SESSION_EXPIRED",
    "SESSION_PASSWORD_NEEDED",
    "SESSION_REVOKED",
    "USER_DEACTIVATED",
    "USER_DEACTIVATED_BAN",
];
/// Errors with code 406, whose explanation is sent separately.
const NOT_ACCEPTABLE: &[&str] =
    &["AUTH_KEY_DUPLICATED", "PHONE_PASSWORD_FLOOD", "SEND_CODE_UNAVAILABLE", "UPDATE_APP_TO_LOGIN"];

/// Error of this name with its usual code: 303 for `…_MIGRATE_4`, 420 for `FLOOD_…` and other waits,
/// 401, 403, 406 and 500 for the names known to have them, otherwise 400.
///
/// ```
/// use nanogram::lab::dc::script::error_of;
/// assert_eq!((error_of("FLOOD_WAIT_3").code, error_of("PHONE_MIGRATE_4").code), (420, 303));
/// assert_eq!((error_of("SESSION_REVOKED").code, error_of("CHAT_WRITE_FORBIDDEN").code), (401, 403));
/// ```
///
/// Spec: api/errors
pub fn error_of(name: &str) -> RpcError {
    let mut error = RpcError::new(400, name);
    let (kind, number) = error.kind();
    let of_start = || StartError::all().find(|known| known.name() == name).map(|known| known.code());
    error.code = match kind {
        _ if number.is_some() && kind.ends_with("_MIGRATE") => 303,
        _ if kind.starts_with("FLOOD_") || (number.is_some() && kind.ends_with("_WAIT")) => 420,
        _ if UNAUTHORIZED.contains(&name) => 401,
        _ if NOT_ACCEPTABLE.contains(&name) => 406,
        _ if name.starts_with("RECAPTCHA_CHECK_") => 403,
        "Timeout" => -503,
        "RPC_CALL_FAIL" | "RPC_MCGET_FAIL" | "AUTH_RESTART" => 500,
        _ if kind.starts_with("INTERNAL") || kind.starts_with("INTERDC") => 500,
        _ => of_start().unwrap_or(400),
    };
    error
}

/// Scripted outcome of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Returns this error without executing the call.
    Refuse(RpcError),
    /// Returns the error, then sends these updates to the session: after a 406 they replace the usual explanation.
    /// If they are empty, nothing is sent.
    RefuseAndTell(RpcError, Vec<u8>),
    /// Executes the call and returns these bytes, such as a reply of another layer.
    Answer(Vec<u8>),
    /// Executes the call and never answers it.
    Withhold,
    /// Neither executes nor answers the call.
    Ignore,
    /// Executes the call and closes the connection before the answer, which the session gets on its next connection.
    HangUp,
}

/// Point at which a connection ends, handshake included. Counted from its beginning; 0 ends it at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Ends after this many bytes were read from the client; pending answers are not sent.
    BytesIn(usize),
    /// Ends after this many packets from the client; answers to the last one are not sent.
    PacketsIn(usize),
    /// Ends after this many bytes were sent to the client.
    BytesOut(usize),
    /// Ends after this many packets were sent to the client.
    PacketsOut(usize),
}

/// Acts waiting for calls: method id, act, remaining times.
#[derive(Debug, Default)]
pub(super) struct Script(VecDeque<(u32, Act, u32)>);

impl Script {
    pub(super) fn add(&mut self, method: u32, act: Act, times: u32) {
        if self.0.len() < MAX_ACTS && times > 0 {
            self.0.push_back((method, act, times));
        }
    }
    /// Consumes the scripted outcome for the next call of `method`, if there is one.
    pub(super) fn next(&mut self, method: u32) -> Option<Act> {
        let at = self.0.iter().position(|(of, ..)| *of == method)?;
        let (_, act, times) = self.0.get_mut(at)?;
        let act = act.clone();
        *times -= u32::from(*times != FOREVER);
        if *times == 0 {
            self.0.remove(at);
        }
        Some(act)
    }
}

impl Cut {
    /// Counts `bytes` received; returns how many of them are read, and true if the limit is reached.
    pub(super) fn read(&mut self, bytes: usize) -> (usize, bool) {
        match self {
            Self::BytesIn(left) => count(left, bytes),
            _ => (bytes, false),
        }
    }
    /// Counts a received packet; returns true if it is the last.
    pub(super) fn take(&mut self) -> bool {
        match self {
            Self::PacketsIn(left) => count(left, 1).1,
            _ => false,
        }
    }
    /// Counts `bytes` to be sent; returns how many of them are sent, and true if the limit is reached.
    pub(super) fn send(&mut self, bytes: usize) -> (usize, bool) {
        match self {
            Self::BytesOut(left) => count(left, bytes),
            _ => (bytes, false),
        }
    }
    /// Counts a packet to be sent; returns true if it is sent, and true if the limit is reached.
    pub(super) fn give(&mut self) -> (bool, bool) {
        match self {
            Self::PacketsOut(left) => {
                let (sent, is_last) = count(left, 1);
                (sent == 1, is_last)
            }
            _ => (true, false),
        }
    }
    /// Returns true if the connection ends immediately.
    pub(super) const fn is_at_once(self) -> bool {
        let (Self::BytesIn(n) | Self::PacketsIn(n) | Self::BytesOut(n) | Self::PacketsOut(n)) = self;
        n == 0
    }
}

fn count(left: &mut usize, there_are: usize) -> (usize, bool) {
    let done = there_are.min(*left);
    *left -= done;
    (done, *left == 0)
}

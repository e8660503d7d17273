//! What goes wrong on demand, for tests of clients: calls refused or left unanswered, connections cut.
//!
//! What an error does beside being said is as with a real server: after a 406 comes the sentence for the user, as an
//! `updateServiceNotification`, and after `AUTH_KEY_DUPLICATED` the key is gone. Any other leaves all as it was.
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

/// The most acts, and the most cuts, that wait for their turn; more are not taken.
pub const MAX_ACTS: usize = 256;
/// As a number of times: as long as the data centre lives.
pub const FOREVER: u32 = u32::MAX;
/// Errors 401: the authorization is gone, or is not complete.
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
/// Errors 406, whose sentence comes apart.
const NOT_ACCEPTABLE: &[&str] =
    &["AUTH_KEY_DUPLICATED", "PHONE_PASSWORD_FLOOD", "SEND_CODE_UNAVAILABLE", "UPDATE_APP_TO_LOGIN"];

/// The error of this name with the code that belongs to it: 303 for `…_MIGRATE_4`, 420 for `FLOOD_…` and other waits,
/// 401, 403, 406 and 500 for those that are known to have them, otherwise 400.
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

/// What a call comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// It is not executed, and this is the answer.
    Refuse(RpcError),
    /// The same, and then the session is told these updates: after a 406, in place of the sentence it
    /// would be told. Without any, it is told nothing.
    RefuseAndTell(RpcError, Vec<u8>),
    /// It is executed, and these bytes are the answer, such as one of another layer.
    Answer(Vec<u8>),
    /// It is executed, and never answered.
    Withhold,
    /// It is neither executed nor answered.
    Ignore,
    /// It is executed, and the connection ends before the answer; on the next one the session has it ready.
    HangUp,
}

/// After what a connection ends, handshake and all. Counted from its beginning; 0 ends it at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// So many bytes from the client are read; what they are answered is not said.
    BytesIn(usize),
    /// So many packets from the client are taken; what the last is answered is not said.
    PacketsIn(usize),
    /// So many bytes are sent to the client.
    BytesOut(usize),
    /// So many packets are sent to the client.
    PacketsOut(usize),
}

/// What waits for its turn.
#[derive(Debug, Default)]
pub(super) struct Script(VecDeque<(u32, Act, u32)>);

impl Script {
    pub(super) fn add(&mut self, method: u32, act: Act, times: u32) {
        if self.0.len() < MAX_ACTS && times > 0 {
            self.0.push_back((method, act, times));
        }
    }
    /// What the next call of `method` comes to, if it was said.
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
    /// Counts `bytes` that came in: how many of them are read, and whether that was all.
    pub(super) fn read(&mut self, bytes: usize) -> (usize, bool) {
        match self {
            Self::BytesIn(left) => count(left, bytes),
            _ => (bytes, false),
        }
    }
    /// Counts a packet that came in: whether it was the last.
    pub(super) fn take(&mut self) -> bool {
        match self {
            Self::PacketsIn(left) => count(left, 1).1,
            _ => false,
        }
    }
    /// Counts `bytes` to be sent: how many of them are, and whether that was all.
    pub(super) fn send(&mut self, bytes: usize) -> (usize, bool) {
        match self {
            Self::BytesOut(left) => count(left, bytes),
            _ => (bytes, false),
        }
    }
    /// Counts a packet to be sent: whether it is, and whether that was all.
    pub(super) fn give(&mut self) -> (bool, bool) {
        match self {
            Self::PacketsOut(left) => {
                let (sent, is_last) = count(left, 1);
                (sent == 1, is_last)
            }
            _ => (true, false),
        }
    }
    /// Whether nothing is left from the start.
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

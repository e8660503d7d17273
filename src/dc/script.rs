//! What goes wrong on demand, for tests of clients: calls refused or left unanswered, connections cut.
//!
//! ```
//! use nanogram::api::messages::StartBot;
//! use nanogram::dc::{Act, Cut, Dc};
//! use nanogram::session::RpcError;
//! use nanogram::time::{Instant, UnixTime};
//! use nanogram::tl::Combinator;
//! # let random = || Box::new(<rand::rngs::ChaCha12Rng as rand::SeedableRng>::seed_from_u64(1));
//! let mut dc = Dc::new(Instant::ZERO, UnixTime::from_secs(1_790_000_000), random())?;
//! dc.script(StartBot::ID, Act::Refuse(RpcError::new(420, "FLOOD_WAIT_3")), 2); // the next two
//! dc.script(StartBot::ID, Act::HangUp, 1); // the third is done, but nobody hears of it yet
//! dc.cut(Cut::BytesOut(100)); // the next connection ends in the middle of a packet
//! # Ok::<(), nanogram::entropy::EntropyFailed>(())
//! ```

use crate::session::RpcError;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// The most acts, and the most cuts, that wait for their turn; more are not taken.
pub const MAX_ACTS: usize = 256;

/// What a call comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// It is not executed, and this is the answer.
    Refuse(RpcError),
    /// The same, and then the session is told these updates: `updateServiceNotification` after a 406.
    RefuseAndTell(RpcError, Vec<u8>),
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
        *times -= 1;
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

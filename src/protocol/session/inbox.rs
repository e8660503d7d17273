//! What has come: which ids, so that nothing is taken twice, and which of them await an acknowledgement.
//!
//! Spec: mtproto/security_guidelines#checking-msg_id

use super::sorted;
use crate::base::time::Instant;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

/// Ids remembered. Those above are new; those in it are repeats; those below all of it are too old to judge.
pub const WINDOW: usize = 512;
/// The most ids in one `msgs_ack`.
pub const MAX_ACKS: usize = 8192;
/// So many due acks are sent without waiting for something to travel with.
const ENOUGH_ACKS: usize = 16;
/// So long an ack waits for something to travel with.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// The highest ids seen, at most `size` of them.
#[derive(Debug, Clone)]
pub struct ReplayWindow {
    /// Ascending.
    ids: VecDeque<i64>,
    size: usize,
}

/// What a window says of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is new, and noted now.
    New,
    /// It came before.
    Repeated,
    /// It is lower than all that are remembered: nobody knows.
    TooOld,
}

impl ReplayWindow {
    /// Remembers `size` ids.
    pub const fn new(size: usize) -> Self {
        Self { ids: VecDeque::new(), size }
    }
    /// Notes `id`.
    pub fn note(&mut self, id: i64) -> Seen {
        let seen = self.seen(id);
        if seen == Seen::New {
            if self.is_full() {
                self.ids.pop_front();
            }
            sorted::insert(&mut self.ids, id, |&other| other > id);
        }
        seen
    }
    /// What noting `id` would say.
    pub fn seen(&self, id: i64) -> Seen {
        let at = self.place(id);
        match self.ids.get(at) {
            Some(&other) if other == id => Seen::Repeated,
            Some(_) if at == 0 && self.is_full() => Seen::TooOld,
            _ => Seen::New,
        }
    }
    /// How many of the ids are below `id`.
    fn place(&self, id: i64) -> usize {
        match self.ids.back() {
            Some(&highest) if highest < id => self.ids.len(),
            _ => self.ids.partition_point(|&other| other < id),
        }
    }
    /// The highest id noted.
    pub fn highest(&self) -> Option<i64> {
        self.ids.back().copied()
    }
    /// Whether it has forgotten ids, or is about to.
    pub fn is_full(&self) -> bool {
        self.ids.len() >= self.size
    }
    /// Whether `id` is in it.
    pub fn contains(&self, id: i64) -> bool {
        self.seen(id) == Seen::Repeated
    }
    /// The lowest id noted.
    pub fn lowest(&self) -> Option<i64> {
        self.ids.front().copied()
    }
}

/// The window, and the acks that are due.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) window: ReplayWindow,
    acks: Vec<i64>,
    acks_due: Option<Instant>,
}

impl Inbox {
    pub(super) const fn new() -> Self {
        Self { window: ReplayWindow::new(WINDOW), acks: Vec::new(), acks_due: None }
    }
    /// A content message has come: its sender waits to hear so.
    pub(super) fn owe_ack(&mut self, now: Instant, msg_id: i64) {
        if self.acks.len() >= MAX_ACKS {
            return; // the sender floods; it will ask again for what it misses
        }
        self.acks.push(msg_id);
        let due = if self.acks.len() >= ENOUGH_ACKS { now } else { now + ACK_WAIT };
        self.acks_due = Some(self.acks_due.map_or(due, |earlier| earlier.min(due)));
    }
    /// When acks must be sent though nothing else is.
    pub(super) const fn acks_due(&self) -> Option<Instant> {
        self.acks_due
    }
    /// The acks that are due; none are after.
    pub(super) fn take_acks(&mut self) -> Vec<i64> {
        self.acks_due = None;
        core::mem::take(&mut self.acks)
    }
}

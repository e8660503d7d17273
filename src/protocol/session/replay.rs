//! Replay window: the highest message ids received, so that no message is read twice.
//!
//! Spec: mtproto/security_guidelines#checking-msg_id

use super::sorted;
use alloc::collections::VecDeque;

/// Capacity of the window in ids. An id above it is new, one in it is a repeat, one below it cannot be judged.
pub const WINDOW: usize = 512;

/// Highest message ids received, at most `size` of them.
#[derive(Debug, Clone)]
pub struct ReplayWindow {
    /// Ascending.
    ids: VecDeque<i64>,
    size: usize,
}

/// Verdict of a window on an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Not received before.
    New,
    /// Received before.
    Repeated,
    /// Lower than all ids of a full window: whether it was received is not known.
    TooOld,
}

impl ReplayWindow {
    /// Creates a window of `size` ids.
    pub const fn new(size: usize) -> Self {
        Self { ids: VecDeque::new(), size }
    }
    /// Adds `id` and returns the verdict on it.
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
    /// Returns the verdict on `id` without adding it.
    pub fn seen(&self, id: i64) -> Seen {
        let at = self.place(id);
        match self.ids.get(at) {
            Some(&other) if other == id => Seen::Repeated,
            Some(_) if at == 0 && self.is_full() => Seen::TooOld,
            _ => Seen::New,
        }
    }
    /// Number of ids below `id`.
    fn place(&self, id: i64) -> usize {
        match self.ids.back() {
            Some(&highest) if highest < id => self.ids.len(),
            _ => self.ids.partition_point(|&other| other < id),
        }
    }
    /// Highest id in the window.
    pub fn highest(&self) -> Option<i64> {
        self.ids.back().copied()
    }
    /// Returns true if the next new id displaces the lowest.
    pub fn is_full(&self) -> bool {
        self.ids.len() >= self.size
    }
    /// Returns true if `id` is in the window.
    pub fn contains(&self, id: i64) -> bool {
        self.seen(id) == Seen::Repeated
    }
    /// Lowest id in the window.
    pub fn lowest(&self) -> Option<i64> {
        self.ids.front().copied()
    }
}

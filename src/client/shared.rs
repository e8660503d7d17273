//! What the handle and the driver both know: the state, why it is over, and the clocks.

use super::Error;
use super::notice::Word;
use crate::base::time::{Instant, UnixTime};
use crate::protocol::session::salts::Salts;
use crate::telegram::store::state::{SavedSalt, State};
use crate::wire::mt::service::FutureSalt;
use alloc::vec::Vec;
use core::sync::atomic::AtomicUsize;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// What the handle and the driver both know.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    end: Mutex<Option<Error>>,
    /// Why there is no connection, and since when it is that.
    trouble: Mutex<Option<(tokio::time::Instant, Error)>>,
    /// End of the flood wait before the temporary key can be bound: no call goes out until then.
    paused_until: Mutex<Option<tokio::time::Instant>>,
    /// Bytes of updates that wait for their reader.
    pub(super) unread: AtomicUsize,
    /// What the server told the user last.
    pub(super) word: watch::Sender<Word>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked with the lock in hand left a state behind: each change to it is one assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(state: State) -> Self {
        let (word, _) = watch::channel(Word::default());
        Self {
            state: Mutex::new(state),
            end: Mutex::new(None),
            trouble: Mutex::new(None),
            paused_until: Mutex::new(None),
            unread: AtomicUsize::new(0),
            word,
        }
    }
    /// Looks at the state, or changes it; nothing waits inside.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut lock(&self.state))
    }
    /// It is over for good.
    pub(super) fn end(&self, error: &Error) {
        lock(&self.end).get_or_insert_with(|| error.again());
    }
    /// Notes why there is no connection, or with `None` that there is one again.
    pub(super) fn set_trouble(&self, trouble: Option<&Error>) {
        *lock(&self.trouble) = trouble.map(|error| (tokio::time::Instant::now(), error.again()));
    }
    /// The error of a call that began at `began` and whose time is over: the last failure to connect since then, if
    /// nothing authentic has come after it.
    pub(super) fn late(&self, began: tokio::time::Instant) -> Error {
        let trouble = lock(&self.trouble);
        let of_call = trouble.as_ref().filter(|(at, _)| *at >= began);
        of_call.map_or(Error::Timeout, |(_, error)| error.again())
    }
    /// Notes that no call goes out before `until`, as the options allow.
    pub(super) fn pause_until(&self, until: tokio::time::Instant) {
        *lock(&self.paused_until) = Some(until);
    }
    /// End of a pause that is being made and does not count as the call's own time.
    pub(super) fn paused_until(&self) -> Option<tokio::time::Instant> {
        lock(&self.paused_until).filter(|until| *until > tokio::time::Instant::now())
    }
    /// Why it is over.
    pub(super) fn why_over(&self) -> Error {
        lock(&self.end).as_ref().map_or(Error::Closed, Error::again)
    }
}

/// What was saved of a key's salts: the one in force, if the server did not tell its time, and the others.
pub(super) fn known_salts(saved: &[SavedSalt]) -> (i64, Vec<FutureSalt>) {
    let timeless = saved.iter().find(|s| s.valid_until == i32::MAX).or(saved.first());
    let timed = saved.iter().filter(|s| s.valid_until != i32::MAX);
    let timed = timed.map(|s| FutureSalt { valid_since: s.valid_since, valid_until: s.valid_until, salt: s.salt });
    (timeless.map_or(0, |s| s.salt), timed.collect())
}

/// The same, to be saved.
pub(super) fn saved_salts(salts: &Salts) -> Vec<SavedSalt> {
    let known = salts.known().iter();
    let mut saved: Vec<_> =
        known.map(|s| SavedSalt { salt: s.salt, valid_since: s.valid_since, valid_until: s.valid_until }).collect();
    if saved.iter().all(|s| s.salt != salts.current()) {
        saved.insert(0, salts.current().into());
    }
    saved
}

/// The monotonic clock, and the time of day.
#[derive(Debug)]
pub(super) struct Clock {
    origin: std::time::Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { origin: std::time::Instant::now() }
    }
    pub(super) fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
    pub(super) fn until(&self, at: Instant) -> Duration {
        at.since(self.now())
    }
    pub(super) fn unix() -> UnixTime {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixTime::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

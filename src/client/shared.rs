//! Shared between the handle and the driver: the state, the final error, and the clocks.

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

/// Data shared between the handle and the driver.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    end: Mutex<Option<Error>>,
    /// Reason why there is no connection, and the time of the failure.
    trouble: Mutex<Option<(tokio::time::Instant, Error)>>,
    /// End of the flood wait before the temporary key can be bound: no call is sent until then.
    paused_until: Mutex<Option<tokio::time::Instant>>,
    /// Bytes of buffered updates.
    pub(super) unread: AtomicUsize,
    /// Last text that the server showed the user.
    pub(super) word: watch::Sender<Word>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the lock was held left a consistent state: each change to it is one assignment.
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
    /// Reads or changes the state under its lock; `look` must not block.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut lock(&self.state))
    }
    /// Records the final error; the first one counts.
    pub(super) fn end(&self, error: &Error) {
        lock(&self.end).get_or_insert_with(|| error.again());
    }
    /// Records why there is no connection, or with `None` that there is one again.
    pub(super) fn set_trouble(&self, trouble: Option<&Error>) {
        *lock(&self.trouble) = trouble.map(|error| (tokio::time::Instant::now(), error.again()));
    }
    /// Error of a call that began at `began` and timed out: the last failure to connect since then, unless something
    /// authentic was received after it.
    pub(super) fn late(&self, began: tokio::time::Instant) -> Error {
        let trouble = lock(&self.trouble);
        let of_call = trouble.as_ref().filter(|(at, _)| *at >= began);
        of_call.map_or(Error::Timeout, |(_, error)| error.again())
    }
    /// Records that no call is sent before `until`, a pause that the options permit.
    pub(super) fn pause_until(&self, until: tokio::time::Instant) {
        *lock(&self.paused_until) = Some(until);
    }
    /// End of a pause in progress that does not count towards a call's time-out.
    pub(super) fn paused_until(&self) -> Option<tokio::time::Instant> {
        lock(&self.paused_until).filter(|until| *until > tokio::time::Instant::now())
    }
    /// Reason why the client is closed.
    pub(super) fn why_over(&self) -> Error {
        lock(&self.end).as_ref().map_or(Error::Closed, Error::again)
    }
}

/// Salts from a saved key: the current one, if its period is not known, and those with a period.
pub(super) fn known_salts(saved: &[SavedSalt]) -> (i64, Vec<FutureSalt>) {
    let timeless = saved.iter().find(|s| s.valid_until == i32::MAX).or(saved.first());
    let timed = saved.iter().filter(|s| s.valid_until != i32::MAX);
    let timed = timed.map(|s| FutureSalt { valid_since: s.valid_since, valid_until: s.valid_until, salt: s.salt });
    (timeless.map_or(0, |s| s.salt), timed.collect())
}

/// Salts of a session in saved form.
pub(super) fn saved_salts(salts: &Salts) -> Vec<SavedSalt> {
    let known = salts.known().iter();
    let mut saved: Vec<_> =
        known.map(|s| SavedSalt { salt: s.salt, valid_since: s.valid_since, valid_until: s.valid_until }).collect();
    if saved.iter().all(|s| s.salt != salts.current()) {
        saved.insert(0, salts.current().into());
    }
    saved
}

/// Monotonic clock, and the time of day.
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

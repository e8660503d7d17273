//! Retry policy: which errors of the server are followed by another attempt, when, and how often.
//!
//! Spec: api/errors

use super::Error;
use super::inner::Inner;
use super::notice::Notice;
use crate::protocol::session::RpcError;
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;
use rand::TryRng;
use rand::rngs::SysRng;
use tokio::time::{Instant, sleep, timeout};

/// Most migrations (303) that one call follows.
const MOVES: u32 = 2;
/// Most immediate repeats of one call.
const REPEATS: u32 = 2;
/// Back-off after the first 5xx error; doubles with each failure. The actual pause is drawn at random between half of
/// it and all of it.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// Upper limit of the back-off.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Time to wait for the text that explains a 406 to the user. It comes as an update, with the error or shortly after
/// it. Spec: api/errors#406-not-acceptable
const WORD_WITHIN: Duration = Duration::from_millis(500);

/// Budget and counters of a call in progress.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) left: Duration,
    pub(super) moves: u32,
    pub(super) pauses: u32,
    pub(super) failures: u32,
    pub(super) repeats: u32,
    pub(super) in_doubt: bool,
}

/// Remedy after which a refused call is worth making again.
enum Cure {
    /// Migrate to this data centre; the number is the server's.
    Move { to: i32, with_user: bool },
    /// Back off and retry: an internal error of the server.
    Wait,
    /// Repeat at once: the cause has been removed.
    Again,
    /// No remedy: the error goes to the caller.
    None,
}

impl Cure {
    /// Chooses the remedy for an error. Spec: api/errors
    fn of(error: &RpcError) -> Self {
        match (error.code, error.kind()) {
            (303, (kind @ ("PHONE_MIGRATE" | "NETWORK_MIGRATE" | "USER_MIGRATE"), Some(dc))) => {
                Self::Move { to: i32::try_from(dc).unwrap_or(i32::MAX), with_user: kind == "USER_MIGRATE" }
            }
            (400, ("CONNECTION_NOT_INITED" | "CONNECTION_LAYER_INVALID", _)) => Self::Again,
            (401, ("AUTH_KEY_PERM_EMPTY", _)) => Self::Again,
            // The login begins again with `auth.sendCode`: repeating this one call would fail again.
            (_, ("AUTH_RESTART", _)) => Self::None,
            (303 | 400 | 401 | 403 | 404 | 406 | 420, _) => Self::None,
            // "If a server returns an error with a code other than the ones listed above, it may be considered the same
            // as a 500 error": so are negative codes.
            _ => Self::Wait,
        }
    }
}

/// Back-off that doubles from `first` up to `longest`, drawn at random between half of that and all of it.
pub(super) fn jittered(first: Duration, longest: Duration, attempt: u32) -> Duration {
    let most = longest.min(first.saturating_mul(1 << attempt.saturating_sub(1).min(10)));
    let random = SysRng.try_next_u32().unwrap_or(u32::MAX);
    most / 2 + most.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
}

impl Inner {
    /// Applies the remedy for an error, after which the call is made again. An error without a remedy is returned.
    pub(super) async fn mend(self: &Arc<Self>, run: &mut Run, from: u8, words: u64, error: Error) -> Result<(), Error> {
        match error {
            Error::Flood { seconds, error }
                if Duration::from_secs(seconds.into()) <= self.flood_wait && run.pauses < self.attempts =>
            {
                run.pauses += 1;
                self.watcher.tell(&Notice::FloodWait { seconds, error: &error });
                // The options permit this pause: it does not count towards the call's time-out.
                sleep(Duration::from_secs(seconds.into())).await;
                Ok(())
            }
            Error::Told { error, .. } => Err(Error::Told { text: self.word_after(words).await, error }),
            Error::Rpc(error) => match Cure::of(&error) {
                Cure::Move { to, with_user } if run.moves < MOVES => {
                    run.moves += 1;
                    // USER_MIGRATE implies a signed-in account, even if the state does not name the user, as with some
                    // session strings.
                    let with_user = with_user || self.shared.with(|state| state.user.is_some());
                    let began = Instant::now();
                    let moved = timeout(run.left, self.clone().move_to(from, to, with_user)).await;
                    run.left = run.left.saturating_sub(began.elapsed());
                    moved.map_err(|_| Error::Timeout)?
                }
                Cure::Wait if run.failures.saturating_add(1) < self.attempts => {
                    run.failures += 1;
                    // A 5xx error does not prove that the call was not executed.
                    run.in_doubt = true;
                    // Random, so that many clients do not retry at the same moment when a server recovers.
                    let after = jittered(FIRST_PAUSE, LONGEST_PAUSE, run.failures).min(run.left);
                    // Unlike a flood wait, the back-off counts towards the call's time-out.
                    run.left -= after;
                    self.watcher.tell(&Notice::Retrying { attempt: run.failures, after, why: &error });
                    sleep(after).await;
                    Ok(())
                }
                // The driver has removed the cause: the next call carries `initConnection`, or the temporary key has
                // been dropped.
                Cure::Again if run.repeats < REPEATS => {
                    run.repeats += 1;
                    Ok(())
                }
                _ => Err(Error::Rpc(error)),
            },
            error => Err(error),
        }
    }

    /// Text that the server shows the user, if it arrives within [`WORD_WITHIN`].
    pub(super) async fn word_after(&self, before: u64) -> Option<String> {
        let mut words = self.shared.word.subscribe();
        let word = timeout(WORD_WITHIN, words.wait_for(|word| word.count > before)).await;
        word.ok()?.ok().map(|word| word.text.clone())
    }
}

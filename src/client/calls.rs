//! One API call: retries, flood waits and migrations, until it is answered or fails.

use super::driver::{self, Control, Order};
use super::notice::{Notice, Watcher};
use super::shared::Shared;
use super::{Error, Options};
use crate::protocol::session::RpcError;
use crate::wire::transport::MAX_FRAME;
use alloc::string::String;
use alloc::sync::Arc;
use bytes::Bytes;
use core::pin::pin;
use core::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};

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

/// Most bytes of a call. The 4 KiB below the frame limit leave room for `initConnection`, headers and padding.
pub(super) const MAX_CALL: usize = MAX_FRAME - (4 << 10);

/// Outcome of a call.
pub(super) struct Answer {
    pub(super) result: Result<Bytes, Error>,
    /// True if an earlier copy was sent whose fate is unknown: the server may have executed the call then.
    pub(super) in_doubt: bool,
}

/// Budget and counters of a call in progress.
#[derive(Debug, Default)]
struct Run {
    left: Duration,
    moves: u32,
    pauses: u32,
    failures: u32,
    repeats: u32,
    in_doubt: bool,
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

/// State shared by the client's handle and its calls.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) shared: Arc<Shared>,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) control: mpsc::Sender<Control>,
    /// Serializes migrations.
    pub(super) moving: tokio::sync::Mutex<()>,
    pub(super) watcher: Watcher,
    pub(super) call_within: Duration,
    flood_wait: Duration,
    attempts: u32,
}

impl Inner {
    pub(super) async fn start(mut options: Options, news: mpsc::Sender<Bytes>) -> Result<Self, Error> {
        // A state signed in at other servers must not reach these: fails before the first packet is sent.
        let realm = options.realm();
        options.state.enter(&realm)?;
        if options.init.api_id != 0 {
            options.state.api_id = Some(options.init.api_id);
        }
        let (orders, to_driver) = mpsc::channel(64);
        let (control, to_control) = mpsc::channel(4);
        let (call_within, flood_wait, attempts) = (options.call_within, options.flood_wait, options.attempts);
        let watcher = options.watcher.clone();
        let shared = Arc::new(Shared::new(options.state.clone()));
        driver::start(options, shared.clone(), to_driver, to_control, news).await?;
        let moving = tokio::sync::Mutex::new(());
        Ok(Self { shared, orders, control, moving, watcher, call_within, flood_wait, attempts })
    }

    /// Makes a call; handles flood waits, retries and migrations on the way.
    ///
    /// Spec: api/errors
    pub(super) async fn ask(self: &Arc<Self>, body: Bytes) -> Answer {
        // A bad length is refused here, where it fails one call: on the socket it would end the connection, and with it
        // all calls.
        if body.is_empty() || !body.len().is_multiple_of(4) || body.len() > MAX_CALL {
            return Answer { result: Err(Error::CallLength(body.len())), in_doubt: false };
        }
        let mut run = Run { left: self.call_within, ..Run::default() };
        let since = Instant::now();
        let result = loop {
            let from = self.shared.with(|state| state.home);
            // Counted before sending: the notification of a 406 may arrive ahead of the error.
            let words = self.shared.word.borrow().count;
            let Some(answer) = self.send_within(&mut run.left, body.clone()).await else {
                run.in_doubt = true;
                break Err(self.shared.late(since));
            };
            run.in_doubt |= answer.in_doubt;
            match answer.result {
                Err(error) => match self.mend(&mut run, from, words, error).await {
                    Ok(()) => {}
                    Err(error) => break Err(error),
                },
                result => break result,
            }
        };
        Answer { result, in_doubt: run.in_doubt }
    }

    /// Makes a call once and subtracts its duration from `left`; `None` if `left` runs out. The flood wait before a
    /// temporary key is bound does not count.
    async fn send_within(&self, left: &mut Duration, body: Bytes) -> Option<Answer> {
        let mut answer = pin!(self.send(body));
        loop {
            let began = Instant::now();
            let answered = timeout(*left, &mut answer).await.ok();
            let paused_until = self.shared.paused_until();
            match (answered, paused_until) {
                (None, Some(until)) => sleep_until(until).await,
                (answered, _) => {
                    *left = left.saturating_sub(began.elapsed());
                    return answered;
                }
            }
        }
    }

    /// Applies the remedy for an error, after which the call is made again. An error without a remedy is returned.
    async fn mend(self: &Arc<Self>, run: &mut Run, from: u8, words: u64, error: Error) -> Result<(), Error> {
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
                    let after = driver::jittered(FIRST_PAUSE, LONGEST_PAUSE, run.failures).min(run.left);
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
    async fn word_after(&self, before: u64) -> Option<String> {
        let mut words = self.shared.word.subscribe();
        let word = timeout(WORD_WITHIN, words.wait_for(|word| word.count > before)).await;
        word.ok()?.ok().map(|word| word.text.clone())
    }

    /// Makes a call once.
    pub(super) async fn send(&self, body: Bytes) -> Answer {
        let (reply, answer) = oneshot::channel();
        let lost = || Answer { result: Err(self.shared.why_over()), in_doubt: true };
        match self.orders.send(Order { body, reply }).await {
            Ok(()) => answer.await.unwrap_or_else(|_| lost()),
            Err(_) => lost(),
        }
    }

    /// Like [`send`](Self::send), but ahead of all other calls, which wait during a migration.
    pub(super) async fn send_first(&self, body: Bytes) -> Answer {
        let (reply, answer) = oneshot::channel();
        let lost = || Answer { result: Err(self.shared.why_over()), in_doubt: true };
        match self.control.send(Control::Call(Order { body, reply })).await {
            Ok(()) => answer.await.unwrap_or_else(|_| lost()),
            Err(_) => lost(),
        }
    }
}

//! One call, until it is answered or there is no point in going on.

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

/// How often one call follows a 303.
const MOVES: u32 = 2;
/// How often one call is made again at once.
const REPEATS: u32 = 2;
/// The pause after the server's first failure; it doubles, and is drawn at random between half of that and all of it.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// What the server tells the user comes with a 406, or at once after it. Spec: api/errors#406-not-acceptable
const WORD_WITHIN: Duration = Duration::from_millis(500);

/// The most bytes of a call: a frame holds that, the introduction of the client, headers and padding.
pub(super) const MAX_CALL: usize = MAX_FRAME - (4 << 10);

/// What came of a call.
pub(super) struct Answer {
    pub(super) result: Result<Bytes, Error>,
    /// It was sent before, and what became of that is not known: it may have been executed then.
    pub(super) in_doubt: bool,
}

/// How a call has fared so far.
#[derive(Debug, Default)]
struct Run {
    left: Duration,
    moves: u32,
    pauses: u32,
    failures: u32,
    repeats: u32,
    in_doubt: bool,
}

/// What makes a call that was refused worth making again.
enum Cure {
    /// Another data centre: the number is the server's.
    Move { to: i32, with_user: bool },
    /// Time: the server has trouble of its own.
    Wait,
    /// Nothing more: what was wrong is mended.
    Again,
    /// Nothing.
    None,
}

impl Cure {
    /// Spec: api/errors
    fn of(error: &RpcError) -> Self {
        match (error.code, error.kind()) {
            (303, (kind @ ("PHONE_MIGRATE" | "NETWORK_MIGRATE" | "USER_MIGRATE"), Some(dc))) => {
                Self::Move { to: i32::try_from(dc).unwrap_or(i32::MAX), with_user: kind == "USER_MIGRATE" }
            }
            (400, ("CONNECTION_NOT_INITED" | "CONNECTION_LAYER_INVALID", _)) => Self::Again,
            (401, ("AUTH_KEY_PERM_EMPTY", _)) => Self::Again,
            // Whoever signs in begins again from the start.
            (_, ("AUTH_RESTART", _)) => Self::None,
            (303 | 400 | 401 | 403 | 404 | 406 | 420, _) => Self::None,
            // "If a server returns an error with a code other than the ones listed above, it may be considered the same
            // as a 500 error": so are negative ones.
            _ => Self::Wait,
        }
    }
}

/// What is behind the handle.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) shared: Arc<Shared>,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) control: mpsc::Sender<Control>,
    /// One move at a time.
    pub(super) moving: tokio::sync::Mutex<()>,
    pub(super) watcher: Watcher,
    pub(super) call_within: Duration,
    flood_wait: Duration,
    attempts: u32,
}

impl Inner {
    pub(super) async fn start(mut options: Options, news: mpsc::Sender<Bytes>) -> Result<Self, Error> {
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

    /// Makes a call, and deals with what is not the caller's business.
    ///
    /// Spec: api/errors
    pub(super) async fn ask(self: &Arc<Self>, body: Bytes) -> Answer {
        // Found here, a bad length fails one call; on the socket it would end the connection of all.
        if body.is_empty() || !body.len().is_multiple_of(4) || body.len() > MAX_CALL {
            return Answer { result: Err(Error::CallLength(body.len())), in_doubt: false };
        }
        let mut run = Run { left: self.call_within, ..Run::default() };
        let since = Instant::now();
        let result = loop {
            let from = self.shared.with(|state| state.home);
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

    /// Makes a call once, and takes from `left` the time that it took; `None` when that is over. The flood wait of a
    /// temporary key's binding does not count.
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

    /// Does what an error asks for, after which the call is to be made again; or gives an error to the caller.
    async fn mend(self: &Arc<Self>, run: &mut Run, from: u8, words: u64, error: Error) -> Result<(), Error> {
        match error {
            Error::Flood { seconds, error }
                if Duration::from_secs(seconds.into()) <= self.flood_wait && run.pauses < self.attempts =>
            {
                run.pauses += 1;
                self.watcher.tell(&Notice::FloodWait { seconds, error: &error });
                // The caller allowed this pause: it is no part of the time that the call may take.
                sleep(Duration::from_secs(seconds.into())).await;
                Ok(())
            }
            Error::Told { error, .. } => Err(Error::Told { text: self.word_after(words).await, error }),
            Error::Rpc(error) => match Cure::of(&error) {
                Cure::Move { to, with_user } if run.moves < MOVES => {
                    run.moves += 1;
                    let with_user = with_user || self.shared.with(|state| state.user.is_some());
                    let began = Instant::now();
                    let moved = timeout(run.left, self.clone().move_to(from, to, with_user)).await;
                    run.left = run.left.saturating_sub(began.elapsed());
                    moved.map_err(|_| Error::Timeout)?
                }
                Cure::Wait if run.failures.saturating_add(1) < self.attempts => {
                    run.failures += 1;
                    // It may have been done before something went wrong.
                    run.in_doubt = true;
                    let after = driver::jittered(FIRST_PAUSE, LONGEST_PAUSE, run.failures).min(run.left);
                    run.left -= after;
                    self.watcher.tell(&Notice::Retrying { attempt: run.failures, after, why: &error });
                    sleep(after).await;
                    Ok(())
                }
                // The driver has seen to it: the next call introduces us, or there is a new temporary key.
                Cure::Again if run.repeats < REPEATS => {
                    run.repeats += 1;
                    Ok(())
                }
                _ => Err(Error::Rpc(error)),
            },
            error => Err(error),
        }
    }

    /// What the server tells the user, if it does so in a moment.
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

    /// The same, for the mover alone: before the others, who wait.
    pub(super) async fn send_first(&self, body: Bytes) -> Answer {
        let (reply, answer) = oneshot::channel();
        let lost = || Answer { result: Err(self.shared.why_over()), in_doubt: true };
        match self.control.send(Control::Call(Order { body, reply })).await {
            Ok(()) => answer.await.unwrap_or_else(|_| lost()),
            Err(_) => lost(),
        }
    }
}

//! One API call: retries, flood waits and migrations, until it is answered or fails.

use super::driver;
use super::notice::Watcher;
use super::orders::{Answer, Control, Order};
use super::retry::Run;
use super::shared::Shared;
use super::{Error, Options};
use crate::wire::transport::MAX_FRAME;
use alloc::sync::Arc;
use bytes::Bytes;
use core::pin::pin;
use core::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

/// Most bytes of a call. The 4 KiB below the frame limit leave room for `initConnection`, headers and padding.
pub(super) const MAX_CALL: usize = MAX_FRAME - (4 << 10);

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
    pub(super) flood_wait: Duration,
    pub(super) attempts: u32,
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

    /// Makes a call once.
    pub(super) async fn send(&self, body: Bytes) -> Answer {
        let (reply, answer) = oneshot::channel();
        let lost = || Answer { result: Err(self.shared.why_over()), in_doubt: true };
        match self.orders.send(Order { body, reply }).await {
            Ok(()) => answer.await.unwrap_or_else(|_| lost()),
            Err(_) => lost(),
        }
    }

    /// Asks for proof that the server knows the permanent key.
    pub(super) async fn prove_key(&self) -> Result<bool, Error> {
        let ask = async {
            let (reply, proof) = oneshot::channel();
            self.control.send(Control::Prove(reply)).await.map_err(|_| self.shared.why_over())?;
            proof.await.map_err(|_| self.shared.why_over())
        };
        timeout(self.call_within, ask).await.map_err(|_| Error::Timeout)?
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

//! One call, until it is answered or there is no point in going on.

use super::driver::{self, Control, Order};
use super::notice::Watcher;
use super::shared::Shared;
use super::{Error, Options};
use alloc::sync::Arc;
use bytes::Bytes;
use core::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

/// What came of a call.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) result: Result<Bytes, Error>,
    /// It was sent before, and what became of that is not known: it may have been executed then.
    pub(super) in_doubt: bool,
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
}

impl Inner {
    pub(super) async fn start(mut options: Options, news: mpsc::Sender<Bytes>) -> Result<Self, Error> {
        if options.addr.is_some() || options.keys.is_some() {
            options.state.dcs.drop_built_in();
        }
        if options.init.api_id != 0 {
            options.state.api_id = Some(options.init.api_id);
        }
        let (orders, to_driver) = mpsc::channel(64);
        let (control, to_control) = mpsc::channel(4);
        let (call_within, flood_wait) = (options.call_within, options.flood_wait);
        let watcher = options.watcher.clone();
        let shared = Arc::new(Shared::new(options.state.clone()));
        driver::start(options, shared.clone(), to_driver, to_control, news).await?;
        let moving = tokio::sync::Mutex::new(());
        Ok(Self { shared, orders, control, moving, watcher, call_within, flood_wait })
    }

    /// Makes a call, and deals with what is not the caller's business.
    pub(super) async fn ask(&self, body: Bytes) -> Answer {
        let mut in_doubt = false;
        loop {
            let answer = match timeout(self.call_within, self.send(body.clone())).await {
                Ok(answer) => answer,
                Err(_) => return Answer { result: Err(Error::Timeout), in_doubt: true },
            };
            in_doubt |= answer.in_doubt;
            match answer.result {
                Err(Error::Flood { seconds, .. }) if Duration::from_secs(seconds.into()) <= self.flood_wait => {
                    sleep(Duration::from_secs(seconds.into())).await;
                }
                result => return Answer { result, in_doubt },
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

//! State behind the handle: the channels to the driver.

use super::driver;
use super::notice::Watcher;
use super::orders::{Answer, Control, Order};
use super::shared::Shared;
use super::{Error, Options};
use alloc::sync::Arc;
use bytes::Bytes;
use core::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

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

//! The client for tokio: a handle that many tasks may share, and one task that owns the socket.
//!
//! ```text
//!   your tasks ── Client ── call ──▶ ┌────────┐ ◀─▶ socket
//!                   ▲                │ driver │      reconnects, resends, waits
//!                   └─ reply, update └────────┘
//! ```
//!
//! ```no_run
//! # async fn example() -> Result<(), nanogram::client::Error> {
//! use nanogram::client::{Client, Options};
//! let client = Client::connect(Options::from_session("1ApWapzMBu...")?.api_id(12345)).await?;
//! let updates = client.start_bot("username", "username", -4156887774564, "some_payload").await?;
//! println!("{}", updates.kind.name());
//! # Ok(()) }
//! ```
//!
//! Calls survive the connection: when it is lost, another is made, and the server is asked what it has before anything
//! is sent again. They survive the data centre, too: where the server sends them elsewhere (303), they go.
//!
//! What is worth keeping is in [`Client::state`]: handed to [`Options::from_state`], the next start needs no key
//! exchange, no binding and no names to be resolved.

mod calls;
mod driver;
mod error;
mod login;
mod moves;
mod notice;
mod options;
mod shared;
mod start;

pub use error::{Error, KeyLost, Role};
pub use login::Qr;
pub use notice::{KeyWatcher, Notice, Watcher};
pub use options::Options;

use crate::telegram::dcs::Environment;
use crate::telegram::store::state::{SavedUser, State};
use crate::tl::{Call, Tl};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use calls::Inner;
use core::sync::atomic::Ordering::Relaxed;
use tokio::sync::mpsc;

/// Updates kept for a reader who is slow; more are dropped.
const MAX_UPDATES: usize = 256;
/// The most bytes of them.
const MAX_UPDATE_BYTES: usize = 2 << 20;

/// A connected client. Drop it, and the connection closes.
#[derive(Debug)]
pub struct Client {
    inner: Arc<Inner>,
    updates: tokio::sync::Mutex<mpsc::Receiver<Bytes>>,
}

impl Client {
    /// Connects, and makes a key if the options bring none. With one, nothing is called before the first call.
    ///
    /// # Errors
    /// There is no connection or no key.
    pub async fn connect(options: Options) -> Result<Self, Error> {
        let (news, updates) = mpsc::channel(MAX_UPDATES);
        let inner = Inner::start(options, news).await?;
        Ok(Self { inner: Arc::new(inner), updates: tokio::sync::Mutex::new(updates) })
    }

    /// All that is worth keeping, as it is now: addresses, keys, salts, clock, names.
    pub fn state(&self) -> State {
        self.inner.shared.with(|state| state.clone())
    }

    /// The account's home: the data centre that calls go to.
    pub fn dc_id(&self) -> u8 {
        self.inner.shared.with(|state| state.home)
    }

    /// Whose data centres.
    pub fn environment(&self) -> Environment {
        self.inner.shared.with(|state| state.dcs.environment())
    }

    /// Says who is signed in, after a login or its end. Another user than before: what is known of names is forgotten.
    pub fn set_user(&self, user: Option<SavedUser>) {
        self.inner.shared.with(|state| {
            if state.user.map(|user| user.id) != user.map(|user| user.id) {
                state.names.clear();
            }
            state.user = user;
        });
    }

    /// Goes to another data centre and stays there: its own key, and the account with it if somebody is signed in.
    ///
    /// Calls follow a 303 by themselves; this is for the rest, such as a QR code's. Calls that are unanswered are made
    /// again there.
    ///
    /// # Errors
    /// [`Error::UnknownDc`], or why it could not be gone to: then the client stays where it is.
    pub async fn move_to(&self, dc_id: u8) -> Result<(), Error> {
        let from = self.dc_id();
        let has_user = self.inner.shared.with(|state| state.user.is_some());
        self.inner.clone().move_to(from, dc_id.into(), has_user).await
    }

    /// Asks where the data centres are, and keeps the answer.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn refresh_dcs(&self) -> Result<(), Error> {
        self.inner.refresh_dcs().await
    }

    /// Makes a call, and waits for its answer.
    ///
    /// What is not the caller's business happens on the way: a lost connection is made again, a 303 followed, a pause
    /// that the server asks for made, trouble of the server's own waited out. See [`Options`] for how long.
    ///
    /// # Errors
    /// The server's no, or why there is no answer.
    pub async fn call<C: Call>(&self, call: &C) -> Result<C::Reply, Error> {
        let body = self.call_raw(call.to_boxed()).await?;
        C::Reply::from_bytes(&body).map_err(Error::Decode)
    }

    /// Makes a call whose bytes are at hand, id and all.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_raw(&self, body: Vec<u8>) -> Result<Bytes, Error> {
        self.inner.ask(body.into()).await.result
    }

    /// The next thing that the server says unasked, as it lies; `None` when the connection is over for good.
    pub async fn next_update(&self) -> Option<Bytes> {
        let update = self.updates.lock().await.recv().await?;
        self.inner.shared.unread.fetch_sub(update.len(), Relaxed);
        Some(update)
    }
}

//! Client for tokio: a handle that tasks may share, and one task that owns the socket.
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
//! Calls survive a lost connection: the client reconnects and asks the server which messages arrived before it sends
//! anything again. They also survive a migration: on error 303 the client moves to the named data centre and repeats
//! them there.
//!
//! Persist [`Client::state`] between runs: with it in [`Options::from_state`], the next start needs no key exchange, no
//! binding of a temporary key and no username lookups.

mod calls;
mod driver;
mod error;
mod inner;
mod login;
mod migrate;
mod notice;
mod options;
mod orders;
mod retry;
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
use core::sync::atomic::Ordering::Relaxed;
use inner::Inner;
use tokio::sync::mpsc;

/// Most updates buffered for a slow reader; further ones are dropped.
const MAX_UPDATES: usize = 256;
/// Most bytes of buffered updates.
const MAX_UPDATE_BYTES: usize = 2 << 20;

/// Connected client. Dropping it closes the connection.
#[derive(Debug)]
pub struct Client {
    inner: Arc<Inner>,
    updates: tokio::sync::Mutex<mpsc::Receiver<Bytes>>,
}

impl Client {
    /// Connects, and creates an auth key unless the options hold one. With a saved key it returns as soon as the socket
    /// is open.
    ///
    /// # Errors
    /// The connection or the key exchange failed.
    pub async fn connect(options: Options) -> Result<Self, Error> {
        let (news, updates) = mpsc::channel(MAX_UPDATES);
        let inner = Inner::start(options, news).await?;
        Ok(Self { inner: Arc::new(inner), updates: tokio::sync::Mutex::new(updates) })
    }

    /// Snapshot of everything worth saving: addresses, keys, salts, clock offset, resolved usernames.
    pub fn state(&self) -> State {
        self.inner.shared.with(|state| state.clone())
    }

    /// Number of the home data centre, which receives all calls.
    pub fn dc_id(&self) -> u8 {
        self.inner.shared.with(|state| state.home)
    }

    /// Environment of the data centres: production or test.
    pub fn environment(&self) -> Environment {
        self.inner.shared.with(|state| state.dcs.environment())
    }

    /// Records the signed-in user after a login or logout. A change of user discards the resolved usernames.
    pub fn set_user(&self, user: Option<SavedUser>) {
        self.inner.shared.with(|state| {
            if state.user.map(|user| user.id) != user.map(|user| user.id) {
                state.names.clear();
            }
            state.user = user;
        });
    }

    /// Migrates to another data centre and stays there, with a key for it, and with the account if a user is signed in.
    ///
    /// Calls follow a 303 without this; it serves other cases, such as a QR code. Unanswered calls are repeated there.
    ///
    /// # Errors
    /// [`Error::UnknownDc`], or the reason why the migration failed: the client then stays at its data centre.
    pub async fn move_to(&self, dc_id: u8) -> Result<(), Error> {
        let from = self.dc_id();
        let has_user = self.inner.shared.with(|state| state.user.is_some());
        self.inner.clone().move_to(from, dc_id.into(), has_user).await
    }

    /// Requests the addresses of the data centres (`help.getConfig`) and stores them.
    ///
    /// # Errors
    /// See [`call`](Self::call).
    pub async fn refresh_dcs(&self) -> Result<(), Error> {
        self.inner.refresh_dcs().await
    }

    /// Asks for proof that the server knows the permanent key: a call under that key itself, on a connection of its own.
    ///
    /// The answers to other calls prove it only without forward secrecy. With it they come under a temporary key, which a
    /// server that does not know the permanent one can claim to have bound.
    ///
    /// # Errors
    /// [`Error::Timeout`], or why the client is over.
    pub async fn prove_key(&self) -> Result<bool, Error> {
        self.inner.prove_key().await
    }

    /// Makes a call, and waits for its answer.
    ///
    /// The client reconnects, follows a 303, sleeps through flood waits and retries after internal errors of the
    /// server. The limits are in [`Options`].
    ///
    /// # Errors
    /// Error returned by the server, or the reason why no answer came.
    pub async fn call<C: Call>(&self, call: &C) -> Result<C::Reply, Error> {
        let body = self.call_raw(call.to_boxed()).await?;
        C::Reply::from_bytes(&body).map_err(Error::Decode)
    }

    /// Makes a call from its serialized form, constructor id included.
    ///
    /// # Errors
    /// See [`call`](Self::call).
    pub async fn call_raw(&self, body: Vec<u8>) -> Result<Bytes, Error> {
        self.inner.ask(body.into()).await.result
    }

    /// Waits for the next update and returns it in serialized form; `None` once the connection is closed for good.
    pub async fn next_update(&self) -> Option<Bytes> {
        let update = self.updates.lock().await.recv().await?;
        // Only a limit: the channel itself orders the updates, so the counter needs no stronger ordering.
        self.inner.shared.unread.fetch_sub(update.len(), Relaxed);
        Some(update)
    }
}

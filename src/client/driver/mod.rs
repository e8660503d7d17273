//! The task that owns the socket: it feeds the connection, replaces it when it is lost, and answers every caller.
//!
//! ```text
//!   serve ── lost ──▶ verdict ──▶ over: the key is invalid, by an authentic message of the server
//!     ▲                  │
//!     │                  ▼
//!     └─ connect ◀── pause, longer each time ◀─ no connection
//!                        │ `attempts` in a row failed: the calls that wait get the last error
//!                        ▼
//!                      rest ── after a while, or for the next call ──▶ connect
//! ```
//!
//! Everything received before a key is authenticated, and every transport error, can be forged by anyone on the network
//! path. Such failures end calls, never the client.

mod binding;
mod dial;
mod events;
mod proof;
mod reconnect;
mod serve;
mod verdict;

use crate::base::time::Instant;
use crate::client::orders::{Answer, Control, Moved, Order};
use crate::client::shared::{Clock, Shared, known_salts};
use crate::client::{Error, Options};
use crate::crypto::auth_key::AuthKey;
use crate::crypto::rsa::RsaKey;
use crate::protocol::connection::{Config, Connection, ConnectionError, SavedKey, TemporaryKey, TemporaryKeys};
use crate::protocol::keylog::Entry;
use crate::protocol::session::{CallError, CallId};
use crate::telegram::dcs::dc_number;
use crate::telegram::store::state::State;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use binding::Binding;
use bytes::Bytes;
use core::time::Duration;
use rand::rngs::SysRng;
use std::collections::BTreeMap;
use std::io;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use verdict::Verdict;

/// First back-off before reconnecting; doubles with each failure. See [`jittered`].
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Upper limit of the back-off.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Reason for leaving a socket.
enum Lost {
    /// The handle was dropped.
    Dropped,
    Io(io::Error),
    Protocol(ConnectionError),
    /// The server refuses to bind a temporary key.
    NotBound(CallError),
    /// The key is invalid for good.
    Over(Error),
    /// Migrating: the socket itself is intact.
    Moving(u8, Moved),
}

/// Unanswered call.
struct Waiting {
    order: Order,
    /// True for a call of the migration.
    is_first: bool,
    /// True if it was sent before, to another data centre or under another key.
    in_doubt: bool,
}

struct Driver {
    options: Options,
    shared: Arc<Shared>,
    keys: Vec<RsaKey>,
    clock: Clock,
    /// Data centre of the connection.
    dc: u8,
    /// Data centre that `options.addr` belongs to.
    first_dc: u8,
    connection: Connection,
    orders: mpsc::Receiver<Order>,
    control: mpsc::Receiver<Control>,
    news: mpsc::Sender<Bytes>,
    waiting: BTreeMap<CallId, Waiting>,
    /// Calls that wait for the end of the migration.
    carried: Vec<Waiting>,
    is_settling: bool,
    /// Address of the socket.
    addr: String,
    /// Failed attempts to connect since something authentic was received.
    failures: u32,
    key_lost: u32,
    binding: Binding,
    not_bound: Option<CallError>,
    over: Option<Error>,
    sweep_at: Instant,
}

/// Connects, and continues in a spawned task.
pub(super) async fn start(
    options: Options,
    shared: Arc<Shared>,
    orders: mpsc::Receiver<Order>,
    control: mpsc::Receiver<Control>,
    news: mpsc::Sender<Bytes>,
) -> Result<(), Error> {
    let (clock, keys, dc) = (Clock::new(), options.rsa_keys(), options.state.home);
    let config = config(&options, &keys, &options.state, dc);
    let binding = Binding::new(&options, &options.state, dc);
    let (trouble, since) = (shared.clone(), tokio::time::Instant::now());
    let mut driver = Driver {
        connection: Connection::new(config, clock.now(), Clock::unix(), Box::new(SysRng)),
        options,
        shared,
        keys,
        clock,
        dc,
        first_dc: dc,
        addr: String::new(),
        orders,
        control,
        news,
        waiting: BTreeMap::new(),
        carried: Vec::new(),
        is_settling: false,
        failures: 0,
        key_lost: 0,
        binding,
        not_bound: None,
        over: None,
        sweep_at: Instant::ZERO,
    };
    driver.log_saved_keys();
    // Only the first connection is awaited by the caller; with a saved key, the open socket is enough.
    let socket = driver.connect(dc).await?;
    let has_key = driver.options.state.keys.contains_key(&dc);
    let within = driver.options.call_within;
    if has_key {
        tokio::spawn(driver.run(socket, None));
        return Ok(());
    }
    let (ready, opened) = oneshot::channel();
    tokio::spawn(driver.run(socket, Some(ready)));
    let opened = timeout(within, opened).await.map_err(|_| trouble.late(since))?;
    opened.map_err(|_| Error::Closed)?
}

/// Configuration of a connection to `dc`, with the saved keys and salts.
fn config(options: &Options, keys: &[RsaKey], state: &State, dc: u8) -> Config {
    let key = state.keys.get(&dc);
    let temporary = key.and_then(|key| key.temporary.as_ref()).filter(|_| options.temporary.is_some());
    let time_offset = state.clock_offset.map(|micros| micros.div_euclid(1_000_000));
    let of_permanent = key.map_or((0, Vec::new()), |key| known_salts(&key.salts));
    let of_temporary = temporary.map(|key| known_salts(&key.salts));
    let mut temporary_keys = options.temporary.map(TemporaryKeys::lasting).unwrap_or_default();
    if let Some(key) = temporary {
        let salt = of_temporary.as_ref().map_or(0, |salts| salts.0);
        let key = TemporaryKey { key: key.auth_key.clone(), salt, expires_at: key.expires_at };
        temporary_keys = temporary_keys.with_saved(key);
    }
    Config {
        framing: options.framing,
        dc: dc_number(state.dcs.environment(), dc.into(), false),
        keys: keys.to_vec(),
        saved: key.map(|key| SavedKey { key: key.auth_key.clone(), salt: of_permanent.0, time_offset }),
        temporary: temporary_keys,
        salts: of_temporary.unwrap_or(of_permanent).1,
        ask_salts: true,
        init: Some(options.init.clone()),
    }
}

type Ready = oneshot::Sender<Result<(), Error>>;

impl Driver {
    async fn run(mut self, mut socket: TcpStream, mut ready: Option<Ready>) {
        loop {
            let error = match self.serve(&mut socket, &mut ready).await {
                Lost::Dropped => return,
                Lost::Moving(to, reply) => {
                    if let Some(there) = self.go(to, reply).await {
                        socket = there;
                    }
                    continue;
                }
                lost => match self.verdict(lost).await {
                    Verdict::Over(error) => return self.fail(&error, ready.take()),
                    Verdict::Again(error) => error,
                },
            };
            drop(socket);
            match self.connect_again(error, &mut ready).await {
                Some(there) => socket = there,
                None => return,
            }
        }
    }

    /// Connects to another data centre and starts a new connection there; `None` if it cannot be reached, and then
    /// nothing has changed.
    async fn go(&mut self, to: u8, reply: Moved) -> Option<TcpStream> {
        match self.connect(to).await {
            Ok(socket) => {
                self.dc = to;
                self.is_settling = true;
                self.failures = 0;
                self.begin_anew();
                let _ = reply.send(Ok(()));
                Some(socket)
            }
            Err(error) => {
                let _ = reply.send(Err(error));
                None
            }
        }
    }

    /// Ends the migration: the calls that waited for it are made.
    fn settle(&mut self) {
        self.is_settling = false;
        self.go_on();
    }

    /// Replaces the connection by one with other keys and no memory of the old one. Unanswered calls are made again on
    /// it.
    fn begin_anew(&mut self) {
        let config = self.shared.with(|state| config(&self.options, &self.keys, state, self.dc));
        let before = Connection::new(config, self.clock.now(), Clock::unix(), Box::new(SysRng));
        let before = core::mem::replace(&mut self.connection, before);
        (self.key_lost, self.not_bound) = (0, None);
        // The counters of refusals belong to the old keys.
        self.binding = self.shared.with(|state| Binding::new(&self.options, state, self.dc));
        self.log_saved_keys();
        for (call, mut waiting) in core::mem::take(&mut self.waiting) {
            waiting.in_doubt |= before.is_sent(call);
            self.carried.push(waiting);
        }
        self.go_on();
    }

    /// Makes the calls that were carried over, during a migration only its own.
    fn go_on(&mut self) {
        for waiting in core::mem::take(&mut self.carried) {
            if waiting.is_first || !self.is_settling {
                self.make(waiting);
            } else {
                self.carried.push(waiting);
            }
        }
    }

    fn log_saved_keys(&self) {
        let saved = self.shared.with(|state| state.keys.get(&self.dc).cloned());
        if let Some(key) = saved {
            self.log_key(&key.auth_key, false);
            key.temporary.iter().for_each(|key| self.log_key(&key.auth_key, true));
        }
    }

    /// Reports a key that encrypts messages to the key log. With forward secrecy this is never the permanent key, which
    /// would let a reader of the log act for the account.
    fn log_key(&self, key: &AuthKey, is_temporary: bool) {
        if is_temporary || self.options.temporary.is_none() {
            self.options.keylog.note(&Entry::DcKey { dc: self.dc.into(), key: key.clone(), is_temporary });
        }
    }

    /// Ends every call, queued or sent, with the final error.
    fn fail(mut self, error: &Error, ready: Option<Ready>) {
        self.shared.end(error);
        self.orders.close();
        self.control.close();
        let waiting = core::mem::take(&mut self.waiting).into_values().chain(core::mem::take(&mut self.carried));
        let mut all: Vec<_> = waiting.map(|waiting| waiting.order.reply).collect();
        all.extend(core::iter::from_fn(|| self.orders.try_recv().ok()).map(|order| order.reply));
        while let Ok(control) = self.control.try_recv() {
            match control {
                Control::Call(order) => all.push(order.reply),
                Control::Move { reply, .. } => drop(reply.send(Err(error.again()))),
                Control::Settled | Control::Prove(_) => {}
            }
        }
        if let Some(ready) = ready {
            let _ = ready.send(Err(error.again()));
        }
        for reply in all {
            let _ = reply.send(Answer { result: Err(error.again()), in_doubt: true });
        }
    }
}

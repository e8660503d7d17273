//! The task that owns the socket: it feeds the connection, makes a new one when the old one is lost, and gives every
//! caller his answer.

use super::{Clock, Command, Error, KeyLost, Options};
use crate::connection::{Connection, ConnectionError, Event, SavedKey, TemporaryKey};
use crate::handshake::{HandshakeError, Unproven};
use crate::session::{CallError, CallId};
use crate::time::Instant;
use crate::transport::TransportFault;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use bytes::{Buf, Bytes, BytesMut};
use core::time::Duration;
use rand::TryRng;
use rand::rngs::SysRng;
use std::collections::BTreeMap;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};

/// Bytes read from the socket at once.
const READ: usize = 16 << 10;
/// The first wait before connecting again; it doubles, and is drawn at random up to what it is.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// A key that the server does not know on so many connections in a row is given up, and kept.
const KEY_LOST: u32 = 3;

/// A permanent key younger than this may not be known everywhere.
const YOUNG: Duration = Duration::from_secs(60);
/// A server that does not bind a temporary key is asked so often.
const BIND_TRIES: u32 = 6;
/// How often callers who have stopped waiting are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked what is due while the socket takes nothing.
const BLOCKED: Duration = Duration::from_millis(100);

/// Why a socket was left.
enum Lost {
    /// The handle is gone: nobody wants anything.
    Dropped,
    Io(io::Error),
    Protocol(ConnectionError),
    /// The server does not bind a temporary key.
    NotBound(CallError),
}

struct Driver {
    options: Options,
    clock: Clock,
    connection: Connection,
    orders: mpsc::Receiver<Command>,
    news: mpsc::Sender<Bytes>,
    key: watch::Sender<Option<SavedKey>>,
    waiting: BTreeMap<CallId, oneshot::Sender<Result<Bytes, Error>>>,
    failures: u32,
    key_lost: u32,
    bind_failures: u32,
    not_bound: Option<CallError>,
    temporary: watch::Sender<Option<TemporaryKey>>,
    sweep_at: Instant,
}

/// The keys in use, as they change.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) permanent: watch::Receiver<Option<SavedKey>>,
    pub(super) temporary: watch::Receiver<Option<TemporaryKey>>,
}

/// Connects, and goes on in a task of its own.
pub(super) async fn start(
    options: Options,
    orders: mpsc::Receiver<Command>,
    news: mpsc::Sender<Bytes>,
) -> Result<Keys, Error> {
    let clock = Clock::new();
    let connection = Connection::new(options.config(), clock.now(), Clock::unix(), Box::new(SysRng));
    let (key, permanent) = watch::channel(options.saved.clone());
    let (temporary, bound) = watch::channel(options.saved_temporary.clone());
    let mut driver = Driver {
        options,
        clock,
        connection,
        orders,
        news,
        key,
        waiting: BTreeMap::new(),
        failures: 0,
        key_lost: 0,
        bind_failures: 0,
        not_bound: None,
        temporary,
        sweep_at: Instant::ZERO,
    };
    // The first connection is the caller's to wait for; a saved key needs nothing more than the socket.
    let socket = driver.connect().await?;
    let has_key = driver.options.saved.is_some();
    let (ready, opened) = oneshot::channel();
    tokio::spawn(async move { driver.run(socket, ready).await });
    if !has_key {
        opened.await.map_err(|_| Error::Closed)??;
    }
    Ok(Keys { permanent, temporary: bound })
}

async fn connect_once(addr: &str, within: Duration) -> io::Result<TcpStream> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, "no connection in time");
    let socket = timeout(within, TcpStream::connect(addr)).await.map_err(|_| late())??;
    socket.set_nodelay(true)?;
    Ok(socket)
}

type Ready = oneshot::Sender<Result<(), Error>>;

impl Driver {
    /// One socket, after as many attempts as the options allow.
    async fn connect(&mut self) -> Result<TcpStream, Error> {
        let addr = self.options.address()?;
        loop {
            match connect_once(&addr, self.options.connect_within).await {
                Ok(socket) => return Ok(socket),
                Err(error) => {
                    self.failures += 1;
                    if self.failures >= self.options.attempts {
                        return Err(Error::Network { addr, error });
                    }
                    sleep(self.pause()).await;
                }
            }
        }
    }

    /// How long to wait before the next attempt: random, so that many clients do not come back at once.
    fn pause(&self) -> Duration {
        let most = LONGEST_WAIT.min(FIRST_WAIT.saturating_mul(1 << self.failures.min(10)));
        let random = SysRng.try_next_u32().unwrap_or(u32::MAX);
        most / 2 + most.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
    }

    async fn run(mut self, mut socket: TcpStream, ready: Ready) {
        let mut ready = Some(ready);
        loop {
            let lost = match self.serve(&mut socket, &mut ready).await {
                Lost::Dropped => return,
                lost => lost,
            };
            drop(socket);
            if let Some(error) = self.verdict(lost) {
                return self.fail(error, ready.take());
            }
            sleep(self.pause()).await;
            socket = match self.connect().await {
                Ok(socket) => socket,
                Err(error) => return self.fail(error, ready.take()),
            };
            self.connection.reconnect(self.clock.now());
        }
    }

    /// Whether a lost connection is the end: an error for everybody, or nothing and another is tried.
    fn verdict(&mut self, lost: Lost) -> Option<Error> {
        self.failures += 1;
        let is_last = self.failures >= self.options.attempts;
        match lost {
            Lost::Protocol(ConnectionError::Fault(TransportFault::AuthKeyNotFound))
                if self.connection.session().is_some() =>
            {
                self.key_lost += 1;
                // It may be the temporary key alone that is not known; another is made. The permanent one stays.
                self.connection.drop_temporary();
                (self.key_lost >= KEY_LOST).then_some(Error::KeyLost(KeyLost { times: self.key_lost }))
            }
            Lost::NotBound(error) => {
                self.connection.drop_temporary();
                self.bind_failures += 1;
                // A permanent key of the last minute may not have reached the whole data centre yet. Spec: api/pfs
                let is_new = self.clock.now() < Instant::ZERO + YOUNG && self.options.saved.is_none();
                (self.bind_failures >= BIND_TRIES || !is_new && self.bind_failures > 1).then(|| Error::from(error))
            }
            // Another key than those we were given: trying again changes nothing.
            Lost::Protocol(error @ ConnectionError::Handshake(HandshakeError::Peer(Unproven::Fingerprint))) => {
                Some(Error::Connection(error))
            }
            Lost::Protocol(error) => is_last.then_some(Error::Connection(error)),
            Lost::Io(error) => is_last.then(|| {
                let addr = self.options.address().unwrap_or_else(|_| String::new());
                Error::Network { addr, error }
            }),
            Lost::Dropped => Some(Error::Closed),
        }
    }

    /// Tells everybody that there will be no answer.
    fn fail(mut self, error: Error, ready: Option<Ready>) {
        self.orders.close();
        let mut all: Vec<_> = core::mem::take(&mut self.waiting).into_values().collect();
        while let Ok(command) = self.orders.try_recv() {
            all.push(command.reply);
        }
        if let Some(ready) = ready {
            let _ = ready.send(Err(error.again()));
        }
        for reply in all {
            let _ = reply.send(Err(error.again()));
        }
    }

    /// Serves one socket until it is lost.
    async fn serve(&mut self, socket: &mut TcpStream, ready: &mut Option<Ready>) -> Lost {
        let mut input = vec![0; READ];
        let mut output = BytesMut::new();
        loop {
            if let Err(error) = self.turn(&mut output, ready) {
                return Lost::Protocol(error);
            }
            if let Some(error) = self.not_bound.take() {
                return Lost::NotBound(error);
            }
            let (mut read, mut write) = socket.split();
            let due = self.connection.poll_timeout().map(|at| self.clock.until(at));
            // What is due may have to be sent, and a socket that takes nothing would have us look again and again.
            let due = due.map(|due| if output.is_empty() { due } else { due.max(BLOCKED) });
            tokio::select! {
                result = read.read(&mut input) => match result {
                    Ok(0) => return Lost::Io(io::ErrorKind::UnexpectedEof.into()),
                    Ok(n) => {
                        let now = self.clock.now();
                        let bytes = input.get(..n).unwrap_or_default();
                        if let Err(error) = self.connection.handle_input(now, bytes) {
                            self.deliver(ready);
                            return Lost::Protocol(error);
                        }
                    }
                    Err(error) => return Lost::Io(error),
                },
                result = write.write(&output), if !output.is_empty() => match result {
                    Ok(n) => output.advance(n),
                    Err(error) => return Lost::Io(error),
                },
                // Orders wait while the socket takes nothing: the channel is what bounds them.
                command = self.orders.recv(), if output.is_empty() => match command {
                    Some(command) => self.take(command),
                    None => return Lost::Dropped,
                },
                () = sleep(due.unwrap_or_default()), if due.is_some() => {
                    let now = self.clock.now();
                    if let Err(error) = self.connection.handle_timeout(now) {
                        return Lost::Protocol(error);
                    }
                }
            }
        }
    }

    fn take(&mut self, command: Command) {
        // A caller who gave up before his call was taken gets none.
        if !command.reply.is_closed() {
            let call = self.connection.call_raw(command.body);
            self.waiting.insert(call, command.reply);
        }
        // Those that wait already go out in the same packet.
        while let Ok(command) = self.orders.try_recv() {
            let call = self.connection.call_raw(command.body);
            self.waiting.insert(call, command.reply);
        }
    }

    /// Whatever the connection has: bytes to send, events to hand out.
    fn turn(&mut self, output: &mut BytesMut, ready: &mut Option<Ready>) -> Result<(), ConnectionError> {
        self.forget_abandoned();
        if output.is_empty() {
            while self.connection.poll_transmit(self.clock.now(), output)? {}
        }
        self.deliver(ready);
        Ok(())
    }

    /// Callers who have stopped waiting (a time-out of their own) are forgotten, and so are their calls.
    fn forget_abandoned(&mut self) {
        let now = self.clock.now();
        if now < self.sweep_at {
            return;
        }
        self.sweep_at = now + SWEEP_EVERY;
        let connection = &mut self.connection;
        self.waiting.retain(|call, reply| {
            let is_wanted = !reply.is_closed();
            if !is_wanted {
                connection.forget(*call);
            }
            is_wanted
        });
    }

    fn deliver(&mut self, ready: &mut Option<Ready>) {
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::Authorized(saved) => {
                    self.failures = 0;
                    self.key.send_replace(Some(saved));
                    if let Some(ready) = ready.take() {
                        let _ = ready.send(Ok(()));
                    }
                }
                Event::Reply { call, result } => {
                    // Only what is authentic shows that the connection is good.
                    (self.failures, self.key_lost) = (0, 0);
                    if let Some(reply) = self.waiting.remove(&call) {
                        let _ = reply.send(self.judge(result));
                    }
                }
                Event::Update(body) => drop(self.news.try_send(body)),
                Event::Bound(key) => {
                    self.bind_failures = 0;
                    self.temporary.send_replace(Some(key));
                }
                Event::NotBound(error) => self.not_bound = Some(error),
                Event::NewSession | Event::QuickAck(_) => {}
            }
        }
        if let Some(saved) = self.connection.saved(self.clock.now(), Clock::unix()) {
            self.key.send_if_modified(|key| {
                let is_new = key.as_ref().is_none_or(|k| k.salt != saved.salt || k.time_offset != saved.time_offset);
                if is_new {
                    *key = Some(saved);
                }
                is_new
            });
        }
    }

    fn judge(&mut self, result: Result<Bytes, CallError>) -> Result<Bytes, Error> {
        if let Err(CallError::Refused(error)) = &result
            && (error.is("CONNECTION_NOT_INITED") || error.is("CONNECTION_LAYER_INVALID"))
        {
            self.connection.introduce_again();
        }
        result.map_err(Error::from)
    }
}

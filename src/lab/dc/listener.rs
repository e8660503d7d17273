//! The data centre on a TCP port.
//!
//! ```text
//! socket ── reader task ──┐                       ┌──▶ writer task ── socket
//! socket ── reader task ──┴─▶ Listener::next ─────┴──▶ writer task ── socket
//!                             one Dc, one at a time
//! ```
//!
//! A world with several data centres has a port for each: see [`Listener::add`].
//!
//! Everything happens inside [`Listener::next`]: as long as somebody awaits it, the data centre answers.

#[cfg(feature = "tools")]
mod tape;

#[cfg(feature = "tools")]
pub use tape::MAX_RECORDED;

use super::Dc;
#[cfg(feature = "tools")]
use super::log::Entry;
use super::log::{Line, Refusal};
use super::types::{ConnId, Home};
#[cfg(feature = "tools")]
use crate::base::side::Side;
use crate::base::time::{Instant, UnixTime};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
#[cfg(feature = "tools")]
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// The most connections at once. One more takes the place of the oldest on which no packet has come; if there is none
/// such, it is refused with a closed socket.
pub const MAX_CONNECTIONS: usize = 256;
/// A connection on which no whole packet comes for this long from its beginning is closed.
pub const FIRST_WITHIN: Duration = Duration::from_secs(30);
/// Idle time after the last packet. Clients ping about every minute.
pub const NEXT_WITHIN: Duration = Duration::from_secs(600);
/// Chunks on their way in from all sockets together, and out to each.
const CHUNKS: usize = 64;
/// Bytes read from a socket at once.
const READ: usize = 16 << 10;

/// The most bytes that wait for a client to take them; one that has more to take is let go.
const MAX_UNSENT: usize = 4 << 20;
/// A client that takes nothing for this long is let go.
const WRITE_WITHIN: Duration = Duration::from_secs(20);

/// A client, and the data centre it came to.
type Guest = (TcpStream, i32);
/// Order for a writer: bytes, and the number to send at a time.
type Piece = (Bytes, usize);
/// Message of a reader: bytes, or the end of the stream.
type News = (ConnId, Option<Bytes>);

/// Socket of a connection: its writer, the number of unsent bytes, and its reader.
#[derive(Debug)]
struct Socket {
    writer: mpsc::Sender<Piece>,
    unsent: Arc<AtomicUsize>,
    reader: AbortHandle,
    opened_at: Instant,
}

impl Socket {
    /// Hands over what is to be written; false if the client takes too little.
    fn write(&self, piece: Piece) -> bool {
        let len = piece.0.len();
        let unsent = self.unsent.fetch_add(len, Relaxed);
        (unsent == 0 || unsent.saturating_add(len) <= MAX_UNSENT) && self.writer.try_send(piece).is_ok()
    }
}

/// A data centre that listens.
#[derive(Debug)]
pub struct Listener {
    /// The data centre.
    pub dc: Dc,
    socket: TcpListener,
    clock: std::time::Instant,
    news: (mpsc::Sender<News>, mpsc::Receiver<News>),
    /// Clients of the other data centres.
    others: (mpsc::Sender<Guest>, mpsc::Receiver<Guest>),
    sockets: BTreeMap<ConnId, Socket>,
    first_within: Duration,
    next_within: Duration,
    tasks: JoinSet<()>,
    #[cfg(feature = "tools")]
    tape: Option<tape::Tape>,
}

impl Listener {
    /// Opens a port at `addr` for what `make` makes of the clock; port 0 takes any that is free.
    ///
    /// The address found goes into the data centre's own [`Home`], for `help.getConfig`.
    ///
    /// # Errors
    /// The port cannot be had, or `make` failed.
    pub async fn bind<E>(addr: &str, make: impl FnOnce(Instant, UnixTime) -> Result<Dc, E>) -> io::Result<Self>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let socket = TcpListener::bind(addr).await?;
        let mut dc = make(Instant::ZERO, unix()).map_err(io::Error::other)?;
        let local = socket.local_addr()?;
        dc.world.home.ip_address = local.ip().to_string();
        dc.world.home.port = local.port();
        Ok(Self {
            dc,
            socket,
            clock: std::time::Instant::now(),
            news: mpsc::channel(CHUNKS),
            others: mpsc::channel(CHUNKS),
            sockets: BTreeMap::new(),
            first_within: FIRST_WITHIN,
            next_within: NEXT_WITHIN,
            tasks: JoinSet::new(),
            #[cfg(feature = "tools")]
            tape: None,
        })
    }

    /// Opens a port at `addr` for another data centre of the same world, which `help.getConfig` then names, too.
    ///
    /// # Errors
    /// The port cannot be had.
    pub async fn add(&mut self, addr: &str, dc_id: i32) -> io::Result<SocketAddr> {
        let socket = TcpListener::bind(addr).await?;
        let local = socket.local_addr()?;
        let (ip_address, test_mode) = (local.ip().to_string(), self.dc.world.home.test_mode);
        self.dc.world.others.push(Home { dc_id, ip_address, port: local.port(), test_mode });
        let guests = self.others.0.clone();
        self.tasks.spawn(async move {
            loop {
                let Ok((guest, _)) = socket.accept().await else {
                    sleep(Duration::from_millis(10)).await;
                    continue;
                };
                if guests.send((guest, dc_id)).await.is_err() {
                    return;
                }
            }
        });
        Ok(local)
    }

    /// Sets how long a connection may be silent before its first packet and after its last, in place of
    /// [`FIRST_WITHIN`] and [`NEXT_WITHIN`].
    pub const fn set_idle_timeouts(&mut self, first_within: Duration, next_within: Duration) {
        (self.first_within, self.next_within) = (first_within, next_within);
    }

    /// Address of the world's first data centre.
    ///
    /// # Errors
    /// The system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until something has happened. To drop the future loses nothing.
    ///
    /// # Errors
    /// No more connections can be accepted.
    pub async fn next(&mut self) -> io::Result<Line> {
        loop {
            self.turn();
            if let Some(line) = self.dc.poll_log() {
                #[cfg(feature = "tools")]
                if let Entry::Key { id, .. } = line.entry {
                    self.note_key(id);
                }
                return Ok(line);
            }
            let due = self.dc.poll_timeout().into_iter().chain(self.silent_at()).min();
            let wait = due.map(|at| at.since(self.now()));
            tokio::select! {
                accepted = self.socket.accept() => match accepted {
                    Ok((socket, _)) => self.take(socket, self.dc.world.home.dc_id),
                    // The client has gone already, or there are too many files open: neither is the end.
                    Err(_) => sleep(Duration::from_millis(10)).await,
                },
                Some((socket, dc_id)) = self.others.1.recv() => self.take(socket, dc_id),
                Some((id, bytes)) = self.news.1.recv() => {
                    let now = self.now();
                    match bytes {
                        Some(bytes) => {
                            #[cfg(feature = "tools")]
                            if let Some(tape) = &mut self.tape {
                                tape.heard(id, now, Side::Client, bytes.clone());
                            }
                            self.dc.handle_input(id, now, &bytes);
                        }
                        None => self.forget(id),
                    }
                }
                () = sleep(wait.unwrap_or_default()), if wait.is_some() => {
                    let now = self.now();
                    self.dc.handle_timeout(now);
                    self.dismiss_silent(now);
                }
                Some(_) = self.tasks.join_next(), if !self.tasks.is_empty() => {}
            }
        }
    }

    /// Serves for ever, and tells nobody.
    ///
    /// # Errors
    /// No more connections can be accepted.
    pub async fn run(mut self) -> io::Result<()> {
        loop {
            self.next().await?;
        }
    }

    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.clock.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn take(&mut self, socket: TcpStream, dc_id: i32) {
        let now = self.now();
        let is_full = self.sockets.len() >= MAX_CONNECTIONS;
        let mut silent = self.sockets.keys().copied().filter(|id| self.dc.heard_at(*id).is_none());
        // Ids grow: the first is the oldest.
        let (oldest, is_full) = match is_full.then(|| silent.next()) {
            None => (None, false),
            Some(oldest) => (oldest, oldest.is_none()),
        };
        if let Some(oldest) = oldest {
            self.dc.dismiss(oldest, now, Refusal::Silent);
            self.forget(oldest);
        }
        let _ = socket.set_nodelay(true);
        let id = self.dc.accept_at(now, dc_id);
        if is_full {
            self.dc.dismiss(id, now, Refusal::Full);
            self.forget(id);
            return;
        }
        if let Ok(local) = socket.local_addr() {
            self.dc.set_reached_at(id, local.ip());
        }
        #[cfg(feature = "tools")]
        if let Some(tape) = &mut self.tape {
            let peer = socket.peer_addr().map_or("somebody".into(), |addr| addr.to_string());
            tape.opened(id, format!("{peer} with data centre {dc_id}"));
        }
        let (from, to) = socket.into_split();
        let (writer, chunks) = mpsc::channel(CHUNKS);
        let reader = self.tasks.spawn(read(id, from, self.news.0.clone()));
        let unsent = Arc::<AtomicUsize>::default();
        self.tasks.spawn(write(to, chunks, unsent.clone()));
        self.sockets.insert(id, Socket { writer, unsent, reader, opened_at: now });
    }

    /// When the first connection is closed for its silence.
    fn silent_at(&self) -> Option<Instant> {
        self.sockets.iter().map(|(id, socket)| self.silent_after(*id, socket)).min()
    }

    fn silent_after(&self, id: ConnId, socket: &Socket) -> Instant {
        self.dc.heard_at(id).map_or(socket.opened_at + self.first_within, |heard_at| heard_at + self.next_within)
    }

    /// Closes the connections that are silent for too long.
    fn dismiss_silent(&mut self, now: Instant) {
        let is_late = |(id, socket): &(&ConnId, &Socket)| self.silent_after(**id, socket) <= now;
        let late: Vec<_> = self.sockets.iter().filter(is_late).map(|(id, _)| *id).collect();
        for id in late {
            self.dc.dismiss(id, now, Refusal::Silent);
            self.forget(id);
        }
    }

    /// Hands out what the data centre has for every connection, and ends those that are over.
    fn turn(&mut self) {
        let now = self.now();
        for id in self.dc.connections().collect::<Vec<_>>() {
            let mut out = BytesMut::new();
            while self.dc.poll_transmit(id, now, &mut out) {}
            let socket = self.sockets.get(&id);
            let piece = (out.freeze(), self.dc.grain(id));
            #[cfg(feature = "tools")]
            if let Some(tape) = &mut self.tape {
                tape.heard(id, now, Side::Server, piece.0.clone());
            }
            // A client that does not read what it asked for is let go.
            let is_stuck = !piece.0.is_empty() && !socket.is_some_and(|socket| socket.write(piece));
            if is_stuck || self.dc.is_closed(id) {
                self.forget(id);
            }
        }
    }

    fn forget(&mut self, id: ConnId) {
        // Its writer sends what it still has, and then ends for want of more.
        if let Some(socket) = self.sockets.remove(&id) {
            socket.reader.abort();
        }
        #[cfg(feature = "tools")]
        if let Some(tape) = &mut self.tape {
            tape.closed(id);
        }
        let now = self.now();
        self.dc.handle_closed(id, now);
    }
}

async fn read(id: ConnId, mut from: OwnedReadHalf, news: mpsc::Sender<News>) {
    let mut buffer = vec![0; READ];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        let bytes = Bytes::copy_from_slice(buffer.get(..n).unwrap_or_default());
        if news.send((id, Some(bytes))).await.is_err() {
            return;
        }
    }
    let _ = news.send((id, None)).await;
}

/// Writes until the sender is dropped, then ends the connection.
async fn write(mut to: OwnedWriteHalf, mut chunks: mpsc::Receiver<Piece>, unsent: Arc<AtomicUsize>) {
    while let Some((chunk, grain)) = chunks.recv().await {
        for piece in chunk.chunks(grain.max(1)) {
            if !matches!(timeout(WRITE_WITHIN, to.write_all(piece)).await, Ok(Ok(()))) {
                return;
            }
            tokio::task::yield_now().await;
        }
        unsent.fetch_sub(chunk.len(), Relaxed);
    }
    let _ = to.shutdown().await;
}

/// The time of day.
fn unix() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;

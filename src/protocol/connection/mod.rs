//! Connection of a client without I/O: bytes in, bytes out, events.
//!
//! ```text
//!   socket bytes ──▶ handle_input ──▶ Framer ──▶ Handshake … Session ──▶ poll_event ──▶ Authorized · Reply · Update
//!   socket bytes ◀── poll_transmit ◀─ Framer ◀──────────┘   ▲
//!                                                          call
//! ```
//!
//! One contract: after any `handle_*` or `call`, take bytes with [`Connection::poll_transmit`] until it says `false`,
//! then events with [`Connection::poll_event`] until there are none, then ask [`Connection::poll_timeout`] when to call
//! [`Connection::handle_timeout`]. An error means that the socket must be closed; [`Connection::reconnect`] begins
//! again
//! on a new one, and no call is lost.
//!
//! Events that nobody has polled take at most [`MAX_WAITING`] bytes and one packet's worth: beyond that, input waits
//! unopened, [`Connection::wants_input`] says `false`, and once the events are polled [`Connection::poll_timeout`] is
//! due
//! at once. A driver that keeps the contract and asks `wants_input` before it reads its socket never holds more.
//!
//! ```
//! # use nanogram::{protocol::connection::*, telegram::dcs, base::time::*, wire::transport::Framing, tl::Combinator};
//! # use nanogram::wire::mt::service::Ping;
//! # use rand::SeedableRng;
//! # let entropy = Box::new(rand::rngs::ChaCha12Rng::seed_from_u64(1));
//! let config = Config::new(2, dcs::keys(dcs::Environment::Production).to_vec());
//! let mut conn = Connection::new(config, Instant::ZERO, UnixTime::from_secs(1_700_000_000), entropy);
//! let pong = conn.call(&Ping { ping_id: 1 });
//! let mut out = bytes::BytesMut::new();
//! while conn.poll_transmit(Instant::ZERO, &mut out).unwrap() {}
//! assert_eq!(out[0], 0xef); // abridged, and then req_pq_multi: the key comes first
//! ```

mod config;
mod events;
mod keys;
#[cfg(feature = "pfs")]
mod pfs;
#[cfg(not(feature = "pfs"))]
#[path = "no_pfs.rs"]
mod pfs;

pub use config::{Config, Init, SavedKey, TemporaryKey};
pub use events::{ConnectionError, Event, Pending};
pub use pfs::TemporaryKeys;

use crate::base::entropy::Entropy;
use crate::base::time::{Instant, ServerClock, UnixTime};
use crate::protocol::handshake::HandshakeError;
use crate::protocol::handshake::client::{ClientHandshake, Step};
use crate::protocol::session::{CallId, Incoming, Session};
use crate::tl::Call;
use crate::wire::transport::{Frame, Framer};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use core::fmt;
use core::marker::PhantomData;
use pfs::Pfs;

/// Bytes of events not polled yet; beyond them no further packet is opened. As many bytes of input may wait meanwhile.
pub const MAX_WAITING: usize = 1 << 20;

enum Stage {
    /// Nothing is sent yet.
    Start,
    Handshake {
        machine: Box<ClientHandshake>,
        waiting: Option<Bytes>,
    },
    Open(Box<Session>),
}

/// A client's connection to one data centre: framing, key exchange, session.
pub struct Connection {
    config: Config,
    framer: Framer,
    stage: Stage,
    clock: ServerClock,
    random: Box<dyn Entropy + Send>,
    /// Calls made before there is a session.
    early: Vec<Option<Bytes>>,
    events: VecDeque<Event>,
    /// Bytes that the events hold: their bodies, and the packets that these are parts of.
    held: usize,
    /// The events are too many: input waits.
    is_paused: bool,
    /// The server knows who we are: a call that told it so was answered.
    is_known: bool,
    /// Calls that tell it so.
    introductions: Vec<CallId>,
    pfs: Pfs,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Start => "start",
            Stage::Handshake { .. } => "handshake",
            Stage::Open(_) => "open",
        };
        f.debug_struct("Connection").field("dc", &self.config.dc).field("stage", &stage).finish_non_exhaustive()
    }
}

impl Connection {
    /// A connection about to begin; `unix` is the local clock's guess of the time of day at `now`.
    pub fn new(config: Config, now: Instant, unix: UnixTime, random: Box<dyn Entropy + Send>) -> Self {
        let mut clock = ServerClock::guess(now, unix);
        if let Some(offset) = config.saved.as_ref().and_then(|saved| saved.time_offset) {
            clock = ServerClock::guess(
                now,
                UnixTime::from_micros(unix.as_micros().saturating_add(offset.saturating_mul(1_000_000))),
            );
        }
        Self {
            framer: Framer::new(config.framing, crate::base::side::Side::Client),
            config,
            stage: Stage::Start,
            clock,
            random,
            early: Vec::new(),
            events: VecDeque::new(),
            held: 0,
            is_paused: false,
            is_known: false,
            introductions: Vec::new(),
            pfs: Pfs::default(),
        }
    }

    /// Makes a call; its answer comes as [`Event::Reply`].
    pub fn call<C: Call>(&mut self, call: &C) -> Pending<C> {
        Pending { id: self.call_raw(call.to_boxed()), call: PhantomData }
    }

    /// Makes a call whose bytes are at hand, id and all.
    pub fn call_raw(&mut self, body: Vec<u8>) -> CallId {
        let body = match &self.config.init {
            Some(init) if !self.is_known => init.wrap(body),
            _ => body,
        };
        let id = match self.caller() {
            Some(session) => session.call(body.into()),
            None => {
                self.early.push(Some(body.into()));
                CallId(self.early.len() as u64 - 1)
            }
        };
        if !self.is_known {
            self.introductions.push(id);
        }
        id
    }

    /// Nobody waits for the answer any more.
    pub fn forget(&mut self, call: CallId) {
        match self.caller() {
            Some(session) => session.forget(call),
            None => {
                let at = usize::try_from(call.0).ok().and_then(|at| self.early.get_mut(at));
                drop(at.and_then(Option::take));
            }
        }
    }

    /// The session that calls belong to, once there is one: that of the key before, while there is no other.
    fn caller(&mut self) -> Option<&mut Session> {
        match &mut self.stage {
            Stage::Open(session) => Some(session),
            _ => self.pfs.before_mut(),
        }
    }

    /// Returns true if `call` was sent and may have been executed.
    pub fn is_sent(&self, call: CallId) -> bool {
        let session = match &self.stage {
            Stage::Open(session) => Some(&**session),
            _ => self.pfs.before(),
        };
        session.is_some_and(|session| session.is_sent(call))
    }

    /// Returns true if `call`, answered just now, may have been executed by an earlier sending: see
    /// [`Session::was_in_doubt`].
    pub fn was_in_doubt(&self, call: CallId) -> bool {
        [self.session(), self.pfs.before()].into_iter().flatten().any(|session| session.was_in_doubt(call))
    }

    /// The session, once there is a key.
    pub const fn session(&self) -> Option<&Session> {
        match &self.stage {
            Stage::Open(session) => Some(session),
            _ => None,
        }
    }

    /// Data to save: the key, the current salt, and the offset of the server's clock from `unix`, the local one.
    pub fn saved(&self, now: Instant, unix: UnixTime) -> Option<SavedKey> {
        let session = self.session()?;
        if let Some(permanent) = self.pfs.permanent() {
            return Some(permanent.clone());
        }
        let clock = session.clock();
        let time_offset = clock.is_synced().then(|| clock.at(now).as_secs() - unix.as_secs());
        Some(SavedKey { key: session.key().clone(), salt: session.salts().current(), time_offset })
    }

    /// Begins on a new socket. Session, numbers and unanswered calls go on; an unfinished key exchange starts over.
    pub fn reconnect(&mut self, now: Instant) {
        self.framer = Framer::new(self.config.framing, crate::base::side::Side::Client);
        self.is_paused = false; // what waited was of the old socket, and is sent again
        match &mut self.stage {
            Stage::Open(session) => session.reconnected(now),
            Stage::Handshake { .. } => self.stage = Stage::Start,
            Stage::Start => {}
        }
    }

    /// The server does not know the client any more (`CONNECTION_NOT_INITED`): calls introduce it again.
    pub fn introduce_again(&mut self) {
        self.is_known = false;
        self.introductions.clear();
    }

    /// Returns true if more input may be read, false while earlier input waits for events to be polled.
    pub const fn wants_input(&self) -> bool {
        !self.is_paused
    }

    /// Takes bytes from the socket, cut anywhere.
    ///
    /// # Errors
    /// The connection is over; with [`ConnectionError::Full`] it is not.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) -> Result<(), ConnectionError> {
        if self.is_paused && self.framer.buffered() > MAX_WAITING {
            return Err(ConnectionError::Full);
        }
        self.framer.push(bytes);
        self.open_frames(now)
    }

    /// Takes the packets that have come, until too many events wait.
    fn open_frames(&mut self, now: Instant) -> Result<(), ConnectionError> {
        loop {
            self.is_paused = self.is_full();
            if self.is_paused {
                break;
            }
            let Some(frame) = self.framer.next()? else { break };
            match frame {
                Frame::Packet(packet) | Frame::AckWanted(packet) => self.handle_packet(now, packet)?,
                Frame::QuickAck(token) => self.events.push_back(Event::QuickAck(token)),
                Frame::Fault(fault) => return Err(fault.into()),
            }
        }
        Ok(())
    }

    /// Returns true if the events hold as many bytes as they may.
    fn is_full(&self) -> bool {
        self.events.len() * size_of::<Event>() + self.held > MAX_WAITING
    }

    #[inline(never)] // a frame of its own: what comes before or after needs none of it
    fn handle_packet(&mut self, now: Instant, packet: BytesMut) -> Result<(), ConnectionError> {
        match &mut self.stage {
            Stage::Start => Err(HandshakeError::Misuse.into()),
            // A packet that was still on its way under the temporary key before.
            Stage::Handshake { .. }
                if self.pfs.before().is_some_and(|session| packet.get(..8) == Some(&session.key().id())) =>
            {
                Ok(())
            }
            Stage::Handshake { machine, waiting } => {
                match machine.handle(now, &packet, &mut *self.random)? {
                    Step::Send(question) => *waiting = Some(question),
                    Step::Done(grant) => self.granted(now, grant)?,
                }
                Ok(())
            }
            Stage::Open(session) => {
                let (len, before) = (packet.len(), self.events.len());
                session.handle_packet(now, packet)?;
                self.drain();
                if self.events.len() > before {
                    self.held += len; // a body keeps all of the packet that it is part of
                }
                Ok(())
            }
        }
    }

    /// Turns what the session has into events.
    fn drain(&mut self) {
        let Stage::Open(session) = &mut self.stage else { return };
        while let Some(incoming) = session.poll_incoming() {
            let event = match incoming {
                Incoming::Reply { call: CallId::BIND, result } => match self.pfs.on_bound(result.map(drop)) {
                    Some(event) => event,
                    None => continue,
                },
                Incoming::Reply { call, result } => {
                    if let Some(at) = self.introductions.iter().position(|id| *id == call) {
                        self.introductions.swap_remove(at);
                        self.is_known |= result.is_ok();
                    }
                    Event::Reply { call, result }
                }
                Incoming::Update(body) => Event::Update(body),
                Incoming::NewSession => Event::NewSession,
            };
            self.held += event.len();
            self.events.push_back(event);
        }
    }

    /// Does what is due at `now`.
    ///
    /// # Errors
    /// The connection is over.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), ConnectionError> {
        if self.is_paused {
            self.open_frames(now)?;
        }
        match &mut self.stage {
            Stage::Start => Ok(()),
            Stage::Handshake { machine, .. } => Ok(machine.handle_timeout(now)?),
            Stage::Open(session) => {
                session.handle_timeout(now)?;
                self.renew_key(now)
            }
        }
    }

    /// The server's time of day at `now`, as far as it is known.
    pub fn unix(&self, now: Instant) -> UnixTime {
        self.session().map_or(self.clock, |session| *session.clock()).at(now)
    }

    /// Appends the next packet's bytes to `out`; `false` when there is nothing to send.
    ///
    /// # Errors
    /// The entropy failed.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut BytesMut) -> Result<bool, ConnectionError> {
        if matches!(self.stage, Stage::Start) {
            self.begin(now)?;
        }
        let packet = match &mut self.stage {
            Stage::Start => None,
            Stage::Handshake { waiting, .. } => waiting.take(),
            Stage::Open(session) => session.poll_packet(now, &mut *self.random)?,
        };
        match packet {
            Some(packet) => self.framer.encode(&packet, out).map(|()| true).map_err(Into::into),
            None => {
                self.drain();
                Ok(false)
            }
        }
    }

    /// Next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if self.events.is_empty() {
            self.held = 0;
        }
        event
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.is_paused && !self.is_full() {
            return Some(Instant::ZERO); // the input that waits can be opened
        }
        match &self.stage {
            Stage::Start => None,
            Stage::Handshake { machine, .. } => machine.poll_timeout(),
            Stage::Open(session) => Instant::earliest(&[session.poll_timeout(), self.key_due(session)]),
        }
    }
}

//! A client against a data centre that misbehaves: both without sockets, in a time of their own.
#![allow(dead_code, reason = "each test binary uses its part")]

use bytes::BytesMut;
use nanogram::base::time::{Instant, UnixTime};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::{ConnId, Dc, Fault};
use nanogram::protocol::connection::{Config, Connection, ConnectionError, Event, Init, SavedKey};
use nanogram::protocol::session::{CallError, CallId, RpcError};
use nanogram::telegram::api::updates::GetState;
use nanogram::tl::{Call, Tl};
use nanogram::wire::transport::Framing;
use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use std::time::Duration;

pub(crate) const UNIX: UnixTime = UnixTime::from_secs(1_790_000_000);
/// How long a client is given, in its own time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);
/// How often it may connect in that time.
pub(crate) const CONNECTIONS: usize = 60;

/// A data centre, one client of it, and all that happened between them.
pub(crate) struct Hostile {
    pub(crate) dc: Dc,
    pub(crate) now: Instant,
    pub(crate) connection: Connection,
    pub(crate) conn: ConnId,
    /// The most bytes that the client is given at once.
    pub(crate) grain: usize,
    pub(crate) events: Vec<Event>,
    /// Why the client left, connection by connection; `None`: the data centre did.
    pub(crate) left: Vec<Option<ConnectionError>>,
    pub(crate) log: Vec<Entry>,
    /// All bytes that the client was sent, and the most at once.
    pub(crate) received: usize,
    dc_id: i32,
    /// How long it waits for an answer, and over how many connections.
    pub(crate) patience: (Duration, usize),
}

/// A data centre without anything wrong yet.
pub(crate) fn dc() -> Dc {
    Dc::new(Instant::ZERO, UNIX, Box::new(ChaCha12Rng::seed_from_u64(1))).unwrap()
}

pub(crate) fn config(dc: &Dc, dc_id: i32, saved: Option<AuthKey>) -> Config {
    let init = Init::new(1, "test");
    let saved = saved.map(|key| SavedKey { key, salt: 0, time_offset: None });
    Config { init: Some(init), saved, ..Config::new(dc_id, dc.public_keys().cloned().collect()) }
}

impl Hostile {
    pub(crate) fn new(mut dc: Dc, config: Config) -> Self {
        let dc_id = config.dc;
        let connection = Connection::new(config, Instant::ZERO, UNIX, Box::new(ChaCha12Rng::seed_from_u64(2)));
        let conn = dc.accept_at(Instant::ZERO, dc_id);
        let grain = dc.grain(conn);
        let (events, left, log) = (vec![], vec![], vec![]);
        Self {
            dc,
            now: Instant::ZERO,
            connection,
            conn,
            grain,
            events,
            left,
            log,
            received: 0,
            dc_id,
            patience: (PATIENCE, CONNECTIONS),
        }
    }
    /// A client of `user`, whose key the data centre knows.
    pub(crate) fn signed_in(mut dc: Dc, user: i64, framing: Framing) -> Self {
        let key = dc.sign_in(user).unwrap();
        let home = dc.world.home_of(user);
        let config = Config { framing, ..config(&dc, home, Some(key)) };
        Self::new(dc, config)
    }
    /// A client without a key.
    pub(crate) fn stranger(dc: Dc) -> Self {
        let config = config(&dc, 2, None);
        Self::new(dc, config)
    }

    /// What each side has for the other; whether there was anything. An error ends the client's connection.
    fn exchange(&mut self) -> Result<bool, ConnectionError> {
        let mut out = BytesMut::new();
        while self.connection.poll_transmit(self.now, &mut out)? {}
        self.dc.handle_input(self.conn, self.now, &out);
        let mut back = BytesMut::new();
        while self.dc.poll_transmit(self.conn, self.now, &mut back) {}
        self.received += back.len();
        let mut result = Ok(());
        for piece in back.chunks(self.grain) {
            result = result.and_then(|()| self.connection.handle_input(self.now, piece));
        }
        while let Some(event) = self.connection.poll_event() {
            self.events.push(event);
        }
        result?;
        Ok(!out.is_empty() || !back.is_empty())
    }

    /// Leaves, and comes again after a while.
    fn reconnect(&mut self, why: Option<ConnectionError>) {
        self.left.push(why);
        self.dc.handle_closed(self.conn, self.now);
        self.now = self.now + Duration::from_secs(1);
        self.connection.reconnect(self.now);
        self.conn = self.dc.accept_at(self.now, self.dc_id);
        self.grain = self.dc.grain(self.conn);
    }

    /// One turn; whether anything happened. If nothing did, time goes on to what is due.
    pub(crate) fn turn(&mut self) {
        let before = self.now;
        let result = self.exchange().and_then(|is_busy| {
            let step = Duration::from_millis(10);
            let due = [self.connection.poll_timeout(), self.dc.poll_timeout()].into_iter().flatten().min();
            self.now = match due {
                Some(due) if !is_busy => (before + step).max(due),
                _ => before + step,
            };
            self.dc.handle_timeout(self.now);
            self.connection.handle_timeout(self.now)
        });
        self.log.extend(std::iter::from_fn(|| self.dc.poll_log()).map(|line| line.entry));
        match result {
            Err(error) => self.reconnect(Some(error)),
            Ok(()) if self.dc.is_closed(self.conn) => self.reconnect(None),
            Ok(()) => {}
        }
    }

    /// Waits for the answer of a call, over as many connections as it takes; `None`: it never came.
    pub(crate) fn wait(&mut self, id: CallId) -> Option<Result<Vec<u8>, CallError>> {
        let (end, most) = (self.now + self.patience.0, self.left.len() + self.patience.1);
        while self.now < end && self.left.len() < most {
            let is_it = |event: &Event| matches!(event, Event::Reply { call, .. } if *call == id);
            if let Some(at) = self.events.iter().position(is_it) {
                let Event::Reply { result, .. } = self.events.remove(at) else { unreachable!() };
                return Some(result.map(|body| body.to_vec()));
            }
            self.turn();
        }
        None
    }
    pub(crate) fn call<C: Call>(&mut self, call: &C) -> Option<Result<C::Reply, CallError>> {
        let id = self.connection.call(call).id();
        Some(self.wait(id)?.map(|body| C::Reply::from_bytes(&body).unwrap()))
    }
    /// The error of the server's to a call.
    pub(crate) fn refused<C: Call>(&mut self, call: &C) -> RpcError {
        match self.call(call) {
            Some(Err(CallError::Refused(error))) => error,
            _ => panic!("it was to be refused"),
        }
    }
    /// How often a fault has acted.
    pub(crate) fn acted(&self, name: &str) -> usize {
        self.log.iter().filter(|entry| matches!(entry, Entry::Misbehaved { fault } if *fault == name)).count()
    }
    /// How often a method was executed or refused.
    pub(crate) fn calls_of(&self, id: u32) -> usize {
        self.log.iter().filter(|entry| matches!(entry, Entry::Call { method, .. } if *method == id)).count()
    }
    /// Lets time pass.
    pub(crate) fn rest(&mut self, seconds: u64) {
        let (end, most) = (self.now + Duration::from_secs(seconds), self.left.len() + self.patience.1);
        while self.now < end && self.left.len() < most {
            self.turn();
        }
    }
    pub(crate) fn asks(&mut self) -> bool {
        self.call(&GetState {}).is_some_and(|result| result.is_ok())
    }
}

/// The framing that a fault needs.
pub(crate) fn framing(fault: &Fault) -> Framing {
    match fault.name {
        name if name.starts_with("full-") => Framing::FULL,
        name if name.starts_with("padded-") => Framing::PADDED_INTERMEDIATE,
        _ => Framing::ABRIDGED,
    }
}

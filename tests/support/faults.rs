//! A client against a misbehaving test server, without sockets and in simulated time.
#![allow(dead_code, reason = "each test binary uses its part")]

use bytes::BytesMut;
use nanogram::base::time::{Instant, UnixTime};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::{ConnId, Dc, Fault};
use nanogram::protocol::connection::{Config, Connection, ConnectionError, Event, Init, SavedKey};
use nanogram::protocol::session::{CallError, CallId, RpcError};
use nanogram::telegram::api::updates::GetState;
use nanogram::telegram::login::App;
use nanogram::tl::{Call, Hidden, Tl};
use nanogram::wire::transport::Framing;
use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use std::time::Duration;

pub(crate) const UNIX: UnixTime = UnixTime::from_secs(1_790_000_000);
/// Time limit for a client, in simulated time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);
/// Most connections of a client in that time.
pub(crate) const CONNECTIONS: usize = 60;

/// Test server, one client, and a record of their exchange.
pub(crate) struct Hostile {
    pub(crate) dc: Dc,
    pub(crate) now: Instant,
    pub(crate) connection: Connection,
    pub(crate) conn: ConnId,
    /// Most bytes delivered to the client at once.
    pub(crate) grain: usize,
    pub(crate) events: Vec<Event>,
    /// Error that ended each connection; `None` if the server closed it.
    pub(crate) left: Vec<Option<ConnectionError>>,
    pub(crate) log: Vec<Entry>,
    /// Number of bytes that the client received.
    pub(crate) received: usize,
    dc_id: i32,
    /// Limits for an answer: time and number of connections.
    pub(crate) patience: (Duration, usize),
}

/// Test server without faults.
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
    /// Client signed in as `user`.
    pub(crate) fn signed_in(mut dc: Dc, user: i64, framing: Framing) -> Self {
        let key = dc.sign_in(user).unwrap();
        let home = dc.world.home_of(user);
        let config = Config { framing, ..config(&dc, home, Some(key)) };
        Self::new(dc, config)
    }
    /// Client without a key.
    pub(crate) fn stranger(dc: Dc) -> Self {
        let config = config(&dc, 2, None);
        Self::new(dc, config)
    }

    /// Exchanges bytes in both directions; returns true if there were any. An error ends the client's connection.
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

    /// Closes the connection and opens another after a pause.
    fn reconnect(&mut self, why: Option<ConnectionError>) {
        self.left.push(why);
        self.dc.handle_closed(self.conn, self.now);
        self.now = self.now + Duration::from_secs(1);
        self.connection.reconnect(self.now);
        self.conn = self.dc.accept_at(self.now, self.dc_id);
        self.grain = self.dc.grain(self.conn);
    }

    /// Runs one turn. If nothing happens, time advances to the next timer.
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

    /// Waits for the answer to a call, over several connections if necessary; `None` if it never comes.
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
    /// Makes a call and returns the server's error.
    pub(crate) fn refused<C: Call>(&mut self, call: &C) -> RpcError {
        match self.call(call) {
            Some(Err(CallError::Refused(error))) => error,
            _ => panic!("it was to be refused"),
        }
    }
    /// Number of times that a fault was injected.
    pub(crate) fn acted(&self, name: &str) -> usize {
        self.log.iter().filter(|entry| matches!(entry, Entry::Misbehaved { fault } if *fault == name)).count()
    }
    /// Number of calls of a method, executed or refused.
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

/// Framing that a fault needs.
pub(crate) fn framing(fault: &Fault) -> Framing {
    match fault.name {
        name if name.starts_with("full-") => Framing::FULL,
        name if name.starts_with("padded-") => Framing::PADDED_INTERMEDIATE,
        _ => Framing::ABRIDGED,
    }
}

pub(crate) fn fault(name: &str) -> &'static Fault {
    Fault::named(name).unwrap_or_else(|| panic!("no fault {name}"))
}

pub(crate) fn app() -> App {
    App { api_id: 1, api_hash: Hidden("0".repeat(32)) }
}

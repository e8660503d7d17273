//! A test server and its clients, without sockets, in simulated time.
#![allow(dead_code, reason = "each test binary uses its part")]

use bytes::BytesMut;
use nanogram::base::time::{Instant, UnixTime};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::{ConnId, Dc};
use nanogram::protocol::connection::{Config, Connection, ConnectionError, Event, Init, SavedKey};
use nanogram::protocol::session::{CallError, CallId};
use nanogram::tl::{Call, Tl};
use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use std::time::Duration;

pub(crate) const UNIX: UnixTime = UnixTime::from_secs(1_790_000_000);

/// Test server and clients, with a common clock.
pub(crate) struct Net {
    pub(crate) dc: Dc,
    pub(crate) now: Instant,
    pub(crate) lines: Vec<Entry>,
    pub(crate) seed: u64,
}

/// Client, and its events.
pub(crate) struct Peer {
    pub(crate) id: ConnId,
    pub(crate) connection: Connection,
    pub(crate) events: Vec<Event>,
    pub(crate) error: Option<ConnectionError>,
}

impl Net {
    pub(crate) fn new() -> Self {
        let dc = Dc::new(Instant::ZERO, UNIX, Box::new(ChaCha12Rng::seed_from_u64(1))).unwrap();
        Self { dc, now: Instant::ZERO, lines: vec![], seed: 100 }
    }
    pub(crate) fn config(&self, dc: i32, saved: Option<AuthKey>) -> Config {
        let init = Init::new(1, "test");
        let saved = saved.map(|key| SavedKey { key, salt: 0, time_offset: None });
        Config { init: Some(init), saved, ..Config::new(dc, self.dc.public_keys().cloned().collect()) }
    }
    pub(crate) fn connect(&mut self, config: Config) -> Peer {
        self.connect_to(config.dc, config)
    }
    /// Connects to a data centre, which may differ from the one in the configuration.
    pub(crate) fn connect_to(&mut self, dc: i32, config: Config) -> Peer {
        self.seed += 1;
        let random = Box::new(ChaCha12Rng::seed_from_u64(self.seed));
        let connection = Connection::new(config, self.now, UNIX, random);
        Peer { id: self.dc.accept_at(self.now, dc), connection, events: vec![], error: None }
    }
    pub(crate) fn signed_in(&mut self, user: i64) -> Peer {
        let key = self.dc.sign_in(user).unwrap();
        let config = self.config(self.dc.world.home_of(user), Some(key));
        self.connect(config)
    }
    /// Delivers bytes in both directions until none are left.
    pub(crate) fn settle(&mut self, peers: &mut [&mut Peer]) {
        for _ in 0..50 {
            self.now = self.now + Duration::from_millis(10);
            let mut is_quiet = true;
            for peer in peers.iter_mut() {
                let mut out = BytesMut::new();
                while peer.error.is_none() && peer.connection.poll_transmit(self.now, &mut out).unwrap() {}
                is_quiet &= out.is_empty();
                self.dc.handle_input(peer.id, self.now, &out);
            }
            for peer in peers.iter_mut() {
                let mut out = BytesMut::new();
                while self.dc.poll_transmit(peer.id, self.now, &mut out) {}
                is_quiet &= out.is_empty();
                if peer.error.is_none() {
                    peer.error = peer.connection.handle_input(self.now, &out).err();
                }
                peer.events.extend(std::iter::from_fn(|| peer.connection.poll_event()));
            }
            if is_quiet {
                break;
            }
        }
        self.lines.extend(std::iter::from_fn(|| self.dc.poll_log()).map(|line| line.entry));
    }
    /// Makes a call and returns its result, which must come without a wait.
    pub(crate) fn call<C: Call>(&mut self, peer: &mut Peer, call: &C) -> Result<C::Reply, CallError> {
        let id = peer.connection.call(call).id();
        self.settle(&mut [peer]);
        peer.reply(id).expect("an answer").map(|body| C::Reply::from_bytes(&body).unwrap())
    }
}

impl Peer {
    /// Takes the answer to a call out of the events.
    pub(crate) fn reply(&mut self, id: CallId) -> Option<Result<Vec<u8>, CallError>> {
        let at = self.events.iter().position(|e| matches!(e, Event::Reply { call, .. } if *call == id))?;
        let Event::Reply { result, .. } = self.events.remove(at) else { unreachable!() };
        Some(result.map(|body| body.to_vec()))
    }
}

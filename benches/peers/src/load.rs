//! Load: one connection with ten thousand pending calls, and ten thousand idle connections, against nanogram's test
//! server in memory. The cost of sockets is not included.

use crate::counting::held;
use crate::cpu;
use crate::measure::{Effort, Spread};
use crate::row::round;
use bytes::BytesMut;
use nanogram::telegram::api::connect::GetConfig;
use nanogram::protocol::connection::{Config, Connection, Event, Init, SavedKey};
use nanogram::lab::dc::residents::ALICE;
use nanogram::lab::dc::{ConnId, Dc};
use nanogram::base::time::{Instant, UnixTime};
use rand::SeedableRng;
use rand::rngs::{ChaCha20Rng, SysRng};
use serde_json::{Value, json};
use std::time::Duration;

const UNIX: UnixTime = UnixTime::from_secs(1_790_000_000);
const CALLS: u32 = 10_000;
const SESSIONS: u32 = 10_000;
/// Bytes per read from a socket.
const READ: usize = 16 << 10;

/// Results of the load test.
pub struct Load {
    /// Client time per call in microseconds, with many pending.
    client: Spread,
    /// Server time per call in microseconds.
    dc: Spread,
    /// Heap bytes held by an idle connection, and the size of the connection itself.
    idle: (i64, usize),
}

struct Pair {
    dc: Dc,
    id: ConnId,
    client: Connection,
    now: Instant,
    spent: [Duration; 2],
}

impl Pair {
    fn new() -> Self {
        let mut dc = Dc::new(Instant::ZERO, UNIX, Box::new(ChaCha20Rng::seed_from_u64(1))).expect("entropy");
        let saved = SavedKey { key: dc.sign_in(ALICE).expect("entropy"), salt: 0, time_offset: None };
        let config = config(&dc, saved);
        let id = dc.accept_at(Instant::ZERO, config.dc);
        let client = Connection::new(config, Instant::ZERO, UNIX, Box::new(SysRng));
        Self { dc, id, client, now: Instant::ZERO, spent: [Duration::ZERO; 2] }
    }

    /// Delivers bytes in both directions until none are left; returns the number of answered calls.
    fn settle(&mut self) -> u32 {
        let mut answered = 0;
        loop {
            self.now = self.now + Duration::from_millis(1);
            let (mut to, mut from) = (BytesMut::new(), BytesMut::new());
            let began = cpu::Instant::now();
            while self.client.poll_transmit(self.now, &mut to).expect("entropy") {}
            self.spent[0] += began.elapsed();
            let began = cpu::Instant::now();
            // In pieces, like from a socket: the queue of outgoing messages is limited to 8192.
            for piece in to.chunks(READ) {
                self.dc.handle_input(self.id, self.now, piece);
                while self.dc.poll_transmit(self.id, self.now, &mut from) {}
            }
            while self.dc.poll_transmit(self.id, self.now, &mut from) {}
            self.spent[1] += began.elapsed();
            while self.dc.poll_log().is_some() {}
            if to.is_empty() && from.is_empty() {
                return answered;
            }
            let began = cpu::Instant::now();
            self.client.handle_input(self.now, &from).expect("an honest server");
            while let Some(event) = self.client.poll_event() {
                answered += u32::from(matches!(event, Event::Reply { result: Ok(_), .. }));
            }
            self.spent[0] += began.elapsed();
        }
    }
}

fn config(dc: &Dc, saved: SavedKey) -> Config {
    let home = dc.world.home_of(ALICE);
    Config {
        init: Some(Init::new(1, "load")),
        saved: Some(saved),
        ..Config::new(home, dc.public_keys().cloned().collect())
    }
}

/// Microseconds of client and server per call, for many calls.
fn calls() -> [f64; 2] {
    let mut pair = Pair::new();
    pair.client.call(&GetConfig {});
    assert_eq!(pair.settle(), 1, "the first call is answered");
    pair.spent = [Duration::ZERO; 2];
    let began = cpu::Instant::now();
    for _ in 0..CALLS {
        pair.client.call(&GetConfig {});
    }
    pair.spent[0] += began.elapsed();
    assert_eq!(pair.settle(), CALLS, "every call is answered");
    pair.spent.map(|spent| spent.as_secs_f64() * 1e6 / f64::from(CALLS))
}

/// Heap bytes of a connection after one call and its answer.
fn idle() -> i64 {
    let mut dc = Dc::new(Instant::ZERO, UNIX, Box::new(ChaCha20Rng::seed_from_u64(2))).expect("entropy");
    let mut connections = Vec::with_capacity(SESSIONS as usize);
    let mut bytes = 0;
    for _ in 0..SESSIONS {
        let saved = SavedKey { key: dc.sign_in(ALICE).expect("entropy"), salt: 0, time_offset: None };
        let id = dc.accept_at(Instant::ZERO, dc.world.home_of(ALICE));
        let (mut client, some) = held(|| {
            let config = config(&dc, saved.clone());
            let mut client = Connection::new(config, Instant::ZERO, UNIX, Box::new(SysRng));
            client.call(&GetConfig {});
            client
        });
        bytes += some;
        let mut is_answered = false;
        for step in 1..100_u32 {
            let now = Instant::ZERO + Duration::from_millis(10) * step;
            let mut from = BytesMut::new();
            let (to, some) = held(|| {
                let mut to = BytesMut::with_capacity(1 << 16);
                while client.poll_transmit(now, &mut to).expect("entropy") {}
                to
            });
            bytes += some;
            dc.handle_input(id, now, &to);
            let is_quiet = to.is_empty();
            bytes += held(|| drop(to)).1;
            while dc.poll_transmit(id, now, &mut from) {}
            bytes += held(|| {
                client.handle_input(now, &from).expect("an honest server");
                while let Some(event) = client.poll_event() {
                    is_answered |= matches!(event, Event::Reply { .. });
                }
            })
            .1;
            if is_quiet && from.is_empty() {
                break;
            }
        }
        assert!(is_answered);
        dc.handle_closed(id, Instant::ZERO);
        while dc.poll_log().is_some() {}
        connections.push(client);
    }
    bytes / i64::from(SESSIONS)
}

pub fn load(effort: Effort) -> Load {
    let rounds = (effort.rounds / 3).max(3);
    let (client, dc) = (0..rounds).map(|_| calls()).map(|[client, dc]| (client, dc)).unzip();
    Load { client: Spread::of(client), dc: Spread::of(dc), idle: (idle(), size_of::<Connection>()) }
}

impl Load {
    pub fn to_json(&self) -> Value {
        let spread = |s: Spread| json!([round(s.low), round(s.median), round(s.high)]);
        json!({
            "calls_at_once": CALLS,
            "us_a_call": { "client": spread(self.client), "data_centre": spread(self.dc) },
            "idle_connections": SESSIONS,
            "bytes_each": { "heap": self.idle.0, "itself": self.idle.1 },
        })
    }
    pub fn page(&self) -> String {
        let per_second = |s: Spread| (1e6 / s.median / 1e3).round() * 1e3;
        format!(
            "| work | client | data centre |\n| --- | ---: | ---: |\n\
             | {CALLS} concurrent calls of `help.getConfig` on one connection: time per call | {:.1} us | {:.1} us |\n\
             | as above: calls per second, if nothing else ran | {} | {} |\n\
             | {SESSIONS} connections after one call each: heap bytes per connection, and of them its own | {} and {} | |\n",
            self.client.median,
            self.dc.median,
            per_second(self.client),
            per_second(self.dc),
            self.idle.0,
            self.idle.1,
        )
    }
}

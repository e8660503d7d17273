//! Operations on the sessions of a client and a server, and on the packets between them.

use super::packets::{SESSION, UNIX, client, clock, key};
use super::{Choices, Dice};
use crate::base::side::Side;
use crate::base::time::{Instant, ServerClock, UnixTime};
use crate::lab::server::session::{Request, ServerSession};
use crate::protocol::session::{CallError, CallId, Incoming, RpcError, Session};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use core::time::Duration;

const CALL: u32 = 0x0ca1_1ca1;
const UPDATE: u32 = 0x0bda_7e00;
/// Most operations per input: more are slow and reach nothing new.
const MAX_OPS: usize = 400;

fn body(id: u32, n: u32) -> Bytes {
    [id.to_le_bytes(), n.to_le_bytes()].concat().into()
}

struct World {
    now: Instant,
    dice: Dice,
    client: Session,
    server: ServerSession,
    server_clock: ServerClock,
    salt: i64,
    to_server: VecDeque<Bytes>,
    to_client: VecDeque<Bytes>,
    /// Calls, with their number and the count of answers.
    calls: BTreeMap<CallId, (u32, u32)>,
    forgotten: Vec<CallId>,
    requests: VecDeque<(i64, u32)>,
    executed: BTreeMap<u32, u32>,
    updates_seen: BTreeMap<u32, u32>,
    updates: u32,
}

impl World {
    fn new() -> Self {
        let client = client(ServerClock::guess(Instant::ZERO, UNIX));
        let server = ServerSession::new(key(), 1, clock(), SESSION);
        Self {
            now: Instant::ZERO,
            dice: Dice(2),
            client,
            server,
            server_clock: clock(),
            salt: 1,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            calls: BTreeMap::new(),
            forgotten: Vec::new(),
            requests: VecDeque::new(),
            executed: BTreeMap::new(),
            updates_seen: BTreeMap::new(),
            updates: 0,
        }
    }

    fn wire(&mut self, to: Side) -> &mut VecDeque<Bytes> {
        match to {
            Side::Server => &mut self.to_server,
            Side::Client => &mut self.to_client,
        }
    }

    /// Queues the packets that both sides have to send.
    fn transmit(&mut self) {
        while let Some(packet) = self.client.poll_packet(self.now, &mut self.dice).unwrap() {
            self.to_server.push_back(packet);
        }
        while let Some(packet) = self.server.poll_packet(self.now, &mut self.dice).unwrap() {
            self.to_client.push_back(packet);
        }
    }

    /// Delivers a packet; a side that rejects it closes the connection.
    fn deliver(&mut self, to: Side, packet: &[u8]) {
        // A client may begin a new session: the server then replaces its old one.
        if to == Side::Server && self.client.session_id() != self.server.session_id() {
            self.server = ServerSession::new(key(), self.salt, self.server_clock, self.client.session_id());
            self.requests.clear();
        }
        let packet = BytesMut::from(packet);
        let taken = match to {
            Side::Server => self.server.handle_packet(self.now, packet),
            Side::Client => self.client.handle_packet(self.now, packet),
        };
        if taken.is_err() {
            self.reconnect();
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(incoming) = self.client.poll_incoming() {
            match incoming {
                Incoming::Reply { call, result } => {
                    assert!(!self.forgotten.contains(&call), "an answer that nobody waits for");
                    let (n, answers) = self.calls.get_mut(&call).expect("a call of ours");
                    *answers += 1;
                    assert_eq!(*answers, 1, "answered twice");
                    // Undeliverable: refused at message level, so never executed.
                    let is_refused = matches!(result, Err(CallError::Undeliverable(_)));
                    assert!(is_refused || self.executed.contains_key(n), "answered, and never executed");
                    match result {
                        Ok(answer) => assert_eq!(answer, body(CALL, !*n), "the answer to another"),
                        Err(CallError::Refused(e)) => assert_eq!((e.code, *n % 5), (400, 3)),
                        Err(CallError::Undeliverable(_)) => {}
                        Err(e) => panic!("{e}"),
                    }
                }
                Incoming::Update(update) => {
                    let n = update.last_chunk().map_or(0, |n| u32::from_le_bytes(*n));
                    assert_eq!(update, body(UPDATE, n));
                    let seen = self.updates_seen.entry(n).or_default();
                    *seen += 1;
                    assert_eq!(*seen, 1, "an update comes twice");
                }
                Incoming::NewSession => {}
            }
        }
        while let Some(Request { msg_id, body: request }) = self.server.poll_request() {
            let n = request.last_chunk().map_or(0, |n| u32::from_le_bytes(*n));
            // The body may be wrapped in `invokeAfterMsg`, so only its end is compared.
            assert!(request.ends_with(&body(CALL, n)), "a request that nobody made");
            *self.executed.entry(n).or_default() += 1;
            self.requests.push_back((msg_id, n));
        }
    }

    fn answer(&mut self) {
        if let Some((msg_id, n)) = self.requests.pop_front() {
            let result = if n % 5 == 3 { Err(RpcError::new(400, "NO")) } else { Ok(body(CALL, !n)) };
            self.server.reply(msg_id, result);
        }
    }

    fn reconnect(&mut self) {
        self.to_server.clear();
        self.to_client.clear();
        self.client.reconnected(self.now);
        self.server.reconnected();
    }

    fn call(&mut self, after: bool) {
        let n = self.calls.len() as u32;
        let earlier = self.calls.keys().next_back().copied().filter(|_| after);
        let call = match earlier {
            Some(earlier) => self.client.call_after(earlier, body(CALL, n)),
            None => self.client.call(body(CALL, n)),
        };
        self.calls.insert(call, (n, 0));
    }

    fn step(&mut self, op: u8, choices: &mut Choices<'_>) {
        let to = if op & 1 == 0 { Side::Server } else { Side::Client };
        match op >> 1 & 15 {
            0 | 1 => self.call(op & 1 == 1),
            2 => self.transmit(),
            3 | 4 => {
                if let Some(packet) = self.wire(to).pop_front() {
                    self.deliver(to, &packet);
                }
            }
            5 => drop(self.wire(to).pop_front()),
            6 => {
                if let Some(packet) = self.wire(to).front().cloned() {
                    self.wire(to).push_back(packet);
                }
            }
            7 => {
                if let Some(packet) = self.wire(to).pop_back() {
                    self.wire(to).push_front(packet);
                }
            }
            8 => {
                if let Some(packet) = self.wire(to).pop_front() {
                    let mut packet = packet.to_vec();
                    let at = usize::from(choices.word()) % packet.len();
                    packet[at] ^= choices.byte().max(1);
                    self.deliver(to, &packet);
                }
            }
            9 => self.reconnect(),
            10 => self.pass(Duration::from_millis(u64::from(choices.word()))),
            11 => self.answer(),
            12 => {
                self.server.notify(body(UPDATE, self.updates));
                self.updates += 1;
            }
            13 => {
                self.salt += 1;
                self.server.change_salt(self.salt, op & 1 == 1);
            }
            14 => {
                let waiting = self.calls.iter().filter(|(_, (_, answers))| *answers == 0).map(|(id, _)| *id).next();
                if let Some(call) = waiting.filter(|call| !self.forgotten.contains(call)) {
                    self.client.forget(call);
                    self.forgotten.push(call);
                }
            }
            _ => {
                // The server's clock changes, by about a minute in either direction.
                let off = i64::from(choices.byte()) - 128;
                let unix = self.server_clock.at(self.now).as_micros() + off * 500_000;
                self.server_clock = ServerClock::guess(self.now, UnixTime::from_micros(unix));
            }
        }
    }

    /// Advances time and runs each timer when it is due.
    fn pass(&mut self, by: Duration) {
        let until = self.now + by;
        for _ in 0..1000 {
            let due = self.client.poll_timeout().into_iter().chain(self.server.poll_timeout()).min();
            self.now = self.now.max(due.unwrap_or(until).min(until));
            if self.client.handle_timeout(self.now).is_err() {
                self.reconnect();
            }
            self.transmit();
            if self.now >= until {
                return;
            }
        }
        panic!("a time-out that is never disarmed");
    }

    /// Makes the network reliable and checks that every call is answered.
    fn heal(&mut self) {
        self.reconnect();
        for _ in 0..1000 {
            self.transmit();
            while let Some(packet) = self.to_server.pop_front() {
                self.deliver(Side::Server, &packet);
            }
            while !self.requests.is_empty() {
                self.answer();
            }
            self.transmit();
            while let Some(packet) = self.to_client.pop_front() {
                self.deliver(Side::Client, &packet);
            }
            let is_done = |(call, (_, answers)): (&CallId, &(u32, u32))| *answers == 1 || self.forgotten.contains(call);
            if self.calls.iter().all(is_done) {
                return;
            }
            self.pass(Duration::from_secs(1));
        }
        panic!("calls are never answered: {:?}", self.calls);
    }
}

/// Operations: calls, deliveries, losses, repeats, swaps, corruption, reconnections, time. No call is answered twice or
/// with the answer to another, no update arrives twice, and once the network is reliable every call is answered.
pub fn session_ops(data: &[u8]) {
    let mut choices = Choices(data);
    let mut world = World::new();
    for _ in 0..MAX_OPS {
        if choices.0.is_empty() {
            break;
        }
        let op = choices.byte();
        world.step(op, &mut choices);
    }
    world.heal();
}

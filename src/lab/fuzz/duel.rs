//! A client against a test server from the first byte of a connection: framings, key exchange, temporary keys, calls;
//! over a hostile network, and with a server that injects a named fault.

use super::packets::UNIX;
use super::{Choices, Dice, exchange};
use crate::base::time::Instant;
use crate::lab::dc::faults::FAULTS;
use crate::lab::dc::log::Entry;
use crate::lab::dc::residents::{ALICE, ECHO_BOT};
use crate::lab::dc::world::{Manner, User};
use crate::lab::dc::{Caller, ConnId, Dc, World as Residents, call::App};
use crate::protocol::connection::{Config, Connection, ConnectionError, Event, Init, SavedKey, TemporaryKeys};
use crate::protocol::session::{CallError, CallId};
use crate::telegram::api::contacts::{ResolveUsername, ResolvedPeerBody};
use crate::telegram::start::{Known, StartCall, start_call};
use crate::tl::{Combinator, Tl};
use crate::wire::transport::{Framing, TransportFault};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use bytes::BytesMut;
use core::time::Duration;
use std::sync::OnceLock;

/// Most operations per input: more are slow and reach nothing new.
const MAX_OPS: usize = 200;
const MAX_STARTS: usize = 8;
/// Most connections needed once the network is reliable again.
const MAX_CONNECTIONS: usize = 60;
/// Most connections tried after the key was lost.
const TRIES_WITHOUT_KEY: usize = 4;

fn residents() -> Residents {
    let mut world = Residents::empty([7; 32]);
    for (id, name, manner) in [(ALICE, None, Manner::Human), (ECHO_BOT, Some("echo_bot"), Manner::Echo)] {
        let username = name.map(Into::into);
        let phone = name.is_none().then(|| "10000000001".into());
        world.add_user(User { id, first_name: "N".into(), username, phone, manner, is_deleted: false });
    }
    world
}

/// The bot as resolved earlier by a client.
fn bot() -> &'static Known {
    static BOT: OnceLock<Known> = OnceLock::new();
    BOT.get_or_init(|| {
        let (layer, app) = (Some(crate::telegram::api::LAYER), Some(App::default()));
        let mut caller = Caller { layer, app, ..Caller::signed_in(ALICE) };
        let who = ResolveUsername { username: "echo_bot".into(), referer: None }.to_boxed();
        let answer = residents().call(&mut caller, 0, &who).reply.unwrap();
        Known::from_resolved(&ResolvedPeerBody::from_bytes(&answer).unwrap()).unwrap().unwrap()
    })
}

/// Packets in flight in one direction.
type Road = VecDeque<Vec<u8>>;

struct World {
    now: Instant,
    client: Connection,
    dc: Dc,
    conn: ConnId,
    to_dc: Road,
    to_client: Road,
    /// Bot start that each call makes, and its body for a repeat should the server have forgotten the client.
    calls: BTreeMap<CallId, (usize, Vec<u8>)>,
    answers: Vec<usize>,
    executed: usize,
    connections: usize,
    is_faulty: bool,
    /// True if the fault invalidates the key: nothing is answered from then on.
    takes_key: bool,
}

impl World {
    fn new(how: u8, fault: u8) -> Self {
        let now = Instant::from_micros(1_000_000);
        let key = exchange::rsa();
        let mut dc = Dc::with(residents(), [key.clone()].into(), now, UNIX, Box::new(Dice(8)));
        let mut config = Config::new(2, [key.public().clone()].into());
        let framings = Framing::ALL;
        config.framing = framings[usize::from(how & 3)];
        config.init = Some(Init::new(1, "duel"));
        if how & 4 != 0 {
            config.temporary = TemporaryKeys::lasting(if how & 16 == 0 { 86_400 } else { 500 });
        }
        if how & 8 == 0 {
            config.saved = Some(SavedKey { key: dc.sign_in(ALICE).unwrap(), salt: 0, time_offset: None });
        }
        let fault = usize::from(fault).checked_sub(1).and_then(|at| FAULTS.get(at));
        // These need 64 MiB of compressed data or 100,000 messages: too slow here, and tested elsewhere.
        let fault = fault.filter(|fault| !fault.name.starts_with("gzip-bomb") && fault.name != "content-flood");
        if let Some(fault) = fault {
            dc.fault(fault, 1);
        }
        Self {
            now,
            client: Connection::new(config, now, UNIX, Box::new(Dice(9))),
            conn: dc.accept(now),
            dc,
            to_dc: Road::new(),
            to_client: Road::new(),
            calls: BTreeMap::new(),
            answers: Vec::new(),
            executed: 0,
            connections: 0,
            is_faulty: fault.is_some(),
            takes_key: fault.is_some_and(|fault| fault.name == "key-duplicated"),
        }
    }

    fn road(&mut self, to_dc: bool) -> &mut Road {
        if to_dc { &mut self.to_dc } else { &mut self.to_client }
    }

    fn start(&mut self) {
        let n = self.answers.len();
        if n < MAX_STARTS {
            let call = start_call(bot(), bot(), 1000 + n as i64, &alloc::format!("p{n}")).unwrap();
            let StartCall::StartBot(call) = call else { panic!("there is a parameter") };
            self.say(n, call.to_boxed());
            self.answers.push(0);
        }
    }

    fn say(&mut self, n: usize, body: Vec<u8>) {
        let call = self.client.call_raw(body.clone());
        assert!(self.calls.insert(call, (n, body)).is_none(), "two calls of one id");
    }

    fn reconnect(&mut self) {
        self.connections += 1;
        self.dc.handle_closed(self.conn, self.now);
        self.to_dc.clear();
        self.to_client.clear();
        self.client.reconnect(self.now);
        self.conn = self.dc.accept(self.now);
    }

    /// Reacts to the end of a connection like the owner of a client.
    fn over(&mut self, error: &ConnectionError) {
        // A -404 may concern the temporary key alone. Spec: api/pfs
        if matches!(error, ConnectionError::Fault(TransportFault::AuthKeyNotFound)) && self.client.session().is_some() {
            self.client.drop_temporary();
        }
        self.reconnect();
    }

    fn events(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                // Signs the new key in, in place of a login.
                Event::Authorized(key) => self.dc.let_in(key.key.id(), ALICE),
                Event::NotBound(_) => {
                    self.client.drop_temporary();
                    self.reconnect();
                }
                Event::Reply { call, result } => {
                    let (n, body) = self.calls.remove(&call).expect("a call of ours, and answered once");
                    // The server forgot the session, and with it `initConnection`.
                    let is_known = !matches!(&result, Err(CallError::Refused(e)) if e.is("CONNECTION_NOT_INITED"));
                    if !is_known {
                        self.client.introduce_again();
                        self.say(n, body);
                        continue;
                    }
                    self.answers[n] += 1;
                    match result {
                        Ok(_) => {}
                        Err(CallError::Refused(error)) if error.is("RANDOM_ID_DUPLICATE") => {
                            // The server deduplicates by random_id, so this error proves that an earlier copy was
                            // executed.
                            assert!(self.client.was_in_doubt(call), "sent once, and a duplicate");
                        }
                        Err(error) => assert!(self.is_faulty, "{error}"),
                    }
                }
                _ => {}
            }
        }
        while let Some(line) = self.dc.poll_log() {
            self.executed += usize::from(matches!(
                line.entry,
                Entry::Call { method: crate::telegram::api::messages::StartBot::ID, error: None, .. }
            ));
        }
    }

    /// Sends what both sides have to send.
    fn transmit(&mut self) {
        // A bound in place of `loop`: two sides that never stop sending are a finding.
        for _ in 0..100 {
            self.events();
            let mut out = BytesMut::new();
            let is_more = match self.client.poll_transmit(self.now, &mut out) {
                Ok(more) => more,
                Err(error) => return self.over(&error),
            };
            if is_more {
                self.to_dc.push_back(out.to_vec());
            }
            let mut out = BytesMut::new();
            let answers = self.dc.poll_transmit(self.conn, self.now, &mut out);
            if answers {
                self.to_client.push_back(out.to_vec());
            }
            if !is_more && !answers {
                return;
            }
        }
        panic!("they never fall silent");
    }

    fn arrive(&mut self, to_dc: bool, bytes: &[u8]) {
        if to_dc {
            self.dc.handle_input(self.conn, self.now, bytes);
        } else if let Err(error) = self.client.handle_input(self.now, bytes) {
            self.events();
            self.over(&error);
        }
        self.events();
    }

    fn step(&mut self, op: u8, choices: &mut Choices<'_>) {
        let to_dc = op & 1 == 0;
        match op >> 1 & 15 {
            0 => self.start(),
            1 | 2 => self.transmit(),
            3..=5 => {
                if let Some(bytes) = self.road(to_dc).pop_front() {
                    self.arrive(to_dc, &bytes);
                }
            }
            6 => {
                // A prefix of the bytes; the rest stays in flight.
                let len = usize::from(choices.byte());
                if let Some(bytes) = self.road(to_dc).pop_front() {
                    let (now, later) = bytes.split_at(len.min(bytes.len()));
                    self.road(to_dc).push_front(later.to_vec());
                    self.arrive(to_dc, now);
                }
            }
            7 => {
                // Two writes arrive as one.
                if let (Some(mut one), Some(two)) = (self.road(to_dc).pop_front(), self.road(to_dc).pop_front()) {
                    one.extend(two);
                    self.road(to_dc).push_front(one);
                }
            }
            8 => {
                let (at, change) = (usize::from(choices.word()), choices.byte().max(1));
                if let Some(bytes) = self.road(to_dc).front_mut()
                    && !bytes.is_empty()
                {
                    let at = at % bytes.len();
                    bytes[at] ^= change;
                }
            }
            9 => {
                if let Some(bytes) = self.road(to_dc).front().cloned() {
                    self.road(to_dc).push_back(bytes);
                }
            }
            10 => {
                if let Some(bytes) = self.road(to_dc).pop_back() {
                    self.road(to_dc).push_front(bytes);
                }
            }
            11 => {
                // Bytes from a third party.
                let len = usize::from(choices.byte() & 63);
                let bytes: Vec<u8> = (0..len).map(|_| choices.byte()).collect();
                self.road(to_dc).push_front(bytes);
            }
            12 => self.reconnect(),
            13 => self.pass(Duration::from_millis(u64::from(choices.word()))),
            14 => self.dc.change_salts(to_dc).unwrap(),
            _ => drop(self.road(to_dc).pop_front()),
        }
    }

    fn timeouts(&mut self) {
        self.dc.handle_timeout(self.now);
        if let Err(error) = self.client.handle_timeout(self.now) {
            self.over(&error);
        }
        self.events();
    }

    fn due(&mut self) -> Option<Instant> {
        self.client.poll_timeout().into_iter().chain(self.dc.poll_timeout()).min()
    }

    fn pass(&mut self, by: Duration) {
        let until = self.now + by;
        for _ in 0..1000 {
            self.now = self.now.max(self.due().unwrap_or(until).min(until));
            self.timeouts();
            self.transmit();
            if self.now >= until {
                return;
            }
        }
        panic!("a time-out that is never disarmed");
    }

    /// Makes the network reliable, with the injected fault still pending, and checks that every start is answered.
    fn heal(&mut self) {
        self.connections = 0;
        for turn in 0..1000 {
            // The owner of a client reconnects after a long wait: the fault may have dropped an answer.
            if turn % 100 == 0 {
                self.reconnect();
            }
            self.transmit();
            while let Some(bytes) = self.to_dc.pop_front() {
                self.arrive(true, &bytes);
            }
            self.transmit();
            while let Some(bytes) = self.to_client.pop_front() {
                self.arrive(false, &bytes);
            }
            if self.calls.is_empty() {
                return;
            }
            if self.takes_key && self.connections >= TRIES_WITHOUT_KEY {
                return;
            }
            assert!(self.connections < MAX_CONNECTIONS, "connections without end");
            if self.to_dc.is_empty() && self.to_client.is_empty() {
                if self.dc.is_closed(self.conn) {
                    self.reconnect();
                } else {
                    self.pass(Duration::from_secs(1));
                }
            }
        }
        panic!("calls are never answered: {:?}", self.calls.keys());
    }

    fn judge(&self) {
        let is_answered = |n: &usize| *n == 1 || (self.takes_key && *n == 0);
        assert!(self.answers.iter().all(is_answered), "answered so often: {:?}", self.answers);
        let asked = self.answers.len();
        assert!(self.executed <= asked, "{} started, {asked} asked for", self.executed);
        assert!(self.is_faulty || self.executed == asked, "{} started, {asked} asked for", self.executed);
    }
}

/// `framing, keys:1 | fault:1 | operations`: starts, deliveries in arbitrary pieces, losses, repeats, swaps,
/// corruption, bytes from a third party, reconnections, time, new salts, and one named fault of the server.
///
/// In the end every start is answered once and was executed once.
pub fn duel(data: &[u8]) {
    let mut choices = Choices(data);
    let mut world = World::new(choices.byte(), choices.byte());
    for _ in 0..MAX_OPS {
        if choices.0.is_empty() {
            break;
        }
        let op = choices.byte();
        world.step(op, &mut choices);
    }
    world.heal();
    world.judge();
}

//! A client, a test server, and an unreliable network, in simulated time: every bot is started exactly once, every call
//! is answered once, no answer of a bot is delivered twice, and nothing waits forever, whatever happens to bytes and
//! connections.
//!
//! ```text
//!   Connection ──▶ frames ─ repeated? swapped? changed? forged? ──▶ bytes, cut and merged ── late ──▶ Dc
//!        ▲                                                                                            │
//!        └────────────────────────────── the same the other way ──────────────────────────────────────┘
//!                       and connections break, salts change, sessions and keys are forgotten
//! ```
//!
//! `tests/protocol/session_model.rs` does the same with two sessions; this adds the framings, the key exchange,
//! temporary keys, and the complete test server. Every choice comes from a seed, which a failure prints:
//! `NANOGRAM_SEED=n` runs one seed, `NANOGRAM_SEEDS=n` that many.

use bytes::{Bytes, BytesMut};
use nanogram::base::time::{Instant, UnixTime};
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::residents::ALICE;
use nanogram::lab::dc::script::FOREVER;
use nanogram::lab::dc::{ConnId, Dc, Fault};
use nanogram::protocol::connection::{Config, Connection, ConnectionError, Event, Init, SavedKey, TemporaryKeys};
use nanogram::protocol::session::{CallError, CallId};
use nanogram::telegram::api::contacts::ResolveUsername;
use nanogram::telegram::api::messages::StartBot;
use nanogram::telegram::api::updates::{GetState, Updates};
use nanogram::telegram::start::{Known, StartCall, answer_of, start_call};
use nanogram::tl::{Call, Combinator, Tl};
use nanogram::wire::transport::{Framing, TransportFault};
use rand::rngs::ChaCha12Rng;
use rand::{Rng, RngExt, SeedableRng};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

const UNIX: i64 = 1_790_000_000;
/// End of the faults; the time after it suffices to settle everything.
const FAULTS_UNTIL: Instant = Instant::from_micros(120_000_000);
const ALL_WELL_BY: Instant = Instant::from_micros(900_000_000);
/// Most connections needed, at one connection per half second.
const MAX_CONNECTIONS: usize = 800;
/// Limit in bytes for the memory that client and server hold for each other: unanswered calls, frames in flight.
const MAX_HELD: usize = 1 << 20;

/// Parameters of the network in one run: each fault hits one frame or moment in this many; 0 for none.
#[derive(Debug, Clone, Copy)]
struct Road {
    framing: Framing,
    /// Lifetime of temporary keys, which are renewed during the run.
    temporary: Option<i32>,
    /// Longest delay of a frame in milliseconds.
    delay: u64,
    breaks: u32,
    salts: u32,
    /// Attacker on the network path: replays and swaps frames, flips bits, injects transport errors.
    repeats: u32,
    swaps: u32,
    flips: u32,
    faults: u32,
    /// The client's clock, in seconds.
    clock_off: i64,
}

impl Road {
    fn of(random: &mut ChaCha12Rng) -> Self {
        let mut one_in = |among: u32| if random.random_bool(0.5) { random.random_range(4..among) } else { 0 };
        let [breaks, salts, repeats, swaps, flips, faults] = [40, 60, 20, 20, 60, 60].map(&mut one_in);
        let framings = Framing::ALL;
        Self {
            framing: framings[random.random_range(0..4)],
            temporary: random.random_ratio(1, 4).then_some(500),
            delay: [1, 50, 400, 2000][random.random_range(0..4)],
            breaks,
            salts,
            repeats,
            swaps,
            flips,
            faults,
            clock_off: [0, 0, 0, -3600, 200, 20, -20, -100_000_000][random.random_range(0..8)],
        }
    }
}

/// One direction of a connection: frames while they can be tampered with, then bytes.
#[derive(Default)]
struct Wire(VecDeque<(Instant, Vec<u8>)>);

/// Counters over all runs.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    seconds: u64,
    connections: usize,
    starts: usize,
    repeated: usize,
    swapped: usize,
    flipped: usize,
    forged: usize,
    broken: usize,
    salted: usize,
    keys: usize,
}

struct Asked {
    /// Number of the start parameter, for a start.
    start: Option<usize>,
    body: Vec<u8>,
}

struct World {
    road: Road,
    random: ChaCha12Rng,
    now: Instant,
    client: Connection,
    dc: Dc,
    conn: Option<ConnId>,
    to_dc: Wire,
    to_client: Wire,
    /// Time of the next connection, while there is none.
    reconnects_at: Instant,
    calls: BTreeMap<CallId, Asked>,
    bot: Option<Known>,
    asked_for_bot: bool,
    /// Number of starts planned, and of those requested.
    starts: usize,
    asked: usize,
    /// Executions, answers, and bot replies of each start.
    executed: Vec<usize>,
    done: Vec<usize>,
    told: Vec<usize>,
    tally: Tally,
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn random(from: &mut ChaCha12Rng) -> Box<ChaCha12Rng> {
    Box::new(ChaCha12Rng::seed_from_u64(from.next_u64()))
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = ChaCha12Rng::seed_from_u64(seed);
        let road = Road::of(&mut dice);
        let now = Instant::from_micros(1_000_000);
        let mut dc = Dc::new(now, UnixTime::from_secs(UNIX), random(&mut dice)).unwrap();
        let key = dc.sign_in(ALICE).unwrap();
        if seed.is_multiple_of(2) {
            // Both readings of `first_msg_id` must neither lose nor repeat messages.
            dc.fault(Fault::named("first-msg-id-of-container").unwrap(), FOREVER);
        }
        let mut config = Config::new(2, dc.public_keys().cloned().collect());
        config.framing = road.framing;
        config.temporary = road.temporary.map(TemporaryKeys::lasting).unwrap_or_default();
        config.saved = Some(SavedKey { key, salt: 0, time_offset: None });
        config.init = Some(Init::new(1, "simulation"));
        let unix = UnixTime::from_secs(UNIX + road.clock_off);
        let client = Connection::new(config, now, unix, random(&mut dice));
        let starts = dice.random_range(1..12);
        Self {
            road,
            random: dice,
            now,
            client,
            dc,
            conn: None,
            to_dc: Wire::default(),
            to_client: Wire::default(),
            reconnects_at: now,
            calls: BTreeMap::new(),
            bot: None,
            asked_for_bot: false,
            starts,
            asked: 0,
            executed: vec![0; starts],
            done: vec![0; starts],
            told: vec![0; starts],
            tally: Tally::default(),
        }
    }

    fn happens(&mut self, one_in: u32) -> bool {
        one_in > 0 && self.now < FAULTS_UNTIL && self.random.random_ratio(1, one_in)
    }

    /// Puts a frame in flight, with the attacker's changes.
    fn send(&mut self, to_dc: bool, frame: Vec<u8>) {
        // The preamble is not part of a frame: repeating it is detected at once, and not interesting.
        let is_first = self.now < self.reconnects_at + ms(1);
        let mut frames = vec![frame];
        if !is_first && self.happens(self.road.repeats) {
            self.tally.repeated += 1;
            frames.push(frames[0].clone());
        }
        if !is_first && !to_dc && self.happens(self.road.faults) {
            self.tally.forged += 1;
            frames.push(forged(self.road.framing, [-404, -429, -444][self.random.random_range(0..3)]));
        }
        if self.happens(self.road.flips) {
            self.tally.flipped += 1;
            let at = self.random.random_range(0..frames[0].len());
            frames[0][at] ^= 1 << self.random.random_range(0..8);
        }
        for frame in frames {
            let delay = ms(self.random.random_range(0..=self.road.delay));
            let swaps = !is_first && self.happens(self.road.swaps);
            let wire = if to_dc { &mut self.to_dc.0 } else { &mut self.to_client.0 };
            let last = wire.back().map_or(self.now, |(at, _)| *at);
            wire.push_back((last.max(self.now + delay), frame));
            let len = wire.len();
            if swaps && len >= 2 {
                self.tally.swapped += 1;
                let (late, early) = (wire[len - 1].0, wire[len - 2].0);
                wire.swap(len - 1, len - 2);
                (wire[len - 1].0, wire[len - 2].0) = (late, early);
            }
        }
    }

    /// Ends the connection. Bytes in flight are lost, except for the first few.
    fn disconnect(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        let rest: Vec<u8> = std::mem::take(&mut self.to_dc.0).into_iter().flat_map(|(_, bytes)| bytes).collect();
        let some = self.random.random_range(0..=rest.len());
        self.dc.handle_input(conn, self.now, &rest[..some]);
        self.dc.handle_closed(conn, self.now);
        self.to_client.0.clear();
        self.reconnects_at = self.now + ms(self.random.random_range(500..3000));
    }

    fn connect(&mut self) {
        self.tally.connections += 1;
        assert!(self.tally.connections < MAX_CONNECTIONS, "connections without end");
        if self.tally.connections > 1 {
            self.client.reconnect(self.now);
        }
        self.conn = Some(self.dc.accept(self.now));
    }

    /// Reacts to the end of a connection like the owner of a client.
    fn over(&mut self, error: &ConnectionError) {
        if matches!(error, ConnectionError::Fault(TransportFault::AuthKeyNotFound)) && self.client.session().is_some() {
            self.client.drop_temporary();
        }
        self.disconnect();
    }

    fn call<C: Call>(&mut self, call: &C, start: Option<usize>) {
        let body = call.to_boxed();
        let id = self.client.call_raw(body.clone());
        assert!(self.calls.insert(id, Asked { start, body }).is_none());
    }

    /// Makes the next call: resolve the bot, start it, or something in between.
    fn ask(&mut self) {
        let Some(bot) = self.bot else {
            if !self.asked_for_bot {
                self.asked_for_bot = true;
                self.call(&ResolveUsername { username: "echo_bot".into(), referer: None }, None);
            }
            return;
        };
        if self.random.random_ratio(1, 3) {
            self.call(&GetState {}, None);
        }
        if self.asked < self.starts {
            let n = self.asked;
            self.asked += 1;
            match start_call(&bot, &bot, 1000 + n as i64, &format!("p{n}")).unwrap() {
                StartCall::StartBot(call) => self.call(&call, Some(n)),
                StartCall::PlainStart(_) => unreachable!("there is a parameter"),
            }
        }
    }

    fn events(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Reply { call, result } => {
                    let asked = self.calls.remove(&call).expect("a call of ours, and answered once");
                    self.answered(call, asked, result);
                }
                Event::Update(body) => self.update(&body),
                Event::NotBound(_) => {
                    self.client.drop_temporary();
                    self.disconnect();
                }
                Event::Temporary(_) | Event::Authorized(_) => self.tally.keys += 1,
                _ => {}
            }
        }
    }

    fn answered(&mut self, call: CallId, asked: Asked, result: Result<Bytes, CallError>) {
        match (result, asked.start) {
            (Ok(_), Some(n)) => self.done[n] += 1,
            (Ok(body), None) => {
                if self.bot.is_none()
                    && let Ok(peer) = nanogram::telegram::api::contacts::ResolvedPeerBody::from_bytes(&body)
                {
                    self.bot = Known::from_resolved(&peer).unwrap();
                }
            }
            (Err(CallError::Refused(error)), Some(n)) if error.is("RANDOM_ID_DUPLICATE") => {
                assert!(self.client.was_in_doubt(call), "p{n} was sent once, and is a duplicate");
                self.done[n] += 1;
            }
            // The server has lost `initConnection` with the session: repeat the call, which was not executed.
            (Err(CallError::Refused(error)), start) if error.is("CONNECTION_NOT_INITED") => {
                self.client.introduce_again();
                let id = self.client.call_raw(asked.body.clone());
                self.calls.insert(id, Asked { start, ..asked });
            }
            (Err(error), _) => panic!("{error}"),
        }
    }

    fn update(&mut self, body: &[u8]) {
        let Some(Known::User { id, .. }) = self.bot else { return };
        let Some(text) = Updates::from_bytes(body).ok().and_then(|updates| answer_of(id, &updates)) else { return };
        if let Some(n) = text.rsplit_once('p').and_then(|(_, n)| n.parse::<usize>().ok()) {
            self.told[n] += 1;
        }
    }

    /// Sends what both sides have.
    fn transmit(&mut self) {
        loop {
            self.events();
            let Some(conn) = self.conn else { return };
            let mut out = BytesMut::new();
            match self.client.poll_transmit(self.now, &mut out) {
                Ok(true) => self.send(true, out.to_vec()),
                Ok(false) => {
                    let mut out = BytesMut::new();
                    if self.dc.poll_transmit(conn, self.now, &mut out) {
                        self.send(false, out.to_vec());
                    } else if self.dc.is_closed(conn) {
                        // The server's last bytes may still be in flight.
                        if self.to_client.0.is_empty() {
                            self.disconnect();
                        }
                        return;
                    } else {
                        return;
                    }
                }
                Err(error) => {
                    self.over(&error);
                    return;
                }
            }
        }
    }

    /// Delivers the bytes that have arrived, in pieces of random size.
    fn arrive(&mut self) {
        for to_dc in [true, false] {
            let wire = if to_dc { &mut self.to_dc.0 } else { &mut self.to_client.0 };
            let mut bytes = Vec::new();
            while wire.front().is_some_and(|(at, _)| *at <= self.now) {
                bytes.extend(wire.pop_front().unwrap().1);
            }
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let Some(conn) = self.conn else { return };
                let (piece, after) = rest.split_at(self.random.random_range(1..=rest.len()));
                rest = after;
                if to_dc {
                    self.dc.handle_input(conn, self.now, piece);
                } else if let Err(error) = self.client.handle_input(self.now, piece) {
                    self.events();
                    self.over(&error);
                }
            }
        }
        while let Some(line) = self.dc.poll_log() {
            if let Entry::Call { method: StartBot::ID, error, .. } = &line.entry
                && error.is_none()
            {
                self.tally.starts += 1;
            }
        }
    }

    fn next(&mut self) -> Instant {
        let wires = [self.to_dc.0.front(), self.to_client.0.front()].into_iter().flatten().map(|(at, _)| *at);
        let timers = match self.conn {
            Some(_) => [self.client.poll_timeout(), self.dc.poll_timeout()],
            None => [Some(self.reconnects_at), self.dc.poll_timeout()],
        };
        wires.chain(timers.into_iter().flatten()).min().unwrap_or(FAULTS_UNTIL).max(self.now)
    }

    fn run(&mut self) {
        let mut ask_at = self.now;
        for turn in 0.. {
            assert!(turn < 200_000, "time does not go on at {:?}", self.now);
            if self.conn.is_none() && self.reconnects_at <= self.now {
                self.connect();
            }
            self.transmit();
            if self.now >= FAULTS_UNTIL && self.asked == self.starts && self.calls.is_empty() {
                return;
            }
            let has_more = self.asked < self.starts;
            self.now = if has_more { self.next().min(ask_at.max(self.now)) } else { self.next() };
            let waits: Vec<_> = self.calls.values().map(|asked| asked.start).collect();
            assert!(self.now <= ALL_WELL_BY, "stalled: {waits:?} of {} are unanswered", self.asked);
            let held = [&self.to_dc, &self.to_client].map(|w| w.0.iter().map(|(_, b)| b.len()).sum::<usize>());
            assert!(held.iter().sum::<usize>() < MAX_HELD, "{held:?} bytes on their way");
            if has_more && ask_at <= self.now {
                self.ask();
                ask_at = self.now + ms(self.random.random_range(0..15_000));
            }
            self.arrive();
            if self.happens(self.road.breaks) && self.conn.is_some() {
                self.tally.broken += 1;
                self.disconnect();
            }
            if self.happens(self.road.salts) {
                self.tally.salted += 1;
                self.dc.change_salts(self.random.random()).unwrap();
            }
            self.dc.handle_timeout(self.now);
            if self.conn.is_some()
                && let Err(error) = self.client.handle_timeout(self.now)
            {
                self.over(&error);
            }
        }
    }

    fn judge(&mut self) {
        self.tally.seconds = self.now.as_micros() / 1_000_000;
        // The messages in the chat, as the server reports them.
        self.executed = self.told_in_the_chat();
        for n in 0..self.starts {
            assert_eq!(self.executed[n], 1, "p{n} was started so often");
            assert_eq!(self.done[n], 1, "p{n} was answered so often");
            assert!(self.told[n] <= 1, "the bot's answer to p{n} was told {} times", self.told[n]);
        }
        assert_eq!(self.tally.starts, self.starts);
    }

    /// Number of times that each start appears in the chat with the bot, read directly from the server.
    fn told_in_the_chat(&mut self) -> Vec<usize> {
        use nanogram::lab::dc::{Caller, call::App};
        let Some(Known::User { id, access_hash, .. }) = self.bot else { return vec![0; self.starts] };
        let (layer, app) = (Some(nanogram::telegram::api::LAYER), Some(App::default()));
        let mut caller = Caller { layer, app, ..Caller::signed_in(ALICE) };
        let peer = Known::User { id, access_hash, is_bot: Some(true) }.peer();
        let history = nanogram::telegram::api::messages::GetHistory {
            peer,
            offset_id: 0,
            offset_date: 0,
            add_offset: 0,
            limit: 100,
            max_id: 0,
            min_id: 0,
            hash: 0,
        };
        let now = i32::try_from(UNIX).unwrap() + 1000;
        let reply = self.dc.world.call(&mut caller, now, &history.to_boxed()).reply.unwrap();
        // The parameter is visible only to the bot, which answers each start once.
        (0..self.starts)
            .map(|n| {
                let text = format!("You started me with: p{n}");
                let bytes = [&[text.len() as u8], text.as_bytes()].concat();
                reply.windows(bytes.len()).filter(|w| *w == bytes).count()
            })
            .collect()
    }
}

/// Transport error as anyone on the network path can forge it.
fn forged(framing: Framing, code: i32) -> Vec<u8> {
    let code = code.to_le_bytes();
    match framing.name() {
        "abridged" => [&[1], &code[..]].concat(),
        // Wrong sequence number and checksum: the frame is refused.
        "full" => [&[16, 0, 0, 0, 0, 0, 0, 0], &code[..], &[0; 4]].concat(),
        _ => [&[4, 0, 0, 0], &code[..]].concat(),
    }
}

/// Runs one seed, and reports its parameters on failure.
fn history(seed: u64) -> Tally {
    let road = World::new(seed).road;
    let result = std::panic::catch_unwind(|| {
        let mut world = World::new(seed);
        world.run();
        world.judge();
        world.tally
    });
    result.unwrap_or_else(|panic| {
        eprintln!("the history of NANOGRAM_SEED={seed} fails: {road:?}");
        std::panic::resume_unwind(panic);
    })
}

static SUM: LazyLock<Mutex<Tally>> = LazyLock::new(Mutex::default);

fn add(tally: Tally) {
    let mut sum = SUM.lock().unwrap();
    let Tally { seconds, connections, starts, repeated, swapped, flipped, forged, broken, salted, keys } = tally;
    sum.seconds += seconds;
    sum.connections += connections;
    sum.starts += starts;
    sum.repeated += repeated;
    sum.swapped += swapped;
    sum.flipped += flipped;
    sum.forged += forged;
    sum.broken += broken;
    sum.salted += salted;
    sum.keys += keys;
}

#[test]
fn every_bot_is_started_once_whatever_the_road() {
    let number = |name| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    if let Some(seed) = number("NANOGRAM_SEED") {
        println!("{:?}", history(seed));
        return;
    }
    let seeds = number("NANOGRAM_SEEDS").unwrap_or(2000);
    let next = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    add(history(seed));
                }
            });
        }
    });
    let sum = SUM.lock().unwrap();
    println!("{seeds} seeds, {:.1} simulated hours: {sum:?}", sum.seconds as f64 / 3600.0);
    assert!([sum.repeated, sum.swapped, sum.flipped, sum.forged, sum.broken, sum.salted].iter().all(|n| *n > 0));
}

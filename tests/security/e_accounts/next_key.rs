//! Temporary keys over several days: the connection against the test server, in simulated time.

use bytes::BytesMut;
use nanogram::base::time::{Instant, UnixTime};
use nanogram::lab::dc::log::{ConnId, Entry};
use nanogram::lab::dc::residents::ALICE;
use nanogram::lab::dc::{Act, Dc};
use nanogram::protocol::connection::{Config, Connection, Event, Init, SavedKey, TemporaryKeys};
use nanogram::protocol::session::CallId;
use nanogram::telegram::api::connect::GetNearestDc;
use nanogram::telegram::api::updates::GetState;
use nanogram::tl::Combinator;
use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use std::time::Duration;

const UNIX: UnixTime = UnixTime::from_secs(1_790_000_000);
const DAY: i32 = 86_400;

struct Pair {
    dc: Dc,
    conn: ConnId,
    client: Connection,
    now: Instant,
    events: Vec<Event>,
    log: Vec<Entry>,
}

impl Pair {
    fn new() -> Self {
        let mut pair = Self::without_a_turn();
        pair.settle();
        pair
    }

    fn without_a_turn() -> Self {
        let random = |n| Box::new(ChaCha12Rng::seed_from_u64(n));
        let now = Instant::ZERO;
        let mut dc = Dc::new(now, UNIX, random(1)).unwrap();
        let key = dc.sign_in(ALICE).unwrap();
        let init = Init::new(1, "test");
        let config = Config {
            saved: Some(SavedKey { key, salt: 0, time_offset: None }),
            temporary: TemporaryKeys::lasting(DAY),
            init: Some(init),
            ..Config::new(2, dc.public_keys().cloned().collect())
        };
        let client = Connection::new(config, now, UNIX, random(2));
        let conn = dc.accept(now);
        Self { dc, conn, client, now, events: vec![], log: vec![] }
    }

    /// Delivers bytes in both directions until none are left.
    fn settle(&mut self) {
        loop {
            let (mut out, mut back) = (BytesMut::new(), BytesMut::new());
            while self.client.poll_transmit(self.now, &mut out).unwrap() {}
            self.dc.handle_input(self.conn, self.now, &out);
            while self.dc.poll_transmit(self.conn, self.now, &mut back) {}
            self.client.handle_input(self.now, &back).unwrap();
            self.events.extend(std::iter::from_fn(|| self.client.poll_event()));
            self.log.extend(std::iter::from_fn(|| self.dc.poll_log()).map(|line| line.entry));
            if out.is_empty() && back.is_empty() {
                return;
            }
        }
    }

    fn wait(&mut self, secs: u64) {
        let until = self.now + Duration::from_secs(secs);
        loop {
            let due = [self.client.poll_timeout(), self.dc.poll_timeout()].into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due < until) else { break };
            self.now = self.now.max(due);
            self.client.handle_timeout(self.now).unwrap();
            self.dc.handle_timeout(self.now);
            self.settle();
        }
        self.now = until;
    }

    fn is_answered(&self, call: CallId) -> bool {
        self.events.iter().any(|e| matches!(e, Event::Reply { call: c, result: Ok(_) } if *c == call))
    }
    fn bound(&self) -> usize {
        self.log.iter().filter(|entry| matches!(entry, Entry::Bound { .. })).count()
    }
    /// Refusals for reasons other than the salt, which changes unannounced.
    fn refusals(&self) -> Vec<&Entry> {
        self.log.iter().filter(|entry| entry.is_refusal()).collect()
    }
}

#[test]
fn e03_a_temporary_key_is_followed_by_another_before_it_ends() {
    let mut pair = Pair::new();
    let call = pair.client.call(&GetState {}).id();
    pair.settle();
    assert!(pair.is_answered(call) && pair.bound() == 1);
    pair.wait(86_400 - 301);
    assert_eq!(pair.bound(), 1);
    pair.wait(2);
    assert_eq!(pair.bound(), 2, "five minutes before its end");
    // The client sends `initConnection` under the new key.
    let call = pair.client.call(&GetState {}).id();
    pair.settle();
    assert!(pair.is_answered(call), "{:?}", pair.log);
    pair.wait(5 * 86_400);
    assert_eq!(pair.bound(), 7);
    assert_eq!(pair.refusals(), Vec::<&Entry>::new());
}

#[test]
fn e03_a_call_that_waits_delays_the_next_key_but_not_for_ever() {
    let mut pair = Pair::new();
    let first = pair.client.call(&GetState {}).id();
    pair.settle();
    assert!(pair.is_answered(first));
    pair.wait(86_400 - 400);
    pair.dc.script(GetNearestDc::ID, Act::Ignore, 1);
    let call = pair.client.call(&GetNearestDc {}).id();
    pair.settle();
    pair.wait(200);
    assert_eq!((pair.bound(), pair.is_answered(call)), (1, false));
    pair.wait(150);
    assert_eq!(
        (pair.bound(), pair.is_answered(call)),
        (2, true),
        "a minute before its end it goes, and the call with it"
    );
    assert!(pair.client.was_in_doubt(call), "the first sending may have been executed");
}

#[test]
fn a_call_that_nobody_waits_for_is_not_made_when_the_key_is_there() {
    let mut pair = Pair::without_a_turn();
    let (forgotten, wanted) = (pair.client.call(&GetState {}).id(), pair.client.call(&GetNearestDc {}).id());
    pair.client.forget(forgotten);
    pair.settle();
    assert!(pair.is_answered(wanted) && !pair.is_answered(forgotten));
    assert!(!pair.log.iter().any(|e| matches!(e, Entry::Call { method, .. } if *method == GetState::ID)));
}

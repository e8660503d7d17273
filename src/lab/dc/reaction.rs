//! Reactions of a peer to a [fault](super::faults), which show if it was deceived.
//!
//! ```text
//! #2 misbehaved: wrong-session
//! #2 after wrong-session the peer acknowledged it      it took the message as one of its own
//! #2 after wrong-session the peer went on              another call came on this connection
//! ```
//!
//! Each is told once for a fault and a connection. A connection is watched until it ends, or until nothing has come on
//! it for [`SILENT_AFTER`] but pings and acknowledgements.

use super::Dc;
use super::faults::{Fault, How, Touched};
use super::log::Entry;
use super::script::MAX_ACTS;
use super::types::ConnId;
pub use super::types::Reaction;
use crate::base::time::Instant;
use crate::lab::server::lies::{At, Lie};
use crate::protocol::session::Opened;
use crate::tl::{Combinator, Reader, Tl};
use crate::wire::mt::auth::{ReqPq, ReqPqMulti};
use crate::wire::mt::message::{Message, read_container};
use crate::wire::mt::service::{MsgsAck, MsgsStateInfo, Ping, PingDelayDisconnect};
use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

/// A peer of which nothing but pings and acknowledgements comes for this long is called silent.
pub const SILENT_AFTER: Duration = Duration::from_secs(10);
/// Offset of the constructor in a plain message.
const PLAIN_BODY: usize = 20;

/// A peer that a fault has acted on.
#[derive(Debug)]
struct Watch {
    fault: &'static Fault,
    conn: ConnId,
    touched: Touched,
    /// Those acknowledged once of the messages that were repeated.
    once: BTreeSet<i64>,
    /// Steps of the key exchange that are still as they should be.
    honest: usize,
    /// The key exchange that the fault was in was given up for another.
    is_given_up: bool,
    /// When something last came.
    heard_at: Instant,
    told: BTreeSet<Reaction>,
}

/// Every peer that is watched.
#[derive(Debug, Default)]
pub(super) struct Watches(VecDeque<Watch>);

/// Number of answers of a key exchange before the wrong one.
const fn honest_answers(lie: Lie) -> usize {
    let at = match lie {
        Lie::Nonce(at) | Lie::ServerNonce(at) | Lie::MsgId(at) | Lie::Len(at, _) => at,
        Lie::Junk(at, _) | Lie::Encrypted(at) | Lie::Stall(at) => at,
        Lie::Fingerprint | Lie::Pq(_) => At::ResPq,
        Lie::NewNonceHash | Lie::HashOfRetry | Lie::ForgedRetry | Lie::ForgedFail => At::DhGen,
        _ => At::DhParams,
    };
    match at {
        At::ResPq => 0,
        At::DhParams => 1,
        At::DhGen => 2,
    }
}

impl Watches {
    /// A fault has acted; `touched` is what it did to packets.
    pub(super) fn begin(&mut self, now: Instant, conn: ConnId, fault: &'static Fault, touched: Touched) {
        let is_it = |watch: &&mut Watch| watch.conn == conn && watch.fault.name == fault.name;
        let honest = match fault.how {
            How::Exchange(lie) => honest_answers(lie),
            How::Again(_) => 2,
            _ => 0,
        };
        if let Some(watch) = self.0.iter_mut().find(is_it) {
            (watch.touched, watch.heard_at, watch.honest, watch.is_given_up) = (touched, now, honest, false);
            return;
        }
        if self.0.len() >= MAX_ACTS {
            self.0.pop_front();
        }
        let (once, told) = Default::default();
        self.0.push_back(Watch { fault, conn, touched, once, honest, is_given_up: false, heard_at: now, told });
    }

    /// A plain message has come. The one that a key exchange begins with comes before the fault acts.
    pub(super) fn plain(&mut self, now: Instant, conn: ConnId, packet: &[u8]) -> Vec<(&'static Fault, Reaction)> {
        let id = packet.get(PLAIN_BODY..).and_then(|body| Reader::new(body).peek());
        self.tell(now, conn, |watch| match id {
            _ if !watch.is_in_exchange() => vec![],
            Some(ReqPq::ID | ReqPqMulti::ID) => {
                watch.is_given_up = true;
                vec![Reaction::BeganAgain]
            }
            _ if watch.honest > 0 => {
                watch.honest -= 1;
                vec![]
            }
            _ => vec![Reaction::WentOn],
        })
    }

    /// An encrypted packet has come and been opened.
    pub(super) fn opened(&mut self, now: Instant, conn: ConnId, opened: &Opened) -> Vec<(&'static Fault, Reaction)> {
        if !self.0.iter().any(|watch| watch.conn == conn) {
            return Vec::new();
        }
        let header = opened.header;
        let inner = read_container(&opened.body);
        let one = || vec![Message { msg_id: header.msg_id, seqno: header.seqno, body: opened.body.clone() }];
        let messages = inner.unwrap_or_else(|_| one());
        self.tell(now, conn, |watch| {
            if watch.fault.how.is_of_exchange() {
                return if watch.is_in_exchange() { vec![Reaction::WentOn] } else { vec![] };
            }
            let mut seen: Vec<_> = messages.iter().flat_map(|message| watch.read(message)).collect();
            if watch.touched.salt == Some(header.salt) {
                seen.push(Reaction::UsedItsSalt);
            }
            seen
        })
    }

    /// The peer has closed a connection.
    pub(super) fn closed(&mut self, now: Instant, conn: ConnId) -> Vec<(&'static Fault, Reaction)> {
        let stayed = [Reaction::WentOn, Reaction::Answered, Reaction::BeganAgain];
        let has_stayed = |watch: &Watch| stayed.iter().any(|reaction| watch.told.contains(reaction));
        self.tell(now, conn, |watch| if has_stayed(watch) { vec![] } else { vec![Reaction::Left] })
    }

    /// A connection is over: nothing more can come.
    pub(super) fn end(&mut self, conn: ConnId) {
        self.0.retain(|watch| watch.conn != conn);
    }

    /// Those of which nothing came.
    pub(super) fn silent(&mut self, now: Instant) -> Vec<(ConnId, &'static Fault)> {
        let due = |watch: &&mut Watch| watch.heard_at + SILENT_AFTER <= now && !watch.told.contains(&Reaction::Silent);
        let late = self.0.iter_mut().filter(due).map(|watch| {
            watch.told.insert(Reaction::Silent);
            (watch.conn, watch.fault)
        });
        late.collect()
    }

    /// When the next one is called silent.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let waiting = self.0.iter().filter(|watch| !watch.told.contains(&Reaction::Silent));
        waiting.map(|watch| watch.heard_at + SILENT_AFTER).min()
    }

    fn tell(
        &mut self,
        now: Instant,
        conn: ConnId,
        mut of: impl FnMut(&mut Watch) -> Vec<Reaction>,
    ) -> Vec<(&'static Fault, Reaction)> {
        let mut all = Vec::new();
        for watch in self.0.iter_mut().filter(|watch| watch.conn == conn) {
            for reaction in of(watch) {
                watch.heard_at = now;
                if watch.told.insert(reaction) {
                    all.push((watch.fault, reaction));
                }
            }
        }
        all
    }
}

impl Watch {
    /// Returns true if the fault concerns the key exchange.
    const fn is_in_exchange(&self) -> bool {
        self.fault.how.is_of_exchange() && !self.is_given_up
    }

    /// Reaction that one message of the peer shows.
    fn read(&mut self, message: &Message) -> Vec<Reaction> {
        let mut r = Reader::new(&message.body);
        match r.u32().unwrap_or(0) {
            MsgsAck::ID => {
                let ids = MsgsAck::read(&mut r).map(|acks| acks.msg_ids).unwrap_or_default();
                let is_new = |id: &i64| self.touched.brought.contains(id);
                let mut again = ids.iter().filter(|id| self.touched.repeated.contains(id));
                let is_it = ids.iter().any(is_new) || again.any(|id| !self.once.insert(*id));
                if is_it { vec![Reaction::Acknowledged] } else { vec![] }
            }
            MsgsStateInfo::ID => {
                let asked = MsgsStateInfo::read(&mut r).map(|info| info.req_msg_id);
                if asked.is_ok_and(|id| self.touched.brought.contains(&id)) { vec![Reaction::Answered] } else { vec![] }
            }
            _ if self.touched.req_msg_id == Some(message.msg_id) => vec![Reaction::Answered],
            Ping::ID | PingDelayDisconnect::ID => vec![],
            _ if message.is_content() => vec![Reaction::WentOn],
            _ => vec![],
        }
    }
}

impl Dc {
    pub(super) fn note_reactions(&mut self, now: Instant, conn: ConnId, seen: Vec<(&'static Fault, Reaction)>) {
        for (fault, reaction) in seen {
            self.note(now, conn, Entry::Reacted { fault: fault.name, reaction });
        }
    }
}

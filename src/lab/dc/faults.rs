//! A data centre that misbehaves: one named fault for each thing that a client must not fall for.
//!
//! ```text
//! a connection ─▶ accept ─▶ key exchange ─▶ a call comes ─▶ reply ─▶ sealed packet ─▶ frame
//!                 Conn      Exchange        Conduct, Call    Reply    Packet           Packet
//! ```
//!
//! A fault waits for the first thing of its kind, acts on it, and is over, unless it was given several times: so what is
//! asked is not only whether a client notices, but whether it gets its answer in the end. Faults of one kind act in the
//! order they were given. Those about packets act on the next one that carries an answer (`rpc_result`), that of
//! somebody who waits for it.
//!
//! Each fault belongs to a row of the security checklist, `docs/security.md`.
//!
//! ```
//! use nanogram::lab::dc::{Dc, faults::Fault};
//! use nanogram::base::time::{Instant, UnixTime};
//! # let random = || Box::new(<rand::rngs::ChaCha12Rng as rand::SeedableRng>::seed_from_u64(1));
//! let mut dc = Dc::new(Instant::ZERO, UnixTime::from_secs(1_790_000_000), random())?;
//! let fault = Fault::named("bad-msg-key").expect("a fault of this name");
//! assert_eq!((fault.row, fault.says), ("B1", "an answer under a msg_key that is not that of its plaintext"));
//! dc.fault(fault, 1);
//! # Ok::<(), nanogram::base::entropy::EntropyFailed>(())
//! ```

mod bodies;
mod forge;
mod out;
mod packets;
pub(super) mod replies;
mod table;

pub(super) use out::Out;
pub use table::FAULTS;

use super::script::{Act, Cut, FOREVER, MAX_ACTS, error_of};
use super::types::ConnId;
use crate::lab::server::handshake::DhGen;
use crate::lab::server::lies::Lie;
use crate::protocol::session::Opened;
use crate::wire::mt::message::{Message, read_container};
use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use bytes::Bytes;
use packets::Twist;
use replies::Tamper;

/// One thing that a data centre does wrong.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// What it is called by.
    pub name: &'static str,
    /// The row of the security checklist.
    pub row: &'static str,
    /// What it is, in a sentence without a full stop.
    pub says: &'static str,
    pub(super) how: How,
}

impl Fault {
    /// The fault of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FAULTS.iter().find(|fault| fault.name == name)
    }
}

/// Where a fault acts.
#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    /// On a new connection.
    Conn(Meet),
    /// In a key exchange.
    Exchange(Lie),
    /// In a key exchange: `dh_gen_retry` so often, or with 0 an honest `dh_gen_fail`.
    Again(usize),
    /// When a call comes, before it is looked at.
    Conduct(Conduct),
    /// On the greeting of a new session: `first_msg_id` is the packet's own id, which is that of the container if it is one.
    Greeting,
    /// On the next call of this method, or with "" of any but the binding of a key: this error.
    Call(&'static str, &'static str),
    /// On the next call of any method: it is executed, and the connection ends before the answer.
    HangUp,
    /// On what a method returns.
    Reply(Tamper),
    /// On a packet with an answer, and what is framed.
    Packet(Twist),
}

impl How {
    /// Whether it acts in a key exchange.
    pub(super) const fn is_of_exchange(self) -> bool {
        matches!(self, Self::Exchange(_) | Self::Again(_))
    }
}

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meet {
    /// It is accepted, and nothing that comes is ever answered.
    Stall,
    /// It ends early.
    Cut(Cut),
    /// All that is sent on it goes out in pieces of this many bytes.
    Grain(usize),
}

/// What becomes of a packet with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conduct {
    /// It is refused with a `bad_msg_notification` of this code.
    Refuse(i32),
    /// The salt is a new one now, and the old is not taken any more.
    NewSalt,
    /// The session is forgotten, and the packet with it.
    Forget,
    /// The packet is lost; when the client asks what became of its calls, it is told a state too many, or too few.
    Miscount(Count),
}

/// How many states are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// One fewer than were asked for.
    TooFew,
    /// One more.
    TooMany,
}

/// The method that only the session's layer of a client calls.
const BINDING: &str = "auth.bindTempAuthKey";

/// How a key exchange goes.
#[derive(Debug)]
pub(super) enum Exchange {
    /// As it should.
    Honest,
    /// As it should, after these.
    Scripted(VecDeque<DhGen>),
    /// Not as it should.
    Lying(Lie),
}

/// What waits for its turn, and what faults have kept of the past.
#[derive(Debug, Default)]
pub(super) struct Faults {
    waiting: VecDeque<(&'static Fault, u32)>,
    /// Those that have acted and are not in the log yet.
    acted: Vec<(&'static Fault, Touched)>,
    kept: Kept,
}

/// Packets to be sent once more.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The last ones of a session, oldest first.
    last: VecDeque<Bytes>,
    of: Option<Place>,
    /// The last packet of a client.
    heard: Option<Bytes>,
    /// This one comes again after so many others.
    later: Option<(Bytes, Place, usize)>,
    /// This one comes again first on another connection.
    elsewhere: Option<(Bytes, Place)>,
    /// The next states that this session is told are so many.
    states: Option<(Place, Count)>,
}

/// What a fault did to the packets of a client: what can come of it.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Ids of messages that it brought.
    pub(super) brought: BTreeSet<i64>,
    /// Ids of messages that it sent again.
    pub(super) repeated: BTreeSet<i64>,
    /// The call whose answer it was.
    pub(super) req_msg_id: Option<i64>,
    /// A salt that nothing else has told.
    pub(super) salt: Option<i64>,
}

/// A session and the connection it speaks through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) conn: ConnId,
    pub(super) key: [u8; 8],
    pub(super) session_id: i64,
}

impl Faults {
    /// Lets a fault act on the next `times` things of its kind.
    pub(super) fn add(&mut self, fault: &'static Fault, times: u32) {
        if self.waiting.len() < MAX_ACTS && times > 0 {
            self.waiting.push_back((fault, times));
        }
    }

    /// Whether there is nothing to do at all.
    pub(super) fn is_idle(&self) -> bool {
        let Kept { later, elsewhere, states, .. } = &self.kept;
        self.waiting.is_empty() && later.is_none() && elsewhere.is_none() && states.is_none()
    }

    /// The first fault that `pick` wants, which acts now.
    pub(super) fn next<T>(&mut self, pick: impl Fn(How) -> Option<T>) -> Option<T> {
        let (at, found) = self.waiting.iter().enumerate().find_map(|(at, (f, _))| Some((at, pick(f.how)?)))?;
        let (fault, times) = self.waiting.get_mut(at)?;
        self.acted.push((fault, Touched::default()));
        *times -= u32::from(*times != FOREVER);
        if *times == 0 {
            self.waiting.remove(at);
        }
        Some(found)
    }

    /// What a call of this method comes to.
    pub(super) fn act(&mut self, method: Option<&str>) -> Option<Act> {
        self.next(|how| match how {
            How::Call("", error) if method != Some(BINDING) => Some(Act::Refuse(error_of(error))),
            How::Call(name, error) if method == Some(name) => Some(Act::Refuse(error_of(error))),
            How::HangUp => Some(Act::HangUp),
            _ => None,
        })
    }

    /// What becomes of the reply of this method.
    pub(super) fn tamper(&mut self, method: u32) -> Option<Tamper> {
        self.next(|how| match how {
            How::Reply(tamper) if tamper.method() == method => Some(tamper),
            _ => None,
        })
    }

    /// What becomes of a packet from a client, if there is a call in it.
    pub(super) fn conduct(&mut self, opened: &Opened) -> Option<Conduct> {
        let inner = read_container(&opened.body).unwrap_or_default();
        let has_call = opened.header.seqno & 1 == 1 || inner.iter().any(Message::is_content);
        self.next(|how| match how {
            How::Conduct(conduct) if has_call => Some(conduct),
            _ => None,
        })
    }

    /// Whether the greeting of a new session names the packet, and not the first message in it.
    pub(super) fn names_packet(&mut self) -> bool {
        self.next(|how| matches!(how, How::Greeting).then_some(())).is_some()
    }

    /// Lets the next states that a session is told be too few or too many.
    pub(super) fn miscount(&mut self, place: Place, count: Count) {
        self.kept.states = Some((place, count));
    }

    /// What becomes of a key exchange.
    pub(super) fn exchange(&mut self) -> Exchange {
        let lie = self.next(|how| match how {
            How::Exchange(lie) => Some(Exchange::Lying(lie)),
            How::Again(0) => Some(Exchange::Scripted(VecDeque::from([DhGen::Fail]))),
            How::Again(times) => Some(Exchange::Scripted((0..times).map(|_| DhGen::Retry).collect())),
            _ => None,
        });
        lie.unwrap_or(Exchange::Honest)
    }

    /// How a connection begins.
    pub(super) fn meet(&mut self) -> Option<Meet> {
        self.next(|how| if let How::Conn(meet) = how { Some(meet) } else { None })
    }

    /// Those that have acted since the last call.
    pub(super) fn acted(&mut self) -> Vec<(&'static Fault, Touched)> {
        core::mem::take(&mut self.acted)
    }
}

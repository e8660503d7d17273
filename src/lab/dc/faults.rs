//! Fault injection: one named fault for each kind of server misbehaviour that a client must withstand.
//!
//! ```text
//! a connection ─▶ accept ─▶ key exchange ─▶ a call comes ─▶ reply ─▶ sealed packet ─▶ frame
//!                 Conn      Exchange        Conduct, Call    Reply    Packet           Packet
//! ```
//!
//! A fault waits for the first event of its kind, acts on it, and is used up unless it was added several times. So a
//! test can check both that a client detects the fault and that its call is answered in the end. Faults of one kind act
//! in the order in which they were added. Packet faults act on the next packet that carries an answer (`rpc_result`) to
//! a pending call.
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

/// One kind of misbehaviour of the test server.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Name of the fault.
    pub name: &'static str,
    /// Row of the security checklist, `docs/security.md`.
    pub row: &'static str,
    /// Description, one sentence without a full stop.
    pub says: &'static str,
    pub(super) how: How,
}

impl Fault {
    /// The fault with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FAULTS.iter().find(|fault| fault.name == name)
    }
}

/// Point at which a fault acts, with its parameters.
#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    /// Acts on a new connection.
    Conn(Meet),
    /// Acts in a key exchange.
    Exchange(Lie),
    /// Acts in a key exchange: sends `dh_gen_retry` this many times, or with 0 an honest `dh_gen_fail`.
    Again(usize),
    /// Acts on a packet with calls, before they are processed.
    Conduct(Conduct),
    /// Acts on `new_session_created`: `first_msg_id` is the id of the packet itself, so of the container if it is one.
    Greeting,
    /// Refuses the next call of this method with this error; "" is any method but `auth.bindTempAuthKey`.
    Call(&'static str, &'static str),
    /// Acts on the next call of any method: executes it, and closes the connection before the answer.
    HangUp,
    /// Changes the result of a method.
    Reply(Tamper),
    /// Changes a packet with an answer, or its frame.
    Packet(Twist),
}

impl How {
    /// Returns true if the fault acts in a key exchange.
    pub(super) const fn is_of_exchange(self) -> bool {
        matches!(self, Self::Exchange(_) | Self::Again(_))
    }
}

/// Treatment of a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meet {
    /// The connection is accepted, and nothing is ever answered.
    Stall,
    /// The connection is closed early.
    Cut(Cut),
    /// Everything sent on the connection goes out in pieces of this many bytes.
    Grain(usize),
}

/// Treatment of a packet with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conduct {
    /// Refuses it with a `bad_msg_notification` of this code.
    Refuse(i32),
    /// Changes the salt; the old one is no longer accepted.
    NewSalt,
    /// Forgets the session and drops the packet.
    Forget,
    /// Drops the packet; when the client asks for the state of its calls, the answer has one state too many or too few.
    Miscount(Count),
}

/// Error in the number of states in `msgs_state_info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// One state fewer than requested.
    TooFew,
    /// One state more than requested.
    TooMany,
}

/// The method that binds a temporary key; the client's session layer calls it, not the application.
const BINDING: &str = "auth.bindTempAuthKey";

/// Course of a key exchange.
#[derive(Debug)]
pub(super) enum Exchange {
    /// Follows the protocol.
    Honest,
    /// Follows the protocol, but sends these answers to the last step first.
    Scripted(VecDeque<DhGen>),
    /// Breaks the protocol.
    Lying(Lie),
}

/// Faults that wait to act, and packets they have kept.
#[derive(Debug, Default)]
pub(super) struct Faults {
    waiting: VecDeque<(&'static Fault, u32)>,
    /// Faults that have acted and are not in the log yet.
    acted: Vec<(&'static Fault, Touched)>,
    kept: Kept,
}

/// Packets kept to be sent again.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The last packets of a session, oldest first.
    last: VecDeque<Bytes>,
    of: Option<Place>,
    /// The last packet received from a client.
    heard: Option<Bytes>,
    /// A packet to be sent again, and the number of other packets to send before it.
    later: Option<(Bytes, Place, usize)>,
    /// A packet to be sent again as the first one on another connection.
    elsewhere: Option<(Bytes, Place)>,
    /// The session whose next `msgs_state_info` has a wrong number of states.
    states: Option<(Place, Count)>,
}

/// Traces that a fault left in a client's packets, used to recognise the client's reaction.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Ids of messages that only the fault sent.
    pub(super) brought: BTreeSet<i64>,
    /// Ids of messages that the fault sent again.
    pub(super) repeated: BTreeSet<i64>,
    /// Id of the call whose answer was changed.
    pub(super) req_msg_id: Option<i64>,
    /// A salt that only the fault sent.
    pub(super) salt: Option<i64>,
}

/// A session and the connection it uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) conn: ConnId,
    pub(super) key: [u8; 8],
    pub(super) session_id: i64,
}

impl Faults {
    /// Adds a fault that acts on the next `times` events of its kind.
    pub(super) fn add(&mut self, fault: &'static Fault, times: u32) {
        if self.waiting.len() < MAX_ACTS && times > 0 {
            self.waiting.push_back((fault, times));
        }
    }

    /// Returns true if no fault is waiting and no packet is kept for later.
    pub(super) fn is_idle(&self) -> bool {
        let Kept { later, elsewhere, states, .. } = &self.kept;
        self.waiting.is_empty() && later.is_none() && elsewhere.is_none() && states.is_none()
    }

    /// Consumes the first waiting fault that `pick` accepts, and notes that it has acted.
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

    /// Fault for a call of this method, if any.
    pub(super) fn act(&mut self, method: Option<&str>) -> Option<Act> {
        self.next(|how| match how {
            How::Call("", error) if method != Some(BINDING) => Some(Act::Refuse(error_of(error))),
            How::Call(name, error) if method == Some(name) => Some(Act::Refuse(error_of(error))),
            How::HangUp => Some(Act::HangUp),
            _ => None,
        })
    }

    /// Fault for the result of this method, if any.
    pub(super) fn tamper(&mut self, method: u32) -> Option<Tamper> {
        self.next(|how| match how {
            How::Reply(tamper) if tamper.method() == method => Some(tamper),
            _ => None,
        })
    }

    /// Fault for a packet from a client, if the packet contains a call.
    pub(super) fn conduct(&mut self, opened: &Opened) -> Option<Conduct> {
        let inner = read_container(&opened.body).unwrap_or_default();
        let has_call = opened.header.seqno & 1 == 1 || inner.iter().any(Message::is_content);
        self.next(|how| match how {
            How::Conduct(conduct) if has_call => Some(conduct),
            _ => None,
        })
    }

    /// Returns true if the greeting of a new session must name the packet instead of the first message in it.
    pub(super) fn names_packet(&mut self) -> bool {
        self.next(|how| matches!(how, How::Greeting).then_some(())).is_some()
    }

    /// Makes the session's next `msgs_state_info` contain too few or too many states.
    pub(super) fn miscount(&mut self, place: Place, count: Count) {
        self.kept.states = Some((place, count));
    }

    /// Course of the next key exchange.
    pub(super) fn exchange(&mut self) -> Exchange {
        let lie = self.next(|how| match how {
            How::Exchange(lie) => Some(Exchange::Lying(lie)),
            How::Again(0) => Some(Exchange::Scripted(VecDeque::from([DhGen::Fail]))),
            How::Again(times) => Some(Exchange::Scripted((0..times).map(|_| DhGen::Retry).collect())),
            _ => None,
        });
        lie.unwrap_or(Exchange::Honest)
    }

    /// Fault for a new connection, if any.
    pub(super) fn meet(&mut self) -> Option<Meet> {
        self.next(|how| if let How::Conn(meet) = how { Some(meet) } else { None })
    }

    /// Takes the faults that have acted since the last call.
    pub(super) fn acted(&mut self) -> Vec<(&'static Fault, Touched)> {
        core::mem::take(&mut self.acted)
    }
}

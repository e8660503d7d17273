//! The other side: a data centre for tests and demonstrations, with users, groups and bots that answer.
//!
//! ```text
//! handle_input ──▶ detect ──▶ Framer ──▶ auth_key_id?
//!                                          ├─ 0 ──────▶ ServerHandshake ──▶ a new key
//!                                          ├─ unknown ▶ -404, and the connection ends
//!                                          └─ known ──▶ open ──▶ Session ──▶ call ──▶ World
//!                                                                   ▲                   │
//! poll_transmit ◀── Framer ◀── sealed packets ◀── answers, pushes ──┴───────────────────┘
//! ```
//!
//! It speaks every framing, makes keys as the server does, and refuses what a real server refuses, in the same words;
//! the reasons are in its [`log`]. What clients did before today's rules is let in and marked there. [`residents`] says
//! who lives in it and who causes which error.
//!
//! A [`Dc`] has no socket and no clock. The contract is that of [`Connection`](crate::protocol::connection::Connection), for many
//! connections at once: after any `handle_*`, take bytes for **every** connection with [`Dc::poll_transmit`] (what one
//! client does, others are told), close those that [`Dc::is_closed`] names, then ask [`Dc::poll_timeout`]. The
//! `listener` module (with feature `client`) does that over TCP.
//!
//! ```
//! use nanogram::lab::dc::{Dc, residents::ALICE};
//! use nanogram::base::time::{Instant, UnixTime};
//! # let random = || Box::new(<rand::rngs::ChaCha12Rng as rand::SeedableRng>::seed_from_u64(1));
//! let mut dc = Dc::new(Instant::ZERO, UnixTime::from_secs(1_790_000_000), random())?;
//! let key = dc.sign_in(ALICE)?; // for a session string: no login needed
//! let conn = dc.accept(Instant::ZERO);
//! dc.handle_input(conn, Instant::ZERO, b"GET / HTTP/1.1\r\n");
//! assert!(dc.is_closed(conn));
//! let lines: Vec<_> = core::iter::from_fn(|| dc.poll_log()).map(|line| line.to_string()).collect();
//! assert_eq!(lines, ["#1 connected", "#1 refused: HTTP is not served", "#1 closed"]);
//! # Ok::<(), nanogram::base::entropy::EntropyFailed>(())
//! ```

mod bots;
pub mod call;
mod draft;
mod exchange;
pub mod faults;
mod history;
mod keys;
mod layers;
#[cfg(feature = "client")]
pub mod listener;
pub mod log;
pub mod login;
pub mod mailbox;
pub mod messages;
mod methods;
mod password;
mod people;
mod post;
pub mod reaction;
pub mod residents;
pub mod script;
mod search;
mod send;
mod serve;
mod types;
mod vectors;
mod view;
pub mod world;

pub use call::{Caller, Outcome, Push};
pub use faults::Fault;
pub use keys::{FORGET_AFTER, MAX_KEYS, MAX_SESSIONS};
pub use layers::{Unsaid, is_served as is_layer_served, served as served_layers};
pub use log::{ConnId, Line};
pub use reaction::{Reaction, SILENT_AFTER};
pub use script::{Act, Cut};
pub use world::{PeerId, World};

use crate::base::entropy::{self, Entropy, EntropyFailed};
use crate::base::time::{Instant, ServerClock, UnixTime};
use crate::crypto::auth_key::AuthKey;
use crate::crypto::rsa::{RsaError, RsaKey};
use crate::lab::server::lies::FaultyHandshake;
use crate::lab::server::rsa::RsaPrivateKey;
use crate::tl::Combinator;
use crate::wire::transport::{Frame, FrameError, Framer, TransportFault, detect};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use core::fmt;
use core::net::IpAddr;
use faults::Meet;
use keys::Keys;
use log::{Entry, Log, Refusal};
use reaction::Watches;

/// The RSA key of a data centre that was given none. It is published with this crate: nothing is secret under it, and
/// nothing but a test may trust it.
pub const TEST_KEY: &str = include_str!("test_key.pem");
/// A data centre without sockets.
pub struct Dc {
    /// Who lives there.
    pub world: World,
    keys: Arc<[RsaPrivateKey]>,
    random: Box<dyn Entropy + Send>,
    clock: ServerClock,
    conns: BTreeMap<ConnId, Conn>,
    count: u64,
    auth: Keys,
    log: Log,
    /// For the next connections.
    cuts: VecDeque<Cut>,
    /// Those that faults have acted on.
    watches: Watches,
}

/// One client's connection.
struct Conn {
    /// Bytes until the framing is known.
    start: BytesMut,
    framer: Option<Framer>,
    handshake: Option<FaultyHandshake>,
    /// The `nonce` that it began with.
    nonce: Option<[u8; 16]>,
    /// Frames to send that are no session's.
    out: BytesMut,
    /// The key and id of every session that came through it.
    sessions: BTreeSet<([u8; 8], i64)>,
    /// The data centre that was called.
    dc_id: i32,
    /// When its last whole packet came.
    heard_at: Option<Instant>,
    /// The address that the client connected to.
    reached_at: Option<IpAddr>,
    /// After what it ends.
    cut: Option<Cut>,
    /// Nothing that comes is looked at.
    is_deaf: bool,
    /// Nothing is sent any more.
    is_silent: bool,
    /// All is sent in pieces of this many bytes.
    grain: usize,
    is_over: bool,
}

impl fmt::Debug for Dc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.keys.iter().map(RsaPrivateKey::public).collect();
        f.debug_struct("Dc").field("keys", &keys).field("conns", &self.conns.len()).finish_non_exhaustive()
    }
}

impl Dc {
    /// The default residents behind [`TEST_KEY`]; `unix` is the time of day at `now`.
    ///
    /// # Errors
    /// The entropy failed.
    pub fn new(now: Instant, unix: UnixTime, mut random: Box<dyn Entropy + Send>) -> Result<Self, EntropyFailed> {
        let world = World::new(entropy::bytes(&mut *random)?);
        // A test reads the key: an empty list would be seen.
        let keys = RsaPrivateKey::from_pem(TEST_KEY).into_iter().collect();
        Ok(Self::with(world, keys, now, unix, random))
    }

    /// A world of one's own behind keys of one's own.
    pub fn with(
        world: World,
        keys: Vec<RsaPrivateKey>,
        now: Instant,
        unix: UnixTime,
        random: Box<dyn Entropy + Send>,
    ) -> Self {
        Self {
            world,
            keys: keys.into(),
            random,
            clock: ServerClock::guess(now, unix),
            conns: BTreeMap::new(),
            count: 0,
            auth: Keys::default(),
            log: Log::default(),
            cuts: VecDeque::new(),
            watches: Watches::default(),
        }
    }

    /// Puts `pem`, a private key, in place of the RSA keys.
    ///
    /// # Errors
    /// It is no such key.
    pub fn set_key(&mut self, pem: &str) -> Result<(), RsaError> {
        self.keys = Arc::new([RsaPrivateKey::from_pem(pem)?]);
        Ok(())
    }

    /// The public keys that a client must trust.
    pub fn public_keys(&self) -> impl Iterator<Item = &RsaKey> {
        self.keys.iter().map(RsaPrivateKey::public)
    }

    /// Makes a key with which `user` is signed in, as if by the whole exchange and login: for a session string.
    ///
    /// # Errors
    /// The entropy failed.
    pub fn sign_in(&mut self, user: i64) -> Result<AuthKey, EntropyFailed> {
        let key = AuthKey::from_bytes(entropy::bytes(&mut *self.random)?);
        self.admit(key.clone(), Some(user))?;
        Ok(key)
    }

    /// Gives an account a password, or with an empty one takes it away.
    pub fn set_password(&mut self, user: i64, password: &str) {
        self.world.set_password(user, password);
    }

    /// Lets the next `times` calls of a method come to `act`; `method` is its id. See [`script`].
    pub fn script(&mut self, method: u32, act: Act, times: u32) {
        self.world.script(method, act, times);
    }

    /// Lets the next connection that nothing was said of end early. See [`script`].
    pub fn cut(&mut self, cut: Cut) {
        if self.cuts.len() < script::MAX_ACTS {
            self.cuts.push_back(cut);
        }
    }

    /// Lets a [fault](faults) act on the next `times` things of its kind; [`script::FOREVER`] is always.
    pub fn fault(&mut self, fault: &'static Fault, times: u32) {
        self.world.faults.add(fault, times);
    }

    /// Takes in a key that was made elsewhere, for `user` or for nobody yet, in the data centre where `user` lives.
    ///
    /// # Errors
    /// The entropy failed.
    pub fn admit(&mut self, key: AuthKey, user: Option<i64>) -> Result<(), EntropyFailed> {
        let salt = i64::from_le_bytes(entropy::bytes(&mut *self.random)?);
        let dc_id = Some(user.map_or(self.world.home.dc_id, |user| self.world.home_of(user)));
        self.auth.add(key, salt, None, Caller { user_id: user, dc_id, ..Caller::default() });
        Ok(())
    }

    /// Makes a key temporary: it ends at `expires_at`, and stands for no permanent one yet.
    pub fn expire(&mut self, key_id: [u8; 8], expires_at: i32) {
        for key in self.auth.iter_mut().filter(|key| key.auth_key.id() == key_id) {
            (key.expires_at, key.bound_to) = (Some(expires_at), None);
        }
    }

    /// Signs `user` in with a key that a client has made, as a login would.
    pub fn let_in(&mut self, key_id: [u8; 8], user: i64) {
        self.auth.sign_in(key_id, Some(user));
    }

    /// A client has connected, to the world's first data centre.
    pub fn accept(&mut self, now: Instant) -> ConnId {
        self.accept_at(now, self.world.home.dc_id)
    }

    /// A client has connected to this one of the world's data centres.
    pub fn accept_at(&mut self, now: Instant, dc_id: i32) -> ConnId {
        let meet = self.world.faults.meet();
        let scripted = if let Some(Meet::Cut(cut)) = meet { Some(cut) } else { None };
        let cut = scripted.or_else(|| self.cuts.pop_front());
        self.count += 1;
        let id = ConnId(self.count);
        self.conns.insert(
            id,
            Conn {
                start: BytesMut::new(),
                framer: None,
                handshake: None,
                nonce: None,
                out: BytesMut::new(),
                sessions: BTreeSet::new(),
                dc_id,
                heard_at: None,
                reached_at: None,
                cut,
                is_deaf: meet == Some(Meet::Stall),
                is_silent: false,
                grain: if let Some(Meet::Grain(grain)) = meet { grain } else { usize::MAX },
                is_over: false,
            },
        );
        self.note(now, id, Entry::Opened);
        self.note_faults(now, id);
        if cut.is_some_and(Cut::is_at_once) {
            self.end(id, now, Refusal::Scripted);
        }
        id
    }

    /// Says by which address a client came: `help.getConfig` tells it that one where the data centre listens on all.
    pub fn set_reached_at(&mut self, id: ConnId, address: IpAddr) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.reached_at = Some(address);
        }
    }

    /// Takes bytes from a client, cut anywhere.
    pub fn handle_input(&mut self, id: ConnId, now: Instant, bytes: &[u8]) {
        let Some(mut conn) = self.conns.remove(&id) else { return };
        let (read, is_last) = conn.cut.as_mut().map_or((bytes.len(), false), |cut| cut.read(bytes.len()));
        let bytes = bytes.get(..read).unwrap_or_default();
        if !conn.is_over
            && !conn.is_deaf
            && let Err((refusal, fault)) = self.feed(id, &mut conn, now, bytes)
        {
            self.note(now, id, Entry::Refused(refusal));
            self.note(now, id, Entry::Closed);
            if let (Some(framer), Some(fault)) = (&mut conn.framer, fault) {
                framer.encode_fault(fault, &mut conn.out);
            }
            self.leave(&mut conn);
        }
        let is_over = conn.is_over;
        self.conns.insert(id, conn);
        self.note_faults(now, id);
        if is_last && !is_over {
            self.end(id, now, Refusal::Scripted);
        }
    }

    /// When the last whole packet came on a connection; `None` if there was none yet.
    pub fn heard_at(&self, id: ConnId) -> Option<Instant> {
        self.conns.get(&id).and_then(|conn| conn.heard_at)
    }

    /// The key of this id.
    pub fn key(&self, id: [u8; 8]) -> Option<&AuthKey> {
        self.auth.key(id)
    }

    /// Ends a connection; nothing more is sent. No-op if it is over.
    pub fn dismiss(&mut self, id: ConnId, now: Instant, why: Refusal) {
        if !self.is_closed(id) {
            self.end(id, now, why);
        }
    }

    /// Ends a connection; nothing more is sent.
    fn end(&mut self, id: ConnId, now: Instant, why: Refusal) {
        let Some(mut conn) = self.conns.remove(&id) else { return };
        self.note(now, id, Entry::Refused(why));
        self.note(now, id, Entry::Closed);
        conn.out.clear();
        self.leave(&mut conn);
        self.conns.insert(id, conn);
    }

    /// The client has gone; the connection is forgotten.
    pub fn handle_closed(&mut self, id: ConnId, now: Instant) {
        let Some(mut conn) = self.conns.remove(&id) else { return };
        if !conn.is_over {
            let seen = self.watches.closed(now, id);
            self.note_reactions(now, id, seen);
            self.note(now, id, Entry::Closed);
            self.leave(&mut conn);
        }
        self.watches.end(id);
    }

    /// Parts the sessions from a connection that is over.
    fn leave(&mut self, conn: &mut Conn) {
        conn.is_over = true;
        for (key, session_id) in core::mem::take(&mut conn.sessions) {
            if let Some(seat) = self.auth.seat(key, session_id) {
                seat.conn = None;
            }
        }
    }

    fn feed(&mut self, id: ConnId, conn: &mut Conn, now: Instant, bytes: &[u8]) -> Result<(), Denied> {
        match &mut conn.framer {
            Some(framer) => framer.push(bytes),
            None => {
                conn.start.extend_from_slice(bytes);
                let detected = detect(&mut conn.start);
                let Some(framer) = detected.map_err(|e| (start_refusal(&conn.start, e), None))? else {
                    return Ok(());
                };
                self.note(now, id, Entry::Speaks(framer.framing()));
                conn.framer = Some(framer);
            }
        }
        while let Some(framer) = &mut conn.framer {
            match framer.next().map_err(|e| (Refusal::Frame(e), None))? {
                None => break,
                Some(Frame::Packet(packet)) => self.take_packet(id, conn, now, packet, false)?,
                Some(Frame::AckWanted(packet)) => self.take_packet(id, conn, now, packet, true)?,
                Some(Frame::QuickAck(_) | Frame::Fault(_)) => return Err((Refusal::NoPacket, None)),
            }
            conn.heard_at = Some(now);
            if conn.cut.as_mut().is_some_and(Cut::take) {
                conn.out.clear();
                return Err((Refusal::Scripted, None));
            }
        }
        Ok(())
    }

    fn take_packet(
        &mut self,
        id: ConnId,
        conn: &mut Conn,
        now: Instant,
        packet: BytesMut,
        wants_ack: bool,
    ) -> Result<(), Denied> {
        match packet.first_chunk() {
            None => Err((Refusal::NoPacket, None)),
            Some([0, 0, 0, 0, 0, 0, 0, 0]) => self.take_plain(id, conn, now, &packet),
            Some(&key) => self.take_encrypted(id, conn, now, key, packet, wants_ack),
        }
    }

    /// What is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        let mut late = Vec::new();
        for seat in self.auth.seats() {
            if seat.hang_up_at().is_some_and(|at| at <= now) {
                late.extend(seat.conn);
            }
        }
        for id in late {
            if let Some(mut conn) = self.conns.remove(&id) {
                self.note(now, id, Entry::Closed);
                self.leave(&mut conn);
                self.conns.insert(id, conn);
            }
        }
        for (id, fault) in self.watches.silent(now) {
            self.note_reactions(now, id, vec![(fault, Reaction::Silent)]);
        }
        self.auth.forget_old(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let of = |seat: &mut keys::Seat| {
            let hang_up_at = seat.hang_up_at();
            seat.conn.and([seat.session.poll_timeout(), hang_up_at].into_iter().flatten().min())
        };
        self.auth.seats().filter_map(of).chain(self.watches.poll_timeout()).min()
    }

    /// Whether a connection is over: close its socket once everything is sent, and say [`Dc::handle_closed`].
    pub fn is_closed(&self, id: ConnId) -> bool {
        self.conns.get(&id).is_none_or(|conn| conn.is_over)
    }

    /// All connections that are not forgotten.
    pub fn connections(&self) -> impl Iterator<Item = ConnId> {
        self.conns.keys().copied()
    }

    /// The next thing that happened.
    pub fn poll_log(&mut self) -> Option<Line> {
        self.log.pop()
    }

    /// Gives every key a new salt. With `grace` the old ones are still taken, as for half an hour on a real server.
    ///
    /// # Errors
    /// The entropy failed.
    pub fn change_salts(&mut self, grace: bool) -> Result<(), EntropyFailed> {
        for key in self.auth.iter_mut() {
            key.change_salt(i64::from_le_bytes(entropy::bytes(&mut *self.random)?), grace);
        }
        Ok(())
    }

    fn note(&mut self, now: Instant, conn: ConnId, entry: Entry) {
        self.log.push(self.clock.at(now), conn, entry);
    }
}

/// The reason to refuse the first bytes of a connection, by the transport that they are of.
fn start_refusal(start: &[u8], error: FrameError) -> Refusal {
    const METHODS: [&[u8]; 5] = [b"GET ", b"POST", b"HEAD", b"OPTI", b"PUT "];
    const UPGRADE: &[u8] = b"upgrade: websocket";
    let is_upgrade = start.windows(UPGRADE.len()).any(|bytes| bytes.eq_ignore_ascii_case(UPGRADE));
    match METHODS.iter().any(|method| start.starts_with(method)) {
        true if is_upgrade => Refusal::WebSocket,
        true => Refusal::Http,
        false => Refusal::Frame(error),
    }
}

/// Why a connection ends, and what its client is told.
type Denied = (Refusal, Option<TransportFault>);

/// The bytes of a boxed value.
fn boxed<T: Combinator>(value: &T) -> Bytes {
    value.to_boxed().into()
}

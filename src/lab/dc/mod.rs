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
mod connections;
mod desk;
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
mod qr;
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
use crate::wire::transport::{Framer, TransportFault};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use core::fmt;
use core::net::IpAddr;
use keys::Keys;
use log::{Entry, Log, Refusal};
use reaction::Watches;

/// The RSA key of a data centre that was given none. It is published with this crate: nothing is secret under it, and
/// nothing but a test may trust it.
pub const TEST_KEY: &str = include_str!("test_key.pem");
/// A data centre without sockets.
pub struct Dc {
    /// Users, bots and groups of the data centre.
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
    /// The address that the client connected to.
    reached_at: Option<IpAddr>,
    /// When its last whole packet came.
    heard_at: Option<Instant>,
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

    /// The key of this id.
    pub fn key(&self, id: [u8; 8]) -> Option<&AuthKey> {
        self.auth.key(id)
    }

    /// Does what is due at `now`.
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

/// Why a connection ends, and what its client is told.
type Denied = (Refusal, Option<TransportFault>);

/// The bytes of a boxed value.
fn boxed<T: Combinator>(value: &T) -> Bytes {
    value.to_boxed().into()
}

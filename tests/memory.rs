//! Memory that one connection can make its peer hold, whatever it sends: counted by the allocator, flood by
//! flood and size of read, towards a client, a data centre and `decode`. `cargo test --all-features --test memory --
//! --nocapture` prints
//! the table.
//!
//! "peak" is the highest use above the level before the flood, also in the middle of a call; "kept" is the use after
//! it. The memory of the attacking peer is subtracted.
#![expect(unsafe_code, reason = "an allocator cannot be written without")]

use bytes::BytesMut;
use nanogram::base::side::Side;
use nanogram::base::time::{Instant, UnixTime};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::dc::residents::ALICE;
use nanogram::lab::dc::{Caller, ConnId, Dc, World};
use nanogram::protocol::connection::{Config, Connection, SavedKey};
use nanogram::protocol::session::packet::{self, Header};
use nanogram::telegram::api::LAYER;
use nanogram::telegram::api::auth::{DropTempAuthKeys, ExportLoginToken, SendCode};
use nanogram::telegram::api::chats::InviteToChannel;
use nanogram::telegram::api::connect::{
    GetConfig, InitConnection, InvokeAfterMsgs, InvokeWithLayer, InvokeWithoutUpdates,
};
use nanogram::telegram::api::messages::{GetHistory, GetPeerDialogs, SendMessage};
use nanogram::telegram::api::peer::{InputPeer, InputPeerChat, InputPeerSelf};
use nanogram::telegram::api::users::GetUsers;
use nanogram::tl::VECTOR;
use nanogram::tl::{BareVec, Blob, Combinator, Raw, Tl};
use nanogram::wire::mt::auth::ReqPqMulti;
use nanogram::wire::mt::gzip::{MAX_INFLATED, deflate};
use nanogram::wire::mt::message::{GzipPacked, Message, RpcResult, write_container};
use nanogram::wire::mt::service::*;
use nanogram::wire::transport::{Frame, Framer, Framing, MAX_FRAME};
use rand::rngs::ChaCha12Rng;
use rand::{Rng, RngExt, SeedableRng};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// Limit in bytes for every flood.
const LIMIT: isize = 16 << 20;
/// Nor does `decode` take as much beside a recording: 8 MiB of inflated bytes, a tree of 2^18 values, and 80 bytes for
/// each
/// packet.
const DECODE_LIMIT: isize = 64 << 20;
/// Bytes that a driver reads from its socket at once.
const READS: [usize; 3] = [16 << 10, 64 << 10, 1 << 20];
const UNIX: UnixTime = UnixTime::from_secs(1_790_000_000);

thread_local! {
    // Per thread: the test runner's thread allocates at any time.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

struct Meter;

fn grow(by: usize) {
    let live = LIVE.get() + by as isize;
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
}
fn shrink(by: usize) {
    LIVE.set(LIVE.get() - by as isize);
}

// SAFETY: all memory comes from the system allocator; the meter only counts.
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both blocks exist while the data moves.
        grow(size);
        shrink(layout.size());
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static METER: Meter = Meter;

/// Memory held by the side under test, above its level at the beginning.
#[derive(Default)]
struct Held {
    kept: isize,
    peak: isize,
}

impl Held {
    /// Runs code of the side under test.
    fn during<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = LIVE.get();
        PEAK.set(before);
        let value = work();
        self.peak = self.peak.max(self.kept + PEAK.get() - before);
        self.kept += LIVE.get() - before;
        value
    }
}

fn introduced(layer: i32, query: &[u8], device_model: &str) -> Vec<u8> {
    let init = InitConnection {
        api_id: 1,
        device_model: device_model.into(),
        system_version: "1".into(),
        app_version: "1".into(),
        system_lang_code: "en".into(),
        lang_pack: String::new(),
        lang_code: "en".into(),
        proxy: None,
        params: None,
        query: Raw(query.to_vec()),
    };
    InvokeWithLayer { layer, query: Raw(init.to_boxed()) }.to_boxed()
}

/// The side under test, driven as its contract says, and a peer that holds the key.
struct Arena {
    target: Target,
    held: Held,
    now: Instant,
    /// True if the peer reads what it is sent.
    reads: bool,
    wire_bytes: usize,
    /// Bytes delivered at a time; events are polled after each delivery.
    read: usize,
    random: ChaCha12Rng,
    key: AuthKey,
    session_id: i64,
    salt: i64,
    made: i64,
    reconnects: usize,
    framer: Framer,
    /// Decrypted messages that came back.
    heard: Vec<Message>,
}

enum Target {
    Client(Box<Connection>),
    Dc(Box<Dc>, ConnId),
}

impl Target {
    /// Delivers bytes like a socket; returns false if the connection ends.
    fn take(&mut self, now: Instant, wire: &[u8], reads: bool, out: &mut BytesMut) -> bool {
        match self {
            Self::Client(client) => {
                let mut lives = client.handle_input(now, wire).is_ok();
                loop {
                    lives &= client.handle_timeout(now).is_ok();
                    while reads && lives && client.poll_transmit(now, out).unwrap() {}
                    while client.poll_event().is_some() {}
                    // Input that waited for room is processed at once.
                    if !lives || client.wants_input() {
                        return lives;
                    }
                }
            }
            Self::Dc(dc, conn) => {
                dc.handle_input(*conn, now, wire);
                dc.handle_timeout(now);
                while reads && dc.poll_transmit(*conn, now, out) {}
                while dc.poll_log().is_some() {}
                !dc.is_closed(*conn)
            }
        }
    }
}

impl Arena {
    fn new(target: Target, key: AuthKey, session_id: i64) -> Self {
        let framer = Framer::new(Framing::ABRIDGED, if target.is_dc() { Side::Client } else { Side::Server });
        Self {
            target,
            held: Held::default(),
            now: Instant::ZERO,
            reads: true,
            wire_bytes: 0,
            read: READS[0],
            random: ChaCha12Rng::seed_from_u64(7),
            key,
            session_id,
            salt: 0,
            made: 0,
            reconnects: 0,
            framer,
            heard: Vec::new(),
        }
    }
    /// Client with a key and 100 calls in flight.
    fn client() -> Self {
        let mut random = ChaCha12Rng::seed_from_u64(1);
        let mut bytes = [0; 256];
        random.fill_bytes(&mut bytes);
        let key = AuthKey::from_bytes(bytes);
        let saved = Some(SavedKey { key: key.clone(), salt: 0, time_offset: None });
        let config = Config { saved, init: None, ..Config::new(2, vec![]) };
        let mut client = Box::new(Connection::new(config, Instant::ZERO, UNIX, Box::new(random)));
        let mut out = BytesMut::new();
        for ping_id in 0..100 {
            client.call(&Ping { ping_id });
        }
        while client.poll_transmit(Instant::ZERO, &mut out).unwrap() {}
        let session_id = client.session().unwrap().session_id();
        let mut arena = Self::new(Target::Client(client), key, session_id);
        arena.hear(&out);
        arena
    }
    /// Client without a key, in the first step of the key exchange.
    fn stranger() -> Self {
        let mut random = ChaCha12Rng::seed_from_u64(1);
        let key = AuthKey::from_bytes([random.random(); 256]);
        let mut client = Box::new(Connection::new(Config::new(2, vec![]), Instant::ZERO, UNIX, Box::new(random)));
        client.poll_transmit(Instant::ZERO, &mut BytesMut::new()).unwrap();
        Self::new(Target::Client(client), key, 0)
    }
    /// Test server, with Alice's client introduced.
    fn dc() -> Self {
        let mut dc = Box::new(Dc::new(Instant::ZERO, UNIX, Box::new(ChaCha12Rng::seed_from_u64(1))).unwrap());
        let key = dc.sign_in(ALICE).unwrap();
        let conn = dc.accept(Instant::ZERO);
        let mut arena = Self::new(Target::Dc(dc, conn), key, 77);
        // The first packet learns the right salt.
        for _ in 0..2 {
            let hello = arena.introduced(&GetConfig {}.to_boxed(), "test");
            arena.say(&hello);
        }
        arena
    }
    fn introduced(&self, query: &[u8], device_model: &str) -> Vec<u8> {
        introduced(LAYER, query, device_model)
    }
    fn side(&self) -> Side {
        if self.target.is_dc() { Side::Client } else { Side::Server }
    }
    /// Starts the measurement.
    fn begin(&mut self) {
        self.held = Held::default();
        self.wire_bytes = 0;
    }

    /// Delivers bytes in pieces like a socket. A connection that ends is replaced by another.
    fn send(&mut self, wire: &[u8]) {
        self.wire_bytes += wire.len();
        for piece in wire.chunks(self.read) {
            self.now = self.now + Duration::from_micros(50);
            let (target, now, reads) = (&mut self.target, self.now, self.reads);
            let (out, lives) = self.held.during(|| {
                let mut out = BytesMut::new();
                let lives = target.take(now, piece, reads, &mut out);
                (out, lives)
            });
            self.hear(&out);
            self.held.during(|| drop(out));
            if !lives {
                return self.reconnect();
            }
        }
    }
    fn reconnect(&mut self) {
        self.reconnects += 1;
        let now = self.now;
        let target = &mut self.target;
        self.held.during(|| match target {
            Target::Client(client) => {
                client.reconnect(now);
                let mut out = BytesMut::new();
                while client.poll_transmit(now, &mut out).unwrap() {}
            }
            Target::Dc(dc, conn) => {
                dc.handle_closed(*conn, now);
                *conn = dc.accept(now);
            }
        });
        self.framer = Framer::new(Framing::ABRIDGED, self.side());
    }
    fn hear(&mut self, wire: &[u8]) {
        let mut framer = Framer::new(Framing::ABRIDGED, self.side());
        let wire = if wire.first() == Some(&0xef) { &wire[1..] } else { wire };
        if self.side() == Side::Server {
            framer.push(&[0xef]);
        }
        framer.push(wire);
        while let Ok(Some(Frame::Packet(packet))) = framer.next() {
            let Ok(opened) = packet::open(&self.key, self.side().peer(), packet) else { continue };
            self.salt = opened.header.salt;
            let alone = || vec![Message { msg_id: opened.header.msg_id, seqno: 0, body: opened.body.clone() }];
            self.heard = nanogram::wire::mt::message::read_container(&opened.body).unwrap_or_else(|_| alone());
        }
    }
    fn id(&mut self) -> i64 {
        self.made += 1;
        let second = UNIX.as_secs() + i64::try_from(self.now.as_micros() / 1_000_000).unwrap();
        (second << 32) + self.made * 4 + i64::from(!self.target.is_dc())
    }
    fn framed(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut out = BytesMut::new();
        self.framer.encode(packet, &mut out).unwrap();
        out.to_vec()
    }
    fn seal(&mut self, msg_id: i64, seqno: i32, body: &[u8]) -> Vec<u8> {
        let header = Header { salt: self.salt, session_id: self.session_id, msg_id, seqno };
        let packet = packet::seal(&self.key, self.side(), &header, body, &mut self.random).unwrap().0;
        self.framed(&packet)
    }
    /// Sends a message that must be acknowledged.
    fn say(&mut self, body: &[u8]) {
        let id = self.id();
        let wire = self.seal(id, (self.made * 2 + 1) as i32, body);
        self.send(&wire);
    }
    fn say_together(&mut self, bodies: &[Vec<u8>]) {
        let bodies = bodies.iter();
        let messages: Vec<_> = bodies
            .map(|body| Message { msg_id: self.id(), seqno: (self.made * 2 + 1) as i32, body: body.clone().into() })
            .collect();
        let mut body = Vec::new();
        write_container(&messages, &mut body);
        let id = self.id();
        let wire = self.seal(id, (self.made * 2) as i32, &body);
        self.send(&wire);
    }
    /// Sends a plain message of the key exchange.
    fn say_plainly(&mut self, body: &[u8]) {
        let id = self.id();
        let len = u32::try_from(body.len()).unwrap();
        let wire = self.framed(&[&[0; 8][..], &id.to_le_bytes(), &len.to_le_bytes(), body].concat());
        self.send(&wire);
    }
    /// Sends a text of maximal length in characters of four bytes.
    fn write(&mut self, peer: InputPeer) {
        let message = (0..4096).map(|_| char::from_u32(0x1_f300 + self.random.random_range(0..512)).unwrap()).collect();
        let call = SendMessage {
            no_webpage: false,
            silent: false,
            background: false,
            clear_draft: false,
            noforwards: false,
            update_stickersets_order: false,
            invert_media: false,
            allow_paid_floodskip: false,
            peer,
            reply_to: None,
            message,
            random_id: self.random.random(),
            reply_markup: None,
            entities: None,
            schedule_date: None,
            schedule_repeat_period: None,
            send_as: None,
            quick_reply_shortcut: None,
            effect: None,
            allow_paid_stars: None,
            suggested_post: None,
            rich_message: None,
        };
        self.say(&call.to_boxed());
    }
    fn noise(&mut self, len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        self.random.fill_bytes(&mut out);
        out
    }
}

impl Target {
    const fn is_dc(&self) -> bool {
        matches!(self, Self::Dc(..))
    }
}

/// Flood: its name, its target, and its packets.
type Flood = (&'static str, fn() -> Arena, fn(&mut Arena));

fn gz(body: &[u8]) -> Vec<u8> {
    GzipPacked { packed_data: Blob(deflate(body)) }.to_boxed()
}

fn rpc_result(req_msg_id: i64, value: &[u8]) -> Vec<u8> {
    [&RpcResult::ID.to_le_bytes()[..], &req_msg_id.to_le_bytes(), value].concat()
}

/// Update of an unknown type, `len` bytes long.
fn update(len: usize) -> Vec<u8> {
    let mut out = vec![0x11; len];
    out[..4].copy_from_slice(&0x1122_3344_u32.to_le_bytes());
    out
}

/// Message ids that fill a value up to the limit for inflated data.
fn ids_to_the_cap(first: i64) -> Vec<i64> {
    (0..((MAX_INFLATED - 16) / 8) as i64).map(|n| first + 4 * n).collect()
}

/// Frame that announces the largest length, without its last word.
fn unfinished(arena: &mut Arena) -> Vec<u8> {
    let words = u32::try_from(MAX_FRAME / 4).unwrap().to_le_bytes();
    let start: &[u8] = if arena.target.is_dc() { &[0xef, 0x7f] } else { &[0x7f] };
    [start, &words[..3], &arena.noise(MAX_FRAME - 4)].concat()
}

/// Constructor id of `resPQ`.
const RES_PQ: u32 = 0x0516_2463;
const LARGE: usize = (4 << 20) - 256;

fn questions(arena: &mut Arena) {
    let msg_ids: Vec<i64> = (0..8192).map(|n| n * 4 + 1).collect();
    let body = MsgsStateReq { msg_ids }.to_boxed();
    (0..600).for_each(|_| arena.say(&body));
}

fn unfinished_frames(arena: &mut Arena) {
    for _ in 0..4 {
        let wire = unfinished(arena);
        arena.send(&wire);
        arena.reconnect();
    }
}

fn garbage(arena: &mut Arena) {
    for _ in 0..200 {
        let wire = arena.noise(64 << 10);
        arena.send(&wire);
    }
}

fn frames_of_noise(arena: &mut Arena) {
    for _ in 0..4 {
        let mut noise = arena.noise(LARGE);
        noise[..8].copy_from_slice(&arena.key.id());
        let wire = arena.framed(&noise);
        arena.send(&wire);
    }
}

/// Two megabytes on the wire, which open to two gigabytes.
fn bombs(arena: &mut Arena) {
    let body = gz(&update((8 << 20) - 64));
    let mut wire = Vec::new();
    for _ in 0..256 {
        let id = arena.id();
        wire.extend(arena.seal(id, (arena.made * 2 + 1) as i32, &body));
    }
    arena.send(&wire);
    assert_eq!(arena.reconnects, 0, "each packet is opened");
}

const TO_CLIENT: &[Flood] = &[
    ("packets of 8 KB that open to 8 MiB, in one piece", Arena::client, bombs),
    ("errors of 8 MiB, compressed", Arena::client, |arena| {
        let text = Blob(vec![b'A'; (8 << 20) - 64]);
        let calls: Vec<i64> = arena.heard.iter().take(8).map(|m| m.msg_id).collect();
        for to in calls {
            let mut error = RpcErrorBare::ID.to_le_bytes().to_vec();
            error.extend(400_i32.to_le_bytes());
            text.write(&mut error);
            arena.say(&rpc_result(to, &gz(&error)));
        }
    }),
    ("garbage", Arena::client, garbage),
    ("frames of 4 MiB never completed", Arena::client, unfinished_frames),
    ("frames of 4 MiB that no key opens", Arena::client, frames_of_noise),
    ("quick acks never asked for", Arena::client, |arena| {
        let wire = [0x80, 1, 2, 3].repeat(1 << 20);
        arena.send(&wire);
    }),
    ("key exchange: garbage in plain messages", Arena::stranger, |arena| {
        for _ in 0..4 {
            let noise = arena.noise(LARGE);
            arena.say_plainly(&noise);
        }
    }),
    ("key exchange: resPQ with 500,000 keys", Arena::stranger, |arena| {
        for _ in 0..4 {
            let mut body = RES_PQ.to_le_bytes().to_vec();
            body.extend([0; 32]);
            Blob(vec![0; 8]).write(&mut body);
            (0..500_000).collect::<Vec<i64>>().write(&mut body);
            arena.say_plainly(&body);
        }
    }),
    ("results of calls nobody made, small", Arena::client, |arena| {
        (0..20_000).for_each(|n| arena.say(&rpc_result(n * 4, &update(8))));
    }),
    ("results of calls nobody made, 4 MiB", Arena::client, |arena| {
        (0..4).for_each(|n| arena.say(&rpc_result(n * 4, &update(LARGE))));
    }),
    ("updates of 4 MiB", Arena::client, |arena| (0..4).for_each(|_| arena.say(&update(LARGE)))),
    ("content messages, acks not taken", Arena::client, |arena| {
        arena.reads = false;
        (0..20_000).for_each(|_| arena.say(&update(8)));
    }),
    ("containers of 1020 results", Arena::client, |arena| {
        for _ in 0..20 {
            arena.say_together(&vec![rpc_result(4, &update(16)); 1020]);
        }
    }),
    ("containers of 1020 updates, 4 MiB", Arena::client, |arena| {
        for _ in 0..4 {
            arena.say_together(&vec![update(4 << 10); 1020]);
        }
    }),
    ("gzip to the cap: updates", Arena::client, |arena| (0..3).for_each(|_| arena.say(&gz(&update(MAX_INFLATED))))),
    ("gzip to the cap in a frame to the cap", Arena::client, |arena| {
        for _ in 0..3 {
            let mut value = arena.noise(LARGE - (8 << 10));
            value[..4].copy_from_slice(&[1, 2, 3, 4]);
            value.resize(MAX_INFLATED, 0);
            arena.say(&gz(&value));
        }
    }),
    ("gzip to the cap: results", Arena::client, |arena| {
        let calls: Vec<_> = arena.heard.iter().map(|m| m.msg_id).take(3).collect();
        calls.iter().for_each(|call| arena.say(&rpc_result(*call, &gz(&update(MAX_INFLATED)))));
    }),
    ("gzip to the cap: containers of 1020", Arena::client, |arena| {
        for _ in 0..3 {
            arena.say_together(&vec![gz(&update((MAX_INFLATED / 1020) & !3)); 1020]);
        }
    }),
    ("gzip to the cap: acks", Arena::client, |arena| {
        (0..2).for_each(|_| arena.say(&gz(&MsgsAck { msg_ids: ids_to_the_cap(0) }.to_boxed())));
    }),
    ("gzip to the cap: questions", Arena::client, |arena| {
        (0..2).for_each(|_| arena.say(&gz(&MsgsStateReq { msg_ids: ids_to_the_cap(1) }.to_boxed())));
    }),
    ("gzip to the cap: requests to send again", Arena::client, |arena| {
        (0..2).for_each(|_| arena.say(&gz(&MsgResendReq { msg_ids: ids_to_the_cap(0) }.to_boxed())));
    }),
    ("gzip to the cap: states", Arena::client, |arena| {
        let msg_ids: Vec<i64> = (0..(MAX_INFLATED / 9 - 16) as i64).collect();
        let info = Blob(vec![4; msg_ids.len()]);
        (0..2).for_each(|_| arena.say(&gz(&MsgsAllInfo { msg_ids: msg_ids.clone(), info: info.clone() }.to_boxed())));
    }),
    ("gzip to the cap: salts", Arena::client, |arena| {
        let salt = FutureSalt { valid_since: 0, valid_until: 1, salt: 1 };
        let salts = BareVec(vec![salt; MAX_INFLATED / 16 - 4]);
        (0..2).for_each(|_| arena.say(&gz(&FutureSalts { req_msg_id: 4, now: 1, salts: salts.clone() }.to_boxed())));
    }),
    ("questions about 8192 messages, unanswered", Arena::client, |arena| {
        arena.reads = false;
        questions(arena);
    }),
    ("questions about 8192 messages", Arena::client, questions),
    ("answers announced, not sent", Arena::client, |arena| {
        arena.reads = false;
        for n in 0..20_000 {
            arena.say(&MsgNewDetailedInfo { answer_msg_id: n * 4 + 1, bytes: 1, status: 0 }.to_boxed());
        }
    }),
    ("requests to send 100 calls again", Arena::client, |arena| {
        for _ in 0..200 {
            let msg_ids = arena.heard.iter().map(|m| m.msg_id).collect();
            arena.say(&MsgResendReq { msg_ids }.to_boxed());
        }
    }),
    ("new sessions", Arena::client, |arena| {
        for unique_id in 0..5_000 {
            arena.say(&NewSessionCreated { first_msg_id: i64::MAX & !3, unique_id, server_salt: unique_id }.to_boxed());
        }
    }),
];

const TO_DC: &[Flood] = &[
    ("packets of 8 KB that open to 8 MiB, in one piece", Arena::dc, bombs),
    ("garbage", Arena::dc, garbage),
    ("frames of 4 MiB never completed", Arena::dc, unfinished_frames),
    ("frames of 4 MiB that no key opens", Arena::dc, frames_of_noise),
    ("key exchange: req_pq_multi, answers taken", Arena::dc, |arena| {
        for n in 0..20_000_u64 {
            let nonce: [u8; 16] = std::array::from_fn(|i| n.to_le_bytes()[i % 8]);
            arena.say_plainly(&ReqPqMulti { nonce }.to_boxed());
        }
    }),
    ("key exchange: garbage in plain messages", Arena::dc, |arena| {
        for _ in 0..4 {
            let noise = arena.noise(LARGE);
            arena.say_plainly(&noise);
        }
    }),
    ("calls whose answers are never acknowledged", Arena::dc, |arena| {
        (0..20_000).for_each(|_| arena.say(&GetConfig {}.to_boxed()));
    }),
    ("the same, and not taken", Arena::dc, |arena| {
        arena.reads = false;
        (0..20_000).for_each(|_| arena.say(&GetConfig {}.to_boxed()));
    }),
    ("texts of 4096 characters, sent", Arena::dc, |arena| texts(arena, 1200)),
    ("texts of 4096 characters, sent to a group", Arena::dc, |arena| {
        let group = InputPeerChat { chat_id: 3_000_001 };
        (0..1200).for_each(|_| arena.write(group.clone().into()));
    }),
    ("long answers, never acknowledged", Arena::dc, |arena| {
        texts(arena, 100);
        (0..16).for_each(|_| arena.say(&history()));
    }),
    ("long answers, never acknowledged, not taken", Arena::dc, |arena| {
        texts(arena, 100);
        arena.reads = false;
        (0..16).for_each(|_| arena.say(&history()));
    }),
    ("containers of 1020 calls", Arena::dc, |arena| {
        (0..20).for_each(|_| arena.say_together(&vec![GetConfig {}.to_boxed(); 1020]));
    }),
    ("30 calls for long answers in a container", Arena::dc, |arena| {
        texts(arena, 100);
        arena.say_together(&vec![history(); 30]);
    }),
    ("containers of 1020 pings, pongs not taken", Arena::dc, |arena| {
        arena.reads = false;
        (0..30).for_each(|_| arena.say_together(&vec![Ping { ping_id: 1 }.to_boxed(); 1020]));
    }),
    ("a session for each packet", Arena::dc, |arena| {
        texts(arena, 100);
        for session_id in 1000..1040 {
            arena.session_id = session_id;
            arena.say(&history());
        }
    }),
    ("calls of 4 MiB", Arena::dc, |arena| {
        for _ in 0..4 {
            let call = arena.introduced(&update(LARGE), "x");
            arena.say(&call);
        }
    }),
    ("calls of 1 MiB in wrappers", Arena::dc, |arena| {
        for _ in 0..8 {
            let mut call = arena.introduced(&update((1 << 20) - 256), "x");
            for _ in 0..5 {
                call = InvokeWithoutUpdates { query: Raw(call) }.to_boxed();
            }
            arena.say(&call);
        }
    }),
    ("programs with names of 500,000 bytes, and QR codes", Arena::dc, |arena| {
        let qr = ExportLoginToken { api_id: 1, api_hash: nanogram::tl::Hidden("x".into()), except_ids: vec![] };
        let call = arena.introduced(&qr.to_boxed(), &"x".repeat(500_000));
        (0..60).for_each(|_| arena.say(&call));
    }),
    ("gzip to the cap: calls", Arena::dc, |arena| (0..3).for_each(|_| arena.say(&gz(&update(MAX_INFLATED))))),
    ("gzip to the cap in a frame to the cap", Arena::dc, |arena| {
        for _ in 0..3 {
            let mut value = arena.noise(LARGE - (8 << 10));
            value[..4].copy_from_slice(&[1, 2, 3, 4]);
            value.resize(MAX_INFLATED, 0);
            arena.say(&gz(&value));
        }
    }),
    ("gzip to the cap: containers of 1020", Arena::dc, |arena| {
        (0..3).for_each(|_| arena.say_together(&vec![gz(&update((MAX_INFLATED / 1020) & !3)); 1020]));
    }),
    ("gzip to a mebibyte in wrappers: a container of 200", Arena::dc, |arena| {
        let call = arena.introduced(&gz(&update(1 << 20)), "x");
        arena.say_together(&vec![call; 200]);
    }),
    ("gzip to the cap: acks", Arena::dc, |arena| {
        (0..2).for_each(|_| arena.say(&gz(&MsgsAck { msg_ids: ids_to_the_cap(0) }.to_boxed())));
    }),
    ("questions about 8192 messages, unanswered", Arena::dc, |arena| {
        arena.reads = false;
        questions(arena);
    }),
    ("messages that are refused", Arena::dc, |arena| {
        arena.salt ^= 1;
        for _ in 0..20_000 {
            let (salt, body) = (arena.salt, GetConfig {}.to_boxed());
            arena.say(&body);
            arena.salt = salt;
        }
    }),
    ("messages that are refused, and it is not heard", Arena::dc, |arena| {
        arena.reads = false;
        arena.salt ^= 1;
        (0..20_000).for_each(|_| arena.say(&GetConfig {}.to_boxed()));
    }),
];

/// Fills Alice's mailbox with incompressible text.
fn texts(arena: &mut Arena, count: usize) {
    (0..count).for_each(|_| arena.write(InputPeerSelf {}.into()));
}

fn history() -> Vec<u8> {
    let peer = InputPeerSelf {}.into();
    GetHistory { peer, offset_id: 0, offset_date: 0, add_offset: 0, limit: 100, max_id: 0, min_id: 0, hash: 0 }
        .to_boxed()
}

#[test]
fn no_flood_of_one_connection_costs_a_client_16_mib() {
    the_meter_sees_what_is_held();
    READS.into_iter().for_each(|read| no_flood_costs_16_mib("client", TO_CLIENT, read));
}

#[test]
fn no_flood_of_one_connection_costs_a_dc_16_mib() {
    READS.into_iter().for_each(|read| no_flood_costs_16_mib("DC", TO_DC, read));
}

/// A recording: its name, and the bodies of the packets that the server sent; `None`: garbage in place of packets.
type Heard = (&'static str, fn(&mut Arena) -> Option<Vec<Vec<u8>>>);

/// `updates` with `count` times `updateConfig`, which is an id and nothing more: the smallest value there is.
fn tiny_updates(count: u32) -> Vec<u8> {
    let head = [0x74ae_4240, VECTOR, count].map(u32::to_le_bytes).concat();
    let tail = [VECTOR, 0, VECTOR, 0, 0, 0].map(u32::to_le_bytes).concat();
    [head, 0xa229_dd06_u32.to_le_bytes().repeat(count as usize), tail].concat()
}
const TO_DECODE: &[Heard] = &[
    ("28 packets of 8 KB that open to 8 MiB of values", |_| Some(vec![gz(&tiny_updates((8 << 20) / 4 - 12)); 28])),
    ("12 packets with as many values as are shown", |_| Some(vec![gz(&tiny_updates(262_000)); 12])),
    ("packets of 8 KB that open to 8 MiB of nothing", |_| Some(vec![gz(&update((8 << 20) - 64)); 28])),
    ("packets of 4 MiB", |arena| Some((0..4).map(|_| arena.noise(LARGE)).collect())),
    ("a container of 1020 packed values", |_| {
        let mut body = Vec::new();
        let packed = gz(&tiny_updates(2000));
        let message = |n: i64| Message { msg_id: n * 4 + 1, seqno: 1, body: packed.clone().into() };
        write_container(&(0..1020).map(message).collect::<Vec<_>>(), &mut body);
        Some(vec![body])
    }),
    ("200,000 packets of one ping", |_| Some(vec![Ping { ping_id: 1 }.to_boxed(); 200_000])),
    ("garbage", |_| None),
];

/// The recording is there before: what is counted is what `decode` takes beside it, step by step, each written out.
#[test]
fn no_recording_costs_decode_64_mib() {
    use nanogram::lab::capture::{Chunk, Connection, Recording, steps};
    use nanogram::protocol::keylog::{Entry, KeyLog as _};
    use nanogram::tl::schema::Schema;
    let schema = Schema::telegram().unwrap();
    for read in READS {
        let head = format!("of decode, {} KiB at a time", read >> 10);
        let mut table = format!("{head:<52}{:>12}{:>12}{:>12}\n", "recorded", "peak", "kept");
        let mut worst = Vec::new();
        for (name, heard) in TO_DECODE {
            let mut arena = Arena::client();
            let wire = match heard(&mut arena) {
                Some(bodies) => {
                    let mut wire = Vec::new();
                    for body in bodies {
                        let id = arena.id();
                        wire.extend(arena.seal(id, 1, &body));
                    }
                    wire
                }
                None => arena.noise(12 << 20),
            };
            let chunk = |from, bytes: &[u8]| Chunk { at: Instant::ZERO, from, bytes: bytes.to_vec().into() };
            let mut chunks = vec![chunk(Side::Client, &[0xef])];
            chunks.extend(wire.chunks(read).map(|piece| chunk(Side::Server, piece)));
            let mut recording =
                Recording { connections: vec![Connection { chunks, ..Connection::default() }], ..Recording::default() };
            recording.secrets.note(&Entry::AuthKey(arena.key.clone()));
            let mut held = Held::default();
            held.during(|| {
                steps(&recording, &recording.secrets, &schema).for_each(|step| drop(black_box(step.to_string())))
            });
            table += &format!("{name:<52}{:>12}{:>12}{:>12}\n", wire.len(), held.peak, held.kept);
            if held.peak >= DECODE_LIMIT {
                worst.push((*name, held.peak));
            }
        }
        print!("{table}");
        assert_eq!(worst, [], "at least 64 MiB");
    }
}

fn no_flood_costs_16_mib(towards: &str, floods: &[Flood], read: usize) {
    // Printed at once, as the other test prints concurrently.
    let mut table = format!(
        "{:<52}{:>12}{:>12}{:>12}\n",
        format!("towards the {towards}, {} KiB at a time", read >> 10),
        "sent",
        "peak",
        "kept"
    );
    let mut worst = Vec::new();
    for (name, arena, flood) in floods {
        let mut arena = arena();
        arena.read = read;
        arena.begin();
        flood(&mut arena);
        let Held { kept, peak } = arena.held;
        table += &format!("{name:<52}{:>12}{peak:>12}{kept:>12}\n", arena.wire_bytes);
        if peak >= LIMIT {
            worst.push((*name, peak));
        }
    }
    print!("{table}");
    assert_eq!(worst, [], "at least 16 MiB");
}

/// Bytes that one call may cost the data centre, beside its packet.
const CALL: isize = 8 << 20;

/// Layers, and their ids of `messages.sendMessage` where these are not today's.
const SEND_MESSAGE: [(i32, Option<u32>); 3] = [(LAYER, None), (158, Some(0x1cc2_0387)), (214, Some(0xfe05_dc9a))];

/// Calls of a mebibyte: vectors as long as they fit in each call that takes one, and texts.
fn largest_calls() -> Vec<(&'static str, Vec<u8>)> {
    let vector = |before: &[u32], element: &[u32]| {
        let most = ((1 << 20) - 4 * before.len() - 8) / (4 * element.len());
        let words = before.iter().copied().chain([VECTOR, u32::try_from(most).unwrap()]);
        words.chain(element.iter().copied().cycle().take(most * element.len())).flat_map(u32::to_le_bytes).collect()
    };
    let me = 0xf7c1_b13f; // inputUserSelf
    let mut text = [SendMessage::ID, 0, InputPeerSelf::ID].into_iter().flat_map(u32::to_le_bytes).collect();
    "x".repeat((1 << 20) - 64).write(&mut text);
    1_i64.write(&mut text);
    let wrapped = (0..6).fold(text.clone(), |query, _| InvokeWithoutUpdates { query: Raw(query) }.to_boxed());
    vec![
        ("messages.sendMessage, a text", text),
        ("the same in six wrappers", wrapped),
        ("users.getUsers", vector(&[GetUsers::ID], &[me])),
        ("messages.getPeerDialogs", vector(&[GetPeerDialogs::ID], &[0xfcaa_feb7, InputPeerSelf::ID])),
        ("channels.inviteToChannel", vector(&[InviteToChannel::ID, 0xee8c_1e86], &[me])),
        ("auth.exportLoginToken", vector(&[ExportLoginToken::ID, 1, 0], &[0, 0])),
        ("auth.dropTempAuthKeys", vector(&[DropTempAuthKeys::ID], &[0, 0])),
        ("auth.sendCode", vector(&[SendCode::ID, 0, 1, 0, 0xad25_3d78, 1 << 6], &[0])),
        ("invokeAfterMsgs", vector(&[InvokeAfterMsgs::ID], &[0, 0])),
        ("updates.getChannelDifference", vector(&[0x0317_3d78, 0, 0xee8c_1e86, 0xcd77_d957, 0], &[0x0ae3_0253, 1, 2])),
        ("messages.sendMessage", vector(&[SendMessage::ID, 1 << 3, InputPeerSelf::ID, 0, 1, 0], &[0xbd61_0bc9, 0, 1])),
        // Entities of what is answered; buttons, one a row.
        (
            "messages.sendMessage, a quote",
            vector(&[SendMessage::ID, 1, InputPeerSelf::ID, 0x3bd4_b7c2, 1 << 3, 1], &[0xbd61_0bc9, 0, 1]),
        ),
        (
            "messages.sendMessage, buttons",
            vector(&[SendMessage::ID, 1 << 2, InputPeerSelf::ID, 0, 1, 0, 0x85dd_99d1, 0], &[0x7760_8b83, VECTOR, 0]),
        ),
    ]
}

#[test]
fn no_call_costs_the_data_centre_8_mib() {
    let mut table = format!("{:<34}{:>8}{:>10}{:>12}{:>12}\n", "call", "layer", "bytes", "peak", "packed");
    let mut worst = Vec::new();
    for (layer, send_message) in SEND_MESSAGE {
        let (mut world, mut caller) = (World::new([7; 32]), Caller::signed_in(ALICE));
        let mut call = |body: &[u8]| {
            let mut held = Held::default();
            let outcome = held.during(|| world.call(&mut caller, 1, body));
            (outcome.reply, held.peak)
        };
        call(&introduced(layer, &GetConfig {}.to_boxed(), "test")).0.unwrap();
        for (name, mut body) in largest_calls() {
            // What is translated is of that layer's line.
            if let (Some(id), true) = (send_message, name.starts_with("messages.sendMessage")) {
                body[..4].copy_from_slice(&id.to_le_bytes());
            }
            let packed = GzipPacked { packed_data: Blob(deflate(&body)) }.to_boxed();
            let (reply, peak) = call(&body);
            let (reply_to_packed, packed_peak) = call(&packed);
            let is_about_keys = name == "auth.dropTempAuthKeys";
            assert!(is_about_keys || (reply.is_err() && reply == reply_to_packed), "{name}: {reply_to_packed:?}");
            table += &format!("{name:<34}{layer:>8}{:>10}{peak:>12}{packed_peak:>12}\n", body.len());
            if peak.max(packed_peak) >= CALL {
                worst.push((name, layer, peak, packed_peak));
            }
        }
    }
    print!("{table}");
    assert_eq!(worst, [], "at least 8 MiB");
}

/// And not what another thread takes at the same time.
fn the_meter_sees_what_is_held() {
    let ends = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Relaxed) {
                drop(black_box(vec![0_u8; 900]));
            }
        });
        let mut held = Held::default();
        let kept = held.during(|| {
            drop(vec![0_u8; 3 << 20]);
            vec![0_u8; 1 << 20]
        });
        let before = (held.peak, held.kept);
        held.during(|| drop(kept));
        ends.store(true, Relaxed);
        [before, (held.peak, held.kept)]
    });
    assert_eq!(seen, [(3 << 20, 1 << 20), (3 << 20, 0)]);
}

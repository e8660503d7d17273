//! Test bench for sessions: a client session, and a server reduced to a key that seals any message, valid or not, and
//! reads the client's packets.
#![allow(dead_code, reason = "each test binary uses its part")]

use bytes::{Bytes, BytesMut};
use nanogram::base::side::Side;
use nanogram::base::time::{Instant, ServerClock, UnixTime};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::crypto::{ige, kdf};
use nanogram::protocol::session::packet::{self, Header};
use nanogram::protocol::session::{CallId, Incoming, Session, SessionError};
use nanogram::tl::{Combinator, Reader, Tl};
use nanogram::wire::mt::message::{MSG_CONTAINER, Message, RpcResult, read_container, write_container};
use rand::rngs::ChaCha12Rng;
use rand::{RngExt, SeedableRng};
use std::time::Duration;

pub(crate) const UNIX: i64 = 1_700_000_000;
pub(crate) const SALT: i64 = 0x5a17;
pub(crate) const ANSWER: &[u8] = &[0xa5, 0xa5, 0xa5, 0xa5, 1, 0, 0, 0];

pub(crate) fn key() -> AuthKey {
    AuthKey::from_bytes(std::array::from_fn(|i| (i * 7 % 251) as u8))
}

/// Client session and its counterpart.
pub(crate) struct Bench {
    pub(crate) client: Session,
    pub(crate) now: Instant,
    pub(crate) random: ChaCha12Rng,
    /// Messages made so far in the current microsecond.
    made: i64,
}

/// Decrypted packet of the client.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) header: Header,
    /// The single message, or the messages of the container.
    pub(crate) messages: Vec<Message>,
    pub(crate) is_container: bool,
}

impl Bench {
    /// Creates a client with a synchronized clock.
    pub(crate) fn new() -> Self {
        let mut clock = ServerClock::guess(Instant::ZERO, UnixTime::from_secs(UNIX));
        clock.sync(Instant::ZERO, UnixTime::from_secs(UNIX));
        Self::with_clock(clock)
    }
    pub(crate) fn with_clock(clock: ServerClock) -> Self {
        let mut random = ChaCha12Rng::seed_from_u64(7);
        let client = Session::client(key(), SALT, clock, &mut random).unwrap();
        Self { client, now: Instant::ZERO, random, made: 0 }
    }
    pub(crate) fn advance(&mut self, by: Duration) {
        self.now = self.now + by;
    }
    /// Server time; the simulated clock is right.
    pub(crate) fn unix(&self) -> UnixTime {
        UnixTime::from_micros(UNIX * 1_000_000 + self.now.as_micros() as i64)
    }
    /// New message id of the server, `off` seconds from now; `who` is 1 for an answer, 3 for other messages.
    pub(crate) fn id_at(&mut self, off: i64, who: i64) -> i64 {
        self.made += 1;
        let unix = self.unix().as_micros() + off * 1_000_000;
        ((unix.div_euclid(1_000_000)) << 32 | ((unix.rem_euclid(1_000_000) << 32) / 1_000_000) & !0xffff)
            + self.made * 4
            + who
    }
    pub(crate) fn id(&mut self) -> i64 {
        self.id_at(0, 1)
    }
    pub(crate) fn header(&mut self) -> Header {
        Header { salt: SALT, session_id: self.client.session_id(), msg_id: self.id(), seqno: 1 }
    }
    /// Seals a valid message of the server.
    pub(crate) fn seal(&mut self, msg_id: i64, seqno: i32, body: &[u8]) -> BytesMut {
        let header = Header { salt: SALT, session_id: self.client.session_id(), msg_id, seqno };
        let (packet, _) = packet::seal(&key(), Side::Server, &header, body, &mut self.random).unwrap();
        BytesMut::from(&packet[..])
    }
    /// Delivers a message with a new id that must be acknowledged.
    pub(crate) fn say(&mut self, body: &[u8]) -> Result<(), SessionError> {
        let id = self.id();
        self.say_as(id, 1, body)
    }
    pub(crate) fn say_as(&mut self, msg_id: i64, seqno: i32, body: &[u8]) -> Result<(), SessionError> {
        let packet = self.seal(msg_id, seqno, body);
        self.deliver(packet)
    }
    /// Delivers messages in a container, whose id is above theirs.
    pub(crate) fn say_together(&mut self, messages: &[Message]) -> Result<(), SessionError> {
        let (id, body) = (self.id(), container(messages));
        self.say_as(id, 0, &body)
    }
    pub(crate) fn deliver(&mut self, packet: BytesMut) -> Result<(), SessionError> {
        self.client.handle_packet(self.now, packet).map(|_| ())
    }
    /// Message for a container.
    pub(crate) fn inner(&mut self, seqno: i32, body: &[u8]) -> Message {
        Message { msg_id: self.id(), seqno, body: Bytes::copy_from_slice(body) }
    }
    /// Packets that the client sends now.
    pub(crate) fn sent(&mut self) -> Vec<Sent> {
        let mut all = Vec::new();
        while let Some(packet) = self.client.poll_packet(self.now, &mut self.random).unwrap() {
            all.push(open(&packet));
        }
        all
    }
    /// Messages that the client sends now.
    pub(crate) fn sent_messages(&mut self) -> Vec<Message> {
        self.sent().into_iter().flat_map(|sent| sent.messages).collect()
    }
    /// Messages with this constructor that the client sends now, decoded.
    pub(crate) fn sent_of<T: Combinator>(&mut self) -> Vec<T> {
        self.sent_messages().iter().filter_map(|m| T::from_boxed(&m.body).ok()).collect()
    }
    /// Makes a call, sends it and returns its message id.
    pub(crate) fn call(&mut self, body: &[u8]) -> (CallId, i64) {
        let call = self.client.call(Bytes::copy_from_slice(body));
        let sent = self.sent_messages();
        let msg_id = sent.iter().rfind(|m| m.body == body).expect("the call goes out").msg_id;
        (call, msg_id)
    }
    pub(crate) fn incoming(&mut self) -> Vec<Incoming> {
        std::iter::from_fn(|| self.client.poll_incoming()).collect()
    }
    /// Advances time like a driver, up to `until`; returns the packets sent meanwhile.
    pub(crate) fn wait(&mut self, until: Instant) -> Result<Vec<Sent>, SessionError> {
        let mut all = self.sent();
        for _ in 0..10_000 {
            match self.client.poll_timeout().filter(|due| *due <= until) {
                Some(due) => self.now = self.now.max(due),
                None => {
                    self.now = until;
                    return Ok(all);
                }
            }
            self.client.handle_timeout(self.now)?;
            all.extend(self.sent());
        }
        panic!("a time-out that is never disarmed");
    }
    /// Asserts that `packet` is refused and leaves the session unchanged.
    pub(crate) fn assert_refused(&mut self, what: &str, packet: BytesMut) -> SessionError {
        let before = format!("{:?}", self.client);
        let error = self.deliver(packet).expect_err(what);
        assert_eq!(format!("{:?}", self.client), before, "{what}: something changed");
        error
    }
    /// Asserts that a call can still be made and answered.
    pub(crate) fn assert_works(&mut self) {
        let (call, msg_id) = self.call(&[7, 7, 7, 7]);
        self.say(&result(msg_id, ANSWER)).unwrap();
        let reply = Incoming::Reply { call, result: Ok(Bytes::from_static(ANSWER)) };
        assert!(self.incoming().contains(&reply));
    }
}

/// Decrypts a packet of the client.
pub(crate) fn open(packet: &[u8]) -> Sent {
    let opened = packet::open(&key(), Side::Client, BytesMut::from(packet)).expect("the client seals well");
    let is_container = Reader::new(&opened.body).peek() == Some(MSG_CONTAINER);
    let Header { msg_id, seqno, .. } = opened.header;
    let messages = match is_container {
        true => read_container(&opened.body).unwrap(),
        false => vec![Message { msg_id, seqno, body: opened.body }],
    };
    Sent { header: opened.header, messages, is_container }
}

pub(crate) fn container(messages: &[Message]) -> Vec<u8> {
    let mut out = Vec::new();
    write_container(messages, &mut out);
    out
}

pub(crate) fn result(req_msg_id: i64, value: &[u8]) -> Vec<u8> {
    let mut out = RpcResult::ID.to_le_bytes().to_vec();
    req_msg_id.write(&mut out);
    out.extend_from_slice(value);
    out
}

/// Plaintext with any length field and any padding.
pub(crate) fn plain(header: &Header, len: i32, body: &[u8], padding: usize) -> Vec<u8> {
    let mut out = Vec::new();
    header.salt.write(&mut out);
    header.session_id.write(&mut out);
    header.msg_id.write(&mut out);
    header.seqno.write(&mut out);
    len.write(&mut out);
    out.extend_from_slice(body);
    out.extend((0..padding).map(|i| i as u8));
    out
}

/// Encrypts a plaintext like `from`; an incomplete block at the end is cut off.
pub(crate) fn encrypt(from: Side, plain: &[u8]) -> BytesMut {
    let msg_key = kdf::msg_key(&key(), from, plain);
    let pair = kdf::aes(&key(), from, &msg_key);
    let mut blocks = plain.to_vec();
    ige::encrypt(&pair.key, &pair.iv, blocks.as_chunks_mut().0);
    BytesMut::from(&[&key().id()[..], &msg_key, &blocks].concat()[..])
}

/// Encrypts a plaintext as in MTProto 1.
pub(crate) fn encrypt_v1(from: Side, plain: &[u8], len: usize) -> BytesMut {
    let msg_key = kdf::msg_key_v1(&plain[..len]);
    let pair = kdf::aes_v1(&key(), from, &msg_key);
    let mut blocks = plain.to_vec();
    ige::encrypt(&pair.key, &pair.iv, blocks.as_chunks_mut().0);
    BytesMut::from(&[&key().id()[..], &msg_key, &blocks].concat()[..])
}

/// Random bytes.
pub(crate) fn noise(random: &mut ChaCha12Rng, len: usize) -> Vec<u8> {
    (0..len).map(|_| random.random()).collect()
}

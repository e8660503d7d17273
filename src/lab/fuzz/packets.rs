//! Packets to a client: arbitrary bytes, outside and inside the server's encryption.

use super::{Choices, Dice};
use crate::base::entropy::{Entropy, EntropyFailed};
use crate::base::side::Side;
use crate::base::time::{Instant, ServerClock, UnixTime};
use crate::crypto::auth_key::AuthKey;
use crate::crypto::{ige, kdf};
use crate::protocol::session::packet::{self, Header, INNER, OUTER};
use crate::protocol::session::{CallId, Incoming, Session, SessionError};
use crate::tl::{Combinator, Tl};
use crate::wire::mt::message::{Message, RpcResult, write_container};
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use core::time::Duration;

/// Session id used by the bodies.
pub(super) const SESSION: i64 = 0x5e55_1014;
/// Server time used by the bodies.
pub(super) const UNIX: UnixTime = UnixTime::from_secs(1_700_000_000);
const ANSWER: [u8; 8] = [0xa5, 0, 0xa5, 0, 1, 2, 3, 4];
const CALL: [u8; 8] = [0xca, 0x11, 0xca, 0x11, 1, 2, 3, 4];

pub(super) fn key() -> AuthKey {
    AuthKey::from_bytes(core::array::from_fn(|i| (i * 13 % 251) as u8))
}

/// Synchronized clock.
pub(super) fn clock() -> ServerClock {
    let mut clock = ServerClock::guess(Instant::ZERO, UNIX);
    clock.sync(Instant::ZERO, UNIX);
    clock
}

/// Encrypts whole blocks of plaintext like a server.
fn encrypt(plain: &[u8]) -> BytesMut {
    let msg_key = kdf::msg_key(&key(), Side::Server, plain);
    let pair = kdf::aes(&key(), Side::Server, &msg_key);
    let mut packet = BytesMut::from(&[&key().id()[..], &msg_key, plain].concat()[..]);
    ige::encrypt(&pair.key, &pair.iv, packet[OUTER..].as_chunks_mut().0);
    packet
}

/// Session of a client with the id [`SESSION`].
pub(super) fn client(clock: ServerClock) -> Session {
    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
            out.copy_from_slice(&SESSION.to_le_bytes());
            Ok(())
        }
    }
    Session::client(key(), 1, clock, &mut Fixed).unwrap()
}

/// Client session, and the state of its server.
struct Bench {
    client: Session,
    now: Instant,
    dice: Dice,
    last_id: i64,
}

impl Bench {
    fn new() -> Self {
        let client = client(clock());
        Self { client, now: Instant::ZERO, dice: Dice(1), last_id: UNIX.as_secs() << 32 | 1 }
    }
    fn id(&mut self) -> i64 {
        self.last_id += 4;
        self.last_id
    }
    fn seal(&mut self, seqno: i32, body: &[u8]) -> BytesMut {
        let header = Header { salt: 1, session_id: self.client.session_id(), msg_id: self.id(), seqno };
        let (packet, _) = packet::seal(&key(), Side::Server, &header, body, &mut self.dice).unwrap();
        let packet = BytesMut::from(&packet[..]);
        let opened = packet::open(&key(), Side::Server, packet.clone()).expect("what is sealed opens");
        assert_eq!(opened.header, header);
        assert_eq!(&opened.body[..body.len()], body);
        packet
    }
    /// Makes a call and returns it with the message id under which it was sent.
    fn call(&mut self) -> (CallId, i64) {
        let call = self.client.call(Bytes::from_static(&CALL));
        let msg_id = self.sent().iter().rfind(|m| m.body == CALL[..]).expect("a call goes out").msg_id;
        (call, msg_id)
    }
    /// Messages that the client sends; a server must be able to decrypt them.
    fn sent(&mut self) -> Vec<Message> {
        let mut all = Vec::new();
        while let Some(packet) = self.client.poll_packet(self.now, &mut self.dice).unwrap() {
            let opened = packet::open(&key(), Side::Client, BytesMut::from(&packet[..])).expect("a client seals well");
            let Header { msg_id, seqno, .. } = opened.header;
            match crate::wire::mt::message::read_container(&opened.body) {
                Ok(inner) => all.extend(inner),
                Err(_) => all.push(Message { msg_id, seqno, body: opened.body }),
            }
        }
        all
    }
    /// Delivers a packet; an error leads to a new connection.
    fn deliver(&mut self, packet: BytesMut) -> Result<(), SessionError> {
        let before = alloc::format!("{:?}", self.client);
        let result = self.client.handle_packet(self.now, packet).map(|_| ());
        if let Err(SessionError::Packet(_) | SessionError::WrongSession | SessionError::MsgId) = &result {
            assert_eq!(alloc::format!("{:?}", self.client), before, "refused, and something changed");
        }
        if result.is_err() {
            self.client.reconnected(self.now);
        }
        result
    }
    /// Checks that a call is still made and answered.
    fn works(&mut self) {
        while self.client.poll_incoming().is_some() {}
        self.now = self.now + Duration::from_millis(100);
        let _ = self.client.handle_timeout(self.now);
        // Earlier messages may have moved the clock or the ids far, or begun another session.
        let unix = self.client.clock().at(self.now);
        // Ids of a server are odd, and carry the time in their upper 32 bits.
        self.last_id = self.last_id.max(unix.as_secs().wrapping_shl(32) | 1);
        let (call, msg_id) = self.call();
        let mut answer = RpcResult::ID.to_le_bytes().to_vec();
        msg_id.write(&mut answer);
        answer.extend(ANSWER);
        let packet = self.seal(1, &answer);
        if self.deliver(packet).is_ok() {
            let reply = Incoming::Reply { call, result: Ok(Bytes::from_static(&ANSWER)) };
            assert_eq!(self.client.poll_incoming(), Some(reply));
        }
    }
}

/// `mode:1 | bytes`: the bytes as a packet, as its plaintext, as a message body, as the bodies of a container, or as an
/// answer.
///
/// A refused packet changes nothing, and the next call is answered.
pub fn open_packet(data: &[u8]) {
    let mut choices = Choices(data);
    let mode = choices.byte();
    let mut bench = Bench::new();
    let (call, msg_id) = bench.call();
    let packet = match mode % 5 {
        0 => {
            let packet = BytesMut::from(choices.rest());
            assert!(packet.len() >= OUTER + INNER + 16 || bench.deliver(packet.clone()).is_err());
            packet
        }
        1 => {
            let plain = choices.rest();
            // Whole AES blocks only: others are refused before decryption, which mode 0 covers.
            encrypt(&plain[..plain.len() & !15])
        }
        2 => {
            let body = choices.rest();
            // Bodies are multiples of 4 bytes, as a server's are.
            bench.seal(1, &body[..body.len() & !3])
        }
        3 => {
            let mut messages = Vec::new();
            while !choices.0.is_empty() && messages.len() < 64 {
                let (seqno, len) = (i32::from(choices.byte()), usize::from(choices.byte() & 63) * 4);
                let (body, rest) = choices.0.split_at(len.min(choices.0.len() & !3));
                choices.0 = rest;
                messages.push(Message { msg_id: bench.id(), seqno, body: Bytes::copy_from_slice(body) });
            }
            let mut body = Vec::new();
            write_container(&messages, &mut body);
            bench.seal(0, &body)
        }
        _ => {
            let mut body = RpcResult::ID.to_le_bytes().to_vec();
            msg_id.write(&mut body);
            let value = choices.rest();
            body.extend(&value[..value.len() & !3]);
            let packet = bench.seal(1, &body);
            bench.deliver(packet.clone()).expect("an answer, whatever is in it");
            let Some(Incoming::Reply { call: answered, .. }) = bench.client.poll_incoming() else {
                panic!("an answer that does not come out")
            };
            assert_eq!(answered, call);
            packet
        }
    };
    let taken = bench.deliver(packet.clone());
    let mut held = 0;
    while let Some(incoming) = bench.client.poll_incoming() {
        if let Incoming::Update(body) = incoming {
            held += body.len();
        }
    }
    // Row C22 of docs/security.md: everything that a packet inflates to shares one limit.
    assert!(held <= crate::wire::mt::gzip::MAX_INFLATED + data.len(), "{held} bytes out of {}", data.len());
    bench.sent();
    // A repeated packet must not be delivered again.
    if taken.is_ok() {
        let _ = bench.deliver(packet);
        assert_eq!(bench.client.poll_incoming(), None, "taken twice");
    }
    bench.works();
}

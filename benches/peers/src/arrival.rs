//! From a received packet to a typed result: decryption, the session's checks, `rpc_result`, TL.

use crate::counting::allocations;
use crate::measure::{Contender, Effort, measure};
use crate::other::Alone;
use crate::row::Row;
use crate::seal::KEY;
use crate::values::{HEADS, Theirs, resolved_peer};
use bytes::{Bytes, BytesMut};
use grammers_crypto::DequeBuffer;
use grammers_mtproto::mtp::{Deserialization, Encrypted, Mtp};
use grammers_tl_types::Deserializable;
use nanogram::telegram::api::contacts::{Resolved, ResolvedPeer};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::wire::mt::message::RpcResult;
use nanogram::protocol::session::packet::{self, Header};
use nanogram::protocol::session::{Incoming, Session};
use nanogram::base::side::Side;
use nanogram::base::time::{Instant, ServerClock, UnixTime};
use nanogram::tl::Combinator;
use rand::rngs::SysRng;
use std::cell::RefCell;
use std::hint::black_box;

const UNIX: i64 = 1_790_000_000;
const BATCH: usize = 64;

/// Server that seals an `rpc_result` for each call.
struct Server {
    key: AuthKey,
    made: i64,
    reply: Vec<u8>,
}

impl Server {
    fn answer(&mut self, session_id: i64, req_msg_id: i64) -> BytesMut {
        self.made += 1;
        let mut body = RpcResult::ID.to_le_bytes().to_vec();
        body.extend(req_msg_id.to_le_bytes());
        body.extend(&self.reply);
        let header = Header { salt: 0, session_id, msg_id: UNIX << 32 | self.made << 2 | 1, seqno: 1 };
        BytesMut::from(packet::seal(&self.key, Side::Server, &header, &body, &mut SysRng).expect("entropy").0)
    }
    fn new() -> Self {
        Self { key: AuthKey::from_bytes(KEY), made: 0, reply: resolved_peer() }
    }
}

/// Client session, with its server.
struct Ours {
    session: Session,
    server: Server,
}

impl Ours {
    fn new() -> Self {
        let clock = ServerClock::guess(Instant::ZERO, UnixTime::from_secs(UNIX));
        let session = Session::client(AuthKey::from_bytes(KEY), 0, clock, &mut SysRng).expect("entropy");
        Self { session, server: Server::new() }
    }
    /// Makes a call and returns the packet that answers it.
    fn ask(&mut self) -> BytesMut {
        self.session.call(Bytes::from_static(&[1, 0, 0, 0]));
        let mut req_msg_id = 0;
        while let Some(packet) = self.session.poll_packet(Instant::ZERO, &mut SysRng).expect("entropy") {
            let opened = packet::open(&self.server.key, Side::Client, BytesMut::from(packet)).expect("ours");
            req_msg_id = opened.header.msg_id;
            // With acknowledgements the packet is a container, and the call its first message.
            if opened.body.first_chunk() == Some(&nanogram::wire::mt::message::MSG_CONTAINER.to_le_bytes()) {
                req_msg_id = i64::from_le_bytes(opened.body[8..16].try_into().expect("8 bytes"));
            }
        }
        self.server.answer(self.session.session_id(), req_msg_id)
    }
    fn take(&mut self, packet: BytesMut) -> Bytes {
        self.session.handle_packet(Instant::ZERO, packet).expect("an honest server");
        match self.session.poll_incoming() {
            Some(Incoming::Reply { result: Ok(body), .. }) => body,
            other => panic!("{other:?}"),
        }
    }
}

struct Other {
    mtp: Encrypted,
    session_id: i64,
    server: Server,
}

impl Other {
    fn new() -> Self {
        let mut this = Self { mtp: Encrypted::build().finish(KEY), session_id: 0, server: Server::new() };
        this.ask();
        this
    }
    fn ask(&mut self) -> BytesMut {
        let mut buffer = DequeBuffer::with_capacity(4096, 64);
        self.mtp.push(&mut buffer, &[1, 0, 0, 0]).expect("room");
        self.mtp.finalize(&mut buffer).expect("a message");
        let opened = packet::open(&self.server.key, Side::Client, BytesMut::from(buffer.as_ref())).expect("theirs");
        self.session_id = opened.header.session_id;
        self.server.answer(self.session_id, opened.header.msg_id)
    }
    fn take(&mut self, mut packet: BytesMut) -> Theirs {
        let got = self.mtp.deserialize(&mut packet).expect("an honest server");
        let Some(Deserialization::RpcResult(result)) = got.into_iter().next() else { panic!("no result") };
        Theirs::from_bytes(&result.body).expect("resolvedPeer")
    }
}

fn whole(ours: &RefCell<Ours>, packet: BytesMut) -> ResolvedPeer {
    ResolvedPeer::from_boxed(&ours.borrow_mut().take(black_box(packet))).expect("resolvedPeer")
}

fn heads(ours: &RefCell<Ours>, packet: BytesMut) -> Resolved {
    let body = ours.borrow_mut().take(black_box(packet));
    Resolved::read(&body).expect("resolvedPeer")
}

pub fn rows(effort: Effort, alone: &Alone) -> Vec<Row> {
    let [first, second] = [(); 2].map(|()| RefCell::new(Ours::new()));
    let other = RefCell::new(Other::new());
    let asked = |ours: &RefCell<Ours>, n| (0..n).map(|_| ours.borrow_mut().ask()).collect::<Vec<_>>();
    // Buffers that are allocated once and kept do not count, so the second run is counted.
    let count_ours = |take: &dyn Fn(BytesMut)| {
        let [one, packet] = [(); 2].map(|()| first.borrow_mut().ask());
        take(one);
        allocations(|| take(packet))
    };
    let ours_whole = count_ours(&|packet| drop(black_box(whole(&first, packet))));
    let ours_heads = count_ours(&|packet| drop(black_box(heads(&first, packet))));
    let theirs = {
        let packet = other.borrow_mut().ask();
        allocations(|| other.borrow_mut().take(packet))
    };
    // The same packets except for the session id.
    let call: Vec<u8> = alone
        .ask("call")
        .as_bytes()
        .chunks(2)
        .map(|hex| u8::from_str_radix(str::from_utf8(hex).expect("hex"), 16).expect("hex"))
        .collect();
    let mut server = Server::new();
    let opened = packet::open(&server.key, Side::Client, BytesMut::from(&call[..])).expect("theirs");
    alone.give(&server.answer(opened.header.session_id, opened.header.msg_id));
    let contenders = vec![
        Contender::using("nanogram", BATCH, |n| asked(&first, n), |packet| whole(&first, packet)),
        alone.contender("reply".into()),
        Contender::using(HEADS, BATCH, |n| asked(&second, n), |packet| heads(&second, packet)),
    ];
    let row = Row::new("a reply", "sealed packet in, resolvedPeer out", measure(effort, contenders))
        .allocating("nanogram", ours_whole)
        .allocating("grammers", theirs)
        .allocating(HEADS, ours_heads)
        .goal("grammers", 1.0, "not slower than grammers")
        .note("nanogram also checks session, age, repetition, the call that is answered, and padding");
    vec![row]
}

//! Bodies of the fuzz targets. Each is a function of the library; a target is one line that calls it, and
//! `tests/fuzz_seeds.rs` replays every seed through its body.
//!
//! A body is deterministic and checks more than the absence of panics: a stream cut elsewhere must yield the same
//! frames, a written value must be read back unchanged, a skip must end where the decoded value ends, a session must
//! still answer a call.
//!
//! ```text
//! bytes ──▶ body ──▶ the code from outside: bytes as a peer would send them
//!                └──▶ and from inside: hashed, sealed and encrypted like a peer's, around any bytes
//! ```
//!
//! The doc comment of a body states the property that it tests. Nothing here is covered by semantic versioning.

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    reason = "a panic is how a body says what it has found"
)]

mod duel;
mod exchange;
mod ops;
mod packets;

pub use duel::duel;
pub use exchange::{client_handshake, server_handshake};
pub use ops::session_ops;
pub use packets::open_packet;

use crate::base::entropy::{Entropy, EntropyFailed};
use crate::base::side::Side;
use crate::telegram::link::StartLink;
use crate::telegram::store::string;
use crate::tl::schema::Schema;
use crate::tl::{Combinator, Reader, table};
use crate::wire::mt::gzip;
use crate::wire::mt::service;
use crate::wire::transport::{Frame, FrameError, Framer, Framing, detect as detect_framing};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::BytesMut;
use std::sync::OnceLock;

/// Source of decisions, read from the fuzzer's bytes in order; zeros after their end.
struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }
    fn word(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }
    fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.0)
    }
}

/// Randomness that is the same in every run.
#[derive(Clone)]
struct Dice(u64);

impl Entropy for Dice {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        for chunk in out.chunks_mut(8) {
            // The constants of SplitMix64: fast, and the same on every platform.
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = self.0;
            word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(word ^ word >> 31).to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// All frames that a framer yields, up to its first error.
fn frames(framer: &mut Framer) -> Vec<Result<Frame, FrameError>> {
    let mut all = Vec::new();
    loop {
        match framer.next() {
            Ok(Some(frame)) => all.push(Ok(frame)),
            Ok(None) => return all,
            Err(error) => {
                assert_eq!(framer.next(), Err(error), "an error that does not stay");
                all.push(Err(error));
                return all;
            }
        }
    }
}

/// `framing and side:1 | cuts:1 | cut:1 each | stream`: a stream yields the same frames however it is cut, and an
/// encoded packet is decoded unchanged.
pub fn frame(data: &[u8]) {
    let mut choices = Choices(data);
    let how = choices.byte();
    let framings = Framing::ALL;
    let framing = framings[usize::from(how & 3)];
    let side = if how & 4 == 0 { Side::Client } else { Side::Server };
    let cuts: Vec<usize> = (0..choices.byte() % 32).map(|_| usize::from(choices.byte())).collect();
    let stream = choices.rest();
    let mut whole = Framer::new(framing, side);
    whole.push(stream);
    let expected = frames(&mut whole);

    let mut pieces = Framer::new(framing, side);
    let mut found = Vec::new();
    let (mut left, mut cuts) = (stream, cuts.iter().cycle());
    while !left.is_empty() && !matches!(found.last(), Some(Err(_))) {
        let cut = cuts.next().map_or(1, |cut| cut + 1).min(left.len());
        let (piece, rest) = left.split_at(cut);
        left = rest;
        pieces.push(piece);
        found.extend(frames(&mut pieces));
    }
    assert_eq!(found, expected, "cut elsewhere");

    // Quick acks and faults carry no packet.
    for packet in expected.into_iter().flatten() {
        let (Frame::Packet(packet) | Frame::AckWanted(packet)) = packet else { continue };
        let mut wire = BytesMut::new();
        if Framer::new(framing, side.peer()).encode(&packet, &mut wire).is_ok() {
            let mut again = Framer::new(framing, side);
            again.push(&wire);
            assert_eq!(again.next(), Ok(Some(Frame::Packet(packet))), "framed again");
        }
    }
}

/// Start of a stream as a server receives it: the framing is detected after the same number of bytes however they
/// arrive.
pub fn detect(data: &[u8]) {
    let mut start = BytesMut::from(data);
    let mut whole = detect_framing(&mut start);
    let mut start = BytesMut::new();
    for (at, byte) in data.iter().enumerate() {
        start.extend_from_slice(core::slice::from_ref(byte));
        let mut heard = match detect_framing(&mut start) {
            Ok(None) => continue,
            heard => heard,
        };
        match (&mut whole, &mut heard) {
            (Ok(Some(whole)), Ok(Some(heard))) => {
                assert_eq!(heard.framing(), whole.framing());
                heard.push(&data[at + 1..]);
                assert_eq!(frames(heard), frames(whole));
            }
            (Err(whole), Err(heard)) => assert_eq!(whole, heard),
            (whole, heard) => panic!("{heard:?} after {} bytes, {whole:?} in one piece", at + 1),
        }
        return;
    }
    assert!(data.len() < 64, "64 bytes tell any transport");
    assert!(matches!(whole, Ok(None)), "{whole:?} of nothing");
}

/// Schema of MTProto and the API, parsed once.
fn telegram() -> &'static Schema<'static> {
    static SCHEMA: OnceLock<Schema<'static>> = OnceLock::new();
    SCHEMA.get_or_init(|| Schema::telegram().expect("tl/ is whole"))
}

/// A decoded value is encoded and decoded unchanged, by the schema and by the handwritten constructors.
pub fn tl_value(data: &[u8]) {
    if let Ok(value) = telegram().from_bytes(data) {
        let wire = value.to_bytes().expect("what was read can be written");
        let again = telegram().from_bytes(&wire).expect("what was written can be read");
        // A NaN is not equal to itself, but its bytes are.
        assert_eq!(again.to_bytes().as_ref(), Ok(&wire));
        assert_eq!(again.to_string(), value.to_string());
        let _ = value.to_json();
    }
    macro_rules! by_hand {
        ($($of:ident)*) => {$(
            if let Ok(value) = service::$of::from_boxed(data) {
                let wire = value.to_boxed();
                assert_eq!(service::$of::from_boxed(&wire).as_ref(), Ok(&value));
                let tree = telegram().from_bytes(data).expect("the schema knows what is written by hand");
                assert_eq!(tree.to_bytes().as_ref(), Ok(&wire), "{}", service::$of::LINE);
            }
        )*};
    }
    by_hand! {
        MsgsAck BadMsgNotification BadServerSalt MsgsStateReq MsgsStateInfo MsgsAllInfo MsgDetailedInfo
        MsgNewDetailedInfo MsgResendReq RpcErrorBare RpcDropAnswer RpcAnswerUnknown RpcAnswerDropped GetFutureSalts
        FutureSalt FutureSalts Ping PingDelayDisconnect Pong DestroySession NewSessionCreated HttpWait BindAuthKeyInner
    }
    let mut r = Reader::new(data);
    let _ = (r.bytes(), r.vector(4), r.count(1), r.end());
}

/// `root:1 | value`: the skip table and the schema agree on the end of a value, and on which bytes are not a value.
pub fn skip_vs_value(data: &[u8]) {
    let mut choices = Choices(data);
    let number = usize::from(choices.byte()) % table::ROOTS.len();
    let value = choices.rest();
    let root = table::API.root(number).expect("it is one of the roots");
    // The API's schema alone: the table lacks MTProto's own constructors, some of which have names of the API.
    let api = telegram().carried().expect("the API is carried");
    let ty = api.ty(table::ROOTS[number]).expect("a root is a type");
    let (mut by_table, mut by_tree) = (Reader::new(value), Reader::new(value));
    let skipped = table::API.skip(&mut by_table, root);
    let read = api.read(&mut by_tree, &ty);
    assert_eq!(skipped.is_ok(), read.is_ok(), "{skipped:?}, {:?}", read.as_ref().err());
    if skipped.is_ok() {
        assert_eq!(by_table.position(), by_tree.position(), "{:?}", read);
    }
}

/// A parsed link is printed as a link that parses to the same value.
pub fn link(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for prefix in [None, Some("https://me.example.org/")] {
        match StartLink::parse(&text, prefix) {
            Ok(link) => {
                let printed = link.to_string();
                assert_eq!(StartLink::parse(&printed, None).as_ref(), Ok(&link), "{printed}");
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// A parsed session string is written as one that parses to the same value.
pub fn session_string(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let recognised = string::Format::recognise(&text);
    let Ok((format, session)) = string::parse(&text) else { return };
    assert_eq!(recognised, Some(format));
    // Formats accept more than they can represent: GramJS, for example, cannot write every port.
    let Ok(written) = string::write(&session, format) else { return };
    let (again_format, again) = string::parse(&written).expect("what was written can be read");
    assert_eq!(again_format, format);
    assert!(again.auth_key.is(&session.auth_key));
    // `Debug` shows the key by its id.
    assert_eq!(alloc::format!("{again:?}"), alloc::format!("{session:?}"));
}

/// Compressed data never inflates past the limit, and inflates to the same bytes under every limit that fits them.
pub fn inflate(data: &[u8]) {
    const LIMIT: usize = 1 << 16;
    match gzip::inflate(data, LIMIT) {
        Ok(open) => {
            assert!(open.len() <= LIMIT);
            assert_eq!(gzip::inflate(data, gzip::MAX_INFLATED).as_ref(), Ok(&open));
            assert_eq!(gzip::inflate(data, open.len()).as_ref(), Ok(&open));
            if let Some(less) = open.len().checked_sub(1) {
                assert!(gzip::inflate(data, less).is_err());
            }
        }
        Err(_) => drop(gzip::inflate(data, 0)),
    }
    let packed = gzip::deflate(data);
    assert_eq!(gzip::inflate(&packed, data.len()).as_deref(), Ok(data));
}

//! Framing: frames in and out of a byte stream, however it is cut.

mod client;

use bytes::BytesMut;
use nanogram::base::entropy::{Entropy, EntropyFailed};
use nanogram::base::side::Side;
use nanogram::crypto::ctr::Ctr;
use nanogram::wire::transport::{
    Extras, Frame, FrameError, Framer, Framing, MAX_FRAME, ObfuscateError, Obfuscated, ProxySecret, Tail,
    TransportFault, detect,
};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use serde_json::Value;
use std::{fs, path::Path};

const VECTORS: &str = include_str!("../fixtures/vectors.json");
const FRAMINGS: [Framing; 4] = Framing::ALL;

/// Vectors of one group of `vectors.json`, whose number must be `count`.
fn group(name: &str, count: usize) -> Vec<Value> {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    let found: Vec<Value> = all["vectors"].as_array().unwrap().iter().filter(|v| v["group"] == name).cloned().collect();
    assert_eq!(found.len(), count, "vectors of group {name}");
    found
}

fn unhex(text: &Value) -> Vec<u8> {
    bytes_of(text.as_str().unwrap())
}

fn bytes_of(hex: &str) -> Vec<u8> {
    assert_eq!(hex.len() % 2, 0);
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn framing(name: &Value) -> Framing {
    match name.as_str().unwrap() {
        "abridged" | "obfuscated-abridged" => Framing::ABRIDGED,
        "intermediate" => Framing::INTERMEDIATE,
        "full" => Framing::FULL,
        other => panic!("a framing called {other}"),
    }
}

/// Server framer that has read the preamble.
fn greeted(framing: Framing) -> Framer {
    let mut server = Framer::new(framing, Side::Server);
    server.push(framing.preamble());
    server
}

fn packet(bytes: impl AsRef<[u8]>) -> Frame {
    Frame::Packet(bytes.as_ref().into())
}

/// All complete frames.
fn drain(framer: &mut Framer) -> Result<Vec<Frame>, FrameError> {
    let mut frames = Vec::new();
    while let Some(frame) = framer.next()? {
        frames.push(frame);
    }
    Ok(frames)
}

/// Decodes all frames of `wire`, pushed in one piece.
fn read(mut framer: Framer, wire: &[u8]) -> Result<Vec<Frame>, FrameError> {
    framer.push(wire);
    drain(&mut framer)
}

/// Cuts `wire` into pieces of random length from `seed`; seed 0 cuts byte by byte.
fn cuts(wire: &[u8], seed: u64) -> Vec<&[u8]> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut pieces, mut rest) = (Vec::new(), wire);
    while !rest.is_empty() {
        let most = if seed == 0 { 1 } else { [2, 9, 70, 1500][rng.random_range(0..4)] };
        let (piece, after) = rest.split_at(rng.random_range(1..=most).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Decodes the frames of `pieces`, with `framer` or with the detected framing.
fn cut(mut framer: Option<Framer>, pieces: &[&[u8]]) -> (Framer, Vec<Frame>) {
    let (mut start, mut frames) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        match &mut framer {
            Some(framer) => framer.push(piece),
            None => {
                start.extend_from_slice(piece);
                framer = detect(&mut start).unwrap();
            }
        }
        if let Some(framer) = &mut framer {
            frames.extend(drain(framer).unwrap());
        }
    }
    (framer.expect("a transport known to us"), frames)
}

/// Random packet of whole words that looks plain or encrypted.
fn some_packet(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let blocks = [1, 3, 30, 31, 32, 120][rng.random_range(0..6)];
    if rng.random() {
        let mut encrypted = vec![0; 24 + 16 * blocks];
        rng.fill_bytes(&mut encrypted);
        encrypted[0] |= 1;
        return encrypted;
    }
    let words = rng.random_range(0..4 * blocks);
    let mut plain = vec![0; 20 + 4 * words];
    rng.fill_bytes(&mut plain[8..]);
    plain[16..20].copy_from_slice(&u32::try_from(4 * words).unwrap().to_le_bytes());
    plain
}

/// Random frames of every kind that `framer` can encode, with their bytes.
fn some_talk(framer: &mut Framer, side: Side, rng: &mut ChaCha8Rng) -> (BytesMut, Vec<Frame>) {
    let (mut wire, mut frames) = (BytesMut::new(), Vec::new());
    for _ in 0..rng.random_range(1..12) {
        let token = rng.random::<u32>() | 1 << 31;
        match (side, rng.random_range(0..6)) {
            (Side::Server, 0) => {
                framer.encode_quick_ack(token, &mut wire);
                if framer.framing() != Framing::FULL {
                    frames.push(Frame::QuickAck(token));
                }
            }
            (Side::Server, 1) => {
                let code = rng.random_range(-999..-1);
                framer.encode_fault(TransportFault::from_code(code), &mut wire);
                frames.push(Frame::Fault(TransportFault::from_code(code)));
            }
            (_, 2) => framer.encode(&[0; 4], &mut wire).unwrap(),
            _ => {
                let sent = some_packet(rng);
                let quick_ack = rng.random();
                let extras = Extras { quick_ack, tail: Tail::random(rng).unwrap() };
                framer.encode_with(&sent, extras, &mut wire).unwrap();
                let asked = quick_ack && side == Side::Client && framer.framing() != Framing::FULL;
                frames.push(if asked { Frame::AckWanted(sent[..].into()) } else { packet(sent) });
            }
        }
    }
    (wire, frames)
}

/// Entropy that replays a recording, then fails.
struct Recorded(Vec<u8>);

impl Entropy for Recorded {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        if self.0.len() < out.len() {
            return Err(EntropyFailed);
        }
        out.copy_from_slice(&self.0.drain(..out.len()).collect::<Vec<_>>());
        Ok(())
    }
}

// Vectors of other implementations, and of the rules.

#[test]
fn packets_are_framed_as_other_implementations_frame_them() {
    for vector in group("framing", 6) {
        let data = &vector["data"];
        let sent = match data.get("payload") {
            Some(payload) => unhex(payload),
            None => vec![0x11; usize::try_from(data["payload_len"].as_u64().unwrap()).unwrap()],
        };
        let mut client = Framer::new(framing(&data["transport"]), Side::Client);
        let mut wire = BytesMut::new();
        if data["first_packet"] != true && client.framing() != Framing::FULL {
            client.encode(&[], &mut wire).unwrap(); // the vector lacks the preamble
            wire.clear();
        }
        client.encode(&sent, &mut wire).unwrap();
        match data.get("wire") {
            Some(whole) => assert_eq!(wire, unhex(whole), "{}", vector["id"]),
            None => assert_eq!(wire, [unhex(&data["wire_prefix"]), sent.clone()].concat(), "{}", vector["id"]),
        }

        let mut server = Framer::new(client.framing(), Side::Server);
        if data["first_packet"] != true {
            server.push(client.framing().preamble());
        }
        server.push(&wire);
        match sent.len() {
            0 => assert_eq!(server.next(), Err(FrameError::Length(12)), "nothing is no packet"),
            _ => assert_eq!(server.next(), Ok(Some(packet(&sent))), "{}", vector["id"]),
        }
    }
}

#[test]
fn four_bytes_are_a_fault_and_forty_never() {
    for vector in group("transport_error", 3) {
        let data = &vector["data"];
        let client = |framing| Framer::new(framing, Side::Client);
        let Some(code) = data["code"].as_i64() else {
            let wire = unhex(&data["abridged"]);
            assert_eq!(read(client(Framing::ABRIDGED), &wire), Ok(vec![packet(&wire[1..])]), "{}", vector["id"]);
            continue;
        };
        let fault = TransportFault::from_code(i32::try_from(code).unwrap());
        for (name, framing) in
            [("abridged", Framing::ABRIDGED), ("intermediate", Framing::INTERMEDIATE), ("full_seq0", Framing::FULL)]
        {
            let wire = unhex(&data[name]);
            assert_eq!(read(client(framing), &wire), Ok(vec![Frame::Fault(fault)]), "{} {name}", vector["id"]);
            let mut out = BytesMut::new();
            greeted(framing).encode_fault(fault, &mut out);
            assert_eq!(out, wire, "{} {name}", vector["id"]);
        }
    }
}

#[test]
fn broken_frames_are_refused_or_waited_for() {
    for vector in group("framing_reject", 4) {
        let wire = unhex(&vector["data"]["wire"]);
        let (framing, outcome) = match vector["id"].as_str().unwrap() {
            "frame_bad_7fffffff" => (Framing::ABRIDGED, Err(FrameError::TooLong(0xff_ffff * 4))),
            "frame_bad_intermediate_len4_nopayload" => (Framing::INTERMEDIATE, Ok(vec![])),
            "frame_bad_intermediate_huge" => (Framing::INTERMEDIATE, Err(FrameError::TooLong(0x7fff_ffff))),
            "frame_bad_full_bad_crc" => (Framing::FULL, Ok(vec![])), // truncated: not an error yet
            other => panic!("a vector called {other}"),
        };
        for framer in [Framer::new(framing, Side::Client), greeted(framing)] {
            assert_eq!(read(framer, &wire), outcome, "{}", vector["id"]);
        }
        if framing == Framing::FULL {
            let whole = [&wire[..], &[0; 140][wire.len()..]].concat();
            assert_eq!(read(greeted(framing), &whole), Err(FrameError::Checksum));
        }
    }
}

#[test]
fn a_quick_ack_is_asked_and_given() {
    for vector in group("quick_ack", 1) {
        let data = &vector["data"];
        let sent = unhex(&data["client_packet"]);
        let token = u32::try_from(data["token_u32le"].as_u64().unwrap()).unwrap();
        for (framing, request, answer) in [
            (Framing::ABRIDGED, "abridged_frame_request", "token_wire_abridged"),
            (Framing::INTERMEDIATE, "intermediate_frame_request", "token_wire_intermediate"),
        ] {
            let (mut client, mut server) = (Framer::new(framing, Side::Client), greeted(framing));
            let mut wire = BytesMut::new();
            client.encode_with(&sent, Extras { quick_ack: true, ..Extras::default() }, &mut wire).unwrap();
            assert_eq!(wire[framing.preamble().len()..], unhex(&data[request]));
            server.push(&wire[framing.preamble().len()..]);
            assert_eq!(server.next(), Ok(Some(Frame::AckWanted(sent[..].into()))));

            let mut out = BytesMut::new();
            server.encode_quick_ack(token, &mut out);
            assert_eq!(out, unhex(&data[answer]));
            assert_eq!(read(client, &out), Ok(vec![Frame::QuickAck(token)]));
        }
        let body = unhex(&data["padded_intermediate_ack_body_prefix"]);
        let mut out = BytesMut::new();
        greeted(Framing::PADDED_INTERMEDIATE).encode_quick_ack(token, &mut out);
        assert_eq!(out, [&8u32.to_le_bytes()[..], &body].concat());
    }
}

#[test]
fn the_noise_is_that_of_other_implementations() {
    for vector in group("obfuscated2", 2) {
        let data = &vector["data"];
        let secret = ProxySecret::parse(&unhex(&data["secret"]));
        let dc = data["dc"].as_i64().map(|dc| i16::try_from(dc).unwrap());
        let framing = match data["protocol"].as_str().unwrap() {
            "dddddddd" => Framing::PADDED_INTERMEDIATE,
            _ => Framing::ABRIDGED,
        };
        let mut dice = Recorded(unhex(&data["random64"]));
        let ours = Obfuscated::connect(framing, dc, secret.as_ref(), &mut dice).unwrap();
        let mut client = Framer::obfuscated(ours);
        let frame = data.get("plain_frame").map_or(vec![1; 40], |frame| unhex(frame)[1..].to_vec());
        let mut wire = BytesMut::new();
        client.encode(&frame, &mut wire).unwrap();
        let (init, wire) = wire.split_first_chunk::<64>().unwrap();
        assert_eq!(init[..], unhex(&data["header"]));

        let mut stream = Ctr::new(
            unhex(&data["encrypt_key"])[..].try_into().unwrap(),
            unhex(&data["encrypt_iv"])[..].try_into().unwrap(),
        );
        let mut noise = vec![0; 64 + wire.len()];
        stream.apply(&mut noise);
        let mut plain = wire.to_vec();
        plain.iter_mut().zip(&noise[64..]).for_each(|(byte, key)| *byte ^= key);
        assert!(plain.ends_with(&frame), "{}", vector["id"]);
        if let Some(abcd) = data.get("then_encrypt_abcd") {
            let there: Vec<u8> = noise[64..68].iter().zip(b"abcd").map(|(a, b)| a ^ b).collect();
            assert_eq!(there, unhex(abcd));
        }
        if let Some(frame) = data.get("obfuscated_frame") {
            assert_eq!(*wire, unhex(frame));
        }

        let theirs = Obfuscated::accept(init, secret.as_ref()).unwrap();
        assert_eq!(theirs.framing(), framing);
        assert!(dc.is_none_or(|dc| dc == theirs.dc()));
        let mut server = Framer::obfuscated(theirs);
        server.push(wire);
        assert_eq!(server.next(), Ok(Some(packet(frame))));

        let mut answer = BytesMut::new();
        server.encode_fault(TransportFault::AuthKeyNotFound, &mut answer);
        let mut stream = Ctr::new(
            unhex(&data["decrypt_key"])[..].try_into().unwrap(),
            unhex(&data["decrypt_iv"])[..].try_into().unwrap(),
        );
        let mut plain = answer.to_vec();
        stream.apply(&mut plain);
        assert!(plain.ends_with(&(-404i32).to_le_bytes()));
        if let Some(wire) = data.get("server_error_minus404_obfuscated") {
            assert_eq!(plain, unhex(&data["server_error_minus404_plain"]));
            assert_eq!(answer, unhex(wire));
        }
        if let Some(abcd) = data.get("decrypt_stream_first4_xor_abcd") {
            let there: Vec<u8> = answer.iter().zip(&plain).zip(b"abcd").map(|((a, b), c)| a ^ b ^ c).collect();
            assert_eq!(there[..4], unhex(abcd));
        }
        assert_eq!(read(client, &answer), Ok(vec![Frame::Fault(TransportFault::AuthKeyNotFound)]));
    }
}

// Recordings of real clients and an independent server.

/// Bytes of one direction, as read from the socket.
fn chunks(connection: &Value, dir: &str) -> Vec<Vec<u8>> {
    let events = connection["events"].as_array().unwrap().iter();
    events.filter(|event| event["dir"] == dir && event.get("hex").is_some()).map(|event| unhex(&event["hex"])).collect()
}

/// Compares `frames` with the independent decode of the same bytes.
fn assert_decoded(connection: &Value, dir: &str, frames: &[Frame]) {
    let decoded: Vec<_> = connection["decoded"].as_array().unwrap().iter().filter(|d| d["dir"] == dir).collect();
    assert_eq!(frames.len(), decoded.len());
    for (frame, decoded) in frames.iter().zip(decoded) {
        let Frame::Packet(bytes) = frame else { panic!("{frame:?} in a recording without such") };
        match decoded.get("auth_key_id") {
            Some(id) => assert!(bytes.starts_with(&unhex(id))),
            None => {
                let msg_id = decoded["msg_id"].as_i64().unwrap().to_le_bytes();
                let len = u32::try_from(decoded["len"].as_u64().unwrap()).unwrap().to_le_bytes();
                assert_eq!(*bytes, [&[0; 8][..], &msg_id, &len, &unhex(&decoded["body"])].concat());
            }
        }
    }
}

/// Client framer that produces the start of this recording.
fn client_of(connection: &Value, start: &[u8]) -> Framer {
    let framing = framing(&connection["transport"]);
    if connection["transport"] != "obfuscated-abridged" {
        return Framer::new(framing, Side::Client);
    }
    let (key, iv) = (start[8..40].try_into().unwrap(), start[40..56].try_into().unwrap());
    let mut open = start[..64].to_vec();
    Ctr::new(key, iv).apply(&mut open);
    let dice = [&start[..56], &open[56..]].concat();
    let obfuscated = Obfuscated::connect(framing, None, None, &mut Recorded(dice)).unwrap();
    assert_eq!(i64::from(obfuscated.dc()), connection["obf_dc"].as_i64().unwrap());
    Framer::obfuscated(obfuscated)
}

#[test]
fn recorded_streams_are_cut_and_redrawn_to_the_byte() {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/captures");
    let mut files: Vec<_> = fs::read_dir(captures).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 10);
    let mut total = 0;
    for file in files {
        let capture: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        for connection in capture["connections"].as_array().unwrap() {
            let (up, down) = (chunks(connection, "c2s"), chunks(connection, "s2c"));
            let (up_wire, down_wire) = (up.concat(), down.concat());
            let up: Vec<&[u8]> = up.iter().map(Vec::as_slice).collect();
            let down: Vec<&[u8]> = down.iter().map(Vec::as_slice).collect();

            let (mut server, from_client) = cut(None, &up);
            let (mut client, from_server) = cut(Some(client_of(connection, &up_wire)), &down);
            assert_eq!(server.framing(), framing(&connection["transport"]));
            assert_decoded(connection, "c2s", &from_client);
            assert_decoded(connection, "s2c", &from_server);
            total += from_client.len() + from_server.len();

            for seed in 0..8 {
                let fresh = client_of(connection, &up_wire);
                assert_eq!(cut(None, &cuts(&up_wire, seed)).1, from_client, "{file:?}, seed {seed}");
                assert_eq!(cut(Some(fresh), &cuts(&down_wire, seed)).1, from_server, "{file:?}, seed {seed}");
            }
            for (framer, frames, wire) in [(&mut client, from_client, up_wire), (&mut server, from_server, down_wire)] {
                let mut out = BytesMut::new();
                for frame in frames {
                    let Frame::Packet(bytes) = frame else { panic!("{frame:?}") };
                    framer.encode(&bytes, &mut out).unwrap();
                }
                assert!(out == wire, "{file:?}: other bytes for the same packets");
            }
        }
    }
    assert_eq!(total, 424, "packets in all recordings");
}

// Section D of the security checklist.

#[test]
fn d01_an_error_is_a_frame_of_exactly_four_bytes() {
    for framing in FRAMINGS {
        for words in 5..40 {
            let mut sent = vec![0xff; 4 * words]; // every number in it is negative
            sent.truncate(if framing == Framing::PADDED_INTERMEDIATE { 24 + (4 * words) / 16 * 16 } else { 4 * words });
            sent.resize(sent.len().max(24), 0xff);
            let (mut server, mut wire) = (greeted(framing), BytesMut::new());
            server.encode(&sent, &mut wire).unwrap();
            let found = read(Framer::new(framing, Side::Client), &wire).unwrap();
            assert_eq!(found.len(), 1);
            let Frame::Packet(bytes) = &found[0] else { panic!("{framing:?}: {found:?}") };
            assert!(sent.starts_with(bytes));
        }
        let mut wire = BytesMut::new();
        greeted(framing).encode(&(-404i32).to_le_bytes(), &mut wire).unwrap();
        let fault = Frame::Fault(TransportFault::AuthKeyNotFound);
        assert_eq!(read(Framer::new(framing, Side::Client), &wire), Ok(vec![fault]), "{framing:?}");
        wire.clear();
        greeted(framing).encode(&404i32.to_le_bytes(), &mut wire).unwrap();
        assert_eq!(read(Framer::new(framing, Side::Client), &wire), Err(FrameError::Code(404)), "{framing:?}");
        wire.clear();
        greeted(framing).encode(&[0; 4], &mut wire).unwrap();
        assert_eq!(read(Framer::new(framing, Side::Client), &wire), Ok(vec![]), "{framing:?}: means nothing");
    }
}

#[test]
fn d03_each_fault_has_its_number_and_its_advice() {
    for (code, fault, advice) in [
        (-404, TransportFault::AuthKeyNotFound, "reconnect before discarding the key"),
        (-429, TransportFault::TransportFlood, "wait"),
        (-444, TransportFault::InvalidDc, "test and production"),
        (-403, TransportFault::Other(-403), "-403"),
        (i32::MIN, TransportFault::Other(i32::MIN), "-2147483648"),
    ] {
        assert_eq!(TransportFault::from_code(code), fault);
        assert_eq!(fault.code(), code);
        assert!(fault.to_string().contains(advice) && fault.to_string().contains(&code.to_string()), "{fault}");
        for framing in FRAMINGS {
            let (mut server, mut wire) = (greeted(framing), BytesMut::new());
            server.encode_fault(fault, &mut wire);
            server.encode(&[7; 40], &mut wire).unwrap(); // the stream goes on
            let frames = vec![Frame::Fault(fault), packet([7; 40])];
            assert_eq!(read(Framer::new(framing, Side::Client), &wire), Ok(frames), "{framing:?}");
        }
    }
}

#[test]
fn d03_a_padded_fault_may_have_a_tail() {
    for len in 0..=15 {
        let tail = Tail::new(&[0xa5; 15][..len]).unwrap();
        let (mut server, mut wire) = (greeted(Framing::PADDED_INTERMEDIATE), BytesMut::new());
        for code in [-429i32, 0] {
            server.encode_with(&code.to_le_bytes(), Extras { tail, ..Extras::default() }, &mut wire).unwrap();
        }
        let frames = read(Framer::new(Framing::PADDED_INTERMEDIATE, Side::Client), &wire);
        assert_eq!(frames, Ok(vec![Frame::Fault(TransportFault::TransportFlood)]), "a tail of {len}");
    }
}

#[test]
fn d03_a_bare_fault_on_the_full_framing_is_understood() {
    let wire = (-429i32).to_le_bytes();
    let fault = Frame::Fault(TransportFault::TransportFlood);
    let client = || Framer::new(Framing::FULL, Side::Client);
    assert_eq!(read(client(), &wire), Ok(vec![fault.clone()]));
    assert_eq!(read(client(), &wire.repeat(3)), Ok(vec![fault; 3]));
    assert_eq!(read(greeted(Framing::FULL), &wire), Err(FrameError::TooLong(0xffff_fe53)));
}

#[test]
fn d04_an_abridged_length_of_7fffff_is_refused() {
    for (wire, words) in [("7fffffff", 0xff_ffff), ("7fffff7f", 0x7f_ffff)] {
        for framer in [Framer::new(Framing::ABRIDGED, Side::Client), greeted(Framing::ABRIDGED)] {
            assert_eq!(read(framer, &bytes_of(wire)), Err(FrameError::TooLong(words * 4)));
        }
    }
    assert_eq!(read(greeted(Framing::ABRIDGED), &[0xff; 4]), Err(FrameError::TooLong(0xff_ffff * 4)));
}

#[test]
fn d05_any_cut_of_any_stream_gives_the_same_frames() {
    for (seed, framing) in (1..=60).flat_map(|seed| FRAMINGS.map(|framing| (seed, framing))) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let (mut client, mut server) = match (framing.name(), seed % 2) {
            ("full", _) | (_, 0) => (Framer::new(framing, Side::Client), Framer::new(framing, Side::Server)),
            _ => {
                let ours = Obfuscated::connect(framing, None, None, rng).unwrap();
                let mut client = Framer::obfuscated(ours);
                let mut start = BytesMut::new();
                client.encode(&[0; 4], &mut start).unwrap();
                (client, detect(&mut start).unwrap().unwrap())
            }
        };
        for _ in 0..3 {
            let (wire, said) = some_talk(&mut client, Side::Client, rng);
            let (after, heard) = cut(Some(server), &cuts(&wire, rng.random_range(0..1000)));
            assert_eq!(heard, said, "{framing:?} up, seed {seed}");
            server = after;
            let (wire, said) = some_talk(&mut server, Side::Server, rng);
            let (after, heard) = cut(Some(client), &cuts(&wire, rng.random_range(0..1000)));
            assert_eq!(heard, said, "{framing:?} down, seed {seed}");
            client = after;
        }
    }
}

#[test]
fn d05_detection_works_from_any_cut() {
    for (seed, framing) in (0..40).flat_map(|seed| FRAMINGS.map(|framing| (seed, framing))) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let mut clients = vec![Framer::new(framing, Side::Client)];
        if let Ok(obfuscated) = Obfuscated::connect(framing, Some(2), None, rng) {
            clients.push(Framer::obfuscated(obfuscated));
        }
        for mut client in clients {
            let mut wire = BytesMut::new();
            client.encode(&[1; 40], &mut wire).unwrap();
            let (server, frames) = cut(None, &cuts(&wire, seed));
            assert_eq!((server.framing(), frames), (framing, vec![packet([1; 40])]), "seed {seed}");
        }
    }
}

#[test]
fn d05_a_cut_frame_is_waited_for() {
    for framing in FRAMINGS {
        let (mut client, mut wire) = (Framer::new(framing, Side::Client), BytesMut::new());
        client.encode(&[3; 600], &mut wire).unwrap();
        for end in 0..wire.len() {
            assert_eq!(read(Framer::new(framing, Side::Server), &wire[..end]), Ok(vec![]), "{framing:?} at {end}");
        }
    }
}

#[test]
fn d05_no_flipped_bit_panics() {
    for framing in FRAMINGS {
        let (mut client, mut wire) = (Framer::new(framing, Side::Client), BytesMut::new());
        client.encode(&[3; 40], &mut wire).unwrap();
        client.encode(&[4; 56], &mut wire).unwrap();
        let whole = read(Framer::new(framing, Side::Server), &wire);
        for bit in 0..wire.len() * 8 {
            let mut flipped = wire.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(read(Framer::new(framing, Side::Server), &flipped), whole, "{framing:?}, bit {bit}");
            let mut start = flipped[..].into();
            if let Ok(Some(mut server)) = detect(&mut start) {
                let _ = drain(&mut server);
            }
        }
    }
}

#[test]
fn d06_a_length_over_the_cap_is_refused_before_its_bytes_come() {
    for framing in FRAMINGS {
        let head = |len: usize| match framing.name() {
            "abridged" => {
                let [a, b, c, ..] = (len / 4).to_le_bytes();
                vec![0x7f, a, b, c]
            }
            _ => u32::try_from(len).unwrap().to_le_bytes().to_vec(),
        };
        for framer in [Framer::new(framing, Side::Client), greeted(framing)] {
            assert_eq!(read(framer, &head(MAX_FRAME + 4)), Err(FrameError::TooLong(MAX_FRAME + 4)), "{framing:?}");
        }
        assert_eq!(read(greeted(framing), &head(MAX_FRAME)), Ok(vec![]), "{framing:?}");
    }
}

#[test]
fn d06_lengths_that_no_frame_has_are_refused() {
    let refused = |framing, wire: &[u8]| read(greeted(framing), wire).unwrap_err();
    assert_eq!(refused(Framing::ABRIDGED, &[0]), FrameError::Length(0));
    assert_eq!(refused(Framing::ABRIDGED, &[0x7f, 0, 0, 0]), FrameError::Length(0));
    assert_eq!(refused(Framing::INTERMEDIATE, &[0; 4]), FrameError::Length(0));
    assert_eq!(refused(Framing::PADDED_INTERMEDIATE, &[0; 4]), FrameError::Length(0));
    assert_eq!(refused(Framing::PADDED_INTERMEDIATE, &[3, 0, 0, 0]), FrameError::Length(3));
    for len in [1u8, 2, 3, 5, 41] {
        assert_eq!(refused(Framing::INTERMEDIATE, &[len, 0, 0, 0]), FrameError::Length(len.into()));
    }
    for len in [0u8, 1, 2, 3, 4, 8, 11, 12, 13, 15, 17] {
        assert_eq!(refused(Framing::FULL, &[len, 0, 0, 0]), FrameError::Length(len.into()));
    }
}

#[test]
fn d06_what_no_frame_can_hold_is_not_sent() {
    for framing in FRAMINGS {
        let (mut client, mut wire) = (Framer::new(framing, Side::Client), BytesMut::new());
        let long = vec![0; MAX_FRAME + 4];
        assert_eq!(client.encode(&long, &mut wire), Err(FrameError::TooLong(long.len())));
        assert_eq!(client.encode(&[0; 41], &mut wire), Err(FrameError::Length(41)));
        assert!(wire.is_empty(), "not even a preamble");
    }
}

#[test]
fn d06_after_an_error_nothing_is_kept() {
    let mut server = greeted(Framing::ABRIDGED);
    server.push(&[0]);
    for _ in 0..3 {
        assert_eq!(server.next(), Err(FrameError::Length(0)));
        server.push(&[1, 0, 0, 0, 0]);
    }
}

#[test]
fn d07_a_full_frame_with_another_checksum_is_refused() {
    let (mut client, mut wire) = (Framer::new(Framing::FULL, Side::Client), BytesMut::new());
    client.encode(&[9; 40], &mut wire).unwrap();
    for bit in 32..wire.len() * 8 {
        let mut flipped = wire.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(read(greeted(Framing::FULL), &flipped), Err(FrameError::Checksum), "bit {bit}");
    }
}

#[test]
fn d07_a_full_frame_out_of_turn_is_refused() {
    let (mut client, mut wires) = (Framer::new(Framing::FULL, Side::Client), Vec::new());
    for _ in 0..3 {
        let mut wire = BytesMut::new();
        client.encode(&[9; 40], &mut wire).unwrap();
        wires.push(wire);
    }
    let sequence = |due, found| Err(FrameError::Sequence { due, found });
    assert_eq!(read(greeted(Framing::FULL), &wires[1]), sequence(0, 1), "lost");
    assert_eq!(read(greeted(Framing::FULL), &[&wires[0][..], &wires[0]].concat()), sequence(1, 0), "repeated");
    assert_eq!(read(greeted(Framing::FULL), &[&wires[0][..], &wires[2]].concat()), sequence(1, 2), "reordered");
    assert_eq!(read(greeted(Framing::FULL), &wires.concat()).unwrap().len(), 3);
}

#[test]
fn d08_a_quick_ack_never_asked_for_costs_nothing() {
    for framing in [Framing::ABRIDGED, Framing::INTERMEDIATE, Framing::PADDED_INTERMEDIATE] {
        let (mut server, mut wire) = (greeted(framing), BytesMut::new());
        server.encode(&[5; 40], &mut wire).unwrap();
        for token in [0, 0x8a01_0203, 0xffff_ffff, 0x0a00_0000] {
            server.encode_quick_ack(token, &mut wire);
        }
        server.encode(&[6; 40], &mut wire).unwrap();
        let mut frames = vec![packet([5; 40])];
        frames.extend([1 << 31, 0x8a01_0203, 0xffff_ffff, 0x8a00_0000].map(Frame::QuickAck));
        frames.push(packet([6; 40]));
        for seed in 0..20 {
            let client = Framer::new(framing, Side::Client);
            assert_eq!(cut(Some(client), &cuts(&wire, seed)).1, frames, "{framing:?}, seed {seed}");
        }
    }
}

#[test]
fn d08_a_padded_quick_ack_may_have_a_tail_or_no_frame() {
    let token = 0xc86c_471c_u32;
    for tail in 0..=11u8 {
        let body = [&[0xff; 4][..], &token.to_le_bytes(), &vec![0xee; tail.into()]].concat();
        let wire = [&[8 + tail, 0, 0, 0][..], &body].concat();
        let client = Framer::new(Framing::PADDED_INTERMEDIATE, Side::Client);
        assert_eq!(read(client, &wire), Ok(vec![Frame::QuickAck(token)]), "a tail of {tail}");
    }
    let client = Framer::new(Framing::PADDED_INTERMEDIATE, Side::Client);
    assert_eq!(read(client, &token.to_le_bytes()), Ok(vec![Frame::QuickAck(token)]));
}

#[test]
fn d08_the_full_framing_neither_asks_nor_gives() {
    let (mut client, mut server) = (Framer::new(Framing::FULL, Side::Client), greeted(Framing::FULL));
    let mut wire = BytesMut::new();
    client.encode_with(&[8; 40], Extras { quick_ack: true, ..Extras::default() }, &mut wire).unwrap();
    server.push(&wire);
    assert_eq!(server.next(), Ok(Some(packet([8; 40]))));
    wire.clear();
    server.encode_quick_ack(1, &mut wire);
    assert!(wire.is_empty());
}

#[test]
fn d09_a_padded_tail_of_any_length_is_stripped() {
    let rng = &mut ChaCha8Rng::seed_from_u64(9);
    for (len, _) in (0..=15).flat_map(|len| (0..40).map(move |i| (len, i))) {
        let mut tail = vec![0; len];
        rng.fill_bytes(&mut tail);
        let sent = some_packet(rng);
        for (side, quick_ack) in [(Side::Client, false), (Side::Client, true), (Side::Server, false)] {
            let mut wire = BytesMut::new();
            let mut framer = Framer::new(Framing::PADDED_INTERMEDIATE, side);
            let extras = Extras { quick_ack, tail: Tail::new(&tail).unwrap() };
            framer.encode_with(&sent, extras, &mut wire).unwrap();
            assert!(wire.ends_with(&tail));
            let other = Framer::new(Framing::PADDED_INTERMEDIATE, side.peer());
            let whole = if quick_ack { Frame::AckWanted(sent[..].into()) } else { packet(&sent) };
            assert_eq!(read(other, &wire), Ok(vec![whole]), "a tail of {len}");
        }
    }
    assert_eq!(Tail::new(&[0; 16]), None);
}

#[test]
fn d09_a_plain_message_that_ends_outside_its_frame_is_refused() {
    for (inner, fits) in [(20u32, true), (21, false), (u32::MAX, false), (u32::MAX - 19, false), (0, true)] {
        let mut body = [0; 40];
        body[16..20].copy_from_slice(&inner.to_le_bytes());
        let wire = [&[40, 0, 0, 0][..], &body].concat();
        let found = read(greeted(Framing::PADDED_INTERMEDIATE), &wire);
        match fits {
            true => assert_eq!(found, Ok(vec![packet(&body[..20 + inner as usize])])),
            false => assert_eq!(found, Err(FrameError::Length(40)), "{inner}"),
        }
    }
    for len in 20..24u8 {
        let wire = [&[len, 0, 0, 0][..], &vec![1; len.into()]].concat();
        assert_eq!(read(greeted(Framing::PADDED_INTERMEDIATE), &wire), Err(FrameError::Length(len.into())));
    }
}

#[test]
fn d10_an_init_never_starts_like_another_transport() {
    let forbidden = [
        bytes_of("ef000000deadbeef"),
        b"HEAD / H".to_vec(),
        b"POST / H".to_vec(),
        b"GET / HT".to_vec(),
        b"OPTIONS ".to_vec(),
        bytes_of("160301020304fc03"),
        bytes_of("dddddddd01020304"),
        bytes_of("eeeeeeee01020304"),
        bytes_of("0102030400000000"),
    ];
    let mut dice = Recorded(Vec::new());
    for start in &forbidden {
        dice.0.extend(start);
        dice.0.extend([0x77; 56]);
    }
    dice.0.extend([0x42; 64]);
    let mut wire = BytesMut::new();
    let obfuscated = Obfuscated::connect(Framing::ABRIDGED, None, None, &mut dice).unwrap();
    Framer::obfuscated(obfuscated).encode(&[0; 40], &mut wire).unwrap();
    assert_eq!(wire[..56], [0x42; 56], "the first that is not forbidden");

    let count = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
    let rng = &mut ChaCha8Rng::seed_from_u64(10);
    for i in 0..count {
        let framing = FRAMINGS[i % 3];
        wire.clear();
        let obfuscated = Obfuscated::connect(framing, None, None, rng).unwrap();
        Framer::obfuscated(obfuscated).encode(&[0; 4], &mut wire).unwrap();
        let server = detect(&mut wire).unwrap().unwrap();
        assert_eq!(server.framing(), framing, "init {i}");
    }
}

#[test]
fn d10_entropy_that_is_none_ends_the_search() {
    let connect = |framing, dice: &mut dyn Entropy| Obfuscated::connect(framing, None, None, dice).unwrap_err();
    let failed = ObfuscateError::Entropy(EntropyFailed);
    assert_eq!(connect(Framing::ABRIDGED, &mut Recorded(vec![1; 63])), failed);
    assert_eq!(connect(Framing::ABRIDGED, &mut Recorded(vec![0; 1 << 20])), failed, "zeros for ever");
    assert_eq!(connect(Framing::FULL, &mut Recorded(vec![1; 64])), ObfuscateError::Full);
}

#[test]
fn d10_the_streams_run_on_over_any_cut() {
    for seed in 0..12 {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let framing = FRAMINGS[rng.random_range(0..3)];
        let mut client = Framer::obfuscated(Obfuscated::connect(framing, None, None, rng).unwrap());
        let (mut wire, mut said) = (BytesMut::new(), Vec::new());
        for _ in 0..20 {
            let (more, also) = some_talk(&mut client, Side::Client, rng);
            wire.extend_from_slice(&more);
            said.extend(also);
        }
        let (mut server, heard) = cut(None, &cuts(&wire, seed));
        assert_eq!(heard, said, "up, seed {seed}");

        (wire, said) = (BytesMut::new(), Vec::new());
        for _ in 0..20 {
            let (more, also) = some_talk(&mut server, Side::Server, rng);
            wire.extend_from_slice(&more);
            said.extend(also);
        }
        assert_eq!(cut(Some(client), &cuts(&wire, seed)).1, said, "down, seed {seed}");
    }
}

#[test]
fn an_mtproxy_needs_its_secret() {
    let rng = &mut ChaCha8Rng::seed_from_u64(12);
    let secret = ProxySecret::parse(&[0xdd; 17]).unwrap();
    assert!(secret.is_padded());
    assert!(!ProxySecret::parse(&[0xdd; 16]).unwrap().is_padded());
    for other in [&[0xee; 17][..], &[0; 15], &[0xdd; 18], &[]] {
        assert!(ProxySecret::parse(other).is_none());
    }
    let ours = Obfuscated::connect(Framing::PADDED_INTERMEDIATE, Some(-10002), Some(&secret), rng).unwrap();
    let mut wire = BytesMut::new();
    Framer::obfuscated(ours).encode(&[1; 40], &mut wire).unwrap();
    let init = wire.first_chunk().unwrap();
    assert_eq!(Obfuscated::accept(init, Some(&secret)).unwrap().dc(), -10002);
    assert_eq!(Obfuscated::accept(init, None).unwrap_err(), FrameError::Start);
    assert_eq!(detect(&mut wire).unwrap_err(), FrameError::Start);
    assert_eq!(format!("{secret:?}"), "ProxySecret(..)");
}

// Start of a connection.

#[test]
fn detection_says_when_it_needs_more() {
    let known = |start: &[u8]| detect(&mut start.into()).map(|framer| framer.map(|framer| framer.framing()));
    assert_eq!(known(&[]), Ok(None));
    assert_eq!(known(&[0xef]), Ok(Some(Framing::ABRIDGED)));
    assert_eq!(known(&[0xee; 3]), Ok(None));
    assert_eq!(known(&[0xee; 4]), Ok(Some(Framing::INTERMEDIATE)));
    assert_eq!(known(&[0xdd; 4]), Ok(Some(Framing::PADDED_INTERMEDIATE)));
    assert_eq!(known(&[40, 0, 0, 0, 0, 0, 0]), Ok(None));
    assert_eq!(known(&[40, 0, 0, 0, 0, 0, 0, 0]), Ok(Some(Framing::FULL)));
    assert_eq!(known(&[0x55; 63]), Ok(None));
}

#[test]
fn an_unintelligible_start_is_refused() {
    for start in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"POST",
        b"HEAD",
        b"OPTI",
        &[0x16, 3, 1, 2],
        &[0; 8],
        &[13, 0, 0, 0, 0, 0, 0, 0],
        &[0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0],
        &[0x55; 64],
    ] {
        assert_eq!(detect(&mut start.into()).unwrap_err(), FrameError::Start, "{start:02x?}");
    }
    for (framing, start) in [(Framing::ABRIDGED, 0xee), (Framing::INTERMEDIATE, 0xdd)] {
        assert_eq!(read(Framer::new(framing, Side::Server), &[start]), Err(FrameError::Start));
    }
}

#[test]
fn a_preamble_is_written_once_and_never_by_a_server() {
    for framing in FRAMINGS {
        let mut wire = BytesMut::new();
        let mut client = Framer::new(framing, Side::Client);
        client.encode(&[1; 40], &mut wire).unwrap();
        client.encode(&[1; 40], &mut wire).unwrap();
        assert!(wire.starts_with(framing.preamble()));
        assert_eq!(read(greeted(framing), &wire[framing.preamble().len()..]).unwrap().len(), 2);
        wire.clear();
        greeted(framing).encode(&[1; 40], &mut wire).unwrap();
        assert_eq!(read(Framer::new(framing, Side::Client), &wire), Ok(vec![packet([1; 40])]));
    }
}

//! The stream of the socket: frames in and out, however it is cut.

use bytes::BytesMut;
use nanogram::side::Side;
use nanogram::transport::{Frame, FrameError, Framer, Framing};
use serde_json::Value;

const VECTORS: &str = include_str!("fixtures/vectors.json");

/// The vectors of one group of `vectors.json`, as many as there must be.
fn group(name: &str, count: usize) -> Vec<Value> {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    let found: Vec<Value> = all["vectors"].as_array().unwrap().iter().filter(|v| v["group"] == name).cloned().collect();
    assert_eq!(found.len(), count, "vectors of group {name}");
    found
}

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    assert_eq!(text.len() % 2, 0);
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn framing(name: &Value) -> Framing {
    match name.as_str().unwrap() {
        "abridged" => Framing::Abridged,
        "intermediate" => Framing::Intermediate,
        "full" => Framing::Full,
        other => panic!("a framing called {other}"),
    }
}

#[test]
fn packets_are_framed_as_other_implementations_frame_them() {
    for vector in group("framing", 6) {
        let data = &vector["data"];
        let packet = match data.get("payload") {
            Some(payload) => unhex(payload),
            None => vec![0x11; usize::try_from(data["payload_len"].as_u64().unwrap()).unwrap()],
        };
        let mut client = Framer::new(framing(&data["transport"]), Side::Client);
        let mut wire = BytesMut::new();
        if data["first_packet"] != true && client.framing() != Framing::Full {
            client.encode(&[], &mut wire).unwrap(); // the preamble is not in the vector
            wire.clear();
        }
        client.encode(&packet, &mut wire).unwrap();
        match data.get("wire") {
            Some(whole) => assert_eq!(wire, unhex(whole), "{}", vector["id"]),
            None => {
                let prefix = unhex(&data["wire_prefix"]);
                assert_eq!(wire, [prefix, packet.clone()].concat(), "{}", vector["id"]);
            }
        }

        let mut server = Framer::new(client.framing(), Side::Server);
        if data["first_packet"] != true {
            server.push(client.framing().preamble());
        }
        server.push(&wire);
        match packet.len() {
            0 => assert_eq!(server.next(), Err(FrameError::Length(12)), "nothing is no packet"),
            _ => assert_eq!(server.next(), Ok(Some(Frame::Packet(packet[..].into()))), "{}", vector["id"]),
        }
    }
}

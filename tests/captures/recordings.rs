//! Real clients against the test server, recorded by `tests/interop/record.py`: from the key exchange to a lost
//! connection and a new one. Each is decoded from the raw TCP chunks to the last field, with the schema of its layer.

use crate::support::recordings::{Numbers, SCHEMA, count_all, decoded, replay_to_clients, replay_to_servers};
use bytes::Bytes;
use nanogram::base::side::Side;
use nanogram::base::time::Instant;
use nanogram::lab::capture::{Chunk, Connection, Content, Cut, Item, Note, Piece, Recording, Step, Verdict, What, cut};
use nanogram::protocol::session::Incoming;
use nanogram::telegram::api::LAYER;
use nanogram::tl::schema::{self, Schema, Type, Value};
use nanogram::tl::{Combinator, Reader};
use nanogram::wire::mt::gzip::inflate;
use nanogram::wire::mt::message::GzipPacked;
use nanogram::wire::transport::Framing;
use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// Contents of each recording.
const NUMBERS: [(&str, Numbers); 8] = [
    ("gramjs", [27, 6, 21, 52, 18, 1, 13, 46]),
    ("kurigram", [28, 6, 22, 41, 10, 0, 14, 47]),
    ("mtcute", [28, 6, 22, 64, 19, 3, 13, 47]),
    ("mtcute_pfs", [36, 12, 24, 68, 20, 3, 14, 74]),
    ("tdlib", [37, 16, 21, 125, 21, 1, 44, 75]),
    ("tdlib_pfs", [68, 32, 36, 149, 36, 3, 49, 144]),
    ("telethon", [51, 6, 45, 62, 13, 3, 13, 70]),
    ("telethon_obfuscated", [51, 6, 45, 62, 13, 3, 13, 70]),
];

/// Properties of a client, as its recording shows them.
struct Told {
    name: &'static str,
    layer: i32,
    framing: Framing,
    is_obfuscated: bool,
    connections: usize,
    /// Number of key exchanges, and of those with RSA_PAD.
    exchanges: (usize, usize),
}

const fn told(
    name: &'static str,
    layer: i32,
    (framing, is_obfuscated): (Framing, bool),
    connections: usize,
    exchanges: (usize, usize),
) -> Told {
    Told { name, layer, framing, is_obfuscated, connections, exchanges }
}

/// Kurigram makes its key on a separate connection; Telethon and Kurigram use the padding from before 2021. TDLib makes
/// keys with two data centres, and with forward secrecy two keys with each.
const CLIENTS: [Told; 8] = [
    told("gramjs", 198, (Framing::ABRIDGED, false), 2, (1, 1)),
    told("kurigram", 229, (Framing::ABRIDGED, false), 3, (1, 0)),
    told("mtcute", 227, (Framing::INTERMEDIATE, false), 2, (1, 1)),
    told("mtcute_pfs", 227, (Framing::INTERMEDIATE, false), 2, (2, 2)),
    told("tdlib", 229, (Framing::INTERMEDIATE, true), 4, (2, 2)),
    told("tdlib_pfs", 229, (Framing::INTERMEDIATE, true), 7, (4, 4)),
    told("telethon", 229, (Framing::FULL, false), 2, (1, 0)),
    told("telethon_obfuscated", 229, (Framing::ABRIDGED, true), 2, (1, 0)),
];

/// Schema of each layer, with MTProto's own constructors.
static LAYERS: LazyLock<BTreeMap<i32, Schema<'static>>> = LazyLock::new(|| {
    let today = Schema::parse(schema::API).unwrap();
    let is_of = |layer: i32, comment: &str| {
        comment.split(',').any(|run| {
            let (first, last) = run.split_once('-').unwrap_or((run, run));
            (first.parse().unwrap()..=last.parse().unwrap()).contains(&layer)
        })
    };
    let lines_of = |layer| today.clone().amended_if(schema::OLD, |comment| is_of(layer, comment)).unwrap();
    let old =
        CLIENTS.iter().map(|client| client.layer).filter(|layer| *layer != LAYER).map(|layer| (layer, lines_of(layer)));
    let around = |api| Schema::parse(schema::MTPROTO).unwrap().carrying(api);
    old.chain([(LAYER, today.clone())]).map(|(layer, api)| (layer, around(api))).collect()
});

fn recording(name: &str) -> Recording {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recordings").join(name);
    Recording::read(&fs::read(path.with_extension("json")).unwrap()).unwrap()
}
fn layer_of(name: &str) -> &'static Schema<'static> {
    &LAYERS[&CLIENTS.iter().find(|client| client.name == name).unwrap().layer]
}

#[test]
fn every_recording_is_listed_and_small() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recordings");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
    let names: BTreeSet<_> = files.iter().map(|file| file.file_name().into_string().unwrap()).collect();
    assert_eq!(names, NUMBERS.iter().map(|(name, _)| format!("{name}.json")).collect());
    assert!(CLIENTS.iter().map(|client| client.name).eq(NUMBERS.iter().map(|(name, _)| *name)));
    let sizes: Vec<u64> = files.iter().map(|file| file.metadata().unwrap().len()).collect();
    assert!(sizes.iter().all(|size| *size < 150_000) && sizes.iter().sum::<u64>() < 600_000, "{sizes:?}");
}

#[test]
fn nothing_is_skipped() {
    let total = count_all(&NUMBERS, |name| decoded(&recording(name), layer_of(name)));
    let exchanges: usize = CLIENTS.iter().map(|client| client.exchanges.0).sum();
    // TDLib requests a resPQ and stops, to test if a new connection works.
    assert_eq!(total[1], 6 * exchanges + 2 * 6, "plain packets: six an exchange");
    assert!(total[5] >= 10, "bodies are compressed in both directions");
}

#[test]
fn each_client_is_who_it_is_said_to_be() {
    for client in &CLIENTS {
        let (recording, name) = (recording(client.name), client.name);
        assert_eq!(recording.connections.len(), client.connections, "{name}");
        let (mut layers, mut exchanges, mut modern, mut calls) = (BTreeSet::new(), 0, 0, BTreeSet::new());
        for step in decoded(&recording, layer_of(name)) {
            match &step.what {
                What::Start { framing, is_obfuscated } => {
                    assert_eq!((*framing, *is_obfuscated), (client.framing, client.is_obfuscated), "{name}");
                }
                What::Plain(plain) => {
                    let made = |note: &&Note<'_>| matches!(note, Note::Checked("new_nonce_hash1", Verdict::Holds));
                    let padded = |note: &&Note<'_>| matches!(note, Note::Checked("RSA block (RSA_PAD)", _));
                    exchanges += plain.notes.iter().filter(made).count();
                    modern += plain.notes.iter().filter(padded).count();
                }
                What::Sealed(sealed) => {
                    each_value(&sealed.item, &mut |content| match content {
                        Content::Value(Value::Object(object)) if object.of.name == "invokeWithLayer" => {
                            let Some(Value::Int(layer)) = object.field("layer") else { panic!("{object}") };
                            layers.insert(*layer);
                        }
                        Content::Result { call: Some(call), .. } => {
                            calls.insert(call.of.unwrap().name.to_owned());
                        }
                        Content::Result { call: None, .. } => panic!("{name}: a result without a call\n{step}"),
                        _ => {}
                    });
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        assert_eq!(layers, BTreeSet::from([client.layer]), "{name}");
        assert_eq!((exchanges, modern), client.exchanges, "{name}");
        for call in ["auth.sendCode", "auth.signIn", "contacts.resolveUsername", "messages.startBot"] {
            assert!(calls.contains(call), "{name}: {call} is not answered: {calls:?}");
        }
        assert_eq!(calls.contains("auth.bindTempAuthKey"), name.ends_with("_pfs"));
    }
}

/// Visits all values of a message except containers, the outer before the inner.
fn each_value(item: &Item<'_>, see: &mut impl FnMut(&Content<'_>)) {
    fn inside(content: &Content<'_>, see: &mut impl FnMut(&Content<'_>)) {
        match content {
            Content::Container(items) => return items.iter().for_each(|item| each_value(item, see)),
            Content::Gzip { content: inner, .. }
            | Content::Result { content: inner, .. }
            | Content::Wrapped { packed: inner, .. } => {
                see(content);
                return inside(inner, see);
            }
            _ => {}
        }
        see(content);
    }
    inside(&item.content, see);
}

/// Asserts that the values of a message are of its layer and encode to the bytes on the wire; returns their number.
fn whole(name: &str, ty: &Type<'_>, body: &[u8], content: &Content<'_>) -> usize {
    match content {
        Content::Container(items) => items.iter().map(|item| whole(name, &Type::Any, &item.body, &item.content)).sum(),
        Content::Gzip { len, content, .. } => {
            let mut r = Reader::new(body);
            r.expect(GzipPacked::ID).unwrap();
            let open = inflate(r.bytes().unwrap(), 1 << 20).unwrap();
            assert_eq!((open.len(), r.end()), (*len, Ok(())), "{name}");
            whole(name, ty, &open, content)
        }
        Content::Wrapped { wrappers, packed } => {
            let mut wire = Vec::new();
            wrappers.write(&Type::Any, &mut wire).unwrap();
            assert_eq!(wire, body, "{name}: {wrappers}");
            let mut query = wrappers;
            while let Value::Object(wrapper) = query {
                query = wrapper.field("query").unwrap();
            }
            let Value::Raw(query) = query else { panic!("{name}: {query}") };
            1 + whole(name, &Type::Any, query, packed)
        }
        Content::Result { call, content, .. } => {
            let ty = &call.unwrap().of.unwrap().result;
            whole(name, ty, &body[12..], content)
        }
        Content::Value(value) => {
            let mut wire = Vec::new();
            let ty = if matches!(value, Value::Vector(_)) { ty } else { &Type::Any }; // an error has its own type
            value.write(ty, &mut wire).unwrap();
            assert_eq!(wire, body, "{name}: {value}");
            assert!(!has_raw(value), "{name}: of no layer: {value}");
            1
        }
        other => panic!("{name}: not of its layer: {other:?}"),
    }
}

fn has_raw(value: &Value<'_>) -> bool {
    match value {
        Value::Raw(_) => true,
        Value::Vector(items) => items.iter().any(has_raw),
        Value::Object(object) => object.present().any(|(_, value)| has_raw(value)),
        _ => false,
    }
}

#[test]
fn every_message_is_of_its_layer_with_nothing_left_over() {
    let mut values = 0;
    for (name, _) in &NUMBERS {
        for step in decoded(&recording(name), layer_of(name)) {
            match &step.what {
                What::Plain(plain) => {
                    let is_tdlib = name.starts_with("tdlib") && step.from == Side::Client;
                    assert!(plain.extra == 0 || is_tdlib, "{name}: {step}"); // TDLib hides the length with extra bytes
                    values += whole(name, &Type::Any, &plain.body[..plain.body.len() - plain.extra], &plain.content);
                }
                What::Sealed(sealed) => {
                    assert!(matches!(sealed.padding, 12..=1024) || step.from == Side::Client, "{name}: {step}");
                    values += whole(name, &Type::Any, &sealed.item.body, &sealed.item.content);
                }
                What::Start { .. } => {}
                other => panic!("{name}: {other:?}"),
            }
        }
    }
    println!("{values} values");
    assert_eq!(values, 717);
}

// Other cuts.

/// Pieces sent by one side.
fn said(connection: &Connection, side: Side) -> Vec<Piece> {
    cut(connection).into_iter().filter(|piece| piece.from == side).map(|Cut { piece, .. }| piece).collect()
}

/// Bytes sent by `side`, concatenated.
fn stream(connection: &Connection, side: Side) -> Vec<u8> {
    connection.chunks.iter().filter(|chunk| chunk.from == side).flat_map(|chunk| chunk.bytes.to_vec()).collect()
}

#[test]
fn a_stream_that_is_cut_elsewhere_is_the_same_stream() {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let (mut streams, mut pieces) = (0, 0);
    for (name, _) in &NUMBERS {
        for connection in recording(name).connections {
            let (up, down) = (stream(&connection, Side::Client), stream(&connection, Side::Server));
            let (heard, answered) = (said(&connection, Side::Client), said(&connection, Side::Server));
            streams += 1;
            for round in 0..40 {
                let longest = [1, 3, 17, 200, 1400][round % 5];
                let mut again = Connection::default();
                for (from, mut rest) in [(Side::Client, &up[..]), (Side::Server, &down[..])] {
                    while !rest.is_empty() {
                        let bytes = rest.split_off(..rng.random_range(1..=longest).min(rest.len())).unwrap();
                        again.chunks.push(Chunk { at: Instant::ZERO, from, bytes: Bytes::copy_from_slice(bytes) });
                        pieces += 1;
                    }
                }
                assert_eq!(said(&again, Side::Server), answered, "{name}, round {round}");
                assert_eq!(said(&again, Side::Client), heard, "{name}, round {round}");
            }
        }
    }
    println!("{streams} connections, both directions in {pieces} pieces");
    assert_eq!(streams, 24);
}

#[test]
fn chunks_that_are_cut_elsewhere_tell_the_same() {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    for (name, _) in &NUMBERS {
        let recording = recording(name);
        let tell = |recording: &Recording| -> Vec<_> {
            decoded(recording, layer_of(name)).iter().map(|step| (step.from, step.to_json())).collect()
        };
        let mut again = recording.clone();
        for connection in &mut again.connections {
            let mut cut = Vec::new();
            for Chunk { at, from, mut bytes } in std::mem::take(&mut connection.chunks) {
                while !bytes.is_empty() {
                    let bytes = bytes.split_to(rng.random_range(1..=bytes.len().min(90)));
                    cut.push(Chunk { at, from, bytes });
                }
            }
            connection.chunks = cut;
        }
        assert_eq!(tell(&again), tell(&recording), "{name}");
    }
}

// The same packets, given to nanogram's own state machines.

#[test]
fn a_client_takes_every_packet_of_our_server() {
    let (mut taken, mut updates, mut new_sessions) = (0, 0, 0);
    for (name, _) in &NUMBERS {
        replay_to_clients(&recording(name), |session, step, result| {
            assert!(result.is_ok(), "{name}: {result:?}\n{step}");
            taken += 1;
            while let Some(incoming) = session.poll_incoming() {
                match incoming {
                    Incoming::Update(body) => updates += usize::from(!body.is_empty()),
                    Incoming::NewSession => new_sessions += 1,
                    other => panic!("{name}: {other:?}"),
                }
            }
        });
    }
    println!("{taken} packets, {updates} updates, {new_sessions} new sessions");
    assert_eq!((taken, updates, new_sessions), (102, 21, 15));
}

#[test]
fn a_server_takes_what_the_clients_send() {
    let (mut taken, mut requests, mut salts) = (0, 0, 0);
    for (name, _) in &NUMBERS {
        replay_to_servers(&recording(name), |session, step, result| {
            assert!(result.is_ok(), "{name}: {result:?}\n{step}");
            taken += 1;
            for code in session.take_refused() {
                assert_eq!(code, 48, "{name}\n{step}");
                salts += 1;
            }
            while session.poll_request().is_some() {
                requests += 1;
            }
        });
    }
    println!("{taken} packets, {requests} requests; salts refused: {salts}");
    assert_eq!((taken, requests, salts), (134, 161, 4));
}

#[test]
fn a_changed_byte_is_noticed() {
    for (name, _) in &NUMBERS {
        let good = recording(name);
        let held = |recording: &Recording| {
            let steps = decoded(recording, &SCHEMA);
            steps.iter().flat_map(|step| step.checks()).filter(|check| check.1 == Verdict::Holds).count()
        };
        let all = held(&good);
        for (number, connection) in good.connections.iter().enumerate() {
            // An obfuscated start ends in two random bytes, and the answers to pings have no consequences.
            let is_plain = |step: &&Step<'_>| step.connection == number && matches!(step.what, What::Plain(_));
            let plain = decoded(&good, &SCHEMA).iter().filter(is_plain).count();
            for at in (if plain % 6 == 0 { 1 } else { plain }..connection.chunks.len()).step_by(5) {
                let mut bad = good.clone();
                let chunk = &mut bad.connections[number].chunks[at];
                let mut bytes = chunk.bytes.to_vec();
                *bytes.last_mut().unwrap() ^= 0x10;
                chunk.bytes = bytes.into();
                assert!(held(&bad) < all, "{name}: connection {number}, chunk {at}");
            }
        }
    }
}

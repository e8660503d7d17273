//! Seeds of the fuzz targets: generated from the fixtures, compared with the files in `fuzz/seeds`, and replayed, each
//! with many random mutations, through the bodies of the targets.
//!
//! `NANOGRAM_WRITE=1` writes the files; `NANOGRAM_MUTATIONS=n` sets the number of mutations per seed.

use bytes::BytesMut;
use nanogram::base::side::Side;
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::capture::{Cut, Piece, Recording, cut};
use nanogram::lab::fuzz;
use nanogram::protocol::session::packet;
use nanogram::telegram::api::contacts::ResolveUsername;
use nanogram::telegram::api::messages::StartBot;
use nanogram::telegram::store::{Format, SavedSession, string};
use nanogram::tl::{Combinator, Reader, table};
use nanogram::wire::mt::message::{GzipPacked, MSG_CONTAINER, RpcResult, read_container};
use nanogram::wire::mt::service::{BadServerSalt, FutureSalts, GetFutureSalts, MsgsAck, NewSessionCreated, Pong};
use nanogram::wire::transport::{Frame, Framer, Framing, detect};
use rand::rngs::ChaCha12Rng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Body = fn(&[u8]);

const TARGETS: &[(&str, Body)] = &[
    ("frame", fuzz::frame),
    ("detect", fuzz::detect),
    ("tl_value", fuzz::tl_value),
    ("skip_vs_value", fuzz::skip_vs_value),
    ("open_packet", fuzz::open_packet),
    ("client_handshake", fuzz::client_handshake),
    ("server_handshake", fuzz::server_handshake),
    ("session_ops", fuzz::session_ops),
    ("duel", fuzz::duel),
    ("link", fuzz::link),
    ("session_string", fuzz::session_string),
    ("inflate", fuzz::inflate),
];

/// Longest seed in bytes; longer ones add no coverage.
const LONGEST: usize = 1500;
/// Most seeds per target.
const MOST: usize = 300;
/// Limit for all seeds together, in bytes.
const TOTAL: usize = 400 << 10;

#[derive(Default)]
struct Seeds(BTreeMap<&'static str, BTreeSet<Vec<u8>>>);

impl Seeds {
    fn add(&mut self, target: &'static str, seed: impl AsRef<[u8]>) {
        let seed = seed.as_ref();
        let seeds = self.0.entry(target).or_default();
        if seed.len() <= LONGEST && seeds.len() < MOST {
            seeds.insert(seed.to_vec());
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap_or_default();
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Captures of an independent server, then recordings of the test server.
fn captures() -> Vec<Value> {
    let mut paths = Vec::new();
    for folder in ["captures", "recordings"] {
        let dir = fs::read_dir(root().join("tests/fixtures").join(folder)).unwrap();
        let of: BTreeSet<PathBuf> = dir.map(|entry| entry.unwrap().path()).collect();
        paths.extend(of);
    }
    paths.iter().filter(|path| path.extension().is_some_and(|e| e == "json")).map(|path| json(path)).collect()
}

/// Bytes that one side sent on a connection.
fn stream(connection: &Value, dir: &str) -> Vec<u8> {
    let events = connection["events"].as_array().unwrap();
    events.iter().filter(|event| event["dir"] == dir).flat_map(|event| hex(&event["hex"])).collect()
}

/// Values by constructor, each sorted by length.
type Bodies = BTreeMap<u32, BTreeSet<(usize, Vec<u8>)>>;

/// Collects the values in a message, down to the leaves.
fn values(body: &[u8], all: &mut Bodies) {
    let mut r = Reader::new(body);
    let Some(id) = r.peek() else { return };
    if let Ok(inner) = read_container(&body.to_vec().into()) {
        inner.iter().for_each(|m| values(&m.body, all));
    } else if id == RpcResult::ID {
        values(&body[12..], all);
    } else if id == GzipPacked::ID {
        r.expect(id).unwrap();
        let open = nanogram::wire::mt::gzip::inflate(r.bytes().unwrap(), 1 << 20).unwrap();
        values(&open, all);
    }
    if body.len() < LONGEST {
        all.entry(id).or_default().insert((body.len(), body.to_vec()));
    }
}

/// The shortest value of each constructor, the median, and the longest.
fn chosen(bodies: &Bodies) -> BTreeSet<&[u8]> {
    let of = bodies.values().flat_map(|of| [0, of.len() / 2, of.len() - 1].map(|at| of.iter().nth(at).unwrap()));
    of.map(|(_, body)| &body[..]).collect()
}

/// Translates a packet to operations of `session_ops`: calls, answers and updates, and their delivery.
fn ops_of(side: Side, body: &[u8], ops: &mut Vec<u8>) {
    fn of(side: Side, body: &[u8], ops: &mut Vec<u8>) {
        let id = Reader::new(body).peek();
        match (side, id) {
            (_, Some(MSG_CONTAINER)) => {
                let inner = read_container(&body.to_vec().into()).unwrap();
                inner.iter().for_each(|message| of(side, &message.body, ops));
            }
            (_, Some(id)) if is_about_messages(id) => {}
            (Side::Client, _) => ops.push(0),
            (Side::Server, Some(RpcResult::ID)) => ops.push(22),
            (Side::Server, _) => ops.push(24),
        }
    }
    if side == Side::Server && body.starts_with(&BadServerSalt::ID.to_le_bytes()) {
        ops.push(26);
    }
    of(side, body, ops);
    ops.extend([4, if side == Side::Client { 6 } else { 7 }]);
}

/// Returns true for service messages about messages.
fn is_about_messages(id: u32) -> bool {
    [BadServerSalt::ID, FutureSalts::ID, GetFutureSalts::ID, MsgsAck::ID, NewSessionCreated::ID, Pong::ID].contains(&id)
}

/// Translates a recorded conversation to operations.
fn of_talk(recording: &Recording) -> Vec<u8> {
    let mut ops = Vec::new();
    for connection in &recording.connections {
        if !ops.is_empty() {
            ops.extend([10, 18]); // packets in flight are lost, and the client reconnects
        }
        for Cut { from, piece, .. } in cut(connection) {
            let Piece::Frame(Frame::Packet(packet) | Frame::AckWanted(packet)) = piece else { continue };
            let key = recording.secrets.key(*packet.first_chunk().unwrap());
            if let Some(opened) = key.and_then(|key| packet::open(key, from, packet).ok()) {
                ops_of(from, &opened.body, &mut ops);
            }
        }
    }
    ops
}

fn of_captures(seeds: &mut Seeds) {
    let (mut bodies, mut plain, mut packets) = (Bodies::new(), Vec::new(), Vec::new());
    for capture in captures() {
        let keys: Vec<AuthKey> = capture["auth_keys"]
            .as_object()
            .unwrap()
            .values()
            .map(|key| AuthKey::from_bytes(hex(&key["auth_key"]).try_into().unwrap()))
            .collect();
        let saved = SavedSession::new(2, keys[0].clone());
        let formats = [Format::Telethon, Format::GramJs, Format::Pyrogram, Format::Mtcute, Format::Nanogram];
        let written = formats.iter().filter_map(|format| string::write(&saved, *format).ok());
        written.for_each(|string| seeds.add("session_string", string.as_bytes()));
        for connection in capture["connections"].as_array().unwrap() {
            let heard = stream(connection, "c2s");
            seeds.add("detect", &heard[..heard.len().min(100)]);
            let mut start = BytesMut::from(&heard[..]);
            let Ok(Some(mut server)) = detect(&mut start) else { continue };
            let framing = server.framing();
            let number = Framing::ALL.iter().position(|f| *f == framing).unwrap() as u8;
            let said = stream(connection, "s2c");
            seeds.add("frame", [&[number | 4, 3, 0, 5, 70][..], &heard[..heard.len().min(1400)]].concat());
            seeds.add("frame", [&[number, 2, 3, 100][..], &said[..said.len().min(1400)]].concat());
            let mut client = Framer::new(framing, Side::Client);
            client.push(&said);
            for (side, framer) in [(Side::Client, &mut server), (Side::Server, &mut client)] {
                let mut state = 0;
                while let Ok(Some(frame)) = framer.next() {
                    let (Frame::Packet(packet) | Frame::AckWanted(packet)) = frame else { continue };
                    if packet.starts_with(&[0; 8]) {
                        plain.push((side, state % 3, packet.to_vec()));
                        state += 1;
                        values(&packet[20..], &mut bodies);
                        continue;
                    }
                    packets.push(packet.to_vec());
                    let opened = keys.iter().find_map(|key| packet::open(key, side, packet.clone()).ok());
                    if let Some(opened) = opened {
                        values(&opened.body, &mut bodies);
                    }
                }
            }
        }
        seeds.add("session_ops", of_talk(&Recording::from_json(&capture.to_string()).unwrap()));
    }
    assert!(bodies.len() > 40 && packets.len() > 100 && plain.len() > 20, "the recordings are read");
    let texts = |of: u32| bodies.get(&of).into_iter().flatten().map(|(_, body)| &body[..]);
    let names: Vec<_> = texts(ResolveUsername::ID).filter_map(|body| ResolveUsername::from_boxed(body).ok()).collect();
    let starts = texts(StartBot::ID).filter_map(|body| StartBot::from_boxed(body).ok());
    for (start, name) in starts.zip(names.iter().cycle()) {
        seeds.add("link", format!("https://t.me/{}?start={}", name.username, start.start_param));
        seeds.add("link", format!("tg://resolve?domain={}&startgroup={}", name.username, start.start_param));
    }
    for (number, body) in chosen(&bodies).into_iter().enumerate() {
        seeds.add("tl_value", body);
        if number % 12 == 0 {
            seeds.add("inflate", nanogram::wire::mt::gzip::deflate(body));
        }
        if let Some((number, _)) = table::ROOTS
            .iter()
            .enumerate()
            .find(|(number, _)| table::API.skip(&mut Reader::new(body), table::API.root(*number).unwrap()).is_ok())
        {
            seeds.add("skip_vs_value", [&[number as u8][..], body].concat());
        }
        seeds.add("open_packet", [&[2][..], body].concat());
        seeds.add("open_packet", [&[4][..], body].concat());
        let mut r = Reader::new(body);
        if r.expect(GzipPacked::ID).is_ok() {
            seeds.add("inflate", r.bytes().unwrap());
        }
    }
    for packet in packets.iter().take(3) {
        seeds.add("open_packet", [&[0][..], packet].concat());
    }
    for (side, state, packet) in &plain {
        let target = if *side == Side::Server { "client_handshake" } else { "server_handshake" };
        seeds.add(target, [&[*state, 0][..], packet].concat());
        seeds.add(target, [&[*state, 1][..], &packet[20..]].concat());
    }
}

fn of_vectors(seeds: &mut Seeds) {
    let all = json(&root().join("tests/fixtures/vectors.json"));
    for vector in all["vectors"].as_array().unwrap() {
        let data = &vector["data"];
        match vector["group"].as_str().unwrap() {
            "deep_link" => {
                let link = data.as_object().unwrap().values().find_map(|v| v.as_str()).unwrap();
                seeds.add("link", link);
            }
            "forged_server_packets" => {
                // The body behind the head, and the complete plaintext.
                let plain = hex(&data["plaintext"]);
                if plain.len() > 48 {
                    seeds.add("open_packet", [&[1][..], &plain].concat());
                }
            }
            "service_message" => seeds.add("tl_value", hex(&data["body"])),
            "gzip" => {
                let body = hex(&data["rpc_result"]);
                seeds.add("inflate", Reader::new(&body[16..]).bytes().unwrap());
            }
            "gzip_reject" => seeds.add("inflate", Reader::new(&hex(&data["gzip_packed"])[4..]).bytes().unwrap()),
            "framing" | "framing_reject" | "transport_error" | "quick_ack" => {
                for value in data.as_object().unwrap().values().filter(|v| v.is_string()) {
                    let text = value.as_str().unwrap();
                    if text.len() % 2 == 0 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
                        (0..8).for_each(|how| seeds.add("frame", [&[how, 1, 0][..], &hex(value)].concat()));
                    }
                }
            }
            _ => {}
        }
    }
}

fn of_hand(seeds: &mut Seeds) {
    for state in 0..3 {
        for target in ["client_handshake", "server_handshake"] {
            seeds.add(target, [state, 2]); // the honest message
            seeds.add(target, [state, 2, 40, 0, 1]); // with one bit flipped
            seeds.add(target, [state, 3, 1, 2, 3]);
        }
    }
    // A pq of two primes, of one prime, a small one, and an empty one.
    for pq in [&0x17ed_4894_1a08_f981_u64.to_be_bytes()[..], &[0xff; 8], &[15], &[]] {
        seeds.add("client_handshake", [&[0, 3][..], pq].concat());
    }
    // Operations: call 0, chain 1, transmit 4, deliver 6 and 7, drop 10, repeat 12, swap 14, damage 16, connect 18, time 20,
    // answer 22, update 24, salt 26, forget 28, clock 30.
    let ops: &[&[u8]] = &[
        &[0, 4, 6, 22, 4, 7, 7],
        &[0, 1, 0, 4, 6, 22, 22, 22, 24, 4, 7, 7, 7],
        &[26, 0, 4, 6, 4, 7, 4, 6, 22, 4, 7],
        &[0, 4, 10, 18, 4, 6, 4, 7, 4, 6],
        &[0, 4, 6, 22, 4, 11, 19, 4, 7, 7],
        &[0, 4, 12, 6, 6, 22, 4, 13, 7, 7],
        &[0, 4, 0, 4, 14, 6, 6, 22, 22, 4, 15, 7, 7],
        &[0, 4, 16, 30, 0, 8, 4, 6, 22, 4, 17, 60, 0, 1, 7],
        &[30, 255, 0, 4, 6, 4, 7, 4, 6, 22, 4, 7],
        &[31, 0, 0, 4, 6, 4, 7, 4, 6, 22, 4, 7],
        &[0, 4, 20, 255, 255, 20, 255, 255, 6, 4, 7, 22],
        &[0, 0, 4, 28, 6, 22, 22, 4, 7, 7, 24, 4, 7],
    ];
    ops.iter().for_each(|ops| seeds.add("session_ops", ops));
    // Start 0, transmit 2, deliver 6 and 7, some of it 12 and 13, merge 14, damage 16, repeat 18, swap 20, put in 22,
    // connect 24, time 26, salts 28, drop 30.
    let ops: &[&[u8]] = &[
        &[0, 2, 6, 2, 7, 2, 6, 2, 7],
        &[0, 0, 0, 2, 6, 2, 7, 7],
        &[0, 2, 12, 9, 12, 3, 6, 2, 13, 30, 7],
        &[0, 2, 16, 40, 0, 1, 6, 2, 7],
        &[0, 2, 6, 2, 17, 70, 0, 128, 7],
        &[0, 2, 18, 6, 6, 2, 19, 7, 7],
        &[0, 2, 0, 2, 20, 6, 6, 2, 14, 15, 7],
        &[22, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 6],
        &[0, 2, 6, 24, 2, 6, 2, 24, 0, 28, 2, 6, 2, 7],
        &[0, 2, 6, 2, 7, 26, 255, 255, 0, 29, 2, 31, 2, 7],
    ];
    for (number, ops) in ops.iter().enumerate() {
        // Every framing, with and without a saved key and temporary keys; and some of the faults.
        let how = number as u8;
        seeds.add("duel", [&[how, 0][..], ops].concat());
        seeds.add("duel", [&[how | 12, 0][..], ops].concat());
        seeds.add("duel", [&[how & 7, 18 * how + 1][..], ops].concat());
    }
    // Finding: three starts in one packet, and a server that hangs up after executing the first.
    let hang_up = nanogram::lab::dc::faults::FAULTS.iter().position(|fault| fault.name == "hang-up").unwrap();
    seeds.add("duel", [0, hang_up as u8 + 1, 0, 0, 0]);
    // Finding: calls in flight so long that the client asks about them, and that arrive after the question.
    seeds.add("duel", *b"\0\0\0\x85\n\0\x85I\n[\xf4\xf4\xf4(\x85I\n\x85I");
    // Finding: thousands of copies of a packet, whose refusals evicted earlier answers.
    let copies =
        *b"\x25\x01\x8a\x25\x01\xb2.\xb2.\xb2.\xb2.\xb2\xb2..\xb2.'\xb2.\xb2.\xb2.\xa2.\xb2\xb2.\xb2.\xb2..\xb2.(";
    let fault = nanogram::lab::dc::faults::FAULTS.iter().position(|fault| fault.name == "fault-1").unwrap();
    seeds.add("duel", [&[0, fault as u8 + 1, 0][..], &copies].concat());
    // Three messages in one container.
    seeds.add("open_packet", [3, 1, 2, 0x11, 0x22, 0x33, 0x44, 1, 2, 3, 4, 3, 1, 5, 6, 7, 8, 2, 1, 9, 9, 9, 9]);
    seeds.add("tl_value", 0x997_275b5_u32.to_le_bytes());
    let strings = json(&root().join("tests/fixtures/session_strings.json"));
    let mut left = vec![&strings];
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) if text.len() > 300 => seeds.add("session_string", text),
            Value::Array(items) => left.extend(items),
            Value::Object(fields) => left.extend(fields.values()),
            _ => {}
        }
    }
    let own = SavedSession::new(2, AuthKey::from_bytes([7; 256]));
    let own = string::write(&own, Format::Nanogram).unwrap();
    seeds.add("session_string", own.as_bytes());
    let mut packed = nanogram::wire::mt::gzip::deflate(b"nanogram nanogram nanogram");
    seeds.add("inflate", &packed);
    seeds.add("inflate", nanogram::wire::mt::gzip::deflate(&[0; 70_000]));
    seeds.add("inflate", nanogram::wire::mt::gzip::deflate(&[]));
    // With every optional part of the header: extra, name, comment, checksum.
    packed[3] = 2 | 4 | 8 | 16;
    packed.splice(10..10, *b"\x02\0xxname\0comment\0cc");
    seeds.add("inflate", packed);
}

fn seeds() -> Seeds {
    let mut seeds = Seeds::default();
    of_hand(&mut seeds);
    of_captures(&mut seeds);
    of_vectors(&mut seeds);
    seeds
}

#[test]
fn the_files_are_the_seeds_that_the_fixtures_give() {
    let (seeds, dir) = (seeds(), root().join("fuzz/seeds"));
    let mut wanted = BTreeMap::new();
    for (target, of) in &seeds.0 {
        assert!(of.len() >= 5, "{target} has {} seeds", of.len());
        for (number, seed) in of.iter().enumerate() {
            wanted.insert(dir.join(target).join(format!("{number:02}")), seed.clone());
        }
    }
    assert_eq!(seeds.0.len(), TARGETS.len(), "every target has seeds");
    assert!(wanted.values().map(Vec::len).sum::<usize>() < TOTAL);
    if std::env::var_os("NANOGRAM_WRITE").is_some() {
        let _ = fs::remove_dir_all(&dir);
        for (path, seed) in &wanted {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, seed).unwrap();
        }
    }
    let mut found = BTreeMap::new();
    for target in fs::read_dir(&dir).unwrap() {
        for file in fs::read_dir(target.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    assert!(found == wanted, "fuzz/seeds are others than the fixtures give: NANOGRAM_WRITE=1 writes them");
}

#[test]
fn every_target_has_its_line() {
    for entry in fs::read_dir(root().join("fuzz/targets")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(TARGETS.iter().any(|(target, _)| *target == name), "{name} is not replayed here");
    }
}

/// Inputs in `fuzz/found`, one per line in hexadecimal.
fn found(target: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(root().join(format!("fuzz/found/{target}.txt"))).unwrap();
    text.lines().map(|line| hex(&Value::from(line))).collect()
}

/// Applies one mutation: flips a bit, changes a byte, writes an extreme number, or removes, doubles or splices in a
/// part.
fn mutate(seed: &mut Vec<u8>, other: &[u8], random: &mut ChaCha12Rng) {
    let at = random.random_range(0..=seed.len());
    let to = random.random_range(at..=seed.len().min(at + 64));
    match random.random_range(0..8) {
        0 if at < seed.len() => seed[at] ^= 1 << random.random_range(0..8),
        1 if at < seed.len() => seed[at] = random.random(),
        2 if at + 4 <= seed.len() => {
            let hard = [0, 1, 3, 4, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff, seed.len() as u32];
            seed[at..at + 4].copy_from_slice(&hard[random.random_range(0..hard.len())].to_le_bytes());
        }
        3 => drop(seed.drain(at..to)),
        4 => {
            let part = seed[at..to].to_vec();
            seed.splice(at..at, part);
        }
        5 if !other.is_empty() => {
            let from = random.random_range(0..other.len());
            let part = other[from..other.len().min(from + 32)].to_vec();
            seed.splice(at..at, part);
        }
        6 => seed.truncate(at),
        _ => seed.insert(at, random.random()),
    }
}

fn replay(target: &str, body: Body, mutations: usize) {
    let seeds = seeds();
    let seeds: Vec<&Vec<u8>> = seeds.0[target].iter().collect();
    let run = |what: &str, data: &[u8]| {
        if let Err(panic) = std::panic::catch_unwind(|| body(data)) {
            let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
            eprintln!("{target} fails on {what}: {hex}");
            std::panic::resume_unwind(panic);
        }
    };
    run("nothing", &[]);
    // Inputs kept by the fuzzers. A key exchange takes 15 ms here, so only a sample is replayed.
    let found = found(target);
    let step = (found.len() / (mutations / 2).max(1)).max(1);
    found.iter().step_by(step).enumerate().for_each(|(number, data)| run(&format!("found {}", number * step), data));
    let mut random = ChaCha12Rng::seed_from_u64(target.len() as u64);
    let mutations = std::env::var("NANOGRAM_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(mutations);
    for (number, seed) in seeds.iter().enumerate() {
        run(&format!("seed {number}"), seed);
    }
    for n in 0..mutations {
        let number = n % seeds.len();
        let mut changed = seeds[number].clone();
        for _ in 0..random.random_range(1..5) {
            mutate(&mut changed, seeds[random.random_range(0..seeds.len())], &mut random);
        }
        run(&format!("seed {number}, changed"), &changed);
        if n % 4 == 0 {
            let noise: Vec<u8> = (0..random.random_range(0..400)).map(|_| random.random()).collect();
            run("noise", &noise);
        }
    }
}

macro_rules! replays {
    ($($name:ident $target:ident $mutations:literal)*) => {$(
        #[test]
        fn $name() {
            replay(stringify!($target), fuzz::$target, $mutations);
        }
    )*};
}

replays! {
    frames_hold frame 5000
    detection_holds detect 5000
    values_hold tl_value 5000
    skips_hold skip_vs_value 5000
    packets_hold open_packet 3000
    the_clients_exchange_holds client_handshake 2000
    the_servers_exchange_holds server_handshake 1000
    sessions_hold session_ops 3000
    duels_hold duel 150
    links_hold link 5000
    session_strings_hold session_string 5000
    inflation_holds inflate 3000
}

//! Ten recordings of real clients and an independent server, decoded from the raw TCP chunks to the last field.
//!
//! The element `decoded` of each recording comes from an independent program that decoded the same bytes, so nothing
//! here is compared with nanogram's own output.

use crate::support::recordings::{
    Numbers, SCHEMA, count_all, decoded, hex, packets, replay_to_clients, replay_to_servers,
};
use bytes::{Bytes, BytesMut};
use nanogram::base::side::Side;
use nanogram::base::time::Instant;
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::capture::{
    Answered, CaptureError, Chunk, Connection, Content, Cut, Item, Note, Piece, Recording, Sealed, Secrets, Step,
    Verdict, What, cut, decode,
};
use nanogram::protocol::handshake::plain;
use nanogram::protocol::keylog::{Entry, KeyLog};
use nanogram::protocol::session::Incoming;
use nanogram::protocol::session::packet::{Header, seal};
use nanogram::tl::schema::Value;
use nanogram::tl::{Blob, Combinator, VECTOR};
use nanogram::wire::mt::gzip::deflate;
use nanogram::wire::mt::message::{GzipPacked, MSG_CONTAINER};
use nanogram::wire::transport::{Frame, Framer, Framing};
use rand::rngs::ChaCha20Rng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Contents of each recording, counted by hand once.
const NUMBERS: [(&str, Numbers); 10] = [
    ("telethon139_abridged", [43, 6, 37, 37, 0, 0, 10, 62]),
    ("gramjs_ConnectionTCPAbridged", [23, 6, 17, 25, 7, 0, 7, 42]),
    ("pyrogram", [25, 6, 19, 19, 0, 0, 6, 44]),
    ("mtcute", [37, 6, 31, 44, 10, 2, 11, 56]),
    ("tr_full", [46, 6, 40, 40, 0, 0, 11, 65]),
    ("tr_intermediate", [46, 6, 40, 40, 0, 0, 11, 65]),
    ("tr_obfuscated", [46, 6, 40, 40, 0, 0, 11, 65]),
    ("sess_gramjs", [12, 0, 12, 16, 4, 0, 4, 12]),
    ("sess_pyrogram", [14, 0, 14, 14, 0, 0, 4, 14]),
    ("telethon145_errors", [132, 6, 126, 126, 0, 0, 34, 151]),
];

fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/captures").join(name);
    fs::read_to_string(path.with_extension("json")).unwrap()
}
fn recording(name: &str) -> Recording {
    Recording::read(text(name).as_bytes()).unwrap()
}
/// Each recording, and its independent decode.
fn all() -> impl Iterator<Item = (&'static str, Recording, Json)> {
    NUMBERS.iter().map(|(name, _)| (*name, recording(name), serde_json::from_str(&text(name)).unwrap()))
}
#[test]
fn every_recording_is_listed() {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/captures");
    assert_eq!(fs::read_dir(captures).unwrap().count(), NUMBERS.len());
}

// Frame by frame, against the independent decode.

/// Constructors of a value in the form of the independent decode. `names` holds its names for ids of other layers.
fn told(content: &Content<'_>, names: &BTreeMap<u32, String>) -> Json {
    let named = |name: &str, id: u32| format!("{name}#{id:08x}");
    match content {
        Content::Container(items) => json!({ "msg_container": items.iter().map(|item| json!({
            "msg_id": item.msg_id, "seqno": item.seqno, "body": told(&item.content, names) })).collect::<Vec<_>>() }),
        Content::Gzip { content, .. } => json!({ "gzip_packed": told(content, names) }),
        Content::Result { call, content, .. } => {
            let call = match call.expect("a result without a call") {
                Answered { of: Some(of), .. } => of.name,
                Answered { id, .. } => &names[&id],
            };
            let result = match &**content {
                Content::Value(Value::Object(object)) if object.of.name == "rpc_error" => {
                    let (Some(Value::Int(code)), Some(Value::Text(text))) =
                        (object.field("error_code"), object.field("error_message"))
                    else {
                        panic!("{object}")
                    };
                    json!(format!("rpc_error({code}, {text})"))
                }
                other => told(other, names),
            };
            json!({ format!("rpc_result(for={call})"): result })
        }
        Content::Value(Value::Object(object)) => match object.of.name {
            "bad_msg_notification" => {
                json!(format!("bad_msg_notification(code={})", object.field("error_code").unwrap()))
            }
            "invokeWithLayer" => {
                let Some(Value::Object(init)) = object.field("query") else { panic!("{object}") };
                let texts =
                    ["device_model", "system_version", "app_version", "system_lang_code", "lang_pack", "lang_code"];
                let texts: Vec<_> = texts.map(|name| init.field(name).unwrap().to_string().replace('"', "'")).into();
                let flags = i32::from(init.field("proxy").is_some()) | i32::from(init.field("params").is_some()) << 1;
                let api_id = init.field("api_id").unwrap();
                let init_line = format!("{}(flags={flags},api_id={api_id},[{}])", init.of.name, texts.join(", "));
                let Some(Value::Object(query)) = init.field("query") else { panic!("{init}") };
                let layer = format!("invokeWithLayer({})", object.field("layer").unwrap());
                json!({ layer: { init_line: named(query.of.name, query.of.id) } })
            }
            name => json!(named(name, object.of.id)),
        },
        Content::Unread { id: Some(id), name, .. } => json!(named(name.unwrap_or_else(|| &names[id]), *id)),
        other => panic!("{other:?}"),
    }
}

/// Collects each `name#id` in a JSON value.
fn names_in(value: &Json, names: &mut BTreeMap<u32, String>) {
    match value {
        Json::String(text) => {
            if let Some((name, id)) = text.split_once('#') {
                names.insert(u32::from_str_radix(id, 16).unwrap(), name.into());
            }
        }
        Json::Array(items) => items.iter().for_each(|item| names_in(item, names)),
        Json::Object(fields) => fields.values().for_each(|field| names_in(field, names)),
        _ => {}
    }
}

#[test]
fn every_message_is_what_the_independent_decode_says() {
    let mut strange = 0;
    for (name, recording, json) in all() {
        let steps = decode(&recording, &recording.secrets, &SCHEMA);
        for (at, connection) in json["connections"].as_array().unwrap().iter().enumerate() {
            let decoded = connection["decoded"].as_array().unwrap();
            let steps = packets(&steps, at);
            assert_eq!(steps.len(), decoded.len(), "{name}: frames");
            let mut names = BTreeMap::new();
            decoded.iter().for_each(|entry| names_in(&entry["what"], &mut names));
            names.retain(|id, _| SCHEMA.find(*id).is_none());
            strange += names.len();
            for (step, entry) in steps.iter().zip(decoded) {
                assert_eq!(entry["dir"], if step.from == Side::Client { "c2s" } else { "s2c" });
                let (got, body) = match &step.what {
                    What::Plain(plain) => {
                        assert_eq!(plain.extra, 0);
                        let line = told(&plain.content, &names);
                        (json!({ "plain": line, "msg_id": plain.msg_id, "len": plain.body.len() }), &plain.body)
                    }
                    What::Sealed(sealed) => {
                        let Sealed { auth_key_id, header, padding, item, .. } = &**sealed;
                        let got = json!({
                            "auth_key_id": hex(auth_key_id), "msg_key_ok": true, "salt": header.salt,
                            "session_id": header.session_id, "msg_id": item.msg_id, "seqno": item.seqno,
                            "len": item.body.len(), "padding": padding, "what": told(&item.content, &names),
                        });
                        (got, &item.body)
                    }
                    other => panic!("{name}: {other:?}"),
                };
                for (field, value) in got.as_object().unwrap() {
                    assert_eq!(&entry[field], value, "{name}: {field} of {entry}");
                }
                assert_eq!(entry["body"], hex(body), "{name}");
            }
        }
    }
    assert_eq!(strange, 3, "calls of other layers: told by id and length");
}

// The numbers.

#[test]
fn nothing_is_skipped() {
    let total = count_all(&NUMBERS, |name| decoded(&recording(name), &SCHEMA));
    assert_eq!(total[0], 424);
}

// The key exchanges, with every value.

/// Findings of the key exchange on a connection, by name. A repeated name gets the packet's number.
fn found(steps: &[&Step<'_>]) -> BTreeMap<String, Json> {
    let mut found = BTreeMap::new();
    for (number, step) in steps.iter().enumerate() {
        let What::Plain(plain) = &step.what else { continue };
        for note in &plain.notes {
            match note {
                Note::Computed(what, value) | Note::Opened(what, value) => {
                    found.insert(what.to_string(), value.to_json());
                }
                Note::Checked(what, verdict) => {
                    assert_eq!(*verdict, Verdict::Holds, "{what}");
                    found.insert(format!("{number} {what}"), true.into());
                }
                _ => panic!(),
            }
        }
    }
    found
}

#[test]
fn every_value_of_the_key_exchanges_is_computed_again() {
    let mut exchanges = 0;
    for (name, recording, json) in all() {
        let steps = decode(&recording, &recording.secrets, &SCHEMA);
        for (at, connection) in json["connections"].as_array().unwrap().iter().enumerate() {
            let decoded = connection["decoded"].as_array().unwrap();
            if decoded[0].get("plain").is_none() {
                continue;
            }
            exchanges += 1;
            let found = found(&packets(&steps, at));
            let (fields, dh) = (&decoded[2]["inner_fields"], &decoded[3]["dh"]);
            let inner = &found["inner data"];
            assert_eq!(decoded[2]["inner"].as_str().unwrap().split_once('#').unwrap().0, inner["_"], "{name}");
            for (field, value) in fields.as_object().unwrap() {
                assert_eq!(&inner[field], value, "{name}: {field}");
            }
            assert_eq!((&found["p"], &found["q"]), (&fields["p"], &fields["q"]));
            for field in ["tmp_aes_key", "tmp_aes_iv"] {
                assert_eq!(found[field], dh[field], "{name}: {field}");
            }
            for field in ["g", "dh_prime", "server_time"] {
                assert_eq!(found["answer"][field], dh[field], "{name}: {field}");
            }
            assert!(json["auth_keys"].get(found["auth_key_id"].as_str().unwrap()).is_some());
            let form = if decoded[2]["rsa"] == "RSA_PAD" { "RSA_PAD" } else { "SHA-1, before 2021" };
            let checks = [
                "1 nonce",
                "1 pq is a product of two primes",
                "2 nonce",
                "2 server_nonce",
                "2 p · q = pq",
                "2 p < q",
                "2 fingerprint was offered",
                &format!("2 RSA block ({form})"),
                "2 inner nonces",
                "2 inner pq",
                "2 inner p and q",
                "3 nonce",
                "3 server_nonce",
                "3 answer_hash",
                "3 inner nonces",
                "3 dh_prime is safe and g generates",
                "3 g_a in range",
                "4 nonce",
                "4 server_nonce",
                "4 data_hash",
                "4 inner nonces",
                "4 g_b in range",
                "5 nonce",
                "5 server_nonce",
                "5 new_nonce_hash1",
            ];
            checks.iter().for_each(|check| assert!(found.contains_key(*check), "{name}: {check}"));
            assert_eq!(found.values().filter(|value| **value == true).count(), checks.len());
        }
    }
    assert_eq!(exchanges, 8);
}

#[test]
fn a_key_log_opens_what_the_private_key_opens() {
    let of_telethon = recording("telethon139_abridged");
    let steps = decode(&of_telethon, &of_telethon.secrets, &SCHEMA);
    let found = found(&packets(&steps, 0));
    let bytes = |json: &Json| unhex(json.as_str().unwrap());
    let mut log = String::from("# keys of a test\n");
    of_telethon.secrets.keys().for_each(|key| log.note(&Entry::AuthKey(key.clone())));

    let mut secrets = Secrets::default();
    secrets.read_log(&log).unwrap();
    let mut verdicts = BTreeMap::new();
    for step in decode(&of_telethon, &secrets, &SCHEMA) {
        verdicts.extend(step.checks().filter(|check| check.1 != Verdict::Holds));
    }
    let names: Vec<_> = verdicts.keys().copied().collect();
    assert_eq!(names, ["RSA block", "answer_hash", "data_hash", "new_nonce_hash1"], "{verdicts:?}");

    log.note(&Entry::NewNonce {
        nonce: bytes(&found["inner data"]["nonce"]).try_into().unwrap(),
        new_nonce: bytes(&found["inner data"]["new_nonce"]).try_into().unwrap(),
    });
    secrets.read_log(&log).unwrap();
    let again = decode(&of_telethon, &secrets, &SCHEMA);
    let bad: Vec<_> = again.iter().flat_map(Step::checks).filter(|check| check.1 != Verdict::Holds).collect();
    assert_eq!(bad, [("RSA block", Verdict::Unknown("the private key is not known"))]);

    let silent = decode(&of_telethon, &Secrets::default(), &SCHEMA);
    assert_eq!(silent.iter().filter(|step| matches!(step.what, What::Locked { .. })).count(), 37);
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn a_changed_byte_is_noticed() {
    let good = recording("telethon139_abridged");
    let number_of_checks = decode(&good, &good.secrets, &SCHEMA).iter().flat_map(Step::checks).count();
    assert_eq!(number_of_checks, 62);
    // One byte of each chunk in turn, after the frame's head, is changed: the result must change.
    for at in 0..good.connections[0].chunks.len() {
        let mut bad = good.clone();
        let chunk = &mut bad.connections[0].chunks[at];
        let mut bytes = chunk.bytes.to_vec();
        let place = bytes.len() - 1;
        bytes[place] ^= 0x10;
        chunk.bytes = bytes.into();
        let steps = decode(&bad, &good.secrets, &SCHEMA);
        let held = steps.iter().flat_map(Step::checks).filter(|check| check.1 == Verdict::Holds).count();
        assert!(held < number_of_checks, "chunk {at}");
    }
}

#[test]
fn a_changed_packet_with_a_known_key_is_damaged_and_not_locked() {
    let good = recording("telethon139_abridged");
    let mut damaged = 0;
    for at in 0..good.connections[0].chunks.len() {
        let mut bad = good.clone();
        let chunk = &mut bad.connections[0].chunks[at];
        let mut bytes = chunk.bytes.to_vec();
        *bytes.last_mut().unwrap() ^= 0x10;
        chunk.bytes = bytes.into();
        let steps = decode(&bad, &good.secrets, &SCHEMA);
        assert!(!steps.iter().any(|step| matches!(step.what, What::Locked { .. })), "chunk {at}");
        for step in steps.iter().filter(|step| matches!(step.what, What::Damaged { .. })) {
            assert!(step.checks().any(|check| check == ("msg_key", Verdict::Fails)));
            assert!(step.to_string().contains("msg_key does not match: damaged or forged"), "{step}");
            damaged += 1;
        }
    }
    assert!(damaged > 0);
}

#[test]
fn a_tree_has_a_budget_of_values() {
    use nanogram::tl::Fault;
    for (longs, fits) in [(200_000_u32, true), (300_000, false)] {
        let mut acks = [0x62d6_b459, 0x1cb5_c415, longs].map(u32::to_le_bytes).concat();
        acks.resize(acks.len() + 8 * longs as usize, 0);
        let read = SCHEMA.from_bytes(&acks);
        assert_eq!(read.err().map(|e| e.fault), (!fits).then_some(Fault::Nodes), "{longs}");
    }
}

/// Recording of a server that sends these bodies, with the key that decrypts it.
fn recording_of(bodies: &[Vec<u8>]) -> Recording {
    let key = AuthKey::from_bytes([7; 256]);
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let mut framer = Framer::new(Framing::ABRIDGED, Side::Server);
    let mut wire = BytesMut::new();
    for (at, body) in (0..).zip(bodies) {
        let header = Header { salt: 0, session_id: 1, msg_id: 4 * at + 1, seqno: 1 };
        framer.encode(&seal(&key, Side::Server, &header, body, &mut rng).unwrap().0, &mut wire).unwrap();
    }
    let said = |from, bytes: Bytes| Chunk { at: Instant::ZERO, from, bytes };
    let chunks = vec![said(Side::Client, Bytes::from_static(&[0xef])), said(Side::Server, wire.freeze())];
    let connections = vec![Connection { chunks, ..Connection::default() }];
    let mut recording = Recording { connections, ..Recording::default() };
    recording.secrets.note(&Entry::AuthKey(key));
    recording
}

/// `updates` with `count` times `updateConfig`, an id without fields: the smallest value.
fn tiny_updates(count: u32) -> Vec<u8> {
    let head = [0x74ae_4240, VECTOR, count].map(u32::to_le_bytes).concat();
    let tail = [VECTOR, 0, VECTOR, 0, 0, 0].map(u32::to_le_bytes).concat();
    [head, 0xa229_dd06_u32.to_le_bytes().repeat(count as usize), tail].concat()
}
/// `pageTableRow` with `count` times `pageTableCell` without any of its eight fields: the largest tree for its bytes, where
/// a tree has a place for each field that is absent.
fn empty_cells(count: u32) -> Vec<u8> {
    let head = [0xe0c0_c5e5, VECTOR, count].map(u32::to_le_bytes).concat();
    [head, [0x3456_6b6a_u32, 0].map(u32::to_le_bytes).concat().repeat(count as usize)].concat()
}
fn packed(body: &[u8]) -> Vec<u8> {
    GzipPacked { packed_data: Blob(deflate(body)) }.to_boxed()
}

#[test]
fn a_recording_has_a_budget_of_inflated_bytes() {
    let bomb = packed(&tiny_updates((8 << 20) / 4 - 12));
    let steps = decode(&recording_of(&vec![bomb; 9]), &recording_of(&[]).secrets, &SCHEMA);
    let shown: Vec<String> = steps[1..].iter().map(|step| format!("{step:#}")).collect();
    assert_eq!(shown.len(), 9);
    let opened = |text: &&String| text.contains("not shown: more than 262144 values");
    assert_eq!(shown.iter().take_while(opened).count(), 8, "8 of 8 MiB are opened: {shown:#?}");
    let why = "not shown: it inflates to more than 8 MiB, or the recording to more than 64 MiB";
    assert!(shown[8].contains(why), "{}", shown[8]);
    assert!(steps[9].to_json().to_string().contains("the recording to more than 64 MiB"));
    // One body that inflates beyond the limit by itself, and one that does not inflate.
    let mut damaged = packed(&tiny_updates(9));
    damaged[20] ^= 0xff;
    let steps = decode(&recording_of(&[packed(&vec![0; 9 << 20]), damaged]), &recording_of(&[]).secrets, &SCHEMA);
    assert!(format!("{:#}", steps[1]).contains(why), "{:#}", steps[1]);
    assert!(format!("{:#}", steps[2]).contains("the compressed data are damaged"), "{:#}", steps[2]);
}
#[test]
fn decode_says_why_a_bomb_is_not_shown() {
    use std::process::{Command, Stdio};
    let run = |name: &str, bytes: &[u8], option: Option<&str>| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, bytes).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_nanogram"));
        let output = command.arg("decode").arg(&path).args(option).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        println!("{name} {option:?}: {}", said.lines().find(|line| line.contains("open")).unwrap_or_default());
        (output.status.code().unwrap(), said)
    };
    let recording = recording_of(&[packed(&vec![0; 9 << 20])]).to_json().to_string();
    for option in [None, Some("--full"), Some("--json")] {
        let (exit, said) = run("bomb.json", recording.as_bytes(), option);
        let why = "it inflates to more than 8 MiB, or the recording to more than 64 MiB";
        assert!(exit == 0 && said.contains(why), "{option:?} {said}");
    }
    // The recording itself: its last bytes say how much it opens to.
    let mut file = deflate(recording.as_bytes());
    let len = file.len();
    file[len - 4..].fill(0xff);
    let (exit, said) = run("bomb.json.gz", &file, None);
    assert!(exit == 2 && said.contains("inflate to more than the limit"), "{said}");
}

#[test]
fn the_messages_of_a_container_share_a_budget_of_values() {
    let mut container = [MSG_CONTAINER, 4].map(u32::to_le_bytes).concat();
    for msg_id in 1..=4_i64 {
        let body = packed(&tiny_updates(100_000));
        container
            .extend([&msg_id.to_le_bytes()[..], &[1, 0, 0, 0], &(body.len() as u32).to_le_bytes(), &body].concat());
    }
    let steps = decode(&recording_of(&[container]), &recording_of(&[]).secrets, &SCHEMA);
    let Some(Content::Container(items)) = steps[1].content() else { panic!("{:?}", steps[1]) };
    let is_shown = |item: &Item<'_>| matches!(item.content.unpacked(), Content::Value(_));
    assert_eq!(items.iter().map(is_shown).collect::<Vec<_>>(), [true, true, false, false]);
}

/// Recordings that once took 5.1 GB, decoded by the program with 300 MB of address space. They stay in `target/tmp`;
/// `-- --nocapture` prints what they take.
#[cfg(target_os = "linux")]
#[test]
fn a_small_recording_takes_little_memory() {
    let cells = vec![packed(&empty_cells((8 << 20) / 8 - 2)); 12];
    let bombs = vec![packed(&tiny_updates((8 << 20) / 4 - 12)); 14];
    let full = vec![packed(&tiny_updates(262_000)); 6];
    println!("{:<28}{:>10}{:>14}{:>10}", "decode of", "bytes", "VmHWM, KiB", "ms");
    for (name, bodies) in [("cells", cells), ("bombs", bombs), ("full", full)] {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).with_extension("json");
        fs::write(&path, recording_of(&bodies).to_json().to_string()).unwrap();
        let len = fs::metadata(&path).unwrap().len();
        assert!(len < 310_000, "{name}: {len} bytes");
        for option in ["", "--full", "--json"] {
            let (peak, took) = in_300_mb(&path, option);
            println!("{:<28}{len:>10}{peak:>14}{:>10}", format!("{name}.json {option}"), took.as_millis());
        }
    }
}

/// Runs `nanogram decode` with 300 MB of address space: the most memory that it had, in KiB, and how long it took.
#[cfg(target_os = "linux")]
fn in_300_mb(path: &Path, option: &str) -> (usize, std::time::Duration) {
    use std::io::Read;
    use std::process::{Command, Stdio};
    let began = std::time::Instant::now();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 300000 && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_nanogram"), "decode"]).arg(path);
    command.args(Some(option).filter(|option| !option.is_empty()));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (mut out, mut piece, mut peak) = (child.stdout.take().unwrap(), vec![0; 1 << 12], 0);
    // Its last line is there before it ends, and nothing is taken after that.
    while out.read(&mut piece).unwrap() > 0 {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let now = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(now.unwrap_or_default());
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{} {option}: {output:?}", path.display());
    (peak, began.elapsed())
}

/// The file as Wireshark writes it: the same packets in blocks.
fn as_pcapng(wrap: &Wrap, packets: &[Packet]) -> Vec<u8> {
    let block = |kind: u32, body: Vec<u8>| {
        let len = wrap.number(body.len() as u32 + 12);
        [&wrap.number(kind)[..], &len, &body, &len].concat()
    };
    let short = |n: u16| if wrap.is_big { n.to_be_bytes() } else { n.to_le_bytes() };
    let mut out = block(0x0a0d_0d0a, [wrap.number(0x1a2b_3c4d), wrap.number(1), [0xff; 4], [0xff; 4]].concat());
    let unit = if wrap.is_nano { 9 } else { 6 };
    let interface = [&short(wrap.link as u16)[..], &[0; 6], &short(9), &short(1), &[unit, 0, 0, 0], &[0; 4]].concat();
    out.extend(block(1, interface));
    out.extend(block(0x0bad, vec![1; 8])); // of an unknown type
    for packet in packets {
        let frame = wrap.frame(packet);
        let micros = packet.at + 1_700_000_000_000_000;
        let time = if wrap.is_nano { micros * 1000 + 7 } else { micros };
        let len = frame.len() as u32;
        let head = [0, (time >> 32) as u32, time as u32, len, len].map(|n| wrap.number(n)).concat();
        let pad = vec![0; frame.len().next_multiple_of(4) - frame.len()];
        out.extend(block(6, [head, frame, pad].concat()));
    }
    out
}

/// Gzip file with stored blocks, that is, without compression.
fn as_gzip(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = data.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        let len = block.len() as u16;
        out.push(u8::from(blocks.peek().is_none()));
        out.extend([len.to_le_bytes(), (!len).to_le_bytes()].concat());
        out.extend(block);
    }
    out.extend([nanogram::base::crc::crc32(data), data.len() as u32].map(u32::to_le_bytes).concat());
    out
}

#[test]
fn pcapng_and_gzip_say_what_pcap_says() {
    let recording = recording("mtcute");
    for wrap in &WRAPS {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let packets = packets_of(&recording, &mut rng);
        let told = |file: &[u8]| {
            let read = Recording::read(file).unwrap();
            decode(&read, &recording.secrets, &SCHEMA).iter().map(Step::to_string).collect::<Vec<_>>()
        };
        let (pcap, pcapng) = (wrap.file(&packets), as_pcapng(wrap, &packets));
        let plain = told(&pcap);
        assert!(plain.len() > 30);
        assert_eq!(told(&pcapng), plain, "{}", wrap.link);
        assert_eq!(told(&as_gzip(&pcap)), plain);
        assert_eq!(told(&as_gzip(&pcapng)), plain);
    }
    let json = text("mtcute");
    assert_eq!(Recording::read(&as_gzip(json.as_bytes())).unwrap().connections, recording.connections);
}

#[test]
fn no_damage_of_a_pcapng_file_panics() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let file = as_pcapng(&WRAPS[0], &packets_of(&recording("mtcute"), &mut rng));
    for len in 0..file.len().min(700) {
        let _ = Recording::read(&file[..len]);
    }
    for _ in 0..300 {
        let mut bad = file.clone();
        let at = rng.random_range(0..bad.len().min(900));
        bad[at] ^= 1 << rng.random_range(0..8);
        let _ = Recording::read(&bad);
    }
}

// The same packets, given to nanogram's own state machines.

#[test]
fn a_client_takes_every_packet_of_the_recorded_server() {
    let (mut taken, mut updates, mut new_sessions) = (0, 0, 0);
    for (name, recording, _) in all() {
        replay_to_clients(&recording, |session, step, result| {
            assert!(result.is_ok(), "{name}: {result:?}\n{step}");
            taken += 1;
            while let Some(incoming) = session.poll_incoming() {
                match incoming {
                    Incoming::Update(body) => {
                        assert_eq!(step.name(), Some("updates"));
                        assert!(
                            step.content()
                                .is_some_and(|content| matches!(content, Content::Value(_) | Content::Unread { .. }))
                        );
                        assert!(!body.is_empty());
                        updates += 1;
                    }
                    Incoming::NewSession => new_sessions += 1,
                    other => panic!("{name}: {other:?}"),
                }
            }
        });
    }
    assert_eq!((taken, updates, new_sessions), (148, 12, 11));
}

#[test]
fn a_server_takes_what_the_recorded_clients_send() {
    let (mut taken, mut requests, mut salts, mut odd_acks) = (0, 0, 0, 0);
    for (name, recording, _) in all() {
        replay_to_servers(&recording, |session, step, result| {
            assert!(result.is_ok(), "{name}: {result:?}\n{step}");
            taken += 1;
            let What::Sealed(sealed) = &step.what else { unreachable!() };
            for code in session.take_refused() {
                // Clients neither wait for the first salt nor use the one derived in the key exchange.
                assert_eq!(code, 48, "{name}\n{step}");
                assert_ne!(sealed.header.salt, session.salts().current());
                salts += 1;
            }
            let is_odd_ack = |item: &&Item<'_>| item.content.name() == Some("msgs_ack") && item.seqno & 1 == 1;
            odd_acks += match &sealed.item.content {
                Content::Container(items) => items.iter().filter(is_odd_ack).count(),
                _ => usize::from(is_odd_ack(&&sealed.item)),
            };
            while session.poll_request().is_some() {
                requests += 1;
            }
        });
    }
    println!("{taken} packets, {requests} requests; salts refused: {salts}; acks with an odd seqno: {odd_acks}");
    assert_eq!((taken, requests, salts), (228, 110, 10), "the recorded server refused as many salts");
    assert_eq!(odd_acks, 8, "mtcute's habit, which servers bear");
}

#[test]
fn plain_messages_of_both_sides_are_what_our_own_would_be() {
    let mut plain = 0;
    for (_, recording, _) in all() {
        for Cut { from, piece, .. } in recording.connections.iter().flat_map(cut) {
            if let Piece::Frame(Frame::Packet(packet)) = piece
                && packet.starts_with(&[0; 8])
            {
                let opened = plain::open(&packet, from).unwrap();
                assert_eq!(plain::seal(opened.msg_id, opened.body), packet);
                plain += 1;
            }
        }
    }
    assert_eq!(plain, 48);
}

// The same streams in other capture formats.

#[test]
fn a_recording_in_json_says_the_same_again() {
    for (name, recording, _) in all() {
        let again = Recording::from_json(&recording.to_json().to_string()).unwrap();
        assert_eq!(again.connections, recording.connections, "{name}");
        let told = |recording: &Recording| {
            decode(recording, &recording.secrets, &SCHEMA).iter().map(Step::to_json).collect::<Vec<_>>()
        };
        assert_eq!(told(&again), told(&recording), "{name}");
    }
}

#[test]
fn a_damaged_recording_is_refused_and_says_where() {
    let good = r#"{"connections": [{"events": [{"t": 1, "dir": "c2s", "hex": "ef00"}]}]}"#;
    assert_eq!(Recording::from_json(good).unwrap().connections[0].chunks.len(), 1);
    let refused = |from: &str, to: &str| Recording::read(good.replace(from, to).as_bytes()).unwrap_err();
    let shape = |place: &str| CaptureError::Shape(place.into());
    assert_eq!(refused("connections", "others"), shape("connections"));
    assert_eq!(refused("events", "others"), shape("connections[0].events"));
    assert_eq!(refused("c2s", "up"), shape("connections[0].events[0].dir"));
    assert_eq!(refused("ef00", "ef0"), shape("connections[0].events[0].hex"));
    assert_eq!(refused("\"t\"", "\"u\""), shape("connections[0].events[0].t"));
    assert_eq!(refused("}]}]}", "}]}"), CaptureError::Cut(1, 68));
    let key = r#""auth_keys": {"00": {"auth_key": "00"}}, "connections""#;
    assert_eq!(refused(r#""connections""#, key), shape("auth_keys.00"));
    assert_eq!(refused(r#""connections""#, r#""new_nonces": {"00": 1}, "connections""#), shape("new_nonces.00"));
    assert_eq!(refused(r#""connections""#, r#""rsa_private_pem": "", "connections""#), shape("rsa_private_pem"));
    for cut in 0..good.len() {
        assert!(Recording::read(&good.as_bytes()[..cut]).is_err(), "{cut}");
    }
}

/// Capture format of a recording.
struct Wrap {
    link: u32,
    is_v6: bool,
    is_big: bool,
    is_nano: bool,
}

const WRAPS: [Wrap; 8] = [
    Wrap { link: 1, is_v6: false, is_big: false, is_nano: false },
    Wrap { link: 1, is_v6: true, is_big: true, is_nano: false },
    Wrap { link: 101, is_v6: false, is_big: false, is_nano: true },
    Wrap { link: 101, is_v6: true, is_big: true, is_nano: true },
    Wrap { link: 0, is_v6: false, is_big: false, is_nano: false },
    Wrap { link: 108, is_v6: true, is_big: false, is_nano: false },
    Wrap { link: 113, is_v6: false, is_big: false, is_nano: false },
    Wrap { link: 276, is_v6: true, is_big: true, is_nano: false },
];

/// TCP packet between one of 60,000 clients and the server.
struct Packet {
    client: u16,
    from: Side,
    seq: u32,
    flags: u8,
    at: u64,
    data: Vec<u8>,
}

impl Wrap {
    fn number(&self, n: u32) -> [u8; 4] {
        if self.is_big { n.to_be_bytes() } else { n.to_le_bytes() }
    }
    fn file(&self, packets: &[Packet]) -> Vec<u8> {
        let magic = if self.is_nano { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
        let mut out = [magic, 0x0004_0002, 0, 0, 65535, self.link].map(|n| self.number(n)).concat();
        for packet in packets {
            let frame = self.frame(packet);
            let (secs, micros) = (packet.at / 1_000_000 + 1_700_000_000, packet.at % 1_000_000);
            let fraction = if self.is_nano { micros * 1000 + 7 } else { micros };
            let len = frame.len() as u32;
            out.extend([secs as u32, fraction as u32, len, len].map(|n| self.number(n)).concat());
            out.extend(frame);
        }
        out
    }
    fn frame(&self, packet: &Packet) -> Vec<u8> {
        let kind: [u8; 2] = if self.is_v6 { [0x86, 0xdd] } else { [0x08, 0x00] };
        let mut out = match self.link {
            1 if packet.client % 2 == 1 => [&[2; 12], &[0x81, 0, 0, 5][..], &kind].concat(), // with a VLAN tag
            1 => [&[2; 12], &kind[..]].concat(),
            0 | 108 => vec![2, 0, 0, 0],
            113 => [&[0; 14], &kind[..]].concat(),
            276 => [&kind[..], &[0; 18]].concat(),
            _ => vec![],
        };
        let (client, server) = (packet.client.to_be_bytes(), 443u16.to_be_bytes());
        let (ports, from, to) = match packet.from {
            Side::Client => ([client, server].concat(), 1, 2),
            Side::Server => ([server, client].concat(), 2, 1),
        };
        let options = if packet.flags & 2 == 2 { &[2, 4, 5, 0xb4][..] } else { &[] };
        let words = 5 + options.len() as u8 / 4;
        let mut tcp = [&ports, &packet.seq.to_be_bytes()[..], &[0; 4], &[words << 4, packet.flags], &[0; 6]].concat();
        tcp.extend(options);
        tcp.extend(&packet.data);
        if self.is_v6 {
            let (len, next) = (tcp.len() as u16 + 8, [60, 64]); // destination options before TCP
            out.extend([&[0x60, 0, 0, 0], &len.to_be_bytes()[..], &next].concat());
            out.extend([&[0; 15], &[from][..], &[0; 15], &[to]].concat());
            out.extend([6, 0, 1, 4, 0, 0, 0, 0]);
        } else {
            let len = tcp.len() as u16 + 20;
            out.extend([&[0x45, 0], &len.to_be_bytes()[..], &[0, 0, 0x40, 0, 64, 6, 0, 0]].concat());
            out.extend([10, 0, 0, from, 10, 0, 0, to]);
        }
        out.extend(tcp);
        let short = 60usize.saturating_sub(out.len());
        if self.link == 1 {
            out.extend(vec![0; short]); // padding of short Ethernet frames
        }
        out
    }
}

/// Packets of a recording on a lossy network.
fn packets_of(recording: &Recording, rng: &mut ChaCha20Rng) -> Vec<Packet> {
    let mut out = Vec::new();
    for (number, connection) in recording.connections.iter().enumerate() {
        let client = 40_000 + number as u16;
        let mut seqs = [rng.random::<u32>(), u32::MAX - 100]; // the server's sequence numbers wrap
        for (from, flags, seq) in [(Side::Client, 2, seqs[0]), (Side::Server, 18, seqs[1])] {
            out.push(Packet { client, from, seq, flags, at: 0, data: vec![] });
        }
        seqs = seqs.map(|seq| seq.wrapping_add(1));
        for chunk in &connection.chunks {
            let seq = &mut seqs[usize::from(chunk.from == Side::Server)];
            let mut group = Vec::new();
            for piece in chunk.bytes.chunks(rng.random_range(40..400)) {
                for _ in 0..rng.random_range(1..3) {
                    let (data, at) = (piece.to_vec(), chunk.at.as_micros());
                    group.push(Packet { client, from: chunk.from, seq: *seq, flags: 16, at, data });
                }
                *seq = seq.wrapping_add(piece.len() as u32);
            }
            group.shuffle(rng);
            out.append(&mut group);
        }
    }
    out
}

#[test]
fn a_capture_file_says_what_the_recording_says() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let names = ["telethon139_abridged", "mtcute", "tr_full", "tr_obfuscated"];
    for (wrap, name) in WRAPS.iter().zip(names.iter().cycle()) {
        let recording = recording(name);
        let file = wrap.file(&packets_of(&recording, &mut rng));
        let read = Recording::read(&file).unwrap();
        assert_eq!(read.connections.len(), recording.connections.len());
        assert!(read.connections.iter().all(|connection| !connection.has_gap));
        let server = if wrap.is_v6 { "[::2]:443" } else { "10.0.0.2:443" };
        assert!(read.connections[0].name.ends_with(&format!(":40000 → {server}")), "{}", read.connections[0].name);
        let told = |recording: &Recording, secrets| {
            decode(recording, secrets, &SCHEMA).iter().map(|step| step.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(told(&read, &recording.secrets), told(&recording, &recording.secrets), "{name}, {}", wrap.link);
    }
}

#[test]
fn a_lost_packet_ends_its_connection_and_no_other() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let recording = recording("mtcute");
    let mut packets = packets_of(&recording, &mut rng);
    let lost = packets.iter().position(|packet| packet.client == 40_000 && packet.data.len() > 30).unwrap();
    let seq = packets[lost].seq;
    packets.retain(|packet| packet.seq != seq);
    let read = Recording::from_pcap(&WRAPS[0].file(&packets)).unwrap();
    let steps = decode(&read, &recording.secrets, &SCHEMA);
    let broken: Vec<_> = steps.iter().filter(|step| matches!(step.what, What::Broken(_))).collect();
    assert!(broken.iter().all(|step| step.connection == 0) && !broken.is_empty(), "{broken:?}");
    assert!(broken.last().unwrap().to_string().ends_with("bytes are missing from the recording"));
    assert_eq!(steps.iter().filter(|step| step.connection == 1 && step.content().is_some()).count(), 5);
}

// Arbitrary bytes cause no panic.

#[test]
fn no_damage_of_a_capture_file_panics() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let recording = recording("sess_pyrogram");
    for wrap in &WRAPS {
        let file = wrap.file(&packets_of(&recording, &mut rng));
        for cut in (0..file.len()).step_by(97).chain(0..200) {
            let _ = Recording::read(&file[..cut]).map(|read| decode(&read, &recording.secrets, &SCHEMA));
        }
        for _ in 0..200 {
            let mut bad = file.clone();
            for _ in 0..rng.random_range(1..20) {
                let at = rng.random_range(0..bad.len());
                bad[at] = rng.random();
            }
            if let Ok(read) = Recording::read(&bad) {
                decode(&read, &recording.secrets, &SCHEMA).iter().for_each(|step| drop(step.to_string()));
            }
        }
    }
    assert!(Recording::read(b"").is_err() && Recording::read(&[0; 100]).is_err());
    let newer =
        Recording::read(&[0x0a, 0x0d, 0x0d, 0x0a, 0x1c, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a].repeat(4)).unwrap_err();
    assert!(newer.to_string().contains("pcapng"));
}

#[test]
fn no_message_of_whoever_holds_the_key_panics() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let original = recording("mtcute");
    let key = original.secrets.keys().next().unwrap();
    let bodies: Vec<Vec<u8>> = decode(&original, &original.secrets, &SCHEMA)
        .iter()
        .filter_map(|step| match &step.what {
            What::Sealed(sealed) => Some(sealed.item.body.to_vec()),
            What::Plain(plain) => Some(plain.body.to_vec()),
            _ => None,
        })
        .collect();
    let mut nested = vec![0; 4];
    for _ in 0..2000 {
        let mut outer = [MSG_CONTAINER, 1].map(u32::to_le_bytes).concat();
        outer.extend([0; 12]);
        outer.extend((nested.len() as u32).to_le_bytes());
        outer.extend(nested);
        nested = outer;
    }
    let mut framer = Framer::new(Framing::ABRIDGED, Side::Client);
    let mut wire = BytesMut::new();
    for round in 0..3000 {
        let mut body = bodies[rng.random_range(0..bodies.len())].clone();
        for _ in 0..rng.random_range(0..6) {
            let at = rng.random_range(0..body.len());
            body[at] = rng.random();
        }
        if round == 0 {
            body.clone_from(&nested);
        }
        let packet = if round % 5 == 4 {
            body.resize(body.len().next_multiple_of(4), 0);
            plain::seal(4 * round, &body).into()
        } else {
            let header = Header { salt: 0, session_id: 1, msg_id: 4 * round, seqno: 1 };
            seal(key, Side::Client, &header, &body, &mut rng).unwrap().0
        };
        framer.encode(&packet, &mut wire).unwrap();
    }
    let chunks = vec![Chunk { at: Instant::ZERO, from: Side::Client, bytes: wire.freeze() }];
    let connections = vec![Connection { chunks, ..Connection::default() }];
    let steps = decode(&Recording { connections, ..Recording::default() }, &original.secrets, &SCHEMA);
    assert_eq!(steps.len(), 3001);
    steps.iter().for_each(|step| drop((step.to_string(), step.to_json())));
}

#[test]
fn what_is_appended_to_a_recording_must_fit_what_is_there() {
    const HEAD: &str = r#"{"connections":[{"name":"first","events":[]}]}"#;
    let read = |lines: &[&str]| Recording::from_json(&[&[HEAD], lines].concat().join("\n"));
    let (name, said) = (r#"{"connection":1,"name":"second"}"#, r#"{"connection":1,"t":0.5,"dir":"s2c","hex":"0102"}"#);
    let first = r#"{"connection":0,"t":0.25,"dir":"c2s","hex":"ef"}"#;
    let recording = read(&[name, said, "", first, r#"{"later":1}"#, ""]).unwrap();
    let told: Vec<_> = recording.connections.iter().map(|c| (c.name.as_str(), c.chunks.len())).collect();
    assert_eq!(told, [("first", 1), ("second", 1)]);
    assert_eq!((&recording.connections[1].chunks[0].bytes[..], recording.is_cut), (&[1, 2][..], false));
    assert!(read(&[name, &said[..20]]).unwrap().is_cut);
    for (lines, why) in [
        (&[said][..], "line 2: connection"),
        (&[name, name][..], "line 3: connection"),
        (&[name, said, r#"{"connection":1,"t":0.5,"dir":"x","hex":""}"#][..], "line 4: dir"),
        (&[name, r#"{"connection":1,"t":0.5,"dir":"c2s","hex":"0"}"#][..], "line 3: hex"),
        (&[r#"{"connection":-1,"name":""}"#][..], "line 2: connection"),
        (&[&said[..20], name][..], "no JSON (line 2"),
        (&["}"][..], "no JSON (line 2"),
    ] {
        let error = read(lines).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

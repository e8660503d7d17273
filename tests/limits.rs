//! Limits: docs/limits.md lists every limit of the code with its value and its test. The tests of limits that no other
//! file covers are here: each tries the limit itself and one more.

mod support;

use crate::support::server::{House, SOON};
use crate::support::session::{Bench, container};
use nanogram::base::time::{Instant, UnixTime};
use nanogram::client::Client;
use nanogram::crypto::auth_key::AuthKey;
use nanogram::lab::dc::listener::Listener;
use nanogram::lab::dc::residents::*;
use nanogram::lab::dc::script::{Act, MAX_ACTS};
use nanogram::lab::dc::world::MAX_MEMBERS;
use nanogram::lab::dc::{Caller, Dc, MAX_KEYS, PeerId, World, listener, log};
use nanogram::protocol::session::salts::{MAX_SALTS, Salts};
use nanogram::protocol::session::{MAX_BATCH, MAX_MESSAGES, RpcError, SessionError};
use nanogram::telegram::api::LAYER;
use nanogram::telegram::api::chats::AddChatUser;
use nanogram::telegram::api::connect::{GetConfig, InitConnection, InvokeWithLayer, InvokeWithoutUpdates};
use nanogram::telegram::api::messages::{GetHistory, Message, StartBot};
use nanogram::telegram::api::updates::{GetDifference, GetState};
use nanogram::telegram::link::Username;
use nanogram::telegram::store::state::{CachedName, MAX_NAMES, NameCache, NameKind};
use nanogram::tl::{Combinator, Raw};
use nanogram::wire::mt::auth::ReqPqMulti;
use nanogram::wire::mt::gzip::{GzipError, deflate, inflate};
use nanogram::wire::mt::message::MAX_CONTAINER;
use nanogram::wire::mt::service::*;
use rand::rngs::{ChaCha12Rng, SysRng};
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const UNIX: UnixTime = UnixTime::from_secs(1_790_000_000);

/// Words in the names of limits.
const WORDS: &[&str] = &[
    "MAX",
    "MOST",
    "WITHIN",
    "AFTER",
    "EVERY",
    "LONGEST",
    "TRIES",
    "ATTEMPTS",
    "DRAWS",
    "WINDOW",
    "WAIT",
    "PAUSE",
    "LIFETIME",
    "REPEATS",
    "MOVES",
    "STEP",
    "RUN",
    "ROUNDS",
    "WALKS",
    "CHUNKS",
    "READ",
    "REMEMBERED",
    "DELAY",
    "LOST",
    "YOUNG",
    "MIN_",
    "RENEW",
    "ENOUGH",
    "WORTH",
    "BLOCKED",
    "LAST",
    "MORE",
];
/// Names with such a word that are not limits: the width of an exponent window, here and in its proof.
const OTHERS: &[&str] = &["crypto::limb::WINDOW", "crypto::mont_proof::WINDOW"];

fn files(under: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(under).unwrap().map(|entry| entry.unwrap().path()) {
        match entry.is_dir() {
            true => files(&entry, all),
            false => all.extend(Some(entry).filter(|path| path.extension().is_some_and(|e| e == "rs"))),
        }
    }
}

/// Limits in the source: path and expression.
fn bounds() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut all, mut found) = (Vec::new(), BTreeMap::new());
    files(&root, &mut all);
    for path in all {
        let name = path.strip_prefix(&root).unwrap().with_extension("");
        let module = name.to_str().unwrap().replace('/', "::");
        if module.starts_with("bin") || module.starts_with("lab::fuzz") || module.ends_with("::tests") {
            continue;
        }
        let module = module.strip_suffix("::mod").unwrap_or(&module);
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
        for (at, _) in text.match_indices("const ") {
            let rest = &text[at + 6..];
            let Some((name, rest)) = rest.split_once(": ") else { continue };
            let Some((kind, rest)) = rest.split_once(" =") else { continue };
            let is_number = ["usize", "u8", "u16", "u32", "u64", "i32", "i64", "Duration"].contains(&kind);
            let is_name =
                !name.is_empty() && name.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_');
            if is_name && is_number && (kind == "Duration" || WORDS.iter().any(|word| name.contains(word))) {
                found.insert(format!("{module}::{name}"), rest.split(';').next().unwrap().trim().to_owned());
            }
        }
    }
    OTHERS.iter().for_each(|other| assert!(found.remove(*other).is_some(), "{other} is no more"));
    found
}

#[test]
fn every_bound_stands_in_the_table_with_its_value_and_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/limits.md")).unwrap();
    let mut said = BTreeMap::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
        let [name, value, beyond, test] = cells[..] else { panic!("{row}") };
        let name = name.trim_matches('`').to_owned();
        assert!(!beyond.is_empty(), "{name}");
        if !test.starts_with("none") {
            let (file, test) = test.split_once(": ").unwrap_or_else(|| panic!("{row}"));
            let text = fs::read_to_string(root.join(file.trim_matches('`'))).unwrap_or_else(|e| panic!("{file}: {e}"));
            let test = test.trim_matches('`');
            assert!(text.contains(&format!("fn {test}(")), "{name}: {file} has no {test}");
        }
        assert!(said.insert(name.clone(), value.trim_matches('`').to_owned()).is_none(), "{name} twice");
    }
    let bounds = bounds();
    assert!(bounds.len() > 80, "{} bounds", bounds.len());
    let missing: Vec<_> = bounds.iter().filter(|(name, value)| said.get(*name) != Some(*value)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    for name in said.keys() {
        assert!(bounds.contains_key(name), "{name} is not in the source");
    }
}

#[test]
fn a_container_of_1024_is_taken_and_of_1025_refused() {
    for (count, is_fine) in [(MAX_CONTAINER, true), (MAX_CONTAINER + 1, false)] {
        let mut bench = Bench::new();
        let messages: Vec<_> = (0..count).map(|_| bench.inner(1, &[1; 8])).collect();
        let (id, body) = (bench.id(), container(&messages));
        let said = bench.say_as(id, 0, &body);
        assert_eq!(said.is_ok(), is_fine, "{said:?}");
        assert_eq!(bench.incoming().len(), if is_fine { count } else { 0 });
    }
}

#[test]
fn memory_for_what_is_inflated_follows_from_what_came() {
    // DEFLATE expands by at most 1032 times, so a larger claim is false.
    let most = deflate(&vec![0; 1 << 20]);
    assert_eq!(inflate(&most, 1 << 20).unwrap().len(), 1 << 20);
    let mut lies = deflate(&[7; 100]);
    let len = lies.len();
    lies[len - 4..].copy_from_slice(&(8_u32 << 20).to_le_bytes());
    assert_eq!(inflate(&lies, 8 << 20), Err(GzipError::Broken));
    assert_eq!(inflate(&deflate(&[]), 0), Ok(vec![]));
}

#[test]
fn a_service_message_of_256_kib_is_read_and_a_longer_one_refused() {
    let ids = (256 << 10) / 8 - 2; // beside them: its id, the vector's, the count
    let mut bench = Bench::new();
    bench.say(&MsgsAck { msg_ids: vec![4; ids] }.to_boxed()).unwrap();
    let error = bench.say(&MsgsAck { msg_ids: vec![4; ids + 1] }.to_boxed()).unwrap_err();
    assert!(matches!(error, SessionError::Decode(_)), "{error:?}");
}

#[test]
fn of_65_salts_64_are_kept() {
    let salt = |salt| FutureSalt { valid_since: 1, valid_until: 2, salt };
    let mut salts = Salts::new(0);
    salts.extend(&(0..MAX_SALTS as i64 + 1).map(salt).collect::<Vec<_>>());
    assert_eq!((salts.known().len(), salts.known().last().unwrap().salt), (MAX_SALTS, 63));
}

#[test]
fn a_hundred_calls_share_a_packet_and_the_next_is_in_another() {
    let mut bench = Bench::new();
    (0..=MAX_MESSAGES).for_each(|_| _ = bench.client.call(vec![7; 4].into()));
    let sizes: Vec<_> = bench.sent().iter().map(|sent| sent.messages.len()).collect();
    assert_eq!(sizes, [MAX_MESSAGES, 1]);
}

#[test]
fn half_a_mebibyte_shares_a_packet_and_no_more() {
    for (more, packets) in [(0, 1), (4, 2)] {
        let mut bench = Bench::new();
        let half = MAX_BATCH / 2 - 16; // the head of a message
        [half, half + more].iter().for_each(|len| _ = bench.client.call(vec![7; *len].into()));
        assert_eq!(bench.sent().len(), packets);
    }
    let mut bench = Bench::new();
    bench.client.call(vec![7; 2 * MAX_BATCH].into());
    assert_eq!(bench.sent().len(), 1, "a longer one goes alone");
}

#[test]
fn of_257_service_messages_the_first_is_forgotten() {
    for (others, is_known) in [(255, true), (256, false)] {
        let mut bench = Bench::new();
        let mut answer = || {
            let id = bench.id();
            bench.say_as(id, 0, &MsgsStateReq { msg_ids: vec![4] }.to_boxed()).unwrap();
            bench.sent_messages()[0].msg_id
        };
        let first = answer();
        (0..others).for_each(|_| _ = answer());
        // What is known and refused for its number ends the session.
        let session = bench.client.session_id();
        let refusal = BadMsgNotification { bad_msg_id: first, bad_msg_seqno: 0, error_code: 32 };
        let id = bench.id();
        bench.say_as(id, 0, &refusal.to_boxed()).unwrap();
        bench.sent();
        assert_eq!(bench.client.session_id() != session, is_known, "after {others} others");
    }
}

#[test]
fn of_257_names_256_are_kept() {
    let mut names = NameCache::default();
    for n in 0..=MAX_NAMES {
        let username = Username::parse(&format!("name_{n:05}")).unwrap();
        let seen = UnixTime::from_secs(n as i64);
        names.insert(CachedName { username, kind: NameKind::Bot, id: 1, access_hash: 2, seen });
    }
    assert_eq!(names.iter().count(), MAX_NAMES);
    assert!(names.iter().all(|name| name.seen != UnixTime::from_secs(0)), "the oldest has gone");
}

fn init(query: Vec<u8>, device_model: &str) -> Vec<u8> {
    let init = InitConnection {
        api_id: 1,
        device_model: device_model.into(),
        system_version: "1".into(),
        app_version: "1".into(),
        system_lang_code: "en".into(),
        lang_pack: "".into(),
        lang_code: "en".into(),
        proxy: None,
        params: None,
        query: Raw(query),
    };
    InvokeWithLayer { layer: LAYER, query: Raw(init.to_boxed()) }.to_boxed()
}

/// Alice in a world of her own.
fn alice() -> impl FnMut(&[u8]) -> Result<Vec<u8>, RpcError> {
    let (mut world, mut caller) = (World::new([7; 32]), Caller::signed_in(ALICE));
    world.call(&mut caller, 1, &init(GetConfig {}.to_boxed(), "x")).reply.unwrap();
    move |body| world.call(&mut caller, 1, body).reply
}

#[test]
fn seven_wrappers_are_taken_off_and_no_eighth() {
    let wrapped = |times| {
        let call = GetState {}.to_boxed();
        (0..times).fold(call, |call, _| InvokeWithoutUpdates { query: Raw(call) }.to_boxed())
    };
    assert!(alice()(&wrapped(7)).is_ok());
    assert!(alice()(&wrapped(8)).unwrap_err().is("INPUT_FETCH_ERROR"));
}

#[test]
fn a_call_of_a_mebibyte_is_read_and_a_longer_one_refused() {
    let mut alice = alice();
    for (len, error) in [(1 << 20, "INPUT_METHOD_INVALID"), ((1 << 20) + 4, "INPUT_REQUEST_TOO_LONG")] {
        let told = alice(&vec![9; len]).unwrap_err();
        assert!(told.message.starts_with(error), "{}", told.message);
    }
}

#[test]
fn a_programs_name_is_cut_at_128_characters() {
    let (mut world, mut caller) = (World::new([7; 32]), Caller::signed_in(ALICE));
    for (len, kept) in [(128, 128), (129, 128)] {
        world.call(&mut caller, 1, &init(GetConfig {}.to_boxed(), &"ä".repeat(len))).reply.unwrap();
        assert_eq!(caller.app.as_ref().unwrap().device_model.chars().count(), kept);
    }
}

#[test]
fn of_257_acts_256_are_played() {
    let (mut world, mut caller) = (World::new([7; 32]), Caller::signed_in(ALICE));
    world.call(&mut caller, 1, &init(GetConfig {}.to_boxed(), "x")).reply.unwrap();
    (0..=MAX_ACTS).for_each(|_| world.script(GetState::ID, Act::Refuse(RpcError::new(500, "NO")), 1));
    for _ in 0..MAX_ACTS {
        assert!(world.call(&mut caller, 1, &GetState {}.to_boxed()).reply.is_err());
    }
    assert!(world.call(&mut caller, 1, &GetState {}.to_boxed()).reply.is_ok());
}

fn dc() -> Dc {
    Dc::new(Instant::ZERO, UNIX, Box::new(ChaCha12Rng::seed_from_u64(1))).unwrap()
}

#[test]
fn of_the_log_1024_lines_are_kept() {
    let mut dc = dc();
    (0..log::MAX_LINES).for_each(|_| _ = dc.accept(Instant::ZERO));
    assert_eq!(dc.poll_log().unwrap().to_string(), "#1 connected");
    (0..2).for_each(|_| _ = dc.accept(Instant::ZERO));
    assert_eq!(dc.poll_log().unwrap().to_string(), "#3 connected");
    assert_eq!(std::iter::from_fn(|| dc.poll_log()).count(), log::MAX_LINES - 1);
}

#[test]
fn key_4097_drives_out_the_first_that_is_nobodys() {
    let (mut dc, mut random) = (dc(), ChaCha12Rng::seed_from_u64(2));
    let alices = dc.sign_in(ALICE).unwrap();
    let keys: Vec<_> = (1..=MAX_KEYS)
        .map(|_| {
            let key = AuthKey::from_bytes(std::array::from_fn(|_| random.random()));
            dc.admit(key.clone(), None).unwrap();
            key
        })
        .collect();
    // A key that is known is answered with a refusal of what was sent under it; one that is not ends the connection.
    let mut is_known = |key: &AuthKey| {
        let conn = dc.accept(Instant::ZERO);
        let wire = [&[0xef, 24][..], &key.id(), &[0; 88]].concat();
        dc.handle_input(conn, Instant::ZERO, &wire);
        std::iter::from_fn(|| dc.poll_log()).all(|line| !line.to_string().contains("no key"))
    };
    assert!(is_known(&alices) && !is_known(&keys[0]) && is_known(&keys[1]) && is_known(&keys[MAX_KEYS - 1]));
}

#[tokio::test]
async fn connection_257_is_refused() {
    let house = House::open().await;
    let mut sockets = Vec::new();
    // Each has said a packet: of a connection that has not, the place would be taken.
    let ask = nanogram::protocol::handshake::plain::seal(4, &ReqPqMulti { nonce: [1; 16] }.to_boxed());
    let length = u8::try_from(ask.len() / 4).unwrap();
    for _ in 0..listener::MAX_CONNECTIONS {
        let mut socket = TcpStream::connect(&house.addr).await.unwrap();
        socket.write_all(&[&[0xef, length][..], &ask].concat()).await.unwrap();
        timeout(SOON, socket.read(&mut [0; 8])).await.unwrap().unwrap();
        sockets.push(socket);
    }
    let mut last = TcpStream::connect(&house.addr).await.unwrap();
    assert_eq!(timeout(SOON, last.read(&mut [0; 8])).await.unwrap().unwrap(), 0);
    assert_eq!(house.count(|entry| matches!(entry, log::Entry::Opened)), listener::MAX_CONNECTIONS + 1);
    assert_eq!(house.count(|entry| matches!(entry, log::Entry::Refused(log::Refusal::Full))), 1);
}

#[tokio::test]
async fn a_recording_ends_at_64_mib() {
    let make = |now, unix| Dc::new(now, unix, Box::new(SysRng));
    let mut listener = Listener::bind("127.0.0.1:0", make).await.unwrap();
    listener.record();
    let addr = listener.local_addr().unwrap();
    // A frame of 1 MiB that belongs to no key: what is said before the connection ends is kept all the same.
    let frame = [&[0xee; 4][..], &(1_u32 << 20).to_le_bytes(), &vec![1; 1 << 20]].concat();
    let flood = async {
        for _ in 0..66 {
            let mut socket = TcpStream::connect(addr).await.unwrap();
            socket.write_all(&frame).await.unwrap();
            let _ = timeout(SOON, socket.read_to_end(&mut Vec::new())).await.unwrap();
        }
    };
    let serve = async { while listener.next().await.is_ok() {} };
    tokio::select! {
        () = flood => {}
        () = serve => panic!("the listener ended"),
    }
    assert!(listener.is_recording_full());
    let connections = &listener.recording().unwrap().connections;
    let kept: usize = connections.iter().flat_map(|c| &c.chunks).map(|chunk| chunk.bytes.len()).sum();
    assert!((60 << 20..=listener::MAX_RECORDED).contains(&kept), "{kept}");
    assert!(connections.len() < 66);
}

#[tokio::test]
async fn a_slow_reader_finds_256_updates_or_2_mib() {
    const PEER: [u8; 4] = [1, 0, 0, 0];
    for (len, kept) in [(16, 256), (64 << 10, 32)] {
        let house = House::open().await;
        let client = Client::connect(house.alice()).await.unwrap();
        client.call(&GetState {}).await.unwrap();
        // An update is whatever no session knows.
        let update = [&[0x44, 0x33, 0x22, 0x11][..], &PEER.repeat(len / 4 - 1)].concat();
        for _ in 0..300 {
            let act = Act::RefuseAndTell(RpcError::new(400, "NO"), update.clone());
            house.dc(move |dc| dc.script(GetState::ID, act, 1)).await;
            assert!(client.call(&GetState {}).await.is_err());
        }
        client.call(&GetState {}).await.unwrap();
        let mut found = 0;
        while let Ok(Some(update)) = timeout(std::time::Duration::from_millis(50), client.next_update()).await {
            found += usize::from(update.starts_with(&[0x44, 0x33, 0x22, 0x11]));
        }
        assert_eq!(found, kept, "of {len} bytes");
    }
}

#[test]
fn a_call_fetches_100_messages_and_no_more() {
    let (mut world, mut caller) = (World::new([7; 32]), Caller::signed_in(ALICE));
    world.call(&mut caller, 1, &init(GetConfig {}.to_boxed(), "x")).reply.unwrap();
    let bot = PeerId::User(ECHO_BOT);
    for random_id in 1..=60 {
        let (bot, peer) = (world.input_user(ALICE, ECHO_BOT), world.input_peer(ALICE, bot));
        let start = StartBot { bot, peer, random_id, start_param: "x".into() };
        world.call(&mut caller, 1, &start.to_boxed()).reply.unwrap();
    }
    let messages = |reply: Vec<u8>| reply.windows(4).filter(|id| **id == Message::ID.to_le_bytes()).count();
    for (limit, found) in [(99, 99), (100, 100), (101, 100), (i32::MAX, 100)] {
        let peer = world.input_peer(ALICE, bot);
        let history =
            GetHistory { peer, offset_id: 0, offset_date: 0, add_offset: 0, limit, max_id: 0, min_id: 0, hash: 0 };
        assert_eq!(messages(world.call(&mut caller, 1, &history.to_boxed()).reply.unwrap()), found);
    }
    let state = world.call(&mut caller, 1, &GetState {}.to_boxed()).reply.unwrap();
    let now = i32::from_le_bytes(state[4..8].try_into().unwrap());
    for (behind, found) in [(99, 99), (100, 100), (101, 100)] {
        let pts = now - behind;
        let (pts_limit, pts_total_limit, qts_limit) = (None, None, None);
        let missed = GetDifference { pts, pts_limit, pts_total_limit, date: 1, qts: 0, qts_limit };
        assert_eq!(messages(world.call(&mut caller, 1, &missed.to_boxed()).reply.unwrap()), found, "{behind} behind");
    }
}

#[test]
fn a_group_of_200_is_full() {
    for (members, is_fine) in [(MAX_MEMBERS - 1, true), (MAX_MEMBERS, false)] {
        let (mut world, mut caller) = (World::new([7; 32]), Caller::signed_in(ALICE));
        world.call(&mut caller, 1, &init(GetConfig {}.to_boxed(), "x")).reply.unwrap();
        let group = &mut world.group_mut(GROUP).unwrap().members;
        group.remove(&ECHO_BOT);
        (1..).take_while(|n| group.len() < members && group.insert(*n)).for_each(drop);
        assert_eq!(group.len(), members);
        let PeerId::Chat(chat_id) = GROUP else { panic!() };
        let user_id = world.input_user(ALICE, ECHO_BOT);
        let add = AddChatUser { chat_id, user_id, fwd_limit: 0 };
        let added = world.call(&mut caller, 1, &add.to_boxed()).reply;
        assert_eq!(added.is_ok(), is_fine, "{added:?}");
    }
}

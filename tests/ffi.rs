//! The C ABI, called like from C: a complete start of a bot against a test server, and every detectable mistake of a
//! caller.
#![allow(unsafe_code)]

use bytes::BytesMut;
use core::ffi::{CStr, c_char, c_void};
use core::ptr;
use nanogram::base::escape::deceives;
use nanogram::base::time::{Instant, UnixTime};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::crypto::rsa::RsaKey;
use nanogram::ffi::*;
use nanogram::lab::dc::{Act, Dc, residents::ALICE};
use nanogram::protocol::session::RpcError;
use nanogram::telegram::api::contacts::ResolveUsername;
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::store::{Format, SavedSession, Servers, string};
use nanogram::tl::Combinator;
use rand::{Rng, SeedableRng, rngs::ChaCha12Rng};
use std::ffi::CString;
use std::mem::MaybeUninit;

const NOW: i64 = 1_790_000_000;

unsafe extern "C" fn entropy(context: *mut c_void, out: *mut u8, len: usize) -> bool {
    let random = unsafe { &mut *context.cast::<ChaCha12Rng>() };
    random.fill_bytes(unsafe { core::slice::from_raw_parts_mut(out, len) });
    true
}

unsafe extern "C" fn no_entropy(_: *mut c_void, _: *mut u8, _: usize) -> bool {
    false
}

/// Value of `= {0}` in C.
fn zero<T>() -> T {
    unsafe { MaybeUninit::zeroed().assume_init() }
}

fn read(text: &[c_char]) -> &str {
    unsafe { CStr::from_ptr(text.as_ptr()) }.to_str().unwrap()
}

/// Connection of the C interface, and a test server, without a network between them.
struct Loop {
    handle: *mut Handle,
    dc: Dc,
    conn: nanogram::lab::dc::ConnId,
    now: u64,
    _random: Box<ChaCha12Rng>,
}

impl Drop for Loop {
    fn drop(&mut self) {
        unsafe { nanogram_close(self.handle) };
    }
}

impl Loop {
    fn new(has_key: bool, temporary: i32) -> Self {
        Self::of_realm(has_key, temporary, zero())
    }

    fn of_realm(has_key: bool, temporary: i32, realm: RealmData) -> Self {
        let mut dc = Dc::new(Instant::ZERO, UnixTime::from_secs(NOW), Box::new(ChaCha12Rng::seed_from_u64(1))).unwrap();
        let key = dc.sign_in(ALICE).unwrap();
        let pem = CString::new(dc.public_keys().next().unwrap().to_pem()).unwrap();
        let mut random = Box::new(ChaCha12Rng::seed_from_u64(2));
        let config = ConnectionConfig {
            auth_key: if has_key { key.as_bytes().as_ptr() } else { ptr::null() },
            dc_id: 2,
            pem: pem.as_ptr(),
            api_id: 1,
            temporary,
            realm,
            entropy: Some(entropy),
            context: (&raw mut *random).cast(),
            ..zero()
        };
        let mut handle = ptr::null_mut();
        assert_eq!(unsafe { nanogram_open(&raw const config, 0, NOW * 1_000_000, &raw mut handle) }, Status::Ok);
        let conn = dc.accept(Instant::ZERO);
        Self { handle, dc, conn, now: 0, _random: random }
    }

    /// Delivers bytes until there is an event. Its body is copied, as the pointer is valid for one event only.
    fn event(&mut self) -> (EventKind, u64, i32, Vec<u8>, String) {
        for _ in 0..100 {
            let (mut buffer, mut len) = ([0_u8; 100], 0_usize);
            loop {
                let out =
                    unsafe { nanogram_output(self.handle, self.now, buffer.as_mut_ptr(), buffer.len(), &raw mut len) };
                assert_eq!(out, Status::Ok);
                if len == 0 {
                    break;
                }
                self.dc.handle_input(self.conn, Instant::from_micros(self.now), &buffer[..len]);
            }
            let mut event: EventData = zero();
            assert_eq!(unsafe { nanogram_event(self.handle, &raw mut event) }, Status::Ok);
            if event.kind != 0 {
                const KINDS: [EventKind; 12] = [
                    EventKind::Nothing,
                    EventKind::Authorized,
                    EventKind::Bound,
                    EventKind::NotBound,
                    EventKind::Reply,
                    EventKind::Refused,
                    EventKind::Failed,
                    EventKind::Update,
                    EventKind::NewSession,
                    EventKind::Exchange,
                    EventKind::Temporary,
                    EventKind::Other,
                ];
                let body = match event.len {
                    0 => Vec::new(),
                    len => unsafe { core::slice::from_raw_parts(event.body, len) }.to_vec(),
                };
                let message = match event.message.is_null() {
                    true => String::new(),
                    false => unsafe { CStr::from_ptr(event.message) }.to_str().unwrap().to_string(),
                };
                return (KINDS[event.kind as usize], event.call, event.code, body, message);
            }
            let mut out = BytesMut::new();
            while self.dc.poll_transmit(self.conn, Instant::from_micros(self.now), &mut out) {}
            // Nothing left to deliver: advance time to the next timer.
            let mut due = 0;
            if out.is_empty() && unsafe { nanogram_timeout(self.handle, &raw mut due) } == Status::Ok {
                self.now = self.now.max(due);
                assert_eq!(unsafe { nanogram_handle_timeout(self.handle, self.now) }, Status::Ok);
            }
            // One byte at a time: a socket may cut anywhere.
            for byte in &out {
                assert_eq!(unsafe { nanogram_input(self.handle, self.now, byte, 1) }, Status::Ok);
            }
        }
        panic!("nothing happens any more");
    }

    fn reply(&mut self, call: u64) -> Result<Vec<u8>, (i32, String)> {
        loop {
            match self.event() {
                (EventKind::Reply, of, _, body, _) if of == call => return Ok(body),
                (EventKind::Refused, of, code, _, message) if of == call => return Err((code, message)),
                (EventKind::Failed | EventKind::NotBound, .., message) => panic!("{message}"),
                _ => {}
            }
        }
    }

    fn resolve(&mut self, name: &str) -> Result<PeerData, (i32, String)> {
        let (name, mut call, mut peer) = (CString::new(name).unwrap(), 0, zero());
        assert_eq!(unsafe { nanogram_resolve(self.handle, name.as_ptr(), &raw mut call) }, Status::Ok);
        let body = self.reply(call)?;
        assert_eq!(unsafe { nanogram_resolved(body.as_ptr(), body.len(), &raw mut peer) }, Status::Ok);
        Ok(peer)
    }

    fn start(&mut self, bot: &PeerData, random_id: i64, param: &CStr) -> Result<Vec<u8>, (i32, String)> {
        let mut call = 0;
        let made = unsafe { nanogram_start_bot(self.handle, bot, bot, random_id, param.as_ptr(), &raw mut call) };
        assert_eq!(made, Status::Ok);
        self.reply(call)
    }
}

#[test]
fn a_bot_is_started_and_answers() {
    for temporary in [0, 86_400] {
        let mut wire = Loop::new(true, temporary);
        let bot = wire.resolve("echo_bot").unwrap();
        assert_eq!(bot.kind, PeerKind::Bot as u32);
        let body = wire.start(&bot, -4_156_887_774_564, c"hello_42").unwrap();
        let mut name = [0; 64];
        assert_eq!(
            unsafe { nanogram_updates_name(body.as_ptr(), body.len(), name.as_mut_ptr(), name.len()) },
            Status::Ok
        );
        assert_eq!(read(&name), "updates");
        let mut text = [0; 256];
        loop {
            let (kind, _, _, body, _) = wire.event();
            if kind != EventKind::Update {
                continue;
            }
            match unsafe { nanogram_answer(body.as_ptr(), body.len(), bot.id, text.as_mut_ptr(), text.len()) } {
                Status::Ok => break,
                status => assert_eq!(status, Status::None),
            }
        }
        assert_eq!(read(&text), "You started me with: hello_42");
        // A repeated start is refused by the server, and the hint explains the error.
        let (code, message) = wire.start(&bot, -4_156_887_774_564, c"hello_42").unwrap_err();
        assert_eq!((code, &*message), (500, "RANDOM_ID_DUPLICATE"));
        let message = CString::new(message).unwrap();
        assert_eq!(unsafe { nanogram_hint(code, message.as_ptr(), text.as_mut_ptr(), text.len()) }, Status::Ok);
        assert!(read(&text).contains("random_id"));
    }
}

#[test]
fn the_message_of_an_event_is_one_line() {
    let evil = "\x1b[31mred\u{9b}2J \r\nforged: the code is 31337 \u{202e}evil\u{2028}\0";
    let mut wire = Loop::new(true, 0);
    wire.dc.script(ResolveUsername::ID, Act::Refuse(RpcError::new(400, evil)), 1);
    let (code, message) = wire.resolve("echo_bot").unwrap_err();
    assert!(code == 400 && message.contains("red") && !message.chars().any(deceives), "{message:?}");
}

#[test]
fn a_key_is_made_and_can_be_kept() {
    let mut wire = Loop::new(false, 0);
    let mut saved: SavedData = zero();
    let save = |wire: &Loop, saved: &mut SavedData| unsafe { nanogram_saved(wire.handle, 0, NOW * 1_000_000, saved) };
    assert_eq!(save(&wire, &mut saved), Status::None);
    assert_eq!([wire.event().0, wire.event().0], [EventKind::Exchange, EventKind::Authorized]);
    assert_eq!(save(&wire, &mut saved), Status::Ok);
    assert!(saved.auth_key.iter().any(|byte| *byte != 0) && saved.has_time_offset);
    unsafe { nanogram_wipe((&raw mut saved).cast(), size_of::<SavedData>()) };
    assert_eq!(saved.auth_key, [0; NANOGRAM_AUTH_KEY]);
    // No user is signed in with this key.
    assert_eq!(wire.resolve("echo_bot").unwrap_err(), (401, "AUTH_KEY_UNREGISTERED".into()));
}

#[test]
fn calls_go_on_over_a_new_socket() {
    let mut wire = Loop::new(true, 0);
    let bot = wire.resolve("echo_bot").unwrap();
    let mut call = 0;
    let made = unsafe { nanogram_start_bot(wire.handle, &bot, &bot, 7, c"again".as_ptr(), &raw mut call) };
    assert_eq!(made, Status::Ok);
    let (mut lost, mut len) = ([0; 1000], 0);
    assert_eq!(unsafe { nanogram_output(wire.handle, 0, lost.as_mut_ptr(), 1000, &raw mut len) }, Status::Ok);
    assert!(len > 0);
    wire.dc.handle_closed(wire.conn, Instant::from_micros(wire.now));
    wire.conn = wire.dc.accept(Instant::from_micros(wire.now));
    assert_eq!(unsafe { nanogram_reconnect(wire.handle, wire.now) }, Status::Ok);
    assert!(wire.reply(call).is_ok());
}

#[test]
fn a_transport_error_is_told_and_no_key_is_lost() {
    let fault = [0x01, 0x6c, 0xfe, 0xff, 0xff];
    let mut wire = Loop::new(true, 0);
    let (name, mut call) = (c"echo_bot", 0);
    assert_eq!(unsafe { nanogram_resolve(wire.handle, name.as_ptr(), &raw mut call) }, Status::Ok);
    let (mut out, mut len) = ([0; 1000], 0);
    assert_eq!(unsafe { nanogram_output(wire.handle, 0, out.as_mut_ptr(), 1000, &raw mut len) }, Status::Ok);
    assert_eq!(unsafe { nanogram_input(wire.handle, 0, fault.as_ptr(), 5) }, Status::Fault);
    assert_eq!(unsafe { nanogram_fault(wire.handle) }, -404);
    wire.dc.handle_closed(wire.conn, Instant::from_micros(wire.now));
    wire.conn = wire.dc.accept(Instant::from_micros(wire.now));
    assert_eq!(unsafe { nanogram_reconnect(wire.handle, wire.now) }, Status::Ok);
    assert!(wire.reply(call).is_ok());
}

#[test]
fn sessions_and_links_are_read() {
    let vectors = std::fs::read_to_string("tests/fixtures/session_strings.json").unwrap();
    let vectors: serde_json::Value = serde_json::from_str(&vectors).unwrap();
    let mut count = 0;
    let mut visit = vec![&vectors];
    while let Some(value) = visit.pop() {
        match value {
            serde_json::Value::Array(items) => visit.extend(items),
            serde_json::Value::Object(fields) => visit.extend(fields.values()),
            serde_json::Value::String(text) if text.len() >= 351 && !text.contains('\0') => {
                let mut data: SessionData = zero();
                let string = CString::new(text.as_str()).unwrap();
                if unsafe { nanogram_session(string.as_ptr(), &raw mut data) } == Status::Ok {
                    assert!(data.dc_id > 0 && data.port > 0 && !read(&data.host).is_empty());
                    count += 1;
                }
            }
            _ => {}
        }
    }
    assert!(count >= 4, "{count} strings");

    let link = |text: &CStr| {
        let mut data: LinkData = zero();
        let status = unsafe { nanogram_link(text.as_ptr(), &raw mut data) };
        (status, read(&data.bot).to_string(), read(&data.start_param).to_string(), data.is_group)
    };
    let longest = CString::new(format!("https://t.me/{}?start={}", "b".repeat(32), "x".repeat(64))).unwrap();
    assert_eq!(link(&longest), (Status::Ok, "b".repeat(32), "x".repeat(64), false));
    assert_eq!(link(c"tg://resolve?domain=some_bot&startgroup=p"), (Status::Ok, "some_bot".into(), "p".into(), true));
    assert_eq!(link(c"https://example.org/").0, Status::BadLink);
    assert_eq!(link(c"\xff").0, Status::BadText);
}

#[test]
fn text_that_does_not_fit_ends_where_a_character_does() {
    let (mut out, message) = ([1; 8], c"FLOOD_WAIT_3");
    let hint = |out: *mut c_char, space| unsafe { nanogram_hint(420, message.as_ptr(), out, space) };
    assert_eq!(hint(out.as_mut_ptr(), out.len()), Status::NoSpace);
    assert_eq!(read(&out), "too man");
    assert_eq!(hint(out.as_mut_ptr(), 0), Status::BadArgument);
    assert_eq!(unsafe { nanogram_hint(400, c"OTHER".as_ptr(), out.as_mut_ptr(), 8) }, Status::None);
    for status in 0..=20 {
        let says = unsafe { CStr::from_ptr(nanogram_says(status)) }.to_str().unwrap();
        assert_eq!(says == "there is no such status", status == 20);
    }
}

/// Null pointers, the usual mistake, in every place.
#[test]
fn a_null_pointer_is_refused() {
    let (bad, none) = (Status::BadArgument, ptr::null_mut::<Handle>());
    let wire = Loop::new(true, 0);
    let (handle, text, mut number, mut byte) = (wire.handle, c"echo_bot".as_ptr(), 0_u64, 0_u8);
    let peer = PeerData { kind: 1, id: 1, access_hash: 1 };
    unsafe {
        nanogram_close(none);
        nanogram_wipe(ptr::null_mut(), 8);
        assert_eq!(nanogram_fault(none), 0);
        let null = [
            nanogram_session(ptr::null(), &raw mut *Box::new(zero())),
            nanogram_link(ptr::null(), &raw mut *Box::new(zero())),
            nanogram_link(c"t.me/some_bot?start=x".as_ptr(), ptr::null_mut()),
            nanogram_open(ptr::null(), 0, 0, &raw mut *Box::new(none)),
            nanogram_input(none, 0, &raw const byte, 1),
            nanogram_input(handle, 0, ptr::null(), 1),
            nanogram_output(none, 0, &raw mut byte, 1, &raw mut *Box::new(0)),
            nanogram_output(handle, 0, ptr::null_mut(), 1, &raw mut *Box::new(0)),
            nanogram_output(handle, 0, &raw mut byte, 1, ptr::null_mut()),
            nanogram_event(none, &raw mut *Box::new(zero())),
            nanogram_event(handle, ptr::null_mut()),
            nanogram_timeout(none, &raw mut number),
            nanogram_handle_timeout(none, 0),
            nanogram_reconnect(none, 0),
            nanogram_saved(none, 0, 0, &raw mut *Box::new(zero())),
            nanogram_call(none, text.cast(), 8, &raw mut number),
            nanogram_call(handle, ptr::null(), 8, &raw mut number),
            nanogram_call(handle, text.cast(), 8, ptr::null_mut()),
            nanogram_call(handle, text.cast(), 3, &raw mut number),
            nanogram_resolve(none, text, &raw mut number),
            nanogram_resolve(handle, ptr::null(), &raw mut number),
            nanogram_resolve(handle, text, ptr::null_mut()),
            nanogram_resolved(ptr::null(), 4, &raw mut *Box::new(zero())),
            nanogram_start_bot(none, &peer, &peer, 1, text, &raw mut number),
            nanogram_start_bot(handle, ptr::null(), &peer, 1, text, &raw mut number),
            nanogram_start_bot(handle, &peer, ptr::null(), 1, text, &raw mut number),
            nanogram_start_bot(handle, &peer, &peer, 1, ptr::null(), &raw mut number),
            nanogram_start_bot(handle, &peer, &peer, 1, text, ptr::null_mut()),
            nanogram_start_bot(handle, &PeerData { kind: 9, ..peer }, &peer, 1, text, &raw mut number),
            nanogram_random_id(none, &raw mut *Box::new(0)),
            nanogram_random_id(handle, ptr::null_mut()),
            nanogram_hint(400, ptr::null(), &raw mut *Box::new(0), 1),
        ];
        for (nth, status) in null.into_iter().enumerate() {
            assert_eq!(status, bad, "number {nth}");
        }
        let start = |bot: &PeerData, param: &CStr, number: &mut u64| {
            nanogram_start_bot(handle, bot, &raw const peer, 1, param.as_ptr(), number)
        };
        assert_eq!(start(&PeerData { kind: 0, ..peer }, c"x", &mut number), Status::NotABot);
        assert_eq!(start(&peer, c"not this", &mut number), Status::BadStartParam);
        assert_eq!(nanogram_resolve(handle, c"a b".as_ptr(), &raw mut number), Status::BadUsername);
        assert_eq!(nanogram_resolved(text.cast(), 8, &raw mut *Box::new(zero())), Status::BadBytes);
    }
}

#[test]
fn an_event_is_not_lost_to_a_null_pointer() {
    let mut wire = Loop::new(false, 0);
    let (mut buffer, mut len) = ([0_u8; 100], 0);
    unsafe { nanogram_output(wire.handle, 0, buffer.as_mut_ptr(), buffer.len(), &raw mut len) };
    wire.dc.handle_input(wire.conn, Instant::ZERO, &buffer[..len]);
    assert_eq!(unsafe { nanogram_event(wire.handle, ptr::null_mut()) }, Status::BadArgument);
    assert_eq!(wire.event().0, EventKind::Exchange);
}

#[test]
fn a_call_that_is_too_long_or_no_whole_words_is_refused_and_the_next_is_answered() {
    let mut wire = Loop::new(true, 0);
    let mut call = 0;
    let body = vec![0_u8; NANOGRAM_MAX_CALL + 4];
    for len in [0, 3, 6, NANOGRAM_MAX_CALL + 4] {
        assert_eq!(unsafe { nanogram_call(wire.handle, body.as_ptr(), len, &raw mut call) }, Status::BadArgument);
    }
    assert!(unsafe { nanogram_wants_input(wire.handle) });
    wire.resolve("echo_bot").unwrap();
}

/// Entropy callback that calls a function with its own connection.
unsafe extern "C" fn comes_back(context: *mut c_void, out: *mut u8, len: usize) -> bool {
    let (handle, seen) = unsafe { &mut *context.cast::<(*mut Handle, Vec<Status>)>() };
    unsafe {
        seen.push(nanogram_handle_timeout(*handle, 0));
        seen.push(nanogram_event(*handle, &raw mut *Box::new(zero())));
        nanogram_close(*handle);
        core::slice::from_raw_parts_mut(out, len).fill(7);
    }
    true
}

#[test]
fn the_entropy_callback_cannot_come_back_with_its_connection() {
    let mut context = (ptr::null_mut::<Handle>(), Vec::<Status>::new());
    let config = ConnectionConfig { dc_id: 2, entropy: Some(comes_back), context: (&raw mut context).cast(), ..zero() };
    let mut handle = ptr::null_mut();
    assert_eq!(unsafe { nanogram_open(&raw const config, 0, NOW * 1_000_000, &raw mut handle) }, Status::Ok);
    context.0 = handle;
    let (mut buffer, mut len) = ([0_u8; 100], 0);
    let out = unsafe { nanogram_output(handle, 0, buffer.as_mut_ptr(), buffer.len(), &raw mut len) };
    assert_eq!((out, len > 0), (Status::Ok, true));
    assert!(!context.1.is_empty() && context.1.iter().all(|status| *status == Status::Busy), "{:?}", context.1);
    assert_eq!(unsafe { nanogram_handle_timeout(handle, 0) }, Status::Ok, "it is free again");
    unsafe { nanogram_close(handle) };
}

#[test]
fn a_key_that_is_not_bound_is_followed_by_another() {
    let mut wire = Loop::new(true, 3600);
    wire.dc.fault(nanogram::lab::dc::Fault::named("bind-invalid").unwrap(), 1);
    while wire.event().0 != EventKind::NotBound {}
    assert_eq!(unsafe { nanogram_drop_temporary(wire.handle) }, Status::Ok);
    wire.dc.handle_closed(wire.conn, Instant::from_micros(wire.now));
    assert_eq!(unsafe { nanogram_reconnect(wire.handle, wire.now) }, Status::Ok);
    wire.conn = wire.dc.accept(Instant::from_micros(wire.now));
    while wire.event().0 != EventKind::Bound {}
    wire.resolve("echo_bot").unwrap();
}

/// The session string of `key` at servers as they are told, read as C reads it.
fn session_of(servers: Servers, environment: Environment, addr: Option<&str>) -> SessionData {
    let session = SavedSession {
        servers,
        environment: Some(environment),
        addr: addr.map(|host| (host.into(), 443)),
        ..SavedSession::new(2, AuthKey::from_bytes([7; 256]))
    };
    let text = CString::new(string::write(&session, Format::Nanogram).unwrap().as_bytes()).unwrap();
    let mut data: SessionData = zero();
    assert_eq!(unsafe { nanogram_session(text.as_ptr(), &raw mut data) }, Status::Ok);
    data
}

#[test]
fn a_session_of_another_realm_is_refused_and_left_alone() {
    let key = |byte: u8| RsaKey::from_parts(&[byte; 256], &[1, 0, 1]).unwrap();
    let (a, b) = (key(0xc7), key(0xd5));
    let own = |key: &RsaKey| Servers::Own(vec![key.fingerprint()]);
    let (production, test) = (Environment::Production, Environment::Test);
    let sessions = [
        ("production", session_of(Servers::Telegram, production, None)),
        ("test", session_of(Servers::Telegram, test, None)),
        ("own A", session_of(own(&a), production, Some("127.0.0.1"))),
        ("own A, test", session_of(own(&a), test, Some("127.0.0.1"))),
        ("own, unnamed", session_of(Servers::Unknown, production, Some("127.0.0.1"))),
        ("not known", session_of(Servers::Unknown, production, None)),
    ];
    let (pem_a, pem_b) = (CString::new(a.to_pem()).unwrap(), CString::new(b.to_pem()).unwrap());
    let places = [
        ("Telegram", ptr::null(), false),
        ("Telegram test", ptr::null(), true),
        ("A", pem_a.as_ptr(), false),
        ("A test", pem_a.as_ptr(), true),
        ("B", pem_b.as_ptr(), false),
    ];
    println!("{:13} {}", "session", places.map(|(place, ..)| format!("{place:13}")).concat());
    for (name, session) in &sessions {
        let mut row = String::new();
        for (place, pem, is_test) in places {
            let config = ConnectionConfig {
                auth_key: session.auth_key.as_ptr(),
                realm: session.realm,
                dc_id: 2,
                is_test,
                pem,
                entropy: Some(no_entropy),
                ..zero()
            };
            let (before, untouched) = ((session.auth_key, session.realm), ptr::dangling_mut::<Handle>());
            let mut handle = untouched;
            let status = unsafe { nanogram_open(&raw const config, 0, 0, &raw mut handle) };
            row += &format!("{:13}", format!("{status:?}"));
            let fits = match *name {
                "production" => place == "Telegram",
                "test" => place == "Telegram test",
                "own A" => place == "A",
                "own A, test" => place == "A test",
                "own, unnamed" => place == "A" || place == "B",
                _ => true,
            };
            assert_eq!(status, if fits { Status::Ok } else { Status::WrongRealm }, "{name} at {place}");
            assert_eq!((session.auth_key, session.realm), before);
            if fits {
                unsafe { nanogram_close(handle) };
            } else {
                assert_eq!(handle, untouched, "{name} at {place}");
            }
        }
        println!("{name:13} {row}");
    }
    let odd = [RealmData { servers: 3, ..zero() }, RealmData { servers: 2, count: 9, ..zero() }];
    for realm in odd {
        let (key, mut handle) = ([7_u8; 256], ptr::null_mut());
        let config = ConnectionConfig { auth_key: key.as_ptr(), realm, dc_id: 2, entropy: Some(no_entropy), ..zero() };
        assert_eq!(unsafe { nanogram_open(&raw const config, 0, 0, &raw mut handle) }, Status::BadArgument);
    }
}

#[test]
fn a_realm_is_named_once_its_servers_have_proved_that_they_know_the_key() {
    let saved = |wire: &Loop| {
        let mut saved: SavedData = zero();
        assert_eq!(unsafe { nanogram_saved(wire.handle, 0, NOW * 1_000_000, &raw mut saved) }, Status::Ok);
        saved.realm
    };
    let named = |wire: &Loop| {
        let key = wire.dc.public_keys().next().unwrap().fingerprint();
        let realm = saved(wire);
        (realm.servers, realm.count, realm.fingerprints[0]) == (ServersKind::Own as u32, 1, key)
    };
    let mut made = Loop::new(false, 0);
    while made.event().0 != EventKind::Authorized {}
    assert!(named(&made), "they made it");
    let mut under_the_key = Loop::new(true, 0);
    let mut call = 0;
    assert_eq!(unsafe { nanogram_resolve(under_the_key.handle, c"echo_bot".as_ptr(), &raw mut call) }, Status::Ok);
    let (mut out, mut len) = ([0; 2000], 0);
    let took = unsafe { nanogram_output(under_the_key.handle, 0, out.as_mut_ptr(), 2000, &raw mut len) };
    assert_eq!((took, saved(&under_the_key)), (Status::Ok, zero()), "nothing has come yet");
    under_the_key.dc.handle_input(under_the_key.conn, Instant::ZERO, &out[..len]);
    under_the_key.reply(call).unwrap();
    assert!(named(&under_the_key));
    // Whoever has the key of the servers alone can say that a temporary key is bound, and answer under that.
    let mut bound = Loop::new(true, 3600);
    bound.resolve("echo_bot").unwrap();
    assert_eq!(saved(&bound), zero());
    // What was given stays.
    let realm = RealmData { servers: ServersKind::Own as u32, ..zero() };
    let mut given = Loop::of_realm(true, 3600, realm);
    given.resolve("echo_bot").unwrap();
    assert_eq!(saved(&given), realm);
}

#[test]
fn a_bad_configuration_is_refused() {
    let good = || ConnectionConfig { dc_id: 2, entropy: Some(entropy), ..zero() };
    let open = |config: ConnectionConfig| {
        let mut handle = ptr::null_mut();
        let status = unsafe { nanogram_open(&raw const config, 0, 0, &raw mut handle) };
        unsafe { nanogram_close(handle) };
        status
    };
    assert_eq!(open(good()), Status::Ok);
    assert_eq!(open(ConnectionConfig { dc_id: 0, ..good() }), Status::BadArgument);
    assert_eq!(open(ConnectionConfig { framing: 4, ..good() }), Status::BadArgument);
    assert_eq!(open(ConnectionConfig { temporary: -1, ..good() }), Status::BadArgument);
    assert_eq!(open(ConnectionConfig { entropy: None, ..good() }), Status::BadArgument);
    assert_eq!(open(ConnectionConfig { pem: c"no key".as_ptr(), ..good() }), Status::BadPem);
    let config = ConnectionConfig { entropy: Some(no_entropy), ..good() };
    let (mut handle, mut out, mut len) = (ptr::null_mut(), [0; 64], 0);
    unsafe {
        assert_eq!(nanogram_open(&raw const config, 0, 0, &raw mut handle), Status::Ok);
        assert_eq!(nanogram_output(handle, 0, out.as_mut_ptr(), 64, &raw mut len), Status::NoEntropy);
        nanogram_close(handle);
    }
}

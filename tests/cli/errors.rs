//! Errors that users see: the data centre is made to refuse, the program is run as users run it, and the result is
//! compared with the table in docs/errors.md.

use nanogram::lab::dc::listener::Listener;
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::residents::{ALICE, CAROL, CAROLS_PASSWORD, DAVE};
use nanogram::lab::dc::{Act, Dc};
use nanogram::protocol::session::RpcError;
use nanogram::telegram::api::auth::{BindTempAuthKey, CheckPassword, LogOut, SendCode, SignIn};
use nanogram::telegram::api::contacts::ResolveUsername;
use nanogram::telegram::api::messages::StartBot;
use nanogram::telegram::api::users::GetUsers;
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::store::{Format, Realm, SavedSession, string};
use nanogram::tl::Combinator;
use rand::rngs::SysRng;
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// Address of a server, and session of Alice.
struct Place {
    addr: String,
    pem: String,
    session: String,
    /// Session file for this server.
    file: PathBuf,
    home: PathBuf,
    log: Arc<Mutex<Vec<Entry>>>,
}

/// Starts a server with Alice signed in, and a second data centre, number 4. It lives as long as the test.
fn open(name: &str, prepare: impl FnOnce(&mut Dc) + Send + 'static) -> Place {
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("errors-{name}"));
    let _absent = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home).unwrap();
    let (ready, place) = mpsc::channel();
    let log = Arc::new(Mutex::new(Vec::new()));
    let heard = log.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let make = |now, unix| Dc::new(now, unix, Box::new(SysRng));
            let mut listener = Listener::bind("127.0.0.1:0", make).await.unwrap();
            listener.add("127.0.0.1:0", 4).await.unwrap();
            let addr = listener.local_addr().unwrap();
            let session = SavedSession {
                addr: Some((addr.ip().to_string(), addr.port())),
                environment: Some(Environment::Production),
                user_id: Some(ALICE),
                is_bot: Some(false),
                servers: Realm::of_keys(
                    Environment::Production,
                    &listener.dc.public_keys().cloned().collect::<Vec<_>>(),
                )
                .servers,
                ..SavedSession::new(2, listener.dc.sign_in(ALICE).unwrap())
            };
            prepare(&mut listener.dc);
            let session = string::write(&session, Format::Nanogram).unwrap().to_string();
            let key = listener.dc.public_keys().next().unwrap();
            let file = format!("nanogram/session-{:016x}", key.fingerprint());
            ready.send((addr.to_string(), key.to_pem(), session, file)).unwrap();
            while let Ok(line) = listener.next().await {
                heard.lock().unwrap().push(line.entry);
            }
        })
    });
    let (addr, pem, session, file) = place.recv().unwrap();
    Place { addr, pem, session, file: home.join(file), home, log }
}

/// Starts a server like [`open`], with Alice's session in the file.
fn signed_in(name: &str, prepare: impl FnOnce(&mut Dc) + Send + 'static) -> Place {
    let place = open(name, prepare);
    let imported = place.run(&["session", "import", &place.session]);
    assert!(imported.status.success(), "{imported:?}");
    place
}

/// Injects an error into starting a bot.
fn refuse(code: i32, message: &'static str, times: u32) -> impl FnOnce(&mut Dc) + Send + 'static {
    refuse_call(StartBot::ID, code, message, times)
}

fn refuse_call(method: u32, code: i32, message: &'static str, times: u32) -> impl FnOnce(&mut Dc) + Send + 'static {
    move |dc| dc.script(method, Act::Refuse(RpcError::new(code, message)), times)
}

impl Place {
    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nanogram"));
        for name in ["NANOGRAM_SESSION", "NANOGRAM_API_ID", "NANOGRAM_API_HASH", "NO_COLOR"] {
            command.env_remove(name);
        }
        command.env("XDG_DATA_HOME", &self.home).env("HOME", &self.home);
        command.args(args).stdin(Stdio::null());
        command
    }
    /// Runs `login`: each code sent becomes a line of stdin; after `codes` of them the lines of `after` follow.
    fn login(&self, args: &[&str], codes: usize, after: &[&str]) -> Output {
        let args = [&["login", "--json", "--dc", &self.addr, "--key", &self.pem], args].concat();
        let mut command = self.command(&args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        for nth in 0..codes {
            let began = Instant::now();
            let code = loop {
                if let Some(code) = self.codes().get(nth) {
                    break code.clone();
                }
                assert!(began.elapsed() < Duration::from_secs(20), "no code: {:?}", self.log.lock().unwrap());
                std::thread::sleep(Duration::from_millis(5));
            };
            writeln!(stdin, "{code}").unwrap();
        }
        for line in after {
            writeln!(stdin, "{line}").unwrap();
        }
        drop(stdin);
        child.wait_with_output().unwrap()
    }
    fn codes(&self) -> Vec<String> {
        let log = self.log.lock().unwrap();
        log.iter().filter_map(|e| if let Entry::Code { code, .. } = e { Some(code.clone()) } else { None }).collect()
    }
    fn start(&self, args: &[&str]) -> Output {
        let place = ["start", "@echo_bot", "x", "--dc", &self.addr, "--key", &self.pem];
        self.run(&[&place[..], args].concat())
    }
    fn shown(&self) -> Value {
        serde_json::from_slice(&self.run(&["session", "show", self.file.to_str().unwrap(), "--json"]).stdout).unwrap()
    }
}

fn error(output: &Output) -> (i32, Value) {
    (output.status.code().unwrap(), serde_json::from_slice::<Value>(&output.stdout).unwrap()["error"].clone())
}

fn err(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

/// Code, name and exit code of the permanent errors of starting a bot.
const ENDS: [(i32, &str, i32); 6] = [
    (401, "AUTH_KEY_UNREGISTERED", 4),
    (401, "SESSION_REVOKED", 4),
    (401, "USER_DEACTIVATED", 4),
    (406, "AUTH_KEY_DUPLICATED", 4),
    (420, "FLOOD_WAIT_3000", 5),
    (500, "INTERNAL", 5),
];

#[test]
fn an_error_that_ends_it_has_a_sentence_a_hint_and_an_exit_code_and_is_documented() {
    let page = include_str!("../../docs/errors.md");
    let mut missing = Vec::new();
    for (code, name, exit) in ENDS {
        let place = signed_in(name, refuse(code, name, 99));
        let output = place.start(&["--json"]);
        let (status, said) = error(&output);
        assert_eq!((status, &said["type"], &said["code"]), (exit, &name.into(), &code.into()), "{said} {output:?}");
        let hint = said["hint"].as_str().unwrap();
        assert!(said["message"].as_str().unwrap().contains(name), "{said}");
        assert!(err(&output).contains(&format!("hint:  {hint}")));
        // Only the session that the server ended is set aside.
        assert_eq!(place.file.exists(), exit != 4, "{output:?}");
        let row = format!("| {code} | `{name}` | {exit} | {hint} |");
        if !page.contains(&row) {
            missing.push(row);
        }
    }
    assert!(missing.is_empty(), "not in docs/errors.md:\n{}", missing.join("\n"));
}

#[test]
fn a_data_centre_that_is_not_known_is_not_gone_to() {
    let place = signed_in("unknown_dc", refuse(303, "USER_MIGRATE_9", 9));
    let (exit, said) = error(&place.start(&["--json"]));
    assert_eq!((exit, &said["type"], &said["code"]), (1, &"NO_SUCH_DC".into(), &Value::Null));
    assert_eq!(place.shown()["dc_id"], 2);
}

#[test]
fn a_short_flood_wait_is_waited_out_and_told() {
    let place = signed_in("flood", refuse(420, "FLOOD_WAIT_2", 1));
    let began = Instant::now();
    let output = place.start(&["--wait", "0"]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        began.elapsed() >= Duration::from_secs(2) && err(&output).contains("FLOOD_WAIT_2: waiting 2 s"),
        "{output:?}"
    );

    let place = signed_in("no_flood", refuse(420, "FLOOD_WAIT_2", 1));
    let (exit, said) = error(&place.start(&["--json", "--flood-wait", "1"]));
    assert_eq!((exit, &said["type"]), (5, &"FLOOD_WAIT_2".into()));
}

#[test]
fn trouble_of_the_servers_own_is_waited_out() {
    let place = signed_in("trouble", refuse(500, "INTERNAL", 1));
    let output = place.start(&["--wait", "0"]);
    assert!(output.status.success() && err(&output).contains("trying again"), "{output:?}");
}

#[test]
fn an_account_that_has_moved_is_followed_and_found_there_the_next_time() {
    let place = signed_in("moved", |dc| dc.world.set_home(ALICE, 4));
    let output = place.start(&["--wait", "0"]);
    assert!(output.status.success() && err(&output).contains("data centre 4: moved there"), "{output:?}");
    assert_eq!(place.shown()["dc_id"], 4, "{output:?}");
}

#[test]
fn keys_are_logged_for_their_owner_alone_and_only_if_that_is_asked_for() {
    let place = signed_in("keylog", |_| {});
    let log = place.home.join("keys.txt");
    let output = place.start(&["--wait", "0", "--keylog", log.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let entries = nanogram::protocol::keylog::parse(&std::fs::read_to_string(&log).unwrap()).unwrap();
    let is_temporary = |entry: &_| matches!(entry, nanogram::protocol::keylog::Entry::DcKey { is_temporary: true, .. });
    assert!(!entries.is_empty() && entries.iter().all(is_temporary), "{entries:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn the_next_start_needs_neither_a_key_nor_a_name_to_be_looked_up() {
    let place = signed_in("next", |_| {});
    let first = place.start(&["--wait", "0"]);
    assert!(err(&first).contains("temporary key") && first.status.success(), "{first:?}");
    let next = place.start(&["--wait", "0"]);
    assert!(next.status.success() && !err(&next).contains("temporary key"), "{next:?}");
    let without = place.start(&["--wait", "0", "--no-pfs"]);
    assert!(without.status.success(), "{without:?}");
}

const ALICES: [&str; 2] = ["--phone", "+10000000001"];
const CAROLS: [&str; 2] = ["--phone", "+10000000003"];
const DAVES: [&str; 2] = ["--phone", "+10000000004"];

fn user(output: &Output) -> i64 {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["user_id"].as_i64().unwrap()
}

#[test]
fn a_question_that_the_server_has_forgotten_is_asked_for_again_and_the_person_is_not() {
    let place = open("stale", refuse_call(CheckPassword::ID, 400, "SRP_ID_INVALID", 1));
    let output = place.login(&CAROLS, 1, &[CAROLS_PASSWORD]);
    assert_eq!(user(&output), CAROL);
    assert!(!err(&output).contains(CAROLS_PASSWORD));
}

#[test]
fn an_expired_code_has_another_one_sent() {
    let place = open("expired", refuse_call(SignIn::ID, 400, "PHONE_CODE_EXPIRED", 1));
    let output = place.login(&ALICES, 2, &[]);
    assert_eq!(user(&output), ALICE);
    assert!(err(&output).contains("has expired"), "{output:?}");
}

#[test]
fn mistakes_are_not_made_for_ever() {
    let place = open("wrong", |_| {});
    let (exit, said) = error(&place.login(&ALICES, 0, &["1"; 20]));
    assert_eq!((exit, &said["type"]), (5, &"PHONE_CODE_INVALID".into()));
    let (exit, said) = error(&place.login(&CAROLS, 2, &[""; 20]));
    assert_eq!((exit, &said["type"]), (5, &"PASSWORD_HASH_INVALID".into()), "{said}");
    let (exit, said) = error(&place.login(&[], 0, &["one"; 20]));
    assert_eq!((exit, &said["type"]), (2, &"PHONE_NUMBER_INVALID".into()));
}

#[test]
fn what_ends_a_login_has_a_hint() {
    for (code, name) in [
        (400, "PHONE_NUMBER_BANNED"),
        (400, "API_ID_INVALID"),
        (400, "API_ID_PUBLISHED_FLOOD"),
        (406, "PHONE_PASSWORD_FLOOD"),
        (406, "UPDATE_APP_TO_LOGIN"),
    ] {
        let place = open(&format!("login-{name}"), refuse_call(SendCode::ID, code, name, 9));
        let (exit, said) = error(&place.login(&ALICES, 0, &[]));
        assert_eq!((exit, &said["type"]), (5, &name.into()), "{said}");
        assert!(said["hint"].as_str().is_some_and(|hint| hint.len() > 10), "{said}");
        assert!(!place.file.exists());
    }
}

#[test]
fn an_account_in_another_data_centre_signs_in_there() {
    let place = open("dave", |_| {});
    let output = place.login(&DAVES, 1, &[]);
    assert_eq!(user(&output), DAVE);
    let shown = place.shown();
    assert_eq!(shown["dc_id"], 4);
    let addr = shown["addr"].as_str().unwrap();
    assert!(addr != place.addr && err(&output).contains(&format!("use --dc {addr}")), "{output:?}");
    let start = place.run(&["start", "@echo_bot", "x", "--dc", addr, "--key", &place.pem, "--wait", "0"]);
    assert!(start.status.success(), "{start:?}");
}

#[test]
fn who_is_signed_in_is_told_so_and_a_session_that_is_over_is_replaced() {
    let place = signed_in("replaced", |_| {});
    let before = place.shown();
    let output = place.login(&ALICES, 0, &[]);
    assert_eq!(user(&output), ALICE);
    assert!(out_of(&output)["new"] == false && place.shown()["auth_key_id"] == before["auth_key_id"]);
    let forced = place.login(&[&ALICES[..], &["--force"]].concat(), 1, &[]);
    assert!(out_of(&forced)["new"] == true && place.shown()["auth_key_id"] != before["auth_key_id"], "{forced:?}");

    let place = signed_in("over", refuse_call(GetUsers::ID, 401, "SESSION_REVOKED", 1));
    let before = place.shown();
    let output = place.login(&ALICES, 1, &[]);
    assert!(out_of(&output)["new"] == true && err(&output).contains("is over"), "{output:?}");
    assert_ne!(place.shown()["auth_key_id"], before["auth_key_id"]);
}

fn out_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Constructors of this layer, followed by one of another layer.
fn with_strange_user(ids: &[u32]) -> Vec<u8> {
    let ids = ids.iter().chain(&[0x020b_1422]);
    ids.flat_map(|id| id.to_le_bytes()).chain([0; 64]).collect()
}

#[test]
fn an_answer_of_another_layer_ends_login_and_start_alike() {
    // auth.authorization#2ea2c0d4 flags:#
    let signed_in_as = with_strange_user(&[0x2ea2_c0d4, 0]);
    let place = open("layer_login", |dc| dc.script(SignIn::ID, Act::Answer(signed_in_as), 1));
    let login = place.login(&["--phone", "+10000000001"], 1, &[]);
    // contacts.resolvedPeer#7f077ad9, peerUser#59511722, no chats, one user
    let resolved = with_strange_user(&[0x7f07_7ad9, 0x5951_1722, 7, 0, 0x1cb5_c415, 0, 0x1cb5_c415, 1]);
    let other = signed_in("layer_start", |dc| dc.script(ResolveUsername::ID, Act::Answer(resolved), 1));
    let start = other.start(&["--json"]);
    for output in [&login, &start] {
        let (exit, said) = error(output);
        assert_eq!((exit, &said["type"]), (3, &"PROTOCOL".into()), "{output:?}");
        let message = said["message"].as_str().unwrap();
        assert!(message.contains("20b1422") && message.contains("layer 229"), "{message}");
    }
    let signed_out = |e: &Entry| matches!(e, Entry::Call { method, error: None, .. } if *method == LogOut::ID);
    assert!(place.log.lock().unwrap().iter().any(signed_out), "the key of the login is nobody's on the server");
    assert!(!place.file.exists() && other.file.exists());
}

#[test]
fn what_of_an_answer_was_not_read_is_told_with_the_reason() {
    // updates#74ae4240 with two updates: updateMessageID#4e90bfd6 and an unknown one
    let answer = with_strange_user(&[0x74ae_4240, 0x1cb5_c415, 2, 0x4e90_bfd6, 4, 5, 0]);
    let place = signed_in("unread", |dc| dc.script(StartBot::ID, Act::Answer(answer), 1));
    let output = place.start(&["--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&said["ok"], &said["updates"]["updates"][0]["_"]), (&true.into(), &"updateMessageID".into()), "{said}");
    assert_eq!((&said["unread"]["place"], &said["unread"]["constructor"]), (&"updates[1]".into(), &"20b1422".into()));
    // An answer of this layer is decoded completely.
    let said: Value = serde_json::from_slice(&place.start(&["--json"]).stdout).unwrap();
    assert_eq!(said.get("unread"), None, "{said}");
}

#[test]
fn a_refused_binding_costs_neither_the_session_nor_another_key() {
    let bind = BindTempAuthKey::ID;
    let place = signed_in("bind", refuse_call(bind, 400, "ENCRYPTED_MESSAGE_INVALID", 1));
    assert!(place.start(&["--wait", "0"]).status.success());
    assert!(place.file.exists());

    let place = signed_in("bind_flood", refuse_call(bind, 420, "FLOOD_WAIT_3000", 99));
    let (exit, said) = error(&place.start(&["--json"]));
    assert_eq!((exit, &said["type"], &said["code"]), (5, &"FLOOD_WAIT_3000".into(), &420.into()));
    let keys = place.log.lock().unwrap().iter().filter(|e| matches!(e, Entry::Key { .. })).count();
    assert_eq!(keys, 1);

    let place = signed_in("bind_wait", refuse_call(bind, 420, "FLOOD_WAIT_2", 1));
    let output = place.start(&["--wait", "0"]);
    assert!(output.status.success() && err(&output).contains("FLOOD_WAIT_2: waiting 2 s"), "{output:?}");
    let (exit, said) = error(&signed_in("bind_short", refuse_call(bind, 420, "FLOOD_WAIT_2", 1)).start(&[
        "--json",
        "--flood-wait",
        "1",
    ]));
    assert_eq!((exit, &said["type"]), (5, &"FLOOD_WAIT_2".into()));
}

#[test]
fn a_login_whose_answer_is_lost_leaves_nobody_signed_in() {
    let place = open("lost_login", |dc| dc.script(SignIn::ID, Act::Withhold, 1));
    let output = place.login(&["--phone", "+10000000001", "--timeout", "2"], 1, &[]);
    assert_eq!(error(&output).0, 6, "{output:?}");
    let signed_out = |e: &Entry| matches!(e, Entry::Call { method, error: None, .. } if *method == LogOut::ID);
    assert!(place.log.lock().unwrap().iter().any(signed_out), "{:?}", place.log.lock().unwrap());
}

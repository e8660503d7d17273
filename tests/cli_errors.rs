//! What people see when the server says no, or not yet: the data centre is told to, the program is run as its users
//! run it, and the README has the same in a table.

use nanogram::api::messages::StartBot;
use nanogram::crypto::keys::Environment;
use nanogram::dc::listener::Listener;
use nanogram::dc::residents::ALICE;
use nanogram::dc::{Act, Dc};
use nanogram::session::RpcError;
use nanogram::store::{Format, SavedSession, string};
use nanogram::tl::Combinator;
use rand::rngs::SysRng;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Where a data centre is, and how to be Alice there.
struct Place {
    addr: String,
    pem: String,
    session: String,
    home: PathBuf,
}

/// A data centre where Alice is signed in, and another one, number 4. It lives as long as the test.
fn open(name: &str, prepare: impl FnOnce(&mut Dc) + Send + 'static) -> Place {
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("errors-{name}"));
    let _absent = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home).unwrap();
    let (ready, place) = mpsc::channel();
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
                ..SavedSession::new(2, listener.dc.sign_in(ALICE).unwrap())
            };
            prepare(&mut listener.dc);
            let session = string::write(&session, Format::Nanogram).unwrap().to_string();
            let pem = listener.dc.public_keys().next().unwrap().to_pem();
            ready.send((addr.to_string(), pem, session)).unwrap();
            listener.run().await
        })
    });
    let (addr, pem, session) = place.recv().unwrap();
    let place = Place { addr, pem, session, home };
    let imported = place.run(&["session", "import", &place.session]);
    assert!(imported.status.success(), "{imported:?}");
    place
}

/// Starting a bot is refused.
fn refuse(code: i32, message: &'static str, times: u32) -> impl FnOnce(&mut Dc) + Send + 'static {
    move |dc| dc.script(StartBot::ID, Act::Refuse(RpcError::new(code, message)), times)
}

impl Place {
    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nanogram"));
        for name in ["NANOGRAM_SESSION", "NANOGRAM_API_ID", "NANOGRAM_API_HASH", "NO_COLOR"] {
            command.env_remove(name);
        }
        command.env("XDG_DATA_HOME", &self.home).env("HOME", &self.home);
        command.args(args).stdin(Stdio::null()).output().unwrap()
    }
    fn start(&self, args: &[&str]) -> Output {
        let place = ["start", "@echo_bot", "x", "--dc", &self.addr, "--key", &self.pem];
        self.run(&[&place[..], args].concat())
    }
    fn shown(&self) -> Value {
        serde_json::from_slice(&self.run(&["session", "show", "--json"]).stdout).unwrap()
    }
}

fn error(output: &Output) -> (i32, Value) {
    (output.status.code().unwrap(), serde_json::from_slice::<Value>(&output.stdout).unwrap()["error"].clone())
}

fn err(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

/// Code, name, exit code: what starting a bot is refused with for good.
const ENDS: [(i32, &str, i32); 6] = [
    (401, "AUTH_KEY_UNREGISTERED", 4),
    (401, "SESSION_REVOKED", 4),
    (401, "USER_DEACTIVATED", 4),
    (406, "AUTH_KEY_DUPLICATED", 4),
    (420, "FLOOD_WAIT_3000", 5),
    (500, "INTERNAL", 5),
];

#[test]
fn an_error_that_ends_it_has_a_sentence_a_hint_and_an_exit_code_and_is_in_the_readme() {
    let readme = include_str!("../README.md");
    let mut missing = Vec::new();
    for (code, name, exit) in ENDS {
        let place = open(name, refuse(code, name, 99));
        let output = place.start(&["--json"]);
        let (status, said) = error(&output);
        assert_eq!((status, &said["type"], &said["code"]), (exit, &name.into(), &code.into()), "{said} {output:?}");
        let hint = said["hint"].as_str().unwrap();
        assert!(said["message"].as_str().unwrap().contains(name), "{said}");
        assert!(err(&output).contains(&format!("hint:  {hint}")));
        // A session that is over is not kept, and every other is.
        assert_eq!(place.home.join("nanogram/session").exists(), exit != 4, "{output:?}");
        let row = format!("| {code} | `{name}` | {exit} | {hint} |");
        if !readme.contains(&row) {
            missing.push(row);
        }
    }
    assert!(missing.is_empty(), "not in the README:\n{}", missing.join("\n"));
}

#[test]
fn a_data_centre_that_is_not_known_is_not_gone_to() {
    let place = open("unknown_dc", refuse(303, "USER_MIGRATE_9", 9));
    let (exit, said) = error(&place.start(&["--json"]));
    assert_eq!((exit, &said["type"], &said["code"]), (1, &"NO_SUCH_DC".into(), &Value::Null));
    assert_eq!(place.shown()["dc_id"], 2);
}

#[test]
fn a_short_flood_wait_is_waited_out_and_told() {
    let place = open("flood", refuse(420, "FLOOD_WAIT_2", 1));
    let began = Instant::now();
    let output = place.start(&["--wait", "0"]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        began.elapsed() >= Duration::from_secs(2) && err(&output).contains("FLOOD_WAIT_2: waiting 2 s"),
        "{output:?}"
    );

    let place = open("no_flood", refuse(420, "FLOOD_WAIT_2", 1));
    let (exit, said) = error(&place.start(&["--json", "--flood-wait", "1"]));
    assert_eq!((exit, &said["type"]), (5, &"FLOOD_WAIT_2".into()));
}

#[test]
fn trouble_of_the_servers_own_is_waited_out() {
    let place = open("trouble", refuse(500, "INTERNAL", 1));
    let output = place.start(&["--wait", "0"]);
    assert!(output.status.success() && err(&output).contains("trying again"), "{output:?}");
}

#[test]
fn an_account_that_has_moved_is_followed_and_found_there_the_next_time() {
    let place = open("moved", |dc| dc.world.set_home(ALICE, 4));
    let output = place.start(&["--wait", "0"]);
    assert!(output.status.success() && err(&output).contains("data centre 4: gone there"), "{output:?}");
    assert_eq!(place.shown()["dc_id"], 4, "{output:?}");
}

#[test]
fn keys_are_logged_for_their_owner_alone_and_only_if_that_is_asked_for() {
    let place = open("keylog", |_| {});
    let log = place.home.join("keys.txt");
    let output = place.start(&["--wait", "0", "--keylog", log.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let entries = nanogram::keylog::parse(&std::fs::read_to_string(&log).unwrap()).unwrap();
    assert!(entries.len() >= 2, "{entries:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn the_next_start_needs_neither_a_key_nor_a_name_to_be_looked_up() {
    let place = open("next", |_| {});
    let first = place.start(&["--wait", "0"]);
    assert!(err(&first).contains("temporary key") && first.status.success(), "{first:?}");
    let next = place.start(&["--wait", "0"]);
    assert!(next.status.success() && !err(&next).contains("temporary key"), "{next:?}");
    let without = place.start(&["--wait", "0", "--no-pfs"]);
    assert!(without.status.success(), "{without:?}");
}

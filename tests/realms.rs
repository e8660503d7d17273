//! Every command against session files of every realm: a file of another realm than the command line's is refused, and
//! stays unchanged byte for byte.

use nanogram::crypto::auth_key::AuthKey;
use nanogram::crypto::rsa::RsaKey;
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::store::file::SessionFile;
use nanogram::telegram::store::state::{DcKey, SavedUser, State};
use nanogram::telegram::store::{Format, Realm, Servers, string};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Address without a listener.
const NOWHERE: &str = "127.0.0.1:1";

fn own_key(byte: u8) -> RsaKey {
    RsaKey::from_parts(&[byte; 256], &[1, 0, 1]).unwrap()
}

fn state(environment: Environment, servers: Servers) -> State {
    let mut state = State::new(environment, 2);
    if !matches!(servers, Servers::Telegram) {
        state.dcs.drop_built_in();
        assert!(state.dcs.add(2, NOWHERE.parse().unwrap()));
    }
    state.servers = servers;
    state.user = Some(SavedUser { id: 777, is_bot: false });
    state.api_id = Some(5);
    state.keys.insert(2, DcKey::new(AuthKey::from_bytes([7; 256])));
    state
}

struct Dir(PathBuf);
impl Dir {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("realms-{name}"));
        let _absent = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    /// Exit code, stdout and stderr.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nanogram"));
        for name in ["NANOGRAM_SESSION", "NANOGRAM_API_HASH", "NO_COLOR"] {
            command.env_remove(name);
        }
        command.env("XDG_DATA_HOME", &self.0).env("HOME", &self.0).env("NANOGRAM_API_ID", "1");
        let output = command.args(args).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }
    fn pem(&self, byte: u8) -> String {
        let path = self.0.join(format!("{byte}.pem"));
        fs::write(&path, own_key(byte).to_pem()).unwrap();
        path.to_str().unwrap().into()
    }
}

fn own(byte: u8) -> Servers {
    Realm::of_keys(Environment::Production, &[own_key(byte)]).servers
}

/// Writes a session file as found at users.
fn lay(path: &Path, kind: &str, state: &State) -> Option<Vec<u8>> {
    let _absent = fs::remove_file(path);
    let target = path.with_extension("target");
    let _absent = fs::remove_file(&target);
    match kind {
        "missing" => return None,
        #[cfg(unix)]
        "symlinked" => {
            SessionFile::open(&target).unwrap().0.save(state).unwrap();
            std::os::unix::fs::symlink(&target, path).unwrap();
        }
        _ => SessionFile::open(path).unwrap().0.save(state).unwrap(),
    }
    if kind == "read-only" {
        let mut permissions = fs::metadata(path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(path, permissions).unwrap();
    }
    Some(fs::read(path).unwrap())
}

#[test]
fn no_command_changes_a_file_of_another_realm() {
    let dir = Dir::new("table");
    let (a, b) = (dir.pem(0xc7), dir.pem(0xd5));
    let production = Environment::Production;
    let files = [
        ("production", state(production, Servers::Telegram)),
        ("test", state(Environment::Test, Servers::Telegram)),
        ("own A", state(production, own(0xc7))),
        ("own, unnamed", state(production, Servers::Unknown)),
    ];
    let foreign = state(production, own(0xd5)).to_session().unwrap();
    let foreign = string::write(&foreign, Format::Nanogram).unwrap();
    let (dc_a, dc_b) = (["--dc", NOWHERE, "--key", &a], ["--dc", NOWHERE, "--key", &b]);
    let flags: [(&str, &[&str]); 4] = [("", &[]), ("--test", &["--test"]), ("--dc A", &dc_a), ("--dc B", &dc_b)];
    let commands: [(&str, &[&str]); 7] = [
        ("start", &["start", "@some_bot", "x"]),
        ("logout", &["logout"]),
        ("logout --force", &["logout", "--force"]),
        ("login", &["login", "--phone", "+10000000001", "--api-hash", "x"]),
        ("login --force", &["login", "--force", "--phone", "+10000000001", "--api-hash", "x"]),
        ("session import --force", &["session", "import", "--force", &foreign]),
        ("session import --check", &["session", "import", "--check", "--force", &foreign]),
    ];
    let path = dir.0.join("the.session");
    let mut rows = 0;
    println!("{:13} {:9} {:23} {:8} {:8} exit error", "file", "kind", "command", "at", "");
    for ((realm, state), kind) in
        files.iter().flat_map(|file| ["plain", "symlinked", "read-only", "missing"].map(|kind| (file, kind)))
    {
        for ((command, words), (at, place)) in commands.iter().flat_map(|command| flags.map(|flag| (*command, flag))) {
            // These would connect to Telegram, or change a file of the same realm as its owner asked.
            let is_own = realm.starts_with("own");
            let same = matches!((*realm, at), ("production", "") | ("test", "--test") | ("own A", "--dc A"))
                || *realm == "own, unnamed" && at.starts_with("--dc")
                // The session names its servers, and the file may be theirs: --force decides.
                || *realm == "own, unnamed" && at.is_empty() && command.starts_with("session import");
            let is_missing = kind == "missing";
            let goes_to_telegram =
                !at.starts_with("--dc") && !command.starts_with("session") && (is_missing || !is_own);
            let is_asked_for =
                command.ends_with("--force") && command != "login --force" || command.ends_with("--check");
            if (goes_to_telegram || is_asked_for) && (same || is_missing) {
                continue;
            }
            for no_pfs in [&[][..], &["--no-pfs"]] {
                // There is no server to sign in at, with or without forward secrecy: one run is enough.
                if is_missing && command.starts_with("login") && !no_pfs.is_empty() {
                    continue;
                }
                let before = lay(&path, kind, state);
                let session = ["--session", path.to_str().unwrap(), "--timeout", "1", "--json"];
                let args = [words, place, no_pfs, &session[..]].concat();
                let (exit, said, _) = dir.run(&args);
                let error = serde_json::from_str::<serde_json::Value>(&said).unwrap()["error"]["type"].to_string();
                let pfs = no_pfs.first().unwrap_or(&"");
                println!("{realm:13} {kind:9} {command:23} {at:8} {pfs:8} {exit:4} {error}");
                assert_eq!(fs::read(&path).ok(), before, "{args:?}");
                assert_eq!(path.is_symlink(), kind == "symlinked");
                assert_ne!(exit, 0, "{args:?}");
                if !same && !is_missing {
                    assert!(["\"REALM\"", "\"ENVIRONMENT\""].contains(&&*error), "{args:?} {said}");
                }
                rows += 1;
            }
        }
    }
    println!("{rows} rows; no file was changed");
}

#[test]
fn each_realm_has_a_default_file() {
    let dir = Dir::new("default");
    let (a, file) = (dir.pem(0xc7), dir.0.join("nanogram/session"));
    SessionFile::open(&file).unwrap().0.save(&state(Environment::Production, Servers::Telegram)).unwrap();
    let before = fs::read(&file).unwrap();
    // The example of `nanogram start --help`.
    let (exit, _, said) = dir.run(&["start", "@my_bot", "hello_42", "--dc", NOWHERE, "--key", &a]);
    assert_eq!(exit, 4, "{said}");
    assert!(said.contains("nobody is signed in at the servers with the RSA key") && said.contains("nanogram login"));
    let session = string::write(&state(Environment::Production, own(0xc7)).to_session().unwrap(), Format::Nanogram);
    assert_eq!(dir.run(&["session", "import", &session.unwrap()]).0, 0);
    let Servers::Own(keys) = own(0xc7) else { panic!() };
    assert!(dir.0.join(format!("nanogram/session-{:016x}", keys[0])).exists());
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn a_symlinked_file_is_one_file_with_one_lock() {
    let dir = Dir::new("link");
    let (target, link) = (dir.0.join("target"), dir.0.join("link"));
    let state = state(Environment::Production, Servers::Telegram);
    std::os::unix::fs::symlink("target", &link).unwrap();
    let (mut file, none) = SessionFile::open(&link).unwrap();
    assert!(none.is_none());
    file.save(&state).unwrap();
    assert!(link.is_symlink() && !target.is_symlink() && target.exists());
    assert!(SessionFile::open(&target).is_err() && SessionFile::open(&link).is_err(), "one lock for both names");
    let aside = file.set_aside().unwrap().unwrap();
    assert!(aside.to_str().unwrap().contains("target.ended-20") && !target.exists());
    file.save(&state).unwrap();
    assert_ne!(file.set_aside().unwrap(), Some(aside), "and another of that day");
    file.save(&state).unwrap();
    file.remove().unwrap();
    assert!(!target.exists(), "the key is gone with the target");

    let bait = dir.0.join("bait");
    std::os::unix::fs::symlink(&bait, dir.0.join("other.lock")).unwrap();
    assert!(SessionFile::open(&dir.0.join("other")).is_err());
    assert!(!bait.exists(), "no link is followed for a lock");
}

#[test]
fn files_of_other_programs_are_read_or_named() {
    let dir = Dir::new("foreign");
    let fixture = |name: &str| format!("{}/tests/fixtures/sessions/{name}", env!("CARGO_MANIFEST_DIR"));
    for (name, format, user) in [("telethon", "telethon-file", "null"), ("pyrogram", "pyrogram-file", "7000000001")] {
        let path = fixture(&format!("{name}.session"));
        let (exit, out, err) = dir.run(&["session", "show", &path, "--json"]);
        assert_eq!(exit, 0, "{out} {err}");
        let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((shown["format"].as_str(), shown["user_id"].to_string().as_str()), (Some(format), user));
        assert_eq!(shown["auth_key_id"], "32d1586ea457dfc8");
        let into = dir.0.join(format!("{name}.nanogram"));
        let (exit, out, err) = dir.run(&["session", "import", &path, "--session", into.to_str().unwrap()]);
        assert_eq!(exit, 0, "{out} {err}");
    }
    fs::create_dir(dir.0.join("tdata")).unwrap();
    for (name, bytes, says) in [
        ("tdata/key_datas", &b"TDF$\0\0"[..], "opentele"),
        ("td.binlog", b"\x10\0\0\0", "login --qr"),
        ("session:authKey", b"x", "StringSession"),
    ] {
        fs::write(dir.0.join(name), bytes).unwrap();
        let of = if name.ends_with("authKey") { dir.0.clone() } else { dir.0.join(name) };
        if name.ends_with("authKey") {
            fs::remove_dir_all(dir.0.join("tdata")).unwrap();
            fs::remove_file(dir.0.join("td.binlog")).unwrap();
        }
        let (exit, _, said) = dir.run(&["session", "show", of.to_str().unwrap()]);
        assert_eq!((exit, said.contains(says)), (2, true), "{name} {said}");
    }
}

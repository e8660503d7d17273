//! Import and export of sessions, and access to the session file: the program without a server, or with one that knows
//! the session.

use nanogram::crypto::auth_key::AuthKey;
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::store::file::SessionFile;
use nanogram::telegram::store::{Format, SavedSession, string};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Home directory of one test.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("sessions-{name}"));
        let _absent = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nanogram"));
        for name in ["NANOGRAM_SESSION", "NANOGRAM_API_ID", "NANOGRAM_API_HASH", "NO_COLOR"] {
            command.env_remove(name);
        }
        command.env("XDG_DATA_HOME", &self.0).env("HOME", &self.0).args(args).stdin(Stdio::null());
        command
    }
    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }
    fn done(&self, args: &[&str]) -> Output {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?} {output:?}");
        output
    }
    /// Runs with `text` on stdin.
    fn with(&self, args: &[&str], text: &str) -> Output {
        let mut command = self.command(args);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
    /// Exit code and `error.type`.
    fn failure(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(&[args, &["--json"]].concat());
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), said["error"]["type"].as_str().unwrap().into())
    }
    fn shown(&self, args: &[&str]) -> Value {
        serde_json::from_slice(&self.done(&[&["session", "show", "--json"], args].concat()).stdout).unwrap()
    }
    fn default_file(&self) -> PathBuf {
        self.0.join("nanogram/session")
    }
}

fn out(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}
fn err(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

fn session(first: u8) -> SavedSession {
    let key = AuthKey::from_bytes(core::array::from_fn(|i| first.wrapping_add(i as u8)));
    SavedSession { user_id: Some(777), is_bot: Some(false), api_id: Some(5), ..SavedSession::new(2, key) }
}

fn text(session: &SavedSession, format: Format) -> String {
    string::write(session, format).unwrap().to_string()
}

#[test]
fn a_string_goes_into_the_file_and_out_again_for_every_library() {
    for (format, name) in [
        (Format::Telethon, "telethon"),
        (Format::GramJs, "gramjs"),
        (Format::Pyrogram, "pyrogram"),
        (Format::Mtcute, "mtcute"),
        (Format::Nanogram, "nanogram"),
    ] {
        let home = Home::new(&format!("round-{name}"));
        let session = SavedSession { environment: Some(Environment::Production), ..session(1) };
        let text = text(&session, format);
        let imported = home.done(&["session", "import", &text]);
        assert!(err(&imported).contains("AUTH_KEY_DUPLICATED"), "{imported:?}");
        assert!(!out(&imported).contains(&text[20..60]) && !err(&imported).contains(&text[20..60]));

        let shown = home.shown(&[]);
        assert_eq!((&shown["format"], &shown["dc_id"]), (&"nanogram-file".into(), &2.into()));
        assert_eq!(shown["addr"], "149.154.167.51:443", "the port is filled in");
        let has_user = !matches!(format, Format::Telethon | Format::GramJs);
        assert_eq!(shown["user_id"], if has_user { 777.into() } else { Value::Null });
        assert_eq!(shown["auth_key_id"], home.shown(&[&text])["auth_key_id"]);

        let exported = home.done(&["session", "export", "--to", name]);
        assert!(err(&exported).contains("AUTH_KEY_DUPLICATED"));
        let (back, same) = string::parse(out(&exported)).unwrap();
        assert_eq!((back, same.dc_id, same.auth_key.is(&session.auth_key)), (format, 2, true));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(home.default_file()).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}

#[test]
fn what_a_string_lacks_is_said_and_may_be_asked_for() {
    let home = Home::new("lacks");
    home.done(&["session", "import", &text(&session(1), Format::Telethon)]);
    let refused = home.run(&["session", "export", "--to", "pyrogram"]);
    assert_eq!((refused.status.code(), out(&refused)), (Some(2), ""));
    assert!(err(&refused).contains("user id") && err(&refused).contains("--check"), "{refused:?}");
}

#[test]
fn another_accounts_file_is_not_overwritten_but_the_same_key_may_come_again() {
    let home = Home::new("overwrite");
    let (mine, other) = (text(&session(1), Format::Telethon), text(&session(2), Format::Nanogram));
    home.done(&["session", "import", &other]);
    let before = fs::read(home.default_file()).unwrap();
    assert_eq!(home.failure(&["session", "import", &mine]), (2, "SESSION_EXISTS".into()));
    assert_eq!(fs::read(home.default_file()).unwrap(), before);
    // The same key from a string with fewer fields: nothing is lost.
    home.done(&["session", "import", &text(&session(2), Format::Telethon)]);
    assert_eq!(home.shown(&[])["user_id"], 777);
    home.done(&["session", "import", "--force", &mine]);
    assert_eq!(home.shown(&[])["user_id"], Value::Null);

    let elsewhere = home.0.join("deeper/other.session");
    home.done(&["session", "import", &other, "--session", elsewhere.to_str().unwrap()]);
    assert_eq!(home.shown(&[elsewhere.to_str().unwrap()])["user_id"], 777);
    assert_eq!(home.shown(&[])["user_id"], Value::Null);
}

#[test]
fn a_string_from_stdin_is_in_no_list_of_processes() {
    let home = Home::new("stdin");
    let text = text(&session(1), Format::Nanogram);
    let imported = home.with(&["session", "import", "-"], &format!("  {text}\n"));
    assert!(imported.status.success(), "{imported:?}");
    let shown = home.with(&["session", "show", "-", "--json"], &text);
    assert!(out(&shown).contains("\"user_id\":777"), "{shown:?}");
    let converted = home.with(&["session", "convert", "--to", "telethon", "-"], &text);
    assert!(out(&converted).starts_with('1'), "{converted:?}");
    let nothing = home.with(&["session", "import", "-", "--json"], "\n");
    assert_eq!(nothing.status.code(), Some(2), "{nothing:?}");
}

#[test]
fn the_environments_are_kept_apart() {
    let home = Home::new("environments");
    let test = SavedSession { environment: Some(Environment::Test), ..session(1) };
    let text = text(&test, Format::Nanogram);
    assert_eq!(home.failure(&["session", "import", &text]), (2, "ENVIRONMENT".into()));
    home.done(&["session", "import", "--test", &text]);
    assert!(home.0.join("nanogram/session-test").exists() && !home.default_file().exists());
    assert_eq!(home.shown(&["--test"])["addr"], "149.154.167.40:443");
    let file = home.0.join("nanogram/session-test");
    let file = file.to_str().unwrap();
    assert_eq!(home.failure(&["start", "@b", "x", "--session", file]), (2, "ENVIRONMENT".into()));
    assert_eq!(home.failure(&["start", "@b", "x", "--session", &text]), (2, "ENVIRONMENT".into()));
    let said = home.run(&["start", "@b", "x", "--session", file]);
    assert!(err(&said).contains("test environment") && err(&said).contains("hint:  give --test"), "{said:?}");
    // The test environment has three data centres.
    let fifth = text_of_fifth();
    assert_eq!(home.failure(&["session", "import", "--test", &fifth, "--force"]), (2, "SESSION_INVALID".into()));
}

fn text_of_fifth() -> String {
    text(&SavedSession { environment: None, ..SavedSession { dc_id: 5, ..session(3) } }, Format::Nanogram)
}

#[test]
fn a_file_that_another_process_holds_is_not_touched() {
    let home = Home::new("held");
    home.done(&["session", "import", &text(&session(1), Format::Nanogram)]);
    let (held, _) = SessionFile::open(&home.default_file()).unwrap();
    for args in [
        &["start", "@b", "x"][..],
        &["logout"],
        &["login", "--api-id", "1", "--api-hash", "x"],
        &["session", "import", &text(&session(1), Format::Nanogram)],
    ] {
        assert_eq!(home.failure(args), (4, "SESSION_IN_USE".into()), "{args:?}");
    }
    assert_eq!(home.run(&["session", "export"]).status.code(), Some(4));
    // Reading it is allowed meanwhile.
    assert_eq!(home.shown(&[])["user_id"], 777);
    drop(held);
    home.done(&["session", "export"]);
}

#[test]
fn what_is_no_session_is_told_so_and_nothing_is_made() {
    let home = Home::new("none");
    let session = text(&session(1), Format::Nanogram);
    let broken = format!("{}A{}", &session[..200], &session[201..]);
    let long = "x".repeat(400);
    for text in ["", &broken, &long] {
        assert_eq!(home.failure(&["session", "import", text]), (2, "SESSION_INVALID".into()), "{text}");
    }
    for text in ["nonsense", "1ApWapz", "missing.session"] {
        assert_eq!(home.failure(&["session", "import", text]), (4, "NO_SESSION".into()), "{text}");
        let said = home.run(&["start", "@b", "x", "--session", text]);
        assert!(err(&said).contains(&format!("there is no file {text}")), "{said:?}");
    }
    // An empty variable counts as unset.
    let unset = home.command(&["session", "show", "--json"]).env("NANOGRAM_SESSION", "").output().unwrap();
    assert!(out(&unset).contains("nobody is signed in: there is no"), "{unset:?}");
    let damaged = home.0.join("damaged");
    fs::write(&damaged, [&b"nanogram"[..], &[0xff; 100]].concat()).unwrap();
    let damaged = damaged.to_str().unwrap();
    for args in [&["start", "@b", "x", "--session", damaged][..], &["session", "show", damaged]] {
        assert_eq!(home.failure(args), (2, "SESSION_INVALID".into()), "{args:?}");
    }
    assert_eq!(home.failure(&["start", "@b", "x"]), (4, "NO_SESSION".into()));
    assert_eq!(home.failure(&["logout"]), (4, "NO_SESSION".into()));
    assert_eq!(home.failure(&["session", "show"]), (4, "NO_SESSION".into()));
    assert!(!home.0.join("nanogram").exists(), "looking makes nothing");
}

#[test]
fn a_bot_cannot_start_bots_and_show_says_that_it_is_one() {
    let home = Home::new("bot");
    let bot = SavedSession { is_bot: Some(true), environment: Some(Environment::Production), ..session(1) };
    let bot = text(&bot, Format::Pyrogram);
    for padded in [bot.clone(), format!("{bot}==")] {
        let shown = home.shown(&[&padded]);
        assert_eq!((&shown["is_bot"], &shown["api_id"]), (&true.into(), &5.into()));
        assert_eq!((&shown["environment"], &shown["servers"]), (&"production".into(), &Value::Null));
    }
    let refused = home.run(&["start", "@b", "x", "--session", &bot]);
    assert!(err(&refused).contains("only users can start bots"), "{refused:?}");
}

#[test]
fn import_takes_a_file_as_the_others_do() {
    let home = Home::new("file");
    let file = home.0.join("a string");
    fs::write(&file, text(&session(1), Format::Telethon)).unwrap();
    home.done(&["session", "import", file.to_str().unwrap()]);
    let other = home.0.join("other.session");
    let default = home.default_file();
    home.done(&["session", "import", default.to_str().unwrap(), "--session", other.to_str().unwrap()]);
    assert_eq!(home.shown(&[other.to_str().unwrap()])["auth_key_id"], home.shown(&[])["auth_key_id"]);
}

#[test]
fn login_says_what_it_needs_before_it_connects() {
    let home = Home::new("needs");
    let login = |args: &[&str]| home.failure(&[&["login"], args].concat());
    let app = ["--api-id", "1", "--api-hash", "hash"];
    assert_eq!(login(&[]), (2, "USAGE".into()));
    let said = home.run(&["login"]);
    assert!(err(&said).contains("NANOGRAM_API_HASH") && err(&said).contains("my.telegram.org"), "{said:?}");
    assert_eq!(login(&["--api-id", "1"]), (2, "USAGE".into()));
    assert_eq!(login(&["--api-id", "0", "--api-hash", "x"]), (2, "USAGE".into()));
    for phone in ["Alice", "12", "+1234567890123456"] {
        assert_eq!(login(&[&app[..], &["--phone", phone]].concat()), (2, "PHONE_NUMBER_INVALID".into()), "{phone}");
    }
    let token = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
    for args in [&["--bot-token", token][..], &["--phone", token]] {
        let refused = home.run(&[&["login"], args].concat());
        assert_eq!(refused.status.code(), Some(5), "{refused:?}");
        assert!(err(&refused).contains("only users can start bots") && !err(&refused).contains(token), "{refused:?}");
    }
    assert_eq!(login(&[&app[..], &["--qr", "--phone", "+10000000001"]].concat()), (2, "USAGE".into()));
    let session = text(&session(1), Format::Nanogram);
    assert_eq!(login(&[&app[..], &["--session", &session]].concat()), (2, "USAGE".into()));
    let nowhere = home
        .command(&["login", "--api-id", "1", "--api-hash", "x"])
        .env_remove("HOME")
        .env_remove("XDG_DATA_HOME")
        .output()
        .unwrap();
    assert_eq!(nowhere.status.code(), Some(2), "{nowhere:?}");
    assert!(!home.0.join("nanogram").exists(), "nothing is made");
}

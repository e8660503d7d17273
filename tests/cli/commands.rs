//! The program as users run it: its output on stdout and stderr, and its exit codes.

use nanogram::crypto::auth_key::AuthKey;
use nanogram::telegram::start::StartError;
use nanogram::telegram::store::{Format, SavedSession, string};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nanogram"));
    for name in ["NANOGRAM_SESSION", "NANOGRAM_API_ID", "NANOGRAM_API_HASH", "NO_COLOR"] {
        command.env_remove(name);
    }
    // Isolated from the session files of the user who runs the tests.
    let nowhere = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no home");
    command.env("HOME", &nowhere).env("XDG_DATA_HOME", &nowhere).args(args).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

fn out(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}
fn err(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

/// The only JSON object on stdout.
fn object(output: &Output) -> Value {
    assert_eq!(out(output).lines().count(), 1, "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Exit code and `error.type` of a command that must fail, with `--json` and without.
fn failure(args: &[&str]) -> (i32, String) {
    let plain = run(args);
    assert!(plain.stdout.is_empty(), "{plain:?}");
    assert!(err(&plain).starts_with("error: ") || err(&plain).contains("\nerror: "), "{plain:?}");

    let json = run(&[args, &["--json"]].concat());
    let said = object(&json);
    assert_eq!((plain.status.code(), &said["ok"]), (json.status.code(), &Value::Bool(false)), "{json:?}");
    assert_eq!(keys(&said["error"]), ["code", "type", "message", "hint"]);
    assert!(said["error"]["message"].as_str().is_some_and(|message| message.len() > 5), "{said}");
    (json.status.code().unwrap(), said["error"]["type"].as_str().unwrap().into())
}

/// `nanogram dc --json` as a separate process.
struct Dc {
    process: Child,
    ready: Value,
    /// Path of the public key.
    pem: PathBuf,
}

impl Dc {
    fn open(name: &str) -> Self {
        let pem = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.pem"));
        let mut process = command(&["dc", "--json", "--pem", pem.to_str().unwrap()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { process, ready: serde_json::from_str(&line).unwrap(), pem }
    }
    fn told(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }
    fn args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        let place = ["--dc", self.told("addr"), "--key", self.pem.to_str().unwrap(), "--session", self.told("session")];
        [&["start"], args, &place].concat()
    }
    fn start(&self, args: &[&str]) -> Output {
        run(&self.args(args))
    }
    fn failure(&self, args: &[&str]) -> (i32, String) {
        failure(&self.args(args))
    }
}

impl Drop for Dc {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn made_session() -> (AuthKey, SavedSession) {
    let key = AuthKey::from_bytes(core::array::from_fn(|i| i as u8));
    let place = Some(("149.154.167.51".into(), 443));
    (key.clone(), SavedSession { addr: place, user_id: Some(777), is_bot: Some(false), ..SavedSession::new(2, key) })
}

/// Asserts that the output has no run of hex digits as long as a key, nor any text of `secrets`.
fn assert_no_secret(output: &Output, secrets: &[&str]) {
    for text in [out(output), err(output)] {
        let longest = text.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max().unwrap_or_default();
        assert!(longest <= 32, "{longest} hex digits in {text}");
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
    }
}

#[test]
fn help_has_every_command_and_an_example_for_each() {
    let help = run(&["--help"]);
    assert!(help.status.success() && help.stderr.is_empty());
    let commands = ["demo", "login", "logout", "start", "dc", "decode", "session", "completions", "man", "version"];
    for command in commands {
        assert!(out(&help).contains(&format!("\n  {command} ")), "{command}");
    }
    let subcommands: [&[&str]; 13] = [
        &["demo"],
        &["login"],
        &["logout"],
        &["start"],
        &["dc"],
        &["decode"],
        &["session", "show"],
        &["session", "convert"],
        &["session", "import"],
        &["session", "export"],
        &["completions"],
        &["man"],
        &["version"],
    ];
    for subcommand in subcommands {
        let help = run(&[subcommand, &["--help"]].concat());
        assert!(help.status.success() && out(&help).contains("Example"), "{subcommand:?}");
    }
    for version in ["--version", "version"] {
        assert_eq!(out(&run(&[version])), format!("nanogram {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn the_documents_have_every_error_with_its_hint_and_every_command() {
    let (readme, errors) = (include_str!("../../README.md"), include_str!("../../docs/errors.md"));
    for error in StartError::all() {
        let row = format!("| {} | `{}` | {} |", error.code(), error.name(), error.hint());
        assert!(errors.contains(&row), "{row}");
    }
    for command in [
        "demo",
        "login",
        "logout",
        "start",
        "dc",
        "decode",
        "session show",
        "session convert",
        "session import",
        "session export",
        "completions",
        "man",
        "version`",
    ] {
        let row = format!("| `nanogram {command}");
        assert!(readme.contains(&format!("{row} ")) || readme.contains(&format!("{row} |")), "{command}");
    }
}

#[test]
fn the_demo_ends_with_the_answer_of_the_bot() {
    let demo = run(&["demo"]);
    assert!(demo.status.success(), "{demo:?}");
    assert_eq!(out(&demo), "You started me with: hello_42\n");
    for word in ["req_pq_multi", "resPQ", "req_DH_params", "dh_gen_ok", "resolveUsername", "startBot"] {
        assert!(err(&demo).contains(word), "{word}");
    }
    assert!(!err(&demo).contains('\x1b'), "colours where there is no terminal");
    assert_no_secret(&demo, &[]);
}

#[test]
fn the_demo_in_json_is_one_object() {
    let demo = run(&["demo", "--json"]);
    let said = object(&demo);
    assert_eq!(keys(&said), ["ok", "bot", "peer", "random_id", "start_param", "updates", "reply"]);
    assert_eq!(
        (&said["ok"], &said["bot"], &said["updates"]["_"]),
        (&true.into(), &"@echo_bot".into(), &"updates".into())
    );
    assert!(said["random_id"].as_str().unwrap().parse::<i64>().is_ok());
    assert!(said["reply"].as_str().unwrap().contains(said["start_param"].as_str().unwrap()));
}

#[test]
fn what_the_demo_records_can_be_decoded() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo.json");
    let file = file.to_str().unwrap();
    assert!(run(&["demo", "--record", file]).status.success());
    let shown = run(&["decode", file]);
    assert!(shown.status.success(), "{}", err(&shown));
    for word in ["hidden inner data: p_q_inner_data_dc", "new_nonce_hash1 ok", "messages.startBot", "msg_key ok"] {
        assert!(out(&shown).contains(word), "{word}");
    }
    assert!(err(&shown).contains(" 0 fail; 0 packets stay locked"), "{}", err(&shown));

    let json = run(&["decode", file, "--json"]);
    let steps: Vec<Value> = out(&json).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(steps.iter().any(|step| step["kind"] == "sealed"));
}

#[test]
fn a_recording_without_its_keys_says_what_would_open_it() {
    let file = "tests/fixtures/captures/telethon139_abridged.json";
    let text = fs::read_to_string(file).unwrap();
    let mut recording: Value = serde_json::from_str(&text).unwrap();
    recording["auth_keys"] = serde_json::json!({});
    recording.as_object_mut().unwrap().remove("rsa_private_pem");
    let locked = Path::new(env!("CARGO_TARGET_TMPDIR")).join("locked.json");
    fs::write(&locked, recording.to_string()).unwrap();
    let shown = run(&["decode", locked.to_str().unwrap()]);
    assert!(err(&shown).contains("--keylog"), "{}", err(&shown));
    assert!(run(&["decode", file]).status.success());
    assert_eq!(failure(&["decode", "Cargo.toml"]), (2, "FILE".into()));
    assert_eq!(failure(&["decode", "no such file"]), (2, "FILE".into()));
}

#[test]
fn a_data_centre_says_in_one_line_how_to_reach_it() {
    let mut dc = Dc::open("one_line");
    let alone = ["addr", "dc_id", "fingerprint", "public_key_pem", "session", "telethon_session"];
    assert!(alone.iter().all(|name| keys(&dc.ready).contains(name)), "the rest is in tests/cli/dc.rs");
    assert_eq!(fs::read_to_string(&dc.pem).unwrap(), dc.told("public_key_pem"));
    let addr = dc.told("addr").to_string();
    for (name, format) in [("session", "nanogram"), ("telethon_session", "telethon")] {
        let shown = object(&run(&["session", "show", dc.told(name), "--json"]));
        assert_eq!(
            (&shown["format"], &shown["addr"], &shown["dc_id"]),
            (&format.into(), &addr.clone().into(), &2.into())
        );
    }
    let taken = failure(&["dc", "--listen", &addr]);
    assert_eq!(taken, (3, "LISTEN".into()));
    dc.process.kill().unwrap();
    let mut rest = String::new();
    dc.process.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "more than one line on stdout");
}

#[test]
fn two_processes_do_the_job() {
    let dc = Dc::open("two_processes");
    let by_link = dc.start(&["https://t.me/echo_bot?start=hello_42", "--json"]);
    assert!(by_link.status.success(), "{by_link:?}");
    let said = object(&by_link);
    assert_eq!(keys(&said), ["ok", "bot", "peer", "random_id", "start_param", "updates"]);
    assert_eq!((&said["start_param"], &said["updates"]["_"]), (&"hello_42".into(), &"updates".into()));

    let id = "-4156887774564";
    let by_name = dc.start(&["@echo_bot", "hello", "--peer", "@echo_bot", "--random-id", id, "--json", "--wait", "9"]);
    let said = object(&by_name);
    assert_eq!((&said["random_id"], &said["reply"]), (&id.into(), &"You started me with: hello".into()));

    let for_people = dc.start(&["t.me/echo_bot", "hi"]);
    assert_eq!(out(&for_people), "started @echo_bot: updates\nYou started me with: hi\n");
    let plain = dc.start(&["@echo_bot"]);
    assert_eq!(out(&plain), "started @echo_bot: updateShortSentMessage\nYou started me without a parameter.\n");
    let group = dc.start(&["tg://resolve?domain=echo_bot&startgroup=hey", "--peer", "@nano_group"]);
    assert_eq!(out(&group), "started @echo_bot in @nano_group: updates\nYou started me with: hey\n");
    let silent = dc.start(&["@silent_bot", "x", "--wait", "0"]);
    assert_eq!(out(&silent), "started @silent_bot: updates\n");
    for output in [by_link, by_name, for_people, plain, group, silent] {
        assert_no_secret(&output, &[dc.told("session")]);
    }
}

#[test]
fn a_session_may_come_from_the_environment_or_a_file_and_a_key_as_text() {
    let dc = Dc::open("environment");
    let pem = dc.told("public_key_pem");
    let args = ["start", "@echo_bot", "x", "--dc", dc.told("addr"), "--key", pem, "--wait", "0"];
    for session in [dc.told("session"), dc.told("telethon_session")] {
        let output = command(&args).env("NANOGRAM_SESSION", session).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("session.txt");
    fs::write(&file, format!("{}\n", dc.told("session"))).unwrap();
    let output = run(&[&args[..], &["--session", file.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{output:?}");
    let help = command(&["start", "--help"]).env("NANOGRAM_SESSION", dc.told("session")).output().unwrap();
    assert_no_secret(&help, &[dc.told("session")]);
}

#[test]
fn what_the_server_refuses_has_the_servers_name_and_exit_code_5() {
    let dc = Dc::open("refused");
    let too_long = "x".repeat(65);
    let cases: [(&[&str], &str); 14] = [
        (&["@echo_bot", "", "--peer", "@nano_group"], "START_PARAM_EMPTY"),
        (&["@echo_bot", "", "--peer", "chat:3000001"], "START_PARAM_EMPTY"),
        (&["@echo_bot", "no spaces"], "START_PARAM_INVALID"),
        (&["https://t.me/echo_bot?start=a%20b"], "START_PARAM_INVALID"),
        (&["@echo_bot", &too_long], "START_PARAM_TOO_LONG"),
        (&["@bob_nano", "x"], "BOT_INVALID"),
        (&["user:2000001:5", "x"], "BOT_INVALID"),
        (&["@nano_group", "x"], "BOT_INVALID"),
        (&["@deleted_bot", "x"], "INPUT_USER_DEACTIVATED"),
        (&["@echo_bot", "x", "--peer", "@closed_group"], "CHAT_ADMIN_REQUIRED"),
        (&["@echo_bot", "x", "--peer", "chat:3000003"], "CHAT_WRITE_FORBIDDEN"),
        (&["@echo_bot", "x", "--peer", "channel:4000001:5"], "PEER_ID_INVALID"),
        (&["@nobody_here", "x"], "USERNAME_NOT_OCCUPIED"),
        (&["@no__body", "x"], "USERNAME_INVALID"),
    ];
    for (args, name) in cases {
        assert_eq!(dc.failure(args), (5, name.into()), "{args:?}");
    }
    for (args, says) in [
        (&["@nobody_here", "x"][..], "there is no bot @nobody_here"),
        (&["@echo_bot", "x", "--peer", "@nobody_there"], "the peer @nobody_there does not exist"),
        (&["@nobody_here", "x", "--peer", "@nobody_there"], "there is no bot @nobody_here"),
    ] {
        let said = object(&dc.start(&[args, &["--json"]].concat()));
        assert_eq!(said["error"]["type"], "USERNAME_NOT_OCCUPIED");
        assert_eq!(said["error"]["message"], format!("{says}: USERNAME_NOT_OCCUPIED (400)"));
    }
    assert!(dc.start(&["@echo_bot", "x", "--random-id", "7", "--wait", "0"]).status.success());
    assert_eq!(dc.failure(&["@echo_bot", "x", "--random-id", "7"]), (5, "RANDOM_ID_DUPLICATE".into()));
    let said = object(&dc.start(&["@echo_bot", "no spaces", "--json"]));
    assert_eq!(said["error"]["code"], 400);
    assert!(said["error"]["hint"].as_str().unwrap().contains("base64url"));
}

#[test]
fn wrong_usage_is_exit_code_2_and_says_what_is_wrong() {
    let usage = |args: &[&str]| failure(args);
    for args in [
        &["start"][..],
        &["start", "@b", "x", "--peer", "chat:x"],
        &["start", "@b", "x", "--random-id", "99999999999999999999"],
        &["start", "@b", "x", "--dc", "127.0.0.1:1"],
        &["start", "https://t.me/echo_bot?start=x", "y"],
        &["start", "https://example.com/echo_bot"],
        &["start", "https://t.me/+abcdef"],
        &["start", "https://t.me/echo_bot?startchannel&admin=post_messages"],
        &["start", "me", "x"],
        &["start", "@b", "x", "--bogus"],
    ] {
        assert_eq!(usage(args), (2, "USAGE".into()), "{args:?}");
    }
    assert_eq!(usage(&["start", "https://t.me/echo_bot?startgroup=x"]), (2, "GROUP_NEEDED".into()));
    assert_eq!(usage(&["start", "@b", "x", "--session", "nanogram1:AAAA"]), (2, "SESSION_INVALID".into()));
    assert_eq!(usage(&["start", "@b", "x", "--session", "no such file"]), (4, "NO_SESSION".into()));

    let (_, session) = made_session();
    let session = string::write(&session, Format::Telethon).unwrap();
    let with_key = |key| usage(&["start", "@b", "x", "--session", &session, "--dc", "127.0.0.1:1", "--key", key]);
    assert_eq!(with_key("Cargo.toml"), (2, "KEY_INVALID".into()));
    assert_eq!(with_key("no such file"), (2, "KEY_INVALID".into()));
    let no_api_id = run(&["start", "@b", "x", "--session", &session]);
    assert!(err(&no_api_id).contains("my.telegram.org"), "{no_api_id:?}");
    assert_eq!(no_api_id.status.code(), Some(2));
}

#[test]
fn without_a_session_the_error_says_how_to_get_one() {
    assert_eq!(failure(&["start", "@echo_bot", "x"]), (4, "NO_SESSION".into()));
    let said = run(&["start", "@echo_bot", "x"]);
    assert!(
        ["nanogram login", "nanogram dc", "NANOGRAM_SESSION"].iter().all(|way| err(&said).contains(way)),
        "{said:?}"
    );
}

#[test]
fn a_session_that_the_server_does_not_know_is_exit_code_4() {
    let dc = Dc::open("unknown");
    // An address of Telegram's would be refused before connecting, as a session of other servers.
    let session = SavedSession { addr: Some(("127.0.0.1".into(), 1)), ..made_session().1 };
    let session = string::write(&session, Format::Nanogram).unwrap();
    let place = ["--dc", dc.told("addr"), "--key", dc.pem.to_str().unwrap(), "--session", &session];
    let start = [&["start", "@echo_bot", "x"], &place[..]].concat();
    // With forward secrecy, the server refuses to bind a temporary key to this key.
    assert_eq!(failure(&start), (4, "ENCRYPTED_MESSAGE_INVALID".into()));
    assert_eq!(failure(&[&start[..], &["--no-pfs"]].concat()), (4, "AUTH_KEY_NOT_FOUND".into()));
}

#[test]
fn nobody_there_is_3_and_nobody_who_answers_is_6() {
    let dc = Dc::open("network");
    let (pem, session) = (dc.pem.to_str().unwrap(), dc.told("session"));
    let start = |addr: &str| {
        failure(&["start", "@echo_bot", "x", "--dc", addr, "--key", pem, "--session", session, "--timeout", "3"])
    };
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(start(&free.to_string()), (3, "NETWORK".into()));
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(start(&deaf.local_addr().unwrap().to_string()), (6, "TIMED_OUT".into()));
}

#[test]
fn a_session_is_shown_without_its_key() {
    let (key, session) = made_session();
    let hex: String = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    for format in [Format::Nanogram, Format::Telethon, Format::GramJs] {
        let text = string::write(&session, format).unwrap();
        let json = run(&["session", "show", &text, "--json"]);
        let said = object(&json);
        let told = ["format", "dc_id", "addr", "environment", "servers", "user_id", "is_bot", "api_id", "auth_key_id"];
        assert_eq!(keys(&said), told);
        assert_eq!(said["format"], format.name());
        assert_eq!(said["addr"], "149.154.167.51:443");
        assert_eq!(said["auth_key_id"], "32d1586ea457dfc8");
        let user_id = if format == Format::Nanogram { 777.into() } else { Value::Null };
        assert_eq!(said["user_id"], user_id);
        let plain = run(&["session", "show", &text]);
        for output in [&json, &plain] {
            assert_no_secret(output, &[&hex[..64], &text[60..100]]);
        }
    }
}

#[test]
fn a_session_is_converted_and_a_warning_goes_with_it() {
    let (key, session) = made_session();
    let text = string::write(&session, Format::Nanogram).unwrap();
    for to in ["telethon", "gramjs", "mtcute", "nanogram"] {
        let output = run(&["session", "convert", "--to", to, &text]);
        let (format, same) = string::parse(out(&output)).unwrap();
        assert_eq!(format.name(), to);
        assert!(same.auth_key.is(&key) && err(&output).contains("AUTH_KEY_DUPLICATED"));
    }
    let telethon = string::write(&session, Format::Telethon).unwrap();
    let output = run(&["session", "convert", "--to", "pyrogram", &telethon]);
    assert_eq!((output.status.code(), out(&output)), (Some(2), ""), "Pyrogram needs the user id");
    assert!(err(&output).contains("user id"), "{}", err(&output));
    assert_eq!(run(&["session", "convert", "--to", "signal", &text]).status.code(), Some(2));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = command(&["demo"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn no_line_of_help_is_wider_than_the_terminal() {
    let commands: [&[&str]; 14] = [
        &[],
        &["demo"],
        &["login"],
        &["logout"],
        &["start"],
        &["dc"],
        &["decode"],
        &["session"],
        &["session", "show"],
        &["session", "convert"],
        &["session", "import"],
        &["session", "export"],
        &["completions"],
        &["man"],
    ];
    for width in [80, 60] {
        for args in commands {
            let args = [args, &["--help"]].concat();
            let help = command(&args).env("COLUMNS", width.to_string()).output().unwrap();
            let widest = out(&help).lines().map(|line| line.chars().count()).max().unwrap();
            assert!(help.status.success() && widest <= width, "{args:?}: {widest} > {width}\n{}", out(&help));
        }
    }
}

#[test]
fn every_command_has_a_manual_page_and_every_shell_a_completion_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]);
        assert!(script.status.success() && out(&script).contains("flood-wait"), "{shell}");
    }
    for path in [&[][..], &["start"], &["session", "import"]] {
        let page = run(&[&["man"], path].concat());
        let name = [&["nanogram"], path].concat().join("-");
        assert!(page.status.success() && out(&page).contains(".TH"), "{page:?}");
        assert!(out(&page).replace('\\', "").contains(&name), "{name}");
    }
    let unknown = run(&["man", "sesion"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(err(&unknown).contains("did you mean `session`?"), "{unknown:?}");
}

#[test]
fn a_silent_bot_ends_an_explicit_wait_with_exit_code_6_and_no_other() {
    let dc = Dc::open("silent");
    assert_eq!(dc.failure(&["@silent_bot", "x", "--wait", "200ms"]), (6, "NO_ANSWER".into()));
    let said = dc.start(&["@silent_bot", "x", "--wait", "200ms", "--random-id", "77"]);
    assert!(err(&said).contains("started @silent_bot, but it did not answer within 200ms"), "{said:?}");
    assert!(err(&said).contains("random_id 77"), "{said:?}");
    assert_eq!(dc.start(&["@silent_bot", "x", "--wait", "0"]).status.code(), Some(0));
    assert_eq!(dc.start(&["@silent_bot", "x"]).status.code(), Some(0));
    assert_eq!(dc.start(&["@echo_bot", "x", "--wait", "9s"]).status.code(), Some(0));
}

#[test]
fn quiet_prints_results_and_errors_and_verbose_prints_addresses() {
    let dc = Dc::open("levels");
    let quiet = dc.start(&["@echo_bot", "x", "-q"]);
    assert_eq!((err(&quiet), out(&quiet)), ("", "started @echo_bot: updates\nYou started me with: x\n"));
    let refused = dc.start(&["@bob_nano", "x", "-q"]);
    assert!(err(&refused).starts_with("error: BOT_INVALID"), "{refused:?}");
    let verbose = dc.start(&["@echo_bot", "x", "-v"]);
    for word in ["api_id 1", "random_id ", "connecting to 127.0.0.1:", "the temporary key is bound"] {
        assert!(err(&verbose).contains(word), "{word}: {verbose:?}");
    }
    assert_no_secret(&verbose, &[dc.told("session")]);
    assert_eq!(run(&["-q", "-v", "demo"]).status.code(), Some(2));
}

/// Arguments, and text that the error must contain.
type Mistake<'a> = (&'a [&'a str], &'a str);

#[test]
fn a_mistake_is_refused_at_once_with_what_was_meant() {
    let began = std::time::Instant::now();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no dir");
    let (file, pem) = (dir.join("x"), "no.pem");
    let deeper = dir.join("deeper/x");
    let (file, deeper) = (file.to_str().unwrap(), deeper.to_str().unwrap());
    let at = |addr: &'static str| ["start", "@b", "x", "--key", pem, "--dc", addr];
    let (bare, http, scheme) = (at("127.0.0.1"), at("127.0.0.1:http"), at("http://127.0.0.1:1"));
    let mistakes: [Mistake; 27] = [
        (&bare, "expected host:port"),
        (&http, "expected host:port"),
        (&scheme, "expected host:port"),
        (&["dc", "--listen", "localhost"], "expected host:port"),
        (&["dc", "--also", "4=localhost"], "expected host:port"),
        (&["dc", "--fault", "composite-prime"], "did you mean `prime-composite`?"),
        (&["dc", "--refuse", "messages.startBott=INTERNAL"], "did you mean messages.startBot?"),
        (&["dc", "--record", file], "there is no directory"),
        (&["dc", "--pem", file], "there is no directory"),
        (&["dc", "--keylog", file], "there is no directory"),
        (&["demo", "--record", file], "--record: cannot write"),
        (&["login", "--api-id", "1", "--api-hash", "x", "--session", deeper], "there is no directory"),
        (&["login", "--api-id", "abc"], "my.telegram.org"),
        (&["start", "@b", "--wait", "3 days"], "such as 500ms or 2m"),
        (&["start", "@b", "--timeout", "0"], "at least 1ms"),
        (&["start", "@b", "--flood-wait", "x"], "expected a duration"),
        (&["session", "convert", "--to", "teleton"], "did you mean `telethon`?"),
        (&["start", "hi", "@echo_bot"], "did you mean `nanogram start @echo_bot hi`?"),
        (&["start", "hi", "t.me/echo_bot"], "did you mean `nanogram start t.me/echo_bot hi`?"),
        (&["start", "t.me/@bot?start=x"], "did you mean 'https://t.me/bot?start=x'?"),
        (&["start", "@bot?start=x"], "did you mean 'https://t.me/bot?start=x'?"),
        (&["start", "bot?start=x"], "did you mean 'https://t.me/bot?start=x'?"),
        (&["start", "@bot", "-abc"], "'-- -abc'"),
        (&["start", "tg://passport?bot_id=1&scope=s"], "requests documents from Telegram Passport"),
        (&["start", "tg://settings/devices"], "it opens the settings"),
        (&["start", "tg://addstickers?set=x"], "it opens a sticker set"),
        (&["start", "tg://join?invite=x"], "it invites to a group or a channel"),
    ];
    for (args, wanted) in mistakes {
        let said = run(args);
        assert_eq!((said.status.code(), out(&said)), (Some(2), ""), "{args:?} {said:?}");
        assert!(err(&said).contains(wanted), "{args:?}: {wanted}\n{}", err(&said));
    }
    assert!(!dir.exists() && began.elapsed().as_secs() < 30, "nothing is made, and nothing is waited for");
    let param = run(&["start", "@bot", "start=123"]);
    assert!(err(&param).contains("START_PARAM_INVALID") && err(&param).contains("what follows `=`: 123"), "{param:?}");
}

#[test]
fn a_bare_port_is_one_of_this_machine() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut process =
        command(&["dc", "--json", "--listen", &free]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["addr"], format!("127.0.0.1:{free}"));
}

#[test]
fn an_ignored_part_of_a_link_is_named_and_the_bot_started() {
    let dc = Dc::open("ignored_part");
    for (link, odd) in [
        ("t.me/echo_bot?start=a&start=b", "only the first `start` counts"),
        ("t.me/echo_bot?start=a&utm_source=b", "\"utm_source\" has no effect"),
        ("t.me/echo_bot?start=a#b", "follows `#`"),
    ] {
        let said = dc.start(&[link]);
        assert_eq!(out(&said), "started @echo_bot: updates\nYou started me with: a\n");
        assert!(err(&said).contains("A part of the link is ignored: ") && err(&said).contains(odd), "{said:?}");
    }
}

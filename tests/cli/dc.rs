//! `nanogram dc` as users run it: its startup message and its injected failures.

use nanogram::client::{Client, Error, Options};
use nanogram::crypto::rsa::RsaKey;
use nanogram::lab::capture::{CaptureError, Recording};
use nanogram::telegram::api::connect::{GetConfig, GetNearestDc};
use nanogram::telegram::api::updates::{GetState, Updates, UpdatesKind};
use nanogram::telegram::api::users::GetUsers;
use nanogram::telegram::dcs::Environment;
use nanogram::tl::Tl;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nanogram"));
    for name in ["NANOGRAM_SESSION", "NANOGRAM_API_ID"] {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// `nanogram dc --json` with flags, as a separate process.
struct Dc {
    process: Child,
    ready: Value,
}

impl Dc {
    fn open(flags: &[&str]) -> Self {
        let mut process = command(&[&["dc", "--json"], flags].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { process, ready: serde_json::from_str(&line).unwrap() }
    }
    fn told(&self, path: &str) -> &str {
        self.ready.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("{path}: {}", self.ready))
    }
    fn keys(&self) -> Vec<RsaKey> {
        vec![RsaKey::from_pem(self.told("/public_key_pem")).unwrap()]
    }
    /// Client of a named user; the session string has the address.
    async fn client(&self, name: &str) -> Client {
        let options = Options::from_session(self.told(&format!("/sessions/{name}"))).unwrap().api_id(1);
        let addr = options.address().unwrap();
        Client::connect(options.at(&addr, self.keys())).await.unwrap()
    }
    fn start(&self, args: &[&str]) -> Output {
        let place = ["--dc", self.told("/addr"), "--key", self.told("/public_key_pem"), "--json"];
        command(&[&["start"], args, &place].concat()).env("NANOGRAM_SESSION", self.told("/session")).output().unwrap()
    }
    /// Outcome of `nanogram start @echo_bot`: `ok`, or the error.
    fn started(&self) -> String {
        let said: Value = serde_json::from_slice(&self.start(&["@echo_bot", "x", "--timeout", "20"]).stdout).unwrap();
        said["error"]["type"].as_str().unwrap_or("ok").into()
    }
    /// Stops the server and returns its log.
    fn log(&mut self) -> String {
        self.process.kill().unwrap();
        let mut log = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }
}

impl Drop for Dc {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn it_says_who_is_here_and_where_everybody_lives() {
    let dc = Dc::open(&["--home", "bob=5", "--password", "alice=a secret", "--password", "carol="]);
    let keys: Vec<_> = dc.ready.as_object().unwrap().keys().map(String::as_str).collect();
    let known = ["addr", "dc_id", "test", "dcs", "fingerprint", "public_key_pem", "session", "telethon_session"];
    assert_eq!(keys, [&known[..], &["sessions", "users", "bots"]].concat());
    let dcs: Vec<_> = dc.ready["dcs"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((dcs, dc.told("/dcs/2")), (vec!["2", "4", "5"], dc.told("/addr")));
    let users: Vec<_> = dc.ready["users"].as_array().unwrap().iter().collect();
    let tell = |user: &Value| (user["name"].clone(), user["dc_id"].clone(), user["has_password"].clone());
    let users: Vec<_> = users.into_iter().map(tell).collect();
    let expected = [("alice", 2, true), ("bob", 5, false), ("carol", 2, false), ("dave", 4, false)];
    assert_eq!(users, expected.map(|(name, dc, has)| (name.into(), dc.into(), has.into())));
    assert_eq!(dc.told("/users/3/phone"), "10000000004");
    assert_eq!(dc.told("/sessions/alice"), dc.told("/session"));
    assert!(dc.told("/bots/0/token").starts_with("2000001:AA"));
    assert!(!dc.ready.to_string().contains("a secret"));
}

#[tokio::test]
async fn each_session_is_somebodys_at_the_data_centre_of_its_own() {
    let dc = Dc::open(&["--also", "7=127.0.0.1:0", "--home", "bob=7"]);
    for (name, home) in [("alice", 2), ("bob", 7), ("carol", 2), ("dave", 4)] {
        let client = dc.client(name).await;
        assert_eq!(client.call(&GetNearestDc {}).await.unwrap().0.this_dc, home, "{name}");
        client.call(&GetState {}).await.unwrap();
        let config = client.call(&GetConfig {}).await.unwrap().0;
        let dcs: Vec<_> = config.dc_options.iter().map(|dc| dc.0.id).collect();
        assert_eq!(dcs, [2, 7, 4], "all know all");
    }
}

#[tokio::test]
async fn in_the_test_environment_the_numbers_are_others() {
    let dc = Dc::open(&["--test"]);
    assert_eq!(dc.ready["test"], true);
    let connect = async |environment| {
        let options = Options::new(environment, 2).api_id(1).at(dc.told("/addr"), dc.keys());
        let client = Client::connect(Options { attempts: 1, ..options }).await?;
        client.call(&GetConfig {}).await.map(|config| config.0.test_mode)
    };
    assert!(connect(Environment::Test).await.unwrap());
    assert!(connect(Environment::Production).await.is_err(), "-444: an invalid data centre");
    let client = dc.client("alice").await;
    assert!(client.call(&GetConfig {}).await.unwrap().0.test_mode);
}

#[test]
fn calls_are_refused_as_often_as_was_said() {
    let dc =
        Dc::open(&["--refuse", "messages.startBot=CHAT_WRITE_FORBIDDEN*2", "--refuse", "messages.startBot=ODD:403"]);
    let said: Vec<_> = (0..4).map(|_| dc.started()).collect();
    assert_eq!(said, ["CHAT_WRITE_FORBIDDEN", "CHAT_WRITE_FORBIDDEN", "ODD", "ok"]);
    let dc = Dc::open(&["--refuse", "contacts.resolveUsername=USERNAME_INVALID*forever"]);
    assert_eq!([dc.started(), dc.started()], ["USERNAME_INVALID"; 2]);
}

#[test]
fn an_error_without_a_code_has_the_one_that_belongs_to_it() {
    let cases = [
        ("CHAT_WRITE_FORBIDDEN", 403),
        ("SESSION_REVOKED", 401),
        ("AUTH_KEY_UNREGISTERED", 401),
        ("USER_DEACTIVATED_BAN", 401),
        ("FLOOD_WAIT_99", 420),
        ("SLOWMODE_WAIT_99", 420),
        ("PEER_FLOOD", 400),
        ("AUTH_KEY_DUPLICATED", 406),
    ];
    let flags: Vec<_> = cases.iter().map(|(name, _)| format!("messages.startBot={name}")).collect();
    let flags: Vec<_> = flags.iter().flat_map(|flag| ["--refuse", flag]).collect();
    let mut dc = Dc::open(&flags);
    for (name, _) in cases {
        assert_eq!(dc.started(), name);
    }
    let log = dc.log();
    let refused: Vec<_> =
        log.lines().filter_map(|line| line.split_once("startBot by 1000001: ")).map(|l| l.1).collect();
    assert_eq!(refused, cases.map(|(name, code)| format!("{code} {name}")), "{log}");
}

#[test]
fn a_call_is_withheld_ignored_or_hung_up_on() {
    // A call cut off by --hang-up was executed, and its answer comes on the next connection; likewise after any cut.
    let mut dc = Dc::open(&["--hang-up", "messages.startBot", "--cut", "packets-out=1", "--cut", "bytes-in=90"]);
    assert_eq!(dc.started(), "ok");
    let log = dc.log();
    assert_eq!(log.matches("the script says so").count(), 3, "{log}");
    for act in ["--withhold", "--ignore"] {
        let dc = Dc::open(&[act, "messages.startBot*forever"]);
        let output = dc.start(&["@echo_bot", "x", "--timeout", "2"]);
        assert_eq!(output.status.code(), Some(6), "{output:?}");
    }
}

#[tokio::test]
async fn after_a_406_comes_the_sentence_for_the_user() {
    let dc = Dc::open(&["--refuse", "users.getUsers=UPDATE_APP_TO_LOGIN"]);
    let client = dc.client("bob").await;
    let me = || GetUsers { id: vec![nanogram::telegram::api::peer::InputUserSelf {}.into()] };
    client.call(&GetState {}).await.unwrap();
    let Err(Error::Told { error, text }) = client.call(&me()).await else { panic!("it was to be refused") };
    assert_eq!(text.as_deref(), Some("The data centre cannot do this: UPDATE_APP_TO_LOGIN."));
    assert_eq!((error.code, &*error.message), (406, "UPDATE_APP_TO_LOGIN"));
    let update = tokio::time::timeout(Duration::from_secs(10), client.next_update()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&update).into_owned();
    assert!(text.contains("UPDATE_APP_TO_LOGIN") && text.contains("cannot do this"), "{text}");
    assert_eq!(Updates::from_bytes(&update).unwrap().kind, UpdatesKind::Short);
    client.call(&me()).await.unwrap();
}

#[tokio::test]
async fn a_duplicated_key_is_gone() {
    let mut dc = Dc::open(&["--refuse", "users.getUsers=AUTH_KEY_DUPLICATED"]);
    let client = dc.client("carol").await;
    let me = GetUsers { id: vec![nanogram::telegram::api::peer::InputUserSelf {}.into()] };
    assert!(client.call(&me).await.is_err());
    assert!(client.call(&GetState {}).await.is_err());
    let options = Options::from_session(dc.told("/sessions/carol")).unwrap().api_id(1).at(dc.told("/addr"), dc.keys());
    let again = Client::connect(options).await.unwrap();
    assert!(again.call(&GetState {}).await.is_err());
    let log = dc.log();
    // Temporary keys cannot be bound to it any more.
    let is_gone = log.contains("refused: no key ") || log.contains("bindTempAuthKey: 400 ENCRYPTED_MESSAGE_INVALID");
    assert!(is_gone && !log.contains("getState by 1000003"), "{log}");
}

#[test]
fn a_wrong_flag_says_what_is_wrong() {
    let cases: [(&[&str], &str); 19] = [
        (&["--refuse", "messages.startBot"], "METHOD=ERROR"),
        (&["--refuse", "startBot=BOT_INVALID"], "did you mean messages.startBot?"),
        (&["--refuse", "messages.startbot=BOT_INVALID"], "did you mean messages.startBot?"),
        (&["--refuse", "messages.fly=BOT_INVALID"], "no method `messages.fly`"),
        (&["--refuse", "initConnection=BOT_INVALID"], "called directly"),
        (&["--refuse", "messages.startBot="], "needs a name"),
        (&["--refuse", "messages.startBot=BOT_INVALID:x"], "the code `x` is not a number"),
        (&["--refuse", "messages.startBot=BOT_INVALID*0"], "a number from 1"),
        (&["--withhold", "inputUserSelf"], "no method"),
        (&["--hang-up", "help.getConfig*often"], "forever"),
        (&["--cut", "bytes=3"], "packets-out"),
        (&["--cut", "bytes-in=many"], "not a number"),
        (&["--fault", "bad-temper"], "--list-faults"),
        (&["--fault", "bad-msg-key*0"], "a number from 1"),
        (&["--also", "127.0.0.1:0"], "ID=HOST:PORT"),
        (&["--also", "0=127.0.0.1:0"], "1 to 255"),
        (&["--also", "2=127.0.0.1:0"], "already exists"),
        (&["--home", "erin=4"], "alice, bob, carol, dave"),
        (&["--password", "erin=my secret"], "alice, bob, carol, dave"),
    ];
    for (flags, says) in cases {
        let output = command(&[&["dc", "--json"], flags].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {output:?}");
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let message = said["error"]["message"].as_str().unwrap();
        assert!(said["error"]["type"] == "USAGE" && message.contains(says), "{flags:?}: {message}");
        assert!(!message.contains("my secret"), "{message}");
    }
}

#[test]
fn every_fault_is_listed_and_can_be_asked_for() {
    let output = command(&["dc", "--list-faults", "--json"]).output().unwrap();
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = all.as_array().unwrap();
    assert!(all.len() > 150 && output.status.success());
    let keys: Vec<_> = all[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["name", "row", "says"]);
    let text = command(&["dc", "--list-faults"]).output().unwrap();
    assert_eq!(String::from_utf8(text.stdout).unwrap().lines().count(), all.len());

    let mut dc = Dc::open(&["--fault", "bad-msg-key*2", "--fault", "byte-by-byte", "--fault", "second-answer"]);
    assert_eq!((dc.started(), dc.started()), ("ok".into(), "ok".into()));
    let log = dc.log();
    let count = |name| log.matches(&format!("misbehaved: {name}")).count();
    assert_eq!((count("bad-msg-key"), count("byte-by-byte"), count("second-answer")), (2, 1, 1), "{log}");
}

#[test]
fn people_are_told_the_same() {
    let mut process = command(&["dc", "--home", "bob=4"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
    let text: Vec<String> = lines.take_while(|line| !line.starts_with("@nano_group")).collect();
    process.kill().unwrap();
    process.wait().unwrap();
    let text = text.join("\n");
    for word in [
        "Data centre 4, with the same users, listens on",
        "+10000000002  data centre 4  @bob_nano",
        "+10000000003  data centre 2, has a password",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn what_is_said_there_can_be_recorded_and_read_whole() {
    let folder = std::env::temp_dir().join(format!("nanogram-record-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("talk.json");
    let path = file.to_str().unwrap();
    let mut dc = Dc::open(&["--record", path]);
    assert_eq!(dc.started(), "ok");
    #[cfg(unix)]
    {
        let done = Command::new("kill").args(["-TERM", &dc.process.id().to_string()]).status().unwrap();
        assert!(done.success() && dc.process.wait().unwrap().success(), "told to end, it writes and is done");
    }
    #[cfg(not(unix))]
    std::thread::sleep(Duration::from_secs(2)); // the last client has disconnected
    let output = command(&["decode", path]).output().unwrap();
    let (told, sum) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success() && sum.contains(" 0 fail; 0 packets stay locked"), "{sum}{told}");
    for word in ["with data centre 2", "messages.startBot", "auth.bindTempAuthKey", "new_nonce_hash1 ok"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    std::fs::remove_dir_all(&folder).unwrap();

    let refused = command(&["dc", "--json", "--record", path]).output().unwrap();
    let said: Value = serde_json::from_slice(&refused.stdout).unwrap(); // not the startup message
    assert_eq!((refused.status.code(), &said["error"]["type"]), (Some(2), &"FILE".into()), "{said}");
}

/// The most bytes that the process writes for one byte of a recording, sockets and log included.
#[cfg(target_os = "linux")]
const MAX_WRITTEN: u64 = 2;

#[test]
fn a_recording_is_appended_to_and_is_readable_after_a_kill_at_any_byte() {
    let folder = std::env::temp_dir().join(format!("nanogram-append-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("talk.json");
    let path = file.to_str().unwrap();
    let mut dc = Dc::open(&["--record", path]);
    let mut before = std::fs::read(&file).unwrap();
    for round in 0..8 {
        assert_eq!(dc.started(), "ok");
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        let now = loop {
            let now = std::fs::read(&file).unwrap();
            if now.len() > before.len() || std::time::Instant::now() > deadline {
                break now;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(now.len() > before.len() && now.starts_with(&before), "round {round}: what was written stays");
        assert!(!Recording::read(&now).unwrap().connections.is_empty());
        before = now;
    }
    #[cfg(target_os = "linux")]
    {
        let io = std::fs::read_to_string(format!("/proc/{}/io", dc.process.id())).unwrap();
        let written: u64 = io.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap().parse().unwrap();
        let len = std::fs::metadata(&file).unwrap().len();
        println!("{written} bytes written for a recording of {len}");
        assert!(written <= MAX_WRITTEN * len, "{written} bytes written for a recording of {len}");
    }
    dc.process.kill().unwrap();
    dc.process.wait().unwrap();
    let whole = std::fs::read(&file).unwrap();
    let all = Recording::read(&whole).unwrap();
    assert!(all.connections.len() >= 8 && !all.is_cut);
    let head = whole.iter().position(|byte| *byte == b'\n').unwrap();
    let (mut bytes, mut cuts) = (0, 0);
    // Every place of the first entry, and some of the next and of the last.
    let places = (0..head + 400).chain(whole.len() - 400..whole.len());
    for len in places {
        match Recording::read(&whole[..len]) {
            Ok(recording) => {
                let told = recording.connections.iter().flat_map(|c| &c.chunks).map(|chunk| chunk.bytes.len()).sum();
                assert!(len >= head && told >= bytes, "{len}");
                (bytes, cuts) = (told, cuts + usize::from(recording.is_cut));
            }
            Err(CaptureError::Cut(..)) => assert!(len < head, "{len} of {head}"),
            Err(error) => panic!("{len} of {}: {error}", whole.len()),
        }
    }
    assert!(cuts > 700, "{cuts}");
    std::fs::write(&file, &whole[..whole.len() - 5]).unwrap();
    let output = command(&["decode", path]).output().unwrap();
    let sum = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && sum.contains("The recording is cut") && sum.contains(" 0 fail"), "{sum}");
    std::fs::write(&file, &whole[..head - 5]).unwrap();
    let output = command(&["decode", path]).output().unwrap();
    let sum = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && sum.contains("cut short in its first entry"), "{sum}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn each_line_of_the_log_bears_its_time_and_the_keys_made_are_kept_for_their_owner() {
    let folder = std::env::temp_dir().join(format!("nanogram-dc-keys-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("keys.log");
    let path = file.to_str().unwrap();
    let mut dc = Dc::open(&["--keylog", path]);
    assert_eq!(dc.started(), "ok");
    let log = dc.log();
    assert!(log.lines().count() > 5);
    for line in log.lines() {
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.len() == 24 && time.starts_with("20") && time.ends_with('Z') && rest.starts_with('#'), "{line}");
    }
    let text = std::fs::read_to_string(&file).unwrap();
    let keys = nanogram::protocol::keylog::parse(&text).unwrap();
    let made = log.matches(" made the ").count();
    assert!(made > 0, "{log}");
    assert_eq!(keys.len(), made + 4, "those of the four who are signed in, and those that were made");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        for flag in ["--keylog", "--record"] {
            for path in [path, "/dev/null"] {
                let refused = command(&["dc", "--json", flag, path]).output().unwrap();
                assert_eq!(refused.status.code(), Some(2), "{flag} {path}: {refused:?}");
            }
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn any_error_of_a_real_server_can_be_played() {
    for (given, name, code) in [
        ("RECAPTCHA_CHECK_signup__6L", "RECAPTCHA_CHECK_signup__6L", 403),
        ("Timeout:-503", "Timeout", -503),
        ("Timeout", "Timeout", -503),
        ("NOT_WELL FORMED: 3 of 4:400", "NOT_WELL FORMED: 3 of 4", 400),
        ("BOT_INVALID", "BOT_INVALID", 400),
    ] {
        let mut dc = Dc::open(&["--refuse", &format!("messages.startBot={given}*forever")]);
        let _ = dc.started();
        let log = dc.log();
        assert!(log.contains(&format!("messages.startBot by 1000001: {code} {name}")), "{given}: {log}");
    }
}

#[test]
fn to_listen_for_other_machines_is_warned_of() {
    let mut dc = Dc::open(&["--listen", "0.0.0.0:0"]);
    assert!(dc.log().contains("warning: 0.0.0.0:"));
    let mut dc = Dc::open(&[]);
    assert!(!dc.log().contains("warning"));
}

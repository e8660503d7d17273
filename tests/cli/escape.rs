//! Escaping of foreign text in every output, and redaction of secrets in every error.
//!
//! `cargo test --all-features --test cli escape -- --nocapture` prints the table of outputs. `tests/cli/secrets.rs` has
//! the places where a session string can be put by mistake.

use bytes::{Bytes, BytesMut};
use nanogram::base::escape::deceives;
use nanogram::base::side::Side;
use nanogram::base::time::Instant;
use nanogram::client::Error;
use nanogram::client::{Client, Options};
use nanogram::crypto::auth_key::AuthKey;
use nanogram::crypto::dh::KNOWN_PRIME;
use nanogram::crypto::rsa::RsaKey;
use nanogram::lab::capture::{Chunk, Connection, Recording};
use nanogram::lab::dc::call::App;
use nanogram::lab::dc::log::Entry;
use nanogram::protocol::keylog::{self, KeyLog as _};
use nanogram::protocol::session::packet::{Header, seal};
use nanogram::protocol::session::{CallError, RpcError};
use nanogram::telegram::api::account::{
    GetPassword, Password, PasswordKdfAlgo, PasswordKdfAlgoModPow, PasswordKdfAlgoUnknown, SecurePasswordKdfAlgoPbkdf2,
};
use nanogram::telegram::api::auth::SignIn;
use nanogram::telegram::api::connect::GetNearestDc;
use nanogram::tl::schema::Value;
use nanogram::tl::{Blob, Hidden};
use nanogram::wire::transport::{Framer, Framing};
use rand::SeedableRng as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Colour, title, an 8-bit CSI, a forged line, reversed reading order, line separators, invisible characters.
const EVIL: &str = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \u{9b}2J \r\nforged: the code is 31337 \u{202e}evil\u{2066} \u{200f}\u{61c}\u{2028}\u{2029}\u{feff}\u{200b}";

fn is_clean(text: &str) -> bool {
    !text.chars().any(|c| deceives(c) && c != '\n' && c != '\t')
}
fn is_clean_line(text: &str) -> bool {
    !text.chars().any(deceives)
}

fn run(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nanogram"));
    for name in ["NANOGRAM_SESSION", "NANOGRAM_API_ID", "NANOGRAM_API_HASH"] {
        command.env_remove(name);
    }
    let home = env!("CARGO_TARGET_TMPDIR");
    command.env("XDG_DATA_HOME", home).env("HOME", home).envs(env.iter().copied());
    command.args(args).stdin(Stdio::null()).output().unwrap()
}
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn errors_of_the_library_are_escaped() {
    let error = RpcError::new(400, EVIL);
    let told = Error::Told { text: Some(EVIL.into()), error: error.clone() };
    for shown in [
        error.to_string(),
        CallError::Refused(error.clone()).to_string(),
        Error::Rpc(error.clone()).to_string(),
        Error::NotSignedIn(error).to_string(),
        told.to_string(),
    ] {
        assert!(is_clean_line(&shown) && shown.contains("red"), "{shown:?}");
    }
}

#[test]
fn the_log_of_the_data_centre_is_one_line_an_entry() {
    let app = App { device_model: EVIL.into(), app_version: EVIL.into(), ..App::default() };
    let call = Entry::Call { method: 1, user: None, error: Some(RpcError::new(400, EVIL)) };
    for entry in [Entry::App { app, layer: None }, call] {
        assert!(is_clean_line(&entry.to_string()), "{entry}");
    }
}

#[test]
fn values_are_escaped() {
    assert!(is_clean_line(&Value::Text(EVIL.into()).to_string()));
    let json = nanogram::base::escape::json(&Value::Text(EVIL.into()).to_json());
    assert!(is_clean_line(&json));
    assert_eq!(serde_json::from_str::<String>(&json).unwrap(), EVIL);
}

#[test]
fn the_program_escapes_what_a_recording_says() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("evil.json");
    let frame = "ef0a0000000000000000d4720600503dc56514000000f18e7ebe406709f612fadfbec3f0289d0aa67eef";
    let events = serde_json::json!([{ "t": 0.25, "dir": "c2s", "hex": frame }]);
    let recording = serde_json::json!({ "connections": [{ "name": EVIL, "events": events }] });
    fs::write(&path, recording.to_string()).unwrap();
    for args in [&["decode"][..], &["decode", "--json"]] {
        let output = run(&[args, &[path.to_str().unwrap()]].concat(), &[]);
        let said = said(&output);
        assert!(is_clean(&said) && !said.lines().any(|line| line.starts_with("forged")), "{said:?}");
    }
    // The name of a missing file.
    let output = run(&["decode", &EVIL.replace('\0', "")], &[]);
    assert!(is_clean(&said(&output)), "{output:?}");
}

/// Session string, `api_hash`, bot token, phone number, auth key.
fn secrets() -> Vec<String> {
    let session = String::from("1") + &"BAAOMTQ5LjE1NC4xNjcuNTEBuxYz9kQ7".repeat(11);
    let (hash, token) = ("0123456789abcdef0123456789abcdef", "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw");
    vec![session, hash.into(), token.into(), "+10000000001".into(), hash.repeat(16)]
}

#[test]
fn no_error_repeats_a_secret_at_a_wrong_place() {
    const X: &str = "SECRET";
    let places: &[&[&str]] = &[
        &[X],
        &["start", "@echo_bot", "x", X],
        &["start", "--sesion", X],
        &["start", "--sesion=SECRET"],
        &["start", "@echo_bot", "--api-id", X],
        &["start", "@echo_bot", "--random-id", X],
        &["start", "@echo_bot", "--timeout", X],
        &["login", X],
        &["logout", X],
        &["demo", X],
        &["session", X],
        &["session", "convert", "--to", X, "y"],
        &["session", "export", X],
        &["dc", X],
        &["dc", "--home", X],
        &["dc", "--also", X],
        &["dc", "--fault", X],
        &["dc", "--refuse", X],
        &["decode", "x", X],
    ];
    let files: &[&[&str]] =
        &[&["decode", X], &["decode", "Cargo.toml", "--keylog", X], &["decode", "--rsa-key", X, "x"]];
    for secret in secrets() {
        for place in places.iter().chain(files) {
            let args: Vec<String> = place.iter().map(|word| word.replace(X, &secret)).collect();
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            for args in [args.clone(), [&args[..], &["--json"]].concat()] {
                let output = run(&args, &[]);
                assert!(!output.status.success(), "{args:?}");
                assert!(!said(&output).contains(&secret), "{place:?}: {}", said(&output));
            }
        }
        let output = run(&["start", "@echo_bot", "--json"], &[("NANOGRAM_API_ID", &secret)]);
        assert!(!said(&output).contains(&secret), "NANOGRAM_API_ID: {}", said(&output));
    }
}

#[test]
fn a_code_is_hidden_and_an_ordinary_number_is_told() {
    for args in [&["54321"][..], &["login", "54321"], &["login", "--json", "54321"]] {
        let output = run(args, &[]);
        assert!(!output.status.success() && !said(&output).contains("54321"), "{}", said(&output));
    }
    for args in [&["start", "@echo_bot", "--timeout", "99999999"][..], &["dc", "--home", "54321"], &["logout", "54321"]]
    {
        let output = run(args, &[]);
        assert!(!output.status.success() && said(&output).contains(args[args.len() - 1]), "{}", said(&output));
    }
}

#[test]
fn the_program_escapes_what_a_server_says() {
    use nanogram::lab::dc::listener::Listener;
    use nanogram::lab::dc::residents::ALICE;
    use nanogram::lab::dc::{Act, Dc};
    use nanogram::telegram::api::messages::StartBot;
    use nanogram::telegram::store::{Format, SavedSession, string};
    use nanogram::tl::Combinator;
    let (ready, place) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let make = |now, unix| Dc::new(now, unix, Box::new(rand::rngs::SysRng));
            let mut listener = Listener::bind("127.0.0.1:0", make).await.unwrap();
            let mut alice = listener.dc.world.user(ALICE).unwrap().clone();
            alice.first_name = EVIL.into();
            listener.dc.world.add_user(alice);
            listener.dc.script(StartBot::ID, Act::Refuse(RpcError::new(400, EVIL)), 2);
            let session = SavedSession::new(2, listener.dc.sign_in(ALICE).unwrap());
            let session = string::write(&session, Format::Nanogram).unwrap().to_string();
            let pem = listener.dc.public_keys().next().unwrap().to_pem();
            ready.send((listener.local_addr().unwrap().to_string(), pem, session)).unwrap();
            while listener.next().await.is_ok() {}
        })
    });
    let (addr, pem, session) = place.recv().unwrap();
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("evil.session");
    let _absent = fs::remove_file(&file);
    let file = file.to_str().unwrap();
    let place = ["--dc", &addr, "--key", &pem];
    for args in [
        vec!["start", "@echo_bot", "x", "--session", &session],
        vec!["start", "@echo_bot", "x", "--json", "--session", &session],
        vec!["session", "import", &session, "--check", "--session", file],
    ] {
        let output = run(&[&args[..], &place].concat(), &[]);
        let said = said(&output);
        assert!(said.contains("red"), "{said}");
        assert!(is_clean(&said) && !said.lines().any(|line| line.trim().starts_with("forged")), "{said:?}");
    }
}

/// An output: the source and the words that write to it, how often they stand there, what of others it carries, what
/// escapes it, and the test.
type Sink = (&'static str, &'static str, usize, &'static str, &'static str, &'static str);

const PROGRAM: &str = "each_output_of_the_program_escapes_text_of_others";
const SINKS: &[Sink] = &[
    ("bin/nanogram/output.rs", "stdout()", 1, "answers, names, decoded values, JSON", "lines, json", PROGRAM),
    ("bin/nanogram/story.rs", "stderr().lock()", 2, "errors, hints, the log of `dc`, notices", "one_line", PROGRAM),
    (
        "bin/nanogram/story.rs",
        "set_message(",
        2,
        "usernames, addresses",
        "one_line",
        "only_our_own_inks_reach_the_terminal",
    ),
    ("bin/nanogram/prompt.rs", "stderr().lock()", 1, "password hints, masked email addresses", "one_line", PROGRAM),
    ("bin/nanogram/prompt.rs", "/dev/tty", 1, "the same", "one_line", PROGRAM),
    ("bin/nanogram/prompt.rs", "writeln!(io::stderr())", 1, "nothing: a line feed", "-", "-"),
    (
        "bin/nanogram/main.rs",
        "stderr().lock()",
        1,
        "words of the command line",
        "lines",
        "the_program_escapes_its_command_line",
    ),
    ("bin/nanogram/main.rs", ".print()", 1, "nothing: help and version", "-", "-"),
    ("bin/nanogram/foreign.rs", "println!(", 1, "nothing: code in a hint", "-", "-"),
    (
        "client/error.rs",
        "impl fmt::Display for Error",
        1,
        "errors of the server",
        "one_line",
        "errors_of_the_library_are_escaped",
    ),
    (
        "protocol/session/rpc.rs",
        "impl fmt::Display for RpcError",
        1,
        "errors of the server",
        "one_line",
        "errors_of_the_library_are_escaped",
    ),
    (
        "lab/dc/log.rs",
        "impl fmt::Display for Entry",
        1,
        "device_model, app_version, errors",
        "one_line",
        "the_log_of_the_data_centre_is_one_line_an_entry",
    ),
    (
        "ffi/mod.rs",
        "one_line(&error.message)",
        1,
        "C: message of an event",
        "one_line",
        "ffi: the_message_of_an_event_is_one_line",
    ),
    ("base/escape.rs", "pub fn json", 1, "JSON of values and steps", "json", "values_are_escaped"),
];

/// Words that write to a terminal.
const WRITES: &[&str] = &[
    "stdout()",
    "stderr().lock()",
    "writeln!(io::stderr())",
    "/dev/tty",
    "set_message(",
    ".print()",
    "print!(",
    "println!(",
    "dbg!(",
];

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|ext| ext == "rs")
            && !path.ends_with("tests.rs")
            && !path.ends_with("mont_proof.rs")
        {
            out.push(path);
        }
    }
}

#[test]
fn each_place_that_prints_is_in_the_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let count = |text: &str, words: &str| {
        // Not in documentation, nor in tests.
        let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
        code.lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .map(|line| line.matches(words).count())
            .sum::<usize>()
    };
    println!("{:26} {:34} {:42} {:12} test", "source", "writes", "carries", "escaped by");
    for (file, words, times, carries, how, test) in SINKS {
        println!("{file:26} {words:34} {carries:42} {how:12} {test}");
        let text = fs::read_to_string(src.join(file)).unwrap();
        assert_eq!(count(&text, words), *times, "{file}: {words}");
    }
    for path in files {
        let name = path.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
        let text = fs::read_to_string(&path).unwrap();
        for words in WRITES {
            let told =
                SINKS.iter().find(|(file, of, ..)| *file == name && of == words).map_or(0, |(_, _, times, ..)| *times);
            assert_eq!(count(&text, words), told, "{name} writes with {words}, and the table does not say what");
        }
    }
}

/// A recording in which a server sends an error with `text`, and its name.
fn recording(text: &str, name: &str) -> Recording {
    let mut body = [0xf35c_6d01_u32.to_le_bytes(), [4, 0, 0, 0], [0; 4], 0x2144_ca19_u32.to_le_bytes()].concat();
    body.extend(400_i32.to_le_bytes());
    body.push(u8::try_from(text.len()).unwrap());
    body.extend(text.as_bytes());
    body.resize(body.len().next_multiple_of(4), 0);
    let key = AuthKey::from_bytes([7; 256]);
    let header = Header { salt: 0, session_id: 1, msg_id: 5, seqno: 1 };
    let (mut framer, mut wire) = (Framer::new(Framing::ABRIDGED, Side::Server), BytesMut::new());
    let mut random = rand::rngs::ChaCha12Rng::seed_from_u64(1);
    framer.encode(&seal(&key, Side::Server, &header, &body, &mut random).unwrap().0, &mut wire).unwrap();
    let said = |from, bytes| Chunk { at: Instant::ZERO, from, bytes };
    let chunks = vec![said(Side::Client, Bytes::from_static(&[0xef])), said(Side::Server, wire.freeze())];
    let connections = vec![Connection { chunks, name: name.into(), ..Connection::default() }];
    let mut recording = Recording { connections, ..Recording::default() };
    recording.secrets.note(&keylog::Entry::AuthKey(key));
    recording
}

fn check(what: &str, said: &str) {
    assert!(said.contains("red"), "{what}: {said}");
    assert!(is_clean(said), "{what}: {said:?}");
    assert!(!said.lines().any(|line| line.trim().starts_with("forged")), "{what}: {said:?}");
    let shown = said.lines().find(|line| line.contains("red")).unwrap_or_default();
    let at = shown.find("red").unwrap_or_default();
    println!("{what:34} …{}", shown.get(at..).unwrap_or_default().chars().take(90).collect::<String>());
}

fn with_stdin(args: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nanogram"));
    command.env_remove("NANOGRAM_SESSION").args(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn each_output_of_the_program_escapes_text_of_others() {
    use nanogram::lab::dc::listener::Listener;
    use nanogram::lab::dc::residents::ALICE;
    use nanogram::lab::dc::script::FOREVER;
    use nanogram::lab::dc::{Act, Dc};
    use nanogram::tl::Combinator as _;
    // decode: the text of a message and the name of the connection.
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("evil-text.json");
    fs::write(&path, recording(EVIL, EVIL).to_json().to_string()).unwrap();
    for option in [None, Some("--full"), Some("--json")] {
        let args: Vec<&str> = ["decode", path.to_str().unwrap()].into_iter().chain(option).collect();
        check(&format!("decode {}", option.unwrap_or_default()), &said(&run(&args, &[])));
    }

    // login: the masked address of an email, and the hint of a password.
    let (ready, place) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let make = |now, unix| Dc::new(now, unix, Box::new(rand::rngs::SysRng));
            let mut listener = Listener::bind("127.0.0.1:0", make).await.unwrap();
            listener.dc.world.set_mail(ALICE, EVIL);
            listener.dc.script(SignIn::ID, Act::Refuse(RpcError::new(401, "SESSION_PASSWORD_NEEDED")), FOREVER);
            listener.dc.script(GetPassword::ID, Act::Answer(password().to_boxed()), FOREVER);
            let pem = listener.dc.public_keys().next().unwrap().to_pem();
            ready.send((listener.local_addr().unwrap().to_string(), pem)).unwrap();
            while listener.next().await.is_ok() {}
        })
    });
    let (addr, pem) = place.recv().unwrap();
    let session = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("evil-login.session");
    let _absent = fs::remove_file(&session);
    let login = [
        "login",
        "--dc",
        &addr,
        "--key",
        &pem,
        "--session",
        session.to_str().unwrap(),
        "--phone",
        "+10000000001",
        "--timeout",
        "5",
    ];
    check("login: where the code went", &said(&with_stdin(&login, "")));
    let output = said(&with_stdin(&login, "12345\n"));
    let hint = output.split("your hint").nth(1).unwrap_or_else(|| panic!("{output}"));
    check("login: the hint of a password", hint);

    // dc: what a client says of itself, in the log.
    let mut command = Command::new(env!("CARGO_BIN_EXE_nanogram"));
    let mut dc = command.args(["dc", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(dc.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let about: serde_json::Value = serde_json::from_str(&line).unwrap();
    let text = |name: &str| about[name].as_str().unwrap().to_string();
    let mut options = Options::from_session(&text("session")).unwrap().api_id(1);
    options = options.at(&text("addr"), vec![RsaKey::from_pem(&text("public_key_pem")).unwrap()]);
    options.init.device_model = EVIL.into();
    options.init.app_version = EVIL.into();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        Client::connect(options).await.unwrap().call(&GetNearestDc {}).await.unwrap();
    });
    dc.kill().unwrap();
    let mut log = String::new();
    dc.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    dc.wait().unwrap();
    check("dc: the log", &log);
}

/// A question for a password, with a hint.
fn password() -> Password {
    let group =
        PasswordKdfAlgoModPow { salt1: Blob(vec![1]), salt2: Blob(vec![2]), g: 3, p: Blob(KNOWN_PRIME.to_vec()) };
    Password {
        has_recovery: false,
        has_secure_values: false,
        current_algo: Some((group.into(), Blob([&[1], &[7; 255][..]].concat()), 1)),
        hint: Some(Hidden(EVIL.into())),
        email_unconfirmed_pattern: None,
        new_algo: PasswordKdfAlgo::from(PasswordKdfAlgoUnknown {}),
        new_secure_algo: SecurePasswordKdfAlgoPbkdf2 { salt: Blob(vec![1; 8]) }.into(),
        secure_random: Blob(vec![7; 256]),
        pending_reset_date: None,
        login_email_pattern: None,
    }
}

#[test]
fn the_program_escapes_its_command_line() {
    for args in
        [&["start", "@echo_bot", "x", EVIL][..], &[EVIL], &["decode", EVIL], &["man", EVIL], &["dc", "--fault", EVIL]]
    {
        for json in [&[][..], &["--json"]] {
            let said = said(&run(&[args, json].concat(), &[]));
            assert!(is_clean(&said) && !said.lines().any(|line| line.starts_with("forged")), "{args:?} {said:?}");
        }
    }
}

//! Escaping of foreign text in every output, and redaction of secrets in every error.
//!
//! | output | may contain | test |
//! | --- | --- | --- |
//! | stderr: story, hints, errors | errors of the server, usernames | `the_program_escapes_what_a_server_says` |
//! | stderr: progress, prompts | usernames, password hints | `escape::one_line` in `story.rs` and `prompt.rs`; `only_our_own_inks_reach_the_terminal` |
//! | stdout: answers of bots, names | all of it | `the_program_escapes_what_a_recording_says` (one sink, `output::line`) |
//! | stdout: JSON | all of it | both of these (one sink, `output::json`) |
//! | `Display` of errors of the library | messages of the server | `errors_of_the_library_are_escaped` |
//! | `Display` of the data centre's log | `device_model`, `app_version`, errors | `the_log_of_the_data_centre_is_one_line_an_entry` |
//! | `Display` of values and steps | all of it | `values_are_escaped` |
//! | C: `message` of an event | messages of the server | `escape::one_line` in `ffi::words` |

use nanogram::base::escape::deceives;
use nanogram::client::Error;
use nanogram::lab::dc::call::App;
use nanogram::lab::dc::log::Entry;
use nanogram::protocol::session::{CallError, RpcError};
use nanogram::tl::schema::Value;
use std::fs;
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

//! A session string at every wrong place of the command line, the environment, files and stdin: neither it nor a part
//! of it
//! is printed.
//!
//! The places are those of `tests/fixtures/command_line.txt`, which a unit test of the program keeps as its parser has
//! them. `cargo test --all-features --test cli secrets -- --nocapture` prints what each place says.

use nanogram::crypto::auth_key::AuthKey;
use nanogram::crypto::rsa::RsaKey;
use nanogram::lab::dc::Dc;
use nanogram::lab::dc::listener::Listener;
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::store::{Format, SavedSession, Servers, string};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// So many characters of a secret in a row give it away.
const RECOGNISABLE: usize = 12;
/// Nobody listens here.
const NOWHERE: &str = "127.0.0.1:1";

/// A place of the command line.
struct Place {
    command: Vec<String>,
    place: String,
    value: String,
    env: String,
    is_required: bool,
}

fn places() -> Vec<Place> {
    let fixture = include_str!("../fixtures/command_line.txt");
    let rows = fixture.lines().map(|row| {
        let row: Vec<String> = row.split('\t').map(String::from).collect();
        let [command, place, value, env, need] = row.try_into().unwrap();
        let command = command.split(' ').filter(|word| *word != "-").map(String::from).collect();
        Place { command, place, value, env, is_required: need == "required" }
    });
    rows.collect()
}

/// Session strings of every kind, those of a server of one's own, so that none leads to Telegram.
fn sessions() -> Vec<(&'static str, String)> {
    let key = AuthKey::from_bytes(core::array::from_fn(|i| (i as u8).wrapping_mul(167).wrapping_add(13)));
    let session = SavedSession {
        // Not one that others have: it is no secret, and a data centre prints strings of its own.
        addr: Some(("10.9.8.7".into(), 1)),
        environment: Some(Environment::Production),
        user_id: Some(1_000_001),
        is_bot: Some(false),
        api_id: Some(5),
        ..SavedSession::new(2, key)
    };
    let named = SavedSession { servers: Servers::Own(vec![7]), ..session.clone() };
    let text = |session: &SavedSession, format| string::write(session, format).unwrap().to_string();
    let telethon = text(&session, Format::Telethon);
    let mut all = vec![
        ("telethon", telethon.clone()),
        ("gramjs", text(&session, Format::GramJs)),
        // It has no address; whatever calls a server is told which.
        ("pyrogram", text(&SavedSession { addr: None, ..session.clone() }, Format::Pyrogram)),
        ("mtcute", text(&session, Format::Mtcute)),
        ("nanogram", text(&named, Format::Nanogram)),
    ];
    let mtcute = all[3].1.clone();
    all.push(("telethon, cut", telethon[..190].into()));
    all.push(("mtcute, cut", mtcute[..60].into()));
    all.push(("telethon, wrapped", format!("{}\n{}", &telethon[..100], &telethon[100..])));
    let gramjs = all[1].1.clone();
    all.push(("gramjs, quoted", format!("'{gramjs}'")));
    all.push(("telethon, quoted", format!("\"{telethon}\"")));
    all.push(("nanogram, damaged", all[4].1.replace("nanogram1:", "nanogram1: ")));
    all
}

struct Dir(PathBuf);
impl Dir {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("secrets-{name}"));
        let _absent = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("good"), sessions().remove(0).1).unwrap();
        fs::write(path.join("dc.pem"), RsaKey::from_parts(&[0xc7; 256], &[1, 0, 1]).unwrap().to_pem()).unwrap();
        Self(path)
    }
    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().into()
    }
    /// Output of the program in this directory; one that runs on is stopped.
    fn run(&self, args: &[String], env: &[(&str, &str)], stdin: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nanogram"));
        for name in ["NANOGRAM_SESSION", "NANOGRAM_API_ID", "NANOGRAM_API_HASH"] {
            command.env_remove(name);
        }
        command.current_dir(&self.0).env("XDG_DATA_HOME", &self.0).env("HOME", &self.0).envs(env.iter().copied());
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that reads nothing may be over.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        if args.first().is_some_and(|word| word == "dc") {
            for _ in 0..100 {
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            let _over = child.kill();
        }
        let output = child.wait_with_output().unwrap();
        let _absent = fs::remove_dir_all(self.0.join("nanogram"));
        output
    }
}

/// Other arguments that the command needs to get as far as it can without a network.
fn base(dir: &Dir, all: &[Place], at: &Place, with_positionals: bool) -> Vec<String> {
    let of: Vec<&Place> = all.iter().filter(|place| place.command == at.command).collect();
    let mut args = at.command.clone();
    if at.command.is_empty() {
        return args;
    }
    let takes = |name: &str| at.place != name && of.iter().any(|place| place.place == name);
    for place in of.iter().filter(|place| place.is_required && with_positionals && place.place != at.place) {
        match place.value.as_str() {
            "LINK|@BOT" => args.push("@echo_bot".into()),
            "FORMAT" => args.extend(["--to".into(), "telethon".into()]),
            "SHELL" => args.push("bash".into()),
            "STRING|FILE" => args.push(dir.file("good")),
            "FILE" => {
                args.push(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/captures/sess_gramjs.json").into())
            }
            "COMMAND" => {}
            other => args.push(other.into()),
        }
    }
    if takes("--dc") {
        args.extend(["--dc", NOWHERE].map(String::from));
    }
    if takes("--key") {
        args.extend(["--key".into(), dir.file("dc.pem")]);
    }
    if takes("--timeout") {
        args.extend(["--timeout", "1"].map(String::from));
    }
    args
}

/// A line to be run: its name in the table, its words, variables and stdin.
struct Line<'a> {
    name: String,
    args: Vec<String>,
    env: Option<(&'a str, String)>,
    stdin: String,
    /// A string on stdout is what was asked for.
    converts: bool,
}

/// The lines that put `secret` at this place, in every way that it can be put there.
fn lines<'a>(dir: &Dir, all: &[Place], at: &'a Place, secret: &str) -> Vec<Line<'a>> {
    let command = at.command.join(" ");
    let converts = matches!(command.as_str(), "session convert" | "session export");
    let of = |name: &str, args: Vec<String>, env: Option<(&'a str, String)>, stdin: &str| Line {
        name: format!("{command} {name}").trim().into(),
        args,
        env,
        stdin: stdin.into(),
        converts,
    };
    let mut out = Vec::new();
    let file = dir.file("content");
    fs::write(&file, secret).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let takes_file = ["FILE", "PEM"].iter().any(|word| at.value.contains(word));
    let base = base(dir, all, at, true);
    let and = |words: &[String]| [&base[..], words].concat();
    if at.place.starts_with('[') {
        // In its place among the others: what is required before it is there.
        out.push(of(&at.place, and(&[secret.into()]), None, ""));
        out.push(of(&format!("-- {}", at.place), and(&["--".into(), secret.into()]), None, ""));
        out.push(of("(one too many)", and(&["x".into(), "x".into(), secret.into()]), None, ""));
        if takes_file {
            out.push(of(&format!("{} (content)", at.place), and(std::slice::from_ref(&file)), None, ""));
            out.push(of(&format!("{} (stdin)", at.place), and(&["-".into()]), None, secret));
        }
    } else {
        out.push(of(&format!("{}=", at.place), and(&[format!("{}={secret}", at.place)]), None, ""));
        out.push(of(&at.place, and(&[at.place.clone(), secret.into()]), None, ""));
        if at.value.contains('=') {
            for before in ["alice", "messages.startBot", "2", "bytes-in"] {
                let word = format!("{before}={secret}");
                out.push(of(&format!("{} X=", at.place), and(&[at.place.clone(), word]), None, ""));
            }
        }
        if takes_file {
            out.push(of(&format!("{} (content)", at.place), and(&[at.place.clone(), file.clone()]), None, ""));
        }
        if at.value.contains("STRING") {
            out.push(of(&format!("{} (stdin)", at.place), and(&[at.place.clone(), "-".into()]), None, secret));
        }
    }
    if at.env != "-" {
        out.push(of(&format!("${}", at.env), base.clone(), Some((&at.env, secret.into())), ""));
        if at.value.contains("FILE") {
            out.push(of(&format!("${} (content)", at.env), base.clone(), Some((&at.env, file)), ""));
        }
    }
    if at.place == "--quiet" {
        out.push(of("(stdin)", base.clone(), None, secret));
        out.push(of("(misspelt option)", and(&["--sesion".into(), secret.into()]), None, ""));
        out.push(of("(no option)", and(&[format!("--{secret}")]), None, ""));
    }
    out
}

/// The part of `secret` that is in `text`, if one is.
fn part_in<'a>(secret: &'a str, text: &str) -> Option<&'a str> {
    let body = secret.trim_matches(['"', '\'']).trim_start_matches("nanogram1:").trim();
    (0..body.len().saturating_sub(RECOGNISABLE))
        .filter_map(|at| body.get(at..at + RECOGNISABLE))
        .find(|part| text.contains(part))
}

#[test]
fn a_session_string_at_a_wrong_place_is_in_no_output() {
    let (all, sessions) = (places(), sessions());
    let rows = Mutex::new(vec![Vec::new(); all.len()]);
    let (next, count, leaks) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for nth in 0..6 {
            let (all, sessions, rows, next, count, leaks) = (&all, &sessions, &rows, &next, &count, &leaks);
            scope.spawn(move || {
                let dir = Dir::new(&nth.to_string());
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(place) = all.get(at) else { return };
                    let has_json = all.iter().any(|other| other.command == place.command && other.place == "--json");
                    for (kind, secret) in sessions {
                        for line in lines(&dir, all, place, secret) {
                            for json in [false, true] {
                                if json && (!has_json || place.place == "--json" || *kind != "telethon") {
                                    continue;
                                }
                                let mut args = line.args.clone();
                                let end = args.iter().position(|word| word == "--").unwrap_or(args.len());
                                if json {
                                    args.insert(end, "--json".into());
                                }
                                let env: Vec<(&str, &str)> =
                                    line.env.iter().map(|(name, value)| (*name, value.as_str())).collect();
                                let output = dir.run(&args, &env, &line.stdin);
                                count.fetch_add(1, Ordering::Relaxed);
                                let (out, err) = (
                                    String::from_utf8_lossy(&output.stdout).into_owned(),
                                    String::from_utf8_lossy(&output.stderr).into_owned(),
                                );
                                let is_asked_for = line.converts && output.status.success();
                                let seen = if is_asked_for { err.clone() } else { format!("{out}{err}") };
                                if let Some(part) = part_in(secret, &seen) {
                                    let leak = format!("{}, {kind}, json {json}: {part:?} in {seen:?}", line.name);
                                    leaks.lock().unwrap().push(leak);
                                }
                                if *kind == "telethon" && !json {
                                    let said = err.lines().find(|line| line.contains("error")).or(out.lines().next());
                                    let said = said.unwrap_or_default().chars().take(96).collect::<String>();
                                    let code = output.status.code().map_or("runs".into(), |code| code.to_string());
                                    rows.lock().unwrap()[at].push(format!("{:44} {code:>4}  {said}", line.name));
                                }
                            }
                        }
                    }
                }
            });
        }
    });
    println!("{:44} exit  what is printed", "place");
    for row in rows.into_inner().unwrap().into_iter().flatten() {
        println!("{row}");
    }
    let leaks = leaks.into_inner().unwrap();
    println!("\n{} command lines; {} show {RECOGNISABLE} characters of the string", count.into_inner(), leaks.len());
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

#[test]
fn a_session_string_for_an_answer_at_login_is_in_no_output() {
    let (ready, place) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let make = |now, unix| Dc::new(now, unix, Box::new(rand::rngs::SysRng));
            let mut listener = Listener::bind("127.0.0.1:0", make).await.unwrap();
            let pem = listener.dc.public_keys().next().unwrap().to_pem();
            ready.send((listener.local_addr().unwrap().to_string(), pem)).unwrap();
            while listener.next().await.is_ok() {}
        })
    });
    let (addr, pem) = place.recv().unwrap();
    let dir = Dir::new("login");
    for (kind, secret) in sessions() {
        for (what, stdin) in [("phone", format!("{secret}\n")), ("code", format!("+10000000001\n{secret}\n"))] {
            for json in [&[][..], &["--json"]] {
                let args = [&["login", "--dc", &addr, "--key", &pem, "--timeout", "5"], json].concat();
                let args: Vec<String> = args.into_iter().map(String::from).collect();
                let output = dir.run(&args, &[], &stdin);
                let seen = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
                assert!(!output.status.success(), "{kind} {what} {seen}");
                assert_eq!(part_in(&secret, &seen), None, "{kind} {what} {seen}");
                if kind == "telethon" {
                    println!("{what:6} {} {}", json.concat(), seen.lines().last().unwrap_or_default());
                }
            }
        }
    }
}

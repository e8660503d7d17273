//! Every command against session files of every realm: a file of another realm than the command line's is refused, and
//! stays unchanged byte for byte.

use nanogram::crypto::auth_key::AuthKey;
use nanogram::crypto::rsa::RsaKey;
use nanogram::lab::dc::listener::Listener;
use nanogram::lab::dc::residents::ALICE;
use nanogram::lab::dc::script::FOREVER;
use nanogram::lab::dc::{Act, Dc};
use nanogram::telegram::api::auth::BindTempAuthKey;
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::store::file::SessionFile;
use nanogram::telegram::store::state::{DcKey, SavedUser, State};
use nanogram::telegram::store::{Format, Realm, Servers, string};
use nanogram::tl::Combinator;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

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
        self.run_with(args, &[])
    }
    fn run_with(&self, args: &[&str], env: &[(&str, &str)]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nanogram"));
        for name in ["NANOGRAM_SESSION", "NANOGRAM_API_HASH", "NO_COLOR"] {
            command.env_remove(name);
        }
        command.env("XDG_DATA_HOME", &self.0).env("HOME", &self.0).env("NANOGRAM_API_ID", "1");
        command.envs(env.iter().copied());
        command.args(args).stdin(Stdio::null());
        let output = if args[0] == "dc" { ended(&mut command) } else { command.output().unwrap() };
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

/// Output of a data centre, which would run for ever if nothing were wrong.
fn ended(command: &mut Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..1000 {
        if child.try_wait().unwrap().is_some() {
            return child.wait_with_output().unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    panic!("it runs: {:?}", child.wait_with_output());
}

/// A file as users have it.
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

/// A command line: what it is called, its words, and how it deals with the file. `FILE` is the session file, `STRING`
/// the
/// session in it, `FOREIGN` one of the servers B.
struct Line {
    name: &'static str,
    words: &'static [&'static str],
    deed: Deed,
}

#[derive(Clone, Copy, PartialEq)]
enum Deed {
    /// Changes no session file, and calls no server.
    Looks,
    /// Uses the session at its servers.
    Uses,
    /// Signs in, and saves the session.
    SignsIn,
    /// Removes the file if it is of the realm.
    Removes,
    /// Puts the session of B there if the file is not of other servers.
    Puts,
    /// Uses the file, after a question to the server.
    Checks,
    /// Puts the session there that is there.
    PutsBack,
}
use Deed::{Checks, Looks, Puts, PutsBack, Removes, SignsIn, Uses};

/// Every command; the first two or one words are its name in the program's help.
const LINES: &[Line] = &[
    Line { name: "start", words: &["start", "@some_bot", "x"], deed: Uses },
    Line { name: "logout", words: &["logout"], deed: Uses },
    Line { name: "logout --force", words: &["logout", "--force"], deed: Removes },
    Line { name: "login", words: &["login", "--phone", "+10000000001", "--api-hash", "x"], deed: SignsIn },
    Line {
        name: "login --force",
        words: &["login", "--force", "--phone", "+10000000001", "--api-hash", "x"],
        deed: SignsIn,
    },
    Line { name: "session import --force", words: &["session", "import", "--force", "FOREIGN"], deed: Puts },
    Line {
        name: "session import --check",
        words: &["session", "import", "--check", "--force", "FOREIGN"],
        deed: Checks,
    },
    Line { name: "session import (itself)", words: &["session", "import", "STRING"], deed: PutsBack },
    Line { name: "session show", words: &["session", "show"], deed: Looks },
    Line { name: "session show FILE", words: &["session", "show", "FILE"], deed: Looks },
    Line { name: "session convert", words: &["session", "convert", "--to", "telethon"], deed: Looks },
    Line { name: "session convert FILE", words: &["session", "convert", "--to", "mtcute", "FILE"], deed: Looks },
    Line { name: "session export", words: &["session", "export"], deed: Looks },
    Line { name: "demo", words: &["demo"], deed: Looks },
    Line { name: "demo --record", words: &["demo", "--record", "FILE"], deed: Looks },
    Line { name: "dc", words: &["dc", "--list-faults"], deed: Looks },
    Line { name: "dc --pem", words: &["dc", "--pem", "FILE"], deed: Looks },
    Line { name: "dc --record", words: &["dc", "--record", "FILE"], deed: Looks },
    Line { name: "dc --keylog", words: &["dc", "--keylog", "FILE"], deed: Looks },
    Line { name: "start --keylog", words: &["start", "@some_bot", "x", "--keylog", "FILE"], deed: Uses },
    Line { name: "decode", words: &["decode", "FILE"], deed: Looks },
    Line { name: "decode --keylog", words: &["decode", "Cargo.toml", "--keylog", "FILE"], deed: Looks },
    Line { name: "completions", words: &["completions", "bash"], deed: Looks },
    Line { name: "man", words: &["man", "start"], deed: Looks },
    Line { name: "version", words: &["version"], deed: Looks },
    Line { name: "help", words: &["help", "session", "import"], deed: Looks },
];

/// Names of all commands, as the program's own help lists them, without the `help` of a command that has others.
fn commands(dir: &Dir, of: &[String]) -> Vec<Vec<String>> {
    let args: Vec<&str> = of.iter().map(String::as_str).chain(["--help"]).collect();
    let (exit, help, _) = dir.run(&args);
    assert_eq!(exit, 0, "{args:?}");
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A description that is wrapped is indented further.
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()));
    let names: Vec<Vec<String>> = names.map(|name| [of, &[name.to_string()]].concat()).collect();
    if names.is_empty() {
        return vec![of.to_vec()];
    }
    let is_help = |name: &&Vec<String>| name.last().is_some_and(|name| name == "help");
    let mut all: Vec<_> = names.iter().filter(|name| !is_help(name)).flat_map(|name| commands(dir, name)).collect();
    all.extend(names.iter().filter(|name| is_help(name) && of.is_empty()).cloned());
    all
}

/// Options that name the servers.
const PLACES: [&str; 5] = ["", "--test", "--dc A", "--dc B", "--test --dc A"];
const KINDS: [&str; 4] = ["plain", "symlinked", "read-only", "missing"];

/// Returns true if a line may use or change the file: both are of the same realm.
fn fits(line: &Line, realm: &str, is_missing: bool, place: &str) -> bool {
    let named = match realm {
        _ if is_missing => true,
        "production" => place.is_empty(),
        "test" => place == "--test",
        "own A" => place == "--dc A",
        _ => place == "--dc A" || place == "--dc B",
    };
    match line.deed {
        Looks => false,
        Uses | Removes => named && !is_missing,
        SignsIn => named,
        // The string names B, and no command line says otherwise.
        Puts | Checks => match place {
            "" => realm == "own, unnamed" || is_missing,
            "--dc B" => named,
            _ => false,
        },
        PutsBack => named || place.is_empty() && realm != "test",
    }
}

/// Outcome of one line: the name of the error, or the action.
fn run_line(
    (dir, line, help): (&Dir, &Line, &str),
    (realm, state): (&str, &State),
    (kind, place, pfs): (&str, &str, bool),
) -> String {
    let path = dir.0.join("the.session");
    let is_missing = kind == "missing";
    let fits = fits(line, realm, is_missing, place);
    let calls_telegram = !place.contains("--dc") && matches!(line.deed, Uses | Removes | SignsIn);
    if fits && calls_telegram {
        return "(own)".into();
    }
    let writes = line.words.iter().any(|word| ["--record", "--pem", "--keylog"].contains(word)) && line.deed == Looks;
    if writes && is_missing && line.words[0] != "decode" {
        return "(new)".into();
    }
    let before = lay(&path, kind, state);
    let of = |servers: State| string::write(&servers.to_session().unwrap(), Format::Nanogram).unwrap().to_string();
    let (a, b) = (dir.pem(0xc7), dir.pem(0xd5));
    let mut args: Vec<String> = Vec::new();
    for word in line.words {
        args.push(match *word {
            "FILE" => path.to_str().unwrap().into(),
            "STRING" => of(state.clone()),
            "FOREIGN" => of(self::state(Environment::Production, own(0xd5))),
            word => word.into(),
        });
    }
    let takes = |flag: &str| {
        let options = help.lines().map(|text| text.trim_start().split([' ', ',']).filter(|word| !word.is_empty()));
        options.into_iter().any(|words| words.take(2).any(|word| word == flag))
    };
    for word in place.split(' ').filter(|word| !word.is_empty()) {
        match word {
            "A" | "B" => args.extend([NOWHERE.into(), "--key".into(), if word == "A" { a.clone() } else { b.clone() }]),
            word => args.push(word.into()),
        }
    }
    args.extend((!pfs).then(|| "--no-pfs".into()));
    if takes("--session") {
        args.extend(["--session".into(), path.to_str().unwrap().into()]);
    }
    args.extend(takes("--timeout").then(|| ["--timeout".into(), "1".into()]).into_iter().flatten());
    args.extend(takes("--json").then(|| "--json".into()));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (exit, said, told) = dir.run_with(&args, &[("NANOGRAM_SESSION", path.to_str().unwrap())]);
    let after = fs::read(&path).ok();
    assert_eq!(dir.ended(), 0, "{args:?}");
    let may_change = fits && matches!(line.deed, Removes | Puts | PutsBack);
    if !may_change {
        assert_eq!(after, before, "{args:?} {told}");
        assert_eq!(path.is_symlink(), kind == "symlinked", "{args:?}");
    }
    let error = serde_json::from_str::<serde_json::Value>(&said).ok();
    let error = error.and_then(|said| said["error"]["type"].as_str().map(String::from));
    let takes_all = place.split(' ').filter(|word| word.starts_with("--")).all(takes) && (pfs || takes("--no-pfs"));
    // A session of another realm is refused by name, before anybody is called.
    if takes_all && !fits && !is_missing && line.deed != Looks {
        assert!(matches!(error.as_deref(), Some("REALM" | "ENVIRONMENT")), "{args:?} {said} {told}");
    }
    if !takes_all {
        assert_ne!(exit, 0, "{args:?} {said} {told}");
    }
    match (error, exit) {
        (Some(error), _) => error,
        (None, 0) if before.is_some() && after.is_none() => "removed".into(),
        (None, 0) if before != after => "saved".into(),
        (None, 0) => "ok".into(),
        (None, exit) => format!("exit {exit}"),
    }
}

#[test]
fn no_command_changes_a_file_of_another_realm() {
    let dir = Dir::new("table");
    let mut listed = commands(&dir, &[]);
    let mut covered: Vec<Vec<String>> = LINES
        .iter()
        .map(|line| {
            line.words[..if line.words[0] == "session" { 2 } else { 1 }].iter().map(|w| w.to_string()).collect()
        })
        .collect();
    listed.sort();
    covered.sort();
    covered.dedup();
    assert_eq!(covered, listed, "every command of the program's help has a row");

    let production = Environment::Production;
    let files = [
        ("production", state(production, Servers::Telegram)),
        ("test", state(Environment::Test, Servers::Telegram)),
        ("own A", state(production, own(0xc7))),
        ("own, unnamed", state(production, Servers::Unknown)),
    ];
    // Most of the time is spent on waiting for connections that nobody takes.
    let next = std::sync::atomic::AtomicUsize::new(0);
    let rows: Vec<_> = LINES.iter().flat_map(|line| PLACES.map(|place| (line, place))).collect();
    let done = std::sync::Mutex::new(vec![Vec::new(); rows.len()]);
    std::thread::scope(|scope| {
        for nth in 0..6 {
            let (next, rows, files, done) = (&next, &rows, &files, &done);
            scope.spawn(move || {
                let dir = Dir::new(&format!("table-{nth}"));
                while let Some((at, (line, place))) = Some(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                    .and_then(|at| Some((at, *rows.get(at)?)))
                {
                    let name = if line.words[0] == "session" { 2 } else { 1 };
                    let (_, help, _) = dir.run(&[&line.words[..name], &["--help"]].concat());
                    let it = (&dir, line, &*help);
                    let mut cells = Vec::new();
                    for (realm, state) in files {
                        let mut cell = Vec::new();
                        for kind in &KINDS[..3] {
                            cell.push(run_line(it, (realm, state), (kind, place, true)));
                        }
                        // Once more without forward secrecy.
                        cell.push(run_line(it, (realm, state), ("plain", place, false)));
                        cells.push(cell);
                    }
                    cells.push(vec![run_line(it, (files[0].0, &files[0].1), ("missing", place, true))]);
                    done.lock().unwrap()[at] = cells;
                }
            });
        }
    });
    println!("a cell: plain, symlinked and read-only file, then with --no-pfs; one word if all are the same\n");
    println!(
        "{:24} {:14} {:22} {:22} {:22} {:22} missing",
        "command", "at", "production", "test", "own A", "own, unnamed"
    );
    let mut count = 0;
    for ((line, place), cells) in rows.iter().zip(done.into_inner().unwrap()) {
        let cells: Vec<String> = cells
            .into_iter()
            .map(|cell| {
                count += cell.iter().filter(|word| *word != "(own)").count();
                if cell.iter().all(|word| *word == cell[0]) { cell[0].clone() } else { cell.join("/") }
            })
            .collect();
        let cells: String = cells.iter().map(|cell| format!("{cell:22} ")).collect();
        println!("{:24} {place:14} {}", line.name, cells.trim_end());
    }
    println!(
        "\n{count} command lines; (own): it would call Telegram for a session of Telegram's; (new): an output file"
    );
}

/// A data centre in a thread of its own: its address, the PEM of its key, and what `prepare` made.
fn serve<T: Send + 'static>(prepare: impl FnOnce(&mut Dc) -> T + Send + 'static) -> (String, String, T) {
    let (ready, place) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let make = |now, unix| Dc::new(now, unix, Box::new(rand::rngs::SysRng));
            let mut listener = Listener::bind("127.0.0.1:0", make).await.unwrap();
            let made = prepare(&mut listener.dc);
            let pem = listener.dc.public_keys().next().unwrap().to_pem();
            ready.send((listener.local_addr().unwrap().to_string(), pem, made)).unwrap();
            while listener.next().await.is_ok() {}
        })
    });
    place.recv().unwrap()
}

/// A state that does not name its servers, with `key` for the data centre at `addr`.
fn unnamed(key: AuthKey, addr: &str) -> State {
    let mut state = State::new(Environment::Production, 2);
    state.dcs.drop_built_in();
    assert!(state.dcs.add(2, addr.parse().unwrap()));
    state.user = Some(SavedUser { id: ALICE, is_bot: false });
    state.keys.insert(2, DcKey::new(key));
    state
}

impl Dir {
    fn ended(&self) -> usize {
        fs::read_dir(&self.0)
            .unwrap()
            .filter(|file| is_ended(file.as_ref().unwrap().file_name().to_str().unwrap()))
            .count()
    }
}

fn servers(path: &Path) -> Servers {
    State::from_bytes(&fs::read(path).unwrap()).unwrap().servers
}

fn is_ended(name: &str) -> bool {
    name.contains(".ended-")
}

#[test]
fn servers_that_do_not_know_the_key_of_an_unnamed_file_leave_it_alone() {
    let dir = Dir::new("unproven");
    let path = dir.0.join("the.session");
    for lies in [false, true] {
        // One that lies says that the temporary key is bound, and then that nobody is signed in.
        let bool_true = 0x9972_75b5_u32.to_le_bytes().to_vec();
        let prepare = move |dc: &mut Dc| {
            if lies {
                dc.script(BindTempAuthKey::ID, Act::Answer(bool_true), FOREVER);
            }
        };
        let (addr, pem, ()) = serve(prepare);
        let state = unnamed(AuthKey::from_bytes([7; 256]), &addr);
        let string = string::write(&state.to_session().unwrap(), Format::Telethon).unwrap().to_string();
        let commands: [&[&str]; 4] = [
            &["start", "@echo_bot", "x"],
            &["logout"],
            &["login", "--phone", "+10000000001"],
            &["session", "import", &string, "--check"],
        ];
        for (command, pfs) in commands.iter().flat_map(|command| [(command, true), (command, false)]) {
            let before = lay(&path, "plain", &state);
            let place = ["--dc", &addr, "--key", &pem, "--timeout", "3", "--session", path.to_str().unwrap()];
            let no_pfs: &[&str] = if pfs { &[] } else { &["--no-pfs"] };
            let (exit, said, told) = dir.run(&[command, &place[..], no_pfs].concat());
            let last = told.lines().find(|line| line.starts_with("error")).unwrap_or_default();
            println!(
                "{:15} {:8} lies: {lies:5} exit {exit} {last}",
                command[..command.len().min(2)].join(" "),
                no_pfs.concat()
            );
            assert_ne!(exit, 0, "{command:?} {said} {told}");
            assert!(!told.contains("is over"), "{command:?} {told}");
            assert_eq!((fs::read(&path).ok(), dir.ended()), (before, 0), "{command:?} {told}");
        }
    }
}

#[test]
fn an_unnamed_file_is_named_once_its_servers_prove_that_they_know_the_key() {
    let dir = Dir::new("proven");
    let path = dir.0.join("the.session");
    let (addr, pem, key) = serve(|dc| dc.sign_in(ALICE).unwrap());
    let here = Realm::of_keys(Environment::Production, &[RsaKey::from_pem(&pem).unwrap()]).servers;
    let state = unnamed(key, &addr);
    let string = string::write(&state.to_session().unwrap(), Format::Telethon).unwrap().to_string();
    let place = ["--dc", &addr, "--key", &pem, "--session", path.to_str().unwrap()];
    let commands: [&[&str]; 3] = [&["start", "@echo_bot", "x"], &["login"], &["session", "import", &string, "--check"]];
    for (command, no_pfs) in commands.iter().flat_map(|command| [(command, &[][..]), (command, &["--no-pfs"])]) {
        lay(&path, "plain", &state);
        let (exit, _, told) = dir.run(&[command, &place[..], no_pfs].concat());
        assert_eq!((exit, servers(&path)), (0, here.clone()), "{command:?} {told}");
    }
    // Signed out, the key is still known: that nobody is signed in is the word of whoever knows it.
    lay(&path, "plain", &state);
    let (exit, said, told) = dir.run(&[&["logout"], &place[..]].concat());
    assert_eq!((exit, path.exists(), dir.ended()), (0, false, 0), "{said} {told}");
    lay(&path, "plain", &state);
    let (exit, said, told) = dir.run(&[&["logout"], &place[..]].concat());
    assert_eq!((exit, path.exists(), dir.ended()), (0, false, 1), "{said} {told}");
}

#[test]
fn a_string_that_does_not_name_its_servers_goes_into_a_file_of_its_own() {
    let dir = Dir::new("nameless");
    let (addr, pem, key) = serve(|dc| dc.sign_in(ALICE).unwrap());
    let (elsewhere, other_pem, ()) = serve(|_| ());
    let here = Realm::of_keys(Environment::Production, &[RsaKey::from_pem(&pem).unwrap()]).servers;
    let state = unnamed(key, &addr);
    for format in [Format::Telethon, Format::Mtcute] {
        let string = string::write(&state.to_session().unwrap(), format).unwrap().to_string();
        let path = dir.0.join(format.name());
        let session = ["--session", path.to_str().unwrap()];
        // The default file is Telegram's.
        let (exit, _, told) = dir.run(&["session", "import", &string]);
        assert_eq!(exit, 2, "{told}");
        assert!(told.contains("--dc and --key") && told.contains("--session FILE"), "{told}");
        assert!(!dir.0.join("nanogram/session").exists());
        let (exit, said, told) = dir.run(&[&["session", "import", &string], &session[..]].concat());
        assert_eq!((exit, servers(&path)), (0, Servers::Unknown), "{said} {told}");
        assert!(told.contains("does not name its servers"), "{told}");
        let imported = fs::read(&path).unwrap();

        let start = ["start", "@echo_bot", "x", "--timeout", "3"];
        let (exit, _, told) = dir.run(&[&start, &session[..]].concat());
        assert!(exit == 2 && told.contains("somebody's own"), "{told}");
        let (exit, ..) = dir.run(&[&start, &session[..], &["--dc", &elsewhere, "--key", &other_pem]].concat());
        assert_ne!(exit, 0);
        assert_eq!(fs::read(&path).unwrap(), imported, "neither changes it");
        let (exit, _, told) = dir.run(&[&start, &session[..], &["--dc", &addr, "--key", &pem]].concat());
        assert_eq!((exit, servers(&path)), (0, here.clone()), "{told}");

        // In the place of a session whose servers are known it is not put.
        let named = fs::read(&path).unwrap();
        let stranger = unnamed(AuthKey::from_bytes([9; 256]), NOWHERE).to_session().unwrap();
        let stranger = string::write(&stranger, format).unwrap().to_string();
        let (exit, said, _) = dir.run(&[&["session", "import", &stranger, "--force", "--json"], &session[..]].concat());
        assert!(exit == 2 && said.contains("REALM"), "{said}");
        assert_eq!(fs::read(&path).unwrap(), named);
        // Of the same key nothing is lost.
        let (exit, ..) = dir.run(&[&["session", "import", &string], &session[..]].concat());
        assert_eq!((exit, servers(&path)), (0, here.clone()));
    }
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

/// The tables as grammers-session 0.11.0 creates them (src/storages/sqlite.rs).
#[test]
fn the_database_of_grammers_is_read() {
    let dir = Dir::new("grammers");
    for (name, home, dc_id, addr) in
        [("home", Some(4), 4, "149.154.167.92:443"), ("no-home", None, 2, "149.154.167.41:443")]
    {
        let path = dir.0.join(name);
        let database = rusqlite::Connection::open(&path).unwrap();
        let tables = "CREATE TABLE dc_home (dc_id INTEGER NOT NULL, PRIMARY KEY(dc_id));
            CREATE TABLE dc_option (dc_id INTEGER NOT NULL, ipv4 TEXT NOT NULL, ipv6 TEXT NOT NULL, auth_key BLOB,
                PRIMARY KEY (dc_id));
            CREATE TABLE peer_info (peer_id INTEGER NOT NULL, hash INTEGER, subtype INTEGER, PRIMARY KEY (peer_id))";
        database.execute_batch(tables).unwrap();
        let insert = "INSERT INTO dc_option VALUES (?1, ?2, '[2001:67c:4e8:f002::a]:443', ?3)";
        database.execute(insert, (1, "149.154.175.53:443", None::<Vec<u8>>)).unwrap();
        database.execute(insert, (2, "149.154.167.41:443", vec![7_u8; 256])).unwrap();
        database.execute(insert, (4, "149.154.167.92:443", vec![9_u8; 256])).unwrap();
        home.map(|home| database.execute("INSERT INTO dc_home VALUES (?1)", [home]).unwrap());
        let (exit, out, err) = dir.run(&["session", "show", path.to_str().unwrap(), "--json"]);
        assert_eq!(exit, 0, "{out} {err}");
        let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((&shown["format"], &shown["dc_id"]), (&"grammers-file".into(), &dc_id.into()));
        assert_eq!(shown["addr"], addr);
        let id: String = AuthKey::from_bytes([if dc_id == 4 { 9 } else { 7 }; 256])
            .id()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(shown["auth_key_id"], id.as_str());
        // A home whose key was never made.
        database.execute_batch("DELETE FROM dc_home; INSERT INTO dc_home VALUES (1)").unwrap();
        let (exit, _, said) = dir.run(&["session", "show", path.to_str().unwrap()]);
        assert_eq!((exit, said.contains("it holds no key")), (2, true), "{said}");
    }
}

/// Each string was made by the library, or by one that converts to its form, around the key 1, 2, …, 255, 0.
#[test]
fn strings_of_other_programs_are_named() {
    let dir = Dir::new("strings");
    let key: Vec<u8> = (1..=255).chain([0]).collect();
    let string = |parts: &[&[u8]]| base64url(&parts.concat());
    // @mtcute/convert 0.29.7: convertToMtkrutoSession(…), with `2` and with `2-test`; zeros are counted.
    let zeros = [&[0xfe, 0, 1, 1, 0, 1][..], &key[..255]].concat();
    let old = string(&[&[1, b'2', 0, 2], &zeros, &[0, 1]]);
    let test = string(&[&[6], b"2-test", &[0, 1], &zeros, &[0, 1]]);
    // MTKruto since 2024 adds the api_id 12345, that it is no bot, and the user 777.
    let new = string(&[&[1, b'2', 0, 2], &zeros, &[0, 1, 57, 48, 0, 3, 9, 3, 0, 6]]);
    // ferogram-session 0.6.6: StringSession::encode and encode_v1, with IPv4 and IPv6.
    let (v4, v6) = ([149, 154, 167, 51], [0x20; 16]);
    let user = [&443_u16.to_be_bytes()[..], &777_i64.to_be_bytes()].concat();
    let fero = string(&[&[2, 2, 4], &v4, &user, &key]);
    let fero_v1 = string(&[&[1, 2, 6], &v6, &user, &[0; 16], &key]);
    assert!(old.starts_with("ATIAAv4AAQEAAQECAwQFBgcI") && test.starts_with("BjItdGVzdAAB_gABAQABAQIDBAUG"));
    for (text, name, hint) in [
        (old, "MTKruto", "convertFromMtkrutoSession(text)"),
        (new, "MTKruto", "convertFromMtkrutoSession(text)"),
        (test, "MTKruto", "convertFromMtkrutoSession(text)"),
        (fero, "ferogram", "StringSession::decode(text)"),
        (fero_v1, "ferogram", "StringSession::decode(text)"),
    ] {
        let (exit, out, said) = dir.run(&["session", "show", &text]);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!((exit, said.contains(&format!("a string of {name}"))), (2, true), "{out} {said}");
        assert!(said.contains(hint) && !said.contains(&text[20..60]), "{said}");
    }
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digit = |bits: u32| char::from(DIGITS[bits as usize & 63]);
    let of = |three: &[u8]| {
        let bits = three.iter().enumerate().fold(0_u32, |bits, (i, byte)| bits | u32::from(*byte) << (16 - 8 * i));
        (0..=three.len()).map(|i| digit(bits >> (18 - 6 * i))).collect::<String>()
    };
    bytes.chunks(3).map(of).collect()
}

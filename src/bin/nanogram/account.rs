//! Accounts in session files and in session strings of other programs.

use crate::args::AccountArgs;
use crate::dc::directory_of;
use crate::failure::{Exit, Failure};
use crate::found::{Found, find, given, is_like_string, read};
use crate::redact::is_like_secret;
use crate::wire;
use nanogram::client::Client;
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::store::file::{FileError, SessionFile, default_path};
use nanogram::telegram::store::state::{State, StateError};
use nanogram::telegram::store::{Realm, RealmError, SavedSession, Servers, string};
use std::fs;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Largest session file in bytes.
pub(crate) const MAX_FILE: u64 = 64 * 1024;
/// Longest session string in bytes, with a wide margin.
pub(crate) const MAX_STRING: usize = 4096;
/// Length of the shortest session string.
pub(crate) const SHORTEST: usize = 351;
/// Longest word without a dot that errors repeat as a file name; a longer one may be part of a secret.
pub(crate) const LONGEST_NAME: usize = 40;
/// Environment variable for the session, used if the command line gives none.
pub(crate) const VARIABLE: &str = "NANOGRAM_SESSION";
/// Argument for a session string on stdin.
pub(crate) const STDIN: &str = "-";

/// Account that a command acts for.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) state: State,
    /// Address with a host name, which the state cannot hold.
    pub(crate) host: Option<String>,
    /// Session file, locked while the account is in use; `None` for a session string.
    file: Option<SessionFile>,
    /// The session does not say which servers it is of; that is recorded once they have proved that they know the key.
    is_unproven: bool,
}

impl Account {
    /// Opens the account of `session`: a string, `-`, or a file; by default the session file of the realm. The account
    /// is then used in `realm`.
    pub(crate) fn open(session: Option<&str>, realm: &Realm) -> Result<Self, Failure> {
        let mut account = Self::held(session, realm)?;
        account.enter(realm)?;
        // Of a string nothing is kept, so nothing must be proved.
        account.is_unproven &= account.file.is_some();
        Ok(account)
    }

    /// Prepares it for use in a realm.
    pub(crate) fn enter(&mut self, realm: &Realm) -> Result<(), Failure> {
        self.is_unproven = self.state.servers == Servers::Unknown;
        enter(&mut self.state, realm)
    }

    /// Asks the server for proof that it knows the key, if the session does not say that it is of these servers.
    ///
    /// An answer under a temporary key, such as that nobody is signed in, is no proof: any server can give it.
    pub(crate) async fn prove(&mut self, client: &Client) -> Result<(), Failure> {
        if !self.is_unproven {
            return Ok(());
        }
        let mut message =
            String::from("the session does not name its servers, and this one has not proved that it knows its key");
        match client.prove_key().await {
            Ok(is_proven) => self.is_unproven = !is_proven,
            // Of another kind than the error itself, which may be the server's word that nobody is signed in.
            Err(error) => message += &format!(": {error}"),
        }
        if !self.is_unproven {
            return Ok(());
        }
        Err(Failure::new(Exit::Network, "NOT_PROVEN", message)
            .hint("try again; or give the --dc and --key of the servers that it is of"))
    }

    /// Opens the account without using it at any server.
    pub(crate) fn held(session: Option<&str>, realm: &Realm) -> Result<Self, Failure> {
        match find(session, realm)? {
            Found::Session(_, saved) => Self::of_string(&saved, realm.environment),
            Found::File(path) => {
                let (file, state) = SessionFile::open(&path).map_err(of_file)?;
                // A state without a key for its home holds no login.
                let state = state.filter(|state| state.keys.contains_key(&state.home));
                let state = state.ok_or_else(|| nobody(&path))?;
                check_environment(&state, realm.environment)?;
                Ok(Self { file: Some(file), ..Self::of_state(state) })
            }
        }
    }

    /// Account that is not saved yet.
    pub(crate) const fn of_state(state: State) -> Self {
        Self { state, host: None, file: None, is_unproven: false }
    }

    /// Account of a session string.
    pub(crate) fn of_string(saved: &SavedSession, environment: Environment) -> Result<Self, Failure> {
        let state = state_of(saved, environment)?;
        let is_by_name = state.dcs.offered().next().is_none();
        let host = saved.addr.as_ref().filter(|_| is_by_name).and(saved.place());
        let host = host.map(|(host, port)| place(&host, port));
        Ok(Self { host, ..Self::of_state(state) })
    }

    /// Saves the state. The file of an invalidated key is renamed, and its new name returned.
    ///
    /// Nothing is kept of a session string, nor of a session whose servers are not [proved](Self::prove).
    pub(crate) fn keep(mut self, state: &State) -> Result<Option<PathBuf>, Failure> {
        let Some(file) = self.file.as_mut().filter(|_| !self.is_unproven) else { return Ok(None) };
        if state.keys.contains_key(&state.home) {
            return file.save(state).map(|()| None).map_err(of_file);
        }
        file.set_aside().map_err(of_file)
    }

    /// Path of the session file; `None` for a session string.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(SessionFile::path)
    }

    /// Renames the session file, if there is one, because the server reports the session as ended. Returns the new
    /// name.
    pub(crate) fn set_aside(mut self) -> Result<Option<PathBuf>, Failure> {
        self.file.as_mut().map_or(Ok(None), |file| file.set_aside().map_err(of_file))
    }

    /// Removes the session file, if there is one, after a logout.
    pub(crate) fn forget(self) -> Result<(), Failure> {
        self.file.map_or(Ok(()), |file| file.remove().map_err(of_file))
    }
}

/// The file that a session is to be written to, and the account that it holds now, for use in `realm`.
///
/// A file of another realm is left alone. Without a realm, what the file holds is not to be used.
pub(crate) fn file_for(
    session: Option<&str>,
    default: &Realm,
    realm: Option<&Realm>,
) -> Result<(SessionFile, Option<Account>), Failure> {
    let path = match given(session) {
        None => default_file(default)?,
        Some(text) if text == STDIN || string::parse(text).is_ok() || is_like_string(text) => {
            return Err(Failure::usage(
                "the session is written to a file, and --session or NANOGRAM_SESSION names none",
            )
            .hint("unset NANOGRAM_SESSION, or give --session FILE"));
        }
        Some(path) => path.into(),
    };
    // Another program's session must not be overwritten.
    if let Some(Found::Session(..)) = read(&path)? {
        return Err(bad_file(&path, "it holds a session of another program").hint("give another --session FILE"));
    }
    if given(session).is_some() {
        check_name("--session", &path)?;
        // One directory is made for it, as for the default file; the one above must be there.
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists());
        directory_of("--session", parent.or(Some(&path)))?;
    }
    let (file, state) = SessionFile::open(&path).map_err(of_file)?;
    let mut account = state.map(Account::of_state);
    if let Some(account) = &mut account {
        check_environment(&account.state, default.environment)?;
        if let Some(realm) = realm {
            account.enter(realm)?;
        }
    }
    Ok((file, account))
}

/// Returns true if the command line or the variable names a session, `-` and strings included.
pub(crate) fn is_given(session: Option<&str>) -> bool {
    given(session).is_some()
}

/// Refuses to make a file whose name is a part of a session string, which would be told and seen in every directory
/// listing.
fn check_name(flag: &str, path: &Path) -> Result<(), Failure> {
    if !is_like_secret(&path.file_name().unwrap_or_default().to_string_lossy()) {
        return Ok(());
    }
    let message = format!("{flag}: this is more like a part of a session string than the name of a file");
    Err(Failure::new(Exit::Usage, "FILE", message))
}

/// Refuses to write to a file that holds a session: keys, recordings and the like would make it unreadable, and it may
/// be
/// the only copy of its key.
pub(crate) fn no_session_in(flag: &str, path: &Path) -> Result<(), Failure> {
    check_name(flag, path)?;
    let is_small = fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_FILE);
    let bytes = Zeroizing::new(if is_small { fs::read(path).unwrap_or_default() } else { Vec::new() });
    // What is damaged may be mended, and what is of a later version be read by that.
    let is_ours = !bytes.is_empty() && !matches!(State::from_bytes(&bytes), Err(StateError::Foreign));
    if !is_ours && !str::from_utf8(&bytes).is_ok_and(|text| string::parse(text).is_ok()) {
        return Ok(());
    }
    let message = format!("{flag} {}: it holds a session, and is not written to", path.display());
    Err(Failure::new(Exit::Usage, "FILE", message).hint("give the name of another file"))
}

/// The state in a file that another process may hold: files are replaced as a whole.
pub(crate) fn peek(path: &Path) -> Result<State, Failure> {
    let bytes = fs::read(path).map(Zeroizing::new).map_err(|e| bad_file(path, &e.to_string()))?;
    State::from_bytes(&bytes).map_err(|e| bad_file(path, &e.to_string()))
}

/// Initial state for a session string.
fn state_of(saved: &SavedSession, environment: Environment) -> Result<State, Failure> {
    let state = State::from_session(saved, environment).map_err(|error| match error {
        StateError::Invalid(_) => {
            let message = format!("there is no data centre {} in {}", saved.dc_id, name(environment));
            Failure::new(Exit::Usage, "SESSION_INVALID", message)
        }
        error => Failure::new(Exit::Usage, "SESSION_INVALID", error.to_string()),
    })?;
    check_environment(&state, environment)?;
    Ok(state)
}

/// Formats `host:port`, with IPv6 addresses in brackets.
pub(crate) fn place(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Realm selected on the command line: that of its key, otherwise Telegram's.
pub(crate) fn realm(args: &AccountArgs) -> Result<Realm, Failure> {
    let key = args.key.as_deref().map(wire::read_key).transpose()?;
    Ok(Realm::of_keys(environment(args.test), key.as_slice()))
}

/// Prepares a state for use in a realm.
pub(crate) fn enter(state: &mut State, realm: &Realm) -> Result<(), Failure> {
    state.enter(realm).map_err(of_realm)
}

/// Converts a realm mismatch, with a hint at a session for the wanted realm.
pub(crate) fn of_realm(error: RealmError) -> Failure {
    let hint = match (&error.of.servers, &error.wanted.servers) {
        (Servers::Telegram, Servers::Own(_)) => {
            "without --session each server has its own file: sign in there with `nanogram login --dc ADDR --key PEM`"
        }
        (_, Servers::Own(_)) => {
            "--key must be the key of the session's servers; for the other servers sign in with \
                                 `nanogram login --dc ADDR --key PEM`, into a separate file"
        }
        _ => {
            "give the --dc and --key of its servers; or sign in at Telegram with `nanogram login`, into a separate file"
        }
    };
    Failure::new(Exit::Usage, "REALM", error.to_string()).hint(hint)
}

/// Refuses a session of the other environment.
fn check_environment(state: &State, wanted: Environment) -> Result<(), Failure> {
    let found = state.dcs.environment();
    if found == wanted {
        return Ok(());
    }
    let message = format!("the session is of {}, not of {}", name(found), name(wanted));
    let hint = if found == Environment::Test { "give --test" } else { "leave out --test" };
    Err(Failure::new(Exit::Usage, "ENVIRONMENT", message).hint(hint))
}

const fn name(environment: Environment) -> &'static str {
    match environment {
        Environment::Production => "Telegram's production environment",
        Environment::Test => "Telegram's test environment",
    }
}

pub(crate) const fn environment(is_test: bool) -> Environment {
    if is_test { Environment::Test } else { Environment::Production }
}

pub(crate) fn default_file(realm: &Realm) -> Result<PathBuf, Failure> {
    default_path(realm).ok_or_else(|| {
        Failure::usage("there is no home directory to keep the session in").hint("give --session FILE, or set HOME")
    })
}

pub(crate) fn bad_file(path: &Path, why: &str) -> Failure {
    Failure::new(Exit::Usage, "SESSION_INVALID", format!("session {}: {why}", path.display()))
}

pub(crate) fn of_file(error: FileError) -> Failure {
    match &error {
        FileError::Locked(path) => {
            let message = format!("another process uses the session {}", path.display());
            Failure::new(Exit::NotSignedIn, "SESSION_IN_USE", message)
                .hint("wait until it ends, or sign in with a separate session: --session FILE")
        }
        FileError::State { path, fault } => bad_file(path, &fault.to_string()),
        _ => Failure::new(Exit::Other, "FILE", error.to_string()),
    }
}

pub(crate) fn no_session(path: &Path, realm: &Realm) -> Failure {
    if let Servers::Own(_) = realm.servers {
        let message = format!("nobody is signed in at {realm}: there is no {}", path.display());
        return Failure::new(Exit::NotSignedIn, "NO_SESSION", message).hint(
            "sign in there with `nanogram login`, the same --dc and --key; or give --session the session string that \
             `nanogram dc` prints",
        );
    }
    Failure::new(Exit::NotSignedIn, "NO_SESSION", format!("nobody is signed in: there is no {}", path.display())).hint(
        "sign in with `nanogram login`, or give --session or NANOGRAM_SESSION: a session string of Telethon, GramJS, \
         Pyrogram or mtcute will do, and `nanogram dc` prints one for its own data centre",
    )
}

fn nobody(path: &Path) -> Failure {
    let message = format!("nobody is signed in: {} holds no key", path.display());
    Failure::new(Exit::NotSignedIn, "NO_SESSION", message).hint("sign in with `nanogram login`")
}

/// Warning that a key must be used in one program only.
pub(crate) const ONE_PROGRAM: &str =
    "Use it in one program at a time: otherwise the server answers AUTH_KEY_DUPLICATED and invalidates the key.";

//! Where an account is kept: in the session file, or in a string that came from elsewhere.

use crate::failure::{Exit, Failure};
use nanogram::crypto::keys::Environment;
use nanogram::store::file::{FileError, SessionFile, default_path};
use nanogram::store::state::{State, StateError};
use nanogram::store::{Format, SavedSession, StringError, string};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Session files are small; whatever is larger is none.
const MAX_FILE: u64 = 64 * 1024;
/// No session string has more bytes, by far.
const MAX_STRING: usize = 4096;
/// No session string has fewer characters.
const SHORTEST: usize = 351;
/// The place of a string that is read from stdin.
const STDIN: &str = "-";

/// An account that a command acts for.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) state: State,
    /// The address, if it is a host by name.
    pub(crate) host: Option<String>,
    /// The file, held as long as the account is in use; strings have none.
    file: Option<SessionFile>,
}

impl Account {
    /// The account of `session`: a string, `-`, or a file; without it that of the default file.
    pub(crate) fn open(session: Option<&str>, environment: Environment) -> Result<Self, Failure> {
        match find(session, environment)? {
            Found::String(_, saved) => Self::of_string(&saved, environment),
            Found::File(path) => {
                let (file, state) = SessionFile::open(&path).map_err(of_file)?;
                let state = state.filter(|state| state.keys.contains_key(&state.home));
                let state = state.ok_or_else(|| nobody(&path))?;
                check_environment(&state, environment)?;
                Ok(Self { file: Some(file), ..Self::of_state(state) })
            }
        }
    }

    /// An account that is kept nowhere yet.
    pub(crate) const fn of_state(state: State) -> Self {
        Self { state, host: None, file: None }
    }

    /// The account that a session string is.
    pub(crate) fn of_string(saved: &SavedSession, environment: Environment) -> Result<Self, Failure> {
        let state = state_of(saved, environment)?;
        let is_by_name = state.dcs.offered().next().is_none();
        let host = saved.addr.as_ref().filter(|_| is_by_name).and(saved.place());
        let host = host.map(|(host, port)| place(&host, port));
        Ok(Self { host, ..Self::of_state(state) })
    }

    /// Keeps what was learnt; a file without a key any more is removed, and then its name is the result.
    ///
    /// Of a session string there is nothing to be kept.
    pub(crate) fn keep(mut self, state: &State) -> Result<Option<PathBuf>, Failure> {
        let Some(mut file) = self.file.take() else { return Ok(None) };
        if state.keys.contains_key(&state.home) {
            return file.save(state).map(|()| None).map_err(of_file);
        }
        let path = file.path().to_path_buf();
        file.remove().map(|()| Some(path)).map_err(of_file)
    }

    /// The file; none if it is a string.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(SessionFile::path)
    }

    /// Removes the file, if there is one: nobody is signed in any more.
    pub(crate) fn forget(self) -> Result<(), Failure> {
        self.file.map_or(Ok(()), |file| file.remove().map_err(of_file))
    }
}

/// The file that a session is to be written to, and what it holds now.
pub(crate) fn file_for(
    session: Option<&str>,
    environment: Environment,
) -> Result<(SessionFile, Option<State>), Failure> {
    let path = match session {
        None => default_file(environment)?,
        Some(text) if text == STDIN || string::parse(text).is_ok() || is_like_string(text) => {
            return Err(Failure::usage(
                "the session is written to a file, and --session or NANOGRAM_SESSION names none",
            )
            .hint("unset NANOGRAM_SESSION, or give --session FILE"));
        }
        Some(path) => path.into(),
    };
    // What is written there by others is not overwritten.
    if let Some(Found::String(..)) = read(&path)? {
        return Err(bad_file(&path, "it holds a session string").hint("give another --session FILE"));
    }
    let (file, state) = SessionFile::open(&path).map_err(of_file)?;
    if let Some(state) = &state {
        check_environment(state, environment)?;
    }
    Ok((file, state))
}

/// What a name or a text leads to.
pub(crate) enum Found {
    String(Format, SavedSession),
    /// A session file of ours.
    File(PathBuf),
}

/// What `session` is. That files are whole is not looked at.
pub(crate) fn find(session: Option<&str>, environment: Environment) -> Result<Found, Failure> {
    let Some(text) = session else {
        let path = default_file(environment)?;
        return if path.exists() { Ok(Found::File(path)) } else { Err(no_session(&path)) };
    };
    if text == STDIN {
        let (format, saved) = string::parse(&stdin()?)?;
        return Ok(Found::String(format, saved));
    }
    let error = match string::parse(text) {
        Ok((format, saved)) => return Ok(Found::String(format, saved)),
        Err(error) => error,
    };
    // A damaged string is no file name; long ones are not even asked about.
    if is_like_string(text) {
        return Err(error.into());
    }
    read(Path::new(text))?.ok_or_else(|| unreadable(error))
}

/// What is in a file; `None` if there is none.
fn read(path: &Path) -> Result<Option<Found>, Failure> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_file() && meta.len() <= MAX_FILE => {}
        Ok(meta) => return Err(bad_file(path, if meta.is_file() { "it is too large" } else { "it is no file" })),
        Err(_) => return Ok(None),
    }
    let bytes = fs::read(path).map(Zeroizing::new).map_err(|e| bad_file(path, &e.to_string()))?;
    Ok(Some(match str::from_utf8(&bytes) {
        Ok(text) => {
            let (format, saved) = string::parse(text).map_err(|e| bad_file(path, &e.to_string()))?;
            Found::String(format, saved)
        }
        Err(_) => Found::File(path.into()),
    }))
}

/// The state in a file that another process may hold: files are replaced as a whole.
pub(crate) fn peek(path: &Path) -> Result<State, Failure> {
    let bytes = fs::read(path).map(Zeroizing::new).map_err(|e| bad_file(path, &e.to_string()))?;
    State::from_bytes(&bytes).map_err(|e| bad_file(path, &e.to_string()))
}

/// The state that a session string begins.
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

/// `host:port`, IPv6 in brackets.
pub(crate) fn place(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A session of the one environment is not used in the other.
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

fn default_file(environment: Environment) -> Result<PathBuf, Failure> {
    default_path(environment).ok_or_else(|| {
        Failure::usage("there is no home directory to keep the session in").hint("give --session FILE, or set HOME")
    })
}

/// A string, not to be seen in the list of processes.
pub(crate) fn stdin() -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::with_capacity(MAX_STRING));
    let bad = |why: &str| Failure::new(Exit::Usage, "SESSION_INVALID", format!("stdin: {why}"));
    io::stdin().lock().take(MAX_STRING as u64).read_to_string(&mut text).map_err(|e| bad(&e.to_string()))?;
    if text.trim().is_empty() { Err(bad("there was no session string")) } else { Ok(text) }
}

fn is_like_string(text: &str) -> bool {
    text.len() >= SHORTEST || text.starts_with("nanogram1:")
}

/// The text is not shown: it may be a part of a secret.
fn unreadable(error: StringError) -> Failure {
    match error {
        StringError::Unrecognised | StringError::Base64(_) => {
            let message = "this is neither a session string nor a file; the shortest string has 351 characters";
            Failure::new(Exit::Usage, "SESSION_INVALID", message)
        }
        error => error.into(),
    }
}

fn bad_file(path: &Path, why: &str) -> Failure {
    Failure::new(Exit::Usage, "SESSION_INVALID", format!("session {}: {why}", path.display()))
}

pub(crate) fn of_file(error: FileError) -> Failure {
    match &error {
        FileError::Locked(path) => {
            let message = format!("another process uses the session {}", path.display());
            Failure::new(Exit::NotSignedIn, "SESSION_IN_USE", message)
                .hint("wait until it is done, or give this one a session of its own: --session FILE, and sign in")
        }
        FileError::State { path, fault } => bad_file(path, &fault.to_string()),
        _ => Failure::new(Exit::Other, "FILE", error.to_string()),
    }
}

fn no_session(path: &Path) -> Failure {
    Failure::new(Exit::NotSignedIn, "NO_SESSION", format!("nobody is signed in: there is no {}", path.display())).hint(
        "sign in with `nanogram login`, or give --session or NANOGRAM_SESSION: a session string of Telethon, GramJS, \
         Pyrogram or mtcute will do, and `nanogram dc` prints one for its own data centre",
    )
}

fn nobody(path: &Path) -> Failure {
    let message = format!("nobody is signed in: {} holds no key", path.display());
    Failure::new(Exit::NotSignedIn, "NO_SESSION", message).hint("sign in with `nanogram login`")
}

/// That one key is for one program.
pub(crate) const ONE_PROGRAM: &str =
    "Use it in one program at a time; two at once get AUTH_KEY_DUPLICATED, and the key is dead.";

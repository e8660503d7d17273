//! Sessions on the command line: a string, a file, or standard input.

use crate::account::{
    LONGEST_NAME, MAX_FILE, MAX_STRING, SHORTEST, STDIN, VARIABLE, bad_file, default_file, no_session,
};
use crate::failure::{Exit, Failure};
use crate::{foreign, wire};
use nanogram::telegram::store::{Format, Realm, SavedSession, StringError, string};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Session found under a name or in a text.
pub(crate) enum Found {
    /// Session string, or a session file of another program.
    Session(Source, SavedSession),
    /// Session file of nanogram.
    File(PathBuf),
}

/// Origin of a session that is not in a session file of nanogram.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    String(Format),
    /// Database of the named program.
    Sqlite(&'static str),
}

impl Source {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::String(format) => format.name(),
            Self::Sqlite(name) => name,
        }
    }
}

/// Session given on the command line or in the environment; an empty variable counts as unset.
pub(crate) fn given(session: Option<&str>) -> Option<&str> {
    // clap does not tell an empty variable from an empty argument; the latter is an error.
    session.filter(|text| !text.is_empty() || std::env::var_os(VARIABLE).is_none_or(|value| !value.is_empty()))
}

/// Determines the kind of `session`. The content of a session file is not checked.
pub(crate) fn find(session: Option<&str>, realm: &Realm) -> Result<Found, Failure> {
    let Some(text) = given(session) else {
        let path = default_file(realm)?;
        return if path.exists() { Ok(Found::File(path)) } else { Err(no_session(&path, realm)) };
    };
    if text == STDIN {
        let text = stdin()?;
        return parse(&text).map_err(|error| foreign::of_text(&text).unwrap_or_else(|| error.into()));
    }
    let error = match parse(text) {
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    if let Some(named) = foreign::of_text(text) {
        return Err(named);
    }
    // A damaged string is not a file name: the file system is not searched for a secret.
    if is_like_string(text) {
        return Err(error.into());
    }
    read(Path::new(text))?.ok_or_else(|| no_such_file(text))
}

pub(crate) fn parse(text: &str) -> Result<Found, StringError> {
    string::parse(text).map(|(format, saved)| Found::Session(Source::String(format), saved))
}

/// Reads a file; `None` if it does not exist.
pub(crate) fn read(path: &Path) -> Result<Option<Found>, Failure> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_file() || meta.is_dir() => {
            if let Some((name, saved)) = foreign::of_path(path)? {
                return Ok(Some(Found::Session(Source::Sqlite(name), saved)));
            }
            // Checked before reading: the argument may name any file.
            if meta.is_dir() || meta.len() > MAX_FILE {
                return Err(bad_file(path, if meta.is_file() { "it is too large" } else { "it is not a file" }));
            }
        }
        Ok(_) => return Err(bad_file(path, "it is not a file")),
        Err(_) => return Ok(None),
    }
    let bytes = fs::read(path).map(Zeroizing::new).map_err(|e| bad_file(path, &e.to_string()))?;
    Ok(Some(match str::from_utf8(&bytes) {
        Ok(text) => {
            let named = |e: StringError| foreign::of_text(text).unwrap_or_else(|| bad_file(path, &e.to_string()));
            parse(text).map_err(named)?
        }
        Err(_) => Found::File(path.into()),
    }))
}

pub(crate) fn is_like_string(text: &str) -> bool {
    text.len() >= SHORTEST || text.starts_with("nanogram1:")
}

/// Error for a missing file. The text is repeated only if it looks like a file name, as it may be part of a secret.
pub(crate) fn no_such_file(text: &str) -> Failure {
    let is_name = text.len() <= LONGEST_NAME || text.contains('.');
    let message = match text {
        "" => {
            return Failure::new(
                Exit::Usage,
                "SESSION_INVALID",
                "an empty argument is neither a session string nor a file",
            );
        }
        name if is_name => format!("there is no file {}", wire::printable(name)),
        _ => "there is no file of this name, and it is not a session string: the shortest has 351 characters".into(),
    };
    Failure::new(Exit::NotSignedIn, "NO_SESSION", message)
        .hint("sign in with `nanogram login --session FILE`; or give a session string, whole and on one line")
}

/// Reads a session string from stdin, where it does not appear in process lists.
pub(crate) fn stdin() -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::with_capacity(MAX_STRING));
    let bad = |why: &str| Failure::new(Exit::Usage, "SESSION_INVALID", format!("stdin: {why}"));
    io::stdin().lock().take(MAX_STRING as u64).read_to_string(&mut text).map_err(|e| bad(&e.to_string()))?;
    if text.trim().is_empty() { Err(bad("no session string")) } else { Ok(text) }
}

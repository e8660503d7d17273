//! `nanogram session`: what a session string holds, and the same for another library.

use crate::args::SessionCommand;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::story::{Story, hex};
use nanogram::crypto::keys::Environment;
use nanogram::store::file::SessionFile;
use nanogram::store::{Format, SavedSession, StringError, string};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use zeroize::Zeroizing;

/// Session files are small; whatever is larger is none.
const MAX_FILE: u64 = 64 * 1024;
/// No session string has fewer characters.
const SHORTEST: usize = 351;

/// A session, and what it was written in; `None`: the state file of nanogram.
pub(crate) struct Found {
    pub(crate) format: Option<Format>,
    pub(crate) session: SavedSession,
    /// Held for as long as the session is in use.
    _file: Option<SessionFile>,
}

/// The session that `text` is, or that is in the file of this name.
pub(crate) fn find(text: &str) -> Result<Found, Failure> {
    let of_string = |(format, session)| Found { format: Some(format), session, _file: None };
    let error = match string::parse(text) {
        Ok(found) => return Ok(of_string(found)),
        Err(error) => error,
    };
    let path = Path::new(text);
    // A damaged string is no file name; long ones are not even asked about.
    if text.len() >= SHORTEST || !fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_FILE) {
        return Err(unreadable(text, error));
    }
    let bytes = fs::read(path).map(Zeroizing::new).map_err(|e| bad_file(path, &e.to_string()))?;
    match core::str::from_utf8(&bytes) {
        Ok(text) => string::parse(text).map(of_string).map_err(|e| bad_file(path, &e.to_string())),
        Err(_) => {
            let (file, state) = SessionFile::open(path).map_err(|e| bad_file(path, &e.to_string()))?;
            let session = state.and_then(|state| state.to_session());
            let session = session.ok_or_else(|| bad_file(path, "nobody is signed in"))?;
            Ok(Found { format: None, session, _file: Some(file) })
        }
    }
}

/// The text is not shown: it may be a part of a secret.
fn unreadable(text: &str, error: StringError) -> Failure {
    match error {
        StringError::Unrecognised | StringError::Base64(_) if text.len() < SHORTEST => {
            let message = "this is neither a session string nor a file; the shortest string has 351 characters";
            Failure::new(Exit::Usage, "SESSION_INVALID", message)
        }
        error => error.into(),
    }
}

fn bad_file(path: &Path, why: &str) -> Failure {
    Failure::new(Exit::Usage, "SESSION_INVALID", format!("session {}: {why}", path.display()))
}

pub(crate) fn run(command: &SessionCommand, story: &Story) -> Result<(), Failure> {
    match command {
        SessionCommand::Show { session, json } => show(&find(session)?, *json),
        SessionCommand::Convert { to, test, session } => convert(find(session)?, *to, *test, story),
    }
}

fn show(found: &Found, as_json: bool) -> Result<(), Failure> {
    let value = describe(found);
    if as_json {
        return output::line(&value.to_string());
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let value = match value {
            Value::Null => "not known".into(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        output::line(&format!("{name:12} {value}"))?;
    }
    Ok(())
}

/// What may be shown of a session: everything but the key.
fn describe(Found { format, session, .. }: &Found) -> Value {
    json!({
        "format": format.map_or("nanogram-file", Format::name),
        "dc_id": session.dc_id,
        "addr": session.place().map(|(host, port)| place(&host, port)),
        "user_id": session.user_id,
        "auth_key_id": hex(&session.auth_key.id()),
    })
}

/// `host:port`, IPv6 in brackets.
fn place(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn convert(found: Found, to: Format, is_test: bool, story: &Story) -> Result<(), Failure> {
    let mut session = found.session;
    let otherwise = if is_test { Environment::Test } else { Environment::Production };
    session.environment = session.known_environment().or(Some(otherwise));
    let text = string::write(&session, to)
        .map_err(|e| Failure::new(Exit::Usage, "SESSION_INCOMPLETE", e.to_string()).hint(incomplete(to)))?;
    story.tell("This is the same key: whoever has it is this account.");
    story.tell("Use it in one program at a time; two at once get AUTH_KEY_DUPLICATED, and the key is dead.");
    output::line(&text)
}

fn incomplete(to: Format) -> String {
    format!("convert from a format that keeps it, or to one other than {to} that can do without")
}

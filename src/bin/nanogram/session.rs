//! `nanogram session`: shows, converts, imports and exports sessions.

use crate::account::{self, ONE_PROGRAM};
use crate::args::SessionCommand;
use crate::failure::{Exit, Failure};
use crate::found::{Found, Source, find};
use crate::story::{Story, hex};
use crate::{import, output};
use nanogram::telegram::dcs::Environment;
use nanogram::telegram::store::{Format, Realm, SavedSession, Servers, WriteError, string};
use serde_json::{Value, json};

pub(crate) fn run(command: &SessionCommand, story: &Story) -> Result<(), Failure> {
    match command {
        SessionCommand::Show { which, json } => {
            let (format, session) = look(which.session.as_deref(), which.test)?;
            show(format, &session, *json)
        }
        SessionCommand::Convert { to, test, session } => {
            let (_, session) = look(session.as_deref(), *test)?;
            write(session, *to, account::environment(*test), story)
        }
        SessionCommand::Import(args) => import::run(args, story),
        SessionCommand::Export { to, session, test } => {
            let environment = account::environment(*test);
            let realm = Realm::telegram(environment);
            // Fails while another process uses the file: a session in use must not be handed to a second program.
            let kept = account::Account::held(session.as_deref(), &realm)?;
            let session = kept.state.to_session().ok_or_else(no_key)?;
            write(session, *to, environment, story)
        }
    }
}

/// Reads a session for display, and its origin.
pub(crate) fn look(session: Option<&str>, is_test: bool) -> Result<(Option<Source>, SavedSession), Failure> {
    match find(session, &Realm::telegram(account::environment(is_test)))? {
        Found::Session(source, session) => Ok((Some(source), session)),
        Found::File(path) => Ok((None, account::peek(&path).and_then(|state| state.to_session().ok_or_else(no_key))?)),
    }
}

fn no_key() -> Failure {
    Failure::new(Exit::NotSignedIn, "NO_SESSION", "the file holds no key: nobody is signed in")
        .hint("sign in with `nanogram login`")
}

fn show(source: Option<Source>, session: &SavedSession, as_json: bool) -> Result<(), Failure> {
    let value = describe(source, session);
    if as_json {
        return output::json(&value);
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

/// Fields of a session that may be shown: all except the key.
pub(crate) fn describe(source: Option<Source>, session: &SavedSession) -> Value {
    // A session file may be of a test server: its address is shown only if recorded, not derived from Telegram's table.
    let addr = if source.is_some() { session.place() } else { session.addr.clone() };
    json!({
        "format": source.map_or("nanogram-file", Source::name),
        "dc_id": session.dc_id,
        "addr": addr.map(|(host, port)| account::place(&host, port)),
        "environment": session.known_environment().map(|environment| match environment {
            Environment::Production => "production",
            Environment::Test => "test",
        }),
        "servers": match session.known_servers() {
            Servers::Telegram => Some("telegram".into()),
            Servers::Own(own) => Some(own.iter().map(|key| format!("{key:016x}")).collect::<Vec<_>>().join(" ")),
            Servers::Unknown => None,
        },
        "user_id": session.user_id,
        "is_bot": session.is_bot,
        "api_id": session.api_id,
        "auth_key_id": hex(&session.auth_key.id()),
    })
}

/// Prints a session string, and warnings on stderr.
fn write(mut session: SavedSession, to: Format, otherwise: Environment, story: &Story) -> Result<(), Failure> {
    session.environment = session.known_environment().or(Some(otherwise));
    let text = string::write(&session, to)
        .map_err(|e| Failure::new(Exit::Usage, "SESSION_INCOMPLETE", e.to_string()).hint(incomplete(e, to)))?;
    story.tell("This is the same key: anyone who has it can use the account.");
    story.tell(ONE_PROGRAM);
    output::line(&text)
}

fn incomplete(error: WriteError, to: Format) -> String {
    match error {
        WriteError::Missing { .. } => format!(
            "`nanogram session import STRING --check` asks the server for it, and `nanogram session export --to {to}` \
             writes it; or convert from a format that stores it, or to one that does not need it"
        ),
        _ => "nanogram's own format can hold all fields".into(),
    }
}

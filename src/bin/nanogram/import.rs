//! `nanogram session import`: converts a session string, or a file of another program, to the session file.

use crate::account::{self, Account, ONE_PROGRAM};
use crate::args::ImportArgs;
use crate::failure::{Exit, Failure};
use crate::session::{describe, look};
use crate::story::Story;
use crate::{output, wire};
use nanogram::telegram::store::Servers;
use nanogram::telegram::store::file::SessionFile;
use nanogram::telegram::store::state::State;
use serde_json::{Value, json};
use std::path::Path;

pub(crate) fn run(args: &ImportArgs, story: &Story) -> Result<(), Failure> {
    let (_, saved) = look(Some(&args.from), args.account.test)?;
    let mut new = Account::of_string(&saved, account::environment(args.account.test))?;
    let session = args.account.session.as_deref();
    let named = account::realm(&args.account)?;
    // A session that names its servers says where it goes, unless the command line does.
    let realm = match &new.state.servers {
        Servers::Own(_) if args.account.key.is_none() => Some(new.state.realm()),
        Servers::Unknown if is_unnamed(args) => None,
        _ => Some(named.clone()),
    };
    if let Some(realm) = &realm {
        new.enter(realm).map_err(|failure| match args.account.key {
            None => failure
                .hint("give the --dc and --key of its servers, or --session FILE to keep it in a file of its own"),
            Some(_) => failure,
        })?;
    }
    let default = realm.as_ref().unwrap_or(&named);
    let (mut file, before) = account::file_for(session, default, realm.as_ref())?;
    new.state.api_id = new.state.api_id.or(args.account.api_id);
    let before = before.map(|before| before.state);
    if let (None, Some(before)) = (&realm, &before) {
        check_unnamed(before, &mut new.state, file.path())?;
    }
    new.state = merge(before, new.state, args.force, file.path())?;
    let state = if args.check { wire::check(&mut new, &args.account, story)? } else { new.state };
    file.save(&state).map_err(account::of_file)?;
    if state.servers == Servers::Unknown {
        story.tell("The session does not name its servers: give their --dc and --key, unless they are Telegram's.");
        story.tell("They are recorded once they have proved that they know its key.");
    }
    story.tell("The program that the session is from must not use it any more.");
    story.tell(ONE_PROGRAM);
    tell(args, &state, &file)
}

/// Returns true if neither the session nor the command line names the servers, and the file is not a default one.
fn is_unnamed(args: &ImportArgs) -> bool {
    args.account.key.is_none() && !args.check && account::is_given(args.account.session.as_deref())
}

/// Refuses to put a session whose servers are not known in the place of one whose are; Telegram's are assumed if they
/// can be.
fn check_unnamed(before: &State, new: &mut State, path: &Path) -> Result<(), Failure> {
    let is_empty = !before.keys.contains_key(&before.home);
    let fits = match &before.servers {
        Servers::Own(_) => key(before) == key(new),
        Servers::Telegram => new.enter(&before.realm()).is_ok(),
        Servers::Unknown => true,
    };
    if fits || is_empty {
        return Ok(());
    }
    let message =
        format!("{} holds a session of {}, and this one does not name its servers", path.display(), before.realm());
    Err(Failure::new(Exit::Usage, "REALM", message).hint("give another --session FILE, or --dc and --key"))
}

/// Id of the home's key.
fn key(state: &State) -> Option<[u8; 8]> {
    state.keys.get(&state.home).map(|key| key.auth_key.id())
}

/// State to be saved: merged with what the file knows of the same key, or new for another key.
///
/// A file that holds another key is not overwritten without `--force`: it may be the only copy.
fn merge(before: Option<State>, new: State, is_forced: bool, path: &Path) -> Result<State, Failure> {
    let Some(before) = before.filter(|before| before.keys.contains_key(&before.home)) else { return Ok(new) };
    if key(&before) == key(&new) {
        let (user, api_id) = (before.user.or(new.user), new.api_id.or(before.api_id));
        return Ok(State { user, api_id, ..before });
    }
    if is_forced {
        return Ok(new);
    }
    let whose = before.user.map_or_else(String::new, |user| format!(" of user {}", user.id));
    let message = format!("{} holds another session{whose}", path.display());
    Err(Failure::new(Exit::Usage, "SESSION_EXISTS", message)
        .hint("sign it out with `nanogram logout`, give another --session FILE, or replace it with --force"))
}

fn tell(args: &ImportArgs, state: &State, file: &SessionFile) -> Result<(), Failure> {
    let session = state.to_session();
    let path = file.path().display().to_string();
    if args.json {
        let mut object = json!({ "ok": true, "session": path });
        if let (Some(fields), Some(Value::Object(told))) = (object.as_object_mut(), session.map(|s| describe(None, &s)))
        {
            fields.extend(told);
        }
        return output::json(&object);
    }
    let whose = state.user.map_or_else(|| "an account that it does not name".into(), |u| format!("user {}", u.id));
    output::line(&format!("{path} now holds the session of {whose}, data centre {}", state.home))
}

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
    // A session that records its servers selects the realm, unless the command line does.
    let realm = match &new.state.servers {
        Servers::Own(_) if args.account.key.is_none() => new.state.realm(),
        _ => account::realm(&args.account)?,
    };
    account::enter(&mut new.state, &realm)?;
    let (mut file, before) = account::file_for(args.account.session.as_deref(), &realm)?;
    new.state.api_id = new.state.api_id.or(args.account.api_id);
    new.state = merge(before, new.state, args.force, file.path())?;
    // Before saving: a session that fails the check is not stored.
    let state = if args.check { wire::check(&new, &args.account, story)? } else { new.state };
    file.save(&state).map_err(account::of_file)?;
    story.tell("Do not use the session any more in the program that it comes from.");
    story.tell(ONE_PROGRAM);
    tell(args, &state, &file)
}

/// Merges the states: everything known about the same key is kept, a state with another key is replaced.
///
/// A file that holds another key is not overwritten without `--force`: it may be the only copy.
fn merge(before: Option<State>, new: State, is_forced: bool, path: &Path) -> Result<State, Failure> {
    let Some(before) = before.filter(|before| before.keys.contains_key(&before.home)) else { return Ok(new) };
    let key = |state: &State| state.keys.get(&state.home).map(|key| key.auth_key.id());
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

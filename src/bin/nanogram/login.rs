//! `nanogram login` and `nanogram logout`.

use crate::account::{self, Account};
use crate::args::{LoginArgs, LogoutArgs};
use crate::failure::{Exit, Failure};
use crate::prompt::{self, Prompt};
use crate::story::Story;
use crate::wire::{self, Me};
use crate::{enter, output, runtime};
use nanogram::client::Client;
use nanogram::telegram::login::App;
use nanogram::telegram::store::file::SessionFile;
use nanogram::telegram::store::state::{SavedUser, State};
use nanogram::tl::Hidden;
use serde_json::json;
use std::time::Duration;

/// Data centre of a new login; the account's phone number leads to its home data centre.
const FIRST_DC: u8 = 2;
/// Most time that a failed login adds to sign out a key that may be signed in.
const ABANDON_WITHIN: Duration = Duration::from_secs(2);

pub(crate) fn run(args: &LoginArgs, story: &Story) -> Result<(), Failure> {
    if args.bot_token.is_some() {
        return Err(prompt::no_bots());
    }
    let phone = args.phone.as_deref().map(prompt::phone).transpose()?;
    let app = app(args)?;
    let realm = account::realm(&args.account)?;
    let (mut file, before) = account::file_for(args.account.session.as_deref(), &realm, Some(&realm))?;
    let before = before.filter(|before| before.state.keys.contains_key(&before.state.home));
    let is_replaced = before.is_some() && args.force;
    let is_over = before.is_some() && !args.force;
    runtime()?.block_on(wire::uninterrupted(async {
        if let Some(before) = before.filter(|_| !args.force)
            && let Some(me) = still_in(before, &mut file, args, story).await?
        {
            story.tell("To sign in as another user, run `nanogram logout` first, or give another --session FILE or --force.");
            return tell(args, "already signed in", &me, &file, story);
        }
        let mut fresh = State::new(realm.environment, FIRST_DC);
        account::enter(&mut fresh, &realm)?;
        fresh.api_id = Some(app.api_id);
        if let Some(addr) = args.account.dc.as_ref().filter(|_| !fresh.dcs.has_built_in()) {
            let _ = addr.parse().is_ok_and(|addr| fresh.dcs.put_first(FIRST_DC, addr));
        }
        let options = wire::options(&Account::of_state(fresh), &args.account, story)?;
        let client = wire::connect(options, story).await?;
        let prompt = Prompt::new(story);
        let entered = match phone {
            None if args.qr => enter::by_qr(&client, &app, &prompt, story).await,
            phone => enter::by_code(&client, &app, phone, &prompt, story).await,
        };
        let in_as = match entered {
            Ok(in_as) => in_as,
            Err(failure) => return Err(abandon(&client, failure).await),
        };
        // Only after the new login succeeded: until then the old file stays in place.
        if is_over && let Some(aside) = file.set_aside().map_err(account::of_file)? {
            story.tell(&format!("The session that was in the file is kept as {}.", aside.display()));
        }
        save(&client, &mut file).await?;
        // The name is only for display: a login without it is still a login.
        let nameless = Me { user: SavedUser { id: in_as.id, is_bot: in_as.is_bot }, name: None };
        let me = wire::who_am_i(&client).await.unwrap_or(nameless);
        if is_replaced {
            story.tell("The session that was in the file is still signed in: an official app can end it under Settings > Devices.");
        }
        moved(&client, args, story);
        tell(args, "signed in", &me, &file, story)
    }))
}

/// Application from the command line or the environment.
fn app(args: &LoginArgs) -> Result<App, Failure> {
    // A test server accepts any application.
    let is_anything = args.account.dc.is_some();
    let api_id = args.account.api_id.or(is_anything.then_some(wire::ANY_API_ID));
    let api_hash = args.api_hash.clone().filter(|hash| !hash.is_empty()).or(is_anything.then(|| "any".into()));
    let (Some(api_id), Some(api_hash)) = (api_id, api_hash) else {
        let message = "an api_id and api_hash are required to sign in: give --api-id and --api-hash, or \
                       NANOGRAM_API_ID and NANOGRAM_API_HASH";
        return Err(Failure::usage(message).hint(wire::MY_TELEGRAM));
    };
    Ok(App { api_id, api_hash: Hidden(api_hash) })
}

/// User who is signed in with the session of the file; `None` if the server says that nobody is. Then it has proved
/// that
/// it knows the key, or shown the RSA key of the servers that the file names.
async fn still_in(
    mut before: Account,
    file: &mut SessionFile,
    args: &LoginArgs,
    story: &Story,
) -> Result<Option<Me>, Failure> {
    let options = wire::options(&before, &args.account, story)?;
    let asked = async {
        let client = wire::connect(options, story).await?;
        before.prove(&client).await?;
        let me = wire::who_am_i(&client).await?;
        Ok::<_, Failure>((client, me))
    };
    match asked.await {
        Ok((client, me)) => {
            client.set_user(Some(me.user));
            file.save(&client.state()).map_err(account::of_file)?;
            Ok(Some(me))
        }
        Err(failure) if failure.exit() == Exit::NotSignedIn && failure.is_of_server() => {
            let (why, _) = failure.lines();
            story.tell(&format!("The session in {} is over ({why}); sign in again.", file.path().display()));
            Ok(None)
        }
        Err(failure) => {
            let (why, _) = failure.lines();
            let message = format!(
                "{} holds a session, and whether it is still good cannot be told: {why}",
                file.path().display()
            );
            Err(failure
                .saying(message)
                .hint("try again; give another --session FILE; or sign in anew with --force, which replaces it"))
        }
    }
}

/// Signs out a key that is about to be dropped, if the server may have signed it in: the answer with the success may be
/// lost.
async fn abandon(client: &Client, failure: Failure) -> Failure {
    if matches!(failure.exit(), Exit::TimedOut | Exit::Network) {
        let _ = tokio::time::timeout(ABANDON_WITHIN, client.log_out()).await;
    }
    failure
}

/// Saves the session. If that fails it is signed out again, as nobody could end it otherwise.
async fn save(client: &Client, file: &mut SessionFile) -> Result<(), Failure> {
    let saved = file.save(&client.state()).map_err(account::of_file);
    if saved.is_err() {
        let _ = client.log_out().await;
    }
    saved
}

/// Reports the home data centre of a test account: another process would connect to the first one.
fn moved(client: &Client, args: &LoginArgs, story: &Story) {
    let (home, state) = (client.dc_id(), client.state());
    if args.account.dc.is_some() && home != FIRST_DC {
        let at = state.dcs.address(home).map_or_else(String::new, |addr| format!(": use --dc {addr} from now on"));
        story.tell(&format!("The account lives in data centre {home}{at}."));
    }
}

fn tell(args: &LoginArgs, what: &str, me: &Me, file: &SessionFile, story: &Story) -> Result<(), Failure> {
    let session = file.path().display().to_string();
    if args.json {
        let is_new = what == "signed in";
        let object = json!({
            "ok": true, "user_id": me.user.id, "name": me.name, "session": session, "new": is_new,
        });
        return output::json(&object);
    }
    output::line(&format!("{what} as {me}; the session is in {session}"))?;
    let flags = [("--session", args.account.session.is_some()), ("--test", args.account.test)];
    let flags: Vec<_> = flags.iter().filter(|(_, is_given)| *is_given).map(|(flag, _)| *flag).collect();
    let same = if flags.is_empty() { String::new() } else { format!(", with the same {}", flags.join(" and ")) };
    story.tell(&format!("Next: nanogram start 'https://t.me/my_bot?start=hello_42'{same}"));
    Ok(())
}

pub(crate) fn out(args: &LogoutArgs, story: &Story) -> Result<(), Failure> {
    let mut account = Account::open(args.account.session.as_deref(), &account::realm(&args.account)?)?;
    let options = wire::options(&account, &args.account, story)?;
    let told = runtime()?.block_on(wire::within(args.account.timeout, async {
        let client = wire::connect(options, story).await?;
        account.prove(&client).await?;
        client.log_out().await.map_err(Failure::from)
    }));
    let path = account.path().map(|path| path.display().to_string());
    let server = match told {
        Ok(()) => "signed out",
        // The goal is reached, although by other means.
        Err(failure) if failure.exit() == Exit::NotSignedIn && failure.is_of_server() => {
            story.tell(&format!("The session was over already: {}.", failure.lines().0));
            "was signed out already"
        }
        Err(failure) if args.force && failure.exit() != Exit::Interrupted => {
            let (message, _) = failure.lines();
            story.tell(&format!(
                "The server could not be reached ({message}). The account still lists this session until"
            ));
            story.tell("an official app ends it under Settings > Devices.");
            "not told"
        }
        Err(failure) => {
            let kept = path.map_or_else(String::new, |path| format!("; {path} is kept"));
            let message = format!("not signed out, the server could not be reached: {}{kept}", failure.lines().0);
            return Err(failure.saying(message).hint("try again; --force removes the file anyway"));
        }
    };
    // A forged or mistaken answer must not destroy a key: the file is only renamed, unless --force asks to remove it.
    let aside = if server == "was signed out already" && !args.force {
        account.set_aside()?
    } else {
        account.forget()?;
        None
    };
    let aside = aside.map(|aside| aside.display().to_string());
    if args.json {
        return output::json(&json!({ "ok": true, "server": server, "removed": path, "kept_as": aside }));
    }
    let removed = match (path, aside) {
        (_, Some(aside)) => format!("; its file is kept as {aside}"),
        (Some(path), None) => format!("; {path} is removed"),
        (None, None) => String::new(),
    };
    output::line(&format!("{}{removed}", if server == "not told" { "the server could not be reached" } else { server }))
}

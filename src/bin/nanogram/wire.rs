//! From the command line to a connected client, for all commands that act for an account.

use crate::account::{Account, no_session_in};
use crate::args::AccountArgs;
use crate::dc::stamp;
use crate::failure::{Exit, Failure};
use crate::prompt::{interrupted, until_interrupted};
use crate::runtime;
use crate::story::{Ink, Story, hex};
use nanogram::base::escape::one_line;
use nanogram::base::private;
use nanogram::base::time::UnixTime;
use nanogram::client::{Client, Error, KeyWatcher, Notice, Options, Watcher};
use nanogram::crypto::rsa::RsaKey;
use nanogram::telegram::api::LAYER;
use nanogram::telegram::api::peer::InputUserSelf;
use nanogram::telegram::api::users::GetUsers;
use nanogram::telegram::store::state::{SavedUser, State};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Application id for a test server, which accepts any.
pub(crate) const ANY_API_ID: i32 = 1;

/// Hint at the source of an `api_id` and `api_hash`.
pub(crate) const MY_TELEGRAM: &str =
    "get an api_id and api_hash at my.telegram.org; with `nanogram dc` give --dc and --key instead";

/// Connection settings from the command line.
pub(crate) fn options(of: &Account, account: &AccountArgs, story: &Story) -> Result<Options, Failure> {
    let mut options = Options::from_state(of.state.clone());
    options.addr = of.host.clone();
    if let (Some(addr), Some(key)) = (&account.dc, &account.key) {
        options = options.at(addr, vec![read_key(key)?]);
    }
    if let Some(api_id) = account.api_id {
        options = options.api_id(api_id);
    } else if options.init.api_id == 0 && account.dc.is_some() {
        options = options.api_id(ANY_API_ID);
    }
    if options.init.api_id == 0 {
        let message = "an api_id is required: give --api-id or NANOGRAM_API_ID";
        return Err(Failure::usage(message).hint(MY_TELEGRAM));
    }
    options.call_within = account.timeout;
    options.flood_wait = account.flood_wait;
    if account.no_pfs {
        options.temporary = None;
    }
    options.watcher = watcher(story);
    if let Some(path) = &account.keylog {
        options.keylog = keylog(path)?;
    }
    Ok(options)
}

/// Prints the notices of the client.
fn watcher(story: &Story) -> Watcher {
    let story = story.clone();
    Watcher::new(move |notice| {
        let aside = |what: &str| story.step("", "", &story.ink(Ink::Dim, what));
        match notice {
            Notice::FloodWait { seconds, error } => {
                story.countdown(&format!("The server says {}: waiting", printable(&error.message)), *seconds);
            }
            Notice::Retrying { attempt, after, why } => {
                aside(&format!(
                    "{} ({}): trying again in {:.1} s, attempt {attempt}",
                    printable(&why.message),
                    why.code,
                    after.as_secs_f32()
                ));
            }
            Notice::Reconnecting { after, why, .. } => {
                aside(&format!("{why}: connecting again in {:.1} s", after.as_secs_f32()));
            }
            Notice::KeyExchange { dc_id, is_temporary: false } => {
                aside(&format!("making a key with data centre {dc_id}"))
            }
            Notice::KeyExchange { is_temporary: true, .. } => aside("making a temporary key, for forward secrecy"),
            Notice::MovedTo(dc) => aside(&format!("the account lives in data centre {dc}: moved there")),
            Notice::Connecting { dc_id, addr } => story.detail(&format!("connecting to {addr}, data centre {dc_id}")),
            Notice::Connected { dc_id, addr } => story.detail(&format!("TCP is open to {addr}, data centre {dc_id}")),
            Notice::Bound { dc_id, expires_at } => story.detail(&format!(
                "the temporary key is bound in data centre {dc_id} until {}",
                stamp(UnixTime::from_secs((*expires_at).into()))
            )),
            Notice::Notification(text) => story.tell(&format!("Telegram says: {}", printable(text))),
            _ => {}
        }
    })
}

/// Foreign text on one line, escaped by [`one_line`].
pub(crate) fn printable(text: &str) -> String {
    one_line(text).to_string()
}

/// Appends the keys in use to a file that only its owner can read.
fn keylog(path: &Path) -> Result<KeyWatcher, Failure> {
    let bad = |error: io::Error| Failure::new(Exit::Usage, "FILE", format!("--keylog {}: {error}", path.display()));
    no_session_in("--keylog", path)?;
    let file = Mutex::new(private::append(path).map_err(bad)?);
    Ok(KeyWatcher::of_keys(move |entry| {
        if let Ok(mut file) = file.lock() {
            // A failure to write the log must not stop the client.
            let _ = writeln!(file, "{entry}");
        }
    }))
}

/// Reads a public key from a PEM file, or from PEM text.
pub(crate) fn read_key(key: &str) -> Result<RsaKey, Failure> {
    let text = if key.contains("-----BEGIN") { Ok(key.to_string()) } else { fs::read_to_string(key) };
    let bad = |why: String| Failure::new(Exit::Usage, "KEY_INVALID", format!("--key {why}"));
    let text = text.map_err(|error| bad(format!("{key}: {error}")))?;
    RsaKey::from_pem(&text).map_err(|error| bad(format!("{}: {error}", if text == key { "text" } else { key })))
}

pub(crate) async fn connect(options: Options, story: &Story) -> Result<Client, Failure> {
    let addr = options.address()?;
    let owner = options.state.keys.get(&options.state.home).map(|key| hex(&key.auth_key.id()));
    let owner = owner.map_or_else(|| "with a new key".into(), |id| format!("as the owner of key {id}"));
    let dc = options.state.home;
    story.detail(&format!(
        "layer {LAYER}, api_id {}, timeout {:?}, flood wait {:?}, forward secrecy {}",
        options.init.api_id,
        options.call_within,
        options.flood_wait,
        if options.temporary.is_some() { "on" } else { "off" },
    ));
    let waiting = story.waiting(format!("connecting to {addr}"));
    let client = Client::connect(options).await?;
    drop(waiting);
    story.step("TCP", "connected", &format!("to {addr}, data centre {dc}, {owner}"));
    Ok(client)
}

/// Runs `job` until it ends, the time limit passes, or Ctrl-C.
pub(crate) async fn within<T>(limit: Duration, job: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    uninterrupted(async { tokio::time::timeout(limit, job).await.unwrap_or_else(|_| Err(late(limit))) }).await
}

/// Runs `job` until it ends or Ctrl-C.
pub(crate) async fn uninterrupted<T>(job: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    until_interrupted(job).await.unwrap_or_else(|| Err(interrupted()))
}

/// Returns true if the addresses of the data centres should be requested again.
pub(crate) fn is_stale(state: &State) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let ahead = state.clock_offset.unwrap_or_default() / 1_000_000;
    let now = i64::try_from(now).unwrap_or(i64::MAX).saturating_add(ahead);
    // A config from the future: a clock was wrong, then or now.
    state.config.is_none_or(|config| now >= config.expires.into() || now < config.date.into())
}

fn late(limit: Duration) -> Failure {
    Failure::new(Exit::TimedOut, "TIMED_OUT", format!("no answer within {limit:?}"))
        .hint("try again, or give it longer with --timeout")
}

/// Signed-in user.
#[derive(Debug)]
pub(crate) struct Me {
    pub(crate) user: SavedUser,
    /// Display name.
    pub(crate) name: Option<String>,
}

/// Asks the server for the user of the session.
pub(crate) async fn who_am_i(client: &Client) -> Result<Me, Failure> {
    let answer = client.call(&GetUsers { id: vec![InputUserSelf {}.into()] }).await?;
    let no_user = || Failure::new(Exit::Network, "PROTOCOL", "the server's answer does not name the session's user");
    let head = answer.first().map_err(Error::Decode)?.ok_or_else(no_user)?;
    // The name is only for display: an answer without a readable one is accepted.
    let name = answer.first_name().ok().flatten();
    Ok(Me { user: SavedUser { id: head.id, is_bot: head.bot }, name })
}

impl std::fmt::Display for Me {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{}, user {}", one_line(name), self.user.id),
            None => write!(f, "user {}", self.user.id),
        }
    }
}

/// Asks the server about an account from elsewhere; its state with the answer in it.
pub(crate) fn check(of: &mut Account, account: &AccountArgs, story: &Story) -> Result<State, Failure> {
    let options = options(of, account, story)?;
    runtime()?.block_on(within(account.timeout, async {
        let client = connect(options, story).await?;
        of.prove(&client).await?;
        let me = who_am_i(&client).await?;
        client.set_user(Some(me.user));
        story.tell(&format!("The session is signed in: {me}."));
        Ok(client.state())
    }))
}

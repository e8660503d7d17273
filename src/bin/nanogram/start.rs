//! `nanogram start`: one bot, started once.

use crate::args::{AccountArgs, StartArgs};
use crate::failure::{Exit, Failure};
use crate::session;
use crate::story::{Story, hex};
use crate::{output, runtime};
use nanogram::api::updates::Updates;
use nanogram::client::{Client, Error, Options};
use nanogram::crypto::rsa::RsaKey;
use nanogram::link::{AdminRights, LinkError, OtherLink, Start, StartLink, StartParam, StartParamError};
use nanogram::start::{self, Known, StartError, Who, WhoError};
use nanogram::tl::Tl;
use nanogram::tl::schema::Schema;
use rand::rngs::SysRng;
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// How long people wait for an answer unless they say otherwise.
const PATIENCE: u64 = 3;

/// What a test data centre takes for an application.
pub(crate) const ANY_API_ID: i32 = 1;

/// What is to be started, and where: the command line, understood.
#[derive(Debug)]
struct Plan {
    bot: Who,
    peer: Who,
    param: String,
    /// What a link for groups asks for besides.
    admin: AdminRights,
}

impl Plan {
    /// What was done, once it is.
    fn deed(&self) -> String {
        match self {
            Self { bot, peer, .. } if bot == peer => format!("started {bot}"),
            Self { bot, peer, .. } => format!("started {bot} in {peer}"),
        }
    }
}

pub(crate) fn run(args: &StartArgs, story: &Story) -> Result<(), Failure> {
    let plan = plan(args)?;
    let (options, _held) = options(&args.account)?;
    let random_id = match args.random_id {
        Some(id) => id,
        None => start::random_id(&mut SysRng).map_err(|_| Error::Entropy)?,
    };
    let wait = Duration::from_secs(args.wait.unwrap_or(if args.json { 0 } else { PATIENCE }));
    let limit = Duration::from_secs(args.account.timeout);
    let (updates, reply) = runtime()?.block_on(async {
        let job = async {
            let client = connect(options, story).await?;
            let (updates, bot) = start(&client, &plan, random_id, story).await?;
            Ok::<_, Failure>((client, updates, bot))
        };
        let (client, updates, bot) = tokio::time::timeout(limit, job).await.map_err(|_| late(limit))??;
        let reply = if wait.is_zero() { None } else { answer(&client, bot, wait, story).await? };
        Ok::<_, Failure>((updates, reply))
    })?;
    if args.json {
        let Plan { bot, peer, param, .. } = &plan;
        return output::line(&started(bot, peer, random_id, param, &updates, args.wait.map(|_| reply)).to_string());
    }
    output::line(&format!("{}: {}", plan.deed(), updates.kind.name()))?;
    match reply {
        Some(text) => output::line(&text),
        None => Ok(()),
    }
}

/// What both `start` and `demo` print with `--json`; `reply` is a field of its own if an answer was waited for.
pub(crate) fn started(
    bot: &Who,
    peer: &Who,
    random_id: i64,
    param: &str,
    updates: &Updates,
    reply: Option<Option<String>>,
) -> Value {
    let mut object = json!({
        "ok": true,
        "bot": bot.to_string(),
        "peer": peer.to_string(),
        "random_id": random_id.to_string(),
        "start_param": param,
        "updates": tree(updates),
    });
    if let (Some(reply), Some(fields)) = (reply, object.as_object_mut()) {
        fields.insert("reply".into(), reply.into());
    }
    object
}

/// All of it if the schema can read it, and otherwise its name.
fn tree(updates: &Updates) -> Value {
    let mut bytes = Vec::new();
    updates.write(&mut bytes);
    let schema = Schema::telegram().ok();
    let tree = schema.as_ref().and_then(|schema| schema.from_bytes(&bytes).ok()).map(|value| value.to_json());
    tree.unwrap_or_else(|| json!({ "_": updates.kind.name() }))
}

fn late(limit: Duration) -> Failure {
    Failure::new(Exit::TimedOut, "TIMED_OUT", format!("no answer within {} seconds", limit.as_secs()))
        .hint("try again, or give it longer with --timeout")
}

/// Understands bot, peer and parameter; refuses here what the server would.
fn plan(args: &StartArgs) -> Result<Plan, Failure> {
    let (bot, is_group, param, admin) = match args.bot.parse::<Who>() {
        Ok(bot @ (Who::Name(_) | Who::User { .. })) => (bot, false, None, AdminRights::NONE),
        Ok(other) => return Err(Failure::usage(format!("{other} is no bot; give a start link or @name"))),
        Err(error) => read_link(&args.bot, error)?,
    };
    if param.is_some() && args.param.is_some() {
        return Err(Failure::usage("the link has a start parameter already: give it once"));
    }
    let peer: Option<Who> = args.peer.as_deref().map(str::parse).transpose()?;
    if is_group && peer.is_none() {
        return Err(Failure::new(Exit::Usage, "GROUP_NEEDED", "the link starts the bot in a group: which one?")
            .hint("name the group with --peer @name, --peer chat:ID or --peer channel:ID:HASH"));
    }
    let param = param.or_else(|| args.param.clone()).unwrap_or_default();
    let peer = peer.unwrap_or_else(|| bot.clone());
    match StartParam::parse(&param) {
        Ok(_) => {}
        // A name may turn out to be the bot's own chat, where plain /start is sent; these cannot.
        Err(StartParamError::Empty) if !matches!(peer, Who::Chat(_) | Who::Channel { .. }) => {}
        Err(error) => return Err(StartError::from(error).into()),
    }
    Ok(Plan { bot, peer, param, admin })
}

/// The bot, whether a group is needed, the parameter, the rights.
type Linked = (Who, bool, Option<String>, AdminRights);

fn read_link(text: &str, not_a_name: WhoError) -> Result<Linked, Failure> {
    let text_of = |param: StartParam| param.as_str().to_string();
    match text.parse::<StartLink>() {
        Ok(StartLink { bot, start }) => match start {
            Start::Private { param } => Ok((Who::Name(bot), false, param.map(text_of), AdminRights::NONE)),
            Start::Group { param, admin } => Ok((Who::Name(bot), true, param.map(text_of), admin)),
            Start::Channel { .. } => {
                Err(Failure::usage("the link makes the bot an administrator of a channel; it starts nothing"))
            }
        },
        Err(LinkError::Other(OtherLink::PublicChat(bot))) => Ok((Who::Name(bot), false, None, AdminRights::NONE)),
        Err(LinkError::Param(error)) => Err(StartError::from(error).into()),
        Err(LinkError::Username(_)) => Err(Failure::refused(400, "USERNAME_INVALID")),
        // No link at all: then it was to be a name.
        Err(LinkError::NotTelegram) if matches!(not_a_name, WhoError::Number) => Err(not_a_name.into()),
        Err(LinkError::NotTelegram) if !text.contains(['/', ':', '.']) => {
            Err(Failure::refused(400, "USERNAME_INVALID"))
        }
        Err(error) => Err(Failure::usage(error.to_string())),
    }
}

/// Where to connect, and as whom. The session is held as long as its second part lives.
fn options(account: &AccountArgs) -> Result<(Options, session::Found), Failure> {
    let found = session::find(account.session.as_deref().ok_or_else(no_session)?)?;
    let mut options = Options::from_saved(&found.session);
    options.call_within = Duration::from_secs(account.timeout);
    if let (Some(addr), Some(key)) = (&account.dc, &account.key) {
        options = options.at(addr, vec![read_key(key)?]);
    }
    if let Some(api_id) = account.api_id {
        options = options.api_id(api_id);
    } else if options.init.api_id == 0 && account.dc.is_some() {
        options = options.api_id(ANY_API_ID);
    }
    if options.init.api_id == 0 {
        return Err(Failure::usage("Telegram wants to know which application calls: give --api-id or NANOGRAM_API_ID")
            .hint(
                "my.telegram.org gives everybody an api_id; against `nanogram dc` none is needed, but --dc and --key",
            ));
    }
    Ok((options, found))
}

fn no_session() -> Failure {
    Failure::new(Exit::NotSignedIn, "NO_SESSION", "starting a bot needs an account, and no session was given").hint(
        "give --session or NANOGRAM_SESSION: `nanogram dc` prints a session for its own data centre, and for Telegram \
         a session string of Telethon, GramJS, Pyrogram or mtcute will do",
    )
}

/// A PEM file, or the text itself.
pub(crate) fn read_key(key: &str) -> Result<RsaKey, Failure> {
    let text = if key.contains("-----BEGIN") { Ok(key.to_string()) } else { fs::read_to_string(key) };
    let bad = |why: String| Failure::new(Exit::Usage, "KEY_INVALID", format!("--key {why}"));
    let text = text.map_err(|error| bad(format!("{key}: {error}")))?;
    RsaKey::from_pem(&text).map_err(|error| bad(format!("{}: {error}", if text == key { "text" } else { key })))
}

async fn connect(options: Options, story: &Story) -> Result<Client, Failure> {
    let addr = options.address()?;
    let dc = options.state.home;
    let id = options.state.keys.get(&dc).map(|key| hex(&key.auth_key.id())).unwrap_or_default();
    let waiting = story.waiting(format!("connecting to {addr}"));
    let client = Client::connect(options).await?;
    drop(waiting);
    story.step("TCP", "connected", &format!("to {addr}, data centre {dc}, as the owner of key {id}"));
    Ok(client)
}

/// Starts the bot; its id, by which to know its answer.
async fn start(client: &Client, plan: &Plan, random_id: i64, story: &Story) -> Result<(Updates, i64), Failure> {
    let waiting = story.waiting(format!("starting {}", plan.bot));
    let Known::User { id, .. } = client.known(&plan.bot).await? else { return Err(StartError::BotInvalid.into()) };
    if let Who::Name(_) = plan.bot {
        story.step("◀──", "resolveUsername", &format!("{} is user {id}", plan.bot));
    }
    let updates = client.start_bot(plan.bot.clone(), plan.peer.clone(), random_id, &plan.param).await?;
    drop(waiting);
    let call = if plan.param.is_empty() { "sendMessage" } else { "startBot" };
    story.step("◀──", call, &format!("{}: {}, random_id {random_id}", updates.kind.name(), plan.deed()));
    if !plan.admin.is_empty() {
        story.tell(&format!("The link asks for rights that only you can give the bot there: {}", plan.admin));
    }
    Ok((updates, id))
}

/// What the bot says, if it says anything in time.
async fn answer(client: &Client, bot: i64, wait: Duration, story: &Story) -> Result<Option<String>, Failure> {
    let _waiting = story.waiting("waiting for the bot's answer");
    match client.answer_of(bot, wait).await {
        Ok(text) => {
            story.step("◀──", "message", "the bot's answer");
            Ok(Some(text))
        }
        Err(Error::Timeout) => {
            story.tell(&format!("The bot was started, and said nothing within {} s.", wait.as_secs()));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

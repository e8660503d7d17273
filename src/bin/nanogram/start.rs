//! `nanogram start`: starts one bot, once.

use crate::account::{self, Account};
use crate::args::StartArgs;
use crate::failure::{Exit, Failure};
use crate::story::Story;
use crate::tree::tree;
use crate::{output, prompt, runtime, wire};
use nanogram::client::{Client, Error, Role};
use nanogram::telegram::api::updates::Updates;
use nanogram::telegram::link::{
    AdminRights, LinkError, OtherLink, Start, StartLink, StartParam, StartParamError, Username, ignored_part,
};
use nanogram::telegram::start::{self, Known, StartError, Who, WhoError};
use rand::rngs::SysRng;
use serde_json::{Value, json};
use std::time::Duration;

/// Default of `--wait` without `--json`.
const PATIENCE: Duration = Duration::from_secs(3);

/// Most time that refreshing the data centres' addresses may add.
const REFRESH_WITHIN: Duration = Duration::from_secs(1);

/// Parsed command line: the bot, the peer and the parameter.
#[derive(Debug)]
struct Plan {
    bot: Who,
    peer: Who,
    param: String,
    /// Administrator rights that a group link asks for.
    admin: AdminRights,
}

impl Plan {
    /// Description of the start, for messages.
    fn deed(&self) -> String {
        match self {
            Self { bot, peer, .. } if bot == peer => format!("started {bot}"),
            Self { bot, peer, .. } => format!("started {bot} in {peer}"),
        }
    }
}

pub(crate) fn run(args: &StartArgs, story: &Story) -> Result<(), Failure> {
    let plan = plan(args, story)?;
    let mut account = Account::open(args.account.session.as_deref(), &account::realm(&args.account)?)?;
    if account.state.user.is_some_and(|user| user.is_bot) {
        return Err(prompt::no_bots());
    }
    let options = wire::options(&account, &args.account, story)?;
    let random_id = match args.random_id {
        Some(id) => id,
        None => start::random_id(&mut SysRng).map_err(|_| Error::Entropy)?,
    };
    let wait = args.wait.unwrap_or(if args.json { Duration::ZERO } else { PATIENCE });
    let (updates, reply) = runtime()?.block_on(async {
        // The client's own time-out comes a second earlier, with the better error.
        let client =
            wire::within(args.account.timeout.saturating_add(Duration::from_secs(1)), wire::connect(options, story))
                .await?;
        let limit = args.account.timeout.saturating_add(args.account.flood_wait);
        story.detail(&format!("random_id {random_id}"));
        let result = job(&client, &plan, random_id, wait, limit, story).await;
        // Of an unnamed session nothing is kept without proof. That the bot was started is true all the same.
        if result.is_ok() {
            let _unproven = wire::within(args.account.timeout, account.prove(&client)).await;
        }
        // Whatever came of it: keys, salts and names are as good for the next time.
        match account.keep(&client.state()) {
            Ok(None) => {}
            Ok(Some(path)) => story.tell(&format!("The session is over; its file is kept as {}.", path.display())),
            Err(failure) => {
                story.tell(&format!("The session file was not updated: {}.", failure.lines().0));
            }
        }
        result
    })?;
    if let (None, Some(limit)) = (&reply, args.wait.filter(|limit| !limit.is_zero())) {
        return Err(no_answer(&plan, random_id, limit));
    }
    if reply.is_none() && !wait.is_zero() {
        story.tell(&format!("The bot was started, but did not answer within {wait:?}."));
    }
    if args.json {
        let Plan { bot, peer, param, .. } = &plan;
        return output::json(&started(bot, peer, random_id, param, &updates, args.wait.map(|_| reply)));
    }
    output::line(&format!("{}: {}", plan.deed(), updates.kind.name()))?;
    match reply {
        Some(text) => output::line(&text),
        None => Ok(()),
    }
}

/// Error for an explicit `--wait` that passed without an answer. The start itself was executed.
fn no_answer(plan: &Plan, random_id: i64, limit: Duration) -> Failure {
    let message = format!("{}, but it did not answer within {limit:?}", plan.deed());
    Failure::new(Exit::TimedOut, "NO_ANSWER", message).hint(format!(
        "the start was executed, random_id {random_id}: wait longer next time, or leave out --wait if the bot may be silent"
    ))
}

/// Starts the bot and waits for its answer; meanwhile refreshes outdated addresses of the data centres.
async fn job(
    client: &Client,
    plan: &Plan,
    random_id: i64,
    wait: Duration,
    limit: Duration,
    story: &Story,
) -> Result<(Updates, Option<String>), Failure> {
    let (updates, bot) = wire::within(limit, start(client, plan, random_id, story)).await?;
    if wait.is_zero() {
        return Ok((updates, None));
    }
    let refresh = async {
        if wire::is_stale(&client.state()) {
            // A failure is ignored: the next run asks again.
            let _ = tokio::time::timeout(REFRESH_WITHIN, client.refresh_dcs()).await;
        }
    };
    let both = async { tokio::join!(answer(client, bot, wait, story), refresh).0 };
    Ok((updates, wire::uninterrupted(both).await?))
}

/// Result of `start` and `demo` with `--json`; the field `reply` is present if an answer was waited for.
pub(crate) fn started(
    bot: &Who,
    peer: &Who,
    random_id: i64,
    param: &str,
    updates: &Updates,
    reply: Option<Option<String>>,
) -> Value {
    let tree = tree(updates);
    let mut object = json!({
        "ok": true,
        "bot": bot.to_string(),
        "peer": peer.to_string(),
        "random_id": random_id.to_string(),
        "start_param": param,
        "updates": tree.read,
    });
    if let (Some(unread), Some(fields)) = (tree.unread, object.as_object_mut()) {
        fields.insert("unread".into(), unread);
    }
    if let (Some(reply), Some(fields)) = (reply, object.as_object_mut()) {
        fields.insert("reply".into(), reply.into());
    }
    object
}

/// Parses bot, peer and parameter, and refuses what the server would refuse.
fn plan(args: &StartArgs, story: &Story) -> Result<Plan, Failure> {
    if let Some(failure) = swapped(args) {
        return Err(failure);
    }
    let (bot, is_group, param, admin) = match args.bot.parse::<Who>() {
        Ok(bot @ (Who::Name(_) | Who::User { .. })) => (bot, false, None, AdminRights::NONE),
        Ok(other) => return Err(Failure::usage(format!("{other} is not a bot; give a start link or @name"))),
        Err(error) => read_link(&args.bot, error, story)?,
    };
    if param.is_some() && args.param.is_some() {
        return Err(Failure::usage("the link already has a start parameter"));
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
        // A name may turn out to be the bot's own chat, where a plain /start is sent; these peers cannot.
        Err(StartParamError::Empty) if !matches!(peer, Who::Chat(_) | Who::Channel { .. }) => {}
        Err(error) => {
            let failure = Failure::from(StartError::from(error));
            return Err(match meant_param(&param) {
                Some(meant) => failure.hint(format!("the parameter is only what follows `=`: {meant}")),
                None => failure,
            });
        }
    }
    Ok(Plan { bot, peer, param, admin })
}

/// Error for a bot and a parameter in the wrong order.
///
/// A parameter has no `@`, `.`, `/` or `:`, so a second word with one can only be the bot.
fn swapped(args: &StartArgs) -> Option<Failure> {
    let second = args.param.as_deref()?;
    let names_bot = |text: &str| {
        text.strip_prefix('@').is_some_and(|name| Username::parse(name).is_ok())
            || text.contains(['.', '/', ':'])
                && matches!(text.parse::<StartLink>(), Ok(_) | Err(LinkError::Other(OtherLink::PublicChat(_))))
    };
    if !names_bot(second) || names_bot(&args.bot) || StartParam::parse(&args.bot).is_err() {
        return None;
    }
    let message = format!("the bot comes first; did you mean `nanogram start {} {}`?", quoted(second), args.bot);
    Some(Failure::usage(message))
}

/// Quotes a word for the shell if necessary.
fn quoted(word: &str) -> String {
    if word.contains(['?', '&', '*', ' ']) { format!("'{word}'") } else { word.into() }
}

/// Value of a parameter written like in a link: `start=123`, `?start=123`, `/start 123`.
fn meant_param(param: &str) -> Option<&str> {
    let value = param.trim_start_matches(['?', '&', '/']);
    let value = ["startgroup", "start"].iter().find_map(|name| value.strip_prefix(name))?;
    let value = value.strip_prefix(['=', ' '])?.trim();
    StartParam::parse(value).is_ok().then_some(value)
}

/// Link that was probably meant by `@bot?start=x`, `t.me/@bot?start=x` or `bot?start=x`.
fn meant_link(text: &str) -> Option<String> {
    let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    let hosts = ["t.me/", "telegram.me/", "telegram.dog/"];
    let name = hosts.iter().find_map(|host| bare.strip_prefix(host)).unwrap_or(bare);
    if name == text && !text.contains('?') {
        return None;
    }
    let link = format!("https://t.me/{}", name.strip_prefix('@').unwrap_or(name));
    let is_meant = match link.parse::<StartLink>() {
        Ok(_) => true,
        Err(LinkError::Other(OtherLink::PublicChat(_))) => ignored_part(&link).is_none(),
        Err(_) => false,
    };
    is_meant.then_some(link)
}

/// Bot, need for a group, parameter, administrator rights.
type Linked = (Who, bool, Option<String>, AdminRights);

fn read_link(text: &str, not_a_name: WhoError, story: &Story) -> Result<Linked, Failure> {
    let text_of = |param: StartParam| param.as_str().to_string();
    let link = text.parse::<StartLink>();
    if let Err(LinkError::Username(_) | LinkError::NotTelegram) = link
        && let Some(meant) = meant_link(text)
    {
        return Err(Failure::usage(format!("this is neither a link nor a name; did you mean {}?", quoted(&meant))));
    }
    // Official apps start the bot in spite of it.
    if link.is_ok()
        && let Some(odd) = ignored_part(text)
    {
        story.tell(&format!("A part of the link is ignored: {odd}."));
    }
    match link {
        Ok(StartLink { bot, start }) => match start {
            Start::Private { param } => Ok((Who::Name(bot), false, param.map(text_of), AdminRights::NONE)),
            Start::Group { param, admin } => Ok((Who::Name(bot), true, param.map(text_of), admin)),
            Start::Channel { .. } => {
                Err(Failure::usage("the link makes the bot an administrator of a channel; it starts nothing"))
            }
        },
        Err(LinkError::Other(OtherLink::PublicChat(bot))) => match ignored_part(text) {
            None => Ok((Who::Name(bot), false, None, AdminRights::NONE)),
            Some(odd) => Err(Failure::usage(format!("the link only shows @{bot}: {odd}"))
                .hint(format!("write https://t.me/{bot}?start=PARAM, or @{bot} for a start without a parameter"))),
        },
        Err(LinkError::Param(error)) => Err(StartError::from(error).into()),
        Err(LinkError::Username(_)) => Err(Failure::refused(400, "USERNAME_INVALID")),
        // Not a link at all, so probably a name.
        Err(LinkError::NotTelegram) if matches!(not_a_name, WhoError::Number) => Err(not_a_name.into()),
        Err(LinkError::NotTelegram) if !text.contains(['/', ':', '.']) => {
            Err(Failure::refused(400, "USERNAME_INVALID"))
        }
        Err(error) => Err(Failure::usage(error.to_string())),
    }
}

/// Starts the bot; also returns its id, which identifies its answer.
async fn start(client: &Client, plan: &Plan, random_id: i64, story: &Story) -> Result<(Updates, i64), Failure> {
    let waiting = story.waiting(format!("starting {}", plan.bot));
    let bot = client.known_as(&plan.bot, Role::Bot).await?;
    let Known::User { id, .. } = bot else { return Err(StartError::BotInvalid.into()) };
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

/// Waits for the bot's answer; `None` if it does not come in time.
async fn answer(client: &Client, bot: i64, wait: Duration, story: &Story) -> Result<Option<String>, Failure> {
    let _waiting = story.waiting("waiting for the bot's answer");
    match client.answer_of(bot, wait).await {
        Ok(text) => {
            story.step("◀──", "message", "the bot's answer");
            Ok(Some(text))
        }
        Err(Error::Timeout) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

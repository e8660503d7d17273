//! Starting bots: resolving usernames, the call, the bot's reply.

use super::orders::Answer;
use super::shared::Clock;
use super::{Client, Error, Role};
use crate::protocol::session::RpcError;
use crate::telegram::api::contacts::{ResolveUsername, ResolvedPeerBody};
use crate::telegram::api::updates::{Updates, UpdatesTooLong};
use crate::telegram::link::{Start, StartLink, StartParam, StartParamError, Username};
use crate::telegram::start::{self, Known, StartCall, StartError, Who};
use crate::telegram::store::state::{CachedName, NameKind};
use crate::tl::{Combinator, Tl};
use alloc::string::{String, ToString};
use core::time::Duration;
use rand::rngs::SysRng;

/// Lifetime of a resolved username. Usernames change hands, and START must reach the current owner. Access hashes do
/// not expire.
const NAMES_LAST: Duration = Duration::from_secs(24 * 60 * 60);

impl Client {
    /// Resolves a username. The result is cached for a day.
    ///
    /// # Errors
    /// The username is not in use; or see [`call`](Self::call).
    pub async fn resolve(&self, username: &str) -> Result<Known, Error> {
        let name = Username::parse(username).map_err(|_| Error::Rpc(RpcError::new(400, "USERNAME_INVALID")))?;
        if let Some(known) = self.remembered(&name) {
            return Ok(known);
        }
        // Taken before the call, as the user may change while it is under way.
        let user = self.inner.shared.with(|state| state.user);
        let call = ResolveUsername { username: name.as_str().to_string(), referer: None };
        let answer: ResolvedPeerBody = self.call(&call).await?;
        let known = answer.find().map_err(Error::Decode)?.and_then(Known::of);
        let known = known.ok_or(Error::Start(StartError::PeerIdInvalid))?;
        if let Some(found) = to_cache(name, known) {
            // Access hashes are valid only for the account that asked for them.
            self.inner.shared.with(|state| {
                if state.user == user {
                    state.names.insert(found);
                }
            });
        }
        Ok(known)
    }

    fn remembered(&self, name: &Username) -> Option<Known> {
        self.inner.shared.with(|state| state.names.get(name, Clock::unix(), NAMES_LAST).map(from_cache))
    }

    /// Removes a username from the cache.
    pub fn forget_name(&self, username: &str) {
        if let Ok(name) = Username::parse(username) {
            self.inner.shared.with(|state| state.names.remove(&name));
        }
    }

    /// Resolves a peer to its id and access hash.
    ///
    /// # Errors
    /// See [`resolve`](Self::resolve).
    pub async fn known(&self, who: &Who) -> Result<Known, Error> {
        match (Known::without_asking(who), who) {
            (Some(known), _) => Ok(known),
            (None, Who::Name(name)) => self.resolve(name.as_str()).await,
            (None, _) => Err(Error::Start(StartError::PeerIdInvalid)),
        }
    }

    /// Like [`known`](Self::known), but the error names the part that an unknown username plays in the call.
    ///
    /// # Errors
    /// [`Error::NoSuchName`]; or see [`known`](Self::known).
    pub async fn known_as(&self, who: &Who, role: Role) -> Result<Known, Error> {
        self.known(who).await.map_err(|error| match (error, who) {
            (Error::Rpc(error), Who::Name(name)) if error.is("USERNAME_NOT_OCCUPIED") => {
                Error::NoSuchName { name: name.as_str().to_string(), role, error }
            }
            (error, _) => error,
        })
    }

    /// Starts `bot` in `peer` with `start_param`. For the private chat `peer` is the bot itself.
    ///
    /// Usernames are resolved. Without a `random_id` a random one is drawn; it stays the same when the call is sent
    /// again.
    ///
    /// If the call was sent again and the server answers that it had already executed it, the first answer is lost. The
    /// result is then `updatesTooLong`: request the difference to learn what happened.
    ///
    /// # Errors
    /// [`Error::Start`] with one of the documented errors; a bad parameter is refused before anything is sent. Or see
    /// [`call`](Self::call).
    pub async fn start_bot(
        &self,
        bot: impl TryInto<Who, Error: Into<Error>>,
        peer: impl TryInto<Who, Error: Into<Error>>,
        random_id: impl Into<Option<i64>>,
        start_param: &str,
    ) -> Result<Updates, Error> {
        let (bot, peer): (Who, Who) = (bot.try_into().map_err(Into::into)?, peer.try_into().map_err(Into::into)?);
        check_param(&bot, &peer, start_param)?;
        // Drawn once per start and kept when the call is repeated: the server deduplicates starts by it.
        let random_id = match random_id.into() {
            Some(id) => id,
            None => start::random_id(&mut SysRng).map_err(|_| Error::Entropy)?,
        };
        let was_remembered = [&bot, &peer].into_iter().any(|who| self.is_remembered(who));
        match self.start_once(&bot, &peer, random_id, start_param).await {
            // The cached id may be out of date: resolve once more.
            Err(error) if was_remembered && is_about_a_name(&error) => {
                for who in [&bot, &peer] {
                    if let Who::Name(name) = who {
                        self.forget_name(name.as_str());
                    }
                }
                self.start_once(&bot, &peer, random_id, start_param).await
            }
            result => result,
        }
    }

    async fn start_once(&self, bot: &Who, peer: &Who, random_id: i64, param: &str) -> Result<Updates, Error> {
        let (bot, peer) = (self.known_as(bot, Role::Bot).await?, self.known_as(peer, Role::Peer).await?);
        let body = match start::start_call(&bot, &peer, random_id, param).map_err(Error::Start)? {
            StartCall::StartBot(call) => call.to_boxed(),
            StartCall::PlainStart(call) => call.to_boxed(),
        };
        let Answer { result, in_doubt } = self.inner.ask(body.into()).await;
        match result {
            // The call was sent more than once, and an earlier copy had arrived: the bot was started then.
            Err(Error::Start(StartError::RandomIdDuplicate)) if in_doubt => Ok((&UpdatesTooLong {}).into()),
            result => Updates::from_bytes(&result?).map_err(Error::Decode),
        }
    }

    fn is_remembered(&self, who: &Who) -> bool {
        matches!(who, Who::Name(name) if self.remembered(name).is_some())
    }

    /// Opens a start link in the private chat, or in `group` if it is a group link.
    ///
    /// # Errors
    /// See [`start_bot`](Self::start_bot); [`Error::NeedsGroup`]: a group link without a group.
    pub async fn start_link(
        &self,
        link: &StartLink,
        group: Option<Who>,
        random_id: Option<i64>,
    ) -> Result<Updates, Error> {
        let bot = Who::Name(link.bot.clone());
        match &link.start {
            Start::Private { param } => {
                let param = param.as_ref().map_or("", |p| p.as_str());
                self.start_bot(bot.clone(), group.unwrap_or(bot), random_id, param).await
            }
            Start::Group { param, .. } => {
                let group = group.ok_or(Error::NeedsGroup)?;
                self.start_bot(bot, group, random_id, param.as_ref().map_or("", |p| p.as_str())).await
            }
            Start::Channel { .. } => Err(Error::NeedsGroup),
        }
    }

    /// Waits at most `within` for a message of `bot` and returns its text.
    ///
    /// # Errors
    /// [`Error::Timeout`]: no message in time; [`Error::Closed`]: the connection is closed for good.
    pub async fn answer_of(&self, bot: i64, within: Duration) -> Result<String, Error> {
        let answer = async {
            while let Some(body) = self.next_update().await {
                if let Ok(updates) = Updates::from_bytes(&body)
                    && let Some(text) = start::answer_of(bot, &updates)
                {
                    return Ok(text);
                }
            }
            Err(Error::Closed)
        };
        tokio::time::timeout(within, answer).await.map_err(|_| Error::Timeout)?
    }
}

/// Checks the parameter by the server's rules before a username is resolved.
fn check_param(bot: &Who, peer: &Who, start_param: &str) -> Result<(), Error> {
    if start_param.is_empty() && bot == peer {
        return Ok(());
    }
    match StartParam::parse(start_param) {
        Ok(_) => Ok(()),
        // The peer may turn out to be the bot under another username.
        Err(StartParamError::Empty) if !matches!(peer, Who::Chat(_) | Who::Channel { .. }) => Ok(()),
        Err(e) => Err(Error::Start(e.into())),
    }
}

/// Returns true if the error may come from an outdated username.
fn is_about_a_name(error: &Error) -> bool {
    match error {
        Error::Start(e) => matches!(e, StartError::BotInvalid | StartError::PeerIdInvalid),
        Error::NoSuchName { .. } => true,
        Error::Rpc(e) => e.is("USERNAME_NOT_OCCUPIED"),
        _ => false,
    }
}

fn to_cache(username: Username, known: Known) -> Option<CachedName> {
    let (kind, id, access_hash) = match known {
        Known::User { id, access_hash, is_bot: Some(true) } => (NameKind::Bot, id, access_hash),
        Known::User { id, access_hash, .. } => (NameKind::Person, id, access_hash),
        Known::Channel { id, access_hash } => (NameKind::Channel, id, access_hash),
        Known::Chat(_) | Known::Me => return None,
    };
    Some(CachedName { username, kind, id, access_hash, seen: Clock::unix() })
}

const fn from_cache(name: &CachedName) -> Known {
    let (id, access_hash) = (name.id, name.access_hash);
    match name.kind {
        NameKind::Person => Known::User { id, access_hash, is_bot: Some(false) },
        NameKind::Bot => Known::User { id, access_hash, is_bot: Some(true) },
        NameKind::Channel => Known::Channel { id, access_hash },
    }
}

impl TryFrom<&str> for Who {
    type Error = start::WhoError;
    fn try_from(text: &str) -> Result<Self, start::WhoError> {
        text.parse()
    }
}

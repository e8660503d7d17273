//! The client for tokio: a handle that many tasks may share, and one task that owns the socket.
//!
//! ```text
//!   your tasks ── Client ── call ──▶ ┌────────┐ ◀─▶ socket
//!                   ▲                │ driver │      reconnects, resends, waits
//!                   └─ reply, update └────────┘
//! ```
//!
//! ```no_run
//! # async fn example() -> Result<(), nanogram::client::Error> {
//! use nanogram::client::{Client, Options};
//! let client = Client::connect(Options::from_session("1ApWapzMBu...")?.api_id(12345)).await?;
//! let updates = client.start_bot("username", "username", -4156887774564, "some_payload").await?;
//! println!("{}", updates.kind.name());
//! # Ok(()) }
//! ```
//!
//! Calls survive the connection: when it is lost, another is made, and the server is asked what it has before anything
//! is sent again.

mod driver;
mod error;

pub use error::{Error, KeyLost};

use crate::api::contacts::{ResolveUsername, ResolvedPeerBody};
use crate::api::updates::Updates;
use crate::connection::{Config, Init, SavedKey, TemporaryKey};
use crate::crypto::keys::{self, Environment};
use crate::crypto::rsa::RsaKey;
use crate::dcs;
use crate::handshake::client::dc_number;
use crate::link::{Start, StartLink, Username};
use crate::session::RpcError;
use crate::start::{self, Known, StartCall, StartError, Who};
use crate::store::{SavedSession, StringError, string};
use crate::time::{Instant, UnixTime};
use crate::tl::{Call, Tl};
use crate::transport::Framing;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use rand::rngs::SysRng;
use std::collections::BTreeMap;
use std::sync::Mutex;
use tokio::sync::{mpsc, oneshot};

/// Updates kept for a reader who is slow; more are dropped.
const MAX_UPDATES: usize = 256;
/// Usernames remembered.
const MAX_NAMES: usize = 1024;

/// Where to connect, as whom, and how patiently.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data centre's number, 1 to 5.
    pub dc_id: u8,
    /// Its environment.
    pub environment: Environment,
    /// Its address, if it is not the one that everybody knows: `host:port`.
    pub addr: Option<String>,
    /// Its public keys, if they are not Telegram's.
    pub keys: Option<Vec<RsaKey>>,
    /// The account's key; without one, a new key is made and nobody is signed in.
    pub saved: Option<SavedKey>,
    /// Perfect forward secrecy: how many seconds a temporary key lives; `None` sends under the account's own key.
    pub temporary: Option<i32>,
    /// A temporary key that is bound already.
    pub saved_temporary: Option<TemporaryKey>,
    /// How packets are framed.
    pub framing: Framing,
    /// Who connects.
    pub init: Init,
    /// How long one attempt to connect may take.
    pub connect_within: Duration,
    /// How long a call may take, reconnections and all.
    pub call_within: Duration,
    /// A `FLOOD_WAIT` up to this long is waited out; a longer one is an error that says how long.
    pub flood_wait: Duration,
    /// How many attempts to connect in a row may fail before all calls do.
    pub attempts: u32,
}

impl Options {
    /// A data centre of Telegram's, with nobody signed in.
    pub fn new(environment: Environment, dc_id: u8) -> Self {
        Self {
            dc_id,
            environment,
            addr: None,
            keys: None,
            saved: None,
            temporary: None,
            saved_temporary: None,
            framing: Framing::Abridged,
            init: Init {
                api_id: 0,
                device_model: "nanogram".to_string(),
                system_version: std::env::consts::OS.to_string(),
                app_version: env!("CARGO_PKG_VERSION").to_string(),
                lang_code: "en".to_string(),
            },
            connect_within: Duration::from_secs(10),
            call_within: Duration::from_secs(60),
            flood_wait: Duration::from_secs(10),
            attempts: 4,
        }
    }

    /// The account and data centre in a session string of nanogram, Telethon, GramJS, Pyrogram or mtcute.
    ///
    /// # Errors
    /// The text is no such string.
    pub fn from_session(text: &str) -> Result<Self, StringError> {
        string::parse(text).map(|(_, saved)| Self::from_saved(&saved))
    }

    /// The same, parsed.
    pub fn from_saved(saved: &SavedSession) -> Self {
        let mut options = Self::new(saved.known_environment().unwrap_or(Environment::Production), saved.dc_id);
        options.addr = saved.place().map(|(host, port)| host_port(&host, port));
        options.saved = Some(SavedKey { key: saved.auth_key.clone(), salt: 0, time_offset: None });
        if let Some(api_id) = saved.api_id {
            options.init.api_id = api_id;
        }
        options
    }

    /// The application's id, from my.telegram.org.
    #[must_use]
    pub const fn api_id(mut self, api_id: i32) -> Self {
        self.init.api_id = api_id;
        self
    }

    /// Another address, and the keys that a data centre there must show: a test data centre's.
    #[must_use]
    pub fn at(mut self, addr: &str, keys: Vec<RsaKey>) -> Self {
        self.addr = Some(addr.to_string());
        self.keys = Some(keys);
        self
    }

    /// Where to connect to.
    ///
    /// # Errors
    /// [`Error::NoAddress`]: there is no such data centre.
    pub fn address(&self) -> Result<String, Error> {
        let known = || dcs::address(self.environment, self.dc_id).map(|a| a.to_string());
        self.addr.clone().or_else(known).ok_or(Error::NoAddress(self.dc_id))
    }

    fn config(&self) -> Config {
        Config {
            framing: self.framing,
            dc: dc_number(self.environment, self.dc_id.into(), false),
            keys: self.keys.clone().unwrap_or_else(|| keys::keys(self.environment).to_vec()),
            saved: self.saved.clone(),
            temporary: self.temporary,
            saved_temporary: self.saved_temporary.clone(),
            init: Some(self.init.clone()),
        }
    }
}

fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A call on its way to the driver.
struct Command {
    body: Vec<u8>,
    reply: oneshot::Sender<Result<Bytes, Error>>,
}

/// A connected client. Drop it, and the connection closes.
#[derive(Debug)]
pub struct Client {
    commands: mpsc::Sender<Command>,
    updates: tokio::sync::Mutex<mpsc::Receiver<Bytes>>,
    keys: driver::Keys,
    names: Mutex<BTreeMap<String, Known>>,
    call_within: Duration,
    flood_wait: Duration,
}

impl Client {
    /// Connects, and makes a key if the options bring none. With one, nothing is sent before the first call.
    ///
    /// # Errors
    /// There is no connection or no key.
    pub async fn connect(options: Options) -> Result<Self, Error> {
        let (commands, orders) = mpsc::channel(64);
        let (news, updates) = mpsc::channel(MAX_UPDATES);
        let (call_within, flood_wait) = (options.call_within, options.flood_wait);
        let keys = driver::start(options, orders, news).await?;
        let updates = tokio::sync::Mutex::new(updates);
        Ok(Self { commands, updates, keys, names: Mutex::new(BTreeMap::new()), call_within, flood_wait })
    }

    /// The key in use, with salt and clock, to be saved.
    pub fn saved(&self) -> Option<SavedKey> {
        self.keys.permanent.borrow().clone()
    }

    /// The temporary key in use, if there is one, to be saved until it ends.
    pub fn saved_temporary(&self) -> Option<TemporaryKey> {
        self.keys.temporary.borrow().clone()
    }

    /// Makes a call, and waits for its answer.
    ///
    /// # Errors
    /// The server's no, or why there is no answer.
    pub async fn call<C: Call>(&self, call: &C) -> Result<C::Reply, Error> {
        let body = self.call_raw(call.to_boxed()).await?;
        C::Reply::from_bytes(&body).map_err(Error::Decode)
    }

    /// Makes a call whose bytes are at hand, id and all.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_raw(&self, body: Vec<u8>) -> Result<Bytes, Error> {
        let calls = async {
            loop {
                match self.send(body.clone()).await {
                    Err(Error::Flood { seconds, .. }) if Duration::from_secs(seconds.into()) <= self.flood_wait => {
                        tokio::time::sleep(Duration::from_secs(seconds.into())).await;
                    }
                    result => return result,
                }
            }
        };
        tokio::time::timeout(self.call_within, calls).await.map_err(|_| Error::Timeout)?
    }

    async fn send(&self, body: Vec<u8>) -> Result<Bytes, Error> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command { body, reply }).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Whose username this is; asked once and remembered.
    ///
    /// # Errors
    /// Nobody's, or as [`call`](Self::call).
    pub async fn resolve(&self, username: &str) -> Result<Known, Error> {
        let name = Username::parse(username).map_err(|_| Error::Rpc(RpcError::new(400, "USERNAME_INVALID")))?;
        let key = name.as_str().to_ascii_lowercase();
        if let Some(known) = self.remembered(&key) {
            return Ok(known);
        }
        let call = ResolveUsername { username: name.as_str().to_string(), referer: None };
        let answer: ResolvedPeerBody = self.call(&call).await?;
        let known = Known::from_resolved(&answer).map_err(Error::Decode)?;
        let known = known.ok_or(Error::Start(StartError::PeerIdInvalid))?;
        if let Ok(mut names) = self.names.lock()
            && names.len() < MAX_NAMES
        {
            names.insert(key, known);
        }
        Ok(known)
    }

    fn remembered(&self, name: &str) -> Option<Known> {
        self.names.lock().ok()?.get(name).copied()
    }

    /// Forgets what a username was resolved to.
    pub fn forget_name(&self, username: &str) {
        if let Ok(mut names) = self.names.lock() {
            names.remove(&username.trim_start_matches('@').to_ascii_lowercase());
        }
    }

    /// Whom the caller means.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub async fn known(&self, who: &Who) -> Result<Known, Error> {
        match (Known::without_asking(who), who) {
            (Some(known), _) => Ok(known),
            (None, Who::Name(name)) => self.resolve(name.as_str()).await,
            (None, _) => Err(Error::Start(StartError::PeerIdInvalid)),
        }
    }

    /// Starts `bot` in `peer`, which for the private chat is the bot again, and hands it `start_param`.
    ///
    /// Usernames are resolved. `random_id` may be `None`: then one is drawn, once, whatever has to be sent again.
    ///
    /// # Errors
    /// [`Error::Start`] with one of the documented errors, before anything is sent where the parameter is bad; or as
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
        let random_id = match random_id.into() {
            Some(id) => id,
            None => start::random_id(&mut SysRng).map_err(|_| Error::Entropy)?,
        };
        let was_remembered = [&bot, &peer].into_iter().any(|who| self.is_remembered(who));
        match self.start_once(&bot, &peer, random_id, start_param).await {
            // What was remembered of a name may be out of date: ask once more.
            Err(Error::Start(StartError::BotInvalid | StartError::PeerIdInvalid)) if was_remembered => {
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
        let (bot, peer) = (self.known(bot).await?, self.known(peer).await?);
        match start::start_call(&bot, &peer, random_id, param).map_err(Error::Start)? {
            StartCall::StartBot(call) => self.call(&call).await,
            StartCall::PlainStart(call) => self.call(&call).await,
        }
    }

    fn is_remembered(&self, who: &Who) -> bool {
        matches!(who, Who::Name(name) if self.remembered(&name.as_str().to_ascii_lowercase()).is_some())
    }

    /// Opens a start link in the private chat, or in `group` if it is a link for groups.
    ///
    /// # Errors
    /// As [`start_bot`](Self::start_bot); [`Error::NeedsGroup`] for a group's link without a group.
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

    /// The next thing that the server says unasked, as it lies; `None` when the connection is over for good.
    pub async fn next_update(&self) -> Option<Bytes> {
        self.updates.lock().await.recv().await
    }

    /// Waits for a message of `bot`: its text.
    ///
    /// # Errors
    /// [`Error::Timeout`] if none comes in time, [`Error::Closed`] if the connection is over.
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

/// Refuses a parameter that the server would, before anybody is resolved.
fn check_param(bot: &Who, peer: &Who, start_param: &str) -> Result<(), Error> {
    if start_param.is_empty() && bot == peer {
        return Ok(());
    }
    match crate::link::StartParam::parse(start_param) {
        Ok(_) => Ok(()),
        // The peer may turn out to be the bot by another name.
        Err(crate::link::StartParamError::Empty) if !matches!(peer, Who::Chat(_) | Who::Channel { .. }) => Ok(()),
        Err(e) => Err(Error::Start(e.into())),
    }
}

impl TryFrom<&str> for Who {
    type Error = start::WhoError;
    fn try_from(text: &str) -> Result<Self, start::WhoError> {
        text.parse()
    }
}

/// The monotonic clock, and the time of day.
struct Clock {
    origin: std::time::Instant,
}

impl Clock {
    fn new() -> Self {
        Self { origin: std::time::Instant::now() }
    }
    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
    fn until(&self, at: Instant) -> Duration {
        at.since(self.now())
    }
    fn unix() -> UnixTime {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixTime::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

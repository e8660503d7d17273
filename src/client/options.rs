//! Where to connect, as whom, and how patiently.

use super::Error;
use super::notice::{KeyWatcher, Watcher};
use crate::crypto::rsa::RsaKey;
use crate::protocol::connection::Init;
use crate::telegram::dcs::{self, Environment};
use crate::telegram::store::state::{DcKey, State};
use crate::telegram::store::{Realm, SavedSession, StringError, string};
use crate::wire::transport::Framing;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

/// Where to connect, as whom, and how patiently.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is known of the account: data centres, keys, clock, names. The only place where any of it is.
    pub state: State,
    /// Address of the home data centre, if it is not the one in the state: `host:port`.
    pub addr: Option<String>,
    /// The public keys that data centres must show, if they are not Telegram's. They decide in which realm the state is
    /// used, and [`Client::connect`](super::Client::connect) refuses one that belongs to another.
    pub keys: Option<Vec<RsaKey>>,
    /// Perfect forward secrecy: how many seconds a temporary key lives, a day unless changed; `None` sends
    /// under the account's own key.
    pub temporary: Option<i32>,
    /// How packets are framed.
    pub framing: Framing,
    /// Who connects.
    pub init: Init,
    /// How long one attempt to connect may take.
    pub connect_within: Duration,
    /// How long a call may take, reconnections and all; pauses that the server asked for do not count.
    pub call_within: Duration,
    /// A pause up to this long that the server asks for (`FLOOD_WAIT`) is made; a longer one is an error that says how
    /// long.
    pub flood_wait: Duration,
    /// How many attempts in a row may fail, to connect or because the server has trouble; and how many pauses one call
    /// makes.
    pub attempts: u32,
    /// Who is told what happens.
    pub watcher: Watcher,
    /// Who is told the keys: for tests, with accounts to throw away.
    pub keylog: KeyWatcher,
}

impl Options {
    /// A data centre of Telegram's, with nobody signed in.
    pub fn new(environment: Environment, dc_id: u8) -> Self {
        Self::from_state(State::new(environment, dc_id))
    }

    /// What was saved of an earlier run: see [`Client::state`](super::Client::state).
    pub fn from_state(state: State) -> Self {
        Self {
            init: Init {
                system_version: std::env::consts::OS.to_string(),
                ..Init::new(state.api_id.unwrap_or(0), "nanogram")
            },
            state,
            addr: None,
            keys: None,
            temporary: Some(86_400),
            framing: Framing::ABRIDGED,
            connect_within: Duration::from_secs(10),
            call_within: Duration::from_secs(60),
            flood_wait: Duration::from_secs(10),
            attempts: 4,
            watcher: Watcher::default(),
            keylog: KeyWatcher::default(),
        }
    }

    /// The account and data centre in a session string of nanogram, Telethon, GramJS, Pyrogram or mtcute.
    ///
    /// # Errors
    /// The text is no such string.
    pub fn from_session(text: &str) -> Result<Self, StringError> {
        string::parse(text).map(|(_, saved)| Self::from_saved(&saved))
    }

    /// The same, parsed. A data centre that is not known shows when it is to be connected to.
    pub fn from_saved(saved: &SavedSession) -> Self {
        let state = State::from_session(saved, Environment::Production).unwrap_or_else(|_| {
            let mut state = State::new(saved.known_environment().unwrap_or(Environment::Production), saved.dc_id);
            state.keys.insert(saved.dc_id, DcKey::new(saved.auth_key.clone()));
            state
        });
        let mut options = Self::from_state(state);
        if options.state.dcs.offered().next().is_none() {
            // A host by name, which no table of addresses holds.
            options.addr = saved.addr.as_ref().and(saved.place()).map(|(host, port)| host_port(&host, port));
        }
        options
    }

    /// The application's id, from my.telegram.org.
    #[must_use]
    pub const fn api_id(mut self, api_id: i32) -> Self {
        self.init.api_id = api_id;
        self
    }

    /// Another address for the home data centre, and the keys that a data centre there must show: a test data centre's.
    #[must_use]
    pub fn at(mut self, addr: &str, keys: Vec<RsaKey>) -> Self {
        self.addr = Some(addr.to_string());
        self.keys = Some(keys);
        self
    }

    /// Realm of the servers that the keys belong to.
    pub fn realm(&self) -> Realm {
        let environment = self.state.dcs.environment();
        self.keys.as_ref().map_or(Realm::telegram(environment), |keys| Realm::of_keys(environment, keys))
    }

    /// Where to connect to first.
    ///
    /// # Errors
    /// [`Error::UnknownDc`]: there is no such data centre.
    pub fn address(&self) -> Result<String, Error> {
        let known = || self.state.dcs.address(self.state.home).map(|addr| addr.to_string());
        self.addr.clone().or_else(known).ok_or(Error::UnknownDc(self.state.home.into()))
    }

    /// The keys that a data centre may show.
    pub(super) fn rsa_keys(&self) -> Vec<RsaKey> {
        self.keys.clone().unwrap_or_else(|| dcs::keys(self.state.dcs.environment()).to_vec())
    }
}

fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

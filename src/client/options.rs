//! Connection settings: address, account, time-outs.

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

/// Connection settings: address, account, time-outs.
#[derive(Debug, Clone)]
pub struct Options {
    /// State of the account: data centres, keys, clock offset, usernames. The only copy of it.
    pub state: State,
    /// Address of the home data centre, `host:port`; overrides the one in the state.
    pub addr: Option<String>,
    /// Public RSA keys accepted from data centres, in place of Telegram's. They select the realm of the state;
    /// [`Client::connect`](super::Client::connect) refuses a state of another realm.
    pub keys: Option<Vec<RsaKey>>,
    /// Lifetime of a temporary key in seconds (perfect forward secrecy), 86,400 by default; `None` encrypts with the
    /// permanent key.
    pub temporary: Option<i32>,
    /// Framing of packets.
    pub framing: Framing,
    /// Description of the client, for `initConnection`.
    pub init: Init,
    /// Time-out of one attempt to connect.
    pub connect_within: Duration,
    /// Time-out of a call, including reconnections and excluding flood waits.
    pub call_within: Duration,
    /// Longest flood wait (`FLOOD_WAIT`) that is slept through; longer ones are returned as errors with their length.
    pub flood_wait: Duration,
    /// Most consecutive failures, to connect or by internal errors of the server; and most flood waits of one call.
    pub attempts: u32,
    /// Observer of progress notices.
    pub watcher: Watcher,
    /// Observer of the keys in use: for tests with disposable accounts, as a log of keys decrypts the traffic.
    pub keylog: KeyWatcher,
}

impl Options {
    /// Settings for one of Telegram's data centres, without an account.
    pub fn new(environment: Environment, dc_id: u8) -> Self {
        Self::from_state(State::new(environment, dc_id))
    }

    /// Settings that continue from a saved state: see [`Client::state`](super::Client::state).
    pub fn from_state(state: State) -> Self {
        Self {
            init: Init {
                // The user sees it in the list of active sessions.
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

    /// Settings with the account and data centre of a session string of nanogram, Telethon, GramJS, Pyrogram or mtcute.
    ///
    /// # Errors
    /// The text is not a session string.
    pub fn from_session(text: &str) -> Result<Self, StringError> {
        string::parse(text).map(|(_, saved)| Self::from_saved(&saved))
    }

    /// Settings with a parsed session. An unknown data centre is reported when the client connects.
    pub fn from_saved(saved: &SavedSession) -> Self {
        let state = State::from_session(saved, Environment::Production).unwrap_or_else(|_| {
            let mut state = State::new(saved.known_environment().unwrap_or(Environment::Production), saved.dc_id);
            state.keys.insert(saved.dc_id, DcKey::new(saved.auth_key.clone()));
            state
        });
        let mut options = Self::from_state(state);
        if options.state.dcs.offered().next().is_none() {
            // A host name, which the table of addresses cannot hold.
            options.addr = saved.addr.as_ref().and(saved.place()).map(|(host, port)| host_port(&host, port));
        }
        options
    }

    /// Sets the application's `api_id`, from my.telegram.org.
    #[must_use]
    pub const fn api_id(mut self, api_id: i32) -> Self {
        self.init.api_id = api_id;
        self
    }

    /// Sets another address for the home data centre, and the public keys accepted there, such as a test server's.
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

    /// Address of the first connection, `host:port`.
    ///
    /// # Errors
    /// [`Error::UnknownDc`]: no address of the home data centre is known.
    pub fn address(&self) -> Result<String, Error> {
        let known = || self.state.dcs.address(self.state.home).map(|addr| addr.to_string());
        self.addr.clone().or_else(known).ok_or(Error::UnknownDc(self.state.home.into()))
    }

    /// Public keys accepted from a data centre.
    pub(super) fn rsa_keys(&self) -> Vec<RsaKey> {
        self.keys.clone().unwrap_or_else(|| dcs::keys(self.state.dcs.environment()).to_vec())
    }
}

fn host_port(host: &str, port: u16) -> String {
    // An IPv6 address needs brackets before a port.
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

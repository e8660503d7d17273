//! A bot start over one [`Connection`], from a session string, a username and a parameter. The caller provides the
//! socket.
//!
//! ```text
//! Place::of(session) ──▶ socket ──▶ Connection ──▶ Job::begin ──▶ resolveUsername ──▶ startBot ──▶ Updates
//! ```
//!
//! This is for small programs: it stores nothing, does not follow redirects to other data centres and does not wait for
//! flood limits. The tokio client does all of that.

use super::{Known, StartCall, StartError, hint, start_call};
use crate::crypto::rsa::RsaKey;
use crate::protocol::connection::{Config, Connection, Event, SavedKey};
use crate::protocol::session::{CallError, CallId, RpcError};
use crate::telegram::api::contacts::{ResolveUsername, ResolvedPeerBody};
use crate::telegram::api::updates::Updates;
use crate::telegram::dcs::{self, Environment, dc_number, keys};
use crate::telegram::link::{StartParam, Username, UsernameError};
use crate::telegram::store::{StringError, string};
use crate::tl::{Combinator, DecodeError, Tl};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

/// Data centre used to create a key if the session does not name one.
const FIRST_DC: u8 = 2;

/// Server address and connection settings.
#[derive(Debug)]
pub struct Place {
    /// Address of the data centre.
    pub addr: SocketAddr,
    /// Settings with the account's auth key and Telegram's public keys. The caller must add the application's details.
    pub config: Config,
}

impl Place {
    /// Returns the place of the account in a session string. For `-`, it is a Telegram data centre where a new key,
    /// without an account, will be created.
    ///
    /// # Errors
    /// The text is not a session string, or the address of its data centre is not known.
    pub fn of(session: &str) -> Result<Self, JobError> {
        let (environment, dc_id, addr, key) = if session == "-" {
            (Environment::Production, FIRST_DC, dcs::address(Environment::Production, FIRST_DC), None)
        } else {
            let (_, saved) = string::parse(session).map_err(JobError::Session)?;
            let environment = saved.known_environment().unwrap_or_default();
            (environment, saved.dc_id, saved.ip().map(Into::into), Some(saved.auth_key))
        };
        let mut config = Config::new(dc_number(environment, dc_id.into(), false), keys(environment).to_vec());
        // A session string has no salt. The server sends the right one in `bad_server_salt`.
        config.saved = key.map(|key| SavedKey { key, salt: 0, time_offset: None });
        Ok(Self { addr: addr.ok_or(JobError::NoAddress)?, config })
    }

    /// Changes the place to another server, such as a local one, given by its address and the modulus of its RSA key in
    /// 512 hex digits. The exponent is 65537.
    ///
    /// # Errors
    /// [`JobError::Place`]
    pub fn at(mut self, addr: &str, modulus: &str) -> Result<Self, JobError> {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pairs = modulus.as_bytes().chunks(2);
        let bytes = pairs.map(|pair| pair.iter().try_fold(0_u8, |byte, c| Some(byte << 4 | digit(*c)?)));
        let modulus: Option<Vec<u8>> = bytes.collect();
        // The exponent 65537, big-endian.
        let key = modulus.and_then(|modulus| RsaKey::from_parts(&modulus, &[1, 0, 1]).ok());
        self.addr = addr.parse().map_err(|_| JobError::Place)?;
        self.config.keys = vec![key.ok_or(JobError::Place)?];
        Ok(self)
    }
}

/// A bot start in progress.
#[derive(Debug)]
pub struct Job {
    call: CallId,
    param: String,
    random_id: i64,
    is_resolved: bool,
}

impl Job {
    /// Requests the resolution of the username `bot`, in order to start it with `param` in its private chat.
    ///
    /// # Errors
    /// The username is invalid, or the server would reject the parameter. Nothing is sent.
    pub fn begin(connection: &mut Connection, bot: &str, param: &str, random_id: i64) -> Result<Self, JobError> {
        let name = Username::parse(bot).map_err(JobError::Username)?;
        if !param.is_empty() {
            StartParam::parse(param).map_err(|error| JobError::Start(error.into()))?;
        }
        let call = ResolveUsername { username: name.as_str().into(), referer: None };
        let call = connection.call_raw(call.to_boxed());
        Ok(Self { call, param: param.into(), random_id, is_resolved: false })
    }

    /// Handles an event of the connection. Returns the result of the start once it has arrived.
    ///
    /// # Errors
    /// The server refused, or its answer cannot be read. The job is then over.
    pub fn take(&mut self, connection: &mut Connection, event: Event) -> Result<Option<Updates>, JobError> {
        let body = match event {
            Event::Reply { call, result } if call == self.call => result.map_err(JobError::of)?,
            _ => return Ok(None),
        };
        if self.is_resolved {
            return Updates::from_bytes(&body).map(Some).map_err(JobError::Decode);
        }
        let answer = ResolvedPeerBody::from_bytes(&body).map_err(JobError::Decode)?;
        let bot = Known::from_resolved(&answer).map_err(JobError::Decode)?.ok_or(JobError::NoHash)?;
        let start = start_call(&bot, &bot, self.random_id, &self.param).map_err(JobError::Start)?;
        self.is_resolved = true;
        self.call = connection.call_raw(match start {
            StartCall::StartBot(call) => call.to_boxed(),
            StartCall::PlainStart(call) => call.to_boxed(),
        });
        Ok(None)
    }
}

/// Error that prevents a bot start. `Display` includes advice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobError {
    /// Invalid session string.
    Session(StringError),
    /// Invalid address or RSA modulus of a data centre.
    Place,
    /// Data centre of the session without a known IP address.
    NoAddress,
    /// Invalid username.
    Username(UsernameError),
    /// Documented error of the start, from the server or detected before sending.
    Start(StartError),
    /// Any other error from the server.
    Refused(RpcError),
    /// Call that was not completed.
    Call(CallError),
    /// Missing access hash in the server's answer.
    NoHash,
    /// Answer that cannot be decoded.
    Decode(DecodeError),
}

impl JobError {
    /// Returns an exit code for a program, like that of `nanogram`: 2 for invalid arguments, 3 for a failed connection
    /// or an unreadable answer, 4 if no account is signed in, 5 if the server refused or would have refused.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Session(_) | Self::Place | Self::NoAddress | Self::Username(_) => 2,
            Self::Call(_) | Self::Decode(_) => 3,
            Self::Refused(RpcError { code: 401, .. }) => 4,
            Self::Start(_) | Self::Refused(_) | Self::NoHash => 5,
        }
    }

    fn of(error: CallError) -> Self {
        match error {
            CallError::Refused(error) => StartError::from_rpc(&error).map_or(Self::Refused(error), Self::Start),
            error => Self::Call(error),
        }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(e) => e.fmt(f),
            Self::Place => f.write_str("not an address with a port, or not a 2048-bit modulus in hex"),
            Self::NoAddress => f.write_str("the session has no IP address of its data centre"),
            Self::Username(e) => e.fmt(f),
            Self::Start(e) => e.fmt(f),
            Self::Refused(e) => {
                e.fmt(f)?;
                f.write_str(hint(e).map_or("", |_| ": "))?;
                f.write_str(hint(e).unwrap_or_default())
            }
            Self::Call(e) => e.fmt(f),
            Self::NoHash => f.write_str("the server gives no access hash for this name"),
            Self::Decode(e) => {
                f.write_str("the answer cannot be read: ")?;
                e.fmt(f)
            }
        }
    }
}
impl core::error::Error for JobError {}

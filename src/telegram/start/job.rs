//! The whole job over one [`Connection`]: a session string, a name, a parameter; what is left is a socket.
//!
//! ```text
//! Place::of(session) ──▶ socket ──▶ Connection ──▶ Job::begin ──▶ resolveUsername ──▶ startBot ──▶ Updates
//! ```
//!
//! For small programs: it keeps nothing, follows nobody to another data centre and makes no pauses. The tokio client
//! does.

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

/// The data centre where a program with nothing else to go by makes its key.
const FIRST_DC: u8 = 2;

/// Where to connect, and with what.
#[derive(Debug)]
pub struct Place {
    /// The data centre's address.
    pub addr: SocketAddr,
    /// The account's key, Telegram's public keys; who connects is to be added.
    pub config: Config,
}

impl Place {
    /// Where the account of a session string lives. Of `-` a data centre of Telegram's, where a key will be made with
    /// which nobody is signed in.
    ///
    /// # Errors
    /// It is no session string, or its data centre is not known by an address.
    pub fn of(session: &str) -> Result<Self, JobError> {
        let (environment, dc_id, addr, key) = if session == "-" {
            (Environment::Production, FIRST_DC, dcs::address(Environment::Production, FIRST_DC), None)
        } else {
            let (_, saved) = string::parse(session).map_err(JobError::Session)?;
            let environment = saved.known_environment().unwrap_or_default();
            (environment, saved.dc_id, saved.ip().map(Into::into), Some(saved.auth_key))
        };
        let mut config = Config::new(dc_number(environment, dc_id.into(), false), keys(environment).to_vec());
        config.saved = key.map(|key| SavedKey { key, salt: 0, time_offset: None });
        Ok(Self { addr: addr.ok_or(JobError::NoAddress)?, config })
    }

    /// Another data centre, such as one's own: its address, and the modulus of its RSA key in 512 digits of hex. The
    /// exponent is 65537.
    ///
    /// # Errors
    /// [`JobError::Place`]
    pub fn at(mut self, addr: &str, modulus: &str) -> Result<Self, JobError> {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pairs = modulus.as_bytes().chunks(2);
        let bytes = pairs.map(|pair| pair.iter().try_fold(0_u8, |byte, c| Some(byte << 4 | digit(*c)?)));
        let modulus: Option<Vec<u8>> = bytes.collect();
        let key = modulus.and_then(|modulus| RsaKey::from_parts(&modulus, &[1, 0, 1]).ok());
        self.addr = addr.parse().map_err(|_| JobError::Place)?;
        self.config.keys = vec![key.ok_or(JobError::Place)?];
        Ok(self)
    }
}

/// A bot's start, under way.
#[derive(Debug)]
pub struct Job {
    call: CallId,
    param: String,
    random_id: i64,
    is_resolved: bool,
}

impl Job {
    /// Asks whom the name `bot` means, to start it with `param` in its own chat.
    ///
    /// # Errors
    /// The name cannot be one, or the server would refuse the parameter: nothing is sent.
    pub fn begin(connection: &mut Connection, bot: &str, param: &str, random_id: i64) -> Result<Self, JobError> {
        let name = Username::parse(bot).map_err(JobError::Username)?;
        if !param.is_empty() {
            StartParam::parse(param).map_err(|error| JobError::Start(error.into()))?;
        }
        let call = ResolveUsername { username: name.as_str().into(), referer: None };
        let call = connection.call_raw(call.to_boxed());
        Ok(Self { call, param: param.into(), random_id, is_resolved: false })
    }

    /// Takes what happens on the connection; what the server answers to the start, once it does.
    ///
    /// # Errors
    /// The server's no, or an answer that cannot be read. Then the job is over.
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

/// Why a bot was not started. `Display` says what to do about it, too.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobError {
    /// The text is no session string.
    Session(StringError),
    /// What was given for a data centre is no address, or no RSA key.
    Place,
    /// No address of the session's data centre is known, or a name alone.
    NoAddress,
    /// The text cannot be a username.
    Username(UsernameError),
    /// One of the documented errors, the server's or found before it was asked.
    Start(StartError),
    /// The server refused, for another reason.
    Refused(RpcError),
    /// The call did not come through.
    Call(CallError),
    /// The server gives no access hash for this name.
    NoHash,
    /// The answer cannot be read.
    Decode(DecodeError),
}

impl JobError {
    /// With what a program may end because of it, as `nanogram` does: 2 for what was asked, 3 for a connection or an
    /// answer that is none, 4 if nobody is signed in, 5 if the server refused or would have.
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
            Self::Place => f.write_str("this is no address and port, or no modulus of 2048 bits in hex"),
            Self::NoAddress => f.write_str("the session does not say by an address where its data centre is"),
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

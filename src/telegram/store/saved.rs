//! One account as session strings hold it, and the formats of these strings.

use super::realm::Servers;
use crate::crypto::auth_key::AuthKey;
use crate::telegram::dcs::{self, Environment};
use alloc::string::{String, ToString};
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

/// The contents of a session string. Fields that a format lacks are `None`.
///
/// `Debug` shows the id of the key and never the key itself. The key is wiped on drop.
#[derive(Debug, Clone)]
pub struct SavedSession {
    /// The account's home data centre, from 1.
    pub dc_id: u8,
    /// Host name or IP address, and port. If missing, see [`place`](Self::place).
    pub addr: Option<(String, u16)>,
    /// Production or test environment. See [`known_environment`](Self::known_environment).
    pub environment: Option<Environment>,
    /// The authorization key of the account at this data centre.
    pub auth_key: AuthKey,
    /// The user id, not 0.
    pub user_id: Option<i64>,
    /// True if the user is a bot.
    pub is_bot: Option<bool>,
    /// The `api_id` of the application that signed in.
    pub api_id: Option<i32>,
    /// Data centre for files, if different; stored only by mtcute.
    pub media: Option<MediaDc>,
    /// Owner of the servers that know the key; stored only by nanogram. See [`known_servers`](Self::known_servers).
    pub servers: Servers,
}

/// Second data centre in mtcute's session strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaDc {
    /// The number of the data centre.
    pub dc_id: u8,
    /// Host name or IP address, and port.
    pub addr: (String, u16),
    /// True if it serves only files.
    pub media_only: bool,
}

impl SavedSession {
    /// Creates a session with only a data centre and its key.
    #[must_use]
    pub const fn new(dc_id: u8, auth_key: AuthKey) -> Self {
        let (addr, environment, user_id, is_bot, api_id, media) = (None, None, None, None, None, None);
        let servers = Servers::Unknown;
        Self { dc_id, addr, environment, auth_key, user_id, is_bot, api_id, media, servers }
    }
    /// Returns the environment from the string, or that of the address.
    #[must_use]
    pub fn known_environment(&self) -> Option<Environment> {
        let of_address = || dcs::whose(self.addr.as_ref()?.0.parse().ok()?);
        self.environment.or_else(|| of_address().map(|(environment, _)| environment))
    }
    /// Returns the owner of the servers from the string, or Telegram if the address is one of Telegram's.
    #[must_use]
    pub fn known_servers(&self) -> Servers {
        let is_telegrams = self.addr.as_ref().is_some_and(|(host, _)| {
            host.parse().map_or_else(|_| host.ends_with(".telegram.org"), |ip| dcs::whose(ip).is_some())
        });
        match &self.servers {
            Servers::Unknown if is_telegrams => Servers::Telegram,
            // The two contradict each other, so neither is trusted.
            Servers::Telegram if self.is_local() => Servers::Unknown,
            servers => servers.clone(),
        }
    }
    /// Returns the address from the string, or the built-in one of the data centre.
    #[must_use]
    pub fn place(&self) -> Option<(String, u16)> {
        let built_in = || dcs::address(self.environment.unwrap_or_default(), self.dc_id);
        self.addr.clone().or_else(|| built_in().map(|addr| (addr.ip().to_string(), addr.port())))
    }
    /// Returns the IP address to connect to; `None` for a host name outside `telegram.org`.
    ///
    /// Telegram's web host names stand for their data centre, so its built-in address is returned.
    #[must_use]
    pub fn ip(&self) -> Option<(IpAddr, u16)> {
        let of_dc =
            || dcs::address(self.environment.unwrap_or_default(), self.dc_id).map(|addr| (addr.ip(), addr.port()));
        let Some((host, port)) = &self.addr else { return of_dc() };
        match host.parse() {
            Ok(ip) => Some((ip, *port)),
            // Web clients store a host such as `venus.web.telegram.org`, which serves WebSockets.
            Err(_) if host.ends_with(".telegram.org") => of_dc(),
            Err(_) => None,
        }
    }
    /// Returns true if the address is on the local machine or network, where Telegram has no data centres.
    pub(crate) fn is_local(&self) -> bool {
        self.addr.as_ref().is_some_and(|(host, _)| match host.parse() {
            Ok(ip) => is_local(ip),
            Err(_) => host == "localhost",
        })
    }
}

/// Returns true if an address is on the local machine or network.
pub(super) const fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Format of a session string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Telethon, with an IPv4 or IPv6 address.
    Telethon,
    /// GramJS.
    GramJs,
    /// Pyrogram and Kurigram, 362 characters.
    Pyrogram,
    /// Pyrogram before it stored the `api_id`, 356 characters.
    Pyrogram356,
    /// Pyrogram with 32-bit user ids, 351 characters.
    Pyrogram351,
    /// mtcute, version 3.
    Mtcute,
    /// nanogram.
    Nanogram,
}

impl Format {
    /// Returns the name for users and command lines. All lengths of Pyrogram have the same name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Telethon => "telethon",
            Self::GramJs => "gramjs",
            Self::Pyrogram | Self::Pyrogram356 | Self::Pyrogram351 => "pyrogram",
            Self::Mtcute => "mtcute",
            Self::Nanogram => "nanogram",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;
    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let formats = [Self::Telethon, Self::GramJs, Self::Pyrogram, Self::Mtcute, Self::Nanogram];
        let is_named = |format: &Self| {
            name.eq_ignore_ascii_case(format.name())
                || *format == Self::Pyrogram && name.eq_ignore_ascii_case("kurigram")
        };
        formats.into_iter().find(is_named).ok_or(UnknownFormat)
    }
}

/// Error for an unknown format name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownFormat;

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the formats are telethon, gramjs, pyrogram (kurigram), mtcute and nanogram")
    }
}

impl core::error::Error for UnknownFormat {}

/// Error returned when a session cannot be written in a format.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteError {
    /// Unknown value that the format requires.
    Missing {
        /// The format.
        format: Format,
        /// Name of the unknown value.
        what: &'static str,
    },
    /// Value that the format cannot store although it must be kept.
    NoPlace {
        /// The format.
        format: Format,
        /// Name of the value.
        what: &'static str,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { format, what } => {
                write!(f, "a session string of {format} requires a value that is not known: {what}")
            }
            Self::NoPlace { format, what } => write!(f, "a session string of {format} cannot store {what}"),
        }
    }
}

impl core::error::Error for WriteError {}

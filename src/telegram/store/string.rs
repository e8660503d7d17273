//! Session strings: an account as one line of text, as five families of programs write it.
//!
//! ```text
//! Telethon   '1' base64url=( dc:1 | ip:4 or 16 | port:2 | auth_key:256 )
//! GramJS     '1' base64=( dc:1 | len:2 | host:len | port:2 | auth_key:256 )
//! Pyrogram       base64url( dc:1 | api_id:4 | test:1 | auth_key:256 | user_id:8 | bot:1 )       362 characters
//!   older        base64url( dc:1 |            test:1 | auth_key:256 | user_id:8 | bot:1 )       356
//!   oldest       base64url( dc:1 |            test:1 | auth_key:256 | user_id:4 | bot:1 )       351
//! mtcute         base64url( 3 | flags:4 | dc option | [media dc option] | [user_id:8 Bool] | auth_key as TL bytes )
//! nanogram   'nanogram1:' base64url( flags:1 | dc:1 | [len:1 host:len port:2] | [user_id:8] | [api_id:4] | [n:1 fingerprint:8*n] | auth_key:256 | check:8 )
//! ```
//!
//! Numbers are big-endian, but little-endian in mtcute's, which is TL. Telethon and GramJS share their first character;
//! the length tells them apart, except that a host of 14 characters makes a GramJS string as long as Telethon's with
//! IPv6, and then the `len` in it decides. Our own ends with the first 8 bytes of the SHA-256 of all before, prefix
//! included: it is the only one that shows when a character was changed.
//!
//! The layouts were told from what the libraries write: Telethon 1.45.0, GramJS 2.26.22, Pyrogram 2.0.106, Kurigram
//! 2.2.26, @mtcute/core 0.30.3.

use super::base64::{self, Base64Error, Style};
use super::formats::{self, KEY, PREFIX, ReadFault, V4, V6};
use super::realm::Servers;
use crate::crypto::auth_key::AuthKey;
use crate::telegram::dcs::{self, Environment};
use crate::tl::Reader;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;
use zeroize::Zeroizing;

/// What a session string can hold. A field that a format lacks is `None`.
///
/// `Debug` shows the key's id and never the key; the key is wiped when it goes.
#[derive(Debug, Clone)]
pub struct SavedSession {
    /// The account's home, from 1.
    pub dc_id: u8,
    /// Host name or IP address, and port. See [`place`](Self::place) for what to do without.
    pub addr: Option<(String, u16)>,
    /// Production or test. See [`known_environment`](Self::known_environment).
    pub environment: Option<Environment>,
    /// The key that the data centre knows the account by.
    pub auth_key: AuthKey,
    /// The user's id, not 0.
    pub user_id: Option<i64>,
    /// Whether the user is a bot.
    pub is_bot: Option<bool>,
    /// The application that signed in.
    pub api_id: Option<i32>,
    /// Where files are, if that is elsewhere; only mtcute keeps it.
    pub media: Option<MediaDc>,
    /// Owner of the servers that know the key; only nanogram keeps it. See [`known_servers`](Self::known_servers).
    pub servers: Servers,
}

/// A second data centre in mtcute's strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaDc {
    /// Its number.
    pub dc_id: u8,
    /// Host name or IP address, and port.
    pub addr: (String, u16),
    /// Whether it serves files alone.
    pub media_only: bool,
}

impl SavedSession {
    /// The bare minimum: a key and whose it is.
    #[must_use]
    pub const fn new(dc_id: u8, auth_key: AuthKey) -> Self {
        let (addr, environment, user_id, is_bot, api_id, media) = (None, None, None, None, None, None);
        let servers = Servers::Unknown;
        Self { dc_id, addr, environment, auth_key, user_id, is_bot, api_id, media, servers }
    }
    /// The environment as the string says, or else as the address tells.
    #[must_use]
    pub fn known_environment(&self) -> Option<Environment> {
        let of_address = || dcs::whose(self.addr.as_ref()?.0.parse().ok()?);
        self.environment.or_else(|| of_address().map(|(environment, _)| environment))
    }
    /// Owner of the servers as the string says, or else as the address tells: Telegram's are known.
    #[must_use]
    pub fn known_servers(&self) -> Servers {
        let is_telegrams = self.addr.as_ref().is_some_and(|(host, _)| {
            host.parse().map_or_else(|_| host.ends_with(".telegram.org"), |ip| dcs::whose(ip).is_some())
        });
        match &self.servers {
            Servers::Unknown if is_telegrams => Servers::Telegram,
            Servers::Telegram if self.is_local() => Servers::Unknown,
            servers => servers.clone(),
        }
    }
    /// The address as the string says, or else the one built in for its data centre.
    #[must_use]
    pub fn place(&self) -> Option<(String, u16)> {
        let built_in = || dcs::address(self.environment.unwrap_or_default(), self.dc_id);
        self.addr.clone().or_else(|| built_in().map(|addr| (addr.ip().to_string(), addr.port())))
    }
    /// The IP address to connect to: a web host of Telegram's is a name for the data centre, so that one's. `None` if
    /// there is another name.
    #[must_use]
    pub fn ip(&self) -> Option<(IpAddr, u16)> {
        let of_dc =
            || dcs::address(self.environment.unwrap_or_default(), self.dc_id).map(|addr| (addr.ip(), addr.port()));
        let Some((host, port)) = &self.addr else { return of_dc() };
        match host.parse() {
            Ok(ip) => Some((ip, *port)),
            Err(_) if host.ends_with(".telegram.org") => of_dc(),
            Err(_) => None,
        }
    }
    /// Whether the address is of one's own machine or network, where Telegram's data centres are not.
    pub(super) fn is_local(&self) -> bool {
        self.addr.as_ref().is_some_and(|(host, _)| match host.parse() {
            Ok(ip) => is_local(ip),
            Err(_) => host == "localhost",
        })
    }
}

/// Whether an address is of one's own machine or network.
pub(super) const fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Who writes strings so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Telethon, with an IPv4 or an IPv6 address.
    Telethon,
    /// GramJS.
    GramJs,
    /// Pyrogram and Kurigram, 362 characters.
    Pyrogram,
    /// Pyrogram before it kept the `api_id`, 356 characters.
    Pyrogram356,
    /// Pyrogram when user ids had 32 bits, 351 characters.
    Pyrogram351,
    /// mtcute, version 3.
    Mtcute,
    /// nanogram.
    Nanogram,
}

impl Format {
    /// The format of `text`, told from its first characters and its length; `None` if it is none of these.
    #[must_use]
    pub fn recognise(text: &str) -> Option<Self> {
        unwrap(text).ok().map(|(format, _)| format)
    }
    /// The name for people and command lines; the old lengths of Pyrogram bear it too.
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

/// No format has that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownFormat;

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the formats are telethon, gramjs, pyrogram (kurigram), mtcute and nanogram")
    }
}
impl core::error::Error for UnknownFormat {}

/// The characters of base64 in Telethon's string with IPv4, by which all readers know it.
const TELETHON_V4: usize = 352;

/// The format, and the bytes out of the base64.
fn unwrap(text: &str) -> Result<(Format, Zeroizing<Vec<u8>>), StringError> {
    let text = text.trim_ascii();
    if let Some(body) = text.strip_prefix(PREFIX) {
        return Ok((Format::Nanogram, base64::decode(body)?));
    }
    if let Some((version, _)) = text.strip_prefix("nanogram").and_then(|rest| rest.split_once(':')) {
        return Err(version.parse().map_or(StringError::Unrecognised, StringError::Version));
    }
    if let Some(body) = text.strip_prefix('1') {
        let bytes = base64::decode(body)?;
        let gramjs_len = bytes.get(1..3).and_then(|len| len.try_into().ok()).map(u16::from_be_bytes);
        let is_gramjs = gramjs_len.is_some_and(|len| bytes.len() == 1 + 2 + usize::from(len) + 2 + KEY);
        return match bytes.len() {
            V4 => Ok((Format::Telethon, bytes)),
            _ if bytes.len().div_ceil(3) * 4 == TELETHON_V4 => Err(StringError::Unrecognised),
            _ if is_gramjs => Ok((Format::GramJs, bytes)),
            V6 => Ok((Format::Telethon, bytes)),
            _ => Err(StringError::Unrecognised),
        };
    }
    let bytes = base64::decode(text)?;
    // Pyrogram itself leaves the padding out when it writes, and takes it when it reads.
    match (text.trim_end_matches('=').len(), bytes.first()) {
        (351, _) => Ok((Format::Pyrogram351, bytes)),
        (356, _) => Ok((Format::Pyrogram356, bytes)),
        (362, _) => Ok((Format::Pyrogram, bytes)),
        (363.., Some(3)) => Ok((Format::Mtcute, bytes)),
        _ => Err(StringError::Unrecognised),
    }
}

/// Reads a session string of any format, blanks around it allowed.
///
/// ```
/// use nanogram::telegram::store::{Format, SavedSession, string};
/// use nanogram::crypto::auth_key::AuthKey;
///
/// let session = SavedSession::new(2, AuthKey::from_bytes([7; 256]));
/// let text = string::write(&session, Format::Telethon)?;
/// let (format, same) = string::parse(&text)?;
/// assert_eq!((format, same.dc_id), (Format::Telethon, 2));
/// assert_eq!(same.addr, Some(("149.154.167.51".into(), 443)));
/// assert!(same.auth_key.is(&session.auth_key));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// # Errors
/// It is none, or not whole.
pub fn parse(text: &str) -> Result<(Format, SavedSession), StringError> {
    let (format, bytes) = unwrap(text)?;
    let mut r = Reader::new(&bytes);
    let session = match format {
        Format::Telethon => formats::read_telethon(&mut r, bytes.len() == V4),
        Format::GramJs => formats::read_gramjs(&mut r),
        Format::Pyrogram | Format::Pyrogram356 | Format::Pyrogram351 => formats::read_pyrogram(&mut r, format),
        Format::Mtcute => formats::read_mtcute(&mut r),
        Format::Nanogram => formats::read_nanogram(&mut r),
    };
    let session = session.map_err(|fault| StringError::of(fault, format))?;
    r.end().map_err(|fault| StringError::of(fault.into(), format))?;
    let has_key = session.auth_key.as_bytes().iter().fold(0, |all, b| all | b) != 0;
    match session {
        _ if !has_key => Err(StringError::NoKey),
        SavedSession { dc_id: 0, .. } => Err(StringError::Invalid { format, what: "the data centre" }),
        session => Ok((format, session)),
    }
}

/// Writes a session string. It is a secret, and is wiped when dropped.
///
/// # Errors
/// The format needs what `session` does not know, or has no place for what it must keep.
pub fn write(session: &SavedSession, format: Format) -> Result<Zeroizing<String>, WriteError> {
    // Both are large enough never to grow: no copy is left behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    let mut text = Zeroizing::new(String::with_capacity(1024));
    let style = match format {
        Format::Telethon => formats::write_telethon(session, &mut bytes).map(|()| Style::UrlPadded),
        Format::GramJs => formats::write_gramjs(session, &mut bytes).map(|()| Style::Standard),
        Format::Pyrogram | Format::Pyrogram356 | Format::Pyrogram351 => {
            formats::write_pyrogram(session, format, &mut bytes).map(|()| Style::Url)
        }
        Format::Mtcute => formats::write_mtcute(session, &mut bytes).map(|()| Style::Url),
        Format::Nanogram => formats::write_nanogram(session, &mut bytes).map(|()| Style::Url),
    };
    let style = style.map_err(|fault| fault.of(format))?;
    text.push_str(match format {
        Format::Telethon | Format::GramJs => "1",
        Format::Nanogram => PREFIX,
        _ => "",
    });
    base64::encode(&bytes, style, &mut text);
    Ok(text)
}

/// Why a text is no session string. Nothing of the text is in it.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StringError {
    /// No format has this beginning and this length.
    Unrecognised,
    /// Our own, but of a version that is not known here.
    Version(u32),
    /// It is not the text of bytes.
    Base64(Base64Error),
    /// What it says cannot be.
    Invalid {
        /// Whose string it seems to be.
        format: Format,
        /// What cannot be.
        what: &'static str,
    },
    /// The check at the end of our own does not fit: something was changed or left out.
    Damaged,
    /// The key is all zeros: the program that wrote it was never connected.
    NoKey,
}

impl StringError {
    const fn of(fault: ReadFault, format: Format) -> Self {
        match fault {
            ReadFault::Check => Self::Damaged,
            ReadFault::Cut => Self::Invalid { format, what: "the length" },
            ReadFault::Field(what) => Self::Invalid { format, what },
        }
    }
}

impl From<Base64Error> for StringError {
    fn from(e: Base64Error) -> Self {
        Self::Base64(e)
    }
}

impl fmt::Display for StringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unrecognised => f.write_str(
                "this is no session string of Telethon, GramJS, Pyrogram, mtcute or nanogram, or a part of one",
            ),
            Self::Version(version) => {
                write!(f, "a nanogram session of version {version}: this program knows version 1")
            }
            Self::Base64(e) => write!(f, "this is no session string: {e}"),
            Self::Invalid { format, what } => write!(f, "no valid session string of {format}: {what} cannot be so"),
            Self::Damaged => f.write_str("the session string was changed or cut: its check does not fit"),
            Self::NoKey => f.write_str("the session string holds no key: the program that wrote it never connected"),
        }
    }
}
impl core::error::Error for StringError {}

/// Why a session cannot be written in a format.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteError {
    /// The format must say what is not known.
    Missing {
        /// The format.
        format: Format,
        /// What is not known.
        what: &'static str,
    },
    /// The format has no place for what must be kept.
    NoPlace {
        /// The format.
        format: Format,
        /// What has no place.
        what: &'static str,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { format, what } => {
                write!(f, "a session string of {format} must say what is not known: {what}")
            }
            Self::NoPlace { format, what } => write!(f, "a session string of {format} has no place for {what}"),
        }
    }
}
impl core::error::Error for WriteError {}

//! Session strings: an account as one line of text, in the formats of five program families.
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
//! Numbers are big-endian, except in mtcute's format, which is TL and little-endian. Telethon and GramJS start with the
//! same character and are distinguished by length. With a host name of 14 characters, a GramJS string is as long as
//! Telethon's with IPv6; then the `len` in it decides. nanogram's format ends with the first 8 bytes of the SHA-256 of
//! everything before, including the prefix. It is the only one that detects a changed character.
//!
//! The layouts are derived from the output of Telethon 1.45.0, GramJS 2.26.22, Pyrogram 2.0.106, Kurigram 2.2.26 and
//! @mtcute/core 0.30.3.

use super::base64::{self, Base64Error, Style};
use super::formats::{self, KEY, PREFIX, ReadFault, V4, V6};
pub use super::saved::{Format, MediaDc, SavedSession, UnknownFormat, WriteError};
use crate::tl::Reader;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroizing;

impl Format {
    /// Recognises the format of `text` from its first characters and its length; `None` if unknown.
    #[must_use]
    pub fn recognise(text: &str) -> Option<Self> {
        unwrap(text).ok().map(|(format, _)| format)
    }
}

/// Length of Telethon's base64 with IPv4, by which all readers recognise it.
const TELETHON_V4: usize = 352;

/// Returns the format and the decoded base64.
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
            // Readers identify Telethon's format with IPv4 by this length, but the number of bytes is wrong.
            _ if bytes.len().div_ceil(3) * 4 == TELETHON_V4 => Err(StringError::Unrecognised),
            _ if is_gramjs => Ok((Format::GramJs, bytes)),
            V6 => Ok((Format::Telethon, bytes)),
            _ => Err(StringError::Unrecognised),
        };
    }
    let bytes = base64::decode(text)?;
    // Pyrogram omits the padding when it writes, but accepts it when it reads.
    match (text.trim_end_matches('=').len(), bytes.first()) {
        (351, _) => Ok((Format::Pyrogram351, bytes)),
        (356, _) => Ok((Format::Pyrogram356, bytes)),
        (362, _) => Ok((Format::Pyrogram, bytes)),
        (363.., Some(3)) => Ok((Format::Mtcute, bytes)),
        _ => Err(StringError::Unrecognised),
    }
}

/// Parses a session string of any format. White space around it is ignored.
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
/// The text is not a session string, or not a complete one.
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
    // Programs that save a session before they have connected write a key of zeros.
    let has_key = session.auth_key.as_bytes().iter().fold(0, |all, b| all | b) != 0;
    match session {
        _ if !has_key => Err(StringError::NoKey),
        SavedSession { dc_id: 0, .. } => Err(StringError::Invalid { format, what: "the data centre" }),
        session => Ok((format, session)),
    }
}

/// Formats a session string. The result is secret and is wiped on drop.
///
/// # Errors
/// The format requires a value that `session` does not have, or cannot store one that must be kept.
pub fn write(session: &SavedSession, format: Format) -> Result<Zeroizing<String>, WriteError> {
    // Both buffers are large enough never to grow, so that no copy of the key is left behind.
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

/// Error returned for a text that is not a session string. It contains no part of the text.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StringError {
    /// Start and length that match no format.
    Unrecognised,
    /// Unsupported version of nanogram's format.
    Version(u32),
    /// Invalid base64.
    Base64(Base64Error),
    /// Invalid value.
    Invalid {
        /// The apparent format.
        format: Format,
        /// Name of the invalid value.
        what: &'static str,
    },
    /// Checksum mismatch in nanogram's format: something was changed or left out.
    Damaged,
    /// Key of all zeros: the program that wrote it never connected.
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
                "this is not a session string of Telethon, GramJS, Pyrogram, mtcute or nanogram, or only a part of one",
            ),
            Self::Version(version) => {
                write!(f, "a nanogram session of version {version}: this program supports version 1")
            }
            Self::Base64(e) => write!(f, "this is not a session string: {e}"),
            Self::Invalid { format, what } => write!(f, "not a valid session string of {format}: {what} is invalid"),
            Self::Damaged => f.write_str("the session string was changed or cut: its checksum does not match"),
            Self::NoKey => f.write_str("the session string holds no key: the program that wrote it never connected"),
        }
    }
}
impl core::error::Error for StringError {}

//! Reading and writing of the binary contents of session strings. [`super::string`] shows the layouts.

use super::realm::{MAX_FINGERPRINTS, Servers};
use super::saved::{Format, MediaDc, SavedSession, WriteError};
use crate::crypto::auth_key::AuthKey;
use crate::telegram::dcs::{self, Environment};
use crate::tl::{DecodeError, Reader, Tl, write_bytes};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;
use sha2::{Digest, Sha256};

/// Prefix of nanogram's format, included in its check.
pub(super) const PREFIX: &str = "nanogram1:";
/// Length of an auth key in bytes.
pub(super) const KEY: usize = 256;
/// Length of Telethon's binary form with IPv4, in bytes.
pub(super) const V4: usize = 1 + 4 + 2 + KEY;
/// Length of Telethon's binary form with IPv6, in bytes.
pub(super) const V6: usize = 1 + 16 + 2 + KEY;

/// Error in the binary form.
pub(super) enum ReadFault {
    Cut,
    Field(&'static str),
    Check,
}
impl From<DecodeError> for ReadFault {
    fn from(_: DecodeError) -> Self {
        Self::Cut
    }
}
use ReadFault::Field;

fn be16(r: &mut Reader<'_>) -> Result<u16, DecodeError> {
    Ok(u16::from_be_bytes(*r.array()?))
}
fn byte(r: &mut Reader<'_>) -> Result<u8, DecodeError> {
    let [byte] = *r.array()?;
    Ok(byte)
}
fn flag(r: &mut Reader<'_>, what: &'static str) -> Result<bool, ReadFault> {
    match byte(r)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Field(what)),
    }
}
fn auth_key(r: &mut Reader<'_>) -> Result<AuthKey, DecodeError> {
    Ok(AuthKey::from_bytes(*r.array()?))
}
fn host(bytes: &[u8]) -> Result<String, ReadFault> {
    let is_host = (1..=MAX_HOST).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    let text = core::str::from_utf8(bytes).ok().filter(|_| is_host);
    text.map(Into::into).ok_or(Field("the address"))
}
fn port(port: u16) -> Result<u16, ReadFault> {
    if port == 0 { Err(Field("the port")) } else { Ok(port) }
}
/// Checks a user id of at most 53 bits; 0 is read as `None`.
fn user(id: i64) -> Result<Option<i64>, ReadFault> {
    if !(0..=MAX_USER).contains(&id) { Err(Field("the user id")) } else { Ok(Some(id).filter(|id| *id != 0)) }
}

/// Maximum user id: ids must be exact in languages whose only numbers are 64-bit floats.
const MAX_USER: i64 = (1 << 53) - 1;

/// Maximum length of a host name in any format. GramJS does not read longer ones.
const MAX_HOST: usize = 100;

pub(super) fn read_telethon(r: &mut Reader<'_>, is_v4: bool) -> Result<SavedSession, ReadFault> {
    let dc_id = byte(r)?;
    let ip: IpAddr = if is_v4 { r.array::<4>().copied()?.into() } else { r.array::<16>().copied()?.into() };
    let addr = (ip.to_string(), port(be16(r)?)?);
    Ok(SavedSession { addr: Some(addr), ..SavedSession::new(dc_id, auth_key(r)?) })
}

pub(super) fn read_gramjs(r: &mut Reader<'_>) -> Result<SavedSession, ReadFault> {
    let dc_id = byte(r)?;
    let len = be16(r)?;
    let host = host(r.take(len.into())?)?;
    // The port is signed in this layout: GramJS cannot write a port above 32767, and reads one as a negative number.
    let port = port(be16(r)?).ok().filter(|port| i16::try_from(*port).is_ok()).ok_or(Field("the port"))?;
    Ok(SavedSession { addr: Some((host, port)), ..SavedSession::new(dc_id, auth_key(r)?) })
}

pub(super) fn read_pyrogram(r: &mut Reader<'_>, format: Format) -> Result<SavedSession, ReadFault> {
    let dc_id = byte(r)?;
    let api_id = match format {
        Format::Pyrogram => i32::from_be_bytes(*r.array()?),
        _ => 0,
    };
    let environment = if flag(r, "the test flag")? { Environment::Test } else { Environment::Production };
    let auth_key = auth_key(r)?;
    let user_id = match format {
        // The layout is unsigned, but ids were TL's `int` while it was in use. So a truncated newer string is usually
        // noticed.
        Format::Pyrogram351 => i32::from_be_bytes(*r.array()?).into(),
        _ => i64::from_be_bytes(*r.array()?),
    };
    if api_id < 0 {
        return Err(Field("the api_id"));
    }
    if dcs::address(environment, dc_id).is_none() {
        return Err(Field("the data centre"));
    }
    Ok(SavedSession {
        environment: Some(environment),
        api_id: Some(api_id).filter(|id| *id != 0),
        user_id: user(user_id)?,
        is_bot: Some(flag(r, "the bot flag")?),
        ..SavedSession::new(dc_id, auth_key)
    })
}

/// Flags of mtcute's session string and of the data centres in it.
mod mtcute {
    pub(super) const VERSION: u8 = 3;
    pub(super) const HAS_SELF: u32 = 1;
    pub(super) const OLD_TEST: u32 = 2;
    pub(super) const HAS_MEDIA: u32 = 4;
    pub(super) const DC_VERSION: u8 = 2;
    pub(super) const IPV6: u8 = 1;
    pub(super) const MEDIA_ONLY: u8 = 2;
    pub(super) const TEST: u8 = 4;
}

/// Reads `version:1 | dc:1 | flags:1 | host as TL string | port:4` and returns the data centre and its flags.
fn read_mtcute_dc(bytes: &[u8]) -> Result<(MediaDc, u8), ReadFault> {
    let r = &mut Reader::new(bytes);
    if !matches!(byte(r)?, 1 | mtcute::DC_VERSION) {
        return Err(Field("the version of a data centre"));
    }
    let (dc_id, flags) = (byte(r)?, byte(r)?);
    let host = host(r.bytes()?)?;
    let port = port(u16::try_from(r.i32()?).map_err(|_| Field("the port"))?)?;
    r.end()?;
    Ok((MediaDc { dc_id, addr: (host, port), media_only: flags & mtcute::MEDIA_ONLY != 0 }, flags))
}

pub(super) fn read_mtcute(r: &mut Reader<'_>) -> Result<SavedSession, ReadFault> {
    // The version has identified the format already.
    let _version = byte(r)?;
    let flags = r.u32()?;
    // An unknown flag could announce a field, and the rest would be misread.
    if flags & !(mtcute::HAS_SELF | mtcute::OLD_TEST | mtcute::HAS_MEDIA) != 0 {
        return Err(Field("the flags"));
    }
    let (main, dc_flags) = read_mtcute_dc(r.bytes()?)?;
    let media = if flags & mtcute::HAS_MEDIA != 0 { Some(read_mtcute_dc(r.bytes()?)?.0) } else { None };
    let (mut user_id, mut is_bot) = (None, None);
    if flags & mtcute::HAS_SELF != 0 {
        user_id = user(r.i64()?)?;
        is_bot = Some(bool::read(r)?);
    }
    let is_test = dc_flags & mtcute::TEST != 0 || flags & mtcute::OLD_TEST != 0;
    let key = r.bytes()?.try_into().map_err(|_| Field("the length of the key"))?;
    Ok(SavedSession {
        addr: Some(main.addr),
        environment: Some(if is_test { Environment::Test } else { Environment::Production }),
        user_id,
        is_bot,
        media,
        ..SavedSession::new(main.dc_id, AuthKey::from_bytes(key))
    })
}

/// Flags of nanogram's session string: the fields present, and two boolean values.
mod own {
    pub(super) const ADDR: u8 = 1;
    pub(super) const ENVIRONMENT: u8 = 2;
    pub(super) const TEST: u8 = 4;
    pub(super) const USER: u8 = 8;
    pub(super) const BOT_KNOWN: u8 = 16;
    pub(super) const BOT: u8 = 32;
    pub(super) const API_ID: u8 = 64;
    /// Presence of the fingerprints of the servers; an empty list means Telegram.
    pub(super) const SERVERS: u8 = 128;
    pub(super) const CHECK: usize = 8;
}

fn own_check(bytes: &[u8]) -> [u8; 32] {
    // The prefix is included, so that the check covers the version.
    Sha256::new().chain_update(PREFIX).chain_update(bytes).finalize().into()
}

pub(super) fn read_nanogram(r: &mut Reader<'_>) -> Result<SavedSession, ReadFault> {
    let (body, check) = r.take_rest().split_last_chunk::<{ own::CHECK }>().ok_or(ReadFault::Cut)?;
    if !own_check(body).starts_with(check) {
        return Err(ReadFault::Check);
    }
    let r = &mut Reader::new(body);
    let (flags, dc_id) = (byte(r)?, byte(r)?);
    let has = |bit| flags & bit != 0;
    // `TEST` and `BOT` are values, and need the flag that announces them.
    if has(own::TEST) && !has(own::ENVIRONMENT) || has(own::BOT) && !has(own::BOT_KNOWN) {
        return Err(Field("the flags"));
    }
    let addr = if has(own::ADDR) {
        let len = byte(r)?;
        Some((host(r.take(len.into())?)?, port(be16(r)?)?))
    } else {
        None
    };
    let user_id = if has(own::USER) { user(i64::from_be_bytes(*r.array()?))? } else { None };
    let api_id = if has(own::API_ID) { Some(i32::from_be_bytes(*r.array()?)) } else { None };
    let mut servers = Servers::Unknown;
    if has(own::SERVERS) {
        let count = byte(r)?;
        if usize::from(count) > MAX_FINGERPRINTS {
            return Err(Field("the servers"));
        }
        let own: Result<Vec<i64>, _> = (0..count).map(|_| r.array().copied().map(i64::from_be_bytes)).collect();
        servers = if count == 0 { Servers::Telegram } else { Servers::Own(own?) };
    }
    let environment = if has(own::TEST) { Environment::Test } else { Environment::Production };
    let auth_key = auth_key(r)?;
    r.end()?;
    Ok(SavedSession {
        addr,
        environment: Some(environment).filter(|_| has(own::ENVIRONMENT)),
        user_id,
        is_bot: Some(has(own::BOT)).filter(|_| has(own::BOT_KNOWN)),
        api_id,
        servers,
        ..SavedSession::new(dc_id, auth_key)
    })
}

/// Error for a session that a format cannot represent.
pub(super) enum WriteFault {
    Missing(&'static str),
    NoPlace(&'static str),
}
use WriteFault::{Missing, NoPlace};

impl WriteFault {
    pub(super) const fn of(self, format: Format) -> WriteError {
        match self {
            Missing(what) => WriteError::Missing { format, what },
            NoPlace(what) => WriteError::NoPlace { format, what },
        }
    }
}

pub(super) type Written = Result<(), WriteFault>;

pub(super) fn write_telethon(session: &SavedSession, out: &mut Vec<u8>) -> Written {
    let (ip, port) = match session.ip() {
        Some(place) => place,
        None if session.addr.is_some() => return Err(NoPlace("a host name, only for an IP address")),
        None => return Err(Missing("the address")),
    };
    out.push(session.dc_id);
    match ip {
        IpAddr::V4(ip) => out.extend_from_slice(&ip.octets()),
        IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
    }
    out.extend_from_slice(&port.to_be_bytes());
    out.extend_from_slice(session.auth_key.as_bytes());
    Ok(())
}

pub(super) fn write_gramjs(session: &SavedSession, out: &mut Vec<u8>) -> Written {
    let (host, port) = session.place().ok_or(Missing("the address"))?;
    let port = i16::try_from(port).map_err(|_| NoPlace("a port above 32767"))?;
    // A host of one to three characters would make the string as long as Telethon's, and it would be read as one.
    let len = u16::try_from(host.len()).ok().filter(|len| (4..=MAX_HOST).contains(&usize::from(*len)));
    let len = len.ok_or(NoPlace("a host name of fewer than 4 or more than 100 characters"))?;
    out.push(session.dc_id);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(host.as_bytes());
    out.extend_from_slice(&port.to_be_bytes());
    out.extend_from_slice(session.auth_key.as_bytes());
    Ok(())
}

pub(super) fn write_pyrogram(session: &SavedSession, format: Format, out: &mut Vec<u8>) -> Written {
    // Pyrogram stores no address and would use the key with Telegram's data centre of the same number.
    if session.is_local() || matches!(session.servers, Servers::Own(_)) {
        return Err(NoPlace("an address: it would lead to Telegram's own data centre"));
    }
    let environment = session.known_environment().ok_or(Missing("production or test"))?;
    let user_id = session.user_id.ok_or(Missing("the user id"))?;
    let is_bot = session.is_bot.ok_or(Missing("whether the user is a bot"))?;
    out.push(session.dc_id);
    if format == Format::Pyrogram {
        out.extend_from_slice(&session.api_id.ok_or(Missing("the api_id"))?.to_be_bytes());
    }
    out.push(u8::from(environment == Environment::Test));
    out.extend_from_slice(session.auth_key.as_bytes());
    if format == Format::Pyrogram351 {
        let user_id = i32::try_from(user_id).map_err(|_| NoPlace("a user id of more than 31 bits"))?;
        out.extend_from_slice(&user_id.to_be_bytes());
    } else {
        out.extend_from_slice(&user_id.to_be_bytes());
    }
    out.push(u8::from(is_bot));
    Ok(())
}

fn write_mtcute_dc(dc: &MediaDc, is_test: bool, out: &mut Vec<u8>) {
    let (host, port) = &dc.addr;
    let flags = [(host.contains(':'), mtcute::IPV6), (dc.media_only, mtcute::MEDIA_ONLY), (is_test, mtcute::TEST)];
    let flags = flags.iter().filter(|(is_set, _)| *is_set).fold(0, |all, (_, bit)| all | bit);
    let mut option = Vec::from([mtcute::DC_VERSION, dc.dc_id, flags]);
    write_bytes(host.as_bytes(), &mut option);
    i32::from(*port).write(&mut option);
    write_bytes(&option, out);
}

pub(super) fn write_mtcute(session: &SavedSession, out: &mut Vec<u8>) -> Written {
    let addr = session.place().ok_or(Missing("the address"))?;
    let is_test = session.known_environment().ok_or(Missing("production or test"))? == Environment::Test;
    let user = match (session.user_id, session.is_bot) {
        (Some(id), _) if id > MAX_USER => return Err(NoPlace("a user id of more than 53 bits")),
        (Some(id), Some(is_bot)) => Some((id, is_bot)),
        (Some(_), None) => return Err(Missing("whether the user is a bot")),
        (None, _) => None,
    };
    let has_self = if user.is_some() { mtcute::HAS_SELF } else { 0 };
    let has_media = if session.media.is_some() { mtcute::HAS_MEDIA } else { 0 };
    out.push(mtcute::VERSION);
    (has_self | has_media).write(out);
    write_mtcute_dc(&MediaDc { dc_id: session.dc_id, addr, media_only: false }, is_test, out);
    if let Some(media) = &session.media {
        write_mtcute_dc(media, is_test, out);
    }
    if let Some((id, is_bot)) = user {
        id.write(out);
        is_bot.write(out);
    }
    write_bytes(session.auth_key.as_bytes(), out);
    Ok(())
}

pub(super) fn write_nanogram(session: &SavedSession, out: &mut Vec<u8>) -> Written {
    let has_servers = match &session.servers {
        Servers::Unknown => false,
        Servers::Telegram => true,
        // An empty list would be read as Telegram's servers.
        Servers::Own(own) => !own.is_empty(),
    };
    let flags = [
        (session.addr.is_some(), own::ADDR),
        (session.environment.is_some(), own::ENVIRONMENT),
        (session.environment == Some(Environment::Test), own::TEST),
        (session.user_id.is_some(), own::USER),
        (session.is_bot.is_some(), own::BOT_KNOWN),
        (session.is_bot == Some(true), own::BOT),
        (session.api_id.is_some(), own::API_ID),
        (has_servers, own::SERVERS),
    ];
    out.push(flags.iter().filter(|(is_set, _)| *is_set).fold(0, |all, (_, bit)| all | bit));
    out.push(session.dc_id);
    if let Some((host, port)) = &session.addr {
        let len = u8::try_from(host.len()).ok().filter(|len| (1..=MAX_HOST).contains(&usize::from(*len)));
        out.push(len.ok_or(NoPlace("a host name of more than 100 characters"))?);
        out.extend_from_slice(host.as_bytes());
        out.extend_from_slice(&port.to_be_bytes());
    }
    if let Some(user_id) = session.user_id {
        out.extend_from_slice(&user_id.to_be_bytes());
    }
    if let Some(api_id) = session.api_id {
        out.extend_from_slice(&api_id.to_be_bytes());
    }
    match &session.servers {
        Servers::Telegram => out.push(0),
        Servers::Own(own) if has_servers => {
            out.push(u8::try_from(own.len().min(MAX_FINGERPRINTS)).unwrap_or_default());
            out.extend(own.iter().take(MAX_FINGERPRINTS).flat_map(|fingerprint| fingerprint.to_be_bytes()));
        }
        _ => {}
    }
    out.extend_from_slice(session.auth_key.as_bytes());
    let check = own_check(out);
    out.extend(check.iter().take(own::CHECK));
    Ok(())
}

//! Functions that need no connection: parsing texts and answers, explaining errors.

use super::pointers::{array, bytes, give, give_text, status, text};
use super::{LinkData, PeerData, PeerKind, RealmData, SessionData, Status};
use crate::protocol::session::RpcError;
use crate::telegram::api::contacts::ResolvedPeerBody;
use crate::telegram::api::updates::Updates;
use crate::telegram::dcs::Environment;
use crate::telegram::hints;
use crate::telegram::link::{Start, StartLink};
use crate::telegram::start::{self, Known};
use crate::telegram::store::string;
use crate::tl::Tl;
use alloc::string::String;
use core::ffi::{CStr, c_char, c_void};
use zeroize::Zeroize;

/// Returns the meaning of a status as a sentence. The text is static: do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn nanogram_says(status: u32) -> *const c_char {
    let says = SAYS.iter().find(|(of, _)| *of as u32 == status).map_or(c"there is no such status", |(_, says)| says);
    says.as_ptr()
}

const SAYS: [(Status, &CStr); 20] = [
    (Status::Ok, c"done"),
    (Status::BadArgument, c"a pointer is null that must not be, or a number is out of its range"),
    (Status::BadText, c"the text is not UTF-8"),
    (Status::NoSpace, c"the buffer is too small"),
    (Status::BadSession, c"the text is no session string of nanogram, Telethon, GramJS, Pyrogram or mtcute"),
    (Status::BadPem, c"the text is no PEM file with a public RSA key"),
    (Status::BadLink, c"the text is no link that starts a bot"),
    (Status::BadUsername, c"the text is no username"),
    (Status::BadStartParam, c"a start parameter has 1 to 64 characters of A-Z, a-z, 0-9, _ and -"),
    (Status::NotABot, c"the peer is no bot"),
    (Status::BadBytes, c"the bytes cannot be decoded"),
    (Status::NoAccessHash, c"the server gives no access hash for this name"),
    (Status::NoEntropy, c"the source of randomness failed"),
    (Status::Closed, c"the connection is over: close the socket, and begin again with nanogram_reconnect"),
    (Status::NotProven, c"the server failed to authenticate: check the public key of this data centre"),
    (Status::Fault, c"the server answered with a transport error"),
    (Status::None, c"no value available"),
    (Status::Busy, c"the connection is in use: the entropy callback must not call functions with it"),
    (Status::Full, c"too many events wait: take them, then pass the bytes again"),
    (Status::WrongRealm, c"the session belongs to other servers than the public key: sign in there, and keep it apart"),
];

/// Overwrites a secret with zeros.
///
/// # Safety
/// `secret` is null or valid for writing `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_wipe(secret: *mut c_void, len: usize) {
    if !secret.is_null() {
        // SAFETY: as C promises; any bytes will do.
        unsafe { core::slice::from_raw_parts_mut(secret.cast::<u8>(), len) }.zeroize();
    }
}

/// Parses a session string.
///
/// # Safety
/// `string` is text, `out` has room for one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_session(string: *const c_char, out: *mut SessionData) -> Status {
    let read = || {
        // SAFETY: as C promises.
        let (_, saved) = string::parse(unsafe { text(string) }?).map_err(|_| Status::BadSession)?;
        let (host, port) = saved.place().ok_or(Status::BadSession)?;
        let data = SessionData {
            auth_key: *saved.auth_key.as_bytes(),
            user_id: saved.user_id.unwrap_or(0),
            api_id: saved.api_id.unwrap_or(0),
            port,
            dc_id: saved.dc_id,
            is_test: saved.known_environment() == Some(Environment::Test),
            host: array(&host).ok_or(Status::NoSpace)?,
            realm: RealmData::of_session(&saved),
        };
        // SAFETY: as C promises.
        unsafe { give(out, data) }
    };
    status(read())
}

/// Parses a start link, such as `https://t.me/some_bot?start=payload`.
///
/// # Safety
/// `link` is text, `out` has room for one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_link(link: *const c_char, out: *mut LinkData) -> Status {
    let read = || {
        // SAFETY: as C promises.
        let link: StartLink = unsafe { text(link) }?.parse().map_err(|_| Status::BadLink)?;
        let (param, is_group) = match &link.start {
            Start::Private { param } => (param, false),
            Start::Group { param, .. } => (param, true),
            Start::Channel { .. } => return Err(Status::BadLink),
        };
        let data = LinkData {
            bot: array(link.bot.as_str()).ok_or(Status::NoSpace)?,
            start_param: array(param.as_ref().map_or("", |param| param.as_str())).ok_or(Status::NoSpace)?,
            is_group,
        };
        // SAFETY: as C promises.
        unsafe { give(out, data) }
    };
    status(read())
}

/// Decodes the answer to `nanogram_resolve`.
///
/// # Safety
/// `body` holds `len` bytes, `out` has room for one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_resolved(body: *const u8, len: usize, out: *mut PeerData) -> Status {
    let read = || {
        // SAFETY: as C promises.
        let answer = ResolvedPeerBody::from_bytes(unsafe { bytes(body, len) }?).map_err(|_| Status::BadBytes)?;
        let known = Known::from_resolved(&answer).map_err(|_| Status::BadBytes)?.ok_or(Status::NoAccessHash)?;
        let peer = |kind: PeerKind, id, access_hash| PeerData { kind: kind as u32, id, access_hash };
        let data = match known {
            Known::User { id, access_hash, is_bot: Some(true) } => peer(PeerKind::Bot, id, access_hash),
            Known::User { id, access_hash, .. } => peer(PeerKind::User, id, access_hash),
            Known::Chat(id) => peer(PeerKind::Chat, id, 0),
            Known::Channel { id, access_hash } => peer(PeerKind::Channel, id, access_hash),
            Known::Me => peer(PeerKind::Me, 0, 0),
        };
        // SAFETY: as C promises.
        unsafe { give(out, data) }
    };
    status(read())
}

/// Writes the constructor name of an `Updates` answer, such as `updates` or `updateShortSentMessage`.
///
/// # Safety
/// `body` holds `len` bytes, `out` has room for `space` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_updates_name(body: *const u8, len: usize, out: *mut c_char, space: usize) -> Status {
    let read = || {
        // SAFETY: as C promises.
        let updates = Updates::from_bytes(unsafe { bytes(body, len) }?).map_err(|_| Status::BadBytes)?;
        // SAFETY: as C promises.
        unsafe { give_text(updates.kind.name(), out, space) }
    };
    status(read())
}

/// Writes the text that `bot` sent, if the update holds one; otherwise returns `NANOGRAM_STATUS_NONE`.
///
/// # Safety
/// `body` holds `len` bytes, `out` has room for `space` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_answer(
    body: *const u8,
    len: usize,
    bot: i64,
    out: *mut c_char,
    space: usize,
) -> Status {
    let read = || {
        // SAFETY: as C promises.
        let updates = Updates::from_bytes(unsafe { bytes(body, len) }?).map_err(|_| Status::None)?;
        let text: String = start::answer_of(bot, &updates).ok_or(Status::None)?;
        // SAFETY: as C promises.
        unsafe { give_text(&text, out, space) }
    };
    status(read())
}

/// Writes advice on an error of the server as a sentence; returns `NANOGRAM_STATUS_NONE` if there is none.
///
/// # Safety
/// `message` is text, `out` has room for `space` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_hint(code: i32, message: *const c_char, out: *mut c_char, space: usize) -> Status {
    let say = || {
        // SAFETY: as C promises.
        let error = RpcError::new(code, unsafe { text(message) }?);
        // SAFETY: as C promises.
        unsafe { give_text(hints::hint(&error).ok_or(Status::None)?, out, space) }
    };
    status(say())
}

impl PeerData {
    pub(super) fn known(&self) -> Result<Known, Status> {
        let Self { kind, id, access_hash } = *self;
        Ok(match kind {
            k if k == PeerKind::User as u32 => Known::User { id, access_hash, is_bot: Some(false) },
            k if k == PeerKind::Bot as u32 => Known::User { id, access_hash, is_bot: Some(true) },
            k if k == PeerKind::Chat as u32 => Known::Chat(id),
            k if k == PeerKind::Channel as u32 => Known::Channel { id, access_hash },
            k if k == PeerKind::Me as u32 => Known::Me,
            _ => return Err(Status::BadArgument),
        })
    }
}

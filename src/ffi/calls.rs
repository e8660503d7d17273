//! Calls of a connection.

use super::pointers::{bytes, give, seen, status, text};
use super::types::*;
use super::{Handle, State, held};
use crate::telegram::api::contacts::ResolveUsername;
use crate::telegram::link::Username;
use crate::telegram::start::{self, StartCall, StartError};
use crate::tl::Call;
use alloc::string::ToString;
use core::ffi::c_char;

/// Makes a call of the API: `body` is a function in TL, id and all, at most `NANOGRAM_MAX_CALL` bytes and a multiple of 4;
/// anything else is refused here, and the connection goes on. Its answer comes as an event with the same number.
///
/// # Safety
/// `handle` is open, `body` holds `len` bytes, `call` has room for one number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_call(handle: *mut Handle, body: *const u8, len: usize, call: *mut u64) -> Status {
    let make = || {
        // SAFETY: as C promises.
        let (mut handle, body) = unsafe { (held(handle)?, bytes(body, len)?) };
        if body.len() < 4 || !body.len().is_multiple_of(4) || body.len() > NANOGRAM_MAX_CALL || call.is_null() {
            return Err(Status::BadArgument);
        }
        let id = handle.connection.call_raw(body.to_vec());
        // SAFETY: as C promises.
        unsafe { give(call, id.0) }
    };
    status(make())
}

impl State {
    /// Makes a call of a known type.
    ///
    /// # Safety
    /// `number` is null or has room for one.
    unsafe fn make<C: Call>(&mut self, call: &C, number: *mut u64) -> Result<(), Status> {
        if number.is_null() {
            return Err(Status::BadArgument);
        }
        let id = self.connection.call(call).id();
        // SAFETY: as the caller promises.
        unsafe { give(number, id.0) }
    }
}

/// Asks whose username this is; `nanogram_resolved` reads the answer.
///
/// # Safety
/// `handle` is open, `username` is text, `call` has room for one number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_resolve(handle: *mut Handle, username: *const c_char, call: *mut u64) -> Status {
    let make = || {
        // SAFETY: as C promises.
        let (mut handle, username) = unsafe { (held(handle)?, text(username)?) };
        let username = Username::parse(username).map_err(|_| Status::BadUsername)?;
        let ask = ResolveUsername { username: username.as_str().to_string(), referer: None };
        // SAFETY: as C promises.
        unsafe { handle.make(&ask, call) }
    };
    status(make())
}

/// Starts `bot` in `peer`, which for the private chat is the bot again, and hands it `start_param`. With the same
/// `random_id` a start is executed once, however often it is sent.
///
/// # Safety
/// `handle` is open, `bot` and `peer` point to one each, `start_param` is text, `call` has room for one number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_start_bot(
    handle: *mut Handle,
    bot: *const PeerData,
    peer: *const PeerData,
    random_id: i64,
    start_param: *const c_char,
    call: *mut u64,
) -> Status {
    let make = || {
        // SAFETY: as C promises.
        let (mut handle, bot, peer, param) = unsafe { (held(handle)?, seen(bot)?, seen(peer)?, text(start_param)?) };
        let start = start::start_call(&bot.known()?, &peer.known()?, random_id, param).map_err(|e| match e {
            StartError::BotInvalid => Status::NotABot,
            _ => Status::BadStartParam,
        })?;
        // SAFETY: as C promises.
        match start {
            StartCall::StartBot(start) => unsafe { handle.make(&start, call) },
            StartCall::PlainStart(start) => unsafe { handle.make(&start, call) },
        }
    };
    status(make())
}

/// Draws a number for `nanogram_start_bot`, not 0.
///
/// # Safety
/// `handle` is open, `out` has room for one number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_random_id(handle: *mut Handle, out: *mut i64) -> Status {
    let draw = || {
        // SAFETY: as C promises.
        let mut handle = unsafe { held(handle) }?;
        let id = start::random_id(&mut handle.random).map_err(|_| Status::NoEntropy)?;
        // SAFETY: as C promises.
        unsafe { give(out, id) }
    };
    status(draw())
}

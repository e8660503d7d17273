//! The C ABI: a [`Connection`] for programs in C, and for all that can call C.
//!
//! ```text
//! nanogram_open ─▶ nanogram_call ─▶ nanogram_output ─▶ your socket ─▶ nanogram_input ─▶ nanogram_event
//! ```
//!
//! Bytes in, bytes out, time in, events out: no thread, no socket, no clock, and no callback but the one for
//! randomness.
//! After whatever changes a connection: take bytes with [`nanogram_output`] until there are none, then events with
//! [`nanogram_event`] until there are none, then ask [`nanogram_timeout`] when to call [`nanogram_handle_timeout`].
//!
//! The header is `include/nanogram.h`, made from these files; `examples/c` has the whole job. This is the one module
//! of the crate that holds `unsafe`, and all it does with it is to follow pointers that C hands over.
//!
//! **What C must promise**, for every function: a pointer is null or points to as much as is said, for as long as the
//! call lasts (that of `nanogram_config.context`: as long as the connection); text ends with a zero byte; a connection
//! comes from [`nanogram_open`], is not closed yet, and is used by one thread at a time. The entropy callback must not
//! call a function with the connection that called it: [`Status::Busy`]. A context that connections of several threads
//! share needs a lock in the callback.

#![allow(unsafe_code)]

mod calls;
mod pointers;
mod pure;
mod realm;
mod types;

pub use calls::*;
pub use pure::*;
pub use types::*;

use crate::base::entropy::{Entropy, EntropyFailed};
use crate::base::escape::one_line;
use crate::base::time::{Instant, UnixTime};
use crate::crypto::auth_key::AuthKey;
use crate::crypto::rsa::RsaKey;
use crate::protocol::connection::{Config, Connection, ConnectionError, Event, Init, SavedKey, TemporaryKeys};
use crate::protocol::handshake::HandshakeError;
use crate::protocol::session::{CallError, SessionError};
use crate::telegram::dcs::{self, Environment, dc_number};
use crate::telegram::store::Realm;
use crate::wire::transport::Framing;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use bytes::{Buf, Bytes, BytesMut};
use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, Ordering};
use core::{fmt, ptr};
use pointers::{bytes, give, seen, status, text};

/// A connection to one data centre.
pub struct Handle {
    /// A function works on it, which has asked for randomness: the callback came back with it.
    is_busy: AtomicBool,
    state: UnsafeCell<State>,
}

struct State {
    connection: Connection,
    random: Foreign,
    output: BytesMut,
    /// Body that the last event points to.
    body: Bytes,
    message: Vec<u8>,
    fault: i32,
    /// Realm of the public key.
    realm: Realm,
    /// Realm of the key, as far as it was given.
    given: RealmData,
    /// Messages go under the key itself.
    is_permanent: bool,
    /// The server knows the key: it made it, or sent a message under it.
    is_proven: bool,
}

impl fmt::Debug for Handle {
    /// Without the bytes: they may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("is_busy", &self.is_busy).finish_non_exhaustive()
    }
}

/// A connection in use, until this is dropped.
struct Held<'a> {
    is_busy: &'a AtomicBool,
    state: &'a mut State,
}
impl Deref for Held<'_> {
    type Target = State;
    fn deref(&self) -> &State {
        self.state
    }
}
impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut State {
        self.state
    }
}
impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.is_busy.store(false, Ordering::Release);
    }
}

/// The caller's randomness.
#[derive(Debug, Clone, Copy)]
struct Foreign {
    fill: unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> bool,
    context: *mut c_void,
}

// SAFETY: a connection is used by one thread at a time, and `context` with it: C promises it.
unsafe impl Send for Foreign {}

impl Entropy for Foreign {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        // SAFETY: `out` is valid for its length, and C promises that `context` is what the function expects.
        if unsafe { (self.fill)(self.context, out.as_mut_ptr(), out.len()) } { Ok(()) } else { Err(EntropyFailed) }
    }
}

/// The connection that C holds; [`Status::Busy`] if it is in use: the entropy callback must not come back with it.
///
/// # Safety
/// `handle` is null or an open connection.
unsafe fn held<'a>(handle: *mut Handle) -> Result<Held<'a>, Status> {
    // SAFETY: as the caller promises; what is shared is a flag and a cell.
    let Handle { is_busy, state } = unsafe { handle.as_ref() }.ok_or(Status::BadArgument)?;
    // Not `swap`: small processors have none, and one thread at a time is promised.
    if is_busy.load(Ordering::Acquire) {
        return Err(Status::Busy);
    }
    is_busy.store(true, Ordering::Release);
    // SAFETY: the flag was down, so nobody else has a reference to it.
    Ok(Held { is_busy, state: unsafe { &mut *state.get() } })
}

/// Makes a connection that is about to begin. `now` are microseconds of a clock that never steps back, `unix_time`
/// those since
/// 1970 as far as they are known.
///
/// # Safety
/// `config` and what it points to are as said there; `out` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_open(
    config: *const ConnectionConfig,
    now: u64,
    unix_time: i64,
    out: *mut *mut Handle,
) -> Status {
    let open = || {
        // SAFETY: as C promises.
        let config = unsafe { seen(config) }?;
        let random = Foreign { fill: config.entropy.ok_or(Status::BadArgument)?, context: config.context };
        // SAFETY: as C promises.
        let settings = unsafe { settings(config) }?;
        let (now, unix) = (Instant::from_micros(now), UnixTime::from_micros(unix_time));
        let (output, body, message) = (BytesMut::new(), Bytes::new(), Vec::new());
        let realm = Realm::of_keys(environment(config), &settings.keys);
        let given = if config.auth_key.is_null() { RealmData::UNKNOWN } else { config.realm };
        given.check(&realm)?;
        let is_permanent = settings.temporary.is_off();
        let connection = Connection::new(settings, now, unix, Box::new(random));
        let handle =
            State { connection, random, output, body, message, fault: 0, realm, given, is_permanent, is_proven: false };
        let handle = Box::new(Handle { is_busy: AtomicBool::new(false), state: UnsafeCell::new(handle) });
        if out.is_null() {
            return Err(Status::BadArgument);
        }
        // SAFETY: as C promises. The handle is C's until `nanogram_close`.
        unsafe { out.write(Box::into_raw(handle)) };
        Ok(())
    };
    status(open())
}

const fn environment(config: &ConnectionConfig) -> Environment {
    if config.is_test { Environment::Test } else { Environment::Production }
}

/// # Safety
/// What `config` points to is as said there.
unsafe fn settings(config: &ConnectionConfig) -> Result<Config, Status> {
    if config.dc_id == 0 || config.temporary < 0 {
        return Err(Status::BadArgument);
    }
    let environment = environment(config);
    let keys = match config.pem.is_null() {
        true => dcs::keys(environment).to_vec(),
        // SAFETY: as the caller promises.
        false => Vec::from([RsaKey::from_pem(unsafe { text(config.pem) }?).map_err(|_| Status::BadPem)?]),
    };
    let mut settings = Config::new(dc_number(environment, config.dc_id.into(), false), keys);
    settings.framing = match config.framing {
        0 => Framing::ABRIDGED,
        1 => Framing::INTERMEDIATE,
        2 => Framing::PADDED_INTERMEDIATE,
        3 => Framing::FULL,
        _ => return Err(Status::BadArgument),
    };
    if config.temporary != 0 {
        settings.temporary = TemporaryKeys::lasting(config.temporary);
    }
    if !config.auth_key.is_null() {
        // SAFETY: as the caller promises.
        let key = unsafe { bytes(config.auth_key, NANOGRAM_AUTH_KEY) }?;
        let key = AuthKey::from_bytes(key.try_into().map_err(|_| Status::BadArgument)?);
        let time_offset = config.has_time_offset.then_some(config.time_offset);
        settings.saved = Some(SavedKey { key, salt: config.salt, time_offset });
    }
    if config.api_id != 0 {
        let device_model = match config.device_model.is_null() {
            true => "nanogram",
            // SAFETY: as the caller promises.
            false => unsafe { text(config.device_model) }?,
        };
        settings.init = Some(Init::new(config.api_id, device_model));
    }
    Ok(settings)
}

/// Ends a connection, wipes its keys and frees it. Null is no connection, and nothing happens; nor does it from within
/// the
/// entropy callback.
///
/// # Safety
/// `handle` is null or an open connection; it must not be used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_close(handle: *mut Handle) {
    // SAFETY: as C promises.
    if unsafe { held(handle) }.is_ok() {
        // SAFETY: it comes from `nanogram_open`, and is dropped once: C promises it.
        drop(unsafe { Box::from_raw(handle) });
    }
}

impl State {
    /// Returns true if an event proves that the server knows the key. The binding of a temporary key does not: its
    /// answer comes under
    /// the temporary one, and a server that knows no other can say that it is bound.
    const fn proves(&self, event: &Event) -> bool {
        match event {
            Event::Authorized(_) => true,
            Event::Reply { result: Ok(_) | Err(CallError::Refused(_)), .. } | Event::Update(_) | Event::NewSession => {
                self.is_permanent
            }
            _ => false,
        }
    }

    /// The status of a connection that is over.
    fn over(&mut self, error: &ConnectionError) -> Status {
        match error {
            ConnectionError::Fault(fault) => {
                self.fault = fault.code();
                Status::Fault
            }
            ConnectionError::Handshake(HandshakeError::Peer(_)) => Status::NotProven,
            ConnectionError::Session(SessionError::Entropy) => Status::NoEntropy,
            ConnectionError::Handshake(HandshakeError::Entropy) => Status::NoEntropy,
            ConnectionError::Full => Status::Full,
            _ => Status::Closed,
        }
    }
}

/// Returns true if the socket should be read, false while earlier input waits for events to be taken. A program that
/// asks
/// before it reads never sees `NANOGRAM_STATUS_FULL`.
///
/// # Safety
/// `handle` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_wants_input(handle: *mut Handle) -> bool {
    // SAFETY: as C promises.
    unsafe { held(handle) }.is_ok_and(|handle| handle.connection.wants_input())
}

/// Takes bytes from the socket, cut anywhere. `NANOGRAM_STATUS_FULL`: they were not taken, and the connection goes on:
/// take events and call `nanogram_handle_timeout` first.
///
/// # Safety
/// `handle` is open, `data` holds `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_input(handle: *mut Handle, now: u64, data: *const u8, len: usize) -> Status {
    // SAFETY: as C promises.
    let take = || unsafe { Ok((held(handle)?, bytes(data, len)?)) };
    let (mut handle, data) = match take() {
        Ok(both) => both,
        Err(status) => return status,
    };
    match handle.connection.handle_input(Instant::from_micros(now), data) {
        Ok(()) => Status::Ok,
        Err(error) => handle.over(&error),
    }
}

/// Gives bytes for the socket: at most `space` of them to `out`, and how many to `len`; 0 if there are none.
///
/// # Safety
/// `handle` is open, `out` has room for `space` bytes, `len` for one number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_output(
    handle: *mut Handle,
    now: u64,
    out: *mut u8,
    space: usize,
    len: *mut usize,
) -> Status {
    let fill = || {
        // SAFETY: as C promises.
        let mut handle = unsafe { held(handle) }?;
        if out.is_null() || space == 0 {
            return Err(Status::BadArgument);
        }
        while handle.output.len() < space {
            let State { connection, output, .. } = &mut *handle;
            match connection.poll_transmit(Instant::from_micros(now), output) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(handle.over(&error)),
            }
        }
        let fits = handle.output.len().min(space);
        // SAFETY: both are at least `fits` long, and ours is no place that C can write to.
        unsafe {
            give(len, fits)?;
            ptr::copy_nonoverlapping(handle.output.as_ptr(), out, fits);
        }
        handle.output.advance(fits);
        Ok(())
    };
    status(fill())
}

/// Gives the next thing that has happened; its kind is 0 if nothing has.
///
/// # Safety
/// `handle` is open, `out` has room for one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_event(handle: *mut Handle, out: *mut EventData) -> Status {
    let next = || {
        // SAFETY: as C promises.
        let mut handle = unsafe { held(handle) }?;
        if out.is_null() {
            return Err(Status::BadArgument); // the event stays
        }
        (handle.body, handle.message) = (Bytes::new(), Vec::new());
        let (mut call_id, mut code, mut in_doubt) = (0, 0, false);
        let event = handle.connection.poll_event();
        handle.is_proven |= event.as_ref().is_some_and(|event| handle.proves(event));
        let kind = match event {
            None => EventKind::Nothing,
            Some(Event::Authorized(_)) => EventKind::Authorized,
            Some(Event::Bound(_)) => EventKind::Bound,
            Some(Event::NotBound(error)) => {
                (code, handle.message) = words(error);
                EventKind::NotBound
            }
            Some(Event::Reply { call, result }) => {
                (call_id, in_doubt) = (call.0, handle.connection.was_in_doubt(call));
                match result {
                    Ok(body) => {
                        handle.body = body;
                        EventKind::Reply
                    }
                    Err(error) => {
                        let kind = match error {
                            CallError::Refused(_) => EventKind::Refused,
                            _ => EventKind::Failed,
                        };
                        (code, handle.message) = words(error);
                        kind
                    }
                }
            }
            Some(Event::Update(body)) => {
                handle.body = body;
                EventKind::Update
            }
            Some(Event::NewSession) => EventKind::NewSession,
            Some(Event::Exchange { .. }) => EventKind::Exchange,
            Some(Event::Temporary(_)) => EventKind::Temporary,
            Some(_) => EventKind::Other,
        };
        let body = if handle.body.is_empty() { ptr::null() } else { handle.body.as_ptr() };
        let message = if handle.message.is_empty() { ptr::null() } else { handle.message.as_ptr().cast() };
        let event =
            EventData { kind: kind as u32, call: call_id, code, body, len: handle.body.len(), message, in_doubt };
        // SAFETY: as C promises.
        unsafe { give(out, event) }
    };
    status(next())
}

/// The number and the text of an error, its end marked.
fn words(error: CallError) -> (i32, Vec<u8>) {
    let (code, text) = match error {
        CallError::Refused(error) => (error.code, one_line(&error.message).to_string()),
        other => (0, other.to_string()),
    };
    // A server may send anything; C reads to the first zero.
    let mut text: Vec<u8> = text.into_bytes().into_iter().filter(|byte| *byte != 0).collect();
    text.push(0);
    (code, text)
}

/// When `nanogram_handle_timeout` must be called; `NANOGRAM_STATUS_NONE` if never.
///
/// # Safety
/// `handle` is open, `at` has room for one number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_timeout(handle: *mut Handle, at: *mut u64) -> Status {
    let ask = || {
        // SAFETY: as C promises.
        let due = unsafe { held(handle) }?.connection.poll_timeout().ok_or(Status::None)?;
        // SAFETY: as C promises.
        unsafe { give(at, due.as_micros()) }
    };
    status(ask())
}

/// Does what is due.
///
/// # Safety
/// `handle` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_handle_timeout(handle: *mut Handle, now: u64) -> Status {
    // SAFETY: as C promises.
    let mut handle = match unsafe { held(handle) } {
        Ok(handle) => handle,
        Err(status) => return status,
    };
    match handle.connection.handle_timeout(Instant::from_micros(now)) {
        Ok(()) => Status::Ok,
        Err(error) => handle.over(&error),
    }
}

/// Begins again on a new socket. Calls that are unanswered go on: none is lost, none is executed twice.
///
/// # Safety
/// `handle` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_reconnect(handle: *mut Handle, now: u64) -> Status {
    let again = || {
        // SAFETY: as C promises.
        let mut handle = unsafe { held(handle) }?;
        handle.output.clear();
        handle.connection.reconnect(Instant::from_micros(now));
        Ok(())
    };
    status(again())
}

/// Forgets the temporary key: after `nanogram_reconnect` another is made and bound. The way on from
/// `NANOGRAM_EVENT_KIND_NOT_BOUND`, and from the transport error -404 under a temporary key.
///
/// # Safety
/// `handle` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_drop_temporary(handle: *mut Handle) -> Status {
    // SAFETY: as C promises.
    status(unsafe { held(handle) }.map(|mut handle| handle.connection.drop_temporary()))
}

/// The number of the last transport error, such as -404 or -429; 0 if there was none. It is not authenticated: anybody
/// on
/// the way can send it, so it is no reason to forget a key.
///
/// # Safety
/// `handle` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_fault(handle: *mut Handle) -> i32 {
    // SAFETY: as C promises.
    unsafe { held(handle) }.map_or(0, |handle| handle.fault)
}

/// Gives what is worth keeping for the next connection; `NANOGRAM_STATUS_NONE` as long as there is no key.
///
/// # Safety
/// `handle` is open, `out` has room for one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanogram_saved(handle: *mut Handle, now: u64, unix_time: i64, out: *mut SavedData) -> Status {
    let save = || {
        // SAFETY: as C promises.
        let handle = unsafe { held(handle) }?;
        let saved =
            handle.connection.saved(Instant::from_micros(now), UnixTime::from_micros(unix_time)).ok_or(Status::None)?;
        let data = SavedData {
            auth_key: *saved.key.as_bytes(),
            salt: saved.salt,
            time_offset: saved.time_offset.unwrap_or(0),
            has_time_offset: saved.time_offset.is_some(),
            realm: if handle.is_proven { RealmData::of_realm(&handle.realm) } else { handle.given },
        };
        // SAFETY: as C promises.
        unsafe { give(out, data) }
    };
    status(save())
}

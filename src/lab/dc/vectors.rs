//! Reading calls: the most elements of the vectors in each, and the error for more.

use super::types::{MAX_ENTITIES, MAX_MEMBERS, bad};
use crate::protocol::session::RpcError;
use crate::telegram::api::auth::{DropTempAuthKeys, ExportLoginToken, SendCode};
use crate::telegram::api::chats::InviteToChannel;
use crate::telegram::api::connect::{InitConnection, InvokeAfterMsgs};
use crate::telegram::api::messages::{GetPeerDialogs, Search, SendMessage};
use crate::telegram::api::updates::GetChannelDifference;
use crate::telegram::api::users::GetUsers;
use crate::tl::{Combinator, DecodeError, Fault, Raw, Reader};
use alloc::format;

/// The most elements of the vectors in one call, all together, where [`VECTORS`] has no row; and of a call that is
/// translated from another layer.
pub const MAX_ELEMENTS: usize = 1024;

/// The most values and fields of a call that is translated from another layer.
pub(super) const MAX_CALL_NODES: usize = 1 << 15;

/// Every call with vectors: the most elements of all of them together, and the error for more, which is told before the
/// first element is read.
///
/// `messages.sendMessage` may have so many in what it answers, and as many again in its text.
pub const VECTORS: &[(u32, usize, &str)] = &[
    (SendCode::ID, 20, "LIMIT_INVALID"),
    (ExportLoginToken::ID, 100, "LIMIT_INVALID"),
    (DropTempAuthKeys::ID, 100, "LIMIT_INVALID"),
    (InviteToChannel::ID, MAX_MEMBERS, "USERS_TOO_MUCH"),
    (GetPeerDialogs::ID, 100, "LIMIT_INVALID"),
    (Search::ID, 100, "LIMIT_INVALID"),
    (SendMessage::ID, MAX_ENTITIES, "ENTITIES_TOO_LONG"),
    (GetChannelDifference::ID, 100, "RANGES_INVALID"),
    (GetUsers::ID, 200, "LIMIT_INVALID"),
    (InitConnection::ID, MAX_ELEMENTS, "INPUT_FETCH_ERROR"),
    (InvokeAfterMsgs::ID, MAX_ELEMENTS, "MSG_WAIT_FAILED"),
];

/// Lets a call of `method` have as many elements of vectors from here on as [`VECTORS`] allows.
pub(super) fn limit(r: &mut Reader<'_>, method: u32) {
    r.limit_elements(VECTORS.iter().find(|(of, ..)| *of == method).map_or(MAX_ELEMENTS, |(_, most, _)| *most));
}

/// Reads the rest of a call of `method` behind its id.
pub(super) fn read<C: Combinator>(r: &mut Reader<'_>) -> Result<C, RpcError> {
    limit(r, C::ID);
    C::read(r).map_err(|e| unreadable_call(C::ID, e))
}

/// Reads a whole call with its id.
pub(super) fn read_call<C: Combinator>(call: &Raw) -> Result<C, RpcError> {
    let mut r = Reader::new(&call.0);
    r.expect(C::ID).map_err(unreadable)?;
    let call = read(&mut r)?;
    r.end().map_err(unreadable)?;
    Ok(call)
}

/// Bytes that are no call.
pub(super) fn unreadable(e: DecodeError) -> RpcError {
    match e.fault {
        Fault::Id(id) => bad(&format!("INPUT_CONSTRUCTOR_INVALID_{id:X}")),
        _ => bad("INPUT_FETCH_ERROR"),
    }
}

/// Bytes that are no call of `method`.
pub(super) fn unreadable_call(method: u32, e: DecodeError) -> RpcError {
    let row = VECTORS.iter().find(|(of, ..)| *of == method && e.fault == Fault::Elements);
    row.map_or_else(|| unreadable(e), |(.., error)| bad(error))
}

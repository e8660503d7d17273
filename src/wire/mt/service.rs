//! Service messages about messages, sessions, salts and keys.
//!
//! Spec: mtproto/service_messages, mtproto/service_messages_about_messages

use crate::tl::{BareVec, Blob};
use crate::{tl, tl_type};
use alloc::string::String;
use alloc::vec::Vec;

tl! {
    /// Acknowledgement of received messages.
    "msgs_ack#62d6b459 msg_ids:Vector<long> = MsgsAck;"
    struct MsgsAck { msg_ids: Vec<i64> }

    /// Rejection of a message because of its `msg_id` or `seqno`. [`BAD_MSG`] lists the codes.
    "bad_msg_notification#a7eff811 bad_msg_id:long bad_msg_seqno:int error_code:int = BadMsgNotification;"
    struct BadMsgNotification { bad_msg_id: i64, bad_msg_seqno: i32, error_code: i32 }

    /// Rejection of a message because of its salt, with the salt to use instead.
    "bad_server_salt#edab447b bad_msg_id:long bad_msg_seqno:int error_code:int new_server_salt:long = BadMsgNotification;"
    struct BadServerSalt { bad_msg_id: i64, bad_msg_seqno: i32, error_code: i32, new_server_salt: i64 }

    /// Request for the state of messages.
    "msgs_state_req#da69fb52 msg_ids:Vector<long> = MsgsStateReq;"
    struct MsgsStateReq { msg_ids: Vec<i64> }

    /// Answer to `msgs_state_req`: one byte per message, see [`state`].
    "msgs_state_info#04deb57d req_msg_id:long info:bytes = MsgsStateInfo;"
    struct MsgsStateInfo { req_msg_id: i64, info: Blob }

    /// Unsolicited information about the state of messages, in the form of `msgs_state_info`.
    "msgs_all_info#8cc0d131 msg_ids:Vector<long> info:bytes = MsgsAllInfo;"
    struct MsgsAllInfo { msg_ids: Vec<i64>, info: Blob }

    /// Notice that a message was received and that its answer is too long to be sent again without a request.
    "msg_detailed_info#276d3ec6 msg_id:long answer_msg_id:long bytes:int status:int = MsgDetailedInfo;"
    struct MsgDetailedInfo { msg_id: i64, answer_msg_id: i64, bytes: i32, status: i32 }

    /// Notice of a message that is not an answer and is too long to be sent again without a request.
    "msg_new_detailed_info#809db6df answer_msg_id:long bytes:int status:int = MsgDetailedInfo;"
    struct MsgNewDetailedInfo { answer_msg_id: i64, bytes: i32, status: i32 }

    /// Request to resend messages.
    "msg_resend_req#7d861a08 msg_ids:Vector<long> = MsgResendReq;"
    struct MsgResendReq { msg_ids: Vec<i64> }

    /// Error result of a call.
    "rpc_error#2144ca19 error_code:int error_message:string = RpcError;"
    struct RpcErrorBare { error_code: i32, error_message: String }

    /// Request to discard the answer to a call.
    "rpc_drop_answer#58e4a740 req_msg_id:long = RpcDropAnswer;"
    struct RpcDropAnswer { req_msg_id: i64 } -> RpcDropResult

    /// Answer to `rpc_drop_answer`: the call is unknown or was answered long ago.
    "rpc_answer_unknown#5e2ad36e = RpcDropAnswer;"
    struct RpcAnswerUnknown {}

    /// Answer to `rpc_drop_answer`: the call was still running and its answer will be discarded.
    "rpc_answer_dropped_running#cd78e586 = RpcDropAnswer;"
    struct RpcAnswerDroppedRunning {}

    /// Answer to `rpc_drop_answer`: the answer was ready and has been discarded.
    "rpc_answer_dropped#a43ad8b7 msg_id:long seq_no:int bytes:int = RpcDropAnswer;"
    struct RpcAnswerDropped { msg_id: i64, seq_no: i32, bytes: i32 }

    /// Request for `num` (1..64) salts of the following hours.
    "get_future_salts#b921bd04 num:int = FutureSalts;"
    struct GetFutureSalts { num: i32 } -> FutureSaltsBoxed

    /// Server salt valid from `valid_since` to `valid_until` (seconds since 1970, server's clock).
    "future_salt#0949d9dc valid_since:int valid_until:int salt:long = FutureSalt;"
    struct FutureSalt { valid_since: i32, valid_until: i32, salt: i64 }

    /// Future salts, sent as a separate message instead of inside `rpc_result`.
    "future_salts#ae500895 req_msg_id:long now:int salts:vector<future_salt> = FutureSalts;"
    struct FutureSalts { req_msg_id: i64, now: i32, salts: BareVec<FutureSalt> }

    /// Ping: request for a `pong`.
    "ping#7abe77ec ping_id:long = Pong;"
    struct Ping { ping_id: i64 } -> PongBoxed

    /// Ping that also makes the server close the connection unless another one arrives within `disconnect_delay`
    /// seconds.
    "ping_delay_disconnect#f3427b8c ping_id:long disconnect_delay:int = Pong;"
    struct PingDelayDisconnect { ping_id: i64, disconnect_delay: i32 } -> PongBoxed

    /// Answer to a ping with its `msg_id`, sent as a separate message instead of inside `rpc_result`.
    "pong#347773c5 msg_id:long ping_id:long = Pong;"
    struct Pong { msg_id: i64, ping_id: i64 }

    /// Request to destroy another session of the same auth key.
    "destroy_session#e7512126 session_id:long = DestroySessionRes;"
    struct DestroySession { session_id: i64 } -> DestroySessionRes

    /// Confirmation that the session was destroyed.
    "destroy_session_ok#e22045fc session_id:long = DestroySessionRes;"
    struct DestroySessionOk { session_id: i64 }

    /// Answer to `destroy_session`: no such session exists.
    "destroy_session_none#62d350c9 session_id:long = DestroySessionRes;"
    struct DestroySessionNone { session_id: i64 }

    /// Notice of a new session on the server. Messages sent before `first_msg_id` have been lost.
    "new_session_created#9ec20908 first_msg_id:long unique_id:long server_salt:long = NewSession;"
    struct NewSessionCreated { first_msg_id: i64, unique_id: i64, server_salt: i64 }

    /// Long-polling request of the HTTP transport.
    "http_wait#9299359f max_delay:int wait_after:int max_wait:int = HttpWait;"
    struct HttpWait { max_delay: i32, wait_after: i32, max_wait: i32 }

    /// Request to destroy the current auth key.
    "destroy_auth_key#d1435160 = DestroyAuthKeyRes;"
    struct DestroyAuthKey {} -> DestroyAuthKeyRes

    /// Confirmation that the auth key was destroyed.
    "destroy_auth_key_ok#f660e1d4 = DestroyAuthKeyRes;"
    struct DestroyAuthKeyOk {}

    /// Answer to `destroy_auth_key`: no such key exists.
    "destroy_auth_key_none#0a9f2259 = DestroyAuthKeyRes;"
    struct DestroyAuthKeyNone {}

    /// Failure to destroy the auth key.
    "destroy_auth_key_fail#ea109b13 = DestroyAuthKeyRes;"
    struct DestroyAuthKeyFail {}

    /// Binding of a temporary key to a permanent one, encrypted with the permanent key.
    "bind_auth_key_inner#75a3f765 nonce:long temp_auth_key_id:long perm_auth_key_id:long temp_session_id:long expires_at:int = BindAuthKeyInner;"
    struct BindAuthKeyInner { nonce: i64, temp_auth_key_id: i64, perm_auth_key_id: i64, temp_session_id: i64, expires_at: i32 }
}

tl_type! {
    /// Result of `rpc_drop_answer`.
    "RpcDropAnswer" enum RpcDropResult { Unknown(RpcAnswerUnknown), Running(RpcAnswerDroppedRunning), Dropped(RpcAnswerDropped) }
    /// Answer to `get_future_salts`.
    "FutureSalts" enum FutureSaltsBoxed { Only(FutureSalts) }
    /// Answer to a ping.
    "Pong" enum PongBoxed { Only(Pong) }
    /// Result of `destroy_session`.
    "DestroySessionRes" enum DestroySessionRes { Done(DestroySessionOk), Unknown(DestroySessionNone) }
    /// Result of `destroy_auth_key`.
    "DestroyAuthKeyRes" enum DestroyAuthKeyRes { Done(DestroyAuthKeyOk), Unknown(DestroyAuthKeyNone), Fail(DestroyAuthKeyFail) }
    /// Rejection of a message.
    "BadMsgNotification" enum BadMsg { Refused(BadMsgNotification), Salt(BadServerSalt) }
}

/// Required reaction to a rejected message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cure {
    /// Set the clock from the notification's `msg_id` and resend with a new id.
    FixClock,
    /// Set the clock and resend in a new session, because ids must not decrease within a session.
    FixClockInNewSession,
    /// Resend with a new id.
    SendAgain,
    /// Start a new session, because the sequence numbers of client and server differ.
    NewSession,
    /// Resend with the salt from the notification.
    NewSalt,
    /// Resend each message separately.
    SendSingly,
}

/// Codes of `bad_msg_notification`, with their meaning and the required reaction.
///
/// Spec: mtproto/service_messages_about_messages#notice-of-ignored-error-message
pub const BAD_MSG: &[(i32, &str, Cure)] = &[
    (16, "msg_id too low: the client's clock is behind", Cure::FixClock),
    // A corrected clock gives lower ids, which the server would refuse within the same session. TDLib does the same.
    (17, "msg_id too high: the client's clock is ahead", Cure::FixClockInNewSession),
    (18, "msg_id not divisible by 4", Cure::SendAgain),
    (19, "msg_id of a container was used before", Cure::SendAgain),
    // The call may have been executed. For calls such as `messages.startBot`, the `random_id` makes resending safe.
    (20, "message too old to know whether it came", Cure::SendAgain),
    // Guessing the right number, as some clients do, fails if the counters differ for any other reason.
    (32, "seqno too low", Cure::NewSession),
    (33, "seqno too high", Cure::NewSession),
    (34, "an even seqno was expected", Cure::NewSession),
    (35, "an odd seqno was expected", Cure::NewSession),
    (48, "wrong server salt", Cure::NewSalt),
    (64, "invalid container", Cure::SendSingly),
];

/// Codes and reactions from [`BAD_MSG`] without the texts, so that a program that prints none of them does not contain
/// them.
#[expect(clippy::indexing_slicing, reason = "in the compiler")]
const CURES: [(i32, Cure); BAD_MSG.len()] = {
    let (mut cures, mut rest) = ([(0, Cure::SendAgain); BAD_MSG.len()], BAD_MSG);
    while let Some(((code, _, cure), before)) = rest.split_last() {
        cures[before.len()] = (*code, *cure);
        rest = before;
    }
    cures
};

/// Returns the reaction to `code`. For unknown codes it is to resend.
pub fn cure(code: i32) -> Cure {
    CURES.iter().find(|row| row.0 == code).map_or(Cure::SendAgain, |row| row.1)
}

/// Returns the meaning of `code` and the reaction to it. For unknown codes the reaction is to resend.
pub fn bad_msg(code: i32) -> (&'static str, Cure) {
    BAD_MSG.iter().find(|row| row.0 == code).map_or(("unknown code", Cure::SendAgain), |row| (row.1, row.2))
}

/// Message states in `msgs_state_info`, in the low three bits of each byte.
///
/// Spec: mtproto/service_messages_about_messages#informational-message-regarding-status-of-messages
pub mod state {
    /// Unknown: too old or never sent.
    pub const UNKNOWN: u8 = 1;
    /// Not received, although the id is in the range of received ids.
    pub const NOT_RECEIVED: u8 = 2;
    /// Not received, with an id above all received ids.
    pub const TOO_HIGH: u8 = 3;
    /// Received.
    pub const RECEIVED: u8 = 4;
    /// Flag in addition to a state: the answer is already on its way.
    pub const ANSWERED: u8 = 64;
    /// Mask of the state bits.
    pub const MASK: u8 = 7;
}

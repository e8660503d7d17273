//! Service messages: what the two ends tell each other about messages, sessions, salts and keys.
//!
//! Spec: mtproto/service_messages, mtproto/service_messages_about_messages

use crate::tl::{BareVec, Blob};
use crate::{tl, tl_type};
use alloc::string::String;
use alloc::vec::Vec;

tl! {
    /// These messages have come.
    "msgs_ack#62d6b459 msg_ids:Vector<long> = MsgsAck;"
    struct MsgsAck { msg_ids: Vec<i64> }

    /// A message was refused for its `msg_id` or `seqno`; [`BAD_MSG`] says what each code means.
    "bad_msg_notification#a7eff811 bad_msg_id:long bad_msg_seqno:int error_code:int = BadMsgNotification;"
    struct BadMsgNotification { bad_msg_id: i64, bad_msg_seqno: i32, error_code: i32 }

    /// A message was refused for its salt; here is the one to use.
    "bad_server_salt#edab447b bad_msg_id:long bad_msg_seqno:int error_code:int new_server_salt:long = BadMsgNotification;"
    struct BadServerSalt { bad_msg_id: i64, bad_msg_seqno: i32, error_code: i32, new_server_salt: i64 }

    /// What has become of these messages?
    "msgs_state_req#da69fb52 msg_ids:Vector<long> = MsgsStateReq;"
    struct MsgsStateReq { msg_ids: Vec<i64> }

    /// One byte for each message asked about, see [`state`].
    "msgs_state_info#04deb57d req_msg_id:long info:bytes = MsgsStateInfo;"
    struct MsgsStateInfo { req_msg_id: i64, info: Blob }

    /// The same, not asked for.
    "msgs_all_info#8cc0d131 msg_ids:Vector<long> info:bytes = MsgsAllInfo;"
    struct MsgsAllInfo { msg_ids: Vec<i64>, info: Blob }

    /// Your message came, and this is its answer, which is too long to send again unasked.
    "msg_detailed_info#276d3ec6 msg_id:long answer_msg_id:long bytes:int status:int = MsgDetailedInfo;"
    struct MsgDetailedInfo { msg_id: i64, answer_msg_id: i64, bytes: i32, status: i32 }

    /// The same for a message that answers nothing.
    "msg_new_detailed_info#809db6df answer_msg_id:long bytes:int status:int = MsgDetailedInfo;"
    struct MsgNewDetailedInfo { answer_msg_id: i64, bytes: i32, status: i32 }

    /// Send these again.
    "msg_resend_req#7d861a08 msg_ids:Vector<long> = MsgResendReq;"
    struct MsgResendReq { msg_ids: Vec<i64> }

    /// A call failed.
    "rpc_error#2144ca19 error_code:int error_message:string = RpcError;"
    struct RpcErrorBare { error_code: i32, error_message: String }

    /// Forget the answer to a call.
    "rpc_drop_answer#58e4a740 req_msg_id:long = RpcDropAnswer;"
    struct RpcDropAnswer { req_msg_id: i64 } -> RpcDropResult

    /// The server knows no such call, or has answered it long ago.
    "rpc_answer_unknown#5e2ad36e = RpcDropAnswer;"
    struct RpcAnswerUnknown {}

    /// The call was still running.
    "rpc_answer_dropped_running#cd78e586 = RpcDropAnswer;"
    struct RpcAnswerDroppedRunning {}

    /// The answer was ready and is forgotten.
    "rpc_answer_dropped#a43ad8b7 msg_id:long seq_no:int bytes:int = RpcDropAnswer;"
    struct RpcAnswerDropped { msg_id: i64, seq_no: i32, bytes: i32 }

    /// Asks for `num` (1..64) salts of the hours to come.
    "get_future_salts#b921bd04 num:int = FutureSalts;"
    struct GetFutureSalts { num: i32 } -> FutureSaltsBoxed

    /// One salt, good from `valid_since` to `valid_until` (seconds, server's clock).
    "future_salt#0949d9dc valid_since:int valid_until:int salt:long = FutureSalt;"
    struct FutureSalt { valid_since: i32, valid_until: i32, salt: i64 }

    /// The salts. It comes as a message of its own, not inside `rpc_result`.
    "future_salts#ae500895 req_msg_id:long now:int salts:vector<future_salt> = FutureSalts;"
    struct FutureSalts { req_msg_id: i64, now: i32, salts: BareVec<FutureSalt> }

    /// Are you there?
    "ping#7abe77ec ping_id:long = Pong;"
    struct Ping { ping_id: i64 } -> PongBoxed

    /// Are you there? And close the connection if I do not ask again within `disconnect_delay` seconds.
    "ping_delay_disconnect#f3427b8c ping_id:long disconnect_delay:int = Pong;"
    struct PingDelayDisconnect { ping_id: i64, disconnect_delay: i32 } -> PongBoxed

    /// Yes; `msg_id` is the ping's. It comes as a message of its own, not inside `rpc_result`.
    "pong#347773c5 msg_id:long ping_id:long = Pong;"
    struct Pong { msg_id: i64, ping_id: i64 }

    /// Forget another session of the same key.
    "destroy_session#e7512126 session_id:long = DestroySessionRes;"
    struct DestroySession { session_id: i64 } -> DestroySessionRes

    /// It is forgotten.
    "destroy_session_ok#e22045fc session_id:long = DestroySessionRes;"
    struct DestroySessionOk { session_id: i64 }

    /// There was none.
    "destroy_session_none#62d350c9 session_id:long = DestroySessionRes;"
    struct DestroySessionNone { session_id: i64 }

    /// The server began a session: what was sent before `first_msg_id` it does not have.
    "new_session_created#9ec20908 first_msg_id:long unique_id:long server_salt:long = NewSession;"
    struct NewSessionCreated { first_msg_id: i64, unique_id: i64, server_salt: i64 }

    /// Over HTTP: wait for messages.
    "http_wait#9299359f max_delay:int wait_after:int max_wait:int = HttpWait;"
    struct HttpWait { max_delay: i32, wait_after: i32, max_wait: i32 }

    /// Forget this auth key.
    "destroy_auth_key#d1435160 = DestroyAuthKeyRes;"
    struct DestroyAuthKey {} -> DestroyAuthKeyRes

    /// It is forgotten.
    "destroy_auth_key_ok#f660e1d4 = DestroyAuthKeyRes;"
    struct DestroyAuthKeyOk {}

    /// There was none.
    "destroy_auth_key_none#0a9f2259 = DestroyAuthKeyRes;"
    struct DestroyAuthKeyNone {}

    /// It could not be.
    "destroy_auth_key_fail#ea109b13 = DestroyAuthKeyRes;"
    struct DestroyAuthKeyFail {}

    /// What binds a temporary key to a permanent one, encrypted with the permanent one.
    "bind_auth_key_inner#75a3f765 nonce:long temp_auth_key_id:long perm_auth_key_id:long temp_session_id:long expires_at:int = BindAuthKeyInner;"
    struct BindAuthKeyInner { nonce: i64, temp_auth_key_id: i64, perm_auth_key_id: i64, temp_session_id: i64, expires_at: i32 }
}

tl_type! {
    /// What came of `rpc_drop_answer`.
    "RpcDropAnswer" enum RpcDropResult { Unknown(RpcAnswerUnknown), Running(RpcAnswerDroppedRunning), Dropped(RpcAnswerDropped) }
    /// The answer to `get_future_salts`.
    "FutureSalts" enum FutureSaltsBoxed { Only(FutureSalts) }
    /// The answer to a ping.
    "Pong" enum PongBoxed { Only(Pong) }
    /// What came of `destroy_session`.
    "DestroySessionRes" enum DestroySessionRes { Done(DestroySessionOk), Unknown(DestroySessionNone) }
    /// What came of `destroy_auth_key`.
    "DestroyAuthKeyRes" enum DestroyAuthKeyRes { Done(DestroyAuthKeyOk), Unknown(DestroyAuthKeyNone), Fail(DestroyAuthKeyFail) }
    /// A message was refused.
    "BadMsgNotification" enum BadMsg { Refused(BadMsgNotification), Salt(BadServerSalt) }
}

/// What a refused message asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cure {
    /// Take the server's time from the notification's own `msg_id`, send again with a new id.
    FixClock,
    /// The same in a new session: ids must never go back within one.
    FixClockInNewSession,
    /// Send again with a new id.
    SendAgain,
    /// The two sides count differently: begin a new session.
    NewSession,
    /// Use the salt that came with it, send again.
    NewSalt,
    /// Send again, each message alone.
    SendSingly,
}

/// Codes of `bad_msg_notification`.
/// Spec: mtproto/service_messages_about_messages#notice-of-ignored-error-message
pub const BAD_MSG: &[(i32, &str, Cure)] = &[
    (16, "msg_id too low: the client's clock is behind", Cure::FixClock),
    (17, "msg_id too high: the client's clock is ahead", Cure::FixClockInNewSession),
    (18, "msg_id not divisible by 4", Cure::SendAgain),
    (19, "msg_id of a container was used before", Cure::SendAgain),
    (20, "message too old to know whether it came", Cure::SendAgain),
    (32, "seqno too low", Cure::NewSession),
    (33, "seqno too high", Cure::NewSession),
    (34, "an even seqno was expected", Cure::NewSession),
    (35, "an odd seqno was expected", Cure::NewSession),
    (48, "wrong server salt", Cure::NewSalt),
    (64, "invalid container", Cure::SendSingly),
];

/// The codes and cures of [`BAD_MSG`], without the words: a program that prints none need not carry them.
#[expect(clippy::indexing_slicing, reason = "in the compiler")]
const CURES: [(i32, Cure); BAD_MSG.len()] = {
    let (mut cures, mut rest) = ([(0, Cure::SendAgain); BAD_MSG.len()], BAD_MSG);
    while let Some(((code, _, cure), before)) = rest.split_last() {
        cures[before.len()] = (*code, *cure);
        rest = before;
    }
    cures
};

/// What code `code` asks for; unknown ones are answered by sending again.
pub fn cure(code: i32) -> Cure {
    CURES.iter().find(|row| row.0 == code).map_or(Cure::SendAgain, |row| row.1)
}

/// What code `code` means and asks for; unknown ones are answered by sending again.
pub fn bad_msg(code: i32) -> (&'static str, Cure) {
    BAD_MSG.iter().find(|row| row.0 == code).map_or(("unknown code", Cure::SendAgain), |row| (row.1, row.2))
}

/// Bytes of `msgs_state_info`: the low three bits of each.
/// Spec: mtproto/service_messages_about_messages#informational-message-regarding-status-of-messages
pub mod state {
    /// Nothing is known: too old, or never sent.
    pub const UNKNOWN: u8 = 1;
    /// Not received, though its id is in the range of ids that were.
    pub const NOT_RECEIVED: u8 = 2;
    /// Not received: its id is higher than all that were.
    pub const TOO_HIGH: u8 = 3;
    /// Received.
    pub const RECEIVED: u8 = 4;
    /// The answer is already on its way (a flag on top).
    pub const ANSWERED: u8 = 64;
    /// The mask of the first four.
    pub const MASK: u8 = 7;
}

//! Results: `rpc_result`, and the calls that they answer.
//!
//! Spec: mtproto/service_messages#response-to-an-rpc-query

use super::bad_msg::MAX_REFUSALS;
use super::{CallError, CallId, Incoming, RpcError, Session, SessionError};
use crate::base::time::Instant;
use crate::tl::{Combinator, Reader};
use crate::wire::mt::message::GzipPacked;
use crate::wire::mt::service::RpcErrorBare;
use bytes::Bytes;

/// Longest `rpc_error` read, in bytes: its text is copied, and the longest known one has fewer than 100.
const MAX_REFUSAL: usize = 4 << 10;
/// Number of answered calls that [`Session::was_in_doubt`] remembers.
const MAX_DOUBTS: usize = 256;

impl Session {
    /// `rpc_result`. The first answer to a call counts; one to an unknown call is acknowledged and dropped.
    pub(super) fn on_result(&mut self, now: Instant, body: &Bytes) -> Result<(), SessionError> {
        let mut r = Reader::new(body);
        r.u32()?;
        let Some(call) = self.outbox.call_of(r.i64()?) else { return Ok(()) };
        let result = body.slice(r.position()..);
        let result = match r.peek() {
            Some(GzipPacked::ID) => self.end.inflatable.unzip(&result).map_err(|_| CallError::Damaged),
            _ => Ok(result),
        };
        let result = result.and_then(|value| match Reader::new(&value).peek() {
            Some(RpcErrorBare::ID) => Err(refusal(&value)),
            _ => Ok(value),
        });
        self.believe_clock(now);
        match result {
            Err(CallError::Refused(e)) if self.must_wait_again(call, &e) => self.outbox.hold(call),
            result => self.answer(call, result),
        }
        Ok(())
    }

    /// Returns true if a call was not executed because the call before it was lost and sent again under another id.
    ///
    /// Spec: api/invoking#dependent-calls
    fn must_wait_again(&mut self, call: CallId, e: &RpcError) -> bool {
        let calls = &self.outbox.calls;
        let Some(earlier) = calls.get(call).and_then(|call| call.after) else { return false };
        match &*e.message {
            "MSG_WAIT_TIMEOUT" | "MSG_WAIT_FAILED" if calls.contains(earlier) => true,
            "MSG_WAIT_TIMEOUT" => self.outbox.note_refusal(call) < MAX_REFUSALS,
            _ => false,
        }
    }

    pub(super) fn answer(&mut self, call: CallId, result: Result<Bytes, CallError>) {
        if let Some(pending) = self.outbox.finish(call) {
            if pending.in_doubt {
                if self.doubts.len() >= MAX_DOUBTS {
                    self.doubts.pop_front();
                }
                self.doubts.push_back(call);
            }
            if call == CallId::BIND && result.is_ok() {
                // Other calls wait for the binding: from here on they may go out.
                self.binding.settle();
            }
            self.incoming.push_back(Incoming::Reply { call, result });
        }
    }
}

/// Refusal in an `rpc_result`; one that cannot be read, or is too long, is still a refusal.
fn refusal(value: &[u8]) -> CallError {
    match RpcErrorBare::read_boxed(&mut Reader::new(value.get(..MAX_REFUSAL).unwrap_or(value))) {
        Ok(e) => CallError::Refused(RpcError { code: e.error_code, message: e.error_message }),
        Err(_) => CallError::Refused(RpcError::new(500, "RPC_ERROR_UNREADABLE")),
    }
}

//! Pings: `ping_delay_disconnect` every minute, which also asks the server to hang up on a client that went silent.
//!
//! Spec: mtproto/service_messages#deferred-connection-closure-plus-ping

use super::{Session, SessionError};
use crate::base::time::Instant;
use crate::tl::Combinator;
use crate::wire::mt::service::{PingDelayDisconnect, Pong};
use bytes::Bytes;
use core::time::Duration;

/// Interval between keep-alive pings.
pub const PING_EVERY: Duration = Duration::from_secs(60);
/// Seconds of silence after which the server closes the connection.
const DISCONNECT_DELAY: i32 = 75;
/// Time to answer a ping; a connection that stays silent longer is dead.
pub const PONG_WITHIN: Duration = Duration::from_secs(15);

/// Timers of the connection's keep-alive pings.
#[derive(Debug, Default)]
pub(super) struct Pings {
    /// Number of pings so far, and id of the last.
    count: i64,
    pub(super) next: Option<Instant>,
    pub(super) pong_due: Option<Instant>,
}

impl Session {
    /// Sends a ping that is due.
    ///
    /// # Errors
    /// [`SessionError::Silent`]: the last ping was not answered in time.
    pub(super) fn ping_if_due(&mut self, now: Instant) -> Result<(), SessionError> {
        if self.pings.pong_due.is_some_and(|due| due <= now) {
            self.pings.pong_due = None;
            return Err(SessionError::Silent);
        }
        if self.pings.next.is_some_and(|due| due <= now) {
            self.pings.next = Some(now + PING_EVERY);
            self.pings.pong_due = Some(now + PONG_WITHIN);
            self.pings.count += 1;
            let ping = PingDelayDisconnect { ping_id: self.pings.count, disconnect_delay: DISCONNECT_DELAY };
            self.push_service(ping.to_boxed(), true);
            self.push_salt_request(now);
        }
        Ok(())
    }

    /// `pong`: that something came has been noted; to a caller who pinged himself it is the answer.
    pub(super) fn on_pong(&mut self, now: Instant, pong: &Pong, body: &Bytes) {
        if self.outbox.sent.contains(pong.msg_id) {
            self.believe_clock(now);
        }
        if let Some(call) = self.outbox.call_of(pong.msg_id) {
            self.answer(call, Ok(body.clone()));
        }
    }
}

//! Time of the server, as its message ids tell it.
//!
//! Spec: mtproto/security_guidelines#checking-msg-id

use super::{Session, SessionError};
use crate::base::time::{Instant, ServerClock};
use crate::wire::msg_id;

impl Session {
    /// The time in a message that answers one of this session's own: it cannot be a replay of another day.
    pub(super) const fn believe_clock(&mut self, now: Instant) {
        if !self.end.clock.is_synced() {
            self.end.clock.sync(now, msg_id::time(self.packet_id));
        }
    }

    /// Checks the time in a server's message id.
    ///
    /// Nobody but the server can have made it, and not before the time it bears: if that is still to come, it is our
    /// clock that is slow, because it drifts or slept with the machine. A clock that is far behind is believed no more
    /// until the server answers something, or nothing that the server says would ever be taken again.
    pub(super) fn judge_time(&mut self, now: Instant, msg_id: i64) -> Result<(), SessionError> {
        if !self.end.clock.is_synced() {
            return Ok(());
        }
        let (here, there) = (self.end.clock.at(now), msg_id::time(msg_id));
        match (msg_id::is_timely(msg_id, here), there > here) {
            (true, false) => Ok(()),
            (true, true) => {
                self.end.clock.sync(now, there);
                Ok(())
            }
            (false, is_ahead) => {
                if is_ahead {
                    self.end.clock = ServerClock::guess(now, here);
                }
                Err(SessionError::Untimely)
            }
        }
    }
}

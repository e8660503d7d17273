//! Reconnecting after a lost connection, with back-off and rests.

use super::{Driver, FIRST_WAIT, LONGEST_WAIT, Ready, Waiting};
use crate::client::Error;
use crate::client::notice::Notice;
use crate::client::orders::{Answer, Control, Moved};
use crate::client::retry::jittered;
use core::pin::pin;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::sleep;

/// Reason for the end of a rest between attempts.
enum Rest {
    /// The back-off has passed.
    Over,
    /// A call was made.
    Wanted,
    /// Migrating to another data centre.
    Moving(u8, Moved),
    /// The handle was dropped.
    Dropped,
}

impl Driver {
    /// Sleeps before the next attempt, for a random time so that many clients do not reconnect at once.
    pub(super) async fn pause(&mut self, attempt: u32, why: &Error) {
        let after = jittered(FIRST_WAIT, LONGEST_WAIT, attempt);
        self.options.watcher.tell(&Notice::Reconnecting { attempt, after, why });
        sleep(after).await;
    }

    /// Opens a socket in place of a lost one, however long it takes; `None` once the client is no longer needed.
    ///
    /// Waiting calls last for as many attempts as the options allow and then get the last error. Later calls start a
    /// new series of attempts.
    pub(super) async fn connect_again(&mut self, mut why: Error, ready: &mut Option<Ready>) -> Option<TcpStream> {
        loop {
            self.shared.set_trouble(Some(&why));
            // `Client::connect` was cancelled.
            if ready.as_ref().is_some_and(oneshot::Sender::is_closed) {
                return None;
            }
            if self.failures < self.most_attempts(self.dc) {
                self.pause(self.failures, &why).await;
            } else if let Some(ready) = ready.take() {
                // `Client::connect` has not returned yet: its caller decides on further attempts.
                let _ = ready.send(Err(why));
                return None;
            } else {
                self.give_up_calls(&why);
                match self.rest(&why).await {
                    Rest::Over => {}
                    // A new call starts a new series of attempts.
                    Rest::Wanted => self.failures = 0,
                    Rest::Moving(to, reply) => match self.go(to, reply).await {
                        Some(socket) => return Some(socket),
                        None => continue,
                    },
                    Rest::Dropped => return None,
                }
            }
            match self.connect_nth(self.dc, self.failures).await {
                Ok(socket) => {
                    self.connection.reconnect(self.clock.now());
                    return Some(socket);
                }
                Err(error) => {
                    self.failures = self.failures.saturating_add(1);
                    why = error;
                }
            }
        }
    }

    /// Ends all unanswered calls with an error.
    pub(super) fn give_up_calls(&mut self, why: &Error) {
        for (call, waiting) in core::mem::take(&mut self.waiting) {
            let in_doubt = waiting.in_doubt || self.connection.is_sent(call);
            self.connection.forget(call);
            let _ = waiting.order.reply.send(Answer { result: Err(why.again()), in_doubt });
        }
    }

    /// Waits until the next attempt is due or a call is made.
    async fn rest(&mut self, why: &Error) -> Rest {
        let after = jittered(FIRST_WAIT, LONGEST_WAIT, self.failures);
        self.options.watcher.tell(&Notice::Reconnecting { attempt: self.failures, after, why });
        let mut rest = pin!(sleep(after));
        loop {
            tokio::select! {
                control = self.control.recv() => match control {
                    Some(Control::Move { to, reply }) => return Rest::Moving(to, reply),
                    Some(Control::Call(order)) => {
                        self.make(Waiting { order, is_first: true, in_doubt: false });
                        return Rest::Wanted;
                    }
                    Some(Control::Settled) => self.settle(),
                    Some(Control::Prove(reply)) => self.tell_proof(reply).await,
                    None => return Rest::Dropped,
                },
                order = self.orders.recv(), if !self.is_settling => match order {
                    Some(order) => {
                        self.take(order);
                        return Rest::Wanted;
                    }
                    None => return Rest::Dropped,
                },
                () = &mut rest => return Rest::Over,
            }
        }
    }
}

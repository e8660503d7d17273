//! Serving one socket: bytes to the connection and back, orders, timers.

use super::{Driver, Lost, Ready, Waiting};
use crate::base::time::Instant;
use crate::client::orders::{Answer, Control, Order};
use crate::protocol::connection::ConnectionError;
use alloc::vec;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use core::time::Duration;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// Bytes per read from the socket.
pub(super) const READ: usize = 16 << 10;

/// Interval between searches for callers that stopped waiting.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Interval between checks of the timers while the socket accepts no bytes.
const BLOCKED: Duration = Duration::from_millis(100);

impl Driver {
    /// Serves one socket until it is lost.
    pub(super) async fn serve(&mut self, socket: &mut TcpStream, ready: &mut Option<Ready>) -> Lost {
        let mut input = vec![0; READ];
        // Bytes not yet written are lost with the socket; the session recovers their messages on the next one.
        let mut output = BytesMut::new();
        loop {
            self.bind_if_due();
            if let Err(error) = self.turn(&mut output, ready) {
                return Lost::Protocol(error);
            }
            if let Some(error) = self.over.take() {
                return Lost::Over(error);
            }
            if let Some(error) = self.not_bound.take() {
                return Lost::NotBound(error);
            }
            let (mut read, mut write) = socket.split();
            let flood = self.binding.flood.as_ref().map(|(until, _)| *until);
            let due = Instant::earliest(&[self.connection.poll_timeout(), flood]).map(|at| self.clock.until(at));
            // Something due may have to be sent: while the socket accepts no bytes, a timer in the past would make this
            // loop spin.
            let due = due.map(|due| if output.is_empty() { due } else { due.max(BLOCKED) });
            tokio::select! {
                result = read.read(&mut input), if self.connection.wants_input() => match result {
                    Ok(0) => return Lost::Io(io::ErrorKind::UnexpectedEof.into()),
                    Ok(n) => {
                        let now = self.clock.now();
                        let bytes = input.get(..n).unwrap_or_default();
                        if let Err(error) = self.connection.handle_input(now, bytes) {
                            self.deliver(ready);
                            return Lost::Protocol(error);
                        }
                    }
                    Err(error) => return Lost::Io(error),
                },
                result = write.write(&output), if !output.is_empty() => match result {
                    Ok(n) => output.advance(n),
                    Err(error) => return Lost::Io(error),
                },
                control = self.control.recv(), if output.is_empty() => match control {
                    Some(Control::Move { to, reply }) => return Lost::Moving(to, reply),
                    Some(Control::Call(order)) => self.make(Waiting { order, is_first: true, in_doubt: false }),
                    Some(Control::Settled) => self.settle(),
                    Some(Control::Prove(reply)) => self.tell_proof(reply).await,
                    None => return Lost::Dropped,
                },
                // While the socket accepts no bytes, orders stay in their channel, which is bounded.
                order = self.orders.recv(), if output.is_empty() && !self.is_settling => match order {
                    Some(order) => self.take(order),
                    None => return Lost::Dropped,
                },
                () = sleep(due.unwrap_or_default()), if due.is_some() => {
                    let now = self.clock.now();
                    if let Err(error) = self.connection.handle_timeout(now) {
                        return Lost::Protocol(error);
                    }
                }
            }
        }
    }

    pub(super) fn take(&mut self, order: Order) {
        // Orders that are already queued travel in the same packet.
        let others: Vec<_> = core::iter::from_fn(|| self.orders.try_recv().ok()).collect();
        for order in [order].into_iter().chain(others) {
            self.make(Waiting { order, is_first: false, in_doubt: false });
        }
    }

    pub(super) fn make(&mut self, waiting: Waiting) {
        if let Some(error) = self.flooded() {
            let _ = waiting.order.reply.send(Answer { result: Err(error), in_doubt: waiting.in_doubt });
            return;
        }
        // The caller gave up before the call was made.
        if !waiting.order.reply.is_closed() {
            let call = self.connection.call_raw(waiting.order.body.to_vec());
            self.waiting.insert(call, waiting);
        }
    }

    /// Collects from the connection the bytes to send and the events to deliver.
    pub(super) fn turn(&mut self, output: &mut BytesMut, ready: &mut Option<Ready>) -> Result<(), ConnectionError> {
        self.forget_abandoned();
        if output.is_empty() {
            while self.connection.poll_transmit(self.clock.now(), output)? {}
        }
        self.deliver(ready);
        Ok(())
    }

    /// Forgets callers that stopped waiting, for example after their own time-out, and their calls.
    pub(super) fn forget_abandoned(&mut self) {
        let now = self.clock.now();
        if now < self.sweep_at {
            return;
        }
        // Once per interval, as the search visits all pending calls.
        self.sweep_at = now + SWEEP_EVERY;
        let connection = &mut self.connection;
        self.waiting.retain(|call, waiting| {
            let is_wanted = !waiting.order.reply.is_closed();
            if !is_wanted {
                connection.forget(*call);
            }
            is_wanted
        });
    }
}

//! One API call: retries, flood waits and migrations, until it is answered or fails.

use super::Error;
use super::inner::Inner;
use super::orders::Answer;
use super::retry::Run;
use crate::wire::transport::MAX_FRAME;
use alloc::sync::Arc;
use bytes::Bytes;
use core::pin::pin;
use core::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// Most bytes of a call. The 4 KiB below the frame limit leave room for `initConnection`, headers and padding.
pub(super) const MAX_CALL: usize = MAX_FRAME - (4 << 10);

impl Inner {
    /// Makes a call; handles flood waits, retries and migrations on the way.
    ///
    /// Spec: api/errors
    pub(super) async fn ask(self: &Arc<Self>, body: Bytes) -> Answer {
        // A bad length is refused here, where it fails one call: on the socket it would end the connection, and with it
        // all calls.
        if body.is_empty() || !body.len().is_multiple_of(4) || body.len() > MAX_CALL {
            return Answer { result: Err(Error::CallLength(body.len())), in_doubt: false };
        }
        let mut run = Run { left: self.call_within, ..Run::default() };
        let since = Instant::now();
        let result = loop {
            let from = self.shared.with(|state| state.home);
            // Counted before sending: the notification of a 406 may arrive ahead of the error.
            let words = self.shared.word.borrow().count;
            let Some(answer) = self.send_within(&mut run.left, body.clone()).await else {
                run.in_doubt = true;
                break Err(self.shared.late(since));
            };
            run.in_doubt |= answer.in_doubt;
            match answer.result {
                Err(error) => match self.mend(&mut run, from, words, error).await {
                    Ok(()) => {}
                    Err(error) => break Err(error),
                },
                result => break result,
            }
        };
        Answer { result, in_doubt: run.in_doubt }
    }

    /// Makes a call once and subtracts its duration from `left`; `None` if `left` runs out. The flood wait before a
    /// temporary key is bound does not count.
    async fn send_within(&self, left: &mut Duration, body: Bytes) -> Option<Answer> {
        let mut answer = pin!(self.send(body));
        loop {
            let began = Instant::now();
            let answered = timeout(*left, &mut answer).await.ok();
            let paused_until = self.shared.paused_until();
            match (answered, paused_until) {
                (None, Some(until)) => sleep_until(until).await,
                (answered, _) => {
                    *left = left.saturating_sub(began.elapsed());
                    return answered;
                }
            }
        }
    }
}

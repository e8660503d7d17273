//! The clock.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// The time that this thread has had a processor. What others on the machine do while it waits is not in it.
#[derive(Clone, Copy)]
pub struct Instant(Duration);

impl Instant {
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Self(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
    }
    pub fn elapsed(self) -> Duration {
        Self::now().0 - self.0
    }
}

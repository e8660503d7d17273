//! Processor clock.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Processor time of this thread; excludes the time of other processes while the thread waits.
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

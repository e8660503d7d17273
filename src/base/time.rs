//! Two clocks that must not be mixed: a monotonic one for timeouts and the server's for message ids.
//!
//! No code here reads a clock. The caller passes in an [`Instant`] and an initial guess of the wall-clock time, which
//! is then corrected from the server's timestamps.

use core::ops::Add;
use core::time::Duration;

/// A point on the caller's monotonic clock, in microseconds since an origin that the caller chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// Returns the earliest of the given points, or `None` if there are none.
    #[must_use]
    pub fn earliest(of: &[Option<Self>]) -> Option<Self> {
        of.iter().copied().flatten().min()
    }
    /// The origin of the clock.
    pub const ZERO: Self = Self(0);

    /// Creates a point `micros` microseconds after the origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }
    /// Returns the microseconds since the origin.
    pub const fn as_micros(self) -> u64 {
        self.0
    }
    /// Returns the time elapsed since `earlier`, or zero if `earlier` is later than this point.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        // Saturates: a very distant deadline must not wrap around into the past.
        Self(self.0.saturating_add(u64::try_from(rhs.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Wall-clock time in microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixTime(i64);

impl UnixTime {
    /// Creates a time from whole seconds since 1970.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }
    /// Creates a time from microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }
    /// Returns whole seconds since 1970, rounded down.
    pub const fn as_secs(self) -> i64 {
        // Rounds down without a signed division: the bits of a negative number are inverted, divided as unsigned and
        // inverted back. A processor without 64-bit division then links only the unsigned routine.
        let sign = self.0 >> 63;
        ((self.0 ^ sign).cast_unsigned() / 1_000_000).cast_signed() ^ sign
    }
    /// Returns the microseconds since 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }
    /// Returns the microseconds within the second, `0..1_000_000`.
    pub const fn subsec_micros(self) -> i64 {
        self.0.wrapping_sub(self.as_secs().wrapping_mul(1_000_000))
    }
}

/// The server's wall clock, computed from the caller's monotonic clock.
///
/// Starts from the caller's guess. It is corrected by `server_time` in the handshake and by the `msg_id` of the
/// server's `bad_msg_notification`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerClock {
    unix_at_origin: i64,
    synced: bool,
}

impl ServerClock {
    /// Creates a clock that assumes `guess` to be the server's time at `now`.
    pub const fn guess(now: Instant, guess: UnixTime) -> Self {
        Self { unix_at_origin: guess.0.wrapping_sub_unsigned(now.0), synced: false }
    }
    /// Sets the clock to the server's time as received at `now`.
    pub const fn sync(&mut self, now: Instant, server: UnixTime) {
        // Wraps: a time sent by the server can be any number and must not cause a panic.
        self.unix_at_origin = server.0.wrapping_sub_unsigned(now.0);
        self.synced = true;
    }
    /// Returns the server's time at `now`.
    pub const fn at(&self, now: Instant) -> UnixTime {
        UnixTime(self.unix_at_origin.wrapping_add_unsigned(now.0))
    }
    /// Returns the monotonic time at which the server's clock shows `server`, or the origin if that is earlier.
    pub const fn when(&self, server: UnixTime) -> Instant {
        let micros = server.0.saturating_sub(self.unix_at_origin);
        Instant(if micros > 0 { micros.unsigned_abs() } else { 0 })
    }
    /// Returns true if the server has confirmed the time. Only then can messages be rejected because of their age.
    pub const fn is_synced(&self) -> bool {
        self.synced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_down_before_1970_too() {
        for micros in [i64::MIN, i64::MIN + 1, -1_000_001, -1_000_000, -999_999, -1, 0, 1, 999_999, 1_000_000, i64::MAX]
        {
            let time = UnixTime::from_micros(micros);
            let parts = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
            assert_eq!((time.as_secs(), time.subsec_micros()), parts, "{micros}");
        }
    }

    #[test]
    fn the_server_clock_follows_the_monotonic_one() {
        let mut clock = ServerClock::guess(Instant::from_micros(5_000_000), UnixTime::from_secs(100));
        assert!(!clock.is_synced());
        assert_eq!(clock.at(Instant::from_micros(7_500_000)), UnixTime::from_micros(102_500_000));
        clock.sync(Instant::from_micros(8_000_000), UnixTime::from_secs(1_000_000));
        assert!(clock.is_synced());
        assert_eq!(clock.at(Instant::from_micros(9_000_000)).as_secs(), 1_000_001);
    }

    #[test]
    fn extremes_do_not_overflow() {
        assert_eq!(Instant::from_micros(u64::MAX) + Duration::MAX, Instant::from_micros(u64::MAX));
        assert_eq!(Instant::ZERO.since(Instant::from_micros(1)), Duration::ZERO);
        let clock = ServerClock::guess(Instant::from_micros(u64::MAX), UnixTime::from_micros(i64::MIN));
        let _ = clock.at(Instant::from_micros(u64::MAX));
    }
}

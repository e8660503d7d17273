//! Two clocks that must not be mixed: a monotonic one for time-outs, and the server's for message ids.
//!
//! Nothing here reads a clock. `Instant` is handed in by the caller; the wall clock is a guess given once, which the
//! server's own times then correct.

use core::ops::Add;
use core::time::Duration;

/// A point on the caller's monotonic clock, in microseconds since an origin of the caller's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The first of those that there are.
    #[must_use]
    pub fn earliest(of: &[Option<Self>]) -> Option<Self> {
        of.iter().copied().flatten().min()
    }
    /// The origin.
    pub const ZERO: Self = Self(0);

    /// A point `micros` microseconds after the origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }
    /// Microseconds since the origin.
    pub const fn as_micros(self) -> u64 {
        self.0
    }
    /// How long after `earlier` this is; zero if it is not.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(rhs.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Time of day in microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixTime(i64);

impl UnixTime {
    /// From whole seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }
    /// From microseconds.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }
    /// Whole seconds, rounded down.
    pub const fn as_secs(self) -> i64 {
        // Of a negative number all bits are turned, divided and turned back: that rounds down, and a processor without
        // such a division needs but the one for numbers without a sign.
        let sign = self.0 >> 63;
        ((self.0 ^ sign).cast_unsigned() / 1_000_000).cast_signed() ^ sign
    }
    /// Microseconds.
    pub const fn as_micros(self) -> i64 {
        self.0
    }
    /// Microseconds into the second, `0..1_000_000`.
    pub const fn subsec_micros(self) -> i64 {
        self.0.wrapping_sub(self.as_secs().wrapping_mul(1_000_000))
    }
}

/// The server's time of day, told from the monotonic clock.
///
/// It begins with the caller's guess and is set right by the handshake's `server_time` and by the `msg_id` of what
/// the server says about ids that it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerClock {
    unix_at_origin: i64,
    synced: bool,
}

impl ServerClock {
    /// A clock that holds `guess` to be the time of day at `now`.
    pub const fn guess(now: Instant, guess: UnixTime) -> Self {
        Self { unix_at_origin: guess.0.wrapping_sub_unsigned(now.0), synced: false }
    }
    /// Takes the server's word for what time it is.
    pub const fn sync(&mut self, now: Instant, server: UnixTime) {
        self.unix_at_origin = server.0.wrapping_sub_unsigned(now.0);
        self.synced = true;
    }
    /// The server's time of day at `now`.
    pub const fn at(&self, now: Instant) -> UnixTime {
        UnixTime(self.unix_at_origin.wrapping_add_unsigned(now.0))
    }
    /// The point on the monotonic clock at which the server's shows `server`; the origin if that was before it.
    pub const fn when(&self, server: UnixTime) -> Instant {
        let micros = server.0.saturating_sub(self.unix_at_origin);
        Instant(if micros > 0 { micros.unsigned_abs() } else { 0 })
    }
    /// Whether the server has confirmed it; only then may its messages be judged by their age.
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

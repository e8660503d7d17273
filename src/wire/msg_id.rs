//! Message ids: the server's time of day as 32.32 fixed point, with two bits that tell who made it.
//!
//! ```text
//! 63            32 31              2 1 0
//! | unix seconds  | fraction         |who|     who: 00 client · 01 server, an answer · 11 server, on its own
//! ```
//!
//! Spec: mtproto/description#message-identifier-msg_id

use crate::base::side::Side;
use crate::base::time::UnixTime;

/// Greatest age of a message in seconds.
pub const MAX_AGE: i64 = 300;
/// Greatest lead of a message over the clock in seconds.
pub const MAX_AHEAD: i64 = 30;

/// Makes ids that only ever grow.
#[derive(Debug, Clone, Default)]
pub struct MsgIds {
    last: i64,
}

impl MsgIds {
    /// The next id of a client at `unix`, the server's time: a multiple of 4, above all before it, whatever the clock
    /// does.
    pub fn client(&mut self, unix: UnixTime) -> i64 {
        self.next(unix, 0)
    }
    /// The next id of a server: 1 for an answer, 3 for what it says on its own.
    pub fn server(&mut self, unix: UnixTime, is_answer: bool) -> i64 {
        self.next(unix, if is_answer { 1 } else { 3 })
    }
    fn next(&mut self, unix: UnixTime, who: i64) -> i64 {
        let fraction = (unix.subsec_micros() << 32) / 1_000_000;
        let clock = unix.as_secs().wrapping_shl(32) | (fraction & !3);
        self.last = clock.max((self.last & !3).saturating_add(4));
        self.last | who
    }
    /// The last id made, without the bits that tell who.
    pub const fn last(&self) -> i64 {
        self.last & !3
    }
    /// Goes on above `last`.
    pub const fn after(last: i64) -> Self {
        Self { last }
    }
}

/// Returns true if `from` can have made this id.
pub const fn is_from(msg_id: i64, from: Side) -> bool {
    match from {
        Side::Client => msg_id & 3 == 0,
        Side::Server => msg_id & 1 == 1,
    }
}

/// The time in an id.
pub const fn time(msg_id: i64) -> UnixTime {
    let micros = ((msg_id & 0xffff_ffff) * 1_000_000) >> 32;
    UnixTime::from_micros((msg_id >> 32).wrapping_mul(1_000_000).wrapping_add(micros))
}

/// Returns true if a receiver accepts the time of an id at `unix`: at most 300 s old, at most 30 s ahead.
pub const fn is_timely(msg_id: i64, unix: UnixTime) -> bool {
    let age = unix.as_micros().saturating_sub(time(msg_id).as_micros());
    age <= MAX_AGE * 1_000_000 && age >= -MAX_AHEAD * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_though_the_clock_steps_back() {
        let mut ids = MsgIds::default();
        let mut last = 0;
        for secs in [1_700_000_000, 1_700_000_000, 1_699_996_400, 1_700_000_001] {
            let id = ids.client(UnixTime::from_secs(secs));
            assert!(id > last && id % 4 == 0, "{id} after {last}");
            last = id;
        }
        let answer = ids.server(UnixTime::from_secs(5), true);
        assert!(answer > last && answer & 3 == 1);
        assert_eq!(ids.server(UnixTime::from_secs(5), false) & 3, 3);
    }

    #[test]
    fn ids_rise_though_the_clock_stands_or_falls() {
        for (is_server, bits) in [(false, 0), (true, 1)] {
            let mut ids = MsgIds::default();
            let times =
                [1_707_425_104_422_000, 1_707_425_104_422_000, 0, -5, 1_707_425_105_000_001, i64::MIN, i64::MAX];
            let drawn = times.map(|micros| {
                let unix = UnixTime::from_micros(micros);
                if is_server { ids.server(unix, true) } else { ids.client(unix) }
            });
            assert!(drawn[..6].is_sorted_by(|a, b| a < b), "{drawn:?}");
            assert!(drawn[..6].iter().all(|id| id & 3 == bits), "{drawn:?}");
            assert_eq!(drawn[0] >> 32, 1_707_425_104);
            assert_eq!(((drawn[0] & 0xffff_ffff) * 1000) >> 32, 421); // the third decimal, rounded down
        }
    }

    #[test]
    fn the_fraction_is_the_true_one() {
        let id = MsgIds::default().client(UnixTime::from_micros(10_500_000));
        assert_eq!((id >> 32, id & 0xffff_ffff), (10, 0x8000_0000));
        assert_eq!(time(id), UnixTime::from_micros(10_500_000));
    }

    #[test]
    fn extremes_do_not_overflow() {
        let mut ids = MsgIds::after(i64::MAX);
        let _ = ids.client(UnixTime::from_micros(i64::MAX));
        for id in [i64::MIN, -1, 0, i64::MAX] {
            let _ = is_timely(id, UnixTime::from_micros(i64::MIN));
            let _ = is_timely(id, UnixTime::from_micros(i64::MAX));
        }
    }
}

//! The random bytes behind a body, and how many: so that the length of a packet says less about what is inside.
//!
//! ```text
//! stream = AES-256-CTR of 32 random bytes          drawn anew after 256 packets
//! packet = amount:1, four bits of it | padding     the next bytes of the stream
//! ```
//!
//! To ask the operating system takes as long as the hashes of a short message, so many packets share one answer. Where
//! code and memory are short, each packet has its own, and nothing is kept.
//!
//! Padding is no nonce. The AES key of a packet comes from the hash of its whole plaintext, in which session, salt,
//! `msg_id` and `seqno` stand, and a session uses no `msg_id` twice. What padding adds is that length and `msg_key` do
//! not confirm a guess at the rest.
//!
//! A process that forks has the stream in both halves, but also the session's counters: both send under the same
//! `msg_id`s, of which the other side takes one and drops the other, whatever the padding is. If both send the same
//! body
//! at the same moment, both packets are the same, and who sees them sees that. A live session belongs to one of the
//! halves, a data centre's as much as a client's.
//!
//! Spec: mtproto/description#protocol-description

/// Least padding in bytes.
pub const MIN_PADDING: usize = 12;
/// Most padding in bytes.
pub const MAX_PADDING: usize = 1024;
/// Most blocks of padding beyond the fewest: 0 to this many, at random.
pub(super) const MORE_BLOCKS: u8 = 15;

#[cfg(any(test, all(target_pointer_width = "64", not(aes_backend_soft = "compact"))))]
#[allow(unreachable_pub, reason = "one of the two may be there for the tests alone")]
mod shared {
    use crate::base::entropy::{Entropy, EntropyFailed};
    use crate::crypto::ctr;
    use alloc::boxed::Box;
    use bytes::BytesMut;
    use zeroize::Zeroize;

    /// Blocks that are made at once: those of two packets to four.
    const BLOCKS: u32 = 32;
    /// Packets that one drawing serves.
    const RENEW_AFTER: u16 = 256;

    /// Padding of one session's packets: a stream, made with the first packet, in one place on the heap and wiped on
    /// drop.
    #[derive(Default)]
    pub struct Padding(Option<Box<Stream>>);

    /// There is randomness for one packet.
    pub(crate) struct Drawn(());

    struct Stream {
        key: [u8; 32],
        /// Packets that the key still serves.
        left: u16,
        /// Blocks that were made of it.
        made: u32,
        ahead: [[u8; 16]; BLOCKS as usize],
        used: usize,
    }

    impl Padding {
        pub(crate) fn draw(&mut self, random: &mut dyn Entropy) -> Result<Drawn, EntropyFailed> {
            let stream = self.0.get_or_insert_default();
            if stream.left == 0 {
                random.fill(&mut stream.key)?;
                stream.left = RENEW_AFTER;
                stream.made = 0;
                stream.used = stream.ahead.as_flattened().len();
            }
            stream.left -= 1;
            Ok(Drawn(()))
        }
        pub(crate) fn amount(&mut self, _: &Drawn) -> u8 {
            self.0.as_mut().and_then(|stream| stream.next(1).first().copied()).unwrap_or_default()
        }
        pub(crate) fn append(&mut self, _: Drawn, packet: &mut BytesMut, len: usize) {
            let (Some(stream), end) = (&mut self.0, packet.len() + len) else { return };
            while packet.len() < end {
                packet.extend_from_slice(stream.next(end - packet.len()));
            }
        }
    }

    impl Stream {
        /// The next bytes: `most`, or as many as are made.
        fn next(&mut self, most: usize) -> &[u8] {
            if self.used == self.ahead.as_flattened().len() {
                ctr::blocks(&self.key, self.made, &mut self.ahead);
                self.made += BLOCKS;
                self.used = 0;
            }
            let rest = self.ahead.as_flattened().get(self.used..).unwrap_or_default();
            let next = rest.get(..most).unwrap_or(rest);
            self.used += next.len();
            next
        }
    }

    impl Default for Stream {
        fn default() -> Self {
            Self { key: [0; 32], left: 0, made: 0, ahead: [[0; 16]; _], used: 0 }
        }
    }
    impl Drop for Stream {
        fn drop(&mut self) {
            self.key.as_mut_slice().zeroize();
            self.ahead.as_flattened_mut().zeroize();
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::protocol::session::padding::tests::{Counted, pad};
        use std::collections::BTreeSet;
        use std::vec::Vec;

        #[test]
        fn one_drawing_serves_as_many_packets_and_no_more() {
            let (mut random, mut padding) = (Counted::new(), Padding::default());
            for packet in 0..3 * u32::from(RENEW_AFTER) {
                assert_eq!(random.drawn, packet.div_ceil(RENEW_AFTER.into()), "before packet {packet}");
                let _drawn = padding.draw(&mut random).unwrap();
            }
            assert_eq!(random.drawn, 3);
        }

        #[test]
        fn no_byte_of_the_stream_serves_twice_however_packets_are_cut() {
            let (mut random, mut padding) = (Counted::new(), Padding::default());
            let mut all = Vec::new();
            for packet in 0..usize::from(RENEW_AFTER) {
                let drawn = padding.draw(&mut random).unwrap();
                all.push(padding.amount(&drawn));
                let mut bytes = BytesMut::new();
                padding.append(drawn, &mut bytes, packet % 268);
                assert_eq!(bytes.len(), packet % 268);
                all.extend_from_slice(&bytes);
            }
            let mut stream = std::vec![[0; 16]; all.len().div_ceil(16)];
            ctr::blocks(&random.last, 0, &mut stream);
            assert!(stream.as_flattened().starts_with(&all));
            assert_eq!(stream.iter().collect::<BTreeSet<_>>().len(), stream.len());
        }

        #[test]
        fn the_next_drawing_begins_another_stream() {
            let (mut random, mut padding) = (Counted::new(), Padding::default());
            let packets: Vec<_> = (0..RENEW_AFTER * 2).map(|_| pad!(padding, random, 16)).collect();
            let mut first = [[0; 16]; 2];
            ctr::blocks(&random.last, 0, &mut first);
            assert_eq!(packets[usize::from(RENEW_AFTER)].1[..], first.as_flattened()[1..17]);
            assert_eq!(packets.iter().map(|(_, bytes)| bytes).collect::<BTreeSet<_>>().len(), packets.len());
        }
    }
}

#[cfg(any(test, not(all(target_pointer_width = "64", not(aes_backend_soft = "compact")))))]
#[allow(unreachable_pub, reason = "one of the two may be there for the tests alone")]
mod single {
    use crate::base::entropy::{Entropy, EntropyFailed};
    use crate::crypto::ctr;
    use crate::protocol::session::padding::{MIN_PADDING, MORE_BLOCKS};
    use bytes::BytesMut;
    use zeroize::Zeroizing;

    /// The most random bytes behind a body: 3 to whole words, 12 to 27 to whole blocks, and more blocks.
    const MAX_RANDOM: usize = 3 + MIN_PADDING + 15 + 16 * MORE_BLOCKS as usize;

    /// Padding of one session's packets, without state.
    #[derive(Default)]
    pub struct Padding(());

    /// The key of one packet's stream, of which four bits are also the amount.
    pub(crate) struct Drawn(Zeroizing<[u8; 32]>);

    #[expect(clippy::unused_self, reason = "it stands for the other one")]
    impl Padding {
        pub(crate) fn draw(&mut self, random: &mut dyn Entropy) -> Result<Drawn, EntropyFailed> {
            let mut key = Zeroizing::new([0; 32]);
            random.fill(&mut *key)?;
            Ok(Drawn(key))
        }
        pub(crate) fn amount(&mut self, drawn: &Drawn) -> u8 {
            let [first, ..] = *drawn.0;
            first
        }
        pub(crate) fn append(&mut self, drawn: Drawn, packet: &mut BytesMut, len: usize) {
            let mut random = [[0; 16]; MAX_RANDOM.div_ceil(16)];
            ctr::blocks(&drawn.0, 0, random.get_mut(..len.div_ceil(16)).unwrap_or_default());
            packet.extend_from_slice(random.as_flattened().get(..len).unwrap_or_default());
        }
    }
}

#[cfg(all(target_pointer_width = "64", not(aes_backend_soft = "compact")))]
use shared as kind;
#[cfg(not(all(target_pointer_width = "64", not(aes_backend_soft = "compact"))))]
use single as kind;

pub(crate) use kind::Drawn;
pub use kind::Padding;

impl core::fmt::Debug for Padding {
    /// Nothing of it.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Padding(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::{shared, single};
    use crate::base::entropy::{Entropy, EntropyFailed};
    use rand::rngs::ChaCha8Rng;
    use rand::{Rng, SeedableRng};
    use std::collections::BTreeSet;
    use std::vec::Vec;

    /// Entropy that counts, remembers what it gave last, and fails when it is told to.
    pub(super) struct Counted {
        pub(super) drawn: u32,
        pub(super) last: [u8; 32],
        fails: bool,
        rng: ChaCha8Rng,
    }
    impl Counted {
        pub(super) fn new() -> Self {
            Self { drawn: 0, last: [0; 32], fails: false, rng: ChaCha8Rng::seed_from_u64(7) }
        }
    }
    impl Entropy for Counted {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
            if self.fails {
                out.fill(0x11); // a source that fails half way
                return Err(EntropyFailed);
            }
            self.drawn += 1;
            self.rng.fill_bytes(out);
            self.last.copy_from_slice(out);
            Ok(())
        }
    }

    /// The amount and the bytes of one packet.
    macro_rules! pad {
        ($padding:expr, $random:expr, $len:expr) => {{
            let drawn = $padding.draw(&mut $random).unwrap();
            let (amount, mut bytes) = ($padding.amount(&drawn), bytes::BytesMut::new());
            $padding.append(drawn, &mut bytes, $len);
            (amount, bytes)
        }};
    }
    pub(super) use pad;

    #[test]
    fn no_two_packets_have_the_same_padding_and_amounts_spread_over_all() {
        fn check(packets: &[(u8, bytes::BytesMut)]) {
            assert_eq!(packets.iter().map(|(_, bytes)| bytes).collect::<BTreeSet<_>>().len(), packets.len());
            for amount in 0..16 {
                let share = packets.iter().filter(|packet| packet.0 & 15 == amount).count();
                assert!((200..300).contains(&share), "{amount}: {share} of {}", packets.len());
            }
        }
        let (mut random, mut shared, mut single) =
            (Counted::new(), shared::Padding::default(), single::Padding::default());
        check(&(0..4000).map(|i| pad!(shared, random, 12 + i % 256)).collect::<Vec<_>>());
        assert_eq!(random.drawn, 16);
        check(&(0..4000).map(|i| pad!(single, random, 12 + i % 256)).collect::<Vec<_>>());
        assert_eq!(random.drawn, 16 + 4000);
    }

    #[test]
    fn what_a_failed_drawing_left_pads_nothing() {
        let (mut random, mut padding) = (Counted::new(), shared::Padding::default());
        random.fails = true;
        assert!(padding.draw(&mut random).is_err() && padding.draw(&mut random).is_err());
        random.fails = false;
        let packet = pad!(padding, random, 40);
        assert_eq!(random.drawn, 1);
        let (mut sound, mut other) = (Counted::new(), shared::Padding::default());
        assert_eq!(packet, pad!(other, sound, 40), "as if it had not failed");
    }

    #[test]
    fn nothing_of_it_is_printed() {
        assert_eq!(std::format!("{:?}", super::Padding::default()), "Padding(..)");
    }
}

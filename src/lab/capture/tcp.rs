//! TCP reassembly: segments in any order, with duplicates, to two ordered byte streams.
//!
//! ```text
//! seq   next
//!  │────┼──────────▶ bytes below `next` are duplicates and cut off; bytes that begin above it wait for the rest
//! ```
//!
//! Only sequence numbers and flags are used: no checksums, windows or timers. Spec: RFC 9293

use super::{Chunk, Connection};
use crate::base::side::Side;
use crate::base::time::Instant;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use bytes::{Buf, Bytes};
use core::net::SocketAddr;

/// TCP segment of a captured packet.
pub(super) struct Segment {
    pub(super) at: Instant,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) seq: u32,
    pub(super) is_syn: bool,
    pub(super) is_ack: bool,
    pub(super) data: Bytes,
}

/// All connections of a file.
#[derive(Default)]
pub(super) struct Streams {
    flows: Vec<Flow>,
    /// Current flow between two endpoints, the lower address first.
    current: BTreeMap<(SocketAddr, SocketAddr), usize>,
}

struct Flow {
    client: SocketAddr,
    server: SocketAddr,
    up: Half,
    down: Half,
    chunks: Vec<Chunk>,
}

/// One direction.
#[derive(Default)]
struct Half {
    /// Sequence number of the next byte, once known.
    next: Option<u32>,
    /// Bytes delivered in order.
    heard: u64,
    /// Bytes received ahead of order, by their offset in the stream.
    early: BTreeMap<u64, Bytes>,
}

impl Streams {
    pub(super) fn push(&mut self, segment: Segment) {
        let ends = (segment.from.min(segment.to), segment.from.max(segment.to));
        let known = self.current.get(&ends).and_then(|at| self.flows.get(*at));
        if known.is_none_or(|flow| flow.is_over_for(&segment)) {
            // Acknowledgements of a connection that began before the recording.
            if !segment.is_syn && segment.data.is_empty() {
                return;
            }
            self.current.insert(ends, self.flows.len());
            self.flows.push(Flow::new(&segment));
        }
        if let Some(flow) = self.current.get(&ends).and_then(|at| self.flows.get_mut(*at)) {
            flow.push(segment);
        }
    }

    /// Connections that carried data.
    pub(super) fn finish(self) -> Vec<Connection> {
        let spoken = self.flows.into_iter().filter(|flow| !flow.chunks.is_empty());
        spoken.map(Flow::finish).collect()
    }
}

impl Flow {
    /// Creates a flow. The client is the sender of the SYN, or of the first segment if the recording lacks the SYN.
    fn new(first: &Segment) -> Self {
        let is_answer = first.is_syn && first.is_ack;
        let (client, server) = if is_answer { (first.to, first.from) } else { (first.from, first.to) };
        Self { client, server, up: Half::default(), down: Half::default(), chunks: Vec::new() }
    }

    /// Returns true if `segment` opens a new connection on the same ports.
    fn is_over_for(&self, segment: &Segment) -> bool {
        let half = if segment.from == self.client { &self.up } else { &self.down };
        let same = half.next.is_none() || (half.heard == 0 && half.next == Some(segment.seq.wrapping_add(1)));
        segment.is_syn && !segment.is_ack && !same
    }

    fn push(&mut self, segment: Segment) {
        let (half, from) = match segment.from == self.client {
            true => (&mut self.up, Side::Client),
            false => (&mut self.down, Side::Server),
        };
        let seq = if segment.is_syn { segment.seq.wrapping_add(1) } else { segment.seq };
        let at = segment.at;
        half.push(seq, segment.data, |bytes| self.chunks.push(Chunk { at, from, bytes }));
    }

    fn finish(self) -> Connection {
        Connection {
            name: format!("{} → {}", self.client, self.server),
            has_gap: !self.up.early.is_empty() || !self.down.early.is_empty(),
            chunks: self.chunks,
        }
    }
}

impl Half {
    fn push(&mut self, seq: u32, mut data: Bytes, mut hear: impl FnMut(Bytes)) {
        // Sequence numbers are modulo 2^32: the difference is signed, so that old segments are negative.
        let ahead = seq.wrapping_sub(*self.next.get_or_insert(seq)).cast_signed();
        let place = self.heard.saturating_add_signed(ahead.into());
        // Bytes before the first recorded one have no offset in the stream.
        let before = u64::from(ahead.min(0).unsigned_abs()).saturating_sub(self.heard);
        data.advance(usize::try_from(before).unwrap_or(usize::MAX).min(data.len()));
        if data.is_empty() {
            return;
        }
        // Of two segments at the same offset, keep the longer one.
        let waiting = self.early.entry(place).or_default();
        if waiting.len() < data.len() {
            *waiting = data;
        }
        while let Some(entry) = self.early.first_entry()
            && let Some(known) = self.heard.checked_sub(*entry.key())
        {
            let mut bytes = entry.remove();
            bytes.advance(usize::try_from(known).unwrap_or(usize::MAX).min(bytes.len()));
            if !bytes.is_empty() {
                let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                self.heard += u64::from(len);
                self.next = self.next.map(|next| next.wrapping_add(len));
                hear(bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::ChaCha20Rng;
    use rand::seq::SliceRandom;
    use rand::{RngExt, SeedableRng};

    fn heard(segments: &[(u32, &[u8])]) -> (Vec<u8>, bool) {
        let (mut half, mut out) = (Half { next: segments.first().map(|s| s.0), ..Half::default() }, Vec::new());
        for (seq, data) in segments {
            half.push(*seq, Bytes::copy_from_slice(data), |bytes| out.extend_from_slice(&bytes));
        }
        (out, half.early.is_empty())
    }

    #[test]
    fn repeated_and_overlapping_bytes_are_heard_once() {
        let near_the_end = u32::MAX - 1; // sequence numbers wrap
        let at = |n: u32| near_the_end.wrapping_add(n);
        let all =
            [(at(0), &b"abc"[..]), (at(6), b"ghi"), (at(1), b"bcd"), (at(2), b"cdefg"), (at(0), b"a"), (at(9), b"")];
        assert_eq!(heard(&all), (b"abcdefghi".to_vec(), true));
        assert_eq!(heard(&[(5, b"a"), (7, b"c")]), (b"a".to_vec(), false));
        assert_eq!(heard(&[(5, b"a"), (4, b"xab"), (3, b"y")]), (b"ab".to_vec(), true), "from before the first");
    }

    #[test]
    fn any_order_gives_the_same_stream() {
        let text: Vec<u8> = (0..2000_u32).map(|n| (n * 7 % 251) as u8).collect();
        for seed in 0..200 {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let start: u32 = rng.random();
            let mut pieces: Vec<(u32, &[u8])> = Vec::new();
            let mut at = 0;
            while at < text.len() {
                let len = rng.random_range(1..200).min(text.len() - at);
                let back = rng.random_range(0..50).min(at);
                pieces.push((start.wrapping_add((at - back) as u32), &text[at - back..at + len]));
                at += len;
            }
            pieces.shuffle(&mut rng);
            pieces.insert(0, (start, &text[..1]));
            assert_eq!(heard(&pieces), (text.clone(), true), "seed {seed}");
        }
    }
}

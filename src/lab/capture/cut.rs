//! From chunks to frames: the client's first bytes determine the framing of both directions.
//!
//! The decoder plays the server to the client and the client to the server. On an obfuscated connection the client's
//! first 64 bytes hold the keys of both streams, so replaying them as entropy rebuilds the client's side.

use super::{Chunk, Connection};
use crate::base::entropy::{Entropy, EntropyFailed};
use crate::base::side::Side;
use crate::base::time::Instant;
use crate::wire::transport::{Frame, FrameError, Framer, Framing, Obfuscated, detect};
use alloc::vec::Vec;
use bytes::BytesMut;

/// Piece of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Arrival of its last byte.
    pub at: Instant,
    /// Sender.
    pub from: Side,
    /// Content.
    pub piece: Piece,
}

/// Content of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Piece {
    /// Client's first bytes, which select the framing and the obfuscation.
    Start {
        /// Framing.
        framing: Framing,
        /// True if the streams are encrypted with AES-256-CTR (obfuscated transport).
        is_obfuscated: bool,
    },
    /// Complete frame.
    Frame(Frame),
    /// End of what can be decoded in this direction.
    Broken(Broken),
}

/// Reason why a stream cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Broken {
    /// Violation of the transport's rules; the stream may not be MTProto.
    Frame(FrameError),
    /// Bytes from the server before the client selected a framing.
    Early,
    /// Bytes missing from the recording.
    Gap,
    /// End of the recording before the client selected a framing.
    Short,
}

/// Cuts both directions of `connection` into pieces, in the order in which they were completed.
#[must_use]
pub fn cut(connection: &Connection) -> Vec<Cut> {
    let (mut ears, mut cuts) = (Ears::default(), Vec::new());
    for Chunk { at, from, bytes } in &connection.chunks {
        let mut put = |piece| cuts.push(Cut { at: *at, from: *from, piece });
        match ears.hear(*from, bytes) {
            Ok(start) => start.into_iter().for_each(&mut put),
            Err(broken) => put(Piece::Broken(broken)),
        }
        loop {
            match ears.next(*from) {
                Ok(Some(frame)) => put(Piece::Frame(frame)),
                Ok(None) => break,
                Err(broken) => put(Piece::Broken(broken)),
            }
        }
    }
    let end = match (connection.has_gap, ears.has_started) {
        // A gap explains a missing start, so it is reported first.
        (true, _) => Some(Broken::Gap),
        (_, false) => Some(Broken::Short),
        _ => None,
    };
    if let (Some(end), Some(&Chunk { at, from, .. })) = (end, connection.chunks.last()) {
        cuts.push(Cut { at, from, piece: Piece::Broken(end) });
    }
    cuts
}

/// Framers of both directions: the server's view and the client's.
#[derive(Default)]
struct Ears {
    /// Client's first bytes, until they suffice to detect the framing.
    start: BytesMut,
    has_started: bool,
    up: Option<Framer>,
    down: Option<Framer>,
}

impl Ears {
    /// Takes a chunk. The client's first chunks determine the framing.
    fn hear(&mut self, from: Side, bytes: &[u8]) -> Result<Option<Piece>, Broken> {
        if self.has_started {
            if let Some(framer) = self.of(from) {
                framer.push(bytes);
            }
            return Ok(None);
        }
        if from == Side::Server {
            self.has_started = true;
            return Err(Broken::Early);
        }
        self.start.extend_from_slice(bytes);
        let init = self.start.first_chunk::<64>().copied();
        let up = detect(&mut self.start).inspect_err(|_| self.has_started = true).map_err(Broken::Frame)?;
        let Some(up) = up else { return Ok(None) };
        let framing = up.framing();
        // Obfuscated bytes look random and never start with a preamble; the full transport has none.
        let is_open = init.is_none_or(|init| framing == Framing::FULL || init.starts_with(framing.preamble()));
        let down = match init {
            Some(init) if !is_open => {
                Obfuscated::connect(framing, None, None, &mut Once(&init)).map(Framer::obfuscated)
            }
            // In the open, the server's frames have the client's framing and no preamble.
            _ => Ok(Framer::new(framing, Side::Client)),
        };
        self.has_started = true;
        self.up = Some(up);
        self.down = Some(down.map_err(|_| Broken::Frame(FrameError::Start))?);
        Ok(Some(Piece::Start { framing, is_obfuscated: !is_open }))
    }

    /// Next complete frame. After an error the direction yields none.
    fn next(&mut self, from: Side) -> Result<Option<Frame>, Broken> {
        let Some(framer) = self.of(from) else { return Ok(None) };
        framer.next().map_err(|e| {
            *self.of(from) = None;
            Broken::Frame(e)
        })
    }

    const fn of(&mut self, from: Side) -> &mut Option<Framer> {
        match from {
            Side::Client => &mut self.up,
            Side::Server => &mut self.down,
        }
    }
}

/// Entropy that replays a client's first bytes, which hold the keys of an obfuscated connection.
struct Once<'a>(&'a [u8]);

impl Entropy for Once<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        let (now, later) = self.0.split_at_checked(out.len()).ok_or(EntropyFailed)?;
        out.copy_from_slice(now);
        self.0 = later;
        Ok(())
    }
}

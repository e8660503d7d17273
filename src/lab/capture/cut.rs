//! From chunks to frames: the client's first bytes tell how both directions are to be cut.
//!
//! A listener is a server to the client and a client to the server. If the connection is obfuscated, the client's first
//! 64 bytes hold the keys of both streams, so he only has to throw the same dice again.

use super::{Chunk, Connection};
use crate::base::entropy::{Entropy, EntropyFailed};
use crate::base::side::Side;
use crate::base::time::Instant;
use crate::wire::transport::{Frame, FrameError, Framer, Framing, Obfuscated, detect};
use alloc::vec::Vec;
use bytes::BytesMut;

/// A piece of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// When its last byte was heard.
    pub at: Instant,
    /// Who sent it.
    pub from: Side,
    /// What it is.
    pub piece: Piece,
}

/// What a stream is cut into.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Piece {
    /// The client's first bytes: how frames are told apart from here on, and whether under noise.
    Start {
        /// The framing.
        framing: Framing,
        /// Whether AES-256-CTR lies over it.
        is_obfuscated: bool,
    },
    /// A frame.
    Frame(Frame),
    /// Nothing more can be told of this direction.
    Broken(Broken),
}

/// Why a stream cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Broken {
    /// It breaks the rules of the transport, or never was MTProto.
    Frame(FrameError),
    /// The server spoke before the client had said how.
    Early,
    /// Bytes are missing from the recording.
    Gap,
    /// The recording ends before the client has said how.
    Short,
}

/// Cuts both directions of `connection`, in the order in which the pieces were heard to their end.
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
        (true, _) => Some(Broken::Gap),
        (_, false) => Some(Broken::Short),
        _ => None,
    };
    if let (Some(end), Some(&Chunk { at, from, .. })) = (end, connection.chunks.last()) {
        cuts.push(Cut { at, from, piece: Piece::Broken(end) });
    }
    cuts
}

/// The two framers of a connection: what the server would have read, and what the client.
#[derive(Default)]
struct Ears {
    /// The client's first bytes, as long as they do not tell how it speaks.
    start: BytesMut,
    has_started: bool,
    up: Option<Framer>,
    down: Option<Framer>,
}

impl Ears {
    /// Takes a chunk; the first ones of a client tell how to cut the rest.
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
        let is_open = init.is_none_or(|init| framing == Framing::FULL || init.starts_with(framing.preamble()));
        let down = match init {
            Some(init) if !is_open => {
                Obfuscated::connect(framing, None, None, &mut Once(&init)).map(Framer::obfuscated)
            }
            _ => Ok(Framer::new(framing, Side::Client)),
        };
        self.has_started = true;
        self.up = Some(up);
        self.down = Some(down.map_err(|_| Broken::Frame(FrameError::Start))?);
        Ok(Some(Piece::Start { framing, is_obfuscated: !is_open }))
    }

    /// The next whole frame; after an error there is none.
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

/// The dice that a client threw: the keys of an obfuscated connection are in them.
struct Once<'a>(&'a [u8]);

impl Entropy for Once<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        let (now, later) = self.0.split_at_checked(out.len()).ok_or(EntropyFailed)?;
        out.copy_from_slice(now);
        self.0 = later;
        Ok(())
    }
}

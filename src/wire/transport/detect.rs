//! Detection of a client's transport from the first bytes of its connection.
//!
//! ```text
//! ef                           abridged                        after 1 byte
//! eeeeeeee                     intermediate                          4
//! dddddddd                     padded intermediate                   4
//! "HEAD" "POST" "GET " "OPTI" 16030102   HTTP or TLS: refused        4
//! len:4 | 00000000             full: its first frame has number 0    8
//! init:64                      obfuscated                           64
//! ```
//!
//! The patterns do not overlap: an obfuscated client draws `init` again until it matches none of the others.
//!
//! Spec: mtproto/mtproto-transports#transport-obfuscation

use super::{FrameError, Framer, Framing, Obfuscated};
use crate::base::side::Side;
use bytes::BytesMut;
use core::mem;

/// First bytes of other protocols on the same port, which a server must not take for `init`.
pub(super) const FOREIGN: [[u8; 4]; 5] = [*b"HEAD", *b"POST", *b"GET ", *b"OPTI", [0x16, 0x03, 0x01, 0x02]];

/// Returns the server's framer for a connection that started with `start`, or `None` if more bytes are needed.
///
/// Append received bytes to `start` and call again; 64 bytes are always enough. The framer takes the bytes.
///
/// # Errors
/// The bytes match no transport.
pub fn detect(start: &mut BytesMut) -> Result<Option<Framer>, FrameError> {
    if let Some(framing) = plain(start)? {
        return Ok(Some(Framer::heard(framing, mem::take(start))));
    }
    let Some((init, rest)) = start.split_first_chunk() else { return Ok(None) };
    let mut framer = Framer::obfuscated(Obfuscated::accept(init, None)?);
    framer.push(rest);
    start.clear();
    Ok(Some(framer))
}

/// Returns the framing if `start` identifies it; `None` if it is too short or obfuscated.
fn plain(start: &[u8]) -> Result<Option<Framing>, FrameError> {
    if start.first() == Some(&0xef) {
        return Ok(Some(Framing::ABRIDGED));
    }
    match start.first_chunk() {
        Some([0xee, 0xee, 0xee, 0xee]) => return Ok(Some(Framing::INTERMEDIATE)),
        Some([0xdd, 0xdd, 0xdd, 0xdd]) => return Ok(Some(Framing::PADDED_INTERMEDIATE)),
        Some(foreign) if FOREIGN.contains(foreign) => return Err(FrameError::Start),
        _ => {}
    }
    match start.first_chunk() {
        Some([_, _, _, _, 0, 0, 0, 0]) => {
            // The full framing has no preamble. Its first frame has sequence number 0 and a plausible length.
            (Framing::FULL.codec().head)(start, Side::Server).map_err(|_| FrameError::Start)?;
            Ok(Some(Framing::FULL))
        }
        _ => Ok(None),
    }
}

//! The plain message: what both sides speak before they have a key.
//!
//! ```text
//! auth_key_id:8 = 0 | msg_id:8 | len:4 | body:len                   all little-endian
//! ```
//!
//! Servers of today put more bytes after the TL value, inside `len` (the official sample has 88 of them behind
//! `resPQ`), and the padded transport more behind that: both stay unread.
//!
//! Spec: mtproto/description#unencrypted-message

use crate::base::side::Side;
use alloc::vec::Vec;
use core::fmt;

/// Low bits of a server's `msg_id`: every plain message of a server is an answer.
const ANSWER: i64 = 1;

/// A plain message that is well formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plain<'a> {
    /// Seconds since 1970 in the high half, a fraction in the low.
    pub msg_id: i64,
    /// The TL value and, perhaps, more.
    pub body: &'a [u8],
}

/// Writes a plain message.
///
/// ```
/// use nanogram::protocol::handshake::plain;
/// use nanogram::base::side::Side;
/// let wire = plain::seal(5, b"resPQ...");
/// assert_eq!(plain::open(&wire, Side::Server).unwrap().body, b"resPQ...");
/// ```
#[must_use]
pub fn seal(msg_id: i64, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(20 + body.len());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&msg_id.to_le_bytes());
    out.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(body);
    out
}

/// Reads a plain message of `from`.
///
/// # Errors
/// It is none: see [`PlainError`].
pub fn open(frame: &[u8], from: Side) -> Result<Plain<'_>, PlainError> {
    let (auth_key_id, rest) = frame.split_first_chunk::<8>().ok_or(PlainError::Short)?;
    if *auth_key_id != [0; 8] {
        return Err(PlainError::Encrypted);
    }
    let (msg_id, rest) = rest.split_first_chunk().ok_or(PlainError::Short)?;
    let (len, rest) = rest.split_first_chunk().ok_or(PlainError::Short)?;
    let msg_id = i64::from_le_bytes(*msg_id);
    // Nothing hangs on a client's: TDLib sends req_pq_multi as 1 to see whether a server is there, and servers answer.
    if from == Side::Server && msg_id & 3 != ANSWER {
        return Err(PlainError::MsgId);
    }
    // A negative length is one beyond any frame.
    let len = usize::try_from(u32::from_le_bytes(*len)).map_err(|_| PlainError::Length)?;
    let body = rest.get(..len).ok_or(PlainError::Length)?;
    Ok(Plain { msg_id, body })
}

/// Why bytes are no plain message.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainError {
    /// Fewer bytes than a head.
    Short,
    /// An `auth_key_id`: the message is encrypted.
    Encrypted,
    /// The `msg_id` is not one that this side may send.
    MsgId,
    /// `len` is negative or more than there is.
    Length,
}

impl fmt::Display for PlainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "too short for a message",
            Self::Encrypted => "an encrypted message where there is no key yet",
            Self::MsgId => "a msg_id that the other side may not use",
            Self::Length => "a message longer than its frame",
        })
    }
}
impl core::error::Error for PlainError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_truncation_is_refused() {
        let wire = seal(4, b"body");
        assert_eq!(open(&wire, Side::Client).unwrap(), Plain { msg_id: 4, body: b"body" });
        assert!((0..wire.len()).all(|cut| open(&wire[..cut], Side::Client).is_err()));
    }

    #[test]
    fn each_side_has_its_own_ids() {
        for id in 0..16 {
            assert_eq!(open(&seal(id, b""), Side::Server).is_ok(), id % 4 == 1, "{id}");
            assert!(open(&seal(id, b""), Side::Client).is_ok(), "{id}: a server does not look at a client's");
        }
    }
}

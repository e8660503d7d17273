//! Keys on paper: what lets a recording be read, for those who choose to.
//!
//! A recorded connection is noise without its keys. Browsers solve this with `SSLKEYLOGFILE`; this is the same for
//! MTProto. Nothing is written unless the owner of a client hands it a [`KeyLog`], and whoever reads such a log can
//! read, and for as long as the key lives *forge*, everything that was said: it is for one's own tests, with
//! throw-away accounts.
//!
//! ```text
//! MTPROTO_AUTH_KEY  <auth_key_id: 16 hex> <auth_key: 512 hex>      opens what is encrypted
//! MTPROTO_AUTH_KEY  <dc> <auth_key_id: 16 hex> <auth_key: 512 hex> perm|temp    the same, as friTap and others have it
//! MTPROTO_NEW_NONCE <nonce: 32 hex> <new_nonce: 64 hex>            opens the key exchange itself
//! # a comment
//! ```
//!
//! One entry a line, in the order of the wire; lines with other labels are for other readers and passed over.
//!
//! ```
//! use nanogram::crypto::auth_key::AuthKey;
//! use nanogram::protocol::keylog::{Entry, KeyLog, parse};
//! let mut log = String::new(); // a log kept in memory; `()` is the log that keeps nothing
//! log.note(&Entry::AuthKey(AuthKey::from_bytes([7; 256])));
//! assert!(log.starts_with("MTPROTO_AUTH_KEY "));
//! let [Entry::AuthKey(key)] = &parse(&log).unwrap()[..] else { panic!() };
//! assert_eq!(key.as_bytes(), &[7; 256]);
//! ```

use crate::crypto::auth_key::AuthKey;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

const AUTH_KEY: &str = "MTPROTO_AUTH_KEY";
const NEW_NONCE: &str = "MTPROTO_NEW_NONCE";

/// Receiver of keys, for decoding one's own traffic. Nothing is logged by default.
pub trait KeyLog {
    /// Takes one entry.
    fn note(&mut self, entry: &Entry);
}

/// Nobody.
impl KeyLog for () {
    fn note(&mut self, _: &Entry) {}
}

/// Lines in memory.
impl KeyLog for String {
    fn note(&mut self, entry: &Entry) {
        let _ = writeln!(self, "{entry}"); // a String takes everything
    }
}

/// One line of a key log. `Display` prints the secret, `Debug` does not.
#[derive(Clone)]
#[non_exhaustive]
pub enum Entry {
    /// A key that was agreed on, or loaded.
    AuthKey(AuthKey),
    /// A key of a data centre, and which of the two kinds it is.
    DcKey {
        /// The data centre's number.
        dc: i32,
        /// The key.
        key: AuthKey,
        /// True for a temporary key of forward secrecy.
        is_temporary: bool,
    },
    /// The client's secret of one key exchange, which the open `nonce` names.
    NewNonce {
        /// Sent openly with every message of the exchange.
        nonce: [u8; 16],
        /// Hidden by RSA, and what hides the rest of the exchange.
        new_nonce: [u8; 32],
    },
}

impl Entry {
    /// Reads a line; `None` if it has another label.
    ///
    /// # Errors
    /// It has the label and not what belongs behind it, or the key is not the one that its id says.
    pub fn parse(line: &str) -> Result<Option<Self>, BadEntry> {
        let mut words = line.split_ascii_whitespace();
        let mut next = || words.next();
        let entry = match next() {
            Some(AUTH_KEY) => {
                let mut word = next().ok_or(BadEntry)?;
                // An id has 16 digits, the number of a data centre fewer.
                let dc: Option<i32> = if word.len() < 16 { Some(word.parse().map_err(|_| BadEntry)?) } else { None };
                if dc.is_some() {
                    word = next().ok_or(BadEntry)?;
                }
                let id: [u8; 8] = unhex_array(word).ok_or(BadEntry)?;
                let key = AuthKey::from_bytes(next().and_then(unhex_array).ok_or(BadEntry)?);
                if key.id() != id {
                    return Err(BadEntry);
                }
                match dc {
                    None => Self::AuthKey(key),
                    Some(dc) => {
                        let is_temporary = match next() {
                            Some("perm") => false,
                            Some("temp") => true,
                            _ => return Err(BadEntry),
                        };
                        Self::DcKey { dc, key, is_temporary }
                    }
                }
            }
            Some(NEW_NONCE) => Self::NewNonce {
                nonce: next().and_then(unhex_array).ok_or(BadEntry)?,
                new_nonce: next().and_then(unhex_array).ok_or(BadEntry)?,
            },
            _ => return Ok(None),
        };
        if next().is_some() { Err(BadEntry) } else { Ok(Some(entry)) }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthKey(key) => write!(f, "{AUTH_KEY} {} {}", Hex(&key.id()), Hex(key.as_bytes())),
            Self::DcKey { dc, key, is_temporary } => {
                let kind = if *is_temporary { "temp" } else { "perm" };
                write!(f, "{AUTH_KEY} {dc} {} {} {kind}", Hex(&key.id()), Hex(key.as_bytes()))
            }
            Self::NewNonce { nonce, new_nonce } => write!(f, "{NEW_NONCE} {} {}", Hex(nonce), Hex(new_nonce)),
        }
    }
}
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthKey(key) | Self::DcKey { key, .. } => key.fmt(f),
            Self::NewNonce { nonce, .. } => write!(f, "NewNonce(nonce={})", Hex(nonce)),
        }
    }
}

/// All the entries of a log.
///
/// # Errors
/// The number of the first line, from 1, that has a label of ours and cannot be read.
pub fn parse(text: &str) -> Result<Vec<Entry>, BadLine> {
    let lines = (1..).zip(text.lines());
    lines.filter_map(|(number, line)| Entry::parse(line).map_err(|BadEntry| BadLine(number)).transpose()).collect()
}

/// A line that has the label of an entry and cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadEntry;

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry of a key log that cannot be read, or a key with the id of another")
    }
}
impl core::error::Error for BadEntry {}

/// Such a line, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadLine(pub usize);

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {BadEntry}", self.0)
    }
}
impl core::error::Error for BadLine {}

/// Bytes, printed as hex.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The bytes that hex stands for.
#[cfg(feature = "tools")]
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(byte).collect()
}

fn unhex_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != N {
        return None;
    }
    let mut out = [0; N];
    for (to, pair) in out.iter_mut().zip(pairs) {
        *to = byte(pair)?;
    }
    Some(out)
}

fn byte(pair: &[u8; 2]) -> Option<u8> {
    let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    const ID: &str = "32d1586ea457dfc8"; // as in the doc of AuthKey

    fn log() -> String {
        let mut log = String::from("# made up\n");
        log.note(&Entry::AuthKey(AuthKey::from_bytes(core::array::from_fn(|i| i as u8))));
        log.push_str("\nCLIENT_RANDOM 00 11\n");
        log.note(&Entry::NewNonce { nonce: [1; 16], new_nonce: [2; 32] });
        ().note(&Entry::NewNonce { nonce: [1; 16], new_nonce: [2; 32] });
        log
    }

    #[test]
    fn what_is_noted_is_read_again() {
        let log = log();
        let entries = parse(&log).unwrap();
        let [Entry::AuthKey(key), Entry::NewNonce { nonce, new_nonce }] = &entries[..] else { panic!("{entries:?}") };
        assert_eq!(key.as_bytes()[255], 255);
        assert_eq!((nonce, new_nonce), (&[1; 16], &[2; 32]));
        assert!(log.contains(&std::format!("MTPROTO_AUTH_KEY {ID} 000102")));
    }

    #[test]
    fn a_line_of_other_programs_is_read_and_written() {
        let key = AuthKey::from_bytes(core::array::from_fn(|i| i as u8));
        for (is_temporary, kind) in [(false, "perm"), (true, "temp")] {
            let line = Entry::DcKey { dc: 2, key: key.clone(), is_temporary }.to_string();
            assert!(line.starts_with(&std::format!("MTPROTO_AUTH_KEY 2 {ID} 000102")) && line.ends_with(kind));
            let read = parse(&line).unwrap();
            let [Entry::DcKey { dc: 2, key: again, is_temporary: temporary }] = &read[..] else { panic!("{read:?}") };
            assert_eq!((again.as_bytes(), *temporary), (key.as_bytes(), is_temporary));
            for by in ["", "other", "temp temp"] {
                assert_eq!(parse(&line.replace(kind, by)).unwrap_err(), BadLine(1), "{by}");
            }
        }
    }

    #[test]
    fn no_secret_is_printed_by_accident() {
        let shown = std::format!("{:?}", parse(&log()).unwrap());
        assert_eq!(shown, std::format!("[AuthKey(id={ID}), NewNonce(nonce={})]", "01".repeat(16)));
    }

    #[test]
    fn a_damaged_line_is_named_and_a_strange_one_is_not() {
        for (damage, by) in [("MTPROTO_AUTH_KEY 3", "MTPROTO_AUTH_KEY 4"), ("fdfeff", "fdfef"), ("fdfeff", "fdfeff 00")]
        {
            assert_eq!(parse(&log().replace(damage, by)).unwrap_err(), BadLine(2), "{by}");
        }
        assert_eq!(parse(&log().replace("MTPROTO_AUTH_KEY", "MTPROTO_AUTH")).unwrap().len(), 1);
        for cut in 0..log().len() {
            let _ = parse(&log()[..cut]);
        }
    }
}

//! State of signing in: codes, QR tokens, tickets and passwords that are pending, and the source of randomness.

use super::log::Entry;
use super::types::{App, bad};
use crate::base::entropy::{Entropy, EntropyFailed};
use crate::crypto::srp::Kdf;
use crate::lab::server::srp::{Challenge, Verifier};
use crate::protocol::session::RpcError;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A code is good for so many seconds.
pub const CODE_LIFETIME: i32 = 300;
/// After so many wrong codes another must be asked for.
pub const MAX_WRONG: u32 = 5;

/// Pending logins and the random generator. `Debug` prints no secrets.
pub(super) struct Desk {
    pub(super) well: Well,
    /// DC of each user who does not live in the first one.
    pub(super) homes: BTreeMap<i64, i32>,
    pub(super) passwords: BTreeMap<i64, Password>,
    /// Accounts that receive login codes by e-mail, with the pattern of the address.
    pub(super) mails: BTreeMap<i64, String>,
    pub(super) codes: VecDeque<Sent>,
    pub(super) questions: VecDeque<Question>,
    pub(super) qr: VecDeque<Qr>,
    pub(super) tickets: VecDeque<Ticket>,
    /// Future auth tokens: logging in again with one needs no code.
    pub(super) spared: VecDeque<(Vec<u8>, i64)>,
    /// Entries for the log.
    pub(super) entries: Vec<Entry>,
    /// Keys whose owners must be notified about their QR codes.
    pub(super) nudges: Vec<[u8; 8]>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("homes", &self.homes).finish_non_exhaustive()
    }
}

/// Deterministic random generator: SHA-256 of the world's seed and a counter.
pub(super) struct Well {
    pub(super) seed: [u8; 32],
    pub(super) count: u64,
}

impl Entropy for Well {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        for chunk in out.chunks_mut(32) {
            let hash =
                Sha256::new().chain_update(b"well").chain_update(self.seed).chain_update(self.count.to_le_bytes());
            self.count = self.count.wrapping_add(1);
            for (out, byte) in chunk.iter_mut().zip(hash.finalize()) {
                *out = byte;
            }
        }
        Ok(())
    }
}

impl Well {
    /// Draws `N` random bytes.
    pub(super) fn draw<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        // Hashing cannot fail.
        let _ = self.fill(&mut out);
        out
    }
}

/// A login code that was sent.
pub(super) struct Sent {
    pub(super) phone: String,
    pub(super) hash: String,
    pub(super) code: String,
    pub(super) at: i32,
    pub(super) wrong: u32,
    /// Number of times it was sent again.
    pub(super) resent: usize,
    /// Pattern of the e-mail address it was sent to.
    pub(super) mail: Option<String>,
}

/// A login token shown as a QR code.
pub(super) struct Qr {
    pub(super) token: [u8; 32],
    /// Auth key of the client that shows it; `None` once the login moved to another DC.
    pub(super) key: Option<[u8; 8]>,
    pub(super) app: Option<App>,
    pub(super) expires: i32,
    /// User who accepted it.
    pub(super) accepted: Option<i64>,
}

/// Exported authorization from one DC to another.
pub(super) struct Ticket {
    pub(super) user: i64,
    pub(super) to: i32,
    pub(super) bytes: [u8; 64],
    pub(super) expires: i32,
}

impl Desk {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self {
            well: Well { seed, count: 0 },
            homes: BTreeMap::new(),
            passwords: BTreeMap::new(),
            mails: BTreeMap::new(),
            codes: VecDeque::new(),
            questions: VecDeque::new(),
            qr: VecDeque::new(),
            tickets: VecDeque::new(),
            spared: VecDeque::new(),
            entries: Vec::new(),
            nudges: Vec::new(),
        }
    }

    /// The login code for this hash, if it is still valid for this phone number.
    pub(super) fn sent(&mut self, now: i32, phone: &str, hash: &str) -> Result<&mut Sent, RpcError> {
        if hash.is_empty() {
            return Err(bad("PHONE_CODE_HASH_EMPTY"));
        }
        self.codes.retain(|sent| now.saturating_sub(sent.at) < CODE_LIFETIME && sent.wrong < MAX_WRONG);
        let sent = self.codes.iter_mut().find(|sent| sent.hash == hash && sent.phone == phone);
        sent.ok_or_else(|| bad("PHONE_CODE_EXPIRED"))
    }
}

/// Two-step verification password of an account.
pub(super) enum Password {
    /// Plain text as set; the slow key derivation is deferred until first use.
    Chosen(Zeroizing<String>),
    /// Verifier, once derived.
    Kept(Box<Kept>),
}

pub(super) struct Kept {
    pub(super) kdf: Kdf,
    pub(super) salts: [[u8; 16]; 2],
    pub(super) verifier: Verifier,
}

/// A pending SRP challenge.
pub(super) struct Question {
    pub(super) srp_id: i64,
    pub(super) user: i64,
    pub(super) challenge: Challenge,
}

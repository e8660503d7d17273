//! Recording of the traffic of a listener, for [`capture`](crate::lab::capture).

use super::Listener;
use crate::base::side::Side;
use crate::base::time::Instant;
use crate::crypto::auth_key::AuthKey;
use crate::lab::capture::json::{appended_chunk, appended_connection, appended_key};
use crate::lab::capture::{Chunk, Connection, Recording};
use crate::lab::dc::types::ConnId;
use crate::protocol::keylog::{Entry, KeyLog};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use bytes::Bytes;

/// Maximum size of the recording in bytes; each chunk, key and connection counts 256 bytes extra.
pub const MAX_RECORDED: usize = 64 << 20;
/// Size in bytes after which [`Listener::poll_recorded`] leaves the remaining entries to the next call.
const MAX_POLLED: usize = 1 << 20;
/// Upper estimate of the overhead of a chunk or connection, in bytes.
const EACH: usize = 256;

/// The recording so far.
#[derive(Debug, Default)]
pub(super) struct Tape {
    recording: Recording,
    /// Index of each open connection in the recording.
    places: BTreeMap<ConnId, usize>,
    used: usize,
    is_full: bool,
    /// Entries that [`Listener::poll_recorded`] has not returned yet.
    fresh: VecDeque<Fresh>,
    /// True if the first entry was returned.
    is_begun: bool,
    /// Number of the server's keys at the last check.
    keys_seen: Option<u64>,
}

/// Entry of the recording that was not returned yet.
#[derive(Debug)]
enum Fresh {
    Key([u8; 8]),
    Connection(usize),
    Chunk(usize, usize),
}

impl Tape {
    pub(super) fn opened(&mut self, id: ConnId, name: String) {
        if self.takes(name.len()) {
            let place = self.recording.connections.len();
            self.places.insert(id, place);
            self.fresh.push_back(Fresh::Connection(place));
            self.recording.connections.push(Connection { name, ..Connection::default() });
        }
    }

    pub(super) fn heard(&mut self, id: ConnId, at: Instant, from: Side, bytes: Bytes) {
        let place = self.places.get(&id).copied().filter(|_| !bytes.is_empty() && self.takes(bytes.len()));
        if let Some((place, connection)) = place.and_then(|at| Some((at, self.recording.connections.get_mut(at)?))) {
            self.fresh.push_back(Fresh::Chunk(place, connection.chunks.len()));
            connection.chunks.push(Chunk { at, from, bytes });
        }
    }

    pub(super) fn closed(&mut self, id: ConnId) {
        self.places.remove(&id);
    }

    fn note(&mut self, key: &AuthKey) {
        if self.recording.secrets.key(key.id()).is_none() && self.takes(0) {
            self.recording.secrets.note(&Entry::AuthKey(key.clone()));
            self.fresh.push_back(Fresh::Key(key.id()));
        }
    }

    fn entry(&self, fresh: &Fresh) -> Option<serde_json::Value> {
        Some(match *fresh {
            Fresh::Key(id) => appended_key(self.recording.secrets.key(id)?),
            Fresh::Connection(at) => appended_connection(at, &self.recording.connections.get(at)?.name),
            Fresh::Chunk(at, chunk) => appended_chunk(at, self.recording.connections.get(at)?.chunks.get(chunk)?),
        })
    }

    /// Returns true if `len` more bytes fit. Once one entry does not fit, none does: a recorded stream has no holes.
    fn takes(&mut self, len: usize) -> bool {
        self.used = self.used.saturating_add(len).saturating_add(EACH);
        self.is_full |= self.used > MAX_RECORDED;
        !self.is_full
    }
}

impl Listener {
    /// Starts recording all connections opened from now on, up to [`MAX_RECORDED`] bytes.
    pub fn record(&mut self) {
        self.tape.get_or_insert_default();
    }

    /// The recording, with every auth key that decrypts it and the server's RSA keys. `None` without
    /// [`Listener::record`].
    pub fn recording(&mut self) -> Option<&Recording> {
        self.note_keys();
        self.tape.as_ref().map(|tape| &tape.recording)
    }

    /// JSON lines recorded since the last call, about a mebibyte at a time; `None` if there is nothing new. The
    /// first line is a recording without connections; all lines concatenated are a complete recording for
    /// [`Recording::read`].
    pub fn poll_recorded(&mut self) -> Option<String> {
        self.note_keys();
        let tape = self.tape.as_mut()?;
        let mut lines = String::new();
        if !core::mem::replace(&mut tape.is_begun, true) {
            let mut head = Recording::default();
            self.dc.keys.iter().for_each(|key| head.secrets.add_rsa(key.clone()));
            lines = head.to_json().to_string() + "\n";
        }
        while lines.len() < MAX_POLLED
            && let Some(fresh) = tape.fresh.pop_front()
        {
            if let Some(entry) = tape.entry(&fresh) {
                lines += &entry.to_string();
                lines.push('\n');
            }
        }
        (!lines.is_empty()).then_some(lines)
    }

    /// Returns true if the recording is full and traffic was left out.
    pub fn is_recording_full(&self) -> bool {
        self.tape.as_ref().is_some_and(|tape| tape.is_full)
    }

    /// Records the key with this id now: it may be gone when the recording is requested.
    pub(super) fn note_key(&mut self, id: [u8; 8]) {
        if let (Some(tape), Some(key)) = (&mut self.tape, self.dc.auth.key(id)) {
            tape.note(key);
        }
    }

    /// Records keys that were added without a log entry.
    fn note_keys(&mut self) {
        let Some(tape) = &mut self.tape else { return };
        let count = Some(self.dc.auth.count());
        if tape.keys_seen != count {
            tape.keys_seen = count;
            self.dc.auth.keys().for_each(|key| tape.note(key));
        }
        if !tape.recording.secrets.has_rsa() {
            self.dc.keys.iter().for_each(|key| tape.recording.secrets.add_rsa(key.clone()));
        }
    }
}

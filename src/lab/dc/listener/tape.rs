//! What passes through a listener, kept for [`capture`](crate::lab::capture).

use super::Listener;
use crate::base::side::Side;
use crate::base::time::Instant;
use crate::lab::capture::{Chunk, Connection, Recording};
use crate::lab::dc::log::ConnId;
use crate::protocol::keylog::{Entry, KeyLog};
use alloc::collections::BTreeMap;
use alloc::string::String;
use bytes::Bytes;

/// The most bytes kept of all connections together; each chunk and each connection counts for 256 more.
pub const MAX_RECORDED: usize = 64 << 20;
/// What a chunk or a connection takes beside its bytes, and more.
const EACH: usize = 256;

/// The recording, as far as it is.
#[derive(Debug, Default)]
pub(super) struct Tape {
    recording: Recording,
    /// Where in the recording each open connection is.
    places: BTreeMap<ConnId, usize>,
    used: usize,
    is_full: bool,
}

impl Tape {
    pub(super) fn opened(&mut self, id: ConnId, name: String) {
        if self.takes(name.len()) {
            self.places.insert(id, self.recording.connections.len());
            self.recording.connections.push(Connection { name, ..Connection::default() });
        }
    }

    pub(super) fn heard(&mut self, id: ConnId, at: Instant, from: Side, bytes: Bytes) {
        let place = self.places.get(&id).copied().filter(|_| !bytes.is_empty() && self.takes(bytes.len()));
        if let Some(connection) = place.and_then(|place| self.recording.connections.get_mut(place)) {
            connection.chunks.push(Chunk { at, from, bytes });
        }
    }

    pub(super) fn closed(&mut self, id: ConnId) {
        self.places.remove(&id);
    }

    /// Whether there is room for so much; once there was none, there is none for anything, or a stream would have holes.
    fn takes(&mut self, len: usize) -> bool {
        self.used = self.used.saturating_add(len).saturating_add(EACH);
        self.is_full |= self.used > MAX_RECORDED;
        !self.is_full
    }
}

impl Listener {
    /// Keeps what is said on every connection that begins from now on, until [`MAX_RECORDED`] bytes are kept.
    pub fn record(&mut self) {
        self.tape.get_or_insert_default();
    }

    /// What was kept, with every key of the data centre that opens it, its RSA keys among them. Without
    /// [`Listener::record`] there is none.
    pub fn recording(&mut self) -> Option<&Recording> {
        let tape = self.tape.as_mut()?;
        let secrets = &mut tape.recording.secrets;
        self.dc.auth.keys().for_each(|key| secrets.note(&Entry::AuthKey(key.clone())));
        if !secrets.has_rsa() {
            self.dc.keys.iter().for_each(|key| secrets.add_rsa(key.clone()));
        }
        Some(&tape.recording)
    }

    /// Whether more was said than is kept.
    pub fn is_recording_full(&self) -> bool {
        self.tape.as_ref().is_some_and(|tape| tape.is_full)
    }

    /// Notes the key of this id, which may be gone when the recording is asked for.
    pub(super) fn note_key(&mut self, id: [u8; 8]) {
        if let (Some(tape), Some(key)) = (&mut self.tape, self.dc.auth.keys().find(|key| key.id() == id)) {
            tape.recording.secrets.note(&Entry::AuthKey(key.clone()));
        }
    }
}

//! Progress of binding the temporary key.

use crate::base::time::Instant;
use crate::client::Options;
use crate::protocol::connection::TemporaryKey;
use crate::protocol::session::RpcError;
use crate::telegram::store::state::State;

/// Progress of the binding of the temporary key.
#[derive(Debug, Default)]
pub(super) struct Binding {
    /// Key to bind.
    pub(super) key: Option<TemporaryKey>,
    /// Refusals since a key was bound.
    pub(super) failures: u32,
    /// Flood waits since a key was bound.
    pub(super) pauses: u32,
    /// End of the flood wait that the server asked for, and its error.
    pub(super) flood: Option<(Instant, RpcError)>,
    /// Last time at which the permanent key was known to be good, in seconds since 1970 by the server's clock: a
    /// binding, or an answer under it.
    pub(super) good_at: Option<i32>,
}

impl Binding {
    /// Creates the state for data centre `dc` from the saved keys.
    pub(super) fn new(options: &Options, state: &State, dc: u8) -> Self {
        let bound = state.keys.get(&dc).and_then(|key| key.temporary.as_ref());
        let good_at = bound.zip(options.temporary).map(|(key, lifetime)| key.expires_at.saturating_sub(lifetime));
        Self { good_at, ..Self::default() }
    }
}

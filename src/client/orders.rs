//! Orders from the handle to the driver, and the answers.

use super::Error;
use bytes::Bytes;
use tokio::sync::oneshot;

/// Outcome of a call.
pub(super) struct Answer {
    pub(super) result: Result<Bytes, Error>,
    /// True if an earlier copy was sent whose fate is unknown: the server may have executed the call then.
    pub(super) in_doubt: bool,
}

/// Tells the migration if the other data centre was reached.
pub(super) type Moved = oneshot::Sender<Result<(), Error>>;

/// Call on its way to the driver. No `Debug`: the body may hold a secret.
pub(super) struct Order {
    pub(super) body: Bytes,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// Order that takes precedence over calls.
pub(super) enum Control {
    /// Connect to another data centre. Until `Settled`, only the calls of this channel are made.
    Move { to: u8, reply: Moved },
    /// Call that belongs to the migration.
    Call(Order),
    /// The migration is complete.
    Settled,
    /// Asks for proof that the server knows the permanent key.
    Prove(oneshot::Sender<bool>),
}

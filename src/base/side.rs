//! Client or server: the direction of a message.

/// One end of a connection.
///
/// MTProto is the same in both directions except for a few constants that depend on the sender: `x` in the key
/// derivation, the low bits of a `msg_id`, and the end that sends the transport header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that connects.
    Client,
    /// The data centre.
    Server,
}

impl Side {
    /// Returns the other end.
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

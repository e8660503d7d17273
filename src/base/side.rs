//! Who speaks: MTProto is the same in both directions but for a few constants.

/// One end of a connection.
///
/// What the two directions do not share is picked by this value: `x` of the key derivation, the low bits of a
/// `msg_id`, who may greet first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one that connects.
    Client,
    /// The data centre.
    Server,
}

impl Side {
    /// The other end.
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

//! Bytes on the wire: transports, and the constructors of MTProto itself.

pub mod mt;
pub mod transport;

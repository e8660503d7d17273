//! Bytes on the wire: transports, message ids, and the constructors of MTProto itself.

pub mod msg_id;
pub mod mt;
pub mod transport;

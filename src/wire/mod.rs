//! Wire formats: transports, message ids, and MTProto's own TL constructors.

pub mod msg_id;
pub mod mt;
pub mod transport;

//! Wire formats: transports and MTProto's own TL constructors.

pub mod mt;
pub mod transport;

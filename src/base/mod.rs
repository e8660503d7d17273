//! Ground floor: time, entropy, checksums, escaping. No protocol.

pub mod crc;
pub mod entropy;
pub mod escape;
#[cfg(feature = "client")]
pub mod private;
pub mod side;
pub mod time;

//! Building blocks without protocol knowledge: time, entropy, checksums, escaping.

pub mod crc;
pub mod entropy;
pub mod escape;
#[cfg(feature = "client")]
pub mod private;
pub mod side;
pub mod time;

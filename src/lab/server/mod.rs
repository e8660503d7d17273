//! Server halves of the protocol: key exchange and its faults, RSA private keys, sessions, key binding, password checks.

pub mod bind;
pub mod handshake;
mod judge;
pub mod lies;
pub mod rsa;
mod salts;
mod sent;
pub mod session;
pub mod srp;

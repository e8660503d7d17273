//! Server halves of the protocol, for the test data centre and for tests of clients.

pub mod bind;
pub mod handshake;
mod judge;
pub mod lies;
pub mod rsa;
mod salts;
mod sent;
pub mod session;
pub mod srp;

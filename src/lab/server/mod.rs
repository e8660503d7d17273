//! Server halves of the protocol, for the test data centre and for tests of clients.

pub mod bind;
mod judge;
mod salts;
mod sent;
pub mod session;

//! Client state machines: key exchange, session, connection. No clock, no socket.

pub mod connection;
pub mod handshake;
pub mod keylog;
pub mod session;

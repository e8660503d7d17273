//! The client over TCP, against the test server.

mod errors;
mod hints;
mod login;
mod loopback;
mod moves;
#[path = "../support/mod.rs"]
mod support;
mod trouble;

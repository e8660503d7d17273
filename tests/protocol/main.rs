//! The protocol without sockets: numbers, TL, sessions, connections.

mod doubt;
mod links;
mod schema;
mod session_model;
mod session_vectors;
mod simulation;
#[path = "../support/mod.rs"]
mod support;
mod vectors_crypto;
mod vectors_numbers;
mod vectors_tl;
mod vectors_used;

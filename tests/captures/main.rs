//! Recordings of other clients, decoded and replayed.

mod real_clients;
mod recordings;
#[path = "../support/mod.rs"]
mod support;

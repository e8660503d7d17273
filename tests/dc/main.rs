//! The test data centre as clients see it.

mod layers;
mod login;
mod serving;
#[path = "../support/mod.rs"]
mod support;
mod world;

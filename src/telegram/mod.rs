//! Telegram above the protocol: API constructors, data centres, links, sign-in and start as pure logic.

pub mod api;
pub mod dcs;
#[cfg(any(feature = "client", feature = "ffi"))]
pub mod hints;
pub mod link;
pub mod login;
pub mod start;
pub mod store;

//! Telegram on top of MTProto: API types, data centres, links, sign-in and bot starts, all without I/O.

pub mod api;
pub mod dcs;
#[cfg(any(feature = "client", feature = "ffi"))]
pub mod hints;
pub mod link;
pub mod login;
pub mod start;
pub mod store;

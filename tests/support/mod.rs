//! Support for the tests. A binary that lacks a feature of the library lacks the modules that need it.

#[cfg(feature = "dc")]
pub(crate) mod faults;
#[cfg(all(feature = "tools", feature = "dc"))]
pub(crate) mod recordings;
#[cfg(all(feature = "client", feature = "dc"))]
pub(crate) mod server;
pub(crate) mod session;
#[cfg(feature = "dc")]
pub(crate) mod simulated;

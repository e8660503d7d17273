//! Laboratory: test server, faults, captures, fuzz bodies. The protocol modules never depend on it.

#[cfg(feature = "tools")]
pub mod capture;
#[cfg(feature = "dc")]
pub mod dc;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzz;
#[cfg(feature = "fuzzing")]
pub mod numbers;
#[cfg(feature = "dc")]
pub mod server;

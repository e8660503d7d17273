//! Telegram's MTProto 2.0, from the socket's bytes to a started bot, written from scratch.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation
    )
)]

extern crate alloc;
#[cfg(any(test, feature = "client", feature = "fuzzing"))]
extern crate std;

// Floor 0: what the rest is made of. `tl` and `crypto` do not know each other.
pub mod crc;
pub mod crypto;
pub mod entropy;
pub mod side;
pub mod time;
pub mod tl;
// Floor 1: the constructors, how packets are cut from a stream, and what stands on nothing but floor 0.
pub mod api;
pub mod dcs;
pub mod link;
pub mod mt;
pub mod transport;
// Floor 2: the machines.
pub mod handshake;
pub mod session;
// Floor 3: what an application holds.
pub mod connection;
pub mod keylog;
pub mod store;
// Floor 4: pure pieces of the jobs.
#[cfg(feature = "tools")]
pub mod capture;
pub mod login;
pub mod start;
// Floor 5: the world.
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "dc")]
pub mod dc;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
